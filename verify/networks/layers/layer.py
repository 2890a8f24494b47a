"""What a proof needs of a layer: the interface of the graph's nodes.

A network is a graph of layers in topological order (:mod:`verify.networks.graph`, where the only two loops over it stand). A layer is a
frozen record of exact numbers; what depends on the parameters' neighbourhood lives in what its methods return. Three kinds carry theory:

- :class:`Trained`: z = W∗h + b, bilinear in the parameters and the input (linear, convolution); each of weight and bias may be frozen;
- :class:`Fixed`: linear or affine and not trained, of one input or several (sum, scale, flatten, pooling);
- :class:`Elementwise`: an activation, of Lipschitz derivative or piecewise linear.

What they take and return: :mod:`verify.networks.layers.values`.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool

from verify.arrays import Ball
from verify.arrays.upper import Upper
from verify.errors import DtypeError, InputError, NonFiniteError
from verify.networks.layers.norms import sensitivity_norms
from verify.networks.layers.values import (
    ElementwiseNorms,
    GramTerm,
    Mask,
    SensitivityChange,
    Shape,
    SpectralNorm,
    TrainedNorms,
    Value,
    ValueChange,
    wide,
)

__all__ = ["Elementwise", "Fixed", "Layer", "Trained", "require_arrays", "state_name"]


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

    def meets_kink(self, norms: Any, r: Upper, *below: ValueChange) -> Bool[np.ndarray, "m n"]:
        """Whether some unit of a sample may meet a kink on each of the balls, none below having met one."""
        return np.zeros((r.shape[0], below[0].rows.shape[1]), dtype=bool)


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
            wide(norms.rows) * norms.unit + wide(through) * x.rows,
        )

    def pulled(
        self, norms: TrainedNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """ν_w(y_w, c_w) + κ_w(b_{w,i} + β̄_{w,i})1_w: ΔG_u = G_w(θ)∘U + ΔG_w∘W⁰."""
        own = norms.overlap * (norms.sensitivity + above.largest(r))
        through = above.times(norms.weight)
        return (SensitivityChange(through.rows + wide(own) * norms.unit, through.jumps),)

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
        return (SensitivityChange(through.rows + wide(norms.bend * norms.columns) * x.rows, through.jumps),)

    def supremum(
        self, norms: ElementwiseNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> ElementwiseNorms:
        """γ → γ + β̄: a column changes by at most what the block does."""
        return replace(norms, columns=norms.columns + above.largest(r))


def state_name(module: str | None, part: str) -> str:
    """Return the name in ``state_dict()`` of a part of a module: of a parameter, a buffer or a module in it.

    Args:
        module: the module's own name there; empty for the model itself.
    """
    return f"{module}.{part}" if module else part


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
