"""Upper bounds of numbers ≥ 0: plain doubles of which every sum and product is rounded up.

Bounds over a ball of parameters are sums and products of norms. All are monotone, so an upper end is all that is ever needed, and a
midpoint with a radius would only cost time. An :class:`Upper` holds doubles ≥ 0 or ∞ (nothing known), each at least the real number it
stands for; a NaN, such as 0·∞, becomes ∞. Zero stays zero: what does not move is known not to move.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arrays.ball import Ball
from verify.arrays.environment import require_default_environment
from verify.arrays.rounding import ETA, INFLATE, Array, gamma, quiet
from verify.errors import InputError

__all__ = ["Upper"]

_UP = 1.0 + 2.0**-51
"""A computed r ≥ 0 with r ≥ x(1 − u) in the normal range has fl(r·(1 + 4u)) ≥ x; subnormal sums are exact."""


class Upper:
    """An array of upper bounds; broadcasts as numpy does.

    Attributes:
        value: float64, ≥ 0 or infinite.

    >>> import numpy as np
    >>> x = Upper(np.array([0.1, 0.0])) * 3.0 + 1.0
    >>> bool(x.value[0] > 1.3), float(x.value[1]) >= 1.0
    (True, True)
    """

    __slots__ = ("value",)
    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def __init__(self, value: Any) -> None:
        """Take exact doubles ≥ 0, or the upper ends of an enclosure."""
        require_default_environment()
        array = np.asarray(value.upper() if isinstance(value, Ball) else value, dtype=np.float64)
        good = array >= 0.0  # not of NaN
        if np.count_nonzero(good) < good.size:
            if (array < 0.0).any():
                raise InputError("upper bound: a negative number; expected doubles ≥ 0")
            array = np.where(good, array, np.inf)
        self.value: Array = array

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.value.shape

    def __getitem__(self, key: Any) -> Upper:
        """Return entries, as :class:`Upper`."""
        return Upper(self.value[key])

    def __add__(self, other: Upper | float) -> Upper:
        """Return an upper bound of the sum."""
        y = _values(other)
        with quiet():
            return Upper((self.value + y) * _UP)

    __radd__ = __add__

    def __mul__(self, other: Upper | float) -> Upper:
        """Return an upper bound of the product; η where two positive numbers may have lost one to underflow."""
        x, y = self.value, _values(other)
        with quiet():
            return Upper(x * y * _UP + ETA * ((x > 0.0) & (y > 0.0)))

    __rmul__ = __mul__

    def sum(self, axis: int, *, keepdims: bool = False) -> Upper:
        """Return upper bounds of the sums along an axis: m terms ≥ 0 in any order lose at most γ_m of their sum."""
        with quiet():
            total = self.value.sum(axis=axis, keepdims=keepdims)
            return Upper(total * (1.0 + 2.0 * gamma(max(self.value.shape[axis], 1))) * INFLATE)

    def max(self, axis: int, *, keepdims: bool = False) -> Upper:
        """Return upper bounds of the largest entries along an axis; 0 where it is empty."""
        return Upper(self.value.max(axis=axis, keepdims=keepdims, initial=0.0))

    def root(self) -> Upper:
        """Return upper bounds of the square roots."""
        return Upper(np.sqrt(self.value) * _UP)

    def norm(self, axis: int, *, keepdims: bool = False) -> Upper:
        """Return upper bounds of the Euclidean norms along an axis."""
        return (self * self).sum(axis, keepdims=keepdims).root()


def _values(other: Upper | float) -> Array:
    return other.value if isinstance(other, Upper) else Upper(other).value
