"""Arb enclosures that the checks rest on: activations, the spectral norm, the smallest eigenvalue.

Arithmetic and precision are python-flint's: an ``arb`` contains the exact result for all numbers in its operands, ``a <= b`` is
true only if certain. Nothing here is approximate.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat, ctx, fmpq

from verify.checker.reading import Limit

__all__ = ["activation", "deadline", "gram", "norm", "real", "root", "smallest_eigenvalue", "suprema", "tick"]

_COLLAPSE = 8
deadline = [float("inf")]  # of time.monotonic(); set by check()


def tick() -> None:
    """Give up once the time allowed for this check is spent."""
    if time.monotonic() > deadline[0]:
        raise Limit("out of the time allowed")


def real(value: Any) -> Any:
    """Return the enclosure of an exact number: int, float or Fraction."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value)


def root(x: Any) -> Any:
    """Enclose √ of the non-negative numbers in x; NaN, of which nothing is certain, if there are none."""
    return arb(0).union(x.upper().sqrt()) if x.upper() >= 0 and not x >= 0 else x.sqrt()


def gram(matrix: Any) -> Any:
    """Enclose M·Mᵀ."""
    return matrix * matrix.transpose()


def norm(matrix: Any) -> Any:
    """Enclose the spectral norm of every real matrix in `matrix`.

    M_0 = M, M_{k+1} = 2^-e M_k M_kᵀ up to an error of norm ≤ ε_k; so ‖M_k‖² lies within 2^e ε_k of 2^e‖M_{k+1}‖, and at the end
    ‖M_K‖² lies between ‖M_K‖_F²/rank and ‖M_K‖_F² = tr(M_K M_Kᵀ). The factor rank^½ shrinks to rank^(2^-K/2) on the way back.
    """
    if matrix.nrows() > matrix.ncols():
        matrix = matrix.transpose()
    rank = matrix.nrows()
    chain: list[tuple[Any, Any]] = []
    squarings = ctx.prec // 2 if rank > 1 else 0
    while True:
        tick()
        product = gram(matrix)
        trace = product.trace()
        if len(chain) == squarings or not trace > 0:
            break
        mantissa, exponent = trace.mid().man_exp()
        scale = arb(2) ** (int(exponent) + int(mantissa).bit_length())
        matrix, error = product / scale, arb(0)
        if len(chain) % _COLLAPSE == _COLLAPSE - 1:
            # Continue with the exact midpoint; a matrix norm is at most the sum of its entries' magnitudes.
            error = sum((entry.rad() for entry in matrix.entries()), arb(0)).upper()
            matrix = matrix.mid()
        chain.append((scale, error))
    square = (trace / rank).union(trace)
    for scale, error in reversed(chain):
        square = (root(square) + arb(0, error)) * scale
    return root(square)


def smallest_eigenvalue(matrix: Any) -> Any:
    """Enclose λ_min of the positive semidefinite matrix in `matrix`.

    With t ≥ tr ≥ λ_max the matrix tI − A is positive semidefinite, so ‖tI − A‖ = t − λ_min.
    """
    size = matrix.nrows()
    top = matrix.trace().upper()
    shift = arb_mat(size, size, [top if i == j else 0 for i in range(size) for j in range(size)])
    return top - norm(shift - matrix)


# ---------------------------------------------------------------------------------------------- activations
# The mathematical functions. GELU: z·Φ(z) = z(1 + erf(z/√2))/2; its tanh form: z(1 + tanh(c(z + a z³)))/2, c = √(2/π).
_A = fmpq(44715, 1000000)


def _logistic(z: Any) -> Any:
    return 1 / (1 + (-z).exp())


def activation(name: str, beta: Any, z: Any) -> tuple[Any, Any]:
    """Enclose (σ(z), σ'(z)); `beta` is Softplus' parameter (None otherwise)."""
    if name == "identity":
        return z, arb(1)
    if name == "tanh":
        t = z.tanh()
        return t, 1 - t * t
    if name == "sigmoid":
        p = _logistic(z)
        return p, p * (1 - p)
    if name == "softplus":
        return (beta * z).exp().log1p() / beta, _logistic(beta * z)
    if name == "silu":
        p = _logistic(z)
        return z * p, p * (1 + z * (1 - p))
    if name == "sine":
        return z.sin(), z.cos()
    if name == "gelu":
        half = (1 + (z / arb(2).sqrt()).erf()) / 2
        return z * half, half + z * (-z * z / 2).exp() / (2 * arb.pi()).sqrt()
    if name == "gelu_tanh":
        c = (2 / arb.pi()).sqrt()
        t = (c * (z + _A * z * z * z)).tanh()
        return z * (1 + t) / 2, (1 + t) / 2 + z * (1 - t * t) * c * (1 + 3 * _A * z * z) / 2
    raise KeyError(name)


def _bracket(sign: Any, low: Any, high: Any) -> Any:
    """Enclose the one zero in [low, high] of a function that is positive before it and negative after, by bisection."""
    low, high = arb(low), arb(high)
    for _ in range(ctx.prec):
        middle = ((low + high) / 2).mid()
        value = sign(middle)
        if value > 0:
            low = middle
        elif value < 0:
            high = middle
        else:
            break
    return low.union(high)


def suprema(name: str, beta: Any) -> tuple[Any, Any]:
    """Enclose (sup|σ'|, sup|σ''|) over R.

    tanh: σ'' = −2t(1 − t²), extreme at t = 1/√3: 4/(3√3). Sigmoid: p(1 − p) ≤ 1/4, p(1 − p)(1 − 2p) ≤ 1/(6√3). Softplus: those
    scaled by β. SiLU: σ'' = p(1 − p)(2 − z tanh(z/2)) ≤ ½, ≥ −|z|e^-|z| ≥ −1/e; σ' is extreme at the only z > 0 with
    z tanh(z/2) = 2, and σ'(z) + σ'(−z) = 1. GELU: σ'' = φ(z)(2 − z²) lies in [−2φ(√2), 2φ(0)], σ' is extreme at √2. Its tanh
    form, with w = 1 + 3az² and u = c(z + az³): σ'' = c·sech²u·(1 + 6az² − czw²tanh u), so σ' is extreme at the only z > 0 with
    czw²tanh u = 1 + 6az² (the left side over w² grows, the right side over w² falls); σ'' ≤ c because sech²u ≤ 1/(1 + c²z²)
    and 6a < c², and −σ'' ≤ c by t·sech²u·czw² < 1 (the tests prove that by subdivision).
    """
    if name == "identity":
        return arb(1), arb(0)
    if name == "tanh":
        return arb(1), 4 / (3 * arb(3).sqrt())
    if name == "sigmoid":
        return arb(1) / 4, 1 / (6 * arb(3).sqrt())
    if name == "softplus":
        return arb(1), beta / 4
    if name == "sine":
        return arb(1), arb(1)
    if name == "silu":
        return activation(name, None, _bracket(lambda z: 2 - z * (z / 2).tanh(), 1, 4))[1], arb(1) / 2
    c = (2 / arb.pi()).sqrt()
    if name == "gelu":
        return activation(name, None, arb(2).sqrt())[1], c
    if name == "gelu_tanh":

        def sign(z: Any) -> Any:
            return 1 + 6 * _A * z * z - c * z * (1 + 3 * _A * z * z) ** 2 * (c * (z + _A * z * z * z)).tanh()

        return activation(name, None, _bracket(sign, 1, 2))[1], c
    raise KeyError(name)
