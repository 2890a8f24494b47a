"""Random networks of format 2, and their function by the definition: nested loops over channels and positions, no rule of the checker."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import product
from math import prod
from typing import Any

from flint import arb

from verify.checker.reading import Array

Layer = dict[str, Any]
Document = dict[str, Any]


def _extent(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """How many places a window takes along an axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


class Builder:
    """A network of format 2 under construction; every method adds a layer and returns its position."""

    def __init__(self, shape: Sequence[int], seed: int) -> None:
        self.rng, self.layers, self.shapes = random.Random(seed), [], {-1: tuple(shape)}  # type: ignore[var-annotated]

    def draw(self, *shape: int, scale: float = 1.0) -> Array:
        return Array(shape, array("d", [scale * self.rng.gauss(0.0, 1.0) for _ in range(prod(shape))]))

    def add(self, kind: str, inputs: list[int], shape: Sequence[int], **fields: Any) -> int:
        self.layers.append({"kind": kind, "inputs": inputs, **fields})
        self.shapes[len(self.layers) - 1] = tuple(shape)
        return len(self.layers) - 1

    def linear(
        self,
        u: int,
        m: int,
        *,
        bias: bool = True,
        frozen: Sequence[str] = (),
        square: int = 1,
        scales: tuple[float, float] | None = None,
    ) -> int:
        [d] = self.shapes[u]
        weight, b = self.draw(m, d, scale=d**-0.5), self.draw(m, scale=0.3) if bias else None
        return self.add(
            "linear",
            [u],
            (m,),
            weight=weight,
            bias=b,
            inverse_square_scale=square,
            frozen=list(frozen),
            **({} if scales is None else {"weight_scale": scales[0], "bias_scale": scales[1]}),
        )

    def convolution(
        self,
        u: int,
        out: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        bias: bool = True,
        frozen: Sequence[str] = (),
    ) -> int:
        c, h, w = self.shapes[u]
        down, across = map(_extent, (h, w), kernel, stride, padding, dilation)
        weight = self.draw(out, c // groups, *kernel, scale=(c // groups * prod(kernel)) ** -0.5)
        return self.add(
            "convolution",
            [u],
            (out, down, across),
            weight=weight,
            bias=self.draw(out, scale=0.3) if bias else None,
            inverse_square_scale=1,
            stride=list(stride),
            padding=list(padding),
            dilation=list(dilation),
            groups=groups,
            frozen=list(frozen),
        )

    def activation(self, u: int, name: str) -> int:
        given = {"leaky_relu": {"negative_slope": 0.125}, "softplus": {"beta": 1.5}, "celu": {"alpha": 0.5}}.get(
            name, {}
        )
        return self.add("activation", [u], self.shapes[u], function=name, parameters=given)

    def pool(
        self,
        u: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] | None = None,
        padding: tuple[int, int] = (0, 0),
        counted: bool = True,
    ) -> int:
        c, h, w = self.shapes[u]
        step = stride or kernel
        down, across = map(_extent, (h, w), kernel, step, padding)
        return self.add(
            "average_pool",
            [u],
            (c, down, across),
            kernel=list(kernel),
            stride=list(step),
            padding=list(padding),
            count_include_pad=counted,
        )

    def maxima(
        self,
        u: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] | None = None,
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
    ) -> int:
        c, h, w = self.shapes[u]
        step = stride or kernel
        down, across = map(_extent, (h, w), kernel, step, padding, dilation)
        return self.add(
            "max_pool",
            [u],
            (c, down, across),
            kernel=list(kernel),
            stride=list(step),
            padding=list(padding),
            dilation=list(dilation),
        )

    def flatten(self, u: int) -> int:
        return self.add("flatten", [u], (prod(self.shapes[u]),))

    def scale(self, u: int, factor: float) -> int:
        return self.add("scale", [u], self.shapes[u], factor=factor)

    def sum(self, *inputs: int) -> int:
        return self.add("sum", list(inputs), self.shapes[inputs[0]])

    def batch_norm(self, u: int, *, affine: bool = True, frozen: Sequence[str] = ()) -> int:
        c = self.shapes[u][0]
        variance = Array((c,), array("d", [0.5 + self.rng.random() for _ in range(c)]))
        weight, bias = (self.draw(c), self.draw(c, scale=0.3)) if affine else (None, None)
        return self.add(
            "batch_norm",
            [u],
            self.shapes[u],
            mean=self.draw(c, scale=0.2),
            variance=variance,
            eps=1e-5,
            weight=weight,
            bias=bias,
            frozen=list(frozen),
        )

    def group_norm(self, u: int, groups: int, eps: float = 1e-3, *, centred: bool = True) -> int:
        return self.add("group_norm", [u], self.shapes[u], groups=groups, eps=eps, centred=centred)

    def document(self, n: int, *, lr: Fraction | None = None) -> Document:
        k = prod(self.shapes[len(self.layers) - 1])
        return {
            "network": {"input_shape": list(self.shapes[-1]), "layers": self.layers},
            "data": {"X": self.draw(n, *self.shapes[-1]), "y": self.draw(n, k)},
            "loss": "mean",
            "loss_scale": Fraction(1, n),
            "lr": lr,
        }


