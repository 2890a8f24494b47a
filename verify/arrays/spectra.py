"""Certified extreme eigenvalues and singular values of point and ball matrices.

Every bound rests on matrix products only, never on the correctness of a factorisation or an eigensolver:
those give guesses.

* From below: if A − sI = L·Lᵀ + E with any real L, then λ_min(A) ≥ s − ‖E‖. L is a floating Cholesky factor
  of the shifted matrix, as in Rump (BIT 46, 2006); where he bounds E a priori from the algorithm's order of
  operations we form L·Lᵀ and bound E a posteriori, because LAPACK's blocked kernels may multiply by computed
  reciprocals or inverted blocks.
* From above: the Rayleigh quotient of any vector.
* Norms: Collatz–Wielandt for non-negative matrices; the smaller Gram matrix for the rest (cf. Rump, BIT 51,
  2011).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.arrays import guesses
from verify.arrays.arithmetic_probe import require_probed_products
from verify.arrays.ball import Ball, _build, as_ball
from verify.arrays.combine import diagonal
from verify.arrays.functions.on_balls import sqrt
from verify.arrays.products import gram, matmul, mirror, row_norms_upper
from verify.arrays.rounding import ETA, INFLATE, Array, U, gamma, quiet, sum_down, sum_up
from verify.errors import InputError, NotCertainError, ShapeError, UnsoundArithmeticError

_ATTEMPTS = 12
_BLOCK = 512


def smallest_eigenvalue(a: Any) -> Ball:
    """Enclosure of λ_min(X) for every symmetric X in a.

    Args:
        a: (n, n) Ball or array. An entry and its mirror image must overlap; the symmetric matrices are those
            in both.

    Returns:
        Scalar Ball. Width about (n to 4n)·u·trace for a point matrix, plus twice the norm of the radius
        matrix. For n > 1000 with λ_min in a cluster, or at the edge of a dense spectrum, up to about 2 % of λ_min
        more: finding it to all digits would cost another factorisation.

    Raises:
        ShapeError if not square, InputError if a contains no symmetric matrix, NonFiniteError, DtypeError.

    >>> bool(smallest_eigenvalue([[2.0, 1.0], [1.0, 2.0]]).contains(1.0))
    True
    """
    x = _symmetric(a)
    if not np.isfinite(x.rad).all():
        return Ball(0.0, np.inf)
    if x.shape[0] == 1:
        return x[0, 0]
    x, e = _scaled(x)
    with quiet():
        guess = guesses.smallest_eigenpair(x.mid)
        upper = _rayleigh_upper(x, guess.vector)
        spread = 0.0 if x.is_point else nonnegative_norm_upper(x.rad)
        lower = float(sum_down(_lower(x.mid, min(guess.value, upper), guess.slack), -spread))
    return enclosure(lower, upper, e)


def largest_eigenvalue(a: Any) -> Ball:
    """Enclosure of λ_max(X) for every symmetric X in a; as :func:`smallest_eigenvalue`."""
    return -smallest_eigenvalue(-_symmetric(a))


def is_positive_definite(a: Any) -> bool:
    """True if every symmetric matrix in a is positive definite, False if none is, else NotCertainError."""
    value = smallest_eigenvalue(a)
    if value.lower() > 0:
        return True
    if value.upper() <= 0:
        return False
    raise NotCertainError(
        f"smallest eigenvalue {value!r} has no certain sign: the matrix is singular, or nearly, at the width of its enclosure"
    )


def spectral_norm(a: Any) -> Ball:
    """Enclosure of the largest singular value of every X in a.

    Args:
        a: (m, n) Ball or array, rectangular allowed; the smaller Gram matrix is formed.

    >>> bool(spectral_norm([[3.0, 0.0], [0.0, 4.0]]).contains(4.0))
    True
    """
    x, e, spread = _prepare(a)
    if x is None:
        return Ball(0.0, np.inf)
    value = largest_eigenvalue(gram(x))
    return _singular(value, e, spread)


def smallest_singular_value(a: Any) -> Ball:
    """Enclosure of the min(m, n)-th singular value of every X in a: √λ_min of the smaller Gram matrix.

    For a Jacobian J (N, p) with N > p, √λ_min(J·Jᵀ) is 0, not this. Accurate relative to the norm squared:
    values below about √(n·u)·‖X‖ come back as an enclosure that reaches 0.
    """
    x, e, spread = _prepare(a)
    if x is None:
        return Ball(0.0, np.inf)
    value = smallest_eigenvalue(gram(x))
    return _singular(value, e, spread)


def nonnegative_norm_upper(m: Any, steps: int = 4) -> float:
    """Upper bound of the spectral norm of every matrix X with |X| ≤ m entrywise.

    m: non-negative float64 matrix, a numpy array or a torch tensor on any device.

    ‖X‖₂² ≤ ρ(mᵀm) ≤ max_i (mᵀ(m·x))_i / x_i for any positive x (Collatz–Wielandt); x comes from a few power
    steps.
    """
    require_probed_products()
    if 0 in m.shape:
        return 0.0
    if float(m.min()) < 0.0:
        raise InputError("nonnegative_norm_upper: negative entries; expected bounds ≥ 0 of a matrix's entries")
    top = float(m.max())
    if top == 0.0 or not np.isfinite(top):
        return top
    rows, cols = m.shape
    with quiet():
        # Scale by a power of two where needed; entries that underflow lose ≤ η/2 (see 2^-800 below).
        e = max(-1000, min(1000, int(np.frexp(top)[1])))
        w = m if -200 < e < 200 else m * 2.0**-e
        back = 0 if w is m else e
        # A floor keeps x positive: any positive x is valid. It starts as ones, of m's library and device.
        x = m[0] - m[0] + 1.0
        best = np.inf
        grow = (1.0 + 4.0 * gamma(rows + cols + 4)) * INFLATE
        for _ in range(steps):
            z = w.T @ (w @ x)
            # z is too small by γ relatively, and by underflow in w (scaled) and in both products absolutely:
            # with w < 2^200 and x ≤ 1 less than rows·cols·2^-870 in all, covered by 2^-800.
            ratio = float(((z * grow + 2.0**-800) / x).max()) * INFLATE
            best = min(best, ratio)
            x = z / max(float(z.max()), 2.0**-800)
            # The same of torch's tensors; numpy's method takes five times as long.
            x = np.maximum(x, 2.0**-40) if isinstance(x, np.ndarray) else x.clip(2.0**-40)
        value = float(np.sqrt(best)) * INFLATE
        bound = float(np.ldexp(value, back)) * INFLATE + (0.0 if back == 0 else ETA)
    return bound


def perron_upper(m: Array) -> Array:
    """Upper bounds of λ_max of a stack of symmetric non-negative matrices, all at once.

    Args:
        m: (…, L, L) float64, symmetric, finite, ≥ 0; exact.

    Returns:
        (…,) doubles, infinite on overflow; within some L·u of λ_max unless numpy's eigensolver fails.

    >>> import numpy as np
    >>> bool(0 <= perron_upper(np.array([[2.0, 1.0], [1.0, 2.0]])) - 3.0 < 1e-13)
    True
    """
    require_probed_products()
    size = m.shape[-1]
    with quiet():
        top = m.max(axis=(-2, -1))[..., None]
        vectors = guesses.perron_vectors(m / np.where(top > 0.0, top, 1.0)[..., None])
        # Collatz–Wielandt: λ_max ≤ max_i (m·x)_i/x_i for every x > 0. The floor keeps x positive; a NaN becomes 1.
        x = np.where(vectors >= 2.0**-40, vectors, 2.0**-40)
        x = np.where(np.isfinite(vectors), x, 1.0)
        # fl(m·x) ≥ (m·x)(1 − γ_L) − L·η/2; the quotient loses u and η/2, and x ≥ 2^-40 magnifies nothing that is not added here.
        product = (np.matmul(m, x[..., None])[..., 0] * (1.0 + 4.0 * gamma(size)) + size * ETA) * INFLATE
        bound = ((product / x) * INFLATE + ETA).max(axis=-1)
        return np.where(top[..., 0] > 0.0, np.where(np.isnan(bound), np.inf, bound), 0.0)


def _symmetric(a: Any) -> Ball:
    x = as_ball(a)
    if x.ndim != 2 or x.shape[0] != x.shape[1] or x.shape[0] == 0:
        raise ShapeError(f"expected a non-empty square matrix, got shape {x.shape}")
    if _is_symmetric(x.mid) and (x.is_point or _is_symmetric(x.rad)):
        return x
    gap = (x.lower() > x.upper().T).any()
    if gap:
        i, j = (int(v[0]) for v in np.nonzero(x.lower() > x.upper().T))
        raise InputError(
            f"matrix contains no symmetric matrix: entries ({i}, {j}) and ({j}, {i}) are disjoint;"
            " Ball.hull(K, K.T) encloses K and its transpose, gram(J) is symmetric"
        )
    return mirror(x)


def _is_symmetric(a: Array) -> bool:
    """Whether a square matrix equals its transpose, compared block by block: strides across a whole matrix miss every cache."""
    blocks = [slice(i, i + _BLOCK) for i in range(0, a.shape[0], _BLOCK)]
    return all(np.array_equal(a[r, c], a[c, r].T) for i, r in enumerate(blocks) for c in blocks[: i + 1])


def _scaled(x: Ball) -> tuple[Ball, int]:
    """(2^-e·x, e) with e = 0 unless the entries are so large or small that squares would over- or underflow."""
    top = float(np.abs(x.mid).max(initial=0.0))
    e = int(np.frexp(top)[1])
    if top == 0.0 or -250 < e < 250:
        return x, 0
    with quiet():
        # ldexp rounds by ≤ η/2 where the result is subnormal (mid and rad once each).
        mid, rad = np.ldexp(x.mid, -e), np.ldexp(x.rad, -e)
        if e > 0:
            rad = rad + ETA
        if not np.isfinite(rad).all():
            return x, 0
    return _build(mid, np.array(rad), False), e


def enclosure(lower: float, upper: float, e: int = 0) -> Ball:
    """2^e·[lower, upper]; UnsoundArithmeticError when the two certified bounds contradict each other."""
    if lower > upper:
        raise UnsoundArithmeticError(
            f"certified bounds of λ_min contradict each other: lower={lower!r} > upper={upper!r}; "
            "run require_sound_arithmetic() and report"
        )
    return _unscaled(lower, upper, e)


def _unscaled(lower: float, upper: float, e: int) -> Ball:
    if e == 0:
        return Ball.from_bounds(lower, upper)
    with quiet():
        return Ball.from_bounds(np.nextafter(np.ldexp(lower, e), -np.inf), np.nextafter(np.ldexp(upper, e), np.inf))


def _rayleigh_upper(x: Ball, vector: Array) -> float:
    """Upper bound of λ_min over x: the largest Rayleigh quotient of one point vector, or the smallest
    diagonal entry.
    """
    best = float(diagonal(x).upper().min())
    quotient = rayleigh_quotient(vector, lambda v: matmul(x, v, "sharp"))
    return best if quotient is None else min(best, float(quotient.upper()))


def rayleigh_quotient(vector: Array, multiply: Callable[[Ball], Ball]) -> Ball | None:
    """vᵀXv/vᵀv given v ↦ X·v; None for a vector that is not finite, or whose square might over- or underflow."""
    if not 2.0**-200 < float(np.abs(vector).max()) < 2.0**200:  # False for NaN
        return None
    v = Ball(vector)
    return matmul(v, multiply(v), "sharp") / matmul(v, v, "sharp")


def _lower(a: Array, guess: float, slack: float) -> float:
    """Rigorous lower bound of λ_min of the symmetric point matrix a, near guess − slack if possible."""
    row_sums = np.concatenate([np.abs(a[i : i + _BLOCK]).sum(axis=1) for i in range(0, a.shape[0], _BLOCK)])
    return lower_by_shifts(np.diagonal(a), row_sums, guess, slack, lambda s: _factored_lower(a, s))


def lower_by_shifts(
    diagonal: Array, row_sums: Array, guess: float, slack: float, factored_lower: Callable[[float], float | None]
) -> float:
    """Best rigorous lower bound of λ_min from Gershgorin's discs and from shifts below an approximate λ_min.

    Args:
        diagonal, row_sums: of the matrix (n, n), and fl(Σ_j |a_ij|) in any order.
        guess: approximate λ_min, or NaN. slack: how far below it λ_min may lie (an estimate).
        factored_lower: rigorous lower bound from one shift, None where its factorisation failed.
    """
    n = diagonal.size
    # Gershgorin with row sums rounded up: always valid, the fallback.
    radius = (row_sums - np.abs(diagonal)) + row_sums * (8.0 * gamma(n + 4))
    best = float(sum_down(diagonal, -(radius * INFLATE + ETA)).min())
    if not np.isfinite(guess):
        return best
    margin = 4.0 * U * float(np.abs(diagonal - guess).sum()) + 4.0 * U * abs(guess) + ETA
    margin = max(margin, slack)
    for _ in range(_ATTEMPTS):
        s = guess - margin
        bound = factored_lower(s)
        if bound is not None:
            return max(best, bound)
        margin *= 8.0
    return best


def _factored_lower(a: Array, s: float) -> float | None:
    """s − ‖(a − sI) − L·Lᵀ‖ rounded down, for a computed L; None when the factorisation fails."""
    n = a.shape[0]
    factor = guesses.cholesky(a, s)
    if factor is None:
        return None
    # Residual of the exact shift, entrywise, with P = fl(L·Lᵀ) and E = fl(fl(a − sI) − P): |a − sI − LLᵀ| ≤
    # |E| + u|E| + γ_n|L||L|ᵀ + nη, and on the diagonal u·|fl(a_ii − s)| more: the rounding of the shift (half
    # an ulp of the shifted entry; subtractions do not underflow). In norm: ‖|E|‖ ≤ Frobenius; ‖|L||L|ᵀ‖ =
    # ‖|L|‖² by Collatz–Wielandt; the diagonal its maximum; ‖nη·ones‖ = n²η.
    shifted = np.diagonal(a) - s
    frobenius = _residual_frobenius(a, shifted, factor)
    np.abs(factor, out=factor)
    growth = min(nonnegative_norm_upper(factor), float(row_norms_upper(row_norms_upper(factor)[None, :])[0]))
    return lower_from_residual(s, n, frobenius, growth, _shift_error(shifted))


def _residual_frobenius(a: Array, shifted: Array, factor: Array) -> float:
    """Upper bound of ‖E‖_F, E = fl(fl(a − sI) − fl(L·Lᵀ)), block by block of the lower triangle, each block of L·Lᵀ only over its
    nonzero columns: a third of the full product's operations, no second matrix.

    Args:
        shifted: fl(a_ii − s), the diagonal of fl(a − sI).
        factor: L, of which only the blocks of the lower triangle are read: they are the L that the bound holds for.
    """
    norms = []
    for i in range(0, a.shape[0], _BLOCK):
        rows = slice(i, i + _BLOCK)
        for j in range(0, i + 1, _BLOCK):
            columns, known = slice(j, j + _BLOCK), slice(0, j + _BLOCK)
            block = factor[rows, known] @ factor[columns, known].T
            diagonal = np.diagonal(block).copy()
            np.subtract(a[rows, columns], block, out=block)
            if i == j:
                np.fill_diagonal(block, shifted[rows] - diagonal)
            # The block above the diagonal is this one's transpose.
            norms += [float(row_norms_upper(row_norms_upper(block)[None, :])[0])] * (1 if i == j else 2)
    return norms[0] if len(norms) == 1 else float(row_norms_upper(np.array(norms)[None, :])[0])


def lower_from_residual(s: float, n: int, frobenius: float, growth: float, shift_error: float) -> float | None:
    """Lower bound of λ_min(A) ≥ s − ‖A − sI − L·Lᵀ‖, derived in :func:`_factored_lower`; None on overflow.

    Args:
        frobenius: bound of ‖E‖_F, E = fl(fl(A − sI) − fl(L·Lᵀ)).
        growth: bound of ‖|L|‖.
        shift_error: bound of the rounding of fl(a_ii − s).
    """
    # All terms non-negative, fewer than 12 roundings: INFLATE.
    error = (frobenius * (1.0 + 4.0 * U) + gamma(n) * growth * growth + shift_error) * INFLATE
    error += 2.0 * n * n * ETA
    return float(sum_down(s, -error)) if np.isfinite(error) else None


def _shift_error(shifted: Array) -> float:
    """Upper bound of max |fl(a_ii − s) − (a_ii − s)| from the rounded values: half an ulp each."""
    return U * float(np.abs(shifted).max())


def _prepare(a: Any) -> tuple[Ball | None, int, float]:
    x = as_ball(a)
    if x.ndim != 2 or x.size == 0:
        raise ShapeError(f"expected a non-empty matrix, got shape {x.shape}")
    if not np.isfinite(x.rad).all():
        return None, 0, np.inf
    x, e = _scaled(x)
    if x.shape[0] > x.shape[1]:
        x = x.T
    spread = 0.0 if x.is_point else nonnegative_norm_upper(x.rad)
    return Ball(x.mid), e, spread


def _singular(value: Ball, e: int, spread: float) -> Ball:
    # Singular values of mid + Δ differ from those of mid by at most ‖Δ‖ ≤ spread (Weyl).
    root = sqrt(Ball.from_bounds(np.maximum(value.lower(), 0.0), np.maximum(value.upper(), 0.0)))
    low = max(float(sum_down(root.lower(), -spread)), 0.0)
    high = float(sum_up(root.upper(), spread))
    ball = _unscaled(low, high, e)
    return Ball.from_bounds(np.maximum(ball.lower(), 0.0), ball.upper())
