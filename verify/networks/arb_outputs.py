"""The values once more in Arb, forward only: for residuals that float64 enclosures cannot tell from zero, and networks deep enough to blur Θ.

Errors that are carried forward in norm grow by the layers' norms: after seven convolutions the outputs are known to some 1e-7, while at a zero that
Gauss–Newton found the residual itself is near 1e-15, and a ball is certified where about 4L_H‖e‖ < λ_min. A slope is off by its pre-activation's error, which
the way back multiplies by the norms once more. With values known to an ulp the way back starts from nothing but its own roundings. One forward pass
in Arb costs seconds: maps are matrices (n·P, C), channels last, patches lists of references to their entries.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, arb_mat

from verify.arrays import Ball, Rows, smallest_eigenvalue
from verify.arrays.convolutions import Windows
from verify.networks.arb_forms import exact_matrix, precision, to_ball
from verify.networks.arb_linearisation import BITS, MOST_OPERATIONS, RULES
from verify.networks.graph import Network
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
    Value,
)
from verify.networks.layers.values import Shape
from verify.networks.linearisation import Linearisation

__all__ = ["hides_positivity", "outputs_in_arb", "sharpened", "values_in_arb"]

_ENTRY = 60  # what an entry of an activation costs, in multiplications
_GATHERED = 2**20  # references to entries held at once
_BLURRED = 2.0**-10


def sharpened(state: Linearisation, y: np.ndarray) -> Linearisation:
    """Return the linearisation with F enclosed in Arb where its float64 radius hides the residual F − y; else as it is.

    Chains stay as they are: their depth is seen to by :mod:`verify.networks.arb_linearisation`.
    """
    network = state.network
    F = state.F
    with np.errstate(all="ignore"):
        # A guess of whether Arb pays; beyond the range both are infinite and it does not.
        blurred = float(np.linalg.norm(F.rad)) > _BLURRED * float(np.linalg.norm(F.mid - y))
    if not blurred or not np.isfinite(F.rad).all() or not _affordable(network, state.n):
        return state
    return state.with_outputs(Value(Rows.of(outputs_in_arb(network, state.data)), network.shapes[-1]))


def hides_positivity(theta: Ball, network: Network, n: int) -> bool:
    """Whether Θ's midpoint is certainly positive definite where Θ is not, and values in Arb are affordable: then its radius is the obstacle."""
    known = _affordable(network, n) and theta.shape[0] <= network.parameters and bool(np.isfinite(theta.rad).all())
    return known and bool(smallest_eigenvalue(theta.mid).lower() > 0.0)


def _affordable(network: Network, n: int) -> bool:
    """Whether n samples' values may be computed within the budget; chains have their own ways."""
    if network.is_chain:
        return False
    total = 0
    for layer, shape in zip(network.layers, network.shapes, strict=True):
        if isinstance(layer, Linear | Convolution):
            total += math.prod(layer.weight.shape) * math.prod(shape[1:])
        if isinstance(layer, Activated):
            total += _ENTRY * math.prod(shape)
    return n * total <= MOST_OPERATIONS


def outputs_in_arb(network: Network, data: Value, bits: int = BITS) -> Ball:
    """Enclose F (n, k) at exact data (rows as a layer's value has them), computed in Arb at `bits` bits and rounded outward to doubles."""
    with precision(bits):
        return to_ball(_values(network, data)[-1])


def values_in_arb(network: Network, data: Value, bits: int = BITS) -> list[Value]:
    """Enclose every layer's value at exact data, each entry to about 2^-53 of itself."""
    with precision(bits):
        return [
            Value(Rows.of(to_ball(h)), shape) for h, shape in zip(_values(network, data), network.shapes, strict=True)
        ]


def _values(network: Network, data: Value) -> list[Any]:
    def value(index: int, layer: Layer, below: tuple[Any, ...]) -> Any:
        shapes = network.shapes_below(index)
        if type(layer) in _MAPS:
            return _MAPS[type(layer)](layer, shapes[0], below[0])
        return RULES[type(layer)](layer).value(*below)

    return network.forward(value, exact_matrix(data.rows.mid))


