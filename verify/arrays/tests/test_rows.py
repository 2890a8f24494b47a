"""Rows against exact rational arithmetic (zero tolerance), at every scale; limits on the errors; mutants; overflow and NaN."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verify.arrays
from verify.arrays import Ball, rows
from verify.arrays.functions import at_points
from verify.arrays.rounding import U
from verify.arrays.tests.mutation import mutant
from verify.arrays.tests.reference import arb, precision

Matrix = list[list[Fraction]]
SCALES = [0, 0, 0, 480, -480, -530, -1060]  # powers of two: ordinary, near overflow of a square, near underflow


def _fractions(a: np.ndarray) -> Matrix:
    return [[Fraction(float(v)) for v in row] for row in a]


def _square(row: list[Fraction]) -> Fraction:
    return sum((v * v for v in row), Fraction(0))


def _contained(found: Any, truth: Matrix) -> bool:
    """Whether every row of the truth is within err in norm and within sup entrywise, exactly."""
    for i, row in enumerate(truth):
        if not np.isfinite(found.err[i]):
            continue
        gap = [v - Fraction(float(m)) for v, m in zip(row, found.mid[i], strict=True)]
        if _square(gap) > Fraction(float(found.err[i])) ** 2 or max(map(abs, gap)) > Fraction(float(found.sup[i])):
            return False
    return True


def _member(rng: np.random.Generator, found: Any) -> Matrix:
    """A matrix of the set: in each row a move of nearly the whole error, spread out, or concentrated up to sup."""
    result = []
    for mid, err, sup in zip(_fractions(found.mid), found.err, found.sup, strict=True):
        m = len(mid)
        # s ≤ sup in every entry and √m·s ≤ err (√m ≤ m/2 + 1/2).
        spread = min(Fraction(float(sup)), Fraction(float(err)) * 2 / (m + 1))
        if rng.random() < 0.5:
            move = [spread * int(rng.choice([-1, 1])) for _ in range(m)]
        else:
            move = [Fraction(0)] * m
            move[int(rng.integers(m))] = min(Fraction(float(sup)), Fraction(float(err))) * int(rng.choice([-1, 1]))
        result.append([a + b for a, b in zip(mid, move, strict=True)])
    return result


def _draw(rng: np.random.Generator, module: Any, n: int, m: int, *, exact: bool = False) -> Any:
    values = np.ldexp(rng.standard_normal((n, m)), int(rng.choice(SCALES)))
    if rng.random() < 0.3:
        values[rng.random((n, m)) < 0.4] = 0.0
    if exact:
        return module.Rows(values)
    err = np.abs(np.ldexp(rng.standard_normal(n), int(rng.integers(-60, -2)))) * np.abs(values).max()
    return module.Rows(values, err, err * rng.random(n))


def _times(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix]:
    found = _draw(rng, module, 3, 4, exact=bool(rng.random() < 0.3))
    w = np.ldexp(rng.standard_normal((5, 4)), int(rng.choice(SCALES)))
    true, exact = _member(rng, found), _fractions(w)
    product = [[sum((a * b for a, b in zip(r, v, strict=True)), Fraction(0)) for v in exact] for r in true]
    return found.times(module.Exact(w)), product


def _scaled(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix]:
    found = _draw(rng, module, 3, 4)
    s = float(np.ldexp(rng.standard_normal(), int(rng.choice([0, 0, 30, -30]))))
    rad = abs(s) * 2.0 ** float(rng.integers(-60, 0)) if rng.random() < 0.5 else 0.0
    factor = Fraction(s) + Fraction(rad) * int(rng.choice([-1, 1]))
    true = _member(rng, found)
    return found.scaled(module.Ball(s, rad)), [[v * factor for v in row] for row in true]


def _plus(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix]:
    found = _draw(rng, module, 3, 4)
    b = np.ldexp(rng.standard_normal(4), int(rng.choice(SCALES)))
    shift = [Fraction(float(v)) for v in b]
    return found.plus(b), [[v + w for v, w in zip(row, shift, strict=True)] for row in _member(rng, found)]


def _image(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix]:
    # f(x) = c·x, whose computed values carry one rounding of each entry.
    found = _draw(rng, module, 3, 4)
    c = 1.7
    values = found.mid * c
    rounding = np.abs(values).max(axis=1) * (4.0 * U) + 1e-323
    image = found.image(values, rounding * 4.0, rounding, c)
    return image, [[v * Fraction(c) for v in row] for row in _member(rng, found)]


def _schur(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix]:
    k = int(rng.integers(1, 3))
    left, factor = _draw(rng, module, 3 * k, 4), _draw(rng, module, 3, 4)
    m, s = _member(rng, left), _member(rng, factor)
    bound = float(max(abs(v) for row in s for v in row)) * (1.0 + 2.0**-50) + 1e-320
    return left.schur(factor, bound), [[a * b for a, b in zip(row, s[i // k], strict=True)] for i, row in enumerate(m)]


def _ones(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix]:
    found = _draw(rng, module, 3, 4)
    return found.with_column(1.0), [[*row, Fraction(1)] for row in _member(rng, found)]


OPERATIONS: dict[str, Callable[[np.random.Generator, Any], tuple[Any, Matrix]]] = {
    "times": _times,
    "scaled": _scaled,
    "plus": _plus,
    "image": _image,
    "schur": _schur,
    "with_ones": _ones,
}
CASES = 200


def _violations(operation: str, module: Any) -> int:
    rng = np.random.default_rng(list(OPERATIONS).index(operation))
    bad = 0
    with np.errstate(all="ignore"):
        for _ in range(CASES):
            found, truth = OPERATIONS[operation](rng, module)
            norms = [
                Fraction(float(v)) ** 2 >= _square(r) for v, r in zip(found.norms, _fractions(found.mid), strict=True)
            ]
            bad += not (_contained(found, truth) and all(norms))
    return bad


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_operations_contain_every_member(operation: str) -> None:
    assert _violations(operation, rows) == 0


def _grams(rng: np.random.Generator, module: Any) -> tuple[Any, Matrix, np.ndarray]:
    """A sum of Schur products, its exact value for members, and its scale."""
    depth, k, n = int(rng.integers(1, 4)), int(rng.integers(1, 3)), 3
    terms, total = [], [[Fraction(0)] * (n * k) for _ in range(n * k)]
    size = np.zeros((n * k, n * k))
    for _ in range(depth):
        a = _draw(rng, module, n, 4)
        b = None if k == 1 and rng.random() < 0.3 else _draw(rng, module, n * k, 3)
        terms.append((a, b))
        p, q = _member(rng, a), None if b is None else _member(rng, b)
        lengths = np.repeat(a.norms, k) * (1.0 if b is None else b.norms)
        size += np.multiply.outer(lengths, lengths)
        for i, j in itertools.product(range(n * k), repeat=2):
            x = sum((u * v for u, v in zip(p[i // k], p[j // k], strict=True)), Fraction(0))
            y = Fraction(1) if q is None else sum((u * v for u, v in zip(q[i], q[j], strict=True)), Fraction(0))
            total[i][j] += x * y
    return module.schur_of_grams(terms, k), total, size


def _gram_violations(module: Any) -> int:
    rng, bad = np.random.default_rng(9), 0
    with np.errstate(all="ignore"):
        for _ in range(CASES):
            found, truth, _ = _grams(rng, module)
            assert np.array_equal(found.mid, found.mid.T)
            assert np.array_equal(found.rad, found.rad.T)
            for i, j in itertools.product(range(len(truth)), repeat=2):
                rad = float(found.rad[i, j])
                if np.isfinite(rad):
                    bad += abs(truth[i][j] - Fraction(float(found.mid[i, j]))) > Fraction(rad)
    return bad


def test_schur_of_grams_contains_every_member() -> None:
    assert _gram_violations(rows) == 0


def test_errors_are_small() -> None:
    """At exact matrices: a product's error at most 3·m·u of the norms, a sum of Schur products' 3·(m + m')·u."""
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((20, 50)), rng.standard_normal((30, 50))
    product = rows.Rows(x).times(rows.Exact(w))
    lengths = np.linalg.norm(x, axis=1)
    assert (product.err <= 1.01 * 50 * U * lengths * np.linalg.norm(w)).all()
    assert (product.sup <= 1.01 * 50 * U * lengths * np.linalg.norm(w, axis=1).max()).all()
    assert (product.norms <= 1.001 * np.linalg.norm(product.mid, axis=1)).all()
    b = rng.standard_normal((20, 40))
    kernel = rows.schur_of_grams([(rows.Rows(x), rows.Rows(b))])
    scale = lengths * np.linalg.norm(b, axis=1)
    assert (kernel.rad <= 1.1 * (50 + 40) * U * np.multiply.outer(scale, scale)).all()


def test_block_edges_are_mirrored() -> None:
    x = np.random.default_rng(4).standard_normal((2 * rows._BLOCK + 3, 2))
    found = rows.schur_of_grams([(rows.Rows(x), None)])
    assert np.array_equal(found.mid, found.mid.T)
    assert np.array_equal(found.rad, found.rad.T)
    assert (np.abs(found.mid - x @ x.T) <= found.rad).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_unknown(bad: float) -> None:
    """A row that is not finite gets infinite errors, and only that row; so do errors that are NaN."""
    mid = np.array([[1.0, 2.0], [bad, 3.0]])
    found = rows.Rows(mid)
    assert np.isfinite(found.mid).all()
    assert found.err[0] == 0.0
    assert found.err[1] == found.sup[1] == np.inf
    product = found.times(rows.Exact(np.eye(2))).schur(rows.Rows(np.ones((2, 2))), 1.0)
    assert np.isfinite(product.err[0])
    assert np.isinf(product.err[1])
    assert np.isinf(product.ball().rad[1]).all()
    kernel = rows.schur_of_grams([(found, product)])
    assert np.isfinite(kernel.rad[0, 0])
    assert np.isinf(kernel.rad[[0, 1, 1], [1, 0, 1]]).all()
    assert np.isinf(rows.Rows(np.ones((1, 2)), np.array([np.nan])).err).all()


def test_overflow_is_unknown() -> None:
    big = rows.Rows(np.full((2, 3), 1e300))
    assert np.isinf(big.times(rows.Exact(np.full((2, 3), 1e300))).err).all()
    assert np.isinf(big.scaled(Ball(1e10)).err).all()
    assert np.isinf(big.schur(big, 1e300).err).all()
    assert np.isinf(big.plus(np.full(3, 1.7e308)).plus(np.full(3, 1.7e308)).err).all()
    assert np.isinf(rows.schur_of_grams([(big, None)]).rad).all()
    # The values stay finite; their squares do not.
    assert np.isinf(rows.schur_of_grams([(big, big)]).rad).all()


def test_a_ball_becomes_rows_and_back() -> None:
    ball = Ball([[1.0, 2.0], [3.0, 4.0]], [[0.5, 0.0], [0.0, 0.25]])
    back = rows.Rows.of(ball).ball()
    assert bool(back.contains([[1.5, 2.0], [3.0, 4.25]]))
    assert (back.rad == [[0.5, 0.5], [0.25, 0.25]]).all()
    assert rows.Rows.of(Ball([[1.0]])).ball().is_point
    with pytest.raises(verify.errors.ShapeError):
        rows.Rows(np.zeros(3))
    with pytest.raises(verify.errors.ShapeError):
        rows.schur_of_grams([])


def _ties(module: Any) -> bool:
    """Both entries tie: the row is off by √2·η, while u‖computed‖ alone is η."""
    found = module.Rows(np.full((1, 2), 2.0**-1021)).plus(np.full(2, 2.0**-1074))
    return _contained(found, [[Fraction(1, 2**1021) + Fraction(1, 2**1074)] * 2])


def test_sums_round_where_their_error_underflows() -> None:
    assert _ties(rows)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.longdouble, np.int64, np.complex128])
