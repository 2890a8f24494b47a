"""Scope `region` with ``start_radius`` r or ``data_radius`` ε > 0: one convex ball that holds gradient descent from every start within r of the parameters
given, on every data set whose inputs lie within ε of those given.

Statement (claim enclosing_ball with δ_0 = r). For every θ_0 with ‖θ_0 − θ̂_0‖ ≤ r, and every X' with ‖x'_i − x_i‖ ≤ ε for each sample (Euclidean norm; the
targets, the step and the loss's scale are the same): B(c, R) contains θ_0, all iterates of real-arithmetic gradient descent from it on (X', y), every segment
between them and its limit, a point of zero loss; ½‖∇Φ‖² ≥ μΦ on B(c, R); and Φ_{k+1} ≤ rate·Φ_k at every step. Starts and data sets are sets of positive
measure: enclosing a single trajectory cannot say this. Nothing is said of the other points of B(c, R) as starts. The limit depends on the data set.

Derivation. One float64 trajectory θ̂_k on the stored data, with radii δ_k from δ_0 = r, encloses all of theirs (claim start_ball,
:mod:`verify.regions.descent.tube`); the same bounds give the factor of ‖e‖ at each step. At T a ball certificate about θ̂_T with offset δ_T takes over.
Of the data: every bound that a step, the last ball and λ on B(c, R) rest on is one for all X' (claim inputs_nearby, :mod:`verify.networks.inputs`), and δ_k
grows at each step by the distance ‖T'(θ̂_k) − T(θ̂_k)‖ of the two maps as well.

Witness: ``start_radius``, ``data_radius`` (where it is > 0), ``steps`` T, ``end`` θ̂_T, ``lambda_lower`` per step, ``handover`` (with ``offset`` δ_T) and
``region``. The trajectory itself is not stored: a checker follows its own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt_of_nonnegative
from verify.certificates import Certificate, Step
from verify.decimals import at_least, at_most, below_one, equal
from verify.networks import linearise
from verify.networks.inputs import over_inputs
from verify.networks.parameters import Vector
from verify.regions.descent.enclosed_iterates import FloatShadow
from verify.regions.descent.progress import Progress
from verify.regions.descent.tube import Section, section
from verify.regions.neighbourhood.estimate import Attempt, attempt, next_target, with_start
from verify.regions.neighbourhood.ingredients import approx_float, lower, no_rate, rounds_to_one, upper
from verify.regions.neighbourhood.point_facts import Examined, examine
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.scopes.ball import ball_constants, ball_witness
from verify.regions.scopes.convex_ball import Reach, inside_step, lambda_bound, positive_step, witness_of
from verify.regions.scopes.enclosing import Task
from verify.regions.scopes.options import RegionOptions

__all__ = ["certificate_of_starts"]

# A checker's radii are computed otherwise: this much room, per step, for roundings.
_ROOM = 1.0 + 2.0**-30
# After a hand-over that holds but decides R, look again after this part of the steps so far.
_PARTS = 8
# Where nothing more precise is known.
_REMEDY = (
    ". A smaller radius, a smaller step or a wider network may do; 0 is about the parameters and the data themselves"
)


@dataclass(frozen=True)
class _Asked:
    """What is to be certified: descent of `task` from all starts and data sets of `options`, in a ball about `centre`."""

    task: Task
    first: Examined
    centre: Vector
    where: str
    options: RegionOptions


@dataclass(frozen=True)
class _Tube:
    """What was followed: the sections at steps 0 … T, their reach about the centre, θ̂_T, δ_T, and the ball that takes over there."""

    sections: list[Section]
    reach: Reach
    end: Vector
    delta: float
    found: Attempt


def certificate_of_starts(
    task: Task, first: Examined, centre: Vector, where: str, options: RegionOptions
) -> Certificate:
    """Follow the ball of starts and certify for all data sets; `where` says in words what the exact vector `centre` is."""
    asked = _Asked(task, first, centre, where, options)
    shadow = FloatShadow(task.problem)
    shadow.delta = shadow.inner = options.start_radius
    reach, sections = Reach(centre), list[Section]()
    found: Attempt | None = None
    look, target, why = float(options.steps), float("inf"), ""
    with Progress(task.options.progress, options.steps, 0, "enclosing") as progress:
        while True:
            k = len(sections)
            here = examine(task.problem.at(shadow.theta), data_radius=options.data_radius)
            known = upper(Ball(sections[-1].factor) * Ball(sections[-1].residual)) if sections else math.inf
            now = section(here, shadow.delta, task.problem.eta, known)
            sections.append(now)
            reach.visit(shadow.theta, shadow.delta)
            progress.update(k, functools.partial("step {}  ‖e‖ {:.4g}  δ {:.2e}".format, k, now.residual, shadow.delta))
            if not now.lambda_min > 0.0:
                why = _not_positive_at(shadow.theta, asked, now, k)
                break
            if k >= look or now.residual <= target:
                found = attempt(
                    with_start(here.ingredients(), shadow.delta, now.residual), here.state, task.problem.eta
                )
                if found.holds and (reach.enough(shadow.theta, found) or k >= options.steps):
                    break
                if found.holds:
                    look, target = k + max(1.0, k / _PARTS), 0.0
                else:
                    target = next_target(now.residual, found.ratio)
            if k >= options.steps:
                why = f"the step budget ended at step {k} before the hand-over. Raise steps"
                break
            if not now.factor < 1.0:
                why = f"the factor of ‖e‖ per step is not certified below 1 at step {k} (ηs‖J‖² ≤ {now.norm_step:.4g}, δ = {now.delta:.3g})"
                if rounds_to_one(task.problem.scale * task.problem.eta, here.facts.lambda_min):
                    why = f"{no_rate(task.problem.eta)}; lr=None chooses one"
                elif now.norm_step > 1.0:
                    most = approx_float(task.problem.eta) / now.norm_step
                    why += f". With starts or data around, ηs‖J‖² must not exceed 1: use a step below {most:.3g}"
                else:
                    why += _REMEDY
                break
            shadow.advance(here.state, here.residual, now.growth * _ROOM)
            shadow.delta = _with_other_maps(shadow.delta, task, here)
            if not np.isfinite(shadow.delta):
                why = f"the enclosure of the iterates blew up at step {k + 1}{_REMEDY}"
                break
    if why or found is None:
        return _inconclusive(asked, why, sections)
    return _assemble(asked, _Tube(sections, reach, shadow.theta, shadow.delta, found))


def _with_other_maps(delta: float, task: Task, here: Examined) -> float:
    """Add to δ how far the step of another data set may send θ̂_k from where the stored one's does."""
    spread = here.state.spread
    if spread is None or not np.isfinite(delta):
        return delta
    # Bounds over all data sets stand for ‖J‖ and ‖e‖ at the stored one.
    norm = sqrt_of_nonnegative(Ball(upper(here.facts.lambda_max)))
    apart = spread.step(Ball(task.problem.eta * task.problem.scale), norm, Ball(upper(here.facts.residual)))
    return upper((Ball(delta) + apart) * Ball(_ROOM))


