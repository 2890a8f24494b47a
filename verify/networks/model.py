"""Reading a torch module and a data set into exact float64 numbers.

Everything a certificate says is about the real numbers stored here: weights and data are converted without
rounding, scales are kept as what they are (1/√fan_in is irrational), and whatever the theorem does not cover is
refused before anything is computed.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float

from verify import arrays
from verify.arrays import Ball
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError, UnsupportedLayerError
from verify.networks.activations import IDENTITY, Activation, activation_from_module
from verify.nn import NTKLinear

__all__ = [
    "DataSet",
    "Layer",
    "Loss",
    "Network",
    "exact_array",
    "loss_scale",
    "read_data",
    "read_inputs",
    "read_network",
]

Loss = Literal["sum", "mean"]
_EXACT_FLOATS = (np.float16, np.float32, np.float64)


@dataclass(frozen=True)
class Layer:
    """One affine map followed by an activation: z = s·W h + b, h' = σ(z).

    Attributes:
        weight: W, (fan_out, fan_in) float64, exact.
        bias: b, (fan_out,) float64, exact, or None.
        inverse_square_scale: the integer 1/s², i.e. 1 for torch.nn.Linear, fan_in for NTKLinear.
        activation: σ; the identity after the last layer unless the model ends with an activation.
    """

    weight: Float[np.ndarray, "fan_out fan_in"]
    bias: Float[np.ndarray, " fan_out"] | None
    inverse_square_scale: int
    activation: Activation

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

    def describe(self) -> str:
        """One line: widths, activations, parametrisation, e.g. ``64-1024-1 tanh (NTK)``."""
        widths = "-".join(str(w) for w in [self.inputs, *(la.fan_out for la in self.layers)])
        names = list(dict.fromkeys(la.activation.name for la in self.layers if not la.activation.is_identity))
        scaled = any(la.inverse_square_scale != 1 for la in self.layers)
        return f"{widths} {'/'.join(names) or 'linear'} ({'NTK' if scaled else 'PyTorch'} parametrisation)"


@dataclass(frozen=True)
class DataSet:
    """Inputs X (n, d) and targets y (n, k), float64, exact and finite."""

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, "n k"]

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[0])


def loss_scale(loss: Loss, n: int) -> Fraction:
    """Return s in Φ = (s/2)‖F − y‖²: 1 for 'sum' (½Σ), 1/n for 'mean' ((1/2n)Σ), exactly."""
    if loss == "sum":
        return Fraction(1)
    if loss == "mean":
        return Fraction(1, n)
    raise InputError(f"loss={loss!r}: expected 'sum' (half the sum of squares) or 'mean' (that divided by n)")


def exact_array(values: Any, name: str) -> Float[np.ndarray, "..."]:
    """Convert to a contiguous float64 array of its own without rounding, or refuse; `name` is what an error calls it."""
    if isinstance(values, np.ma.MaskedArray):
        raise DtypeError(f"{name}: a masked array; fill or drop the masked entries, they would be used as data")
    if isinstance(values, list | tuple):
        # numpy rounds large integers in a list that also holds floats; converting entry by entry does not.
        flat = np.asarray(values, dtype=object).reshape(-1)
        if any(isinstance(v, int | np.integer) and abs(int(v)) > 2**53 for v in flat):
            raise DtypeError(f"{name}: integers beyond 2^53 are not all float64 numbers; convert them explicitly")
    if isinstance(values, torch.Tensor):
        if values.is_complex() or values.is_quantized or values.layout is not torch.strided:
            raise DtypeError(f"{name}: dtype={values.dtype}, layout={values.layout}; expected a dense real tensor")
        tensor = values.detach().cpu()
        # Every bfloat16, float16 and float32 number is a float64 number.
        array = tensor.to(torch.float64).numpy() if tensor.is_floating_point() else tensor.numpy()
    else:
        array = np.asarray(values)
    if array.dtype in _EXACT_FLOATS:
        result = array.astype(np.float64)
    elif array.dtype.kind in "biu":
        if array.dtype.kind != "b" and array.size and max(int(array.max()), -int(array.min())) > 2**53:
            raise DtypeError(f"{name}: integers beyond 2^53 are not all float64 numbers; convert them explicitly")
        result = array.astype(np.float64)
    else:
        raise DtypeError(f"{name}: dtype={array.dtype}; expected floating point or integers, not strings or objects")
    if not np.isfinite(result).all():
        bad = int((~np.isfinite(result)).sum())
        raise NonFiniteError(f"{name}: {bad} of {result.size} entries are NaN or infinite; remove or impute them")
    return np.ascontiguousarray(result)


def _affine(module: torch.nn.Module, where: str) -> tuple[Any, Any, int] | None:
    """Return (W, b, 1/s²) for the affine layers this package knows, else None."""
    if type(module) not in (torch.nn.Linear, NTKLinear):
        return None
    own = {name for name, value in module._parameters.items() if value is not None}
    used = {name for name in ("weight", "bias") if getattr(module, name, None) is not None}
    shadowed = any(getattr(module, name) is not module._parameters[name] for name in own)
    if own != used or shadowed or "weight" not in own or any(True for _ in module.children()):
        # A weight that is a plain tensor, a buffer or computed from another one is not trained as the theorem assumes.
        raise UnsupportedLayerError(
            f"{where}: trains {sorted(own)} but its forward pass uses {sorted(used)}; weight and bias must be the layer's"
            " own Parameters"
        )
    weight, bias = module._parameters["weight"], module._parameters.get("bias")
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is None:
            continue
        dense = parameter.is_contiguous() or (parameter.ndim == 2 and parameter.t().is_contiguous())
        if not dense or parameter.untyped_storage().nbytes() < parameter.numel() * parameter.element_size():
            raise UnsupportedLayerError(
                f"{where}.{name}: an expanded or overlapping tensor shares memory between entries; clone it"
            )
    matrix = exact_array(weight, f"{where}.weight")
    vector = None if bias is None else exact_array(bias, f"{where}.bias")
    if isinstance(module, NTKLinear):
        if matrix.ndim != 2 or module.in_features != matrix.shape[1]:
            raise ShapeError(f"{where}: in_features={module.in_features} but the weight has shape {matrix.shape}")
        return matrix, vector, module.in_features
    return matrix, vector, 1


_DROPOUTS = (
    torch.nn.Dropout,
    torch.nn.Dropout1d,
    torch.nn.Dropout2d,
    torch.nn.Dropout3d,
    torch.nn.AlphaDropout,
    torch.nn.FeatureAlphaDropout,
)


def _flatten(model: torch.nn.Module, path: str) -> list[tuple[str, torch.nn.Module]]:
    changed = model._forward_hooks or model._forward_pre_hooks or "forward" in model.__dict__
    if changed or getattr(model, "parametrizations", None):
        raise UnsupportedLayerError(
            f"{path}: forward hooks, a replaced forward or parametrizations change the function that the weights"
            " define; remove them"
        )
    if type(model) is torch.nn.Sequential:
        return [leaf for i, child in enumerate(model) for leaf in _flatten(child, f"{path}[{i}]")]
    return [(f"{path} ({type(model).__name__})", model)]


def read_network(model: torch.nn.Module | Network) -> Network:
    """Read a torch.nn.Sequential of affine layers and smooth activations as exact numbers.

    Args:
        model: (nested) Sequential of torch.nn.Linear or verify.nn.NTKLinear, each optionally followed by one
            activation; Identity, and Dropout in evaluation mode, are passed over. A Network passes through.

    Raises:
        UnsupportedLayerError: a layer outside the theorem's hypotheses, hooks, shared or frozen parameters.
        ShapeError, DtypeError, NonFiniteError: parameters that are no finite real matrices that fit together.
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model={type(model).__name__}: expected a torch.nn.Module (a torch.nn.Sequential)")
    hooks = torch.nn.modules.module
    if hooks._global_forward_hooks or hooks._global_forward_pre_hooks:
        raise UnsupportedLayerError("model: global forward hooks are registered; remove them, they change every layer")
    layers: list[Layer] = []
    seen: dict[int, str] = {}
    for where, module in _flatten(model, "model"):
        if type(module) is torch.nn.Identity:
            continue
        if type(module) in _DROPOUTS and not module.training:
            continue
        affine = _affine(module, where)
        if affine is None:
            activation = activation_from_module(module, where)
            if not layers or not layers[-1].activation.is_identity:
                raise UnsupportedLayerError(
                    f"{where}: an activation must follow an affine layer. Apply it to the data beforehand, or merge two"
                    " consecutive activations into one module"
                )
            last = layers[-1]
            layers[-1] = Layer(last.weight, last.bias, last.inverse_square_scale, activation)
            continue
        weight, bias, inverse_square_scale = affine
        for parameter in module.parameters():
            # The NTK formula sums over layers; memory used twice has one gradient, the sum of two. Comparing
            # storages also catches views of one tensor.
            storage = parameter.untyped_storage().data_ptr()
            if storage in seen and parameter.numel():
                raise UnsupportedLayerError(
                    f"{where}: shares memory with a parameter of {seen[storage]}; weight sharing is not supported."
                    " Give each parameter its own tensor (clone it)"
                )
            seen[storage] = f"{where}"
            if not parameter.requires_grad:
                raise UnsupportedLayerError(
                    f"{where}: has a frozen parameter, but the certificate is about gradient descent on all of them."
                    " Set requires_grad=True"
                )
        if layers and weight.ndim == 2 and layers[-1].fan_out != weight.shape[1]:
            raise ShapeError(
                f"{where}: in_features={weight.shape[1]}, but the layer before has {layers[-1].fan_out} units"
            )
        try:
            layers.append(Layer(weight, bias, inverse_square_scale, IDENTITY))
        except ShapeError as error:
            raise ShapeError(f"{where}: {error}") from error
    if not layers:
        raise UnsupportedLayerError("model: has no affine layer, so there is nothing to train")
    return Network(tuple(layers))


def read_inputs(network: Network, X: Any) -> Float[np.ndarray, "n d"]:
    """Return the inputs as exact float64 of shape (n, d), or raise with both shapes named."""
    inputs = exact_array(X, "X")
    if inputs.ndim != 2 or inputs.shape[1] != network.inputs:
        raise ShapeError(f"X: shape {inputs.shape}; expected (n, {network.inputs}), one row per sample")
    if inputs.shape[0] == 0:
        raise ShapeError("X: n=0 samples; a loss needs at least one")
    return inputs


def read_data(network: Network, X: Any, y: Any) -> DataSet:
    """Return inputs and targets as exact numbers; y may have shape (n,) when the network has one output.

    A shape that numpy or torch would broadcast silently, such as (n, 1) against (n, k), is refused.
    """
    inputs = read_inputs(network, X)
    targets = exact_array(y, "y")
    if targets.ndim == 1 and network.outputs == 1:
        targets = targets[:, None]
    if targets.shape != (inputs.shape[0], network.outputs):
        raise ShapeError(
            f"y: shape {np.shape(targets)}; expected ({inputs.shape[0]}, {network.outputs}): one row per sample, one"
            " column per output"
        )
    return DataSet(inputs, targets)