def test_other_types_are_refused(kind: type) -> None:
    """In float32 the radii, made for 2^-53, would exclude the exact product (by 10^7 times)."""
    for make in (rows.Rows, rows.Exact, rows.Rows(np.ones((1, 1))).plus):
        with pytest.raises(verify.errors.DtypeError):
            make(np.ones((1, 1), dtype=kind))
        with pytest.raises(verify.errors.DtypeError):
            make(np.ma.masked_array(np.ones((1, 1))))


def test_in_place_scaling_is_the_same() -> None:
    x = np.random.default_rng(5).standard_normal((4, 6))
    expected, found = rows.Rows(x.copy()).scaled(Ball(0.3)), rows.Rows(x).scaled(Ball(0.3), in_place=True)
    assert np.array_equal(expected.mid, found.mid)
    assert np.array_equal(expected.err, found.err)
    assert found.mid is x


MUTANTS = [
    ("(self.norms * gamma(m) + self.err)", "(self.norms * gamma(m))", "times"),
    ("(self.norms * gamma(m) + self.err)", "(self.norms * (U / 4.0) + self.err)", "times"),
    ("tiny = float(p * m + 4) * ETA\n", "tiny = 0.0\n", "times"),
    ("(float(weight.rows.max()) * INFLATE)", "(float(weight.rows.min()) * INFLATE)", "times"),
    ("(weight.frobenius * INFLATE)", "(float(weight.rows.max()) * INFLATE)", "times"),
    ("top = (abs(s) + r) * INFLATE", "top = abs(s) * INFLATE", "scaled"),
    ("((r + abs(s) * U) * INFLATE + ETA)", "((abs(s) * U) * INFLATE + ETA)", "scaled"),
    ("((r + abs(s) * U) * INFLATE + ETA)", "(r * INFLATE + ETA)", "scaled"),
    ("own = norms * (U * INFLATE)", "own = norms * (U * 0.01)", "plus"),
    ("(U * INFLATE) + ETA", "(U * INFLATE)", "ties"),
    ("(self.sup * lipschitz + entry)", "(self.sup * lipschitz)", "image"),
    ("(self.err * lipschitz + rounding)", "(self.err + rounding)", "image"),
    ("part * bound + own for part", "own for part", "schur"),
    ("every(np.isfinite(norms))", "True", "overflow"),
    ("((spread + (bound + spread) * U) * INFLATE + ETA)", "(((bound + spread) * U) * INFLATE + ETA)", "schur"),
    ("((spread + (bound + spread) * U) * INFLATE + ETA)", "((spread + bound * U * 0.1) * INFLATE + ETA)", "schur"),
    (
        "self.mid, self.err, self.sup = mid, error, np.minimum(entry, error)",
        "self.mid, self.err, self.sup = mid, entry, entry",
        "times",
    ),
    ("(beta * epsilon + alpha * delta)", "(beta * epsilon)", "grams"),
    ("(beta * epsilon + alpha * delta)", "(alpha * delta)", "grams"),
    ("c = (c + w * (0.5 * g)) * INFLATE + ETA", "pass", "grams"),
    ("((a.norms + a.err) * INFLATE)", "a.norms", "grams"),
    ("right += [c, w]", "right += [c, 0.0 * w]", "grams"),
]


