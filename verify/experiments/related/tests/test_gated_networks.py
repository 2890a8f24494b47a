"""Gated networks beside naive training, the ReLU network beside naive evaluation, and what must not be proved."""

from __future__ import annotations

import numpy as np
import pytest

from verify import datasets
from verify.experiments.related import gated_networks
from verify.experiments.related.tests.checks import require_proved


def _instance(n: int, d: int, gates: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    X, y = datasets.sphere(n, d, 3.0, seed)
    rng = np.random.default_rng(seed + 100)
    return X, y, rng.normal(size=(gates, d)), rng.uniform(0.2, 1.0, gates) * np.where(np.arange(gates) % 3, 1.0, -1.0)


def test_the_stated_figures_are_reached() -> None:
    found = gated_networks.run()
    require_proved(found)
    assert found.quantities["lambda_min"].lower() >= 0.0545
    assert found.quantities["relu_width"].mid == 8
    assert found.quantities["relu_error"].upper() <= 2.3e-10


@pytest.mark.parametrize(("n", "d", "gates", "seed"), [(12, 8, 8, 0), (20, 5, 16, 1), (30, 40, 8, 2)])
def test_other_instances_hold_beside_naive_training(n: int, d: int, gates: int, seed: int) -> None:
    X, y, U, v = _instance(n, d, gates, seed)
    found = gated_networks.demonstrate(X, y, U, v)
    require_proved(found)
    q = {name: float(value.mid) for name, value in found.quantities.items()}
    design = (((X @ U.T > 0) * v)[:, :, None] * X[:, None, :]).reshape(n, -1)
    values = np.linalg.eigvalsh(design @ design.T)
    assert q["lambda_min"] == pytest.approx(values[0], rel=1e-6)
    assert q["lambda_max"] == pytest.approx(values[-1], rel=1e-6)
    w = np.random.default_rng(seed).normal(size=design.shape[1]) * 100
    for _ in range(50):
        before = np.linalg.norm(design @ w - y)
        w = w - q["step"] * design.T @ (design @ w - y)
        assert np.linalg.norm(design @ w - y) <= q["rate"] * before * (1 + 1e-9)


def test_the_relu_residual_is_that_of_naive_evaluation_where_nothing_fits() -> None:
    X, y, U, v = _instance(10, 6, 4, 3)
    rng = np.random.default_rng(5)
    A, B = rng.normal(size=U.shape), rng.normal(size=U.shape)
    naive = (np.maximum(X @ A.T, 0) - np.maximum(X @ B.T, 0)) @ v - y
    assert np.allclose(gated_networks._relu_residual(X, y, A, B, v).mid, naive, rtol=1e-12, atol=1e-13)


def test_one_gate_too_few_samples_on_a_gate_and_repeated_samples_are_not_proved() -> None:
    X, y, U, v = _instance(12, 3, 2, 4)
    assert gated_networks.demonstrate(X, y, U, v).verdict == "INCONCLUSIVE"  # 6 weights, 12 samples
    X, y, U, v = _instance(12, 8, 8, 0)
    on_the_gate = X.copy()
    on_the_gate[0] -= (X[0] @ U[0]) / (U[0] @ U[0]) * U[0]
    found = gated_networks.demonstrate(on_the_gate, y, U, v)
    assert "every gate's sign is certain" in found.reason
    X[1] = X[0]
    assert "the kernel is positive" in gated_networks.demonstrate(X, y, U, v).reason
