"""Attacks on claims containment_residual_long and containment_displacement_long: the worst residual of one step, and whole descents on
nonlinear maps with ηsλ_max between 1 and 2. Floats, with the formulas evaluated from proofs.constants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import sympy as sp

from proofs.constants import CONSTANTS
from proofs.tests.test_attacks_on_descent import Quadratic


@functools.cache
def _compiled(name: str) -> tuple[Callable[..., float], tuple[str, ...]]:
    symbols = sorted(CONSTANTS[name].symbols, key=str)
    return sp.lambdify(symbols, CONSTANTS[name].expression, "math"), tuple(map(str, symbols))


def number(name: str, values: Mapping[str, float]) -> float:
    """A constant's formula in floating point."""
    function, symbols = _compiled(name)
    return function(*(values[symbol] for symbol in symbols))


def _worst_payment(a: float, b: float, grid: int = 4001) -> float:
    """The least (1 − ‖(I − A)e‖)/(σ·ℓ) over unit residuals that live on the two ends of the spectrum, ηs = 1."""
    weight = np.linspace(0.0, 1.0, grid)
    m = (1 - weight) * a + weight * b
    q = np.sqrt((1 - weight) * (1 - a) ** 2 + weight * (1 - b) ** 2)
    return float(((1 - q) / np.sqrt(a * m)).min())


@pytest.mark.parametrize(("a", "b"), [(0.01, 1.2), (0.25, 1.5), (0.1, 1.8), (0.001, 1.99), (0.3, 1.0)])
def test_the_share_is_paid_and_attained(a: float, b: float) -> None:
    share = number("long_share", {"sigma_fraction": a, "step_fraction": b})
    worst = _worst_payment(a, b)
    assert share <= worst * (1 + 1e-12)
    assert worst < share * (1 + 1e-4), "γ could be larger"
    rng = np.random.default_rng(0)
    spectrum = rng.uniform(a, b, (2000, 5))
    e = rng.standard_normal((2000, 5))
    e /= np.linalg.norm(e, axis=1, keepdims=True)
    paid = 1 - np.linalg.norm((1 - spectrum) * e, axis=1)
    assert (paid >= share * np.sqrt(a * (spectrum * e**2).sum(axis=1)) * (1 - 1e-12)).all()


def test_rates_bound_the_worst_step_and_fall_back_where_the_tangent_does_not() -> None:
    rng, by_share = np.random.default_rng(1), 0
    for _ in range(300):
        b = rng.uniform(1.0, 1.99)
        a = rng.uniform(1e-4, 0.99 * (2 - b))
        sigma = np.sqrt(a)
        share = number("long_share", {"sigma_fraction": a, "step_fraction": b})
        delta = rng.uniform(0.0, share) * sigma
        values = {"eta": 1.0, "s": 1.0, "sigma": sigma, "share": share, "delta": delta, "step_fraction": b}
        rate = number("long_rate", values)
        m = np.linspace(a, b, 2001)
        worst = float((np.sqrt(np.maximum(1 - a * b - (2 - a - b) * m, 0.0)) + delta * np.sqrt(m)).max())
        assert worst <= rate * (1 + 1e-12)
        assert rate < 1.0
        by_share += rate > 1 - sigma * (sigma - delta) + 1e-12
    assert 0 < by_share < 300, "both forms of the rate should decide somewhere"


def _curved(seed: int, bend: float) -> Quadratic:
    rng = np.random.default_rng(seed)
    G, _ = np.linalg.qr(rng.standard_normal((7, 3)))
    H = rng.standard_normal((3, 7, 7))
    H = H + H.transpose(0, 2, 1)
    return Quadratic(np.zeros(3), np.diag([0.4, 1.0, 1.0]) @ G.T, H * (bend / np.sqrt((H**2).sum())), 1.0)


def _largest_start(b: float, bend: float, share: float) -> float:
    """The largest d0 of containment_displacement_long on B(0, R), R ≤ 0.15, for ‖J‖ = 1, σ(0) = 0.4, ηs = b and ‖D²F‖ ≤ bend."""
    best = 0.0
    for R in (0.1, 0.15):
        for d0 in np.linspace(0.0, R, 26):
            need = number(
                "displacement_residual",
                {"remainder": bend * d0**2 / 2, "e_c": 0.0, "step_fraction": b * (1 + bend * R) ** 2},
            )
            drift = {"eta": b, "s": 1.0, "L_H": bend, "jacobian_norm0": 1.0, "Delta_J": bend * R}
            delta = number("delta_residual", {**drift, "e0": need})
            if (
                share * (0.4 - bend * R) > delta
                and (share * 0.4 - delta) * (R - d0) - share * bend * (R**2 - d0**2) / 2 >= need
            ):
                best = max(best, d0)
    return best


@pytest.mark.parametrize("b", [1.2, 1.5])
def test_descents_from_the_certified_ball_stay_and_converge(b: float) -> None:
    bend = 0.3
    share = number("long_share", {"sigma_fraction": 0.16 * b, "step_fraction": b * (1 + 0.15 * bend) ** 2})
    d0 = _largest_start(b, bend, share)
    assert d0 > 0.02
    rng = np.random.default_rng(2)
    for seed in range(20):
        net = _curved(seed, bend)
        theta = rng.standard_normal(7)
        theta *= d0 / np.linalg.norm(theta)
        before = np.linalg.norm(net.F(theta))
        for _ in range(200):
            theta = theta - b * net.J(theta).T @ net.F(theta)
            after = np.linalg.norm(net.F(theta))
            assert np.linalg.norm(theta) <= 0.15
            assert after <= before * (1 + 1e-12) + 1e-14
            before = after
        assert before < 1e-6
