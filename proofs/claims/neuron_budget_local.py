"""Claim neuron_budget_local: the neuron budget with suprema of σ', σ'' near the centre only, and a cut-off for neurons that go further.

Neuron r moves by t_r. While t_r ≤ T_r its pre-activations stay within ρ_iT_r of those at the centre, ρ_i = ‖a_{1,i}‖, so σ', σ'' are bounded on
these intervals only, which gives a smaller ω_r, and Young's inequality as in neuron_budget. A neuron that moves further may lose all of
J_rJ_rᵀ; but k_rJ_rJ_rᵀ ⪯ k_r‖J_r‖²I ⪯ m'T_r²I ⪯ m't_r²I when k_r ≤ m'T_r²/‖J_r‖², so what it has been charged covers the loss.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Two cases per neuron, t_r ≤ T_r and t_r > T_r; then the sum."""
    weight, omega, R, intercept = sym("weight omega R intercept")
    T, norm = sym("neuron_reach neuron_norm")
    a, d, t, tw, tv = sym("a d t t_w t_v")
    ad = sp.Symbol("ad", real=True)
    rho, shift, first, second, moved = sym("rho shift first second moved")
    p, q, p_there, q_there = sym("slope_norm bend_norm slope_norm_there bend_norm_there")
    proof = Proof()
    # Near: the pre-activations stay in the intervals on which the suprema are taken.
    proof.define("split", sp.Eq(t**2, tw**2 + tv**2), "t = distance that neuron r's parameters move")
    proof.lemma("shift", "cauchy_schwarz", shift <= rho * tw, "|z'_i − z_i| = |⟨a_i, Δw⟩|")
    proof.derive("own", tw <= t, "split")
    proof.derive("interval", sp.Implies(t <= T, shift <= rho * T), "shift own")
    proof.hypothesis(
        "suprema",
        sp.Implies(shift <= rho * T, sp.And(p_there <= p, q_there <= q)),
        "p, q from sup|σ'|, sup|σ''| over [z_i − ρ_iT, z_i + ρ_iT], i = 1, …, n",
    )
    proof.lemma("output_columns", "operator_norm", first <= p_there * tw, "σ(z') − σ(z) = diag(σ'(ζ))A_1Δw, ζ between")
    proof.lemma(
        "input_columns",
        "schur_product",
        second <= p_there * tv + q_there * tw,
        "Δv ⊗ diag(σ'(z'))A_1 + v ⊗ diag(δ)A_1, δ = diag(σ''(ζ))A_1Δw",
    )
    proof.lemma("blocks", "operator_norm", moved <= first**2 + second**2, "moved = ‖D_r‖², D_r = J_r(θ) − J_r(θ0)")
    proof.derive(
        "columns",
        sp.Implies(t <= T, sp.And(first <= p * tw, second <= p * tv + q * tw)),
        "interval suprema output_columns input_columns",
    )
    proof.derive("sum_of_blocks", sp.Implies(t <= T, moved <= (p * tw) ** 2 + (p * tv + q * tw) ** 2), "columns blocks")
    top = sym("top")
    proof.define("top", sp.Eq(top, formulas("neuron_omega")))
    proof.lemma(
        "form",
        "claim:neuron_budget",
        (p * tw) ** 2 + (p * tv + q * tw) ** 2 <= top * (tw**2 + tv**2),
        "its line eigenvalue, an inequality between numbers",
    )
    proof.define("omega", omega >= top, "ω_r")
    proof.derive("bound", top * t**2 <= omega * t**2, "omega")
    proof.derive("near_move", sp.Implies(t <= T, moved <= omega * t**2), "sum_of_blocks form split bound")
    proof.lemma("movement", "operator_norm", d**2 <= moved, "d = ‖D_rᵀw‖, ‖w‖ = 1")
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(ad) <= a * d, "a = ‖J_rᵀw‖, ad = ⟨J_rᵀw, D_rᵀw⟩")
    share, whole = sym("share whole")
    proof.define("share", sp.Eq(share, formulas("neuron_share_local")), "k_r")
    proof.define("whole", sp.Eq(whole, a**2 + 2 * ad + d**2), "‖J_r(θ)ᵀw‖²")
    proof.derive("kept", share * (weight + omega) <= weight, "share")
    proof.derive("capped", share * norm**2 <= weight * T**2, "share")
    proof.lemma(
        "young",
        "claim:neuron_budget",
        sp.Implies(d**2 <= omega * t**2, whole * (weight + omega) >= weight * a**2 - weight * t**2 * (weight + omega)),
        "its line neuron_scaled",
    )
    proof.derive("spent", sp.Implies(t <= T, d**2 <= omega * t**2), "near_move movement")
    proof.derive("kept_form", share * (weight + omega) * a**2 <= weight * a**2, "kept")
    proof.derive("near", sp.Implies(t <= T, whole >= share * a**2 - weight * t**2), "young spent kept_form")
    # Far: the budget covers all of J_rJ_rᵀ that was counted.
    proof.lemma("norm", "operator_norm", a <= norm, "‖J_rᵀw‖ ≤ ‖J_r‖")
    proof.derive("square", whole >= 0, "whole cauchy")
    proof.derive("lost", share * a**2 <= share * norm**2, "norm")
    proof.derive("charged", sp.Implies(t > T, weight * T**2 <= weight * t**2), "split")
    proof.derive("far", sp.Implies(t > T, whole >= share * a**2 - weight * t**2), "square lost capped charged")
    proof.derive("neuron", whole >= share * a**2 - weight * t**2, "near far")
    total, charge = sym("total charge")
    proof.lemma(
        "sum",
        "finite_sum",
        total >= intercept - weight * charge,
        "total = wᵀΘ(θ)w, charge = Σ_r t_r²",
        premises=["neuron"],
    )
    proof.hypothesis("budget", charge <= R**2, "Σ_r t_r² ≤ ‖θ − θ0‖² ≤ R²")
    proof.derive("lambda", total >= formulas("lambda_region_neurons"), "sum budget")
    return proof.conclude("near_move near far neuron lambda")


