"""State of the formal development in ``proofs/coq``, for the ledger and the tests.

:func:`status` only looks (milliseconds); :func:`build` runs ``make``. A theorem counts as formally proved only when
:attr:`CoqStatus.checked` holds: every compiled file is newer than its source, the recorded output of
``Print Assumptions`` is newer than all of them, and it names nothing beyond :data:`ALLOWED`.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from proofs.coq_export import CONSTANTS_FILE, COQ_DIRECTORY, generate
from proofs.errors import ToolError

__all__ = ["ALLOWED", "CLASSICAL", "PACKAGES", "THEOREMS", "CoqStatus", "build", "parse_assumptions", "status"]

PACKAGES = ("coq", "libcoq-coquelicot", "libcoq-interval")
"""Debian/Ubuntu packages that the build needs."""

CLASSICAL = "Classical_Prop.classic"
ALLOWED = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
    }
)
"""Axioms of Coq's standard real numbers; the theorems named in CLASSICAL_THEOREMS also use CLASSICAL."""

MACHINE_INTEGERS = ("PrimInt63.", "Uint63.", "CarryType.")
"""Beginnings of the names that 63-bit machine integers add (``verify formal --fast``)."""

CLASSICAL_THEOREMS = frozenset({"Links.iterations", "Lqcr.lplr_without_quasi_convexity"})

THEOREMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pl_from_ntk": ("Setting.pl_from_ntk", "Setting.lplr_from_ntk"),
        "ntk_stability": ("NtkStability.weyl_sharp", "Certificate.weyl_table_valid"),
        "ntk_stability_paper": ("NtkStability.weyl_paper",),
        "ntk_lipschitz": ("Links.ntk_lipschitz",),
        "sharp_dominates_paper": ("NtkStability.sharp_dominates_paper",),
        "stability_radius": ("Links.stability_radius_linear", "Links.stability_radius_paper"),
        "smoothness": ("Classical.smoothness_from_ingredients",),
        "descent_step": ("Polyak.descent", "Polyak.sublevel_kept"),
        "containment_classical": ("Main.certificate_classical", "Classical.containment_classical"),
        "containment_residual": (
            "Main.certificate_residual",
            "Main.certificate_residual_rate",
            "Residual.containment_residual",
            "Integral.containment_integral",
            "Integral.closed_form_sound",
            "Criterion.from_centre",
            "Spectral.residual_pays",
        ),
        "containment_residual_relu": (
            "Relu.containment_residual_relu",
            "Relu.mean_jacobian",
            "Relu.defect_jumps",
            "Kinks.piecewise",
            "Kinks.jumps_JT",
        ),
        "containment_displacement": (
            "Region.head_step",
            "Region.containment_displacement",
            "Region.containment_displacement_paid",
            "Criterion.from_ball",
        ),
        "neuron_budget": ("NeuronBudget.neuron_budget",),
        "enclosing_ball": ("Region.enclosing_ball",),
        "zero_loss_nearby": ("NearFit.zero_loss_nearby", "NearFit.error_bound"),
        "minibatch_epoch": ("Epoch.step_towards", "Epoch.within", "Epoch.epoch", "Epoch.start_moves"),
        "minibatch_any_order": ("AnyOrder.minibatch_any_order", "Batches.rows_cover"),
        "handover": ("Certificate.staircase_certificate", "Links.handover_residual"),
        "linear_rate": ("Path.conclude", "Links.rate_simple_valid"),
        "iterates_converge": ("Path.conclude", "Links.distance_classical"),
        "iterations": ("Links.iterations",),
        "v2_pl": ("Setting.lplr_from_ntk",),
        "v3_pl": ("PaperV3.v3_pl",),
        "v3_rate": ("PaperV3.v3_rate_assuming_containment", "PaperV3.v3_containment_derived"),
        "lqcr_not_needed": ("Main.ball_certificate", "Lqcr.lplr_without_quasi_convexity"),
    }
)
"""Claim id (proofs/claims) -> the Coq theorems that state it, as module.theorem."""

NETWORKS = (
    "Sphere20.converges",
    "Biased8.converges",
    "Basin8.converges",
    "Classes6.converges",
    "Relu8.converges",
    "Kinks4.converges",
    "Start4.converges",
)
"""Concrete networks certified end to end inside Coq in every build; ``make proofs-networks`` adds the digits and 10-64-1 from its initialisation."""

_RECORD = COQ_DIRECTORY / "build" / "assumptions.txt"
_PRINTED = re.compile(r"^Print Assumptions ([\w.]+)\.", re.MULTILINE)
_MEMBER = re.compile(r"@([\w.]+\w)")


