"""Scope `run`: facts proved along a recorded float64 run, and the region it ends in.

Statement. θ̂_0, θ̂_1, … are vectors of doubles: what a float64 loop computed, here or in the user's own program (``iterates=``;
nothing is assumed of how they came about, and every fact below holds whatever they are). At each
checkpoint k kept, enclosures of Φ, λ_min and λ_max of the NTK, ‖∇Φ‖, the PL ratio and the drift hold for the exact vector θ̂_k; between
kept neighbours Φ(θ̂_{k+1}) ≤ (1 − ημ_k)Φ(θ̂_k), μ_k = sλ_k with the certified λ_k ≤ λ_min(Θ(θ̂_k)), by comparing enclosures of
both sides. At the hand-over step T real-arithmetic gradient descent *restarted at θ̂_T* with step η converges linearly to zero loss: inside a certified
ball about θ̂_T (scope `ball`), or inside a certified basin about a zero nearby within whose ρ θ̂_T lies (scope `basin`). Nothing is said of real-arithmetic
gradient descent from θ̂_0 (that is scope `exact`), nor of what lies between the checkpoints.

Hand-over. Training goes on until one is certified (:mod:`verify.regions.scopes.handover`). Checkpoints are placed where the residual has fallen to what
the last look predicts to be enough, by at most a factor 4 at a time (:func:`verify.regions.neighbourhood.estimate.next_target`); T is the first of
them that is certified. At steps asked for with ``checkpoints=`` the facts are proved and nothing is searched.

Budget. ``steps=`` and ``seconds=``, which run from when a step is looked for; with neither, 300 seconds, and less where the forecast puts the hand-over
far beyond them. A run that a time limit ends depends on the machine, one that is PROVED before does not. ``resume=`` goes on from a certificate of this
scope: its checkpoints are proved again, steps are counted from its last one.

Step. ``lr=None`` trains with 0.9/(sλ_max), λ_max extrapolated from how it grows over the first steps (:func:`_training_step`); where λ_max grows on to
1.9/(ηs), training goes on with 1.5/(sλ_max). If the last step is beyond what can be certified at the hand-over, the largest certified step there takes over.
Every statement is about one step: the one that takes over, or the last one trained with.

Witness: ``checkpoints`` (step, parameters, next, bounds of every fact), ``handover`` (step, index, the ball's or basin's witness).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays import Ball, require_sound_arithmetic
from verify.certificates import Certificate, Step
from verify.certificates.certificate import Verdict
from verify.decimals import at_least, at_most, below_one, equal, near
from verify.networks import LOSS_WORDS, Problem, kernel_of, linearise
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.float64 import Descent, default_step
from verify.regions.descent.history import History, observed_rate
from verify.regions.descent.iterates import read_iterates
from verify.regions.descent.recorded_run import Checkpoint, fingerprint, make_directory, require_room
from verify.regions.neighbourhood.estimate import shortfall
from verify.regions.neighbourhood.ingredients import approx_float, lower, upper
from verify.regions.neighbourhood.point_facts import Examined, decrease_certified, examine
from verify.regions.scopes.options import RunOptions
from verify.regions.scopes.recording import End, Run, Task, replay, train
from verify.regions.scopes.resuming import earlier_run, resumed
from verify.regions.scopes.run_reasons import missing, prospect, tally

__all__ = ["DEFAULT_SECONDS", "RecordedRun", "facts_steps", "record_run", "run_certificate"]

DEFAULT_SECONDS = 300.0
# Share of 1/(sλ_max) that a run is trained with; steps of its rehearsal between looks at λ_max; the largest n·k for which those are taken.
_SHARE, _REHEARSED, _LOOKED_AT = Fraction(9, 10), (10, 50, 140, 400), 1500


@dataclass(frozen=True)
class RecordedRun:
    """A run's certificate with what was observed while it was made: the loss curve and where the time went."""

    certificate: Certificate
    history: History
    training_seconds: float
    proving_seconds: float


def run_certificate(problem: Problem, options: RunOptions) -> Certificate:
    """Certify a recorded run; statement in the module's docstring.

    Args:
        problem: exact parameters θ̂_0; lr None chooses a step, see the module's docstring. options: see there.

    Returns:
        Certificate, scope 'run': PROVED when the hand-over is certified; else INCONCLUSIVE with what was missing, or that the run
        diverged or stalled. ``constants`` are those of the ball at the hand-over, and ``handover_step``, ``handover_radius``,
        ``drift``, ``initial_lambda_min``, ``initial_loss``; ``observed`` holds what was measured and not proved.

    Raises:
        InputError: iterates that do not fit, a directory of another run, a certificate of another problem to go on from.
    """
    return record_run(problem, options).certificate


