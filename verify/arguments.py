"""Numbers that a user passes: exactly what they say, or refused."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from verify.errors import InputError

__all__ = ["exact_count", "positive_float"]


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
