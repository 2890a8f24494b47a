"""Which layer a torch module is: exact numbers and every attribute accounted for, or refused with the reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from verify.errors import ShapeError, UnsupportedLayerError
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
from verify.networks.layers.values import Shape
from verify.networks.reading.activations import activation_from_module, real_number
from verify.networks.reading.data import exact_array
from verify.networks.reading.integrity import require_own_parameter
from verify.networks.reading.tracing import Added
from verify.nn import NTKLinear, Scale as ScaleModule

__all__ = ["layers_of"]

_DROPOUTS = (
    torch.nn.Dropout,
    torch.nn.Dropout1d,
    torch.nn.Dropout2d,
    torch.nn.Dropout3d,
    torch.nn.AlphaDropout,
    torch.nn.FeatureAlphaDropout,
)
_NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
_OWN_NORMS = (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.RMSNorm)


def layers_of(
    module: torch.nn.Module, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...], place: int
) -> tuple[Layer, ...]:
    """Return the layers that a module is, one after the other, on inputs of a sample's shape (None: vectors of a length not known yet).

    None of a module that returns its input.

    Args:
        where: how an error names it. name: its name in ``state_dict()``. inputs: positions of the layers whose values it gets; place: of its first layer.

    Raises:
        UnsupportedLayerError, ShapeError, DtypeError, NonFiniteError.
    """
    if type(module) in _OWN_NORMS:
        return _group_norm(module, where, name, shape, inputs, place)
    layer = _layer_of(module, where, name, shape, inputs)
    return () if layer is None else (layer,)


def _layer_of(
    module: torch.nn.Module, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...]
) -> Layer | None:
    kind = type(module)
    if kind in (torch.nn.Linear, NTKLinear):
        return _linear(module, where, name, inputs)
    if kind is torch.nn.Conv2d:
        return _convolution(module, where, name, inputs)
    if kind in _NORMS:
        return _batch_norm(module, where, name, shape, inputs)
    if kind in (torch.nn.AvgPool2d, torch.nn.MaxPool2d):
        return _pool(module, where, name, shape, inputs)
    if kind in (torch.nn.AdaptiveAvgPool2d, torch.nn.AdaptiveMaxPool2d):
        return _adaptive_pool(module, where, name, shape, inputs)
    if kind is torch.nn.Flatten:
        return _flatten(module, where, name, shape, inputs)
    if isinstance(module, Added):
        return Sum(inputs, name)
    if kind is ScaleModule:
        return Scale(_exact(module.factor, where, "factor"), inputs, name)
    if kind is torch.nn.Identity or (kind in _DROPOUTS and module.training is False):
        return None
    activation = activation_from_module(module, where)
    return None if activation.is_identity else Activated(activation, inputs, name)


def _arrays(module: torch.nn.Module, where: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """A module's weight and bias, exact, where it has them, and the names of those that are frozen."""
    own = {name: value for name, value in module._parameters.items() if value is not None}
    used = [name for name in ("weight", "bias") if getattr(module, name, None) is not None]
    shadowed = any(getattr(module, name) is not value for name, value in own.items())
    if sorted(own) != sorted(used) or shadowed or any(True for _ in module.children()):
        # A weight that is a plain tensor, a buffer or computed from another one is not trained as the theorem assumes.
        raise UnsupportedLayerError(
            f"{where}: trains {sorted(own)} but its forward pass uses {sorted(used)}; weight and bias must be the layer's"
            " own Parameters"
        )
    if list(own) != used:
        raise UnsupportedLayerError(
            f"{where}: lists its bias before its weight, so flat vectors of parameters() would be read in another order; make a new layer"
        )
    for name, value in own.items():
        require_own_parameter(value, f"{where}.{name}")
    arrays = {name: exact_array(value, f"{where}.{name}") for name, value in own.items()}
    return arrays, tuple(name for name, value in own.items() if not value.requires_grad)


def _with_weight(module: torch.nn.Module, where: str) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    arrays, frozen = _arrays(module, where)
    if "weight" not in arrays:
        raise UnsupportedLayerError(
            f"{where}: has no weight of its own; weight and bias must be the layer's own Parameters"
        )
    return arrays["weight"], arrays.get("bias"), frozen


