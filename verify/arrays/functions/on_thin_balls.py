"""Values of the activations and their derivatives on thin balls, from the kernels and ball arithmetic.

Each function takes a point ball, or one a few ulp wide, and returns an enclosure; nothing here is tight on wide balls: that is
the business of :mod:`verify.arrays.functions.on_balls`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from verify.arrays.ball import Ball, _build, _checked, _point
from verify.arrays.combine import where
from verify.arrays.functions import at_points
from verify.arrays.rounding import MAX, Array, U, quiet

PointFunction = Callable[[Ball], Ball]

GELU_TAIL = 45.0

# The nearest doubles with at least half an ulp; checked against Arb by tests/test_tightness.py.
_INV_SQRT_2PI = Ball(0.3989422804014327, 5.6e-17)
_TWO_INV_SQRT_PI = Ball(1.1283791670955126, 2.3e-16)
_SQRT_2_OVER_PI = Ball(0.7978845608028654, 1.2e-16)
_INV_SQRT_2 = Ball(0.7071067811865476, 1.2e-16)
_INV_SQRT_PI = Ball(0.5641895835477563, 1.2e-16)


def evaluate(f: Callable[[Array], at_points.Kernel], x: Ball) -> Ball:
    """Monotone increasing kernel f over a ball."""
    if x.is_point:
        with quiet():
            return _checked(*_in_chunks(f, x.mid))
    lo, hi = x.lower(), x.upper()
    a, b = evaluate(f, _point(np.clip(lo, -MAX, MAX))), evaluate(f, _point(np.clip(hi, -MAX, MAX)))
    return Ball.from_bounds(a.lower(), np.maximum(b.upper(), a.lower()))


def _in_chunks(f: Callable[[Array], at_points.Kernel], x: Array) -> at_points.Kernel:
    """f over blocks that stay in cache."""
    if x.size <= at_points.CHUNK:
        return f(x)
    flat = np.ascontiguousarray(x).reshape(-1)
    v, err = np.empty(flat.size), np.empty(flat.size)
    for i in range(0, flat.size, at_points.CHUNK):
        part = slice(i, i + at_points.CHUNK)
        v[part], err[part] = f(flat[part])
    return v.reshape(x.shape), err.reshape(x.shape)


def _exp(x: Ball) -> Ball:
    return evaluate(at_points.exp, x)


def _sigmoid_parts(x: Ball) -> tuple[Ball, Ball, Ball]:
    """(σ(x), σ'(x), d = tanh(x/2)) from w = e^−|x|: no cancellation at any sign."""
    with quiet():
        a = abs(x)
        w = _exp(-a)
        q = 1.0 + w
        positive = (
            x.mid >= 0
        )  # on a thin ball across 0 either form is valid: both are identities for |x| only at points
    if not x.is_point and bool((np.abs(x.mid) <= x.rad).any()):
        # σ is increasing, d odd and increasing, σ' even and decreasing in |x|: spanned by the ends.
        lo, hi = _point(x.lower()), _point(x.upper())
        s0, _, d0 = _sigmoid_parts(lo)
        s1, _, d1 = _sigmoid_parts(hi)
        return Ball.hull(s0, s1), w / (q * q), Ball.hull(d0, d1)
    s = where(positive, 1.0, w) / q
    d = -evaluate(at_points.expm1, -a) / q
    return s, w / (q * q), where(positive, d, -d)


def tanh(k: int) -> PointFunction:
    """tanh^(k) for thin balls."""

    def f(x: Ball) -> Ball:
        if k == 0:
            return evaluate(at_points.tanh, x)
        t = evaluate(at_points.tanh, x)
        w = _exp(-2.0 * abs(x))
        q = 1.0 + w
        d = 4.0 * w / (q * q)
        if k == 1:
            return d
        if k == 2:
            return -2.0 * (t * d)
        return d * (6.0 * (t * t) - 2.0)

    return f


def sigmoid(k: int) -> PointFunction:
    """σ^(k) for thin balls."""

    def f(x: Ball) -> Ball:
        s, p, d = _sigmoid_parts(x)
        return (s, p, -(p * d), p * (d * d - 2.0 * p))[k]

    return f


def softplus(k: int) -> PointFunction:
    """Softplus^(k), β = 1, for thin balls."""

    def f(x: Ball) -> Ball:
        if k > 0:
            return sigmoid(k - 1)(x)
        # max(x, 0) + log1p(e^−|x|); on thin balls only.
        m = Ball.from_bounds(np.maximum(x.lower(), 0.0), np.maximum(x.upper(), 0.0))
        return m + evaluate(at_points.log1p, _exp(-abs(x)))

    return f


def silu(k: int) -> PointFunction:
    """(xσ(x))^(k) for thin balls."""

    def f(x: Ball) -> Ball:
        s, p, d = _sigmoid_parts(x)
        if k == 0:
            return x * s
        if k == 1:
            return s + x * p
        if k == 2:
            return p * (2.0 - x * d)  # 2σ' + xσ'', σ'' = −σ'd
        return p * (x * (d * d - 2.0 * p) - 3.0 * d)  # 3σ'' + xσ'''

    return f


def softsign(k: int) -> PointFunction:
    """t/(1 + |t|), or its derivative 1/(1 + |t|)², for thin balls."""

    def f(x: Ball) -> Ball:
        inverse = 1.0 / (1.0 + abs(x))
        return inverse * inverse if k else x * inverse

    return f


def _gauss(x: Ball) -> Ball:
    """e^(−x²) for a thin ball, relatively accurate for large |x|.

    x² = h² + (x − h)(x + h) with h = mid cut to 26 bits: h² is an exact double, the second part small, so
    neither e^(−h²) nor the factor suffers the rounding of x² (relative x²·u otherwise).
    """
    with quiet():
        m = np.clip(x.mid, -40.0, 40.0)
        c = m * 134217729.0  # Veltkamp split; any h with an exact square would do
        h = c - (c - m)
    hb = _point(h)
    square = _checked(h * h, np.zeros(h.shape))  # 26 × 26 bits; below 2^-500 it may underflow by η/2:
    square = _build(square.mid, np.where(np.abs(h) < 2.0**-400, 2.0**-1000, 0.0), False)
    clipped = _clip_ball(x, 40.0)
    value = _exp(-square) * _exp(-((clipped - hb) * (clipped + hb)))
    outside = x.magnitude() > 40.0
    # e^(−x²) lies in [0, e^(−1600)], which is below η/2, for |x| ≥ 40.
    return where(outside, Ball.hull(0.0, value), value) if outside.any() else value


def _clip_ball(x: Ball, bound: float) -> Ball:
    if (x.magnitude() <= bound).all():
        return x
    lo, hi = np.clip(x.lower(), -bound, bound), np.clip(x.upper(), -bound, bound)
    return Ball.from_bounds(lo, hi)


_ERF_SWITCH = 1.5
_ERF_TERMS = 40
_ERFC_LEVELS = 100


def _erf_series(x: Ball) -> Ball:
    """erf for thin balls with |x| ≤ 1.6: (2/√π)·x·e^(−x²)·Σ (2x²)^n/(1·3···(2n+1)), all terms positive."""
    z = x * x
    z2 = z + z
    # Rest after n = 40: each further factor 2z/(2n+1) ≤ 5.2/83 < 0.1, so t_40 ∈ 1 + [0, 0.2].
    t = Ball(np.full(x.shape, 1.1), 0.1)
    for n in range(_ERF_TERMS, 0, -1):
        t = 1.0 + z2 * t / float(2 * n + 1)
    return _TWO_INV_SQRT_PI * x * _gauss(x) * t


def _erfc_fraction(x: Ball) -> Ball:
    """e^(x²)·√π·erfc(x) for thin balls, x ≥ 1.4: 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))).

    The tail t_k = x + (k/2)/t_{k+1} lies in [x, x + (k/2)/x] (all terms positive) and x + c/t decreases in t,
    so lower and upper bounds alternate on the way up and contract. Each step makes two roundings of normal
    positive numbers: factors 1 ∓ 4u.
    """
    with quiet():
        down, up = 1.0 - 4.0 * U, 1.0 + 4.0 * U
        a = np.maximum(x.lower(), 1.4)
        b = np.maximum(x.upper(), a)
        low, high = a, (b + (0.5 * _ERFC_LEVELS) / a) * up * up
        for k in range(_ERFC_LEVELS - 1, 0, -1):
            c = 0.5 * k
            low, high = (a + (c / high) * down) * down, (b + (c / low) * up) * up
        return 1.0 / Ball.from_bounds(low, high)


def _erfc_tail(x: Ball) -> Ball:
    """erfc for thin balls with x ≥ 1.4 (up to infinity): in [0, 2^-1074) beyond 27.3, where _gauss already
    underflows.
    """
    c = _clip_ball(x, 40.0)
    value = _INV_SQRT_PI * _gauss(c) * _erfc_fraction(c)
    outside = x.upper() > 40.0
    return where(outside, Ball.hull(0.0, value), value) if outside.any() else value


def erf(k: int) -> PointFunction:
    """erf^(k) for thin balls."""

    def f(x: Ball) -> Ball:
        if k > 0:
            g = _TWO_INV_SQRT_PI * _gauss(x)
            y = _clip_ball(x, 60.0)
            return (g, -2.0 * (y * g), (4.0 * (y * y) - 2.0) * g)[k - 1]
        big = np.abs(x.mid) > _ERF_SWITCH
        inner = where(big, 0.0, x)
        value = _erf_series(inner)
        if big.any():
            a = where(big, abs(x), 3.0)
            tail = 1.0 - _erfc_tail(a)
            value = where(big, where(x.mid < 0, -tail, tail), value)
        return value

    return f


def _normal_cdf(x: Ball) -> Ball:
    """Φ(x), relatively accurate in the lower tail, for thin balls."""
    y = x * _INV_SQRT_2
    big = np.abs(y.mid) > _ERF_SWITCH
    value = 0.5 * (1.0 + _erf_series(where(big, 0.0, y)))
    if big.any():
        # Φ(−a) = ½erfc(a/√2). e^(−y²) with y = x/√2 rounded would lose y²·u: use e^(−x²/2) of x itself.
        a = where(big, abs(x), 5.0)
        c = _clip_ball(a * _INV_SQRT_2, 40.0)
        tail = 0.5 * (_INV_SQRT_PI * _half_gauss(a) * _erfc_fraction(c))
        outside = a.upper() > 56.0
        if outside.any():
            tail = where(outside, Ball.hull(0.0, tail), tail)
        value = where(big, where(x.mid < 0, tail, 1.0 - tail), value)
    return value


def _half_gauss(x: Ball) -> Ball:
    """e^(−x²/2) for thin balls: the square's exact split halves exactly."""
    with quiet():
        m = np.clip(x.mid, -60.0, 60.0)
        c = m * 134217729.0
        h = c - (c - m)
    square = _build(0.5 * h * h, np.where(np.abs(h) < 2.0**-400, 2.0**-1000, 0.0), False)
    clipped = _clip_ball(x, 60.0)
    value = _exp(-square) * _exp(-0.5 * ((clipped - _point(h)) * (clipped + _point(h))))
    outside = x.magnitude() > 60.0
    return where(outside, Ball.hull(0.0, value), value) if outside.any() else value


def gelu(k: int) -> PointFunction:
    """(xΦ(x))^(k) for thin balls."""

    def f(x: Ball) -> Ball:
        if k == 0:
            return x * _normal_cdf(x)
        y = _clip_ball(x, 60.0)
        phi = _INV_SQRT_2PI * _half_gauss(y)
        if k == 1:
            return _normal_cdf(y) + y * phi
        z = y * y
        return phi * (2.0 - z) if k == 2 else phi * (y * (z - 4.0))

    return f


_CUBIC = Ball("0.044715")


def gelu_tanh(k: int) -> PointFunction:
    """k-th derivative of the tanh form of GELU for thin balls."""

    def f(x: Ball) -> Ball:
        # x·σ(p), p = 2√(2/π)(x + 0.044715x³) = ½x(1 + tanh(p/2)).
        y = _clip_ball(x, GELU_TAIL)
        z = y * y
        c = 2.0 * _SQRT_2_OVER_PI
        s, s1, d = _sigmoid_parts(c * (y * (1.0 + _CUBIC * z)))
        if k == 0:
            # Beyond ±45, σ(p(x)) lies between its value at ±45 and its limit.
            s = where(
                x.upper() > GELU_TAIL,
                Ball.hull(s, 1.0),
                where(x.lower() < -GELU_TAIL, Ball.hull(s, 0.0), s),
            )
            return x * s
        p1 = c * (1.0 + 3.0 * _CUBIC * z)
        s2 = -(s1 * d)
        if k == 1:
            return s + y * (p1 * s1)
        p2 = 6.0 * c * _CUBIC * y
        if k == 2:
            return 2.0 * (p1 * s1) + y * (p2 * s1 + p1 * p1 * s2)
        s3 = s1 * (d * d - 2.0 * s1)
        p3 = 6.0 * c * _CUBIC
        return 3.0 * (p2 * s1 + p1 * p1 * s2) + y * (p3 * s1 + 3.0 * (p1 * p2 * s2) + p1 * p1 * p1 * s3)

    return f
