"""Gradient descent enclosed step by step, with what is proved at each iterate, until a ball takes over: the loop of scope `exact`.

The statement and its derivation are in :mod:`verify.regions.scopes.exact`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.decimals import equal
from verify.networks import Problem
from verify.networks.parameters import Vector
from verify.regions.descent.enclosed_iterates import Engine, make_engine
from verify.regions.descent.growth import NormCache, Reach, growth_factor, reach
from verify.regions.descent.progress import Progress
from verify.regions.descent.recorded_run import fingerprint, load_arrays, save_arrays
from verify.regions.neighbourhood.estimate import Attempt, attempt, next_target, with_start
from verify.regions.neighbourhood.ingredients import lower, upper
from verify.regions.neighbourhood.point_facts import Examined, examine
from verify.regions.scopes.options import ExactOptions

__all__ = ["Follower", "Outcome", "Path", "Plan", "Task", "enclose"]

_STATE = "exact-state.npz"
_SAVE_EVERY = 25
# A follower that wants a smaller last ball looks again after this part of the steps so far.
_FOLLOWED_PARTS = 8


@dataclass
class Path:
    """What has been proved up to step k; lists have one entry per iterate (growth, rounding: per step)."""

    delta: list[float] = field(default_factory=list)
    inner: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    rounding: list[float] = field(default_factory=list)
    lambda_lower: list[float] = field(default_factory=list)
    residual_lower: list[float] = field(default_factory=list)
    residual_upper: list[float] = field(default_factory=list)
    slack: list[float] = field(default_factory=list)

    def save(self, path: Any, engine: Engine, meta: dict[str, Any]) -> None:
        """Write atomically."""
        lists = {name: np.array(value) for name, value in vars(self).items()}
        engine_arrays = {f"engine_{k}": v for k, v in engine.dump().items()}
        save_arrays(path, {**{f"path_{k}": v for k, v in lists.items()}, **engine_arrays}, meta)

    @classmethod
    def restore(cls, arrays: dict[str, np.ndarray], engine: Engine) -> Path:
        """Read what :meth:`save` wrote, and put the engine where it was."""
        engine.restore({k[len("engine_") :]: v for k, v in arrays.items() if k.startswith("engine_")})
        return cls(**{k[len("path_") :]: v.tolist() for k, v in arrays.items() if k.startswith("path_")})


@dataclass(frozen=True)
class Plan:
    """How the enclosure is to be made (guesses; only cost and success depend on them)."""

    method: str
    bits: int
    first_look: int
    steps_expected: int


@dataclass(frozen=True)
class Outcome:
    """How an enclosure ended; `rises` says that the loss certainly does not fall as stated, which no finer enclosure changes."""

    why: str
    path: Path
    engine: Engine
    here: Examined
    found: Attempt | None
    rises: bool = False

    @property
    def finer(self) -> bool:
        """Whether more bits may help: the first enclosure is a point."""
        return not self.rises and len(self.path.growth) > 0


@dataclass(frozen=True)
class Task:
    """What is to be enclosed, exact: the problem with its step, and the scope's options."""

    problem: Problem
    options: ExactOptions

    def constants(self, first: Examined) -> dict[str, Any]:
        """The step and what holds at the parameters given, which every certificate of the enclosed run begins with."""
        facts = first.facts
        return {"lr": self.problem.eta, "initial_lambda_min": facts.lambda_min, "initial_loss": facts.loss}


class Follower(Protocol):
    """Who else watches the iterates: told of each enclosure, and asked whether a certified hand-over is good enough to stop there."""

    def visit(self, theta: Vector, delta: float) -> None:
        """‖θ_k − theta‖ ≤ delta for the next k; θ_0 again where the enclosure starts anew."""

    def restart(self) -> None:
        """Forget what was visited: the enclosure starts anew."""

    def enough(self, theta: Vector, found: Attempt) -> bool:
        """Whether to stop at this hand-over; else descent is followed further and another is looked for."""


