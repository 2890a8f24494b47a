"""Eigenvalues of a stack are those of its matrices one by one, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from verify.arrays import Ball, guesses, smallest_eigenvalue
from verify.arrays.stacks import SMALL, smallest_eigenvalues


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


def _agree(matrices: list[Ball], n: int) -> bool:
    many, single = smallest_eigenvalues(iter(matrices), n), [smallest_eigenvalue(m) for m in matrices]
    return all((p.mid, p.rad) == (q.mid, q.rad) for p, q in zip(many, single, strict=True))


@pytest.mark.parametrize("n", [1, 2, 7, 20, SMALL, SMALL + 1])
@pytest.mark.parametrize(
    "kind", ["positive", "singular", "indefinite", "scaled", "equal", "points", "tiny radii", "huge"]
)
def test_a_stack_gives_the_same_doubles(kind: str, n: int) -> None:
    matrices = _matrices(kind, n)
    assert _agree(matrices, n)
    assert _agree(matrices[:1], n)
    assert _agree([], n)


@pytest.mark.parametrize("factor", [0.5, 1.001, 1.5, np.nan])
def test_a_poor_guess_changes_nothing(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Where the first shift has no factor, as above λ_min, the matrix is left to the others."""
    good = guesses.smallest_eigenpair
    monkeypatch.setattr(guesses, "smallest_eigenpair", lambda a: good(a)._replace(value=good(a).value * factor))
    assert _agree(_matrices("positive", 7), 7)
    nothing = guesses.Ritz(float("nan"), np.zeros(7), 0.0)
    monkeypatch.setattr(guesses, "smallest_eigenpair", lambda _: nothing)
    assert _agree(_matrices("positive", 7), 7)
