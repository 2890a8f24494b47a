"""Scope `basin`: a ball of starts from each of which gradient descent provably converges, around a zero of the residual nearby.

Statement. c is an exact vector of doubles (found by :mod:`verify.regions.descent.polishing`, a guess; the certificate stores it). Then
(i) an exact zero-loss point lies within r_0 of c; (ii) B(c, R) is a Locally PL Region with μ = sλ(R); (iii) *every* real-arithmetic gradient
descent with step η started anywhere in B(c, ρ) stays in B(c, R), and Φ_{k+1} ≤ rate·Φ_k from the first step on, so it converges to a zero-loss
point; (iv) the parameters given lie within ρ of c (then (iii) is about them), or at the stated multiple of ρ.

Derivation. (i) Claim containment_residual from c itself with the same step, on the smallest row r_0 of the table where it holds: gradient descent
from c stays in B(c, r_0) and converges there to an exact fit (claim iterates_converge). (iii) Claim containment_displacement with d0 = ρ, which
asks nothing of the start but ‖θ_0 − c‖ ≤ ρ: all its constants are suprema over B(c, R), the step condition ηs(‖J(c)‖ + Δ_J(R))² ≤ 1 included.
With E = L_Hρ² + 2e_c, e_c ≥ ‖F(c) − y‖, δ_E = min(½ηsL_HKE, 2Δ_J): σ(R) > δ_E and ∫_ρ^R (σ(t) − δ_E)dt > E (panels, σ does not increase) give
containment. The rate needs the drift of a step from the *largest* residual met: ‖e(θ_0)‖ ≤ ē = e_c + (‖J(c)‖ + Δ_J(ρ))ρ on B(c, ρ) (mean value on
the segment to c), δ = min(½ηsL_HKē, 2Δ_J), σ(R) > δ: ‖e_{k+1}‖ ≤ (1 − ηsσ(R)(σ(R) − δ))‖e_k‖ at every k, by induction, since ‖e_k‖ ≤ ē stays true
and both ends of each step lie in the convex B(c, R). Where kinks leave no such ball, B(c, R) may be crossed by them: claim containment_residual_relu, begun at
any distance up to ρ from c (:mod:`verify.regions.neighbourhood.crossing`).

Where ηs(‖J(c)‖ + Δ_J(R))² exceeds 1 but not 2, claims containment_residual_long and containment_displacement_long: γσ takes the place of σ, and E is
2(½L_Hρ² + e_c)/(2 − b).

Witness: ``centre`` (p,), the radius table as for scope `ball`, ``zero``, ``basin``, ``region``: the rows of r_0, ρ, R.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from verify.certificates import Certificate
from verify.decimals import at_most
from verify.networks import Problem
from verify.networks.arb_linearisation import affordable
from verify.networks.movement import Movement
from verify.networks.parameters import flatten
from verify.regions.descent.polishing import Polished, polish
from verify.regions.neighbourhood.basins import basin_constants, basin_text, basin_witness, find_basin, inside
from verify.regions.neighbourhood.crossing import crossing_basin
from verify.regions.neighbourhood.ingredients import (
    approx_float,
    decided_by,
    lower,
    no_rate,
    rounds_to_one,
    upper,
)
from verify.regions.neighbourhood.point_facts import Examined, examine, examine_in_arb
from verify.regions.scopes.options import BasinOptions

__all__ = ["basin_certificate", "no_zero"]


# Beyond this ηsλ_max at c, which must stay below 2 on a ball about it, the step is what fails.
_LARGE_STEP = 1.8
_NO_ZERO = {
    "creeps": "creeps. Train on first, or widen the network",
    "diverges": "finds no step that lowers the residual: a point where the gradient vanishes, or samples that no parameters nearby fit. Train from"
    " another initialisation, or drop samples that nearly repeat others with other targets",
    "overflow": "overflows float64: rescale the data or the weights",
    "iterations": "did not converge in its iterations. Train on first, or widen the network",
    "seconds": "ran out of the seconds allowed. Raise seconds=, or train on first",
}


def _trace(polished: Polished) -> str:
    """‖e‖ along the iteration, shortened."""
    shown = [f"{value:.2g}" for value in polished.trace]
    return " → ".join(shown if len(shown) <= 8 else [*shown[:4], "…", *shown[-3:]])


def no_zero(polished: Polished) -> str:
    """Say why Gauss–Newton found no zero of the residual."""
    return f"no zero of the residual was found near the parameters: the iteration {_NO_ZERO[polished.why]} (Gauss–Newton took ‖e‖ {_trace(polished)})"


def _missing(polished: Polished, here: Examined, lr: Fraction | None) -> str:
    """Say why no basin is proved."""
    facts = here.facts
    path = f"Gauss–Newton took ‖e‖ {_trace(polished)}"
    if polished.why != "converged":
        return no_zero(polished)
    if not lower(facts.lambda_min) > 0.0:
        return (
            f"λ_min(Θ(c)) ∈ [{lower(facts.lambda_min):.3e}, {upper(facts.lambda_min):.3e}] is not certified positive at the zero found"
            f" (λ_max {upper(facts.lambda_max):.3g}); {_weak_samples(here)} ({path})"
        )
    if lr is not None:
        step, largest = approx_float(lr), approx_float(lr * here.s) * upper(facts.lambda_max)
        if largest > _LARGE_STEP:
            return (
                f"the step lr = {step:.6g} is beyond the certified bound: ηsλ_max(Θ) = {largest:.6g} at the zero found, and it must stay below 2"
                f" on a ball about it. Use a smaller lr, or lr=None ({path})"
            )
        if rounds_to_one(lr * here.s, facts.lambda_min):
            return f"{no_rate(lr)}; lr=None takes the largest certified step ({path})"
    sigma = math.sqrt(lower(facts.lambda_min))
    reach = 2.0 * upper(facts.residual) / sigma
    if not math.isfinite(here.ingredients().curvature(reach)):
        jump = float(Movement(here.state).jacobian(np.array([reach]))[0])
        met = ": that is met, but no ball of starts was certified" if 1.5 * jump < sigma else ""
        return (
            f"at the zero found some unit lies at its kink, within R = {reach:.2g} of it, where the Jacobian may jump by {jump:.3g};"
            f" σ = √λ_min is {sigma:.3g}, and a ball that kinks cross needs three times half the jump below it{met}. Train on from other parameters, or widen"
            f" the network ({path})"
        )
    bend = here.ingredients().curvature(0.0)
    need = 4.0 * upper(facts.residual) * bend
    met = "" if need < lower(facts.lambda_min) else "not "
    return (
        f"at the zero found λ_min {lower(facts.lambda_min):.3g}, ‖e‖ ≤ {upper(facts.residual):.3g}, L_H {bend:.3g}: a basin needs about"
        f" 4L_H‖e‖ < λ_min, here {need:.3g}, which is {met}met{'' if met else ', but no ball of starts was certified'}; {_weak_samples(here)} ({path})"
    )


def _weak_samples(here: Examined) -> str:
    """Name the samples that carry the smallest eigenvector (approximate)."""
    vector = np.abs(np.linalg.eigh(here.theta.mid)[1][:, 0])
    k = here.state.network.outputs
    names = sorted({int(i) // k for i in np.argsort(vector)[::-1][:3] if vector[i] > 0.1})
    if not names:
        return "no few samples carry its eigenvector: widen the network, or use fewer samples"
    return f"samples {', '.join(map(str, names))} carry its eigenvector: they nearly determine each other. Leave one of them out, or widen the network"


def basin_certificate(problem: Problem, options: BasinOptions) -> Certificate:
    """Certify scope `basin` near the network's own parameters; statement in the module's docstring.

    Args:
        problem: the parameters given; lr None takes the certified step. options: the time allowed to the Gauss–Newton iteration.
    """
    polished = polish(problem.network, problem.data, seconds=options.seconds)
    theta, moved, lr = flatten(problem.network), problem.at(polished.theta), problem.lr
    here = examine(moved, origin=theta)
    found = find_basin(here, lr)
    if found is None and here.state.bits == 53 and affordable(problem.network, problem.data.n):
        # What float64 loses of ‖e(c)‖ and λ_min in the layers, Arb does not.
        here = examine_in_arb(moved, origin=theta)
        found = find_basin(here, lr)
    if found is None and not problem.network.is_smooth:
        found = crossing_basin(here, lr)
    observed: dict[str, Any] = {"gauss_newton_steps": float(len(polished.trace) - 1), **decided_by(here.state.bits)}
    facts, distance = here.facts, here.facts.drift
    if found is None:
        centre = here.ingredients()
        return Certificate(
            scope="basin",
            verdict="INCONCLUSIVE",
            reason=_missing(polished, here, lr),
            problem=problem,
            constants={
                "lambda0": centre.lambda0,
                "jacobian_norm0": centre.jacobian_norm0,
                "residual0": facts.residual,
                "loss0": facts.loss,
                "distance": distance,
                "lr": lr,
            },
            margins={},
            steps=(),
            witness={"certified_by": None},
            observed=observed,
        )
    within = inside(distance, found)
    constants = basin_constants(found, here, distance)
    where = (
        f"the parameters given lie inside it, at distance ‖θ − c‖ ≤ {at_most(upper(distance), 4)}"
        if within.certain
        else f"the parameters given lie outside it: ‖θ − c‖ is {at_most(upper(constants['distance_over_radius']), 4)} times ρ"
    )
    in_arb = "" if here.state.bits == 53 else f" (layers at c enclosed in Arb, {here.state.bits} bits)"
    return Certificate(
        scope="basin",
        verdict="PROVED",
        reason=f"{basin_text(found, problem.loss, 'a point c that Gauss–Newton found', 'c')}; {where}{in_arb}",
        problem=problem.stepping(found.lr),
        constants=constants,
        margins={f"{found.form} containment": found.margin},
        steps=(*found.steps, within) if within.certain else found.steps,
        witness=basin_witness(found, polished.theta),
        observed=observed,
    )