def enclose(task: Task, plan: Plan, follower: Follower | None = None) -> Outcome:
    """Follow gradient descent until the hand-over is certified or a fact cannot be proved."""
    engine = make_engine(plan.method, plan.bits, task.problem)
    directory = task.options.directory
    key = fingerprint(task.problem, method=plan.method, bits=plan.bits)
    path = Path()
    if follower is not None:
        follower.restart()
    # The rehearsal says where to look first; after a look that fails, the residual's target decides.
    look, target = float(plan.first_look), -1.0
    if directory is not None and (directory / _STATE).exists():
        arrays, meta = load_arrays(directory / _STATE)
        if meta.get("key") == key:
            path = Path.restore(arrays, engine)
            look, target = float(meta["look"]), float(meta["target"])
    norms, resumed = NormCache(), len(path.growth)
    eta_s = Ball(task.problem.eta * task.problem.scale)
    with Progress(task.options.progress, task.options.steps, len(path.growth), "enclosing") as progress:
        while True:
            k = len(path.growth)
            if k % _SAVE_EVERY == 0:
                # Fresh anchors, so that a resumed enclosure computes with the same norms.
                norms = NormCache()
                if directory is not None and k > resumed:
                    state = {"key": key, "look": look, "target": target}
                    path.save(directory / _STATE, engine, state)
            here = examine(task.problem.at(engine.theta))
            moved = reach(here.state, engine.delta, norms(here.state.network))
            why, rises = _facts(task, path, engine, here, moved)
            if why:
                return Outcome(why, path, engine, here, None, rises)
            if follower is not None:
                follower.visit(engine.theta, engine.delta)
            if k >= look or path.residual_upper[-1] <= target:
                start = with_start(
                    here.ingredients(), engine.delta, _start_residual(here, engine.delta, moved.jacobian)
                )
                found = attempt(start, here.state, task.problem.eta)
                enough = found.holds and (follower is None or follower.enough(engine.theta, found))
                if enough or k >= task.options.steps:
                    return Outcome("certified" if found.holds else "budget", path, engine, here, found)
                if found.holds:
                    look = k + max(1.0, k / _FOLLOWED_PARTS)
                else:
                    target, look = next_target(path.residual_upper[-1], found.ratio), float(task.options.steps)
            elif k >= task.options.steps:
                return Outcome("budget", path, engine, here, None)
            growth = 1.0
            if engine.needs_growth:
                growth = growth_factor(here.state, moved, here.residual, upper(here.facts.lambda_max), eta_s)
            engine.advance(here.state, here.residual, growth)
            path.growth.append(growth)
            path.rounding.append(engine.rounding)
            progress.update(k, functools.partial(_outline, k, path, engine))


def _outline(k: int, path: Path, engine: Engine) -> str:
    return f"step {k}  ‖e‖ {path.residual_upper[-1]:.4g}  δ {engine.delta:.2e}"


def _start_residual(here: Examined, delta: float, jacobian_change: float) -> float:
    """ē: an upper bound of ‖e(θ_T)‖ from the values at θ̂_T (formula e_bar)."""
    values = {
        "e": Ball(upper(here.facts.residual)),
        "jacobian_norm": sqrt(Ball(upper(here.facts.lambda_max))),
        "Delta_J": Ball(jacobian_change),
        "delta_T": Ball(delta),
    }
    return upper(evaluate("e_bar", values))


def _facts(task: Task, path: Path, engine: Engine, here: Examined, moved: Reach) -> tuple[str, bool]:
    """Append what holds at θ_k; return what is missing, or '', and whether that is certain."""
    k, jacobian_change, residual_change = len(path.growth), moved.jacobian, moved.residual
    if moved.kink is not None:
        layer, sample, unit = moved.kink
        why = (
            f"at step {k} the slope of unit {unit} of hidden layer {layer + 1} at sample {sample} is not decided: its pre-activation may lie on either side"
            f" of a kink, within {float(moved.dz[layer].upper()[sample]):.3g}"
        )
        return why, False
    if not (math.isfinite(engine.delta) and math.isfinite(jacobian_change) and math.isfinite(residual_change)):
        return f"the enclosure of the iterate blew up at step {k}", False
    # Weyl on J: λ_min(Θ(θ)) ≥ (√λ_min(Θ(θ̂)) − ‖ΔJ‖)² on the ball.
    start = Ball(max(lower(here.facts.lambda_min), 0.0))
    lam = lower(evaluate("lambda_region_sharp", {"lambda0": start, "Delta_J": Ball(jacobian_change)}))
    low = max(lower(here.facts.residual - Ball(residual_change)), 0.0)
    high = upper(here.facts.residual + Ball(residual_change))
    if not lam > 0.0:
        return (
            f"λ_min of the NTK is not certified positive on the enclosure of step {k} (radius {engine.delta:.3g})",
            False,
        )
    if k:
        # Φ_k ≤ (1 − ημ_{k-1})Φ_{k-1} ⇔ ‖e_k‖² ≤ (1 − ηsλ_{k-1})‖e_{k-1}‖².
        mu = evaluate("mu", {"s": Ball(task.problem.scale), "lambda_R": Ball(path.lambda_lower[-1])})
        factor = evaluate("rate_simple", {"eta": Ball(task.problem.eta), "mu": mu})
        right = factor * Ball(path.residual_lower[-1]) ** 2
        left = Ball(high) ** 2
        # With a negative factor the product's lower end would not bound it from below.
        if not (lower(factor) >= 0.0 and upper(left) <= lower(right)):
            above = Ball(max(upper(factor), 0.0)) * Ball(path.residual_upper[-1]) ** 2
            if lower(Ball(low) ** 2) > upper(above):
                why = (
                    f"the decrease Φ_{{k+1}} ≤ (1 − ημ_k)Φ_k fails at k = {k - 1}: ‖e‖ goes from {path.residual_upper[-1]:.6g} to {low:.6g} with"
                    f" η {equal(task.problem.eta)}. Use a smaller lr"
                )
                return why, True
            why = (
                f"the decrease Φ_{{k+1}} ≤ (1 − ημ_k)Φ_k is not certain at k = {k - 1}: ‖e‖ in [{low:.6g}, {high:.6g}], enclosure radius"
                f" {engine.delta:.3g}"
            )
            return why, False
        path.slack.append(upper(left) / max(lower(right), 5e-324))
    path.delta.append(engine.delta)
    path.inner.append(engine.inner)
    path.lambda_lower.append(lam)
    path.residual_lower.append(low)
    path.residual_upper.append(high)
    return "", False