def record_run(problem: Problem, options: RunOptions) -> RecordedRun:
    """Do as :func:`run_certificate`, and return the observed curve and times as well."""
    require_sound_arithmetic()
    patient = options.steps is not None or options.seconds is not None
    seconds = options.seconds or (math.inf if patient else DEFAULT_SECONDS)
    free, first = problem.lr is None, None
    started = time.monotonic()
    source: Iterator[tuple[int, Vector]] | None = None
    earlier = None if options.resume is None else earlier_run(options.resume, problem)
    if earlier is not None:
        problem = replace(problem, network=earlier.problem.network, lr=problem.lr or earlier.problem.lr)
    if options.iterates is not None:
        source = read_iterates(problem.network, options.iterates, options.iterate_steps)
        problem = problem.at(next(source)[1])
    if problem.lr is None:
        first = examine(problem)
        problem = problem.stepping(_training_step(first, problem))
    choosing = time.monotonic() - started
    require_room(len(set(options.checkpoints)), problem.network.parameters)
    task = Task(
        problem, options.steps, flatten(problem.network), options, seconds, free, patient=patient, spent=choosing
    )
    key = fingerprint(problem, checkpoints=options.checkpoints, free=free)
    run = None
    if options.directory is not None:
        make_directory(options.directory)
        run = Run.load(options.directory, key)
    elif earlier is not None:
        run, task = resumed(task, earlier)
    if run is None:
        run = Run(theta=task.origin)
    end = train(task, run, key, first) if source is None else replay(task, run, source)
    started = time.monotonic()
    certificate = _certificate(task, run, end)
    run.proving_seconds += choosing + time.monotonic() - started
    return RecordedRun(certificate, run.history, run.training_seconds, run.proving_seconds)


def _training_step(first: Examined, problem: Problem) -> Fraction:
    """Choose η where none is given, from λ_max along a rehearsal of the first 600 steps. A guess.

    λ_max grows with training, by about the same factor whenever the number of steps is multiplied: from step 200 to 600 it is measured, and allowed twice more.
    """
    largest, theta = upper(first.facts.lambda_max), flatten(problem.network)
    growth, inputs = 1.0, problem.data.X
    if problem.data.n * problem.data.k > _LOOKED_AT or not 0.0 < largest < math.inf:
        return default_step(largest, problem.scale)
    for count in _REHEARSED:
        descent = Descent.of(problem.stepping(default_step(largest, problem.scale, _SHARE)))
        for _ in range(count):
            theta, _ = descent.step(theta)
        if not np.isfinite(theta).all():
            break
        kernel = kernel_of(linearise(problem.at(theta).network, inputs)).mid
        if not np.isfinite(kernel).all():
            break
        here = float(np.linalg.eigvalsh(kernel)[-1])
        growth, largest = max(1.0, here / largest), max(largest, here)
    return default_step(largest * growth**2, problem.scale, _SHARE)


def facts_steps(kept: list[Checkpoint], lr: Fraction, s: Fraction) -> list[Step]:
    """The certain inequalities at the checkpoints; what is not certain is told in the reason."""
    steps: list[Step] = []
    for c in kept:
        k = c.facts.step
        positive = Step.listed(f"NTK positive at step {k}", "pl_from_ntk", c.facts.lambda_min, ">", Ball(0.0))
        if positive.certain:
            steps.append(positive)
        if c.decrease and c.loss_after is not None:
            left, right, _ = decrease_certified(c.facts, c.loss_after, lr, s)
            steps.append(
                Step.listed(
                    f"decrease from step {k}",
                    "recorded_decrease",
                    left,
                    "<=",
                    right,
                )
            )
    return steps


def _observed(run: Run) -> dict[str, float]:
    # No wall-clock times: equal inputs give equal certificates.
    observed = {"steps_run": float(run.step)}
    rate = observed_rate(run.history)
    if rate is not None:
        observed["observed_rate"] = rate
    return observed


