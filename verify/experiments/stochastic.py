"""Stochastic descent on handwritten digits: which batches, steps and momenta are PROVED, and what simulated runs do against the certified bounds.

Digits 8 × 8, centred, norm 24, ±1 labels (odd, even), one hidden layer, torch's default initialisation, 300 steps of Adam; scope `basin`,
``loss="mse"``, lr None: nine tenths of 1/(s_b‖J_b‖²). Each certificate is checked. Then runs are simulated from the edge of the basin
(:func:`simulate`), every epoch's end against the certified ball and the certified loss.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import verify
from verify.certificates import Certificate
from verify.experiments.files import run_resumably
from verify.networks.sgd import SGD
from verify.regions.descent.minibatch import Epochs

__all__ = ["CASES", "SHORT", "Case", "run_case", "run_cases", "simulate"]


@dataclass(frozen=True)
class Case:
    """One row: n digits, width, activation, descent."""

    name: str
    n: int
    width: int
    activation: str
    descent: SGD


CASES: tuple[Case, ...] = (
    Case("tanh-256-4x25", 100, 256, "tanh", SGD(batch_size=25)),
    Case("tanh-256-10x10", 100, 256, "tanh", SGD(batch_size=10)),
    Case("tanh-256-100x1", 100, 256, "tanh", SGD(batch_size=1)),
    Case("tanh-1024-10x10", 100, 1024, "tanh", SGD(batch_size=10)),
    Case("relu-256-10x10", 100, 256, "relu", SGD(batch_size=10)),
    Case("tanh-256-drawn-10", 100, 256, "tanh", SGD(batch_size=10, order="with_replacement")),
    Case("tanh-256-heavy-n30", 30, 256, "tanh", SGD(momentum=0.9)),
    Case("tanh-256-nesterov-n30", 30, 256, "tanh", SGD(momentum=0.9, nesterov=True)),
)
SHORT: tuple[Case, ...] = (CASES[1],)
"""What `make reproduce` runs."""


def load(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (X (n, 64), y (n, 1)), float64."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    X = bunch.data[:n] - bunch.data.mean(axis=0)
    X = X / np.linalg.norm(X, axis=1, keepdims=True) * 24.0
    return torch.tensor(X), torch.tensor(np.where(bunch.target[:n] % 2, 1.0, -1.0)).reshape(-1, 1)


def certified(case: Case) -> Certificate:
    """Train and certify one case."""
    X, y = load(case.n)
    torch.manual_seed(0)
    activation = torch.nn.Tanh() if case.activation == "tanh" else torch.nn.ReLU()
    net = torch.nn.Sequential(torch.nn.Linear(64, case.width), activation, torch.nn.Linear(case.width, 1)).double()
    optimiser, loss = torch.optim.Adam(net.parameters(), lr=1e-3), torch.nn.MSELoss()
    for _ in range(300):
        optimiser.zero_grad()
        loss(net(X), y).backward()
        optimiser.step()
    return verify.certify(net, X, y, scope="basin", loss="mse", descent=case.descent)


def simulate(certificate: Certificate, runs: int, epochs: int, seed: int = 0) -> dict[str, float]:
    """Simulate runs in float64 from random points of the basin's edge; return how many, how many broke a bound, and the largest observed over certified.

    A run breaks a bound if an epoch ends outside the certified ball or with a loss above ``loss_bound``·``rate``^k (per step where ``rate`` is
    per step), beyond the float floor of the loss. For draws with replacement the bound is on the mean: the loss is averaged over the runs.
    """
    problem, c = certificate.problem, certificate.constants
    assert problem.lr is not None
    assert problem.descent is not None
    centre = np.asarray(certificate.witness["centre"])
    rho, R, A, rate = (float(c[name].upper()) for name in ("basin_radius", "radius", "loss_bound", "rate"))
    drawn = problem.descent.drawn
    per = len(problem.descent.sizes(problem.data.n)) if drawn else 1
    draw, losses, outside, floor = np.random.default_rng(seed), np.zeros((runs, epochs + 1)), 0, 1e-24
    for run in range(runs):
        descent = Epochs(problem.network, problem.data, problem.loss, problem.lr, problem.descent, seed + run)
        away = draw.standard_normal(centre.size)
        theta = centre + away / np.linalg.norm(away) * rho * (1.0 - 1e-9)
        left = False
        for epoch in range(epochs + 1):
            losses[run, epoch] = 0.5 * float(problem.scale) * descent.residual(theta) ** 2
            left |= bool(np.linalg.norm(theta - centre) > R)
            theta = descent.run(theta, descent.order())
        outside += left
    allowed = A * rate ** (per * np.arange(epochs + 1)) + floor
    seen = losses.mean(axis=0, keepdims=True) if drawn else losses
    broken = int((seen > allowed).any(axis=1).sum())
    return {
        "runs": runs,
        "epochs": epochs,
        "outside": outside,
        "broken": broken,
        "largest": float((seen / allowed).max()),
    }


def run_case(case: Case, path: Path) -> dict[str, Any]:
    """Certify, check and simulate one case; save its certificate at `path`; return its row, plain JSON."""
    started = time.perf_counter()
    certificate = certified(case)
    row: dict[str, Any] = {
        "name": case.name,
        "verdict": certificate.verdict,
        "seconds": round(time.perf_counter() - started, 1),
    }
    row["reason"] = certificate.reason
    if not certificate.proved:
        return row
    for name in ("radius", "basin_radius", "rate", "exit_probability", "power_bound", "distance_over_radius"):
        value = certificate.constants.get(name)
        row[name] = None if value is None else float(value.upper())
    row |= {"lr": float(certificate.constants["lr"]), "lr_largest": float(certificate.constants["lr_largest"])}
    certificate.save(path)
    found = verify.check(path)
    row |= {
        "checker": found.verdict,
        "checker_seconds": round(found.seconds, 1),
        "simulated": simulate(certificate, 100, 3),
    }
    return row


def run_cases(directory: Path, cases: Sequence[Case] = CASES) -> list[dict[str, Any]]:
    """Run the cases, resumably: ``directory/<name>.json`` is read where it exists, else made, with ``<name>.zip``."""
    return run_resumably(directory, cases, run_case)


def main() -> None:
    """Run the cases from a shell: ``python -m verify.experiments.stochastic DIRECTORY``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    for row in run_cases(parser.parse_args().directory):
        print(row)


if __name__ == "__main__":
    main()
