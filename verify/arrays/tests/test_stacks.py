"""Eigenvalues of a stack: enclosed, decided exactly, and those of its matrices one by one, bit for bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from verify.arrays import Ball, guesses, smallest_eigenvalue, stack, stacks
from verify.arrays.stacks import SMALL, smallest_eigenvalues
from verify.arrays.tests.reference import negative_pivots, smallest_eigenvalue_enclosed


def _symmetric(a: np.ndarray) -> np.ndarray:
    return np.asarray(np.tril(a) + np.tril(a, -1).T)


def _matrices(kind: str, n: int) -> list[Ball]:
    rng, found = np.random.default_rng([n, len(kind)]), []
    for _ in range(5):
        a = rng.standard_normal((n, n - 1 if kind == "singular" else n + 2))
        m = _symmetric(a @ a.T) * (10.0 ** rng.integers(-30, 30) if kind == "scaled" else 1.0)
        if kind == "indefinite":
            m -= 5.0 * np.eye(n)
        if kind == "equal":
            m = np.eye(n)
        radius = _symmetric(np.abs(m) * 1e-14 * rng.random((n, n)))
        if kind == "tiny radii":
            radius *= 2.0**-1000
        if kind == "huge":
            m, radius = m * 2.0**600, radius * 2.0**600
        found.append(Ball(m) if kind == "points" else Ball(m, radius))
    return found


@pytest.fixture
def same_products() -> None:
    a = np.random.default_rng(0).standard_normal((3, 20, 20))
    if not np.array_equal(a @ a, [m @ m for m in a]):
        pytest.skip("this BLAS rounds the products of a stack in another order: no double is promised")


def _agree(matrices: list[Ball], n: int) -> bool:
    many, single = smallest_eigenvalues(iter(matrices), n), [smallest_eigenvalue(m) for m in matrices]
    whole = smallest_eigenvalues(stack(matrices), n) if matrices else []
    assert [(p.mid, p.rad) for p in whole] == [(p.mid, p.rad) for p in single]
    return all((p.mid, p.rad) == (q.mid, q.rad) for p, q in zip(many, single, strict=True))


@pytest.mark.usefixtures("same_products")
@pytest.mark.parametrize("n", [1, 2, 7, 20, SMALL, SMALL + 1])
@pytest.mark.parametrize(
    "kind", ["positive", "singular", "indefinite", "scaled", "equal", "points", "tiny radii", "huge"]
)
def test_a_stack_gives_the_same_doubles(kind: str, n: int) -> None:
    matrices = _matrices(kind, n)
    assert _agree(matrices, n)
    assert _agree(matrices[:1], n)
    assert _agree([], n)


@pytest.mark.usefixtures("same_products")
@pytest.mark.parametrize("factor", [0.5, 1.001, 1.5, np.nan])
def test_a_poor_guess_changes_nothing(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Where the first shift has no factor, as above λ_min, the matrix is left to the others."""
    good = guesses.smallest_eigenpair
    monkeypatch.setattr(guesses, "smallest_eigenpair", lambda a: good(a)._replace(value=good(a).value * factor))
    assert _agree(_matrices("positive", 7), 7)
    nothing = guesses.Ritz(float("nan"), np.zeros(7), 0.0)
    monkeypatch.setattr(guesses, "smallest_eigenpair", lambda _: nothing)
    assert _agree(_matrices("positive", 7), 7)


@pytest.mark.parametrize("kind", ["positive", "singular", "indefinite", "scaled", "equal", "tiny radii"])
def test_every_member_s_eigenvalue_is_enclosed(kind: str) -> None:
    matrices = [Ball(np.round(m.mid, 3), m.rad) if kind != "scaled" else m for m in _matrices(kind, 6)]
    signs = _symmetric(np.random.default_rng(1).choice([-1.0, 1.0], (6, 6)))
    for ball, found in zip(matrices, smallest_eigenvalues(matrices, 6), strict=True):
        entries = zip(ball.mid.tolist(), ball.rad.tolist(), signs.tolist(), strict=True)
        corner = [[Fraction(m) + int(s) * Fraction(r) for m, r, s in zip(*row, strict=True)] for row in entries]
        assert smallest_eigenvalue_enclosed(corner, found)


@pytest.mark.parametrize("off", [1.01, 0.5, 0.0, 1.5, 1.0 + 1e-9])
def test_wrong_factors_never_give_a_false_bound(monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    g = np.random.default_rng(2).integers(-9, 10, (12, 4, 5)).astype(float)
    a, factorise = g @ g.swapaxes(1, 2), guesses.cholesky

    def wrong(m: np.ndarray, _: float) -> np.ndarray:
        factor = factorise(m + np.eye(4), 0.0)
        assert factor is not None
        return np.asfortranarray(off * factor)

    monkeypatch.setattr(guesses, "cholesky", wrong)
    for shift in (0.0, 0.5, 10.0, 100.0):
        bounds = stacks._factored_lowers(a, np.full(12, shift))
        for matrix, bound in zip(a, bounds, strict=True):
            assert bound is not None
            assert negative_pivots(matrix.tolist(), Fraction(bound)) == 0
