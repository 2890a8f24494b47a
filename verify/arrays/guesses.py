"""Fast approximations that the certificates then prove: nothing in this module is rigorous, or needs to be.

All names are approximate values (``approx_`` in the sense of the style guide); a wrong guess can only widen
an enclosure.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from scipy.linalg import lapack
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from verify.arrays.rounding import Array, quiet

DENSE = 300  # below this a dense eigensolver is faster than Lanczos


def cholesky(a: Array, shift: float) -> Array | None:
    """Approximate lower Cholesky factor of a − shift·I as a fresh array, or None when it fails or is not
    finite.
    """
    work = np.array(a.T if a.flags.f_contiguous else a, order="C")  # symmetric: one copy in either layout
    work.flat[:: a.shape[0] + 1] -= shift
    # The Fortran view of a C array is its transpose, here equal to it: factorised in place, no second copy.
    factor, info = lapack.dpotrf(work.T, lower=1, clean=1, overwrite_a=1)
    return factor if info == 0 and np.isfinite(np.diagonal(factor)).all() else None


def smallest_eigenpair(a: Array) -> tuple[float, Array]:
    """Approximate (λ_min, eigenvector) of a symmetric finite matrix; (nan, zeros) if every method fails."""
    n = a.shape[0]
    with quiet():
        if n > DENSE:
            for method in (_shift_invert, _lanczos):
                pair = method(a)
                if pair is not None:
                    return pair
        try:
            values, vectors = scipy.linalg.eigh(a, subset_by_index=[0, 0], check_finite=False)
            return float(values[0]), np.ascontiguousarray(vectors[:, 0])
        except (np.linalg.LinAlgError, ValueError):
            return float("nan"), np.zeros(n)


def perron_vectors(m: Array) -> Array:
    """Approximate |eigenvector| to the largest eigenvalue of each of a stack of symmetric matrices (…, L, L); ones where LAPACK fails."""
    try:
        return np.asarray(np.abs(np.linalg.eigh(m)[1][..., -1]))
    except np.linalg.LinAlgError:
        return np.ones(m.shape[:-1])


def approx_spectral_norm(a: Array, steps: int = 14) -> float:
    """Approximate spectral norm of a finite matrix (m, n), from below, to about three digits.

    Lanczos on the smaller Gram matrix without reorthogonalisation: rounding repeats the largest Ritz value, it does not spoil it.
    """
    scale = float(np.abs(a).max(initial=0.0))
    if scale == 0.0:
        return 0.0
    small = a if a.shape[0] <= a.shape[1] else a.T
    diagonal: list[float] = []
    off: list[float] = []
    with quiet():
        v = _start(small.shape[0])
        v /= np.linalg.norm(v)
        before = np.zeros_like(v)
        for _ in range(min(steps, small.shape[0])):
            w = small @ ((v @ small) / scale) / scale
            diagonal.append(float(v @ w))
            w -= diagonal[-1] * v
            if off:
                w -= off[-1] * before
            length = float(np.linalg.norm(w))
            if not length > 1e-12 * diagonal[0]:
                break
            off.append(length)
            before, v = v, w / length
        top = scipy.linalg.eigvalsh_tridiagonal(diagonal, off[: len(diagonal) - 1])[-1]
        return float(np.sqrt(max(top, 0.0))) * scale


def _start(n: int) -> Array:
    return np.asarray(np.random.default_rng(0).standard_normal(n))


def _shift_invert(a: Array) -> tuple[float, Array] | None:
    """Lanczos on the inverse of a positive definite matrix, through its Cholesky factor."""
    n = a.shape[0]
    factor = cholesky(a, 0.0)
    if factor is None:
        return None
    return _rayleigh(a, inverse_lanczos(n, lambda v: lapack.dpotrs(factor, v, lower=1)[0]))


def inverse_lanczos(n: int, solve: Callable[[Array], Array]) -> Array | None:
    """Approximate eigenvector of the smallest eigenvalue of a positive definite A, given v ↦ A⁻¹v; None on failure."""
    try:
        inverse = LinearOperator((n, n), matvec=solve, dtype=np.float64)
        _, vectors = eigsh(inverse, k=1, which="LA", v0=_start(n), ncv=16, tol=1e-7, maxiter=12)
    except (ArpackError, ValueError):
        return None
    return np.ascontiguousarray(vectors[:, 0])


def _lanczos(a: Array) -> tuple[float, Array] | None:
    """Plain Lanczos at the lower end: good when that end is well separated (e.g. minus a Gram matrix)."""
    return _rayleigh(a, lanczos(a.shape[0], lambda v: a @ v))


def lanczos(n: int, multiply: Callable[[Array], Array]) -> Array | None:
    """Approximate eigenvector of the smallest eigenvalue of a symmetric A, given v ↦ Av; None on failure."""
    try:
        direct = LinearOperator((n, n), matvec=multiply, dtype=np.float64)
        _, vectors = eigsh(direct, k=1, which="SA", v0=_start(n), ncv=20, tol=1e-12, maxiter=20)
    except (ArpackError, ValueError):
        return None
    return np.ascontiguousarray(vectors[:, 0])


def _rayleigh(a: Array, x: Array | None) -> tuple[float, Array] | None:
    if x is None:
        return None
    value = float(x @ (a @ x)) / float(x @ x)
    return (value, x) if np.isfinite(value) else None
