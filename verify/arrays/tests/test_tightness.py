"""A limit on the radius of every operation, so that a valid but useless enclosure fails too."""

from __future__ import annotations

import numpy as np
import pytest

import verify.arrays as va
from verify.arrays import Ball
from verify.arrays.functions import at_points
from verify.arrays.tests.campaign import function
from verify.arrays.tests.reference import FUNCTIONS, arb, exact, precision

U = 2.0**-53

# Largest radius at points, in units of u·max(|value|, scale of the summands): measured, rounded up.
POINT_LIMITS = {
    "exp": 6,
    "expm1": 12,
    "log": 8,
    "log1p": 11,
    "sqrt": 2,
    "tanh": 13,
    "sigmoid": 12,
    "softplus": 30,
    "sin": 8,
    "cos": 8,
}
POINT_LIMITS |= {"erf": 60, "gelu": 200, "gelu_tanh": 60, "silu": 14}


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_points(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-3.0, 8.0, 4000)
    if name in ("log", "sqrt", "log1p"):
        x = np.abs(x) + 0.01
    ball = function(name, 0)(x)
    scale = (
        np.abs(ball.mid)
        if name in ("exp", "log", "sqrt", "expm1", "log1p", "tanh", "sigmoid", "softplus")
        else np.maximum(np.abs(ball.mid), 0.5)
    )
    assert (ball.rad <= POINT_LIMITS[name] * U * scale + 4e-323).all()


@pytest.mark.parametrize("name", list(FUNCTIONS))
@pytest.mark.parametrize("k", [1, 2, 3])
def test_derivatives_at_points(name: str, k: int) -> None:
    x = np.random.default_rng(1).uniform(-6.0, 6.0, 2000)
    if name in ("log", "sqrt", "log1p"):
        x = np.abs(x) + 0.5
    ball = function(name, k)(x)
    assert (ball.rad <= 600 * U * np.maximum(np.abs(ball.mid), 1.0)).all()


@pytest.mark.parametrize("name", list(FUNCTIONS))
@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("radius", [1e-9, 1e-3, 0.3, 2.0])
def test_ranges_are_no_wider_than_the_true_range(name: str, k: int, radius: float) -> None:
    """Against a dense sample of the true range (an inner bound): at most 1 % plus rounding wider."""
    rng = np.random.default_rng(2)
    mids = rng.uniform(-4.0, 4.0, 12)
    if name in ("log", "sqrt", "log1p"):
        mids = np.abs(mids) + radius + 0.1
    ball = function(name, k)(Ball(mids, radius))
    with precision(100):
        for i, m in enumerate(mids.tolist()):
            values = [float(FUNCTIONS[name](exact(m + radius * t), k).mid()) for t in np.linspace(-1, 1, 161)]
            true = max(values) - min(values)
            assert float(ball.upper()[i] - ball.lower()[i]) <= 1.01 * true + 4e-12 * max(1.0, abs(values[0]))


def test_global_ranges() -> None:
    """Infinite radius: suprema of the derivatives, against known closed forms."""
    everything = Ball(0.0, np.inf)
    known = {
        ("tanh", 0): 1.0,
        ("tanh", 1): 1.0,
        ("tanh", 2): 4 / (3 * 3**0.5),
        ("tanh", 3): 2.0,
        ("sigmoid", 0): 1.0,
        ("sigmoid", 1): 0.25,
        ("sigmoid", 2): 1 / (6 * 3**0.5),
        ("sigmoid", 3): 0.125,
        ("softplus", 1): 1.0,
        ("softplus", 2): 0.25,
        ("gelu", 1): 1.128904145,
        ("gelu", 2): 2 / (2 * np.pi) ** 0.5,
        ("gelu_tanh", 1): 1.1289,
        ("silu", 1): 1.0998393194,
        ("silu", 2): 0.5,
        ("erf", 1): 2 / np.pi**0.5,
        ("sin", 0): 1.0,
        ("cos", 3): 1.0,
    }
    for (name, k), sup in known.items():
        top = float(function(name, k)(everything).magnitude())
        assert top >= sup * (1 - 1e-4 if name == "gelu_tanh" else 1 - 1e-9)
        assert top <= sup * (1 + 1e-4 if name == "gelu_tanh" else 1 + 1e-9)
    for name in ("exp", "softplus", "gelu", "silu"):
        assert np.isinf(function(name, 0)(everything).rad)
    assert float(va.tanh(everything, 2).lower()) > -0.7699


