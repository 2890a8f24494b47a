"""Eigenvalue and norm certificates: containment decided over the rationals, wrong guesses, error terms,
tightness.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verify.arrays as va
from verify.arrays import Ball, guesses, spectra
from verify.arrays.tests.mutation import mutant
from verify.arrays.tests.reference import negative_pivots, positive_definite, smallest_eigenvalue_enclosed
from verify.errors import InputError, NotCertainError, ShapeError

U = 2.0**-53


def _wishart(n: int, seed: int = 0) -> np.ndarray:
    g = np.random.default_rng(seed).standard_normal((n, 2 * n))
    a = g @ g.T / n
    return np.tril(a) + np.tril(a, -1).T


@pytest.mark.parametrize("n", [2, 10, 60, 310, 500])
def test_width_on_well_scaled_matrices(n: int) -> None:
    a = _wishart(n)
    limit = 10 * n * U * np.trace(a)
    for ball, index in ((va.smallest_eigenvalue(a), 0), (va.largest_eigenvalue(a), -1)):
        assert ball.upper() - ball.lower() <= limit
        assert abs(float(ball.mid) - np.linalg.eigvalsh(a)[index]) < limit


def test_width_of_norms() -> None:
    rng = np.random.default_rng(1)
    for shape in ((400, 10), (10, 400), (120, 100)):
        a = rng.standard_normal(shape)
        ball = va.spectral_norm(a)
        assert ball.rad < 1e-11 * ball.mid
        assert abs(float(ball.mid) - np.linalg.norm(a, 2)) < 1e-10
        assert va.smallest_singular_value(a).rad < 1e-8
        wide = va.spectral_norm(Ball(a, 1e-6))
        assert wide.rad <= 1.01e-6 * np.sqrt(a.size)
        assert wide.contains(float(ball.mid))


def test_exact_small_cases() -> None:
    assert va.smallest_eigenvalue([[5.0]]).contains(5)
    assert va.smallest_eigenvalue(np.zeros((3, 3))).contains(0)
    assert va.smallest_eigenvalue(np.eye(400)).contains(1)
    assert va.largest_eigenvalue(-np.eye(3)).contains(-1)
    assert va.smallest_eigenvalue([[0.0, 1.0], [1.0, 0.0]]).contains(-1)
    assert va.spectral_norm(np.zeros((2, 5))).contains(0)
    assert va.smallest_singular_value([[3.0, 0.0], [0.0, 0.0]]).contains(0)
    assert np.isinf(va.smallest_eigenvalue(Ball(np.eye(2), [[np.inf, 0.0], [0.0, 1.0]])).rad)
    with pytest.raises(ShapeError):
        va.smallest_eigenvalue(np.zeros((0, 0)))
    with pytest.raises(ShapeError):
        va.spectral_norm([1.0])


def test_positive_definite() -> None:
    assert va.is_positive_definite(_wishart(5)) is True
    assert va.is_positive_definite(-np.eye(3)) is False
    with pytest.raises(NotCertainError):
        va.is_positive_definite(Ball(np.eye(2) * 1e-3, 1e-2))


def test_a_ball_that_is_not_mirrored_encloses_its_symmetric_matrices() -> None:
    mid = np.array([[2.0, 1.0 + 1e-9], [1.0, 3.0]])
    rad = np.array([[0.0, 2e-9], [1e-9, 0.0]])
    ball = va.smallest_eigenvalue(Ball(mid, rad))
    for v in (Fraction(1.0), Fraction(1.0) + Fraction(1, 2 * 10**9)):
        assert smallest_eigenvalue_enclosed([[Fraction(2), v], [v, Fraction(3)]], ball)
    with pytest.raises(InputError):
        va.smallest_eigenvalue(mid)


@pytest.mark.parametrize("n", [3, 40, 350])
def test_wrong_guesses_widen_but_never_lie(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.round(_wishart(n) * 64) + 64 * np.eye(n)
    truth = va.smallest_eigenvalue(a)
    rng = np.random.default_rng(n)
    for theta in (float(truth.mid) * 1.001, float(truth.mid) + 1e3, -1e9, float("nan"), 0.0):
        monkeypatch.setattr(
            guesses, "smallest_eigenpair", lambda m, t=theta: guesses.Ritz(t, rng.standard_normal(n), 0.0)
        )
        ball = va.smallest_eigenvalue(a)
        assert ball.lower() <= truth.upper()
        assert ball.upper() >= truth.lower()


def test_wrong_factors_never_give_a_false_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the factorisation returns, s − ‖A − sI − LLᵀ‖ stays below λ_min, decided exactly."""
    rng = np.random.default_rng(2)
    factorise = guesses.cholesky
    for _ in range(60):
        n = int(rng.integers(2, 6))
        g = rng.integers(-9, 10, (n, n + 1)).astype(float)
        a = g @ g.T
        right = factorise(a + np.eye(n), 0.0)
        assert right is not None
        noise = np.tril(rng.standard_normal((n, n)))
        wrong = (right * 1.01, right * 0.5, noise, right + 1e-9, np.zeros((n, n)), 1.5 * right)
        for factor in wrong:
            monkeypatch.setattr(guesses, "cholesky", lambda m, s, f=factor: np.array(f))
            for s in (0.0, 0.5, float(a[0, 0]), 100.0):
                bound = spectra._factored_lower(a, s)
                assert bound is not None
                assert negative_pivots(a.tolist(), Fraction(bound)) == 0


