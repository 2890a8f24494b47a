"""λ_min of an NTK and of four hard spectra: ours beside numpy (no proof), python-flint's certified eigenvalues and mpmath at 53 bits (no proof)."""

from __future__ import annotations

import functools

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


def spectra(n: int) -> dict[str, np.ndarray]:
    """Symmetric matrices (n, n), n even, by what makes λ_min easy or hard: separated, at the edge of a dense spectrum, doubled, in a cluster."""
    rng = np.random.default_rng(n)
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    a, half = rng.standard_normal((n, n)), rng.standard_normal((n // 2, n // 2))
    clustered = np.concatenate([0.5 + 1e-9 * rng.random(min(40, n // 8)), rng.uniform(1.0, 3.0, n - min(40, n // 8))])
    found = {
        "separated": (basis * np.linspace(0.5, 3.0, n)) @ basis.T,
        "Marchenko–Pastur edge": a @ a.T / n + 0.1 * np.eye(n),
        "doubled": np.kron(np.eye(2), half @ half.T / (n // 2)) + 0.1 * np.eye(n),
        "clustered within 1e-9": (basis * clustered) @ basis.T,
    }
    return {name: (matrix + matrix.T) / 2.0 for name, matrix in found.items()}


def _hard_spectra(quick: bool) -> list[Row]:
    n = 320 if quick else 2048
    return [
        compare(
            f"λ_min, {name}, n={n}",
            functools.partial(smallest_eigenvalue, Ball(matrix)),
            functools.partial(np.linalg.eigvalsh, matrix),
            peer_name="numpy eigvalsh",
            peer_version=np.__version__,
            proof=False,
            target=None if quick else 1.0,
            repeats=3 if quick else 7,
        )
        for name, matrix in spectra(n).items()
    ]


def run(quick: bool = False) -> list[Row]:
    """Return the rows: the same symmetric matrix, an NTK's midpoint or one of a hard spectrum, to everybody."""
    rows = _hard_spectra(quick)
    for n, exact_peers in ((16, True),) if quick else ((40, True), (400, False), (1000, False)):
        X = np.random.default_rng(n).standard_normal((n, 64))
        theta = ntk(model(1024, 1), X)
        middle = (theta.mid + theta.mid.T) / 2
        ball = Ball(middle)
        low, high = float(smallest_eigenvalue(ball).lower()), float(smallest_eigenvalue(ball).upper())
        rows.append(
            compare(
                f"λ_min of an NTK n={n}",
                functools.partial(smallest_eigenvalue, ball),
                functools.partial(np.linalg.eigvalsh, middle),
                peer_name="numpy eigvalsh",
                peer_version=np.__version__,
                proof=False,
                target=None,
                repeats=7,
            )
        )
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
                    f"λ_min of an NTK n={n} speed-up",
                    functools.partial(smallest_eigenvalue, ball),
                    call,
                    peer_name=label,
                    peer_version=version,
                    proof=proof,
                    repeats=3,
                )
            )
    return rows
