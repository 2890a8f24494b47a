"""Matrices known up to an error in each row: the cheapest rigorous form for a network's layers at one parameter vector.

A :class:`Rows` (mid, err, sup) stands for every real matrix M with ‖M_i − mid_i‖₂ ≤ err_i and |M_ij − mid_ij| ≤ sup_i in each row i. Where
a :class:`~verify.arrays.Ball` carries one radius per entry through every operation, a Rows carries two numbers per row: each
operation costs its plain float64 counterpart and a few vectors.

Errors are rounded up as in :mod:`verify.arrays.rounding`: right-hand sides are computed values, times INFLATE (which absorbs twelve
roundings), plus multiples of η wherever a product may underflow. Where something overflowed or is NaN, the row's errors are infinite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from verify.arrays.arithmetic_probe import require_probed_products
from verify.arrays.ball import Ball, _build, _checked
from verify.arrays.environment import require_default_environment
from verify.arrays.products import row_norms_upper
from verify.arrays.rounding import ETA, INFLATE, Array, U, every, gamma, quiet
from verify.errors import DtypeError, ShapeError

__all__ = ["Exact", "Rows", "schur_of_grams"]

_BLOCK = 256
_UPPER = np.triu(np.ones((_BLOCK, _BLOCK), dtype=bool), 1)


def _plain(a: Array) -> Array:
    """The array itself; anything but plain float64, in which every formula here would mean something else, is refused."""
    if type(a) is not np.ndarray or a.dtype != np.float64:
        raise DtypeError(
            f"{type(a).__name__} of dtype {getattr(a, 'dtype', None)}: expected a plain numpy array of float64"
        )
    return a


def _is_finite(mid: Array) -> bool:
    """Whether all entries are, by one fast pass: a finite sum of squares has finite terms (and an infinite one proves nothing)."""
    flat = mid.ravel()
    return math.isfinite(np.vdot(flat, flat))


class Exact:
    """A matrix of exact doubles with the norms that products with it need, each computed once.

    Attributes:
        value: (p, m) float64, finite.
    """

    def __init__(self, value: Array) -> None:
        """Take the matrix as it is; it must not change afterwards."""
        self.value = _plain(value)

    @cached_property
    def frobenius(self) -> float:
        """Upper bound of ‖W‖_F."""
        return float(row_norms_upper(self.rows[None, :])[0])

    @cached_property
    def rows(self) -> Array:
        """Upper bounds (p,) of the rows' 2-norms."""
        return row_norms_upper(self.value)

    @cached_property
    def T(self) -> Exact:
        """The transpose, which has the same Frobenius norm."""
        other = Exact(self.value.T)
        other.__dict__["frobenius"] = self.frobenius
        return other


