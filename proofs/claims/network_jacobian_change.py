"""Claim network_jacobian_change: how far the Jacobian of a network on a graph moves on a ball, and its curvature, by one recursion.

G_v = ∂F/∂h_v of one sample. ‖ΔG_v‖ ≤ ⟨y_v, t⟩ + c_v, from the output (0, 0) back; a node adds over its consumers w
    layer of weights: ν_w(y_w, c_w) + κ_w(b_w + β̄_w)1_w          smooth activation: S_1(y_w, c_w) + S_2γ_w x_u
    piecewise linear activation: S_1(y_w, c_w) and K(ρ) to c (unstable_units)      fixed map: ‖T‖(y_w, c_w)      sum: (y_w, c_w)
    max pool: √ov(y_w, c_w) and K(ρ) to c (window_choices)      LayerNorm: S_N(y_w, c_w) + B_Nb_w x_u, S_N = √m/q̲, B_N = (2/√3)√m/q̲² (layer_norm_derivatives)
b_w ≥ ‖G_w‖ at the centre, β̄_w = R‖y_w‖ + c_w, γ_w the largest column norm of G_w, x_u from network_movement. Proof: G_u(θ) − G_u = G_w(θ)∘U +
ΔG_w∘W⁰ for a layer; ΔG_w·diag σ'(z_θ) + G_w·diag(σ'(z_θ) − σ'(z)) for an activation, whose second part has the Frobenius norm at most
γ_wS_2‖Δz‖. The rows of layer v: J_v(θ)ᵀw = Σ_i A_i(θ)ᵀG_i(θ)ᵀw_i, so ‖ΔJ_v‖ ≤ max_i‖ΔG_i‖·(α_v + κ_vR‖x_u‖) + max_i b_i·κ_v⟨x_u, t⟩ =: ⟨M_v, t⟩ + c'_v.
With R → 0 about any θ of the ball the same recursion bounds the derivative of J there, hence D²F.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def _backward(proof: Proof) -> None:
    t, nu, kappa, b, top = sym("t_w nu overlap_root b_w change_top")
    dg, bound, below, g = sym("change_above bound_above change_below g_w")
    proof.suppose(
        "so_far", sp.And(dg <= bound, dg <= top), "bound = ⟨y_w, t⟩ + c_w, top = β̄_w = R‖y_w‖ + c_w; 0 at the output"
    )
    proof.lemma("g", "operator_norm", g <= b + dg, "‖G_w(θ)‖")
    proof.lemma("layer", "operator_norm", below <= g * (kappa * t) + dg * nu, "ΔG_u = G_w(θ)∘U + ΔG_w∘W⁰, ‖U∗·‖ ≤ κt")
    proof.derive("pushed", g * (kappa * t) <= (b + top) * (kappa * t), "g so_far")
    proof.derive("carried", dg * nu <= nu * bound, "so_far")
    proof.derive("layer_step", below <= nu * bound + kappa * (b + top) * t, "layer pushed carried")
    s1, S1, s2, S2, gamma, dz, form, after, flips = sym("slope sup_first bend sup_second gamma dz form after flips")
    K = sym("flip_bound")
    proof.hypothesis("slopes", sp.And(s1 <= S1, s2 <= S2), "S_1 ≥ sup|σ'|, S_2 ≥ sup|σ''| off the kinks")
    proof.lemma("movement", "claim:network_movement", dz <= form, "form = ⟨x_u, t⟩")
    proof.lemma(
        "activation",
        "frobenius",
        after <= dg * s1 + gamma * (s2 * dz) + flips,
        "ΔG_w·diag σ'(z_θ) + G_w·diag(Δσ'), ‖G·diag(d)‖_F ≤ γ‖d‖; flips: across kinks",
    )
    proof.lemma("flips", "claim:unstable_units", flips <= K, "0 for C² activations")
    proof.derive("carried_slope", dg * s1 <= S1 * bound, "so_far slopes")
    proof.derive("bent", s2 * dz <= S2 * form, "slopes movement")
    proof.derive("bent_scaled", gamma * (s2 * dz) <= gamma * (S2 * form), "bent")
    proof.derive(
        "activation_step", after <= S1 * bound + gamma * S2 * form + K, "activation carried_slope bent_scaled flips"
    )
    root, pooled, anew, choices = sym("window_root pooled anew choice_bound")
    proof.lemma("pool", "operator_norm", pooled <= root * dg + anew, "ΔG_u = S(θ)ᵀΔG_w + (S(θ) − S)ᵀG_w, ‖S‖ ≤ √ov")
    proof.lemma("anew", "claim:window_choices", anew <= choices, "windows that choose anew")
    proof.derive("carried_root", root * dg <= root * bound, "so_far")
    proof.derive("pool_step", pooled <= root * bound + choices, "pool anew carried_root")
    steep, turn, S_N, B_N, divided = sym("norm_slope norm_turn sup_norm_slope sup_norm_bend divided")
    proof.lemma(
        "steep",
        "claim:layer_norm_derivatives",
        sp.And(steep <= S_N, turn <= B_N * dz),
        "DN(z_θ) and its change, q ≥ q̲ on the sample's ball",
    )
    proof.lemma(
        "norm",
        "operator_norm",
        divided <= dg * steep + b * turn,
        "ΔG_w·DN(z_θ) + G_w(DN(z_θ) − DN(z)): N mixes entries, so ‖G_w‖ and no column",
    )
    proof.derive("steep_scaled", dg * steep <= S_N * bound, "so_far steep")
    proof.derive("turned", b * turn <= b * (B_N * form), "steep movement")
    proof.derive("norm_step", divided <= S_N * bound + b * (B_N * form), "norm steep_scaled turned")
    other, other_bound, total = sym("change_other bound_other total_change")
    proof.suppose("so_far_other", other <= other_bound, "another consumer")
    proof.lemma("fan_out", "cauchy_schwarz", total <= dg + other, "G of a node adds over its consumers")
    proof.derive("fan_out_step", total <= bound + other_bound, "fan_out so_far so_far_other")
    final, final_bound = sym("change_v bound_v")
    proof.lemma(
        "all",
        "induction",
        final <= final_bound,
        "every node, in reverse topological order",
        premises=["layer_step", "activation_step", "pool_step", "norm_step", "fan_out_step"],
        discharges=["so_far", "so_far_other"],
    )


def prove(formulas: Formulas) -> Proof:
    """Backward recursion; one layer's block of J; all layers by Minkowski."""
    proof = Proof()
    _backward(proof)
    change, bound, data, alpha, kappa, R, norm, b, dx, form, block = sym(
        "change_v bound_v data alpha overlap_root R x_norm b_v data_change form block"
    )
    proof.lemma(
        "data",
        "claim:network_movement",
        sp.And(data <= alpha + kappa * R * norm, dx <= kappa * form),
        "A(θ) and its change",
    )
    proof.lemma(
        "block", "operator_norm", block <= change * data + b * dx, "block = ‖ΔJ_v‖; Σ A_i(θ)ᵀΔG_iᵀw_i + Σ ΔA_iᵀG_iᵀw_i"
    )
    proof.derive("first", change * data <= bound * (alpha + kappa * R * norm), "all data")
    proof.derive("second", b * dx <= b * (kappa * form), "data")
    proof.derive("block_bound", block <= bound * (alpha + kappa * R * norm) + b * kappa * form, "block first second")
    # All layers: the bound of block v is ⟨M_v, t⟩ + c'_v.
    total, image, jump, M, length = sym("total image jump_norm form_norm length")
    proof.lemma(
        "layers",
        "finite_sum",
        total <= image + jump,
        "‖ΔJ‖ ≤ (Σ_v‖ΔJ_v‖²)^½ ≤ ‖Mt‖ + ‖c'‖ (Minkowski)",
        premises=["block_bound"],
    )
    proof.lemma("image", "operator_norm", image <= M * length, "M the matrix of the rows M_v, ≥ 0; length = ‖t‖")
    proof.hypothesis("unshared", length <= R, "no parameter belongs to two layers: ‖t‖ ≤ ‖θ − c‖ ≤ R")
    proof.derive("scaled", M * length <= M * R, "unshared")
    proof.derive("jacobian", total <= formulas("network_delta_J"), "layers image scaled")
    # Curvature: the same about θ with radius r → 0, norms at θ at most their suprema on the ball.
    small, r, at_theta, sup, curvature, L_H = sym("small r form_at_theta form_sup curvature L_H")
    proof.define("small", sp.And(small <= r * at_theta, r > 0), "‖J(θ + u) − J(θ)‖, ‖u‖ = r; no kink near θ")
    proof.hypothesis(
        "suprema", sp.And(at_theta <= sup, sup <= L_H), "every norm at the centre replaced by its supremum on the ball"
    )
    proof.lemma("derivative", "mean_value", r * curvature <= small, "‖D²F(θ)[u/r]‖, in the limit")
    proof.derive("curvature_scaled", r * curvature <= r * L_H, "derivative small suprema")
    proof.derive("curvature", curvature <= L_H, "curvature_scaled small")
    return proof.conclude("layer_step activation_step pool_step norm_step fan_out_step block_bound jacobian curvature")


