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

Budget. ``steps=`` and ``seconds=``; with neither, 300 seconds, and less where the forecast puts the hand-over far beyond them. A run that a time limit
ends depends on the machine, one that is PROVED before does not. ``resume=`` goes on from a certificate of this scope: its checkpoints are proved again,
steps are counted from its last one.

Step. ``lr=None`` trains with 0.9/(sλ_max) at the zero that Gauss–Newton finds from θ̂_0, where λ_max is as at the end; if that is beyond what can be
certified at the hand-over, the largest certified step there takes over, and every statement is about that step.

Witness: ``checkpoints`` (step, parameters, next, bounds of every fact), ``handover`` (step, index, the ball's or basin's witness).
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from verify.arguments import exact_count
from verify.arrays import Ball, require_sound_arithmetic
from verify.certificates import Certificate, Problem, Step
from verify.certificates.certificate import Verdict
from verify.decimals import at_least, at_most, below_one
from verify.errors import InputError
from verify.networks import LOSS_WORDS, DataSet, Loss, Network, kernel_of, linearise, loss_scale
from verify.networks.parameters import Vector, flatten, with_parameters
from verify.regions.descent.float64 import default_step
from verify.regions.descent.history import History, observed_rate
from verify.regions.descent.iterates import read_iterates
from verify.regions.descent.polishing import polish
from verify.regions.descent.recorded_run import Checkpoint, Options, fingerprint, require_room
from verify.regions.neighbourhood.estimate import shortfall
from verify.regions.neighbourhood.ingredients import approx_float, lower, no_rate, rounds_to_one, upper
from verify.regions.neighbourhood.kinks_in_reach import kinks_in_reach
from verify.regions.neighbourhood.point_facts import Examined, decrease_certified, examine
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.scopes.handover import Handover
from verify.regions.scopes.recording import End, Run, Task, forecast, replay, train

__all__ = [
    "DEFAULT_SECONDS",
    "OPTIONS",
    "RecordedRun",
    "earlier_run",
    "facts_steps",
    "record_run",
    "run_certificate",
    "tally",
]

OPTIONS = ("directory", "iterates", "iterate_steps", "checkpoints", "progress", "save_seconds", "seconds", "resume")
DEFAULT_SECONDS = 300.0
# Share of 1/(sλ_max(c)) that a run is trained with; larger kernels are not polished for it.
_SHARE, _POLISHED = Fraction(9, 10), 1500


@dataclass(frozen=True)
class RecordedRun:
    """A run's certificate with what was observed while it was made: the loss curve and where the time went."""

    certificate: Certificate
    history: History
    training_seconds: float
    proving_seconds: float


def run_certificate(
    network: Network,
    data: DataSet,
    loss: Loss,
    lr: Fraction | None,
    steps: int | None,
    options: Mapping[str, Any],
) -> Certificate:
    """Certify a recorded run; statement in the module's docstring.

    Args:
        network: exact parameters θ̂_0. data, loss: the objective.
        lr: step η, exact; None chooses, see the module's docstring.
        steps: budget of gradient steps; with `resume` counted from there.
        options: see :class:`verify.regions.descent.recorded_run.Options` (all but `method` and `bits`).

    Returns:
        Certificate, scope 'run': PROVED when the hand-over is certified; else INCONCLUSIVE with what was missing, or that the run
        diverged or stalled. ``constants`` are those of the ball at the hand-over, and ``handover_step``, ``handover_radius``,
        ``drift``, ``initial_lambda_min``, ``initial_loss``; ``observed`` holds what was measured and not proved.

    Raises:
        InputError: options out of range, a directory of another run.
    """
    return record_run(network, data, loss, lr, steps, options).certificate


