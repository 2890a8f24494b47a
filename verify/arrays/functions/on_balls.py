"""Elementary functions and activations on balls: value and derivative ranges, tight for any width.

``f(x, derivative=k)`` encloses f^(k)(t) for every t in x, k = 0..3. A radius may be infinite: the result is
then the global range.

Method: f^(k) is monotone between the zeros of f^(k+1) (:mod:`verify.arrays.functions.critical_points`), so the range over an
interval is spanned by the two ends and the extrema inside. Points are evaluated by
:mod:`verify.arrays.functions.at_points` and ball arithmetic. The activations are the mathematical functions, not torch's:
torch.nn.functional.softplus(20.5) returns x, gelu(−10) returns −0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.arguments import shown
from verify.arrays.ball import Ball, _build, _checked, _point, as_ball
from verify.arrays.functions import at_points, on_thin_balls
from verify.arrays.functions.critical_points import CRITICAL
from verify.arrays.functions.on_thin_balls import PointFunction
from verify.arrays.rounding import INFLATE, MAX, Array, U, quiet
from verify.errors import DomainError, InputError

# Beyond ±_TAIL every bounded function here is monotone and within its limit's hull with the value at ±_TAIL.
_TAIL = 800.0
# Beyond it 1/(1 + |t|) and its powers are taken between their value there and 0.
_SOFTSIGN_TAIL = 1e100


def _range(x: Ball, f: PointFunction, critical: tuple[float, ...], left: float, right: float, tail: float) -> Ball:
    """Range of f over x, f monotone between critical points and beyond ±tail; left, right its limits at
    ∓infinity.
    """
    with quiet():
        if x.is_point and (math.isinf(left) or (x.mid >= -tail).all()) and (math.isinf(right) or (x.mid <= tail).all()):
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
    """Bounds of f at an end t, or of everything between ±tail and t where t is beyond (then including the
    limit).
    """
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
    return _range(as_ball(x), lambda t: on_thin_balls.evaluate(at_points.exp, t), (), 0.0, math.inf, _TAIL)


def expm1(x: Any, derivative: int = 0) -> Ball:
    """Range of e^x − 1 or a derivative, relatively accurate near 0."""
    if _check_derivative("expm1", derivative):
        return exp(x)
    return _range(as_ball(x), lambda t: on_thin_balls.evaluate(at_points.expm1, t), (), -1.0, math.inf, _TAIL)


def log(x: Any, derivative: int = 0) -> Ball:
    """Range of the natural logarithm or a derivative; DomainError when x meets (−∞, 0]."""
    k = _check_derivative("log", derivative)
    b = as_ball(x)
    _require_above(b, 0.0, "log")
    if k == 0:
        return _range(b, lambda t: on_thin_balls.evaluate(at_points.log, t), (), -math.inf, math.inf, _TAIL)
    return _decreasing(b, (1.0, -1.0, 2.0)[k - 1], lambda t: (1.0 / t) ** k)  # t**k could underflow to a ball around 0


def log1p(x: Any, derivative: int = 0) -> Ball:
    """Range of log(1 + x) or a derivative; DomainError when x meets (−∞, −1]."""
    k = _check_derivative("log1p", derivative)
    b = as_ball(x)
    _require_above(b, -1.0, "log1p")
    if k == 0:
        return _range(b, lambda t: on_thin_balls.evaluate(at_points.log1p, t), (), -math.inf, math.inf, _TAIL)
    return _decreasing(b, (1.0, -1.0, 2.0)[k - 1], lambda t: (1.0 / (1.0 + t)) ** k)


def sqrt_of_nonnegative(x: Any) -> Ball:
    """Enclosure of √x for an x known to be ≥ 0: what the ball holds below 0 is cut off; where nothing is known, nothing is known.

    >>> bool(sqrt_of_nonnegative(Ball(0.0, 1e-320)).contains(0.0))
    True
    """
    ball = as_ball(x)
    known = np.isfinite(ball.rad)
    upper = np.where(known, np.maximum(ball.upper(), 0.0), 0.0)
    lower = np.minimum(np.where(known, np.maximum(ball.lower(), 0.0), 0.0), upper)
    value = sqrt(Ball.from_bounds(lower, upper))
    return value if known.all() else Ball(value.mid, np.where(known, value.rad, np.inf))


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
            f"sqrt of a ball that meets (−inf, 0): flat entry {i}, lower={float(low.ravel()[i])!r}; use maximum(x, 0) if the value is known to be ≥ 0"
        )
    with quiet():
        # numpy's √ is correctly rounded: relative error ≤ u, never subnormal, 0 exact.
        if b.is_point:
            v = np.sqrt(b.mid)
            return _checked(v, v * U * INFLATE)
        a, c = np.sqrt(low), np.sqrt(b.upper())
        return Ball.from_bounds(a * (1.0 - 2.0 * U), c * (1.0 + 4.0 * U))


def _decreasing(b: Ball, factor: float, f: PointFunction) -> Ball:
    """factor·f over b for a positive decreasing f: spanned by the ends; an upper end beyond the doubles
    leaves 0 as lower bound.
    """
    top = b.upper()
    first, last = f(_point(b.lower())), f(_point(np.minimum(top, MAX)))
    low = np.where(np.isinf(top), 0.0, np.maximum(last.lower(), 0.0))
    return factor * Ball.from_bounds(low, np.maximum(first.upper(), low))


def _require_above(b: Ball, bound: float, name: str) -> None:
    low = b.lower()
    if not (low > bound).all():
        i = int(np.argmax(~(low > bound).ravel()))
        raise DomainError(
            f"{name} of a ball that meets (−inf, {bound:g}]: flat entry {i}, lower={float(low.ravel()[i])!r}; expected lower > {bound:g}"
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
        mid, rad = at_points.tanh_range(b.mid.ravel(), b.rad.ravel())
        return _build(mid.reshape(b.shape), rad.reshape(b.shape), False)
    limit = 1.0 if k == 0 else 0.0
    return _range(b, on_thin_balls.tanh(k), CRITICAL["tanh"][k], -limit, limit, _TAIL)


def sigmoid(x: Any, derivative: int = 0) -> Ball:
    """Range of 1/(1 + e^−x) or its derivative 1, 2 or 3."""
    k = _check_derivative("sigmoid", derivative)
    return _range(as_ball(x), on_thin_balls.sigmoid(k), CRITICAL["sigmoid"][k], 0.0, 1.0 if k == 0 else 0.0, _TAIL)


def softplus(x: Any, derivative: int = 0, beta: Any = 1.0) -> Ball:
    """Range of log(1 + e^(βx))/β or its derivative 1, 2 or 3 in x; β > 0. No threshold: the mathematical
    function.
    """
    k = _check_derivative("softplus", derivative)
    b = as_ball(beta)
    _require_above(b, 0.0, "softplus beta")
    one = b.is_point and bool((b.mid == 1.0).all())
    y = as_ball(x) if one else as_ball(x) * b
    left, right = 0.0, (math.inf, 1.0, 0.0, 0.0)[k]
    value = _range(y, on_thin_balls.softplus(k), CRITICAL["softplus"][k], left, right, _TAIL)
    if one or k == 1:
        return value
    return value / b if k == 0 else value * b ** (k - 1)


def silu(x: Any, derivative: int = 0) -> Ball:
    """Range of x·σ(x) or its derivative 1, 2 or 3."""
    k = _check_derivative("silu", derivative)
    return _range(as_ball(x), on_thin_balls.silu(k), CRITICAL["silu"][k], 0.0, (math.inf, 1.0, 0.0, 0.0)[k], _TAIL)


def erf(x: Any, derivative: int = 0) -> Ball:
    """Range of the error function or its derivative 1, 2 or 3."""
    k = _check_derivative("erf", derivative)
    limit = 1.0 if k == 0 else 0.0
    return _range(as_ball(x), on_thin_balls.erf(k), CRITICAL["erf"][k], -limit, limit, on_thin_balls.GELU_TAIL)


def gelu(x: Any, derivative: int = 0, approximate: str = "none") -> Ball:
    """Range of GELU or its derivative 1, 2 or 3.

    Args:
        x: Ball or array.
        derivative: 0..3.
        approximate: ``'none'``: x·Φ(x). ``'tanh'``: ½x(1 + tanh(√(2/π)(x + 0.044715x³))), with real √(2/π)
            and decimal 0.044715.
    """
    k = _check_derivative("gelu", derivative)
    if approximate not in ("none", "tanh"):
        raise InputError(f"approximate={approximate!r}: expected 'none' or 'tanh'")
    name, point = (
        ("gelu", on_thin_balls.gelu(k)) if approximate == "none" else ("gelu_tanh", on_thin_balls.gelu_tanh(k))
    )
    right = (math.inf, 1.0, 0.0, 0.0)[k]
    return _range(as_ball(x), point, CRITICAL[name][k], 0.0, right, on_thin_balls.GELU_TAIL)


def celu(x: Any, derivative: int = 0, alpha: float = 1.0) -> Ball:
    """Range of CELU, t for t > 0 and α(e^{t/α} − 1) elsewhere, or of its derivative 1 or 2; ELU(1) is α = 1.

    σ and σ' increase. σ'' = e^{t/α}/α below 0 jumps to 0 there; a ball that meets 0 gets both sides, so that differences of σ' are covered too.

    Args:
        x: Ball or array. derivative: 0..2. alpha: an exact double, 0 < α < ∞.
    """
    k, b, a = _check_derivative("celu", derivative, most=2), as_ball(x), Ball(alpha)
    if a.shape != () or not a.mid > 0.0 or not a.is_point:
        raise InputError(f"celu: alpha={shown(alpha)}; expected a double > 0, the same for all entries")
    alpha = float(a.mid)

    def below(t: Array) -> Ball:
        return Ball(np.minimum(t, 0.0)) / a

    def value(t: Ball) -> Ball:
        v = a * expm1(below(t.mid)) if k == 0 else exp(below(t.mid))
        right = np.where(t.mid > 0.0, t.mid if k == 0 else 1.0, v.mid)
        return Ball(right, np.where(t.mid > 0.0, 0.0, v.rad))

    tail = min(_TAIL * alpha, MAX)
    if k < 2:
        return _range(b, value, (), (-alpha, 0.0)[k], (math.inf, 1.0)[k], tail)
    with quiet():
        lo, hi = b.lower(), b.upper()
        least, most = (exp(below(np.maximum(t, -tail))) / a for t in (lo, hi))
        low = np.where((hi >= 0.0) | (lo < -tail), 0.0, np.maximum(least.lower(), 0.0))
        return Ball.from_bounds(low, np.where(lo > 0.0, 0.0, most.upper()))


def softsign(x: Any, derivative: int = 0) -> Ball:
    """Range of t/(1 + |t|) or its derivative 1 or 2; σ'' jumps from 2 to −2 at 0, and a ball that meets 0 gets both sides."""
    k, b = _check_derivative("softsign", derivative, most=2), as_ball(x)
    if k < 2:
        limit = (1.0, 0.0)[k]
        return _range(b, on_thin_balls.softsign(k), (0.0,) * k, -limit, limit, _SOFTSIGN_TAIL)
    with quiet():
        lo, hi = b.lower(), b.upper()
        # |σ''| = 2/(1 + |t|)³ falls with |t|.
        near = np.where(lo > 0.0, lo, np.where(hi < 0.0, -hi, 0.0))
        far = np.maximum(-lo, hi)
        least, most = (2.0 * (1.0 / (1.0 + _point(np.minimum(t, _SOFTSIGN_TAIL)))) ** 3 for t in (far, near))
        smallest = np.where(far > _SOFTSIGN_TAIL, 0.0, np.maximum(least.lower(), 0.0))
        largest = most.upper()
        low = np.where(lo > 0.0, -largest, np.where(hi < 0.0, smallest, -largest))
        return Ball.from_bounds(low, np.where(hi < 0.0, largest, np.where(lo > 0.0, -smallest, largest)))


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
        _, r1, e1, b_lo, b_hi = _sine_end(hi, quarter)
        low, high = np.minimum(low, b_lo), np.maximum(high, b_hi)
        # hi − lo = d·π/2 + (r1 − r0) up to errors < 2^-40 while below 2π: d is the nearest integer. A full
        # turn covers everything.
        width = hi - lo
        d = np.rint((width - (r1 - r0)) * at_points.INV_PIO2)
        full = ~(width < 6.2) | np.isinf(x.rad)
        # Multiples n of π/2 inside [lo, hi]: from n0 (if r0 ≤ e0) to n0 + d (unless r1 < −e1), as offsets j
        # from n0; kept when in doubt.
        for j in range(6):
            inside = (j <= d) & ((j > 0) | (r0 <= e0)) & ((j < d) | (r1 >= -e1))
            phase = (n0 + j) % 4
            high = np.where(inside & (phase == 1), 1.0, high)
            low = np.where(inside & (phase == 3), -1.0, low)
        low, high = np.where(full, -1.0, low), np.where(full, 1.0, high)
        return Ball.from_bounds(low, high)


def _sine_end(t: Array, quarter: int) -> tuple[Array, Array, Array, Array, Array]:
    q, r, err = at_points.quadrant(np.asarray(t))
    n = (q + quarter) % 4
    (s, se), (c, ce) = at_points.sincos(r, err)
    odd, negative = n % 2 == 1, n >= 2
    v, e = np.where(odd, c, s), np.where(odd, ce, se)
    v = np.where(negative, -v, v)
    ball = _checked(v, e)
    return n, r, err, np.maximum(ball.lower(), -1.0), np.minimum(ball.upper(), 1.0)
