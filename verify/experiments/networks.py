"""The networks of the paper's experiments, certified: ReLU MLPs, CNNs and ResNets on digits, MNIST, photographs, and CIFAR-10 where its files are.

torch's default initialisation, one output, ±1 labels (odd, even; of patches the photograph; of CIFAR-10 the class's number), Φ = ½Σ. Scope `run`: plain
gradient descent from the initialisation, recorded, ``lr=None``. Scope `basin`: Adam at 10⁻³ on all samples until ‖e‖ < ½, then Gauss–Newton; BatchNorm's
statistics are those of the untrained network, and frozen. Keys of a row, plain JSON:

* ``name``, ``scope``, ``verdict``, ``reason``, ``network``, ``n``, ``parameters``, ``seed``, ``seconds`` (of certifying), ``training_steps``;
* ``diagnostics``: what is proved at some parameter vectors, [lower, upper] each: ``lambda_min`` of Θ, ``pl_ratio`` ½‖∇Φ‖²/Φ, ``loss``, ``drift`` from the
  initialisation. Of a basin: the initialisation, the trained parameters, and the centre c; of a run its checkpoints;
* ``rate`` (certified factor of Φ per step), ``mu``, ``radius``, ``basin_radius``, ``L_H`` (upper bound on the ball), where PROVED;
* ``checker``, ``checker_seconds``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

import verify
from verify import datasets
from verify.certificates import Certificate
from verify.decimals import bounds
from verify.experiments import architectures
from verify.experiments.files import chosen, run_resumably, save
from verify.networks import Problem, read_data, read_network
from verify.networks.parameters import Vector, flatten
from verify.regions.neighbourhood.point_facts import examine

__all__ = ["CASES", "SHORT", "Case", "cifar10_cases", "run_case", "run_cases"]

Samples = tuple[np.ndarray, np.ndarray]
Data = Literal["digits", "mnist", "patches", "cifar10"]

_GOAL, _MOST_STEPS = 0.5, 20_000
# Forward passes in training mode that give BatchNorm its statistics.
_STATISTICS = 60
_SIDES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "patches": (3, 32, 32), "cifar10": (3, 32, 32)}


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        network: 'mlp-WIDTH', 'normed-WIDTH' (with LayerNorm before its activation), 'cnn' or 'lenet' (average or max pooling), either with '-HIDDEN' (a hidden
            layer before the output), or 'resnet' (16-32, three blocks, one projection; with '-GROUPS' GroupNorm in the place of BatchNorm).
        activation: 'tanh' or 'relu'. data, n: which samples. seed: of initialisation and choice of samples. scope: 'run' or 'basin'.
        path: of CIFAR-10's files.
    """

    network: str
    activation: str
    data: Data
    n: int
    seed: int
    scope: Literal["run", "basin"] = "basin"
    path: Path | None = None

    @property
    def name(self) -> str:
        """File-safe and unique."""
        return f"{self.network}-{self.activation}-{self.data}-n{self.n}-{self.scope}-seed{self.seed}"


def _cases() -> Iterator[Case]:
    """Three seeds of everything."""
    for seed in range(3):
        for width in (64, 128, 256, 512, 1024):
            yield Case(f"mlp-{width}", "relu", "digits", 100, seed)
            yield Case(f"mlp-{width}", "relu", "mnist", 100, seed)
        yield Case("mlp-1024", "relu", "digits", 100, seed, "run")
        yield Case("normed-256", "tanh", "digits", 100, seed)
        yield Case("resnet-4", "tanh", "digits", 50, seed)
        for activation in ("tanh", "relu"):
            yield Case("cnn-12", activation, "mnist", 100, seed)
            yield Case("lenet-12", activation, "mnist", 100, seed)
            yield Case("cnn-12", activation, "patches", 100, seed)
            yield Case("resnet", activation, "digits", 50, seed)


CASES: tuple[Case, ...] = tuple(_cases())
SHORT: tuple[Case, ...] = (
    Case("mlp-256", "relu", "digits", 100, 0),
    Case("cnn", "tanh", "digits", 20, 0),
    Case("resnet", "relu", "digits", 10, 0),
)
"""What `make reproduce` runs."""


def cifar10_cases(path: Path) -> tuple[Case, ...]:
    """The CNN on 100 images of CIFAR-10, from its binary files in `path`."""
    both = itertools.product(("tanh", "relu"), range(3))
    return tuple(Case("cnn-12", activation, "cifar10", 100, seed, path=path) for activation, seed in both)


def load(case: Case) -> Samples:
    """Return X (n, d) or (n, C, H, W) and y (n, 1), float64, centred, norms 3√d."""
    shape = _SIDES[case.data]
    norm = 3.0 * float(np.prod(shape)) ** 0.5
    made: dict[str, Callable[[], Samples]] = {
        "digits": functools.partial(datasets.digits, case.n, norm=norm, seed=case.seed),
        "mnist": functools.partial(datasets.mnist, case.n, norm=norm, seed=case.seed),
        "patches": functools.partial(datasets.photo_patches, case.n, norm=norm, seed=case.seed),
        "cifar10": functools.partial(datasets.cifar10, case.path or "", case.n, norm=norm, seed=case.seed),
    }
    X, y = made[case.data]()
    return X.reshape(len(X), *((-1,) if case.network.startswith(("mlp", "normed")) else shape)), y[:, None]


