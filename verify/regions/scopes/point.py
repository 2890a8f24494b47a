"""Scope `point`: what holds at the parameters given."""

from __future__ import annotations

from typing import Any

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt_of_nonnegative
from verify.certificates import Certificate, Step
from verify.decimals import at_least
from verify.networks import Problem
from verify.networks.linearisation import Linearisation
from verify.regions.neighbourhood.ingredients import decided_by, lower
from verify.regions.neighbourhood.point_facts import examine
from verify.regions.neighbourhood.prospects import why_not_positive

__all__ = ["point_certificate"]


def point_certificate(problem: Problem, state: Linearisation | None = None) -> Certificate:
    """Certify scope `point`: enclosures of Φ, λ_min, λ_max, ‖∇Φ‖ and the PL ratio at the parameters given.

    Args:
        problem: its step is only recorded. state: its linearisation in float64 where it is at hand.
    """
    here = examine(problem, state=state)
    facts, s = here.facts, Ball(here.s)
    gradient_squared = s * s * (here.residual * (here.theta @ here.residual)).sum()
    constants: dict[str, Any] = {
        "lambda0": facts.lambda_min,
        "lambda_max0": facts.lambda_max,
        "jacobian_norm0": sqrt_of_nonnegative(facts.lambda_max),
        "residual0": facts.residual,
        "loss0": facts.loss,
        "gradient_norm_squared": gradient_squared,
        "mu": evaluate("mu", {"s": s, "lambda_R": Ball(max(lower(facts.lambda_min), 0.0))}),
        "lr": problem.lr,
    }
    if facts.pl_ratio is not None:
        constants["pl_ratio"] = Ball(0.5) * gradient_squared / facts.loss
    step = Step.listed("NTK positive", "pl_from_ntk", facts.lambda_min, ">", Ball(0.0))
    proved = step.certain
    reason = (
        f"at these parameters λ_min(Θ) ≥ {at_least(lower(facts.lambda_min), 6)} > 0, so ½‖∇Φ‖² ≥ μΦ with μ ≥ {at_least(lower(constants['mu']), 6)}"
        if proved
        else why_not_positive(
            facts.lambda_min,
            facts.lambda_max,
            problem,
            "scope='basin' looks at a zero of the residual nearby instead",
        )
    )
    return Certificate(
        scope="point",
        verdict="PROVED" if proved else "INCONCLUSIVE",
        reason=reason,
        problem=problem,
        constants=constants,
        margins={"lambda0": facts.lambda_min},
        steps=(step,),
        witness={"lambda0_lower": lower(facts.lambda_min)},
        observed=decided_by(here.state.bits),
    )
