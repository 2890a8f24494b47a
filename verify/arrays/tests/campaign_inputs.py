"""Inputs of the containment campaign, of all magnitudes, and the tally of what was contained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.arrays.tests.reference import exact, verdict

Rng = np.random.Generator
MAX = float(np.finfo(np.float64).max)

ADVERSARIAL = np.array(
    [
        0.0,
        5e-324,
        -5e-324,
        2.0**-1022,
        2.0**-1022 - 5e-324,
        1.0,
        -1.0,
        1 + 2.0**-52,
        1 - 2.0**-53,
        0.1,
        20.5,
        -10.0,
        -8.0,
        -710.0,
        709.782712893384,
        710.0,
        -745.1332191019411,
        -746.0,
        MAX,
        -MAX,
        1e160,
        3e-200,
        4e-200,
        2.3e8,
        1e22,
        0.5,
        float.fromhex("0x1.4c96c11134d36p+578"),
        6381956970095103 * 2.0**797,
        2.0**53,
        2.0**53 + 2,
        np.pi,
        np.pi / 2,
        np.pi / 4,
        3 * np.pi / 2,
        2.0**19,
        2.0**19 + 0.1,
        -0.29,
        0.41,
        0.34657359027997264,
        2.5,
        3.5355339059327378,
        40.0,
        45.0,
        60.0,
        2.4,
    ]
)


def points(rng: Rng, n: int) -> Any:
    """Doubles of every kind: raw bit patterns, moderate, subnormal, near overflow, integers, adversarial."""
    raw = rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64)
    kind = rng.integers(0, 8, n)
    sign = rng.choice([-1.0, 1.0], n)
    x = np.where(np.isfinite(raw), raw, 1.5)
    x = np.where((kind == 1) | (kind == 2), rng.standard_normal(n) * 3, x)
    x = np.where(kind == 3, sign * 10.0 ** rng.uniform(-5, 3, n), x)
    x = np.where(
        kind == 4,
        sign * rng.integers(0, 2**53, n).astype(np.float64) * 5e-324 * 2.0 ** rng.integers(0, 30, n),
        x,
    )
    x = np.where(kind == 5, sign * rng.uniform(0.5, 1.0, n) * MAX, x)
    x = np.where(kind == 6, rng.integers(-50, 50, n).astype(np.float64) / 2.0 ** rng.integers(0, 4, n), x)
    return np.where(kind == 7, rng.choice(ADVERSARIAL, n), x)


def radii(rng: Rng, mid: Any) -> Any:
    """Zero, an ulp or so, relative 1e-12..1, absolute, tiny and huge."""
    n = mid.size
    kind = rng.integers(0, 6, n)
    r = np.zeros(n)
    with np.errstate(all="ignore"):
        r = np.where(kind == 1, np.abs(mid) * 2.0**-53 * rng.integers(1, 8, n), r)
        r = np.where(kind == 2, np.abs(mid) * 10.0 ** rng.uniform(-12, 0, n), r)
        r = np.where(kind == 3, 10.0 ** rng.uniform(-6, 2, n), r)
        r = np.where(kind == 4, np.abs(points(rng, n)), r)
    return np.where(np.isfinite(r), r, 1.0)


def inside(rng: Rng, mid: float, rad: float) -> Any:
    """An exact real in [mid − rad, mid + rad] as a function for Arb (evaluated at the working precision)."""
    if rad == 0.0:
        return float(mid), 0.0
    t = (-1.0, 1.0, 0.0, 0.5, -0.25, float(rng.integers(-(2**20), 2**20)) / 2**20)[rng.integers(0, 6)]
    return float(mid), float(rad) * t if t not in (0.5, -0.25) or rad > 1e-300 else 0.0


def _value(pair: Any) -> Any:
    m, d = pair
    return exact(m) + exact(d)


class Tally:
    """Counts of one operation."""

    def __init__(self) -> None:
        self.checked = self.violations = self.unevaluated = self.unbounded = 0
        self.examples: list[str] = []

    def add(self, mid: float, rad: float, truth: Callable[[], Any], describe: Callable[[], str]) -> None:
        if rad == np.inf:
            self.unbounded += 1
            return
        outcome = verdict(mid, rad, truth)
        if outcome is None:
            self.unevaluated += 1
            return
        self.checked += 1
        if not outcome:
            self.violations += 1
            if len(self.examples) < 3:
                self.examples.append(describe())
