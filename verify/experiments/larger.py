"""Larger real data: 5,000 Fashion-MNIST images (pullovers and coats) on 784-1024-1, from the untrained network to a proved basin.

Gauss–Newton from the initialisation finds c with ‖e(c)‖ at the rounding of the forward pass; scope `basin` proves that every real-arithmetic
gradient descent started in the ball about c converges. The untrained parameters lie far outside it: the statement is about c.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import verify
from verify import datasets
from verify.decimals import bounds
from verify.errors import InputError
from verify.experiments.files import run_resumably, save
from verify.experiments.runs import mlp

__all__ = ["CASES", "Larger", "run_cases", "run_one"]


@dataclass(frozen=True)
class Larger:
    """One basin: `n` images of the two classes, 784-`width`-1, tanh, NTK parametrisation."""

    n: int
    width: int = 1024
    classes: tuple[int, int] = (2, 4)
    norm: float = 84.0

    @property
    def name(self) -> str:
        """File-safe and unique."""
        return f"fashion{self.classes[0]}{self.classes[1]}-basin-n{self.n}-784-{self.width}-1"


_ENDS = {
    "lambda_min_certified": ("lambda0", 0),
    "mu": ("mu", 0),
    "basin_radius": ("basin_radius", 0),
    "radius": ("radius", 1),
    "rate": ("rate", 1),
}
"""Column → constant, and which end of its enclosure: 0 a proved lower bound, 1 an upper one."""

CASES = (Larger(1000), Larger(5000))


def run_one(case: Larger, path: Path) -> dict[str, Any]:
    """Certify one case, save its certificate at `path`, return its row; times and memory differ between machines.

    Where Debian's package with the images is not installed, the row's verdict is FAILED, with the reason.
    """
    row: dict[str, Any] = {
        "name": case.name,
        "scope": "basin",
        "n": case.n,
        "width": case.width,
        "about": "5,000 real images" if case.n == 5000 else "",
    }
    try:
        X, y = datasets.fashion_mnist(case.n, classes=case.classes, norm=case.norm)
    except InputError as error:
        return row | {"verdict": "FAILED", "reason": str(error)}
    begin, work = time.monotonic(), time.process_time()
    certificate = verify.certify(mlp((784, case.width, 1)), X, y, scope="basin")
    constants = certificate.constants
    row |= {
        "network": certificate.problem.network.describe(),
        "verdict": certificate.verdict,
        "reason": certificate.reason,
        "seconds": time.monotonic() - begin,
        "processor_seconds": time.process_time() - work,
        "gibibytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    for key, (name, end) in _ENDS.items():
        row[key] = float(bounds(constants[name])[end]) if constants.get(name) is not None else None
    save(certificate, path)
    return row


def run_cases(directory: Path, cases: Sequence[Larger] = CASES) -> list[dict[str, Any]]:
    """Run the cases one after the other (each needs some gibibytes), resumably."""
    return run_resumably(directory, cases, run_one)
