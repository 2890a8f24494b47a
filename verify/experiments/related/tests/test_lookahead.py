"""Lookahead beside naive iteration, the games beside naive play, and what must not be proved."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from verify.experiments.related import lookahead
from verify.experiments.related.regions import STEP, trained_on_digits
from verify.experiments.related.tests.checks import require_proved
from verify.networks import DataSet, Network
from verify.networks.parameters import flatten
from verify.regions.descent.float64 import Descent


@pytest.fixture(scope="module")
def trained() -> tuple[Network, DataSet]:
    return trained_on_digits(20, 256, 300)


@pytest.mark.parametrize(("outer", "inner"), [(Fraction(1, 2), 5), (Fraction(1, 5), 3), (Fraction(1), 2)])
def test_naive_lookahead_stays_and_falls_as_certified(
    trained: tuple[Network, DataSet], outer: Fraction, inner: int
) -> None:
    network, data = trained
    found = lookahead.demonstrate(network, data, outer_step=outer, inner=inner, radius=0.03)
    assert found.verdict == "PROVED", found.reason
    q = {name: float(value.mid) for name, value in found.quantities.items()}
    assert q["descent_rate"] < 1
    descent = Descent(network, data, Fraction(1), STEP)
    z = start = flatten(network)
    norm = descent.step(z)[1]
    for _ in range(12):
        t = z
        for _ in range(inner):
            t = descent.step(t)[0]
        z = (1 - float(outer)) * z + float(outer) * t
        before, norm = norm, descent.step(z)[1]
        assert norm <= q["rate"] * before * (1 + 1e-9)
        assert np.linalg.norm(z - start) <= q["needed_radius"]


def test_what_does_not_fit_or_is_no_interpolation_is_not_proved(trained: tuple[Network, DataSet]) -> None:
    network, data = trained
    small = lookahead.demonstrate(network, data, outer_step=Fraction(1, 2), inner=5, radius=1e-4)
    assert small.verdict == "INCONCLUSIVE"
    beyond = lookahead.demonstrate(network, data, outer_step=Fraction(3, 2), inner=5, radius=0.03)
    assert "λ ≤ 1" in beyond.reason


@pytest.mark.parametrize("alpha", [Fraction(0), Fraction(-3, 20), Fraction(-1, 30)])
def test_games_are_as_naive_play_finds_them(alpha: Fraction) -> None:
    gamma, lam = Fraction(4, 7), Fraction(1, 16)
    steps, q = lookahead.game(alpha, gamma, lam)
    assert all(step.certain for step in steps)
    field = np.array([[float(alpha), 1.0], [-1.0, float(alpha)]])
    T = np.eye(2) - float(gamma) * field
    S = (1 - float(lam)) * np.eye(2) + float(lam) * T @ T
    z = np.array([0.3, -0.7])
    assert np.linalg.norm(T @ z) / np.linalg.norm(z) == pytest.approx(float(q["descent_ascent"].mid), rel=1e-12)
    assert np.linalg.norm(S @ z) / np.linalg.norm(z) == pytest.approx(float(q["lookahead"].mid), rel=1e-12)


@pytest.mark.parametrize(
    ("alpha", "lam"),
    [(Fraction(-3, 20), Fraction(1, 4)), (Fraction(-1, 2), Fraction(1, 16)), (Fraction(0), Fraction(1, 2))],
)
def test_a_large_interpolation_and_a_game_beyond_the_range_are_not_proved(alpha: Fraction, lam: Fraction) -> None:
    assert not all(step.certain for step in lookahead.game(alpha, Fraction(4, 7), lam)[0])


def test_the_stated_figure_is_reached() -> None:
    found = lookahead.run()
    require_proved(found)
    assert found.quantities["rate"].upper() <= 0.96309
