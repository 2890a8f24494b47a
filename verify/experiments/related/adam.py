"""Adam (related to arXiv:2505.15013, a submission withdrawn since): its crossings counted, and its iterates handed over to gradient descent.

Crossings: a ReLU network is trained by torch's Adam, and at every recorded iterate the sign of each pre-activation at each sample is certified
(verify.count_crossings). Hand-over: a tanh network is trained by Adam; from the recorded iterates scope `run` finds one from which real-arithmetic
gradient descent, restarted there, converges linearly in a certified region. Both speak of the recorded doubles, whatever made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
import torch

from proofs.evaluation import evaluate
from verify import certify, datasets, nn
from verify.arrays import Ball, sqrt
from verify.certificates import Step
from verify.experiments.related.demonstration import Demonstration, count, factor, least, most
from verify.regions.descent.crossings import Crossings, count_crossings

__all__ = ["crossings", "run", "train"]

Vector = np.ndarray


def train(
    model: torch.nn.Module, X: np.ndarray, y: np.ndarray, steps: int, lr: float, *, decay: float = 1.0
) -> Iterator[Vector]:
    """Train `model` in place by torch's Adam (Φ = ½‖e‖², lr·decay^k) and yield the iterates 0 … steps as flat vectors (p,)."""
    inputs, targets = torch.tensor(X), torch.tensor(y).reshape(len(y), -1)
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, decay)
    for _ in range(steps + 1):
        yield torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy().copy()
        optimiser.zero_grad()
        (0.5 * ((model(inputs) - targets) ** 2).sum()).backward()
        optimiser.step()
        schedule.step()


def crossings(width: int, n: int, steps: int, lr: float, *, norm: float, seed: int) -> tuple[Crossings, Ball]:
    """Train 64-width-1 (ReLU, torch's layers) on n digits; return its crossings, and the largest step of a coordinate over lr."""
    X, y = datasets.digits(n, norm=norm)
    model = nn.fully_connected((64, width, 1), seed=seed, activation=torch.nn.ReLU, ntk=False)
    longest = [0.0]

    def watched() -> Iterator[Vector]:
        before: Vector | None = None
        for theta in train(model, X, y, steps, lr):
            if before is not None:
                longest.append(float(abs(Ball(theta) - before).upper().max()))
            before = theta
            yield theta

    [found] = count_crossings(model, X, watched())
    return found, Ball(max(longest)) / Ball(lr)


def run(
    width: int = 128,
    n: int = 100,
    steps: int = 500,
    lr: float = 1e-3,
    *,
    norm: float = 8.0,
    tanh_width: int = 1024,
    recorded: tuple[int, ...] = (0, 50, 100, 150),
    tanh_lr: float = 1e-2,
    decay: float = 0.985,
    seed: int = 0,
) -> Demonstration:
    """Count the crossings of `steps` steps of Adam on 64-width-1 (ReLU), and certify a hand-over from Adam's iterates on 64-tanh_width-1.

    Args:
        width, n, steps, lr, norm: of the ReLU run. tanh_width, tanh_lr, decay: of the tanh run. recorded: the steps of the iterates handed in.
        seed: of both networks.
    """
    found, longest = crossings(width, n, steps, lr, norm=norm, seed=seed)
    X, y = datasets.digits(n, norm=24.0)
    model = nn.fully_connected((64, tanh_width, 1), seed=seed)
    iterates = [
        theta for k, theta in enumerate(train(model, X, y, max(recorded), tanh_lr, decay=decay)) if k in recorded
    ]
    start = nn.fully_connected((64, tanh_width, 1), seed=seed)
    certificate = certify(start, X, y, scope="run", iterates=iterates, iterate_steps=list(recorded))
    quantities = {
        "crossings": Ball(found.changes),
        "kinks": Ball(found.kinks),
        "undecided": Ball(found.undecided),
        "steps": Ball(steps),
        "pairs": Ball(found.pairs),
        "most_by_one_pair": Ball(found.most),
        "largest_step": longest,
        "step_bound": sqrt(
            evaluate("adam_ratio", {"beta1": Ball(Fraction(9, 10)), "beta2": Ball(Fraction(999, 1000))})
        ),
    }
    if certificate.proved:
        known = certificate.constants
        quantities |= {name: known[name] for name in ("mu", "radius", "rate", "drift")} | {
            "handover": Ball(known["handover_step"])
        }
    return Demonstration(
        system=f"Adam, ReLU 64-{width}-1 and tanh 64-{tanh_width}-1, n = {n}",
        paper="2505.15013",
        claims=(
            "containment_residual",
            "containment_preconditioned",
            "adam_step_bound",
            "adam_crossings_bounded",
            "adam_in_lplr",
        ),
        steps=(
            Step(
                "no sign is undecided",
                "adam_crossings_bounded",
                Ball(found.undecided),
                "<=",
                Ball(0),
                "every sign of w_r·x_i + b_r is certain",
            ),
        ),
        quantities=quantities,
        says=_says,
        limits="momentum in Adam, and Adam inside a region beyond its β₁ = 0 form, are not covered; the paper's effective dimension and low barriers are not"
        " defined in what we know of it",
        certificates={"handover": certificate},
    )


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"{count(q, 'steps')} recorded steps of Adam make exactly {count(q, 'crossings')} crossings of {count(q, 'kinks')} kinks, by"
        f" {count(q, 'pairs')} pairs of sample and unit, one of them {count(q, 'most_by_one_pair')} times, none undecided; no"
        f" coordinate moves by more than {most(q, 'largest_step', 3)} lr in a step. From Adam's iterate {count(q, 'handover')} on the tanh"
        f" network, at distance {most(q, 'drift')} from its start, gradient descent stays within"
        f" {most(q, 'radius')}, μ ≥ {least(q, 'mu')}, and Φ falls by {factor(q, 'rate')} per step"
    )
