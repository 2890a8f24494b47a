"""One case of a sweep, from its JSON to a row and a certificate: what a worker does.

Columns of a row, plain JSON:

* ``id``, ``case`` (its JSON), ``data``, ``n``, ``network``, ``parameters``, ``width``, ``depth``, ``activation``, ``seed``, ``scope``;
* ``verdict`` (PROVED, REFUTED, INCONCLUSIVE, or FAILED where no certificate was made), ``reason``; ``lr`` (the exact step);
* enclosed at the centre: ``lambda0_lower``, ``residual0_upper``;
* where PROVED: ``lambda_region_lower``, ``mu_lower``, ``radius_upper``, ``rate_upper``, ``drift_upper``, ``handover_step``;
* ``checkpoints`` of a run, each fact [lower, upper]; ``certificate_sha256``; ``version``, ``tools``;
* ``seconds``, the one column that differs between two runs of the same case.

A quantity that does not exist is null.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import InputError, VerifyError, extra
from verify.sweeps.specification import Case

if TYPE_CHECKING:
    import torch

    from verify.certificates import Certificate

__all__ = ["COLUMNS", "failed_row", "run_case"]

# Enclosures at the centre hold whatever the verdict; what speaks of the ball or of the descent is a claim only where it is PROVED.
_AT_CENTRE = {"lambda0_lower": ("lambda0", "lower"), "residual0_upper": ("residual0", "upper")}
_IF_PROVED = {
    "lambda_region_lower": ("lambda_region", "lower"),
    "mu_lower": ("mu", "lower"),
    "radius_upper": ("radius", "upper"),
    "rate_upper": ("rate", "upper"),
    "drift_upper": ("drift", "upper"),
}
_DESCRIBED = ("id", "case", "data", "n", "network", "parameters", "width", "depth", "activation", "seed", "scope")
_SETS = ("digits", "fashion_mnist", "mnist", "sphere")
_FACTS = ("loss", "lambda_min", "lambda_max", "pl_ratio", "drift")

COLUMNS = (
    *_DESCRIBED,
    "verdict",
    "reason",
    "lr",
    *_AT_CENTRE,
    *_IF_PROVED,
    "handover_step",
    "checkpoints",
    "certificate_sha256",
    "version",
    "tools",
    "seconds",
)
"""Columns of the table, in order."""


def _function(reference: str, what: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names."""
    module, _, name = reference.partition(":")
    if not (module and name):
        raise InputError(f"{what}={reference!r}: expected module:function")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError) as error:
        hint = "is its folder on PYTHONPATH?" if isinstance(error, ModuleNotFoundError) else "mend it, or name another"
        raise InputError(f"{what}={reference!r}: cannot import {module!r} ({error}); {hint}") from error
    if found is None:
        raise InputError(f"{what}={reference!r}: {module} has no function {name!r}")
    if not callable(found):
        raise InputError(f"{what}={reference!r}: a {type(found).__name__}, expected a function")
    result: Callable[..., Any] = found
    return result


def _data(case: Case) -> tuple[Any, Any]:
    from verify import datasets

    arguments = dict(case.data)
    name = arguments.pop("name")
    if ":" in name:
        load = _function(name, "data.name")
    elif name in _SETS:
        load = getattr(datasets, name)
    else:
        raise InputError(f"data.name={name!r}: expected one of {', '.join(_SETS)}, or module:function")
    try:
        X, y = load(**arguments)
    except (TypeError, ValueError) as error:
        if isinstance(error, VerifyError):
            raise
        raise InputError(
            f"data={dict(case.data)!r}: {error}; {name} is called with what stands beside its name, and returns X and y"
        ) from error
    return X, y


def _network(case: Case, inputs: int, outputs: int) -> torch.nn.Module:
    """Return the case's network: the factory's, or the fully connected one."""
    import torch

    from verify import nn

    if case.model is not None:
        module: torch.nn.Module = _function(case.model, "model")(
            inputs=inputs,
            outputs=outputs,
            width=case.width,
            depth=case.depth,
            activation=case.activation,
            seed=case.seed,
        )
        return module
    activation = getattr(nn, case.activation, None) or getattr(torch.nn, case.activation, None)
    if not (isinstance(activation, type) and issubclass(activation, torch.nn.Module)):
        raise InputError(f"activation={case.activation!r}: expected a class of torch.nn or verify.nn, such as Tanh")
    if case.parametrisation == "antisymmetric" and outputs != 1:
        raise InputError(f"outputs={outputs}: the antisymmetric initialisation has one output")
    widths = [inputs, *[case.width] * case.depth, outputs]
    try:
        if case.parametrisation == "antisymmetric":
            return nn.antisymmetric_two_layer(inputs, case.width, seed=case.seed, activation=activation)
        return nn.fully_connected(widths, seed=case.seed, activation=activation, ntk=case.parametrisation == "ntk")
    except TypeError as error:
        raise InputError(
            f"activation={case.activation!r}: {error}; expected one without arguments, such as Tanh"
        ) from error


