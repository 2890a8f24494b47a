"""ReLU and LeakyReLU networks from the model to the checker: what is proved, what is refused, and forgeries."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from flint import arb, ctx

import verify
import verify.datasets
from verify.checker import check
from verify.checker.enclosures import activation, suprema
from verify.checker.movement import curvature
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.tests.test_engine import _as_document
from verify.errors import UnsupportedLayerError
from verify.networks import Problem as Stated, chain, kernel_of, linearise, read_data, read_network
from verify.networks.curvature import Curvature
from verify.regions.neighbourhood.batches import Batches
from verify.regions.neighbourhood.criteria import classical, residual
from verify.regions.neighbourhood.crossing import residual_relu
from verify.regions.neighbourhood.ingredients import RadiusTable, gather
from verify.regions.neighbourhood.kinks_in_reach import kinks_in_reach
from verify.regions.neighbourhood.momentum import momentum
from verify.regions.neighbourhood.stochastic import any_order, with_replacement

X, Y = verify.datasets.sphere(10, 6, norm=4.0)


def _net(*sizes: int, act: torch.nn.Module, seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    modules: list[torch.nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        modules += [torch.nn.Linear(fan_in, fan_out, dtype=torch.float64), act]
    return torch.nn.Sequential(*modules[:-1])


@pytest.mark.parametrize("act", [torch.nn.ReLU(), torch.nn.LeakyReLU(0.1)], ids=["relu", "leaky"])
@pytest.mark.parametrize("sizes", [(6, 128, 1), (6, 64, 48, 1)])
@pytest.mark.parametrize("scope", ["point", "basin"])
def test_networks_with_kinks_are_proved_and_accepted(
    sizes: tuple[int, ...], act: torch.nn.Module, scope: verify.Scope, tmp_path: Path
) -> None:
    certificate = verify.certify(_net(*sizes, act=act), X, Y, scope=scope)
    assert certificate.verdict == "PROVED", certificate.reason
    certificate.save(tmp_path / "c.zip")
    assert check(tmp_path / "c.zip").accepted


def test_a_basin_holds_no_kink_and_descent_from_its_rim_converges_in_it() -> None:
    net = _net(6, 128, 1, act=torch.nn.ReLU())
    certificate = verify.certify(net, X, Y, scope="basin")
    problem, radius = certificate.problem, float(certificate.constants["radius"].upper())
    centre = linearise(problem.network, problem.data.X)
    reach = np.linalg.norm(centre.A[0].mid, axis=1)[:, None] * radius
    assert (np.abs(centre.Z[0].mid) > reach).all()


def test_the_other_scopes_refuse_or_say_where_to_go() -> None:
    net = _net(6, 32, 1, act=torch.nn.ReLU())
    with pytest.raises(UnsupportedLayerError, match="basin"):
        verify.certify(net, X, Y, scope="region")
    assert "basin" in verify.certify(net, X, Y, scope="ball").reason
    run = verify.certify(net, X, Y, scope="run", steps=200)
    assert run.verdict == "INCONCLUSIVE"
    assert "kinks" in run.reason
    assert "basin" in run.reason


def test_a_run_that_ends_on_kinks_is_handed_over_to_a_ball_that_they_cross(tmp_path: Path) -> None:
    inputs, targets = verify.datasets.sphere(8, 20, norm=10.0)
    run = verify.certify(_net(20, 128, 1, act=torch.nn.ReLU()), inputs, targets, scope="run", steps=1500)
    assert run.verdict == "PROVED", run.reason
    assert run.claim == "containment_residual_relu"
    assert run.witness["handover"]["residual_relu"]["midpoints"]
    run.save(tmp_path / "c.zip")
    found = check(tmp_path / "c.zip")
    assert found.accepted, found.failures
    handover = {**run.witness["handover"], "delta_j": [0.4 * d for d in run.witness["handover"]["delta_j"]]}
    replace(run, witness={**run.witness, "handover": handover}).save(tmp_path / "false.zip")
    assert check(tmp_path / "false.zip").verdict == "REJECTED"


def test_units_at_their_kink_leave_no_ball_and_a_basin_nearby_is_proved(tmp_path: Path) -> None:
    net = _net(6, 32, 1, act=torch.nn.ReLU())
    with torch.no_grad():
        next(p for name, p in net.named_parameters() if name == "0.bias").zero_()
    inputs = np.array(X)
    inputs[0] = 0.0
    ball = verify.certify(net, inputs, Y, scope="ball")
    assert ball.verdict == "INCONCLUSIVE"
    assert "kink" in ball.reason
    basin = verify.certify(net, inputs, Y, scope="basin")
    assert basin.verdict == "PROVED"
    basin.save(tmp_path / "c.zip")
    assert check(tmp_path / "c.zip").accepted


def test_engine_and_checker_agree_on_the_largest_ball_without_kinks() -> None:
    """Both follow claim layered_curvature and the same rule on kinks, each in its own words."""
    for act, sizes in ((torch.nn.ReLU(), (6, 16, 1)), (torch.nn.LeakyReLU(0.2), (6, 12, 8, 1))):
        network = read_network(_net(*sizes, act=act))
        engine = Curvature(linearise(network, np.asarray(X)))
        problem = Problem(_as_document(network, np.asarray(X), np.asarray(Y)[:, None]))
        finite = 0
        with ctx.workprec(128):
            turning = curvature(Point(problem, problem.parameters()))
            for radius in np.geomspace(1e-7, 1e-1, 25):
                mine, theirs = turning(arb(float(radius))), engine(float(radius))
                assert mine <= arb(theirs)
                assert mine.is_finite() == np.isfinite(theirs)
                assert not np.isfinite(theirs) or theirs <= mine * (1 + 1e-10)
                finite += bool(np.isfinite(theirs))
        assert 3 < finite < 22


def test_the_checker_refuses_a_missed_unit_and_another_slope(tmp_path: Path) -> None:
    net = _net(6, 64, 1, act=torch.nn.LeakyReLU(0.1))
    honest = verify.certify(net, X, Y, scope="basin")
    assert honest.verdict == "PROVED"
    layers = honest.problem.network.chain
    for act in (torch.nn.ReLU(), torch.nn.LeakyReLU(0.2)):
        other = read_network(torch.nn.Sequential(torch.nn.Linear(1, 1), act)).chain[0].activation
        network = chain((replace(layers[0], activation=other), layers[1]))
        replace(honest, problem=replace(honest.problem, network=network)).save(tmp_path / "c.zip")
        assert check(tmp_path / "c.zip").verdict == "REJECTED"


def test_the_checkers_kink() -> None:
    with ctx.workprec(128):
        below = arb(0.25)
        assert activation("relu", None, arb(2)) == (2, 1)
        assert activation("relu", None, arb(-2)) == (0, 0)
        assert activation("leaky_relu", below, arb(-2)) == (arb(-0.5), below)
        value, slope = activation("leaky_relu", below, arb(0, 1))
        assert value.contains(arb(1))
        assert value.contains(arb(-0.25))
        assert slope.contains(below)
        assert slope.contains(1)
        # torch's convention at the kink itself.
        assert activation("relu", None, arb(0))[1] == 0
        assert activation("leaky_relu", below, arb(0))[1] == below
        assert activation("relu", None, arb(0, 1))[1].contains(1)
        assert not suprema("relu", None)[1].is_finite()
        assert suprema("leaky_relu", arb(3))[0] == 3


def test_a_run_that_ends_on_kinks_says_how_many_and_what_they_do() -> None:
    found = verify.certify(_net(6, 16, 1, act=torch.nn.ReLU()), X, Y, scope="run", steps=40)
    assert found.verdict == "INCONCLUSIVE"
    assert "pairs of a sample and a unit may cross their kink within" in found.reason
    assert "three jumps must stay below" in found.reason


def test_what_may_cross_counts_units_by_their_distance_alone() -> None:
    """One layer below the units: Δz = Uh + q, so a unit at distance |z| crosses within r where |z| ≤ r√(‖x‖² + 1)."""
    network = read_network(_net(6, 16, 1, act=torch.nn.ReLU()))
    state = linearise(network, np.asarray(X))
    smallest = float(np.linalg.eigvalsh(kernel_of(state).mid)[0])
    z = np.abs(state.z_rows[0].mid) / np.sqrt((np.asarray(X) ** 2).sum(axis=1) + 1.0)[:, None]
    for count in (1, 5, 20):
        radius = float(np.sort(z.ravel())[count - 1 : count + 1].mean())
        found = kinks_in_reach(state, radius * np.sqrt(smallest))
        assert found is not None
        assert found.text.startswith(f"{count} pairs")
    assert kinks_in_reach(state, 1e-12) is None
    assert kinks_in_reach(linearise(read_network(_net(6, 16, 1, act=torch.nn.Tanh())), np.asarray(X)), 1.0) is None


@pytest.mark.parametrize(("scope", "seed"), [("run", 0), ("exact", 1)])
def test_a_radius_beyond_the_first_kink_is_no_error(scope: verify.Scope, seed: int, tmp_path: Path) -> None:
    """The look at a point of a run tries radii somewhat beyond its own, where a kink may be in reach and nothing bounds Δ_J."""
    net = _net(2, 6, 1, act=torch.nn.ReLU(), seed=seed)
    inputs = torch.randn(2, 2, dtype=torch.float64)
    torch.manual_seed(1)
    targets = (net(inputs) + 0.05 * torch.randn(2, 1, dtype=torch.float64)).detach()
    certificate = verify.certify(net, inputs, targets, scope=scope, lr="1/10", steps=50)
    assert certificate.verdict == "PROVED", certificate.reason
    assert check(certificate.save(tmp_path / "c.zip")).accepted


def test_no_criterion_holds_or_fails_with_an_error_where_nothing_is_known() -> None:
    """Bounds that are infinite from the second radius on, or everywhere: kinks in reach, or an overflow."""
    network = read_network(_net(2, 6, 1, act=torch.nn.ReLU()))
    ingredients = gather(Stated(network, read_data(network, X[:2, :2], Y[:2])))
    radii, lam, lr = np.array([1e-3, 1.0]), np.array([1.0, 0.5]), Fraction(1, 10)
    for bounds in ([0.0, np.inf], [np.inf, np.inf]):
        table = RadiusTable(radii, np.array(bounds), np.array(bounds), lam)
        for criterion in (classical, residual, residual_relu):
            assert not criterion(ingredients, table, 1, lr).holds
        for step, descent in (
            (any_order, verify.SGD(batch_size=1)),
            (with_replacement, verify.SGD(batch_size=1, order="with_replacement")),
            (momentum, verify.SGD(momentum="1/2")),
        ):
            bound = descent.on(2)
            assert bound is not None
            batches = Batches(bound, 2, 1, "sum", {1: 1.0, 2: 1.0}, 1.0)
            assert not step(ingredients, table, 1, None, batches, lr).holds
