"""Claim linear_rate: the loss decreases geometrically while the steps stay in the region."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import NO_CONTAINMENT, TWICE_THE_BOUND


def prove(formulas: Formulas) -> Proof:
    """Induction over the steps; the rate lies in [0, 1)."""
    eta, beta, Phi, after, Phi0, power = sym("eta beta Phi Phi_after Phi0 power")
    c = sp.Symbol("fraction", real=True)
    rate = formulas("rate_classical", c=c)
    first = sym("Phi_1")
    proof = Proof()
    proof.hypothesis("step", sp.And(eta * beta < 2, sp.Eq(c, formulas("descent_fraction"))), "0 < η < 2/β")
    proof.define("start", Phi0 > 0, "else every Φ_k is 0")
    proof.hypothesis("first_step", first <= rate * Phi0, "claim descent_step; and Φ_1 ≥ 0")
    proof.derive("contracts", sp.And(rate < 1, rate >= 0), "step start first_step")
    proof.hypothesis("one_step", after <= rate * Phi, "claim descent_step, at every step that stays in the region")
    proof.derive("base", sp.Integer(1) * Phi0 <= Phi0, "step", "k = 0: rate⁰ = 1")
    proof.suppose("so_far", Phi <= power * Phi0, "power = rate^k")
    proof.derive("next", after <= rate * power * Phi0, "contracts one_step so_far")
    final, total = sym("Phi_k rate_to_the_k")
    proof.lemma(
        "all", "induction", final <= total * Phi0, "for every k", premises=["base", "next"], discharges=["so_far"]
    )
    return proof.conclude("contracts all")


CLAIM = Claim(
    id="linear_rate",
    title="linear rate",
    statement="If every step up to k stays in the region (segments included), Φ_k ≤ (1 − 2ημc)^k Φ_0 with 0 ≤ 1 − 2ημc < 1.",
    source="as in the abstract of v2 (linear while inside)",
    hypotheses=(
        Hypothesis("containment", "every step stays in the region", NO_CONTAINMENT),
        Hypothesis("step", "η < 2/β", TWICE_THE_BOUND),
    ),
    proof=prove,
)
