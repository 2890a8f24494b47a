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
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeVar

import numpy as np

from verify.certificates import Certificate
from verify.decimals import at_most, equal, near
from verify.networks import DataSet, Problem
from verify.networks.arb_linearisation import affordable
from verify.networks.movement import Movement
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.polishing import Polished, zeros
from verify.regions.neighbourhood.basins import Basin, basin_constants, basin_text, basin_witness, find_basin, inside
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
from verify.regions.neighbourhood.prospects import contrary_samples, unequal_columns
from verify.regions.scopes.options import BasinOptions

__all__ = ["Sought", "about_zeros", "basin_certificate", "no_zero"]

Result = TypeVar("Result")


_NO_ZERO = {
    "creeps": "creeps{kicks}. Train on first, or widen the network",
    "diverges": "finds no step that lowers the residual: a point where the gradient vanishes, or samples that no parameters nearby fit, or an NTK of a"
    " condition beyond float64. Train from another initialisation, or widen the network",
    "overflow": "overflows float64: rescale the data or the weights",
    "iterations": "did not converge in its iterations. Train on first, or widen the network",
    "seconds": "ran out of the seconds allowed. Raise seconds=, or train on first",
}


def _trace(polished: Polished) -> str:
    """‖e‖ along the iteration, shortened."""
    shown = [f"{value:.2g}" for value in polished.trace]
    return " → ".join(shown if len(shown) <= 8 else [*shown[:4], "…", *shown[-3:]])


def no_zero(polished: Polished, data: DataSet) -> str:
    """Say why Gauss–Newton found no zero of the residual, and what of the data may hinder it."""
    kicks = f", {polished.kicks} random moves off the kinks included" if polished.kicks else ""
    why = _NO_ZERO[polished.why].format(kicks=kicks)
    text = f"no zero of the residual was found near the parameters: the iteration {why} (Gauss–Newton took ‖e‖ {_trace(polished)})"
    contrary, columns = contrary_samples(data), unequal_columns(data)
    if polished.why not in ("creeps", "diverges", "iterations") or (contrary or columns) is None:
        return text
    return f"{text}. Of the data, {contrary or columns}"


