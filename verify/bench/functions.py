"""tanh of many intervals: ours beside python-flint's Arb, which proves, and mpmath.iv, which means to; both take one number at a time."""

from __future__ import annotations

import flint
import mpmath
import numpy as np

from verify.arrays import Ball, tanh
from verify.bench.timing import Row, compare

__all__ = ["run"]


def run(quick: bool = False) -> list[Row]:
    """Return the rows: tanh of the same n intervals of radius 1e-6."""
    n = 500 if quick else 20_000
    x = np.random.default_rng(2).standard_normal(n) * 2.0
    ball = Ball(x, 1e-6)
    arbs = [flint.arb(float(v), 1e-6) for v in x]

    def with_arb() -> object:
        with flint.ctx.workprec(53):
            return [a.tanh() for a in arbs]

    # mpmath.iv has no tanh; (1 − e^{-2x})/(1 + e^{-2x}) from its exp, which is known to miss the true value at times.
    few = [mpmath.iv.mpf([float(v) - 1e-6, float(v) + 1e-6]) for v in x[: max(n // 20, 50)]]

    def with_iv() -> object:
        return [(1 - e) / (1 + e) for e in (mpmath.iv.exp(-2 * v) for v in few)]

    part = Ball(x[: len(few)], 1e-6)
    return [
        compare(
            f"tanh of {n} intervals speed-up",
            lambda: tanh(ball),
            with_arb,
            peer_name="python-flint arb 53 bits",
            peer_version=flint.__version__,
            proof=True,
            repeats=5,
        ),
        compare(
            f"tanh of {len(few)} intervals speed-up",
            lambda: tanh(part),
            with_iv,
            peer_name="mpmath.iv, by exp",
            peer_version=mpmath.__version__,
            proof=False,
            repeats=3,
        ),
    ]
