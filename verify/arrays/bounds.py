"""Intervals as midpoint and radius, and exact membership: the arithmetic of arrays that :class:`verify.arrays.Ball` rests on."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.arrays.rounding import Array, quiet, sum_up, two_sum
from verify.errors import ShapeError


def midpoint_radius(lo: Array, hi: Array) -> tuple[Array, Array]:
    """(mid, rad) with [lo, hi] ⊂ [mid − rad, mid + rad], lo ≤ hi of one shape; an infinite end gives an infinite radius."""
    if lo.ndim == 0:
        one, other = of_numbers(float(lo), float(hi))
        return np.array(one), np.array(other)
    with quiet():
        # Halving first cannot overflow; where both ends agree the midpoint is exact. Any finite midpoint
        # is valid: the radius is the larger distance to an end, rounded up exactly (TwoSum). An infinite
        # end gives rad = inf.
        mid = np.where(lo == hi, lo, 0.5 * lo + 0.5 * hi)
        finite = np.isfinite(mid)
        bounded = np.count_nonzero(finite) == finite.size
        mid = mid if bounded else np.where(finite, mid, 0.0)
        rad = np.maximum(sum_up(hi, -mid), sum_up(mid, -lo))
        # Keep the sign: where rounding made rad > |mid| although 0 <= lo (or hi <= 0), [0, 2·rad] also
        # contains [lo, hi].
        mid = np.where((rad > mid) & (lo >= 0), rad, np.where((rad > -mid) & (hi <= 0), -rad, mid))
        rad = rad if bounded else np.where(np.isinf(lo) | np.isinf(hi), np.inf, rad)
        return np.where(np.isfinite(mid), mid, 0.0), rad


def of_numbers(lo: float, hi: float) -> tuple[float, float]:
    """:func:`midpoint_radius` of two numbers, in Python floats."""
    mid = lo if lo == hi else 0.5 * lo + 0.5 * hi
    mid = mid if math.isfinite(mid) else 0.0
    rad = max(float(sum_up(hi, -mid)), float(sum_up(mid, -lo)))
    if rad > mid and lo >= 0.0:
        mid = rad
    elif rad > -mid and hi <= 0.0:
        mid = -rad
    return mid if math.isfinite(mid) else 0.0, math.inf if math.isinf(lo) or math.isinf(hi) else rad


def balls_inside(mid: Array, rad: Array, other_mid: Array, other_rad: Array | None) -> NDArray[np.bool_]:
    """Elementwise: whether the other ball (a point, for None) is certainly a subset; exact for points."""
    with quiet():
        # |x − m| = |d + e| exactly with d = fl(x − m). d < rad or d = rad with e ≤ 0 (signs of d):
        # contained. d overflows only if |x − m| exceeds every finite radius: not contained, as the
        # comparisons then say.
        d, e = two_sum(other_mid, -mid)
        e = np.where(d < 0, -e, e)
        d = np.abs(d)
        if other_rad is None:
            return np.asarray((d < rad) | ((d == rad) & (e <= 0)) | np.isinf(rad))
        reach = sum_up(np.where(e > 0, np.nextafter(d, np.inf), d), other_rad)
        same = (other_mid == mid) & (other_rad <= rad)
        return np.asarray((reach <= rad) | np.isinf(rad) | same)


def rationals_inside(mid: Array, rad: Array, q: Any) -> bool:
    """Whether every entry contains its rational number, decided exactly."""
    qs = np.asarray(q, dtype=object)
    require_fits(qs.shape, mid.shape)
    qs = np.broadcast_to(qs, mid.shape)
    return all(
        r == np.inf or abs(Fraction(v) - Fraction(m)) <= Fraction(r)
        for m, r, v in zip(mid.ravel().tolist(), rad.ravel().tolist(), qs.ravel().tolist(), strict=True)
    )


def require_fits(shape: tuple[int, ...], ball: tuple[int, ...]) -> None:
    """ShapeError unless an array of this shape broadcasts to the ball's own."""
    try:
        fits = np.broadcast_shapes(ball, shape) == ball
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"contains: x of shape {shape} does not broadcast to the ball's shape {ball}")