@dataclass(frozen=True)
class CoqStatus:
    """What is known of the formal development without running Coq.

    Attributes:
        available: coqc is installed.
        built: every file of _CoqProject is compiled and newer than its source.
        export_current: Constants.v is what proofs.constants exports today.
        assumptions: printed name -> axioms; empty when the record is missing or older than a compiled file.
        theorems: claim id -> Coq theorems.
        forbidden: axioms beyond the allowed ones, by printed name.
    """

    available: bool
    built: bool
    export_current: bool
    assumptions: Mapping[str, tuple[str, ...]]
    theorems: Mapping[str, tuple[str, ...]]
    forbidden: Mapping[str, tuple[str, ...]]

    @property
    def checked(self) -> bool:
        """Coq has accepted every theorem, from the standard library's axioms alone, for today's constants."""
        return self.built and self.export_current and bool(self.assumptions) and not self.forbidden

    @property
    def line(self) -> str:
        """One line for a terminal summary."""
        if self.checked:
            return f"formal part: checked by Coq ({len(self.theorems)} claims, {len(NETWORKS)} networks)"
        if not self.available:
            return f"formal part NOT checked: coqc is not installed (apt-get install {' '.join(PACKAGES)})"
        if self.forbidden:
            return f"formal part NOT checked: unexpected axioms {dict(self.forbidden)}"
        if not self.export_current:
            return "formal part NOT checked: Constants.v differs from its export; run python -m proofs.coq_export"
        return "formal part NOT checked: not built; run make proofs"


def sources() -> tuple[str, ...]:
    """Return the .v files of _CoqProject, in order."""
    text = (COQ_DIRECTORY / "_CoqProject").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip().endswith(".v"))


def parse_assumptions(script: str, output: str) -> dict[str, tuple[str, ...]]:
    """Split the output of the ``Print Assumptions`` commands of `script`.

    >>> parse_assumptions("Print Assumptions A.b.", "Axioms:\\nM.x : Prop\\n  continued\\nM.y\\n  : R")
    {'A.b': ('M.x', 'M.y')}
    >>> parse_assumptions("Print Assumptions A.b.", "Closed under the global context")
    {'A.b': ()}
    """
    names = _PRINTED.findall(script)
    blocks = re.split(r"^(?:Axioms:|Closed under the global context)$", output, flags=re.MULTILINE)[1:]
    if len(blocks) != len(names):
        return {}
    found = (tuple(re.findall(r"^([A-Za-z][\w.]*)(?=\s*(?::|$))", block, flags=re.MULTILINE)) for block in blocks)
    return dict(zip(names, found, strict=True))


def _recorded() -> dict[str, tuple[str, ...]]:
    script = COQ_DIRECTORY / "Assumptions.v"
    if not _RECORD.exists():
        return {}
    newest = max((COQ_DIRECTORY / f"{name}o").stat().st_mtime for name in sources())
    if _RECORD.stat().st_mtime < max(newest, script.stat().st_mtime):
        return {}
    return parse_assumptions(script.read_text(encoding="utf-8"), _RECORD.read_text(encoding="utf-8"))


def _is_compiled(name: str) -> bool:
    source, compiled = COQ_DIRECTORY / name, COQ_DIRECTORY / f"{name}o"
    return compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime


def status() -> CoqStatus:
    """Look at the compiled files and the recorded assumptions; runs nothing.

    Example:
        >>> "pl_from_ntk" in status().theorems
        True
    """
    built = all(map(_is_compiled, sources()))
    assumptions = _recorded() if built else {}
    forbidden = {}
    for name, axioms in assumptions.items():
        allowed = ALLOWED | ({CLASSICAL} if name in CLASSICAL_THEOREMS else set())
        if extra := tuple(axiom for axiom in axioms if axiom not in allowed):
            forbidden[name] = extra
    return CoqStatus(
        available=shutil.which("coqc") is not None,
        built=built,
        export_current=CONSTANTS_FILE.read_text(encoding="utf-8") == generate(),
        assumptions=MappingProxyType(assumptions),
        theorems=THEOREMS,
        forbidden=MappingProxyType(forbidden),
    )


def build(timeout: float = 900.0) -> CoqStatus:
    """Run ``make assumptions`` in proofs/coq (seconds when up to date, about a minute from scratch).

    Raises:
        ToolError: coqc is missing, the build failed or ran past `timeout` seconds; with Coq's message.
    """
    _make("assumptions", timeout)
    return status()


def build_library(into: Path, timeout: float = 900.0) -> None:
    """Compile what ``verify formal`` needs of proofs/coq and copy the compiled files to the folder `into`.

    Several may run at once: each computes on its own copy, whatever is built or cleaned meanwhile. Errors as :func:`build`.
    """
    _make("checker", timeout, into)


def _make(goal: str, timeout: float, into: Path | None = None) -> None:
    if shutil.which("coqc") is None:
        raise ToolError(f"coqc is not installed: apt-get install {' '.join(PACKAGES)}")
    command = ["make", "-C", str(COQ_DIRECTORY), "LOCKED=1", goal]
    _RECORD.parent.mkdir(exist_ok=True)
    try:
        # One build at a time: parallel test workers share the folder; the Makefile takes the same lock.
        with (_RECORD.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
            if into is not None and done.returncode == 0:
                for compiled in COQ_DIRECTORY.glob("*.vo"):
                    shutil.copy2(compiled, into)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"building proofs/coq took more than timeout={timeout} s") from error
    if done.returncode != 0:
        raise ToolError(f"building proofs/coq failed (exit {done.returncode}):\n{done.stderr[-2000:]}")


def printed_theorems() -> frozenset[str]:
    """Return the theorems whose assumptions are printed, alone or as members of ``core``."""
    script = (COQ_DIRECTORY / "Assumptions.v").read_text(encoding="utf-8")
    return frozenset(_MEMBER.findall(script)) | frozenset(_PRINTED.findall(script))
