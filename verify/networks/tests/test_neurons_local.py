"""The local neuron budget: never worse than the global one, attacked, and its cut-off is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from verify import datasets, nn
from verify.networks import Network, kernel_of, linearise, read_network
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget
from verify.networks.parameters import flatten, with_parameters
from verify.regions.scopes import convex_ball


def _state(seed: int, width: int = 12, n: int = 3, k: int = 1) -> tuple[Network, np.ndarray, Linearisation]:
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    act = (torch.nn.Tanh(), torch.nn.SiLU(), torch.nn.GELU())[seed % 3]
    model = torch.nn.Sequential(
        nn.NTKLinear(4, width, bias=seed % 2 == 0, generator=generator),
        act,
        nn.NTKLinear(width, k, generator=generator),
    )
    network, X = read_network(model), 2.0 * rng.standard_normal((n, 4))
    return network, X, linearise(network, X)


def _smallest_found(network: Network, X: np.ndarray, radius: float, seed: int) -> float:
    """Smallest λ_min met in B(θ0, radius): spread moves, and moves of one neuron at a time, in float64."""
    rng, centre = np.random.default_rng(seed), flatten(network)
    size = centre.size
    moves = [
        -centre,
        *rng.standard_normal((10, size)),
        *(rng.standard_normal((10, size)) * (rng.random((10, size)) < 0.1)),
    ]
    found = []
    for move in moves:
        length = float(np.linalg.norm(move))
        if length > 0.0:
            at = with_parameters(network, centre + radius * move / length)
            found.append(float(np.linalg.eigvalsh(kernel_of(linearise(at, X)).mid)[0]))
    return min(found)


@pytest.mark.parametrize("seed", range(9))
def test_no_point_found_in_the_ball_is_below_the_bound(seed: int) -> None:
    network, X, state = _state(seed, k=1 + seed % 2)
    for radius in (0.05, 0.2, 0.6):
        bounds = [p.intercept - p.weight * radius**2 for p in LocalBudget(state, 0.5).parabolas(radius)]
        assert max(bounds, default=0.0) <= _smallest_found(network, X, radius, seed)


@pytest.mark.parametrize("seed", range(3))
def test_no_share_is_smaller_than_the_global_one(seed: int) -> None:
    _, _, state = _state(seed)
    for weight in (0.1, 1.0, 10.0):
        shares = LocalBudget(state, 0.3).shares(weight)
        assert (shares >= NeuronBudget(state).shares(weight)).all()
        assert (shares <= 1.0).all()


def test_a_neuron_that_leaves_the_interval_has_been_paid_for() -> None:
    """F = v·tanh(w) at (v, w) = (0, 3): flat near the centre, but Θ = 0 at (0, 0), distance 3."""
    model = torch.nn.Sequential(
        torch.nn.Linear(1, 1, bias=False), torch.nn.Tanh(), torch.nn.Linear(1, 1, bias=False)
    ).double()
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (3.0, 0.0), strict=True):
            parameter.fill_(value)
    budget, weight, radius = LocalBudget(linearise(read_network(model), np.array([[1.0]])), 0.01), 0.01, 3.0
    assert budget.parabola(weight).intercept - weight * radius**2 <= 0.0
    # What the interval alone would keep is nearly everything: the cut-off is what makes the bound true.
    assert weight / (weight + budget.local_omega[0]) * np.tanh(3.0) ** 2 - weight * radius**2 > 0.5


def test_the_suprema_belong_to_the_interval_not_to_the_centre() -> None:
    """At z = 3 tanh' is 0.0099; where the neuron may move by 2 it is 0.42."""
    model = torch.nn.Sequential(
        torch.nn.Linear(1, 1, bias=False), torch.nn.Tanh(), torch.nn.Linear(1, 1, bias=False)
    ).double()
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (3.0, 1.0), strict=True):
            parameter.fill_(value)
    state = linearise(read_network(model), np.array([[1.0]]))
    slope = 1.0 - np.tanh(1.0) ** 2
    assert LocalBudget(state, 2.0).local_omega[0] >= slope**2
    assert LocalBudget(state, 1e-9).local_omega[0] < 1e-2


def test_a_region_that_rests_on_it_is_accepted_and_its_forgeries_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convex_ball, "_LITTLE", 1.0)  # else only where the global budget leaves little
    X, y = datasets.sphere(3, 6, norm=6.0)
    certificate = verify.certify(nn.antisymmetric_two_layer(6, 96, seed=0), X, y, lr="1/10", scope="region")
    assert certificate.verdict == "PROVED", certificate.reason
    region = certificate.witness["region"]
    assert region["by"] == "local"
    assert verify.check(certificate.save(tmp_path / "local.zip")).accepted
    for name, change in (
        ("reach", 2.0 * region["reach"]),
        ("by", "neurons"),
        ("intercept", 1.001 * region["intercept"]),
    ):
        forged = replace(certificate, witness={**certificate.witness, "region": {**region, name: change}})
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name
