"""Exact integers for the formal checker: doubles over a power of two, roots rounded to a side, tanh as in FixedTanh.v."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

__all__ = ["ONE", "exact_integers", "floor_sqrt", "round_up", "tanh_integers"]

ONE = 1 << 28
"""The unit of pre-activations and tanh, 2^28 (``one`` in FixedTanh.v)."""

_FINE = 1 << 40
_STEP = 1 << 32


def exact_integers(arrays: Sequence[np.ndarray], least: int) -> tuple[list[np.ndarray], int]:
    """Return float64 arrays as integers (object arrays of the same shapes) over one power of two, and its exponent.

    Args:
        arrays: finite float64 arrays. least: smallest exponent, so that bits can be dropped.

    Example:
        >>> exact_integers([np.array([0.5, -0.75])], 0)
        ([array([2, -3], dtype=object)], 2)
    """
    ratios = [[value.as_integer_ratio() for value in array.ravel().tolist()] for array in arrays]
    bits = max([least, *(den.bit_length() - 1 for row in ratios for _, den in row)])
    result = []
    for array, row in zip(arrays, ratios, strict=True):
        flat = np.empty(len(row), dtype=object)
        flat[:] = [num * ((1 << bits) // den) for num, den in row]
        result.append(flat.reshape(array.shape))
    return result, bits


def round_up(value: Fraction, *, root: bool = False, bits: int = 30) -> Fraction:
    """Return the smallest multiple of 2^-bits that is at least `value`, or at least its square root.

    >>> round_up(Fraction(2), root=True, bits=4)
    Fraction(23, 16)
    """
    if not root:
        return Fraction(math.ceil(value * (1 << bits)), 1 << bits)
    scaled = math.ceil(value * (1 << (2 * bits)))
    return Fraction(math.isqrt(scaled - 1) + 1 if scaled > 0 else 0, 1 << bits)


def floor_sqrt(value: Fraction, bits: int = 30) -> Fraction:
    """Return the largest multiple of 2^-bits whose square is at most `value` ≥ 0.

    >>> floor_sqrt(Fraction(2), bits=4)
    Fraction(11, 8)
    """
    return Fraction(math.isqrt(math.floor(value * (1 << (2 * bits)))), 1 << bits)


def _add(t: int, u: int) -> int:
    return ((t + u) * _FINE * _FINE) // (_FINE * _FINE + t * u)


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """tanh(g/256), g < 4096, and 1 − tanh², in units of 2^-28 (int64)."""
    first = _STEP - _STEP**3 // (3 * _FINE * _FINE)
    values, t = [], 0
    for _ in range(4096):
        values.append(t)
        t = _add(t, first)
    reduced = np.array([v >> 12 for v in values], dtype=np.int64)
    return reduced, (ONE * ONE - reduced * reduced) >> 28


def tanh_integers(z: np.ndarray) -> np.ndarray:
    """tanh of int64 `z` (units 2^-28, |z| < 16·2^28), elementwise as ``tanhZ`` computes it; within 16 units of the truth."""
    size = np.abs(z)
    g = size >> 20
    h = size - (g << 20)
    table, slopes = _table()
    t, p = table[g], (slopes[g] * h) >> 28
    return np.asarray(np.sign(z) * (t + p - ((((p * h) >> 28) * t) >> 28)))
