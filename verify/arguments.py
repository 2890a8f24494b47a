"""Numbers that a user passes: exactly what they say, or refused."""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np

from verify.errors import InputError, NonFiniteError

__all__ = ["exact_count", "exact_number", "exact_step", "positive_float"]


# Fraction("1e999999999") would take hours.
_EXPONENT = re.compile(r"[^eE]{0,1000}([eE][+-]?\d{1,4}\s*)?")


def exact_number(value: Any, name: str, expected: str = "a finite number, such as 0.9 or '9/10'") -> Fraction:
    """Return the exact rational that a number denotes; ``0.1`` is that double, ``"0.1"`` is 1/10.

    Raises:
        InputError: not a number. NonFiniteError: NaN or infinity.
    """
    try:
        # A 0-d array or tensor holds a Python number; float() would round a large integer.
        given = value.item() if hasattr(value, "item") else value
        if isinstance(given, float) and not math.isfinite(given):
            raise NonFiniteError(f"{name}={value!r}: expected {expected}")
        if isinstance(given, bool) or not isinstance(given, int | float | str | Fraction | Decimal):
            raise TypeError("not a number")
        if isinstance(given, str | Decimal) and not _EXPONENT.fullmatch(str(given)):
            raise ValueError("an exponent of five digits or more")
        return Fraction(given)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError, InvalidOperation) as error:
        if isinstance(error, NonFiniteError):
            raise
        raise InputError(f"{name}={value!r}: expected {expected}") from error


def exact_step(lr: float | int | str | Fraction | Decimal | None) -> Fraction | None:
    """Return the step size as the exact rational it denotes; ``0.1`` is that double, ``"0.1"`` is 1/10.

    Raises:
        InputError: not a number, or not positive. NonFiniteError: NaN or infinity.
    """
    if lr is None:
        return None
    step = exact_number(lr, "lr", "a finite number > 0, such as 0.1 or '1/10'")
    if step <= 0:
        raise InputError(f"lr={lr!r}: gradient descent needs a step > 0; lr=None takes the certified step 1/β")
    return step


def exact_count(value: Any, name: str, *, least: int = 0) -> int:
    """Return a whole number ≥ `least` as an int.

    Raises:
        InputError: no whole number (2.5 is not taken for 2, nor True for 1), or a smaller one.
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = least - 1
    if count < least or isinstance(value, bool | np.bool_):
        raise InputError(f"{name}={value!r}: expected a whole number ≥ {least}")
    return count


def positive_float(value: Any, name: str) -> float:
    """Return a finite number > 0 as a float, rounded if it must be.

    Raises:
        InputError: anything else.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0.0 < value < math.inf:
        raise InputError(f"{name}={value!r}: expected a finite number > 0")
    return float(value)
