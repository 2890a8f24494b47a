"""Scope `run` for a descent that is not full-batch gradient descent: facts at the epochs' ends of a recorded run, and the region it ends in.

Statement. θ̂_0, θ̂_1, … are vectors of doubles: the ends of the epochs of a DataLoader loop handed in (``iterates=``), or of one made here. At each of those
kept, enclosures of Φ, λ_min and λ_max of the NTK, ‖∇Φ‖, the PL ratio and the drift hold. At the hand-over T the descent named by the certificate, *restarted
at θ̂_T*, stays and converges as scope `ball` states for it (:mod:`verify.regions.scopes.sgd`). Nothing is assumed, and nothing claimed, of how the vectors
arose; with the sampled orders handed in as well (``orders=``), each epoch is compared with a float64 replay of it: observed, not proved.

Budget of a run made here: ``steps=`` epochs, ``seconds=``. Its orders depend on the seed and the epoch's number alone, so ``resume=`` takes the same ones from
the last checkpoint of a certificate on (facts at earlier ones are proved again). A run with momentum is not resumed: its buffer is in no certificate.

Witness: as for scope `run`, without neighbours; ``handover`` holds the witness of scope `ball` for this descent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from verify.certificates import Certificate
from verify.certificates.descent_wording import behaviour
from verify.decimals import equal
from verify.errors import InputError
from verify.networks import Problem
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.iterates import read_iterates
from verify.regions.descent.minibatch import Epochs, read_orders
from verify.regions.descent.recorded_run import Checkpoint, require_room
from verify.regions.neighbourhood.estimate import next_target
from verify.regions.neighbourhood.point_facts import Examined, examine
from verify.regions.scopes.options import EpochOptions
from verify.regions.scopes.resuming import earlier_run
from verify.regions.scopes.run import facts_steps
from verify.regions.scopes.run_reasons import tally
from verify.regions.scopes.sgd import largest_step, subject
from verify.regions.scopes.sgd_reasons import missing, smaller_step
from verify.regions.scopes.sgd_search import Found, default_step, find, found_constants, found_witness

__all__ = ["sgd_run_certificate"]

# A residual so many times the first one counts as diverged.
_DIVERGED = 1e6
# An epoch handed in is this descent if it ends within this share of its own length of where the replay does.
_CLOSE = 1e-3
_MOST_EPOCHS = 20_000


@dataclass
class _Record:
    """What was kept of a run, and how it ended: `found` at its last look `here`; `resumed` is the epoch that it went on from."""

    kept: list[Checkpoint] = field(default_factory=list)
    resumed: int | None = None
    found: Found | None = None
    here: Examined | None = None
    compared: int = 0
    apart: int = 0

    def look(self, problem: Problem, theta: Vector, step: int, origin: Vector, *, last: bool) -> bool:
        """Prove the facts at θ̂_step and try the criterion there; say whether it holds."""
        self.here = here = examine(problem.at(theta), step=step, origin=origin)
        self.found = find(here, problem, starts=False, thorough=last)
        self.kept.append(Checkpoint(here.facts, theta))
        require_room(len(self.kept), problem.network.parameters)
        return self.found.holds


def _replay(problem: Problem, source: Iterator[tuple[int, Vector]], orders: Iterator[np.ndarray] | None) -> _Record:
    """Look at each iterate handed in until one is certified; compare neighbours with the recorded orders."""
    record, epochs = _Record(), Epochs(problem)
    step, theta = next(source)
    origin = theta
    while True:
        following = next(source, None)
        if record.look(problem, theta, step, origin, last=following is None) or following is None:
            return record
        order = None if orders is None or following[0] != step + 1 else next(orders, None)
        if order is not None:
            expected = epochs.run(theta, order) - theta
            record.compared += 1
            gap, length = np.linalg.norm(following[1] - theta - expected), np.linalg.norm(expected)
            record.apart += not gap <= _CLOSE * length
        step, theta = following


@dataclass(frozen=True)
class _Budget:
    """Epochs and seconds that a run made here may take, and the seed of its orders."""

    epochs: float
    seconds: float
    seed: int

    @classmethod
    def of(cls, options: EpochOptions) -> _Budget:
        """Return what the options allow."""
        unlimited = _MOST_EPOCHS if options.seconds is None else math.inf
        return cls(
            unlimited if options.steps is None else options.steps,
            math.inf if options.seconds is None else options.seconds,
            options.seed,
        )


def _earlier(problem: Problem, earlier: Certificate) -> tuple[_Record, int, Vector]:
    """Prove the facts at an earlier run's checkpoints again; return the record without the last one, and where that is."""
    origin = flatten(problem.network)
    rows = [(row["step"], row["parameters"]) for row in earlier.witness["checkpoints"]]
    vectors = [(step, origin if theta is None else np.array(theta)) for step, theta in rows]
    record = _Record(resumed=vectors[-1][0])
    for step, theta in vectors[:-1]:
        here = examine(problem.at(theta), step=step, origin=origin)
        record.kept.append(Checkpoint(here.facts, theta))
    return record, *vectors[-1]


