"""Comparisons of balls that are certain, or raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.arrays.environment import require_default_environment
from verify.arrays.rounding import Array
from verify.errors import NotCertainError

Certain = NDArray[np.bool_]


class CertainComparisons:
    """Mixin: <, <=, >, >=, ==, != on [lower, upper], elementwise; NotCertainError wherever the answer depends on the point."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # == is a certain comparison, not identity

    def lower(self) -> Array:
        """Lower bounds."""
        raise NotImplementedError

    def upper(self) -> Array:
        """Upper bounds."""
        raise NotImplementedError

    def _coerce(self, name: str, other: Any) -> Any:
        raise NotImplementedError

    def _order(
        self, other: Any, name: str, yes: Callable[[Any, Any], Certain], no: Callable[[Any, Any], Certain]
    ) -> Any:
        require_default_environment()  # a flushed operand compares as 0
        b = self._coerce(name, other)
        true, false = yes(self, b), no(self, b)
        if not (true | false).all():
            open_entries = int((~(true | false)).sum())
            raise NotCertainError(
                f"ball {name} ball: {open_entries} of {true.size} entries overlap; tighten or handle both"
            )
        return bool(true) if true.ndim == 0 else true

    def __lt__(self, other: Any) -> Any:
        """Certain elementwise comparison (bool for shape ()); NotCertainError if any entry overlaps."""
        return self._order(other, "<", lambda a, b: _above(b, a), lambda a, b: _not_below(a, b))

    def __le__(self, other: Any) -> Any:
        """Certain elementwise comparison; NotCertainError if any entry overlaps."""
        return self._order(other, "<=", lambda a, b: _not_below(b, a), lambda a, b: _above(a, b))

    def __gt__(self, other: Any) -> Any:
        """Certain elementwise comparison; NotCertainError if any entry overlaps."""
        return self._order(other, ">", lambda a, b: _above(a, b), lambda a, b: _not_below(b, a))

    def __ge__(self, other: Any) -> Any:
        """Certain elementwise comparison; NotCertainError if any entry overlaps."""
        return self._order(other, ">=", lambda a, b: _not_below(a, b), lambda a, b: _above(b, a))

    def __eq__(self, other: Any) -> Any:
        """Certain equality of values: True for equal points, False for disjoint balls, else NotCertainError."""
        if other is None:
            return False
        return self._order(
            other,
            "==",
            lambda a, b: (a._mid == b._mid) & (a._rad == 0) & (b._rad == 0),
            lambda a, b: _above(a, b) | _above(b, a),
        )

    def __ne__(self, other: Any) -> Any:
        """Certain inequality of values; NotCertainError where balls overlap without being equal points."""
        equal = self == other
        return np.logical_not(equal) if isinstance(equal, np.ndarray) else not equal


def _above(a: Any, b: Any) -> Certain:
    """Certainly a > b, elementwise."""
    return np.asarray(a.lower() > b.upper())


def _not_below(a: Any, b: Any) -> Certain:
    """Certainly a ≥ b, elementwise."""
    return np.asarray(a.lower() >= b.upper())