def record_run(
    network: Network,
    data: DataSet,
    loss: Loss,
    lr: Fraction | None,
    steps: int | None,
    options: Mapping[str, Any],
) -> RecordedRun:
    """Do as :func:`run_certificate`, and return the observed curve and times as well."""
    require_sound_arithmetic()
    opts = Options.read(options, OPTIONS, "run")
    steps = None if steps is None else exact_count(steps, "steps")
    seconds = opts.seconds or (DEFAULT_SECONDS if steps is None else math.inf)
    free, first = lr is None, None
    started = time.monotonic()
    source: Iterator[tuple[int, Vector]] | None = None
    earlier = None if opts.resume is None else earlier_run(opts.resume, Problem(network, data, loss, lr))
    if earlier is not None:
        network = earlier.problem.network
        lr = earlier.problem.lr if lr is None else lr
    if opts.iterates is not None:
        source = read_iterates(network, opts.iterates, opts.iterate_steps)
        network = with_parameters(network, next(source)[1])
    if lr is None:
        first = examine(network, data, loss)
        lr = _training_step(first, network, data, loss)
    choosing = time.monotonic() - started
    require_room(len(set(opts.checkpoints)), network.parameters)
    patient = steps is not None or opts.seconds is not None
    task = Task(network, data, loss, lr, steps, flatten(network), opts, seconds, free, patient=patient)
    key = fingerprint(network, data, loss, lr, checkpoints=opts.checkpoints, free=free)
    run = None
    if opts.directory is not None:
        opts.directory.mkdir(parents=True, exist_ok=True)
        run = Run.load(opts.directory, key)
    elif earlier is not None:
        run, task = _resumed(task, earlier)
    if run is None:
        run = Run(theta=task.origin)
    end = train(task, run, key, first) if source is None else replay(task, run, source)
    started = time.monotonic()
    certificate = _certificate(task, run, end)
    run.proving_seconds += choosing + time.monotonic() - started
    return RecordedRun(certificate, run.history, run.training_seconds, run.proving_seconds)


def _training_step(first: Examined, network: Network, data: DataSet, loss: Loss) -> Fraction:
    """Choose η where none is given: from λ_max at a zero near θ̂_0, or at θ̂_0 itself where none is found. A guess."""
    s, largest = loss_scale(loss, data.n, data.k), upper(first.facts.lambda_max)
    size = data.n * data.k
    if size <= min(_POLISHED, network.parameters):
        polished = polish(network, data)
        kernel = kernel_of(linearise(with_parameters(network, polished.theta), data.X)).mid
        if polished.why == "converged" and np.isfinite(kernel).all():
            return default_step(max(largest, float(np.linalg.eigvalsh(kernel)[-1])), s, _SHARE)
    return default_step(largest, s)


def earlier_run(given: Any, asked: Problem) -> Certificate:
    """Read the certificate to go on from, and refuse one of another problem than the one asked for; its step is left to the caller.

    Raises:
        InputError: another scope, network, data set, loss or descent, or no checkpoints.
    """
    found = given if isinstance(given, Certificate) else None
    if isinstance(given, str | Path):
        found = Certificate.load(given)
    if found is None:
        raise InputError(f"resume: a {type(given).__name__}; expected a certificate of scope 'run', or the path of one")
    if found.scope != "run" or not found.witness.get("checkpoints"):
        raise InputError(
            f"resume: a certificate of scope '{found.scope}'; expected one of scope 'run' with checkpoints"
        )
    for name, stored, wanted in (
        ("loss", found.problem.loss, asked.loss),
        ("descent", found.problem.descent, asked.descent),
    ):
        if stored != wanted:
            raise InputError(f"resume: the certificate is about {name}={stored!r}, asked for is {wanted!r}")
    other = found.mismatch(asked.network, asked.data.X, asked.data.y)
    if other is not None:
        raise InputError(f"resume: {other}. Pass the model as it was at the start, and the same data")
    return found


def _resumed(task: Task, earlier: Certificate) -> tuple[Run, Task]:
    """Return the run at the last checkpoint of an earlier one, with every fact proved again, and the task with its budget moved there."""
    rows = earlier.witness["checkpoints"]
    kept = []
    for row in rows[:-1]:
        after = row["next"]
        kept.append(
            task.look(_vector(row, task), row["step"], None if after is None else np.array(after), search=False)[0]
        )
    start = rows[-1]["step"]
    # Where an earlier hand-over holds already, only the end is looked at: it was asked for.
    target = 0.0 if earlier.proved else math.inf
    run = Run(theta=_vector(rows[-1], task), step=start, target=target, history=History(first=start), kept=kept)
    run.anchor = (start, math.inf)
    return run, dataclasses.replace(task, steps=None if task.steps is None else start + task.steps)


