"""Whether a certificate is about a given network and given data: compared number by number, as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.networks import read_data, read_network
from verify.networks.model import Network

if TYPE_CHECKING:
    from verify.certificates.certificate import Certificate

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
    if len(given.layers) != len(stored.layers):
        return f"the network has {len(given.layers)} affine layers, the certificate's has {len(stored.layers)}"
    for i, (mine, theirs) in enumerate(zip(given.layers, stored.layers, strict=True)):
        alike = mine.activation == theirs.activation and mine.inverse_square_scale == theirs.inverse_square_scale
        if not alike or (mine.bias is None) != (theirs.bias is None) or mine.weight.shape != theirs.weight.shape:
            return f"layer {i} is another one: its shape, bias, scale or activation differs from the certificate's"
    return None


def _parameters(given: Network, stored: Network) -> str | None:
    for i, (mine, theirs) in enumerate(zip(given.layers, stored.layers, strict=True)):
        pairs = [("weight", mine.weight, theirs.weight)]
        if mine.bias is not None and theirs.bias is not None:
            pairs.append(("bias", mine.bias, theirs.bias))
        for name, left, right in pairs:
            found = _differing(left, right)
            if found is not None:
                return f"the {name} of layer {i} is not the certificate's ({found})"
    return None


def _handover(certificate: Certificate) -> Network | None:
    """The network at a recorded run's hand-over."""
    from verify.networks.parameters import with_parameters

    handover = certificate.witness.get("handover")
    if certificate.scope != "run" or handover is None:
        return None
    parameters = certificate.witness["checkpoints"][handover["checkpoint"]]["parameters"]
    return None if parameters is None else with_parameters(certificate.problem.network, parameters)


def difference(certificate: Certificate, model: Any, X: Any, y: Any) -> str | None:
    """Say where network or data differ from the certificate's; None where they do not (see Certificate.mismatch)."""
    stored = certificate.problem
    if model is not None:
        network = read_network(model)
        found = _architecture(network, stored.network)
        if found is None:
            found = _parameters(network, stored.network)
            end = _handover(certificate)
            if found is not None and end is not None and _parameters(network, end) is None:
                found = None
        if found is not None:
            return found
    if X is not None:
        data = read_data(stored.network, X, y)
        for name, left, right in (("X", data.X, stored.data.X), ("y", data.y, stored.data.y)):
            found = _differing(left, right)
            if found is not None:
                return f"{name} is not the certificate's ({found})"
    return None
