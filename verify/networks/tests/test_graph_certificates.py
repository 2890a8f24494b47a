"""Graphs from certify to the checker: residual networks, frozen weights, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.certificates import Certificate
from verify.checker import check
from verify.errors import InputError, ShapeError, UnsupportedLayerError
from verify.networks import Network, linearisation
from verify.networks.activations import activation_named
from verify.networks.layers import Activated, Linear, Scale, Sum
from verify.networks.parameters import flatten
from verify.regions.scopes import exact


def residual_network(width: int = 32, name: str = "tanh") -> tuple[Network, np.ndarray, np.ndarray]:
    """Two residual blocks, the second of which reads a value that is read twice more."""
    rng, function = np.random.default_rng(0), activation_named(name)

    def linear(m: int, d: int, source: int) -> Linear:
        return Linear(rng.standard_normal((m, d)) / np.sqrt(d), 0.1 * rng.standard_normal(m), 1, (source,))

    layers = (
        linear(width, 6, -1),
        Activated(function, (0,)),
        linear(width, width, 1),
        Activated(function, (2,)),
        Scale(0.5, (3,)),
        Sum((1, 4)),
        linear(width, width, 5),
        Activated(function, (6,)),
        Sum((5, 7)),
        linear(1, width, 8),
    )
    return Network(layers, (6,)), rng.standard_normal((12, 6)), 0.3 * rng.standard_normal((12, 1))


@pytest.mark.parametrize("scope", ["point", "ball", "basin"])
def test_a_residual_network_is_proved_and_checked(scope: Any, tmp_path: Path) -> None:
    network, X, y = residual_network()
    if scope == "ball":
        y = linearisation.forward(network, X).mid + 1e-7 * y
    certificate = verify.certify(network, X, y, scope=scope)
    assert certificate.verdict == "PROVED", certificate.reason
    certificate.save(tmp_path / "c.zip")
    back = Certificate.load(tmp_path / "c.zip")
    assert back.problem.network.architecture() == network.architecture()
    assert (flatten(back.problem.network) == flatten(network)).all()
    assert back.mismatch(network, X, y) is None
    assert check(tmp_path / "c.zip").verdict == "ACCEPTED"


def layer_norm_network() -> torch.nn.Sequential:
    """On vectors of three numbers."""
    return torch.nn.Sequential(
        torch.nn.Linear(3, 32), torch.nn.LayerNorm(32), torch.nn.Tanh(), torch.nn.Linear(32, 1)
    ).double()


def group_norm_network() -> torch.nn.Sequential:
    """On maps of two channels, 4 × 4."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 8, 3, padding=1),
        torch.nn.GroupNorm(2, 8),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(32, 1),
    ).double()


@pytest.mark.parametrize(
    ("make", "scope"),
    [
        (layer_norm_network, "point"),
        (layer_norm_network, "ball"),
        (layer_norm_network, "run"),
        (group_norm_network, "point"),
        (group_norm_network, "basin"),
        (group_norm_network, "run"),
    ],
)
def test_networks_with_norms_are_proved_and_checked(make: Any, scope: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, rng = make(), np.random.default_rng(1)
    X = rng.standard_normal((5, 3) if make is layer_norm_network else (5, 2, 4, 4))
    y = 0.5 * rng.standard_normal((5, 1))
    if scope == "ball":
        y = linearisation.forward(verify.networks.read_network(model, X.shape[1:]), X).mid + 1e-4 * y
    certificate = verify.certify(model, X, y, scope=scope)
    assert certificate.verdict == "PROVED", certificate.reason
    certificate.save(tmp_path / "c.zip")
    back = Certificate.load(tmp_path / "c.zip")
    assert back.mismatch(model, X, y) is None
    found = check(tmp_path / "c.zip")
    assert found.verdict == "ACCEPTED", found.failures


@pytest.mark.parametrize("scope", ["exact", "region"])
def test_what_is_proved_of_chains_alone_refuses_a_graph_before_anything_is_computed(
    scope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph that trains to no end would otherwise be trained first, and the reason be that it did not arrive."""
    network, X, y = residual_network(4)
    for name in ("make_plan", "begin"):
        monkeypatch.setattr(exact, name, lambda *_: pytest.fail("computed"))
    with pytest.raises(UnsupportedLayerError, match="chains"):
        verify.certify(network, X, y, scope=scope)


def test_what_is_no_graph_is_refused() -> None:
    one = np.ones((1, 1))
    with pytest.raises(UnsupportedLayerError, match="earlier"):
        Network((Linear(one, None, 1, (0,)),), (1,))
    with pytest.raises(UnsupportedLayerError, match="used by no other"):
        Network((Linear(one, None), Linear(one, None)), (1,))
    with pytest.raises(UnsupportedLayerError, match="nothing to train"):
        Network((Linear(one, None, 1, (-1,), ("weight",)),), (1,))
    with pytest.raises(ShapeError, match="sum"):
        Network((Linear(one, None), Linear(np.ones((2, 1)), None), Sum((0, 1))), (1,))
    with pytest.raises(ShapeError, match="layer 1"):
        Network((Linear(one, None), Linear(np.ones((1, 2)), None, 1, (0,))), (1,))
    for factor in (0.0, float("nan"), 1):
        with pytest.raises(InputError, match="factor"):
            Scale(factor)
    with pytest.raises(InputError, match="frozen"):
        Linear(one, None, 1, (-1,), ("bias",))


def test_a_frozen_weight_of_a_torch_network_stays_where_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)).double()
    held = next(model.parameters()).requires_grad_(False)
    X = np.random.default_rng(0).standard_normal((8, 6))
    certificate = verify.certify(model, X, 0.3 * X[:, 0], scope="basin")
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.witness["centre"].shape == (129,)
    first = certificate.problem.network.layers[0]
    assert isinstance(first, Linear)
    assert first.frozen == ("weight",)
    assert (first.weight == held.numpy()).all()
    certificate.save(tmp_path / "c.zip")
    found = check(tmp_path / "c.zip")
    assert found.accepted, found.failures
    assert "129 of 513 parameters trained" in found.claims[0]
