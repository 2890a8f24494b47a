"""The attack on L_H: it evaluates the network that is certified, and finds second derivatives where they are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import verify
from verify.errors import InputError
from verify.experiments.architectures import ResNet
from verify.experiments.looseness_of_graphs import TorchGraph, looseness_of_basin, second_derivative
from verify.networks import read_data, read_network
from verify.networks.linearisation import linearise
from verify.networks.movement import Movement
from verify.networks.parameters import flatten


def _residual() -> tuple[torch.nn.Module, np.ndarray]:
    torch.manual_seed(0)
    net = ResNet((2, 4), torch.nn.Tanh).double()
    X = np.random.default_rng(0).standard_normal((3, 1, 4, 4))
    with torch.no_grad():
        for _ in range(5):
            net(torch.from_numpy(X))
    return net.eval(), X


def test_the_graph_attacked_is_the_module() -> None:
    net, X = _residual()
    network = read_network(net, (1, 4, 4))
    graph = TorchGraph(network, read_data(network, X, np.zeros((3, 1))))
    with torch.no_grad():
        assert torch.allclose(
            graph.outputs(torch.from_numpy(flatten(network))), net(torch.from_numpy(X)).reshape(-1), rtol=1e-12
        )


def test_what_is_found_is_known_of_a_product_and_never_above_the_bound() -> None:
    """F = w₂·w₁x: D²F[u, v] = x(u₁v₂ + u₂v₁), of norm |x|."""
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)).double()
    network = read_network(model)
    graph = TorchGraph(network, read_data(network, np.array([[3.0]]), np.zeros((1, 1))))
    assert second_derivative(graph, flatten(network)) == pytest.approx(3.0, rel=1e-9)
    net, X = _residual()
    network = read_network(net, (1, 4, 4))
    graph = TorchGraph(network, read_data(network, X, np.zeros((3, 1))))
    seen = second_derivative(graph, flatten(network), starts=1, steps=6)
    assert 0.0 < seen <= Movement(linearise(network, X)).curvature(np.array([0.0]))[0]


def test_only_proved_basins_are_compared() -> None:
    net = verify.nn.fully_connected((2, 64, 1), seed=0)
    X, y = verify.datasets.sphere(3, 2, 2.0)
    with pytest.raises(InputError, match="PROVED basin"):
        looseness_of_basin(verify.certify(net, X, y, scope="point"))
    rows = looseness_of_basin(verify.certify(net, X, y, scope="basin"), starts=1, steps=5)
    assert all(row.factor > 1.0 - 1e-6 for row in rows)
