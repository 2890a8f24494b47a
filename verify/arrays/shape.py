"""Shapes and indexing of balls: exact, alike for midpoints and radii."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from verify.arrays.rounding import Array


class ArrayShape:
    """Mixin of array methods that only move entries."""

    __slots__ = ()

    _mid: Array
    _rad: Array

    def _moved(self, move: Callable[[Array], Any]) -> Self:
        """The ball of moved midpoints and radii, without copy or check."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of mid and rad."""
        return self._mid.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._mid.ndim

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._mid.size

    @property
    def T(self) -> Self:
        """Transpose (all axes reversed), exact."""
        return self._moved(lambda a: a.T)

    def swapaxes(self, a: int, b: int) -> Self:
        """Exchange two axes, exact."""
        return self._moved(lambda m: m.swapaxes(a, b))

    def reshape(self, *shape: Any) -> Self:
        """Same entries, new shape; exact."""
        return self._moved(lambda m: m.reshape(*shape))

    def ravel(self) -> Self:
        """One axis; exact."""
        return self.reshape(-1)

    def __getitem__(self, index: Any) -> Self:
        """Numpy indexing, basic or advanced; exact."""
        return self._moved(lambda m: np.asarray(m[index]))

    def __len__(self) -> int:
        """Length of the first axis."""
        return len(self._mid)

    def __iter__(self) -> Iterator[Self]:
        """Balls along the first axis."""
        return (self[i] for i in range(len(self._mid)))
