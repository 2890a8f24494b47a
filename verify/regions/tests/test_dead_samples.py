"""A sample whose every path to the output is dead: λ_min(Θ) = 0, said with its number in every scope; living networks are not called dead."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import verify
from verify.networks import Problem, read_network
from verify.networks.reading.data import read_data
from verify.regions.neighbourhood.prospects import dead_sample

X = 2.0 * np.linalg.qr(np.random.default_rng(2).standard_normal((6, 6)))[0][:5]
Y = np.linspace(-1.0, 1.0, 5)


def dead(index: int = 3) -> nn.Sequential:
    """Every hidden unit is off at one sample, for it is far on the other side; no bias at the end."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1, bias=False)).double()
    away = torch.from_numpy(X[index])
    first: Any = net[0]
    with torch.no_grad():
        first.weight -= torch.outer(first.weight @ away + first.bias + 0.5, away) / away.square().sum()
    return net


@pytest.mark.parametrize("scope", ["point", "ball", "basin", "run", "auto"])
def test_the_sample_is_named_in_every_scope(scope: Any) -> None:
    options: dict[str, Any] = {"steps": 20} if scope == "run" else {}
    cert = verify.certify(dead(), X, Y, scope=scope, **options)
    assert cert.verdict == "INCONCLUSIVE"
    assert "sample 3: every path to the output is dead" in cert.reason
    assert "λ_min(Θ) ≤" in cert.reason


@pytest.mark.parametrize("scope", ["ball", "exact"])
def test_a_zero_sample_without_biases_is_dead_in_smooth_networks_too(scope: Any) -> None:
    inputs = X.copy()
    inputs[1] = 0.0
    options: dict[str, Any] = {"steps": 20} if scope == "exact" else {}
    cert = verify.certify(verify.nn.fully_connected([6, 24, 1], seed=1), inputs, Y, scope=scope, **options)
    assert cert.verdict == "INCONCLUSIVE"
    assert "sample 1: every path" in cert.reason


def test_a_tiny_sample_is_not_said_to_have_no_gradient() -> None:
    inputs = X.copy()
    inputs[1] *= 1e-13
    cert = verify.certify(verify.nn.fully_connected([6, 24, 1], seed=1), inputs, Y, scope="ball")
    assert "next to dead" in cert.reason
    assert not re.search(r"vanishes|λ_min\(Θ\) = 0|does not move", cert.reason)


def test_dead_maps_are_seen_and_living_ones_are_not() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2, bias=False)).double()
    images = np.abs(np.random.default_rng(3).standard_normal((4, 1, 3, 3))) + 0.5
    images[2] *= -1.0
    first: Any = net[0]
    with torch.no_grad():
        first.weight.abs_()
        first.bias.zero_()
    network = read_network(net, (1, 3, 3))
    data = read_data(network, images, np.zeros((4, 2)))
    found = dead_sample(Problem(network, data))
    assert found is not None
    assert found.startswith("sample 2:")
    images[2] *= -1.0
    assert dead_sample(Problem(network, read_data(network, images, np.zeros((4, 2))))) is None
    with torch.no_grad():
        first.weight.neg_()
    everything = dead_sample(Problem(read_network(net, (1, 3, 3)), data))
    assert everything is None or "sample 2" not in everything


def test_the_bound_is_one_of_the_gradient() -> None:
    """Against automatic differentiation: the sample that is called dead has a gradient that is exactly 0."""
    net = dead()
    for i in range(len(X)):
        net.zero_grad()
        net(torch.from_numpy(X[i : i + 1])).sum().backward()
        size = sum(float((p.grad**2).sum()) for p in net.parameters() if p.grad is not None)
        assert (size == 0.0) == (i == 3)
