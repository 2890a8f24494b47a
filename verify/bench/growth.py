"""How time and memory of scopes `point` and `ball` grow with the number of samples n and the width.

The arithmetic is n²·width (Gram matrices) + n³ (λ_min), so exponents between 2 and 3 in n and up to 1 in width are expected;
at small sizes fixed costs flatten them.
"""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from verify.bench.kernels import model
from verify.bench.timing import Row, timed, values
from verify.regions import certify
from verify.report.growth import exponent

__all__ = ["run"]


def _call(n: int, width: int, scope: Any) -> Callable[[], object]:
    generator = np.random.default_rng(n)
    X = generator.standard_normal((n, 64))
    y = generator.choice([-1.0, 1.0], n)
    net = model(width, 1)
    return lambda: certify(net, X, y, scope=scope)


def _peak(call: Callable[[], object]) -> int:
    """Peak of the memory that Python and numpy allocate during a call, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def run(quick: bool = False) -> list[Row]:
    """Return value rows: fitted exponents with the measurements they come from."""
    rows = []
    repeats = 1 if quick else 3
    samples = (20, 40) if quick else (100, 200, 400, 800)
    widths = (64, 128) if quick else (512, 1024, 2048, 4096)
    fixed_width, fixed_n = (64, 20) if quick else (1024, 200)
    for scope in ("point",) if quick else ("point", "ball"):
        for label, grid, expected in (
            (f"n (width {fixed_width})", [(n, fixed_width) for n in samples], "2 to 3"),
            (f"width (n {fixed_n})", [(fixed_n, w) for w in widths], "1"),
        ):
            seconds, memory = [], []
            for n, width in grid:
                call = _call(n, width, scope)
                call()
                seconds.append(statistics.median(timed(call) for _ in range(repeats)))
                memory.append(float(_peak(call)))
            sizes = [float(n if label.startswith("n ") else w) for n, w in grid]
            measured = ", ".join(
                f"{size:g}: {t:.3g} s, {m / 2**20:.3g} MiB" for size, t, m in zip(sizes, seconds, memory, strict=True)
            )
            rows.append(
                values(
                    f"growth of {scope} with {label}",
                    f"time {exponent(sizes, seconds):.2f}, memory {exponent(sizes, memory):.2f}",
                    expected,
                    peer="exponent of the arithmetic",
                    proof=False,
                    note=measured,
                )
            )
    return rows
