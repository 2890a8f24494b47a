"""Units that are 0 whatever the parameters are (a black patch, no bias): no kink is met there; with a bias it is, and a mask that forgets it falls."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import verify
from verify.checker import check
from verify.networks import Network, linearise, read_network
from verify.networks.layers import Convolution, Linear
from verify.networks.linearisation import rows_of_data, vanishing
from verify.networks.movement import Movement
from verify.networks.parameters import flatten, with_parameters


def model(*, bias: bool, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=bias, groups=2),
        act(),
        nn.AvgPool2d(2, 2),
        nn.Conv2d(4, 6, 2, bias=False),
        act(),
        nn.Flatten(),
        verify.nn.Scale(1.5),
        nn.Linear(24, 16, bias=False),
        act(),
        nn.Linear(16, 1),
    ).double()


def images() -> np.ndarray:
    """Black but for a corner of each: whole windows see nothing, in one of them a whole channel."""
    X = np.zeros((3, 2, 6, 6))
    rng = np.random.default_rng(5)
    X[:, 0, :3, :3] = rng.standard_normal((3, 3, 3))
    X[1:, 1, 1:4, 2:5] = rng.standard_normal((2, 3, 3))
    return X


def _masks(network: Network, X: np.ndarray) -> dict[int, np.ndarray]:
    return vanishing(network, rows_of_data(network, X))


def test_the_masks_are_what_vanishes_for_all_parameters() -> None:
    network, X = read_network(model(bias=False), (2, 6, 6)), images()
    masks, rng = _masks(network, X), np.random.default_rng(6)
    always = [np.ones(value.rows.mid.shape, dtype=bool) for value in linearise(network, X).values]
    for _ in range(4):
        other = with_parameters(network, rng.standard_normal(network.parameters))
        for found, value in zip(always, linearise(other, X).values, strict=True):
            found &= value.rows.mid == 0.0
    for index, layer in enumerate(network.layers):
        mask = masks.get(index, np.zeros_like(always[index]))
        if isinstance(layer, Convolution):
            # A unit that is 0 by chance of its sign only is no unit that always is.
            assert np.array_equal(mask, always[index])
        assert not (mask & ~always[index]).any()
    assert all(masks[index].any() and not masks[index].all() for index in range(3))


@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6])
def test_black_patches_leave_a_ball_without_kinks(act: type[nn.Module]) -> None:
    X = images()
    network = read_network(model(bias=False, act=act), (2, 6, 6))
    moved = Movement(linearise(network, X))
    radii = np.array([1e-9, 1e-6])
    assert not moved.meets_kink(radii).any()
    assert not any(mask.any() for mask in moved.crossing(1e-6).values())
    assert np.isfinite(moved.curvature(radii)).all()
    centre, rng = flatten(network), np.random.default_rng(7)
    bound = float(moved.jacobian(np.array([1e-6]))[0])
    here = _jacobian(network, X)
    for _ in range(3):
        away = rng.standard_normal(centre.size)
        there = _jacobian(with_parameters(network, centre + 1e-6 * away / np.linalg.norm(away)), X)
        assert np.linalg.norm(there - here, 2) <= bound * (1 + 1e-6)


def _jacobian(network: Network, X: np.ndarray) -> np.ndarray:
    """J (n, p) by enclosures of single rows."""
    state, rows = linearise(network, X), []
    for i in range(len(X)):
        weights = verify.Ball(np.eye(len(X))[i])
        rows.append(np.concatenate([part.mid.ravel() for part in state.gradient(weights)]))
    return np.stack(rows)


def test_with_a_bias_a_black_patch_meets_the_kink() -> None:
    """b = 0 at the centre: any change of b moves every unit of the black patch, and half of them change their slope."""
    net = model(bias=True)
    first: Any = net[0]
    with torch.no_grad():
        first.bias.zero_()
    network, X = read_network(net, (2, 6, 6)), images()
    assert 0 not in _masks(network, X)
    assert Movement(linearise(network, X)).meets_kink(np.array([1e-12])).all()


@pytest.mark.parametrize("kind", [Convolution, Linear])
def test_a_mask_that_forgets_the_bias_is_caught(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    net = model(bias=kind is Convolution)
    X = images()
    if kind is Linear:
        # The last hidden layer, with a bias that is 0 and a sample that is black: its units are 0 at the centre and nowhere else.
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(72, 5), nn.ReLU(), nn.Linear(5, 1), verify.nn.Scale(1.0)).double()
        X[0] = 0.0
    first: Any = net[0] if kind is Convolution else net[1]
    with torch.no_grad():
        first.bias.zero_()
    honest = kind.vanishing  # type: ignore[attr-defined]

    def blind(self: Any, below: Any, *masks: Any) -> Any:
        return honest(dataclasses.replace(self, bias=None), below, *masks)

    network = read_network(net, (2, 6, 6))
    centre, radius = flatten(network), 1e-7
    with monkeypatch.context() as patch:
        patch.setattr(kind, "vanishing", blind)
        state = linearise(network, X)
        bound = float(Movement(state).jacobian(np.array([radius]))[0])
    step = np.zeros(centre.size)
    at = first.weight.numel()
    step[at : at + first.bias.numel()] = radius / first.bias.numel() ** 0.5
    change = _jacobian(with_parameters(network, centre + step), X) - _jacobian(network, X)
    assert np.linalg.norm(change, 2) > 10.0 * bound


def test_a_network_that_sees_black_patches_is_proved_and_checked(tmp_path: Path) -> None:
    cert = verify.certify(model(bias=False), images(), np.array([0.5, -0.25, 0.1]), scope="basin")
    assert cert.claim == "containment_displacement", cert.reason
    found = check(cert.save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
