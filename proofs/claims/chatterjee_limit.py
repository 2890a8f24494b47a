"""Claim chatterjee_limit: as η → 0 the classical containment condition becomes Chatterjee's criterion."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """c → 1, and ‖e0‖/√λ < R is 4Φ_0 < 2μR²."""
    eta, lam, R = sym("eta lambda_R R")
    root = sp.Symbol("root", positive=True)
    proof = Proof()
    path = formulas("path_classical", c=formulas("descent_fraction"))
    proof.identity("limit", sp.limit(path, eta, 0), formulas("path_flow"), "the path bound as η → 0")
    proof.define("root", sp.Eq(root**2, lam))
    proof.derive("root_is", sp.Eq(sp.sqrt(lam), root), "root")
    margin = formulas("margin_flow", mu=formulas("mu"), Phi0=formulas("loss0"))
    flow = formulas("path_flow")
    proof.derive("forward", sp.Implies(margin > 0, flow < R), "root root_is")
    proof.derive("backward", sp.Implies(flow < R, margin > 0), "root root_is")
    return proof.conclude("limit forward backward")


CLAIM = Claim(
    id="chatterjee_limit",
    title="Chatterjee's criterion is the case η → 0",
    statement="The classical path bound tends to ‖e0‖/√λ as η → 0, and ‖e0‖/√λ < R is 4Φ_0 < R²·2μ, Chatterjee's criterion with"
    " inf‖∇Φ‖²/Φ replaced by its lower bound 2μ = 2sλ.",
    source="Chatterjee, arXiv:2203.16462, compared in our formulation",
    hypotheses=(Hypothesis("radius", "R exceeds the path", SMALL_REGION),),
    proof=prove,
)
