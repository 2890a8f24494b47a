"""Claim handover: a certificate centred at a stored point covers an exact run that comes close to it."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """‖e(θ_T)‖ ≤ ‖e(θ̂_T)‖ + ‖J̄‖δ_T; the path starts at distance δ_T."""
    e, J, Delta, delta_T, R, lam = sym("e jacobian_norm Delta_J delta_T R lambda_R")
    E, apart, mean = sym("e_T apart mean_norm")
    proof = Proof()
    proof.hypothesis("close", apart <= delta_T, "apart = ‖θ_T − θ̂_T‖")
    proof.lemma("mean", "mean_value", E <= e + mean * apart, "mean = ‖J̄‖ over the segment")
    proof.lemma("norm", "mean_value", mean <= J + Delta, "Δ_J valid on B(θ̂_T, δ_T)")
    proof.derive("e_bar", E <= formulas("e_bar"), "close mean norm")
    # Classical form from θ_T: the iterates are within δ_T + path(ē) of θ̂_T, on the sublevel set {Φ ≤ sē²/2}.
    path, dist = sym("path dist")
    proof.define("positive", lam > 0)
    proof.hypothesis("fits", delta_T + formulas("path_classical", e0=formulas("e_bar")) <= R)
    proof.lemma(
        "path",
        "claim:containment_classical",
        path <= formulas("path_classical", e0=formulas("e_bar")),
        "from θ_T, on the sublevel set of sē²/2",
        premises=["e_bar", "fits"],
    )
    proof.lemma("triangle", "cauchy_schwarz", dist <= apart + path, "‖θ_k − θ̂_T‖")
    proof.derive("inside", dist <= R, "positive close fits path triangle")
    return proof.conclude("e_bar inside")


def _wrong_residual() -> list[Fact]:
    # F = θ, y = 0, θ̂ = 0: e(θ̂) = 0, but ‖e(θ_T)‖ = δ_T.
    return [Fact("e(θ̂_T) = 0 and e(θ_T) = 1 with δ_T = 1, ‖J‖ = 1", Q(0) == 0 and Q(1) == 0 + 1 * 1)]


CLAIM = Claim(
    id="handover",
    title="hand-over of an exact run",
    statement="If ‖θ_T − θ̂_T‖ ≤ δ_T, then ‖e(θ_T)‖ ≤ ē = ‖e(θ̂_T)‖ + (‖J(θ̂_T)‖ + Δ_J(δ_T))δ_T, and GD from θ_T stays in B(θ̂_T, R) when"
    " δ_T + ē/(c√λ(R)) ≤ R (classical form; β with ē). Residual form: containment_residual with P_0 = δ_T and ē for ‖e0‖.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "close",
            "‖θ_T − θ̂_T‖ ≤ δ_T",
            Counterexample("F = θ: the stored residual 0 is not the exact one", _wrong_residual),
        ),
        Hypothesis(
            "fits",
            "δ_T + path(ē) ≤ R",
            Counterexample(
                "F = θ, θ̂_T = 0, θ_T = 1: every ball of radius < 1 about θ̂_T misses θ_T itself",
                lambda: [Fact("‖θ_T − θ̂_T‖ = 1 > 999/1000", Q(1) > Q(999, 1000))],
            ),
        ),
    ),
    proof=prove,
    remarks="Apply containment_classical on B(θ_T, R − δ_T), which lies in B(θ̂_T, R) where the constants are valid, with ē for ‖e0‖.",
)