def _not_positive_at(theta: Vector, asked: _Asked, now: Section, k: int) -> str:
    """Say why λ > 0 is not certified about the iterate of step k: at the stored parameters and data already, or for the others alone."""
    facts = examine(asked.task.problem.at(theta)).facts
    if lower(facts.lambda_min) > 0.0:
        return (
            f"λ_min of the NTK is not certified positive within δ = {now.delta:.3g} of the iterate of step {k}{_REMEDY}"
        )
    why = why_not_positive(
        facts.lambda_min, facts.lambda_max, asked.task.problem, "Take another initialisation, or a wider network"
    )
    return f"at the iterate of step {k} itself, {why}"


def _inconclusive(asked: _Asked, why: str, sections: list[Section]) -> Certificate:
    task = asked.task
    reason = f"{asked.options.around}, η {equal(task.problem.eta)}: {why}. Before that {len(sections) - 1} steps were enclosed"
    observed = {"largest_delta": max((s.delta for s in sections), default=0.0)}
    return Certificate.undecided("region", reason, task.problem, task.constants(asked.first), observed)


def _assemble(asked: _Asked, tube: _Tube) -> Certificate:
    """Put the tube, the last ball and the convex ball together."""
    task, options, found, sections, radius = asked.task, asked.options, tube.found, tube.sections, tube.reach.radius
    assert found.result is not None
    assert found.result.outcome is not None
    steps = len(sections) - 1
    state = over_inputs(linearise(task.problem.at(asked.centre).network, task.problem.data.X), options.data_radius)
    bound = lambda_bound(state, radius)
    ball = ball_constants(found.ingredients, found.result)
    weakest = min(now.lambda_min for now in sections)
    factor = max((now.factor for now in sections[:-1]), default=0.0)
    head, tail = Ball(factor) ** 2, ball["rate"]
    rate = head if upper(head) >= upper(tail) else tail
    mu = evaluate("mu", {"s": Ball(task.problem.scale), "lambda_R": Ball(bound.value)})
    chain = (
        Step.listed("NTK positive for every start", "pl_from_ntk", Ball(weakest), ">", Ball(0.0)),
        Step.listed("residual falls for every start", "start_ball", Ball(factor), "<", Ball(1.0)),
        *found.result.outcome.steps,
        inside_step(tube.reach),
        positive_step(bound),
    )
    constants = {
        **task.constants(asked.first),
        "path_lambda_min": Ball(weakest),
        **ball,
        "handover_step": steps,
        "handover_radius": ball["radius"],
        "handover_offset": Ball(tube.delta),
        "start_radius": Ball(options.start_radius),
        **({"data_radius": Ball(options.data_radius)} if options.data_radius > 0.0 else {}),
        "region_radius": Ball(radius),
        "region_lambda": Ball(bound.value),
        "region_mu": mu,
        "region_rate": rate,
    }
    margins = {
        f"{form} containment": o.margin for form, o in found.result.best.items() if o.margin is not None and o.holds
    }
    witness = {
        "start_radius": options.start_radius,
        **({"data_radius": options.data_radius} if options.data_radius > 0.0 else {}),
        "steps": steps,
        "end": tube.end,
        "lambda_lower": np.array([now.lambda_min for now in sections]),
        "handover": {**ball_witness(found.ingredients, found.result), "offset": tube.delta},
        "region": witness_of(asked.centre, radius, bound),
    }
    good = bound.value > 0.0 and upper(rate) < 1.0
    if not good:
        witness["handover"] = None
    largest = max(now.delta for now in sections)
    return Certificate(
        scope="region",
        verdict="PROVED" if good else "INCONCLUSIVE",
        reason=_statement(asked, constants, bound.by, largest) if good else _not_positive(asked, radius, bound.value),
        problem=task.problem,
        constants=constants,
        margins=margins if good else {},
        steps=chain,
        witness=witness,
        observed={"largest_delta": largest, "steps_enclosed": float(steps)},
    )