def chosen(seed: int, act: str | None = None, n: int = 2, *, maxima: bool = False, divided: bool = False) -> Document:
    """A random small graph: a convolutional net, with skips, projections, groups, strides, pooling, batch_norm and frozen parts by chance."""
    rng = random.Random(seed)
    name = act or rng.choice(["tanh", "silu", "relu", "leaky_relu", "gelu", "softplus", "softsign", "celu", "hardtanh"])
    size, channels = (rng.randint(3, 5), rng.randint(3, 5)), rng.choice([1, 2])
    b = Builder((channels, *size), seed)
    still = rng.choice([(), (), ("weight",), ("bias",), ("weight", "bias")])
    v = b.convolution(
        -1,
        2,
        (rng.randint(1, 3), rng.randint(1, 3)),
        padding=(rng.randint(0, 1), 1),
        stride=(1, rng.randint(1, 2)),
        bias=rng.random() < 0.8,
        groups=channels if rng.random() < 0.3 else 1,
    )
    if rng.random() < 0.4:
        v = b.batch_norm(v, affine=rng.random() < 0.7)
    if divided:
        v = b.group_norm(v, rng.choice([1, 2]), rng.choice([1e-3, 0.25]), centred=rng.random() < 0.7)
        v = b.scale(v, 0.5) if rng.random() < 0.3 else b.batch_norm(v)
    v = b.activation(v, name)
    if rng.random() < 0.7:
        groups = rng.choice([1, 2])
        inner = b.convolution(v, 2, (3, 3), padding=(1, 1), groups=groups, bias=rng.random() < 0.5)
        if rng.random() < 0.5:
            inner = b.batch_norm(inner, affine=True, frozen=rng.choice([(), ("weight",), ("weight", "bias")]))
        if rng.random() < 0.5:
            inner = b.activation(inner, name)
        other = v if rng.random() < 0.6 else b.convolution(v, 2, (1, 1), bias=False)
        v = b.activation(b.sum(inner, other) if rng.random() < 0.8 else b.sum(inner, other, v), name)
    if rng.random() < 0.5 and min(b.shapes[v][1:]) >= 2:
        v = b.pool(
            v,
            (2, 2),
            stride=rng.choice([(1, 1), (2, 2), (2, 1)]),
            padding=rng.choice([(0, 0), (1, 1), (0, 1)]),
            counted=rng.random() < 0.5,
        )
    if maxima and min(b.shapes[v][1:]) >= 2:
        v = b.maxima(
            v, (2, 2), stride=rng.choice([(1, 1), (2, 2), (2, 1)]), padding=rng.choice([(0, 0), (1, 1), (0, 1)])
        )
    if rng.random() < 0.3:
        v = b.convolution(v, 2, (2, 1), dilation=(rng.randint(1, 2), 1), padding=(1, 0))
    v = b.flatten(v)
    if divided:
        v = b.sum(v, b.group_norm(v, 1, 0.01))
    if rng.random() < 0.4:
        v = b.scale(b.activation(b.linear(v, 3, frozen=still), name), 0.75)
    b.linear(
        v,
        rng.choice([1, 1, 2]),
        bias=rng.random() < 0.7,
        square=rng.choice([1, 3]),
        scales=rng.choice([None, (1.25, 0.3)]),
    )
    return b.document(n)


