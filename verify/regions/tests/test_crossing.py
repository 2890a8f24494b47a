"""Balls and basins that kinks cross (criterion residual_relu): proved where descent ends on kinks, accepted, and refused where a bound is forged."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
import verify.datasets
from verify.certificates.plots import kernel_on_ball
from verify.certificates.wording import facts
from verify.checker import check
from verify.decimals import bounds
from verify.networks import Problem, read_network
from verify.networks.parameters import flatten
from verify.networks.reading.data import read_data
from verify.regions.descent.polishing import Polished
from verify.regions.neighbourhood import crossing
from verify.regions.neighbourhood.point_facts import examine
from verify.regions.scopes import basin as basin_scope

X, Y = verify.datasets.sphere(6, 12, norm=8.0)
LR = Fraction(1, 64)


def on_a_kink() -> torch.nn.Sequential:
    """A fit of Y to 10⁻¹⁴ with a unit at its kink for a sample, as plain descent ends: each side of the kink points to it, here by construction.

    The last unit's pre-activation at sample 0 is moved to 2^-50; the output weights then fit Y by least squares.
    """
    net = verify.nn.fully_connected([12, 96, 1], seed=3, activation=torch.nn.ReLU)
    inputs, targets = torch.tensor(np.asarray(X)), torch.tensor(np.asarray(Y)).reshape(6, 1)
    first: Any = net[0]
    last: Any = net[2]
    with torch.no_grad():
        row = inputs[0] / inputs[0].norm()
        first.weight[-1] -= (first.weight[-1] @ row - 2.0**-50) * row
        hidden = torch.relu(net[0](inputs)) / 96**0.5
        residual = targets - hidden @ last.weight.T
        last.weight += (torch.linalg.pinv(hidden) @ residual).T
    return net


def stay(network: Any, data: Any, *, seconds: float) -> list[Polished]:
    """No polishing: the parameters given are the centre."""
    return [Polished(flatten(network), (1.0,), "converged")]


@pytest.fixture(scope="module")
def ball() -> verify.Certificate:
    return verify.certify(on_a_kink(), X, Y, scope="ball", lr=LR)


@pytest.fixture(scope="module")
def basin() -> verify.Certificate:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basin_scope, "zeros", stay)
        return verify.certify(on_a_kink(), X, Y, scope="basin", lr=LR)


def test_a_ball_about_a_kink_is_proved_and_accepted(ball: verify.Certificate, tmp_path: Path) -> None:
    assert ball.claim == "containment_residual_relu", ball.reason
    assert ball.witness["residual_relu"]["midpoints"] == [[1, 0, 95]]
    found = check(ball.save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    with_own_step = verify.certify(on_a_kink(), X, Y, scope="ball")
    assert with_own_step.verdict == "PROVED"
    assert check(with_own_step.save(tmp_path / "own.zip")).accepted


def test_what_is_said_of_J_c_is_not_said_of_the_centre(ball: verify.Certificate) -> None:
    low, high = bounds(ball.constants["lambda0"])
    own = float(np.linalg.eigvalsh(verify.ntk(on_a_kink(), X).mid)[0])
    assert not low <= own <= high
    shown = {fact.name: f"{fact.symbol}: {fact.meaning}" for fact in facts(ball)}
    assert all("J_c" in shown[name] for name in ("lambda0", "Delta_J", "jacobian_norm0"))
    assert next((step.name, step.claim) for step in ball.steps) == ("J_c has full rank", "containment_residual_relu")
    curve = kernel_on_ball(ball, "c")
    assert curve is not None
    assert curve.series[0].y[0] == curve.series[0].y[1] < own


def test_a_basin_about_a_kink_is_proved_and_accepted(basin: verify.Certificate, tmp_path: Path) -> None:
    assert basin.claim == "containment_residual_relu", basin.reason
    numbers = basin.numbers
    assert 100.0 * numbers["zero_loss_distance"] < numbers["basin_radius"] < numbers["radius"]
    found = check(basin.save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    [claim] = found.claims
    assert "every real-arithmetic gradient descent" in claim


def test_descent_from_starts_in_the_basin_stays_and_falls_as_stated(basin: verify.Certificate) -> None:
    numbers, net = basin.numbers, on_a_kink()
    inputs, targets = torch.tensor(np.asarray(X)), torch.tensor(np.asarray(Y)).reshape(6, 1)
    centre = torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    eta = float(LR)
    for seed in range(4):
        away = torch.from_numpy(np.random.default_rng(seed).standard_normal(centre.numel()))
        torch.nn.utils.vector_to_parameters(
            centre + 0.999 * numbers["basin_radius"] * away / away.norm(), net.parameters()
        )
        before = None
        for _ in range(12):
            loss = 0.5 * ((net(inputs) - targets) ** 2).sum()
            net.zero_grad()
            loss.backward()
            value = float(loss.detach())
            assert before is None or value <= numbers["rate"] * before * (1 + 1e-6) + 1e-26
            before = value
            with torch.no_grad():
                for p in net.parameters():
                    assert p.grad is not None
                    p.sub_(eta * p.grad)
            moved = torch.nn.utils.parameters_to_vector(net.parameters()).detach() - centre
            assert float(moved.norm()) <= numbers["radius"]


@pytest.mark.parametrize(
    "what", ["midpoint forgotten", "drift", "larger ball of starts", "another criterion", "no midpoints"]
)
def test_a_forged_basin_is_refused(basin: verify.Certificate, what: str, tmp_path: Path) -> None:
    witness = dict(basin.witness)
    if what == "midpoint forgotten":
        witness["midpoints"] = []
    elif what == "drift":
        witness["delta_j"] = [0.4 * d for d in witness["delta_j"]]
    elif what == "larger ball of starts":
        witness["basin"] += 3
    elif what == "another criterion":
        witness["certified_by"] = "displacement"
    else:
        del witness["midpoints"]
    replace(basin, witness=witness).save(tmp_path / "c.zip")
    assert check(tmp_path / "c.zip").verdict in ("REJECTED", "UNDECIDED")


def test_the_room_for_starts_counts_the_offset() -> None:
    """The criterion begun at ρ needs the integral from ρ on: with that from 0 on, starts too far away would pass."""
    network = read_network(on_a_kink())
    here = examine(Problem(network, read_data(network, X, Y)))
    found = crossing.crossing_basin(here, LR)
    assert found is not None
    rows = found.rows
    wider = (rows[0], rows[2] - 1, rows[2])
    assert crossing._basin(found.ingredients, found.table, wider, LR, found.midpoints) is None
    blind = replace(found.ingredients, residual0=found.constants["basin_residual"])
    assert crossing.residual_relu(blind, found.table, rows[2], LR).holds


def test_jumps_of_nearly_a_third_of_sigma_are_looked_for_far_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a jump Δ_J at any radius the ball needs R = ‖e‖/(σ − 3Δ_J): at 3Δ_J = 0.86σ, as 64-256-1 on digits has, seven times ‖e‖/σ."""
    network = read_network(on_a_kink())
    here = examine(Problem(network, read_data(network, X, np.asarray(Y) + 1e-6)))
    found: list[float] = []

    def persistent(centre: Any, reach: float, e0: float, factor: float | None) -> float:
        found.append(0.14 * reach * crossing.approx_sigma(here.state) / e0)
        return 0.0

    monkeypatch.setattr(crossing, "_approx_ratio", persistent)
    assert crossing.search_crossing(here.ingredients(), here.state, LR) == (0.0, None)
    assert max(found) > 1.0