def _vector(row: Mapping[str, Any], task: Task) -> Vector:
    """θ̂_k of a witness' row; none is stored where it is the network's own."""
    return task.origin if row["parameters"] is None else np.array(row["parameters"])


def facts_steps(kept: list[Checkpoint], lr: Fraction, s: Fraction) -> list[Step]:
    """The certain inequalities at the checkpoints; what is not certain is told in the reason."""
    steps: list[Step] = []
    for c in kept:
        k = c.facts.step
        positive = Step.listed(
            f"NTK positive at step {k}", "pl_from_ntk", c.facts.lambda_min, ">", Ball(0.0)
        )  # fmt: skip
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


def tally(kept: list[Checkpoint]) -> str:
    """Say how many of the facts at the checkpoints are proved."""
    positive = sum(lower(c.facts.lambda_min) > 0.0 for c in kept)
    pairs = [c for c in kept if c.decrease is not None]
    text = f"λ_min > 0 proved at {positive} of {len(kept)} checkpoints"
    if pairs:
        held = sum(bool(c.decrease) for c in pairs)
        text += f", the decrease Φ_{{k+1}} ≤ (1 − ημ_k)Φ_k at {held} of {len(pairs)} kept pairs"
        failed = [str(c.facts.step) for c in pairs if not c.decrease]
        if failed:
            text += f" (not at step {', '.join(failed)})"
    return text


def _observed(run: Run) -> dict[str, float]:
    # No wall-clock times: equal inputs give equal certificates.
    observed = {"steps_run": float(run.step)}
    rate = observed_rate(run.history)
    if rate is not None:
        observed["observed_rate"] = rate
    return observed


def _step_text(lr: Fraction) -> str:
    return f"step η = {approx_float(lr):.6g}"


def _missing(task: Task, run: Run, end: End) -> str:
    """Say why there is no hand-over, and what would close the gap."""
    step = _step_text(task.lr)
    smaller = "Use a smaller lr" if task.free else "Use a smaller lr, or lr=None"
    if end.why == "diverged" and run.step == 0:
        return "the loss or the NTK overflows float64 at the start: rescale the data or the weights"
    if end.why == "diverged":
        return f"the run diverged: at step {run.step} the loss overflowed or grew beyond 10^12 times its start with {step}. {smaller}"
    if end.why == "overflow":
        return "a hand-over holds at the end, but the NTK or the loss overflows float64 at a checkpoint: rescale the data or the weights"
    if end.look is None:
        return "the run ended before its first look: raise steps= or seconds="
    ball, ratio = end.look.ball, end.look.ratio
    there, values = ball.ingredients, shortfall(ball)
    if not values["lambda_min"] > 0.0:
        why = why_not_positive(
            there.lambda0,
            there.lambda_max0,
            task.network,
            task.data,
            "Train from another initialisation, or widen the network",
        )
        return f"at step {run.step}: {why}"
    if rounds_to_one(task.s * task.lr, there.lambda0):
        return f"at step {run.step}: {no_rate(task.lr)}{'' if task.free else '; lr=None chooses one'}"
    facts = (
        f"λ_min {values['lambda_min']:.4g}, ‖e‖ {values['residual']:.4g}, L_H {values['curvature']:.4g}: the hand-over has about"
        f" {ratio:.3g} of what it needs, by a ball or by a basin"
    )
    on_kinks = kinks_in_reach(
        linearise(with_parameters(task.network, run.kept[-1].theta), task.data.X), values["residual"]
    )
    if on_kinks is not None:
        facts += f"; {on_kinks}"
    share = approx_float(task.s * task.lr) * float(there.lambda_max0.upper())
    too_large = share > 1.8 and not task.free
    if share > 1.0 and not task.free:
        facts += (
            f"; the residual form needs ηsλ_max(Θ) < 1, the others < 2, and with this {step} it is {share:.3g} there: a step below"
            f" {approx_float(task.lr) / share:.3g} meets both"
        )
    if end.why == "stalled":
        return (
            f"the run stalled: ‖e‖ fell by less than 0.1 % over the last {run.step - run.anchor[0]} steps with {step}; {facts}. Use a larger"
            " step, or scope='basin', which needs no further training"
        )
    what = {
        "steps": "the step budget ended",
        "seconds": f"the {task.seconds:g} seconds allowed ended",
        "out of reach": f"stopped, since the forecast is far beyond the {task.seconds:g} seconds of the default (seconds= or steps= train on),",
        "iterates": "no iterate handed in is certifiable; the last look was",
    }[end.why]
    text = f"{what} at step {run.step}: {facts}"
    if too_large:
        return f"{text}. {smaller}"
    if end.why == "iterates":
        return f"{text}. Train on, or use scope='basin' at the last of them"
    ahead = forecast(run, ratio) if ratio < 1.0 else None
    if ahead is None:
        return f"{text}. Train on (steps=, seconds=, resume=), or widen the network"
    return (
        f"{text}. At the present rate it takes about {ahead}, an estimate: go on with resume= and more steps or seconds; scope='basin' needs no"
        " further training"
    )


