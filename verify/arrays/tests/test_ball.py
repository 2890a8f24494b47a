"""Construction, conversion, refusal of bad input, comparisons, formatting and aliasing of balls."""

from __future__ import annotations

import math
import operator
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
import torch

import verify.arrays as va
from verify.arrays import Ball
from verify.arrays.bounds import midpoint_radius
from verify.arrays.rounding import sum_down, sum_up
from verify.errors import (
    DomainError,
    DtypeError,
    InputError,
    NonFiniteError,
    NotCertainError,
    ShapeError,
    VerifyError,
)


@pytest.mark.parametrize(
    "bad",
    [float("nan"), float("inf"), [1.0, float("-inf")], np.array([np.nan]), torch.tensor([float("nan")])],
)
def test_non_finite_midpoints_are_refused(bad: object) -> None:
    with pytest.raises(NonFiniteError):
        Ball(bad)


@pytest.mark.parametrize("bad", [-1.0, -5e-324, [0.0, -1.0]])
def test_negative_radius_is_refused(bad: object) -> None:
    with pytest.raises(InputError, match="negative"):
        Ball([1.0, 2.0], bad)


def test_nan_radius_is_refused_and_infinite_allowed() -> None:
    with pytest.raises(NonFiniteError):
        Ball(1.0, float("nan"))
    ball = Ball(0.0, float("inf"))
    assert ball.contains(1e308)
    assert ball.lower() == -math.inf


