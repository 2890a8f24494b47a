"""Elementary functions and activations on balls: value and derivative ranges, tight for any width.

``f(x, derivative=k)`` encloses f^(k)(t) for every t in x, k = 0..3. A radius may be infinite: the result is then the global range.

Method: f^(k) is monotone between the zeros of f^(k+1) (:mod:`verify.arrays.critical`), so the range over an interval is spanned by the
two ends and the extrema inside. Points are evaluated by :mod:`verify.arrays.kernels` and ball arithmetic. The activations
are the mathematical functions, not torch's: torch.nn.functional.softplus(20.5) returns x, gelu(−10) returns −0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from verify.arrays import kernels
from verify.arrays.ball import Ball, _build, _checked, _point, as_ball, where
from verify.arrays.critical import CRITICAL
from verify.arrays.rounding import INFLATE, MAX, U, Array, quiet
from verify.errors import DomainError, InputError

PointFunction = Callable[[Ball], Ball]

# Beyond ±_TAIL every bounded function here is monotone and within its limit's hull with the value at ±_TAIL.
_TAIL = 800.0
_GELU_TAIL = 45.0


def _constant(text: str) -> Ball:
    return Ball(text)


# Truncated decimals: the remainder is below the last digit shown, far inside the double rounding of Ball(str); widened by one ulp.
_INV_SQRT_2PI = Ball(0.3989422804014327, 5.6e-17)
_TWO_INV_SQRT_PI = Ball(1.1283791670955126, 2.3e-16)
_SQRT_2_OVER_PI = Ball(0.7978845608028654, 1.2e-16)
_INV_SQRT_2 = Ball(0.7071067811865476, 1.2e-16)
_INV_SQRT_PI = Ball(0.5641895835477563, 1.2e-16)


# ------------------------------------------------------------------ point evaluations (ball in, ball out; used on thin balls)


def _kernel(f: Callable[[Array], kernels.Kernel], x: Ball) -> Ball:
    """Monotone increasing kernel f over a ball."""
    if x.is_point:
        with quiet():
            return _checked(*_in_chunks(f, x.mid))
    lo, hi = x.lower(), x.upper()
    a, b = _kernel(f, _point(np.clip(lo, -MAX, MAX))), _kernel(f, _point(np.clip(hi, -MAX, MAX)))
    return Ball.from_bounds(a.lower(), np.maximum(b.upper(), a.lower()))


def _in_chunks(f: Callable[[Array], kernels.Kernel], x: Array) -> kernels.Kernel:
    """f over blocks that stay in cache."""
    if x.size <= kernels.CHUNK:
        return f(x)
    flat = np.ascontiguousarray(x).reshape(-1)
    v, err = np.empty(flat.size), np.empty(flat.size)
    for i in range(0, flat.size, kernels.CHUNK):
        part = slice(i, i + kernels.CHUNK)
        v[part], err[part] = f(flat[part])
    return v.reshape(x.shape), err.reshape(x.shape)


def _exp(x: Ball) -> Ball:
    return _kernel(kernels.exp, x)


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
    d = -_kernel(kernels.expm1, -a) / q
    return s, w / (q * q), where(positive, d, -d)


def _tanh_point(k: int) -> PointFunction:
    def f(x: Ball) -> Ball:
        if k == 0:
            return _kernel(kernels.tanh, x)
        t = _kernel(kernels.tanh, x)
        w = _exp(-2.0 * abs(x))
        q = 1.0 + w
        d = 4.0 * w / (q * q)
        if k == 1:
            return d
        if k == 2:
            return -2.0 * (t * d)
        return d * (6.0 * (t * t) - 2.0)

    return f


def _sigmoid_point(k: int) -> PointFunction:
    def f(x: Ball) -> Ball:
        s, p, d = _sigmoid_parts(x)
        return (s, p, -(p * d), p * (d * d - 2.0 * p))[k]

    return f


def _softplus_point(k: int) -> PointFunction:
    def f(x: Ball) -> Ball:
        if k > 0:
            return _sigmoid_point(k - 1)(x)
        # max(x, 0) + log1p(e^−|x|); on thin balls only.
        m = Ball.from_bounds(np.maximum(x.lower(), 0.0), np.maximum(x.upper(), 0.0))
        return m + _kernel(kernels.log1p, _exp(-abs(x)))

    return f


def _silu_point(k: int) -> PointFunction:
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


def _gauss(x: Ball) -> Ball:
    """e^(−x²) for a thin ball, relatively accurate for large |x|.

    x² = h² + (x − h)(x + h) with h = mid cut to 26 bits: h² is an exact double, the second part small, so neither e^(−h²) nor the factor suffers
    the rounding of x² (relative x²·u otherwise).
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


