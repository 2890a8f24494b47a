"""The truth to test against: Arb (python-flint) at 300 bits and more, exact dyadic inputs, no tolerance."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from typing import Any

import flint
import numpy as np

from verify.arrays import Ball

arb = flint.arb
PRECISIONS = (300, 2600, 12000)


@contextmanager
def precision(bits: int) -> Any:
    with flint.ctx.workprec(bits):
        yield


def exact(x: float) -> Any:
    return arb(float(x))


def _sigmoid(x: Any) -> Any:
    if x > 0:
        return 1 / (1 + (-x).exp())
    e = x.exp()
    return e / (1 + e)


def _sigmoids(x: Any) -> tuple[Any, Any, Any, Any]:
    e = (-abs(x)).exp()
    q = 1 + e
    s1 = e / (q * q)
    d = (1 - e) / q if x > 0 else (e - 1) / q
    return _sigmoid(x), s1, -s1 * d, s1 * (d * d - 2 * s1)


def _tanh(x: Any, k: int) -> Any:
    _, s1, s2, s3 = _sigmoids(2 * x)
    return (x.tanh(), 4 * s1, 8 * s2, 16 * s3)[k]


def _silu(x: Any, k: int) -> Any:
    s, s1, s2, s3 = _sigmoids(x)
    return (x * s, s + x * s1, 2 * s1 + x * s2, 3 * s2 + x * s3)[k]


def _softplus(x: Any, k: int) -> Any:
    if k:
        return _sigmoids(x)[k - 1]
    e = (-abs(x)).exp()
    return e.log1p() + (x if x > 0 else 0)


def _gelu(x: Any, k: int) -> Any:
    phi = (-x * x / 2).exp() / (2 * arb.pi()).sqrt()
    cdf = (-x / arb(2).sqrt()).erfc() / 2
    return (x * cdf, cdf + x * phi, phi * (2 - x * x), phi * (x**3 - 4 * x))[k]


def _gelu_tanh(x: Any, k: int) -> Any:
    c, a = 2 * (2 / arb.pi()).sqrt(), arb(44715) / 1000000
    p1, p2, p3 = c * (1 + 3 * a * x * x), 6 * c * a * x, 6 * c * a
    s, s1, s2, s3 = _sigmoids(c * (x + a * x**3))
    if k == 0:
        return x * s
    if k == 1:
        return s + x * p1 * s1
    if k == 2:
        return 2 * p1 * s1 + x * (p2 * s1 + p1 * p1 * s2)
    return 3 * (p2 * s1 + p1 * p1 * s2) + x * (p3 * s1 + 3 * p1 * p2 * s2 + p1**3 * s3)


def _erf(x: Any, k: int) -> Any:
    if k == 0:
        return x.erf()
    g = 2 / arb.pi().sqrt() * (-x * x).exp()
    return (g, -2 * x * g, (4 * x * x - 2) * g)[k - 1]


def _log(x: Any, k: int) -> Any:
    return x.log() if k == 0 else (1 / x, -1 / (x * x), 2 / (x * x * x))[k - 1]


def _log1p(x: Any, k: int) -> Any:
    return x.log1p() if k == 0 else _log(1 + x, k)


def _sqrt(x: Any, k: int) -> Any:
    r = x.sqrt()
    return r if k == 0 else (1 / (2 * r), -1 / (4 * x * r), 3 / (8 * x * x * r))[k - 1]


def _celu(x: Any, k: int, alpha: float) -> Any:
    """At 0 the left side's second derivative."""
    if x > 0:
        return (x, flint.arb(1), flint.arb(0))[k]
    a = flint.arb(alpha)
    return (a * (x / a).expm1(), (x / a).exp(), (x / a).exp() / a)[k]


def _softsign(x: Any, k: int) -> Any:
    size = 1 + abs(x)
    return (x / size, 1 / size**2, (-2 if x > 0 else 2) / size**3)[k]


FUNCTIONS: dict[str, Callable[[Any, int], Any]] = {
    "exp": lambda x, k: x.exp(),
    "expm1": lambda x, k: x.exp() if k else x.expm1(),
    "log": _log,
    "log1p": _log1p,
    "sqrt": _sqrt,
    "tanh": _tanh,
    "sigmoid": lambda x, k: _sigmoids(x)[k],
    "softplus": _softplus,
    "sin": lambda x, k: (x.sin(), x.cos(), -x.sin(), -x.cos())[k],
    "cos": lambda x, k: (x.cos(), -x.sin(), -x.cos(), x.sin())[k],
    "erf": _erf,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": _silu,
}
LIPSCHITZ: dict[str, Callable[[Any, int], Any]] = {
    "celu": lambda x, k: _celu(x, k, 1.0),
    "celu_0.3": lambda x, k: _celu(x, k, 0.3),
    "celu_2.5": lambda x, k: _celu(x, k, 2.5),
    "softsign": _softsign,
}
"""Functions whose derivative is Lipschitz, with derivatives up to the second; CELU's α behind its name."""


def verdict(mid: float, rad: float, truth: Callable[[], Any]) -> bool | None:
    """True: the exact value lies in [mid − rad, mid + rad]; False: it does not; None: Arb cannot evaluate it.

    Raises AssertionError if 12,000 bits do not decide, which has not been seen.
    """
    if rad == np.inf:
        return True
    for bits in PRECISIONS:
        with flint.ctx.workprec(bits):
            try:
                value = truth()
            except (ZeroDivisionError, OverflowError):
                return None
            if not value.is_finite():
                continue
            # Exact from 2,600 bits on; at 300 bits the ends are themselves enclosed, so a decision stays
            # right.
            low, high = exact(mid) - exact(rad), exact(mid) + exact(rad)
            if low <= value and value <= high:
                return True
            if value < low or value > high:
                return False
    if not value.is_finite():
        return None
    raise AssertionError(f"undecided at {PRECISIONS[-1]} bits: mid={mid!r} rad={rad!r} value={value}")


def smallest_eigenvalue_enclosed(a: Any, ball: Ball) -> bool:
    """Exact: λ_min of the rational symmetric matrix a lies in the ball (inertia by LDLᵀ over the rationals)."""
    lo = Fraction(float(ball.mid)) - Fraction(float(ball.rad))
    hi = Fraction(float(ball.mid)) + Fraction(float(ball.rad))
    return negative_pivots(a, lo) == 0 and not positive_definite(a, hi)


def _shifted(a: Any, s: Fraction) -> Any:
    n = len(a)
    m = flint.fmpq_mat(n, n)
    for i in range(n):
        for j in range(n):
            q = Fraction(a[i][j]) - (s if i == j else 0)
            m[i, j] = flint.fmpq(q.numerator, q.denominator)
    return m


def _charpoly_signs(a: Any, s: Fraction) -> list[int]:
    c = _shifted(a, s).charpoly()
    return [(c[i] > 0) - (c[i] < 0) for i in range(c.degree() + 1)]


def negative_pivots(a: Any, s: Fraction) -> int:
    """Number of eigenvalues below s: Descartes' rule is exact for real-rooted polynomials."""
    signs = _charpoly_signs(a, s)
    flipped = [v if i % 2 == 0 else -v for i, v in enumerate(signs)]
    nonzero = [v for v in flipped if v]
    return sum(x != y for x, y in pairwise(nonzero))


def positive_definite(a: Any, s: Fraction) -> bool:
    """Whether all eigenvalues exceed s."""
    signs = _charpoly_signs(a, s)
    nonzero = [v for v in signs if v]
    return signs[0] != 0 and sum(x != y for x, y in pairwise(nonzero)) == len(a)
