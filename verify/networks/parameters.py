"""Parameter vectors: a network's θ as one flat array, and back. Frozen weights and biases are no part of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verify.errors import NonFiniteError, ShapeError
from verify.networks.graph import Network
from verify.networks.layers import Layer, Trained

__all__ = ["Vector", "flatten", "views", "with_parameters"]

Vector = Float[np.ndarray, " p"]


def flatten(network: Network) -> Vector:
    """Return θ (p,): layer by layer, the weight row by row, then the bias. Exact."""
    return np.concatenate([array.ravel() for layer in network.trainable() for array in layer.trained.values()])


def views(network: Network, theta: Vector) -> list[dict[str, np.ndarray]]:
    """Split θ into the trained arrays, by name, of each layer that has some, without copying."""
    return [{name: theta[part].reshape(shape) for name, part, shape in parts} for parts in network.layout]


def with_parameters(network: Network, theta: Vector) -> Network:
    """Return the network with parameters θ (p,), copied; everything else, frozen parameters included, as it is."""
    if theta.shape != (network.parameters,):
        raise ShapeError(f"theta: shape {theta.shape}; expected ({network.parameters},), the network's parameters")
    if not np.isfinite(theta).all():
        raise NonFiniteError(
            "theta: NaN or infinity among the parameters; gradient descent diverged; use a smaller step, or lr=None"
        )
    layers: list[Layer] = list(network.layers)
    for index, parts in zip(network.trained, views(network, np.array(theta, dtype=np.float64)), strict=True):
        layer = layers[index]
        assert isinstance(layer, Trained)
        layers[index] = layer.with_trained(parts)
    return Network(tuple(layers), network.input_shape, network.reordered)
