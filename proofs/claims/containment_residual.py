"""Claim containment_residual: containment from the residual; no smoothness constant, no first-exit argument.

One step. A = ηsΘ(θ_k) has λ_min(A) ≥ a = ηsσ² and ‖A‖ ≤ 1. With m = eᵀAe the spectral theorem gives ‖Ae‖² ≤ (1 + a)m − a‖e‖²,
so ‖(I − A)e‖² ≤ (1 − a)(‖e‖² − m) ≤ (‖e‖ − √(am))², and √(am) = σ·ℓ, ℓ = ηs‖Jᵀe‖ the step's length. So the linearised residual
pays σ per unit of length. The true residual is (I − A)e − (J̄ − J)(step), hence ‖e_k‖ − ‖e_{k+1}‖ ≥ (σ − δ)ℓ.

Containment. Let P be the distance allowance used so far, σ(ρ) a non-increasing bound on B(c, ρ), G(P) = ∫_P^R (σ(ρ) − δ)dρ, and suppose
‖e_k‖ ≤ G(P). Since G(P) ≤ (σ(P) − δ)(R − P) and σ(P)·ℓ ≤ ‖e_k‖ (the inequality above, which looks only at θ_k),
P + ℓ ≤ R: the step cannot leave the ball. So nothing has to be known about the segment beforehand, there is no
trap, and the non-strict inequality G(P_0) ≥ ‖e_0‖ is enough. Then ‖e_{k+1}‖ ≤ G(P) − (σ(P) − δ)ℓ ≤ G(P + ℓ).
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """The residual pays σ − δ per unit length, and what is left of the integral bounds it."""
    s, eta, R, delta, L_H, Delta, e0 = sym("s eta R delta L_H Delta_J e0")
    E, E1, q, m, a, image, h = sym("e_k e_next q m a image h")
    Je, length, sig, sigR, gap = sym("Je length sigma_P sigma defect")
    P, G, G1 = sym("P G G_next")
    K = sym("K")
    proof = Proof()
    proof.define("h", sp.Eq(h, eta * s))
    proof.define("K", sp.Eq(K, formulas("jacobian_norm_region")), "‖J(θ)‖ ≤ K on the ball, claim ntk_stability")
    proof.hypothesis("step", formulas("residual_step") <= 1, "ηs(‖J0‖ + Δ_J)² ≤ 1")
    proof.derive("step_h", h * K**2 <= 1, "h K step")
    proof.define("length", sp.Eq(length, h * Je), "the step's length, Je = ‖Jᵀe_k‖")
    proof.define("form", sp.Eq(m, h * Je**2), "m = e_kᵀAe_k")
    proof.define("a", sp.Eq(a, h * sig**2), "sig = σ(P)")
    proof.lemma("norm", "operator_norm", Je <= K * E)
    proof.hypothesis("below", Je >= sig * E, "‖J(θ)ᵀw‖ ≥ σ(P) for ‖w‖ = 1 on B(c, P); claim ntk_stability gives one σ")
    proof.lemma("spectral", "spectral_theorem", image <= (1 + a) * m - a * E**2, "image = ‖Ae_k‖²", premises=["step_h"])
    proof.define("linear", sp.Eq(q**2, E**2 - 2 * m + image), "q = ‖(I − A)e_k‖")
    proof.derive("am", sp.Eq(a * m, (sig * length) ** 2), "a form length")
    proof.derive("m_small", m <= E**2, "form norm step_h", "m ≤ ‖A‖‖e‖²")
    proof.derive("a_small", sp.Implies(E > 0, a <= 1), "a below norm step_h")
    proof.derive("q_square", q**2 <= (1 - a) * (E**2 - m), "linear spectral")
    proof.derive("reach", sp.Implies(E > 0, sig * length <= E), "am m_small a_small")
    proof.derive(
        "young", sp.Implies(E > 0, (1 - a) * (E**2 - m) <= (E - sig * length) ** 2), "am m_small a_small reach"
    )
    proof.derive("pays_linear", sp.Implies(E > 0, q <= E - sig * length), "q_square young reach")
    # Containment of the whole step, before anything is known about it.
    proof.define("running", E > 0, "else GD rests")
    proof.hypothesis("room", sig > delta, "σ(R) > δ, and σ(P) ≥ σ(R)")
    proof.suppose("so_far", sp.And(E <= G, P <= R, E <= e0), "‖e_k‖ ≤ G(P) = ∫_P^R (σ − δ)")
    proof.lemma("left_end", "monotone_integral", G <= (sig - delta) * (R - P), "σ is non-increasing")
    proof.derive("inside", P + length <= R, "reach running so_far left_end room")
    # The true residual.
    proof.lemma(
        "residual", "mean_value", E1 <= q + gap * length, "e_{k+1} = (I − A)e_k − (J̄ − J)(step)", premises=["inside"]
    )
    proof.lemma("curvature", "mean_value", gap <= L_H * length / 2, "gap = ‖J̄ − J(θ_k)‖", premises=["inside"])
    proof.lemma("movement", "mean_value", gap <= 2 * Delta, "both within Δ_J of J0", premises=["inside"])
    proof.derive("length_bound", length <= h * K * e0, "length norm so_far")
    proof.derive("drift", gap <= L_H * h * K * e0 / 2, "curvature length_bound")
    proof.derive("drift_bound", gap <= formulas("delta_residual"), "drift movement h K")
    proof.hypothesis("delta", delta >= formulas("delta_residual"))
    proof.derive("pays", E1 <= E - (sig - delta) * length, "pays_linear residual drift_bound delta running")
    proof.lemma("spent", "monotone_integral", G - G1 <= (sig - delta) * length, "G1 = G(P + ℓ)", premises=["inside"])
    proof.derive("next", sp.And(E1 <= G1, P + length <= R, E1 <= e0), "pays spent inside so_far room")
    E0, G0, P0 = sym("e_start G_start P_start")
    proof.hypothesis("containment", sp.And(E0 <= G0, P0 <= R), "‖e(θ_0)‖ ≤ ∫_{P_0}^R (σ − δ), ‖θ_0 − c‖ ≤ P_0 ≤ R")
    proof.define("start", E0 <= e0)
    proof.derive("base", sp.And(E0 <= G0, P0 <= R, E0 <= e0), "containment start")
    path, final = sym("P_k E_k")
    proof.lemma(
        "every_step",
        "induction",
        sp.And(path <= R, final <= e0),
        "for every k",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    # The rate: the step is not short.
    proof.define("sigma", sp.And(sigR <= sig, sigR > delta), "σ(R) ≤ σ(P)")
    proof.derive("long", length >= h * sigR * E, "length below sigma")
    proof.derive("gain", (sig - delta) * length >= (sigR - delta) * h * sigR * E, "long sigma")
    proof.derive("rate", E1 <= formulas("residual_rate") * E, "pays gain h")
    proof.derive("rate_loss", E1**2 <= formulas("residual_rate_loss") * E**2, "rate")
    # Lower sums of the integral, and its closed form.
    lower, panel = sp.symbols("sigma_lower panel", real=True)
    lambda0, width = sym("lambda0 width")
    proof.lemma("panel_integral", "monotone_integral", panel >= (lower - delta) * width, "right end point of the panel")
    proof.define("panel_end", lower >= sigR, "σ at the right end point")
    proof.derive("panel", panel >= formulas("residual_panel"), "panel_integral panel_end")
    rho, top = sp.symbols("rho R_end", positive=True)
    integral = sp.integrate(sp.sqrt(lambda0) - L_H * rho - delta, (rho, 0, top))
    proof.identity("closed_form", integral, formulas("residual_supply_linear", R=top))
    return proof.conclude("inside every_step pays rate rate_loss panel closed_form")


def _step_too_long() -> list[Fact]:
    # F = θ, y = 0, θ0 = 1, η = 3 (ηs‖J‖² = 3 > 1): σ = 1, δ = 0, R = 1, ∫ = 1 ≥ ‖e0‖ = 1; θ1 = −2.
    theta1 = Q(1) - 3 * Q(1)
    return [Fact("∫_0^1 1 dρ = 1 ≥ ‖e0‖", Q(1) >= Q(1)), Fact("θ1 = −2 is at distance 3 > R", abs(theta1 - 1) > 1)]


def _drift() -> list[Fact]:
    # F = 1 + θ² about θ0 = 1 with y = 0: λ ≥ 1 on B(1, 1/2), σ = 1 there; ∫ = 1/2 < ‖e0‖ = 2, and GD leaves.
    theta, steps = Q(1), 0
    while theta >= Q(1, 2) and steps < 9:
        theta -= Q(1, 32) * 2 * theta * (1 + theta**2)
        steps += 1
    return [
        Fact("ηs‖J‖² ≤ 1 on B(1, 1/2) for η = 1/32 (J = 2θ ≤ 3)", Q(1, 32) * 9 <= 1),
        Fact("‖e0‖ = 2 exceeds ∫ ≤ 3·1/2", Q(2) > Q(3, 2)),
        Fact("GD leaves B(1, 1/2)", theta < Q(1, 2)),
    ]


CLAIM = Claim(
    id="containment_residual",
    title="containment, residual form",
    statement="Let K = ‖J0‖ + Δ_J bound ‖J‖ on B(c, R), ηsK² ≤ 1, σ(ρ) a non-increasing lower bound of ‖J(θ)ᵀw‖, ‖w‖ = 1, on B(c, ρ),"
    " δ ≥ min(½ηsL_HK‖e0‖, 2Δ_J), σ(R) > δ, ‖θ_0 − c‖ ≤ P_0 ≤ R. If ∫_{P_0}^R (σ(ρ) − δ)dρ ≥ ‖e0‖ (not necessarily strictly), every"
    " iterate and segment stays in B(c, R), ‖e_k‖ − ‖e_{k+1}‖ ≥ (σ − δ)‖θ_{k+1} − θ_k‖ and"
    " ‖e_{k+1}‖ ≤ (1 − ηsσ(R)(σ(R) − δ))‖e_k‖. P_0 = 0: c = θ_0.",
    source="our formulation of what v3 assumes (containment)",
    hypotheses=(
        Hypothesis(
            "step", "ηs(‖J0‖ + Δ_J)² ≤ 1", Counterexample("F = θ, η = 3, R = 1: GD jumps to −2", _step_too_long)
        ),
        Hypothesis("containment", "∫(σ − δ) ≥ ‖e0‖", Counterexample("F = 1 + θ² about 1, R = 1/2, η = 1/32", _drift)),
        Hypothesis("radius", "the ball is large enough", SMALL_REGION),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. No smoothness constant and no first-exit argument are needed, and equality"
    " suffices. λ, K, L_H, Δ_J and δ belong to one and the same R. With Δ_J = L_H ρ and δ → 0: λ0 ≥ 2L_H‖e0‖.",
)