def _linear(module: Any, where: str, name: str, inputs: tuple[int, ...]) -> Layer:
    weight, bias, frozen = _with_weight(module, where)
    square, scales = 1, (1.0, 1.0)
    if isinstance(module, NTKLinear):
        square = module.in_features
        if weight.ndim != 2 or type(square) is not int or square != weight.shape[1]:
            raise ShapeError(f"{where}: in_features={square!r} but the weight has shape {weight.shape}")
        by_bias = 1.0 if bias is None else _exact(module.bias_std, where, "bias_std")
        scales = _exact(module.weight_std, where, "weight_std"), by_bias
    return Linear(weight, bias, square, inputs, frozen, name, *scales)


def _exact(value: object, where: str, name: str) -> float:
    """The double that a number equals."""
    found = real_number(value)
    if found is None or not math.isfinite(found) or found == 0.0 or (name != "factor" and found < 0.0):
        raise UnsupportedLayerError(
            f"{where}: {name}={value!r}; expected a finite number that a double holds exactly, other than 0"
        )
    return found


def _pair(value: object, where: str, name: str, least: int) -> tuple[int, int]:
    """Two integers, however torch takes them."""
    pair = (value, value) if type(value) is int else value
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(type(v) is int and v >= least for v in pair):
        raise UnsupportedLayerError(f"{where}: {name}={value!r}; expected one or two integers ≥ {least}")
    return pair[0], pair[1]


def _convolution(module: Any, where: str, name: str, inputs: tuple[int, ...]) -> Layer:
    weight, bias, frozen = _with_weight(module, where)
    if module.padding_mode != "zeros":
        raise UnsupportedLayerError(
            f"{where}: padding_mode={module.padding_mode!r}; other padding reads positions twice; use 'zeros'"
        )
    kernel, stride, dilation = (
        _pair(getattr(module, key), where, key, 1) for key in ("kernel_size", "stride", "dilation")
    )
    extent = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if module.padding == "valid":
        padding = (0, 0)
    elif module.padding == "same":
        if stride != (1, 1) or any(size % 2 for size in extent):
            raise UnsupportedLayerError(
                f"{where}: padding='same' with stride {stride} and an even window pads the two sides unequally; use an odd window, stride 1, or a number"
            )
        padding = (extent[0] // 2, extent[1] // 2)
    else:
        padding = _pair(module.padding, where, "padding", 0)
    groups = module.groups
    if type(groups) is not int or groups < 1 or module.in_channels % groups or module.out_channels % groups:
        raise UnsupportedLayerError(
            f"{where}: groups={groups!r} do not divide {module.in_channels} and {module.out_channels} channels"
        )
    expected = (module.out_channels, module.in_channels // groups, *kernel)
    if weight.shape != expected or module.transposed or tuple(module.output_padding) != (0, 0):
        raise ShapeError(f"{where}: the weight has shape {weight.shape}, its attributes say {expected}, not transposed")
    return Convolution(weight, bias, 1, stride, padding, dilation, groups, inputs, frozen, name)


def _batch_norm(module: Any, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...]) -> Layer:
    kind = type(module).__name__
    if module.training:
        raise UnsupportedLayerError(
            f"{where}: {kind} in training mode couples the samples: F of one sample depends on all others. Call model.eval(), which"
            " freezes its statistics; weight and bias may go on training"
        )
    if module.running_mean is None or module.running_var is None:
        raise UnsupportedLayerError(
            f"{where}: {kind} without running statistics uses those of the batch, which couples the samples, in evaluation mode too."
            " Make it with them and train it so, or use torch.nn.GroupNorm, which normalises each sample by itself"
        )
    for key in ("running_mean", "running_var"):
        if module._buffers.get(key) is not getattr(module, key):
            # A view of a parameter moves with it.
            raise UnsupportedLayerError(
                f"{where}: {key} is no buffer of its own; make a new {kind} and copy the statistics into it"
            )
    dimensions = 1 if isinstance(module, torch.nn.BatchNorm1d) else 3
    if shape is not None and len(shape) != dimensions:
        raise ShapeError(
            f"{where}: inputs of shape {shape}; {kind} is read on {'vectors' if dimensions == 1 else 'maps'}"
        )
    arrays, frozen = _arrays(module, where)
    eps = real_number(module.eps)
    if eps is None or not 0.0 <= eps < math.inf:
        raise UnsupportedLayerError(f"{where}: eps={module.eps!r}; expected a number ≥ 0 that a double holds exactly")
    mean, variance = (exact_array(getattr(module, key), f"{where}.{key}") for key in ("running_mean", "running_var"))
    return BatchNorm(mean, variance, eps, arrays.get("weight"), arrays.get("bias"), inputs, frozen, name)


def _group_norm(
    module: Any, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...], place: int
) -> tuple[Layer, ...]:
    """Each sample by its own mean and variance; then weight and bias, a batch norm of mean 0 and variance 1."""
    arrays, frozen = _arrays(module, where)
    eps = real_number(module.eps)
    if eps is None or not 0.0 < eps < math.inf:
        raise UnsupportedLayerError(
            f"{where}: eps={module.eps!r}; expected a number > 0 that a double holds exactly, with which the function is defined where a sample's entries agree"
            " (None depends on the inputs' dtype)"
        )
    if isinstance(module, torch.nn.GroupNorm):
        groups, channels = module.num_groups, module.num_channels
    else:
        groups, over = 1, tuple(module.normalized_shape)
        channels = over[0]
        if shape is not None and over != shape:
            raise UnsupportedLayerError(
                f"{where}: normalized_shape={over} on inputs of shape {shape}; the whole of a sample is known, torch.nn.GroupNorm(1, C) for a map"
            )
        if arrays and len(over) > 1:
            raise UnsupportedLayerError(
                f"{where}: trains a weight for every entry of a map. Put torch.nn.Flatten() before it, use torch.nn.GroupNorm(1, {channels}), which has one a"
                " channel, or elementwise_affine=False"
            )
    norm = GroupNorm(groups, eps, not isinstance(module, torch.nn.RMSNorm), inputs, name)
    if not arrays:
        return (norm,)
    weight, bias = arrays.get("weight"), arrays.get("bias")
    return norm, BatchNorm(np.zeros(channels), np.ones(channels), 0.0, weight, bias, (place,), frozen, name)


