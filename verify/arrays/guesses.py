"""Fast approximations that the certificates then prove: nothing in this module is rigorous, or needs to be.

All names are approximate values (``approx_`` in the sense of the style guide); a wrong guess can only widen
an enclosure.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from verify.arrays.rounding import Array, U, quiet

Product = Callable[[Array], Array]

DENSE = 300  # below this a dense eigensolver is faster than Lanczos
LARGE = 1000
COARSE = 2.0**-7  # a relative error of λ_min that is not worth another factorisation
MOST_STEPS = 96  # of an iteration whose step costs about two passes over the matrix
_SHIFTS = 3


def cholesky(a: Array, shift: float) -> Array | None:
    """Approximate lower Cholesky factor of a − shift·I as a fresh array, or None when it fails or is not
    finite.
    """
    work = np.array(a.T if a.flags.f_contiguous else a, order="C")  # symmetric: one copy in either layout
    work.flat[:: a.shape[0] + 1] -= shift
    # The Fortran view of a C array is its transpose, here equal to it: factorised in place, no second copy.
    factor, info = lapack.dpotrf(work.T, lower=1, clean=1, overwrite_a=1)
    return factor if info == 0 and np.isfinite(np.diagonal(factor)).all() else None


class Ritz(NamedTuple):
    """A guess at an extreme eigenvalue: its value and vector, and how far the eigenvalue may lie beyond it (an estimate)."""

    value: float
    vector: Array
    slack: float


def largest_of_stack(m: Array) -> float:
    """Approximate largest eigenvalue over a stack of symmetric finite matrices (f, n, n); NaN where LAPACK fails."""
    try:
        return float(np.linalg.eigvalsh(m)[:, -1].max())
    except np.linalg.LinAlgError:
        return float("nan")


def largest_eigenvalues(m: Array) -> Array:
    """Approximate largest eigenvalue of each of a stack of symmetric finite matrices (…, L, L); NaN where LAPACK fails."""
    try:
        return np.asarray(np.linalg.eigvalsh(m)[..., -1])
    except np.linalg.LinAlgError:
        return np.full(m.shape[:-2], np.nan)


def cholesky_of_stack(m: Array) -> Array | None:
    """Approximate lower Cholesky factors of a stack (f, n, n), or None when one fails or is not finite."""
    try:
        factor = np.linalg.cholesky(m)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(factor, dtype=np.float64) if np.isfinite(factor).all() else None


def smallest_eigenpair(a: Array) -> Ritz:
    """Approximate smallest eigenvalue of a symmetric finite matrix, the eigenvalue estimated to be in [value − slack, value].

    Separated from the rest, the eigenvalue is found to all digits. At the dense end of a spectrum Lanczos's iteration would need
    hundreds of steps for that: there slack is what a limited number leaves, at most :data:`COARSE` of the value as a rule. (nan,
    zeros, 0) if every method fails.
    """
    n = a.shape[0]
    with quiet():
        if n > DENSE:
            found = shifted_lanczos(n, lambda v: a @ v, lambda s: _solver(a, s), float(np.abs(np.diagonal(a)).sum()))
            if found is not None:
                return found
        # What scipy.linalg.eigh(a, subset_by_index=[0, 0]) calls: of a small matrix its own work costs as much as LAPACK's.
        lwork, liwork = _workspace(n)
        values, vectors, found, _, info = lapack.dsyevr(a, range="I", il=1, iu=1, lower=1, lwork=lwork, liwork=liwork)
        if info or not found:
            return Ritz(float("nan"), np.zeros(n), 0.0)
        return Ritz(float(values[0]), np.ascontiguousarray(vectors[:, 0]), 0.0)


@functools.cache
def _workspace(n: int) -> tuple[int, int]:
    """Sizes of the two work arrays that LAPACK asks for."""
    lwork, liwork, _ = lapack.dsyevr_lwork(n, lower=1)
    return int(lwork), int(liwork)


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


def _solver(a: Array, shift: float) -> Product | None:
    """v ↦ (A − shift)⁻¹v, None where A − shift is not positive definite as far as Cholesky can tell."""
    factor = cholesky(a, shift)
    return None if factor is None else lambda v: np.asarray(lapack.dpotrs(factor, v, lower=1)[0])


def shifted_lanczos(n: int, multiply: Product, solver: Callable[[float], Product | None], size: float) -> Ritz | None:
    """Approximate smallest eigenvalue of a symmetric A; None on failure.

    Lanczos with the inverse of A − s: s = 0 where A is positive definite, else with A itself first. A shift just below the best
    value so far spreads what is left of a cluster; that costs another factorisation, so it is made only where slack is coarse.

    Args:
        multiply: v ↦ Av. solver: s ↦ (v ↦ (A − s)⁻¹v), or None when that is not positive definite.
        size: of A, in which rounding errors are counted: the sum of its diagonal's absolute values.
    """
    goal = n * U * size / 16.0  # a fraction of the n·u·trace that the proof loses to rounding
    # Beyond LARGE a step costs the traffic of a factor that fits no cache, and another factor more than the digits are worth.
    steps, coarse = (MOST_STEPS, 0.0) if n <= LARGE else (min(MOST_STEPS, max(24, n // 100)), COARSE)
    shift, best = 0.0, None
    inverse = solver(shift)
    if inverse is None:
        best = lanczos(n, lambda v: -multiply(v), max(MOST_STEPS, n // 16), lambda _: goal)
        best = None if best is None else best._replace(value=-best.value)
    for _ in range(_SHIFTS):
        if best is not None and best.slack <= max(goal, coarse * abs(best.value)):
            break
        if inverse is None and best is not None:
            shift = best.value - best.slack
            inverse = solver(shift)
        if inverse is None:
            break
        # μ = 1/(λ − s): an error e in μ is one of e/μ² in λ.
        found = lanczos(n, inverse, steps, lambda mu: min(goal * mu * mu, 2.0**-30 * mu))
        if found is None or not found.value > 0.0:
            break
        # What the vector holds of large eigenvalues is small for the inverse, not for A: one more step each removes it.
        vector = inverse(inverse(found.vector / found.value)) / found.value
        slack = 1.0 / found.value - 1.0 / (found.value + found.slack)
        best, inverse = Ritz(shift + 1.0 / found.value, vector, slack), None
    if best is None or not np.isfinite(best.value):
        return None
    # Twice, for an estimate; and a cluster narrower than the goal looks like a single eigenvalue.
    return best._replace(slack=2.0 * max(best.slack, goal))


def lanczos(n: int, multiply: Product, steps: int, goal: Callable[[float], float]) -> Ritz | None:
    """Approximate largest eigenvalue of a symmetric operator by Lanczos's iteration, orthogonalised in full; None on failure.

    Stops when the estimated error is below goal(value), or after `steps`. The estimate: with residual ρ and the distance g to the
    next Ritz value, ρ²/g, and ρ where that is smaller.
    """
    basis = np.empty((min(steps, n) + 1, n))
    basis[0] = _start(n)
    basis[0] /= np.linalg.norm(basis[0])
    diagonal: list[float] = []
    off: list[float] = []
    value = slack = np.nan
    weights = np.ones(1)
    for k in range(min(steps, n)):
        w, known = multiply(basis[k]), basis[: k + 1]
        diagonal.append(float(w @ basis[k]))
        for _ in range(2):
            w = w - known.T @ (known @ w)
        rest = float(np.linalg.norm(w))
        if not (np.isfinite(rest) and np.isfinite(diagonal[-1])):
            return None
        values, vectors = scipy.linalg.eigh_tridiagonal(diagonal, off)
        value, weights = float(values[-1]), vectors[:, -1]
        residual = rest * abs(float(weights[-1]))
        gap = value - float(values[-2]) if k else abs(value)
        slack = min(residual, residual * residual / gap) if gap > 0.0 else residual
        if (k >= 3 and slack <= goal(value)) or rest <= 1e-14 * abs(value):
            break
        off.append(rest)
        basis[k + 1] = w / rest
    return Ritz(value, weights @ basis[: weights.size], slack)
