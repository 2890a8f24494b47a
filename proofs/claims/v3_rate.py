"""Claim v3_rate: linear convergence with fixed-step containment as a hypothesis."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Needless, Proof, sym
from proofs.examples import NO_CONTAINMENT, SEGMENT_OUTSIDE, TWICE_THE_BOUND


def prove(formulas: Formulas) -> Proof:
    """descent_step at every step, μ from v3_pl, containment of iterates and segments assumed."""
    eta, beta, Phi, after, g = sym("eta beta Phi Phi_after gradient_norm")
    mu = formulas("mu_paper", s=sp.Integer(1))
    c = formulas("descent_fraction")
    lambda0, L, R = sym("lambda0 L_Theta R")
    m = sp.Symbol("m", positive=True)
    proof = Proof()
    proof.define("m", sp.And(sp.Eq(m, mu), lambda0 > L * R), "claim v3_pl")
    proof.hypothesis("step", eta < formulas("step_bound"))
    proof.hypothesis(
        "contained", sym("distance") <= R, "of every iterate and every point of a segment between iterates"
    )
    proof.lemma("taylor", "taylor", after <= Phi - eta * g**2 + eta**2 * beta * g**2 / 2, premises=["contained"])
    proof.lemma("pl", "claim:v3_pl", g**2 / 2 >= m * Phi, premises=["m"])
    proof.derive("rate", after <= formulas("rate_classical", c=c, mu=m) * Phi, "step taylor pl")
    proof.derive("contracts", formulas("rate_classical", c=c, mu=m) < 1, "step")
    return proof.conclude("rate contracts")


CLAIM = Claim(
    id="v3_rate",
    title="v3: linear rate under assumed containment",
    statement="Under v3_pl's hypotheses, if GD with a fixed 0 < η < 2/β stays in the region (segments included), Φ_{k+1} ≤ (1 − 2ημc)Φ_k with"
    " μ = λ0 − L_Θ r.",
    source="as in the abstract of v3; β and the segments are our formulation",
    hypotheses=(
        Hypothesis("containment", "the iterates stay in the region", NO_CONTAINMENT),
        Hypothesis(
            "containment, proved",
            "containment need not be assumed when ‖e0‖/(c√λ) ≤ R",
            Needless("containment_classical", "it follows from an inequality between the constants"),
        ),
        Hypothesis("segments", "so do the segments between them", SEGMENT_OUTSIDE),
        Hypothesis("step", "η < 2/β", TWICE_THE_BOUND),
    ),
    proof=prove,
)