# ---------------------------------------------------------------------------------------------- the definition
def _sigma(name: str, given: dict[str, float]) -> Callable[[Any], Any]:
    return {
        "tanh": lambda z: z.tanh(),
        "silu": lambda z: z / (1 + (-z).exp()),
        "relu": lambda z: z if z > 0 else arb(0),
        "hardtanh": lambda z: z if -1 < z < 1 else arb(1 if z > 0 else -1),
        "softsign": lambda z: z / (1 + z) if z > 0 else z / (1 - z),
        "celu": lambda z: z if z > 0 else given["alpha"] * ((z / given["alpha"]).exp() - 1),
        "leaky_relu": lambda z: z if z > 0 else z * given["negative_slope"],
        "gelu": lambda z: z * (1 + (z / arb(2).sqrt()).erf()) / 2,
        "softplus": lambda z: (1 + (z * given["beta"]).exp()).log() / given["beta"],
    }[name]


def _take(layer: Layer, part: str, theta: list[Any]) -> list[Any] | None:
    stored = layer[part]
    if stored is None:
        return None
    if part in layer["frozen"]:
        return [arb(v) for v in stored.data]
    return [theta.pop(0) for _ in stored.data]


def _convolved(
    layer: Layer, h: dict[Any, Any], shape: Sequence[int], W: list[Any], b: list[Any] | None
) -> dict[Any, Any]:
    (out, share, kh, kw), (_, height, width) = layer["weight"].shape, shape
    (sy, sx), (py, px), (dy, dx) = layer["stride"], layer["padding"], layer["dilation"]
    result = {}
    for o in range(out):
        first = o // (out // layer["groups"]) * share
        for y, x in product(
            range(_extent(height, kh, sy, py, dy)),
            range(_extent(width, kw, sx, px, dx)),
        ):
            total = b[o] if b else arb(0)
            for t, i, j in product(range(share), range(kh), range(kw)):
                total += W[((o * share + t) * kh + i) * kw + j] * h.get(
                    (first + t, y * sy + i * dy - py, x * sx + j * dx - px), arb(0)
                )
            result[o, y, x] = total
    return result


def _pooled(layer: Layer, h: dict[Any, Any], shape: Sequence[int]) -> dict[Any, Any]:
    (c, height, width), (kh, kw), (sy, sx), (py, px) = shape, layer["kernel"], layer["stride"], layer["padding"]
    result = {}
    for o, y, x in product(range(c), range(_extent(height, kh, sy, py)), range(_extent(width, kw, sx, px))):
        inside = [
            h[key] for i, j in product(range(kh), range(kw)) if (key := (o, y * sy + i - py, x * sx + j - px)) in h
        ]
        result[o, y, x] = sum(inside, arb(0)) / (kh * kw if layer["count_include_pad"] else len(inside))
    return result


def _divided(layer: Layer, h: dict[Any, Any], shape: Sequence[int]) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for g in range(layer["groups"]):
        share = shape[0] // layer["groups"]
        own = [key for key in h if g * share <= key[0] < (g + 1) * share]
        mean = sum((h[key] for key in own), arb(0)) / len(own) if layer["centred"] else arb(0)
        variance = sum(((h[key] - mean) ** 2 for key in own), arb(0)) / len(own)
        result |= {key: (h[key] - mean) / (variance + layer["eps"]).sqrt() for key in own}
    return result


