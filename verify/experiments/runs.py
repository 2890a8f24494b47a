"""The paper's experiments redone with proofs: binary MNIST, the width ablation, scikit-learn digits; recorded and exact runs.

Each experiment is a network, a data set, a step and a scope; running it gives one row of the table, plain JSON. Keys of a row:

* ``name``, ``scope`` ('run', 'exact', 'point'), ``verdict``, ``reason``;
* ``network``, ``n``, ``width`` (smallest hidden), ``lr``, ``steps`` (run or enclosed), ``handover_step``;
* ``mu`` (certified on the final ball), ``lambda_region`` (certified there), ``lambda_min_certified`` (at step T; in
  scope point at the parameters), ``lambda_min_observed`` (there, eigenvalues in ordinary float64), ``radius``, ``drift``, ``handover_loss`` (upper bound of Φ);
* ``rate`` (certified factor of Φ per step on the ball), ``observed_rate`` (of float64 descent restarted at step T);
* ``seconds``, and for runs ``training_seconds``, ``certification_seconds``; for exact runs ``method``, ``bits``,
  ``growth_log`` (Σ log g_k), ``bits_lost_per_step``, ``largest_delta``;
* ``curve``: {"steps": […], "losses": […]}, the observed loss (at most some 400 points);
* ``checkpoints``: [{"step", "loss", "lambda_min", "lambda_max", "pl_ratio", "drift"}…], each fact [lower, upper], proved.

After the hand-over the proved envelope is Φ_{T+j} ≤ rate^j·handover_loss, for descent restarted there (scope run) or for the run itself
(scope exact). A quantity that does not exist is null. Observed values and times are not proved and differ between machines.

Inputs are centred and scaled to one norm (:mod:`verify.datasets`): 24 for the 8×8 digits and 84 for MNIST, i.e. 3 per √d. The norm decides
the condition number of Θ, and with it the number of steps: at a third of it (norm 8, 28) λ_min falls 15 times.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from verify import datasets, nn
from verify.arguments import exact_step
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.experiments.files import run_resumably, save
from verify.networks import Problem, kernel_of, linearise, read_data, read_network
from verify.networks.parameters import flatten
from verify.regions.descent.float64 import Descent
from verify.regions.neighbourhood.ingredients import lower, upper
from verify.regions.scopes.exact import exact_certificate
from verify.regions.scopes.options import ExactOptions, RunOptions
from verify.regions.scopes.run import record_run

__all__ = ["EXPERIMENTS", "QUICK", "Experiment", "full_experiments", "mlp", "run_experiment"]

Data = Callable[[], tuple[np.ndarray, np.ndarray]]
_CURVE_POINTS = 400


def mlp(widths: Sequence[int], seed: int = 0, *, ntk: bool = True) -> torch.nn.Sequential:
    """Return a tanh network of the given layer widths, reproducible.

    Args:
        widths: inputs, hidden widths, outputs.
        ntk: N(0, 1) weights with the scale 1/√fan_in in the forward pass, no biases; else torch's own layers and initialisation.
    """
    return nn.fully_connected(widths, seed=seed, ntk=ntk)


@dataclass(frozen=True)
class Experiment:
    """One row: what is trained on what, with which step, and what is to be proved.

    Attributes:
        name: file-safe and unique. widths: of the tanh network. data: returns (X, y).
        scope: 'run', 'exact', or 'point' (facts at initialisation only). lr: step as certify takes it; None chooses.
        steps: budget. ntk: parametrisation. about: what the row is there to show.
        probe: float64 steps from the hand-over used to observe the rate there.
    """

    name: str
    widths: tuple[int, ...]
    data: Data
    scope: Literal["run", "exact", "point"] = "run"
    lr: str | None = None
    steps: int = 20_000
    ntk: bool = True
    about: str = ""
    probe: int = 100


def _digits(n: int, norm: float = 24.0) -> Data:
    return functools.partial(datasets.digits, n, norm=norm)


def _mnist(n: int | None, classes: tuple[int, int] | None = (3, 8), norm: float = 84.0) -> Data:
    return functools.partial(datasets.mnist, n, classes=classes, norm=norm)


def _ablation(width: int, lr: str, about: str) -> Experiment:
    name = f"ablation-width{width}-step{lr.replace('/', 'over')}"
    return Experiment(name, (64, width, 1), _digits(50), lr=lr, ntk=False, steps=8_000, about=about)


_FIXED = "1/2000"
_SMALLER = "1/8000"
_QUICK = (
    Experiment("digits-n100-64-1024-1", (64, 1024, 1), _digits(100), about="one hidden layer"),
    Experiment("digits-n100-64-512-512-1", (64, 512, 512, 1), _digits(100), about="two hidden layers"),
    _ablation(64, _FIXED, "fixed step"),
    _ablation(256, _FIXED, "fixed step"),
    _ablation(1024, _FIXED, "fixed step: leaves the local regime"),
    _ablation(1024, _SMALLER, "a smaller step restores it"),
    Experiment(
        "exact-sphere-n20-10-64-1",
        (10, 64, 1),
        functools.partial(datasets.sphere, 20, 10, 4.0),
        "exact",
        about="real-arithmetic descent from initialisation",
    ),
    Experiment(
        "exact-digits-n100-64-1024-1",
        (64, 1024, 1),
        _digits(100),
        "exact",
        about="real-arithmetic descent at a practical width",
    ),
)
_LONG = (
    Experiment("digits-n100-64-256-256-256-1", (64, 256, 256, 256, 1), _digits(100), about="three hidden layers"),
    *(_ablation(width, _FIXED, "fixed step") for width in (128, 512)),
    *(_ablation(width, _SMALLER, "smaller step") for width in (64, 256, 2048)),
    Experiment(
        "exact-sphere-n20-10-64-64-1",
        (10, 64, 64, 1),
        functools.partial(datasets.sphere, 20, 10, 4.0),
        "exact",
        about="real-arithmetic descent, two hidden layers",
    ),
    Experiment("mnist38-n1000-784-1024-1", (784, 1024, 1), _mnist(1000), steps=8_000, probe=20, about="binary MNIST"),
    Experiment(
        "mnist38-n1000-784-512-512-1",
        (784, 512, 512, 1),
        _mnist(1000),
        probe=20,
        about="binary MNIST, two hidden layers",
    ),
    Experiment(
        "mnist-n5000-784-1024-1", (784, 1024, 1), _mnist(5000, None), "point", about="λ_min at 5,000 real images"
    ),
)


def _thinned(steps: Sequence[int], losses: Sequence[float]) -> dict[str, list[float]]:
    """Keep some 400 points, denser at the start where the loss falls fastest."""
    count = len(steps)
    if count > _CURVE_POINTS:
        wanted = np.unique(np.rint(np.linspace(0.0, 1.0, _CURVE_POINTS) ** 2 * (count - 1)).astype(int))
        steps, losses = [steps[i] for i in wanted], [losses[i] for i in wanted]
    finite = [(k, v) for k, v in zip(steps, losses, strict=True) if math.isfinite(v)]
    return {"steps": [k for k, _ in finite], "losses": [v for _, v in finite]}


def _number(value: Any, end: Callable[[Ball], float]) -> float | None:
    """One end of an enclosure as a JSON number; None where there is none."""
    if value is None:
        return None
    number = end(value) if isinstance(value, Ball) else float(value)
    return number if math.isfinite(number) else None


def _rate_after(problem: Problem, steps: int) -> float | None:
    """Factor of Φ per step of float64 descent from the network's parameters, over `steps` steps."""
    descent = Descent.of(problem)
    theta, first = descent.step(flatten(problem.network))
    norm = first
    for _ in range(steps):
        theta, norm = descent.step(theta)
    if not (0.0 < norm < first):
        return None
    return float((norm / first) ** (2.0 / steps))


