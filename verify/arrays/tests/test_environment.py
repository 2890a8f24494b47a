"""No public entry point computes in a foreign floating-point environment; in a default one all of them work."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
import verify.arrays as va
from verify.arrays import Ball, Exact, Rows, TensorBall, arithmetic_probe
from verify.arrays.environment import require_default_environment
from verify.arrays.tests.foreign_environment import FOREIGN, available, foreign_environment
from verify.errors import UnsoundArithmeticError

pytestmark = pytest.mark.skipif(not available, reason="MXCSR is set through glibc's fenv_t on x86-64")

TINY = 5e-324
X = Ball([[2.0, 1.0], [1.0, 3.0]], 1e-3)
SMALL = Ball([3 * TINY, 2.0**-1022], TINY)
DEVICE = TensorBall(torch.eye(2, dtype=torch.float64), 1e-3)
ROWS, WEIGHT = Rows(np.ones((3, 2)), np.full(3, TINY)), np.ones((2, 2))
NET = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
DATA, LABELS = np.eye(2), np.array([1.0, -1.0])

ENTRIES: dict[str, Callable[[], Any]] = {
    "Ball(1)": lambda: Ball(1),
    "Ball of a string": lambda: Ball("0.1"),
    "from_bounds": lambda: Ball.from_bounds(1.0, 2.0),
    "hull": lambda: Ball.hull(1.0, 2.0),
    "+": lambda: X + SMALL,
    "-": lambda: X - SMALL,
    "*": lambda: SMALL * SMALL,
    "/": lambda: SMALL / X,
    "@": lambda: X @ X,
    "**": lambda: X**2,
    "abs": lambda: abs(SMALL),
    "sum": lambda: SMALL.sum(),
    "norm": lambda: SMALL.norm(),
    "lower": lambda: SMALL.lower(),
    "upper": lambda: SMALL.upper(),
    "magnitude": lambda: SMALL.magnitude(),
    "mignitude": lambda: SMALL.mignitude(),
    "contains": lambda: SMALL.contains(np.array([TINY, 0.0])),
    "<": lambda: Ball(0.0) < SMALL,
    "==": lambda: Ball(0.0) == SMALL,
    "index": lambda: SMALL[0],
    **{
        name: lambda name=name: getattr(va, name)(Ball([0.5, 2.0**-1022], 0.0))  # type: ignore[misc]
        for name in (
            *("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sigmoid", "softplus", "erf", "gelu", "silu"),
            *("sin", "cos", "sqrt_of_nonnegative"),
        )
    },
    "matmul": lambda: va.matmul(X, X),
    "gram": lambda: va.gram(X),
    "smallest_eigenvalue": lambda: verify.smallest_eigenvalue(X),
    "largest_eigenvalue": lambda: verify.largest_eigenvalue(X),
    "spectral_norm": lambda: verify.spectral_norm(X),
    "smallest_singular_value": lambda: va.smallest_singular_value(X),
    "nonnegative_norm_upper": lambda: va.nonnegative_norm_upper(np.full((2, 2), TINY)),
    "Rows.times": lambda: ROWS.times(Exact(WEIGHT)),
    "Exact.frobenius": lambda: Exact(WEIGHT).frobenius,
    "schur_of_grams": lambda: va.schur_of_grams([(ROWS, None)]),
    "TensorBall": lambda: TensorBall(torch.eye(2, dtype=torch.float64)),
    "TensorBall +": lambda: DEVICE + DEVICE,
    "TensorBall norm": lambda: DEVICE.norm_upper(),
    "TensorBall eigenvalue": lambda: DEVICE.smallest_eigenvalue(),
    "ntk": lambda: verify.ntk(NET, DATA),
    "loss": lambda: verify.loss(NET, DATA, LABELS),
    "certify": lambda: verify.certify(NET, DATA, LABELS, scope="point"),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_point_refuses_every_foreign_environment(entry: str) -> None:
    ENTRIES[entry]()  # works here
    for name in FOREIGN:
        with foreign_environment(name):
            try:
                ENTRIES[entry]()
                outcome = "returned"
            except UnsoundArithmeticError as error:
                outcome = str(error)
        expected = "round to nearest" if name.startswith("rounding") else "flush"
        assert expected in outcome, (name, outcome)
    ENTRIES[entry]()  # and again afterwards


def test_a_refusal_leaves_no_wrong_number_behind() -> None:
    weight = Exact(np.array([[3.0, 4.0]]) * 2.0**-540)  # squares are subnormal
    with foreign_environment("flush to zero"), pytest.raises(UnsoundArithmeticError):
        Rows(np.ones((1, 2))).times(weight)
    assert weight.frobenius >= 5.0 * 2.0**-540


def test_what_was_seen_is_refused_or_right() -> None:
    """Ball operations returned 0 ± 0 beside a subnormal truth; Ball(1) + Ball(2^-80) excluded the sum when rounding up."""
    with foreign_environment("both, as -ffast-math sets them"), pytest.raises(UnsoundArithmeticError):
        SMALL * 1.0
    a, b = Ball(1.0), Ball(2.0**-80)
    with foreign_environment("rounding up"), pytest.raises(UnsoundArithmeticError):
        a + b


@pytest.mark.parametrize("name", FOREIGN)
def test_the_package_cannot_be_imported_in_a_foreign_environment(name: str) -> None:
    """Constants of the kernels are computed at import, and the compiler writes them to disk."""
    code = (
        "import importlib.util, sys, json\n"
        "path = sys.argv[1]\nspec = importlib.util.spec_from_file_location('environment', path)\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "with module.foreign_environment(sys.argv[2]):\n"
        "    try:\n        import verify.arrays; outcome = 'imported'\n"
        "    except ValueError as error:\n        outcome = type(error).__name__\n"
        "import verify.arrays\n"
        "print(json.dumps([outcome, str(verify.arrays.tanh(verify.arrays.Ball(1.0)))]))"
    )
    path = str(Path(__file__).parent / "foreign_environment.py")
    command = [sys.executable, "-B", "-c", code, path, name]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(out.stdout) == ["UnsoundArithmeticError", str(va.tanh(Ball(1.0)))]


def test_products_are_probed_once_in_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(arithmetic_probe, "require_sound_arithmetic", lambda: calls.append(1))
    va.matmul(X, X)
    here = len(calls)
    thread = threading.Thread(target=lambda: va.matmul(X, X))
    thread.start()
    thread.join()
    assert len(calls) == here + 1


@pytest.mark.parametrize("name", ["flush to zero", "denormals are zero", "rounding up"])
def test_the_probe_of_products_sees_a_foreign_environment_that_only_the_product_has(name: str) -> None:
    """As in a BLAS thread that was started under -ffast-math."""

    def product(a: Any, b: Any) -> Any:
        with foreign_environment(name):
            return np.matmul(a, b)

    arithmetic_probe.check_product(np.matmul)
    with pytest.raises(UnsoundArithmeticError):
        arithmetic_probe.check_product(product)


def test_the_look_costs_a_fraction_of_the_cheapest_operation() -> None:
    a = Ball(1.5)
    look = min(timeit.repeat(require_default_environment, number=2000, repeat=5))
    operation = min(timeit.repeat(lambda: a + a, number=2000, repeat=5))
    assert look < 0.2 * operation
