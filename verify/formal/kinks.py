"""ReLU in the proved checker: the balls on which a unit may change sides on a sample (``sidesZ`` of ``Check.v``)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = ["Signs"]


@dataclass(frozen=True)
class Signs:
    """On which balls a unit keeps its side of the kink on a sample.

    Attributes:
        squares: (n, m) squares of the radii up to which it does, exact fractions; 0 for a unit that may be on its kink, infinite at the sample
            zero without hidden biases, where all units stay on it. positive: (n, m), the side.
    """

    squares: np.ndarray
    positive: np.ndarray

    @functools.cached_property
    def approx(self) -> np.ndarray:
        """The radii (n, m) themselves in float64."""
        return np.asarray(np.sqrt(self.squares.astype(float)))

    @property
    def radius(self) -> float:
        """About the least of these radii: no unit changes sides on a smaller ball."""
        return float(self.approx.min())

    def changing(self, radius: Fraction) -> int:
        """The number of units that may change sides on a sample somewhere on the ball of this radius."""
        return int((self.squares <= radius**2).any(axis=0).sum())

    def sides(self, radius: Fraction) -> np.ndarray:
        """Twice the slopes (n, m) on the ball of this radius: 0 or 2, and 1 where the unit may change sides."""
        return self._sides(self.squares <= radius**2).astype(object)

    def approx_sides(self, radius: float) -> np.ndarray:
        """The same in float64, but for what rounding decides."""
        return self._sides(self.approx <= radius).astype(float)

    def _sides(self, crossed: np.ndarray) -> np.ndarray:
        return np.where(crossed, 1, np.where(self.positive, 2, 0))
