"""A network and a data set as exact float64 numbers, whatever they were read from."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
from jaxtyping import Float

from verify import arrays
from verify.arrays import Ball
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError
from verify.networks.activations import Activation

__all__ = ["LOSS_WORDS", "DataSet", "Layer", "Loss", "Network", "loss_scale"]

Loss = Literal["sum", "mean", "mse", "mse_sum"]
LOSS_WORDS: Mapping[str, str] = {
    "sum": "Φ = ½Σ‖F(xᵢ) − yᵢ‖²",
    "mean": "Φ = (1/2n)Σ‖F(xᵢ) − yᵢ‖²",
    "mse": "Φ = (1/nk)Σ‖F(xᵢ) − yᵢ‖², torch.nn.MSELoss()",
    "mse_sum": "Φ = Σ‖F(xᵢ) − yᵢ‖², torch.nn.MSELoss(reduction='sum')",
}


@dataclass(frozen=True)
class Layer:
    """One affine map followed by an activation: z = s·W h + b, h' = σ(z).

    Attributes:
        weight: W, (fan_out, fan_in) float64, exact.
        bias: b, (fan_out,) float64, exact, or None.
        inverse_square_scale: the integer 1/s², i.e. 1 for torch.nn.Linear, fan_in for NTKLinear.
        activation: σ; the identity after the last layer unless the model ends with an activation.
        name: the module's name, so that ``name.weight`` is what ``state_dict()`` calls W; None where no module was read. Not part
            of what the layer computes.
    """

    weight: Float[np.ndarray, "fan_out fan_in"]
    bias: Float[np.ndarray, " fan_out"] | None
    inverse_square_scale: int
    activation: Activation
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse shapes that would broadcast, and what is no exact finite matrix."""
        w, b, q = self.weight, self.bias, self.inverse_square_scale
        if w.ndim != 2 or 0 in w.shape or (b is not None and b.shape != w.shape[:1]):
            # torch would broadcast a bias of another shape: one number would be counted as many.
            shape = None if b is None else b.shape
            raise ShapeError(f"layer: weight {w.shape} and bias {shape}; expected (m, d) with d, m ≥ 1 and (m,)")
        for name, array in (("weight", w), ("bias", b)):
            if array is not None and (type(array) is not np.ndarray or array.dtype != np.float64):
                raise DtypeError(
                    f"layer: {name} is a {type(array).__name__} of {array.dtype}, expected a plain float64 array"
                )
            if array is not None and not np.isfinite(array).all():
                raise NonFiniteError(f"layer: {name} has NaN or infinite entries")
        if not (isinstance(q, int) and q >= 1):
            raise InputError(f"layer: inverse_square_scale={q!r}, expected an integer ≥ 1")

    @property
    def scale(self) -> Ball:
        """Enclosure of s = 1/√(inverse_square_scale); exact when that is a power of 4."""
        return _inverse_root(self.inverse_square_scale)

    @property
    def fan_out(self) -> int:
        """Number of units of this layer."""
        return int(self.weight.shape[0])


@functools.cache
def _inverse_root(square: int) -> Ball:
    root = math.isqrt(square)
    if root * root == square and root & (root - 1) == 0:
        return Ball(Fraction(1, root))  # a power of two: exact
    return Ball(1.0) / arrays.sqrt(Ball(square))


@dataclass(frozen=True)
class Network:
    """A feed-forward network F: R^d → R^k as exact numbers; `layers` in order of application."""

    layers: tuple[Layer, ...]

    @property
    def inputs(self) -> int:
        """Input dimension d."""
        return int(self.layers[0].weight.shape[1])

    @property
    def outputs(self) -> int:
        """Output dimension k."""
        return self.layers[-1].fan_out

    @property
    def parameters(self) -> int:
        """Number p of trainable parameters."""
        return sum(la.weight.size + (0 if la.bias is None else la.bias.size) for la in self.layers)

    @property
    def is_smooth(self) -> bool:
        """Whether every activation is twice differentiable: none has a kink."""
        return all(la.activation.slopes is None for la in self.layers)

    def describe(self) -> str:
        """One line: widths, activations with their parameters, parametrisation, e.g. ``64-1024-1 tanh (NTK parametrisation)``."""
        widths = "-".join(str(w) for w in [self.inputs, *(la.fan_out for la in self.layers)])
        kinds = dict.fromkeys(la.activation for la in self.layers if not la.activation.is_identity)
        names = [activation_text(kind) for kind in kinds]
        return f"{widths} {'/'.join(names) or 'linear'} ({self._parametrisation()})"

    def _parametrisation(self) -> str:
        """Name the scales 1/√m in the forward pass: none, one over the root of each layer's inputs, or whatever they are."""
        squares = [la.inverse_square_scale for la in self.layers]
        if all(square == 1 for square in squares):
            return "PyTorch parametrisation"
        if squares == [la.weight.shape[1] for la in self.layers]:
            return "NTK parametrisation"
        return f"layers scaled by {', '.join('1' if square == 1 else f'1/√{square}' for square in squares)}"


def activation_text(activation: Activation) -> str:
    """Name an activation with its parameters, exactly: ``softplus(beta=2.0)``."""
    given = ", ".join(f"{name}={value!r}" for name, value in activation.parameters)
    return f"{activation.name}({given})" if given else activation.name


@dataclass(frozen=True)
class DataSet:
    """Inputs X (n, d) and targets y (n, k), float64, exact and finite."""

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, "n k"]

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[0])

    @property
    def k(self) -> int:
        """Number of outputs."""
        return int(self.y.shape[1])


def loss_scale(loss: Loss, n: int, k: int) -> Fraction:
    """Return s in Φ = (s/2)‖F − y‖², exactly, for n samples and k outputs.

    'sum': 1, Φ = ½Σ‖F(x_i) − y_i‖²; 'mean': 1/n, that divided by n; 'mse': 2/(nk), torch.nn.MSELoss(); 'mse_sum': 2,
    torch.nn.MSELoss(reduction="sum"). Gradient descent with step η on one of them is descent with another step on the others.

    Raises:
        InputError: any other name.
    """
    scales = {"sum": Fraction(1), "mean": Fraction(1, n), "mse": Fraction(2, n * k), "mse_sum": Fraction(2)}
    if not isinstance(loss, str) or loss not in scales:
        raise InputError(
            f"loss={loss!r}: expected {', '.join(f'{name!r} ({words})' for name, words in LOSS_WORDS.items())}"
        )
    return scales[loss]
