"""Powers of balls: integer exponents and ½."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from verify.arguments import shown
from verify.arrays.ball import Ball, _build, _point, built_on_balls
from verify.arrays.functions.on_balls import sqrt
from verify.arrays.rounding import every
from verify.errors import InputError

_LARGEST = 2**64


@built_on_balls
def power(x: Ball, exponent: Any) -> Ball:
    """Range of x**k for an integer k (negative: 1/x**−k), or √x for exponent 0.5 (or Fraction(1, 2)).

    Raises:
        InputError: another exponent; DomainError: a negative power (or √) of a ball that meets 0 (or (−∞, 0)).
    """
    if isinstance(exponent, (float, Fraction)) and exponent == 0.5:
        return sqrt(x)
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    if isinstance(exponent, bool) or not isinstance(exponent, (int, np.integer)):
        raise InputError(f"exponent={shown(exponent)}: expected an integer or 0.5; use exp(k*log(x)) for others")
    k = int(exponent)
    if abs(k) >= _LARGEST:
        raise InputError(f"exponent={shown(exponent)}: expected one below 2^64 in size; use exp(k*log(x)) for others")
    if k < 0:
        return Ball(1.0) / power(x, -k)
    if k == 0:
        return Ball(np.ones(x.shape))
    if k == 1:
        return x
    if x.is_point:
        y = _of_point(x, k)
        return y if k % 2 else Ball.from_bounds(np.maximum(y.lower(), 0.0), y.upper())
    # x^k is monotone for odd k, and monotone in |x| for even k: the range is spanned by the two ends.
    if k % 2:
        lo, hi = x.lower(), x.upper()
    else:
        lo, hi = x.mignitude(), x.magnitude()
    known = np.isfinite(lo) & np.isfinite(hi) & np.isfinite(x.rad)
    whole = every(known)
    if not whole:
        lo, hi = np.where(known, lo, 0.0), np.where(known, hi, 0.0)
    bottom = _of_point(_point(lo), k).lower()
    ends = Ball.from_bounds(np.maximum(bottom, 0.0) if k % 2 == 0 else bottom, _of_point(_point(hi), k).upper())
    return _build(ends.mid, ends.rad if whole else np.where(known, ends.rad, np.inf), False)


def _of_point(x: Ball, k: int) -> Ball:
    """x^k by repeated squaring, k ≥ 1."""
    if k == 1:
        return x
    half = _of_point(x, k // 2)
    square = half * half
    return square * x if k % 2 else square