def _prospect(handover: Handover, task: Task, run: Run) -> str:
    """Say what further training would buy: at the zero that the run tends to, μ → sλ_min and the factor → (1 − ηsλ_min)²; estimates."""
    low = lower(run.kept[-1].facts.lambda_min)
    mu = approx_float(task.s) * low
    rate = max(0.0, 1.0 - approx_float(handover.lr) * mu) ** 2
    if not mu > 1.05 * lower(handover.constants["mu"]):
        return ""
    return f"; further training would bring μ up to about {mu:.3g} and the factor down to about {rate:.6g} (estimates)"


def _certificate(task: Task, run: Run, end: End) -> Certificate:
    unknown = [c.facts.step for c in run.kept if not np.isfinite([c.facts.lambda_min.rad, c.facts.loss.rad]).all()]
    if unknown and end.why == "certified":
        # A certificate states these facts at every checkpoint.
        end = dataclasses.replace(end, why="overflow")
    handover = end.look.handover if end.look is not None and end.why == "certified" else None
    lr = task.lr if handover is None else handover.lr
    if lr != task.lr:
        # The statements are about the step that takes over; a decrease is one of them.
        run.kept = [_with_step(c, lr, task.s) for c in run.kept]
    first, last = run.kept[0].facts, run.kept[-1].facts
    steps = facts_steps(run.kept, lr, task.s)
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
    on = LOSS_WORDS[task.loss]
    what = f"recorded float64 run of {last.step} steps on {on} with η = {approx_float(task.lr):.6g}"
    if task.options.iterates is not None:
        what = (
            f"of the vectors handed in as iterates {len(run.kept)} were looked at, up to step {last.step}, for {on} and η ="
            f" {approx_float(task.lr):.6g} ({'' if run.neighbours is None else run.neighbours.describe()})"
        )
    note = ""
    if task.free and lr == task.lr:
        note = f"; η was chosen from λ_max(Θ): {approx_float(lr):.6g}"
    elif task.free:
        note = f"; trained with η = {approx_float(task.lr):.6g}, but everything stated is about η = {approx_float(lr):.6g}, the largest step certified here"
        observed["trained_with_step"] = approx_float(task.lr)
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
            f"{what}{note}: {tally(run.kept)}. Real-arithmetic gradient"
            f" descent restarted at the exact doubles of step {last.step} stays in {where}, a"
            f" Locally PL Region with μ ≥ {at_least(lower(ball['mu']), 6)}, and Φ_k ≤ {below_one(upper(ball['rate']))}^k·Φ ({handover.form}"
            f" criterion){_prospect(handover, task, run)}. Nothing is claimed of real-arithmetic descent from the initialisation: that is scope='exact'"
        )
        verdict: Verdict = "PROVED"
    else:
        reason = f"{_missing(task, run, end)}{note}. Along the recorded run {tally(run.kept)}"
        if run.neighbours is not None:
            reason += f". Iterates, for {on} and η = {approx_float(task.lr):.6g}: {run.neighbours.describe()}"
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
        problem=Problem(task.network, task.data, task.loss, lr),
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
    return dataclasses.replace(checkpoint, decrease=bool(left.upper() <= right.lower()))
