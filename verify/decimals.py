"""Decimals that stay true when rounded: a lower bound is printed rounded down, an upper bound rounded up.

A certificate stores exact numbers; a report prints a few digits of them. Rounding to nearest would turn a proved
``μ ≥ 0.12345…`` into a claim that is not proved, so every decimal here is rounded in the safe direction from the
exact value.

>>> at_least(0.1), at_most(0.1)
('0.1', '0.1001')
>>> at_most(2 / 3, 3), at_least(2 / 3, 3)
('0.667', '0.666')
"""

from __future__ import annotations

import decimal
import math
from fractions import Fraction
from typing import Any

__all__ = ["at_least", "at_most", "below_one", "bounds", "enclosure", "equal", "exact", "near", "plain", "separated"]

_PLAIN = range(-4, 7)


def _rounded(value: float | int | Fraction, digits: int, rounding: str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    context = decimal.Context(prec=digits, rounding=rounding, Emin=-999999, Emax=999999)
    # Decimal(int) and Decimal(float) are exact, and a Context division is correctly rounded.
    exact_value = Fraction(value)
    number = context.divide(decimal.Decimal(exact_value.numerator), decimal.Decimal(exact_value.denominator))
    return _shown(number, context)


def _shown(number: decimal.Decimal, context: decimal.Context) -> str:
    """Write out a number of `context`: a caller's own context may have fewer digits, another rounding, or traps."""
    if number.is_zero():
        return "0"
    exponent = number.adjusted()
    if exponent in _PLAIN:
        text = format(number, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa = format(number.scaleb(-exponent, context), "f")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{exponent}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def at_least(value: float | int | Fraction, digits: int = 4) -> str:
    """Return `value` as a decimal of at most `digits` significant digits, rounded towards −∞."""
    return _rounded(value, digits, decimal.ROUND_FLOOR)


def at_most(value: float | int | Fraction, digits: int = 4) -> str:
    """Return `value` as a decimal of at most `digits` significant digits, rounded towards +∞."""
    return _rounded(value, digits, decimal.ROUND_CEILING)


def plain(value: float | int | Fraction, digits: int = 4) -> str:
    """Return an observed (never proved) value, rounded to nearest."""
    return _rounded(value, digits, decimal.ROUND_HALF_EVEN)


def below_one(value: float | Fraction, digits: int = 3) -> str:
    """Return a factor < 1 rounded up with enough digits that it still reads below 1; of any other, that it is not certainly below 1.

    >>> below_one(0.99998765), below_one(1.0000000000000002)
    ('0.9999877', 'not certainly below 1')
    """
    if not value < 1:
        return "not certainly below 1"
    while Fraction(_value(at_most(value, digits))) >= 1:
        digits += 1
    gap = Fraction(1) - Fraction(value)
    leading = -math.floor(math.log10(gap)) if value > 0 else 0
    return at_most(value, max(digits, leading + 2))


def bounds(value: Any) -> tuple[Any, Any]:
    """Return exact (lower, upper) of a Ball, Fraction, float or int.

    A Ball's end points are doubles; of an array of balls, the smallest and the largest.
    """
    if hasattr(value, "lower") and hasattr(value, "upper"):
        low, high = value.lower(), value.upper()
        return float(getattr(low, "min", lambda: low)()), float(getattr(high, "max", lambda: high)())
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return Fraction(str(value)), Fraction(str(value))
    return value, value


def enclosure(value: Any, digits: int = 6) -> str:
    """Return ``[lower, upper]`` rounded outwards, or one decimal when that is the exact value.

    >>> enclosure(0.5)
    '0.5'
    """
    low, high = bounds(value)
    left, right = at_least(low, digits), at_most(high, digits)
    return left if left == right else f"[{left}, {right}]"


def exact(value: Any) -> str:
    """Return a number in full: a short fraction, a double's shortest decimal, or both named.

    >>> exact(Fraction(1, 500)), exact(Fraction(1, 4)), exact(Fraction(0.1))
    ('1/500', '1/4', '0.1 (as a double)')
    """
    low, high = bounds(value)
    if low != high:
        return enclosure(value)
    number = Fraction(low)
    if number.denominator <= 10**6:
        return str(number)
    nearest = float(number)
    return f"{nearest!r} (as a double)" if Fraction(nearest) == number else str(number)


def near(value: float | int | Fraction, digits: int = 6) -> str:
    """Return a number that a statement is about, a step: in full if that is short, else "≈" and its nearest decimal.

    >>> near(Fraction(1, 30)), near(0.1), near(Fraction("0.12345678"))
    ('1/30', '0.1', '≈ 0.123457')
    """
    number = Fraction(value)
    text, fraction = plain(number, digits), str(number)
    nearest = Fraction(_value(text))
    # A decimal that reads back as this very double names it.
    if nearest == number or (abs(number) < 2**1000 and Fraction(float(number)) == number == Fraction(float(nearest))):
        return text
    return fraction if len(fraction) <= 2 * digits else f"≈ {text}"


def equal(value: float | int | Fraction, digits: int = 6) -> str:
    """Return "= " and the number, or "≈ " and its nearest decimal: what follows the name of a step."""
    text = near(value, digits)
    return text if text.startswith("≈") else f"= {text}"


def separated(low: Any, high: Any, digits: int = 4) -> tuple[str, str]:
    """Return (`low` rounded up, `high` rounded down) with enough digits that low < high is still visible.

    When the two are equal, or need more than 17 digits, the texts may coincide.
    """
    for precision in range(digits, 18):
        left, right = at_most(low, precision), at_least(high, precision)
        if left != right and _value(left) < _value(right):
            return left, right
    return at_most(low, digits), at_least(high, digits)


def _value(text: str) -> decimal.Decimal:
    """Read back a decimal of this module."""
    return decimal.Decimal(text.replace("−", "-").replace("∞", "Infinity"))