def _not_positive(asked: _Asked, radius: float, bound: float) -> str:
    if bound > 0.0:
        return f"with {asked.options.around}, {no_rate(asked.task.problem.eta)}; lr=None chooses one"
    return (
        f"with {asked.options.around} gradient descent stays within R ≤ {at_most(radius, 6)} of c, {asked.where}, but λ_min(Θ) is not certified positive"
        " on that ball. Widen the network, or take a smaller radius"
    )


def _statement(asked: _Asked, constants: Mapping[str, Any], by: str, largest: float) -> str:
    options = asked.options
    starts = (
        f"every start within {at_least(options.start_radius, 6)} of these parameters"
        if options.start_radius
        else "these parameters"
    )
    data = (
        f" and every data set whose inputs lie within {at_least(options.data_radius, 6)} of the given ones, sample by sample,"
        if options.data_radius
        else ""
    )
    radius, mu = at_most(upper(constants["region_radius"]), 6), at_least(lower(constants["region_mu"]), 6)
    return (
        f"for {starts}{data} the convex ball of radius R ≤ {radius} about c, {asked.where}, contains"
        f" every iterate of real-arithmetic gradient descent with η {equal(asked.task.problem.eta)}, every segment between iterates and their limit of"
        f" zero loss; it is a Locally PL Region with μ ≥ {mu} ({by}), and Φ_k ≤ {below_one(upper(constants['region_rate']))}^k·Φ_0"
        f" ({constants['handover_step']} steps enclosed one by one, largest radius {at_most(largest, 3)}). Nothing is claimed of other starts in it"
    )
