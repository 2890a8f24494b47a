"""Claim average_of_iterates: the residual at an average of parameters."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Taylor at the average; the linear terms cancel."""
    L, spread, deviation, at_mean, mean, one, distance = sym("L_H spread deviation at_mean mean one distance2")
    proof = Proof()
    proof.hypothesis(
        "curvature", 2 * one <= L * distance, "F(θ_k) = F(θ̄) + J(θ̄)(θ_k − θ̄) + r_k, one = ‖r_k‖, distance2 = ‖θ_k − θ̄‖²"
    )
    proof.lemma(
        "sum", "finite_sum", 2 * deviation <= L * spread, "means over k of ‖r_k‖ and ‖θ_k − θ̄‖²", premises=["curvature"]
    )
    proof.lemma(
        "triangle", "cauchy_schwarz", at_mean <= mean + deviation, "Σ(θ_k − θ̄) = 0: F(θ̄) = mean F(θ_k) − mean r_k"
    )
    proof.derive("bound", at_mean <= mean + L * spread / 2, "sum triangle")
    return proof.conclude("bound")


def _curved() -> list[Fact]:
    # F = θ², y = 1: the iterates ±1 fit exactly, their mean 0 has residual 1 = ½·2·1.
    return [
        Fact(
            "F = θ², y = 1, θ = ±1: both fit, the average has residual 1 = ½L_H·spread",
            abs(Q(0) ** 2 - 1) == Q(1, 2) * 2 * 1,
        )
    ]


CLAIM = Claim(
    id="average_of_iterates",
    title="residual at the average of the iterates",
    statement="θ̄ the mean of θ_0 … θ_{T−1} in a convex set with curvature L_H: ‖e(θ̄)‖ ≤ ‖mean e_k‖ + ½L_H·mean‖θ_k − θ̄‖².",
    source="our formulation; related to arXiv:2006.12297",
    hypotheses=(Hypothesis("curvature", "the curvature term", Counterexample("F = θ², y = 1", _curved)),),
    proof=prove,
    remarks="Summing the steps, (1/T)Σg_k = (θ_0 − θ_T)/(ηT) on every path: for a linear model the gradient at θ̄ up to the mean noise.",
)
