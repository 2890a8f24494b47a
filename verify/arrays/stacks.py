"""λ_min of many small matrices at once, bit for bit as one by one where BLAS multiplies a stack as it does its matrices.

Of a small matrix the arithmetic costs nothing and the hundred and fifty numpy calls of :func:`verify.arrays.smallest_eigenvalue` everything;
here most of them serve a whole stack. Every bound is the one of :mod:`verify.arrays.spectra`, where it is derived; what is not ordinary (a scale
to be taken out, a shift whose factorisation fails) is left to it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from verify.arrays import guesses
from verify.arrays.arithmetic_probe import require_probed_products
from verify.arrays.ball import Ball
from verify.arrays.combine import stack
from verify.arrays.products import matmul, row_norms_upper
from verify.arrays.rounding import ETA, INFLATE, Array, U, gamma, quiet, sum_down
from verify.arrays.spectra import (
    _factored_lower,
    _shift_error,
    enclosure,
    lower_by_shifts,
    lower_from_residual,
    nonnegative_norm_upper,
    smallest_eigenvalue,
)

__all__ = ["SMALL", "smallest_eigenvalues"]

SMALL = 64
"""Sides up to which a stack is faster than its matrices one by one."""

# Between these no scale is taken out: squares neither over- nor underflow.
_LEAST, _MOST = 2.0**-199, 2.0**199


def smallest_eigenvalues(matrices: Iterable[Ball] | Ball, n: int) -> Iterable[Ball]:
    """Return :func:`verify.arrays.smallest_eigenvalue` of each of several balls (n, n), or of one (f, n, n); of large ones no two are held at once."""
    if isinstance(matrices, Ball):
        x = matrices
    elif not 1 < n <= SMALL:
        return map(smallest_eigenvalue, matrices)
    else:
        every = list(matrices)
        if len(every) < 2:
            return map(smallest_eigenvalue, every)
        x = stack(every)
    usual = 1 < n <= SMALL and len(x) > 1 and _ordinary(x.mid) and _ordinary(x.rad)
    found = _of_stack(x) if usual else None
    return map(smallest_eigenvalue, (x[i] for i in range(len(x)))) if found is None else found


def _of_stack(x: Ball) -> list[Ball] | None:
    """The same of an ordinary stack (f, n, n); None where an approximate eigenvector is of no use."""
    require_probed_products()
    with quiet():
        pairs = [guesses.smallest_eigenpair(mid) for mid in x.mid]
        vectors, slack = np.stack([pair.vector for pair in pairs]), np.array([pair.slack for pair in pairs])
        if not _within(np.abs(vectors).max(axis=1)):
            return None
        diagonals = Ball(np.diagonal(x.mid, axis1=1, axis2=2), np.diagonal(x.rad, axis1=1, axis2=2))
        upper = np.minimum(diagonals.upper().min(axis=1), _rayleigh_quotients(x, vectors).upper())
        spreads, row_sums = _norms_upper(x.rad), np.abs(x.mid).sum(axis=2)
        guessed = np.minimum([pair.value for pair in pairs], upper)
        # The first shifts of lower_by_shifts; at any other it factorises by itself.
        distances = np.abs(diagonals.mid - guessed[:, None]).sum(axis=1)
        shifts = guessed - np.maximum(4.0 * U * distances + 4.0 * U * np.abs(guessed) + ETA, slack)
        bounds = _factored_lowers(x.mid, shifts)

        def lower(i: int) -> float:
            def bound(shift: float) -> float | None:
                return bounds[i] if shift == shifts[i] else _factored_lower(x.mid[i], shift)

            found = lower_by_shifts(diagonals.mid[i], row_sums[i], float(guessed[i]), float(slack[i]), bound)
            return float(sum_down(found, -spreads[i]))

        return [enclosure(lower(i), float(upper[i])) for i in range(len(pairs))]


def _within(tops: Array) -> bool:
    """Whether every number lies where no scale is taken out; False for NaN."""
    return bool(((tops > _LEAST) & (tops < _MOST)).all())


def _ordinary(a: Array) -> bool:
    """Whether every matrix of the stack is exactly symmetric, and its largest entry where no scale is taken out."""
    return np.array_equal(a, a.swapaxes(1, 2)) and _within(np.abs(a).max(axis=(1, 2)))


def _rayleigh_quotients(x: Ball, vectors: Array) -> Ball:
    """vᵀXv/vᵀv (f,)."""
    column = Ball(vectors[:, :, None])
    row = column.swapaxes(1, 2)
    quotient = matmul(row, matmul(x, column, "sharp"), "sharp") / matmul(row, column, "sharp")
    return quotient[:, 0, 0]


def _factored_lowers(a: Array, shifts: Array) -> list[float | None]:
    """Lower bounds of λ_min from one shift each (:func:`verify.arrays.spectra._factored_lower`); None where a factorisation fails."""
    n = a.shape[1]
    factors = [guesses.cholesky(matrix, float(shift)) for matrix, shift in zip(a, shifts, strict=True)]
    # Where there is none, any matrix: its bound is not used. Each factor in LAPACK's order, column by column.
    columns = np.stack([np.eye(n) if factor is None else factor.T for factor in factors])
    shifted = np.diagonal(a, axis1=1, axis2=2) - shifts[:, None]
    residual = columns.swapaxes(1, 2) @ columns
    diagonal = np.diagonal(residual, axis1=1, axis2=2).copy()
    np.subtract(a, residual, out=residual)
    residual[:, range(n), range(n)] = shifted - diagonal
    frobenius = row_norms_upper(row_norms_upper(residual))
    sizes = np.abs(columns).swapaxes(1, 2)
    growth = np.minimum(_norms_upper(sizes), row_norms_upper(row_norms_upper(sizes)))
    return [
        None
        if factor is None
        else lower_from_residual(float(s), n, float(frobenius[i]), float(growth[i]), _shift_error(shifted[i]))
        for i, (factor, s) in enumerate(zip(factors, shifts, strict=True))
    ]


def _norms_upper(m: Array, steps: int = 4) -> Array:
    """Upper bounds of the spectral norms of a stack of non-negative matrices (:func:`verify.arrays.spectra.nonnegative_norm_upper`)."""
    if not _within(m.max(axis=(1, 2))):
        return np.array([nonnegative_norm_upper(matrix, steps) for matrix in m])
    x, best = np.ones((*m.shape[:1], m.shape[2], 1)), np.full(len(m), np.inf)
    grow = (1.0 + 4.0 * gamma(m.shape[1] + m.shape[2] + 4)) * INFLATE
    for _ in range(steps):
        z = m.swapaxes(1, 2) @ (m @ x)
        best = np.minimum(best, ((z * grow + 2.0**-800) / x).max(axis=(1, 2)) * INFLATE)
        x = z / np.maximum(z.max(axis=(1, 2), keepdims=True), 2.0**-800)
        x = np.maximum(x, 2.0**-40)
    return np.asarray(np.sqrt(best) * INFLATE * INFLATE)
