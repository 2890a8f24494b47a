"""Stochastic descent on handwritten digits: which batches, steps and momenta are PROVED, and what simulated runs do against the certified bounds.

Digits 8 × 8, centred, norm 24, ±1 labels (odd, even), torch's default initialisation; scope `basin`, ``loss="mse"``, lr None: nine tenths of
1/(s_b‖J_b‖²). One hidden layer after 300 steps of Adam; MNIST (3, 8) likewise. CNN and ResNet (:mod:`verify.experiments.architectures`) after epochs of
torch.optim.SGD with a shuffling DataLoader, BatchNorm in evaluation mode from some epoch on; there the recorded epochs are handed to scope `run` as well, which
proves the four diagnostics at each. Each basin is checked. Then runs are simulated from its edge (:func:`simulate`), every epoch's end against the
certified ball and the certified loss.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

import verify
from verify import datasets
from verify.certificates import Certificate
from verify.decimals import at_least, at_most
from verify.experiments import architectures
from verify.experiments.files import chosen, run_resumably, save
from verify.networks.sgd import SGD
from verify.regions.descent.minibatch import Epochs

__all__ = ["CASES", "SHORT", "Case", "run_case", "run_cases", "simulate", "stated"]

# Epochs in training mode, those at whose beginning the parameters of maps are kept, and the loss at which training ends.
_THAWED, _KEPT, _FITTED = 20, (0, 25, 50, 100, 200, 400, 800), 1e-22


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        name: file-safe and unique. n: samples of the data set, digits or MNIST.
        network: '64-256-1' (one hidden layer; 784 inputs take MNIST), 'cnn', or 'resnet-16-32' with the width of each block.
        activation: 'tanh' or 'relu'. descent: what is certified. seed: of initialisation and of the shuffling.
    """

    name: str
    n: int
    network: str
    activation: str
    descent: SGD
    seed: int = 0

    @property
    def maps(self) -> bool:
        """Whether samples are maps (1, 8, 8)."""
        return not self.network[0].isdigit()


def _mapped() -> Iterator[Case]:
    """The networks of the paper's experiments, each trained by mini-batches."""
    for network, activation, seed in itertools.product(("cnn", "resnet-16-16"), ("tanh", "relu"), range(3)):
        # 50 = 5 × 10 = 3 × 16 + 2.
        size, parts = (10, "5x10") if network == "cnn" else (16, "3x16-2")
        yield Case(f"{network}-{activation}-{parts}-seed{seed}", 50, network, activation, SGD(size), seed)


CASES: tuple[Case, ...] = (
    Case("tanh-256-4x25", 100, "64-256-1", "tanh", SGD(25)),
    Case("tanh-256-10x10", 100, "64-256-1", "tanh", SGD(10)),
    Case("tanh-256-100x1", 100, "64-256-1", "tanh", SGD(1)),
    Case("tanh-1024-10x10", 100, "64-1024-1", "tanh", SGD(10)),
    *(Case(f"relu-256-10x10-seed{seed}", 100, "64-256-1", "relu", SGD(10), seed) for seed in range(3)),
    Case("tanh-256-drawn-10", 100, "64-256-1", "tanh", SGD(10, "with_replacement")),
    Case("tanh-256-heavy-n30", 30, "64-256-1", "tanh", SGD(momentum=0.9)),
    Case("tanh-256-nesterov-n30", 30, "64-256-1", "tanh", SGD(momentum=0.9, nesterov=True)),
    Case("mnist-tanh-1024-10x100", 1000, "784-1024-1", "tanh", SGD(100)),
    *_mapped(),
)
SHORT: tuple[Case, ...] = (CASES[1],)
"""What `make reproduce` runs."""


