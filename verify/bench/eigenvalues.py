"""λ_min of an NTK: ours beside numpy (no proof), python-flint's certified eigenvalues and mpmath at 53 bits (no proof)."""

from __future__ import annotations

import functools
import math

import flint
import mpmath
import numpy as np

from verify.arrays import Ball, smallest_eigenvalue
from verify.bench.kernels import model
from verify.bench.timing import Row, compare
from verify.networks import ntk

__all__ = ["run"]


def _flint_smallest(matrix: np.ndarray, bits: int) -> object:
    """Enclose all eigenvalues in Arb (Rump's method), return the smallest real part's enclosure."""
    with flint.ctx.workprec(bits):
        entries = flint.acb_mat([[flint.acb(float(v)) for v in row] for row in matrix])
        return min((e.real for e in entries.eig(algorithm="rump")), key=lambda e: float(e.mid()))


def _mpmath_smallest(matrix: np.ndarray) -> object:
    return min(mpmath.eigsy(mpmath.matrix(matrix.tolist()), eigvals_only=True))


def run(quick: bool = False) -> list[Row]:
    """Return the rows: the same symmetric matrix, an NTK's midpoint, to everybody."""
    rows: list[Row] = []
    for n, exact_peers in ((16, True),) if quick else ((40, True), (400, False), (1000, False)):
        X = np.random.default_rng(n).standard_normal((n, 64))
        theta = ntk(model(1024, 1), X)
        middle = (theta.mid + theta.mid.T) / 2
        ball = Ball(middle)
        low, high = float(smallest_eigenvalue(ball).lower()), float(smallest_eigenvalue(ball).upper())
        rows.append(
            compare(
                f"λ_min of an NTK n={n}", functools.partial(smallest_eigenvalue, ball), functools.partial(np.linalg.eigvalsh, middle),
                peer_name="numpy eigvalsh", peer_version=np.__version__, proof=False, target=math.inf, repeats=7,
            )
        )  # fmt: skip
        if not exact_peers:
            continue
        found = _flint_smallest(middle, 128)
        # Both are enclosures of the same number, so they must meet.
        if not (float(found.mid()) - float(found.rad()) <= high and float(found.mid()) + float(found.rad()) >= low):  # type: ignore[attr-defined]
            raise AssertionError(f"λ_min: python-flint {found} and ours [{low}, {high}] do not meet")
        for label, version, call, proof in (
            (
                "python-flint acb_mat.eig (rump) 128 bits",
                flint.__version__,
                functools.partial(_flint_smallest, middle, 128),
                True,
            ),
            ("mpmath eigsy 53 bits", mpmath.__version__, functools.partial(_mpmath_smallest, middle), False),
        ):
            rows.append(
                compare(
                    f"λ_min of an NTK n={n} speed-up", functools.partial(smallest_eigenvalue, ball), call, peer_name=label,
                    peer_version=version, proof=proof, repeats=3,
                )
            )  # fmt: skip
    return rows