def build(case: Case, X: np.ndarray) -> torch.nn.Module:
    """Return the untrained network, float64, in evaluation mode with BatchNorm's statistics at these samples."""
    torch.manual_seed(case.seed)
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[case.activation]
    kind, _, size = case.network.partition("-")
    net: torch.nn.Module
    if kind in ("mlp", "normed"):
        width = int(size)
        inner = [torch.nn.LayerNorm(width)] if kind == "normed" else []
        first, last = torch.nn.Linear(X.shape[1], width), torch.nn.Linear(width, 1)
        net = torch.nn.Sequential(first, *inner, activation(), last).double()
    elif kind in ("cnn", "lenet"):
        pool = torch.nn.AvgPool2d if kind == "cnn" else torch.nn.MaxPool2d
        net = architectures.cnn(activation, _SIDES[case.data], int(size) if size else None, pool).double()
    else:
        norm = functools.partial(torch.nn.GroupNorm, int(size)) if size else torch.nn.BatchNorm2d
        net = architectures.ResNet((16, 32, 32), activation, X.shape[1], norm).double()
        with torch.no_grad():
            for _ in range(0 if size else _STATISTICS):
                net(torch.from_numpy(X))
    return net.eval()


def train(net: torch.nn.Module, X: np.ndarray, y: np.ndarray) -> int:
    """Train in place by Adam until ‖e‖ < ½; return the number of steps."""
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(_MOST_STEPS):
        optimiser.zero_grad()
        squares = ((net(inputs) - targets) ** 2).sum()
        if float(squares.detach()) < _GOAL**2:
            return step
        (0.5 * squares).backward()
        optimiser.step()
    return _MOST_STEPS


def _facts(net: torch.nn.Module, samples: Samples, points: dict[str, Vector], origin: Vector) -> list[dict[str, Any]]:
    """What is proved at some parameter vectors."""
    network = read_network(net, samples[0].shape[1:] if samples[0].ndim > 2 else None)
    problem, rows = Problem(network, read_data(network, *samples)), []
    for where, theta in points.items():
        found = examine(problem.at(theta), origin=origin).facts.as_bounds()
        rows.append({"where": where} | {name: found[name] for name in ("lambda_min", "pl_ratio", "loss", "drift")})
    return rows


def certified(case: Case) -> tuple[Certificate, dict[str, Any]]:
    """Train and certify one case; return the certificate and the part of the row that says how."""
    samples = load(case)
    net = build(case, samples[0])
    shape = samples[0].shape[1:] if samples[0].ndim > 2 else None
    origin = flatten(read_network(net, shape))
    if case.scope == "run":
        started = time.perf_counter()
        certificate = verify.certify(net, *samples, scope="run", seconds=3600.0)
        kept = [
            {"where": row["step"]} | {name: row[name] for name in ("lambda_min", "pl_ratio", "loss", "drift")}
            for row in certificate.witness["checkpoints"]
        ]
        return certificate, {
            "diagnostics": kept,
            "seconds": round(time.perf_counter() - started, 1),
            "training_steps": kept[-1]["where"],
        }
    steps = train(net, *samples)
    trained = flatten(read_network(net, shape))
    started = time.perf_counter()
    certificate = verify.certify(net, *samples, scope="basin")
    seconds = round(time.perf_counter() - started, 1)
    points = {"initialisation": origin, "trained": trained}
    if certificate.proved:
        points["centre"] = np.asarray(certificate.witness["centre"])
    return certificate, {
        "diagnostics": _facts(net, samples, points, origin),
        "seconds": seconds,
        "training_steps": steps,
    }


def run_case(case: Case, path: Path) -> dict[str, Any]:
    """Certify and check one case; save its certificate at `path`; return its row."""
    certificate, made = certified(case)
    row: dict[str, Any] = {
        "name": case.name,
        "scope": case.scope,
        "verdict": certificate.verdict,
        "reason": certificate.reason,
        "network": certificate.problem.network.describe(),
        "n": case.n,
        "seed": case.seed,
        "parameters": certificate.problem.network.parameters,
        **made,
    }
    save(certificate, path)
    if certificate.proved:
        for name, end in (("rate", 1), ("mu", 0), ("radius", 1), ("basin_radius", 0), ("L_H", 1)):
            value = certificate.constants.get(name)
            row[name] = None if value is None else bounds(value)[end]
        found = verify.check(path)
        row |= {"checker": found.verdict, "checker_seconds": round(found.seconds, 1)}
    return row


def run_cases(directory: Path, cases: Sequence[Case] = CASES, *, workers: int = 1) -> list[dict[str, Any]]:
    """Run the cases, resumably: ``directory/<name>.json`` is read where it exists, else made, with ``<name>.zip``."""
    return run_resumably(directory, cases, run_case, workers=workers)


def main() -> None:
    """Run the cases from a shell: ``python -m verify.experiments.networks DIRECTORY [NAME …] [--cifar10 FOLDER]``; without names, all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--cifar10", type=Path, help="folder of CIFAR-10's binary files")
    given = parser.parse_args()
    cases = [*dict.fromkeys((*CASES, *SHORT)), *(cifar10_cases(given.cifar10) if given.cifar10 else ())]
    for row in run_cases(given.directory, chosen(parser, cases, given.names)):
        print(row)


if __name__ == "__main__":
    main()
