"""Claim network_movement: how far the values of a network on a directed acyclic graph move, as a form in the moves of its layers.

θ = c + u, t_v = ‖u_v‖ the move of layer v's own parameters, t = (t_1, …, t_L). Every value moves by at most ⟨x_v, t⟩ with x_v ≥ 0, from
    inputs: x = 0            layer of weights: x_v = α_v 1_v + (ν_v + κ_v R)x_u        activation: S_1x_u
    fixed linear map T: ‖T‖x_u        sum (skip connection): Σ_j x_{u_j}        max pool whose windows read an entry at most ov times: √ov·x_u
    LayerNorm, GroupNorm: (√m/q̲)x_u sample by sample, q̲ on ‖Δz‖ ≤ R‖x_u‖ (layer_norm_derivatives); of all samples together by the largest
where u is the node that v reads, α_v the norm of (U, q) ↦ U∗h_u + q at the centre, ν_v that of h ↦ W∗h, κ_v = √(overlap) (convolution_norm; 1 for
a fully connected layer). Proof: Δz = (U∗h⁰ + q) + W(θ)∗Δh exactly, ‖W(θ)∗·‖ ≤ ν + κt_v ≤ ν + κR; induction in topological order.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """One node of each kind; the forms are linear in t with coefficients ≥ 0."""
    t, R, alpha, nu, kappa = sym("t_v R alpha nu overlap_root")
    below, form, first, weight, moved, form_next = sym("moved_below form first weight moved form_next")
    proof = Proof()
    proof.suppose("so_far", below <= form, "form = ⟨x_u, t⟩; 0 ≤ 0 at the inputs")
    proof.hypothesis("ball", t <= R, "t_v ≤ ‖θ − c‖ ≤ R")
    proof.lemma("own", "operator_norm", first <= alpha * t, "‖U∗h⁰ + q‖")
    proof.hypothesis("overlap", weight <= nu + kappa * t, "‖W(θ)∗·‖ ≤ ν + ‖U∗·‖, claim convolution_norm")
    proof.lemma("layer", "cauchy_schwarz", moved <= first + weight * below, "Δz = (U∗h⁰ + q) + W(θ)∗Δh")
    proof.define("form_next", sp.Eq(form_next, alpha * t + (nu + kappa * R) * form), "⟨x_v, t⟩")
    proof.derive("weight", weight <= nu + kappa * R, "overlap ball")
    proof.derive("inherited", weight * below <= (nu + kappa * R) * form, "weight so_far")
    proof.derive("layer_step", moved <= form_next, "layer own inherited form_next")
    slope, S1, after = sym("slope sup_first after")
    proof.hypothesis(
        "lipschitz",
        slope <= S1,
        "S_1 ≥ sup|σ'|, or ‖T‖ for a fixed linear map, √ov for a max pool, √m/q̲ for a LayerNorm",
    )
    proof.lemma(
        "activation",
        "mean_value",
        after <= slope * below,
        "entry by entry, kinks too; |Δmax| ≤ max|Δh_j| in each window",
    )
    proof.derive("activation_scaled", slope * below <= S1 * form, "lipschitz so_far")
    proof.derive("activation_step", after <= S1 * form, "activation activation_scaled")
    other, other_form, total = sym("moved_other form_other total")
    proof.suppose("so_far_other", other <= other_form, "the other branch")
    proof.lemma("sum", "cauchy_schwarz", total <= below + other, "triangle inequality")
    proof.derive("sum_step", total <= form + other_form, "sum so_far so_far_other")
    any_node, any_form = sym("any_node any_form")
    proof.lemma(
        "all",
        "induction",
        any_node <= any_form,
        "every node, in topological order",
        premises=["layer_step", "activation_step", "sum_step"],
        discharges=["so_far", "so_far_other"],
    )
    norm, squares, bound = sym("norm squares bound")
    proof.lemma("cauchy", "cauchy_schwarz", any_form**2 <= norm**2 * squares, "norm = ‖x_v‖, squares = Σ t_v²")
    proof.hypothesis("unshared", squares <= R**2, "no parameter belongs to two layers")
    proof.define("bound", sp.Eq(bound, norm * R))
    proof.derive("whole", any_node <= bound, "all cauchy unshared bound")
    return proof.conclude("layer_step activation_step sum_step whole")


def _skip_forgotten() -> list[Fact]:
    # F = h + w2·h, h = w1: at (w1, w2) = (1, 0), moving w1 by 1: the branch w2·h does not move, the skip does.
    return [Fact("F goes from 1 to 2 though the branch stays 0", (Q(2) + 0 * 2) - (Q(1) + 0 * 1) == 1)]


def _inflation() -> list[Fact]:
    # F = w2·w1 about 0: ν = α_2 = 0; at (1, 1) F = 1 ≠ 0: without κR the form would be 0.
    return [Fact("F(1, 1) − F(0, 0) = 1, and every norm at the centre is 0", Q(1) * 1 - 0 == 1)]


def _overlap() -> list[Fact]:
    # Kernel (1, 1) on the circle of two positions, image (1, 1): each entry is read twice; ‖U∗h‖² = 8 = 2·‖U‖²‖h‖².
    return [Fact("‖U∗h‖² = 8 > 4 = ‖U‖²‖h‖²: the overlap factor √2 is attained", Q(2) ** 2 * 2 == 8 and 8 > 2 * 2)]


def _shared() -> list[Fact]:
    # F = w·w at w = 1, moved by 1: ΔF = 3. Two layers kept apart: t_1² + t_2² = 2, not 1.
    return [
        Fact("ΔF = 3; with t = (1, 1) and R² = 1 assumed √(t_1² + t_2²) ≤ 1 is false", Q(2) ** 2 - 1 == 3 and Q(2) > 1)
    ]


CLAIM = Claim(
    id="network_movement",
    title="movement of a network's values on a ball",
    statement="Network on a directed acyclic graph whose samples do not interact. On B(c, R) every node's value moves by at most ⟨x_v, t⟩ ≤ ‖x_v‖R, t_v the"
    " move of layer v's parameters, x_v by the rules: α_v1_v + (ν_v + κ_vR)x_u for a layer of weights, sup|σ'|x_u for an activation, ‖T‖x_u for a"
    " fixed linear map, Σx_u for a sum, √ov·x_u for a max pool whose windows read an entry at most ov times.",
    source="our formulation",
    hypotheses=(
        Hypothesis("ball", "W(θ) on the ball, not W at its centre", Counterexample("F = w2w1 about 0", _inflation)),
        Hypothesis(
            "overlap", "κ = √(overlap) for convolutions", Counterexample("two positions, kernel (1, 1)", _overlap)
        ),
        Hypothesis(
            "every branch",
            "a sum adds the forms of all its summands",
            Counterexample("F = h + w2h, h = w1", _skip_forgotten),
        ),
        Hypothesis("unshared", "no parameter belongs to two layers", Counterexample("F = w·w", _shared)),
    ),
    proof=prove,
    remarks="The same for one sample with its own α. The forms bound Frobenius norms over the samples.",
)
