"""TensorBall: containment decided over the rationals, error terms, refusals, probes; on every device there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
import torch

import verify.arrays as va
from verify.arrays import Ball, TensorBall, guesses, tensor_ball
from verify.arrays.tests import campaign_inputs
from verify.arrays.tests.devices import on_devices, tensor_on
from verify.arrays.tests.mutation import mutant
from verify.arrays.tests.reference import negative_pivots, smallest_eigenvalue_enclosed

U = 2.0**-53


def _fmpq(x: float) -> Any:
    return flint.fmpq(*x.as_integer_ratio())


def _outside(ball: Any, truth: list[Any]) -> int:
    """Entries whose exact value (flint rationals, flat) is not in the ball: no tolerance."""
    mid, rad = ball.mid.cpu().reshape(-1).tolist(), ball.rad.cpu().reshape(-1).tolist()
    assert len(mid) == len(truth)
    return sum(
        r != np.inf and not -_fmpq(r) <= v - _fmpq(m) <= _fmpq(r) for m, r, v in zip(mid, rad, truth, strict=True)
    )


def _elementwise_violations(module: Any, where: str, operation: str) -> int:
    rng = np.random.default_rng(1)
    a, b = campaign_inputs.points(rng, 500), campaign_inputs.points(rng, 500)
    small = rng.standard_normal((2, 200)) * 10.0 ** rng.uniform(-170, -150, (2, 200))
    a, b = np.concatenate([a, small[0]]), np.concatenate([b, small[1]])
    ra, rb = campaign_inputs.radii(rng, a), campaign_inputs.radii(rng, b)
    x, y = (module.TensorBall(tensor_on(m, where), tensor_on(r, where)) for m, r in ((a, ra), (b, rb)))
    f: Callable[[Any, Any], Any] = {
        "+": lambda s, t: s + t,
        "-": lambda s, t: s - t,
        "*": lambda s, t: s * t,
        "abs": lambda s, t: abs(s),
    }[operation]
    out, count = f(x, y), 0
    assert out.mid.device.type == where
    assert 0 < int(torch.isinf(out.rad).sum()) < 350 or operation in "abs"
    for i, j in product((-1, 0, 1), repeat=2):
        truth = [
            f(_fmpq(p) + i * _fmpq(r), _fmpq(q) + j * _fmpq(s))
            for p, r, q, s in zip(a.tolist(), ra.tolist(), b.tolist(), rb.tolist(), strict=True)
        ]
        count += _outside(out, truth)
    return count


@on_devices
@pytest.mark.parametrize("operation", ["+", "-", "*", "abs"])
def test_elementwise_operations_contain_every_exact_value(where: str, operation: str) -> None:
    assert _elementwise_violations(tensor_ball, where, operation) == 0


def _products() -> Iterator[tuple[Any, Any, Any, Any]]:
    """(A, rA, B, rB): all scales, underflowing, mixed, points and balls, and one-term products."""
    rng = np.random.default_rng(2)
    scales = (
        (1.0, 1.0),
        (1e-160, 1e-163),
        (5e-324, 0.4),
        (1e-320, 1e300),
        (1e300, 1e-320),
        (1e150, 1e-150),
        (1e-170, 1e10),
    )
    for trial in range(48):
        m, n, p = rng.integers(1, 8, 3)
        s, t = scales[trial % len(scales)]
        a, b = rng.standard_normal((m, n)) * s, rng.standard_normal((n, p)) * t
        if trial % 4 == 3 and s <= 1e150:
            a = a * 10.0 ** rng.uniform(-20, 20, (m, n))
        ra = np.abs(a) * rng.choice([0.0, 1.0, U, 1e-6]) * (trial % 3 > 0)
        rb = np.abs(b) * rng.choice([0.0, 1.0, U, 1e-6]) * (trial % 3 > 1)
        yield a, ra, b, rb
    ones = np.ones((1, 200))
    yield ones * (1 + 2 * U), 0 * ones, (ones * (1 - U)).T, 0 * ones.T
    yield np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 2)), np.ones((3, 2))
    yield np.r_[1.0, np.full(199, U)][None, :], 0 * ones, ones.T, 0 * ones.T


def _exact(m: Any) -> Any:
    return flint.fmpq_mat([[_fmpq(v) for v in row] for row in m.tolist()])


def _product_violations(module: Any, where: str) -> int:
    rng = np.random.default_rng(3)
    count = 0
    for a, ra, b, rb in _products():
        x, y = (module.TensorBall(tensor_on(m, where), tensor_on(r, where)) for m, r in ((a, ra), (b, rb)))
        out = x @ y
        assert out.mid.device.type == where
        for extreme in (False, True):
            ca = rng.choice([-1.0, 1.0], a.shape) if not extreme else np.where(a < 0, -1.0, 1.0)
            cb = rng.choice([-1.0, 1.0], b.shape) if not extreme else np.where(b < 0, -1.0, 1.0)
            left, right = _exact(a) + _exact(ca * ra), _exact(b) + _exact(cb * rb)
            count += _outside(out, (left * right).entries())
    return count


@on_devices
def test_products_contain_every_exact_value(where: str) -> None:
    assert _product_violations(tensor_ball, where) == 0


@on_devices
def test_products_of_vectors_batches_and_operands_of_other_kinds(where: str) -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(-9, 10, (3, 4, 5)).astype(float), rng.integers(-9, 10, (5, 2)).astype(float)
    x = TensorBall(tensor_on(a, where), 1e-9)
    for out, truth in (
        (x @ b, a @ b),
        (x @ tensor_on(b, where), a @ b),
        (x[0] @ b[:, 0], a[0] @ b[:, 0]),
        (a[0, 0] @ TensorBall(tensor_on(b, where)), a[0, 0] @ b),
        (tensor_on(b.T, where) @ x[1].T, b.T @ a[1].T),
        (Fraction(1, 3) * x - 2, a / 3 - 2),
        (2 - x + Ball(1.0), 3 - a),
    ):
        assert isinstance(out, TensorBall)
        assert out.device.type == where
        assert out.shape == truth.shape
        assert out.to_ball().contains(Ball(truth)) or abs(out.mid.cpu().numpy() - truth).max() < 1e-9
    assert (x[0] @ b).to_ball().contains(a[0] @ b)
    assert (Fraction(1, 3) * TensorBall(tensor_on(1.0, where))).to_ball().contains(Fraction(1, 3))
    assert TensorBall.from_ball(x.to_ball(), where).to_ball().contains(x.to_ball())
    g = x[0].gram()
    assert torch.equal(g.mid, g.mid.T)
    assert torch.equal(g.rad, g.rad.T)
    assert g.to_ball().contains(a[0] @ a[0].T)


@on_devices
def test_overflow_is_an_infinite_radius(where: str) -> None:
    x = TensorBall(tensor_on([1e160, 1e160], where))
    for out in (
        x @ tensor_on([1e160, -1e160], where),
        x * 1e200,
        x * 1e148 * TensorBall(tensor_on(10.0, where), np.inf),
    ):
        assert bool(torch.isinf(out.rad).all())
        assert bool(torch.isfinite(out.mid).all())
    assert (x * 1e200).norm_upper() == np.inf
    k = TensorBall(tensor_on(np.eye(2), where), np.inf)
    assert np.isinf(k.smallest_eigenvalue().rad)
    huge = TensorBall(tensor_on([[1e308, 1e307], [1e307, 1e308]], where)).smallest_eigenvalue()
    assert huge.lower() <= 9e307 <= huge.upper()


@on_devices
def test_products_are_as_tight_as_those_of_balls(where: str) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((60, 90)), rng.standard_normal((90, 40))
    for ra, rb in ((0.0, 0.0), (1e-9, 0.0), (1e-9, 1e-7)):
        ours = (TensorBall(tensor_on(a, where), ra) @ TensorBall(tensor_on(b, where), rb)).to_ball()
        assert (ours.rad <= 1.001 * va.matmul(Ball(a, ra), Ball(b, rb), "sharp").rad).all()


# ------------------------------------------------------------------ norms


def _norm_violations(module: Any, where: str) -> int:
    rng = np.random.default_rng(6)
    count = 0
    for scale in (1.0, 3e-200, 1e-310, 1e-323, 1e300, 5e307, 1e-160, 1e154, 0.0):
        m, r = rng.uniform(-1, 1, (4, 5)) * scale, rng.uniform(0, 0.1, (4, 5)) * scale
        many = np.r_[1.0, np.full(4000, 2.0**-27)] * scale  # squares below half an ulp of the first: most can be lost
        for mid, rad in ((m, 0 * r), (m, r), (many, np.zeros(4001))):
            bound = module.TensorBall(tensor_on(mid, where), tensor_on(rad, where)).norm_upper()
            pairs = zip(mid.ravel().tolist(), rad.ravel().tolist(), strict=True)
            square = sum(((abs(Fraction(x)) + Fraction(y)) ** 2 for x, y in pairs), Fraction(0))
            if bound == np.inf:
                assert 4 * square > Fraction(campaign_inputs.MAX) ** 2
            else:
                count += Fraction(bound) ** 2 < square
                assert Fraction(bound) ** 2 <= Fraction(11, 10) * square + Fraction(1e-320) ** 2
    return count


@on_devices
def test_norms_and_magnitudes_are_upper_bounds(where: str) -> None:
    assert _norm_violations(tensor_ball, where) == 0
    rng = np.random.default_rng(7)
    a = campaign_inputs.points(rng, 300)
    r = campaign_inputs.radii(rng, a)
    bounds = TensorBall(tensor_on(a, where), tensor_on(r, where)).magnitude().cpu().tolist()
    for m, s, bound in zip(a.tolist(), r.tolist(), bounds, strict=True):
        assert bound == np.inf or Fraction(bound) >= abs(Fraction(m)) + Fraction(s)


# ------------------------------------------------------------------ spectra


def _gram(n: int, seed: int) -> np.ndarray:
    g = np.random.default_rng(seed).integers(-9, 10, (n, n + n // 2)).astype(float)
    return np.asarray(g @ g.T)


@on_devices
def test_eigenvalues_contain_the_exact_ones(where: str) -> None:
    rng = np.random.default_rng(8)
    for trial in range(25):
        n = int(rng.integers(1, 7))
        a = _gram(n, trial) * 2.0 ** float(rng.choice([0, -40, 200, -330, -1060]))
        if trial % 5 == 4:  # exactly singular
            a[0] = a[:, 0] = 0.0
        ball = TensorBall(tensor_on(a, where)).smallest_eigenvalue()
        assert isinstance(ball, Ball)
        assert smallest_eigenvalue_enclosed(a.tolist(), ball)
        largest = TensorBall(tensor_on(a, where)).largest_eigenvalue()
        assert smallest_eigenvalue_enclosed((-a).tolist(), -largest)


def _wide_violations(module: Any, where: str) -> int:
    """Symmetric matrices at the corners of a ball: λ_min of each lies in the enclosure."""
    rng = np.random.default_rng(9)
    count = 0
    for _ in range(6):
        n = int(rng.integers(2, 6))
        a = _gram(n, int(rng.integers(99)))
        r = np.abs(rng.integers(0, 3, (n, n))).astype(float)
        r = r + r.T
        ball = module.TensorBall(tensor_on(a, where), tensor_on(r, where)).smallest_eigenvalue()
        low = Ball(float(ball.mid), float(ball.rad))
        for signs in (
            np.ones((n, n)),
            -np.ones((n, n)),
            -np.eye(n),
            -np.sign(np.outer(*[np.linalg.eigh(a)[1][:, 0]] * 2)),
        ):
            count += not smallest_eigenvalue_enclosed((a + signs * r).tolist(), low)
    return count


@on_devices
def test_eigenvalues_of_balls_contain_those_of_their_matrices(where: str) -> None:
    assert _wide_violations(tensor_ball, where) == 0


@on_devices
@pytest.mark.parametrize("n", [40, 310])
def test_eigenvalues_are_tight_agree_with_numpy_and_only_vectors_move(
    where: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[int] = []
    host = tensor_ball._host
    monkeypatch.setattr(tensor_ball, "_host", lambda t: moved.append(t.numel()) or host(t))  # type: ignore[func-returns-value]
    a = _gram(n, n)
    limit = 10 * n * U * np.trace(a)
    for matrix, name in (
        (a, "smallest_eigenvalue"),
        (a, "largest_eigenvalue"),
        (a - 1e3 * np.eye(n), "smallest_eigenvalue"),
    ):
        ball, numpy_ball = getattr(TensorBall(tensor_on(matrix, where)), name)(), getattr(va, name)(matrix)
        assert ball.upper() - ball.lower() <= limit
        assert max(ball.lower(), numpy_ball.lower()) <= min(ball.upper(), numpy_ball.upper())
    if n > va.guesses.DENSE:
        assert moved
        assert max(moved) == n


@on_devices
def test_wrong_guesses_widen_but_never_lie(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a = _gram(5, 3)
    factorise, rng = torch.linalg.cholesky_ex, np.random.default_rng(10)
    for vector in (rng.standard_normal(5), np.zeros(5), np.full(5, np.nan), np.eye(5)[0] * 1e-200):
        guess = guesses.Ritz(0.0, vector, 0.0)
        monkeypatch.setattr(tensor_ball, "_smallest_eigenpair", lambda m, g=guess: g)
        assert smallest_eigenvalue_enclosed(a.tolist(), TensorBall(tensor_on(a, where)).smallest_eigenvalue())
    monkeypatch.undo()
    for wrong in (lambda f: 1.01 * f, lambda f: 0 * f, lambda f: f + 1e-9, lambda f: f * np.nan, lambda f: 1.5 * f):

        def broken(m: torch.Tensor, change: Any = wrong) -> Any:
            factor, info = factorise(m + 100 * torch.eye(5, dtype=torch.float64, device=where))
            return change(factor), info * 0

        monkeypatch.setattr(torch.linalg, "cholesky_ex", broken)
        for s in (0.0, 0.5, 50.0, 1e3):
            bound = tensor_ball._factored_lower(tensor_on(a, where), s)
            assert bound is None or negative_pivots(a.tolist(), Fraction(bound)) == 0
        assert smallest_eigenvalue_enclosed(a.tolist(), TensorBall(tensor_on(a, where)).smallest_eigenvalue())
        monkeypatch.undo()


def _false_shifts(module: Any) -> int:
    """Lower bounds above λ_min = 1 of the identity, from the factor of another matrix; and with the rounding of the shift only."""
    original = torch.linalg.cholesky_ex
    try:
        torch.linalg.cholesky_ex = lambda m: original(m + torch.eye(3, dtype=torch.float64))
        bound = module._factored_lower(torch.eye(3, dtype=torch.float64), 1.5)
    finally:
        torch.linalg.cholesky_ex = original
    return int(bound is not None and bound > 1)


def test_residual_is_used() -> None:
    assert _false_shifts(tensor_ball) == 0


# ------------------------------------------------------------------ mutants

MUTANTS: list[tuple[str, str, str, Callable[[Any], int]]] = [
    ("tensor_ball.py", "b.rad + U * m.abs()", "b.rad", lambda d: _elementwise_violations(d, "cpu", "+")),
    (
        "tensor_ball.py",
        "b.rad + U * m.abs()) * INFLATE",
        "b.rad + U * m.abs())",
        lambda d: _elementwise_violations(d, "cpu", "+"),
    ),
    (
        "tensor_ball.py",
        "(spread + U * m.abs())",
        "(spread + 0.4 * U * m.abs())",
        lambda d: _elementwise_violations(d, "cpu", "*"),
    ),
    ("tensor_ball.py", "* INFLATE + 2.0 * ETA", "* INFLATE", lambda d: _elementwise_violations(d, "cpu", "*")),
    ("tensor_ball.py", "(b.mid.abs() + b.rad)", "b.mid.abs()", lambda d: _elementwise_violations(d, "cpu", "*")),
    ("tensor_ball.py", ".add_((4 * n + 4) * ETA)", "", lambda d: _product_violations(d, "cpu")),
    ("tensor_ball.py", "torch.where(b > 0, b * g + ETA, b)", "0.1 * g * b", lambda d: _product_violations(d, "cpu")),
    ("tensor_ball.py", "b * g + ETA, b)", "b * g, b)", lambda d: _product_violations(d, "cpu")),
    ("tensor_ball.py", "rad = rad + torch.matmul(x.rad", "torch.matmul(x.rad", lambda d: _product_violations(d, "cpu")),
    ("tensor_ball.py", "x.rad, (b + y.rad)", "x.rad, b", lambda d: _product_violations(d, "cpu")),
    (
        "tensor_ball.py",
        "rad.where(good, torch.full_like(rad, np.inf))",
        "rad.where(good, torch.zeros_like(rad))",
        lambda d: _overflow_lies(d),
    ),
    (
        "products.py",
        "(s * (1.0 + 4.0 * gamma(n + 2)) + n * ETA) * INFLATE) * INFLATE",
        "s)",
        lambda d: _norm_violations(d, "cpu"),
    ),
    ("tensor_ball.py", "+ n * ETA) * INFLATE\n", "* 0)\n", lambda d: _norm_violations(d, "cpu")),
    ("tensor_ball.py", "_norm_upper(shifted - torch.matmul(factor, factor.mT))", "0.0", _false_shifts),
    ("tensor_ball.py", "sum_down(lower, -spread)", "lower", lambda d: _wide_violations(d, "cpu")),
]


def _overflow_lies(module: Any) -> int:
    out = module.TensorBall(torch.tensor([1e308], dtype=torch.float64)) * 10.0
    return int(bool(torch.isfinite(out.rad).any()))


@pytest.mark.parametrize("index", range(len(MUTANTS)), ids=[f"{m[1]} → {m[2]}".strip() for m in MUTANTS])
def test_mutant_is_caught(tmp_path: Path, index: int) -> None:
    file, old, new, violations = MUTANTS[index]
    with mutant(tmp_path, file, old, new) as load:
        assert violations(load("tensor_ball")) > 0
    assert _overflow_lies(tensor_ball) == 0