class Rows:
    """All real matrices M (n, m) with ‖M_i − mid_i‖₂ ≤ err_i and |M_ij − mid_ij| ≤ sup_i.

    Attributes:
        mid: (n, m) float64, finite.
        err, sup: (n,) float64, ≥ 0 or infinite.

    >>> import numpy as np
    >>> rows = Rows(np.array([[3.0, 4.0]]))
    >>> product = rows.times(Exact(np.array([[1.0, 1.0]])))
    >>> bool(product.ball().contains([[7.0]])), bool(product.err[0] < 1e-14)
    (True, True)
    """

    def __init__(
        self,
        mid: Array,
        err: Array | None = None,
        sup: Array | None = None,
        *,
        norms: Array | None = None,
        finite: bool = False,
    ) -> None:
        """Take computed arrays; a row that overflowed or holds NaN becomes 0 with infinite errors.

        Args:
            mid: (n, m). err: None for an exact matrix. sup: None if nothing better than err is known.
            norms: what row_norms_upper(mid) gives, where it is at hand: infinite where a row is not finite, so that no other pass over mid is needed.
            finite: mid is known to be: computed without overflow from finite numbers, or copied from them.
        """
        require_default_environment()
        if _plain(mid).ndim != 2:
            raise ShapeError(f"Rows: mid has shape {mid.shape}; expected a matrix")
        error = np.zeros(mid.shape[0]) if err is None else err
        entry = error if sup is None else sup
        # A NaN error fails the comparison.
        plain = finite or (_is_finite(mid) if norms is None else every(np.isfinite(norms)))
        if plain and every(error >= 0.0) and every(entry >= 0.0):
            if norms is not None:
                self.__dict__["norms"] = norms
        else:
            good = np.isfinite(mid).all(axis=1) & (error >= 0.0) & (entry >= 0.0)
            mid = np.where(good[:, None], mid, 0.0)
            error, entry = np.where(good, error, np.inf), np.where(good, entry, np.inf)
        self.mid, self.err, self.sup = mid, error, np.minimum(entry, error)

    @classmethod
    def of(cls, ball: Ball) -> Rows:
        """Return rows that contain every matrix in `ball` (n, m)."""
        return cls(ball.mid) if ball.is_point else cls(ball.mid, row_norms_upper(ball.rad), ball.rad.max(axis=1))

    @cached_property
    def norms(self) -> Array:
        """Upper bounds (n,) of ‖mid_i‖₂."""
        return row_norms_upper(self.mid)

    def ball(self) -> Ball:
        """Enclose the entries; the radii are a view that takes no memory."""
        rad = np.broadcast_to(self.sup[:, None], self.mid.shape).view()
        return _build(self.mid.view(), rad, not self.sup.any())

    def times(self, weight: Exact) -> Rows:
        """Enclose M·Wᵀ for an exact W (p, m).

        Entry j of the computed row is off by (γ_m‖mid_i‖ + err_i)‖W_j‖ + mη, the row by (γ_m‖mid_i‖ + err_i)‖W‖_F + pmη in norm.
        γ‖mid_i‖ may underflow and ‖W‖ magnify the loss: + η there.
        """
        require_probed_products()
        p, m = weight.value.shape
        with quiet():
            unit = (self.norms * gamma(m) + self.err) * INFLATE + ETA
            tiny = float(p * m + 4) * ETA
            err = unit * (weight.frobenius * INFLATE) + tiny
            sup = unit * (float(weight.rows.max()) * INFLATE) + tiny
            return Rows(self.mid @ weight.value.T, err, sup)

    def scaled(self, scale: Ball, *, in_place: bool = False) -> Rows:
        """Enclose s·M for every s in a scalar ball: (|s| + rad)·(err_i or sup_i) + (rad + u|s|(1 + u))‖mid_i‖ + mη.

        in_place: the result takes over the memory of mid, and this object must not be used any more.
        """
        s, r = float(scale.mid), float(scale.rad)
        if s == 1.0 and r == 0.0:
            return self
        with quiet():
            norms, m = self.norms, self.mid.shape[1]
            mid = np.multiply(self.mid, s, out=self.mid if in_place else None)
            top = (abs(s) + r) * INFLATE
            own = (norms * ((r + abs(s) * U) * INFLATE + ETA) + float(m + 4) * ETA) * INFLATE
            result = Rows(mid, (self.err * top + own) * INFLATE + ETA, (self.sup * top + own) * INFLATE + ETA)
            # ‖computed‖ ≤ |s|‖mid‖(1 + u) + mη; rows that overflowed are 0.
            result.__dict__["norms"] = norms * abs(s) * INFLATE + float(m + 4) * ETA
        return result

    def columns_scaled(self, factors: Ball) -> Rows:
        """Enclose M·diag(s) for every s (m,) in `factors`: as :meth:`scaled`, with the largest |s| and the largest radius."""
        return self._times_entrywise(factors.mid, float(np.abs(factors.mid).max()), float(factors.rad.max()))

    def rows_scaled(self, factors: Ball) -> Rows:
        """Enclose diag(s)·M for every s (n,) in `factors`: as :meth:`scaled`, row by row."""
        return self._times_entrywise(factors.mid[:, None], np.abs(factors.mid), factors.rad)

    def _times_entrywise(self, s: Array, size: Any, r: Any) -> Rows:
        """(size + r)·(err_i or sup_i) + (r + u·size(1 + u))‖mid_i‖ + mη, for factors s with |s| ≤ size, known up to r."""
        with quiet():
            m = self.mid.shape[1]
            top = (size + r) * INFLATE
            own = (self.norms * ((r + size * U) * INFLATE + ETA) + float(m + 4) * ETA) * INFLATE
            return Rows(self.mid * s, (self.err * top + own) * INFLATE + ETA, (self.sup * top + own) * INFLATE + ETA)

    def plus(self, row: Array, *, in_place: bool = False) -> Rows:
        """Enclose M + 1·bᵀ for an exact b (m,): one rounding of each entry, at most u times the computed one.

        u‖computed‖ may itself underflow, by η/2: near 2^-1021 half an ulp is η, and √m of them are more than one.
        in_place: as for :meth:`scaled`.
        """
        with quiet():
            mid = np.add(self.mid, _plain(row), out=self.mid if in_place else None)
            return self._rounded(mid, self.err, self.sup)

    def _rounded(self, mid: Array, err: Array, sup: Array) -> Rows:
        """Enclose what was computed with one rounding of each entry beside these errors; its norms are known then."""
        norms = row_norms_upper(mid)
        own = norms * (U * INFLATE) + ETA
        return Rows(mid, (err + own) * INFLATE, (sup + own) * INFLATE, norms=norms)

    def added(self, other: Rows) -> Rows:
        """Enclose M + M' for a matrix of the same shape: the errors add, and one rounding of each entry, at most u times the computed one."""
        if other.mid.shape != self.mid.shape:
            raise ShapeError(f"Rows: shapes {self.mid.shape} and {other.mid.shape}; expected the same")
        with quiet():
            return self._rounded(
                self.mid + other.mid, (self.err + other.err) * INFLATE, (self.sup + other.sup) * INFLATE
            )

    def with_column(self, value: float) -> Rows:
        """Append a column of one exact number."""
        return Rows(np.concatenate([self.mid, np.full((self.mid.shape[0], 1), value)], axis=1), self.err, self.sup)

    def image(self, values: Array, rounding: Array, entry: Array, lipschitz: float, *, finite: bool = False) -> Rows:
        """Enclose f(M) entrywise, f with Lipschitz constant `lipschitz` on R.

        Args:
            values: (n, m), what was computed for f(mid).
            rounding, entry: (n,) bounds of the 2-norms and of the largest entries of its rows' errors.
            finite: no value is infinite or NaN: those of a bounded f at mid, which is finite.
        """
        with quiet():
            err = (self.err * lipschitz + rounding) * INFLATE + 4.0 * ETA
            return Rows(values, err, (self.sup * lipschitz + entry) * INFLATE + 4.0 * ETA, finite=finite)

    def schur(self, factor: Rows, bound: float | Array) -> Rows:
        """Enclose M ∘ S, rows of S repeated: M (n·k, m), and those S (n, m) in `factor` whose entries are at most `bound` in size, row by row of M
        where bounds (n·k,) are given.

        ms − m̂ŝ = (m − m̂)s + m̂(s − ŝ), rounded by at most u|m̂ŝ| + η/2: err_i·bound + ‖m̂_i‖·(sup(S)_i + u(bound + sup(S)_i)) + mη.
        """
        n, m = factor.mid.shape
        k = self.mid.shape[0] // n
        with quiet():
            product = (self.mid.reshape(n, k, m) * factor.mid[:, None, :]).reshape(n * k, m)
            spread = factor.sup if k == 1 else np.repeat(factor.sup, k)
            own = (self.norms * ((spread + (bound + spread) * U) * INFLATE + ETA) + float(m + 8) * ETA) * INFLATE
            err, sup = (part * bound + own for part in (self.err, self.sup))
            # Whoever multiplies by S reads the result's norms next.
            return Rows(product, err * INFLATE + 4.0 * ETA, sup * INFLATE + 4.0 * ETA, norms=row_norms_upper(product))


