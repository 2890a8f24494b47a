"""Scope `run`: facts proved along a recorded float64 run, and the region it ends in.

Statement. θ̂_0, θ̂_1, … are vectors of doubles: what a float64 loop computed, here or in the user's own program (``iterates=``;
nothing is assumed of how they came about, and every fact below holds whatever they are). At each
checkpoint k kept, enclosures of Φ, λ_min and λ_max of the NTK, ‖∇Φ‖, the PL ratio and the drift hold for the exact vector θ̂_k; between
kept neighbours Φ(θ̂_{k+1}) ≤ (1 − ημ_k)Φ(θ̂_k), μ_k = sλ_k with the certified λ_k ≤ λ_min(Θ(θ̂_k)), by comparing enclosures of
both sides. At the hand-over step T a
`ball` certificate centred at θ̂_T holds: real-arithmetic gradient descent *restarted at θ̂_T* with step η converges
linearly to zero loss inside B(θ̂_T, R). Nothing is said of real-arithmetic gradient descent from θ̂_0 (that is scope `exact`), nor
of what lies between the checkpoints.

Hand-over. Training goes on until a checkpoint's ball certificate holds. Checkpoints are placed where the residual has fallen to what
the last look predicts to be enough, by at most a factor 4 at a time (:func:`verify.regions.neighbourhood.estimate.next_target`); T is the first of
them that is certified. At steps asked for with ``checkpoints=`` the facts are proved and nothing is searched.

Witness: ``checkpoints`` (step, parameters, next, bounds of every fact), ``handover`` (step, index, the ball witness).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
from verify.networks import LOSS_WORDS, DataSet, Loss, Network, loss_of, loss_scale
from verify.networks.linearisation import forward
from verify.networks.parameters import Vector, flatten, with_parameters
from verify.regions.descent.float64 import Descent, default_step
from verify.regions.descent.history import History, observed_rate
from verify.regions.descent.iterates import Neighbours, read_iterates
from verify.regions.descent.progress import Clock, Progress
from verify.regions.descent.recorded_run import (
    Checkpoint,
    Options,
    fingerprint,
    load_arrays,
    require_room,
    save_arrays,
    thinned,
)
from verify.regions.neighbourhood.estimate import Attempt, attempt, next_target, shortfall
from verify.regions.neighbourhood.ingredients import approx_float, lower, upper
from verify.regions.neighbourhood.point_facts import Examined, decrease_certified, examine
from verify.regions.scopes.ball import ball_constants, ball_witness

__all__ = [
    "DEFAULT_STEPS", "OPTIONS", "RecordedRun", "facts_steps", "record_run", "rehearse", "run_certificate", "tally",
]  # fmt: skip

OPTIONS = ("directory", "iterates", "iterate_steps", "checkpoints", "progress", "save_seconds")
DEFAULT_STEPS = 20_000
# A run has diverged when ‖e‖ exceeds its start so many times (the loss 10^12 times).
_DIVERGED = 1e6
# It stalls when ‖e‖ falls by less than this share over this many steps, or over half the steps so far where those are more.
_STALL_FALL = 1e-3
_STALL_STEPS = 1000
_STATE = "run-state.npz"


@dataclass
class _Run:
    """The state of a run between two steps; everything that a resumed run needs."""

    theta: Vector
    step: int = 0
    target: float = float("inf")
    anchor: tuple[int, float] = (0, float("inf"))
    history: History = field(default_factory=History)
    kept: list[Checkpoint] = field(default_factory=list)
    training_seconds: float = 0.0
    proving_seconds: float = 0.0
    neighbours: Neighbours | None = None

    def save(self, directory: Path, key: str) -> None:
        """Write the state (checkpoints are written when they are made)."""
        meta = {
            "key": key,
            "step": self.step,
            "target": self.target,
            "anchor": list(self.anchor),
            "stride": self.history.stride,
            "kept": [c.facts.step for c in self.kept],
            "training_seconds": self.training_seconds,
            "proving_seconds": self.proving_seconds,
        }
        save_arrays(directory / _STATE, {"theta": self.theta, "history": np.array(self.history.values)}, meta)

    @classmethod
    def load(cls, directory: Path, key: str) -> _Run | None:
        """Read a state of the same run, or None if there is none.

        Raises:
            InputError: the directory holds the state of another run.
        """
        path = directory / _STATE
        if not path.exists():
            return None
        arrays, meta = load_arrays(path)
        if meta["key"] != key:
            raise InputError(f"directory={str(directory)!r}: holds the state of another run; choose an empty one")
        return cls(
            theta=arrays["theta"],
            step=int(meta["step"]),
            target=float(meta["target"]),
            anchor=(int(meta["anchor"][0]), float(meta["anchor"][1])),
            history=History(int(meta["stride"]), arrays["history"].tolist()),
            kept=[Checkpoint.load(_checkpoint_path(directory, k)) for k in meta["kept"]],
            training_seconds=float(meta["training_seconds"]),
            proving_seconds=float(meta["proving_seconds"]),
        )


def _checkpoint_path(directory: Path, step: int) -> Path:
    return directory / f"checkpoint-{step:08d}.npz"


@dataclass(frozen=True)
class _Task:
    """What is being run, exact."""

    network: Network
    data: DataSet
    loss: Loss
    lr: Fraction
    budget: int
    origin: Vector
    options: Options

    @property
    def s(self) -> Fraction:
        """Loss scale."""
        return loss_scale(self.loss, self.data.n, self.data.k)

    def look(
        self, theta: Vector, step: int, after: Vector | None, *, search: bool = True, known: Examined | None = None
    ) -> tuple[Checkpoint, Examined, Attempt | None]:
        """Prove the facts at θ̂_step, the decrease to its neighbour, and, with `search`, try a ball certificate.

        known: the examination of θ̂_step where it has been made.
        """
        here = known
        if here is None:
            here = examine(with_parameters(self.network, theta), self.data, self.loss, step=step, origin=self.origin)
        found = attempt(here.ingredients(), here.state, self.lr) if search else None
        loss_after, decrease = None, None
        if after is not None and np.isfinite(after).all():
            residual = forward(with_parameters(self.network, after), self.data.X) - Ball(self.data.y)
            loss_after = loss_of(residual.reshape(-1), Ball(self.s))
            left, right, _ = decrease_certified(here.facts, loss_after, self.lr, self.s)
            decrease = bool(left.upper() <= right.lower())
        else:
            after = None
        ratio = 0.0 if found is None else found.ratio
        return Checkpoint(here.facts, theta, after, loss_after, decrease, ratio), here, found


@dataclass(frozen=True)
class _End:
    """How a run ended: its last look, and why it stopped ('certified', 'budget', 'diverged', 'stalled', 'iterates', 'overflow')."""

    why: str
    here: Examined | None
    found: Attempt | None


def _train(task: _Task, run: _Run, key: str, first: Examined | None = None) -> _End:
    """Step until a checkpoint is certified, the budget ends, or the run diverges or stalls.

    first: the examination of θ̂_0 where it has been made.
    """
    descent = Descent(task.network, task.data, task.s, task.lr)
    directory = task.options.directory
    saved = time.monotonic()
    extra = set(task.options.checkpoints)
    with Progress(task.options.shows_progress(), task.budget, run.step, "training") as progress:
        initial = descent.step(task.origin)[1]
        clock = Clock(run)
        while True:
            after, norm = descent.step(run.theta)
            clock.training()
            if not np.isfinite(norm) or norm > _DIVERGED * (initial + 1.0):
                if not run.kept:
                    run.kept = [task.look(run.theta, run.step, None, search=False, known=first)[0]]
                    clock.proving()
                return _End("diverged", None, None)
            run.history.add(run.step, descent.loss(norm))
            if norm < (1.0 - _STALL_FALL) * run.anchor[1]:
                run.anchor = (run.step, norm)
            stalled = run.step - run.anchor[0] > max(_STALL_STEPS, run.step // 2)
            last = stalled or run.step >= task.budget
            search = norm <= run.target or last
            looked = search or run.step in extra
            if looked:
                known = first if run.step == 0 else None
                checkpoint, here, found = task.look(run.theta, run.step, after, search=search, known=known)
                clock.proving()
                run.kept = thinned([*run.kept, checkpoint], extra)
                if directory is not None:
                    checkpoint.save(_checkpoint_path(directory, run.step))
                holds = found is not None and found.holds
                if holds or last:
                    return _End("certified" if holds else "stalled" if stalled else "budget", here, found)
                if found is not None:
                    run.target = next_target(norm, found.ratio)
            run.theta, run.step = after, run.step + 1
            if directory is not None and (looked or time.monotonic() - saved > task.options.save_seconds):
                run.save(directory, key)
                saved = time.monotonic()
            progress.update(run.step, f"step {run.step}  ‖e‖ {norm:.4g} (next look at {run.target:.4g})")
            clock.other()


def rehearse(network: Network, data: DataSet, loss: Loss, lr: Fraction, budget: int, shown: bool) -> tuple[str, int]:
    """Run float64 gradient descent up to a certifiable point; return how it ended and the step (guidance for scope `exact`)."""
    task = _Task(network, data, loss, lr, budget, flatten(network), Options(progress=shown))
    run = _Run(theta=task.origin)
    return _train(task, run, "").why, run.step


def _replay(task: _Task, run: _Run, source: Iterator[tuple[int, Vector]]) -> _End:
    """Prove facts at θ̂_0 and at each handed-in iterate after it, until one is certified."""
    clock = Clock(run)
    step, theta = 0, task.origin
    run.neighbours = Neighbours(Descent(task.network, task.data, task.s, task.lr))
    while True:
        following = next(source, None)
        neighbour = following[1] if following is not None and following[0] == step + 1 else None
        checkpoint, here, found = task.look(theta, step, neighbour)
        if neighbour is not None:
            run.neighbours.compare(step, theta, neighbour, float(np.sqrt(max(0.0, upper(here.facts.lambda_max)))))
        run.kept.append(checkpoint)
        require_room(len(run.kept), task.network.parameters)
        run.step, run.theta = step, theta
        holds = found is not None and found.holds
        if holds or following is None:
            clock.proving()
            return _End("certified" if holds else "iterates", here, found)
        step, theta = following


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
        lr: step η, exact; None takes :func:`verify.regions.descent.float64.default_step` of the certified λ_max at θ̂_0.
        steps: budget of gradient steps; None allows 20,000.
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
    opts = Options.read(options, OPTIONS)
    steps = None if steps is None else exact_count(steps, "steps")
    chosen, first = lr is None, None
    started = time.monotonic()
    source: Iterator[tuple[int, Vector]] | None = None
    if opts.iterates is not None:
        source = read_iterates(network, opts.iterates, opts.iterate_steps)
        network = with_parameters(network, next(source)[1])
    if lr is None:
        first = examine(network, data, loss)
        lr = default_step(upper(first.facts.lambda_max), loss_scale(loss, data.n, data.k))
    choosing = time.monotonic() - started
    budget = DEFAULT_STEPS if steps is None else steps
    require_room(len(set(opts.checkpoints)), network.parameters)
    task = _Task(network, data, loss, lr, budget, flatten(network), opts)
    key = fingerprint(network, data, loss, lr, checkpoints=opts.checkpoints)
    run = None
    if opts.directory is not None:
        opts.directory.mkdir(parents=True, exist_ok=True)
        run = _Run.load(opts.directory, key)
    if run is None:
        run = _Run(theta=task.origin)
    end = _train(task, run, key, first) if source is None else _replay(task, run, source)
    started = time.monotonic()
    certificate = _certificate(task, run, end, chosen)
    run.proving_seconds += choosing + time.monotonic() - started
    return RecordedRun(certificate, run.history, run.training_seconds, run.proving_seconds)


def facts_steps(kept: list[Checkpoint], lr: Fraction, s: Fraction) -> list[Step]:
    """The certain inequalities at the checkpoints; what is not certain is told in the reason."""
    steps: list[Step] = []
    for c in kept:
        k = c.facts.step
        positive = Step(
            f"NTK positive at step {k}", "pl_from_ntk", c.facts.lambda_min, ">", Ball(0.0), "λ_min(Θ(θ̂_k)) by shifted Cholesky"
        )  # fmt: skip
        if positive.certain:
            steps.append(positive)
        if c.decrease and c.loss_after is not None:
            left, right, _ = decrease_certified(c.facts, c.loss_after, lr, s)
            steps.append(
                Step(
                    f"decrease from step {k}",
                    "recorded_decrease",
                    left,
                    "<=",
                    right,
                    "Φ(θ̂_{k+1}) ≤ (1 − ημ_k)Φ(θ̂_k)",
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


def _observed(run: _Run) -> dict[str, float]:
    # No wall-clock times: equal inputs give equal certificates.
    observed = {"steps_run": float(run.step)}
    rate = observed_rate(run.history)
    if rate is not None:
        observed["observed_rate"] = rate
    return observed


def _missing(task: _Task, run: _Run, end: _End) -> str:
    """Say why there is no hand-over, and what would close the gap."""
    step = f"step η = {approx_float(task.lr):.6g}"
    if end.why == "diverged":
        return (
            f"the run diverged: at step {run.step} the loss overflowed or grew beyond 10^12 times its start with {step}. Use a smaller"
            " lr, or lr=None"
        )
    if end.why == "overflow":
        return "a ball certificate holds at the end, but the NTK or the loss overflows float64 at a checkpoint: rescale the data or the weights"
    if end.found is None:
        return "the run ended before its first look"
    values = shortfall(end.found)
    facts = (
        f"λ_min {values['lambda_min']:.4g}, ‖e‖ {values['residual']:.4g}, L_H {values['curvature']:.4g}: containment has"
        f" {values['approx_supply_over_need']:.3g} of what it needs"
    )
    if end.why == "stalled":
        return f"the run stalled: ‖e‖ fell by less than 0.1 % over the last {run.step - run.anchor[0]} steps with {step}; {facts}"
    if not values["lambda_min"] > 0.0:
        return f"at step {run.step} λ_min of the NTK is not certified positive; {facts}"
    if approx_float(task.s * task.lr) * float(end.found.ingredients.lambda_max0.upper()) > 1.0:
        largest = approx_float(1 / task.s) / float(end.found.ingredients.lambda_max0.upper())
        facts += (
            f"; the residual form needs ηsλ_max(Θ) < 1, and with this {step} it is {approx_float(task.lr) / largest:.3g} there: a step below"
            f" {largest:.3g} meets that"
        )
    what = "the step budget ended" if end.why == "budget" else "no iterate handed in is certifiable"
    return f"{what} at step {run.step}: {facts}. Train on (more steps), or widen the network"


def _certificate(task: _Task, run: _Run, end: _End, chosen: bool) -> Certificate:
    unknown = [c.facts.step for c in run.kept if not np.isfinite([c.facts.lambda_min.rad, c.facts.loss.rad]).all()]
    if unknown and end.why == "certified":
        # A certificate states these facts at every checkpoint.
        end = dataclasses.replace(end, why="overflow")
    problem = Problem(task.network, task.data, task.loss, task.lr)
    first, last = run.kept[0].facts, run.kept[-1].facts
    steps = facts_steps(run.kept, task.lr, task.s)
    witness: dict[str, Any] = {"checkpoints": [c.as_witness() for c in run.kept], "handover": None}
    constants: dict[str, Any] = {
        "lr": task.lr,
        "initial_lambda_min": first.lambda_min,
        "initial_loss": first.loss,
        "drift": last.drift,
    }
    margins: dict[str, Ball] = {}
    observed = _observed(run)
    if run.neighbours is not None:
        observed |= {"neighbours_compared": run.neighbours.compared, "neighbours_apart": run.neighbours.apart}
    on = LOSS_WORDS[task.loss]
    what = f"recorded float64 run of {last.step} steps on {on} with η = {approx_float(task.lr):.6g}"
    if task.options.iterates is not None:
        what = (
            f"{len(run.kept)} vectors handed in as iterates, up to step {last.step} for {on} and η ="
            f" {approx_float(task.lr):.6g} ({'' if run.neighbours is None else run.neighbours.describe()})"
        )
    note = f"; η was chosen as 0.8/(sλ_max(Θ(θ̂_0))) = {approx_float(task.lr):.6g}" if chosen else ""
    found = end.found
    if found is not None and found.result is not None and found.result.outcome is not None:
        margins = {
            f"{form} containment": o.margin
            for form, o in found.result.best.items()
            # In a proof only what holds is a margin: a form that does not has no witness to check.
            if o.margin is not None and (o.holds or end.why != "certified")
        }
    if end.why == "certified" and found is not None and found.result is not None and found.result.outcome is not None:
        ball = ball_constants(found.ingredients, found.result)
        constants |= {**ball, "handover_step": last.step, "handover_radius": ball["radius"]}
        witness["handover"] = {
            "step": last.step,
            "checkpoint": len(run.kept) - 1,
            **ball_witness(found.ingredients, found.result),
        }
        steps += found.result.outcome.steps
        reason = (
            f"{what}{note}: {tally(run.kept)}. Real-arithmetic gradient"
            f" descent restarted at the exact doubles of step {last.step} stays in the ball of radius R ≤ {at_most(upper(ball['radius']), 6)}, a"
            f" Locally PL Region with μ ≥ {at_least(lower(ball['mu']), 6)}, and Φ_k ≤ {below_one(upper(ball['rate']))}^k·Φ ({found.result.outcome.form}"
            " criterion). Nothing is claimed of real-arithmetic descent from the initialisation: that is scope='exact'"
        )
        verdict: Verdict = "PROVED"
    else:
        reason = f"{_missing(task, run, end)}{note}. Along the recorded run {tally(run.kept)}"
        if run.neighbours is not None:
            reason += f". Iterates, for {on} and η = {approx_float(task.lr):.6g}: {run.neighbours.describe()}"
        verdict = "INCONCLUSIVE"
        observed |= {} if found is None else shortfall(found)
    return Certificate(
        scope="run",
        verdict=verdict,
        reason=reason,
        problem=problem,
        constants=constants,
        margins=margins,
        steps=tuple(steps),
        witness=witness,
        observed=observed,
    )
