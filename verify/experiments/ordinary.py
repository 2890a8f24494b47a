"""A grid of ordinary problems: how many does scope `basin` prove with default options, and how many of a sample scope `run`?

Six data sets that scikit-learn ships, columns standardised, rows drawn by a fixed seed; torch's default layers and initialisation in float32;
MSELoss; networks as initialised, or after 1,000 steps of Adam at torch's default step. No option is given to `certify` but the scope and the loss. Each row
is written when it is made, so that an interrupted grid goes on where it stopped.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

import verify
from verify.experiments.files import command_line, run_resumably, save

__all__ = ["PROBLEMS", "SAMPLE", "Ordinary", "checked", "run_grid", "run_problem", "summary", "train_sample"]

_ADAM_STEPS = 1000
# n·k up to which every certificate is checked in full.
_SMALL = 200
_SMOOTH: dict[str, type[torch.nn.Module]] = {"tanh": torch.nn.Tanh, "gelu": torch.nn.GELU, "silu": torch.nn.SiLU}
_ACTIVATIONS = {**_SMOOTH, "relu": torch.nn.ReLU}
_SETS = ("iris", "wine", "breast_cancer", "diabetes", "digits_0_1", "digits_ten")


@dataclass(frozen=True)
class Ordinary:
    """One problem of the grid.

    Attributes:
        data: one of the six sets. activation: a key of `_ACTIVATIONS`. depth: hidden layers. width: of each. n: samples.
        seed: of initialisation and of the rows drawn. trained: 1,000 steps of Adam before certification.
    """

    data: str
    activation: str
    depth: int
    width: int
    n: int
    seed: int
    trained: bool

    @property
    def name(self) -> str:
        """File-safe and unique."""
        how = "adam" if self.trained else "initial"
        return f"{self.data}-n{self.n}-{self.activation}-{self.depth}x{self.width}-seed{self.seed}-{how}"


def _grid(activations: Iterable[str]) -> Iterator[Ordinary]:
    sizes = itertools.cycle([(128, 60), (256, 100), (512, 150), (256, 60), (512, 100), (128, 150), (512, 60)])
    for data, activation, depth, seed in itertools.product(_SETS, activations, (1, 2, 3), (0, 1)):
        width, n = next(sizes)
        yield Ordinary(data, activation, depth, width, min(n, 100) if data == "digits_ten" else n, seed, seed == 1)


PROBLEMS: tuple[Ordinary, ...] = (*_grid(_SMOOTH), *_grid(("relu",)))
"""144 problems: six sets × four activations × three depths × two seeds, ReLU last; widths and n in turn; the second seed is trained."""


def _sample() -> Iterator[Ordinary]:
    pairs = len(_SMOOTH) * 3
    for j in range(2 * len(_SETS)):
        # 5 is prime to the nine pairs of activation and depth: twelve problems meet each of them, no matter which do well.
        yield PROBLEMS[j // 2 * 2 * pairs + 2 * (5 * j % pairs) + j % 2]


SAMPLE: tuple[Ordinary, ...] = tuple(_sample())
"""Twelve problems for scope `run`: each data set once untrained and once trained, each smooth activation and depth four times."""


def load(name: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (X, y): at most n distinct rows drawn by the seed, standardised columns; y (n,) or, for ten classes, (n, 10) one-hot."""
    from sklearn import datasets

    if name.startswith("digits"):
        bunch = datasets.load_digits(n_class=2 if name == "digits_0_1" else 10)
    else:
        bunch = getattr(datasets, f"load_{name}")()
    X, y = bunch.data, np.asarray(bunch.target, dtype=np.float64)
    X, first = np.unique(X, axis=0, return_index=True)
    rows = np.random.default_rng(seed).permutation(len(X))[:n]
    X, y = X[rows], y[first][rows]
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    if name == "digits_ten":
        return X, np.eye(10)[y.astype(int)]
    # Labels to −1, 0, 1 or ±1; the regression targets standardised.
    return X, (y - y.mean()) / y.std() if name == "diabetes" else y - 1.0 if y.max() > 1.0 else 2.0 * y - 1.0


def build(problem: Ordinary, inputs: int, outputs: int) -> torch.nn.Sequential:
    """Return the network in torch's default initialisation, float32."""
    torch.manual_seed(problem.seed)
    layers: list[torch.nn.Module] = []
    for before in [inputs, *[problem.width] * (problem.depth - 1)]:
        layers += [torch.nn.Linear(before, problem.width), _ACTIVATIONS[problem.activation]()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(problem.width, outputs))


