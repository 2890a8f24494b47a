"""Claim v2_pl: μ is the least eigenvalue of the NTK on the region."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import HALF_SCALE, LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """pl_from_ntk with s = 1."""
    lam, Phi, ee, Je, g, floor = sym("lambda_R Phi ee Je gradient_norm floor")
    proof = Proof()
    proof.hypothesis("scale", sp.Eq(Phi, ee / 2), "Φ = ½‖F − y‖²: s = 1")
    proof.define("gradient", sp.Eq(g**2, Je))
    proof.hypothesis("region", lam > 0)
    proof.lemma("rayleigh", "rayleigh", Je >= lam * ee, premises=["region"])
    mu = formulas("mu", s=sp.Integer(1))
    proof.derive("pl", g**2 / 2 >= mu * (Phi - floor), "scale gradient rayleigh")
    proof.identity("mu_is", mu, lam, "μ = λ_min")
    return proof.conclude("pl mu_is")


CLAIM = Claim(
    id="v2_pl",
    title="v2: μ = λ_min of the NTK on the region (s = 1)",
    statement="For Φ = ½‖F − y‖² and λ_min(Θ) ≥ λ > 0 on a region, ½‖∇Φ‖² ≥ λ(Φ − L*) there for every L* ≥ 0.",
    source="as in the abstract of v2",
    hypotheses=(
        Hypothesis("scale", "s = 1: the half sum", HALF_SCALE),
        Hypothesis("region", "λ > 0", LAMBDA_ZERO),
    ),
    proof=prove,
)