def test_arithmetic_at_points_and_balls() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal(1000), rng.standard_normal(1000) + 3.0
    for out in (Ball(a) + b, Ball(a) - b, Ball(a) * b, Ball(a) / b):
        assert (out.rad <= 1.01 * U * np.abs(out.mid) + 1e-323).all()
    r = 1e-5
    x, y = Ball(a, r), Ball(b, r)
    assert ((x + y).rad <= 2.0001 * r).all()
    assert ((x * y).rad <= 1.0001 * (np.abs(a) * r + np.abs(b) * r + r * r)).all()
    assert ((x / y).rad <= 1.001 * (r + np.abs(a / b) * r) / np.abs(b)).all()
    assert ((x**2).rad <= 1.001 * (2 * np.abs(a) * r + r * r)).all()
    assert Ball(a).sum().rad <= 1000 * U * np.abs(a).sum()
    assert Ball(a).norm().rad <= 600 * U * np.linalg.norm(a)


@pytest.mark.parametrize("beta", [0.5, 2.0, 10.0, "0.1"])
def test_softplus_beta(beta: float | str) -> None:
    b = float(Ball(beta).mid)
    x = np.linspace(-3, 3, 50)
    for k, want in enumerate((np.log1p(np.exp(b * x)) / b, 1 / (1 + np.exp(-b * x)))):
        ball = va.softplus(Ball(x, 1e-12), k, beta=beta)
        assert (np.abs(ball.mid - want) <= 1e-11).all()
        assert (ball.rad <= 1e-11).all()


def test_softplus_beta_is_enclosed() -> None:
    with precision(300):
        beta, x = arb(1) / 10, arb(3)
        truth = ((beta * x).exp() + 1).log() / beta
        ball = va.softplus(3.0, beta="0.1")
        assert abs(truth - arb(float(ball.mid))) <= arb(float(ball.rad))


def test_constants_are_the_claimed_ones() -> None:
    """The reduction constants' remainders, and the constants of erf and GELU, against Arb."""
    from verify.arrays.functions import on_thin_balls

    with precision(400):
        assert abs(arb(2).log() - arb(at_points.LN2_HI) - arb(at_points.LN2_LO)) < arb(2) ** -86
        rest = arb.pi() / 2 - arb(at_points.PIO2_1) - arb(at_points.PIO2_2) - arb(at_points.PIO2_3)
        assert abs(rest) < arb(2) ** -118
        for value, bits in ((at_points.LN2_HI, 33), (at_points.PIO2_1, 33), (at_points.PIO2_2, 33)):
            assert (int(value.hex().split("p")[0].replace("0x1.", "1"), 16) & ((1 << (53 - bits)) - 1)) == 0
        for ball, truth in (
            (on_thin_balls._INV_SQRT_2PI, 1 / (2 * arb.pi()).sqrt()),
            (on_thin_balls._TWO_INV_SQRT_PI, 2 / arb.pi().sqrt()),
            (on_thin_balls._SQRT_2_OVER_PI, (2 / arb.pi()).sqrt()),
            (on_thin_balls._INV_SQRT_2, 1 / arb(2).sqrt()),
            (on_thin_balls._INV_SQRT_PI, 1 / arb.pi().sqrt()),
        ):
            assert abs(truth - arb(float(ball.mid))) <= arb(float(ball.rad))
            assert float(ball.rad) <= 2.1 * U * float(ball.mid)
    with precision(3000):
        assert abs(arb(at_points._half_pi_bits()) - arb.pi() / 2 * arb(2) ** at_points._PI_BITS) < 2
