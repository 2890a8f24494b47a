"""What a proof needs of a layer: the interface of the graph's nodes.

A network is a graph of layers in topological order (:mod:`verify.networks.graph`, where the only two loops over it stand). A layer is a
frozen record of exact numbers; what depends on the parameters' neighbourhood lives in what its methods return. Three kinds carry theory:

- :class:`Trained`: z = W∗h + b, bilinear in the parameters and the input (linear, convolution); each of weight and bias may be frozen;
- :class:`Fixed`: linear or affine and not trained, of one input or several (sum, scale, flatten, pooling);
- :class:`Elementwise`: an activation, of Lipschitz derivative or piecewise linear.

**Values** are :class:`Value`: one row per sample and position, channels last, (n·P, C); a vector is the case P = 1. **Sensitivities**
G_v = ∂F/∂h_v are Values too, with the N = n·k outputs (sample-major) in the place of the samples: (N·P, C).

**Movement** (derivation in :mod:`verify.networks.movement`). For parameters θ⁰ + δ, t_l = ‖δ_l‖_F over the L layers that train, ‖t‖ ≤ r:
:class:`ValueChange` x bounds ‖Δh_{v,i}‖ ≤ ⟨x_{v,i}, t⟩ and ‖ΔH_v‖_F ≤ ⟨x_v, t⟩; :class:`SensitivityChange` (y, c) bounds
‖ΔG_{v,i}‖ ≤ ⟨y_{v,i}, t⟩ + c_{v,i}. Both for m radii at once.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool

from verify.arrays import Ball, Rows
from verify.arrays.upper import Upper
from verify.errors import DtypeError, InputError, NonFiniteError
from verify.networks.layers.kinks import Jump, Kinks
from verify.networks.layers.norms import sensitivity_norms

__all__ = [
    "Elementwise",
    "ElementwiseNorms",
    "Fixed",
    "GramTerm",
    "Layer",
    "Mask",
    "SensitivityChange",
    "Shape",
    "SpectralNorm",
    "Trained",
    "TrainedNorms",
    "Value",
    "ValueChange",
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
    """

    whole: Upper
    rows: Upper


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