def _gathered(h: Any, windows: Windows, channels: slice) -> Any:
    """Blocks of lists of references: patches of a map's chosen channels, position by position, place by place; 0 for padding."""
    (before, after), c = windows.positions, len(range(*channels.indices(h.ncols())))
    entries, n = h.entries(), h.nrows() // before
    entries.append(arb(0))
    # 0 stands for padding in a gathered array of indices.
    where = np.arange(1, before * h.ncols() + 1, dtype=np.float64).reshape(1, before, h.ncols())[:, :, channels]
    order = windows.gather(np.ascontiguousarray(where)).astype(np.int64).ravel() - 1
    size, whole = windows.size * c, before * h.ncols()
    block = max(1, _GATHERED // (after * size))
    for start in range(0, n, block):
        samples = range(start, min(n, start + block))
        picked = [np.where(order < 0, len(entries) - 1, order + i * whole) for i in samples]
        yield len(samples) * after, size, [entries[i] for i in np.concatenate(picked).tolist()]


def _convolution(layer: Convolution, shape: Shape, h: Any) -> Any:
    windows, outputs = layer.windows(shape), layer.weight.shape[0] // layer.groups
    c, scale = layer.weight.shape[1], 1 / arb(layer.inverse_square_scale).sqrt()
    columns: list[list[Any]] = []
    for group in range(layer.groups):
        weight = layer.weight[group * outputs : (group + 1) * outputs].transpose(2, 3, 1, 0).reshape(-1, outputs)
        matrix = exact_matrix(np.ascontiguousarray(weight)) * scale
        found: list[Any] = []
        for rows, size, entries in _gathered(h, windows, slice(group * c, (group + 1) * c)):
            found += (arb_mat(rows, size, entries) * matrix).entries()
        columns.append(found)
    total = len(columns[0]) // outputs
    bias = [0.0] * layer.weight.shape[0] if layer.bias is None else layer.bias.tolist()
    joined = [
        column[i * outputs + j] + bias[g * outputs + j]
        for i in range(total)
        for g, column in enumerate(columns)
        for j in range(outputs)
    ]
    return arb_mat(total, layer.weight.shape[0], joined)


def _pool(layer: AveragePool, shape: Shape, h: Any) -> Any:
    windows, channels = layer.windows(shape), h.ncols()
    counts = layer.divisors(windows).tolist()
    found: list[Any] = []
    for rows, size, entries in _gathered(h, windows, slice(0, channels)):
        for row in range(rows):
            count = int(counts[row % len(counts)])
            at = row * size
            found += [sum(entries[at + c : at + size : channels], arb(0)) / count for c in range(channels)]
    return arb_mat(len(found) // channels, channels, found)


def _maxima(layer: MaxPool, shape: Shape, h: Any) -> Any:
    windows, channels = layer.windows(shape), h.ncols()
    inside = layer.inside(shape)[:, :, 0]
    places = [np.flatnonzero(row).tolist() for row in inside]
    found: list[Any] = []
    for rows, size, entries in _gathered(h, windows, slice(0, channels)):
        for row in range(rows):
            read = [row * size + place * channels for place in places[row % len(places)]]
            found += [functools.reduce(arb.max, (entries[at + c] for at in read)) for c in range(channels)]
    return arb_mat(len(found) // channels, channels, found)


def _normalised(layer: BatchNorm, shape: Shape, h: Any) -> Any:
    m = h.ncols()
    factors = [1 / (arb(v) + arb(layer.eps)).sqrt() for v in layer.variance.tolist()]
    if layer.weight is not None:
        factors = [f * w for f, w in zip(factors, layer.weight.tolist(), strict=True)]
    mean, bias = layer.mean.tolist(), [0.0] * m if layer.bias is None else layer.bias.tolist()
    entries = [(v - mean[i % m]) * factors[i % m] + bias[i % m] for i, v in enumerate(h.entries())]
    return arb_mat(h.nrows(), m, entries)


def _group_norm(layer: GroupNorm, shape: Shape, h: Any) -> Any:
    c, positions, size = shape[0] // layer.groups, math.prod(shape[1:]), layer.size(shape)
    rows = h.tolist()
    for start in range(0, len(rows), positions):
        own = rows[start : start + positions]
        for columns in (slice(g * c, (g + 1) * c) for g in range(layer.groups)):
            mean = sum((sum(row[columns], arb(0)) for row in own), arb(0)) / size if layer.centred else arb(0)
            square = sum((sum(((x - mean) ** 2 for x in row[columns]), arb(0)) for row in own), arb(0))
            inverse = 1 / (square / size + arb(layer.eps)).sqrt()
            for row in own:
                row[columns] = [(x - mean) * inverse for x in row[columns]]
    return arb_mat(rows)


def _flat(layer: Flatten, shape: Shape, h: Any) -> Any:
    positions, channels = math.prod(shape[1:]), shape[0]
    order = np.arange(positions * channels).reshape(positions, channels).T.ravel()
    entries, n = h.entries(), h.nrows() // positions
    return arb_mat(
        n, positions * channels, [entries[i * positions * channels + j] for i in range(n) for j in order.tolist()]
    )


_MAPS: dict[type[Layer], Callable[[Any, Shape, Any], Any]] = {
    Convolution: _convolution,
    AveragePool: _pool,
    MaxPool: _maxima,
    BatchNorm: _normalised,
    GroupNorm: _group_norm,
    Flatten: _flat,
}
"""Layer → its value in Arb; of the others, which see no positions, it is that of :data:`verify.networks.arb_linearisation.RULES`."""
