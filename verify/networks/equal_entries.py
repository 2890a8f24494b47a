"""Which entries of a value are the same function of the parameters on a ball: two of them in one window never compete.

Equal patches of an image (its background), and windows of dead units, tie at any parameters. Every entry of a value gets a number such that entries of one
layer and one sample with equal numbers are equal on the whole ball, as functions of θ; 0 is the zero function.

Soundness, by induction over the layers in their order, for a sample of which no unit leaves its side of a kink and no window its choice on the ball
(*crossed* is false of it, :class:`~verify.networks.layers.values.ValueChange`). Data: one number for equal exact values. A convolution's entry is determined by
its channel and by what its window reads, place by place, padding being the zero function; without a bias it is 0 where all of that is. A pool of means: by
what it reads, in any order, and what it divides by; a maximum: by the *set* of what it reads, or, where the choice at the centre is certain, by the chosen
entry, which on the ball remains the largest (claim window_choices). A batch norm: by channel and input; a group norm: by group and input, since
its mean and variance are those of one group; a sum by its summands, each in
its place, since numbers are those of one layer; a multiple by what it multiplies; an activation by its input, or, where its unit certainly lies on a flat
piece at the centre, by that piece's constant, which it keeps as long as it meets no kink.
In each case equal determinants are equal functions, so equal numbers are. Numbers are never reused for different determinants, but no two
different numbers are claimed to be different functions. Other layers give every entry a number of its own.

Only values are compared, never derivatives: among entries that tie on the whole ball back-propagation chooses the first, everywhere on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.networks.graph import Network
from verify.networks.layers import (
    Activated,
    AveragePool,
    BatchNorm,
    Convolution,
    GroupNorm,
    Layer,
    MaxPool,
    Scale,
    Sum,
    Value,
)
from verify.networks.layers.max_pooling import Ids

__all__ = ["EqualEntries"]

_BLANK = -(2.0**52)
"""Stands for no entry; numbers are far from it."""


class EqualEntries:
    """Numbers of one forward pass, computed where they are asked for.

    Args:
        network: the graph. data: the inputs; values, saved: what the layers returned so far, filled in order by the caller.
    """

    def __init__(self, network: Network, data: Value, values: Sequence[Value], saved: Sequence[Any]) -> None:
        """Keep references to lists that grow."""
        self._network, self._data, self._values, self._saved = network, data, values, saved
        self._known: dict[int, Ids] = {}

    def of(self, index: int) -> Ids:
        """Return the numbers (n·P, C) of a layer's entries; −1 the data."""
        if index not in self._known:
            self._known[index] = self._data_ids() if index < 0 else self._layer_ids(index)
        return self._known[index]

    def _data_ids(self) -> Ids:
        rows = self._data.rows
        _, inverse = np.unique(rows.mid, return_inverse=True)
        ids = np.where(rows.mid == 0.0, 0, inverse.reshape(rows.mid.shape) + 1)
        exact = (rows.err == 0.0)[:, None]
        return np.where(exact, ids, ids.size + 1 + np.arange(ids.size).reshape(ids.shape))

    def _layer_ids(self, index: int) -> Ids:
        layer = self._network.layers[index]
        rule = _RULES.get(type(layer))
        if rule is None:
            return np.arange(1, self._values[index].rows.mid.size + 1).reshape(self._values[index].rows.mid.shape)
        below = tuple(self._data if source < 0 else self._values[source] for source in layer.inputs)
        found: Ids = rule(layer, self._saved[index], below, tuple(self.of(source) for source in layer.inputs))
        return found


def _consed(tuples: np.ndarray) -> np.ndarray:
    """Number the rows of an array of integers from 1 on, equal rows alike."""
    flat = np.ascontiguousarray(tuples.astype(np.int64))
    keys = flat.view(np.dtype((np.void, flat.itemsize * flat.shape[1]))).ravel()
    _, inverse = np.unique(keys, return_inverse=True)
    return np.asarray(inverse).reshape(-1) + 1


