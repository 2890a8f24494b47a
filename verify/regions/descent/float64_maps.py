"""Layers on maps in float64, by torch's own kernels: rules for :mod:`verify.regions.descent.float64`. Nothing here is rigorous."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional, grad

from verify.networks.layers import AveragePool, BatchNorm, Convolution, GroupNorm, MaxPool
from verify.networks.layers.values import Shape

__all__ = ["ConvolutionRule", "NormalisedRule", "Place", "PoolingRule"]


@dataclass(frozen=True)
class Place:
    """Where a layer's rule works.

    Attributes:
        samples: n. below: shapes of the layer's inputs. still: whether none of them moves from step to step.
        parameters: its trained arrays by name, views of one flat vector, whose entries change from step to step.
        slopes: where their gradient goes, views of another.
    """

    samples: int
    below: tuple[Shape, ...]
    still: bool
    parameters: Mapping[str, np.ndarray]
    slopes: Mapping[str, np.ndarray]


class ConvolutionRule:
    """z = s·W∗h + b."""

    def __init__(self, layer: Convolution, place: Place) -> None:
        """Take what does not change."""
        self._array, self._bias = (place.parameters.get(name, getattr(layer, name)) for name in ("weight", "bias"))
        self._slopes, self._scale = place.slopes, float(layer.scale.mid)
        self._given = (layer.stride, layer.padding, layer.dilation, layer.groups)

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The value."""
        self._input = torch.from_numpy(np.ascontiguousarray(below[0]))
        self._weight = torch.from_numpy(self._array * self._scale)
        shift = None if self._bias is None else torch.from_numpy(np.ascontiguousarray(self._bias))
        with torch.no_grad():
            return functional.conv2d(self._input, self._weight, shift, *self._given).numpy()

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The adjoint."""
        with torch.no_grad():
            found = grad.conv2d_input(self._input.shape, self._weight, _tensor(back), *self._given)  # type: ignore[no-untyped-call]
            return (found.numpy(),)

    def gradient(self, back: np.ndarray) -> None:
        """Summed over samples and positions."""
        with torch.no_grad():
            if "weight" in self._slopes:
                slope = grad.conv2d_weight(self._input, self._weight.shape, _tensor(back), *self._given)  # type: ignore[no-untyped-call]
                np.multiply(slope.numpy(), self._scale, out=self._slopes["weight"])
        if "bias" in self._slopes:
            back.sum(axis=(0, 2, 3), out=self._slopes["bias"])


class PoolingRule:
    """Average and max pooling."""

    def __init__(self, layer: AveragePool | MaxPool, place: Place) -> None:
        """Take what does not change."""
        self._function: Callable[..., torch.Tensor] = functional.max_pool2d
        self._given: tuple[object, ...] = (layer.kernel, layer.stride, layer.padding)
        if isinstance(layer, MaxPool):
            self._given += (layer.dilation,)
        else:
            self._function, self._given = functional.avg_pool2d, (*self._given, False, layer.count_include_pad)

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The means, or the maxima."""
        self._input = _tensor(below[0]).requires_grad_()
        with torch.enable_grad():
            self._value = self._function(self._input, *self._given)
        return self._value.detach().numpy()

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The adjoint."""
        (found,) = torch.autograd.grad(self._value, self._input, _tensor(back))
        return (found.numpy(),)

    def gradient(self, back: np.ndarray) -> None:
        """None."""


class NormalisedRule:
    """z = weight∘(h − mean)/√(variance + eps) + bias."""

    def __init__(self, layer: BatchNorm, place: Place) -> None:
        """Take what does not change."""
        self._array, self._bias = (place.parameters.get(name, getattr(layer, name)) for name in ("weight", "bias"))
        self._slopes = place.slopes
        self._shape = (1, -1, *(1,) * (len(place.below[0]) - 1))
        self._mean, self._inverse = layer.mean.reshape(self._shape), layer.inverse_deviation.mid.reshape(self._shape)
        self._axes = (0, *range(2, len(place.below[0]) + 1))

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The value."""
        self._normalised = (below[0] - self._mean) * self._inverse
        self._weight = np.ones(1) if self._array is None else self._array.reshape(self._shape)
        scaled: np.ndarray = self._normalised * self._weight
        return scaled if self._bias is None else scaled + self._bias.reshape(self._shape)

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """The same factors."""
        return (back * (self._weight * self._inverse),)

    def gradient(self, back: np.ndarray) -> None:
        """Summed over samples and positions."""
        if "weight" in self._slopes:
            (back * self._normalised).sum(axis=self._axes, out=self._slopes["weight"])
        if "bias" in self._slopes:
            back.sum(axis=self._axes, out=self._slopes["bias"])


class GroupNormRule:
    """N(h) = (h − mean)/σ of each group; back ↦ (back − mean − N·mean(N∘back))/σ."""

    def __init__(self, layer: GroupNorm, place: Place) -> None:
        """Take what does not change."""
        self._layer, self._shape = layer, (place.samples, layer.groups, -1)

    def _centred(self, values: np.ndarray) -> np.ndarray:
        return values - values.mean(axis=2, keepdims=True) if self._layer.centred else values

    def forward(self, *below: np.ndarray) -> np.ndarray:
        """The value."""
        found = self._centred(below[0].reshape(self._shape))
        self._inverse = 1.0 / np.sqrt((found * found).mean(axis=2, keepdims=True) + self._layer.eps)
        self._value = found * self._inverse
        value: np.ndarray = self._value.reshape(below[0].shape)
        return value

    def backward(self, back: np.ndarray) -> tuple[np.ndarray, ...]:
        """A symmetric matrix per group."""
        given = back.reshape(self._shape)
        along = (given * self._value).mean(axis=2, keepdims=True)
        return (((self._centred(given) - self._value * along) * self._inverse).reshape(back.shape),)

    def gradient(self, back: np.ndarray) -> None:
        """None."""


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
