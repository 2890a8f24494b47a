"""Claim v1_lqcr_pl: under NTK stability the LQCRs of earlier work satisfy a local PL condition."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Needless, Proof, sym
from proofs.examples import LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """NTK stability on the region gives PL on it; quasi-convexity is not used."""
    s, lam, Phi, ee, Je, g = sym("s lambda_R Phi ee Je gradient_norm")
    proof = Proof()
    proof.define("loss", sp.And(sp.Eq(Phi, s * ee / 2), sp.Eq(g**2, s**2 * Je)))
    proof.hypothesis("stable", lam > 0, "λ_min(Θ) ≥ λ on the LQCR")
    proof.lemma("rayleigh", "rayleigh", Je >= lam * ee, premises=["stable"])
    proof.derive("pl", g**2 / 2 >= formulas("mu") * Phi, "loss rayleigh")
    proof.derive("positive", formulas("mu") > 0, "stable")
    return proof.conclude("pl positive")


CLAIM = Claim(
    id="v1_lqcr_pl",
    title="v1: LQCRs satisfy PL under NTK stability",
    statement="An LQCR on which λ_min(Θ) ≥ λ > 0 (NTK stability) satisfies ½‖∇Φ‖² ≥ sλΦ.",
    source="as in the abstract of v1; the meaning of NTK stability is our formulation",
    hypotheses=(
        Hypothesis("stable", "λ_min(Θ) ≥ λ > 0 on the region", LAMBDA_ZERO),
        Hypothesis("lqcr", "the region is an LQCR", Needless("pl_from_ntk", "the conclusion holds on any region")),
    ),
    proof=prove,
    remarks="True, but for wide networks vacuous under the textbook definition: claims no_lqcr_wide, no_lqcr_generic. The region can be any ball.",
)


def quasi_convex_without_pl() -> list[Fact]:
    """Φ = θ⁶/2 (F = θ³, y = 0) on [−1, 1]: quasi-convex, ½Φ'²/Φ = 9θ⁴ has infimum 0."""
    t = sp.Symbol("t", real=True)
    loss = t**6 / 2
    ratio = sp.cancel(sp.diff(loss, t) ** 2 / 2 / loss)
    return [
        Fact("½Φ'²/Φ = 9θ⁴", ratio == 9 * t**4),
        Fact("Φ' has the sign of θ: Φ falls, then rises, so it is quasi-convex", sp.diff(loss, t) == 3 * t**5),
        Fact("ratio < 10⁻⁶ at θ = 1/100", ratio.subs(t, sp.Rational(1, 100)) < sp.Rational(1, 10**6)),
    ]


WITHOUT_PL = Counterexample("F = θ³, y = 0 on [−1, 1]", quasi_convex_without_pl)
