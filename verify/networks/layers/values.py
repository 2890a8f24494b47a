"""What flows along the edges of the graph: values, sensitivities, norms at the centre, and how far each moves.

**Values** are :class:`Value`: one row per sample and position, channels last, (n·P, C); a vector is the case P = 1. **Sensitivities**
G_v = ∂F/∂h_v are Values too, with the N = n·k outputs (sample-major) in the place of the samples: (N·P, C).

**Movement** (derivation in :mod:`verify.networks.movement`). For parameters θ⁰ + δ, t_l = ‖δ_l‖_F over the L layers that train, ‖t‖ ≤ r:
:class:`ValueChange` x bounds ‖Δh_{v,i}‖ ≤ ⟨x_{v,i}, t⟩ and ‖ΔH_v‖_F ≤ ⟨x_v, t⟩; :class:`SensitivityChange` (y, c) bounds
‖ΔG_{v,i}‖ ≤ ⟨y_{v,i}, t⟩ + c_{v,i}. Both for m radii at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from verify.arrays import Ball, Rows
from verify.arrays.upper import Upper
from verify.networks.layers.kinks import Jump, Kinks

__all__ = [
    "ElementwiseNorms",
    "GramTerm",
    "Mask",
    "SensitivityChange",
    "Shape",
    "SpectralNorm",
    "TrainedNorms",
    "Value",
    "ValueChange",
    "wide",
]

Shape = tuple[int, ...]
"""(d,) of a vector per sample, (C, H, W) of a map."""

Mask = Bool[np.ndarray, "rows channels"]
"""Entries of a value's rows."""

SpectralNorm = Callable[[Ball], Ball]
"""Encloses (or, in a guess, approximates) the spectral norm of a matrix."""


@dataclass(frozen=True)
class Value:
    """A value or a sensitivity: enclosed rows, one per sample (or output of a sample) and position, channels last.

    Attributes:
        rows: (samples·P, C); row i·P + p is position p (row-major over H, W) of sample i.
        shape: (C,) with P = 1, or (C, H, W) with P = H·W.
    """

    rows: Rows
    shape: Shape

    @property
    def positions(self) -> int:
        """P."""
        return math.prod(self.shape[1:])

    @property
    def samples(self) -> int:
        """Number of samples, or of outputs over all samples."""
        return int(self.rows.mid.shape[0]) // self.positions


GramTerm = tuple[Rows, Rows | None] | Ball
"""A layer's term of the NTK: factors (A (n, q), B (N, m)) of (BBᵀ) ∘ (AAᵀ ⊗ 11ᵀ), None for BBᵀ = 1; or the term (N, N) itself, symmetric."""


@dataclass(frozen=True)
class ValueChange:
    """x: how far a value moves, as coefficients over t.

    Attributes:
        whole: (m, L), of ‖ΔH‖_F over all samples. rows: (m, n, L), per sample.
        crossed: (m, n), whether some unit or window that the value depends on may leave its side of a kink or its choice; None for nowhere.
    """

    whole: Upper
    rows: Upper
    crossed: Bool[np.ndarray, "m n"] | None = None


@dataclass(frozen=True)
class SensitivityChange:
    """(y, c): how far a sensitivity moves.

    Attributes:
        rows: y, (m, n, L). jumps: c, (m, n), what kinks add at any distance.
        direct: jumps that no map has mixed with others yet, not in c.
    """

    rows: Upper
    jumps: Upper
    direct: tuple[Jump, ...] = ()

    @property
    def settled(self) -> Upper:
        """C (m, n) with every jump in it."""
        total = self.jumps
        for jump in self.direct:
            total = total + jump.sizes
        return total

    def __add__(self, other: SensitivityChange) -> SensitivityChange:
        """Return the change of a sum: consumers of one value."""
        return SensitivityChange(self.rows + other.rows, self.jumps + other.jumps, self.direct + other.direct)

    def times(self, factor: Upper) -> SensitivityChange:
        """Return the change after a fixed linear map of norm `factor` (m, 1) or (m, n) or scalar."""
        wide = Upper(factor.value[..., None]) if factor.value.ndim else factor
        return SensitivityChange(self.rows * wide, self.settled * factor)

    def largest(self, r: Upper) -> Upper:
        """Return r‖y‖ + c (m, n), the supremum over the ball; r is (m, 1)."""
        return r * self.rows.norm(-1) + self.settled


@dataclass(frozen=True)
class TrainedNorms:
    """Norms of a trained layer, at the centre or as suprema over m balls.

    Attributes:
        whole: α_v, norm of the data operator (U, q) ↦ U∗h + q over all samples; scalar, or (m, 1).
        rows: α_{v,i}, per sample; (n,), or (m, n).
        weight: ν_v ≥ ‖h ↦ W∗h‖ per sample; scalar or (m, 1).
        overlap: κ_v, ‖U∗h‖ ≤ κ_v‖U‖_F‖h‖; 0 where the weight is frozen. Scalar.
        sensitivity: b_{v,i} ≥ ‖G_{v,i}‖₂; (n,) or (m, n).
        unit: (L,) 1_v, all zero where nothing of the layer trains.
    """

    whole: Upper
    rows: Upper
    weight: Upper
    overlap: Upper
    sensitivity: Upper
    unit: Upper


@dataclass(frozen=True)
class ElementwiseNorms:
    """Norms of an activation: sup|σ'| and sup|σ''| (scalars; 0 beside a kink), and γ_{v,i} ≥ max_r‖g_{v,i,r}‖₂ of its own sensitivity's columns,
    (n,) or (m, n); of one with kinks what its units can do.
    """

    slope: Upper
    bend: Upper
    columns: Upper
    kinks: Kinks | None = None


def wide(size: Upper) -> Upper:
    """Append an axis over t to a scalar or (m, n) bound."""
    return Upper(size.value[..., None]) if size.value.ndim else size
