"""The certificate: what was proved about which network and data, and what a checker needs to see it too."""

from __future__ import annotations

import functools
import io
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as package_files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from verify.arrays import Ball
from verify.certificates.catalogue import inequality
from verify.certificates.display import as_html, as_rich
from verify.certificates.drawing import figure_of
from verify.certificates.encoding import Arrays, canonical, decode, encode, sha256
from verify.certificates.networks import network_document, read_network_document
from verify.certificates.storage import DOCUMENT, read_files, write_files
from verify.certificates.witness import require_shape
from verify.errors import InputError, NotCertainError, NotProvedError, ShapeError
from verify.files import parse_json
from verify.networks.model import DataSet
from verify.networks.problem import Problem
from verify.networks.sgd import SGD

__all__ = ["FORMAT", "VERSION", "Certificate", "Relation", "Scope", "Step", "Verdict", "schema"]

FORMAT = "lplr-verify certificate"
VERSION = 2
"""Version of the file format; chains of fully connected layers are still written in version 1."""

Scope = Literal["point", "ball", "run", "exact", "basin", "region"]
Verdict = Literal["PROVED", "REFUTED", "INCONCLUSIVE"]
Relation = Literal["<", "<=", ">", ">="]

_TOOLS = ("lplr-verify", "numpy", "torch", "sympy", "mpmath", "python-flint")


def schema() -> dict[str, Any]:
    """Return the published JSON Schema of certificate.json, either version, as a document."""
    text = package_files("verify.certificates").joinpath("certificate.schema.json").read_text("utf-8")
    result: dict[str, Any] = json.loads(text)
    return result


@functools.cache
def _validator() -> Any:
    """The schema's validator, made once: checking the schema itself costs ten times a document."""
    import jsonschema

    published = schema()
    kind = jsonschema.validators.validator_for(published)
    kind.check_schema(published)
    return kind(published)


def _validate(document: Any, what: str) -> None:
    """Refuse a document that breaks the schema; say where, and how."""
    from jsonschema.exceptions import best_match

    # The first alone: a hostile document may have millions.
    first = next(_validator().iter_errors(document), None)
    if first is not None:
        error = best_match([first])
        raise InputError(f"{what} does not follow the schema at {error.json_path[:100]}: {error.message[:300]}")


@dataclass(frozen=True)
class Step:
    """One inequality of a chain, `left` `relation` `right`, between scalar enclosures.

    Attributes:
        name: what it says. claim: canonical id of the claim it belongs to. source: the inequality in symbols; of a certificate's step that of
            verify.certificates.catalogue, never one read back from a file.
    """

    name: str
    claim: str
    left: Ball
    relation: Relation
    right: Ball
    source: str

    @classmethod
    def listed(cls, name: str, claim: str, left: Ball, relation: Relation, right: Ball) -> Step:
        """Return a step that certificates may hold, in the catalogue's words; InputError where there is no such step."""
        return cls(name, claim, left, relation, right, inequality(name, claim))

    def renamed(self, name: str) -> Step:
        """Return the same inequality under another listed name."""
        return replace(self, name=name, source=inequality(name, self.claim))

    @property
    def margin(self) -> Ball:
        """Enclosure of how far the inequality is from failing; negative when it fails."""
        return self.right - self.left if self.relation in ("<", "<=") else self.left - self.right

    @property
    def certain(self) -> bool:
        """Whether the inequality holds for all real numbers in the two balls."""
        left, right = (self.left, self.right) if self.relation in ("<", "<=") else (self.right, self.left)
        try:
            return bool(left < right if self.relation in ("<", ">") else left <= right)
        except NotCertainError:
            return False

    def __str__(self) -> str:
        """One line with the decision."""
        decision = "certain" if self.certain else "not certain"
        return f"{self.name}: {self.left} {self.relation} {self.right} ({decision})"


