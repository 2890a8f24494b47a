"""Batch normalisation in evaluation mode: an affine map per channel, with the statistics that training left behind.

ĥ = (h − mean)/√(variance + eps), z = weight∘ĥ + bias. Statistics do not move. In (weight, bias) it is a convolution with one place and one channel per
group, so the theory of trained layers holds with κ = max 1/√(variance + eps).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, Rows, schur_of_grams, sqrt, sqrt_of_nonnegative
from verify.arrays.rounding import ETA, INFLATE, gamma, quiet
from verify.arrays.upper import Upper
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError
from verify.networks.layers.layer import Trained, require_arrays
from verify.networks.layers.norms import sample_errors
from verify.networks.layers.values import GramTerm, Shape, SpectralNorm, Value

__all__ = ["BatchNorm"]


@dataclass(frozen=True)
class BatchNorm(Trained):
    """z = weight·(h − mean)/√(variance + eps) + bias, channel by channel, of a vector (C,) or a map (C, H, W).

    Attributes:
        mean, variance: (C,) float64, exact; variance ≥ 0. eps: an exact double, variance + eps > 0.
        weight, bias: (C,) float64, exact, or None for 1 and 0.
        inputs, frozen, name: as of :class:`verify.networks.layers.Linear`.
    """

    kind: ClassVar[str] = "batch_norm"
    mean: Float[np.ndarray, " c"]
    variance: Float[np.ndarray, " c"]
    eps: float
    weight: Float[np.ndarray, " c"] | None = None
    bias: Float[np.ndarray, " c"] | None = None
    inputs: tuple[int, ...] = (-1,)
    frozen: tuple[str, ...] = ()
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse statistics that are none, and shapes that would broadcast."""
        require_arrays(self, "batch norm")
        for name, array in (("mean", self.mean), ("variance", self.variance)):
            if type(array) is not np.ndarray or array.dtype != np.float64:
                raise DtypeError(f"batch norm: {name} is no plain float64 array")
            if not np.isfinite(array).all():
                raise NonFiniteError(f"batch norm: {name} has NaN or infinite entries")
        shapes = {a.shape for a in (self.mean, self.variance, self.weight, self.bias) if a is not None}
        if len(shapes) != 1 or self.mean.ndim != 1 or not self.mean.size:
            raise ShapeError(f"batch norm: arrays of shapes {sorted(shapes)}; expected (C,) for all")
        if type(self.eps) is not float or not 0.0 <= self.eps < math.inf or not (self.variance + self.eps > 0.0).all():
            raise InputError(
                f"batch norm: eps={self.eps!r}, least variance {float(self.variance.min())!r}; expected variance + eps > 0"
            )
        if (self.variance < 0.0).any():
            raise InputError(f"batch norm: variance {float(self.variance.min())!r}; expected ≥ 0")

    @functools.cached_property
    def inverse_deviation(self) -> Ball:
        """Enclosure (C,) of 1/√(variance + eps)."""
        return Ball(1.0) / sqrt(Ball(self.variance) + Ball(self.eps))

    @functools.cached_property
    def factor(self) -> Ball:
        """Enclosure (C,) of weight/√(variance + eps)."""
        return self.inverse_deviation if self.weight is None else self.inverse_deviation * Ball(self.weight)

    def shape(self, *below: Shape) -> Shape:
        """The input's."""
        if len(below) != 1 or below[0][0] != self.mean.size:
            raise ShapeError(
                f"batch norm: inputs of shape {', '.join(map(str, below))}; expected {self.mean.size} channels"
            )
        return below[0]

    def value(self, *below: Value) -> tuple[Value, Value]:
        """z; saved: ĥ."""
        (h,) = below
        centred = h.rows.plus(-self.mean)
        z = centred.columns_scaled(self.factor)
        if self.bias is not None:
            z = z.plus(self.bias)
        return Value(z, h.shape), Value(centred.columns_scaled(self.inverse_deviation), h.shape)

    def pullback(self, saved: Value, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """G∘factor."""
        return (Value(g.rows.columns_scaled(self.factor), below[0]),)

    @property
    def overlap(self) -> Upper:
        """κ = max 1/√(variance + eps): ‖U∘(h/√…)‖ ≤ κ max|U|‖h‖."""
        trains = "weight" in self.trained
        return Upper(self.inverse_deviation).max(0) if trains else Upper(0.0)

    def weight_norm(self, below: Shape, norm: SpectralNorm) -> Upper:
        """max|factor|."""
        return Upper(abs(self.factor)).max(0)

    def data_norms(self, saved: Value, samples: int, norm: SpectralNorm) -> tuple[Upper, Upper]:
        """Largest over the channels of the norm of the P × 2 matrix [ĥ_{·,c}, 1], or of the column that trains.

        Its square is the larger eigenvalue of [[Σĥ², Σĥ], [Σĥ, P]]; errors are added in the Frobenius norm.
        """
        if not self.trained:
            return Upper(0.0), Upper(np.zeros(samples))
        values = saved.rows.mid.reshape(samples, saved.positions, -1)
        errors = sample_errors(saved.rows, samples)
        if "weight" not in self.trained:
            errors = Upper(np.zeros(samples))
        each = Upper(self._columns_norm(Ball(values))) + errors
        whole = Upper(self._columns_norm(Ball(values.reshape(1, -1, values.shape[2]))))[0] + errors.norm(-1)
        return whole, each

    def _columns_norm(self, values: Ball) -> np.ndarray:
        """Upper bounds (m,) from exact (m, positions, C)."""
        count = Ball(float(values.shape[1]))
        squares, sums = (values**2).sum(axis=1), values.sum(axis=1)
        if len(self.trained) == 2:
            half = (squares - count) * Ball(0.5)
            largest = (squares + count) * Ball(0.5) + sqrt_of_nonnegative(half**2 + sums**2)
        else:
            largest = squares if "weight" in self.trained else squares * Ball(0.0) + count
        found: np.ndarray = sqrt_of_nonnegative(largest).upper().max(axis=1)
        return found

    def gram_term(self, saved: Value, g: Value, k: int) -> GramTerm:
        """J_vJ_vᵀ from its rows."""
        return schur_of_grams([(self._jacobian(saved, g, k), None)])

    def gradient(self, saved: Value, g: Value, e: Ball, k: int) -> tuple[Ball, ...]:
        """J_vᵀe."""
        if not self.trained:
            return ()
        full = self._jacobian(saved, g, k).ball().T @ e
        return tuple(full[i * self.mean.size : (i + 1) * self.mean.size] for i in range(len(self.trained)))

    def _jacobian(self, saved: Value, g: Value, k: int) -> Rows:
        """Rows [Σ_p G_{p,c}ĥ_{p,c}]_c, then [Σ_p G_{p,c}]_c (N, C or 2C).

        Off by Σ_p δ_p(α_p + ε_p) + β_pε_p from the errors δ of G and ε of ĥ (‖x∘y‖ ≤ ‖x‖‖y‖), by γ_P Σβ_pα_p from rounding; the second part with α = 1, ε = 0.
        """
        samples, positions = saved.samples, saved.positions
        back = g.rows.mid.reshape(samples, k, positions, -1)
        beta, delta = (v.reshape(samples, k, positions) for v in (g.rows.norms, g.rows.err))
        parts: list[Any] = []
        errors: list[Any] = []
        rounding = gamma(positions + 1)
        with quiet():
            if "weight" in self.trained:
                parts.append(np.einsum("ikpc,ipc->ikc", back, saved.rows.mid.reshape(samples, positions, -1)))
                alpha, epsilon = (v.reshape(samples, 1, positions) for v in (saved.rows.norms, saved.rows.err))
                errors.append(beta * (alpha * rounding + epsilon + 2.0 * ETA) + delta * (alpha + epsilon) + 4.0 * ETA)
            if "bias" in self.trained:
                parts.append(back.sum(axis=2))
                errors.append(beta * rounding + delta + 2.0 * ETA)
            mid = np.concatenate(parts, axis=2).reshape(samples * k, -1)
            err = sum(part.sum(axis=2) for part in errors).ravel() * (1.0 + 4.0 * gamma(positions + 8))
            return Rows(mid, err * INFLATE + float(mid.shape[1] * (positions + 4)) * ETA)
