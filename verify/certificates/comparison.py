"""Whether a certificate is about a given network and given data: compared number by number, as they are stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.errors import InputError
from verify.networks import read_data, read_network
from verify.networks.graph import Network
from verify.networks.parameters import Vector, with_parameters
from verify.networks.problem import Problem
from verify.networks.reading.comparison import require_agreement

__all__ = ["difference"]


def _differing(left: np.ndarray, right: np.ndarray) -> str | None:
    if left.shape != right.shape:
        return f"of shape {left.shape}, not {right.shape}"
    unequal = np.argwhere(left != right)
    if not len(unequal):
        return None
    at = tuple(int(i) for i in unequal[0])
    return f"{len(unequal)} of {left.size} numbers, first at {list(at)}: {float(left[at])!r}, not {float(right[at])!r}"


def _architecture(given: Network, stored: Network) -> str | None:
    mine, theirs = given.architecture(), stored.architecture()
    if len(mine) != len(theirs):
        return f"the network has {len(mine) - 1} layers, the certificate's has {len(theirs) - 1}"
    if given.input_shape != stored.input_shape:
        sizes = ("×".join(map(str, network.input_shape)) for network in (given, stored))
        return "the network's inputs are of size {}, the certificate's of {}".format(*sizes)
    for i, (one, other) in enumerate(zip(mine[1:], theirs[1:], strict=True)):
        if one != other:
            return (
                f"layer {i} is another one: its kind, shape, bias, scale or activation differs from the certificate's"
            )
    return None


def _parameters(given: Network, stored: Network) -> str | None:
    for i, mine, theirs in zip(given.trained, given.trainable(), stored.trainable(), strict=True):
        for name, left in mine.trained.items():
            found = _differing(left, theirs.trained[name])
            if found is not None:
                return f"the {name} of layer {i} is not the certificate's ({found})"
    return None


def difference(stored: Problem, end: Vector | None, model: Any, X: Any, y: Any) -> str | None:
    """Say where network or data differ from a certificate's; None where they do not (see Certificate.mismatch).

    Args:
        stored: what the certificate is about. end: the parameters (p,) that a recorded run hands over at; None where there are none.
        model, X, y: as for :func:`verify.certify`, or None.
    """
    if (X is None) != (y is None):
        raise InputError("X, y: one without the other; pass both, or None for both to compare no data")
    if model is not None:
        network = read_network(model, stored.network.input_shape)
        found = _architecture(network, stored.network)
        if found is None:
            found = _parameters(network, stored.network)
            if (
                found is not None
                and end is not None
                and _parameters(network, with_parameters(stored.network, end)) is None
            ):
                found = None
        if found is not None:
            return found
        # What was read must be what torch computes: another forward could have the same layers and parameters.
        require_agreement(model, network, stored.data.X)
    if X is not None:
        data = read_data(stored.network, X, y)
        for name, left, right in (("X", data.X, stored.data.X), ("y", data.y, stored.data.y)):
            found = _differing(left, right)
            if found is not None:
                return f"{name} is not the certificate's ({found})"
    return None
