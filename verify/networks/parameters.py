"""Parameter vectors: a network's θ as one flat array, and back."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from verify.errors import NonFiniteError, ShapeError
from verify.networks.model import Network

__all__ = ["Vector", "flatten", "views", "with_parameters"]

Vector = Float[np.ndarray, " p"]


def flatten(network: Network) -> Vector:
    """Return θ (p,): layer by layer, the weight row by row, then the bias. Exact."""
    parts: list[np.ndarray] = []
    for layer in network.layers:
        parts.append(layer.weight.ravel())
        if layer.bias is not None:
            parts.append(layer.bias)
    return np.concatenate(parts)


def views(network: Network, theta: Vector) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Split θ into (weight, bias) per layer without copying."""
    views: list[tuple[np.ndarray, np.ndarray | None]] = []
    at = 0
    for layer in network.layers:
        weight = theta[at : at + layer.weight.size].reshape(layer.weight.shape)
        at += layer.weight.size
        bias = None
        if layer.bias is not None:
            bias = theta[at : at + layer.bias.size]
            at += layer.bias.size
        views.append((weight, bias))
    return views


def with_parameters(network: Network, theta: Vector) -> Network:
    """Return the network with parameters θ (p,), copied; same layers, scales and activations."""
    if theta.shape != (network.parameters,):
        raise ShapeError(f"theta: shape {theta.shape}; expected ({network.parameters},), the network's parameters")
    if not np.isfinite(theta).all():
        raise NonFiniteError("theta: NaN or infinity among the parameters; gradient descent diverged")
    copy = np.array(theta, dtype=np.float64)
    layers = [
        dataclasses.replace(layer, weight=weight, bias=bias)
        for layer, (weight, bias) in zip(network.layers, views(network, copy), strict=True)
    ]
    return Network(tuple(layers))
