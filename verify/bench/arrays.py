"""The rigorous arrays beside their peers: products, spectra, elementary functions."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import flint
import mpmath
import numpy as np
import torch

from verify.arrays import Ball, TensorBall, matmul, smallest_eigenvalue, tanh
from verify.bench.timing import Clock, Row, compare


def _row(
    name: str,
    ours: Callable[[], Any],
    peer: tuple[str, str, Callable[[], Any], bool],
    target: float | None,
    repeats: int,
    clock: Clock,
    peer_scale: float = 1.0,
) -> Row:
    peer_name, version, call, proof = peer
    return compare(
        name,
        ours,
        call,
        peer_name=peer_name,
        peer_version=version,
        proof=proof,
        target=target,
        repeats=repeats,
        peer_scale=peer_scale,
        clock=clock,
    )


def _products(quick: bool, clock: Clock) -> list[Row]:
    rows = []
    rng = np.random.default_rng(0)
    for n in (512,) if quick else (512, 1024, 2048):
        a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n))
        x, y = Ball(a), Ball(b)
        peer = ("numpy matmul", np.__version__, partial(np.matmul, a, b), False)
        repeats = 15 if quick else {512: 41, 1024: 21, 2048: 9}[n]
        for method, target in (("fast", 1.3), ("auto", 1.3), ("sharp", 2.5)):
            call = partial(matmul, x, y, method)
            rows.append(_row(f"ball @ ball {method} n={n}", call, peer, target, repeats, clock))
    return rows


def _tensors(quick: bool, clock: Clock) -> list[Row]:
    """TensorBalls on the GPU where there is one, else on the CPU: a row names its device."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = []
    for n in (256,) if quick else (512, 1024):
        a, b = (torch.randn(n, n, dtype=torch.float64, device=device) for _ in range(2))
        x, y = TensorBall(a), TensorBall(b)
        peer = ("torch matmul", torch.__version__, partial(_torch_product, a, b), False)
        ours = partial(_torch_product, x, y)
        rows.append(_row(f"TensorBall @ TensorBall {device} n={n}", ours, peer, None, 15, clock))
    return rows


def _torch_product(a: Any, b: Any) -> Any:
    c = a @ b
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return c


def _proofs(quick: bool, clock: Clock) -> list[Row]:
    rng = np.random.default_rng(1)
    rows = []
    for n, methods in ((128, ("auto",)),) if quick else ((512, ("auto", "sharp")), (1024, ("auto",))):
        a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n))
        x, y = Ball(a), Ball(b)
        product = partial(_arb_product, flint.arb_mat(a.tolist()), flint.arb_mat(b.tolist()))
        arb = ("python-flint arb_mat 53 bits", flint.__version__, product, True)
        for method in methods:
            call = partial(matmul, x, y, method)
            rows.append(_row(f"ball @ ball {method} n={n} vs arb speed-up", call, arb, 40.0, 5, clock))
    # mpmath.iv at n = 1,024 would take over an hour: its n = m product, scaled by (n/m)^3 (the inner loop).
    n, m = len(a), 8 if quick else 24
    iv = mpmath.iv.matrix
    ma, mb = iv(a[:m, :m].tolist()), iv(b[:m, :m].tolist())
    peer = (f"mpmath.iv matrix, n={m} scaled by (n/{m})^3", mpmath.__version__, lambda: ma * mb, True)
    name = f"ball @ ball auto n={n} vs iv speed-up"
    rows.append(_row(name, partial(matmul, x, y), peer, 10_000.0, 3, clock, (n / m) ** 3))
    return rows


def _arb_product(a: Any, b: Any) -> Any:
    with flint.ctx.workprec(53):
        return a * b


def _spectra(quick: bool, clock: Clock) -> list[Row]:
    rows = []
    for n in (400,) if quick else (2000, 3000):
        rng = np.random.default_rng(n)
        g = rng.standard_normal((n, n + n // 2))
        a = g @ g.T / n
        peer = ("numpy eigvalsh (no proof)", np.__version__, partial(np.linalg.eigvalsh, a), False)
        target = 1.0 if n >= 2000 else None
        rows.append(
            _row(
                f"smallest_eigenvalue n={n}",
                partial(smallest_eigenvalue, a),
                peer,
                target,
                5 if n < 3000 else 3,
                clock,
            )
        )
    return rows


def _functions(quick: bool, clock: Clock) -> list[Row]:
    rng = np.random.default_rng(2)
    n = 10**5 if quick else 10**6
    x = rng.standard_normal(n) * 2.0
    ball, point = Ball(x, 1e-6), Ball(x)
    peer = ("numpy tanh (no proof)", np.__version__, lambda: np.tanh(x), False)
    return [
        _row(f"tanh of {n} balls", lambda: tanh(ball), peer, 15.0, 11, clock),
        _row(f"tanh of {n} points", lambda: tanh(point), peer, 15.0, 11, clock),
    ]


def run(quick: bool = False, clock: Clock = time.perf_counter) -> list[Row]:
    """All rows; quick uses small sizes (for tests of the benchmark itself, targets not meaningful)."""
    sections = (_products, _tensors, _proofs, _spectra, _functions)
    return [row for section in sections for row in section(quick, clock)]


if __name__ == "__main__":
    for row in run(clock=time.process_time if "--cpu" in sys.argv else time.perf_counter):
        print({k: (round(v, 5) if isinstance(v, float) else v) for k, v in row.items()}, flush=True)
