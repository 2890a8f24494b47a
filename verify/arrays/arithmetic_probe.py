"""Probes of the arithmetic this process runs on: refuse to prove anything where it is not what the bounds
assume.

:mod:`verify.arrays.environment` looks at the calling thread at every operation; the probes here also look at what other
threads do, those of the BLAS, which keep the floating-point environment that they were started with.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from verify.arrays.environment import in_default_environment, require_default_environment
from verify.arrays.rounding import ETA, Array
from verify.errors import UnsoundArithmeticError


@in_default_environment
def require_sound_arithmetic() -> None:
    """Check subnormals, rounding to nearest, double precision of Python and numpy arithmetic, and numpy's
    matrix product.

    Call at the start of a certificate and in each worker: any library built with -ffast-math, and
    ``torch.set_flush_denormal(True)``, change the arithmetic of the whole process or thread. A probe can find
    a fault, not exclude one.

    Raises:
        UnsoundArithmeticError: names the probe that failed and the remedy.
    """
    _flush()
    _rounding()
    _roots()
    check_product(lambda a, b: np.matmul(a, b))
    _probed.process = os.getpid()


_probed = threading.local()


def require_probed_products() -> None:
    """Look at the environment; before the first matrix product of each thread (and of a forked process) run all probes.

    Raises:
        UnsoundArithmeticError.
    """
    require_default_environment()
    if getattr(_probed, "process", None) != os.getpid():
        require_sound_arithmetic()


def _fail(what: str, remedy: str) -> None:
    raise UnsoundArithmeticError(f"arithmetic probe failed: {what}; {remedy}")


def _flush() -> None:
    remedy = (
        "subnormals are flushed (torch.set_flush_denormal(True) or a library built with -ffast-math): switch it off"
    )
    one = float(str(1.0))  # not a compile-time constant
    if ETA * one != ETA or ETA == 0.0 or 2.0**-1022 * one / 2.0 == 0.0:
        _fail("5e-324 * 1.0 != 5e-324 in Python floats", remedy)
    for size in (1, 3, 8, 67):
        tiny = np.full(size, ETA)
        normal = np.full(size, 2.0**-1022)
        checks = (
            tiny * one == ETA,
            tiny + tiny == 2.0 * ETA,
            normal * 0.5 == 2.0**-1023,
            normal - normal * 0.5 > 0,
            np.sqrt(tiny) == 2.0**-537,
        )
        if not all(np.all(c) for c in checks) or not (tiny > 0).all():
            _fail(f"subnormals in numpy arrays of {size}", remedy)
        if tiny @ np.full(size, 1.0) != ETA * size or not (np.full((size, size), ETA) @ np.eye(size) == ETA).all():
            _fail(f"subnormals in numpy's matrix product, size {size}", remedy)


def _rounding() -> None:
    remedy = (
        "round-to-nearest binary64 is needed: reset the rounding mode, or use a platform without extended precision"
    )
    u = 2.0**-53
    x = np.array([1.0, 1.0, 1.0 + 2 * u, -1.0, -1.0 - 2 * u, 1.0] * 5)
    d = np.array([u, u * (1 + 2**-50), u, -u, -u, -u / 2] * 5)
    want = np.array([1.0, 1.0 + 2 * u, 1.0 + 4 * u, -1.0, -1.0 - 4 * u, 1.0] * 5)
    if not np.array_equal(x + d, want) or [a + b for a, b in zip(x.tolist(), d.tolist(), strict=True)] != want.tolist():
        _fail("1 + 2^-53 and its neighbours do not round to nearest, ties to even", remedy)
    third = np.full(9, 1.0) / np.full(9, 3.0)
    if not (third == 6004799503160661 * 2.0**-54).all() or sys.float_info.mant_dig != 53:
        _fail("1/3 is not correctly rounded", remedy)
    product = np.full(9, 1.0 + 2.0**-27) * (1.0 + 2.0**-26)  # exact: 1 + 2^-26 + 2^-27 + 2^-53, a tie to even
    if not (product == 1.0 + 2.0**-26 + 2.0**-27).all():
        _fail("(1 + 2^-27)(1 + 2^-26) is not rounded to nearest even", remedy)


def _roots() -> None:
    # √ correctly rounded on squares and their neighbours: √(k² ± 1) rounds to k for k near 2^26.
    k = np.arange(2**26 + 1, 2**26 + 65, dtype=np.float64) + 2.0**25
    if not (np.sqrt(k * k) == k).all() or not np.array_equal(
        np.sqrt(np.full(5, 2.0)), np.full(5, 6369051672525773 * 2.0**-52)
    ):
        _fail("numpy.sqrt is not correctly rounded", "use a numpy built with IEEE square roots")


@in_default_environment
def check_product(product: Callable[[Array, Array], Array]) -> None:
    """Raise UnsoundArithmeticError unless a matrix product passes probes that only sums of binary64 products
    pass.

    Args:
        product: maps two (n, n) float64 arrays to their product.
    """
    for n in (5, 64, 200):
        for case in _product_cases(n):
            if not np.array_equal(product(case.left, case.right), case.product):
                _fail(f"{case.what} {n}x{n} product{case.how} came out wrong", case.remedy)


class _ProductCase(NamedTuple):
    """Operands whose product is known without a floating-point product, and what it means if it comes out otherwise."""

    left: Array
    right: Array
    product: Array
    what: str
    how: str = ""
    remedy: str = "reduced precision, FP64 emulation or a Strassen-like algorithm: use another BLAS or device"


@cache
def _product_cases(n: int) -> list[_ProductCase]:
    """Made once: what is kept for the whole process is made in the environment that every bound assumes."""
    require_default_environment()
    rng = np.random.default_rng([20260111, n])
    # Integers below 2^22: every product and sum is exact in binary64 in any order; no narrower format can do it.
    a, b = (rng.integers(-(2**22), 2**22, (n, n)) for _ in range(2))
    left, right, exact = a.astype(np.float64), b.astype(np.float64), (a @ b).astype(np.float64)
    # Rows of widely different sizes: algorithms that add rows before multiplying (Strassen) lose the small ones.
    scale = np.where(np.arange(n) % 2 == 0, 2.0**80, 2.0**-80)[rng.permutation(n)][:, None]
    cases = [
        _ProductCase(left, right, exact, "an exact"),
        _ProductCase(scale * left, right, scale * exact, "a row-scaled exact"),
    ]
    # One non-zero term per entry, so any order of summation gives the rounded product of two full mantissas. Formats with fewer bits lose
    # the last ones, fixed-point emulations those of the small entries beside large ones in their row or column.
    for spread in (10, 80):
        full = np.asarray(rng.integers(2**52, 2**53, (n, n)) * 2.0 ** rng.integers(-spread, spread, (n, n)))
        order, factor = rng.permutation(n), np.asarray(rng.integers(2**52, 2**53, n) * 2.0**-52)
        one = np.zeros((n, n))
        one[order, np.arange(n)] = factor
        small = np.ldexp(full, -1075)  # about half of the entries are subnormal, before and after
        term, flushed = " with one full-mantissa term per entry", "subnormals are flushed: another BLAS"
        product = full[:, order] * factor
        cases += [
            _ProductCase(full, one, product, "a", term),
            _ProductCase(small, one, small[:, order] * factor, "a", " with subnormal entries", flushed),
            _ProductCase(one.T.copy(), full.T.copy(), product.T.copy(), "a transposed", term),
        ]
    return cases
