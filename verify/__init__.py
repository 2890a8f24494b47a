"""Certified convergence of gradient descent on finite-width networks via locally Polyak-Lojasiewicz regions.

The public names below are loaded on first use (PEP 562), so that ``verify.checker`` runs without
numpy and torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify import nn as nn
    from verify.arrays import (
        Ball as Ball,
        cos as cos,
        erf as erf,
        exp as exp,
        gelu as gelu,
        largest_eigenvalue as largest_eigenvalue,
        log as log,
        sigmoid as sigmoid,
        silu as silu,
        sin as sin,
        smallest_eigenvalue as smallest_eigenvalue,
        softplus as softplus,
        spectral_norm as spectral_norm,
        sqrt as sqrt,
        tanh as tanh,
    )
    from verify.certificates import Certificate as Certificate
    from verify.checker import CheckResult as CheckResult, check as check
    from verify.networks import loss as loss, ntk as ntk
    from verify.networks.sgd import SGD as SGD
    from verify.regions import certify as certify
    from verify.regions.descent.crossings import count_crossings as count_crossings
    from verify.sweeps import sweep as sweep

__version__ = "0.1.0"

_HOME = {
    **dict.fromkeys(
        [
            "Ball",
            "cos",
            "erf",
            "exp",
            "gelu",
            "largest_eigenvalue",
            "log",
            "sigmoid",
            "silu",
            "sin",
            "smallest_eigenvalue",
            "softplus",
            "spectral_norm",
            "sqrt",
            "tanh",
        ],
        "verify.arrays",
    ),
    "Certificate": "verify.certificates",
    "CheckResult": "verify.checker",
    "check": "verify.checker",
    "loss": "verify.networks",
    "ntk": "verify.networks",
    "SGD": "verify.networks.sgd",
    "certify": "verify.regions",
    "count_crossings": "verify.regions.descent.crossings",
    "sweep": "verify.sweeps",
}

__all__ = ["__version__", "nn", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name == "nn":
        value: Any = importlib.import_module("verify.nn")
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'verify' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
