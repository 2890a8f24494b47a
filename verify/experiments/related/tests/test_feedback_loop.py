"""The feedback loop beside naive simulation, and what must not be proved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from verify.experiments.related import feedback_loop
from verify.experiments.related.feedback_loop import Loop
from verify.experiments.related.tests.checks import require_proved


def _simulate(loop: Loop, x: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        x = loop.A @ x + loop.b * (loop.v @ np.tanh(loop.w * (loop.c @ x)))
    return x


@pytest.mark.parametrize(("neurons", "seed", "flipped"), [(8, 0, False), (8, 0, True), (12, 5, False)])
def test_starts_in_the_box_converge_and_hardly_larger_ones_do_not(neurons: int, seed: int, flipped: bool) -> None:
    loop = feedback_loop.example(neurons, seed)
    if flipped:
        loop = replace(loop, w=-loop.w, v=-loop.v)  # the same loop: tanh is odd
    found = feedback_loop.demonstrate(loop, slack=0.01)
    require_proved(found)
    q = np.array([float(value.mid) for name, value in found.quantities.items() if name.startswith("q_")])
    rho = float(found.quantities["rho"].mid)
    rng = np.random.default_rng(1)
    for x0 in (q, -q, *(rng.uniform(-1, 1, 3) * q for _ in range(20))):
        assert (np.abs(_simulate(loop, x0, 200)) <= rho**200 * q * (1 + 1e-9)).all()
    assert np.abs(_simulate(loop, 1.02 * q, 5000)).max() > np.abs(q).max()


def test_the_stated_figures_are_reached() -> None:
    found = feedback_loop.run()
    require_proved(found)
    assert found.quantities["r"].lower() >= 0.7246
    assert found.quantities["sharpness"].upper() <= 1.01
    assert found.quantities["open_loop"].lower() > 1.1


def test_loops_that_are_not_positive_or_too_weakly_damped_are_not_proved() -> None:
    loop = feedback_loop.example()
    assert "positive" in feedback_loop.demonstrate(replace(loop, v=3 * loop.v)).reason
    assert "contracts" in feedback_loop.demonstrate(replace(loop, v=loop.v / 4)).reason
    assert "nonnegative" in feedback_loop.demonstrate(replace(loop, b=-loop.b, v=-loop.v)).reason
    # A mixed network: both ends of the sector are used, and the gain lies between them.
    mixed = replace(loop, v=np.r_[loop.v[:-1], 0.05])
    low, high, chord = mixed.sector(1.0)
    assert low.upper() < chord.lower() < chord.upper() < high.lower()
    gain = (mixed.v @ np.tanh(mixed.w * 0.5)) / 0.5
    assert float(low.lower()) <= gain <= float(high.upper())


def test_a_loop_that_is_stable_everywhere_has_no_equilibrium_to_find() -> None:
    loop = feedback_loop.example()
    calm = replace(loop, A=loop.A / 2, v=loop.v / 4)
    found = feedback_loop.demonstrate(calm)
    assert found.verdict == "PROVED", found.reason
    assert "sharpness" not in found.quantities
    assert found.quantities["r"].lower() > 900