def _convolution(layer: Convolution, _: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    (h,), (known,) = below, ids
    windows, total, c = layer.windows(h.shape), layer.weight.shape[0], layer.weight.shape[1]
    read = windows.gather(known.astype(np.float64).reshape(-1, windows.positions[0], known.shape[1]))
    outputs = total // layer.groups
    found = np.empty((read.shape[0] * read.shape[1], total), dtype=np.int64)
    for group in range(layer.groups):
        rows = read[..., group * c : (group + 1) * c].reshape(len(found), -1)
        channels = np.arange(group * outputs, (group + 1) * outputs)
        own = _consed(rows)[:, None] * total + channels
        zero = (rows == 0.0).all(axis=1)[:, None] & (layer.bias is None)
        found[:, channels] = np.where(zero, 0, own)
    return found


def _means(layer: AveragePool, _: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    (h,), (known,) = below, ids
    windows = layer.windows(h.shape)
    read = windows.gather(known.astype(np.float64).reshape(-1, windows.positions[0], known.shape[1])).swapaxes(2, 3)
    counts = np.broadcast_to(layer.divisors(windows)[None, :, None, None], (*read.shape[:3], 1))
    # A sum does not depend on the order.
    found = _consed(np.concatenate([np.sort(read, axis=3), counts], axis=3).reshape(-1, windows.size + 1))
    return np.where((read == 0.0).all(axis=3).ravel(), 0, found).reshape(-1, known.shape[1])


def _maxima(layer: MaxPool, saved: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    (h,), (known,) = below, ids
    read = layer.gathered(known.astype(np.float64), h.shape, _BLANK)
    chosen = np.take_along_axis(read, saved.place.reshape(read.shape[0], read.shape[1], 1, -1), axis=2)
    certain = (saved.gap > 0.0).reshape(chosen.shape)
    members = np.sort(np.where(certain, chosen, read), axis=2)
    members[:, :, 1:][members[:, :, 1:] == members[:, :, :-1]] = _BLANK
    members = np.sort(members, axis=2).swapaxes(2, 3).reshape(-1, members.shape[2])
    only_zero = ((members == 0.0) | (members == _BLANK)).all(axis=1)
    return np.where(only_zero, 0, _consed(members)).reshape(-1, known.shape[1])


def _normalised(layer: BatchNorm, _: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    (known,) = ids
    channels = known.shape[1]
    return np.asarray(_consed(known.reshape(-1, 1)).reshape(known.shape) * channels + np.arange(channels))


def _divided(layer: GroupNorm, _: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    (known,) = ids
    group = np.arange(known.shape[1]) * layer.groups // known.shape[1]
    found = _consed(known.reshape(-1, 1)).reshape(known.shape) * layer.groups + group
    return found if layer.centred else np.where(known == 0, 0, found)


def _activated(layer: Activated, _: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    (z,), (known,) = below, ids
    zero = 0 if layer.function.fixes_zero else -1
    own = _consed(known.reshape(-1, 1)).reshape(known.shape)
    found, pieces = np.where(known == 0, zero, own), layer.function.pieces
    if pieces is None:
        return found
    flat = (pieces.gap(z.rows.mid) > z.rows.sup[:, None]) & (pieces.slope(z.rows.mid) == 0.0)
    side = np.searchsorted(np.asarray(pieces.kinks), z.rows.mid)
    # One number for each flat piece; that of value 0 is the zero function.
    values = layer.function(Ball(z.rows.mid))
    constant = np.where((values.mid == 0.0) & (values.rad == 0.0), 0, -2 - side)
    return np.where(flat, constant, found)


def _sum(layer: Sum, _: Any, below: tuple[Value, ...], ids: tuple[Ids, ...]) -> Ids:
    # Numbers of different layers are not comparable: summands keep their places.
    rows = np.stack([known.ravel() for known in ids], axis=1)
    return np.where((rows == 0).all(axis=1), 0, _consed(rows)).reshape(ids[0].shape)


_RULES: dict[type[Layer], Callable[[Any, Any, tuple[Value, ...], tuple[Ids, ...]], Ids]] = {
    Convolution: _convolution,
    AveragePool: _means,
    MaxPool: _maxima,
    BatchNorm: _normalised,
    GroupNorm: _divided,
    Activated: _activated,
    Scale: lambda layer, saved, below, ids: ids[0],
    Sum: _sum,
}
"""Layer → its entries' numbers from (layer, what it saved, values below, numbers below)."""
