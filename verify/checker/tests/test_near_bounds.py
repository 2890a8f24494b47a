"""Bounds for data nearby, the neurons' budgets and the features': the checker's are the engine's, which share no code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx

from verify.checker.budgets import Budget, Features
from verify.checker.movement import curvature
from verify.checker.nearby import Nearby, at
from verify.checker.network import Point
from verify.checker.tests.near_cases import CASES, EPSILON, case_of, jacobian_of, require_close
from verify.networks import linearise
from verify.networks.curvature import Curvature
from verify.networks.feature_kernel import FeatureBound
from verify.networks.inputs import over_inputs
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget


@pytest.mark.parametrize("name", CASES)
def test_bounds_for_data_nearby_are_the_engines(name: str) -> None:
    """Claim inputs_nearby and what reads it, written twice; for several outputs the engine may bound a block's norm by up to √k more."""
    case = CASES[name]()
    state = linearise(case.network, case.X)
    near, k = over_inputs(state, EPSILON), case.network.outputs
    spread, J, e = near.spread, jacobian_of(state), (state.F.mid - case.y).ravel()
    assert spread is not None

    def same(mine: Any, theirs: Any) -> None:
        if k == 1:
            return require_close(mine, theirs)
        assert float(theirs) / k**0.5 - 1e-12 <= float(mine.mid()) <= float(theirs) * (1 + 1e-9) + 1e-12
        return None

    with ctx.workprec(128):
        problem = case.problem
        here = at(problem, problem.parameters(), arb(EPSILON))
        assert isinstance(here, Nearby)
        assert type(at(problem, problem.parameters(), arb(0))) is Point
        same(here.turned, spread.jacobian.mid)
        same(here.missed, spread.residual.mid)
        turned, missed = float(here.turned.mid()), float(here.missed.mid())
        require_close(here.own_e, np.linalg.norm(e))
        require_close(here.e, np.linalg.norm(e) + missed)
        top, low = (np.linalg.svd(J)[1][i] for i in (0, -1))
        require_close(here.size(), top + turned)
        left = max(low - turned, 0.0)
        require_close(here.smallest(0.5 * left**2), left**2)
        require_close(here.apart(arb(0.1)), 0.1 * (top * missed + turned * (np.linalg.norm(e) + missed)))
        for index, v in enumerate(sorted(here.changes)):
            change = here.changes[v]
            require_close(change.data, spread.data[index].mid)
            require_close(here.rows(v), spread.rows(index, near.n).mid)
            for mine, theirs in (
                (change.blocks, spread.blocks[index].mid),
                (change.columns, spread.columns[index].mid),
            ):
                for one, other in zip(mine, np.broadcast_to(theirs, len(mine)), strict=True):
                    same(one, other)
        for radius in (0.0, 0.1):
            found, bound = float(curvature(here)(arb(radius)).mid()), Curvature(near)(radius)
            assert bound / k * (1 - 1e-9) <= found <= bound * (1 + 1e-9)
        for radius in (0.01, 0.05):
            require_close(Features(here, 0.1)(arb(radius)), FeatureBound(near)(radius), 1e-7)


@pytest.mark.parametrize("nearby", [0.0, EPSILON])
@pytest.mark.parametrize("name", ["two layers", "two layers, no bias", "two outputs"])
def test_budgets_are_the_engines(name: str, nearby: float) -> None:
    """Claims neuron_budget and neuron_budget_upper; for data nearby too, for one output."""
    case = CASES[name]()
    state = over_inputs(linearise(case.network, case.X), nearby)
    engine, features = NeuronBudget(state), FeatureBound(state)
    room = 1e-9 if nearby == 0.0 or case.network.outputs == 1 else 0.2
    with ctx.workprec(128):
        problem = case.problem
        here = at(problem, problem.parameters(), arb(nearby))
        budget = Budget(here)
        for weight in (0.5, 20.0):
            found = budget(weight, 0.01)
            require_close(found, engine.parabola(weight).intercept, room)
            # A guess changes nothing.
            require_close(budget(weight, 3.0), found.mid())
        weight = 4.0 * float(engine.omega_upper.max())
        require_close(budget.size_above(weight), engine.parabola_above(weight).intercept, room)
        assert budget.size_above(float(max(float(w.mid()) for w in budget.omega)) * (1 - 1e-9)) == arb("inf")
        for radius in (0.02, 0.05):
            require_close(Features(here, 0.1)(arb(radius)), features(radius), 1e-7)
        assert Features(here, 0.1)(arb(50)) == 0
        if case.network.chain[0].activation.name == "tanh" and nearby == 0.0:
            for reach, weight in ((0.4, 0.05), (0.8, 0.5), (0.2, 5.0), (0.2, 20.0)):
                local = LocalBudget(state, reach)
                require_close(budget(weight, 0.01, reach), local.parabola(weight).intercept)
                assert budget(weight, 0.01, reach) > budget(weight, 0.01)
                for found, theirs in zip(
                    budget._local(arb(reach)), zip(local.local_omega, local.norm_square, strict=True), strict=True
                ):
                    require_close(found[0], theirs[0])
                    require_close(found[1], theirs[1])
            # Beyond its reach a neuron has paid for all that it may lose.
            require_close(budget(0.05, 0.01, 0.01), budget(0.05, 0.01).mid())


@pytest.mark.parametrize("widths", [(4, 6, 1), (4, 6, 5, 1)])
def test_the_curvature_of_a_chain_with_kinks_ends_at_the_first_that_a_unit_may_meet(widths: tuple[int, ...]) -> None:
    """Finite and the engine's below it, without a bound beyond it, though all other units are far from theirs."""
    case = case_of(*widths, act=torch.nn.ReLU)
    state = linearise(case.network, case.X)
    engine = Curvature(state)
    with ctx.workprec(128):
        problem = case.problem
        turning = curvature(Point(problem, problem.parameters()))
        radii = np.geomspace(1e-4, 1.0, 60)
        finite = [bool(turning(arb(float(r))).is_finite()) for r in radii]
        assert finite == [bool(np.isfinite(engine(float(r)))) for r in radii]
        assert finite == sorted(finite, reverse=True)
        assert set(finite) == {False, True}
        if len(widths) == 3:
            z, a = np.abs(state.Z[0].mid), np.linalg.norm(state.A[0].mid, axis=1)[:, None]
            first, second = np.sort((z / a).ravel())[:2]
            assert first < 0.95 * second
            require_close(turning(arb(0.999 * first)), engine(0.999 * first))
            assert not turning(arb(1.001 * first)).is_finite()
