"""Claim v2_linear_while_inside: linear convergence as long as the iterates remain in a convex region."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import NO_CONTAINMENT, SEGMENT_OUTSIDE, TWICE_THE_BOUND


def prove(formulas: Formulas) -> Proof:
    """In a convex region the segment between two iterates is in the region; then descent_step."""
    eta, beta, mu, Phi, after, g, floor, power, Phi0 = sym("eta beta mu Phi Phi_after gradient_norm floor power Phi0")
    c = formulas("descent_fraction")
    rate = formulas("rate_classical", c=c)
    proof = Proof()
    proof.hypothesis("step", eta < formulas("step_bound"))
    proof.hypothesis("pl", g**2 / 2 >= mu * (Phi - floor), "on the region, L* = floor = inf over the region")
    outside = sym("outside")
    proof.hypothesis(
        "remain", sp.Eq(outside, 0), "distance of the iterates, hence of the segments, from the convex region"
    )
    proof.lemma("taylor", "taylor", after <= Phi - eta * g**2 + eta**2 * beta * g**2 / 2, premises=["remain"])
    proof.derive("one_step", after - floor <= rate * (Phi - floor), "step pl taylor")
    proof.define("above", sp.And(Phi >= floor, after >= floor), "L* is the infimum")
    proof.derive("rests", sp.Implies(sp.Eq(Phi, floor), sp.Eq(g, 0)), "step taylor above", "at L* GD rests")
    proof.suppose("so_far", Phi - floor <= power * (Phi0 - floor))
    proof.derive(
        "next",
        sp.Implies(Phi > floor, after - floor <= rate * power * (Phi0 - floor)),
        "one_step above so_far",
        "the factor is ≥ 0 when Φ_k > L*, since Φ_{k+1} ≥ L*",
    )
    proof.derive("base", Phi0 - floor <= 1 * (Phi0 - floor), "step")
    last, total = sym("Phi_k rate_to_the_k")
    proof.lemma(
        "all",
        "induction",
        last - floor <= total * (Phi0 - floor),
        "while inside",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    return proof.conclude("one_step rests all")


CLAIM = Claim(
    id="v2_linear_while_inside",
    title="v2: linear convergence while the iterates remain",
    statement="On a convex region with ‖∇²Φ‖ ≤ β and PL (constant μ, L* the infimum over the region), as long as θ_0, …, θ_k are in it and"
    " 0 < η < 2/β: Φ_k − L* ≤ (1 − 2ημc)^k(Φ_0 − L*).",
    source="as in the abstract of v2; smoothness and convexity are our formulation",
    hypotheses=(
        Hypothesis("convex", "the segments between iterates are in the region (a convex region does)", SEGMENT_OUTSIDE),
        Hypothesis("step", "η < 2/β", TWICE_THE_BOUND),
        Hypothesis("remain", "the iterates remain", NO_CONTAINMENT),
    ),
    proof=prove,
    remarks="If Φ_k = L* and the next iterate is still in the region, the gradient is 0 and GD rests (line rests).",
)