def _train(model: torch.nn.Module, X: np.ndarray, y: np.ndarray) -> None:
    inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y.reshape(len(y), -1)).float()
    optimiser, loss = torch.optim.Adam(model.parameters()), torch.nn.MSELoss()
    for _ in range(_ADAM_STEPS):
        optimiser.zero_grad()
        loss(model(inputs), targets).backward()
        optimiser.step()


def checked(problem: Ordinary) -> bool:
    """Whether the certificate is checked in full here: all small ones, and a tenth of the others."""
    outputs = 10 if problem.data == "digits_ten" else 1
    return problem.n * outputs <= _SMALL or PROBLEMS.index(problem) % 10 == 7


def run_problem(problem: Ordinary, path: Path, scope: Literal["basin", "run"] = "basin") -> dict[str, Any]:
    """Certify one problem, save its certificate at `path` and return its row, plain JSON; times differ between machines."""
    X, y = load(problem.data, problem.n, problem.seed)
    model = build(problem, X.shape[1], 1 if y.ndim == 1 else y.shape[1])
    if problem.trained:
        _train(model, X, y)
    started, spent = time.perf_counter(), time.process_time()
    certificate = verify.certify(model, X, y, scope=scope, loss="mse")
    row: dict[str, Any] = {
        "name": problem.name,
        "verdict": certificate.verdict,
        "seconds": round(time.perf_counter() - started, 2),
        "processor_seconds": round(time.process_time() - spent, 2),
        "reason": certificate.reason,
        "steps": certificate.observed["gauss_newton_steps" if scope == "basin" else "steps_run"],
        "form": certificate.claim,
    }
    for key in ("lambda0", "residual0", "basin_radius", "distance_over_radius", "mu", "rate"):
        value = certificate.constants.get(key)
        row[key] = None if value is None else [float(value.lower()), float(value.upper())]
    if certificate.verdict == "PROVED":
        save(certificate, path)
        row["checker"] = None
        if scope == "basin" and checked(problem):
            found = verify.check(path)
            row["checker"], row["checker_seconds"] = found.verdict, round(found.seconds, 1)
    return row


def run_grid(directory: Path, problems: Sequence[Ordinary] = PROBLEMS, *, workers: int = 1) -> list[dict[str, Any]]:
    """Run the problems, resumably: ``directory/<name>.json`` is read where it exists, else made, with ``<name>.zip``."""
    return run_resumably(directory, problems, run_problem, workers=workers)


def train_sample(directory: Path, problems: Sequence[Ordinary] = SAMPLE) -> list[dict[str, Any]]:
    """Train and certify with scope `run`, default options, resumably: a row ends within some five minutes."""
    return run_resumably(directory, problems, functools.partial(run_problem, scope="run"))


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """Say how many are proved, how fast, and how many the checker accepted, in one line."""
    proved = [row for row in rows if row["verdict"] == "PROVED"]
    checks = [row["checker"] for row in proved if row["checker"] is not None]
    inside = sum(row["distance_over_radius"] is not None and row["distance_over_radius"][1] <= 1.0 for row in proved)
    slowest = max((row["seconds"] for row in rows), default=0.0)
    return (
        f"{len(proved)} of {len(rows)} PROVED ({inside} with the parameters given inside), slowest {slowest:.0f} s;"
        f" {checks.count('ACCEPTED')} of {len(checks)} certificates checked are ACCEPTED"
    )


def main() -> None:
    """Run the grid from a shell: ``python -m verify.experiments.ordinary DIRECTORY [--every K --from I]``."""
    parser = command_line(__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every K-th problem")
    parser.add_argument("--first", type=int, default=0, help="beginning with this one")
    parser.add_argument("--train", action="store_true", help="scope `run` on the sample instead")
    given = parser.parse_args()
    if given.train:
        rows = train_sample(given.directory, SAMPLE[given.first :: given.every])
    else:
        rows = run_grid(given.directory, PROBLEMS[given.first :: given.every], workers=given.workers)
    for row in rows:
        if row["verdict"] != "PROVED":
            print(f"{row['name']}: {row['reason']}")
    print(summary(rows))


if __name__ == "__main__":
    main()
