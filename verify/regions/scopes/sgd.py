"""Scopes `ball` and `basin` for a descent that is not full-batch gradient descent, and what the hand-over of `run` takes from them.

Statement. On B(c, R), a Locally PL Region, the descent named by the certificate (:class:`verify.networks.sgd.SGD`) stays and converges as claim
minibatch_any_order, minibatch_with_replacement or momentum_descent says: `ball` for a start at the parameters c themselves, `basin` for every start within ρ of
a centre c that Gauss–Newton found (:mod:`verify.regions.descent.polishing`). Which inequalities that takes: :mod:`verify.regions.neighbourhood.stochastic`
and :mod:`verify.regions.neighbourhood.momentum`. ``lr_largest`` is the largest step tried for which the same criterion is certain, at a row of its own.

Witness: the radius table as for scope `ball`; ``batches`` (size, bound of ‖J_b(c)‖) and ``sample``, the bound of max_i‖J_i(c)‖; ``criterion``: the rows and the
chosen numbers; ``largest``: the same for ``lr_largest``; ``centre`` for `basin`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from verify.arrays import Ball
from verify.certificates import Certificate, Step
from verify.certificates.descent_wording import behaviour
from verify.decimals import at_least, at_most, near
from verify.networks import Problem
from verify.networks.arb_linearisation import affordable
from verify.networks.model import LOSS_WORDS
from verify.networks.parameters import Vector, flatten
from verify.regions.neighbourhood.ingredients import approx_float, decided_by, lower, upper
from verify.regions.neighbourhood.point_facts import Examined, examine, examine_in_arb
from verify.regions.scopes.basin import about_zeros, no_zero
from verify.regions.scopes.options import BasinOptions
from verify.regions.scopes.sgd_reasons import missing, smaller_step
from verify.regions.scopes.sgd_search import Found, find, found_constants, found_witness

__all__ = ["largest_step", "sgd_ball_certificate", "sgd_basin_certificate", "subject"]


def subject(problem: Problem, lr: Fraction) -> str:
    """Return what descends, on what, with which step."""
    return f"real-arithmetic {problem.sgd.describe()} with step {near(lr)} on {LOSS_WORDS[problem.loss]}"


def largest_step(found: Found) -> str:
    """Return the clause on the largest step; its rows are its own, so that R, μ and the factor are others."""
    if found.largest is None:
        return ""
    return f"; the criterion holds with a step of about {approx_float(found.largest.lr):.4g} (lr_largest) too, in a ball and by a factor of its own"


def sgd_ball_certificate(problem: Problem) -> Certificate:
    """Certify scope `ball` for the problem's descent, started at the network's own parameters."""
    here = examine(problem)
    found = find(here, problem, starts=False)
    constants = found_constants(found, problem.lr)
    best = found.best
    observed = decided_by(here.state.bits)
    steps = () if best is None else best.steps
    margins = {} if best is None or best.margin is None else {"containment": best.margin}
    given = problem.lr is not None
    problem = problem.stepping(constants["lr"])
    if not found.holds or best is None:
        reason = missing(found, problem, smaller=smaller_step(here, problem, found, starts=False), given=given)
        return Certificate(
            "ball", "INCONCLUSIVE", reason, problem, constants, margins, steps, found_witness(found), observed
        )
    reason = (
        f"{subject(problem, best.lr)}, from these parameters, {behaviour(problem.sgd, constants)}{largest_step(found)}"
    )
    return Certificate("ball", "PROVED", reason, problem, constants, margins, steps, found_witness(found), observed)


def _look(moved: Problem, theta: Vector) -> tuple[Examined, Found, bool]:
    """Search for a ball of starts about the problem's parameters; `theta` (p,): those given, whose distance is bounded."""
    here = examine(moved, origin=theta)
    found = find(here, moved, starts=True)
    if not found.holds and here.state.bits == 53 and affordable(moved.network, moved.data.n):
        again = examine_in_arb(moved, origin=theta)
        better = find(again, moved, starts=True)
        here, found = (again, better) if better.holds else (here, found)
    return here, found, found.holds


def sgd_basin_certificate(problem: Problem, options: BasinOptions) -> Certificate:
    """Certify scope `basin` for the problem's descent: every start in a ball around a zero of the residual nearby."""
    theta = flatten(problem.network)
    sought = about_zeros(problem, options.seconds, lambda moved: _look(moved, theta))
    polished, here, found = sought.polished, sought.here, sought.found
    distance = here.facts.drift
    constants = {**found_constants(found, problem.lr), "distance": distance}
    observed: dict[str, Any] = {"gauss_newton_steps": float(polished.steps), **decided_by(here.state.bits)}
    best, table = found.best, found.table
    given = problem.lr is not None
    problem = problem.stepping(constants["lr"])
    if not found.holds or best is None or table is None:
        if polished.why == "converged":
            smaller = smaller_step(here, problem, found, starts=True)
            why = missing(found, problem, "Widen the network, or use fewer samples", smaller=smaller, given=given)
            reason = f"about the zero that Gauss–Newton found: {why}"
        else:
            reason = no_zero(polished, problem.data)
        chain = () if best is None else best.steps
        return Certificate(
            "basin", "INCONCLUSIVE", reason, problem, constants, {}, chain, {"certified_by": None}, observed
        )
    rho = Ball(float(table.radii[best.witness["start"]]))
    constants |= {"basin_radius": rho, "distance_over_radius": distance / rho}
    inside = Step.listed("parameters inside the basin", "zero_loss_nearby", distance, "<=", rho)
    where = (
        "the parameters given lie inside it"
        if inside.certain
        else f"the parameters given lie outside it: ‖θ − c‖ is {at_most(upper(constants['distance_over_radius']), 4)} times ρ"
    )
    reason = (
        f"every {subject(problem, best.lr)}, started within ρ = {at_least(lower(rho), 4)} of a point c that Gauss–Newton found,"
        f" {behaviour(problem.sgd, constants)}; {where}{largest_step(found)}"
    )
    assert best.margin is not None
    return Certificate(
        "basin",
        "PROVED",
        reason,
        problem,
        constants,
        {"containment": best.margin},
        (*best.steps, inside) if inside.certain else best.steps,
        {**found_witness(found), "centre": polished.theta},
        observed,
    )
