"""Policy updates beside naive evaluation, and what must not be proved."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from verify.arrays import Ball
from verify.experiments.related import policy_updates
from verify.experiments.related.policy_updates import Decisions, example
from verify.experiments.related.tests.checks import require_proved


def _naive(problem: Decisions, policy: np.ndarray) -> tuple[np.ndarray, float]:
    """Q and J in float64."""
    gamma = float(problem.discount)
    P = np.einsum("sa,sat->st", policy, problem.P)
    V = np.linalg.solve(np.eye(len(P)) - gamma * P, (policy * problem.r).sum(axis=1))
    return problem.r + gamma * problem.P @ V, float(V.mean())


@pytest.mark.parametrize(("states", "actions", "seed"), [(4, 3, 3), (2, 5, 0), (6, 2, 1)])
def test_values_and_the_optimum_are_those_of_naive_evaluation(states: int, actions: int, seed: int) -> None:
    problem = example(states, actions, seed, Fraction(3, 4))
    assert (problem.P >= 0).all()
    assert (problem.P.sum(axis=-1) == 1).all()
    logits = np.random.default_rng(seed).normal(size=problem.shape)
    policy = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    Q, J = policy_updates._evaluate(problem, Ball(logits))
    naive_Q, naive_J = _naive(problem, policy)
    assert np.allclose(Q.mid, naive_Q, atol=1e-12)
    assert float(J.mid) == pytest.approx(naive_J, abs=1e-12)
    assert J.rad < 1e-12
    best, slack = problem.optimum()
    assert slack <= 0
    # No deterministic policy does better.
    choices = np.stack(np.meshgrid(*[np.arange(actions)] * states), axis=-1).reshape(-1, states)
    values = [_naive(problem, np.eye(actions)[choice])[1] for choice in choices]
    assert float(best) == pytest.approx(max(values), abs=1e-12)
    # Wide logits: the enclosure holds every policy within them.
    wide, _ = policy_updates._evaluate(problem, Ball(logits, 0.1))
    assert bool(wide.contains(naive_Q))


def test_the_stated_figures_are_reached() -> None:
    found = policy_updates.run()
    require_proved(found)
    assert len(found.certificates) == 16
    assert found.quantities["last_gap"].upper() <= 0.0015
    assert found.quantities["last_gap"].lower() >= 0.0
    assert found.quantities["policy_error"].upper() <= 1e-6


def test_another_instance_is_proved_and_its_errors_are_those_of_the_logits() -> None:
    found = policy_updates.run(4, 256, states=3, actions=2, seed=1, step=Fraction(2), accuracy=1e-3)
    require_proved(found)
    assert 1e-6 < found.quantities["policy_error"].mid <= 1e-3


def test_a_regression_cut_short_is_not_proved() -> None:
    found = policy_updates.run(1, 8, accuracy=0.5)
    assert found.verdict == "INCONCLUSIVE"
    assert "update0" in found.reason