def run_experiment(experiment: Experiment, directory: Path | None = None) -> tuple[dict[str, Any], Certificate]:
    """Run one experiment; return its row (see the module's docstring) and its certificate.

    Args:
        experiment: what to do.
        directory: keeps the state of an interruptible run; None keeps nothing.
    """
    begin = time.monotonic()
    network = read_network(mlp(experiment.widths, ntk=experiment.ntk))
    data = read_data(network, *experiment.data())
    row: dict[str, Any] = {
        "name": experiment.name,
        "about": experiment.about,
        "scope": experiment.scope,
        "network": network.describe(),
        "n": data.n,
        "width": min(experiment.widths[1:-1]),
    }
    problem = Problem(network, data, "sum", exact_step(experiment.lr))
    if experiment.scope == "point":
        from verify.regions.scopes.point import point_certificate

        certificate = point_certificate(problem)
    elif experiment.scope == "run":
        record = record_run(problem, RunOptions(steps=experiment.steps, directory=directory))
        certificate = record.certificate
        row |= {"training_seconds": record.training_seconds, "certification_seconds": record.proving_seconds}
        row["curve"] = _thinned(record.history.steps(), record.history.values)
        row["checkpoints"] = [
            {k: c[k] for k in ("step", "loss", "lambda_min", "lambda_max", "pl_ratio", "drift")}
            for c in certificate.witness["checkpoints"]
        ]
    else:
        certificate = exact_certificate(problem, ExactOptions(steps=experiment.steps, directory=directory))
    row["certified_seconds"] = time.monotonic() - begin
    row |= _summary(experiment, certificate)
    row["seconds"] = time.monotonic() - begin
    return row, certificate


