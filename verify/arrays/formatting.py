"""Text of balls: of one entry as many digits as are certain, and never a tighter claim than the ball."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays.rounding import Array
from verify.decimals import enclosure
from verify.errors import DtypeError, NotCertainError

_EXACT = Context(prec=1600, Emin=-100_000, Emax=100_000)  # every double has at most 1,075 significant digits


class PrintedWhole:
    """Mixin: text that never claims more than the ball, and no number that would drop the radius."""

    __slots__ = ()

    _mid: Array
    _rad: Array

    def __bool__(self) -> bool:
        """Refused: NotCertainError."""
        raise NotCertainError("the truth value of a Ball is ambiguous; compare it, e.g. ball > 0")

    def __float__(self) -> float:
        """Refused: DtypeError."""
        raise DtypeError("float(Ball) would drop the radius; use .mid, .lower() or .upper()")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: DtypeError."""
        raise DtypeError("numpy.asarray(Ball) would drop the radius; use .mid, .lower() or .upper()")

    def __repr__(self) -> str:
        """Midpoint and radius, exactly, for shape (); a summary otherwise."""
        if self._mid.ndim == 0:
            return f"Ball({float(self._mid)!r}, {float(self._rad)!r})"
        worst = float(self._rad.max(initial=0.0))
        return f"Ball(shape={self._mid.shape}, mid={np.array2string(self._mid, threshold=8)}, largest rad={worst:.3g})"

    def __str__(self) -> str:
        """One entry: as many decimal digits as are certain, with an enclosing ±; arrays: as repr."""
        if self._mid.size != 1:
            return repr(self)
        return format_ball(float(self._mid.reshape(())), float(self._rad.reshape(())))

    def __format__(self, spec: str) -> str:
        """As str(); with ``.4g`` both ends to so many digits, rounded outward (of an array, the smallest and the largest).

        Raises:
            ValueError: another format.
        """
        if not spec:
            return str(self)
        digits = spec.removeprefix(".").removesuffix("g")
        if spec != f".{digits}g" or not digits.isdecimal() or not 0 < int(digits) < 1000:
            raise ValueError(f"format {spec!r} of a Ball: expected '' or '.Ng', both ends to N digits, rounded outward")
        return enclosure(self, int(digits))


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
    # Exact, and no signal to the caller's decimal context.
    mid, rad = Decimal.from_float(m), Decimal.from_float(r)
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
