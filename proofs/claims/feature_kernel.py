"""Claim feature_kernel: λ on the ball of a network of any depth from the inputs of its last layer.

Θ = Σ_l (B_lB_lᵀ)∘(A_lA_lᵀ ⊗ 11ᵀ) (ntk_layer_sum), every term ⪰ 0 (Schur), and the last one is A_LA_Lᵀ ⊗ I because the output is affine in its own
weights. So ‖J(θ)ᵀw‖ ≥ ‖A_L(θ)ᵀw‖, and A_L changes by s_LΔH_{L−1} only. No σ'', no output weights, no curvature occur, and the output
layer's own movement is not charged.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Movement of the last layer's inputs, layer by layer and linear in (t_1, …, t_{L−1}); then Weyl for A_L."""
    R, features, change = sym("R lambda_features feature_change")
    t, a0, v0, v, scale, s1, S1 = sym("t_l a_centre v_centre v_norm s_l sigma_first sup_first")
    below, form, dz, dh, form_next = sym("dh_below form dz dh form_next")
    proof = Proof()
    proof.define("whole", t <= R, "t_l = ‖[U_l q_l]‖_F ≤ ‖θ − c‖ ≤ R")
    proof.hypothesis("slope", s1 <= S1, "S_l ≥ sup|σ_l'|")
    proof.lemma("v", "operator_norm", v <= v0 + scale * t, "V_l(θ) = V_l + s_lU_l")
    proof.lemma("dz", "frobenius", dz <= a0 * t + v * below, "ΔZ_l = A_l[U_l q_l]ᵀ + ΔH_{l−1}V_l(θ)ᵀ, ‖·‖_F")
    proof.lemma("dh", "mean_value", dh <= s1 * dz, "entry by entry")
    proof.define(
        "form", sp.Eq(form_next, S1 * (a0 * t + (v0 + scale * R) * form)), "form = Σ_{j<l} C_j^{(l−1)}t_j, linear"
    )
    proof.suppose("so_far", below <= form, "0 ≤ 0 at the inputs")
    proof.derive("v_ball", v <= v0 + scale * R, "v whole")
    proof.derive("inherited", v * below <= (v0 + scale * R) * form, "v_ball so_far")
    proof.derive("dz_step", dz <= a0 * t + (v0 + scale * R) * form, "dz inherited")
    proof.derive("dh_step", dh <= form_next, "dh slope dz_step form")
    last, form_last, C, squares, moved = sym("dh_last form_last C squares moved")
    top = sym("s_L")
    proof.lemma("forward", "induction", last <= form_last, "‖ΔH_{L−1}‖_F", premises=["dh_step"], discharges=["so_far"])
    proof.lemma(
        "cauchy", "cauchy_schwarz", form_last**2 <= C**2 * squares, "C = ‖(C_1, …, C_{L−1})‖, squares = Σ_l t_l²"
    )
    proof.hypothesis("ball", squares <= R**2, "Σ_l t_l² ≤ ‖θ − c‖² ≤ R²")
    proof.derive("length", form_last <= C * R, "cauchy ball")
    proof.lemma("moved", "frobenius", moved <= top * last, "moved = ‖A_L(θ) − A_L‖; the constant column does not move")
    proof.define("change", change >= top * C * R)
    proof.derive("moved_ball", moved <= change, "moved forward length change")
    # Θ(θ) ⪰ A_L(θ)A_L(θ)ᵀ ⊗ I; w a unit vector.
    whole, now, centre, apart = sym("theta_form a_now a_centre_form apart")
    proof.lemma(
        "kernel",
        "claim:ntk_layer_sum",
        whole >= now**2,
        "whole = wᵀΘ(θ)w, now = ‖(A_L(θ) ⊗ I)ᵀw‖; B_L = I, other terms ⪰ 0",
    )
    proof.lemma("rayleigh", "rayleigh", centre**2 >= features, "centre = ‖(A_L ⊗ I)ᵀw‖")
    proof.lemma("apart", "operator_norm", apart <= moved, "apart = ‖((A_L(θ) − A_L) ⊗ I)ᵀw‖")
    proof.lemma("triangle", "cauchy_schwarz", now >= centre - apart)
    proof.derive("root", centre >= sp.sqrt(features), "rayleigh")
    proof.derive("sigma", now >= sp.sqrt(features) - change, "triangle root apart moved_ball")
    proof.derive("square", now**2 >= formulas("lambda_region_features"), "sigma")
    proof.derive("lambda", whole >= formulas("lambda_region_features"), "kernel square")
    return proof.conclude("dz_step dh_step moved_ball square lambda")