def _summary(experiment: Experiment, certificate: Certificate) -> dict[str, Any]:
    """The columns that come from the certificate, and what float64 observes at its centre."""
    problem, constants, witness = certificate.problem, certificate.constants, certificate.witness
    summary: dict[str, Any] = {
        "verdict": certificate.verdict,
        "reason": certificate.reason,
        "lr": _number(constants.get("lr"), lower),
        "steps": certificate.observed.get("steps_run", certificate.observed.get("steps_enclosed")),
        "handover_step": constants.get("handover_step"),
        "mu": _number(constants.get("mu"), lower),
        "lambda_min_certified": _number(constants.get("lambda0"), lower),
        "lambda_region": _number(constants.get("lambda_region"), lower),
        "radius": _number(constants.get("radius"), lower),
        "drift": _number(constants.get("drift"), upper),
        "rate": _number(constants.get("rate"), upper),
        "handover_loss": None,
        "observed_rate": None,
        "lambda_min_observed": None,
    }
    for key in ("bits", "growth_log", "bits_lost_per_step", "largest_delta"):
        if key in certificate.observed:
            summary[key] = certificate.observed[key]
    centre: Problem | None = problem if experiment.scope == "point" else None
    if experiment.scope == "exact" and witness:
        summary["method"] = witness["method"]
        every = max(1, len(witness["loss_lower"]) // _CURVE_POINTS)
        summary["checkpoints"] = [
            {
                "step": k,
                "loss": [float(witness["loss_lower"][k]), float(witness["loss_upper"][k])],
                # Of λ_min on the enclosure only a lower bound is kept; its upper end is the enclosure's at that iterate.
                "lambda_min": [float(witness["lambda_lower"][k])] * 2,
                "pl_ratio": None,
                "drift": None,
            }
            for k in range(0, len(witness["loss_lower"]), every)
        ]
        if certificate.verdict == "PROVED":
            summary["handover_loss"] = float(witness["loss_upper"][-1])
            centre = problem.at(witness["end"])
    elif experiment.scope == "run" and certificate.verdict == "PROVED":
        last = witness["checkpoints"][witness["handover"]["checkpoint"]]
        summary["handover_loss"] = float(last["loss"][1])
        # λ₀ of the constants is that of the ball's centre, which need not be the iterate that a basin takes over.
        summary["lambda_min_certified"] = float(last["lambda_min"][0])
        centre = problem.at(last["parameters"])
    if centre is not None:
        kernel = kernel_of(linearise(centre.network, centre.data.X)).mid
        summary["lambda_min_observed"] = float(np.linalg.eigvalsh(kernel)[0])
        if experiment.scope != "point" and centre.lr is not None:
            summary["observed_rate"] = _rate_after(centre, experiment.probe)
    return summary


EXPERIMENTS = (*_QUICK, *_LONG)
"""Every experiment, short ones first."""

QUICK = tuple(experiment.name for experiment in _QUICK)
"""Names of the short experiments (about two minutes on two cores), for :func:`full_experiments`."""


def _run_and_save(experiment: Experiment, path: Path) -> dict[str, Any]:
    """Run one experiment with its state beside the certificate's path, save the certificate, return the row."""
    row, certificate = run_experiment(experiment, path.with_suffix(""))
    save(certificate, path)
    return row


def full_experiments(directory: Path, names: Sequence[str] | None = None, *, workers: int = 1) -> list[dict[str, Any]]:
    """Run all experiments, resumably, and return their rows.

    Args:
        directory: receives ``experiments/<name>.json`` (the row), ``<name>.zip`` (the certificate) and, while it runs, ``<name>/`` (its
            state). What is finished is read, not repeated; what was interrupted goes on.
        names: run only these; None runs all. workers: as for :func:`verify.experiments.files.run_resumably`.
    """
    chosen = [experiment for experiment in EXPERIMENTS if names is None or experiment.name in names]
    return run_resumably(directory / "experiments", chosen, _run_and_save, workers=workers)