def _largest(layer: Layer, h: dict[Any, Any], shape: Sequence[int]) -> dict[Any, Any]:
    (c, height, width), (kh, kw), (sy, sx), (py, px), (dy, dx) = (
        shape,
        layer["kernel"],
        layer["stride"],
        layer["padding"],
        layer["dilation"],
    )
    down, across = _extent(height, kh, sy, py, dy), _extent(width, kw, sx, px, dx)
    result = {}
    for o, y, x in product(range(c), range(down), range(across)):
        keys = [(o, y * sy + i * dy - py, x * sx + j * dx - px) for i, j in product(range(kh), range(kw))]
        result[o, y, x] = reduce(arb.max, [h[key] for key in keys if key in h])
    return result


def outputs(document: Document, theta: Sequence[Any]) -> list[Any]:
    """F of every sample, sample-major; theta the moving parameters, layer by layer."""
    shape, X, result = document["network"]["input_shape"], document["data"]["X"], []
    size = prod(shape)
    for s in range(X.shape[0]):
        data = [arb(v) for v in X.data[s * size : (s + 1) * size]]
        keys = [(i,) for i in range(size)] if len(shape) == 1 else list(product(*map(range, shape)))
        values, shapes, rest = {-1: dict(zip(keys, data, strict=True))}, {-1: tuple(shape)}, list(theta)
        for v, layer in enumerate(document["network"]["layers"]):
            u = layer["inputs"][0]
            values[v] = _value(layer, [values[w] for w in layer["inputs"]], shapes[u], rest)
            shapes[v] = tuple(1 + max(key[axis] for key in values[v]) for axis in range(len(next(iter(values[v])))))
        assert not rest
        last = values[len(document["network"]["layers"]) - 1]
        result += [last[key] for key in sorted(last)]
    return result


def _value(layer: Layer, inputs: list[dict[Any, Any]], shape: Sequence[int], rest: list[Any]) -> dict[Any, Any]:
    kind, h = layer["kind"], inputs[0]
    if kind in ("linear", "convolution", "batch_norm") and layer["weight"] is not None:
        W, b = _take(layer, "weight", rest), _take(layer, "bias", rest)
        assert W is not None
        if kind == "convolution":
            return _convolved(layer, h, shape, W, b)
        if kind == "linear":
            m, d = layer["weight"].shape
            s = arb(layer.get("weight_scale", 1.0)) / arb(layer["inverse_square_scale"]).sqrt()
            c = layer.get("bias_scale", 1.0)
            return {
                (o,): s * sum((W[o * d + i] * h[i,] for i in range(d)), arb(0)) + (c * b[o] if b else 0)
                for o in range(m)
            }
    if kind == "batch_norm":
        normal = {
            key: (x - layer["mean"].data[key[0]]) / (arb(layer["variance"].data[key[0]]) + layer["eps"]).sqrt()
            for key, x in h.items()
        }
        if layer["weight"] is None:
            return normal
        assert W is not None
        return {key: W[key[0]] * x + (b[key[0]] if b else 0) for key, x in normal.items()}
    if kind == "activation":
        sigma = _sigma(layer["function"], layer["parameters"])
        return {key: sigma(x) for key, x in h.items()}
    if kind == "average_pool":
        return _pooled(layer, h, shape)
    if kind == "max_pool":
        return _largest(layer, h, shape)
    if kind == "group_norm":
        return _divided(layer, h, shape)
    if kind == "flatten":
        return {(i,): h[key] for i, key in enumerate(sorted(h))}
    if kind == "scale":
        return {key: x * layer["factor"] for key, x in h.items()}
    assert kind == "sum"
    return {key: sum((other[key] for other in inputs[1:]), x) for key, x in h.items()}


def jacobian(document: Document, theta: Sequence[float]) -> list[list[Any]]:
    """Columns of J by central differences; use at 400 bits: the error is about 2^-200."""
    step, columns = arb(2) ** -100, []
    for i in range(len(theta)):
        up, low = ([arb(t) for t in theta] for _ in range(2))
        up[i] += step
        low[i] -= step
        columns.append(
            [(a - b) / (2 * step) for a, b in zip(outputs(document, up), outputs(document, low), strict=True)]
        )
    return columns