def _three_layers() -> list[Fact]:
    # F = w3w2w1 about 0: J = 0, all norms 0; at (1, 1, 1) J = (1, 1, 1).
    return [Fact("‖ΔJ‖² = 3 at (1, 1, 1) although b = ν = α = 0 (but for the input) at the centre", Q(1) + 1 + 1 == 3)]


def _kink() -> list[Fact]:
    # F = relu(w): S_2 = 0 off the kink, but J jumps by 1 between w = ±1/100.
    return [Fact("ΔJ = 1 at distance 1/50", Q(1) - 0 == 1 and Q(1, 50) < 1)]


def _fan_out() -> list[Fact]:
    # F = h² + h², h = w (two consumers): J = 4w; one branch alone has 2w.
    return [Fact("ΔJ = 4 for Δw = 1, 2 with one consumer forgotten", Q(4) > 2)]


def _shared() -> list[Fact]:
    w = sp.Symbol("w")
    return [Fact("F = w·w: ΔJ = 2Δw, the form of w2w1 gives 1·Δw", sp.diff(w**2, w, 2) == 2)]


def _attained() -> list[Fact]:
    # F = w2w1 about (0, 0): M = [[0, 1], [1, 0]] (κ = 1, b_2 = 1, ν = α_2 = 0), ‖M‖ = 1; ΔJ = (Δw2, Δw1).
    M = sp.Matrix([[0, 1], [1, 0]])
    return [Fact("‖M‖ = 1 and ‖ΔJ‖ = R: attained", max(M.eigenvals()) == 1)]