def _certificate(task: Task, run: Run, end: End) -> Certificate:
    unknown = [c.facts.step for c in run.kept if not np.isfinite([c.facts.lambda_min.rad, c.facts.loss.rad]).all()]
    if unknown and end.why == "certified":
        # A certificate states these facts at every checkpoint.
        end = replace(end, why="overflow")
    handover = end.look.handover if end.look is not None and end.why == "certified" else None
    first_lr, task = approx_float(task.problem.eta), task.going_on(run)
    trained_with = task.problem.eta
    lr = trained_with if handover is None else handover.lr
    if lr != trained_with or run.lowered:
        # The statements are about the step that takes over; a decrease is one of them.
        run.kept = [_with_step(c, lr, task.problem.scale) for c in run.kept]
    first, last = run.kept[0].facts, run.kept[-1].facts
    steps = facts_steps(run.kept, lr, task.problem.scale)
    witness: dict[str, Any] = {"checkpoints": [c.as_witness() for c in run.kept], "handover": None}
    constants: dict[str, Any] = {
        "lr": lr,
        "initial_lambda_min": first.lambda_min,
        "initial_loss": first.loss,
        "drift": last.drift,
    }
    margins: Mapping[str, Ball] = {}
    observed: dict[str, Any] = _observed(run)
    if run.neighbours is not None:
        observed |= {"neighbours_compared": run.neighbours.compared, "neighbours_apart": run.neighbours.apart}
    on = LOSS_WORDS[task.problem.loss]
    what = f"recorded float64 run of {last.step} steps on {on} with η {equal(first_lr)}"
    what += "".join(f", from step {step} on {near(lower_lr)}" for step, lower_lr in run.lowered)
    gone_on = task.options.resume is not None
    if gone_on:
        # Which step made them is not asked.
        what += f", those up to {run.history.first} taken from a certificate as they are"
    if task.options.iterates is not None:
        what = (
            f"of the vectors handed in as iterates {len(run.kept)} were looked at, up to step {last.step}, for {on} and η"
            f" {equal(trained_with)} ({'' if run.neighbours is None else run.neighbours.describe()})"
        )
    note = short = ""
    if task.free and lr == trained_with:
        short = "is that of the certificate" if gone_on and not run.lowered else "was chosen from λ_max(Θ)"
        note = f"; η {short}: {near(lr)}"
        # A proved run's words name the step already.
        short = f"; η {short}"
    elif task.free:
        note = short = (
            f"; trained with η {equal(trained_with)}, but everything stated is about η {equal(lr)}, the largest step certified"
            " here"
        )
        observed["trained_with_step"] = approx_float(trained_with)
    if handover is not None:
        ball = handover.constants
        constants |= {**ball, "handover_step": last.step, "handover_radius": ball["radius"]}
        margins = handover.margins
        witness["handover"] = {"step": last.step, "checkpoint": len(run.kept) - 1, **handover.witness}
        steps += handover.steps
        where = f"the ball of radius R ≤ {at_most(upper(ball['radius']), 6)}"
        if handover.form == "displacement":
            where += (
                f" about a point c that Gauss–Newton found (‖θ̂_T − c‖ ≤ {at_most(upper(ball['distance']), 4)}, within ρ ="
                f" {at_least(lower(ball['basin_radius']), 4)})"
            )
        reason = (
            f"{what}{short}: {tally(run.kept)}. Real-arithmetic gradient"
            f" descent restarted at the exact doubles of step {last.step} stays in {where}, a"
            f" Locally PL Region with μ ≥ {at_least(lower(ball['mu']), 6)}, and Φ_k ≤ {below_one(upper(ball['rate']))}^k·Φ ({handover.form}"
            f" criterion){prospect(handover, task, run)}. Nothing is claimed of real-arithmetic descent from the initialisation: that is scope='exact'"
        )
        verdict: Verdict = "PROVED"
    else:
        reason = f"{missing(task, run, end)}{note}. Along the recorded run {tally(run.kept)}"
        if run.neighbours is not None:
            reason += f". Iterates, for {on} and η {equal(trained_with)}: {run.neighbours.describe()}"
        verdict = "INCONCLUSIVE"
        if end.look is not None:
            observed |= {**shortfall(end.look.ball), "approx_supply_over_need": end.look.ratio}
            ball_found = end.look.ball.result
            best = {} if ball_found is None else ball_found.best
            margins = {f"{form} containment": o.margin for form, o in best.items() if o.margin is not None}
    return Certificate(
        scope="run",
        verdict=verdict,
        reason=reason,
        problem=task.problem.stepping(lr),
        constants=constants,
        margins=margins,
        steps=tuple(steps),
        witness=witness,
        observed=observed,
    )


def _with_step(checkpoint: Checkpoint, lr: Fraction, s: Fraction) -> Checkpoint:
    """Decide the decrease to the kept neighbour for another step η."""
    if checkpoint.loss_after is None:
        return checkpoint
    left, right, _ = decrease_certified(checkpoint.facts, checkpoint.loss_after, lr, s)
    return replace(checkpoint, decrease=bool(left.upper() <= right.lower()))
