"""What a sweep runs: a TOML file, or the same as a mapping, becomes a list of cases.

Example of a specification::

    name = "widths"
    keep = "proved"             # certificates kept: "all", "proved" or "none"

    [grid]                      # every combination of these lists is one case
    data = [{ name = "digits", n = 100, norm = 24.0 }]
    width = [64, 256, 1024]
    depth = [1, 2]
    activation = ["Tanh"]
    parametrisation = ["ntk"]
    seed = [0, 1, 2]
    scope = ["run"]

    [[case]]                    # single cases beside the grid; what is missing has the default of Case
    data = { name = "sphere", n = 20, d = 10, norm = 4.0 }
    width = 64
    scope = "exact"

A case is plain JSON, and its id is a hash of it: the same case has the same id on every machine, whatever else is swept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from verify.errors import InputError

__all__ = ["Case", "Keep", "Specification"]

Keep = Literal["all", "proved", "none"]

_PARAMETRISATIONS = ("ntk", "pytorch", "antisymmetric")


@dataclass(frozen=True)
class Case:
    """One certificate to make.

    Attributes:
        data: {"name": …, further arguments}; the name of a function of :mod:`verify.datasets`, or ``module:function``
            returning (X, y).
        model: None for a fully connected network of the fields below; or ``module:function``, called with
            ``inputs, outputs, width, depth, activation, seed`` and returning a torch module.
        width: of each hidden layer. depth: number of hidden layers. activation: a class of torch.nn or verify.nn.
        parametrisation: 'ntk' (N(0, 1) weights, forward scaled by 1/√fan_in, no bias), 'pytorch' (torch.nn.Linear's own
            initialisation, float64), 'antisymmetric' (one hidden layer, F(θ0) = 0).
        seed: of the initialisation. lr: step as :func:`verify.certify` takes it, as text; None chooses.
        scope, loss, steps, radius: as :func:`verify.certify` takes them.
        options: further keyword arguments of :func:`verify.certify`.
    """

    data: Mapping[str, Any]
    model: str | None = None
    width: int = 256
    depth: int = 1
    activation: str = "Tanh"
    parametrisation: str = "ntk"
    seed: int = 0
    scope: str = "ball"
    loss: str = "sum"
    lr: str | None = None
    steps: int | None = None
    radius: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no case can mean; what certify refuses becomes a row with its reason."""
        if not isinstance(self.options, Mapping):
            raise InputError(f"options={self.options!r}: expected a table of further options of verify.certify")
        if not isinstance(self.data, Mapping) or not isinstance(self.data.get("name"), str):
            raise InputError(f'data={self.data!r}: expected a table with a name, such as {{ name = "digits", n = 50 }}')
        try:
            json.dumps([dict(self.data), self.options], allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"data, options: {error}; expected numbers, text, true or false, lists and tables"
            ) from error
        for name in ("model", "activation", "scope", "loss"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name == "model" and value is None):
                raise InputError(f"{name}={value!r}: expected text")
        own = sorted({"scope", "loss", "lr", "steps", "radius"} & set(self.options))
        if own:
            raise InputError(f"options: {own[0]} is a field of the case itself; give it there, not in options")
        for name in ("width", "depth", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < (0 if name == "seed" else 1):
                raise InputError(f"{name}={value!r}: expected a whole number ≥ {0 if name == 'seed' else 1}")
        if self.parametrisation not in _PARAMETRISATIONS:
            raise InputError(
                f"parametrisation={self.parametrisation!r}: expected one of {', '.join(_PARAMETRISATIONS)}"
            )
        if self.parametrisation == "antisymmetric" and self.depth != 1:
            raise InputError(f"depth={self.depth}: the antisymmetric initialisation has one hidden layer")
        if self.lr is not None:
            if not isinstance(self.lr, str):
                raise InputError(f'lr={self.lr!r}: expected text, which is exact: "1/10", "0.1"')
            try:
                Fraction(self.lr)
            except (ValueError, ZeroDivisionError) as error:
                raise InputError(f'lr={self.lr!r}: expected a number as text, such as "1/10"') from error

    def as_json(self) -> dict[str, Any]:
        """Return the case as plain JSON, keys sorted."""
        result: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), sort_keys=True))
        return result

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the case's canonical JSON."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


_FIELDS = tuple(field.name for field in dataclasses.fields(Case))


def _case(values: Mapping[str, Any], where: str) -> Case:
    unknown = sorted(set(values) - set(_FIELDS))
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; expected some of {', '.join(_FIELDS)}")
    if "data" not in values:
        raise InputError(f'{where}: a case needs data, such as {{ name = "digits", n = 50 }}')
    return Case(**values)


@dataclass(frozen=True)
class Specification:
    """The cases of a sweep, in order, without repetition.

    Attributes:
        name: of the sweep; heads its table and figures. cases: what is run.
        keep: which certificates are kept beside the table.
    """

    name: str
    cases: tuple[Case, ...]
    keep: Keep = "none"

    @classmethod
    def read(cls, source: str | Path | Mapping[str, Any]) -> Specification:
        """Read a TOML file, or a mapping of the same shape.

        Raises:
            InputError: no path, no such file, not TOML, an unknown key, an empty grid, or a value no case can have.
        """
        if isinstance(source, Mapping):
            document: Mapping[str, Any] = source
        else:
            if not isinstance(source, str | Path):
                raise InputError(f"spec: a {type(source).__name__}; expected the path of a TOML file, or a mapping")
            path = Path(source)
            try:
                document = tomllib.loads(path.read_text(encoding="utf-8"))
            except OSError as error:
                raise InputError(f"spec={path}: cannot be read ({error.strerror or error})") from error
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise InputError(f"spec={path}: not a TOML file: {error}") from error
        unknown = sorted(set(document) - {"name", "keep", "grid", "case"})
        if unknown:
            raise InputError(f"unknown key {unknown[0]!r} in the specification; expected name, keep, [grid], [[case]]")
        keep = document.get("keep", "none")
        if keep not in get_args(Keep):
            raise InputError(f"keep={keep!r}: expected one of {', '.join(get_args(Keep))}")
        cases = [*_grid(document.get("grid", {})), *_listed(document.get("case", []))]
        if not cases:
            raise InputError("the specification has no case: give [grid] with lists, or [[case]] tables")
        unique = {case.id: case for case in cases}
        return cls(name=str(document.get("name", "sweep")), cases=tuple(unique.values()), keep=keep)


def _grid(grid: Any) -> list[Case]:
    """Return the product of the lists; a value that is no list is the same in every case."""
    if not isinstance(grid, Mapping):
        raise InputError(f"grid={grid!r}: expected a table of lists")
    if not grid:
        return []
    axes: list[Sequence[Any]] = []
    for name, values in grid.items():
        if isinstance(values, list):
            if not values:
                raise InputError(f"grid.{name}: an empty list leaves no case")
            axes.append(values)
        else:
            axes.append([values])
    return [_case(dict(zip(grid, chosen, strict=True)), "grid") for chosen in itertools.product(*axes)]


def _listed(cases: Any) -> list[Case]:
    if not isinstance(cases, list) or not all(isinstance(case, Mapping) for case in cases):
        raise InputError("case: expected [[case]] tables")
    return [_case(case, f"case {i}") for i, case in enumerate(cases)]
