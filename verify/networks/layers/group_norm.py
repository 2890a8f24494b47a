"""GroupNorm, LayerNorm (one group) and RMSNorm (not centred): each sample divided by what it holds itself, group by group.

Claim id: layer_norm_derivatives. N(z) = √m·Pz/q, q = (‖Pz‖² + m·eps)^½, over the m entries of a group: all positions of C/groups channels. P takes the mean
off, or nothing. Weight and bias are a layer of their own (a batch norm with mean 0 and variance 1). With α = Pz/q, ‖α‖ < 1,

    DN(z)[u] = (√m/q)(Pu − α⟨α, u⟩), a symmetric matrix,   ‖DN‖ ≤ S = √m/q̲,   ‖DN(z) − DN(z')‖ ≤ S₂‖z − z'‖,   S₂ = (2/√3)√m/q̲² = (2/√(3m))S²

where q ≥ q̲ between z and z'. On all of R^m, S = 1/√eps: true and mostly useless. So q̲ is local, of each sample. Let s be a lower bound of ‖Pz⁰‖ over its
groups, and ‖Δz‖ ≤ ρ on the ball. Then ‖Pz‖ ≥ s − ρ, since ‖P‖ ≤ 1, and q̲² = max(0, s − ρ)² + m·eps, which never vanishes. Only where s ≤ ρ may the variance
vanish on the ball; there S = 1/√eps is what is left.

Values: ‖ΔN‖ ≤ S‖Δz‖. Sensitivities (:mod:`verify.networks.movement`): ΔG_u = ΔG_w·DN(z_θ) + G_w⁰·(DN(z_θ) − DN(z⁰)). N mixes entries, so that
the last, unlike an activation's, is bounded by the norm of G and not by its largest column: at most ‖G_w,i⁰‖·S₂·‖Δz_i‖. Groups do not mix: S and S₂
are the largest over the groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, Rows, sqrt, sqrt_of_nonnegative
from verify.arrays.rounding import quiet
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks.layers.layer import Layer
from verify.networks.layers.norms import sample_errors, sample_norms, sensitivity_norms
from verify.networks.layers.values import Mask, SensitivityChange, Shape, SpectralNorm, Value, ValueChange, wide

__all__ = ["GroupNorm", "GroupNormNorms", "Normalised"]


@dataclass(frozen=True)
class Normalised:
    """What is known of N at the centre.

    Attributes:
        alpha: (n, groups, m), α at the midpoints. factor: (n, groups), √m/q there.
        spread: (n,) lower bounds of ‖Pz‖ over the groups and over all values enclosed. error: (n,), how far these are from the midpoints.
    """

    alpha: Ball
    factor: Ball
    spread: Float[np.ndarray, " n"]
    error: Upper


@dataclass(frozen=True)
class GroupNormNorms:
    """Norms at the centre, or over balls.

    Attributes:
        size: m. spread: (n,) or (balls, n), lower bounds of ‖Pz‖ over a sample's groups. sensitivity: ‖G_i‖, (n,) or (balls, n).
    """

    size: int
    spread: Float[np.ndarray, "..."]
    sensitivity: Upper


@dataclass(frozen=True)
class GroupNorm(Layer):
    """(h − mean)/√(variance + eps) over each group of a sample's own entries, of a vector (C,) or a map (C, H, W); variance with m, not m − 1.

    Attributes:
        groups: divides C; a group is C/groups neighbouring channels at all positions. One group: LayerNorm.
        eps: an exact double > 0, without which the function would not be defined where the entries of a group agree.
        centred: False for RMSNorm, h/√(mean square + eps).
    """

    kind: ClassVar[str] = "group_norm"
    groups: int
    eps: float
    centred: bool = True
    inputs: tuple[int, ...] = (-1,)
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no function everywhere."""
        if type(self.eps) is not float or not 0.0 < self.eps < math.inf:
            raise InputError(
                f"group norm: eps={self.eps!r}; expected a finite double > 0: without it nothing is defined where a group's entries agree"
            )
        if type(self.groups) is not int or self.groups < 1 or type(self.centred) is not bool:
            raise InputError(f"group norm: groups={self.groups!r}, centred={self.centred!r}; expected an integer ≥ 1")

    def shape(self, *below: Shape) -> Shape:
        """The input's."""
        if len(below) != 1 or below[0][0] % self.groups:
            raise ShapeError(
                f"group norm: inputs of shape {', '.join(map(str, below))}; expected channels that {self.groups} divides"
            )
        if self.size(below[0]) == 1 and self.centred:
            raise ShapeError(
                f"group norm: inputs of shape {below[0]} in {self.groups} groups: a group of one entry is 0 always"
            )
        return below[0]

    def size(self, below: Shape) -> int:
        """Return m, the entries of a group."""
        return math.prod(below) // self.groups

    def slope(self, size: int, spread: Float[np.ndarray, "..."]) -> Upper:
        """Return S where ‖Pz‖ ≥ spread ≥ 0: upper bounds of √(m/(spread² + m·eps))."""
        with quiet():
            square = np.nextafter(spread * spread, 0.0) + np.nextafter(size * self.eps, 0.0)
            return Upper(np.nextafter(size / np.nextafter(square, 0.0), np.inf)).root()

    def bend(self, size: int, slope: Upper) -> Upper:
        """Return S₂ = (2/√(3m))S²."""
        return Upper(Ball(4.0) / Ball(3.0 * size)).root() * slope * slope

    def _grouped(self, mid: np.ndarray, positions: int) -> Ball:
        """Return rows (n·P, C), exact, as (n, groups, m)."""
        blocks = mid.reshape(-1, positions, self.groups, mid.shape[1] // self.groups).swapaxes(1, 2)
        return Ball(np.ascontiguousarray(blocks).reshape(len(blocks), self.groups, -1))

    def _rows(self, blocks: Ball, positions: int, off: Upper) -> Rows:
        """Return (n, groups, m) as rows (n·P, C); `off` (n,), what a sample's entries together may be off by besides."""

        def laid(a: np.ndarray) -> np.ndarray:
            by_position = a.reshape(len(a), self.groups, positions, -1).swapaxes(1, 2)
            return np.ascontiguousarray(by_position).reshape(len(a) * positions, -1)

        own = Rows.of(Ball(laid(blocks.mid), laid(blocks.rad)))
        more = Upper(np.repeat(off.value, positions))
        return Rows(own.mid, (Upper(own.err) + more).value, (Upper(own.sup) + more).value)

    def _projected(self, z: Ball) -> Ball:
        """Pz."""
        return z - z.sum(axis=-1, keepdims=True) / Ball(float(z.shape[-1])) if self.centred else z

    def value(self, *below: Value) -> tuple[Value, Normalised]:
        """N at the midpoints, off by S times what these are off by."""
        (h,) = below
        size, error = self.size(h.shape), sample_errors(h.rows, h.samples)
        with quiet():
            projected = self._projected(self._grouped(h.rows.mid, h.positions))
            lengths = sqrt_of_nonnegative((projected**2).sum(axis=-1))
            low = np.where(np.isfinite(lengths.rad), np.maximum(lengths.lower(), 0.0), 0.0).min(axis=1)
            spread = reduced(low, error)
            q = sqrt_of_nonnegative(lengths**2 + Ball(float(size)) * Ball(self.eps))
            known = np.isfinite(q.rad) & (q.lower() > 0.0)
            q = Ball(np.where(known, q.mid, 1.0), np.where(known, q.rad, 0.0))
            lost = np.where(known, 0.0, np.inf)
            factor = sqrt(Ball(float(size))) / q
            found = projected * factor[..., None]
            found = Ball(found.mid, found.rad + lost[..., None])
            off = self.slope(size, spread) * error
            alpha = projected / q[..., None]
        saved = Normalised(
            Ball(alpha.mid, alpha.rad + lost[..., None]), Ball(factor.mid, factor.rad + lost), spread, error
        )
        return Value(self._rows(found, h.positions, off), h.shape), saved

    def pullback(self, saved: Normalised, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """G·DN at the midpoints, off by S‖δ‖ + S₂ε(‖G‖ + ‖δ‖) from the errors δ of G and ε of z."""
        (shape,) = below
        samples, positions = len(saved.spread), g.positions
        k, size = g.samples // samples, self.size(shape)
        blocks = self._grouped(g.rows.mid, positions).reshape(samples, k, self.groups, -1)
        with quiet():
            alpha = saved.alpha[:, None]
            along = (alpha * blocks).sum(axis=-1, keepdims=True)
            found = (self._projected(blocks) - alpha * along) * saved.factor[:, None, :, None]
        delta = sample_errors(g.rows, g.samples)
        slope = self.slope(size, saved.spread)
        repeated = Upper(np.repeat(slope.value, k)), Upper(np.repeat(saved.error.value, k))
        off = repeated[0] * delta
        if saved.error.value.any():
            off = off + self.bend(size, repeated[0]) * repeated[1] * sample_norms(g.rows, g.samples)
        return (Value(self._rows(found.reshape(samples * k, self.groups, -1), positions, off), shape),)

    def norms(
        self, saved: Normalised, below: tuple[Value, ...], g: Value, k: int, norm: SpectralNorm, moves: bool
    ) -> GroupNormNorms:
        """The spread at the centre and ‖G_i‖."""
        (h,) = below
        return GroupNormNorms(self.size(h.shape), saved.spread, sensitivity_norms(g.rows, h.samples, k))

    def moved(self, norms: GroupNormNorms, r: Upper, *below: ValueChange) -> ValueChange:
        """S·x, sample by sample on its own ball."""
        (x,) = below
        slope = self.slope(norms.size, reduced(norms.spread, r * x.rows.norm(-1)))
        return ValueChange(slope.max(-1, keepdims=True) * x.whole, wide(slope) * x.rows)

    def pulled(
        self, norms: GroupNormNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """S·(y, c) + S₂·b_{w,i}·x_{u,i}."""
        (x,) = below
        slope = self.slope(norms.size, reduced(norms.spread, r * x.rows.norm(-1)))
        through, bend = above.times(slope), self.bend(norms.size, slope)
        return (SensitivityChange(through.rows + wide(bend * norms.sensitivity) * x.rows, through.jumps),)

    def supremum(
        self, norms: GroupNormNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> GroupNormNorms:
        """s → s − r‖x‖, b → b + β̄."""
        (x,) = below
        return replace(
            norms,
            spread=reduced(norms.spread, r * x.rows.norm(-1)),
            sensitivity=norms.sensitivity + above.largest(r),
        )

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Where the input does, if no mean is taken off."""
        return super().vanishing(below, *masks) if self.centred else masks[0]


def reduced(spread: Float[np.ndarray, "..."], distance: Upper) -> Float[np.ndarray, "..."]:
    """Lower bounds ≥ 0 of spread − distance, broadcast."""
    with quiet():
        return np.asarray(np.maximum(np.nextafter(spread - distance.value, -np.inf), 0.0))
