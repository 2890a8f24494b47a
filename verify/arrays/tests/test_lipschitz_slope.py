"""CELU and Softsign, whose second derivative jumps at 0: enclosures against Arb with zero tolerance, tightness, both sides of the jump, a mutant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import arb

from verify import arrays
from verify.arrays import Ball
from verify.arrays.rounding import U
from verify.arrays.tests.campaign import function
from verify.arrays.tests.reference import LIPSCHITZ, verdict
from verify.errors import InputError

Case = tuple[Callable[[Ball, int], Ball], Callable[[Any, int], Any]]


def _enclosure(name: str) -> Callable[[Ball, int], Ball]:
    return lambda x, k: function(name, k)(x)


CASES: dict[str, Case] = {name: (_enclosure(name), exact) for name, exact in LIPSCHITZ.items()}


def _points(rng: np.random.Generator) -> np.ndarray:
    """Points of all sizes, both signs, next to 0 and at the tails."""
    size = 10.0 ** rng.uniform(-320.0, 305.0, 60)
    special = [0.0, 5e-324, 2.0**-1022, 0.5, 1.0, 39.9, 708.4, 745.2, 800.0, 801.0, 2001.0, 1e100, 1.5e100, 1e308]
    values = np.concatenate([size, rng.uniform(0.0, 5.0, 60), special])
    return np.concatenate([values, -values])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_points_and_balls_hold_the_function(name: str, k: int) -> None:
    enclose, exact = CASES[name]
    rng = np.random.default_rng(7)
    mids = _points(rng)
    ball = enclose(Ball(mids), k)
    for i, t in enumerate(mids.tolist()):
        if t or k < 2:
            assert verdict(float(ball.mid[i]), float(ball.rad[i]), lambda t=t: exact(arb(t), k)), t  # type: ignore[misc]
    radii = np.abs(mids) * 10.0 ** rng.uniform(-17.0, 1.0, mids.size)
    wide = enclose(Ball(mids, radii), k)
    inside = [np.clip(mids + radii * s, mids - radii, mids + radii) for s in (-1.0, -0.4, 0.1, 1.0)]
    for i in range(mids.size):
        for t in (float(points[i]) for points in inside):
            if np.isfinite(t) and abs(t - mids[i]) <= radii[i] and (t or k < 2):
                held = verdict(float(wide.mid[i]), float(wide.rad[i]), lambda t=t: exact(arb(t), k))  # type: ignore[misc]
                assert held, (mids[i], radii[i], t)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_no_wider_than_the_range(name: str, k: int) -> None:
    enclose, exact = CASES[name]
    rng = np.random.default_rng(8)
    mids = rng.uniform(-4.0, 4.0, 300)
    ball = enclose(Ball(mids), k)
    assert (ball.rad <= 20 * U * np.maximum(np.abs(ball.mid), 0.25)).all()
    for mid, radius in zip(mids[:20].tolist(), (0.01, 0.5, 3.0, 0.2) * 5, strict=False):
        wide = enclose(Ball(mid, radius), k)
        values = [float(exact(arb(mid + radius * s), k).mid()) for s in np.linspace(-1.0, 1.0, 201).tolist()]
        # The sample misses what lies between its points: at most 1 % of the variation of σ'', 3 in size at most.
        assert float(wide.upper() - wide.lower()) <= (max(values) - min(values)) * 1.01 + 0.24 * radius


@pytest.mark.parametrize("name", CASES)
def test_a_ball_at_0_holds_both_sides_and_the_suprema_are_finite(name: str) -> None:
    enclose, exact = CASES[name]
    for ball in (Ball(0.0), Ball(1e-3, 1e-3), Ball(-1e-3, 1e-3), Ball(0.0, np.inf)):
        found = enclose(ball, 2)
        for side in (exact(arb("1e-300"), 2), exact(arb("-1e-300"), 2)):
            assert arb(float(found.mid), float(found.rad)).contains(side.mid())
    slope, bend = enclose(Ball(0.0, np.inf), 1), enclose(Ball(0.0, np.inf), 2)
    largest = float(abs(exact(arb("-1e-300"), 2)).mid())
    assert 1.0 <= float(slope.magnitude()) <= 1.0 + 1e-14
    assert largest <= float(bend.magnitude()) * (1 + 1e-15) <= largest * (1 + 1e-14)


def test_one_side_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant that takes σ'' of the right side at 0: the test above must fall."""
    sound = arrays.softsign
    mutant: Callable[[Ball, int], Ball] = lambda x, k: sound(x, k) if k < 2 else sound(Ball(abs(x.upper()) + 1e-9), k)  # noqa: E731
    monkeypatch.setitem(CASES, "softsign", (mutant, LIPSCHITZ["softsign"]))
    with pytest.raises(AssertionError):
        test_a_ball_at_0_holds_both_sides_and_the_suprema_are_finite("softsign")


def test_refusals() -> None:
    with pytest.raises(InputError, match="alpha"):
        arrays.celu(Ball(0.0), 0, alpha=0.0)
    for refused in (arrays.celu, arrays.softsign):
        with pytest.raises(InputError, match=r"expected 0\.\.2"):
            refused(Ball(0.0), 3)
