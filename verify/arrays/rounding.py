"""The few facts about IEEE-754 binary64 that every radius in this package is derived from.

Notation: u = 2^-53 is the unit roundoff, η = 2^-1074 the smallest positive double, fl(·) rounding to
nearest. For one operation on doubles, without overflow:

* x ± y: |fl − exact| ≤ u·|fl|, and the sum is exact when |fl| < 2^-1021 (no underflow in additions);
* x·y, x/y: |fl − exact| ≤ u·|fl| + η/2;
* √x (numpy's): |fl − exact| ≤ u·fl;
* scaling by a power of two, rint, floor, frexp, nextafter, comparisons, max, abs: exact (underflow aside).

Computed values on the right-hand side are allowed because |fl − exact| ≤ half a unit in the last place
of fl. Source: Rump, Acta Numerica 19 (2010), §§1–2; Higham, Accuracy and Stability (2002), ch. 2–3.
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.arrays.environment import require_default_environment
from verify.errors import ResourceError

Array = NDArray[np.float64]

U = 2.0**-53
ETA = 2.0**-1074
MAX = float(np.finfo(np.float64).max)
# Multiplying a non-negative computed value by INFLATE absorbs at most 12 earlier roundings, its own and one
# later addition: fl(r(1+16u)) ≥ r(1+16u)(1−u), and (1+u)^12 ≤ (1+16u)(1−u)^3. Sums below 2^-1021 are exact,
# so nothing is lost when the product by INFLATE itself underflows to r; underflow of products is added
# separately as multiples of η.
INFLATE = 1.0 + 2.0**-49


def quiet() -> np.errstate:
    """Context without floating-point warnings: overflow and invalid are handled by value (an infinite
    radius).
    """
    return np.errstate(all="ignore")


def every(mask: NDArray[np.bool_]) -> bool:
    """Whether all are true: ``mask.all()`` at a third of its fixed cost, which on small arrays is that of three operations."""
    return bool(np.count_nonzero(mask) == mask.size)


def gamma(k: int) -> float:
    """Upper bound of γ_k = k·u/(1 − k·u), the relative error of k roundings in any order.

    >>> gamma(1) >= 2.0**-53
    True
    """
    if k >= 2**50:
        raise ResourceError(f"number of terms k={k}: a-priori bounds need k < 2**50; split the sum")
    g = float(k) * U  # exact: k < 2**53
    # Three roundings (subtraction, division, product) against a factor 1 + 8u.
    return g / (1.0 - g) * (1.0 + 2.0**-50)


def sum_down(x: Any, y: Any) -> Array:
    """Largest double ≤ x + y (elementwise), from the exact error of the sum (Knuth's TwoSum)."""
    return _sum_directed(x, y, -np.inf)


def sum_up(x: Any, y: Any) -> Array:
    """Smallest double ≥ x + y (elementwise), from the exact error of the sum (Knuth's TwoSum)."""
    return _sum_directed(x, y, np.inf)


def two_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """(s, e) with s = fl(x + y) and s + e = x + y exactly, barring overflow.

    Valid without a fused multiply-add because each numpy ufunc rounds its result to memory, and so does each operation on Python floats.
    """
    require_default_environment()
    s = x + y
    t = s - x
    e = (x - (s - t)) + (y - t)
    return s, e


def _sum_directed(x: Any, y: Any, direction: float) -> Array:
    # s + e = x + y exactly. s moves one step outwards iff e points outwards. Where an intermediate overflowed
    # e is NaN and s moves as well (the negated comparison is True): still a bound. An overflowed s = ±inf on
    # the inner side (e.g. rounding down gave +inf) moves back to ±MAX, which bounds a sum whose exact value
    # exceeds MAX.
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim == y.ndim == 0:
        return np.array(_sum_of_numbers(float(x), float(y), direction))
    with quiet():
        s, e = two_sum(x, y)
        keep = e <= 0 if direction > 0 else e >= 0
        infinite = np.isinf(s)
        if np.count_nonzero(infinite):
            keep = keep | (infinite & ~(np.isfinite(x) & np.isfinite(y)))
        return np.asarray(np.where(keep, s, np.nextafter(s, direction)))


def _sum_of_numbers(x: float, y: float, direction: float) -> float:
    """The same of two numbers, in Python floats: a tenth of what operations on arrays without axes cost."""
    require_default_environment()
    s = x + y
    t = s - x
    e = (x - (s - t)) + (y - t)
    if (e <= 0.0 if direction > 0.0 else e >= 0.0) or (math.isinf(s) and not (math.isfinite(x) and math.isfinite(y))):
        return s
    return math.nextafter(s, direction)


def fraction_bounds(q: Fraction) -> tuple[float, float]:
    """Adjacent doubles (or twice the same) that enclose the rational q; ±inf beyond the largest double.

    >>> lo, hi = fraction_bounds(Fraction(1, 10))
    >>> Fraction(lo) < Fraction(1, 10) < Fraction(hi)
    True
    """
    try:
        f = q.numerator / q.denominator  # correctly rounded by CPython; only a guess here, compared exactly below
    except OverflowError:
        return (sys.float_info.max, math.inf) if q > 0 else (-math.inf, -sys.float_info.max)
    lo = hi = f
    while Fraction(lo) > q:
        lo = math.nextafter(lo, -math.inf)
    while Fraction(hi) < q:
        hi = math.nextafter(hi, math.inf)
        if math.isinf(hi):
            break
    return lo, hi
