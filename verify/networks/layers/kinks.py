"""What the units of a layer with kinks can do to the sensitivity below it: a knapsack bound.

Claim id: unstable_units.

σ has slopes in [s_−, s_+] and one kink at 0. On the ball the slope of unit r of sample i differs from its slope at the centre only if z_{i,r} changes sign or
touches 0, and then |Δz_{i,r}| ≥ |z⁰_{i,r}|. So for the set S of these units, with ρ ≥ ‖Δz_i‖,

    Σ_{r∈S}(z⁰_r)² ≤ ρ²  and  |z⁰_r| ≤ ρ on S,   ‖G⁰_i diag(d(θ) − d⁰)‖² ≤ Σ_{r∈S} j²‖g_{i,r}‖²,  j = s_+ − s_−,

a knapsack. By weak duality of its linear relaxation, for every τ ≥ 0

    K_i(ρ)² ≤ τρ² + Σ_{r: |z⁰_r| ≤ ρ} max(0, j²‖g_{i,r}‖² − τ(z⁰_r)²).

A function with several kinks (hard tanh) enters by its nearest: |z⁰_r| becomes the distance from it, within which no slope changes, and j the difference of
the extreme slopes, beyond which none does.

The multiplier is a guess (the greedy order's critical ratio, where the relaxation is attained); any τ is a bound. K is 0 exactly where no |z⁰_r| ≤ ρ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from verify.arrays.rounding import quiet
from verify.arrays.upper import Upper

__all__ = ["FAR", "Jump", "Kinks"]

FAR = 1e150
"""A distance that no unit goes; its square is finite."""


@dataclass(frozen=True)
class Jump:
    """What the units of one layer can do to the sensitivity right below it.

    Attributes:
        kinks: the units. sizes: K_i (m, n). reach: ρ_i (m, n).
    """

    kinks: Kinks
    sizes: Upper
    reach: Upper

    def gains(self, index: int) -> Float[np.ndarray, "n units"]:
        """Each unit's jump at one of the radii, 0 where it cannot change its slope."""
        near = self.kinks.distances <= self.reach.value[index][:, None]
        return np.where(near, self.kinks.jumps, 0.0)


@dataclass(frozen=True)
class Kinks:
    """Units of one layer: lower bounds of |z⁰|, or of the distance from the nearest kink, and upper bounds of j‖g‖, per sample, (n, units)."""

    distances: Float[np.ndarray, "n units"]
    jumps: Float[np.ndarray, "n units"]

    @cached_property
    def closest(self) -> Float[np.ndarray, " n"]:
        """The least distance of each sample."""
        return np.asarray(self.distances.min(axis=1))

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distances, their squares from below and jumps' squares from above, by falling value per weight."""
        with quiet():
            weight = np.maximum(np.nextafter(self.distances * self.distances, -np.inf), 0.0)
            value = (Upper(self.jumps) * Upper(self.jumps)).value
            ratio = np.where(
                weight > 0.0, value / np.where(weight > 0.0, weight, 1.0), np.where(value > 0.0, np.inf, 0.0)
            )
        order = np.argsort(-ratio, axis=1, kind="stable")
        return tuple(np.take_along_axis(a, order, axis=1) for a in (self.distances, weight, value))  # type: ignore[return-value]

    def largest_jump(self, reach: Upper) -> Upper:
        """Return K_i(ρ) (m, n) for ρ = `reach` (m, n)."""
        found = np.zeros(reach.shape)
        for at in np.flatnonzero((reach.value >= self.closest).any(axis=1)):
            found[at] = self._at(reach.value[at])
        return Upper(found)

    def _at(self, reach: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        distance, weight, value = self._sorted
        near = distance <= reach[:, None]
        with quiet():
            room = np.where(np.isfinite(reach), reach, 0.0)[:, None] ** 2
            filled = np.cumsum(np.where(near, weight, 0.0), axis=1)
            over = near & (filled > room)
            first = np.argmax(over, axis=1)
            rows = np.arange(len(reach))
            critical = value[rows, first] / np.where(weight[rows, first] > 0.0, weight[rows, first], 1.0)
            tau = np.where(over.any(axis=1) & np.isfinite(critical), critical, 0.0)
            # Right-hand sides from above: value up, τ·weight down.
            paid = np.maximum(np.nextafter(tau[:, None] * weight, -np.inf), 0.0)
            gain = np.where(near, np.maximum(np.nextafter(value - paid, np.inf), 0.0), 0.0)
        square = Upper(tau) * Upper(reach) * Upper(reach) + Upper(gain).sum(1)
        return square.root().value * near.any(axis=1)
