"""Matrix products, Gram matrices and norms of balls at BLAS speed, for any BLAS, thread count and summation
order.

The one assumption about the product routine: entry (i, j) of fl(A·B) is some ordering of the sum of the n
exact or rounded products a_ik·b_kj, each addition rounded to nearest, fused multiply-add allowed. Then every
term passes at most n roundings, so |fl(AB) − AB| ≤ γ_n|A||B| + n·η entrywise (Higham 2002, §3.1; Rump, Acta
Numerica 2010, §§3, 9; Jeannerod–Rump 2013 sharpen γ_n to n·u, but not for fused multiply-add, so γ is used).
Strassen-like and reduced-precision products violate the assumption:
:func:`verify.arrays.require_sound_arithmetic` probes for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from verify.arrays.arithmetic_probe import require_probed_products
from verify.arrays.ball import Ball, _build, _checked, as_ball, built_on_balls
from verify.arrays.environment import require_default_environment
from verify.arrays.rounding import ETA, INFLATE, Array, U, every, gamma, quiet, sum_up
from verify.errors import InputError, ShapeError

# 'auto' takes the fast radius unless it is, in total, more than this factor above the sharp one.
AUTO_FACTOR = 4.0


@built_on_balls
def matmul(a: Any, b: Any, method: str = "auto") -> Ball:
    """Enclosure of X @ Y for all X in a, Y in b.

    Args:
        a, b: Balls or arrays, (…, m, n) and (…, n, p); one axis is a vector as in numpy.
        method: ``'sharp'``: radius γ|A||B| + … by further products. ``'fast'``: each radius entry from a row
            norm times a column norm (Cauchy–Schwarz), no further product. ``'auto'``: fast unless the sum of
            its radii exceeds 4 times the sum of the sharp radii (both sums cost O(mn + np)).

    Raises:
        ShapeError, InputError.

    >>> bool(matmul([[1.0, 2.0]], [[3.0], [4.0]]).contains([[11.0]]))
    True
    """
    require_probed_products()
    x, y = as_ball(a), as_ball(b)
    if method not in ("auto", "fast", "sharp"):
        raise InputError(f"method={method!r}: expected 'auto', 'fast' or 'sharp'")
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul: expected at least one axis, got shapes {x.shape} and {y.shape}; use * for scalars")
    row, col = x.ndim == 1, y.ndim == 1
    if row:
        x = x.reshape(1, -1)
    if col:
        y = y.reshape(-1, 1)
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(f"matmul: inner sizes differ in shapes {as_ball(a).shape} and {as_ball(b).shape}")
    batch: tuple[int, ...] = ()
    try:
        if x.ndim > 2 or y.ndim > 2:
            batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError as exc:
        raise ShapeError(f"matmul: batch axes of shapes {x.shape} and {y.shape} do not broadcast") from exc
    with quiet():
        # One block for both results: fewer page faults, which cost as much as a third of a product at n =
        # 512.
        block = np.empty((2, *batch, x.shape[-2], y.shape[-1]))
        np.matmul(x.mid, y.mid, out=block[0])
        _radius(x, y, method, block[1])
        out = _checked(block[0], block[1])
    if row or col:
        out = out.reshape(out.shape[:-2] + (() if row else (out.shape[-2],)) + (() if col else (out.shape[-1],)))
    return out


def _radius(x: Ball, y: Ball, method: str, out: Array) -> None:
    # Rump 1999: |XY − AB| ≤ |A|·rB + rA·(|B| + rB), plus γ_n|A||B| + nη for the computed midpoint product.
    n = x.shape[-1]
    if method == "sharp":
        _sharp(x, y, n, out)
        return
    left = _Factors.rows(x)
    right = _Factors.columns(y)
    if method == "auto" and not _fast_is_close(x, y, left, right, n):
        _sharp(x, y, n, out)
    else:
        _fast(left, right, n, out)


class _Factors:
    """Upper bounds of the 2-norms of the rows of |A|, rA (or columns of B), for Cauchy–Schwarz."""

    __slots__ = ("mid", "rad")

    def __init__(self, mid: Array, rad: Array | None) -> None:
        self.mid, self.rad = mid, rad

    @staticmethod
    def rows(x: Ball) -> _Factors:
        return _Factors(row_norms_upper(x.mid), None if x.is_point else row_norms_upper(x.rad))

    @staticmethod
    def columns(y: Ball) -> _Factors:
        return _Factors.rows(y.swapaxes(-1, -2))


def _fast(left: _Factors, right: _Factors, n: int, out: Array) -> None:
    # (|A||B|)_ij ≤ α_iβ_j etc. with α, β upper bounds of row and column 2-norms, ρ, σ of the radii's: γαβ +
    # ασ + ρ(β + σ). Roundings ≤ 6, INFLATE covers 12; three products may each lose η/2, the n products of the
    # midpoint η/2 each (n·η with their own later roundings): (n + 4)η in all.
    g, eta = gamma(max(n, 1)) * INFLATE, (n + 4) * ETA
    a, b = left.mid[..., :, None], right.mid[..., None, :]
    if left.rad is None and right.rad is None:
        # One outer product, scaled and inflated on the vector before it is formed. γα may underflow and b
        # magnify the loss: +η.
        np.multiply(a * (g * INFLATE) + ETA * (a > 0), b, out=out)
        out += eta
        return
    # α(γβ + σ) + ρ(β + σ): two outer products.
    s = 0.0 if right.rad is None else right.rad[..., None, :]
    np.multiply(a, (g * b + ETA * (b > 0) + s) * INFLATE, out=out)
    if left.rad is not None:
        out += left.rad[..., :, None] * ((b + s) * INFLATE)
    out *= INFLATE
    out += eta


def _sharp(x: Ball, y: Ball, n: int, out: Array) -> None:
    # P = fl(M1·M2) of non-negative matrices satisfies M1·M2 ≤ P/(1 − γ_n) + nη ≤ P(1 + 2γ_n) + nη (γ_n ≤
    # 1/2). Radius: |A|(γ|B| + rB) + rA(|B| + rB), two products at most, plus nη of the midpoint and η of each
    # scaling.
    # gamma refuses n ≥ 2^50: γ_n ≤ 1/7.
    g = gamma(max(n, 1))
    grow = (1.0 + 4.0 * g) * INFLATE
    absa, absb = _absolutes(x.mid, y.mid)
    if x.is_point and y.is_point:
        np.matmul(absa, absb, out=out)
        out *= g * grow * INFLATE
        out += (2 * n + 4) * ETA
        return
    # γ|B| underflows by η/2 an entry, which |A| may magnify: keep it exact by adding η to the factor instead.
    absb_g = (absb * g + (ETA * (absb > 0))) * INFLATE
    right = absb_g if y.is_point else (absb_g + y.rad) * INFLATE
    np.matmul(absa, right, out=out)
    if not x.is_point:
        out += np.matmul(x.rad, (absb + y.rad) * INFLATE)
    out *= grow * INFLATE
    out += (4 * n + 4) * ETA


def _absolutes(a: Array, b: Array) -> tuple[Array, Array]:
    """|a| and |b| in one block, each in its own memory order (a transposed copy would slow the product)."""
    if a.ndim > 2 or b.ndim > 2:
        return np.abs(a), np.abs(b)
    block = np.empty(a.size + b.size)
    out = []
    for m, part in ((a, block[: a.size]), (b, block[a.size :])):
        v = part.reshape(m.shape[::-1]).T if m.flags.f_contiguous else part.reshape(m.shape)
        out.append(np.abs(m, out=v))
    return out[0], out[1]


def _fast_is_close(x: Ball, y: Ball, left: _Factors, right: _Factors, n: int) -> bool:
    # Only a choice between two valid radii: nothing here needs to be rigorous. Sum over all entries of the
    # sharp radius = (1ᵀ|A|)(γ|B| + rB)1 + (1ᵀrA)(|B| + rB)1; of the fast one, products of sums of norms.
    # Batches: summed over.
    g = gamma(max(n, 1))
    ax, by = _abs_sum(x.mid, -2), _abs_sum(y.mid, -1)
    a, b = left.mid.sum(-1), right.mid.sum(-1)
    sharp, fast = g * (ax * by).sum(-1), g * a * b
    if not y.is_point:
        rb = y.rad.sum(-1)
        sharp, fast = sharp + (ax * rb).sum(-1), fast + a * right.rad.sum(-1)  # type: ignore[union-attr]
        by, b = by + rb, b + right.rad.sum(-1)  # type: ignore[union-attr]
    if not x.is_point:
        sharp = sharp + (x.rad.sum(-2) * by).sum(-1)
        fast = fast + left.rad.sum(-1) * b  # type: ignore[union-attr]
    total_fast, total_sharp = float(np.sum(fast)), float(np.sum(sharp))
    return total_fast <= AUTO_FACTOR * total_sharp


def _abs_sum(a: Array, axis: int) -> Array:
    return np.asarray(np.abs(a).sum(axis))


def root_upper(s: Any, n: int) -> Any:
    """Upper bound of √(Σ a_i²) from s = fl(Σ a_i²), n terms in any order; numpy's √.

    s ≥ Σa²(1 − γ_{n+1}) − nη/2, so √(s(1 + 2γ) + nη) rounded up is an upper bound for every s.
    """
    return np.sqrt((s * (1.0 + 4.0 * gamma(n + 2)) + n * ETA) * INFLATE) * INFLATE


def row_norms_upper(a: Array) -> Array:
    """Upper bounds of the 2-norms over the last axis of a float64 array; no over- or underflow surprises.

    :func:`root_upper` bounds them for every s, but tightly only when s is neither tiny nor infinite: such rows
    are scaled by a power of two (exact for the entries that matter) first.
    """
    require_default_environment()
    n = a.shape[-1]
    with quiet():
        s = np.einsum("...i,...i->...", a, a)
        out = np.asarray(root_upper(s, n))
        plain = (s > 1e-200) & (s < 1e300)
        if not every(plain):
            odd = ~plain
            rows = a[odd]
            top = np.abs(rows).max(axis=-1, initial=0.0)
            e = np.where((top > 0) & np.isfinite(top), np.frexp(top)[1], 0)
            # Scaled rows have largest entry in [1/2, 1). Entries that underflow lose ≤ η/2 each: ‖·‖ ≤
            # ‖scaled‖ + nη.
            scaled = np.ldexp(rows, -e[..., None])
            t = np.einsum("...i,...i->...", scaled, scaled)
            norm = root_upper(t, n) + n * ETA
            back = np.ldexp(norm * INFLATE, e) + ETA * (top > 0)
            out[odd] = np.where(top == 0, 0.0, np.where(np.isfinite(top), back, np.inf))
    return out


def gram(a: Any, method: str = "auto") -> Ball:
    """Enclosure of X @ X.T for all X in a, exactly symmetric in mid and rad.

    Args:
        a: (…, m, n) Ball or array.
    """
    x = as_ball(a)
    if x.ndim < 2:
        raise ShapeError(f"gram: expected a matrix, got shape {x.shape}")
    return mirror(matmul(x, x.swapaxes(-1, -2), method))


def mirror(a: Ball) -> Ball:
    """The ball of the lower triangle reflected: encloses every symmetric matrix in a, and is exactly
    symmetric.
    """
    a = as_ball(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"mirror: expected a square matrix, got shape {a.shape}")
    m, r = a.mid, a.rad
    lower = np.tril(np.ones(m.shape[-2:], dtype=bool))
    mid = np.where(lower, m, m.swapaxes(-1, -2))
    rad = r if a.is_point else np.where(lower, r, r.swapaxes(-1, -2))
    return _build(mid, rad, a.is_point)


@built_on_balls
def norm(a: Any, axis: int | tuple[int, ...] | None = None) -> Ball:
    """Enclosure of the 2-norm of the entries over an axis or all axes (Frobenius norm of a matrix).

    ‖x‖ lies within ‖x − m‖ ≤ ‖rad‖ of ‖m‖; ‖m‖ is evaluated after scaling by a power of two.

    Raises:
        ShapeError: an axis that is not there, or twice.
    """
    x = as_ball(a)
    if axis is None:
        return norm(x.ravel(), 0)
    try:
        axes = normalize_axis_tuple(axis, x.ndim)
    except (ValueError, TypeError) as error:
        raise ShapeError(f"norm: axis={axis!r} of a ball of shape {x.shape}: {error}") from error
    keep = [k for k in range(x.ndim) if k not in axes]
    order = (*keep, *axes)
    shape = (*(x.shape[k] for k in keep), -1)
    m = x.mid.transpose(order).reshape(shape)
    n = m.shape[-1]
    if n == 0:
        return Ball(np.zeros(shape[:-1]))
    with quiet():
        top = np.abs(m).max(axis=-1)
        e = np.where(top > 0, np.frexp(top)[1], 0)
        scaled = np.ldexp(m, -e[..., None])  # largest entry in [1/2, 1); others lose ≤ η/2
        s = np.einsum("...i,...i->...", scaled, scaled)
        root = np.sqrt(s)
        g = gamma(n + 1)
        # Σ = s(1 + δ), |δ| ≤ γ_n/(1 − γ_n) + 2^-1000 (underflow; s ≥ 1/4), so √Σ = √s(1 + δ') with |δ'| ≤
        # ½γ_{n+1} + u; √ rounds by u. Scaling lost ≤ η/2 an entry: in norm ≤ √n·η, far below u·root.
        err = root * ((0.5 * g * (1.0 + g) + 4.0 * U) * INFLATE)
        mid = np.ldexp(root, e)
        rad = np.ldexp(err, e) + 2.0 * ETA  # ldexp rounds by ≤ η/2 when the result is subnormal, once in mid, once here
        exact = (np.count_nonzero(m, axis=-1) <= 1) if n < 64 else np.asarray(top == 0)
        mid, rad = np.where(exact, top, mid), np.where(exact, 0.0, rad)
        if not x.is_point:
            spread = row_norms_upper(x.rad.transpose(order).reshape(shape))
            rad = sum_up(rad, spread)
        ball = _checked(mid, rad)
    low = np.maximum(ball.lower(), 0.0)  # a norm is non-negative
    return ball if np.array_equal(low, ball.lower()) else Ball.from_bounds(low, ball.upper())