_ERF_SWITCH = 2.5
_ERF_TERMS = 64
_ERFC_LEVELS = 100


def _erf_series(x: Ball) -> Ball:
    """erf for thin balls with |x| ≤ 2.5: (2/√π)·x·e^(−x²)·Σ (2x²)^n/(1·3···(2n+1)), all terms positive."""
    z = x * x
    z2 = z + z
    # Rest after n = 64: each further factor 2z/(2n+1) ≤ 12.6/131 < 0.1, so t_64 ∈ 1 + [0, 0.2].
    t = Ball(np.full(x.shape, 1.1), 0.1)
    for n in range(_ERF_TERMS, 0, -1):
        t = 1.0 + z2 * t / float(2 * n + 1)
    return _TWO_INV_SQRT_PI * x * _gauss(x) * t


def _erfc_fraction(x: Ball) -> Ball:
    """e^(x²)·√π·erfc(x) for thin balls, x ≥ 2.4: 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))).

    The tail t_k = x + (k/2)/t_{k+1} lies in [x, x + (k/2)/x] (all terms positive) and x + c/t decreases in t, so lower and upper
    bounds alternate on the way up and contract. Each step makes two roundings of normal positive numbers: factors 1 ∓ 4u.
    """
    with quiet():
        down, up = 1.0 - 4.0 * U, 1.0 + 4.0 * U
        a = np.maximum(x.lower(), 2.4)
        b = np.maximum(x.upper(), a)
        low, high = a, (b + (0.5 * _ERFC_LEVELS) / a) * up * up
        for k in range(_ERFC_LEVELS - 1, 0, -1):
            c = 0.5 * k
            low, high = (a + (c / high) * down) * down, (b + (c / low) * up) * up
        return 1.0 / Ball.from_bounds(low, high)


def _erfc_tail(x: Ball) -> Ball:
    """erfc for thin balls with x ≥ 2.4 (up to infinity): in [0, 2^-1074) beyond 27.3, where _gauss already underflows."""
    c = _clip_ball(x, 40.0)
    value = _INV_SQRT_PI * _gauss(c) * _erfc_fraction(c)
    outside = x.upper() > 40.0
    return where(outside, Ball.hull(0.0, value), value) if outside.any() else value


def _erf_point(k: int) -> PointFunction:
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
    # The lower tail from the series: for −3.6 < x < −1 it cancels; the fraction is valid from y = 2.4 only.
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


def _gelu_point(k: int) -> PointFunction:
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


