"""Full-batch gradient descent in float64: how runs are made. Nothing here is rigorous, or needs to be.

Every iterate is an exact vector of doubles, and whatever a certificate says about one is proved from those doubles
elsewhere. The parameters are one flat vector θ (p,), see :mod:`verify.networks.parameters`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol, Self

import numpy as np

from verify.networks import DataSet, Network, Problem
from verify.networks.layers import (
    Activated,
    AveragePool,
    BatchNorm,
    Convolution,
    Flatten,
    GroupNorm,
    Layer,
    Linear,
    MaxPool,
    Scale,
    Sum,
)
from verify.networks.parameters import Vector, views
from verify.regions.descent.float64_maps import ConvolutionRule, GroupNormRule, NormalisedRule, Place, PoolingRule
from verify.regions.neighbourhood.ingredients import approx_float

__all__ = ["RULES", "Descent", "Rule", "default_step"]


def default_step(lambda_max_upper: float, s: Fraction, share: Fraction = Fraction(4, 5)) -> Fraction:
    """Return the step taken when none is given: a share, 4/5, of 1/(s·λ_max(Θ)), rounded to a double.

    1/(sλ_max) is the largest step at which one linearised step cannot overshoot in any eigen-direction; the residual
    criterion needs ηs(‖J(θ_T)‖ + Δ_J)² ≤ 1 at the hand-over, and a fifth is left for λ_max to grow on the way there. A
    guess: whatever step results, the certificate proves what it proves for exactly that number. Where 1/(sλ_max) is no double it is
    taken as a rational, and as 1 where λ_max is 0 or not known.
    """
    if not 0.0 < lambda_max_upper < float("inf"):
        return Fraction(1)
    exact = share / (s * Fraction(lambda_max_upper))
    rounded = approx_float(exact)
    return Fraction(rounded) if 0.0 < rounded < float("inf") else exact


class Rule(Protocol):
    """A layer in float64, with work arrays of its own, used again at every step: fresh pages cost more than the arithmetic.

    Values are (n, *shape), maps channels first. A rule may overwrite what it returned before, never what it is given.
    """

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The value."""

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """What goes to each input, from what reached the output."""

    def gradient(self, back: np.ndarray) -> None:
        """Write the sum over the samples of J_iᵀback_i per trained array."""


class _Untrained:
    """A layer without parameters."""

    def gradient(self, back: np.ndarray) -> None:
        """None."""


class _Linear:
    """z = a·Wᵀ + c·b, a = s·h."""

    def __init__(self, layer: Linear, place: Place) -> None:
        n, (shape,), parameters = place.samples, place.below, place.parameters
        self._still, self._known, self._slopes = place.still, False, place.slopes
        self._scale = layer.weight_scale / float(np.sqrt(float(layer.inverse_square_scale)))
        self._weight = parameters.get("weight", layer.weight)
        self._bias, self._bias_scale = parameters.get("bias", layer.bias), layer.bias_scale
        self._transposed = self._weight.T
        self._a, self._below = np.empty((n, *shape)), np.empty((n, *shape))
        self._z = np.empty((n, layer.weight.shape[0]))

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The inputs of a layer that none moves are scaled once."""
        if not (self._known and self._still):
            np.multiply(below[0], self._scale, out=self._a)
            self._known = True
        z = np.matmul(self._a, self._transposed, out=self._z)
        if self._bias is not None:
            z += self._bias if self._bias_scale == 1.0 else self._bias_scale * self._bias
        return z

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """s·back·W."""
        below = np.matmul(back, self._weight, out=self._below)
        return (np.multiply(below, self._scale, out=below),)

    def gradient(self, back: np.ndarray) -> None:
        """backᵀa, and the columns' sums."""
        if "weight" in self._slopes:
            np.matmul(back.T, self._a, out=self._slopes["weight"])
        if "bias" in self._slopes:
            np.multiply(back.sum(axis=0), self._bias_scale, out=self._slopes["bias"])