@dataclass(frozen=True, repr=False)
class Certificate:
    """A verdict with everything that supports it.

    Attributes:
        scope: 'point', 'ball', 'run', 'exact', 'basin' or 'region'. verdict: 'PROVED', 'REFUTED' or 'INCONCLUSIVE'.
        reason: one sentence in words.
        problem: network, data, loss, step.
        constants: name → enclosure (Ball), exact number or None; public names that do not change.
        margins: name → enclosure of the room an inequality leaves.
        steps: the chain of inequalities.
        witness: what a checker needs; nested mappings and lists of exact numbers and float64 arrays.
        observed: floating-point observations, never rigorous, never checked.
        tools: versions of what produced it.
    """

    scope: Scope
    verdict: Verdict
    reason: str
    problem: Problem
    constants: Mapping[str, Any]
    margins: Mapping[str, Ball]
    steps: tuple[Step, ...]
    witness: Mapping[str, Any]
    observed: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=lambda: tool_versions(), compare=False)

    def __post_init__(self) -> None:
        """Leave out of a proof what overflowed: an infinite bound states nothing, and no checker reads one."""
        if self.verdict == "INCONCLUSIVE":
            return
        known = {name: None if _overflowed(value) else value for name, value in self.constants.items()}
        object.__setattr__(self, "constants", known)
        for name in ("margins", "observed"):
            kept = {key: value for key, value in getattr(self, name).items() if not _overflowed(value)}
            object.__setattr__(self, name, kept)
        steps = tuple(step for step in self.steps if not (_overflowed(step.left) or _overflowed(step.right)))
        object.__setattr__(self, "steps", steps)

    @classmethod
    def undecided(
        cls,
        scope: Scope,
        reason: str,
        problem: Problem,
        constants: Mapping[str, Any],
        observed: Mapping[str, Any] = MappingProxyType({}),
    ) -> Certificate:
        """Return an INCONCLUSIVE certificate where no chain of inequalities was reached; arguments as the attributes of that name."""
        return cls(
            scope, "INCONCLUSIVE", reason, problem, constants, margins={}, steps=(), witness={}, observed=observed
        )

    @property
    def claim(self) -> str:
        """Canonical id of the statement."""
        if self.verdict == "REFUTED":
            return "zero_loss_unreachable"
        if self.scope == "point":
            return "pl_from_ntk"
        if self.scope == "region" and "region" in self.witness:
            return "enclosing_ball"
        form = self.witness.get("certified_by")
        if form is None and isinstance(self.witness.get("handover"), Mapping):
            form = self.witness["handover"].get("certified_by")
        if self.problem.descent is not None and form:
            return self.problem.descent.claim
        long = "_long" if self.constants.get("path_share") is not None else ""
        return f"containment_{form}{long}" if form else "none"

    @property
    def numbers(self) -> dict[str, float]:
        """Each constant as one double, at the end that stays true (see :func:`verify.certificates.wording.numbers`)."""
        from verify.certificates.wording import numbers

        return numbers(self)

    @property
    def proved(self) -> bool:
        """Whether the statement of the scope is proved."""
        return self.verdict == "PROVED"

    def __bool__(self) -> bool:
        """Refuse: a verdict of three values is no truth value."""
        raise TypeError("a certificate has three verdicts and no truth value; use .proved, or compare .verdict")

    def require(self) -> Certificate:
        """Return this certificate if it is PROVED.

        Raises:
            NotProvedError: it is not; the message says why.
        """
        if not self.proved:
            raise NotProvedError(f"{self.verdict} (scope {self.scope}): {self.reason}")
        return self

    def matches(self, model: Any, X: Any, y: Any) -> bool:
        """Whether the certificate is about this network and these data, number by number (a changed network's old certificate is not)."""
        return self.mismatch(model, X, y) is None

    def mismatch(self, model: Any = None, X: Any = None, y: Any = None) -> str | None:
        """Say where the network or the data given differ from those of the certificate; None if nowhere.

        Args:
            model: as for :func:`verify.certify`; None compares no network. For scope `run` the parameters may also be those of the
                hand-over, where the proved region lies.
            X, y: as for :func:`verify.certify`; None for both compares no data.
        """
        from verify.certificates.comparison import difference

        handover = self.witness.get("handover") if self.scope == "run" else None
        end = None if handover is None else self.witness["checkpoints"][handover["checkpoint"]]["parameters"]
        return difference(self.problem, end, model, X, y)

    def save(self, path: str | Path) -> Path:
        """Write the certificate to `path`: a zip when the name ends with .zip, a directory otherwise; atomic.

        Equal certificates give equal bytes. Returns `path`.

        Raises:
            InputError, DtypeError, NonFiniteError: the format cannot hold it, or `path` is something else.
        """
        arrays = Arrays()
        document = self._document(arrays)
        document["arrays"] = arrays.table
        document["sha256"] = sha256(canonical(document))
        _validate(document, "the certificate")
        write_files(Path(path), {DOCUMENT: canonical(document), **arrays.files})
        return Path(path)

    def _document(self, arrays: Arrays) -> dict[str, Any]:
        problem = self.problem
        network = network_document(problem.network, arrays)
        steps = [
            {
                "name": step.name,
                "claim": step.claim,
                "left": encode(step.left, arrays, f"steps.{i}.left"),
                "relation": step.relation,
                "right": encode(step.right, arrays, f"steps.{i}.right"),
                "source": step.source,
            }
            for i, step in enumerate(self.steps)
        ]
        return {
            "format": FORMAT,
            "version": 1 if problem.network.is_chain else VERSION,
            "claim": self.claim,
            "scope": self.scope,
            "verdict": self.verdict,
            "reason": self.reason,
            "network": network,
            "data": {"X": arrays.add("data.X", problem.data.X), "y": arrays.add("data.y", problem.data.y)},
            "loss": problem.loss,
            "loss_scale": encode(problem.scale, arrays, "loss_scale"),
            "lr": encode(problem.lr, arrays, "lr"),
            **({} if problem.descent is None else {"descent": encode(problem.descent.record(), arrays, "descent")}),
            "constants": encode(dict(self.constants), arrays, "constants"),
            "margins": encode(dict(self.margins), arrays, "margins"),
            "steps": steps,
            "witness": encode(dict(self.witness), arrays, "witness"),
            "observed": encode(dict(self.observed), arrays, "observed"),
            "tools": dict(self.tools),
        }

    @classmethod
    def load(cls, path: str | Path) -> Certificate:
        """Read a certificate back; hashes and schema are verified, the claims are not (see verify.checker).

        Raises:
            InputError: missing, damaged or altered files. VerifyError: contents that make no network.
        """
        contents = read_files(Path(path))
        raw = contents.pop(DOCUMENT)
        try:
            document = parse_json(raw.decode())
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: {DOCUMENT} is no JSON: {str(error)[:300]}") from error
        _validate(document, f"{path}: {DOCUMENT}")
        stated = document.pop("sha256")
        if sha256(canonical(document)) != stated or raw != canonical({**document, "sha256": stated}):
            raise InputError(f"{path}: {DOCUMENT} was altered (SHA-256 or canonical form does not match)")
        table = document["arrays"]
        if set(table) != set(contents):
            raise InputError(f"{path}: array files {sorted(set(table) ^ set(contents))[:5]} are missing or not listed")
        arrays = {name: _read_array(name, contents[name], table[name]) for name in table}
        problem = Problem(
            read_network_document(document["network"], arrays),
            DataSet(decode(document["data"]["X"], arrays), decode(document["data"]["y"], arrays)),
            document["loss"],
            decode(document["lr"], arrays),
            SGD.read(decode(document["descent"], arrays)) if "descent" in document else None,
        )
        steps = tuple(
            Step.listed(
                row["name"], row["claim"], decode(row["left"], arrays), row["relation"], decode(row["right"], arrays)
            )
            for row in document["steps"]
        )
        for group in ("constants", "margins", "witness", "observed"):
            if not isinstance(decode(document[group], arrays), dict):
                raise InputError(f"{path}: {group}: expected named values")
        witness = decode(document["witness"], arrays)
        require_shape(witness, document["scope"] if document["verdict"] == "PROVED" else None)
        return cls(
            scope=document["scope"],
            verdict=document["verdict"],
            reason=document["reason"],
            problem=problem,
            constants=decode(document["constants"], arrays),
            margins=decode(document["margins"], arrays),
            steps=steps,
            witness=witness,
            observed=decode(document["observed"], arrays),
            tools=document["tools"],
        )

    def __repr__(self) -> str:
        """One line: verdict, scope, network, data."""
        network, data = self.problem.network, self.problem.data
        return f"<Certificate {self.verdict}, scope {self.scope}: {network.describe()}, n = {data.n}, loss {self.problem.loss}>"

    def __str__(self) -> str:
        """Verdict, problem, constants and chain as plain text."""
        network, data = self.problem.network, self.problem.data
        lines = [
            f"{self.verdict} (scope {self.scope}): {self.reason}",
            f"  {network.describe()}, {network.parameters} parameters, n = {data.n},"
            f" loss '{self.problem.loss}', η = {self.problem.lr}",
        ]
        lines += [f"  {name} = {value}" for name, value in self.constants.items() if value is not None]
        lines += [f"  [{step}]" for step in self.steps]
        return "\n".join(lines)

    def __rich__(self) -> Any:
        """Show the claim, its constants and the inequality chain on a rich console."""
        return as_rich(self)

    def _repr_html_(self) -> str:
        """Show the same in a notebook."""
        return as_html(self)

    def figure(self) -> Any:
        """Return what it proves as a matplotlib figure; ``figure().savefig("c.pdf")`` for a paper (:func:`verify.certificates.drawing.figure_of`)."""
        return figure_of(self)


def _overflowed(value: Any) -> bool:
    if isinstance(value, Ball):
        return not bool(np.isfinite(value.mid).all() and np.isfinite(value.rad).all())
    return isinstance(value, float) and not math.isfinite(value)


def tool_versions() -> dict[str, str]:
    """Return the versions of what computes a certificate."""
    return dict(_tool_versions())


@functools.cache
def _tool_versions() -> dict[str, str]:
    """Read them once: asking the installed packages takes longer than some certificates."""
    found = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _read_array(name: str, data: bytes, entry: Mapping[str, Any]) -> np.ndarray:
    if sha256(data) != entry["sha256"]:
        raise InputError(f"{name}: SHA-256 does not match; the file was altered")
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{name}: no readable .npy file ({str(error)[:200]!a})") from error
    if array.dtype != np.dtype("<f8") or list(array.shape) != entry["shape"]:
        raise ShapeError(f"{name}: {array.dtype} of shape {array.shape}; listed as float64 of shape {entry['shape']}")
    return np.asarray(array, dtype=np.float64)