def test_shape_mismatches() -> None:
    with pytest.raises(ShapeError):
        Ball([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ShapeError):
        Ball([1.0, 2.0]) + Ball([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError):
        va.matmul(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ShapeError):
        va.smallest_eigenvalue(np.ones((2, 3)))
    with pytest.raises(ShapeError):
        va.matmul(1.0, np.ones(3))


@pytest.mark.parametrize(
    "bad", [2**53 + 1, -(2**60) - 1, 10**400, np.int64(2**53 + 1), np.array([0, 2**63 - 1]), [2**53 + 1]]
)
def test_integers_that_are_no_double_are_refused(bad: object) -> None:
    with pytest.raises(DtypeError, match="Fraction"):
        Ball(bad)


def test_integers_that_are_doubles_are_exact() -> None:
    values = [2**53, -(2**60), 2**1000, 7]
    ball = Ball(values)
    assert ball.is_point
    assert [int(v) for v in ball.mid.tolist()] == values
    assert Ball(np.array([-(2**63), 2**62])).mid.tolist() == [-(2.0**63), 2.0**62]
    assert Ball(np.array([2**64 - 2**11], dtype=np.uint64)).mid[0] == 2.0**64 - 2.0**11


@pytest.mark.parametrize(
    "value",
    [
        Fraction(1, 3),
        Fraction(2**53 + 1),
        Decimal("0.1"),
        Decimal("1e-400"),
        "0.1",
        "-1/3",
        "1e-330",
        "0x1.8p+1",
        sympy.Rational(2, 7),
        sympy.Float("0.1", 50),
        sympy.Integer(2**60 + 1),
    ],
)
def test_rationals_are_enclosed_tightly(value: Any) -> None:
    ball = Ball(value)
    q = Fraction(float.fromhex(value)) if value == "0x1.8p+1" else None
    if q is None:
        q = Fraction(value) if not isinstance(value, sympy.Basic) else Fraction(str(sympy.Rational(value)))
    assert ball.contains(q)
    assert Fraction(float(ball.lower())) <= q <= Fraction(float(ball.upper()))
    assert float(ball.rad) <= max(5e-324, abs(float(q)) * 2.0**-52)


def test_irrational_sympy_numbers() -> None:
    root = Ball(sympy.sqrt(2))
    assert Fraction(float(root.lower())) ** 2 < 2 < Fraction(float(root.upper())) ** 2
    assert Ball(sympy.pi).contains(Fraction(314159265358979323846264338327950288, 10**35))
    assert Ball([sympy.E, Fraction(1, 2), 3]).shape == (3,)
    with pytest.raises(DtypeError):
        Ball(sympy.Symbol("x"))


def test_sympy_numbers_far_beyond_doubles_are_bounded_or_refused_at_once() -> None:
    """An end of 2^10^10 was written out as an integer: minutes, and gigabytes."""
    for tiny, below, above in (
        (sympy.sin(1) ** 10**9, 0, 2),
        (-(sympy.sin(1) ** 10**9), -2, 0),
        (sympy.exp(-(10**12)), 0, 2),
    ):
        ball = Ball(tiny)
        assert (float(ball.lower()), float(ball.upper())) == (below * 2.0**-1074, above * 2.0**-1074)
    root = sympy.Pow(sympy.Integer(10) ** 5001, sympy.Rational(1, 2), evaluate=False)  # too long to be printed
    for huge in (sympy.tan(sympy.Rational(11, 7)) ** 10**9, -sympy.exp(10**12), root):
        with pytest.raises(DtypeError, match="beyond the range of doubles"):
            Ball(huge)
    with pytest.raises(InputError, match="exponent"):
        Ball(sympy.Float(1.5) ** -(10**9))


@pytest.mark.parametrize("bad", ["", "abc", "1/0", "nan", "inf", "1e999999999", "0x", "1e400x"])
def test_bad_strings(bad: str) -> None:
    with pytest.raises(VerifyError):
        Ball(bad)


def test_numbers_beyond_the_doubles_give_an_infinite_radius_or_an_error() -> None:
    ball = Ball("1e400")
    assert np.isinf(ball.rad)
    assert np.isinf(Ball("1.7976931348623158e308").rad)  # just above the largest double
    assert ball.contains(Fraction(10) ** 400)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_torch_tensors_convert_exactly(dtype: torch.dtype) -> None:
    t = torch.arange(-5, 6).to(dtype) / (3 if dtype.is_floating_point else 1)
    if not dtype.is_floating_point:
        t = t.to(dtype)
    ball = Ball(t.reshape(1, 11).T)
    assert ball.is_point
    assert ball.mid.ravel().tolist() == [float(v) for v in t]
    assert Ball(torch.ones(2, dtype=torch.float64, requires_grad=True)).shape == (2,)


def test_operations_with_numpy_and_torch_operands() -> None:
    a, b = np.array([1.0, 2.0]), Ball([3.0, 4.0])
    for out in (a + b, b + a, torch.tensor([1.0, 2.0]) + b, operator.add([1.0, 2.0], b)):
        assert isinstance(out, Ball)
        assert out.contains([4, 6])
    assert operator.matmul(np.eye(2), b).contains([3, 4])
    assert (torch.eye(2, dtype=torch.float64) @ b).contains([3, 4])
    assert (2 - b).contains([-1, -2])
    assert (Fraction(1, 3) * b).contains([1, Fraction(4, 3)])


def test_balls_do_not_alias_their_sources() -> None:
    a, r = np.array([1.0, 2.0]), np.array([0.5, 0.5])
    t = torch.tensor([1.0, 2.0], dtype=torch.float64)
    x, y = Ball(a, r), Ball(t)
    a[0] = r[0] = 99.0
    t[0] = 99.0
    assert x.mid.tolist() == [1.0, 2.0]
    assert x.rad.tolist() == [0.5, 0.5]
    assert y.mid.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        x.mid[0] = 5.0
    with pytest.raises(AttributeError):
        x.mid = a  # type: ignore[misc]
    base = Ball(np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        base.rad[0] = 1.0
    low = x.lower()
    low[0] = -1e9
    assert x.lower()[0] == 0.5


def test_division_log_sqrt_domains() -> None:
    with pytest.raises(DomainError, match="contains 0"):
        Ball(1.0) / Ball(1.0, 1.0)
    with pytest.raises(DomainError):
        Ball(1.0) / 0.0
    with pytest.raises(DomainError):
        Ball(0.0, 1.0) ** -1
    for f, x in (
        (va.log, Ball(1.0, 1.0)),
        (va.log, Ball(0.0)),
        (va.log1p, Ball(-1.0)),
        (va.sqrt, Ball(0.0, 1e-300)),
        (va.log, Ball(-1.0)),
    ):
        with pytest.raises(DomainError):
            f(x)
    assert va.sqrt(va.maximum(Ball(0.0, 1e-300), 0.0)).contains(0)
    with pytest.raises(InputError):
        va.tanh(1.0, derivative=4)
    with pytest.raises(InputError):
        va.gelu(1.0, approximate="erf")
    with pytest.raises(InputError):
        Ball(2.0) ** 1.5


def test_overflow_is_an_infinite_radius() -> None:
    for out in (
        Ball(1e308) + 1e308,
        Ball(1e308) * 10,
        Ball(1e-320) ** -1,
        va.exp(Ball(800.0)),
        Ball(1e200) ** 2,
        Ball(1e300, 1e308) * 1e10,
    ):
        assert np.isinf(out.rad)
        assert np.isfinite(out.mid)
    assert np.isinf(Ball(1.7e308, 1e308).upper())


def test_comparisons_are_certain_or_raise() -> None:
    a, b = Ball(1.0, 0.25), Ball(2.0, 0.25)
    assert (a < b) is True
    assert (b <= a) is False
    assert (a != b) is True
    with pytest.raises(NotCertainError):
        a < Ball(1.1)  # noqa: B015
    with pytest.raises(NotCertainError):
        a == a  # noqa: B015
    assert (Ball(1.0) == 1.0) is True
    assert (Ball(1.0, 0.5) <= 1.5) is True
    with pytest.raises(NotCertainError):
        Ball(1.0, 0.5) < 1.5  # noqa: B015
    assert (Ball([1.0, 3.0]) > 2.0).tolist() == [False, True]
    with pytest.raises(NotCertainError):
        bool(Ball(1.0))
    # mid + rad is not a double: the comparison must see the exact sum.
    tie = Ball(1.0, 2.0**-60)
    with pytest.raises(NotCertainError):
        tie <= 1.0  # noqa: B015
    with pytest.raises(DtypeError):
        float(a)
    with pytest.raises(DtypeError):
        np.asarray(a)
    with pytest.raises(TypeError):
        hash(a)


def test_bounds_are_the_nearest_doubles() -> None:
    rng = np.random.default_rng(0)
    m, r = rng.standard_normal(500), 10.0 ** rng.uniform(-25, 3, 500)
    ball = Ball(m, r)
    for a, b, lo, hi in zip(m.tolist(), r.tolist(), ball.lower().tolist(), ball.upper().tolist(), strict=True):
        low, high = Fraction(a) - Fraction(b), Fraction(a) + Fraction(b)
        assert Fraction(lo) <= low < Fraction(math.nextafter(lo, math.inf))
        assert Fraction(math.nextafter(hi, -math.inf)) < high <= Fraction(hi)


def test_numbers_without_axes_round_as_arrays_do() -> None:
    """Sums and midpoints of numbers are computed in Python floats: bit for bit what the arrays give."""
    top = 1.7976931348623157e308
    half = [0.0, 5e-324, 2.0**-1022, 2.0**-54, 2.0**-53, 0.1, 0.3, 1.0, 1.0 + 2.0**-52, 1e300, top / 2, top, math.inf]
    x, y = (part.ravel() for part in np.meshgrid(half + [-v for v in half], half + [-v for v in half]))
    for rounded in (sum_down, sum_up):
        many = np.asarray(rounded(x, y))
        single = np.array([rounded(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
        assert np.array_equal(many.view(np.int64)[~np.isnan(many)], single.view(np.int64)[~np.isnan(many)])
        assert np.array_equal(np.isnan(many), np.isnan(single))
    lo, hi = x[x <= y], y[x <= y]
    pairs = [midpoint_radius(np.array(a), np.array(b)) for a, b in zip(lo.tolist(), hi.tolist(), strict=True)]
    for found, parts in zip(midpoint_radius(lo, hi), zip(*pairs, strict=True), strict=True):
        assert np.array_equal(found, np.array(parts))


def test_numbers_are_computed_as_arrays_of_one_entry_are() -> None:
    """Of two numbers the formulas run in Python floats: bit for bit what arrays give, where they over- and underflow too."""
    halves = [0.0, 5e-324, 2.0**-1022, 1e-200, 0.1, 1.0 + 2.0**-52, 3.0, 1e154, 1.7976931348623157e308]
    radii = [0.0, 5e-324, 2.0**-60, 0.5, 1e300, math.inf]
    pairs = [(m, r) for m in halves + [-m for m in halves] for r in radii]
    for operation in (operator.add, operator.mul, operator.truediv):
        for x, r in pairs[::11]:
            for y, q in pairs:
                if operation is operator.truediv and not abs(y) > q:
                    continue
                one, many = operation(Ball(x, r), Ball(y, q)), operation(Ball([x], [r]), Ball([y], [q]))
                assert (float(one.mid).hex(), float(one.rad)) == (float(many.mid[0]).hex(), float(many.rad[0]))
                assert one.is_point == many.is_point
    for x, r in pairs:
        one, many = Ball(x, r), Ball([x], [r])
        for k in (2, 3, 4):
            assert (float((one**k).mid), float((one**k).rad)) == (float((many**k).mid[0]), float((many**k).rad[0]))
        low, high = one.lower(), one.upper()
        joined, expected = Ball.from_bounds(low, high), Ball.from_bounds(many.lower(), many.upper())
        assert (float(joined.mid), float(joined.rad), joined.is_point) == (
            float(expected.mid[0]),
            float(expected.rad[0]),
            expected.is_point,
        )


def test_from_bounds() -> None:
    top = 1.7976931348623157e308
    for lo, hi in (
        (-top, top),
        (top / 2, top),
        (5e-324, 1e-323),
        (0.0, 5e-324),
        (1.0, 1.0 + 2.0**-52),
        (0.1, 0.3),
        (-1e-323, 0.0),
    ):
        ball = Ball.from_bounds(lo, hi)
        assert ball.contains(lo)
        assert ball.contains(hi)
        assert np.isfinite(ball.rad) or hi - lo > top
        assert (ball.lower() >= 0) or lo < 0
        assert (ball.upper() <= 0) or hi > 0
    with pytest.raises(InputError):
        Ball.from_bounds(1.0, 0.0)
    with pytest.raises(InputError):
        Ball.from_bounds(float("nan"), 0.0)
    assert np.isinf(Ball.from_bounds(0.0, math.inf).rad)


def test_contains_is_exact() -> None:
    ball = Ball(1.0, 2.0**-60)
    assert ball.contains(1 + Fraction(1, 2**60))
    assert not ball.contains(1 + Fraction(1, 2**60) + Fraction(1, 2**200))
    assert not ball.contains(1.0 + 2.0**-52)
    assert Ball(-1e308, 1e308).contains(0.0)
    assert not Ball(-1.7e308, 1.7e308).contains(1.7e308)
    assert Ball(0.0, 1.0).contains(Ball(0.5, 0.5))
    assert not Ball(0.0, 1.0).contains(Ball(0.5, 0.5000001))
    with pytest.raises(ShapeError):
        Ball(0.0, 1.0).contains([0.0, 0.0])


def test_printed_text_never_claims_more_than_the_ball() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        m = float(rng.standard_normal() * 10.0 ** rng.uniform(-300, 300))
        ball = Ball(m, abs(m) * 10.0 ** rng.uniform(-17, 1))
        text = str(ball)
        match = re.fullmatch(r"(\S+) ± (\S+)", text)
        assert match
        mid, rad = Fraction(match[1]), Fraction(match[2])
        exact_mid, exact_rad = Fraction(float(ball.mid)), Fraction(float(ball.rad))
        assert abs(mid - exact_mid) + exact_rad <= rad <= 3 * exact_rad + abs(exact_mid) / 10**15
    assert str(Ball(0.5)) == "0.5"
    assert "Ball(shape=(2,)" in str(Ball([1.0, 2.0]))


def test_indexing_reductions_and_joins() -> None:
    x = Ball(np.arange(12.0).reshape(3, 4), 0.5)
    assert x[1].shape == (4,)
    assert x[:, 1:3].T.shape == (2, 3)
    assert x[np.array([0, 2])].contains(x.mid[[0, 2]])
    assert len(list(x)) == 3
    assert x.sum(axis=0).contains(x.mid.sum(axis=0))
    assert x.sum().contains(66)
    assert x.mean().contains(Fraction(11, 2))
    assert va.concatenate([x, x], axis=1).shape == (3, 8)
    assert va.stack([x, x]).shape == (2, 3, 4)
    assert x.reshape(4, 3).ravel().shape == (12,)
    assert va.diagonal(x[:, :3]).contains([0, 5, 10])
    assert x.norm(axis=1).shape == (3,)
    copy = pickle.loads(pickle.dumps(x))
    assert np.array_equal(copy.mid, x.mid)
    assert np.array_equal(copy.rad, x.rad)
    assert abs(Ball([-2.0, 0.5], 1.0)).contains([1.0, 0.0])
    assert (Ball(-1.0, 2.0) ** 2).lower() >= 0
    assert (Ball(4.0) ** 0.5).contains(2)
    assert (Ball(0.0) * Ball(0.0)).rad <= 5e-324


def test_zero_times_unknown_is_enclosed() -> None:
    out = Ball(0.0) * Ball(0.0, math.inf)
    assert out.contains(0)
    assert np.isinf(out.rad) or out.rad == 0