class _Activated(_Untrained):
    """σ entrywise."""

    def __init__(self, layer: Activated, place: Place) -> None:
        self._function, self._given = layer.function.record.in_float64, dict(layer.function.parameters)
        self._z, self._work, self._back = (np.empty((place.samples, *place.below[0])) for _ in range(3))

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """σ(z), keeping σ'(z)."""
        np.copyto(self._z, below[0])
        value, self._slope = self._function(self._z, self._work, self._given)
        return value

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """back∘σ'(z)."""
        return (np.multiply(back, self._slope, out=self._back),)


class _Sum(_Untrained):
    """Σ_j h_j."""

    def __init__(self, layer: Sum, place: Place) -> None:
        self._count, self._total = len(place.below), np.empty((place.samples, *place.below[0]))

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The sum."""
        np.add(below[0], below[1], out=self._total)
        for other in below[2:]:
            self._total += other
        return self._total

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """To every summand."""
        return (back,) * self._count


class _Multiple(_Untrained):
    """factor·h."""

    def __init__(self, layer: Scale, place: Place) -> None:
        self._factor = layer.factor

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The multiple."""
        return self._factor * below[0]

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The same multiple."""
        return (self._factor * back,)


class _Flatten(_Untrained):
    """One row a sample."""

    def __init__(self, layer: Flatten, place: Place) -> None:
        self._shape = (place.samples, *place.below[0])

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """Channels first."""
        return below[0].reshape(self._shape[0], -1)

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """Back to maps."""
        return (back.reshape(self._shape),)


RULES: dict[type[Layer], Callable[[Any, Place], Rule]] = {
    Linear: _Linear,
    Activated: _Activated,
    Sum: _Sum,
    Scale: _Multiple,
    Flatten: _Flatten,
    Convolution: ConvolutionRule,
    AveragePool: PoolingRule,
    MaxPool: PoolingRule,
    BatchNorm: NormalisedRule,
    GroupNorm: GroupNormRule,
}
"""Layer → its rule."""


class Descent:
    """θ ↦ θ − η∇Φ(θ) in float64, full batch.

    Args:
        network: the graph. data: inputs and targets.
        s: loss scale; lr: step η. Their product, the factor of Σ_i J_iᵀe_i in a step, is rounded to double.
    """

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Prepare the full-batch descent of a problem whose step is settled."""
        return cls(problem.network, problem.data, problem.scale, problem.eta)

    def __init__(self, network: Network, data: DataSet, s: Fraction, lr: Fraction) -> None:
        """Prepare a rule for every layer."""
        self.network = network
        self.data = data
        self.scale = float(s)
        self.factor = approx_float(s * lr)
        self._theta, self._slopes = np.empty(network.parameters), np.empty(network.parameters)
        lie, go = (
            dict(zip(network.trained, views(network, vector), strict=True)) for vector in (self._theta, self._slopes)
        )
        self._rules = [
            RULES[type(layer)](
                layer,
                Place(
                    data.n, network.shapes_below(i), not any(network.moving_inputs[i]), lie.get(i, {}), go.get(i, {})
                ),
            )
            for i, layer in enumerate(network.layers)
        ]

    def _value(self, index: int, _: Layer, below: tuple[np.ndarray, ...]) -> np.ndarray:
        return self._rules[index].forward(*below)

    def _backward(self, index: int, _: Layer, back: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._rules[index].backward(back)

    def step(self, theta: Vector) -> tuple[Vector, float]:
        """Return the next iterate (a fresh array) and ‖F(θ) − y‖ at the present one, both approximate.

        Overflow is not an error here: the caller tests the residual norm for being finite.
        """
        with np.errstate(all="ignore"):
            residual = self.residual(theta)
            reached = self.network.backward(self._backward, residual, np.add)
            for index in self.network.trained:
                back = reached[index]
                assert back is not None
                self._rules[index].gradient(back)
            moved = self._slopes * self.factor
            np.subtract(theta, moved, out=moved)
            flat = residual.ravel()
            return moved, math.sqrt(flat.dot(flat))

    def residual(self, theta: Vector) -> np.ndarray:
        """Return F(θ) − y (n, k), approximate; a fresh array."""
        np.copyto(self._theta, theta)
        residual: np.ndarray = self.network.forward(self._value, self.data.X)[-1] - self.data.y
        return residual

    def loss(self, residual_norm: float) -> float:
        """Return Φ = (s/2)‖e‖² from ‖e‖."""
        return 0.5 * self.scale * residual_norm * residual_norm
