"""Claim inputs_nearby: what inputs within ε of the stored ones change at given parameters, and what a certificate about all of them must bound.

Gradient descent of another data set (X', y), ‖x'_i − x_i‖ ≤ ε for each sample, is another map T'. Its certificate needs the same numbers, of X': λ_min(Θ'),
‖J'‖, ‖e'‖, the layers' norms that L_H is made of, and how far T' sends a recorded point from where T does. All are what they are at X, and ‖J' − J‖ and
‖e' − e‖, which the layers' norms bound; no second trajectory is followed.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import KINK


def _layers(proof: Proof) -> None:
    """One layer, one sample, fixed parameters; V = sW, a = (s h, 1)."""
    eps, v, scale, S1, S2, s1, s2 = sym("epsilon v s_l sup_first sup_second sigma_first sigma_second")
    moved, x, dz, after, da, base = sym("moved_below x dz dh_next da moved_input")
    proof.hypothesis("close", base <= eps, "base = ‖x'_i − x_i‖")
    proof.hypothesis("smooth", sp.And(s1 <= S1, s2 <= S2), "sup|σ'|, sup|σ''| finite")
    proof.suppose("so_far", moved <= x, "x: the bound of layer l − 1; ε at the inputs")
    proof.lemma("dz", "operator_norm", dz <= v * moved, "Δz = VΔh, ‖V‖ = v")
    proof.lemma("dh", "mean_value", after <= s1 * dz, "entry by entry")
    proof.derive("dz_step", dz <= v * x, "dz so_far")
    proof.derive("slope", s1 * dz <= S1 * (v * x), "dz_step smooth")
    proof.derive("dh_step", after <= S1 * (v * x), "dh slope")
    proof.lemma(
        "forward", "induction", sp.And(moved <= x, dz <= v * x), premises=["close", "dh_step"], discharges=["so_far"]
    )
    proof.lemma("da", "operator_norm", da <= scale * moved)
    proof.derive("da_step", da <= scale * x, "da forward")
    change, gamma, db, column, below, beta = sym("change_g gamma db g_column change_below beta")
    proof.define("beta", sp.Eq(beta, S1 * gamma + S2 * (v * x) * column))
    proof.suppose("g_so_far", change <= gamma, "gamma: the bound of ‖ΔG_l‖; 0 at the output")
    proof.lemma(
        "db",
        "frobenius",
        db <= s1 * change + s2 * dz * column,
        "ΔB = σ'∘ΔG + Δσ'∘G; ‖G diag(d)‖ ≤ ‖d‖·column, its largest column norm",
    )
    proof.derive("db_slope", s1 * change <= S1 * gamma, "smooth g_so_far")
    proof.derive("db_bend", s2 * dz * column <= S2 * (v * x) * column, "smooth forward")
    proof.derive("db_step", db <= beta, "db beta db_slope db_bend")
    proof.lemma("dg", "operator_norm", below <= v * db, "ΔG_{l−1} = ΔB V")
    proof.derive("dg_step", below <= v * beta, "dg db_step")
    proof.lemma(
        "backward", "induction", sp.And(change <= gamma, db <= beta), premises=["dg_step"], discharges=["g_so_far"]
    )
    a0, b0, block, a, alpha = sym("a_centre b_centre block a_norm alpha")
    proof.define("alpha", sp.Eq(alpha, scale * x))
    proof.lemma("a", "operator_norm", a <= a0 + da)
    proof.lemma("block", "mixed_product", block <= db * a + b0 * da, "(B'_iᵀw_i)a'_iᵀ − (B_iᵀw_i)a_iᵀ, ‖w_i‖ = 1")
    proof.derive("a_step", a <= a0 + alpha, "a da_step alpha")
    proof.derive("block_first", db * a <= beta * (a0 + alpha), "backward a_step")
    proof.derive("block_second", b0 * da <= b0 * alpha, "da_step alpha")
    proof.derive("block_step", block <= beta * (a0 + alpha) + b0 * alpha, "block block_first block_second")
    total, squares = sym("jacobian_change_square squares")
    proof.lemma(
        "jacobian_change",
        "cauchy_schwarz",
        total <= squares,
        "‖ΔJᵀw‖ ≤ Σ_i of the samples' norms times ‖w_i‖; squares = Σ_l Σ_i block²",
        premises=["block_step"],
    )
    through, first, v1, beta1, df = sym("gradient_x v_first_gradient v_first beta_first df")
    proof.lemma(
        "outputs",
        "mean_value",
        df <= through * base,
        "through = sup‖∂F_i/∂x‖ = sup‖B_{1,i}V_1‖ on the segment from x_i to x'_i",
    )
    proof.lemma(
        "through",
        "operator_norm",
        through <= first + beta1 * v1,
        "first = ‖B_{1,i}V_1‖ at x_i; ‖ΔB_1‖ ≤ β_1 all along it",
    )
    proof.derive("near", through * base <= (first + beta1 * v1) * eps, "through close")
    proof.derive("outputs_step", df <= (first + beta1 * v1) * eps, "outputs near")


def _facts(proof: Proof, formulas: Formulas) -> None:
    """From D_J ≥ ‖J' − J‖ and D_e ≥ ‖e' − e‖."""
    J, J1, e, e1, D_J, D_e, dJ, de = sym("jacobian_norm J_other e e_other Delta_J residual_change dJ de")
    low, low1, eta, s, apart, image = sym("Jw Jw_other eta s steps_apart image")
    proof.define(
        "changes", sp.And(dJ <= D_J, de <= D_e), "lines block_step and outputs_step, added over layers and samples"
    )
    proof.lemma("norm", "operator_norm", J1 <= J + dJ)
    proof.derive("norm_step", J1 <= J + D_J, "norm changes")
    proof.lemma("below", "cauchy_schwarz", low1 >= low - dJ, "‖J'ᵀw‖ for ‖w‖ = 1, w of the weighted kernels too")
    proof.derive("below_step", low1 >= low - D_J, "below changes")
    proof.hypothesis("targets", e1 <= e + de, "e' − e = F' − F: the targets are the same")
    proof.derive("residual_step", e1 <= e + D_e, "targets changes")
    proof.lemma("image", "operator_norm", image <= J * de + dJ * e1, "J'ᵀe' − Jᵀe = Jᵀ(e' − e) + (J' − J)ᵀe'")
    proof.lemma("apart", "chain_rule", sp.Eq(apart, eta * s * image), "apart = ‖T'(θ̂) − T(θ̂)‖")
    proof.derive("first", J * de <= J * D_e, "changes")
    proof.derive("second", dJ * e1 <= D_J * (e + D_e), "changes residual_step")
    proof.derive("step_apart", apart <= formulas("inputs_step"), "image apart first second")


def prove(formulas: Formulas) -> Proof:
    """Forwards, backwards, the Jacobian; then what a certificate reads."""
    proof = Proof()
    _layers(proof)
    _facts(proof, formulas)
    return proof.conclude(
        "dz_step dh_step da_step db_step dg_step block_step outputs_step norm_step below_step residual_step step_apart"
    )


def _not_close() -> list[Fact]:
    # F = θx at θ = 1: an input at distance 2 moves F by 2, not by ε = 1.
    return [Fact("|F(3) − F(1)| = 2 > 1", abs(Q(3) - Q(1)) > 1)]


def _other_targets() -> list[Fact]:
    # F = θ at θ = 0, y = 0 and y' = 1: the same inputs, so D_e = 0, and |e' − e| = 1.
    return [Fact("|e' − e| = 1 > 0", abs((Q(0) - 1) - Q(0)) == 1)]


def _data_moves() -> list[Fact]:
    # F = θx: B = 1 does not change, J = x does, by ε = 1: without b·α the bound would be 0.
    return [Fact("|J' − J| = |2 − 1| = 1 > 0", abs(Q(2) - Q(1)) == 1)]


def _weights_count() -> list[Fact]:
    # F = v·w·x at v = 1, w = 4: ∂F/∂v = wx moves by 4ε: ‖V_1‖ is needed though no parameter moves.
    return [Fact("|wx' − wx| = 4 > 1 = ε", abs(Q(4) * 2 - Q(4) * 1) == 4)]


def _same_step() -> list[Fact]:
    # F = θx, y = 0, η = 1/4, θ = 1: T(1) = 3/4 for x = 1, 0 for x' = 2.
    return [Fact("|T'(1) − T(1)| = 3/4 > 0", abs((1 - Q(1, 4) * 4) - (1 - Q(1, 4))) == Q(3, 4))]


CLAIM = Claim(
    id="inputs_nearby",
    title="every data set whose inputs lie within ε",
    statement="Chain of fully connected layers, C² activations, fixed θ, ‖x'_i − x_i‖ ≤ ε for every sample, y' = y. With x_0 = ε, z_l = ‖V_l‖x_{l−1},"
    " x_l = sup|σ_l'|z_l, α_l = s_lx_{l−1}; γ_L = 0, β_l = sup|σ_l'|γ_l + sup|σ_l''|z_l·g_{l,i}, γ_{l−1} = ‖V_l‖β_l: ‖Δa_l‖ ≤ α_l, ‖ΔB_{l,i}‖ ≤ β_{l,i},"
    " ‖ΔG_{l,i}‖ ≤ γ_{l,i}, ‖J' − J‖² ≤ D_J² = Σ_l Σ_i (β_{l,i}(‖a_{l,i}‖ + α_l) + ‖B_{l,i}‖α_l)², ‖F'_i − F_i‖ ≤ ε(‖B_{1,i}V_1‖ + β_{1,i}‖V_1‖). Hence"
    " √λ_min(Θ') ≥ √λ_min(Θ) − D_J, ‖J'‖ ≤ ‖J‖ + D_J, ‖e'‖ ≤ ‖e‖ + D_e, and ‖T'(θ) − T(θ)‖ ≤ ηs(‖J‖D_e + D_J(‖e‖ + D_e)).",
    source="our formulation: `data_radius` of scopes `region` and `ball`",
    hypotheses=(
        Hypothesis("close", "‖x'_i − x_i‖ ≤ ε", Counterexample("F = θx, an input at distance 2, ε = 1", _not_close)),
        Hypothesis("targets", "y' = y", Counterexample("F = θ, y' = 1", _other_targets)),
        Hypothesis(
            "inputs in J",
            "‖B‖α: the first layer's Jacobian holds the inputs themselves",
            Counterexample("F = θx: B is constant, J is not", _data_moves),
        ),
        Hypothesis(
            "weights",
            "‖V_1‖: the first layer is moved by its inputs",
            Counterexample("F = v·w·x, w = 4", _weights_count),
        ),
        Hypothesis(
            "two maps",
            "‖T'(θ̂) − T(θ̂)‖ is added to what a step moves apart",
            Counterexample("F = θx, x' = 2", _same_step),
        ),
        Hypothesis("smooth", "C² activations", KINK),
    ),
    proof=prove,
    remarks="L_H of X' comes from the same norms: ‖A_l‖ + √n·α_l, ‖a_{l,i}‖ + α_l, ‖B_{l,i}‖ + β_{l,i}, g_{l,i} + γ_{l,i} at θ."
    " Weighted kernels Ψ = Σk_rJ_rJ_rᵀ change as Θ does, D_J times the root of the largest weight above 1.",
)
