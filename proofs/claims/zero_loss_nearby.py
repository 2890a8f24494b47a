"""Claim zero_loss_nearby: an exact fit lies within ‖e(θ)‖/σ of every point that has so much room in the ball.

Run gradient descent from θ with a step η as small as one likes. Claim containment_residual on B(θ, r), r = ‖e(θ)‖/(σ − δ), σ constant,
keeps it in B(θ, r) and its limit θ*_η is an exact fit with ‖θ − θ*_η‖ ≤ r. For C² activations δ = ½ηsL_HK‖e(θ)‖ tends to 0 with η, so r
tends to ‖e(θ)‖/σ: for small η the ball lies in B(c, R), and a limit point of the θ*_η as η → 0 is an exact fit at distance at most
‖e(θ)‖/σ. For piecewise linear activations δ = 2Δ_J whatever the step, and σ̃ = σ − 2Δ_J takes the place of σ.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """The length of gradient descent's path for a small step, and a limit point."""
    R, sigma, delta, e = sym("R sigma delta e")
    P, r, reach, length, distance, slack = sym("P r reach length distance slack")
    proof = Proof()
    proof.hypothesis("positive", sigma > 0, "σ ≤ ‖J(θ)ᵀw‖ for ‖w‖ = 1 on B(c, R)")
    proof.hypothesis("room", P + e / sigma < R, "P = ‖θ − c‖, e = ‖e(θ)‖")
    proof.define("reach", sp.Eq(reach * sigma, e), "reach = ‖e(θ)‖/σ")
    proof.derive("reach_is", sp.Eq(e / sigma, reach), "reach positive")
    proof.define("slack", sp.And(slack > 0, sp.Eq(slack, R - P - reach)), "positive by room")
    # δ(η) → 0: take η so small that r = ‖e‖/(σ − δ) ≤ reach + slack.
    proof.hypothesis(
        "drift", sp.And(delta < sigma, delta * (reach + slack) <= sigma * slack), "δ ≥ ½ηsL_HK‖e‖, η small enough"
    )
    proof.define("r", sp.Eq(r * (sigma - delta), e))
    proof.derive("r_small", r <= reach + slack, "r reach drift slack")
    proof.derive("inside", P + r <= R, "r_small slack", "so B(θ, r) ⊂ B(c, R), where σ, K, L_H hold")
    proof.lemma(
        "path",
        "claim:containment_residual",
        length * (sigma - delta) <= e,
        "from θ on B(θ, r): ∫_0^r (σ − δ) = ‖e‖",
        premises=["inside"],
    )
    proof.derive("short", length <= r, "path r drift")
    proof.lemma("limit", "claim:iterates_converge", distance <= length, "distance = ‖θ − θ*_η‖, F(θ*_η) = y")
    proof.derive("near", distance <= reach + slack, "limit short r_small")
    nearest = sym("nearest")
    proof.lemma(
        "compact",
        "compactness",
        nearest <= reach,
        "a limit point as η → 0: r → reach, and F(θ*) = y by continuity",
        premises=["near"],
    )
    proof.derive("bound", sp.And(nearest <= e / sigma, P + nearest < R), "compact reach_is room positive")
    return proof.conclude("inside near bound")


def _no_fit() -> list[Fact]:
    # F = 1 + θ², y = 0: no exact fit at all; at θ = 1 σ = 2 > 0 there, but on no ball with room ‖e‖/σ.
    theta = Q(1)
    e, sigma_half = 1 + theta**2, 2 * Q(1, 2)
    return [
        Fact("σ = 1 on B(1, 1/2), ‖e‖/σ = 2 > 1/2", e / sigma_half == 2),
        Fact("F ≥ 1 everywhere: no exact fit", (1 + theta**2) >= 1 and e == 2),
    ]


CLAIM = Claim(
    id="zero_loss_nearby",
    title="an exact fit within ‖e‖/σ",
    statement="On B(c, R) let ‖J(θ)ᵀw‖ ≥ σ > 0 for ‖w‖ = 1, ‖J‖ and L_H bounded, C² activations. If ‖θ − c‖ + ‖e(θ)‖/σ < R, there is θ* ∈ B(c, R)"
    " with F(θ*) = y and ‖θ − θ*‖ ≤ ‖e(θ)‖/σ. Piecewise linear activations: σ − 2Δ_J in place of σ.",
    source="our formulation; an error bound in the sense of Łojasiewicz",
    hypotheses=(
        Hypothesis(
            "room",
            "‖θ − c‖ + ‖e(θ)‖/σ < R",
            Counterexample("F = 1 + θ² about 1, R = 1/2: no exact fit exists", _no_fit),
        ),
        Hypothesis("radius", "σ holds on a ball that large", SMALL_REGION),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. The step used here is free: it is not the step of the descent that is certified. In Coq: within"
    " every r > ‖e(θ)‖/σ for which there is room, without compactness; C² activations.",
)