def _train(problem: Problem, budget: _Budget, earlier: Certificate | None) -> tuple[_Record, str]:
    """Run epochs, from the network's parameters or an earlier run's end, until a look is certified; return how it ended as well."""
    epochs = Epochs(problem, budget.seed)
    origin = flatten(problem.network)
    record, step, theta = (_Record(), 0, origin) if earlier is None else _earlier(problem, earlier)
    first, target, started, end = epochs.residual(origin), math.inf, time.monotonic(), step + budget.epochs
    while True:
        norm, late = epochs.residual(theta), time.monotonic() - started >= budget.seconds
        if not np.isfinite(norm) or norm > _DIVERGED * (first + 1.0):
            return record, "diverged"
        last = late or step >= end
        if norm <= target or last:
            if record.look(problem, theta, step, origin, last=last):
                return record, "certified"
            best = None if record.found is None else record.found.best
            target = next_target(norm, 0.0 if best is None else min(best.ratio, 0.99))
        if last:
            return record, "seconds" if late else "budget"
        theta, step = epochs.run(theta, epochs.order(step)), step + 1


def sgd_run_certificate(problem: Problem, options: EpochOptions) -> Certificate:
    """Certify scope `run` for the problem's descent; statement in the module's docstring.

    Args:
        problem: with its descent; lr None takes nine tenths of 1/(s_b‖J_b‖²) at θ̂_0.
        options: see there. Without steps 20,000 epochs are allowed, or any number where `seconds` is given.

    Raises:
        InputError: an order of the wrong length, an earlier run of another problem or step, or with momentum; whatever an iterate is refused for.
    """
    if options.orders is not None and (options.iterates is None or problem.sgd.beta):
        raise InputError("orders: for the iterates of a mini-batch loop; hand in iterates= too")
    earlier = None if options.resume is None else _resumable(options.resume, problem)
    if earlier is not None:
        problem = replace(problem, network=earlier.problem.network, lr=earlier.problem.lr)
    source: Iterator[tuple[int, Vector]] | None = None
    if options.iterates is not None:
        source = read_iterates(problem.network, options.iterates, options.iterate_steps)
        first = next(source)
        problem = problem.at(first[1])
        source = _after(first, source)
    given = problem.lr is not None
    if not given:
        problem = problem.stepping(default_step(examine(problem), problem))
    if source is None:
        record, why = _train(problem, _Budget.of(options), earlier)
    else:
        sampled = None if options.orders is None else read_orders(options.orders, problem.sgd, problem.data.n)
        record, why = _replay(problem, source, sampled), "iterates"
    return _certificate(problem, record, why, given=given)


def _resumable(given: Any, problem: Problem) -> Certificate:
    """Read the certificate to go on from."""
    if problem.sgd.beta:
        raise InputError(
            "resume: a run with momentum cannot go on from a certificate, which holds no buffer: begin anew with more steps, or hand in the"
            " iterates of your own loop as iterates="
        )
    earlier = earlier_run(given, problem)
    if problem.lr is not None and problem.lr != earlier.problem.lr:
        raise InputError(f"resume: the certificate is about lr={earlier.problem.lr}, asked for is {problem.lr}")
    return earlier


