"""Scope `basin`: what is proved, what is refused, and known truths that it must not contradict."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from mpmath import mp

import verify
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.networks import DataSet, Network, Pair, Problem, chain
from verify.networks.activations import IDENTITY
from verify.networks.parameters import views, with_parameters
from verify.regions.descent.float64 import Descent
from verify.regions.descent.polishing import Polished, polish, zeros
from verify.regions.neighbourhood.basins import displacement, find_basin
from verify.regions.neighbourhood.point_facts import examine, examine_in_arb
from verify.regions.scopes import basin as basin_scope
from verify.regions.scopes.basin import about_zeros


def _problem(
    n: int = 6, width: int = 24, k: int = 1, seed: int = 0
) -> tuple[torch.nn.Sequential, np.ndarray, np.ndarray]:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Tanh(), torch.nn.Linear(width, k))
    return model, rng.standard_normal((n, 4)), rng.standard_normal((n, k))


def _certified(k: int = 1, loss: str = "sum") -> Certificate:
    model, X, y = _problem(k=k)
    return verify.certify(model, X, y, scope="basin", loss=loss)  # type: ignore[arg-type]


@pytest.mark.parametrize(("k", "loss"), [(1, "sum"), (2, "mean")])
def test_a_basin_near_ordinary_parameters_is_proved_and_accepted(tmp_path: Path, k: int, loss: str) -> None:
    certificate = _certified(k, loss)
    assert certificate.verdict == "PROVED", certificate.reason
    assert all(step.certain for step in certificate.steps)
    path = certificate.save(tmp_path / "basin.zip")
    found = verify.check(path)
    assert found.accepted, found.failures
    assert "every real-arithmetic gradient descent" in found.claims[0]


def _path(certificate: Certificate, start: np.ndarray, steps: int) -> list[tuple[float, float]]:
    """(distance to c, Φ) along float64 gradient descent from a start; its rounding is far below every margin asserted."""
    problem, centre = certificate.problem, np.asarray(certificate.witness["centre"])
    descent = Descent.of(problem)
    theta, seen = start, []
    for _ in range(steps):
        after, norm = descent.step(theta)
        seen.append((float(np.linalg.norm(theta - centre)), descent.loss(norm)))
        theta = after
    return seen


def test_descent_from_all_over_the_basin_stays_and_decays() -> None:
    certificate = _certified()
    c, centre = certificate.constants, np.asarray(certificate.witness["centre"])
    rho, radius, rate = (float(c[name].mid) for name in ("basin_radius", "radius", "rate"))
    rng = np.random.default_rng(1)
    for _ in range(8):
        direction = rng.standard_normal(centre.size)
        seen = _path(certificate, centre + 0.999 * rho * direction / np.linalg.norm(direction), 60)
        assert max(distance for distance, _ in seen) <= radius
        assert all(after <= rate * before for (_, before), (_, after) in itertools.pairwise(seen) if after > 1e-20)


def test_parameters_at_the_zero_lie_inside_and_the_statement_says_so(tmp_path: Path) -> None:
    first = _certified()
    model, X, y = _problem()
    theta = np.asarray(first.witness["centre"])
    with torch.no_grad():
        model.double()
        for parameter, part in zip(model.parameters(), np.split(theta, [96, 120, 144]), strict=True):
            parameter.copy_(torch.from_numpy(part.reshape(parameter.shape)))
    again = verify.certify(model, X, y, scope="basin")
    assert again.verdict == "PROVED"
    assert again.steps[-1].name == "parameters inside the basin"
    assert again.steps[-1].certain
    assert "lie inside" in again.reason
    assert verify.check(again.save(tmp_path / "inside.zip")).accepted


def test_parameters_far_away_are_told_the_factor() -> None:
    certificate = _certified()
    ratio = float(certificate.constants["distance_over_radius"].lower())
    assert ratio > 1.0
    assert "outside" in certificate.reason
    assert all(step.name != "parameters inside the basin" for step in certificate.steps)


def _line(slope: float, target: float) -> tuple[Network, DataSet]:
    """F = slope·θ with one parameter: J = slope, L_H = 0."""
    return (
        chain((Pair(np.array([[0.5]]), None, 1, IDENTITY),)),
        DataSet(np.array([[slope]]), np.array([[target]])),
    )


def test_the_step_condition_is_enforced() -> None:
    # F = 3θ: ηsK² ≤ 1 asks η ≤ 1/9. From any start the step 1/9 lands on the zero, 2/9 only mirrors it.
    network, data = _line(3.0, 1.0)
    here = examine(Problem(network, data))
    assert find_basin(here, Fraction(1, 9) - Fraction(1, 10**12)) is not None
    assert find_basin(here, Fraction(2, 9)) is None


def test_a_region_without_room_beyond_the_start_does_not_hold() -> None:
    """With R = ρ there is no supply for the tail: the offset of the start may not be forgotten."""
    certificate = _certified()
    problem, witness = certificate.problem, certificate.witness
    here = examine(problem.at(np.asarray(witness["centre"])))
    found = find_basin(here, None)
    assert found is not None
    assert found.holds
    zero, inner, outer = found.rows
    assert not displacement(found.ingredients, found.table, (zero, outer - 1, outer), found.lr).holds
    # A start ten times as far, or the centre's residual not what it is: the chain breaks.
    worse = replace(found.ingredients, residual0=Ball(1e3 * float(found.constants["basin_threshold"].upper())))
    assert not displacement(worse, found.table, (zero, inner, outer), found.lr).holds
    assert not displacement(found.ingredients, found.table, (zero, inner, outer), 3 * found.lr).holds


def test_a_forged_basin_is_rejected(tmp_path: Path) -> None:
    certificate = _certified()
    witness = certificate.witness
    assert verify.check(certificate.save(tmp_path / "honest.zip")).accepted
    forgeries = {
        "larger rho": {"basin": witness["region"] - 1},
        "rho beyond R": {"basin": witness["region"]},
        "zero nearer": {"radii": [0.5 * witness["radii"][0], *witness["radii"][1:]]},
        "another centre": {"centre": np.asarray(witness["centre"]) + 1e-3},
        "residual": {"residual0_upper": 0.5 * witness["residual0_upper"] * 1e-6},
        "λ": {"lambda": [1.001 * v for v in witness["lambda"]]},
    }
    for name, change in forgeries.items():
        forged = replace(certificate, witness={**witness, **change})
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name
    for name, factor in (
        ("rate", 0.999),
        ("mu", 1.01),
        ("basin_radius", 1.01),
        ("zero_loss_distance", 0.99),
        ("distance_over_radius", 0.5),
    ):
        forged = replace(
            certificate, constants={**certificate.constants, name: certificate.constants[name] * Ball(factor)}
        )
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name


def test_more_residuals_than_parameters_are_named() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    rng = np.random.default_rng(0)
    certificate = verify.certify(model, rng.standard_normal((20, 2)), rng.standard_normal(20), scope="basin")
    assert certificate.verdict == "INCONCLUSIVE"
    assert "rank at most 9" in certificate.reason


def test_an_unreachable_target_ends_inconclusive_with_its_trace() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 20), torch.nn.Tanh(), torch.nn.Linear(20, 1), torch.nn.Tanh())
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    certificate = verify.certify(model, X, np.array([3.0, -3.0]), scope="basin")
    assert certificate.verdict == "INCONCLUSIVE"
    assert "no zero of the residual was found" in certificate.reason
    assert "→" in certificate.reason


def test_repeated_inputs_are_no_basin() -> None:
    model, X, y = _problem()
    X, y = np.vstack([X, X[:1]]), np.vstack([y, y[:1]])
    certificate = verify.certify(model, X, y, scope="basin")
    assert certificate.verdict == "INCONCLUSIVE"
    assert "rows 0 and 6 of X are equal" in certificate.reason


def test_polishing_of_relu_networks_crosses_their_kinks() -> None:
    # With second differences across kinks this takes hundreds of steps, and others of its kind creep to an end.
    torch.manual_seed(5)
    hidden = [layer for _ in range(2) for layer in (torch.nn.Linear(24, 24), torch.nn.ReLU())]
    net = torch.nn.Sequential(torch.nn.Linear(6, 24), torch.nn.ReLU(), *hidden, torch.nn.Linear(24, 1)).double()
    X, y = torch.randn(30, 6).double(), torch.sign(torch.randn(30, 1)).double()
    network = verify.networks.read_network(net)
    found = polish(network, verify.networks.read_data(network, X, y))
    assert found.why == "converged"
    assert len(found.trace) < 60


def _narrow_relu(seed: int) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.ReLU(), torch.nn.Linear(24, 1)).double()
    return net, torch.randn(20, 4).double(), torch.sign(torch.randn(20, 1)).double()


def test_kicks_take_a_relu_network_off_the_kinks_on_which_gauss_newton_creeps(tmp_path: Path) -> None:
    net, X, y = _narrow_relu(19)
    network = verify.networks.read_network(net)
    data = verify.networks.read_data(network, X, y)
    assert polish(network, data).why == "creeps"
    found, again = (next(zeros(network, data)) for _ in range(2))
    assert (found.why, found.kicks > 0) == ("converged", True)
    assert np.array_equal(found.theta, again.theta)
    certificate = verify.certify(net, X, y, scope="basin", loss="mse")
    assert certificate.verdict == "PROVED"
    assert certificate.observed["gauss_newton_steps"] == len(found.trace) - 1 - found.kicks
    assert verify.check(certificate.save(tmp_path / "c.zip")).accepted


def test_where_kicks_do_not_help_the_reason_counts_them() -> None:
    net, X, y = _narrow_relu(39)
    certificate = verify.certify(net, X, y, scope="basin", loss="mse")
    assert certificate.verdict == "INCONCLUSIVE"
    assert "creeps, 4 random moves off the kinks included" in certificate.reason


def test_another_zero_is_looked_at_only_where_a_kink_leaves_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    net, X, y = _narrow_relu(0)
    network = verify.networks.read_network(net)
    problem = verify.networks.Problem(network, verify.networks.read_data(network, X, y))
    free = next(zeros(network, problem.data))
    assert about_zeros(problem, 60.0, lambda moved: (examine(moved), None, False)).tried == 1
    theta = free.theta.copy()
    first = views(network, theta)[0]
    first["bias"][0] = -(first["weight"][0] @ X[0].numpy())
    on_a_kink, creeping = Polished(theta, (1e-15,), "converged"), Polished(theta, (1.0,), "creeps")
    monkeypatch.setattr(basin_scope, "zeros", lambda *_, **__: iter([on_a_kink, on_a_kink, creeping]))
    sought = about_zeros(problem, 60.0, lambda moved: (examine(moved), None, False))
    assert (sought.tried, sought.polished.why) == (2, "converged")


def test_polishing_reaches_the_rounding_of_the_residual_near_its_start() -> None:
    model, X, y = _problem()
    network = verify.networks.read_network(model)
    found = polish(network, verify.networks.read_data(network, X, y))
    assert found.why == "converged"
    assert found.trace[-1] < 1e-12 < found.trace[0]


@pytest.mark.parametrize(
    "options",
    [{"seconds": 0.0}, {"seconds": float("nan")}, {"seconds": True}, {"steps": 3}, {"second": 1.0}, {"radius": 1.0}],
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    model, X, y = _problem()
    with pytest.raises(verify.errors.InputError):
        verify.certify(model, X, y, scope="basin", **options)  # type: ignore[arg-type]


def test_auto_takes_the_ball_where_it_is_proved_and_else_the_basin() -> None:
    model, X, y = _problem()
    assert verify.certify(model, X, y, scope="ball").verdict == "INCONCLUSIVE"
    chosen = verify.certify(model, X, y, scope="auto")
    assert (chosen.scope, chosen.verdict) == ("basin", "PROVED")
    model.double()
    with torch.no_grad():
        fitted = model(torch.from_numpy(X)).numpy()
    near = verify.certify(model, X, fitted + 1e-5 * y, scope="auto")
    assert (near.scope, near.verdict) == ("ball", "PROVED")


def test_auto_says_what_each_scope_lacks() -> None:
    model, X, y = _problem()
    X, y = np.vstack([X, X[:1]]), np.vstack([y, y[:1]])
    neither = verify.certify(model, X, y, scope="auto")
    assert neither.verdict == "INCONCLUSIVE"
    assert "scope 'ball':" in neither.reason
    assert "Scope 'basin':" in neither.reason


def test_the_residual_in_arb_is_a_smaller_bound_inside_the_float64_enclosure() -> None:
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for before in (4, 64, 64):
        layers += [torch.nn.Linear(before, 64), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(64, 1))
    X = np.random.default_rng(0).standard_normal((8, 4))
    network = verify.networks.read_network(model)
    data = verify.networks.read_data(network, X, X[:, :1] + 1e-3)
    network = with_parameters(network, polish(network, data).theta)
    here = examine(Problem(network, data))
    sharper = examine_in_arb(Problem(network, data))
    assert float(sharper.facts.residual.upper()) < 1e-2 * float(here.facts.residual.upper())
    with mp.workdps(50):
        h = mp.matrix(X.tolist())
        for layer in network.chain:
            z = h * mp.matrix(layer.weight.tolist()).T
            shifted = [[z[i, j] + mp.mpf(float(layer.bias[j])) for j in range(z.cols)] for i in range(z.rows)]  # type: ignore[index]
            h = mp.matrix([[mp.tanh(v) if layer.fan_out > 1 else v for v in row] for row in shifted])
        truth = mp.sqrt(sum((h[i, 0] - mp.mpf(float(data.y[i, 0]))) ** 2 for i in range(8)))
        assert truth <= mp.mpf(float(sharper.facts.residual.upper()))
