"""Activations as layers: smooth ones, and piecewise linear ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from verify.arrays import Ball, Rows
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks.activations import Activation
from verify.networks.layers.kinks import FAR, Jump, Kinks
from verify.networks.layers.layer import Elementwise
from verify.networks.layers.norms import unit_norms
from verify.networks.layers.values import (
    ElementwiseNorms,
    Mask,
    SensitivityChange,
    Shape,
    SpectralNorm,
    Value,
    ValueChange,
)

__all__ = ["Activated", "Slopes"]


@dataclass(frozen=True)
class Slopes:
    """σ' at the centre.

    Attributes:
        rows: one row per sample and position. chosen: (n, units), where the mean of two slopes stands for the slope; None for nowhere.
        still: where z is 0 whatever the parameters are, so that the slope at 0 stays; None for nowhere.
    """

    rows: Rows
    chosen: Bool[np.ndarray, "n units"] | None = None
    still: Mask | None = None


@dataclass(frozen=True)
class Activated(Elementwise):
    """σ(h) entrywise; the identity is no layer.

    Attributes:
        function: σ, which knows its enclosures and suprema.
    """

    kind: ClassVar[str] = "activation"
    function: Activation
    inputs: tuple[int, ...] = (-1,)
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse the identity: two names for one graph."""
        if self.function.is_identity:
            raise InputError("activation layer: the identity computes nothing; leave it out")

    def shape(self, *below: Shape) -> Shape:
        """The input's."""
        if len(below) != 1:
            raise ShapeError(f"activation: {len(below)} inputs; expected one")
        return below[0]

    def value(self, *below: Value) -> tuple[Value, Slopes]:
        """σ(h); saved: σ'(h)."""
        (z,) = below
        h, slope = self.function.rows(z.rows)
        return Value(h, z.shape), Slopes(slope)

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Where z does, if σ(0) = 0."""
        return masks[0] & self.function.fixes_zero

    def slopes(self, z: Value, still: Mask | None) -> Slopes:
        """σ'(z) of a piecewise linear σ, which is σ'(0) by the rule at kinks where z is 0 whatever the parameters are."""
        if still is None:
            return Slopes(self.function.rows(z.rows)[1])
        return replace(self.midpoints(z, np.zeros_like(still), still), chosen=None)

    def midpoints(self, z: Value, chosen: Bool[np.ndarray, "n units"], still: Mask | None = None) -> Slopes:
        """σ'(z) with the mean of the extreme slopes at the chosen units (position by position, channels last), wherever they are."""
        pieces = self.function.pieces
        assert pieces is not None
        below, above = min(pieces.slopes), max(pieces.slopes)
        mask = chosen.reshape(z.rows.mid.shape)
        mean = Ball(above) * Ball(0.5) + Ball(below) * Ball(0.5)
        undecided = ~mask & ~(pieces.gap(z.rows.mid) > z.rows.sup[:, None])
        undecided &= True if still is None else ~still
        mid = np.where(
            mask | undecided,
            float(mean.mid),
            pieces.slope(z.rows.mid if still is None else np.where(still, 0.0, z.rows.mid)),
        )
        half = (Upper(abs(Ball(above) - Ball(below))) * 0.5 + Upper(mean.rad)).value
        rad = np.where(undecided, half, np.where(mask, float(mean.rad), 0.0))
        return Slopes(Rows.of(Ball(mid, rad)), chosen, still)

    def pullback(self, saved: Slopes, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """G ∘ σ'(z)."""
        samples = saved.rows.mid.shape[0] // g.positions
        return (Value(_by_sample(g, saved.rows, samples, self.function.supremum(1)), below[0]),)

    def norms(
        self, saved: Slopes | None, below: tuple[Value, ...], g: Value, k: int, norm: SpectralNorm, moves: bool
    ) -> ElementwiseNorms:
        """Suprema of the derivatives over R, columns of G, and beside kinks each unit's distance from the nearest and jump."""
        (z,) = below
        units = unit_norms(g.rows, z.samples, k)
        pieces = self.function.pieces
        kinks = None
        if pieces is not None:
            distances = np.nextafter(pieces.gap(z.rows.mid) - z.rows.sup[:, None], -np.inf)
            jump = Upper(np.nextafter(max(pieces.slopes) - min(pieces.slopes), np.inf))
            distances, jumps = np.maximum(distances, 0.0).reshape(units.shape), (jump * Upper(units)).value
            if saved is not None and saved.chosen is not None:
                # From the mean it is half the jump to either slope, whatever the sign.
                halves = (Upper(jumps) * 0.5).value
                distances, jumps = np.where(saved.chosen, 0.0, distances), np.where(saved.chosen, halves, jumps)
            if saved is not None and saved.still is not None:
                still = saved.still.reshape(units.shape)
                distances, jumps = np.where(still, FAR, distances), np.where(still, 0.0, jumps)
            kinks = Kinks(distances, jumps)
        return ElementwiseNorms(
            Upper(self.function.supremum(1)), Upper(self.function.bend), Upper(units.max(axis=1)), kinks
        )

    def pulled(
        self, norms: ElementwiseNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """As every elementwise function; at a kink K_i(r‖x_{u,i}‖) to the jumps."""
        (change,) = super().pulled(norms, r, below, above)
        if norms.kinks is None:
            return (change,)
        (x,) = below
        reach = r * x.rows.norm(-1)
        sizes = norms.kinks.largest_jump(reach)
        return (replace(change, direct=(Jump(norms.kinks, sizes, reach),)),) if sizes.value.any() else (change,)

    def meets_kink(self, norms: ElementwiseNorms, r: Upper, *below: ValueChange) -> Bool[np.ndarray, "m n"]:
        """Whether some unit of a sample may meet a kink."""
        if norms.kinks is None:
            return super().meets_kink(norms, r, *below)
        (x,) = below
        return np.asarray((r * x.rows.norm(-1)).value >= norms.kinks.closest)


def _by_sample(g: Value, slope: Rows, samples: int, bound: float) -> Rows:
    """G ∘ σ' with each sample's slopes repeated for its outputs: rows ((i·k + a)·P + p) meet row i·P + p."""
    outputs = g.samples // samples
    if outputs == 1 or g.positions == 1:
        return g.rows.schur(slope, bound)
    order = np.arange(samples * g.positions).reshape(samples, 1, g.positions)
    chosen = np.broadcast_to(order, (samples, outputs, g.positions)).ravel()
    return g.rows.schur(Rows(slope.mid[chosen], slope.err[chosen], slope.sup[chosen]), bound)
