"""Claim neuron_remainder: the remainder of the linearisation of a one-hidden-layer network, neuron by neuron.

Let z, v be the pre-activations and output weights of a neuron at c, z' = z + u with u = A_1Δw, and v' = v + Δv those at θ. That neuron's
part of F(c) − F(θ) − J(θ)(c − θ) is, over s_2,
    vσ(z) − v'σ(z') + v'σ'(z')u + Δvσ(z') = v(σ(z) − σ(z') + σ'(z')u) + Δvσ'(z')u.
The bracket is at most ½S_2u_i² in sample i, and ‖u∘u‖ = max_{‖y‖=1} ΔwᵀA_1ᵀdiag(y)A_1Δw ≤ ‖A_1A_1ᵀ∘A_1A_1ᵀ‖^½t_w² (lemma frobenius), so the
part has norm at most ½q_rt_w² + pt_vt_w, a quadratic form whose λ_max is ½√ω_r. Only v_r at c enters, and nothing between c and θ.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Taylor in each neuron, the 2 × 2 form, and the sum over the neurons."""
    p, q, omega, D_square = sym("slope_norm bend_norm omega D_square")
    tw, tv, bent, moved, part, square = sym("t_w t_v bent moved part square")
    proof = Proof()
    proof.lemma("bent", "frobenius", bent <= q * tw**2 / 2, "|v|·½sup|σ''|·‖u∘u‖, u = A_1Δw")
    proof.lemma("moved", "operator_norm", moved <= tv * p * tw, "‖Δvσ'(z')∘u‖ ≤ t_v sup|σ'|·‖A_1‖t_w")
    proof.lemma(
        "part", "cauchy_schwarz", part <= bent + moved, "this neuron's part of the remainder, triangle inequality"
    )
    r, root, top = sym("r root top")
    proof.define("radical", sp.Eq(r**2, p**2 + q**2 / 4))
    proof.define("top", sp.Eq(top, formulas("neuron_omega")))
    proof.derive("radical_is", sp.Eq(sp.sqrt(p**2 + q**2 / 4), r), "radical")
    proof.derive("square", sp.Eq(top, (q / 2 + r) ** 2), "top radical_is radical")
    proof.hypothesis("omega", omega >= top, "ω, the largest ω_r at c")
    proof.define("root", sp.Eq(root**2, omega))
    proof.derive("root_top", root >= q / 2 + r, "square omega root")
    proof.derive("root_is", sp.Eq(sp.sqrt(omega), root), "root")
    # root ≥ q/2 + r is at least λ_max of [[q, p], [p, 0]]: root(root − q) ≥ r² − q²/4 = p².
    proof.derive("form", q * tw**2 + 2 * p * tv * tw <= root * (tw**2 + tv**2), "root_top radical")
    proof.derive("neuron", part <= root * (tw**2 + tv**2) / 2, "bent moved part form")
    total = sym("total")
    proof.lemma(
        "sum",
        "finite_sum",
        total <= root * square / 2,
        "total ≥ ‖F(c) − F(θ) − J(θ)(c − θ)‖, square = Σ_r t_r²",
        premises=["neuron"],
    )
    proof.hypothesis("near", square <= D_square, "‖θ − c‖² ≤ D²")
    proof.derive("spent", root * square <= root * D_square, "near")
    proof.derive("remainder", total <= formulas("remainder_neurons"), "sum spent root_is")
    return proof.conclude("form neuron remainder")


def _product() -> list[Fact]:
    # F = v·w (σ = identity, x = 1): p = 1, q = 0, √ω = 1; the remainder is −ΔvΔw, at Δv = Δw = 1 equal to ½·1·2.
    v, w = Q(3), Q(5)
    remainder = v * w - (v + 1) * (w + 1) + (v + 1) * 1 + (w + 1) * 1
    return [Fact("F(c) − F(θ) − J(θ)(c − θ) = 1 = ½√ω·‖θ − c‖²: attained", remainder == 1 and Q(1, 2) * 2 == remainder)]


def _small_omega() -> list[Fact]:
    # The same with ω = 1/4 assumed.
    return [Fact("the remainder 1 exceeds ½·½·2", 1 > Q(1, 2) * Q(1, 2) * 2)]


def _far() -> list[Fact]:
    # Δv = Δw = 2: remainder 4, with D² = 2 assumed the bound is 1.
    return [Fact("the remainder 4 exceeds the bound 1 for D² = 2", Q(2) * 2 > Q(1, 2) * 2)]


CLAIM = Claim(
    id="neuron_remainder",
    title="remainder of the linearisation, one hidden layer",
    statement="F(x) = Vσ(Wx + b) + const with one hidden layer, σ ∈ C². For ‖θ − c‖ ≤ D: ‖F(c) − F(θ) − J(θ)(c − θ)‖ ≤ ½√ω·D², ω the largest"
    " ω_r of neuron_budget at c.",
    source="our formulation",
    hypotheses=(
        Hypothesis("omega", "ω ≥ ω_r for every neuron", Counterexample("F = v·w with ω = 1/4", _small_omega)),
        Hypothesis("near", "‖θ − c‖ ≤ D", Counterexample("F = v·w, Δv = Δw = 2, D² = 2", _far)),
    ),
    witnesses=(Counterexample("attained by F = v·w", _product),),
    proof=prove,
    remarks="The proof is in the module's docstring. ϱ(D) = ½√ω·D² serves containment_displacement and its staircase.",
)
