"""Decimal text of a one-element ball: as many digits as are certain, and never a tighter claim than the ball."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

_EXACT = Context(prec=1600, Emin=-100_000, Emax=100_000)  # every double has at most 1,075 significant digits


def format_ball(m: float, r: float) -> str:
    """Text "d ± r": the ball [m − r, m + r] is a subset of [d − r, d + r] read as exact decimals; r has two digits,
    rounded up.

    >>> from verify.arrays import Ball
    >>> str(Ball(1.0) / 3.0)
    '0.333333333333333315 ± 3.8e-17'
    >>> str(Ball(2.0))
    '2.0'
    """
    if r == 0.0:
        return repr(m)
    if math.isinf(r):
        return "0 ± inf"
    mid, rad = Decimal(m), Decimal(r)  # exact conversions
    # Keep the midpoint to one digit beyond the radius's first; what that drops is added to the radius,
    # rounded up.
    place = rad.adjusted() - 1
    shown = mid.quantize(Decimal((0, (1,), place)), rounding=ROUND_HALF_EVEN, context=_EXACT)
    if shown.adjusted() - place > 17:  # more digits than a double identifies
        shown = Decimal(repr(m))
    slack = _EXACT.add(rad, _EXACT.abs(_EXACT.subtract(shown, mid)))
    up = slack.quantize(Decimal((0, (1,), slack.adjusted() - 1)), rounding=ROUND_CEILING, context=_EXACT)
    if Fraction(up) < Fraction(slack):  # cannot happen; kept so that a wrong context can never print a tighter claim
        raise ArithmeticError("decimal rounding of the radius went down")
    return f"{_plain(shown)} ± {up:.1e}"


def _plain(d: Decimal) -> str:
    text = str(d)
    return text if "E" not in text else text.replace("E", "e")