def _missing(sought: Sought[Basin | None], lr: Fraction | None, data: DataSet) -> str:
    """Say why no basin is proved."""
    polished, here, tried = sought.polished, sought.here, sought.tried
    facts = here.facts
    path = f"Gauss–Newton took ‖e‖ {_trace(polished)}"
    if polished.why != "converged":
        return no_zero(polished, data)
    if not lower(facts.lambda_min) > 0.0:
        return (
            f"λ_min(Θ(c)) ∈ [{lower(facts.lambda_min):.3e}, {upper(facts.lambda_min):.3e}] is not certified positive at the zero found"
            f" (λ_max {upper(facts.lambda_max):.3g}); {_weak_samples(here)} ({path})"
        )
    if lr is not None:
        if rounds_to_one(lr * here.s, facts.lambda_min):
            return f"{no_rate(lr)}; lr=None takes the largest certified step ({path})"
        shorter = find_basin(here, None)
        if shorter is None and not here.state.network.is_smooth:
            shorter = crossing_basin(here, None)
        if shorter is not None:
            both = approx_float(lr * here.s) * (lower(facts.lambda_min) + upper(facts.lambda_max))
            return (
                f"the step lr {equal(lr)} is beyond the certified bound: ηs(λ_min + λ_max) = {both:.6g} at the zero found, and it must stay"
                f" below 2 on a ball about it, with room for the curvature. Use a smaller lr, or lr=None, which certifies {near(shorter.lr)}"
                f" ({path})"
            )
    sigma = math.sqrt(lower(facts.lambda_min))
    if _at_a_kink(here):
        reach = _reach(here)
        jump = float(Movement(here.state).jacobian(np.array([reach]))[0])
        met = ": that is met, but no ball of starts was certified" if 1.5 * jump < sigma else ""
        found = "the zero found" if tried == 1 else f"each of {tried} zeros found, about the last of which this speaks,"
        return (
            f"at {found} some unit lies at its kink, within R = {reach:.2g} of it, where the Jacobian may jump by {jump:.3g};"
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
    if len(names) == 1:
        return f"sample {names[0]} carries its eigenvector: ∂F/∂θ is small there beside the others'. Rescale it or leave it out, or widen the network"
    if not names:
        return "no few samples carry its eigenvector: widen the network, or use fewer samples"
    return f"samples {', '.join(map(str, names))} carry its eigenvector: they nearly determine each other. Leave one of them out, or widen the network"


@dataclass(frozen=True)
class Sought(Generic[Result]):
    """What a search about zeros of the residual ended with.

    Attributes:
        polished: the point. here: facts there. found: what was sought there, or what it lacks. tried: zeros looked at.
    """

    polished: Polished
    here: Examined
    found: Result
    tried: int


def about_zeros(
    problem: Problem, seconds: float, look: Callable[[Problem], tuple[Examined, Result, bool]]
) -> Sought[Result]:
    """Look about a zero near the parameters, and about others while what is sought does not hold and a kink may be why.

    Args:
        problem: the parameters given. seconds: for finding zeros. look: facts at a problem's parameters, what was sought there, and whether it holds.
    """
    best: Sought[Result] | None = None
    for polished in zeros(problem.network, problem.data, seconds=seconds):
        if best is not None and polished.why != "converged":
            # The zero before it tells more.
            break
        here, found, holds = look(problem.at(polished.theta))
        best = Sought(polished, here, found, 1 if best is None else best.tried + 1)
        if holds or not _at_a_kink(here):
            break
    assert best is not None
    return best


def _reach(here: Examined) -> float:
    """About how far from an almost-zero the exact fit may lie, approximate: 2‖e‖/√λ_min, ∞ where λ_min is not positive."""
    smallest = lower(here.facts.lambda_min)
    return 2.0 * upper(here.facts.residual) / math.sqrt(smallest) if smallest > 0.0 else math.inf


def _at_a_kink(here: Examined) -> bool:
    """Whether some unit has its kink within reach of the exact fit."""
    reach = _reach(here)
    return math.isfinite(reach) and not math.isfinite(here.ingredients().curvature(reach))


def _look(moved: Problem, theta: Vector, lr: Fraction | None) -> tuple[Examined, Basin | None, bool]:
    """Search for a basin about the problem's parameters; `theta` (p,): those given, whose distance is bounded."""
    here = examine(moved, origin=theta)
    found = find_basin(here, lr)
    if found is None and here.state.bits == 53 and affordable(moved.network, moved.data.n):
        # What float64 loses of ‖e(c)‖ and λ_min in the layers, Arb does not.
        here = examine_in_arb(moved, origin=theta)
        found = find_basin(here, lr)
    if found is None and not moved.network.is_smooth:
        found = crossing_basin(here, lr)
    return here, found, found is not None


def basin_certificate(problem: Problem, options: BasinOptions) -> Certificate:
    """Certify scope `basin` near the network's own parameters; statement in the module's docstring.

    Args:
        problem: the parameters given; lr None takes the certified step. options: the time allowed to the Gauss–Newton iteration.
    """
    theta, lr = flatten(problem.network), problem.lr
    sought = about_zeros(problem, options.seconds, lambda moved: _look(moved, theta, lr))
    polished, here, found = sought.polished, sought.here, sought.found
    observed: dict[str, Any] = {"gauss_newton_steps": float(polished.steps), **decided_by(here.state.bits)}
    facts, distance = here.facts, here.facts.drift
    if found is None:
        centre = here.ingredients()
        return Certificate(
            scope="basin",
            verdict="INCONCLUSIVE",
            reason=_missing(sought, lr, problem.data),
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
