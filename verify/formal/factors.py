"""Rounded Cholesky factors: what the tests of ``IntegerMatrix.v`` for definiteness are given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from verify.errors import NotCertainError

__all__ = ["Factor", "factor", "floats", "slack", "upper"]

_FACTOR_BITS = 22


@dataclass(frozen=True)
class Factor:
    """M = C + G·L·Lᵀ up to `cap` in each entry; L lower triangular integers."""

    C: int
    G: int
    cap: int
    L: list[list[int]]


def factor(M: np.ndarray, C: int, scale: int) -> Factor:
    """Return C, G, cap, L with M = C·I + G·L·Lᵀ up to cap in each entry; M are exact integers in units of 1/scale."""
    n = len(M)
    G = max(1, scale >> (2 * _FACTOR_BITS))
    rest = M - C * np.eye(n, dtype=np.int64).astype(object)
    try:
        L = np.linalg.cholesky(np.array([[float(Fraction(int(v), G)) for v in row] for row in rest]))
    except np.linalg.LinAlgError as error:
        raise NotCertainError("a Cholesky factorisation failed: no positive definite remainder") from error
    rounded = np.array([[round(v) for v in row] for row in L], dtype=object)
    cap = max(abs(int(v)) for v in (rest - G * rounded.dot(rounded.T)).ravel())
    return Factor(C, G, cap, [[int(v) for v in row[: i + 1]] for i, row in enumerate(rounded)])


def floats(M: np.ndarray, scale: int) -> np.ndarray:
    """M/scale in float64."""
    return np.array([[float(Fraction(int(v), scale)) for v in row] for row in M])


def slack(top: float) -> float:
    """Room below (above) an eigenvalue, so that the remainder has a Cholesky factor."""
    return float(20 * math.sqrt(top) * 2.0**-_FACTOR_BITS + 1e-9)


def upper(M: np.ndarray, scale: int, error: int) -> tuple[Factor, Fraction]:
    """A factor of top − M, and an upper bound of λ_max of what M approximates up to `error` in each entry."""
    n = len(M)
    top = float(np.linalg.eigvalsh(floats(M, scale))[-1])
    found = factor(-M, -int(Fraction(top * (1 + 1e-6) + slack(top)) * scale), scale)
    return found, Fraction(n * (found.cap + error) - found.C, scale)
