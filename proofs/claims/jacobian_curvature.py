"""Claim jacobian_curvature: curvature of the stacked map (F, √ρ ∂F/∂x) of one hidden layer.

F = m^{−½}Σ_r v_rσ(w_r·u), u = x/√d. Along (ẇ, v̇), ż = ẇ·u: F̈ = m^{−½}Σ_r(2v̇σ′ż + vσ″ż²) and ∂_xF̈ =
(md)^{−½}Σ_r[2v̇(σ″żw + σ′ẇ) + v(σ‴ż²w + 2σ″żẇ)]. Norms over the n samples: ‖ż‖ ≤ ‖U‖‖ẇ‖, ‖ż²‖ ≤ κ‖ẇ‖² with κ² = ‖UUᵀ ∘ UUᵀ‖.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Per neuron ‖T_r‖ ≤ 2apq + bp², p = ‖ẇ_r‖, q = |v̇_r|; the largest root over the neurons bounds the sum."""
    p, q, S1, S2, S3, U, k4, w, v, n = sym("p q S1 S2 S3 U_norm kappa4 w_norm v_abs n")
    aF, bF, aD, bD, a, b = sym("a_F b_F a_D b_D a_r b_r")
    first, second, TF, TD, T = sym("z_norm z2_norm T_F T_D T_r")
    root_n = sym("root_n")
    proof = Proof()
    proof.hypothesis("slopes", first <= U * p, "‖ż‖ ≤ ‖U‖p over the samples")
    proof.hypothesis("squares", second <= k4 * p**2, "‖ż²‖ ≤ κp², claim layered_curvature's fourth moment")
    proof.define("root_n", sp.Eq(root_n**2, n))
    proof.lemma(
        "outputs",
        "cauchy_schwarz",
        TF <= 2 * q * S1 * first + v * S2 * second,
        "√m·‖neuron r's part of F̈‖, S_j = sup|σ^(j)|",
    )
    proof.lemma(
        "gradients",
        "cauchy_schwarz",
        TD <= 2 * q * (S2 * first * w + S1 * root_n * p) + v * (S3 * second * w + 2 * S2 * first * p),
        "√(md)·‖neuron r's part of ∂_xF̈‖",
    )
    proof.define("aF", sp.Eq(aF, S1 * U))
    proof.define("bF", sp.Eq(bF, v * S2 * k4))
    proof.define("aD", sp.Eq(aD, S2 * U * w + S1 * root_n))
    proof.define("bD", sp.Eq(bD, v * (S3 * k4 * w + 2 * S2 * U)))
    proof.derive("part_F", TF <= 2 * aF * p * q + bF * p**2, "slopes squares outputs aF bF")
    proof.derive("first_term", 2 * q * (S2 * first * w + S1 * root_n * p) <= 2 * q * p * aD, "slopes aD")
    proof.derive("second_term", v * (S3 * second * w + 2 * S2 * first * p) <= bD * p**2, "slopes squares bD")
    proof.derive("part_D", TD <= 2 * aD * p * q + bD * p**2, "gradients first_term second_term")
    proof.lemma(
        "minkowski",
        "cauchy_schwarz",
        T <= 2 * a * p * q + b * p**2,
        "a² = (a_F/√m)² + ρ(a_D/√(md))², b likewise: Minkowski on the two blocks",
        premises=["part_F", "part_D"],
    )
    root = formulas("stacked_curvature", stacked_bend=b, stacked_slope=a)
    big = sym("big")
    proof.define("big", sp.Eq(big**2 - b * big, a**2), "the positive root")
    proof.define("big_positive", big >= b)
    proof.derive("young", 2 * a * p * q + b * p**2 <= big * (p**2 + q**2), "big big_positive")
    proof.derive("neuron", T <= big * (p**2 + q**2), "minkowski young")
    proof.derive("root", sp.Eq(big, root), "big big_positive")
    total, most, norms = sym("total most norms")
    proof.lemma(
        "sum", "finite_sum", total <= most * norms, "most = max_r, norms = Σ(p_r² + q_r²) = 1", premises=["neuron"]
    )
    return proof.conclude("part_F part_D neuron root sum")


def _bend_only() -> list[Fact]:
    # σ = t², one neuron v = 1, n = d = 1, x = 1: F = vw², ∂_xF = 2vw²x at x: along w F̈ = 2v ≠ 0 although σ' vanishes at w = 0.
    return [
        Fact("σ = t², w = 0, v = 1: F̈ along w is 2 where σ'(z) = 0: the term in σ'' cannot be dropped", 2 * Q(1) > 0)
    ]


def _fourth() -> list[Fact]:
    # Two equal samples: ‖ż²‖ = √2p² = κp² with κ² = ‖[[1, 1], [1, 1]]‖ = 2.
    return [Fact("two samples u = 1: Σż⁴ = 2 = κ²: attained", Q(1) + 1 == 2)]


CLAIM = Claim(
    id="jacobian_curvature",
    title="Jacobian regularisation: curvature of the stacked map",
    statement="One hidden layer, F = m^{−½}Σv_rσ(w_r·u), u = x/√d. ‖D²G‖ ≤ max_r ½(b_r + √(b_r² + 4a_r²)) with a_r² = (S_1‖U‖)²/m + ρ(S_2‖U‖‖w_r‖ +"
    " S_1√n)²/(md), b_r² = (|v_r|S_2κ)²/m + ρ(|v_r|(S_3κ‖w_r‖ + 2S_2‖U‖))²/(md), S_j = sup|σ^(j)|, κ² = ‖UUᵀ ∘ UUᵀ‖; on a ball of radius R"
    " with ‖w_r‖ + R, |v_r| + R.",
    source="our formulation; related to arXiv:2312.03386",
    hypotheses=(
        Hypothesis("slopes", "the slopes' and bends' terms", Counterexample("σ = t² at w = 0", _bend_only)),
        Hypothesis("squares", "κ, not ‖U‖", Counterexample("two equal samples", _fourth)),
    ),
    proof=prove,
    remarks="tanh: S_1 = 1, S_2 = 4/(3√3), S_3 = 2.",
)
