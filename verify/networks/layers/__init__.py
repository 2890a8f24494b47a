"""One file per layer: exact numbers, enclosures of value and sensitivity, norms, and how far they move."""

from collections.abc import Mapping

from verify.networks.layers.activations import Activated
from verify.networks.layers.convolution import Convolution
from verify.networks.layers.dense import Linear
from verify.networks.layers.fixed import Flatten, Scale, Sum
from verify.networks.layers.group_norm import GroupNorm
from verify.networks.layers.layer import Layer, Trained, state_name
from verify.networks.layers.max_pooling import MaxPool
from verify.networks.layers.normalisation import BatchNorm
from verify.networks.layers.pooling import AveragePool
from verify.networks.layers.values import Value

__all__ = [
    "LAYERS",
    "Activated",
    "AveragePool",
    "BatchNorm",
    "Convolution",
    "Flatten",
    "GroupNorm",
    "Layer",
    "Linear",
    "MaxPool",
    "Scale",
    "Sum",
    "Trained",
    "Value",
    "state_name",
]

LAYERS: Mapping[str, type[Layer]] = {
    layer.kind: layer
    for layer in (Linear, Convolution, BatchNorm, Activated, Sum, Scale, Flatten, AveragePool, MaxPool, GroupNorm)
}
"""Kind, its name in certificates and in the checker → layer."""
