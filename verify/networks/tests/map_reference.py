"""Networks of maps by the index definition, in 80-bit arithmetic, with the whole Jacobian carried forward; and random graphs to try it on.

Nothing of the package's layers is used: every output entry is a sum over the kernel's places, with the derivative of each term.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from verify.errors import ShapeError
from verify.networks import Network
from verify.networks.activations import activation_named
from verify.networks.layers import (
    Activated,
    AveragePool,
    BatchNorm,
    Convolution,
    Flatten,
    GroupNorm,
    Linear,
    MaxPool,
    Scale,
    Sum,
    Trained,
)

__all__ = ["draw", "jacobian"]

Wide = np.longdouble
Pair = tuple[Any, Any]


def jacobian(network: Network, X: np.ndarray, theta: np.ndarray) -> Pair:
    """F (N,) and J (N, p) at flat parameters θ (p,), longdouble."""
    values, slopes = zip(*(_sample(network, x, np.asarray(theta, dtype=Wide)) for x in X), strict=True)
    return np.concatenate(values), np.concatenate(slopes)


def _sample(network: Network, x: np.ndarray, theta: Any) -> Pair:
    p, at = theta.size, 0
    found: list[Pair] = []
    data = (x.astype(Wide), np.zeros((*x.shape, p), dtype=Wide))
    for layer in network.layers:
        own = {}
        for name, array in (layer.stored if isinstance(layer, Trained) else {}).items():
            slope = np.zeros((*array.shape, p), dtype=Wide)
            value = array.astype(Wide)
            if isinstance(layer, Trained) and name in layer.trained:
                value = theta[at : at + array.size].reshape(array.shape)
                slope.reshape(array.size, p)[np.arange(array.size), at + np.arange(array.size)] = 1
                at += array.size
            own[name] = (value, slope)
        found.append(_RULES[type(layer)](layer, own, *(data if i < 0 else found[i] for i in layer.inputs)))
    assert at == p
    return found[-1]


def _product(w: Pair, h: Pair) -> Pair:
    """Σ of products of two arrays of one shape, with its derivative."""
    return (w[0] * h[0]).sum(), (w[1] * h[0][..., None] + w[0][..., None] * h[1]).reshape(-1, w[1].shape[-1]).sum(
        axis=0
    )


def _affine(layer: Any, own: dict[str, Pair], places: Any, shape: tuple[int, ...]) -> Pair:
    """Output entries: s·Σ weight·input + c·bias; `places` yields (output index, output channel, weight part, input part)."""
    p = own[next(iter(own))][1].shape[-1]
    value, slope = np.zeros(shape, dtype=Wide), np.zeros((*shape, p), dtype=Wide)
    scale = Wide(getattr(layer, "weight_scale", 1.0)) / np.sqrt(Wide(layer.inverse_square_scale))
    by_bias = Wide(getattr(layer, "bias_scale", 1.0))
    for index, channel, w, h in places:
        v, s = _product(w, h)
        value[index], slope[index] = scale * v, scale * s
        if "bias" in own:
            value[index] += by_bias * own["bias"][0][channel]
            slope[index] += by_bias * own["bias"][1][channel]
    return value, slope


def _linear(layer: Linear, own: dict[str, Pair], h: Pair) -> Pair:
    w = own["weight"]
    return _affine(layer, own, ((j, j, (w[0][j], w[1][j]), h) for j in range(len(w[0]))), (len(w[0]),))


def _inside(
    layer: Any, kernel: tuple[int, int], shape: tuple[int, ...], i: int, j: int
) -> list[tuple[int, int, int, int]]:
    """Places (u, v) of the window at output (i, j) that lie inside the map, with the positions (y, x) that they read."""
    dilation = getattr(layer, "dilation", (1, 1))
    found = []
    for u, v in np.ndindex(*kernel):
        y = layer.stride[0] * i + dilation[0] * u - layer.padding[0]
        x = layer.stride[1] * j + dilation[1] * v - layer.padding[1]
        if 0 <= y < shape[1] and 0 <= x < shape[2]:
            found.append((u, v, y, x))
    return found


def _sizes(layer: Any, kernel: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int]:
    dilation = getattr(layer, "dilation", (1, 1))
    height, width = (
        (shape[a + 1] + 2 * layer.padding[a] - dilation[a] * (kernel[a] - 1) - 1) // layer.stride[a] + 1 for a in (0, 1)
    )
    return height, width


def _convolution(layer: Convolution, own: dict[str, Pair], h: Pair) -> Pair:
    w, (outputs, c, kh, kw) = own["weight"], layer.weight.shape
    height, width = _sizes(layer, (kh, kw), h[0].shape)

    def places() -> Any:
        for o, i, j in np.ndindex(outputs, height, width):
            first = o // (outputs // layer.groups) * c
            ws, hs = [], []
            for u, v, y, x in _inside(layer, (kh, kw), h[0].shape, i, j):
                ws.append((w[0][o, :, u, v], w[1][o, :, u, v]))
                hs.append((h[0][first : first + c, y, x], h[1][first : first + c, y, x]))
            none = (np.zeros((1, c), dtype=Wide), np.zeros((1, c, w[1].shape[-1]), dtype=Wide))
            w_part, h_part = (
                tuple(np.array([part[a] for part in parts]) for a in (0, 1)) if parts else none for parts in (ws, hs)
            )
            yield (o, i, j), o, w_part, h_part

    return _affine(layer, own, places(), (outputs, height, width))


def _normalised(layer: BatchNorm, own: dict[str, Pair], h: Pair) -> Pair:
    value, slope = np.empty_like(h[0]), np.empty_like(h[1])
    for c in range(len(layer.mean)):
        deviation = np.sqrt(Wide(layer.variance[c]) + Wide(layer.eps))
        value[c], slope[c] = (h[0][c] - Wide(layer.mean[c])) / deviation, h[1][c] / deviation
        if "weight" in own:
            w, dw = own["weight"][0][c], own["weight"][1][c]
            slope[c] = w * slope[c] + value[c][..., None] * dw
            value[c] = w * value[c]
        if "bias" in own:
            value[c] = value[c] + own["bias"][0][c]
            slope[c] = slope[c] + own["bias"][1][c]
    return value, slope


def _divided(layer: GroupNorm, own: dict[str, Pair], h: Pair) -> Pair:
    """Group by group with the Jacobian as a matrix: (δ_ij − [centred]/m − c_ic_j/(mσ²))/σ."""
    value, slope = np.empty_like(h[0]), np.empty_like(h[1])
    share = h[0].shape[0] // layer.groups
    for g in range(layer.groups):
        channels = slice(g * share, (g + 1) * share)
        z, dz = h[0][channels].reshape(-1), h[1][channels].reshape(-1, h[1].shape[-1])
        m = Wide(len(z))
        c = z - z.sum() / m if layer.centred else z
        deviation = np.sqrt((c**2).sum() / m + Wide(layer.eps))
        matrix = (
            np.eye(len(z), dtype=Wide) - (1 / m if layer.centred else Wide(0)) - np.outer(c, c) / (m * deviation**2)
        )
        value[channels] = (c / deviation).reshape(value[channels].shape)
        slope[channels] = (matrix / deviation @ dz).reshape(slope[channels].shape)
    return value, slope


def _pooled(layer: AveragePool, own: dict[str, Pair], h: Pair) -> Pair:
    height, width = _sizes(layer, layer.kernel, h[0].shape)
    value = np.zeros((h[0].shape[0], height, width), dtype=Wide)
    slope = np.zeros((*value.shape, h[1].shape[-1]), dtype=Wide)
    for i, j in np.ndindex(height, width):
        inside = _inside(layer, layer.kernel, h[0].shape, i, j)
        count = Wide(layer.kernel[0] * layer.kernel[1] if layer.count_include_pad else len(inside))
        for _, _, y, x in inside:
            value[:, i, j] += h[0][:, y, x] / count
            slope[:, i, j] += h[1][:, y, x] / count
    return value, slope


def _largest(layer: MaxPool, own: dict[str, Pair], h: Pair) -> Pair:
    height, width = _sizes(layer, layer.kernel, h[0].shape)
    value = np.zeros((h[0].shape[0], height, width), dtype=Wide)
    slope = np.zeros((*value.shape, h[1].shape[-1]), dtype=Wide)
    for c, i, j in np.ndindex(*value.shape):
        # The first of those that attain it, as torch's.
        y, x = max(
            ((y, x) for _, _, y, x in _inside(layer, layer.kernel, h[0].shape, i, j)), key=lambda at: h[0][c][at]
        )
        value[c, i, j], slope[c, i, j] = h[0][c, y, x], h[1][c, y, x]
    return value, slope


def _activated(layer: Activated, own: dict[str, Pair], h: Pair) -> Pair:
    z = h[0]
    if layer.function.name == "tanh":
        value, first = np.tanh(z), 1 - np.tanh(z) ** 2
    elif layer.function.name == "sine":
        value, first = np.sin(z), np.cos(z)
    else:
        below = Wide(dict(layer.function.parameters).get("negative_slope", 0.0))
        value, first = np.where(z > 0, z, below * z), np.where(z > 0, Wide(1), below)
    return value, first[..., None] * h[1]


_RULES: dict[type, Any] = {
    Linear: _linear,
    Convolution: _convolution,
    BatchNorm: _normalised,
    GroupNorm: _divided,
    AveragePool: _pooled,
    MaxPool: _largest,
    Activated: _activated,
    Sum: lambda layer, own, *below: (sum(v for v, _ in below), sum(s for _, s in below)),
    Scale: lambda layer, own, h: (Wide(layer.factor) * h[0], Wide(layer.factor) * h[1]),
    Flatten: lambda layer, own, h: (h[0].reshape(-1), h[1].reshape(-1, h[1].shape[-1])),
}


class _Drawing:
    def __init__(self, rng: np.random.Generator, names: tuple[str, ...]) -> None:
        self.rng, self.names = rng, names
        self.layers: list[Any] = []

    def add(self, layer: Any) -> int:
        self.layers.append(layer)
        return len(self.layers) - 1

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def weights(self, *shape: int) -> np.ndarray:
        found: np.ndarray = (
            self.rng.standard_normal(shape) * float(self.pick(0.3, 0.7, 1.2)) / np.sqrt(np.prod(shape[1:]) or 1.0)
        )
        return found

    def act(self, source: int) -> int:
        name = self.pick(*self.names)
        given = {"negative_slope": 0.25} if name == "leaky_relu" else {}
        return self.add(Activated(activation_named(name, given), (source,)))

    def convolution(self, source: int, shape: tuple[int, ...], outputs: int, *, keep: bool) -> int:
        groups = self.pick(1, 1, 2) if shape[0] % 2 == 0 and outputs % 2 == 0 else 1
        size = self.pick((3, 3), (3, 1)) if keep else (self.pick(1, 2, 3), self.pick(1, 2))
        dilation = (1, 1) if keep else (self.pick(1, 2), 1)
        stride = (1, 1) if keep else (self.pick(1, 2), self.pick(1, 1, 2))
        padding = (size[0] // 2, size[1] // 2) if keep else (self.pick(0, 1, 2), self.pick(0, 1))
        bias = self.weights(outputs) if self.rng.random() < 0.6 else None
        frozen = self.pick((), (), (), ("weight",), ("bias",)) if bias is not None else ()
        square = self.pick(1, 1, 3)
        weight = self.weights(outputs, shape[0] // groups, *size)
        return self.add(Convolution(weight, bias, square, stride, padding, dilation, groups, (source,), frozen))

    def norm(self, source: int, channels: int) -> int:
        parts = [self.rng.standard_normal(channels) if self.rng.random() < 0.7 else None for _ in range(2)]
        frozen = tuple(
            n for n, a in zip(("weight", "bias"), parts, strict=True) if a is not None and self.rng.random() < 0.3
        )
        return self.add(
            BatchNorm(
                0.3 * self.rng.standard_normal(channels),
                0.3 + self.rng.random(channels),
                1e-3,
                parts[0],
                parts[1],
                (source,),
                frozen,
            )
        )

    def shape(self, network_shape: tuple[int, ...], index: int) -> tuple[int, ...]:
        shapes: list[tuple[int, ...]] = []
        for layer in self.layers[: index + 1]:
            shapes.append(layer.shape(*(network_shape if i < 0 else shapes[i] for i in layer.inputs)))
        return shapes[-1]


def draw(rng: np.random.Generator, names: tuple[str, ...] = ("tanh", "sine")) -> tuple[Network, np.ndarray]:
    """A random network on small maps, with skips, fan-out, groups, pools, frozen parts and batch norms, and inputs with a dead patch."""
    while True:
        try:
            return _draw(rng, names)
        except ShapeError:
            continue  # a window that does not fit


def _draw(rng: np.random.Generator, names: tuple[str, ...]) -> tuple[Network, np.ndarray]:
    made = _Drawing(rng, names)
    shape = (made.pick(1, 2), int(rng.integers(3, 6)), int(rng.integers(3, 5)))
    last = made.act(made.convolution(-1, shape, made.pick(2, 4), keep=bool(rng.random() < 0.5)))
    for _ in range(int(rng.integers(0, 3))):
        here = made.shape(shape, last)
        kind = made.pick("skip", "norm", "pool", "scale", "plain")
        if kind == "skip":
            inner = made.act(made.convolution(last, here, here[0], keep=True))
            other = last if rng.random() < 0.5 else made.convolution(last, here, here[0], keep=True)
            sources = (inner, other) if made.shape(shape, inner) == made.shape(shape, other) else (inner, inner)
            last = made.act(made.add(Sum(sources)))
        elif kind == "norm":
            last = made.act(made.norm(last, here[0]))
        elif kind == "pool" and min(here[1:]) >= 2:
            last = made.add(
                AveragePool(
                    (2, 2), made.pick((2, 2), (1, 1)), made.pick((0, 0), (1, 1)), made.pick(True, False), (last,)
                )
            )
        elif kind == "scale":
            last = made.add(Scale(made.pick(-0.5, 1.7), (last,)))
        else:
            last = made.act(made.convolution(last, here, 2, keep=True))
    here = made.shape(shape, last)
    if rng.random() < 0.5:
        last = made.add(AveragePool((here[1], here[2]), (here[1], here[2]), inputs=(last,)))
    last = made.add(Flatten((last,)))
    k = made.pick(1, 1, 2)
    made.add(Linear(made.weights(k, made.shape(shape, last)[0]), made.weights(k), made.pick(1, 2), (last,)))
    network = Network(_used(made.layers), shape)
    X = rng.standard_normal((int(rng.integers(1, 4)), *shape))
    X[:, :, :2, :2] *= float(made.pick(1.0, 0.0))
    return network, X


def _used(layers: list[Any]) -> tuple[Any, ...]:
    """Without layers that nothing reads."""
    while True:
        read = {i for layer in layers for i in layer.inputs}
        dead = next((i for i in range(len(layers) - 1) if i not in read), None)
        if dead is None:
            return tuple(layers)
        layers = [
            replace(layer, inputs=tuple(i - (i > dead) for i in layer.inputs))
            for at, layer in enumerate(layers)
            if at != dead
        ]