def _largest_square(norms: Array) -> Array:
    """Square of the largest finite entry along the last axis, rounded up; an infinite one makes its own row's radius infinite."""
    top = np.max(norms, axis=-1, keepdims=True, where=np.isfinite(norms), initial=0.0)
    return np.asarray(top * top * INFLATE)


def _mirror(a: Array) -> None:
    """Copy the lower triangle of square matrices (…, n, n) onto the upper one, in place, block by block."""
    for i in range(0, a.shape[-1], _BLOCK):
        rows = slice(i, i + _BLOCK)
        corner = a[..., rows, rows]
        size = corner.shape[-1]
        np.copyto(corner, corner.swapaxes(-1, -2).copy(), where=_UPPER[:size, :size])
        a[..., rows, i + _BLOCK :] = a[..., i + _BLOCK :, rows].swapaxes(-1, -2)


def _gram(mid: Array, shape: tuple[int, ...]) -> Array:
    """fl(M·Mᵀ), of each of the matrices in a stack."""
    matrices = mid.reshape(*shape, mid.shape[1])
    return np.asarray(matrices @ matrices.swapaxes(-1, -2))


def schur_of_grams(terms: Sequence[tuple[Rows, Rows | None]], k: int = 1, stacked: int | None = None) -> Ball:
    """Enclose Σ_l (B_l B_lᵀ) ∘ (A_l A_lᵀ ⊗ 1_k 1_kᵀ), exactly symmetric in mid and rad.

    Args:
        terms: pairs (A_l (n, m), B_l (n·k, m')); None for B_l with B_l B_lᵀ = 1 (k = 1).
        k: how often each row of A_l counts.
        stacked: f where every A_l and B_l holds f matrices, one below the other; the result is then (f, n·k, n·k), each its own.

    Radius. Of one term, with α, β ≥ the norms of the true rows and of mid's, ε, δ their errors, P = BBᵀ, Q = AAᵀ:
        |Q̂ − Q|_ij ≤ γ_m α_iα_j + ε_iα_j + α_iε_j + mη,  |P̂ − P|_ij alike,  |Q_ij| ≤ α_iα_j,  |P̂_ij| ≤ β_iβ_j(1 + γ_m') + m'η,
        |P̂Q̂ − PQ| ≤ |P̂||Q̂ − Q| + |P̂ − P||Q| ≤ (1 + γ)(c_iw_j + w_ic_j + g·w_iw_j) + underflow,
    w = αβ, c = βε + αδ, g = γ_m + γ_m' (so far γ ≤ 0.1 and ε ≤ α, δ ≤ β); rounding P̂Q̂ and summing L terms adds γ_{L+1}(1 + γ)² w_iw_j. So the radius is
    Σ_l w_l(c_l + ½g_l w_l)ᵀ + its transpose: a product of matrices with 2L columns, computed as one. Every η meets at most 3α_iα_j (as ε ≤ α),
    2β_iβ_j or 1, so 4(m + m')η(1 + max α² + max β²) covers them. In an infinite row ∞ meets only positive numbers (each factor has its + η),
    so its radius is infinite even where a product skips zeros.
    """
    require_probed_products()
    depth, shape = len(terms), (-1,) if stacked is None else (stacked, -1)
    total: Any = None
    left: list[Array] = []
    right: list[Array] = []
    tiny: Any = 0.0
    with quiet():
        for a, b in terms:
            m = a.mid.shape[1]
            alpha, epsilon = ((a.norms + a.err) * INFLATE).reshape(shape), a.err.reshape(shape)
            q: Any = _gram(a.mid, shape)
            if k > 1:
                alpha, epsilon = np.repeat(alpha, k, axis=-1), np.repeat(epsilon, k, axis=-1)
                q = np.repeat(np.repeat(q, k, axis=-2), k, axis=-1)
            if b is None:
                w, c, inner = alpha, epsilon, m
            else:
                beta, delta = ((b.norms + b.err) * INFLATE).reshape(shape), b.err.reshape(shape)
                w, c = alpha * beta * INFLATE + ETA, (beta * epsilon + alpha * delta) * INFLATE + 2.0 * ETA
                inner = m + b.mid.shape[1]
                q *= _gram(b.mid, shape)
                tiny += _largest_square(beta)
            tiny = (tiny + _largest_square(alpha) + 1.0) * INFLATE
            g = (gamma(inner) + gamma(2) + gamma(depth + 1)) * INFLATE
            c = (c + w * (0.5 * g)) * INFLATE + ETA
            left += [w, c]
            right += [c, w]
            total = q if total is None else np.add(total, q, out=total)
        if total is None:
            raise ShapeError("schur_of_grams: no terms; expected at least one pair")
        # γ_m + γ_m' ≤ γ_{m+m'}; the factors (1 + γ)³ and the roundings of this very product (2L + 1 terms of one sign) go to the left.
        # They need γ ≤ 0.1: sums of fewer than 2^49 terms.
        widest = max(a.mid.shape[1] + (0 if b is None else b.mid.shape[1]) for a, b in terms)
        grow = (1.0 + 4.0 * gamma(widest + depth) + 4.0 * gamma(2 * depth + 4)) * INFLATE
        floor = float(8 * (widest + depth)) * ETA * tiny + float(8 * (widest + depth)) * ETA
        x = np.stack([*left, np.broadcast_to(floor, left[0].shape)], axis=-1) * grow + ETA
        y = np.stack([*right, np.ones(left[0].shape)], axis=-1)
        rad = x @ y.swapaxes(-1, -2)
        rad += float(4 * depth + 8) * ETA
        _mirror(total)
        _mirror(rad)
        return _checked(total, rad)