def _centre_norms() -> list[Fact]:
    # F = w3·(1 + w2·w1), the layer before with a frozen bias 1: at w1 = w2 = 0, A_3 = 1; V_2 = A_2 = 0, so without s_2R nothing moves.
    return [
        Fact("A_3 = 1 + w2w1 is 1 at (0, 0) and 0 at (1, −1)", 1 + Q(0) * 0 == 1 and 1 + Q(1) * -1 == 0),
        Fact("Θ = A_3² + w3²(w1² + w2²) = 0 at (1, −1, 0): λ = 0 on B(0, √2)", (1 + Q(1) * -1) ** 2 == 0),
    ]


def _shared() -> list[Fact]:
    # F = w·(1 − w): the last weight is shared with the layer before. At w = 1/2 the feature is 1/2, Θ = (1 − 2w)² = 0.
    w = sp.Symbol("w")
    slope = sp.diff(w * (1 - w), w).subs(w, sp.Rational(1, 2))
    return [Fact("Θ(1/2) = 0 < 1/4, the feature kernel", slope**2 == 0 and (1 - Q(1, 2)) ** 2 == Q(1, 4))]


def _activated_output() -> list[Fact]:
    # F = (w·1)² with an activation after the last layer: A = 1, Θ = 4w² = 0 at w = 0.
    return [Fact("Θ = (2w)² = 0 at w = 0, but AAᵀ = 1", (2 * Q(0)) ** 2 == 0)]


def _slope() -> list[Fact]:
    # F = v·σ(w), σ(z) = 1 − 2z, x = 1 at w = 0: A_2 = 1; with sup|σ'| = 1 assumed, A_2 ≥ 1/2 on B(0, 1/2), but σ(1/2) = 0.
    return [Fact("σ(1/2) = 0 although 1 − 1·(1/2) = 1/2", 1 - 2 * Q(1, 2) == 0)]


def _attained() -> list[Fact]:
    # F = v·w, x = 1, at (v, w) = (0, 1): λ = (√1 − R)² on B: at (0, 1 − R) Θ = (1 − R)².
    R = Q(1, 3)
    return [Fact("Θ(0, 2/3) = 4/9 = (1 − R)²: attained", (1 - R) ** 2 + Q(0) == Q(4, 9))]


CLAIM = Claim(
    id="feature_kernel",
    title="λ on the ball from the last layer's inputs, any depth",
    statement="Fully connected network of L ≥ 2 affine layers with identity output, k outputs, σ_l Lipschitz with S_l ≥ sup|σ_l'|. On B(c, R):"
    " λ_min(Θ(θ)) ≥ max(0, √λ_min(A_LA_Lᵀ) − s_LC·R)², A_L at c, C = ‖C^{(L−1)}‖, C^{(1)} = S_1·(‖A_1‖),"
    " C^{(l)} = S_l·((‖V_l‖ + s_lR)C^{(l−1)}, ‖A_l‖).",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "norms on the ball",
            "‖V_l‖ + s_lR, not ‖V_l‖ at the centre",
            Counterexample(
                "F = w3(1 + w2w1) about 0: every norm at the centre is 0, yet A_3 vanishes at (1, −1)", _centre_norms
            ),
        ),
        Hypothesis("slope", "S_l ≥ sup|σ_l'|", Counterexample("F = v(1 − 2w) with S = 1", _slope)),
        Hypothesis(
            "unshared",
            "the last layer's weights occur nowhere else",
            Counterexample("F = w(1 − w): Θ = 0 where the feature kernel is 1/4", _shared),
        ),
        Hypothesis(
            "identity output",
            "no activation after the last layer",
            Counterexample("F = w²: Θ = 0 at w = 0, AAᵀ = 1", _activated_output),
        ),
    ),
    witnesses=(Counterexample("attained by F = v·w", _attained),),
    proof=prove,
    remarks="The proof is in the module's docstring. A_L has its constant column only where the output bias is trained; a layer whose weights"
    " are frozen has t_l = 0. Piecewise linear activations are allowed: only their Lipschitz constant enters.",
)