def _map(where: str, shape: Shape | None) -> tuple[int, int]:
    if shape is None or len(shape) != 3:
        raise ShapeError(f"{where}: inputs of shape {shape}; expected maps (C, H, W)")
    return shape[1], shape[2]


def _adaptive_pool(module: Any, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...]) -> Layer:
    size = _map(where, shape)
    output = _pair(module.output_size, where, "output_size", 1)
    if any(s % o for s, o in zip(size, output, strict=True)):
        raise UnsupportedLayerError(
            f"{where}: output_size={module.output_size!r} does not divide the map {size}: windows differ in size; use one that divides it, 1 always does"
        )
    _require_values_alone(module, where)
    window = (size[0] // output[0], size[1] // output[1])
    kind = AveragePool if type(module) is torch.nn.AdaptiveAvgPool2d else MaxPool
    return kind(window, window, inputs=inputs, name=name)


def _pool(module: Any, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...]) -> Layer:
    _map(where, shape)
    divisor = getattr(module, "divisor_override", None)
    if module.ceil_mode is not False or divisor is not None:
        raise UnsupportedLayerError(
            f"{where}: ceil_mode={module.ceil_mode!r}, divisor_override={divisor!r}; False and None are known"
        )
    _require_values_alone(module, where)
    kernel = _pair(module.kernel_size, where, "kernel_size", 1)
    stride = kernel if module.stride is None else _pair(module.stride, where, "stride", 1)
    padding = _pair(module.padding, where, "padding", 0)
    if type(module) is torch.nn.MaxPool2d:
        return MaxPool(kernel, stride, padding, _pair(module.dilation, where, "dilation", 1), inputs, name)
    return AveragePool(kernel, stride, padding, bool(module.count_include_pad), inputs, name)


def _require_values_alone(module: torch.nn.Module, where: str) -> None:
    if getattr(module, "return_indices", False) is not False:
        raise UnsupportedLayerError(
            f"{where}: return_indices={module.return_indices!r}: the layer's output is the maxima alone; use False"
        )


def _flatten(module: Any, where: str, name: str, shape: Shape | None, inputs: tuple[int, ...]) -> Layer | None:
    last = 1 if shape is None else len(shape)
    if module.start_dim not in (1, -last) or module.end_dim not in (-1, last):
        # From axis 0 it would make one row of all samples.
        raise UnsupportedLayerError(
            f"{where}: Flatten({module.start_dim}, {module.end_dim}) of {last + 1} axes; Flatten(1, -1) is known, one row a sample"
        )
    return None if last == 1 else Flatten(inputs, name)
