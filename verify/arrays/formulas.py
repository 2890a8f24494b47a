"""Midpoint and radius of x + y, x·y and x/y, for x within ra of a and y within rb of b.

Written once for arrays (broadcast) and for Python floats, which round alike. ``a_point``: every ra is 0. A result that overflowed or
is NaN is for the caller to replace by "nothing is known". Letters u and η as in :mod:`verify.arrays.rounding`.
"""

from __future__ import annotations

from typing import Any

from verify.arrays.rounding import ETA, INFLATE, U

__all__ = ["product", "quotient", "total"]


def total(a: Any, ra: Any, a_point: bool, b: Any, rb: Any, b_point: bool) -> tuple[Any, Any]:
    """Of x + y, x within ra of a and y within rb of b."""
    # |fl(a+b) − (a+b)| ≤ fl(u·|m|): half an ulp of m is ≤ u·|m| rounded (monotone rounding of a power
    # of two ≥ η), and a sum below 2^-1021 is exact. Radii: at most two more additions and u|m|,
    # covered by INFLATE.
    m = a + b
    err = U * abs(m)
    return m, err if a_point and b_point else (ra + rb + err) * INFLATE


def product(a: Any, ra: Any, a_point: bool, b: Any, rb: Any, b_point: bool) -> tuple[Any, Any]:
    """Of x·y."""
    m = a * b
    err = U * abs(m)  # + η/2 when the product underflows
    if a_point and b_point:
        return m, err + ETA
    # |xy − ab| ≤ |a|rb + ra(|b| + rb). Roundings: ≤ 4 on any path (INFLATE covers 12); underflows:
    # η/2 for m and for each of two products, each ≤ η after inflation: 2η in all. 0·inf = NaN becomes
    # an infinite radius later.
    if b_point:
        spread = ra * abs(b)
    elif a_point:
        spread = abs(a) * rb
    else:
        spread = abs(a) * rb + ra * (abs(b) + rb)
    return m, (spread + err) * INFLATE + 2.0 * ETA


def quotient(a: Any, ra: Any, a_point: bool, b: Any, rb: Any, b_point: bool) -> tuple[Any, Any]:
    """Of x/y, |b| > rb."""
    m = a / b
    err = U * abs(m)
    if a_point and b_point:
        return m, err + ETA
    # x/y − a/b = ((x − a) − (a/b)(y − b))/y, so ≤ (ra + |a/b|rb)/(|b| − rb), where |a/b| ≤ |m|(1+u) +
    # η/2. d = fl(|b| − rb) > 0 has relative error ≤ u (it is exact below 2^-1021). Six roundings,
    # INFLATE covers 12. Underflows: η added to |m|; the product |m|·rb loses ≤ η/2, restored by η
    # where rb > 0; the quotient and m lose ≤ η/2 each.
    d = abs(b) - rb
    spread = (ra + ((abs(m) + ETA) * rb + ETA * (rb > 0))) / d
    return m, (spread + err) * INFLATE + 2.0 * ETA