@pytest.mark.parametrize(("old", "new", "operation"), MUTANTS)
def test_mutants_are_caught(tmp_path: Path, old: str, new: str, operation: str) -> None:
    with mutant(tmp_path, "rows.py", old, new) as load:
        module = load("rows")
        if operation in ("ties", "overflow"):
            assert not {"ties": _ties, "overflow": _overflows}[operation](module)
            return
        assert (_gram_violations(module) if operation == "grams" else _violations(operation, module)) > 0


def _overflows(module: Any) -> bool:
    """Nothing is known of a row that overflowed, though the bounds of its rounding are finite."""
    big = module.Rows(np.array([[1e160, 1.0], [1.0, 1.0]]))
    found = big.schur(big, 1e160)
    return bool(np.isfinite(found.mid).all()) and found.err.tolist()[0] == np.inf > found.err[1]


def test_rows_that_overflow_are_unknown() -> None:
    assert _overflows(rows)


def test_slopes_of_tanh_are_those_of_its_values() -> None:
    x = np.random.default_rng(6).standard_normal((300, 90))[:, ::2]
    value, slope = at_points.tanh_and_slope(x)
    assert np.array_equal(value, at_points.tanh_values(x))
    assert np.array_equal(slope, 1.0 - value * value)


def test_the_table_of_tanh_is_within_half_an_ulp() -> None:
    table = at_points._tanh_table()
    steps, last = at_points._STEPS, at_points._LAST
    assert table.shape == (2 * steps * last + 1,)
    with precision(160):
        for j, value in enumerate(table.tolist(), start=-steps * last):
            gap = abs(arb(value) - (arb(j) / steps).tanh())
            assert bool(gap <= arb(float(np.spacing(abs(value)) if j else 0.0)) * (0.5 + 2.0**-60)), j


