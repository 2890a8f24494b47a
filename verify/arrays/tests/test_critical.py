"""Proof by Arb that the lists of critical points are complete, so that ranges spanned by ends and listed
points are ranges.

f^(j), j = k + 1, is a positive factor (σ', the Gaussian) times a ratio in x and d = tanh(p/2) that is even or
odd in x. Each ratio is shown to have one sign on every gap between listed zeros (widened by 2u relatively) of [0, X]
by bisection, to cross zero simply at each of them, and to keep its sign beyond X by the same formula divided
by its leading power, with 1/x in [0, 1/X], d in [1 − 1e-6, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import pytest

from verify.arrays.functions.critical_points import CRITICAL
from verify.arrays.tests.reference import FUNCTIONS, arb, precision

U = 2.0**-53
X = 24.0


def _r(d: Any) -> tuple[Any, Any, Any, Any]:
    """σ^(j)/σ' for j = 1..4 in d = tanh(x/2): σ' = (1 − d²)/4, d' = 2σ'."""
    return d * 0 + 1, -d, (3 * d * d - 1) / 2, d * (2 - 3 * d * d)


def _d(p: Any) -> Any:
    e = p.exp()
    return (e - 1) / (e + 1)


def _c() -> Any:
    return 2 * (2 / arb.pi()).sqrt()


def _a() -> Any:
    return arb(44715) / 1000000  # at the working precision


def _silu(j: int, x: Any) -> Any:
    r = _r(_d(x))
    return j * r[j - 2] + x * r[j - 1]


def _gelu_tanh(j: int, x: Any) -> Any:
    p, p1, p2, p3 = (
        _c() * (x + _a() * x * x * x),
        _c() * (1 + 3 * _a() * x * x),
        6 * _a() * _c() * x,
        6 * _a() * _c(),
    )
    d = _d(p)
    _, r2, r3, r4 = _r(d)
    h1, h2, h3 = p1, p2 + p1 * p1 * r2, p3 + 3 * p1 * p2 * r2 + p1 * p1 * p1 * r3
    h4 = (4 * p1 * p3 + 3 * p2 * p2) * r2 + 6 * p1 * p1 * p2 * r3 + p1 * p1 * p1 * p1 * r4
    return (2 * h1 + x * h2, 3 * h2 + x * h3, 4 * h3 + x * h4)[j - 2]


def _silu_tail(j: int, t: Any, d: Any) -> Any:
    r = _r(d)
    return j * r[j - 2] * t + r[j - 1]


def _gelu_tanh_tail(j: int, t: Any, d: Any) -> Any:
    """The ratio divided by x^5, x^7, x^9 for j = 2, 3, 4; t = 1/x."""
    q1, q2 = _c() * (t * t + 3 * _a()), 6 * _a() * _c()
    _, r2, r3, r4 = _r(d)
    h2, h3 = q2 * t**3 + q1 * q1 * r2, q2 * t**6 + 3 * q1 * q2 * r2 * t**3 + q1**3 * r3
    h4 = (4 * q1 * q2 + 3 * q2 * q2) * r2 * t**6 + 6 * q1 * q1 * q2 * r3 * t**3 + q1**4 * r4
    return (2 * q1 * t**3 + h2, 3 * h2 * t**3 + h3, 4 * h3 * t**3 + h4)[j - 2]


# f^(j) = positive factor × ratio(j, x); order 1 is treated in test_first_derivatives.
RATIOS: dict[str, Callable[[int, Any], Any]] = {
    "tanh": lambda j, x: _r(_d(2 * x))[j - 1],
    "sigmoid": lambda j, x: _r(_d(x))[j - 1],
    "softplus": lambda j, x: _r(_d(x))[j - 2],
    "silu": _silu,
    "gelu": lambda j, x: (2 - x * x, x * x * x - 4 * x, 7 * x * x - x * x * x * x - 4)[j - 2],
    "gelu_tanh": _gelu_tanh,
    "erf": lambda j, x: (-x, 2 * x * x - 1, 3 * x - 2 * x * x * x)[j - 2],
}
TAILS: dict[str, Callable[[int, Any, Any], Any]] = {
    "tanh": lambda j, t, d: _r(d)[j - 1],
    "sigmoid": lambda j, t, d: _r(d)[j - 1],
    "softplus": lambda j, t, d: _r(d)[j - 2],
    "silu": _silu_tail,
    "gelu": lambda j, t, d: (2 * t**2 - 1, 1 - 4 * t**2, 7 * t**2 - 1 - 4 * t**4)[j - 2],
    "gelu_tanh": _gelu_tanh_tail,
    "erf": lambda j, t, d: (t * 0 - 1, 2 - t**2, 3 * t**2 - 2)[j - 2],
}
CASES = [(name, j) for name in CRITICAL for j in (2, 3, 4)]


def _hull(low: Any, high: Any) -> Any:
    return low.union(high)


def _sign(value: Any) -> int:
    return 1 if value > 0 else -1 if value < 0 else 0


def _one_sign(f: Callable[[Any], Any], low: Any, high: Any, depth: int = 0) -> int:
    """Sign of f on [low, high], proved by bisection; fails the test where there is none."""
    sign = _sign(f(_hull(low, high)))
    if sign:
        return sign
    assert depth < 90, f"no proved sign on [{low}, {high}]"
    middle = arb(((low + high) / 2).mid())
    left, right = _one_sign(f, low, middle, depth + 1), _one_sign(f, middle, high, depth + 1)
    assert left == right, f"the sign changes near {middle}"
    return left


def _slope(name: str, j: int, box: Any) -> Any:
    return RATIOS[name](j, flint.arb_series([box, 1], prec=2))[1]


@pytest.mark.parametrize(("name", "j"), CASES)
def test_zeros_are_complete(name: str, j: int) -> None:
    zeros = CRITICAL[name][j - 1]
    assert zeros == tuple(-z for z in reversed(zeros))
    with precision(160):
        edges: list[Any] = []
        for z in (z for z in zeros if z >= 0):
            if z == 0.0:
                # The ratio is odd; a slope of one sign on [0, 1/64] leaves no zero there but 0 itself.
                assert _sign(RATIOS[name](j, arb(0))) == 0
                low, high = arb(0), arb(1) / 64
            else:
                low, high = arb(z) - arb(2 * U * z), arb(z) + arb(2 * U * z)
                ends = _sign(RATIOS[name](j, low)), _sign(RATIOS[name](j, high))
                assert sorted(ends) == [-1, 1], f"the zero near {z} is not within 2u·|z|"
            assert _sign(_slope(name, j, _hull(low, high))) != 0, f"the zero near {z} is not proved simple"
            edges += [low, high]
        start = [] if edges and edges[0] == 0 else [arb(0)]
        points = start + (edges if start else edges[1:]) + [arb(X)]
        for low, high in zip(points[::2], points[1::2], strict=True):
            _one_sign(lambda x: RATIOS[name](j, x), low, high)
        tail = TAILS[name](j, _hull(arb(0), 1 / arb(X)), _hull(1 - arb(10) ** -6, arb(1)))
        at_edge = RATIOS[name](j, arb(X))
        assert _sign(tail) != 0
        assert _sign(tail) == _sign(at_edge)


@pytest.mark.parametrize(("name", "j"), CASES)
def test_ratios_are_the_derivatives(name: str, j: int) -> None:
    """Taylor arithmetic on power series against factor × ratio, at points of both signs."""
    with precision(200):
        for x in (arb(-3) / 2, arb(-1) / 3, arb(0), arb(2) / 7, arb(3), arb(5)):
            factorial = {2: 2, 3: 6, 4: 24}[j]
            value, factor = _value_and_factor(name, j, x)
            difference = value[j] * factorial - factor * RATIOS[name](j, x)
            assert abs(difference) < arb(10) ** -30


def _value_and_factor(name: str, j: int, x: Any) -> tuple[Any, Any]:
    """Power series of f at x to order 5, and f^(j)/ratio."""
    s = flint.arb_series([x, 1], prec=6)
    if name == "tanh":
        return 2 / (1 + (-2 * s).exp()) - 1, _sigma_prime(2 * x) * 2 ** (j + 1)
    if name == "softplus":
        return (1 + s.exp()).log(), _sigma_prime(x)
    if name == "gelu":
        return s * (1 + (s / arb(2).sqrt()).erf()) / 2, (-x * x / 2).exp() / (2 * arb.pi()).sqrt()
    if name == "erf":
        return s.erf(), (4 if j < 4 else 8) / arb.pi().sqrt() * (-x * x).exp()
    if name == "gelu_tanh":
        cubic = _c() * (s + _a() * s * s * s)
        return s / (1 + (-cubic).exp()), _sigma_prime(_c() * (x + _a() * x**3))
    sigma = 1 / (1 + (-s).exp())
    return (sigma if name == "sigmoid" else s * sigma), _sigma_prime(x)


def _sigma_prime(x: Any) -> Any:
    e = (-abs(x)).exp()
    return e / (1 + e) ** 2


def test_first_derivatives() -> None:
    """Order 1: tanh, sigmoid, softplus, erf have none; silu and both GELUs exactly one zero.

    silu'/σ' = 1 + e^x + x increases. gelu_tanh'/σ'(p) = 1 + e^p + x·p' with slope p'(e^p + 1) + x·p'' > 0.
    gelu' = Φ + xφ has gelu'' = φ(2 − x²): it falls from 0 to −√2, rises to √2 and falls to its limit 1 > 0:
    one zero, between −√2 and 0. So a sign change within 2u·|z| is the zero.
    """
    for name in ("tanh", "sigmoid", "softplus", "erf"):
        assert CRITICAL[name][0] == ()
    with precision(200):
        for name in ("silu", "gelu", "gelu_tanh"):
            (z,) = CRITICAL[name][0]
            assert -(2.0**0.5) < z < 0
            low, high = arb(z) - arb(2 * U) * abs(arb(z)), arb(z) + arb(2 * U) * abs(arb(z))
            assert FUNCTIONS[name](low, 1) < 0
            assert FUNCTIONS[name](high, 1) > 0


def test_a_missing_point_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: a dropped zero, a zero off by 4 ulp."""
    full = CRITICAL["silu"]
    monkeypatch.setitem(CRITICAL, "silu", (*full[:3], (full[3][0], full[3][3])))
    with pytest.raises(AssertionError):
        test_zeros_are_complete("silu", 4)
    off = full[1][1] * (1 + 8 * U)
    monkeypatch.setitem(CRITICAL, "silu", (full[0], (-off, off), *full[2:]))
    with pytest.raises(AssertionError):
        test_zeros_are_complete("silu", 2)
