"""SGD near an exact fit: what is certified beside simulated runs, and what must not be proved."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from verify.experiments.related import averaged_sgd
from verify.experiments.related.regions import trained_on_digits
from verify.experiments.related.tests.checks import require_proved
from verify.networks import DataSet, Network
from verify.networks.parameters import flatten, with_parameters

RADIUS = 0.05


@pytest.fixture(scope="module")
def trained() -> tuple[Network, DataSet]:
    return trained_on_digits(20, 256, 600)


def _jacobian(network: Network, data: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """e (n,) and J (n, p) of a two-layer tanh network, in float64."""
    W, v = network.chain[0].weight, network.chain[1].weight[0]
    d, m = data.X.shape[1], len(v)
    h = np.tanh(data.X @ W.T / np.sqrt(d))
    first = ((1 - h**2) * v)[:, :, None] * data.X[:, None, :] / np.sqrt(d * m)
    J = np.concatenate([first.reshape(data.n, -1), h / np.sqrt(m)], axis=1)
    return h @ v / np.sqrt(m) - data.y[:, 0], J


def test_the_bounds_hold_on_simulated_runs(trained: tuple[Network, DataSet]) -> None:
    network, data = trained
    found = averaged_sgd.demonstrate(network, data, radius=RADIUS)
    require_proved(found)
    q = {name: float(value.mid) for name, value in found.quantities.items()}
    assert q["step_ratio"] > 5
    _, J = _jacobian(network, data)
    assert data.n * np.sum(J**2, axis=1).max() <= q["beta_bar"] * (1 + 1e-9)
    assert np.linalg.svd(J, compute_uv=False)[-1] >= q["sigma"]
    # ‖e‖² is within the constants of the squared distance; its mean over runs may not fall more slowly than certified.
    rng, ratios, farthest = np.random.default_rng(0), [], 0.0
    start = flatten(network)
    for _ in range(4):
        theta, now = start, network
        first = np.linalg.norm(_jacobian(network, data)[0])
        for _ in range(200):
            e, J = _jacobian(now, data)
            i = int(rng.integers(data.n))
            theta = theta - q["step"] * data.n * e[i] * J[i]
            now = with_parameters(network, theta)
            farthest = max(farthest, float(np.linalg.norm(theta - start)))
        ratios.append((np.linalg.norm(_jacobian(now, data)[0]) / first) ** 2)
    bound = q["contraction"] ** 200 * (q["jacobian_norm"] / q["sigma"]) ** 2
    assert np.mean(ratios) <= bound
    assert farthest < RADIUS / 2


def test_a_step_beyond_twice_the_mean_curvature_and_a_large_ball_are_not_proved(
    trained: tuple[Network, DataSet],
) -> None:
    twice = averaged_sgd.demonstrate(*trained, radius=RADIUS, fraction=Fraction(5, 2))
    assert twice.verdict == "INCONCLUSIVE"
    assert "2/β̄" in twice.reason
    near_two = averaged_sgd.demonstrate(*trained, radius=RADIUS, fraction=Fraction(199, 100))
    assert near_two.verdict == "INCONCLUSIVE"
    assert "the distance contracts" in near_two.reason
    huge = averaged_sgd.demonstrate(*trained, radius=8.0)
    assert huge.verdict == "INCONCLUSIVE"


def test_an_untrained_network_is_not_proved() -> None:
    found = averaged_sgd.run(20, 64, 0)
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason
