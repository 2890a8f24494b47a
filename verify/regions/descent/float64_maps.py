"""Layers on maps in float64, by torch's own kernels: rules for :mod:`verify.regions.descent.float64`. Nothing here is rigorous."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch.nn import functional, grad

from verify.networks.layers import AveragePool, BatchNorm, Convolution, MaxPool
from verify.networks.layers.values import Shape

__all__ = ["ConvolutionRule", "NormalisedRule", "PoolingRule"]


class ConvolutionRule:
    """z = s·W∗h + b."""

    def __init__(self, layer: Convolution, n: int, below: tuple[Shape, ...], still: bool) -> None:
        """Take what does not change; see :data:`verify.regions.descent.float64.RULES`."""
        self._layer, self._scale = layer, float(layer.scale.mid)
        self._given = (layer.stride, layer.padding, layer.dilation, layer.groups)

    def forward(self, parameters: Mapping[str, np.ndarray], *below: np.ndarray) -> np.ndarray:
        """The value."""
        self._input = torch.from_numpy(np.ascontiguousarray(below[0]))
        self._weight = torch.from_numpy(parameters.get("weight", self._layer.weight) * self._scale)
        bias = parameters.get("bias", self._layer.bias)
        shift = None if bias is None else torch.from_numpy(np.ascontiguousarray(bias))
        with torch.no_grad():
            return functional.conv2d(self._input, self._weight, shift, *self._given).numpy()

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The adjoint."""
        with torch.no_grad():
            found = grad.conv2d_input(self._input.shape, self._weight, _tensor(back), *self._given)  # type: ignore[no-untyped-call]
            return (found.numpy(),)

    def gradient(self, back: np.ndarray) -> dict[str, np.ndarray]:
        """Summed over samples and positions."""
        found = {}
        with torch.no_grad():
            if "weight" in self._layer.trained:
                slope = grad.conv2d_weight(self._input, self._weight.shape, _tensor(back), *self._given)  # type: ignore[no-untyped-call]
                found["weight"] = slope.numpy() * self._scale
        if "bias" in self._layer.trained:
            found["bias"] = back.sum(axis=(0, 2, 3))
        return found


class PoolingRule:
    """Average and max pooling."""

    def __init__(self, layer: AveragePool | MaxPool, n: int, below: tuple[Shape, ...], still: bool) -> None:
        """Take what does not change."""
        self._function: Callable[..., torch.Tensor] = functional.max_pool2d
        self._given: tuple[object, ...] = (layer.kernel, layer.stride, layer.padding)
        if isinstance(layer, MaxPool):
            self._given += (layer.dilation,)
        else:
            self._function, self._given = functional.avg_pool2d, (*self._given, False, layer.count_include_pad)

    def forward(self, parameters: Mapping[str, np.ndarray], *below: np.ndarray) -> np.ndarray:
        """The means, or the maxima."""
        self._input = _tensor(below[0]).requires_grad_()
        with torch.enable_grad():
            self._value = self._function(self._input, *self._given)
        return self._value.detach().numpy()

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The adjoint."""
        (found,) = torch.autograd.grad(self._value, self._input, _tensor(back))
        return (found.numpy(),)

    def gradient(self, back: np.ndarray) -> dict[str, np.ndarray]:
        """None."""
        return {}


class NormalisedRule:
    """z = weight∘(h − mean)/√(variance + eps) + bias."""

    def __init__(self, layer: BatchNorm, n: int, below: tuple[Shape, ...], still: bool) -> None:
        """Take what does not change."""
        self._layer = layer
        self._shape = (1, -1, *(1,) * (len(below[0]) - 1))
        self._mean, self._inverse = layer.mean.reshape(self._shape), layer.inverse_deviation.mid.reshape(self._shape)
        self._axes = (0, *range(2, len(below[0]) + 1))

    def forward(self, parameters: Mapping[str, np.ndarray], *below: np.ndarray) -> np.ndarray:
        """The value."""
        self._normalised = (below[0] - self._mean) * self._inverse
        weight, bias = (parameters.get(name, getattr(self._layer, name)) for name in ("weight", "bias"))
        self._weight = np.ones(1) if weight is None else weight.reshape(self._shape)
        scaled: np.ndarray = self._normalised * self._weight
        return scaled if bias is None else scaled + bias.reshape(self._shape)

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The same factors."""
        return (back * (self._weight * self._inverse),)

    def gradient(self, back: np.ndarray) -> dict[str, np.ndarray]:
        """Summed over samples and positions."""
        both = {"weight": (back * self._normalised).sum(axis=self._axes), "bias": back.sum(axis=self._axes)}
        return {name: both[name] for name in self._layer.trained}


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
