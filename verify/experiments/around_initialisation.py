"""Convex regions that hold gradient descent's whole run from the initialisation: scope `region` at the smallest widths proved.

One to three hidden layers, tanh, NTK parametrisation; inputs on a sphere or handwritten digits; about the midpoint of the path or about θ0. What is
certified and what is checked is written as soon as it is, each by itself, so that an interrupted table goes on where it stopped.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

import verify
from verify import datasets, nn
from verify.experiments.files import chosen, command_line, run_resumably, save

__all__ = ["CASES", "Case", "Check", "check_case", "run_case", "run_cases"]


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        data: 'sphere' or 'digits'. n, d: samples and inputs. norm: of every input. widths: of the hidden layers.
        lr: step. seed: of data and initialisation. centre: of the ball.
        data_radius: the statement is for every data set whose inputs lie within it.
    """

    data: Literal["sphere", "digits"]
    n: int
    d: int
    norm: float
    widths: tuple[int, ...]
    lr: str
    seed: int
    centre: Literal["midpoint", "initialisation"] = "midpoint"
    data_radius: float = 0.0

    @property
    def name(self) -> str:
        """File-safe and unique."""
        shape = "x".join(map(str, self.widths))
        nearby = f"-data{self.data_radius:g}" if self.data_radius else ""
        return f"region-{self.data}-n{self.n}-width{shape}-seed{self.seed}-{self.centre}{nearby}"

    def problem(self) -> tuple[torch.nn.Sequential, np.ndarray, np.ndarray]:
        """Return network, inputs and targets; one hidden layer antisymmetric, so that F = 0 at the start."""
        if self.data == "digits":
            X, y = datasets.digits(self.n, norm=self.norm)
        else:
            X, y = datasets.sphere(self.n, self.d, norm=self.norm, seed=self.seed)
        if len(self.widths) == 1:
            return nn.antisymmetric_two_layer(self.d, self.widths[0], seed=self.seed), X, y
        generator = torch.Generator().manual_seed(self.seed)
        layers: list[torch.nn.Module] = []
        before = self.d
        for width in self.widths:
            layers += [nn.NTKLinear(before, width, generator=generator), torch.nn.Tanh()]
            before = width
        return torch.nn.Sequential(*layers, nn.NTKLinear(before, 1, generator=generator)), X, y


CASES: tuple[Case, ...] = (
    *(Case("sphere", 10, 10, 9.0, (512,), "1/10", seed) for seed in range(6)),
    *(Case("sphere", 10, 10, 9.0, (1024,), "1/10", seed) for seed in range(6)),
    *(Case("sphere", 10, 10, 9.0, (2048,), "1/10", seed, "initialisation") for seed in range(6)),
    *(Case("sphere", 20, 20, 10.0, (1024,), "1/10", seed) for seed in range(3)),
    *(Case("sphere", 20, 20, 10.0, (4096,), "1/10", seed, "initialisation") for seed in range(3)),
    Case("sphere", 10, 100, 30.0, (1024, 1024), "1/4", 0),
    *(Case("sphere", 5, 100, 30.0, (512, 512), "1/4", seed) for seed in range(3)),
    Case("sphere", 3, 400, 30.0, (512, 512, 512), "1", 0),
    Case("sphere", 5, 400, 30.0, (1024, 1024, 1024), "1", 0),
    Case("sphere", 10, 10, 9.0, (1024,), "1/10", 0, data_radius=4e-4),
    Case("sphere", 10, 10, 9.0, (1024,), "1/10", 1, data_radius=2e-3),
    Case("sphere", 10, 10, 9.0, (2048,), "1/10", 0, data_radius=5e-4),
    Case("digits", 50, 64, 24.0, (4096,), "1/16", 0),
    Case("digits", 100, 64, 24.0, (16384,), "1/24", 0),
)
"""The rows of the table."""

# The stand-alone checker may take this many seconds: the largest case takes hours in Arb.
_CHECKING = 12 * 3600.0


@dataclass(frozen=True)
class Check:
    """The check of one case's certificate, which lies beside the row."""

    case: Case

    @property
    def name(self) -> str:
        """File-safe and unique."""
        return f"{self.case.name}-check"


def run_case(case: Case, path: Path) -> dict[str, Any]:
    """Certify one case, save its certificate at `path` and return its row, plain JSON; processor time and memory differ between machines."""
    model, X, y = case.problem()
    started = time.process_time()
    certificate = verify.certify(
        model, X, y, lr=case.lr, scope="region", centre=case.centre, data_radius=case.data_radius
    )
    row: dict[str, Any] = {
        "name": case.name,
        "verdict": certificate.verdict,
        "reason": certificate.reason,
        "seconds": round(time.process_time() - started, 1),
        # The process's largest size so far.
        "gibibytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "steps": certificate.constants.get("handover_step"),
        "by": certificate.witness.get("region", {}).get("by"),
    }
    for key, end in (("region_lambda", "lower"), ("region_radius", "upper"), ("region_rate", "upper")):
        value = certificate.constants.get(key)
        row[key] = None if value is None else float(getattr(value, end)())
    if certificate.verdict == "PROVED":
        save(certificate, path)
    return row


def check_case(check: Check, path: Path) -> dict[str, Any]:
    """Check the certificate that :func:`run_case` saved beside `path`, in the checker's own arithmetic; return verdict, bits and processor time."""
    started = time.process_time()
    found = verify.check(path.with_name(f"{check.case.name}.zip"), seconds=_CHECKING)
    return {
        "verdict": found.verdict,
        "failures": list(found.failures),
        "bits": found.bits,
        "seconds": round(time.process_time() - started, 1),
    }


def run_cases(directory: Path, cases: Sequence[Case] = CASES, *, workers: int = 1) -> list[dict[str, Any]]:
    """Certify and check the cases, resumably.

    ``directory/<name>.json`` and ``<name>-check.json`` are read where they exist, else made, with ``<name>.zip``.
    Each row has what :func:`run_case` returns and ``check``, what :func:`check_case` does; None where nothing was PROVED.
    """
    rows = run_resumably(directory, cases, run_case, workers=workers)
    proved = [Check(case) for case, row in zip(cases, rows, strict=True) if row["verdict"] == "PROVED"]
    checked = run_resumably(directory, proved, check_case, workers=workers)
    found = {check.case.name: row for check, row in zip(proved, checked, strict=True)}
    return [{**row, "check": found.get(case.name)} for case, row in zip(cases, rows, strict=True)]


def main() -> None:
    """Run the table from a shell: ``python -m verify.experiments.around_initialisation DIRECTORY [NAME …]``; without names, all."""
    parser = command_line(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    for row in run_cases(given.directory, chosen(parser, CASES, given.names), workers=given.workers):
        check = row["check"] or {"verdict": "not checked", "seconds": 0.0}
        shown = [row.get(key) for key in ("verdict", "region_lambda", "region_radius", "by", "seconds")]
        print(row["name"], *shown, check["verdict"], check.get("seconds"))


if __name__ == "__main__":
    main()
