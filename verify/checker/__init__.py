"""Stand-alone checker of certificates: ``python -m verify.checker CERT``, or :func:`check`.

It shares no code with the engine that makes certificates, and needs only Python's standard library and python-flint.

Trust base: CPython and its standard library (json, zipfile, hashlib, fractions); FLINT's ball arithmetic as python-flint calls it
(arb, arb_mat: every result contains the exact one); and the mathematics stated in the docstrings of these files: read
reading.py (file format), enclosures.py (activations, spectral norm, λ_min), kinds.py and layers.py (each kind of layer, and its rules),
problem.py and network.py (the graph; values, sensitivities, NTK), curvature.py and budgets.py (bounds on a ball), claims.py, basin.py and
region.py (the theorem's formulas, one function per scope), wording.py (the statement). No number of a certificate is used before it has
been recomputed, or shown to be a valid bound; a guess for an eigenvalue only shortens the search. Floating point occurs only as exact doubles.

Statements are about real arithmetic and the mathematical activations. ``reason``, ``observed``, ``tools`` and the source named by a step are not
checked; the claims returned are worded here, from checked numbers, and repeat no text of the file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from flint import ctx

from verify.checker import enclosures
from verify.checker.audit import Audit, Row
from verify.checker.examination import examine
from verify.checker.reading import Limit, Malformed, Unreadable, read

__all__ = ["EXIT", "CheckResult", "Row", "Unreadable", "check"]

PRECISIONS = (128, 256, 512, 1024)
EXIT = {"ACCEPTED": 0, "REJECTED": 1, "UNDECIDED": 2}
"""Exit codes of a verdict; 3 is an error: wrong usage, a file that cannot be read."""


class CheckResult(NamedTuple):
    """What the checker found: 'ACCEPTED' (every inequality is certain), 'REJECTED' (malformed, or something is not implied) or
    'UNDECIDED' (no claim, beyond the limits, or not decided at the highest precision); what is wrong or undecided; what is proved; the chain of
    inequalities; the time taken and the precision of the last attempt.
    """

    verdict: str
    failures: tuple[str, ...]
    claims: tuple[str, ...]
    steps: tuple[Row, ...]
    seconds: float
    bits: int

    @property
    def accepted(self) -> bool:
        """Whether the certificate's claims are proved."""
        return self.verdict == "ACCEPTED"

    def __repr__(self) -> str:
        """All but the chain of inequalities, which fills pages."""
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name != "steps")
        return f"CheckResult({', '.join(shown)}; {len(self.steps)} steps)"

    def __bool__(self) -> bool:
        """Refuse: a verdict of three values is no truth value."""
        raise TypeError("a check has three outcomes and no truth value; use .accepted, or compare .verdict")


def check(
    path: str | os.PathLike[str], seconds: float = 7200.0, progress: Callable[[str], object] | None = None
) -> CheckResult:
    """Check a certificate, directory or zip; ends UNDECIDED after so many seconds.

    The time is looked at in every loop; a single operation of FLINT on large matrices is not interrupted. `progress` is told where a long check
    stands, every few seconds.

    Raises:
        Unreadable: no path, or a file that cannot be opened or read. Nothing is raised for whatever it contains.
    """
    if not isinstance(path, str | os.PathLike):
        raise Unreadable(f"a {type(path).__name__}; expected the path of a saved certificate")
    start, bits, audit, verdict, claims = time.monotonic(), 0, Audit(), "REJECTED", []
    # No number (NaN) is no time: every comparison with it would be false, and nothing would end.
    enclosures.deadline[0] = start + seconds if seconds > 0.0 else start - 1.0
    enclosures.listen(progress)
    try:
        enclosures.require_environment()
        document = read(os.fspath(path))
        for bits in PRECISIONS:
            audit = Audit()
            with ctx.workprec(bits):
                claims = [examine(audit, document)]
            verdict = "REJECTED" if audit.failures else "UNDECIDED" if audit.doubts else "ACCEPTED"
            if verdict != "UNDECIDED":
                break
        failures = audit.failures or audit.doubts
    except (Limit, MemoryError) as error:
        verdict, failures = "UNDECIDED", [*audit.failures, str(error) or "out of memory"]
    except Unreadable:
        raise
    except Exception as error:  # whatever a hostile document provokes, it is never an acceptance
        kind = "" if isinstance(error, Malformed) else f"malformed: {type(error).__name__}: "
        verdict, failures = "REJECTED", [*audit.failures, kind + str(error)[:300]]
    finally:
        enclosures.deadline[0] = float("inf")
        enclosures.listen(None)
    proved = claims if verdict == "ACCEPTED" else []
    return CheckResult(verdict, tuple(failures), tuple(proved), tuple(audit.rows), time.monotonic() - start, bits)
