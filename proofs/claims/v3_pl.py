"""Claim v3_pl: μ = λ0 − L_Θ·r(R) from positivity, Lipschitz continuity and compatibility of the NTK."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Needless, Proof, sym
from proofs.examples import CONSTANT_JACOBIAN_BOUND, HALF_SCALE, LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """ntk_stability_paper, then pl_from_ntk with s = 1."""
    lambda0, L, R, Phi, ee, g, Je, dist = sym("lambda0 L_Theta R Phi ee gradient_norm Je distance")
    form0, change = sym("form0 change")
    proof = Proof()
    proof.hypothesis("scale", sp.Eq(Phi, ee / 2), "s = 1")
    proof.define("gradient", sp.Eq(g**2, Je))
    proof.hypothesis("lipschitz", change <= L * dist, "‖Θ(θ) − Θ(θ0)‖ ≤ L_Θ‖θ − θ0‖ on the region")
    proof.hypothesis("radius", dist <= R, "r(R): every point of the region is within it of θ0")
    proof.hypothesis("compatible", lambda0 > L * R, "λ0 > L_Θ·r(R)")
    proof.lemma("rayleigh", "rayleigh", form0 >= lambda0 * ee, "form0 = eᵀΘ0e")
    proof.lemma("norm", "symmetric_norm", Je >= form0 - change * ee, "Je = eᵀΘe")
    mu = formulas("mu_paper", s=sp.Integer(1))
    proof.derive("bent", change <= L * R, "lipschitz radius")
    proof.derive("pl", g**2 / 2 >= mu * Phi, "scale gradient rayleigh norm bent")
    proof.derive("positive", mu > 0, "compatible")
    return proof.conclude("pl positive")


CLAIM = Claim(
    id="v3_pl",
    title="v3: μ = λ0 − L_Θ·r(R) (s = 1)",
    statement="Φ = ½‖F − y‖², λ_min(Θ(θ0)) ≥ λ0 > 0, Θ L_Θ-Lipschitz on a region within r of θ0, λ0 > L_Θ r: PL holds on the region with"
    " μ = λ0 − L_Θ r > 0.",
    source="as in the abstract of v3",
    hypotheses=(
        Hypothesis("scale", "s = 1", HALF_SCALE),
        Hypothesis("lipschitz", "Θ is L_Θ-Lipschitz from θ0", CONSTANT_JACOBIAN_BOUND),
        Hypothesis("compatible", "λ0 > L_Θ r", LAMBDA_ZERO),
        Hypothesis(
            "lqcr", "the region is an LQCR", Needless("ntk_stability_paper", "any region within r of θ0 will do")
        ),
    ),
    proof=prove,
    remarks="Holds as stated for s = 1. The LQCR is needless, and under the textbook definition does not exist for wide networks.",
)
