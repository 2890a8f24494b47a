"""Counterexamples to REFUTED claims are fair: in floats, independently of their facts, they meet the claim's hypotheses as a referee reads them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

Map = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _bilinear(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F − 1 and J of F = vw."""
    v, w = theta
    return np.array([v * w - 1]), np.array([[w, v]])


def _valley(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F − y and J of F = (3(b − a²), a), y = (0, 1)."""
    a, b = theta
    return np.array([3 * (b - a * a), a - 1]), np.array([[-6 * a, 3.0], [1.0, 0.0]])


def _gradient(model: Map, theta: np.ndarray) -> np.ndarray:
    residual, jacobian = model(theta)
    return jacobian.T @ residual


def _ball(centre: tuple[float, float], radius: float, n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((n, 2))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.array(centre) + radius * np.sqrt(rng.random((n, 1))) * direction


def _smoothness(model: Map, points: np.ndarray) -> float:
    """Largest ‖∇²Φ‖ met, by central differences of the gradient."""
    h = 1e-5
    worst = 0.0
    for theta in points:
        columns = [(_gradient(model, theta + h * u) - _gradient(model, theta - h * u)) / (2 * h) for u in np.eye(2)]
        worst = max(worst, float(np.linalg.norm(np.array(columns), 2)))
    return worst


@pytest.mark.parametrize("share", [0.999, 0.1, 0.01])
def test_descent_leaves_a_locally_pl_ball_with_zero_loss_at_every_step_size(share: float) -> None:
    points = _ball((2.0, -2.0), 2.6)
    ratios = [np.sum(_gradient(_bilinear, p) ** 2) / np.sum(_bilinear(p)[0] ** 2) for p in points]
    assert min(ratios) >= 1 / 25
    assert np.hypot(2 - 2, 0.5 + 2) < 2.6  # the zero (2, 1/2)
    eta = share * 2 / _smoothness(_bilinear, points)
    theta = np.array([2.0, -2.0])
    for _ in range(int(20 / eta)):
        theta = theta - eta * _gradient(_bilinear, theta)
    assert np.linalg.norm(theta - [2, -2]) > 2.6
    assert np.sum(_bilinear(theta)[0] ** 2) / 2 > 0.499


def test_the_regularised_loss_is_not_pl_from_its_infimum() -> None:
    """For the example w ↦ ½((w − 1)² + ρw²), which was used once, this ratio is 1 + ρ."""

    def ratio(t: float, rho: float = 0.3) -> float:
        v, w, b, c = t, t, -t, 0.0
        residual, slope = v * (w + b) + c, v * w
        gradient = np.array(
            [residual * (w + b) + rho * slope * w, residual * v + rho * slope * v, residual * v, residual]
        )
        return float(gradient @ gradient / (residual**2 + rho * slope**2))  # inf Φ = 0

    assert ratio(1.0) > 0.1
    assert ratio(1e-3) < 1e-5


def test_lookahead_fails_at_a_step_below_one_over_beta() -> None:
    eta, path = 1 / 65, [np.array([-1.0, 1.0])]
    for _ in range(300):
        path.append(path[-1] - eta * _gradient(_valley, path[-1]))
    chord = [path[0] + t * (path[-1] - path[0]) for t in np.linspace(0, 1, 50)]
    assert eta * _smoothness(_valley, np.array(path + chord)) < 1
    losses = [float(np.sum(_valley(p)[0] ** 2)) for p in path]
    assert all(b < a for a, b in itertools.pairwise(losses))
    assert max(float(np.sum(_valley(p)[0] ** 2)) for p in chord) > losses[0]


def test_descent_expands_in_a_ball_around_a_zero_at_a_step_below_one_over_beta() -> None:
    points = _ball((1.0, 1.0), 0.75)
    assert min(np.sum(p**2) for p in points) > 0.4
    assert _smoothness(_bilinear, points) <= 9
    pair = np.array([[0.5, 0.5], [0.625, 0.625]])
    moved = np.array([p - _gradient(_bilinear, p) / 9 for p in pair])
    assert np.linalg.norm(moved[1] - moved[0]) > np.linalg.norm(pair[1] - pair[0])
