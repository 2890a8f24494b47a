"""Arb enclosures that the checks rest on: activations, the spectral norm, the smallest eigenvalue.

Arithmetic and precision are python-flint's: an ``arb`` contains the exact result for all numbers in its operands, ``a <= b`` is
true only if certain. Nothing here is approximate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from math import isqrt
from typing import Any

from flint import arb, arb_mat, ctx, fmpq

from verify.checker.reading import Limit

__all__ = [
    "CLIPPED",
    "activation",
    "deadline",
    "gram",
    "is_below",
    "length",
    "listen",
    "nonnegative",
    "norm",
    "psd_norm",
    "real",
    "require_environment",
    "root",
    "smallest_eigenvalue",
    "stage",
    "staged",
    "suprema",
    "tick",
    "zips",
]

zips: Any = partial(zip, strict=True)
deadline = [float("inf")]  # of time.monotonic(); set by check()


# Seconds that a multiply–add of balls takes at the very least; arb_mat needs 14 to 30 ns at 128 bits.
_FASTEST = 5e-9


def tick(operations: int = 0) -> None:
    """Give up once the time allowed for this check is spent, or does not suffice for a call of so many multiply–adds.

    A call into FLINT cannot be interrupted, so it is not begun where even the fastest machine would be too slow.
    """
    if time.monotonic() + operations * _FASTEST > deadline[0]:
        raise Limit("the time allowed does not suffice: allow more seconds (seconds=, --seconds)")


# Who is told where a long check stands, and when that was last done, set by check(); the items of the loops it is in.
_told: list[Any] = [None, 0.0]
_within: list[str] = []
_EVERY = 5.0  # seconds


def listen(hearer: Any) -> None:
    """Tell `hearer` where the check stands from now on, every few seconds; None: nobody."""
    _told[:] = [hearer, time.monotonic()]
    _within.clear()


def stage(what: str, number: int, of: int) -> None:
    """Say that the `number`-th of so many pieces of some work begins, if there is somebody who listens and it is time."""
    if _told[0] is not None and time.monotonic() >= _told[1] + _EVERY:
        _told[1] = time.monotonic()
        _told[0]("; ".join([*_within, f"{what}, {number} of {of}"]))


def staged(what: str, items: list[Any]) -> Iterator[Any]:
    """Yield the items of some work, saying where it stands; what is said meanwhile is about the item."""
    around = list(_within)
    for number, item in enumerate(items, 1):
        stage(what, number, len(items))
        _within[:] = [*around, f"{what}, {number} of {len(items)}"]
        yield item
        _within[:] = around


def require_environment() -> None:
    """Give up where this thread flushes subnormals or does not round to nearest: doubles are compared, and FLINT assumes neither."""
    tiny, normal, one, half, small = float.fromhex("0x1p-1074"), float.fromhex("0x1p-1022"), 1.0, 0.5, 2.0**-60
    if not (tiny * one > 0.0 and normal * half > 0.0 and one + small == one == one - small):
        raise Limit("the floating-point environment flushes subnormals or does not round to nearest; set it back")


def real(value: Any) -> Any:
    """Return the enclosure of an exact number: int, float or Fraction."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value)


def nonnegative(x: Any) -> Any:
    """Enclose what is known to be ≥ 0 and to lie in x: by a ball that begins at 0 exactly, if x begins below; a union's ends are rounded outwards."""
    if x >= 0 or not 0 <= x.upper() < arb("inf"):
        return x
    half = (x.upper() / 2).upper()
    # A radius is rounded up when it is stored: the midpoint is the stored one, and the lower end their difference.
    return arb(arb(0, half).rad(), half)


def root(x: Any) -> Any:
    """Enclose √ of the non-negative numbers in x; NaN, of which nothing is certain, if there are none."""
    return nonnegative(arb(0).union(x.upper().sqrt())) if x.upper() >= 0 and not x >= 0 else x.sqrt()


