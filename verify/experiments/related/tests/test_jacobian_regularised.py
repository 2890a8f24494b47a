"""The stacked map beside finite differences and attacks, the certified rate beside naive descent, and what must not be proved."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from verify import datasets
from verify.errors import InputError
from verify.experiments.related import jacobian_regularised
from verify.experiments.related.jacobian_regularised import Stacked
from verify.experiments.related.tests.checks import require_proved


def _naive(problem: Stacked, theta: np.ndarray, m: int) -> np.ndarray:
    """e_G in float64, from the definition."""
    d = problem.X.shape[1]
    W, v = _split(theta, m)
    Z = problem.X @ W.T / np.sqrt(d)
    F = np.tanh(Z) @ v / np.sqrt(m)
    slopes = (v / np.cosh(Z) ** 2) @ W / np.sqrt(m * d)
    return np.concatenate([F - problem.y, np.sqrt(float(problem.penalty)) * slopes.ravel()])


def _split(theta: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    return theta.reshape(m, -1)[:, :-1], theta.reshape(m, -1)[:, -1]


def _instance(seed: int, n: int = 4, d: int = 3, m: int = 7) -> tuple[Stacked, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return Stacked(*datasets.sphere(n, d, 2.0, seed), Fraction(3, 2)), rng.normal(size=(m, d)), rng.normal(size=m)


@pytest.mark.parametrize("seed", range(3))
def test_residual_jacobian_and_gradient_are_those_of_the_definition(seed: int) -> None:
    problem, W, v = _instance(seed)
    e, J = problem.residual_and_jacobian(W, v)
    theta = np.concatenate([W, v[:, None]], axis=1).ravel()
    assert np.allclose(e.mid, _naive(problem, theta, len(v)), atol=1e-13)
    assert e.rad.max() < 1e-12
    numeric = np.stack(
        [
            (_naive(problem, theta + h, len(v)) - _naive(problem, theta - h, len(v))) / 2e-6
            for h in 1e-6 * np.eye(theta.size)
        ],
        axis=1,
    )
    assert np.allclose(J.mid, numeric, atol=1e-8)
    move_W, move_v, size = problem.gradient(W, v)
    exact = (J.mid.T @ e.mid).reshape(len(v), -1)
    assert np.allclose(np.concatenate([move_W, move_v[:, None]], axis=1), exact, atol=1e-12)
    assert size == pytest.approx(np.linalg.norm(e.mid))


def test_the_curvature_bound_survives_attacks_and_is_no_loose_one() -> None:
    tightest = 0.0
    for seed in range(6):
        problem, W, v = _instance(seed)
        m, radius = len(v), 0.3
        rng = np.random.default_rng(seed)
        theta = np.concatenate([W, v[:, None]], axis=1).ravel()
        bound = float(problem.curvature(W, v, radius).mid)
        for _ in range(20):
            p = rng.normal(size=theta.size) * (rng.uniform(size=theta.size) < 0.5)
            at = theta + radius * rng.uniform() * p / float(np.linalg.norm(p) + 1e-9)
            u = np.where(np.repeat(np.arange(m), 4) == rng.integers(m), rng.normal(size=theta.size), 0.0)
            for _ in range(8):
                u /= np.linalg.norm(u)
                second = (
                    _naive(problem, at + 1e-3 * u, m) + _naive(problem, at - 1e-3 * u, m) - 2 * _naive(problem, at, m)
                ) / 1e-6
                size = float(np.linalg.norm(second))
                assert size <= bound * (1 + 1e-4)
                tightest = max(tightest, size / bound)
                # Ascend: the gradient of ⟨w, D²G[u, u]⟩ is 2D²G[u, ·]ᵀw.
                J = [problem.residual_and_jacobian(*_split(at + h * u, m))[1].mid for h in (1e-3, -1e-3)]
                u = (J[0] - J[1]).T @ (second / size)
    assert tightest > 0.2


def test_the_stated_figures_are_reached() -> None:
    found = jacobian_regularised.run()
    require_proved(found)
    assert found.quantities["mu"].lower() >= 0.0396
    assert found.quantities["rate"].upper() <= 0.99608


def test_naive_descent_from_there_stays_and_falls_as_certified() -> None:
    problem = Stacked(*datasets.sphere(3, 2, 3.0 * np.sqrt(2), 5), Fraction(4))
    rng = np.random.default_rng(1)
    W, v = rng.normal(size=(256, 2)), rng.normal(size=256)
    lr = Fraction(1, 8)
    for _ in range(500):
        move_W, move_v, _ = problem.gradient(W, v)
        W, v = W - move_W / 8, v - move_v / 8
    found = jacobian_regularised.demonstrate(problem, W, v, lr)
    require_proved(found)
    rate, radius = float(found.quantities["rate"].mid), float(found.quantities["R"].mid)
    A, b, size = W, v, problem.gradient(W, v)[2]
    for _ in range(100):
        move_W, move_v, before = problem.gradient(A, b)
        assert before <= size * (1 + 1e-9)
        size = before * rate
        A, b = A - move_W / 8, b - move_v / 8
        assert np.sum((A - W) ** 2) + np.sum((b - v) ** 2) <= radius**2
    # Too large a step, no penalty, and too few parameters.
    assert "step is small enough" in jacobian_regularised.demonstrate(problem, W, v, Fraction(10)).reason
    with pytest.raises(InputError, match="ρ > 0"):
        replace(problem, penalty=Fraction(0))
    assert jacobian_regularised.demonstrate(problem, W[:2], v[:2], lr).verdict == "INCONCLUSIVE"


def test_an_untrained_network_is_not_proved() -> None:
    found = jacobian_regularised.run(4, 3, 64, 0)
    assert found.verdict == "INCONCLUSIVE"
    assert "pays for the path" in found.reason or "room" in found.reason
