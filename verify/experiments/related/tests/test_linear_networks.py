"""The global rate of linear networks beside naive descent, and what must not be proved."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from verify.arrays import Ball
from verify.experiments.related import linear_networks
from verify.experiments.related.linear_networks import EnclosedDescent, Quadratic, global_rate, initial_factors
from verify.experiments.related.tests.checks import require_proved


def _instance(
    seed: int, m: int = 2, h: int = 9, n: int = 3, samples: int = 12
) -> tuple[Quadratic, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X, Y = (
        np.linalg.qr(rng.standard_normal((samples, n)))[0].T * np.sqrt(samples),
        rng.standard_normal((m, samples)) / 4,
    )
    return Quadratic(X, Y), *initial_factors(m, h, n, seed)


def _naive(loss: Quadratic, A: np.ndarray, B: np.ndarray, eta: float, count: int) -> tuple[list[float], list[float]]:
    """Gaps ℓ − ℓ* and drifts of the imbalance, in float64."""
    S, C = loss.X @ loss.X.T / loss.X.shape[1], loss.Y @ loss.X.T / loss.X.shape[1]
    best, start = C @ np.linalg.inv(S), A.T @ A - B @ B.T
    gaps, drifts = [], []
    for _ in range(count):
        E = A @ B - best
        gaps.append(float(np.sum(E * (E @ S))) / 2)
        drifts.append(float(np.linalg.norm(A.T @ A - B @ B.T - start, 2)))
        G = E @ S
        A, B = A - eta * G @ B.T, B - eta * A.T @ G
    return gaps, drifts


@pytest.mark.parametrize("seed", range(6))
def test_what_is_certified_holds_along_naive_descent(seed: int) -> None:
    loss, A, B = _instance(seed)
    found = next(
        f for f in (global_rate(loss, A, B, Fraction(1, 2**k)) for k in range(3, 14)) if all(s.certain for s in f.steps)
    )
    eta = found.steps[2].left / found.gap
    gaps, drifts = _naive(loss, A, B, float(eta.mid), 400)
    rate = float(found.rate.mid)
    assert 0.0 < rate < 1.0
    factors = [b / a for a, b in itertools.pairwise(gaps) if a > 1e-12 * gaps[0]]
    assert max(factors) <= rate + 1e-9
    assert max(drifts) <= float(found.drift.mid) * (1 + 1e-9)
    # The imbalance's own bounds: lower bounds of the eigenvalues, and no looser than rounding.
    values = np.linalg.eigvalsh(A.T @ A - B @ B.T)
    assert 0 <= values[-2] - float(found.plus.mid) < 1e-9
    assert 0 <= -values[2] - float(found.minus.mid) < 1e-9


def test_a_step_beyond_the_criterion_is_not_proved_and_the_reason_names_it() -> None:
    loss, A, B = _instance(0)
    steps = {s.source: s.certain for s in global_rate(loss, A, B, Fraction(3)).steps}
    assert not steps["c > 0"]
    # A saddle: both factors 0.
    zero = {s.source: s.certain for s in global_rate(loss, 0 * A, 0 * B, Fraction(1, 1000)).steps}
    assert not zero["d₊ + d₋ > 2ε"]
    # Fewer hidden units than outputs: no m-th eigenvalue, and none is made up.
    assert float(linear_networks._leading(np.eye(3)[:, :1], np.eye(3)[:1], 3).mid) == 0.0
    # Inputs without full rank: no strong convexity.
    flat = Quadratic(np.vstack([loss.X[:2], loss.X[:1]]), loss.Y)
    assert not global_rate(flat, A, B, Fraction(1, 100)).steps[0].certain


def test_enclosed_descents_hold_naive_ones_and_keep_their_local_guarantee() -> None:
    loss, A, B = _instance(1)
    descent = EnclosedDescent(loss, A, B, 400)
    fixed = descent.run(Fraction(1, 16), Fraction(1, 10**4), 300)
    gaps, _ = _naive(loss, A, B, 1 / 16, fixed.steps + 1)
    assert np.allclose(fixed.factors.mid, np.array(gaps[1:]) / np.array(gaps[:-1]), rtol=1e-6)
    assert bool(fixed.reached <= Fraction(1, 10**4))
    assert fixed.guaranteed.size == 0
    local = descent.run(None, Fraction(1, 10**4), 300)
    assert (local.factors.upper() <= local.guaranteed.mid).all()
    assert local.steps < fixed.steps
    # One step fewer does not reach the target.
    assert bool(local.reached / local.factors[-1] > Fraction(1, 10**4))
    # Too little precision is seen, not guessed over.
    blurred = EnclosedDescent(loss, A, B, 20).run(Fraction(1, 16), Fraction(1, 10**4), 300)
    assert not Ball(blurred.reached).upper() <= 1e-4


def test_the_digits_reach_the_stated_figures() -> None:
    found = linear_networks.run(to=Fraction(1, 100), bits=192)
    require_proved(found)
    assert found.quantities["rate"].upper() <= 0.95565
    assert found.quantities["drift"].upper() <= 0.1237
    assert found.quantities["minimum"].lower() > 0.235
    assert found.quantities["local_steps"].mid < found.quantities["fixed_steps"].mid
    assert "0.9556" in found.reason


def test_other_widths_prove_too_and_a_lost_race_is_inconclusive() -> None:
    wide = linear_networks.run(128, Fraction(5, 64), seed=1, to=Fraction(1, 4), bits=192)
    assert wide.verdict == "PROVED", wide.reason
    short = linear_networks.run(to=Fraction(1, 100), budget=3, bits=192)
    assert short.verdict == "INCONCLUSIVE"
    assert "reaches the target" in short.reason
