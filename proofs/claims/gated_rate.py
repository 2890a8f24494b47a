"""Claim gated_rate: training the weights of a gated linear network converges from anywhere."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import TWICE_THE_BOUND


def prove(formulas: Formulas) -> Proof:
    """F is affine in the weights: e⁺ = (I − ηsΘ)e exactly, Θ constant."""
    s, eta, lam = sym("s eta lambda_R")
    E, E1, m, image, top, a = sym("E E_next m image top a")
    proof = Proof()
    proof.hypothesis("step", eta * s * top <= 1, "top = λ_max(Θ)")
    proof.hypothesis("positive", lam > 0, "λ = λ_min(Θ)")
    proof.define("a", sp.Eq(a, eta * s * lam))
    proof.lemma("low", "rayleigh", m >= a * E**2, "m = eᵀAe, A = ηsΘ")
    proof.lemma(
        "spectral", "spectral_theorem", image <= (1 + a) * m - a * E**2, "image = ‖Ae‖², a ⪯ A ⪯ 1", premises=["step"]
    )
    proof.define("next_residual", sp.Eq(E1**2, E**2 - 2 * m + image), "e⁺ = (I − A)e: F is affine in W")
    proof.define("unit", a <= 1, "a ≤ ηs·top ≤ 1")
    proof.derive("square", E1**2 <= ((1 - a) * E) ** 2, "next_residual spectral low unit")
    proof.derive("rate", E1 <= (1 - eta * s * lam) * E, "square unit a")
    proof.derive("contracts", sp.Implies(E > 0, E1 < E), "rate positive")
    w1, w2, x, u = sym("g_1 g_2 v_r2 xx")
    proof.lemma(
        "kernel",
        "mixed_product",
        sp.Eq(sym("theta_r"), x * w1 * w2 * u),
        "neuron r adds v_r²g_r(x_i)g_r(x_j)⟨x_i, x_j⟩ to Θ_ij",
    )
    return proof.conclude("rate contracts kernel")


def _one_gate() -> list[Fact]:
    return [
        Fact(
            "one gate, x = 1, 2: Θ = [[1, 2], [2, 4]] is singular; y = (2, −1) is orthogonal to its range: gradient 0, loss > 0",
            sp.Matrix([[1, 2], [2, 4]]).det() == 0 and 2 * 1 + (-1) * 2 == 0,
        )
    ]


CLAIM = Claim(
    id="gated_rate",
    title="gated networks: global linear rate",
    statement="F(x) = Σ_r v_r1[u_r·x > 0](w_r·x), gates u_r and v_r fixed, W trained. Θ = (Σ_r v_r²g_rg_rᵀ) ∘ XXᵀ does not depend on W, L_H = 0. If"
    " λ = λ_min(Θ) > 0 and ηsλ_max(Θ) ≤ 1, gradient descent from any W has ‖e_{k+1}‖ ≤ (1 − ηsλ)‖e_k‖.",
    source="our formulation; related to fixed activation patterns, arXiv:2101.04243",
    hypotheses=(
        Hypothesis("positive", "λ_min(Θ) > 0", Counterexample("one gate, two samples", _one_gate)),
        Hypothesis("step", "ηsλ_max(Θ) ≤ 1", TWICE_THE_BOUND),
    ),
    proof=prove,
    remarks="Not decided here: the abstract's widths (quadratic in the number of samples, depth, high probability).",
)
