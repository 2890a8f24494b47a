"""The float64 run of scope `run`: steps, looks at iterates, checkpoints, and a state that survives interruption."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from verify.arrays import Ball
from verify.errors import InputError
from verify.networks import Problem, loss_of
from verify.networks.linearisation import forward
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.float64 import Descent, default_step
from verify.regions.descent.history import History, steps_to_fall
from verify.regions.descent.iterates import Neighbours
from verify.regions.descent.progress import Clock, Progress
from verify.regions.descent.recorded_run import Checkpoint, load_arrays, require_room, save_arrays, thinned
from verify.regions.neighbourhood.estimate import next_target
from verify.regions.neighbourhood.ingredients import approx_float, upper
from verify.regions.neighbourhood.point_facts import Examined, decrease_certified, examine
from verify.regions.scopes.handover import Look, look_for_handover
from verify.regions.scopes.options import RunOptions

__all__ = ["End", "Run", "Task", "forecast", "rehearse", "replay", "train"]

# A residual so many times the first one counts as diverged.
_DIVERGED = 1e6
# A run stalls when ‖e‖ has not fallen by this share over as many steps, or over half of the steps so far.
_STALL_FALL = 1e-3
_STALL_STEPS = 1000
_STATE = "run-state.npz"
# An impatient run ends after this share of its time if the forecast is this many times the time allowed.
_PATIENCE, _FAR = 0.05, 100.0
# Where ηsλ_max has grown to the first, descent with a step of its own choice goes on with the second: from 2 on its fast parts no longer fall.
_EDGE, _WITHIN = 1.9, Fraction(3, 2)


@dataclass
class Run:
    """The state of a run between two steps; everything that a resumed run needs.

    Attributes:
        theta, step: where it is. target: ‖e‖ at which to look next. need: about what the hand-over needs, from the last look.
        anchor: the step at which ‖e‖ last fell visibly, and its value. history, kept: the curve, and the checkpoints.
        lowered: (step from which on, η) wherever the step was made smaller.
        training_seconds, proving_seconds: where the time went. neighbours: of iterates handed in.
    """

    theta: Vector
    step: int = 0
    target: float = float("inf")
    need: float = 0.0
    anchor: tuple[int, float] = (0, float("inf"))
    history: History = field(default_factory=History)
    kept: list[Checkpoint] = field(default_factory=list)
    training_seconds: float = 0.0
    proving_seconds: float = 0.0
    neighbours: Neighbours | None = None
    lowered: list[tuple[int, Fraction]] = field(default_factory=list)

    def save(self, directory: Path, key: str) -> None:
        """Write the state (checkpoints are written when they are made)."""
        meta = {
            "key": key,
            "step": self.step,
            "target": self.target,
            "need": self.need,
            "anchor": list(self.anchor),
            "stride": self.history.stride,
            "first": self.history.first,
            "kept": [c.facts.step for c in self.kept],
            "lowered": [[step, str(lr)] for step, lr in self.lowered],
            "training_seconds": self.training_seconds,
            "proving_seconds": self.proving_seconds,
        }
        save_arrays(directory / _STATE, {"theta": self.theta, "history": np.array(self.history.values)}, meta)

    @classmethod
    def load(cls, directory: Path, key: str) -> Run | None:
        """Read a state of the same run, or None if there is none.

        Raises:
            InputError: the directory holds the state of another run.
        """
        path = directory / _STATE
        if not path.exists():
            return None
        arrays, meta = load_arrays(path)
        if meta.get("key") != key:
            raise InputError(f"directory={str(directory)!r}: holds the state of another run; choose an empty one")
        return cls(
            theta=arrays["theta"],
            step=int(meta["step"]),
            target=float(meta["target"]),
            need=float(meta["need"]),
            anchor=(int(meta["anchor"][0]), float(meta["anchor"][1])),
            history=History(int(meta["stride"]), arrays["history"].tolist(), int(meta["first"])),
            kept=[Checkpoint.load(_checkpoint_path(directory, k)) for k in meta["kept"]],
            training_seconds=float(meta["training_seconds"]),
            proving_seconds=float(meta["proving_seconds"]),
            lowered=[(int(step), Fraction(lr)) for step, lr in meta.get("lowered", [])],
        )


def _checkpoint_path(directory: Path, step: int) -> Path:
    return directory / f"checkpoint-{step:08d}.npz"


@dataclass(frozen=True)
class Task:
    """What is being run, exact.

    Attributes:
        problem: with the step of the run. origin: θ̂_0 (p,).
        steps: number of the last step allowed; None sets no limit. seconds: the time allowed. options: see there.
        free: whether the hand-over may choose another step. basins: whether a basin may take over, or a ball alone.
        patient: go on although the forecast says that the time allowed will not do. spent: seconds of it that went before the first step.
    """

    problem: Problem
    steps: int | None
    origin: Vector
    options: RunOptions
    seconds: float = math.inf
    free: bool = False
    basins: bool = True
    patient: bool = True
    spent: float = 0.0

    def going_on(self, run: Run) -> Task:
        """Return the task with the step that the run has come to."""
        return replace(self, problem=self.problem.stepping(run.lowered[-1][1])) if run.lowered else self

    def smaller_step(self, here: Examined) -> Fraction | None:
        """Return the step to go on with where the present one is at the edge of stability and another may be chosen; else None."""
        top = upper(here.facts.lambda_max)
        if not self.free or not _EDGE < approx_float(self.problem.eta * self.problem.scale) * top < math.inf:
            return None
        return default_step(top, self.problem.scale, _WITHIN)

    def look(
        self, theta: Vector, step: int, after: Vector | None, *, search: bool = True, known: Examined | None = None
    ) -> tuple[Checkpoint, Examined, Look | None]:
        """Prove the facts at θ̂_step, the decrease to its neighbour, and, with `search`, try to hand over.

        known: the examination of θ̂_step where it has been made.
        """
        problem, here = self.problem, known
        if here is None:
            here = examine(problem.at(theta), step=step, origin=self.origin)
        found = None
        if search:
            found = look_for_handover(here, theta, problem, basins=self.basins, free=self.free)
        loss_after, decrease = None, None
        if after is not None and np.isfinite(after).all():
            residual = forward(problem.at(after).network, problem.data.X) - Ball(problem.data.y)
            loss_after = loss_of(residual.reshape(-1), Ball(problem.scale))
            left, right, _ = decrease_certified(here.facts, loss_after, problem.eta, problem.scale)
            decrease = bool(left.upper() <= right.lower())
        else:
            after = None
        ratio = 0.0 if found is None else found.ratio
        return Checkpoint(here.facts, theta, after, loss_after, decrease, ratio), here, found


@dataclass(frozen=True)
class End:
    """How a run ended.

    Attributes:
        why: 'certified', 'steps' or 'seconds' (the budget ended), 'out of reach' (by the forecast), 'diverged', 'stalled',
            'arrived' (a step no longer moves), 'iterates', 'overflow'.
        look: the last look at an iterate; None where there was none.
    """

    why: str
    look: Look | None = None


def train(task: Task, run: Run, key: str, first: Examined | None = None) -> End:
    """Step until a checkpoint is certified, the budget ends, or the run diverges or stalls.

    first: the examination of θ̂_0 where it has been made.
    """
    task = task.going_on(run)
    descent = Descent.of(task.problem)
    directory, extra = task.options.directory, set(task.options.checkpoints)
    saved = started = time.monotonic()
    with Progress(task.options.progress, task.steps, run.step, "training") as progress:
        initial = descent.step(task.origin)[1]
        clock = Clock(run)
        while True:
            after, norm = descent.step(run.theta)
            clock.training()
            if not np.isfinite(norm) or norm > _DIVERGED * (initial + 1.0):
                if not run.kept:
                    run.kept = [task.look(run.theta, run.step, None, search=False, known=first)[0]]
                    clock.proving()
                return End("diverged")
            run.history.add(run.step, descent.loss(norm))
            if norm < (1.0 - _STALL_FALL) * run.anchor[1]:
                run.anchor = (run.step, norm)
            over = _over(task, run, norm, time.monotonic() - started)
            looked = norm <= run.target or over is not None
            if looked or run.step in extra:
                known = first if run.step == 0 else None
                checkpoint, here, found = task.look(run.theta, run.step, after, search=looked, known=known)
                clock.proving()
                run.kept = thinned([*run.kept, checkpoint], extra)
                if directory is not None:
                    checkpoint.save(_checkpoint_path(directory, run.step))
                if found is not None and found.handover is not None:
                    return End("certified", found)
                if np.array_equal(after, run.theta):
                    # Nothing will change any more, and each further step would be looked at.
                    return End("arrived", found)
                slower = task.smaller_step(here) if looked else None
                if over in ("steps", "seconds") or (over is not None and slower is None):
                    return End(over, found)
                if slower is not None:
                    run.lowered.append((run.step + 1, slower))
                    run.anchor = (run.step, math.inf)
                    task = task.going_on(run)
                    descent = Descent.of(task.problem)
                if found is not None:
                    run.target, run.need = next_target(norm, found.ratio), norm * found.ratio
                looked = True
            run.theta, run.step = after, run.step + 1
            if directory is not None and (looked or time.monotonic() - saved > task.options.save_seconds):
                run.save(directory, key)
                saved = time.monotonic()
            progress.update(run.step, functools.partial(_outline, run, norm))
            clock.other()


def _over(task: Task, run: Run, norm: float, seconds: float) -> str | None:
    """Why the run ends at this step, or None."""
    if run.step - run.anchor[0] > max(_STALL_STEPS, run.step // 2):
        return "stalled"
    if task.steps is not None and run.step >= task.steps:
        return "steps"
    if seconds + task.spent >= task.seconds:
        return "seconds"
    if task.patient or seconds < _PATIENCE * task.seconds or not 0.0 < run.need < norm:
        return None
    if run.lowered and run.step < 2 * run.lowered[-1][0]:
        # What was seen before says little of the present step.
        return None
    # A guess: on a plateau the present rate says too little (a run that was 40 times out of reach arrived in time).
    steps = steps_to_fall(run.history, run.need / norm)
    allowed = task.seconds * max(1, run.step - run.history.first) / seconds
    return "out of reach" if steps is not None and steps > _FAR * allowed else None


def _outline(run: Run, norm: float) -> str:
    """Say where a run is, what it needs, and when it may get there."""
    text = f"step {run.step}  ‖e‖ {norm:.4g}"
    if not 0.0 < run.need < norm:
        return text
    text += f", the hand-over needs about {run.need:.3g}"
    ahead = forecast(run, run.need / norm)
    return text if ahead is None else f"{text}: at the present rate in {ahead} (estimate)"


def forecast(run: Run, fall: float) -> str | None:
    """Estimate in words how many steps, and how long, ‖e‖ takes to fall to the share `fall` < 1 at the rate last seen; None if it does not fall."""
    steps = steps_to_fall(run.history, fall)
    if steps is None:
        return None
    taken = max(1, run.step - run.history.first)
    return f"{steps:,} more steps ({_duration(steps * run.training_seconds / taken)})"


def _duration(seconds: float) -> str:
    for size, unit in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.2g} {unit}" if seconds < 100.0 * size else f"{seconds / size:.0f} {unit}"
    return f"{max(1.0, seconds):.0f} s"


def rehearse(problem: Problem, budget: int, shown: bool | None) -> tuple[str, int]:
    """Run float64 gradient descent up to a certifiable point; return how it ended and the step (guidance for scope `exact`)."""
    task = Task(problem, budget, flatten(problem.network), RunOptions(progress=shown), basins=False)
    run = Run(theta=task.origin)
    return train(task, run, "").why, run.step


def replay(task: Task, run: Run, source: Iterator[tuple[int, Vector]]) -> End:
    """Prove facts at θ̂_0 and at each handed-in iterate after it, until one is certified."""
    clock = Clock(run)
    step, theta = 0, task.origin
    run.neighbours = Neighbours(Descent.of(task.problem))
    while True:
        following = next(source, None)
        neighbour = following[1] if following is not None and following[0] == step + 1 else None
        checkpoint, here, found = task.look(theta, step, neighbour)
        if neighbour is not None:
            run.neighbours.compare(step, theta, neighbour, float(np.sqrt(max(0.0, upper(here.facts.lambda_max)))))
        run.kept.append(checkpoint)
        require_room(len(run.kept), task.problem.network.parameters)
        run.step, run.theta = step, theta
        holds = found is not None and found.handover is not None
        if holds or following is None:
            clock.proving()
            return End("certified" if holds else "iterates", found)
        step, theta = following
