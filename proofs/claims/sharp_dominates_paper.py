"""Claim sharp_dominates_paper: from the same Δ_J the sharp form is never worse than the paper's."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Needless, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """λ0 − Δ(2‖J0‖ + Δ) ≤ λ0 − 2√λ0Δ + Δ², because √λ0 ≤ ‖J0‖; and the radii compare as (1 + √κ)√λ0 ≤ 2‖J0‖ + Δ."""
    lambda0, j0, Delta, L_H, R, kappa = sym("lambda0 jacobian_norm0 Delta_J L_H R kappa")
    root = sp.Symbol("root", nonnegative=True)
    proof = Proof()
    proof.define("extremes", sp.Eq(root**2, lambda0), "root = √λ0")
    proof.lemma("norm", "rayleigh", root <= j0, "√λ_min ≤ √λ_max = ‖J0‖")
    proof.hypothesis("same", Delta <= L_H * R, "Δ_J is the one that L_Θ = L_H(2‖J0‖ + Δ_J) was derived with")
    L = formulas("L_theta")
    paper = formulas("lambda_region_paper", L_Theta=L)
    proof.derive("root_is", sp.Eq(sp.sqrt(lambda0), root), "extremes")
    proof.derive("through_delta", paper <= lambda0 - Delta * (2 * root + Delta), "extremes norm same")
    proof.derive("square", lambda0 - Delta * (2 * root + Delta) <= sp.Max(0, root - Delta) ** 2, "extremes")
    proof.derive("lambda", paper <= formulas("lambda_region_sharp"), "through_delta square root_is")
    # Radii, for Δ_J = L_H ρ: compare (1 − κ)λ0/L_Θ with (1 − √κ)√λ0/L_H.
    half = sp.Symbol("root_kappa", positive=True)
    proof.define("fraction", sp.And(sp.Eq(half**2, kappa), half <= 1))
    proof.define("positive", sp.And(L_H > 0, lambda0 > 0))
    ratio = (1 - half) * root * (2 * j0 + Delta) >= (1 - half**2) * lambda0
    proof.derive("radii", ratio, "extremes norm fraction", "both sides times L_H(2‖J0‖ + Δ_J) > 0")
    return proof.conclude("lambda radii")


def _unlinked() -> list[Fact]:
    # λ0 = ‖J0‖² = 1, a loose Δ_J = 1 but L_H R = 1/10: sharp form 0, paper's form 1 − 3/10.
    sharp, paper = max(Q(0), 1 - Q(1)) ** 2, 1 - Q(1, 10) * (2 + 1)
    return [Fact("sharp form 0 < paper's form 7/10", sharp == 0 and paper == Q(7, 10))]


CLAIM = Claim(
    id="sharp_dominates_paper",
    title="the sharp form dominates the paper's, from the same Δ_J",
    statement="If L_Θ = L_H(2‖J0‖ + Δ_J) and Δ_J ≤ L_H R, then λ0 − L_Θ R ≤ max(0, √λ0 − Δ_J)²; and the stability radius"
    " (1 − √κ)√λ0/L_H is at least (1 − κ)λ0/L_Θ.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "same Δ_J",
            "Δ_J ≤ L_H R",
            Counterexample(
                "Δ_J = 1 but L_H R = 1/10, λ0 = ‖J0‖ = 1: take the smaller of the two bounds of ‖J − J0‖ first",
                _unlinked,
            ),
        ),
        Hypothesis(
            "λ0 > 0",
            "λ0 > 0 for the first inequality",
            Needless("sharp_dominates_paper", "the first chain uses λ0 ≥ 0 only"),
        ),
    ),
    proof=prove,
)