def test_tanh_meets_its_error_where_cells_meet() -> None:
    """Both sides of every cell's border, the clipped end, and tiny arguments; the largest error found is near the claim's half."""
    half = (np.arange(-3000, 3001) + 0.5) / at_points._STEPS
    x = np.concatenate(
        [half, np.nextafter(half, np.inf), np.nextafter(half, -np.inf), np.ldexp(1.0, np.arange(-1074, 10))]
    )
    x = np.concatenate([x, [19.9, 20.0, np.nextafter(20.0, 30.0), 25.0, 400.0, 1e300]])
    values, worst = at_points.tanh_values(x), 0.0
    assert (np.abs(values) <= 1.0).all()
    with precision(200):
        for point, value in zip(x.tolist(), values.tolist(), strict=True):
            gap = abs(arb(value) - arb(point).tanh())
            assert bool(gap <= abs(arb(value)) * arb(at_points.TANH_ERROR) + arb(1e-323)), point
            if abs(point) > 1e-300:
                worst = max(worst, float((gap / abs(arb(value))).mid()) / U)
    assert 2.0 < worst < 7.0


def test_tanh_of_what_is_not_finite() -> None:
    found = at_points.tanh_values(np.array([np.nan, np.inf, -np.inf]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [1.0, -1.0]