def load(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (X (n, d) or (n, 1, 8, 8), y (n, 1)), float64."""
    if case.network.startswith("784"):
        X, y = datasets.mnist(case.n, classes=(3, 8))
        return torch.tensor(np.asarray(X)), torch.tensor(np.asarray(y)).reshape(-1, 1)
    from sklearn.datasets import load_digits

    bunch = load_digits()
    X = bunch.data[: case.n] - bunch.data.mean(axis=0)
    X = X / np.linalg.norm(X, axis=1, keepdims=True) * 24.0
    inputs = torch.tensor(X)
    return (
        inputs.reshape(-1, 1, 8, 8) if case.maps else inputs,
        torch.tensor(np.where(bunch.target[: case.n] % 2, 1.0, -1.0)).reshape(-1, 1),
    )


def build(case: Case) -> torch.nn.Module:
    """Return the network in torch's default initialisation, float64."""
    torch.manual_seed(case.seed)
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[case.activation]
    if case.network == "cnn":
        return architectures.cnn(activation).double()
    if case.maps:
        return architectures.ResNet([int(width) for width in case.network.split("-")[1:]], activation).double()
    d, width, k = map(int, case.network.split("-"))
    return torch.nn.Sequential(torch.nn.Linear(d, width), activation(), torch.nn.Linear(width, k)).double()


def _by_adam(net: torch.nn.Module, X: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
    optimiser, loss = torch.optim.Adam(net.parameters(), lr=1e-3), torch.nn.MSELoss()
    for _ in range(300):
        optimiser.zero_grad()
        loss(net(X), y).backward()
        optimiser.step()
    return []


def _by_batches(case: Case, net: torch.nn.Module, X: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
    """Train by DataLoader(shuffle=True) and torch.optim.SGD, BatchNorm's statistics frozen after some epochs; return parameters at `_KEPT`.

    Ends early where float64 has fitted the data.
    """
    lr, loss, kept = 0.02 if case.activation == "tanh" else 0.005, torch.nn.MSELoss(), []
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), case.descent.batch_size, shuffle=True)
    optimiser = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for epoch in range(-_THAWED, _KEPT[-1] + 1):
        net.train(epoch < 0)
        if epoch in _KEPT:
            kept.append(torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone())
            if loss(net(X), y).item() < _FITTED:
                break
        for inputs, targets in loader:
            optimiser.zero_grad()
            loss(net(inputs), targets).backward()
            optimiser.step()
    return kept


def _polished_from(
    case: Case, net: torch.nn.Module, X: torch.Tensor, y: torch.Tensor, kept: list[torch.Tensor]
) -> None:
    """Leave in `net` the parameters that a basin is looked for from: the last ones, with ReLU the first with ‖e‖ < ½.

    Descent on ReLU networks ends on kinks; Gauss–Newton from further away ends at a zero off them.
    """
    for theta in kept:
        torch.nn.utils.vector_to_parameters(theta, net.parameters())
        if case.activation == "relu" and torch.linalg.vector_norm(net(X) - y).item() < 0.5:
            return


def certified(case: Case) -> tuple[Certificate, Certificate | None]:
    """Train and certify one case: the basin, and for maps the recorded run with the basin's step."""
    X, y = load(case)
    net = build(case)
    kept = _by_batches(case, net, X, y) if case.maps else _by_adam(net, X, y)
    net.eval()
    _polished_from(case, net, X, y, kept)
    basin = verify.certify(net, X, y, scope="basin", loss="mse", descent=case.descent)
    if not kept:
        return basin, None
    run = verify.certify(
        net,
        X,
        y,
        scope="run",
        loss="mse",
        descent=case.descent,
        lr=basin.problem.lr,
        iterates=kept,
        iterate_steps=_KEPT[: len(kept)],
    )
    return basin, run


def simulate(certificate: Certificate, runs: int, epochs: int, seed: int = 0) -> dict[str, float]:
    """Simulate runs in float64 from random points of the basin's edge; return how many, how many broke a bound, and the largest observed over certified.

    A run breaks a bound if an epoch ends outside the certified ball or with a loss above ``loss_bound``·``rate``^k (per step where ``rate`` is
    per step), beyond the float floor of the loss. For draws with replacement the bound is on the mean: the loss is averaged over the runs.
    """
    problem, c = certificate.problem, certificate.constants
    centre = np.asarray(certificate.witness["centre"])
    rho, R, A, rate = (float(c[name].upper()) for name in ("basin_radius", "radius", "loss_bound", "rate"))
    drawn = problem.sgd.drawn
    per = len(problem.sgd.sizes(problem.data.n)) if drawn else 1
    draw, losses, outside, floor = np.random.default_rng(seed), np.zeros((runs, epochs + 1)), 0, 1e-24
    for run in range(runs):
        descent = Epochs(problem, seed + run)
        away = draw.standard_normal(centre.size)
        theta = centre + away / np.linalg.norm(away) * rho * (1.0 - 1e-9)
        left = False
        for epoch in range(epochs + 1):
            losses[run, epoch] = 0.5 * float(problem.scale) * descent.residual(theta) ** 2
            left |= bool(np.linalg.norm(theta - centre) > R)
            theta = descent.run(theta, descent.order(epoch))
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


def _diagnostics(run: Certificate) -> list[dict[str, Any]]:
    """What is proved at the ends of epochs: loss, λ_min, λ_max, PL ratio and drift, each [lower, upper]."""
    names = ("step", "loss", "lambda_min", "lambda_max", "pl_ratio", "drift")
    return [{name: row[name] for name in names} for row in run.witness["checkpoints"]]


def run_case(case: Case, path: Path) -> dict[str, Any]:
    """Certify, check and simulate one case; save its certificate at `path`; return its row, plain JSON."""
    started = time.perf_counter()
    certificate, run = certified(case)
    row: dict[str, Any] = {
        "name": case.name,
        "verdict": certificate.verdict,
        "seconds": round(time.perf_counter() - started, 1),
    }
    row["reason"] = certificate.reason
    if run is not None:
        save(run, path.with_name(f"{case.name}-run.zip"))
        row["run"] = {"verdict": run.verdict, "reason": run.reason, "diagnostics": _diagnostics(run)}
    if not certificate.proved:
        return row
    for name in ("radius", "basin_radius", "rate", "exit_probability", "power_bound", "distance_over_radius"):
        value = certificate.constants.get(name)
        row[name] = None if value is None else [float(value.lower()), float(value.upper())]
    row |= {"lr": float(certificate.constants["lr"]), "lr_largest": float(certificate.constants["lr_largest"])}
    save(certificate, path)
    found = verify.check(path)
    row |= {
        "checker": found.verdict,
        "checker_seconds": round(found.seconds, 1),
        "simulated": simulate(certificate, 5 if case.maps else 100, 3),
    }
    return row


def run_cases(directory: Path, cases: Sequence[Case] = CASES) -> list[dict[str, Any]]:
    """Run the cases, resumably: ``directory/<name>.json`` is read where it exists, else made, with ``<name>.zip``."""
    return run_resumably(directory, cases, run_case)


def stated(row: dict[str, Any]) -> str:
    """Say a row in the digits of the README's table, each number rounded to the safe side."""
    if row["verdict"] != "PROVED":
        return f"{row['name']}: {row['verdict']}, {row['reason']}"
    gain = 1 - Fraction(row["rate"][1])
    text = f"{row['name']}: PROVED, ρ ≥ {at_least(row['basin_radius'][0], 2)}, R ≤ {at_most(row['radius'][1], 2)}, 1 − rate ≥ {at_least(gain, 2)}"
    if row["exit_probability"] is not None:
        text += f", P(exit) ≤ {at_most(row['exit_probability'][1], 2)}"
    text += f", largest step / step {row['lr_largest'] / row['lr']:.2f}; {row['checker']}"
    return f"{text}; before it {row['run']['verdict']}: {row['run']['reason']}" if "run" in row else text


def main() -> None:
    """Run the cases from a shell: ``python -m verify.experiments.stochastic DIRECTORY [NAME …]``; without names, all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    for row in run_cases(given.directory, chosen(parser, CASES, given.names)):
        print(stated(row))


if __name__ == "__main__":
    main()
