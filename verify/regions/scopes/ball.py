"""Scope `ball`: a region around the parameters given that gradient descent cannot leave."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.decimals import at_least, at_most, below_one, near
from verify.networks import LOSS_WORDS, Problem
from verify.networks.linearisation import Linearisation
from verify.regions.neighbourhood.crossing import search_crossing
from verify.regions.neighbourhood.ingredients import (
    Ingredients,
    decided_by,
    lower,
    no_rate,
    table_witness,
    upper,
)
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.neighbourhood.search import BallResult, search_ball, stability_radii
from verify.regions.scopes.ball_where import Where, displacement_certificate
from verify.regions.scopes.options import BallOptions

__all__ = ["ball_certificate", "ball_constants", "ball_witness"]

_ELSEWHERE = "scope='basin' looks at a zero of the residual nearby instead"
_STEP = ("step below 2/β", "ηΘ below the identity", "ηΘ below twice the identity")
# No network is made wider than this.
_WIDEST = 1e9


def _search(
    ingredients: Ingredients, problem: Problem, lr: Fraction | None, radius: float | None
) -> tuple[Ingredients, BallResult]:
    """Search a ball free of kinks, or else one that they cross."""
    result = search_ball(ingredients, lr, radius)
    if result.certified_by is not None or problem.network.is_smooth or ingredients.offset:
        return ingredients, result
    return search_crossing(ingredients, ingredients.curvature.state, lr, radius)[1] or (ingredients, result)


def _describe_shortfall(
    result: BallResult, ingredients: Ingredients, problem: Problem, radius: float | None
) -> tuple[str, float | None]:
    """Say why no ball is certified, by how much it falls short, and what would close the gap (radius: the prescribed one)."""
    if not np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all():
        return "the kernel or the residual overflows float64: rescale the data or the weights", None
    if result.table is None:
        return why_not_positive(ingredients.lambda0, ingredients.lambda_max0, problem, _ELSEWHERE), None
    nearest = result.outcome
    if nearest is None:
        return _no_radius(problem, radius), None
    if nearest.failed is None:
        assert result.lr is not None
        chosen = "" if problem.lr is None else "; lr=None takes the certified 1/β"
        return f"every inequality of the {nearest.form} criterion holds, but {no_rate(result.lr)}{chosen}", None
    failed = nearest.failed
    what = f"{failed.name} ({failed.source}): {failed.left} {failed.relation} {failed.right} is not certain"
    if not np.isfinite([failed.left.rad, failed.right.rad]).all():
        return f"{what}: a constant over- or underflows float64; rescale the data or the loss", None
    if problem.lr is not None:
        other_ingredients, other = _search(ingredients, problem, None, radius)
        if other.certified_by is not None:
            return (
                f"the step lr is beyond the certified bound: {what}. Use a smaller lr, or lr=None, which certifies {near(other.lr or 0)}",
                None,
            )
        if failed.name in _STEP:
            also, estimate = _describe_shortfall(other, other_ingredients, replace(problem, lr=None), radius)
            return f"the step lr is beyond the certified bound: {what}; and with lr=None, {also}", estimate
    if nearest.ratio <= 0.0:
        return f"{what}; no radius on the grid comes near. {_ELSEWHERE}" if radius is None else what, None
    return _by_factor(what, result, ingredients, problem, radius)


def _no_radius(problem: Problem, radius: float | None) -> str:
    """Say why λ > 0 and finite bounds hold on no ball that was tried."""
    if radius is not None:
        return f"on the ball of the prescribed radius {radius:.6g} λ_min(Θ) > 0 is not certified, or a bound overflows"
    if not problem.network.is_smooth:
        return (
            f"no ball around these parameters is certified free of kinks: at the centre {problem.network.at_a_kink}, or"
            " so close to that that it is met before the ball is large enough. scope='basin' looks for a better centre nearby"
        )
    return f"no radius with λ(R) > 0 and finite curvature bounds was found. {_ELSEWHERE}"


def _by_factor(
    what: str, result: BallResult, ingredients: Ingredients, problem: Problem, radius: float | None
) -> tuple[str, float | None]:
    """Say by which factor containment falls short, and the width that would close the gap at fixed λ0 and residual."""
    nearest, network, estimate = result.outcome, problem.network, None
    assert nearest is not None
    assert result.table is not None
    factor = 1.0 / nearest.ratio
    links = network.chain if network.is_chain else ()
    advice = f" {_ELSEWHERE}"
    if radius is not None:
        advice = f" radius={radius:.6g} is prescribed"
    elif ingredients.offset:
        advice = (
            f" The parameters given lie within {at_most(ingredients.offset, 4)} of the centre: one nearer to a zero of the residual may do, which scope='basin'"
            " looks for itself"
        )
    elif len(links) > 1:
        # The residual the ball can absorb is ∝ λ0/L_H, and L_H ∝ 1/√width at fixed λ0 and ‖e0‖.
        needed = min(link.fan_out for link in links[:-1]) * factor * factor
        estimate = needed if needed <= _WIDEST else None
        advice = (
            " No width that can be had would close it at fixed λ0 and residual: rescale the targets if they are large;"
            if estimate is None
            else f" At fixed λ0 and residual a width of about {needed:.2g} would close it (estimate);"
        )
        advice += f" {_ELSEWHERE}"
        if network.is_smooth:
            advice += ", 'run' and 'exact' where training ends"
    return (
        f"{what}; short by a factor {factor:.3g} ({nearest.form} criterion, R = {result.table.radii[nearest.index]:.4g}).{advice}",
        estimate,
    )


def ball_constants(ingredients: Ingredients, result: BallResult) -> dict[str, Any]:
    """Return the named constants of a ball certificate (:data:`verify.certificates.CONSTANTS`): those of the centre alone where no radius was found."""
    constants: dict[str, Any] = {
        "lambda0": ingredients.lambda0,
        "jacobian_norm0": ingredients.jacobian_norm0,
        "residual0": ingredients.residual0,
        "loss0": ingredients.loss0,
        "lr": result.lr,
    }
    table, outcome = result.table, result.outcome
    if table is None or outcome is None:
        return constants
    j = outcome.index
    if result.certified_by == "residual_relu":
        return {
            **constants,
            "radius": Ball(float(table.radii[j])),
            "lambda_region": Ball(float(table.lam[j])),
            "Delta_J": Ball(float(table.delta_j[j])),
            **outcome.constants,
            "radius_largest_residual_relu": Ball(result.largest_radius["residual_relu"]),
        }
    values = {
        **ingredients.at_centre,
        "R": Ball(float(table.radii[j])),
        "L_H": Ball(float(table.curvature[j])),
        "Delta_J": Ball(float(table.delta_j[j])),
    }
    values["L_Theta"] = evaluate("L_theta", values)
    paper, sharp = stability_radii(ingredients, table)
    constants |= {
        "radius": values["R"],
        "lambda_region": Ball(float(table.lam[j])),
        "L_H": values["L_H"],
        "Delta_J": values["Delta_J"],
        "L_theta": values["L_Theta"],
        "mu_paper": evaluate("mu_paper", values),
        "stability_radius_paper": paper,
        "stability_radius": sharp,
        **outcome.constants,
    }
    for form, radius in result.largest_radius.items():
        constants[f"radius_largest_{form}"] = Ball(radius)
    return constants


def ball_witness(ingredients: Ingredients, result: BallResult) -> dict[str, Any]:
    """Assemble what a checker needs to follow a ball certificate's chain, all exact doubles."""
    if result.table is None:
        return {"certified_by": None}
    table = result.table
    # The table reaches as far as any radius that the certificate names.
    reached = [o.index for o in result.best.values()]
    reached += [int(np.searchsorted(table.radii, radius)) for radius in result.largest_radius.values()]
    last = max(reached, default=len(table) - 1) + 1
    rows: dict[str, Any] = {
        form: {"index": outcome.index} if outcome.holds else None for form, outcome in result.best.items()
    }
    if result.certified_by == "residual_relu":
        index = result.best["residual_relu"].index
        rows = {
            "classical": None,
            "residual": None,
            "residual_relu": {"index": index, "midpoints": result.midpoints},
            "curvature": None,
        }
    return {
        "certified_by": result.certified_by,
        **table_witness(ingredients, table, last),
        **rows,
    }