CLAIM = Claim(
    id="network_jacobian_change",
    title="movement of the Jacobian and curvature on a graph",
    statement="Network on a directed acyclic graph, samples apart. On B(c, R), whatever the slopes at kinks and the choices of max pools where"
    " entries tie: ‖J(θ) − J(c)‖ ≤ R‖M(R)‖ + ‖c'(R)‖, rows M_v ="
    " max_i y_v,i·(α_v + κ_vR‖x_u‖) + max_i b_v,i·κ_vx_u, c'_v = max_i c_v,i·(α_v + κ_vR‖x_u‖), with the backward recursion of the docstring. Where F is"
    " C² (no unit meets its kink, no window chooses anew), ‖D²F‖ ≤ ‖M‖ with every norm at the centre replaced by its supremum on the ball.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "inflation", "norms on the ball, not at its centre", Counterexample("F = w3w2w1 about 0", _three_layers)
        ),
        Hypothesis("every consumer", "G adds over all consumers", Counterexample("F = h² + h², h = w", _fan_out)),
        Hypothesis("kinks", "a jump K(ρ) across kinks (unstable_units)", Counterexample("F = relu(w)", _kink)),
        Hypothesis("unshared", "no parameter belongs to two layers", Counterexample("F = w·w", _shared)),
    ),
    witnesses=(Counterexample("attained by F = w2w1", _attained),),
    proof=prove,
    remarks="The rules for G hold sample by sample; in place of max_i one may keep n rows y_v,i(α_v,i + …) + b_v,iκ_vx_u (Frobenius over the samples), and"
    " take the smaller per layer. Entry (v, w) of the curvature's M bounds D²F[u_v, u_w] as entry (w, v) does: the entrywise minimum of M and Mᵀ is valid"
    " where M has one row per layer. γ is the largest column norm over all outputs.",
)
