"""Claim linear_networks: PL and smoothness of two-layer linear networks."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """∇_{W1}Φ = sEW2ᵀ, ∇_{W2}Φ = sW1ᵀE, for F = W1W2 and E = F − Y."""
    s, s1, s2, Phi = sym("s sigma_1 sigma_2 Phi")
    ee, first, second, g = sym("ee first second gradient_norm")
    proof = Proof()
    proof.define("loss", sp.Eq(Phi, s * ee / 2), "ee = ‖E‖_F²")
    proof.define("gradient", sp.Eq(g**2, s**2 * (first + second)), "first = ‖EW2ᵀ‖_F², second = ‖W1ᵀE‖_F²")
    proof.hypothesis(
        "w2", first >= s2**2 * ee, "‖EW2ᵀ‖_F ≥ σ_2‖E‖_F: σ_2² = λ_min(W2ᵀW2), 0 if W2 has fewer rows than columns"
    )
    proof.hypothesis("w1", second >= s1**2 * ee, "‖W1ᵀE‖_F ≥ σ_1‖E‖_F: σ_1² = λ_min(W1W1ᵀ)")
    proof.derive("pl", g**2 / 2 >= formulas("mu_two_layer_linear") * Phi, "loss gradient w1 w2")
    # Smoothness: F is bilinear, D²F[U, U] = 2U1U2.
    u1, u2, bend, e, n1, n2, image, form = sym("u1 u2 bend e n1 n2 image form")
    inner = sp.Symbol("inner", real=True)
    proof.define("unit", sp.Eq(u1**2 + u2**2, 1), "u1 = ‖U1‖_F, u2 = ‖U2‖_F")
    proof.lemma("bend", "operator_norm", bend <= 2 * u1 * u2, "‖2U1U2‖_F ≤ 2‖U1‖‖U2‖_F")
    proof.derive("curvature", bend <= 1, "unit bend", "L_H = 1")
    proof.lemma("image", "operator_norm", image <= u1 * n2 + n1 * u2, "‖U1W2 + W1U2‖_F, n_j = ‖W_j‖")
    proof.derive("jacobian", image**2 <= n1**2 + n2**2, "unit image")
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(inner) <= e * bend)
    proof.lemma("hessian", "chain_rule", sp.Eq(form, sp.Abs(s * (image**2 + inner))))
    proof.derive("smooth", form <= s * (n1**2 + n2**2 + e), "curvature jacobian cauchy hessian")
    return proof.conclude("pl curvature smooth")


def _saddle() -> list[Fact]:
    # W1 = W2 = 0, Y = 1: the gradient vanishes, the loss is 1/2.
    return [Fact("gradient (E·0, 0·E) = 0 and Φ = 1/2", Q(-1) * 0 == 0 and Q(-1) ** 2 / 2 == Q(1, 2))]


def _narrow() -> list[Fact]:
    # W1 = (1, 0)ᵀ (2 × 1), W2 = (1, 0) (1 × 2), hidden width 1, Y = W1W2 + e2e2ᵀ: E = −e2e2ᵀ, both gradients vanish.
    W1, W2 = sp.Matrix([1, 0]), sp.Matrix([[1, 0]])
    E = W1 * W2 - sp.Matrix([[1, 0], [0, 1]])
    return [
        Fact("both gradients vanish", (E * W2.T).norm() == 0 and (W1.T * E).norm() == 0),
        Fact("the loss does not", (E.T * E).trace() == 1),
        Fact("although the only nonzero singular values are 1: λ_min(W2ᵀW2) = 0", (W2.T * W2).det() == 0),
    ]


CLAIM = Claim(
    id="linear_networks",
    title="two-layer linear networks",
    statement="For Φ = (s/2)‖W1W2 − Y‖_F²: ½‖∇Φ‖² ≥ s(λ_min(W1W1ᵀ) + λ_min(W2ᵀW2))Φ, L_H = 1 and ‖∇²Φ‖ ≤ s(‖W1‖² + ‖W2‖² + ‖E‖_F).",
    source="our formulation; compare the local PL and descent constants of arXiv:2505.11664",
    hypotheses=(
        Hypothesis(
            "w1, w2",
            "λ_min of the outer Gram matrices, 0 when the hidden layer is too narrow",
            Counterexample("hidden width 1, Y = I: smallest nonzero singular values do not do", _narrow),
        ),
        Hypothesis(
            "positive", "one of the two is positive for μ > 0", Counterexample("W1 = W2 = 0: a saddle", _saddle)
        ),
    ),
    proof=prove,
    remarks="The NTK of this model is W2ᵀW2 ⊗ I + I ⊗ W1W1ᵀ, whose least eigenvalue is the sum of the two: pl_from_ntk gives the same μ."
    " A data matrix X with W1W2X multiplies μ by σ_min(X)² after whitening; not treated.",
)