def ball_certificate(problem: Problem, options: BallOptions, state: Linearisation | None = None) -> Certificate:
    """Certify scope `ball` for descent from the network's own parameters, about them or about ``options.centre``.

    Args:
        problem, options: what is asked. state: the problem's linearisation in float64 where it is at hand.

    Returns:
        PROVED with the ball's constants, chain and witness, or INCONCLUSIVE with the inequality that is missing and what would close the gap.
    """
    where, radius = Where.of(problem, options), options.radius
    displaced = displacement_certificate(problem, where) if radius is None else None
    if displaced is not None:
        return displaced
    ingredients = where.gather(problem, state)
    ingredients, result = _search(ingredients, problem, problem.lr, radius)
    constants = where.constants(ball_constants(ingredients, result))
    proved = result.certified_by is not None
    # In a proof only what holds is a margin; how far the other form falls short is an observation.
    margins = {
        f"{form} containment": outcome.margin
        for form, outcome in result.best.items()
        if outcome.margin is not None and (outcome.holds or not proved)
    }
    short = {
        f"{form} containment falls short by": -float(outcome.margin.mid)
        for form, outcome in result.best.items()
        if outcome.margin is not None and proved and not outcome.holds
    }
    asked, problem = problem, problem.stepping(result.lr)
    witness = {**ball_witness(ingredients, result), **where.witness()}
    outcome = result.outcome
    if proved and outcome is not None:
        # The other form's extra steps follow, so that the chain shows both where both hold.
        steps = outcome.steps + tuple(
            step for form, o in result.best.items() if form != outcome.form and o.holds for step in o.steps[2:]
        )
        reason = (
            f"{where.data}real-arithmetic gradient descent with step {near(result.lr or 0)} on {LOSS_WORDS[problem.loss]}, from these parameters"
            f" stays in the ball of radius R ≤ {at_most(upper(constants['radius']), 6)},{where.about} a Locally PL Region with μ ≥"
            f" {at_least(lower(constants['mu']), 6)}, and"
            f" Φ_k ≤ {below_one(upper(constants['rate']))}^k·Φ_0 ({outcome.form} criterion)"
        )
        return Certificate(
            scope="ball",
            verdict="PROVED",
            reason=reason,
            problem=problem,
            constants=constants,
            margins=margins,
            steps=steps,
            witness=witness,
            observed={**short, **decided_by(ingredients.bits)},
        )
    reason, estimate = _describe_shortfall(result, ingredients, asked, radius)
    if radius is not None:
        free = ball_certificate(asked, replace(options, radius=None), state)
        if free.proved:
            reason += f". radius=None searches, and certifies R ≤ {at_most(upper(free.constants['radius']), 6)}"
        elif free.reason != reason:
            reason += f". radius=None searches, and finds none either: {free.reason}"
    elif where.data_radius > 0.0:
        alone = ball_certificate(asked, replace(options, data_radius=0.0), state)
        if result.table is None:
            reason = "λ_min(Θ) is not certified positive for all of them"
        reason = (
            f"{where.data}{reason}. For the data given alone it is PROVED: a smaller data_radius may do"
            if alone.proved
            else f"not even for the data given alone (data_radius=0): {alone.reason}"
        )
        estimate = None
    return Certificate(
        scope="ball",
        verdict="INCONCLUSIVE",
        reason=reason,
        problem=problem,
        constants=constants,
        margins=margins,
        steps=() if outcome is None else outcome.steps,
        witness=witness,
        observed={**({} if estimate is None else {"approx_width_needed": estimate}), **decided_by(ingredients.bits)},
    )
