"""Claim v1_existence: properly initialised finite-width networks admit LPLRs around initialisation."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Formulas, Hypothesis, Proof, sym
from proofs.claims.ntk_positive import CLAIM as GENERIC
from proofs.examples import LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """ntk_positive gives λ0 > 0 almost surely, stability_radius_positive the ball, pl_from_ntk the constant."""
    lam, lambda0, Delta, s = sym("lambda_R lambda0 Delta_J s")
    at_witness, g, Phi, ee, Je = sym("at_witness gradient_norm Phi ee Je")
    proof = Proof()
    proof.hypothesis("proper", at_witness > 0, "F analytic, det Θ > 0 at one parameter")
    proof.lemma("generic", "claim:ntk_positive", lambda0 > 0, "with probability one", premises=["proper"])
    proof.derive("room", sp.sqrt(lambda0) / 2 > 0, "generic")
    proof.lemma("ball", "continuity", Delta <= sp.sqrt(lambda0) / 2, "on some B(θ0, r), r > 0", premises=["room"])
    proof.define("lambda", sp.Eq(lam, formulas("lambda_region_sharp")))
    proof.derive("positive", lam > 0, "generic ball lambda")
    proof.define("loss", sp.And(sp.Eq(Phi, s * ee / 2), sp.Eq(g**2, s**2 * Je)))
    proof.lemma("rayleigh", "rayleigh", Je >= lam * ee)
    proof.derive("lplr", sp.And(g**2 / 2 >= formulas("mu") * Phi, formulas("mu") > 0), "positive loss rayleigh")
    return proof.conclude("lplr")


_NEEDED = GENERIC.hypotheses[0].necessity
if not isinstance(_NEEDED, Counterexample):
    raise TypeError("ntk_positive's first hypothesis has a counterexample")

CLAIM = Claim(
    id="v1_existence",
    title="v1: an LPLR around initialisation exists",
    statement="Let F be analytic in θ with λ_min(Θ(θ')) > 0 for one θ'. With probability one under any initialisation with a density there is a"
    " ball of positive radius around θ0 that is an LPLR.",
    source="as in the abstract of v1 (properly initialised networks admit such regions); hypotheses in our formulation",
    hypotheses=(
        Hypothesis("proper", "λ_min(Θ) > 0 somewhere: no repeated inputs", _NEEDED),
        Hypothesis("positive", "λ0 > 0", LAMBDA_ZERO),
    ),
    proof=prove,
    remarks="No width is asked for; the radius may be tiny. That GD stays in the region is not part of this claim.",
)
