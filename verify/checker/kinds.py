"""The kinds of layers a certificate may hold, each read into the rule that it follows (layers.py); whatever does not fit is refused.

Every index stands here as the definition has it: a convolution is Z[c, y, x] = Σ W[c, t, i, j]·H[t, y·s + i·d − p, x·s + j·d − p] over its
group's channels t, with 0 outside the map.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

from verify.checker.enclosures import real, tick, zips
from verify.checker.layers import Elementwise, Fixed, Layer, Sum, Trained, Window
from verify.checker.normalising import GroupNorm
from verify.checker.pooling import Maximum
from verify.checker.reading import Array, afford, expect, take

__all__ = ["layers_of", "stored"]

_NAMES = (
    "identity",
    "tanh",
    "sigmoid",
    "softplus",
    "silu",
    "sine",
    "erf",
    "gelu",
    "gelu_tanh",
    "celu",
    "softsign",
    "relu",
    "leaky_relu",
    "hardtanh",
    "relu6",
)
_GIVEN = {"softplus": "beta", "leaky_relu": "negative_slope", "celu": "alpha"}

# How many entries a layer's windows may meet, position by position and channel by channel; and those of all layers together.
MAX_READS, MAX_ALL_READS = 1 << 22, 1 << 24

Shape = tuple[int, ...]
Reader = Callable[[dict[str, Any], tuple[int, ...], list[Shape]], Layer]


def stored(value: Any, *shape: int) -> bool:
    """Whether a value is a stored array, of the shape if one is given."""
    return isinstance(value, Array) and (not shape or value.shape == shape)


def _moving(fields: dict[str, Any]) -> tuple[bool, bool]:
    """Whether weight and bias are trained."""
    frozen = fields["frozen"]
    known = isinstance(frozen, list) and all(part in ("weight", "bias") and fields[part] is not None for part in frozen)
    expect(known and len(set(frozen)) == len(frozen), "frozen: expected a list of the layer's own parts")
    return "weight" not in frozen, fields["bias"] is not None and "bias" not in frozen


def _still(fields: dict[str, Any]) -> str:
    """Say which parameters of a layer do not move."""
    return " and ".join(sorted(fields["frozen"])) + " fixed" if fields["frozen"] else ""


def _whole(value: Any, least: int) -> int:
    """Return an integer that is no less than so much."""
    expect(type(value) is int and value >= least, f"expected an integer ≥ {least}, found {str(value)[:40]!r}")
    return int(value)


def _positive(value: Any) -> float:
    """Return a scale: a finite double > 0, or 1 where none is stored."""
    scale = 1.0 if value is None else value
    expect(isinstance(scale, float) and 0.0 < scale < float("inf"), "a scale is no finite double > 0")
    return float(scale)


def _couple(value: Any, least: int) -> tuple[int, int]:
    """Return a pair of integers, down and across."""
    expect(isinstance(value, list) and len(value) == 2, "expected two integers, down and across")
    return _whole(value[0], least), _whole(value[1], least)


def _map(shapes: list[Shape]) -> tuple[int, int, int]:
    """Return channels, height and width of the one input."""
    [shape] = shapes
    expect(len(shape) == 3, "a layer for maps reads a vector")
    return shape[0], shape[1], shape[2]


def _output(window: Window) -> tuple[int, int]:
    """Return how many positions the kernel has, down and across."""
    down, across = (
        (size + 2 * pad - gap * (kernel - 1) - 1) // stride + 1 for size, kernel, stride, pad, gap in zips(*window)
    )
    expect(down > 0 and across > 0, "a kernel is larger than the padded map")
    return down, across


def _affordable(reads: int) -> None:
    """Leave undecided what meets too many entries, before they are listed."""
    afford(reads, MAX_READS, "entries that a layer reads")


def _reads(layer: Layer) -> int:
    """Count the entries that a layer lists."""
    if isinstance(layer, Trained):
        return len(layer.reads) * layer.positions * layer.taps
    return sum(map(len, layer.entries)) if isinstance(layer, Fixed | Maximum) else 0


def _met(window: Window, channel: int, y: int, x: int) -> list[int]:
    """Return the entries of a map that the kernel meets at output position (y, x) in one channel, row by row; −1 outside."""
    (height, width), (kh, kw), (sy, sx), (py, px), (dy, dx) = window
    found = []
    for i in range(kh):
        for j in range(kw):
            row, column = y * sy + i * dy - py, x * sx + j * dx - px
            inside = 0 <= row < height and 0 <= column < width
            found.append((channel * height + row) * width + column if inside else -1)
    return found


def _linear(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    weight, bias = fields["weight"], fields["bias"]
    expect(stored(weight) and len(weight.shape) == 2, "a weight is no matrix")
    m, d = weight.shape
    expect(m > 0 and shapes == [(d,)], "the layers' and the inputs' shapes do not fit together")
    expect(bias is None or stored(bias, m), f"expected a bias of shape ({m},)")
    by, last = (_positive(fields[name]) for name in ("weight_scale", "bias_scale"))
    reads, squares = ((tuple(range(d)),),), (_whole(fields["inverse_square_scale"], 1) / Fraction(by) ** 2,)
    return Trained(
        "linear", inputs, (m,), _still(fields), reads, weight, bias, squares, None, _moving(fields), None, last
    )


def _convolution(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    (channels, height, width), weight, bias = _map(shapes), fields["weight"], fields["bias"]
    expect(
        stored(weight) and len(weight.shape) == 4 and min(weight.shape) > 0, "a kernel is no array (C', C/groups, h, w)"
    )
    groups, (out, share, kh, kw) = _whole(fields["groups"], 1), weight.shape
    expect(channels == share * groups and out % groups == 0, "a kernel's channels do not fit its groups and its input")
    expect(bias is None or stored(bias, out), f"expected a bias of shape ({out},)")
    stride, padding, dilation = (
        _couple(fields[name], least) for name, least in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    window = Window((height, width), (kh, kw), stride, padding, dilation)
    down, across = _output(window)
    _affordable(down * across * share * kh * kw * groups)
    reads = tuple(
        tuple(
            tuple(i for t in range(share) for i in _met(window, g * share + t, y, x))
            for y in range(down)
            for x in range(across)
        )
        for g in range(groups)
    )
    about = f"{kh}×{kw} kernel, stride {stride[0]}×{stride[1]}, zero padding {padding[0]}×{padding[1]}"
    about += f", dilation {dilation[0]}×{dilation[1]}" if dilation != (1, 1) else ""
    about += f", {groups} groups" if groups > 1 else ""
    about = "; ".join(filter(None, (about, _still(fields))))
    squares = (_whole(fields["inverse_square_scale"], 1),)
    shape = (out, down, across)
    return Trained("convolution", inputs, shape, about, reads, weight, bias, squares, None, _moving(fields), window)


def _average_pool(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    (channels, height, width), counted = _map(shapes), fields["count_include_pad"]
    kernel, stride, padding = (
        _couple(fields[name], least) for name, least in (("kernel", 1), ("stride", 1), ("padding", 0))
    )
    expect(isinstance(counted, bool), "count_include_pad is no truth value")
    expect(all(2 * pad <= size for pad, size in zips(padding, kernel)), "the padding is more than half the window")
    window = Window((height, width), kernel, stride, padding, (1, 1))
    down, across = _output(window)
    _affordable(channels * down * across * kernel[0] * kernel[1])
    met = [_met(window, c, y, x) for c in range(channels) for y in range(down) for x in range(across)]
    entries = tuple(tuple(i for i in row if i >= 0) for row in met)
    factors = tuple((1.0, (len(row) if counted else len(at)) ** 2) for row, at in zips(met, entries))
    about = f"{kernel[0]}×{kernel[1]} windows, stride {stride[0]}×{stride[1]}"
    about += f", zero padding {padding[0]}×{padding[1]} {'' if counted else 'not '}counted" if padding != (0, 0) else ""
    return Fixed("average_pool", inputs, (channels, down, across), about, entries, factors, None)


def _max_pool(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    channels, height, width = _map(shapes)
    kernel, stride, padding, dilation = (
        _couple(fields[name], least) for name, least in (("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    )
    window = Window((height, width), kernel, stride, padding, dilation)
    down, across = _output(window)
    _affordable(channels * down * across * kernel[0] * kernel[1])
    met = [_met(window, c, y, x) for c in range(channels) for y in range(down) for x in range(across)]
    entries = tuple(tuple(i for i in row if i >= 0) for row in met)
    expect(all(entries), "a window of padding alone has no largest entry")
    about = f"{kernel[0]}×{kernel[1]} windows, stride {stride[0]}×{stride[1]}"
    about += f", padding {padding[0]}×{padding[1]} never chosen" if padding != (0, 0) else ""
    about += f", dilation {dilation[0]}×{dilation[1]}" if dilation != (1, 1) else ""
    return Maximum("max_pool", inputs, (channels, down, across), about, entries)


def _flatten(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    size = prod(shapes[0])
    entries = tuple((i,) for i in range(size))
    return Fixed("flatten", inputs, (size,), "", entries, ((1.0, 1),) * size, None)


def _scale(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    factor, [shape] = fields["factor"], shapes
    expect(isinstance(factor, float) and factor != 0.0, "a factor is no double other than 0")
    entries = tuple((i,) for i in range(prod(shape)))
    about = f"times {Fraction(factor)}"
    return Fixed("scale", inputs, shape, about, entries, ((factor, 1),) * prod(shape), None)


def _sum(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    expect(len(inputs) > 1 and len(set(shapes)) == 1, "a sum has two inputs or more, of one shape")
    return Sum("sum", inputs, shapes[0], "")


def _batch_norm(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    """(h − mean)/√(variance + eps)·weight + bias, channel by channel, with stored statistics: a map for each sample by itself."""
    [shape], (mean, variance, eps, weight, bias) = (
        shapes,
        (fields[name] for name in ["mean", "variance", "eps", "weight", "bias"]),
    )
    channels, positions = shape[0], prod(shape[1:])
    expect(stored(mean, channels) and stored(variance, channels), "statistics do not fit the channels")
    expect(isinstance(eps, float) and 0.0 <= eps < float("inf"), "eps is no double ≥ 0")
    squares = tuple(Fraction(v) + Fraction(eps) for v in variance.data)
    expect(all(square > 0 for square in squares), "a variance with eps is not positive")
    means = tuple(mean.data.tolist())
    if weight is None:
        expect(bias is None and fields["frozen"] == [], "batch_norm has a weight beside its bias")
        entries = tuple((i,) for i in range(channels * positions))
        factors = tuple((1.0, square) for square in squares for _ in range(positions))
        shifts = tuple(m for m in means for _ in range(positions))
        return Fixed("batch_norm", inputs, shape, "stored mean and variance", entries, factors, shifts)
    fits = stored(weight, channels) and (bias is None or stored(bias, channels))
    expect(fits, "batch_norm has a weight beside its bias, one number a channel")
    reads = tuple(tuple((c * positions + p,) for p in range(positions)) for c in range(channels))
    return Trained("batch_norm", inputs, shape, _still(fields), reads, weight, bias, squares, means, _moving(fields))


def _group_norm(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    """(h − mean)/√(variance + eps) over each group of channels and all positions, of each sample by itself; variance over m, not m − 1."""
    [shape], groups, eps, centred = shapes, _whole(fields["groups"], 1), fields["eps"], fields["centred"]
    expect(shape[0] % groups == 0, "the groups do not divide the channels")
    expect(isinstance(eps, float) and 0.0 < eps < float("inf"), "eps is no finite double > 0")
    expect(isinstance(centred, bool), "centred is no truth value")
    about = f"{groups} group{'s' * (groups > 1)}, eps = {Fraction(eps)}" + ("" if centred else ", no mean taken off")
    return GroupNorm("group_norm", inputs, shape, about, groups, eps, centred)


def _activation(fields: dict[str, Any], inputs: tuple[int, ...], shapes: list[Shape]) -> Layer:
    name = fields["function"]
    expect(name in _NAMES, f"activation {name!r}")
    beta = (take(fields["parameters"], _GIVEN.get(name, "")) or [None])[0]
    positive = isinstance(beta, float) and 0.0 < beta < float("inf")
    expect(name not in _GIVEN or positive, f"{name} needs a positive {_GIVEN.get(name)}")
    [shape] = shapes
    return Elementwise("activation", inputs, shape, "", name, real(beta or 0))


# Fields that a layer may leave out.
_OPTIONAL = {"linear": "weight_scale bias_scale"}
# Kind → the fields it has, and its reader.
_KINDS: dict[str, tuple[str, Reader]] = {
    "linear": ("weight bias inverse_square_scale frozen", _linear),
    "activation": ("function parameters", _activation),
    "convolution": ("weight bias inverse_square_scale stride padding dilation groups frozen", _convolution),
    "average_pool": ("kernel stride padding count_include_pad", _average_pool),
    "max_pool": ("kernel stride padding dilation", _max_pool),
    "flatten": ("", _flatten),
    "scale": ("factor", _scale),
    "sum": ("", _sum),
    "batch_norm": ("mean variance eps weight bias frozen", _batch_norm),
    "group_norm": ("groups eps centred", _group_norm),
}


def layers_of(rows: list[Any], shape: Shape) -> list[Layer]:
    """Return the layers of a graph whose data have the shape given, in topological order; the last one is F."""
    layers: list[Layer] = []
    read = 0
    for v, row in enumerate(rows):
        tick()
        kind = row.get("kind") if isinstance(row, dict) else None
        expect(isinstance(kind, str) and kind in _KINDS, f"layer of kind {str(kind)[:40]!r}")
        names, reader = _KINDS[str(kind)]
        optional = _OPTIONAL.get(str(kind), "")
        take(row, f"kind inputs {names}", f"name {optional}")
        row = dict.fromkeys(optional.split()) | row
        inputs = row["inputs"]
        listed = isinstance(inputs, list) and all(type(u) is int and -1 <= u < v for u in inputs)
        expect(listed and inputs, f"layer {v}: its inputs are no earlier layers")
        expect(kind == "sum" or len(inputs) == 1, f"layer {v}: {kind} has one input")
        layers.append(reader(row, tuple(inputs), [layers[u].shape if u >= 0 else shape for u in inputs]))
        read += _reads(layers[-1])
        afford(read, MAX_ALL_READS, "entries that all layers read")
    used = {u for layer in layers for u in layer.inputs}
    expect(used == set(range(-1, len(layers) - 1)), "a layer, or the data, leads nowhere")
    return layers
