"""One random instance of each cited lemma: does the statement hold for it?

A sanity check against a misquoted lemma, in exact rational arithmetic where the statement allows it; it proves nothing.
Each function tests the lemma of its name in :mod:`proofs.lemmas`, which quotes the statement.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

__all__ = ["INSTANCES", "Instance"]

Instance = Callable[[random.Random], bool]

INSTANCES: dict[str, Instance] = {}
"""By the lemma's id: draws one random instance and says whether the statement holds for it."""


def _instance(test: Instance) -> Instance:
    """Enter a test under its own name."""
    INSTANCES[test.__name__.removeprefix("_")] = test
    return test


def _vector(draw: random.Random, size: int) -> list[Fraction]:
    return [Fraction(draw.randint(-9, 9), draw.randint(1, 5)) for _ in range(size)]


def _dot(u: list[Fraction], v: list[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def _normal(draw: random.Random, *shape: int) -> np.ndarray:
    return np.random.default_rng(draw.getrandbits(32)).standard_normal(shape)


# Slack for the rounding of the sampled tests below: they are sanity checks of statements, not bounds that anything
# else relies on.
_SLACK = 1e-9


@_instance
def _cauchy_schwarz(draw: random.Random) -> bool:
    u, v = _vector(draw, 4), _vector(draw, 4)
    return _dot(u, v) ** 2 <= _dot(u, u) * _dot(v, v)


@_instance
def _rayleigh(draw: random.Random) -> bool:
    J, w = _normal(draw, 3, 5), _normal(draw, 3)
    eigenvalues = np.linalg.eigvalsh(J @ J.T)
    value, square = float(np.sum((J.T @ w) ** 2)), float(w @ w)
    return bool(eigenvalues[0] * square <= value + _SLACK and value <= eigenvalues[-1] * square + _SLACK)


@_instance
def _operator_norm(draw: random.Random) -> bool:
    J, x = _normal(draw, 3, 5), _normal(draw, 5)
    norm = np.linalg.norm(J, 2)
    both = abs(norm - np.linalg.norm(J.T, 2)) < _SLACK
    return bool(both and np.linalg.norm(J @ x) <= norm * np.linalg.norm(x) + _SLACK)


@_instance
def _symmetric_norm(draw: random.Random) -> bool:
    A = _normal(draw, 4, 4)
    values, vectors = np.linalg.eigh(A + A.T)
    forms = [abs(float(v @ (A + A.T) @ v)) for v in vectors.T]
    return bool(abs(max(forms) - np.linalg.norm(A + A.T, 2)) < _SLACK and len(values) == 4)


@_instance
def _spectral_theorem(draw: random.Random) -> bool:
    Q, _ = np.linalg.qr(_normal(draw, 4, 4))
    a, b = sorted((2 * draw.random(), 2 * draw.random()))
    A = Q @ np.diag([a, b, a + (b - a) * draw.random(), a + (b - a) * draw.random()]) @ Q.T
    e = _normal(draw, 4)
    m, q = float(e @ A @ e), float(np.sum((A @ e) ** 2))
    return q <= (a + b) * m - a * b * float(e @ e) + _SLACK


@_instance
def _mean_value(draw: random.Random) -> bool:
    # F(x) = x² has J = 2x, L_H = 2: F(x) − F(y) = J̄(x − y) with J̄ = x + y, and |J̄ − J(y)| = |x − y| = ½L_H|x − y|.
    x, y = _vector(draw, 2)
    return x * x - y * y == (x + y) * (x - y) and abs((x + y) - 2 * y) <= abs(x - y)


@_instance
def _taylor(draw: random.Random) -> bool:
    # φ(t) = cubic on [0, T]; φ(T) ≤ φ(0) + Tφ'(0) + ½T² max φ'' (φ'' is affine: its maximum is at an end).
    a, b, c, d = _vector(draw, 4)
    T = Fraction(draw.randint(1, 9), 7)
    most = max(2 * c, 2 * c + 6 * d * T)
    return a + b * T + c * T**2 + d * T**3 <= a + b * T + T**2 * most / 2


@_instance
def _chain_rule(draw: random.Random) -> bool:
    t, s = sp.symbols("t s")
    F = sum(draw.randint(-4, 4) * t**j for j in range(4))
    y = draw.randint(-3, 3)
    second = sp.diff(s / 2 * (F - y) ** 2, t, 2)
    return bool(sp.expand(second - s * (sp.diff(F, t) ** 2 + (F - y) * sp.diff(F, t, 2))) == 0)


@_instance
def _first_exit(draw: random.Random) -> bool:
    # f(t) = x + t·v leaves [−1, 1] at a first time at which it is still inside and on the boundary.
    x, v = Fraction(draw.randint(-8, 8), 9), Fraction(draw.choice([-1, 1]) * draw.randint(1, 9), 2)
    exit_time = ((1 if v > 0 else -1) - x) / v
    return exit_time > 0 and abs(x + exit_time * v) == 1 and abs(x + exit_time * v / 2) < 1


@_instance
def _induction(draw: random.Random) -> bool:
    # A property that holds at 0 and passes from k to k + 1 holds for the first hundred k.
    rate, value, bound = Fraction(draw.randint(1, 8), 9), Fraction(1), Fraction(1)
    for _ in range(100):
        value, bound = value * rate * Fraction(1, 2), bound * rate
        if value > bound:
            return False
    return True


@_instance
def _monotone_integral(draw: random.Random) -> bool:
    # A step function with non-increasing values: (b − a)·value at a ≥ integral over [a, b] ≥ (b − a)·value at b.
    values = sorted((Fraction(draw.randint(-9, 9)) for _ in range(6)), reverse=True)
    widths = [Fraction(draw.randint(1, 5)) for _ in range(6)]
    integral = sum((v * w for v, w in zip(values, widths, strict=True)), Fraction(0))
    length = sum(widths, Fraction(0))
    return values[0] * length >= integral >= values[-1] * length


@_instance
def _completeness(draw: random.Random) -> bool:
    # Σ r^j = 1/(1 − r): a path of summable steps has a limit no further away than the steps that remain.
    r = Fraction(draw.randint(1, 8), 9)
    partial = sum((r**j for j in range(40)), Fraction(0))
    return partial <= 1 / (1 - r) and 1 / (1 - r) - partial == r**40 / (1 - r)


@_instance
def _logarithm(draw: random.Random) -> bool:
    x, y, k = draw.random() + 0.01, 5 * draw.random() + 0.01, draw.randint(1, 9)
    product = abs(np.log(x**k * y) - (k * np.log(x) + np.log(y))) < _SLACK
    return bool(product and np.log(x) <= x - 1 + _SLACK)


@_instance
def _jensen(draw: random.Random) -> bool:
    x, p = _normal(draw, 5) ** 2, np.abs(_normal(draw, 5)) + 0.1
    p /= p.sum()
    return bool((p @ x) ** 2 <= p @ x**2 + _SLACK)


@_instance
def _markov(draw: random.Random) -> bool:
    x = [Fraction(draw.randint(0, 9)) for _ in range(6)]
    level = draw.randint(1, 9)
    return Fraction(sum(v >= level for v in x), 6) <= sum(x) / 6 / level


@_instance
def _tower(draw: random.Random) -> bool:
    table = [_vector(draw, 3) for _ in range(4)]
    rows = [sum(row, Fraction(0)) / 3 for row in table]
    return sum(rows, Fraction(0)) / 4 == sum((v for row in table for v in row), Fraction(0)) / 12


@_instance
def _independent_mean(draw: random.Random) -> bool:
    # E|mean of b = 2 independent draws|² = E|g|²/2 + (1 − 1/2)|E g|², by enumeration.
    g = _vector(draw, 5)
    mean = sum(g, Fraction(0)) / 5
    square = sum((((a + c) / 2) ** 2 for a in g for c in g), Fraction(0)) / 25
    return square == sum((a * a for a in g), Fraction(0)) / 5 / 2 + mean**2 / 2


@_instance
def _geometric(draw: random.Random) -> bool:
    q = Fraction(draw.randint(0, 8), 9)
    return sum((q**j for j in range(50)), Fraction(0)) <= 1 / (1 - q)


@_instance
def _finite_sum(draw: random.Random) -> bool:
    a = _vector(draw, 6)
    b = [x + abs(y) for x, y in zip(a, _vector(draw, 6), strict=True)]
    return sum(a, Fraction(0)) <= sum(b, Fraction(0))


@_instance
def _schur_product(draw: random.Random) -> bool:
    X, delta = _normal(draw, 4, 6), _normal(draw, 4)
    left = float(np.linalg.norm(np.diag(delta) @ X, 2)) ** 2
    right = np.linalg.norm(np.outer(delta, delta) * (X @ X.T), 2)
    P, Q, c = X @ X.T, _normal(draw, 4, 4), draw.random()
    least = float(np.linalg.eigvalsh(P)[0])
    smaller = P - c * least * np.eye(4)  # smaller ⪯ P
    order = np.linalg.eigvalsh((P - smaller) * (Q @ Q.T))[0] >= -_SLACK
    return bool(abs(left - right) < _SLACK * max(1.0, left) and order)


@_instance
def _dimension(draw: random.Random) -> bool:
    # dim(U ∩ ker J) ≥ dim U − rank J: solve J B x = 0 for the coordinates x in a basis B of U.
    J = sp.Matrix(3, 7, lambda i, j: draw.randint(-3, 3))
    B = sp.Matrix(7, 5, lambda i, j: draw.randint(-3, 3))
    return len((J * B).nullspace()) >= 5 - 3


@_instance
def _analytic_zero_set(draw: random.Random) -> bool:
    # One variable: a nonzero polynomial of degree 4 has at most 4 zeros.
    x = sp.Symbol("x")
    polynomial = sp.Poly(sum(draw.randint(-4, 4) * x**j for j in range(4)) + x**4, x)
    return len(sp.real_roots(polynomial, multiple=False)) <= 4


@_instance
def _piecewise_chain_rule(draw: random.Random) -> bool:
    # h(t) = relu(a + bt)·(c + dt): h(1) − h(0) is the integral of relu'(a + bt)·b·(c + dt) + relu(a + bt)·d.
    a, b, c, d = _vector(draw, 4)
    t = sp.Symbol("t", real=True)
    A, B, C, D = (sp.Rational(v.numerator, v.denominator) for v in (a, b, c, d))

    def h(u: Any) -> Any:
        return sp.Max(0, A + B * u) * (C + D * u)

    kink = -A / B if B != 0 else sp.Integer(2)
    ends = [sp.Integer(0), kink, sp.Integer(1)] if 0 < kink < 1 else [sp.Integer(0), sp.Integer(1)]
    total = sp.Integer(0)
    for left, right in itertools.pairwise(ends):
        active = A + B * (left + right) / 2 > 0
        total += sp.integrate(sp.expand(B * (C + D * t) + (A + B * t) * D) if active else 0, (t, left, right))
    return bool(sp.simplify(h(sp.Integer(1)) - h(sp.Integer(0)) - total) == 0)


@_instance
def _convex_support(draw: random.Random) -> bool:
    # Q(E) = max of affine functions: at a point where piece j is active, Q lies above piece j everywhere.
    pieces = [(draw.randint(-9, 9), draw.randint(-9, 9)) for _ in range(4)]
    x, z = _vector(draw, 2)
    _, slope, offset = max((a * x + b, a, b) for a, b in pieces)
    return max(a * z + b for a, b in pieces) >= slope * z + offset


@_instance
def _continuity(draw: random.Random) -> bool:
    # J(θ) = θ² at 1: for every ε there is r with |J − 1| ≤ ε on [1 − r, 1 + r]; here r = ε/3 for ε ≤ 1.
    eps = Fraction(draw.randint(1, 9), 9)
    r = eps / 3
    return (1 + r) ** 2 - 1 <= eps and 1 - (1 - r) ** 2 <= eps


@_instance
def _composition(draw: random.Random) -> bool:
    # F = f(z(w)) for polynomial f and affine z = c·w + d: F'(w) = f'(z)·c.
    w = sp.Symbol("w")
    c, d, at = (sp.Integer(draw.randint(-5, 5)) for _ in range(3))
    u = sp.Symbol("u")
    f = sum(draw.randint(-4, 4) * u**j for j in range(4))
    z = c * w + d
    left = sp.diff(sp.sympify(f).subs(u, z), w).subs(w, at)
    return bool(sp.expand(left - sp.diff(f, u).subs(u, z.subs(w, at)) * c) == 0)


@_instance
def _mixed_product(draw: random.Random) -> bool:
    u, a, v, b = _vector(draw, 3), _vector(draw, 4), _vector(draw, 3), _vector(draw, 4)
    left = _dot([x * y for x in u for y in a], [x * y for x in v for y in b])
    return left == _dot(u, v) * _dot(a, b)


@_instance
def _frobenius(draw: random.Random) -> bool:
    A, B, C, d = _normal(draw, 4, 3), _normal(draw, 3, 5), _normal(draw, 4, 2), _normal(draw, 4)
    norm, spectral, K = np.linalg.norm, np.linalg.norm(A, 2), A @ A.T
    between = spectral <= norm(A) + _SLACK and norm(A) <= np.sqrt(3.0) * spectral + _SLACK
    product = norm(A @ B) <= min(spectral * norm(B), norm(A) * norm(B, 2)) + _SLACK
    columns = norm(A.T * d) <= norm(d) * np.max(norm(A.T, axis=0)) + _SLACK
    own = abs(norm(A.T @ np.diag(d) @ A) ** 2 - d @ (K * K) @ d) < _SLACK * max(1.0, float(norm(K) ** 4))
    cross = abs(norm(C.T @ np.diag(d) @ A) ** 2 - d @ ((C @ C.T) * K) @ d) < 1e3 * _SLACK
    return bool(between and product and columns and own and cross)


@_instance
def _weyl(draw: random.Random) -> bool:
    S, E = _normal(draw, 5, 5), _normal(draw, 5, 5)
    S, E = S + S.T, E + E.T
    moved = np.abs(np.linalg.eigvalsh(S + E) - np.linalg.eigvalsh(S))
    # Of two positive semidefinite matrices the difference is no longer than the longer one.
    P, Q = S @ S, E @ E
    between = np.linalg.norm(P - Q, 2) <= max(np.linalg.norm(P, 2), np.linalg.norm(Q, 2)) + _SLACK
    return bool(moved.max() <= np.linalg.norm(E, 2) + _SLACK and between)


@_instance
def _courant_fischer(draw: random.Random) -> bool:
    # On the span of the eigenvectors of the m largest eigenvalues: wᵀSw ≥ λ_m‖w‖².
    S = _normal(draw, 6, 6)
    values, vectors = np.linalg.eigh(S + S.T)
    m = draw.randint(1, 5)
    w = vectors[:, -m:] @ _normal(draw, m)
    return bool(w @ (S + S.T) @ w >= values[-m] * (w @ w) - _SLACK)


@_instance
def _hoeffding(draw: random.Random) -> bool:
    x, p = _normal(draw, 5), np.abs(_normal(draw, 5)) + 0.01
    p /= p.sum()
    span = x.max() - x.min()
    return bool(np.log(p @ np.exp(x - p @ x)) <= span**2 / 8 + _SLACK)


@_instance
def _lagrange(draw: random.Random) -> bool:
    # The nearest point of the ellipsoid xᵀSx = 1 to θ, by bisection on the multiplier: θ − z is a multiple of the normal Sz.
    S, theta = np.abs(_normal(draw, 4)) + 0.5, 3 * _normal(draw, 4)
    low, high = (0.0, 1e6) if S @ theta**2 > 1 else (-0.999 / S.max(), 0.0)
    for _ in range(200):
        t = (low + high) / 2
        low, high = (t, high) if S @ (theta / (1 + t * S)) ** 2 > 1 else (low, t)
    z = theta / (1 + low * S)
    others = _normal(draw, 200, 4)
    others /= np.sqrt((others**2 @ S)[:, None])
    if abs(S @ z**2 - 1) > 1e-9:  # θ so near the centre that the multiplier is at the edge: nothing is tested
        return True
    return bool(np.linalg.norm(others - theta, axis=1).min() >= np.linalg.norm(z - theta) - 1e-9)


@_instance
def _monotone_limit(draw: random.Random) -> bool:
    # P(τ ≤ T) for a geometric τ increases to 1 = P(τ < ∞), exactly.
    p = Fraction(draw.randint(1, 9), 10)
    values = [1 - (1 - p) ** T for T in range(60)]
    return all(a <= b <= 1 for a, b in itertools.pairwise(values)) and 1 - values[-1] == (1 - p) ** 59


@_instance
def _triangular_ones(draw: random.Random) -> bool:
    m = draw.randint(2, 60)
    norm = np.linalg.norm(np.tril(np.ones((m, m)), -1), 2)
    return bool(abs(norm - 1 / (2 * np.sin(np.pi / (4 * m - 2)))) < _SLACK * m and norm <= 0.64 * m)


@_instance
def _compactness(draw: random.Random) -> bool:
    # A sequence in [0, 1] whose values |x − 1/2| tend to 0 has a limit point with value 0: here the limit itself.
    sign, base = draw.choice([-1, 1]), Fraction(draw.randint(1, 4), 9)
    values = [Fraction(1, 2) + sign * base / 2**k for k in range(60)]
    return all(0 <= x <= 1 for x in values) and abs(values[-1] - Fraction(1, 2)) < Fraction(1, 2**59)