@pytest.mark.parametrize("block", [1, 2, 3, 4])
def test_the_residual_is_the_same_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a factor holds above the blocks of its lower triangle does not matter."""
    rng = np.random.default_rng(3)
    a = np.round(_wishart(7) * 8)
    factor = np.tril(rng.integers(-5, 6, (7, 7))).astype(float)
    shifted = np.diagonal(a) - 1.0
    exact = float(np.linalg.norm(a - np.eye(7) - factor @ factor.T))
    monkeypatch.setattr(spectra, "_BLOCK", block)
    other = factor + np.triu(np.full((7, 7), 1e9), block)
    other[:block, :block] = factor[:block, :block]
    for f in (factor, np.asfortranarray(factor), other if block == 1 else factor):
        assert exact * (1 - 1e-14) <= spectra._residual_frobenius(a, shifted, f) <= exact * (1 + 1e-13)


def test_a_block_above_the_diagonal_counts(tmp_path: Path) -> None:
    a = np.array([[2.0, 1.0], [1.0, 2.0]])  # with L = I: E is 0 on the diagonal, 1 beside it
    with mutant(tmp_path, "spectra.py", "* (1 if i == j else 2)", "") as load:
        module = load("spectra")
        module._BLOCK = 1
        assert module._residual_frobenius(a, np.ones(2), np.eye(2)) < 1.2 < np.sqrt(2)


SPECTRA: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "separated": lambda n, rng: np.r_[0.1, np.linspace(0.3, 4, n - 1)],
    "edge of Marchenko and Pastur": lambda n, rng: np.linalg.svd(rng.standard_normal((n, n)))[1] ** 2 / n + 0.1,
    "doubled": lambda n, rng: np.repeat(np.linalg.svd(rng.standard_normal((n // 2, n // 2)))[1] ** 2 / n + 0.05, 2),
    "clustered within 1e-9": lambda n, rng: np.r_[0.1 * (1 + 1e-9 * rng.random(40)), np.linspace(0.3, 4, n - 40)],
    "all within 1e-9": lambda n, rng: 1 + 1e-9 * rng.random(n),
    "one negative": lambda n, rng: np.r_[-1e-3, np.linspace(0.3, 4, n - 1)],
    "decaying to 1e-10": lambda n, rng: 10.0 ** np.linspace(-10, 0, n),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_clustered_spectra_need_no_eigensolver_and_few_factors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """λ_min cost 2 to 12 times eigvalsh on doubled spectra: Lanczos did not converge, a dense eigensolver followed."""
    n, rng = 600, np.random.default_rng(11)
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    a = (q * SPECTRA[name](n, rng)) @ q.T
    a = np.tril(a) + np.tril(a, -1).T
    truth = float(np.linalg.eigvalsh(a)[0])
    factors: list[float] = []
    original = guesses.cholesky
    monkeypatch.setattr(guesses, "cholesky", lambda m, s: factors.append(s) or original(m, s))  # type: ignore[func-returns-value]
    monkeypatch.setattr("scipy.linalg.eigh", lambda *args, **options: pytest.fail("dense eigensolver"))
    ball = va.smallest_eigenvalue(a)
    rounding = 10 * n * U * np.trace(np.abs(a))
    assert ball.lower() <= truth + rounding
    assert ball.upper() >= truth - rounding
    assert len(factors) <= 4
    assert ball.upper() - ball.lower() <= 4 * guesses.COARSE * abs(truth) + rounding


def _is_false(a: np.ndarray, low: np.ndarray, bound: float) -> bool:
    """Whether bound exceeds the exact Rayleigh quotient of a at the worst vector w with lowᵀw ≈ 0 (a =
    fl(low·lowᵀ)).
    """
    parts = [[Fraction(t) for t in row[:5]] for row in low.tolist()]
    rounding = [
        [
            float(Fraction(c) - sum((x * y for x, y in zip(p, q, strict=True)), Fraction(0)))
            for c, q in zip(row, parts, strict=True)
        ]
        for row, p in zip(a.tolist(), parts, strict=True)
    ]
    kernel = np.linalg.svd(low.T)[2][5:].T
    w = kernel @ np.linalg.eigh(kernel.T @ np.array(rounding) @ kernel)[1][:, 0]
    v = [Fraction(t) for t in w.tolist()]
    rows = [[Fraction(t) for t in row] for row in a.tolist()]
    value = sum(
        (x * sum((c * y for c, y in zip(row, v, strict=True)), Fraction(0)) for x, row in zip(v, rows, strict=True)),
        Fraction(0),
    )
    return Fraction(bound) * sum((x * x for x in v), Fraction(0)) > value


def _false_bounds(module: Any, guess_module: Any) -> int:
    """False bounds when the residual is rounding of the product only (a = fl(LLᵀ), rank 5 of 60), and when
    the factor is another matrix's.
    """
    rng = np.random.default_rng(5)
    original = guess_module.cholesky
    false = 0
    try:
        for _ in range(6):
            n = 60
            low = np.zeros((n, n))
            low[:, :5] = np.tril(rng.uniform(1, 2, (n, n)))[:, :5]
            a = low @ low.T
            guess_module.cholesky = lambda m, s, f=low: np.array(f)
            bound = module._factored_lower(a, 0.0)
            false += bound is not None and _is_false(a, low, bound)
        guess_module.cholesky = lambda m, s: original(m, s - 1.0)
        bound = module._factored_lower(np.eye(3), 1.5)
        false += bound is not None and bound > 1
    finally:
        guess_module.cholesky = original
    return false


SPECTRAL_MUTANTS = [
    ("gamma(n) * growth * growth", "0.0 * growth * growth"),
    ("frobenius * (1.0 + 4.0 * U)", "0.0 * frobenius"),
]


def test_error_terms_are_sufficient() -> None:
    assert _false_bounds(spectra, guesses) == 0


@pytest.mark.parametrize(("old", "new"), SPECTRAL_MUTANTS)
def test_missing_error_term_is_caught(tmp_path: Path, old: str, new: str) -> None:
    with mutant(tmp_path, "spectra.py", old, new) as load:
        assert _false_bounds(load("spectra"), load("guesses")) > 0


def _shift_error_is_sufficient(module: Any) -> bool:
    rng = np.random.default_rng(6)
    d, s = rng.standard_normal(400) * 10.0 ** rng.uniform(-3, 3, 400), 0.3
    shifted = d - s
    worst = max(abs(Fraction(a) - Fraction(s) - Fraction(b)) for a, b in zip(d.tolist(), shifted.tolist(), strict=True))
    return bool(Fraction(float(module._shift_error(shifted))) >= worst > 0)


def test_radius_of_the_shift_is_sufficient_and_its_absence_is_caught(tmp_path: Path) -> None:
    assert _shift_error_is_sufficient(spectra)
    with mutant(tmp_path, "spectra.py", "return U * float(np.abs(shifted).max())", "return 0.0") as load:
        assert not _shift_error_is_sufficient(load("spectra"))
    with mutant(
        tmp_path,
        "spectra.py",
        "return U * float(np.abs(shifted).max())",
        "return U * float(np.abs(shifted).min())",
    ) as load:
        assert not _shift_error_is_sufficient(load("spectra"))
    # and the bound does use it:
    calls = []
    original = spectra._shift_error
    try:
        spectra._shift_error = lambda v: calls.append(1) or original(v) + 1.0  # type: ignore[assignment, func-returns-value]
        bound = spectra._factored_lower(np.eye(3) * 2, 1.0)
    finally:
        spectra._shift_error = original
    assert calls
    assert bound is not None
    assert bound < 0.1


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170, 1e-305, 5e-324, 1e305])
def test_nonnegative_norm(scale: float) -> None:
    rng = np.random.default_rng(3)
    for shape in ((1, 1), (3, 5), (6, 2), (4, 4)):
        m: np.ndarray = np.abs(rng.standard_normal(shape)) * rng.integers(0, 2, shape)
        with np.errstate(all="ignore"):
            m = m * scale
        bound = va.nonnegative_norm_upper(m)
        square = [
            [sum((Fraction(x) * Fraction(y) for x, y in zip(r, s, strict=True)), Fraction(0)) for s in m.tolist()]
            for r in m.tolist()
        ]
        negative = [[-v for v in row] for row in square]
        assert negative_pivots(negative, -(Fraction(bound) ** 2)) == 0
        tight = Fraction(bound) * Fraction(9, 10)
        if scale > 1e-300 and m.any():
            assert negative_pivots(negative, -(tight**2)) != 0


def test_nonnegative_norm_mutant(tmp_path: Path) -> None:
    m = np.array([[1.0, 0.0, 0.0], [0.0, 5.0, 2.0]])
    assert va.nonnegative_norm_upper(m) ** 2 >= 29
    with mutant(tmp_path, "spectra.py", "/ x).max())", "/ x).min())") as load:
        assert load("spectra").nonnegative_norm_upper(m) ** 2 < 29


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170, 1e-305, 5e-324, 1e305])
@pytest.mark.parametrize("wrong", [False, True])
def test_perron_bounds_of_a_stack(scale: float, wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    for size in (1, 2, 3, 5):
        m: np.ndarray = np.abs(rng.standard_normal((7, size, size))) * rng.integers(0, 2, (7, size, size))
        with np.errstate(all="ignore"):
            m = (m + m.swapaxes(1, 2)) * scale
        m[0] = 0.0
        if wrong:
            noise = rng.standard_normal(m.shape)
            noise[1] = np.nan
            monkeypatch.setattr(np.linalg, "eigh", lambda a, v=noise: (None, v))
        bounds = spectra.perron_upper(m)
        assert bounds[0] == 0.0
        for matrix, bound in zip(m.tolist(), bounds.tolist(), strict=True):
            negative = [[-v for v in row] for row in matrix]
            assert negative_pivots(negative, -Fraction(bound)) == 0
            if not wrong and scale > 1e-300 and any(map(any, matrix)):
                assert negative_pivots(negative, -Fraction(bound) * Fraction(10**13 - 1, 10**13)) != 0


def test_perron_mutant(tmp_path: Path) -> None:
    m = np.array([[[1.0, 0.0], [0.0, 5.0]]])
    assert spectra.perron_upper(m)[0] >= 5
    with mutant(tmp_path, "spectra.py", "+ ETA).max(axis=-1)", "+ ETA).min(axis=-1)") as load:
        assert load("spectra").perron_upper(m)[0] < 5


def test_approximate_norms_are_near() -> None:
    rng = np.random.default_rng(5)
    for shape in ((1, 1), (1, 7), (3, 200), (90, 40), (300, 300)):
        for scale in (1.0, 1e-200, 1e200):
            a = rng.standard_normal(shape) * scale
            norm = float(va.spectral_norm(a).mid)
            assert guesses.approx_spectral_norm(a) == pytest.approx(norm, rel=2e-2)
            assert guesses.approx_spectral_norm(a) <= norm * (1 + 1e-12)
    assert guesses.approx_spectral_norm(np.zeros((2, 3))) == 0.0
    assert guesses.approx_spectral_norm(np.eye(4)) == pytest.approx(1.0)


def test_clusters_and_ill_conditioned() -> None:
    n = 320
    rng = np.random.default_rng(9)
    q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    for values in (
        np.r_[np.full(n // 2, 1.0), np.linspace(2, 3, n - n // 2)],
        10.0 ** np.linspace(-9, 0, n),
        np.linspace(-1, 1, n),
    ):
        a = (q * values) @ q.T
        a = np.tril(a) + np.tril(a, -1).T
        ball = va.smallest_eigenvalue(a)
        assert ball.lower() <= np.linalg.eigvalsh(a)[0] + 1e-13
        assert ball.upper() >= np.linalg.eigvalsh(a)[0] - 1e-13
        assert ball.upper() - ball.lower() <= 10 * n * U * max(np.trace(np.abs(a)), n)


def test_memory_is_a_few_matrices() -> None:
    n = 700
    ball = Ball(_wishart(n), 1e-12)
    tracemalloc.start()
    va.smallest_eigenvalue(ball)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4.5 * 8 * n * n  # at n = 5,000: 0.9 GB beside the input


def test_reference_itself() -> None:
    a = [[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]]
    assert negative_pivots(a, Fraction(1)) == 0
    assert negative_pivots(a, Fraction(2)) == 1
    assert negative_pivots(a, Fraction(4)) == 2
    assert positive_definite(a, Fraction(1, 2))
    assert not positive_definite(a, Fraction(1))
    assert not smallest_eigenvalue_enclosed(a, Ball(1.1, 0.01))
