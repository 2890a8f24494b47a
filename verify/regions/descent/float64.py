"""Full-batch gradient descent in float64: how runs are made. Nothing here is rigorous, or needs to be.

Every iterate is an exact vector of doubles, and whatever a certificate says about one is proved from those doubles
elsewhere. The parameters are one flat vector θ (p,): layer by layer, the weight row by row, then the bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.special

from verify.arrays import Ball
from verify.networks import DataSet, Network
from verify.networks.activations import Activation
from verify.networks.parameters import Vector, views
from verify.regions.neighbourhood.ingredients import approx_float

__all__ = ["Descent", "default_step"]


def default_step(lambda_max_upper: float, s: Fraction) -> Fraction:
    """Return the step taken when none is given: 4/5 of 1/(s·λ_max(Θ(θ0))), rounded to a double.

    1/(sλ_max) is the largest step at which one linearised step cannot overshoot in any eigen-direction; the residual
    criterion needs ηs(‖J(θ_T)‖ + Δ_J)² ≤ 1 at the hand-over, and a fifth is left for λ_max to grow on the way there. A
    guess: whatever step results, the certificate proves what it proves for exactly that number. Where 1/(sλ_max) is no double it is
    taken as a rational, and as 1 where λ_max is 0 or not known.
    """
    if not 0.0 < lambda_max_upper < float("inf"):
        return Fraction(1)
    exact = Fraction(4, 5) / (s * Fraction(lambda_max_upper))
    rounded = approx_float(exact)
    return Fraction(rounded) if 0.0 < rounded < float("inf") else exact


# An activation writes σ(z) over z and returns (σ(z), σ'(z)); `work` is an array of z's shape that it may use.
Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _sigmoid(z: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    value = scipy.special.expit(z, out=z)
    return value, np.multiply(value, np.subtract(1.0, value, out=work), out=work)


def _tanh(z: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    value = np.tanh(z, out=z)
    return value, np.subtract(1.0, np.multiply(value, value, out=work), out=work)


def _silu(z: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gate = scipy.special.expit(z)
    return z * gate, gate * (1.0 + z * (1.0 - gate))


def _gelu(z: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gate = scipy.special.ndtr(z)
    return z * gate, gate + z * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def _gelu_tanh(z: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.sqrt(2.0 / np.pi)
    gate = np.tanh(scale * (z + 0.044715 * z**3))
    slope = 0.5 * z * (1.0 - gate * gate) * scale * (1.0 + 3.0 * 0.044715 * z * z)
    return 0.5 * z * (1.0 + gate), 0.5 * (1.0 + gate) + slope


def _softplus(beta: float) -> Function:
    return lambda z, _: (np.logaddexp(0.0, beta * z) / beta, scipy.special.expit(beta * z))


def _leaky_relu(below: float) -> Function:
    return lambda z, _: (np.where(z > 0.0, z, below * z), np.where(z > 0.0, 1.0, below))


def _float_activation(activation: Activation) -> Function:
    """Return the activation in ordinary float64; a name without a fast version goes through the enclosures."""
    fast: dict[str, Function] = {
        "tanh": _tanh,
        "sigmoid": _sigmoid,
        "silu": _silu,
        "gelu": _gelu,
        "gelu_tanh": _gelu_tanh,
        "sine": lambda z, _: (np.sin(z), np.cos(z)),
        "relu": lambda z, work: (np.maximum(z, 0.0), np.greater(z, 0.0, out=work, casting="unsafe")),
    }
    if activation.name == "softplus":
        return _softplus(dict(activation.parameters)["beta"])
    if activation.name == "leaky_relu":
        return _leaky_relu(activation.parameter)
    return fast.get(activation.name, lambda z, _: (activation(Ball(z), 0).mid, activation(Ball(z), 1).mid))


class Descent:
    """θ ↦ θ − η∇Φ(θ) in float64, full batch.

    Args:
        network: shapes, scales and activations.
        data: inputs and targets.
        s: loss scale; lr: step η. Their product, the factor of Σ_i J_iᵀe_i in a step, is rounded to double.
    """

    def __init__(self, network: Network, data: DataSet, s: Fraction, lr: Fraction) -> None:
        """Precompute what does not change from step to step."""
        self.network = network
        self.data = data
        self._s = float(s)
        self.factor = approx_float(s * lr)
        self._scales = [1.0 / float(np.sqrt(float(la.inverse_square_scale))) for la in network.layers]
        self._activations = [
            None if la.activation.is_identity else _float_activation(la.activation) for la in network.layers
        ]
        self._input = data.X * self._scales[0]
        # Work arrays, one set per layer, used again at every step: fresh pages cost more than the arithmetic.
        shapes = [(data.n, la.fan_out) for la in network.layers]
        self._z, self._slope, self._back = ([np.empty(shape) for shape in shapes] for _ in range(3))
        self._scaled = [np.empty(shape) for shape in shapes[:-1]]
        self._gradient = [np.empty(la.weight.shape) for la in network.layers]

    def _forward(self, views: Sequence[tuple[np.ndarray, np.ndarray | None]]) -> Any:
        a = self._input
        inputs, slopes = [], []
        h = a
        for index, (weight, bias) in enumerate(views):
            if index:
                a = np.multiply(h, self._scales[index], out=self._scaled[index - 1])
            inputs.append(a)
            z = np.matmul(a, weight.T, out=self._z[index])
            if bias is not None:
                z += bias
            function = self._activations[index]
            h, slope = (z, None) if function is None else function(z, self._slope[index])
            slopes.append(slope)
        return h - self.data.y, inputs, slopes

    def step(self, theta: Vector) -> tuple[Vector, float]:
        """Return the next iterate (a fresh array) and ‖F(θ) − y‖ at the present one, both approximate.

        Overflow is not an error here: the caller tests the residual norm for being finite.
        """
        with np.errstate(all="ignore"):
            parts = views(self.network, theta)
            residual, inputs, slopes = self._forward(parts)
            result = np.empty_like(theta)
            targets = views(self.network, result)
            back = residual
            for index in reversed(range(len(parts))):
                slope = slopes[index]
                if slope is not None:
                    back = np.multiply(back, slope, out=self._back[index])
                (weight, bias), (new_weight, new_bias) = parts[index], targets[index]
                gradient = np.matmul(back.T, inputs[index], out=self._gradient[index])
                np.multiply(gradient, self.factor, out=gradient)
                np.subtract(weight, gradient, out=new_weight)
                if bias is not None and new_bias is not None:
                    np.subtract(bias, self.factor * back.sum(axis=0), out=new_bias)
                if index:
                    below = np.matmul(back, weight, out=self._back[index - 1])
                    back = np.multiply(below, self._scales[index], out=below)
            return result, float(np.linalg.norm(residual))

    def residual(self, theta: Vector) -> np.ndarray:
        """Return F(θ) − y (n, k), approximate; a fresh array."""
        return np.array(self._forward(views(self.network, theta))[0])

    def loss(self, residual_norm: float) -> float:
        """Return Φ = (s/2)‖e‖² from ‖e‖."""
        return 0.5 * self._s * residual_norm * residual_norm