def _gelu_tanh_point(k: int) -> PointFunction:
    def f(x: Ball) -> Ball:
        # x·σ(p), p = 2√(2/π)(x + 0.044715x³) = ½x(1 + tanh(p/2)).
        y = _clip_ball(x, _GELU_TAIL)
        z = y * y
        c = 2.0 * _SQRT_2_OVER_PI
        s, s1, d = _sigmoid_parts(c * (y * (1.0 + _CUBIC * z)))
        if k == 0:
            # Beyond ±45, σ(p(x)) lies between its value at ±45 and its limit.
            s = where(
                x.upper() > _GELU_TAIL,
                Ball.hull(s, 1.0),
                where(x.lower() < -_GELU_TAIL, Ball.hull(s, 0.0), s),
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


# ------------------------------------------------------------------ ranges


def _range(
    x: Ball, f: PointFunction, critical: tuple[float, ...], left: float, right: float, tail: float
) -> Ball:
    """Range of f over x, f monotone between critical points and beyond ±tail; left, right its limits at ∓infinity."""
    with quiet():
        if (
            x.is_point
            and (math.isinf(left) or (x.mid >= -tail).all())
            and (math.isinf(right) or (x.mid <= tail).all())
        ):
            return f(x)
        lo, hi = x.lower(), x.upper()
        a_lo, a_hi = _end(lo, f, left, right, tail)
        if x.is_point:
            return Ball.from_bounds(a_lo, a_hi)
        b_lo, b_hi = _end(hi, f, left, right, tail)
        low, high = np.minimum(a_lo, b_lo), np.maximum(a_hi, b_hi)
        for c in critical:
            down, up = c - 4.0 * U * abs(c), c + 4.0 * U * abs(c)
            inside = (lo <= up) & (hi >= down)
            if inside.any():
                v = f(Ball(c, 4.0 * U * abs(c)))
                low = np.where(inside, np.minimum(low, v.lower()), low)
                high = np.where(inside, np.maximum(high, v.upper()), high)
        return Ball.from_bounds(low, high)


def _end(t: Array, f: PointFunction, left: float, right: float, tail: float) -> tuple[Array, Array]:
    """Bounds of f at an end t, or of everything between ±tail and t where t is beyond (then including the limit)."""
    low_cut = -MAX if math.isinf(left) else -tail
    high_cut = MAX if math.isinf(right) else tail
    v = f(_point(np.clip(t, low_cut, high_cut)))
    lo, hi = v.lower(), v.upper()
    for beyond, limit in ((t < low_cut, left), (t > high_cut, right)):
        if beyond.any():
            lo = np.where(beyond, np.minimum(lo, limit), lo)
            hi = np.where(beyond, np.maximum(hi, limit), hi)
    return lo, hi


def _check_derivative(name: str, derivative: int, most: int = 3) -> int:
    if isinstance(derivative, bool) or derivative not in range(most + 1):
        raise InputError(f"{name}: derivative={derivative!r}, expected 0..{most}")
    return int(derivative)


def exp(x: Any, derivative: int = 0) -> Ball:
    """Range of e^x (and of its derivatives, the same); overflow gives an infinite radius.

    >>> bool(exp(Ball(0.0)).contains(1.0))
    True
    """
    _check_derivative("exp", derivative)
    return _range(as_ball(x), lambda t: _kernel(kernels.exp, t), (), 0.0, math.inf, _TAIL)


def expm1(x: Any, derivative: int = 0) -> Ball:
    """Range of e^x − 1 or a derivative, relatively accurate near 0."""
    if _check_derivative("expm1", derivative):
        return exp(x)
    return _range(as_ball(x), lambda t: _kernel(kernels.expm1, t), (), -1.0, math.inf, _TAIL)


def log(x: Any, derivative: int = 0) -> Ball:
    """Range of the natural logarithm or a derivative; DomainError when x meets (−∞, 0]."""
    k = _check_derivative("log", derivative)
    b = as_ball(x)
    _require_above(b, 0.0, "log")
    if k == 0:
        return _range(b, lambda t: _kernel(kernels.log, t), (), -math.inf, math.inf, _TAIL)
    return _decreasing(b, (1.0, -1.0, 2.0)[k - 1], lambda t: (1.0 / t) ** k)  # t**k could underflow to a ball around 0


def log1p(x: Any, derivative: int = 0) -> Ball:
    """Range of log(1 + x) or a derivative; DomainError when x meets (−∞, −1]."""
    k = _check_derivative("log1p", derivative)
    b = as_ball(x)
    _require_above(b, -1.0, "log1p")
    if k == 0:
        return _range(b, lambda t: _kernel(kernels.log1p, t), (), -math.inf, math.inf, _TAIL)
    return _decreasing(b, (1.0, -1.0, 2.0)[k - 1], lambda t: (1.0 / (1.0 + t)) ** k)


def sqrt(x: Any, derivative: int = 0) -> Ball:
    """Range of the square root or a derivative; DomainError when x meets (−∞, 0) (derivatives: (−∞, 0])."""
    k = _check_derivative("sqrt", derivative)
    b = as_ball(x)
    if k:
        _require_above(b, 0.0, "sqrt derivative")
        return _decreasing(b, (0.5, -0.25, 0.375)[k - 1], lambda t: (1.0 / sqrt(t)) ** (2 * k - 1))
    low = b.lower()
    if (low < 0).any() or np.isinf(b.rad).any():
        i = int(np.argmax((low < 0).ravel()))
        raise DomainError(
            f"sqrt of a ball that meets (−inf, 0): flat entry {i}, lower={low.ravel()[i]!r}; use maximum(x, 0) if the value is known to be ≥ 0"
        )
    with quiet():
        # numpy's √ is correctly rounded: relative error ≤ u, never subnormal, 0 exact.
        if b.is_point:
            v = np.sqrt(b.mid)
            return _checked(v, v * U * INFLATE)
        a, c = np.sqrt(low), np.sqrt(b.upper())
        return Ball.from_bounds(a * (1.0 - 2.0 * U), c * (1.0 + 4.0 * U))


def _decreasing(b: Ball, factor: float, f: PointFunction) -> Ball:
    """factor·f over b for a positive decreasing f: spanned by the ends; an upper end beyond the doubles leaves 0 as lower bound."""
    top = b.upper()
    first, last = f(_point(b.lower())), f(_point(np.minimum(top, MAX)))
    low = np.where(np.isinf(top), 0.0, np.maximum(last.lower(), 0.0))
    return factor * Ball.from_bounds(low, np.maximum(first.upper(), low))


def _require_above(b: Ball, bound: float, name: str) -> None:
    low = b.lower()
    if not (low > bound).all():
        i = int(np.argmax(~(low > bound).ravel()))
        raise DomainError(
            f"{name} of a ball that meets (−inf, {bound:g}]: flat entry {i}, lower={low.ravel()[i]!r}"
        )


def tanh(x: Any, derivative: int = 0) -> Ball:
    """Range of tanh or its derivative 1, 2 or 3.

    >>> r = tanh(Ball(0.0, float("inf")), derivative=2)
    >>> bool(r.contains(0.7698)), bool(r.upper() < 0.76981)
    (True, True)
    """
    k = _check_derivative("tanh", derivative)
    b = as_ball(x)
    if k == 0 and not b.is_point:
        mid, rad = kernels.tanh_range(b.mid.ravel(), b.rad.ravel())
        return _build(mid.reshape(b.shape), rad.reshape(b.shape), False)
    limit = 1.0 if k == 0 else 0.0
    return _range(b, _tanh_point(k), CRITICAL["tanh"][k], -limit, limit, _TAIL)


def sigmoid(x: Any, derivative: int = 0) -> Ball:
    """Range of 1/(1 + e^−x) or its derivative 1, 2 or 3."""
    k = _check_derivative("sigmoid", derivative)
    return _range(as_ball(x), _sigmoid_point(k), CRITICAL["sigmoid"][k], 0.0, 1.0 if k == 0 else 0.0, _TAIL)


def softplus(x: Any, derivative: int = 0, beta: Any = 1.0) -> Ball:
    """Range of log(1 + e^(βx))/β or its derivative 1, 2 or 3 in x; β > 0. No threshold: the mathematical function."""
    k = _check_derivative("softplus", derivative)
    b = as_ball(beta)
    _require_above(b, 0.0, "softplus beta")
    one = b.is_point and bool((b.mid == 1.0).all())
    y = as_ball(x) if one else as_ball(x) * b
    left, right = 0.0, (math.inf, 1.0, 0.0, 0.0)[k]
    value = _range(y, _softplus_point(k), CRITICAL["softplus"][k], left, right, _TAIL)
    if one or k == 1:
        return value
    return value / b if k == 0 else value * b ** (k - 1)


def silu(x: Any, derivative: int = 0) -> Ball:
    """Range of x·σ(x) or its derivative 1, 2 or 3."""
    k = _check_derivative("silu", derivative)
    return _range(as_ball(x), _silu_point(k), CRITICAL["silu"][k], 0.0, (math.inf, 1.0, 0.0, 0.0)[k], _TAIL)


def erf(x: Any, derivative: int = 0) -> Ball:
    """Range of the error function or its derivative 1, 2 or 3."""
    k = _check_derivative("erf", derivative)
    limit = 1.0 if k == 0 else 0.0
    return _range(as_ball(x), _erf_point(k), CRITICAL["erf"][k], -limit, limit, _GELU_TAIL)


def gelu(x: Any, derivative: int = 0, approximate: str = "none") -> Ball:
    """Range of GELU or its derivative 1, 2 or 3.

    Args:
        x: Ball or array.
        derivative: 0..3.
        approximate: ``'none'``: x·Φ(x). ``'tanh'``: ½x(1 + tanh(√(2/π)(x + 0.044715x³))), with real √(2/π) and decimal 0.044715.
    """
    k = _check_derivative("gelu", derivative)
    if approximate not in ("none", "tanh"):
        raise InputError(f"approximate={approximate!r}: expected 'none' or 'tanh'")
    name, point = ("gelu", _gelu_point(k)) if approximate == "none" else ("gelu_tanh", _gelu_tanh_point(k))
    right = (math.inf, 1.0, 0.0, 0.0)[k]
    return _range(as_ball(x), point, CRITICAL[name][k], 0.0, right, _GELU_TAIL)


def sin(x: Any, derivative: int = 0) -> Ball:
    """Range of sin or its derivative 1, 2 or 3; exact argument reduction for every double."""
    return _sine(as_ball(x), _check_derivative("sin", derivative))


def cos(x: Any, derivative: int = 0) -> Ball:
    """Range of cos or its derivative 1, 2 or 3; exact argument reduction for every double."""
    return _sine(as_ball(x), _check_derivative("cos", derivative) + 1)


def _sine(x: Ball, quarter: int) -> Ball:
    """Range of sin(t + quarter·π/2)."""
    with quiet():
        lo, hi = np.clip(x.lower(), -MAX, MAX), np.clip(x.upper(), -MAX, MAX)
        n0, r0, e0, low, high = _sine_end(lo, quarter)
        if x.is_point:
            return Ball.from_bounds(low, high)
        n1, r1, e1, b_lo, b_hi = _sine_end(hi, quarter)
        low, high = np.minimum(low, b_lo), np.maximum(high, b_hi)
        # hi − lo = d·π/2 + (r1 − r0) up to errors < 2^-40 while below 2π: d is the nearest integer. A full turn covers everything.
        width = hi - lo
        d = np.rint((width - (r1 - r0)) * kernels.INV_PIO2)
        full = ~(width < 6.2) | np.isinf(x.rad)
        # Multiples n of π/2 inside [lo, hi]: from n0 (if r0 ≤ e0) to n0 + d (unless r1 < −e1), as offsets j from n0; kept when in doubt.
        for j in range(6):
            inside = (j <= d) & ((j > 0) | (r0 <= e0)) & ((j < d) | (r1 >= -e1))
            phase = (n0 + j) % 4
            high = np.where(inside & (phase == 1), 1.0, high)
            low = np.where(inside & (phase == 3), -1.0, low)
        low, high = np.where(full, -1.0, low), np.where(full, 1.0, high)
        return Ball.from_bounds(low, high)


def _sine_end(t: Array, quarter: int) -> tuple[Array, Array, Array, Array, Array]:
    q, r, err = kernels.quadrant(np.asarray(t))
    n = (q + quarter) % 4
    (s, se), (c, ce) = kernels.sincos(r, err)
    odd, negative = n % 2 == 1, n >= 2
    v, e = np.where(odd, c, s), np.where(odd, ce, se)
    v = np.where(negative, -v, v)
    ball = _checked(v, e)
    return n, r, err, np.maximum(ball.lower(), -1.0), np.minimum(ball.upper(), 1.0)