def _no_cut_off() -> list[Fact]:
    # F = v·σ(w), σ(z) = 1 − z², x = 1, at (v, w) = (0, 0): J = (1, 0), p = sup|σ'| = 2T, q = 0 (v = 0), ω = 4T².
    T, m = Q(1, 100), Q(1, 4)
    omega = 4 * T**2
    share = m / (m + omega)
    return [
        Fact("Θ = σ(1)² = 0 at (0, 1), distance 1", (1 - Q(1) ** 2) ** 2 == 0),
        Fact("without the cut-off the bound on B(0, 1) would be positive", share * 1 - m > 0),
        Fact("with it, k = m'T² and the bound is negative", min(share, m * T**2) - m < 0),
    ]


def _at_the_centre() -> list[Fact]:
    # The same network: σ'(0) = 0, so p = 0 if taken at the centre; T = 1, m' = 1/2, ρ = 3/4, k = min(1, 1/2).
    rho, m = Q(3, 4), Q(1, 2)
    theta = (1 - rho**2) ** 2
    return [
        Fact("Θ(0, 3/4) = 49/256", theta == Q(49, 256)),
        Fact("the bound with ω = 0 would be 7/32, which is more", m - m * rho**2 == Q(7, 32) and Q(7, 32) > theta),
    ]


def _overspent() -> list[Fact]:
    # The same, true ω = p² = 4T² at T = 1: k = min((1/2)/(9/2), 1/2) = 1/9; with a budget of 1/10 spent 1: 1/9 − 1/20 > 0.
    return [Fact("1/9 − (1/2)/10 > 0 = Θ(0, 1)", Q(1, 9) - Q(1, 20) > 0)]


CLAIM = Claim(
    id="neuron_budget_local",
    title="λ on the ball, shared between neurons, suprema near the centre",
    statement="F(x) = Vσ(Wx + b) + const with one hidden layer, σ ∈ C². For every m' > 0 and T_r > 0, with"
    " k_r = min(m'/(m' + ω_r), m'T_r²/ν_r²), ν_r ≥ ‖J_r(θ0)‖: λ_min(Θ(θ)) ≥ λ_min(Σ_r k_rJ_rJ_rᵀ + Θ_out) − m'R² on B(θ0, R), where"
    " ω_r = s_2²(p_r² + q_r²/2 + q_r(p_r² + q_r²/4)^½), p_r² ≥ λ_max(diag(c)G diag(c)), q_r² ≥ ‖v_r‖²λ_max(diag(b)(G∘G)diag(b)), G = A_1A_1ᵀ,"
    " c_i, b_i ≥ sup|σ'|, sup|σ''| over [z_ri − ‖a_i‖T_r, z_ri + ‖a_i‖T_r].",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "cut-off",
            "k_r ≤ m'T_r²/ν_r²",
            Counterexample("F = v(1 − w²) at 0, T = 1/100: a neuron that moves by 1 loses everything", _no_cut_off),
        ),
        Hypothesis(
            "interval",
            "suprema over the interval, not values at the centre",
            Counterexample("F = v(1 − w²) at 0: σ'(0) = 0 would give ω = 0", _at_the_centre),
        ),
        Hypothesis(
            "budget", "Σ_r t_r² ≤ R²", Counterexample("F = v(1 − w²): spending 1 with a budget of 1/10", _overspent)
        ),
    ),
    proof=prove,
    remarks="Any T_r is valid, so the best of several may be taken neuron by neuron; T_r = ∞ is neuron_budget. λ_max(diag(b)M diag(b)) for"
    " entrywise M ≥ 0 is at most max_i b_i²(Mx)_i/x_i for any x > 0 (Collatz–Wielandt), and at most the Frobenius norm; for G itself take |G|.",
)
