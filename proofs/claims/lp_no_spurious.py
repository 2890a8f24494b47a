"""Claim lp_no_spurious: inside a Locally PL Region the saddle points of local propagation are exact fits."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """Stationarity in W makes ∇Φ vanish; PL makes the loss vanish; then the multipliers."""
    s, lam, Phi, g, gL, ee, norm = sym("s lambda_R Phi gradient_norm gL ee multiplier")
    chain = sym("chain_norm")
    proof = Proof()
    proof.hypothesis("positive", lam > 0, "λ_min(Θ) at W")
    proof.lemma("same", "claim:lp_backprop", sp.Eq(g, gL), "∇Φ = ∂𝓛/∂W")
    proof.hypothesis("stationary", sp.Eq(gL, 0), "∂𝓛/∂W = 0")
    proof.lemma("pl", "claim:pl_from_ntk", g**2 / 2 >= formulas("mu") * Phi)
    proof.define("loss", sp.Eq(Phi, s * ee / 2))
    proof.derive("fit", sp.Eq(ee, 0), "same stationary pl loss positive")
    proof.lemma(
        "multipliers", "claim:lp_backprop", norm**2 <= chain**2 * s**2 * ee, "λ_l = −∂Φ/∂x_l = −B_{l+1}ᵀ…B_Lᵀs(x_L − y)"
    )
    proof.derive("zero", sp.Eq(norm, 0), "multipliers fit")
    return proof.conclude("fit zero")


CLAIM = Claim(
    id="lp_no_spurious",
    title="local propagation: no spurious saddle in an LPLR",
    statement="A point where the constraints hold and 𝓛 is stationary in outputs and weights, with λ_min(Θ) > 0 there, is an exact fit with all multipliers 0.",
    source="our formulation; related to arXiv:2002.07720",
    hypotheses=(Hypothesis("positive", "λ_min(Θ) > 0", LAMBDA_ZERO),),
    proof=prove,
)
