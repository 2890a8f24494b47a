"""How often a recorded run crosses the kinks of its network: signs of pre-activations certified at every iterate.

At an iterate the sign of each pre-activation z_ir (sample i, unit r of a layer with kinks) is certain, or undecided: its enclosure meets 0. A pair (i, r)
changes between two iterates when both its signs are certain and differ. Where z_ir = s·w_r·x_i + b_r with an x_i that training does not move, as in the
*first* layer, it is affine in the parameters: along the straight segment between two iterates it crosses 0 exactly once where its signs differ and never
where they agree, so that with nothing undecided the number of changes *is* the number of crossings of the polygon through the iterates. In deeper layers
z_ir is no affine function of all parameters, and the number of changes is a lower bound. Changes of a pair are counted between its certain signs, so an
undecided sign can only hide some. A unit with several kinks (hard tanh) has the number of kinks below z_ir instead of a sign, and crosses as many as that
changes by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.arrays import Rows
from verify.arrays.environment import in_default_environment
from verify.errors import InputError
from verify.networks import Network, read_network
from verify.networks.functions import Pieces
from verify.networks.layers import Activated, Layer, Trained, Value
from verify.networks.linearisation import rows_of_data
from verify.networks.parameters import with_parameters
from verify.networks.reading.comparison import require_agreement
from verify.networks.reading.data import read_inputs
from verify.networks.reading.modules import sample_shape
from verify.regions.descent.iterates import read_iterates

__all__ = ["Crossings", "count_crossings"]


@dataclass(frozen=True)
class Crossings:
    """The changes of sign in one layer along a recorded run.

    Attributes:
        layer: position among the layers with kinks, from 0. affine: whether its pre-activations are affine in the parameters, as in the first layer.
        kinks: number of pairs (sample, unit), of a map one unit a channel and position. iterates: number of iterates looked at.
        changes: certified changes of sign; the exact number of crossings where `exact`.
        undecided: pairs and iterates whose sign is not certain (exactly 0, or beyond float64's reach).
        pairs: pairs that change at least once. most: changes of one pair, at most.
        patterns: number of different sign patterns among the iterates; None where a sign is undecided.
    """

    layer: int
    affine: bool
    kinks: int
    iterates: int
    changes: int
    undecided: int
    pairs: int
    most: int
    patterns: int | None

    @property
    def exact(self) -> bool:
        """Whether `changes` counts the crossings of the polygon through the iterates: affine, with every sign certain."""
        return self.affine and self.undecided == 0


class _Count:
    """The running count of one layer."""

    def __init__(self, pieces: Pieces, shape: tuple[int, ...]) -> None:
        self.pieces = pieces
        self.last = np.full(shape, -1, dtype=np.int8)
        self.changes = np.zeros(shape, dtype=np.int64)
        self.patterns: set[bytes] = set()
        self.iterates = self.undecided = 0

    def look(self, z: Rows) -> None:
        certain = self.pieces.gap(z.mid) > z.sup[:, None]
        side = np.searchsorted(np.asarray(self.pieces.kinks), z.mid).astype(np.int8)
        self.changes += np.where(certain & (self.last >= 0), np.abs(side - self.last), 0)
        self.last = np.where(certain, side, self.last)
        self.undecided += int((~certain).sum())
        self.patterns.add(side.tobytes())
        self.iterates += 1

    def result(self, layer: int, affine: bool) -> Crossings:
        patterns = len(self.patterns) if self.undecided == 0 else None
        found = self.changes
        total, pairs, most = int(found.sum()), int((found > 0).sum()), int(found.max(initial=0))
        return Crossings(layer, affine, found.size, self.iterates, total, self.undecided, pairs, most, patterns)


@in_default_environment
def count_crossings(
    model: Any, X: Any, iterates: Iterable[Any], *, iterate_steps: Sequence[int] | None = None
) -> tuple[Crossings, ...]:
    """Count the certified crossings of kinks by every unit that has some along a recorded run, sample by sample.

    Nothing is assumed of how the iterates came about: any optimiser will do.

    Args:
        model: what :func:`verify.certify` reads. X: inputs (n, d) or (n, C, H, W), exact as stored.
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
    network = read_network(model, sample_shape(X))
    inputs = read_inputs(network, X)
    require_agreement(model, network, inputs)
    kinked = {
        i: layer.function.pieces
        for i, layer in enumerate(network.layers)
        if isinstance(layer, Activated) and layer.function.pieces is not None
    }
    if not kinked:
        raise InputError(
            f"model: {network.describe()} has no kinks to cross; expected ReLU, LeakyReLU, Hardtanh or ReLU6 units"
        )
    counts: dict[int, _Count] = {}
    for _, theta in read_iterates(network, iterates, iterate_steps):

        def visit(index: int, layer: Layer, below: tuple[Value, ...]) -> Value:
            if index in kinked:
                z = below[0].rows
                counts.setdefault(index, _Count(kinked[index], z.mid.shape)).look(z)
            return layer.value(*below)[0]

        with_parameters(network, theta).forward(visit, rows_of_data(network, inputs))
    return tuple(
        counts[i].result(position, _is_affine(network, network.layers[i].inputs[0]))
        for position, i in enumerate(kinked)
    )


def _is_affine(network: Network, source: int) -> bool:
    """Whether the value of layer `source` is affine in the parameters: its own layer is, and nothing below moves."""
    if source < 0 or not network.moves[source]:
        return True
    return isinstance(network.layers[source], Trained) and not any(network.moving_inputs[source])