def _end(value: Any, end: str) -> float | None:
    """One end of an enclosure, rounded outwards already; None where there is none or it is infinite."""
    from verify.arrays import Ball

    if value is None:
        return None
    ball = value if isinstance(value, Ball) else Ball(value)
    number = float(getattr(ball, end)())
    return number if math.isfinite(number) else None


def _checkpoints(certificate: Certificate) -> list[dict[str, Any]] | None:
    points = certificate.witness.get("checkpoints") if certificate.witness else None
    if points is None:
        return None
    return [
        {"step": int(point["step"])}
        | {name: None if point[name] is None else [float(v) for v in point[name]] for name in _FACTS}
        for point in points
    ]


def _described(case: Case) -> dict[str, Any]:
    from verify import __version__

    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        "id": case.id,
        "case": json.dumps(case.as_json(), sort_keys=True),
        "data": case.data["name"],
        "width": case.width,
        "depth": case.depth,
        "activation": case.activation,
        "seed": case.seed,
        "scope": case.scope,
        "version": __version__,
    }
    return row


def failed_row(case: Case, reason: str, seconds: float = 0.0) -> dict[str, Any]:
    """Return the row, verdict FAILED, of a case that made no certificate: it was refused, ran out of memory or lost its workers."""
    return _described(case) | {"verdict": "FAILED", "reason": reason, "seconds": seconds}


def run_case(values: Mapping[str, Any], keep: str) -> tuple[dict[str, Any], bytes | None]:
    """Run one case on one thread; return its row, and the certificate's file where it is to be kept.

    Args:
        values: :meth:`Case.as_json`. keep: 'all', 'proved' or 'none'.

    Returns:
        The row; what the case refuses, and memory that does not suffice, is a row with verdict FAILED and the reason.
    """
    with extra("sweep"):
        from threadpoolctl import threadpool_limits

    case = Case(**values)
    start = time.monotonic()
    # Bounds are valid for any order of summation, but their last bits depend on it: one thread makes rows repeatable.
    with threadpool_limits(1):
        try:
            row, file = _certified(case)
        except (VerifyError, MemoryError, ArithmeticError, RuntimeError, TypeError) as error:
            reason = str(error) or "out of memory"
            return failed_row(case, f"{type(error).__name__}: {reason}", time.monotonic() - start), None
    row["seconds"] = time.monotonic() - start
    wanted = keep == "all" or (keep == "proved" and row["verdict"] == "PROVED")
    return row, file if wanted else None


def _certified(case: Case) -> tuple[dict[str, Any], bytes]:
    import numpy as np

    from verify.regions import certify

    X, y = _data(case)
    outputs = 1 if np.ndim(y) == 1 else int(np.shape(y)[1])
    model = _network(case, int(np.prod(np.shape(X)[1:])), outputs)
    options: dict[str, Any] = {**case.options, "scope": case.scope, "loss": case.loss}
    for name in ("lr", "steps", "radius"):
        value = getattr(case, name)
        if value is not None:
            options[name] = value
    certificate = certify(model, X, y, **options)
    with tempfile.TemporaryDirectory() as folder:
        file = certificate.save(Path(folder) / "certificate.zip").read_bytes()
    constants = certificate.constants
    lr = certificate.problem.lr
    handover = constants.get("handover_step")
    ends = _AT_CENTRE | (_IF_PROVED if certificate.verdict == "PROVED" else {})
    row = _described(case) | {name: _end(constants.get(key), end) for name, (key, end) in ends.items()}
    row |= {
        "n": len(X),
        "network": certificate.problem.network.describe(),
        "parameters": certificate.problem.network.parameters,
        "verdict": certificate.verdict,
        "reason": certificate.reason,
        "lr": None if lr is None else str(lr),
        "handover_step": None if handover is None else int(handover),
        "checkpoints": _checkpoints(certificate),
        "certificate_sha256": hashlib.sha256(file).hexdigest(),
        "tools": json.dumps(dict(certificate.tools), sort_keys=True),
    }
    return row, file