def length(vector: Any) -> Any:
    """Enclose the Euclidean norm of a sequence of numbers."""
    return root(sum((x * x for x in vector), arb(0)))


def gram(matrix: Any) -> Any:
    """Enclose M·Mᵀ."""
    tick(matrix.nrows() ** 2 * matrix.ncols())
    return matrix * matrix.transpose()


def _positive(matrix: Any) -> bool:
    """Whether every symmetric matrix in `matrix` is certainly positive definite.

    (A C; Cᵀ D) ≻ 0 if and only if A ≻ 0 and D − CᵀA⁻¹C ≻ 0 (complete the square); down to single numbers.
    """
    size, rows = matrix.nrows(), matrix.tolist()
    half = size // 2
    tick()
    if half == 0:
        return bool(rows[0][0] > 0)
    first, corner = arb_mat([row[:half] for row in rows[:half]]), arb_mat([row[half:] for row in rows[:half]])
    try:
        last = arb_mat([row[half:] for row in rows[half:]]) - corner.transpose() * first.solve(corner)
    except ZeroDivisionError:  # A is not certainly invertible
        return False
    return _positive(first) and _positive(last)


def _largest_eigenvalue(matrix: Any, power: Any, squarings: int) -> Any:
    """Enclose λ_max of every symmetric matrix in `matrix`; M, its midpoint, is within ‖radii‖_F of it.

    λ_max(M) is no less than any Rayleigh quotient q = xᵀMx/xᵀx, and less than t if tI − M ≻ 0. Nothing depends on how x and t were found:
    t = q + ‖Mx − qx‖/‖x‖ + ε; x is a column of a power of `power`, whose dominant eigenvector is hoped to be the one wanted, namely the
    column of the largest diagonal entry, which is never orthogonal to that. The power is squared until x has settled.
    """
    size = matrix.nrows()
    if size == 1:
        return matrix[0, 0]
    matrix = (matrix + matrix.transpose()) / 2
    bound, error = length(matrix.entries()), length(x.rad() for x in matrix.entries())
    if not 0 < bound < arb("inf"):
        return (-bound).union(bound)
    matrix, power = matrix.mid(), power.mid()
    epsilon = bound / arb(2) ** (5 * ctx.prec // 8)
    for _ in range(squarings + 1):
        tick()
        _, best = max((float(power[i, i] / power.trace()), i) for i in range(size))
        x = arb_mat(size, 1, [int(i == best) for i in range(size)])
        for _ in range(isqrt(size)):
            x = (power * x).mid()
        image = matrix * x
        q = (x.transpose() * image)[0, 0] / (x.transpose() * x)[0, 0]
        distance = length((image - x * q).entries()) / length(x.entries())
        t = (q + distance + epsilon).upper()
        if distance < epsilon and _positive(t - matrix):
            return q.union(t) + arb(0, error.upper())
        power = (power * power / power.trace() ** 2).mid()
    return arb(0, arb("inf"))


def psd_norm(matrix: Any) -> Any:
    """Enclose the spectral norm of the positive semidefinite matrix in `matrix`."""
    return _largest_eigenvalue(matrix, matrix, ctx.prec)


def is_below(matrix: Any, bound: Any) -> bool:
    """Whether λ_max of every symmetric matrix in `matrix` is certainly below a number."""
    return _positive(bound - matrix)


def norm(matrix: Any) -> Any:
    """Enclose the spectral norm of every matrix in `matrix`: ‖M‖² = ‖M·Mᵀ‖."""
    return root(psd_norm(gram(matrix if matrix.nrows() <= matrix.ncols() else matrix.transpose())))


def smallest_eigenvalue(matrix: Any, near: float = 0.0) -> Any:
    """Enclose λ_min of the positive semidefinite matrix in `matrix`: −λ_max(−A), by powers of an inverse.

    With a good guess few powers are needed, one squaring more for twice the bits; if it is none, or leads to a singular matrix, A with a small shift will
    do. It is A's midpoint that is inverted: radii of 2^(−5/8·bits), as a norm has them, would be magnified by the inverse's square at every precision.
    """
    middle = matrix.mid()
    for shift, squarings in (
        (-arb(near), ctx.prec.bit_length() - 5),
        (matrix.trace().mid() / arb(2) ** (ctx.prec // 4), ctx.prec),
    ):
        tick()
        try:
            inverse = (middle + shift).inv()  # a number is a multiple of the identity
        except ZeroDivisionError:
            continue
        low = -_largest_eigenvalue(-matrix, inverse, squarings)
        if low.is_finite():
            return low
    return arb(0).union(matrix.trace())


# ---------------------------------------------------------------------------------------------- activations
# The mathematical functions. GELU: z·Φ(z) = z(1 + erf(z/√2))/2; its tanh form: z(1 + tanh(c(z + a z³)))/2, c = √(2/π).
_A = fmpq(44715, 1000000)


def _logistic(z: Any) -> Any:
    return 1 / (1 + (-z).exp())


def _celu(z: Any, above: bool, alpha: Any) -> tuple[Any, Any]:
    """z above 0, α(e^{z/α} − 1) below."""
    return (z, arb(1)) if above else (alpha * (z / alpha).expm1(), (z / alpha).exp())


def _softsign(z: Any, above: bool, _: Any) -> tuple[Any, Any]:
    """z/(1 + |z|), with the slope (1 + |z|)^-2."""
    size = 1 + z if above else 1 - z
    return z / size, 1 / size**2


# Lines of slope 1 between two numbers and constant outside: hard tanh and ReLU6.
CLIPPED: dict[str, tuple[int, int]] = {"hardtanh": (-1, 1), "relu6": (0, 6)}


def activation(name: str, beta: Any, z: Any) -> tuple[Any, Any]:
    """Enclose (σ(z), σ'(z)); `beta` is the parameter of Softplus, LeakyReLU or CELU (anything otherwise).

    At 0 a kink has the slope of its left side (torch: relu'(0) = 0); where the sign is not certain σ' is every number between the two slopes,
    and σ(z) = slope·z for one of them. A clipped line has slope 0 at both its kinks, as torch's, and [0, 1] where it is not certain on which piece z lies.
    """
    tick()
    if name == "identity":
        return z, arb(1)
    if name in ("relu", "leaky_relu"):
        below = beta if name == "leaky_relu" else arb(0)
        slope = arb(1) if z > 0 else below if z <= 0 else below.union(arb(1))
        return slope * z, slope
    if name in CLIPPED:
        low, high = CLIPPED[name]
        inside, outside = bool(low < z < high), bool(z <= low or z >= high)
        slope = arb(1) if inside else arb(0) if outside else arb(0).union(arb(1))
        return z.max(arb(low)).min(arb(high)), slope
    if name in ("celu", "softsign"):
        side = _celu if name == "celu" else _softsign
        if z > 0 or z < 0:
            return side(z, z > 0, beta)
        # The value increases; the slopes of both sides are those of the numbers on either side of 0.
        (left, steep), (right, flat) = (side(end, end > 0, beta) for end in (z.lower(), z.upper()))
        return left.union(right), steep.union(flat).union(arb(1))
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
    if name == "erf":
        return z.erf(), 2 * (-z * z).exp() / arb.pi().sqrt()
    c = (2 / arb.pi()).sqrt()
    if name == "gelu":
        half = (1 + (z / arb(2).sqrt()).erf()) / 2
        return z * half, half + z * c * (-z * z / 2).exp() / 2
    if name == "gelu_tanh":
        t = (c * (z + _A * z * z * z)).tanh()
        return z * (1 + t) / 2, (1 + t) / 2 + z * (1 - t * t) * c * (1 + 3 * _A * z * z) / 2
    raise KeyError(name)


def _zero(sign: Any, guess: str) -> Any:
    """Enclose, to the precision in force, the one zero of a function that is positive before it and negative after.

    Halving from 10^-24 around `guess` only looks for it; what is returned reaches to points where the signs are certain.
    """
    low, high = arb(guess) - arb("1e-24"), arb(guess) + arb("1e-24")
    for _ in range(ctx.prec):
        middle = ((low + high) / 2).mid()
        low, high = (middle, high) if sign(middle).mid() > 0 else (low, middle)
    reach = arb(2) ** (16 - ctx.prec)
    low, high = low - reach, high + reach
    return low.union(high) if sign(low) > 0 > sign(high) else arb("nan")


def suprema(name: str, beta: Any) -> tuple[Any, Any]:
    """Enclose (sup|σ'|, sup|σ''|) over R; where σ'' jumps, the least Lipschitz constant of σ', as good (claim lipschitz_slope).

    ReLU, LeakyReLU, clipped lines: σ' jumps, so that σ'' is not bounded. CELU: σ'' = e^{z/α}/α for z < 0 and 0 for z > 0; σ' = 1 at 0 from both
    sides. Softsign: σ' = (1 + |z|)^-2 and |σ''| = 2(1 + |z|)^-3, both largest next to 0.
    tanh: σ'' = −2t(1 − t²), extreme at t = 1/√3: 4/(3√3). Sigmoid: p(1 − p) ≤ 1/4, p(1 − p)(1 − 2p) ≤ 1/(6√3). Softplus: those
    scaled by β. erf: σ' = 2e^(−z²)/√π, largest at 0; σ'' = −2zσ', extreme at z = 1/√2: 2√(2/π)e^(−½). SiLU:
    σ'' = p(1 − p)(2 − z tanh(z/2)) ≤ ½, ≥ −|z|e^-|z| ≥ −1/e; σ' is extreme at the only z > 0 with
    z tanh(z/2) = 2, and σ'(z) + σ'(−z) = 1. GELU: σ'' = φ(z)(2 − z²) lies in [−2φ(√2), 2φ(0)], σ' is extreme at √2. Its tanh
    form, with w = 1 + 3az² and u = c(z + az³): σ'' = c·sech²u·(1 + 6az² − czw²tanh u), so σ' is extreme at the only z > 0 with
    czw²tanh u = 1 + 6az² (the left side over w² grows, the right side over w² falls); σ'' ≤ c because sech²u ≤ 1/(1 + c²z²)
    and 6a < c², and −σ'' ≤ c by t·sech²u·czw² < 1 (the tests prove that by subdivision).
    """
    c, half = (2 / arb.pi()).sqrt(), arb(1) / 2
    if name in ("relu", "leaky_relu"):
        return (arb(1).max(beta) if name == "leaky_relu" else arb(1)), arb("inf")
    if name in CLIPPED:
        return arb(1), arb("inf")
    if name == "celu":
        return arb(1), 1 / beta
    if name == "softsign":
        return arb(1), arb(2)
    if name == "softplus":
        return arb(1), beta / 4
    if name == "gelu":
        return activation(name, beta, arb(2).sqrt())[1], c
    if name == "erf":
        return 2 / arb.pi().sqrt(), 2 * c * (-half).exp()
    if name == "silu":
        peak = _zero(lambda z: 2 - z * (half * z).tanh(), "2.39935728051546766783273969728")
        return activation(name, beta, peak)[1], half
    if name == "gelu_tanh":

        def sign(z: Any) -> Any:
            return 1 + 6 * _A * z * z - c * z * (1 + 3 * _A * z * z) ** 2 * (c * (z + _A * z * z * z)).tanh()

        return activation(name, beta, _zero(sign, "1.4185040087908283555480335456"))[1], c
    root3 = arb(3).sqrt()
    return {
        "identity": (arb(1), arb(0)),
        "tanh": (arb(1), 4 / (3 * root3)),
        "sine": (arb(1), arb(1)),
        "sigmoid": (half / 2, 1 / (6 * root3)),
    }[name]