def _after(first: tuple[int, Vector], rest: Iterator[tuple[int, Vector]]) -> Iterator[tuple[int, Vector]]:
    yield first
    yield from rest


def _origin(problem: Problem, record: _Record, why: str) -> str:
    """Say what the vectors are."""
    on = f"{len(record.kept)} vectors, up to epoch {record.kept[-1].facts.step}"
    if why != "iterates":
        run = f"float64 run of {subject(problem, problem.lr or Fraction(0)).removeprefix('real-arithmetic ')}, {on}"
        return (
            run
            if record.resumed is None
            else f"{run}, those up to {record.resumed} taken from a certificate as they are"
        )
    if not record.compared:
        return f"{on}, handed in as ends of epochs; nothing is claimed of how they arose"
    said = "are" if not record.apart else "are not all"
    return (
        f"{on}, handed in as ends of epochs; the {record.compared} epochs compared {said} this descent in the order recorded, to float accuracy (observed, not"
        " proved)"
    )


def _ended(problem: Problem, record: _Record, why: str, *, given: bool) -> str:
    """Say how a run without a hand-over ended, and what was missing at its last look; given: whether the user named the step."""
    found, here = record.found, record.here
    assert found is not None
    assert here is not None
    if why == "diverged":
        smaller = "use a smaller lr, or lr=None" if given else "use a smaller lr"
        return f"the run diverged with the step lr {equal(problem.eta)}, after the last look at epoch {record.kept[-1].facts.step}: {smaller}"
    ended = {"budget": "the budget of epochs ended", "seconds": "the seconds allowed ended"}
    smaller_lr = smaller_step(here, problem, found, starts=False)
    return f"{ended.get(why, 'no iterate handed in is certifiable')}: {missing(found, problem, smaller=smaller_lr, given=given)}"


def _certificate(problem: Problem, record: _Record, why: str, *, given: bool) -> Certificate:
    found, descent, lr = record.found, problem.sgd, problem.eta
    if found is None:
        return Certificate(
            "run",
            "INCONCLUSIVE",
            "the loss overflows float64 at the start: rescale the data or the weights",
            problem,
            {"lr": lr},
            {},
            (),
            {"checkpoints": [], "handover": None},
        )
    kept = record.kept
    first, last = kept[0].facts, kept[-1].facts
    chain = facts_steps(kept, lr, problem.scale)
    observed: dict[str, Any] = {"epochs_run": float(last.step)}
    if record.compared:
        observed |= {"epochs_compared": record.compared, "epochs_apart": record.apart}
    constants: dict[str, Any] = {
        "lr": lr,
        "initial_lambda_min": first.lambda_min,
        "initial_loss": first.loss,
        "drift": last.drift,
    }
    witness: dict[str, Any] = {"checkpoints": [c.as_witness() for c in kept], "handover": None}
    made = _origin(problem, record, why)
    best = found.best
    if not found.holds or best is None or best.margin is None or why == "diverged":
        return Certificate(
            "run",
            "INCONCLUSIVE",
            f"{_ended(problem, record, why, given=given)}. {made}: {tally(kept)}",
            problem,
            constants,
            {},
            tuple(chain),
            witness,
            observed,
        )
    constants |= {**found_constants(found, lr), "handover_step": last.step, "handover_radius": best.constants["radius"]}
    witness["handover"] = {"step": last.step, "checkpoint": len(kept) - 1, **found_witness(found)}
    reason = (
        f"{made}: {tally(kept)}. {subject(problem, lr)}, restarted at the exact doubles of epoch {last.step}, {behaviour(descent, constants)}"
        f"{largest_step(found)}. Nothing is claimed of descent from the initialisation (η {equal(lr)})"
    )
    return Certificate(
        "run",
        "PROVED",
        reason,
        problem,
        constants,
        {"containment": best.margin},
        (*chain, *best.steps),
        witness,
        observed,
    )
