"""Claim neuron_budget: λ on the ball of a one-hidden-layer network, the budget shared between the neurons."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Young's inequality per neuron with τ = ω/(m' + ω), summed over the neurons."""
    weight, omega, R, intercept = sym("weight omega R intercept")
    p, q = sym("slope_norm bend_norm")
    a, d, moved = sym("a d moved")
    ad = sp.Symbol("ad", real=True)
    tw, tv, first, second, t = sym("t_w t_v first second t")
    proof = Proof()
    # ‖D_r‖² ≤ ω_r t²: the output-weight columns and the input-weight columns of neuron r (scale of the output layer 1).
    proof.lemma("output_columns", "operator_norm", first <= p * tw, "|σ(z') − σ(z)| ≤ sup|σ'|·|A_1Δw|")
    proof.lemma("input_columns", "schur_product", second <= p * tv + q * tw, "Δv ⊗ diag(σ'(z'))A_1 + v ⊗ diag(δ)A_1")
    proof.lemma("blocks", "operator_norm", moved <= first**2 + second**2, "moved = ‖D_r‖²")
    proof.define("split", sp.Eq(t**2, tw**2 + tv**2), "t = distance that neuron r's parameters move")
    proof.derive("blocks_sum", moved <= (p * tv + q * tw) ** 2 + p**2 * tw**2, "output_columns input_columns blocks")
    top, r = sp.symbols("top r", nonnegative=True)
    proof.define("radical", sp.Eq(r**2, p**2 + q**2 / 4), "r = (p² + q²/4)^½")
    proof.define("top", sp.Eq(top, formulas("neuron_omega")))
    proof.derive("radical_is", sp.Eq(sp.sqrt(p**2 + q**2 / 4), r), "radical")
    proof.derive("top_is", sp.Eq(top, p**2 + q**2 / 2 + q * r), "top radical_is")
    form = (p * tv + q * tw) ** 2 + p**2 * tw**2
    proof.derive("diagonal", sp.And(top >= p**2, top >= p**2 + q**2), "top_is radical")
    proof.derive("determinant", (top - p**2) * (top - p**2 - q**2) >= p**2 * q**2, "top_is radical")
    proof.derive("eigenvalue", form <= top * (tw**2 + tv**2), "diagonal determinant", "top ≥ λ_max of the 2 × 2 matrix")
    proof.derive("omega_bound", moved <= top * t**2, "blocks_sum eigenvalue split")
    # One neuron, one unit vector w: a = ‖J_rᵀw‖, d = ‖D_rᵀw‖.
    proof.define("omega", sp.Eq(omega, top), "ω_r")
    proof.lemma("movement", "operator_norm", d**2 <= moved)
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(ad) <= a * d, "ad = ⟨J_rᵀw, D_rᵀw⟩")
    share = sp.Symbol("share", nonnegative=True)
    proof.define("share", sp.Eq(share, formulas("neuron_share")), "k_r")
    proof.derive("share_is", sp.Eq(share * (weight + omega), weight), "share")
    proof.derive("spent", d**2 <= omega * t**2, "movement omega_bound omega")
    # (1 − k)a² + 2ad + d² + m't² ≥ 0 with 1 − k = ω/(m' + ω): multiply by ω(m' + ω).
    proof.derive(
        "young", omega * a**2 - 2 * a * d * (weight + omega) + (d**2 + weight * t**2) * (weight + omega) >= 0, "spent"
    )
    proof.derive(
        "neuron_scaled",
        (a**2 + 2 * ad + d**2) * (weight + omega) >= weight * a**2 - weight * t**2 * (weight + omega),
        "young cauchy",
    )
    proof.derive("neuron", a**2 + 2 * ad + d**2 >= share * a**2 - weight * t**2, "neuron_scaled share_is")
    total, spent = sym("total spent")
    proof.lemma(
        "sum",
        "finite_sum",
        total >= intercept - weight * spent,
        "total = wᵀΘ(θ)w, spent = Σ_r t_r²",
        premises=["neuron"],
    )
    proof.hypothesis("budget", spent <= R**2, "Σ_r t_r² ≤ ‖θ − θ0‖² ≤ R²")
    proof.derive("lambda", total >= formulas("lambda_region_neurons"), "sum budget")
    return proof.conclude("omega_bound neuron lambda")


def _overspent() -> list[Fact]:
    # F = v·w with x = 1, one neuron: J = (v, w). At (1, 1) and at (0, 0), distance² 2: Θ = 2 and 0.
    return [
        Fact("Θ(1, 1) = 2, Θ(0, 0) = 0", Q(1) + Q(1) == 2 and Q(0) + Q(0) == 0),
        Fact(
            "with R² = 1 the bound k·2 − 1 at m' = ω = 1 is 0 ≤ λ on B(·, 1): λ ≥ (√2 − 1)² > 0", Q(1, 2) * 2 - 1 == 0
        ),
        Fact("for R² = 1 the bound with m' = 3 is 3/4·2 − 3 < 0: any m' is valid, none is free", Q(3, 4) * 2 - 3 < 0),
        Fact(
            "a budget of 1 does not bound Θ at distance² 2: m' = 1/3 gives 1/4·2 − 1/3 > 0 = Θ(0, 0)",
            Q(1, 4) * 2 - Q(1, 3) > 0,
        ),
    ]


CLAIM = Claim(
    id="neuron_budget",
    title="λ on the ball, shared between neurons",
    statement="F(x) = Vσ(Wx + b) + const with one hidden layer. For every m' > 0, with k_r = m'/(m' + ω_r): λ_min(Θ(θ)) ≥"
    " λ_min(Σ_r k_rJ_rJ_rᵀ + Θ_out) − m'R² on B(θ0, R), where ω_r is s_2²·(p² + q_r²/2 + q_r(p² + q_r²/4)^½).",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "budget",
            "Σ_r t_r² ≤ R²",
            Counterexample("F = v·w, x = 1 at (1, 1): spending 2 with a budget of 1 brings Θ to 0", _overspent),
        ),
    ),
    proof=prove,
    remarks="S_1 = sup|σ'|, S_2 = sup|σ''|, p = S_1‖A_1‖, q_r = ‖v_r‖S_2‖A_1A_1ᵀ∘A_1A_1ᵀ‖^½. The constant output bias block keeps"
    " its full weight. ω_r = 0 means D_r = 0 and k_r = 1. In Coq for S_1 ≤ 1 and any smaller shares k_r.",
)