class Layer(ABC):
    """A node of the graph: what it computes, and what bounds need of it.

    Subclasses are frozen dataclasses; `inputs` are positions of earlier layers, −1 the data.
    """

    kind: ClassVar[str]
    inputs: tuple[int, ...]
    name: str | None

    def architecture(self) -> tuple[object, ...]:
        """Everything but the numbers that train: of an array that trains its shape, of any other one a digest too."""
        moving = self.trained if isinstance(self, Trained) else {}
        parts: list[object] = [self.kind]
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                value = (
                    value.shape if item.name in moving else (value.shape, hashlib.sha256(value.tobytes()).hexdigest())
                )
            parts.append(value if item.compare else None)
        return tuple(parts)

    @abstractmethod
    def shape(self, *below: Shape) -> Shape:
        """Return the output's shape from the inputs' shapes.

        Raises:
            ShapeError: they do not fit.
        """

    @abstractmethod
    def value(self, *below: Value) -> tuple[Value, Any]:
        """Enclose the output; and what :meth:`pullback`, norms and NTK term need besides: the slopes, the data operator, or None."""

    @abstractmethod
    def pullback(self, saved: Any, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """Enclose, per input, what this layer adds to ∂F/∂(that input), from g = ∂F/∂(its output)."""

    @abstractmethod
    def norms(self, saved: Any, below: tuple[Value, ...], g: Value, k: int, norm: SpectralNorm, moves: bool) -> Any:
        """Norms at the centre, computed once: upper bounds.

        Args:
            saved, below: as :meth:`value` met them. g: this layer's own sensitivity; k: outputs a sample.
            norm: encloses spectral norms. moves: whether an input moves; where none does, norms of maps from it never enter.
        """

    @abstractmethod
    def moved(self, norms: Any, r: Upper, *below: ValueChange) -> ValueChange:
        """Bound the output's change on the balls of radii r (m, 1)."""

    @abstractmethod
    def pulled(
        self, norms: Any, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """Bound, per input, what this layer adds to the change of its sensitivity."""

    @abstractmethod
    def supremum(self, norms: Any, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange) -> Any:
        """Return the norms with every centre quantity replaced by its supremum over the balls of radii r (m, 1)."""

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Which entries of the value are 0 whatever the parameters are, from those of the inputs; none unless a layer knows better."""
        samples = masks[0].size // math.prod(below[0])
        shape = self.shape(*below)
        return np.zeros((samples * math.prod(shape[1:]), shape[0]), dtype=bool)

    def meets_kink(self, norms: Any, r: Upper, *below: ValueChange) -> np.ndarray:
        """Whether some unit may meet a kink on each of the balls: (m,) booleans."""
        return np.zeros(r.shape[0], dtype=bool)


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


def _wide(size: Upper) -> Upper:
    """Append an axis over t to a scalar or (m, n) bound."""
    return Upper(size.value[..., None]) if size.value.ndim else size


class Trained(Layer):
    """z = W∗h + b, bilinear in (W, b) and h; theory in :mod:`verify.networks.movement`. Frozen parts do not move and are no part of θ."""

    weight: Any
    bias: Any
    frozen: tuple[str, ...]

    @property
    def stored(self) -> dict[str, np.ndarray]:
        """Weight and bias that exist, by name, in the order of flat vectors."""
        both = {"weight": self.weight, "bias": self.bias}
        return {name: array for name, array in both.items() if array is not None}

    @property
    def trained(self) -> dict[str, np.ndarray]:
        """Those of :attr:`stored` that gradient descent moves."""
        return {name: array for name, array in self.stored.items() if name not in self.frozen}

    def with_trained(self, arrays: Mapping[str, np.ndarray]) -> Trained:
        """Return the layer with other trained arrays of the same shapes."""
        return replace(self, **arrays)  # type: ignore[type-var]

    @abstractmethod
    def data_norms(self, saved: Any, samples: int, norm: SpectralNorm) -> tuple[Upper, Upper]:
        """Return (α_v, (n,) α_{v,i}): norms of (U, q) ↦ U∗h + q over the trained parts, for all samples and for each."""

    @abstractmethod
    def weight_norm(self, below: Shape, norm: SpectralNorm) -> Upper:
        """Return ν_v ≥ ‖h ↦ W∗h‖ for one sample of the given shape."""

    @property
    @abstractmethod
    def overlap(self) -> Upper:
        """κ_v (scalar), the layer's scale included; 0 where the weight is frozen."""

    @abstractmethod
    def gram_term(self, saved: Any, g: Value, k: int) -> GramTerm:
        """Enclose J_vJ_vᵀ, this layer's term of the NTK (N, N)."""

    def pairs_norm(self, saved: Any, gains: np.ndarray, reach: Upper) -> float:
        """Bound by pairs of samples what jumps that reach this layer unmixed do to ‖ΔJ_v‖; ∞ where no such form is known.

        Args:
            saved: the data operator. gains: (n, units) of its output, upper bounds of each unit's jump, 0 where it cannot jump.
            reach: (n,), how far each sample's data row may move.
        """
        return math.inf

    @abstractmethod
    def gradient(self, saved: Any, g: Value, e: Ball, k: int) -> tuple[Ball, ...]:
        """Enclose J_vᵀe, e (N,): one array per trained part, in the order of :attr:`trained`."""

    def norms(
        self, saved: Any, below: tuple[Value, ...], g: Value, k: int, norm: SpectralNorm, moves: bool
    ) -> TrainedNorms:
        """Collect the norms at the centre; `unit` is filled in by the graph, which knows L."""
        samples = below[0].samples
        whole, rows = self.data_norms(saved, samples, norm)
        weight = self.weight_norm(below[0].shape, norm) if moves else Upper(0.0)
        return TrainedNorms(whole, rows, weight, self.overlap, sensitivity_norms(g.rows, samples, k), Upper(0.0))

    def moved(self, norms: TrainedNorms, r: Upper, *below: ValueChange) -> ValueChange:
        """x_v = α_v·1_v + (ν_v + κ_v r)x_u, rows alike: Δz = [U∗h⁰ + q] + W(θ)∗Δh, an exact difference."""
        (x,) = below
        through = norms.weight + norms.overlap * r  # (m, 1)
        return ValueChange(
            norms.whole * norms.unit + through * x.whole,
            _wide(norms.rows) * norms.unit + _wide(through) * x.rows,
        )

    def pulled(
        self, norms: TrainedNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """ν_w(y_w, c_w) + κ_w(b_{w,i} + β̄_{w,i})1_w: ΔG_u = G_w(θ)∘U + ΔG_w∘W⁰."""
        own = norms.overlap * (norms.sensitivity + above.largest(r))
        through = above.times(norms.weight)
        return (SensitivityChange(through.rows + _wide(own) * norms.unit, through.jumps),)

    def supremum(
        self, norms: TrainedNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> TrainedNorms:
        """α → α + κr‖x_u‖, ν → ν + κr, b → b + β̄."""
        (x,) = below
        return replace(
            norms,
            whole=norms.whole + norms.overlap * r * x.whole.norm(-1, keepdims=True),
            rows=norms.rows + norms.overlap * r * x.rows.norm(-1),
            weight=norms.weight + norms.overlap * r,
            sensitivity=norms.sensitivity + above.largest(r),
        )


class Fixed(Layer):
    """Σ_j T_j h_{u_j} + t, T_j linear and not trained, of norm at most `factors`[j] per sample."""

    @abstractmethod
    def factors(self, below: tuple[Shape, ...]) -> tuple[Upper, ...]:
        """Return τ_j ≥ ‖T_j‖ per input, scalars."""

    def norms(
        self, saved: Any, below: tuple[Value, ...], g: Value, k: int, norm: SpectralNorm, moves: bool
    ) -> tuple[Upper, ...]:
        """Return τ_j per input."""
        return self.factors(tuple(value.shape for value in below))

    def moved(self, norms: tuple[Upper, ...], r: Upper, *below: ValueChange) -> ValueChange:
        """Σ_j τ_j x_{u_j}."""
        parts = [ValueChange(factor * x.whole, factor * x.rows) for factor, x in zip(norms, below, strict=True)]
        total = parts[0]
        for part in parts[1:]:
            total = ValueChange(total.whole + part.whole, total.rows + part.rows)
        return total

    def pulled(
        self, norms: tuple[Upper, ...], r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """τ_j(y, c) to input j."""
        return tuple(above.times(factor) for factor in norms)

    def supremum(
        self, norms: tuple[Upper, ...], r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[Upper, ...]:
        """Nothing of it depends on the parameters."""
        return norms


class Elementwise(Layer):
    """σ entrywise. ΔG_u = ΔG_w·diag σ'(z_θ) + G_w⁰·diag(σ'(z_θ) − σ'(z⁰)); the last is at most γ_{w,i}·sup|σ''|·‖Δz_i‖."""

    def moved(self, norms: ElementwiseNorms, r: Upper, *below: ValueChange) -> ValueChange:
        """sup|σ'|·x_u, entry by entry Lipschitz."""
        (x,) = below
        return ValueChange(norms.slope * x.whole, norms.slope * x.rows)

    def pulled(
        self, norms: ElementwiseNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """sup|σ'|·(y, c) + sup|σ''|·γ_{w,i}·x_{u,i}."""
        (x,) = below
        through = above.times(norms.slope)
        return (SensitivityChange(through.rows + _wide(norms.bend * norms.columns) * x.rows, through.jumps),)

    def supremum(
        self, norms: ElementwiseNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> ElementwiseNorms:
        """γ → γ + β̄: a column changes by at most what the block does."""
        return replace(norms, columns=norms.columns + above.largest(r))


def require_arrays(layer: Trained, where: str) -> None:
    """Refuse weights and biases that are no exact finite plain float64 arrays, and frozen names that are none of the layer's.

    Raises:
        DtypeError, NonFiniteError, InputError.
    """
    for name, array in layer.stored.items():
        if type(array) is not np.ndarray or array.dtype != np.float64:
            raise DtypeError(
                f"{where}: {name} is a {type(array).__name__} of {getattr(array, 'dtype', None)}, expected a plain float64 array"
            )
        if not np.isfinite(array).all():
            raise NonFiniteError(f"{where}: {name} has NaN or infinite entries")
    unknown = [name for name in layer.frozen if name not in layer.stored]
    if unknown or len(set(layer.frozen)) != len(layer.frozen):
        raise InputError(f"{where}: frozen={layer.frozen!r}; expected names of its own arrays {tuple(layer.stored)}")
