"""Midpoint–radius arrays and certified linear algebra; knows nothing of networks.

Every result encloses the exact real result for every real input in the input balls, whatever the BLAS, its
threads, its order of summation and its use of fused multiply-add. Trust base: IEEE-754 binary64 + − × ÷,
numpy's √, and matrix products whose every entry is a sum of products in some order;
:func:`require_sound_arithmetic` probes it.

Floating-point environment. In a thread that flushes subnormals or does not round to nearest nothing is computed: importing this
package, constructing and comparing balls, directed sums and norms raise UnsoundArithmeticError there, whoever calls them
(``verify.ntk``, ``loss``, ``certify``, elementary functions and eigenvalues all do). The look costs 0.1 μs each time, so that a
change between two calls is noticed. BLAS threads are probed by products: once in each thread that multiplies, and at the start of
each certificate.

:class:`TensorBall` does the linear algebra on torch float64 tensors that stay on their device (GPU or CPU).

>>> A = gram([[1.0, 2.0], [3.0, 4.0]])
>>> smallest_eigenvalue(A) > 0.13
True
"""

import importlib
from typing import TYPE_CHECKING, Any

from verify.arrays.environment import require_default_environment

# Before any other module: their constants are computed, and kept in .pyc files, in the environment of this import.
require_default_environment()

# ruff: noqa: E402
from verify.arrays.arithmetic_probe import require_sound_arithmetic
from verify.arrays.ball import Ball, as_ball
from verify.arrays.combine import concatenate, diagonal, maximum, minimum, stack, where, zeros
from verify.arrays.functions.on_balls import (
    celu,
    cos,
    erf,
    exp,
    expm1,
    gelu,
    log,
    log1p,
    sigmoid,
    silu,
    sin,
    softplus,
    softsign,
    sqrt,
    sqrt_of_nonnegative,
    tanh,
)
from verify.arrays.powers import power as power  # registers **
from verify.arrays.products import gram, matmul, mirror, norm
from verify.arrays.rows import Exact, Rows, schur_of_grams
from verify.arrays.spectra import (
    is_positive_definite,
    largest_eigenvalue,
    nonnegative_norm_upper,
    smallest_eigenvalue,
    smallest_singular_value,
    spectral_norm,
)

if TYPE_CHECKING:
    from verify.arrays.device_probe import require_sound_device as require_sound_device
    from verify.arrays.tensor_ball import TensorBall as TensorBall


def __getattr__(name: str) -> Any:
    # On first use (PEP 562): only these need torch.
    if name in ("TensorBall", "require_sound_device"):
        return getattr(importlib.import_module("verify.arrays.tensor_ball"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Ball",
    "Exact",
    "Rows",
    "TensorBall",
    "as_ball",
    "celu",
    "concatenate",
    "cos",
    "diagonal",
    "erf",
    "exp",
    "expm1",
    "gelu",
    "gram",
    "is_positive_definite",
    "largest_eigenvalue",
    "log",
    "log1p",
    "matmul",
    "maximum",
    "minimum",
    "mirror",
    "nonnegative_norm_upper",
    "norm",
    "require_sound_arithmetic",
    "require_sound_device",
    "schur_of_grams",
    "sigmoid",
    "silu",
    "sin",
    "smallest_eigenvalue",
    "smallest_singular_value",
    "softplus",
    "softsign",
    "spectral_norm",
    "sqrt",
    "sqrt_of_nonnegative",
    "stack",
    "tanh",
    "where",
    "zeros",
]
