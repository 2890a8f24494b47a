"""Claim pl_from_ntk: a lower bound of the NTK's least eigenvalue is a PL constant."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO, NOT_SQUARED


def prove(formulas: Formulas) -> Proof:
    """½‖∇Φ‖² = ½s²‖Jᵀe‖² ≥ ½s²λ‖e‖² = sλΦ."""
    s, lam, Phi, ee, Je, g, floor = sym("s lambda_R Phi ee Je gradient_norm floor")
    proof = Proof()
    proof.define("loss", sp.Eq(Phi, s * ee / 2), "Φ = (s/2)‖e‖², ee = ‖e‖²")
    proof.define("gradient", sp.Eq(g**2, s**2 * Je), "∇Φ = sJᵀe, Je = ‖Jᵀe‖²")
    proof.hypothesis("region", lam > 0, "λ_min(Θ(θ)) ≥ λ > 0 on the region")
    proof.lemma("rayleigh", "rayleigh", Je >= lam * ee, "eᵀΘe ≥ λ‖e‖²", premises=["region"])
    proof.derive("pl", g**2 / 2 >= formulas("mu") * Phi, "loss gradient rayleigh")
    proof.derive("pl_floor", g**2 / 2 >= formulas("mu") * (Phi - floor), "pl", "for any L* ≥ 0")
    proof.derive("positive", formulas("mu") > 0, "region")
    ratio = formulas("pl_ratio")
    proof.derive(
        "ratio", sp.Implies(Phi > 0, ratio * Phi >= formulas("mu") * Phi), "pl", "the ratio where it is defined"
    )
    return proof.conclude("pl pl_floor positive ratio")


CLAIM = Claim(
    id="pl_from_ntk",
    title="PL from the NTK",
    statement="If λ_min(Θ(θ)) ≥ λ > 0 on a region, then ½‖∇Φ‖² ≥ μΦ there with μ = sλ, hence ½‖∇Φ‖² ≥ μ(Φ − L*) for any"
    " 0 ≤ L* ≤ Φ: the region is an LPLR.",
    source="as in the abstract of v2 (s = 1); the loss scale s is our formulation",
    hypotheses=(
        Hypothesis("region", "λ_min(Θ) ≥ λ > 0 on the region", LAMBDA_ZERO),
        Hypothesis("squared loss", "Φ = (s/2)‖F − y‖²", NOT_SQUARED),
    ),
    proof=prove,
    remarks="At Φ = 0 the PL ratio ½‖∇Φ‖²/Φ is 0/0. Nothing about the shape of the region is used.",
)
