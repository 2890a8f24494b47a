"""How often a recorded run crosses the kinks of its network: signs of pre-activations certified at every iterate.

At an iterate the sign of each pre-activation z_ir (sample i, unit r of a layer with kinks) is certain, or undecided: its enclosure meets 0. A pair (i, r)
changes between two iterates when both its signs are certain and differ. In the *first* layer z_ir = s·w_r·x_i + b_r is affine in the parameters: along the
straight segment between two iterates it crosses 0 exactly once where its signs differ and never where they agree, so that with nothing undecided the number
of changes *is* the number of crossings of the polygon through the iterates. In deeper layers z_ir is no affine function of all parameters, and the number
of changes is a lower bound. Changes of a pair are counted between its certain signs, so an undecided sign can only hide some.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.arrays import Ball, matmul
from verify.errors import InputError
from verify.networks import Network, read_network
from verify.networks.parameters import with_parameters
from verify.networks.reading.data import read_inputs
from verify.regions.descent.iterates import read_iterates

__all__ = ["Crossings", "count_crossings"]


@dataclass(frozen=True)
class Crossings:
    """The changes of sign in one layer along a recorded run.

    Attributes:
        layer: position of the layer, from 0. kinks: number of pairs (sample, unit). iterates: number of iterates looked at.
        changes: certified changes of sign; the exact number of crossings where `exact`.
        undecided: pairs and iterates whose sign is not certain (exactly 0, or beyond float64's reach).
        pairs: pairs that change at least once. most: changes of one pair, at most.
        patterns: number of different sign patterns among the iterates; None where a sign is undecided.
    """

    layer: int
    kinks: int
    iterates: int
    changes: int
    undecided: int
    pairs: int
    most: int
    patterns: int | None

    @property
    def exact(self) -> bool:
        """Whether `changes` counts the crossings of the polygon through the iterates: the first layer, with every sign certain."""
        return self.layer == 0 and self.undecided == 0


class _Count:
    """The running count of one layer."""

    def __init__(self, layer: int, shape: tuple[int, int]) -> None:
        self.layer = layer
        self.last = np.zeros(shape, dtype=np.int8)
        self.changes = np.zeros(shape, dtype=np.int64)
        self.patterns: set[bytes] = set()
        self.iterates = self.undecided = 0

    def look(self, z: Ball) -> None:
        signs = np.where(z.lower() > 0.0, 1, np.where(z.upper() < 0.0, -1, 0)).astype(np.int8)
        self.changes += signs * self.last < 0
        self.last = np.where(signs == 0, self.last, signs)
        self.undecided += int((signs == 0).sum())
        self.patterns.add(np.packbits(signs > 0).tobytes())
        self.iterates += 1

    def result(self) -> Crossings:
        patterns = len(self.patterns) if self.undecided == 0 else None
        found = self.changes
        total, pairs, most = int(found.sum()), int((found > 0).sum()), int(found.max(initial=0))
        return Crossings(self.layer, found.size, self.iterates, total, self.undecided, pairs, most, patterns)


def count_crossings(
    model: Any, X: Any, iterates: Iterable[Any], *, iterate_steps: Sequence[int] | None = None
) -> tuple[Crossings, ...]:
    """Count the certified changes of sign of every ReLU and LeakyReLU unit along a recorded run, sample by sample.

    Nothing is assumed of how the iterates came about: any optimiser will do.

    Args:
        model: torch.nn.Sequential as :func:`verify.certify` reads it. X: inputs (n, d), exact as stored.
        iterates: a list, or a generator, of modules, state dicts, lists of parameters or flat vectors.
        iterate_steps: the step of each; None means 0, 1, 2, … Where they begin after 0 the model itself is step 0.

    Returns:
        one :class:`Crossings` per layer with kinks, in the order of application.

    Raises:
        InputError: the network has no kinks; iterates that share memory, or do not fit it. ShapeError, DtypeError, NonFiniteError.

    Example:
        >>> import torch, verify
        >>> net = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU())
        >>> run = [torch.tensor([w]) for w in (1.0, -0.5, -0.25, 2.0)]
        >>> [found] = verify.count_crossings(net, [[1.0], [-3.0]], run)
        >>> found.changes, found.pairs, found.exact
        (4, 2, True)
    """
    network = read_network(model)
    inputs = read_inputs(network, X)
    if network.is_smooth:
        raise InputError(f"model: {network.describe()} has no kinks to cross; expected ReLU or LeakyReLU units")
    counts: dict[int, _Count] = {}
    for _, theta in read_iterates(network, iterates, iterate_steps):
        for layer, z in _kinked(with_parameters(network, theta), Ball(inputs)):
            counts.setdefault(layer, _Count(layer, (z.shape[0], z.shape[1]))).look(z)
    return tuple(count.result() for count in counts.values())


def _kinked(network: Network, h: Ball) -> Iterable[tuple[int, Ball]]:
    """Yield (position, pre-activations (n, m)) of the layers with kinks."""
    last = max(i for i, layer in enumerate(network.chain) if layer.activation.slopes is not None)
    for index, layer in enumerate(network.chain[: last + 1]):
        z = matmul(h, layer.weight.T)
        z = z if layer.inverse_square_scale == 1 else z * layer.scale
        z = z if layer.bias is None else z + layer.bias
        if layer.activation.slopes is not None:
            yield index, z
        h = layer.activation(z)
