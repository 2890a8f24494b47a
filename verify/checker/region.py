"""Scope `region`: one convex ball that holds gradient descent's whole run (claim enclosing_ball).

λ_min(NTK) ≥ λ on B(c, R), by the neuron budget or the last layer's features about c. Gradient descent is enclosed step by step up to θ_T (scope
`exact`), each iterate within R of c; from then on it stays in B(θ̂_T, R_T) ⊂ B(c, R). A ball is convex, so the segments lie in it too.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from flint import arb

from verify.checker.budgets import Budget, Features
from verify.checker.claims import PATH, Audit, Truth, enclosed
from verify.checker.enclosures import real
from verify.checker.nearby import at
from verify.checker.problem import Problem
from verify.checker.reading import expect, take
from verify.checker.starts import STARTS, enclosed_starts
from verify.checker.tables import floats
from verify.checker.wording import at_least, at_most, below_one

__all__ = ["region"]


def region(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `region`: the run (or all runs from a ball of starts) is enclosed again; it must lie in the ball, and λ_min(Θ) be positive there."""
    starts = isinstance(witness, dict) and "start_radius" in witness
    fields = take(witness, f"{STARTS if starts else PATH} region", "data_radius" if starts else "")
    *_, ball, nearby = fields if starts else [*fields, None]
    centre, by, *numbers = take(ball, "centre by radius lambda weight intercept reach")
    R, lam, weight, intercept, reach = floats(numbers)
    expect(R > 0.0 and by in ("neurons", "local", "features"), "expected a radius and one of the bounds of λ")
    c = problem.parameters(centre)
    if starts:
        truth, away, factors = enclosed_starts(audit, problem, witness, c)
    else:
        truth, away, factors = enclosed(audit, problem, {k: v for k, v in witness.items() if k != "region"}, c)
    radius = real(R)
    audit.every("run inside the ball", [(d, radius) for d in away], "<=", "iterates, and ‖θ̂_T − c‖ + R_T; worst shown")
    here = at(problem, c, arb(0) if nearby is None else real(nearby))
    if by != "features":
        expect(weight > 0.0, "a parabola has a weight ≤ 0")
        expect((reach > 0.0) == (by == "local"), "a local budget needs a distance T > 0, and no other has one")
        value = Budget(here)(weight, intercept, reach)
        audit.require("neuron budget", real(intercept), "<=", value, "claim neuron_budget(_local) about c")
        bound = real(intercept) - real(weight) * radius**2
    else:
        bound = Features(here, 0.0)(radius)
    audit.require("λ on the ball about c", real(lam), "<=", bound, f"by the {by}")
    audit.require("NTK positive on the ball about c", real(lam), ">", arb(0), "claim pl_from_ntk")
    mu, rate = real(problem.s) * real(lam), reduce(arb.max, factors)
    audit.require("Φ falls at every step", rate, "<", arb(1), "1 − ημ_k, and the rate of the last ball")

    def slowest(name: str, claimed: Any) -> None:
        audit.require(name, rate, "<=", real(claimed.mid) + real(claimed.rad), "the slowest step")

    def reaches(name: str, claimed: Any) -> None:
        top = real(claimed.mid) + real(claimed.rad)
        audit.every(name, [(d, top) for d in away], "<=", "the farthest point of the run")

    constants = truth.constants | {
        "region_radius": radius,
        "region_lambda": real(lam),
        "region_mu": mu,
        "region_rate": slowest,
    }
    chain = truth.steps | {
        "run inside the ball": (reaches, "<=", radius),
        "NTK positive on the ball about c": (real(lam), ">", arb(0)),
    }
    factor = below_one(rate)
    every, them = "the stored parameters", "them"
    if starts and witness["start_radius"] > 0.0:
        every, them = f"every start within {at_least(witness['start_radius'])} of the stored parameters", "each of them"
    if nearby is not None:
        them += f", on each data set whose inputs lie within {at_least(nearby)} of the stored ones (every sample, Euclidean norm, the same targets),"
    text = (
        f"the convex ball of radius R ≤ {at_most(R)} about the stored centre contains {every}, every iterate of real-arithmetic"
        f" gradient descent from {them} with step η = {problem.lr}, every segment between iterates and their limit of zero loss; it is a Locally"
        f" PL Region with ½‖∇Φ‖² ≥ μΦ for μ ≥ {at_least(mu)}, and Φ_k ≤ {factor}^k·Φ_0. Nothing is said of other starts in it"
    )
    return Truth(constants, truth.margins, chain, text)
