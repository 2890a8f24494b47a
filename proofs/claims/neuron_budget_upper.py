"""Claim neuron_budget_upper: ‖J‖² on the ball of a one-hidden-layer network, the budget shared between the neurons."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Young's inequality the other way: (J + D)(J + D)ᵀ ⪯ (1 + τ)JJᵀ + (1 + 1/τ)DDᵀ with τ = ω/(m'' − ω)."""
    weight, omega, R, top = sym("weight omega R intercept_upper")
    a, d, t, share, whole, total, charge, K = sym("a d t share whole total charge K")
    ad = sp.Symbol("ad", real=True)
    proof = Proof()
    proof.hypothesis("above", omega < weight, "m'' > ω_r")
    proof.lemma("movement", "claim:neuron_budget", d**2 <= omega * t**2, "its line omega_bound; d = ‖D_rᵀw‖, ‖w‖ = 1")
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(ad) <= a * d, "a = ‖J_rᵀw‖, ad = ⟨J_rᵀw, D_rᵀw⟩")
    proof.define("whole", sp.Eq(whole, a**2 + 2 * ad + d**2), "‖J_r(θ)ᵀw‖²")
    proof.define("share", sp.Eq(share, formulas("neuron_share_upper")))
    proof.derive("share_is", sp.Eq(share * (weight - omega), weight), "share above")
    # ωa² − 2ad(m'' − ω) + (m''t² − d²)(m'' − ω) ≥ 0: its discriminant is at most 0 because d² ≤ ωt².
    proof.derive(
        "young",
        omega * a**2 - 2 * a * d * (weight - omega) + (weight * t**2 - d**2) * (weight - omega) >= 0,
        "movement above",
    )
    proof.derive("cross", 2 * ad * (weight - omega) <= 2 * a * d * (weight - omega), "cauchy above")
    proof.derive(
        "scaled", whole * (weight - omega) <= weight * a**2 + weight * t**2 * (weight - omega), "young cross whole"
    )
    proof.derive("neuron", whole <= share * a**2 + weight * t**2, "scaled share_is above")
    proof.lemma(
        "sum", "finite_sum", total <= top + weight * charge, "total = wᵀΘ(θ)w, charge = Σ_r t_r²", premises=["neuron"]
    )
    proof.hypothesis("budget", charge <= R**2, "Σ_r t_r² ≤ ‖θ − θ0‖² ≤ R²")
    proof.derive("spent", weight * charge <= weight * R**2, "budget")
    proof.derive("square", total <= formulas("jacobian_square_neurons"), "sum spent")
    proof.define("norm", sp.Eq(K**2, total), "K = ‖J(θ)‖ = √λ_max(Θ(θ)), w its eigenvector")
    proof.derive("jacobian", K**2 <= formulas("jacobian_square_neurons"), "square norm")
    return proof.conclude("neuron square jacobian")


def _local_omega() -> list[Fact]:
    # F = v(1 + w²) at (0, 0), x = 1: J = (1, 0); with ω = 4T² from |w| ≤ T = 1/100 and m'' = 1 on B(0, 1).
    m, omega = Q(1), 4 * Q(1, 100) ** 2
    return [
        Fact("Θ(0, 1) = 4", (1 + Q(1) ** 2) ** 2 == 4),
        Fact("the bound with the local ω is below 3", m / (m - omega) + m < 3),
    ]


def _below() -> list[Fact]:
    # F = v·w, x = 1 at (1, 0): J = (0, 1), ω = 1; m'' = 1/2 < ω would give the factor −1.
    return [
        Fact("m''/(m'' − ω) = −1 for m'' = 1/2", Q(1, 2) / (Q(1, 2) - 1) == -1),
        Fact("Θ(1, 0) = 1 > −1·1 + 1/2", 1 > -1 + Q(1, 2)),
    ]


def _overspent() -> list[Fact]:
    # F = v·w at (0, 0), ω = 1: J = 0; m'' = 2: Θ ≤ 2ρ². At distance 2, Θ = 4 > 2·1.
    return [Fact("Θ(2, 0) = 4 > 2, the bound for R = 1", Q(2) ** 2 > 2)]


CLAIM = Claim(
    id="neuron_budget_upper",
    title="‖J‖ on the ball, shared between neurons",
    statement="F(x) = Vσ(Wx + b) + const with one hidden layer. For every m'' > max_r ω_r, ω_r of neuron_budget:"
    " ‖J(θ)‖² ≤ λ_max(Σ_r (m''/(m'' − ω_r))J_rJ_rᵀ + Θ_out) + m''R² on B(θ0, R).",
    source="our formulation",
    hypotheses=(
        Hypothesis("above", "m'' > ω_r", Counterexample("F = v·w at (1, 0), m'' = 1/2 < ω = 1", _below)),
        Hypothesis("budget", "Σ_r t_r² ≤ R²", Counterexample("F = v·w at 0 and at distance 2", _overspent)),
        Hypothesis(
            "global",
            "ω_r holds on the whole ball (T_r ≥ R if it is local): there is no cut-off from above",
            Counterexample("F = v(1 + w²) at 0 with ω from |w| ≤ 1/100", _local_omega),
        ),
    ),
    proof=prove,
    remarks="ω_r = 0 means D_r = 0 and the factor 1. It serves wherever ‖J0‖ + Δ_J does: in ηsK² ≤ 1 and in β.",
)
