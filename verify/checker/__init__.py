"""Stand-alone checker of certificates: ``python -m verify.checker CERT``, or :func:`check`.

It shares no code with the engine that makes certificates, and needs only Python's standard library and python-flint.

Trust base: CPython and its standard library (json, zipfile, hashlib, fractions); FLINT's ball arithmetic as python-flint calls it
(arb, arb_mat: every result contains the exact one); and the mathematics stated in the docstrings of these files: read
reading.py (file format), enclosures.py (activations, spectral norm, λ_min), network.py (forward pass, NTK, curvature, the neurons'
budget), claims.py (the theorem's formulas, one function per scope). No number of a certificate is used before it has been recomputed, or
shown to be a valid bound. Floating point occurs only as exact doubles.

Statements are about real arithmetic and the mathematical activations. ``reason``, ``observed``, ``tools`` and the prose of steps are not
checked; the claims returned are worded here, from checked numbers.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from flint import ctx

from verify.checker import enclosures
from verify.checker.claims import Audit, Row, examine
from verify.checker.reading import Limit, Malformed, read

__all__ = ["CheckResult", "Row", "check"]

PRECISIONS = (128, 256, 512, 1024)


@dataclass(frozen=True)
class CheckResult:
    """What the checker found.

    Attributes:
        verdict: 'ACCEPTED' (every inequality certain), 'REJECTED' (malformed, or something is not implied), or 'UNDECIDED'
            (no claim, beyond the limits, or not decided at the highest precision).
        failures: what is wrong or undecided, one line each. claims: what is proved, empty unless accepted.
        steps: the chain, one row (step, left, relation, right, margin, source) per inequality checked.
        seconds: time taken. bits: precision of the last attempt.
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


def check(path: str | os.PathLike[str], seconds: float = 7200.0) -> CheckResult:
    """Check a certificate; raises nothing for a bad file.

    Args:
        path: a certificate, directory or zip. seconds: time after which the check ends UNDECIDED.
    """
    start, bits, audit = time.monotonic(), PRECISIONS[0], Audit()

    def result(verdict: str, failures: list[str], *claims: str) -> CheckResult:
        return CheckResult(verdict, tuple(failures), claims, tuple(audit.rows), time.monotonic() - start, bits)

    enclosures.deadline[0] = start + seconds
    try:
        document = read(os.fspath(path))
        for bits in PRECISIONS:
            audit = Audit()
            with ctx.workprec(bits):
                statement = examine(audit, document)
            if audit.failures:
                return result("REJECTED", audit.failures)
            if not audit.doubts:
                return result("ACCEPTED", [], statement)
        return result("UNDECIDED", audit.doubts)
    except Malformed as error:
        return result("REJECTED", [*audit.failures, str(error)])
    except (Limit, MemoryError) as error:
        return result("UNDECIDED", [*audit.failures, str(error) or "out of memory"])
    except Exception as error:  # whatever a hostile document provokes, it is never an acceptance
        return result("REJECTED", [*audit.failures, f"malformed: {type(error).__name__}: {str(error)[:200]}"])
    finally:
        enclosures.deadline[0] = float("inf")
