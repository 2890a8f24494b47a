"""Claim sgd_second_moment: the stochastic gradient is bounded by the loss."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """One sample: g = ns·J_iᵀe_i with probability 1/n; a batch: variance over b plus the mean."""
    s, n, b, J_i, J, Phi = sym("s n b J_sample jacobian_norm Phi")
    ee, one, batch, full, mean, term, e_i = sym("ee E_one E_batch full sum_Je Je_i e_i")
    proof = Proof()
    proof.define("loss", sp.Eq(Phi, s * ee / 2), "ee = Σ‖e_i‖²")
    proof.lemma("per_sample", "operator_norm", term <= J_i**2 * e_i**2, "Je_i = ‖J_iᵀe_i‖²")
    proof.lemma("sum", "finite_sum", mean <= J_i**2 * ee, "sum_Je = Σ_i‖J_iᵀe_i‖²", premises=["per_sample"])
    proof.define("uniform", sp.Eq(one, n * s**2 * mean), "E‖g‖² = (1/n)Σ(ns)²‖J_iᵀe_i‖², independent uniform draw")
    proof.derive("one", one <= 2 * formulas("beta_bar_sample") * Phi, "loss sum uniform")
    proof.lemma("gradient", "operator_norm", full <= s**2 * J**2 * ee, "full = ‖∇Φ‖² = s²‖Jᵀe‖²")
    proof.define("replacement", b >= 1)
    inverse = sp.Symbol("one_over_b", positive=True)
    proof.define("inverse", sp.Eq(inverse * b, 1))
    proof.lemma("variance", "independent_mean", sp.Eq(batch, inverse * one + (1 - inverse) * full))
    proof.derive("full", full <= 2 * s * J**2 * Phi, "gradient loss")
    proof.derive("unit", inverse <= 1, "inverse replacement")
    proof.derive("inverse_is", sp.Eq(1 / b, inverse), "inverse")
    proof.derive(
        "parts",
        batch <= (inverse * formulas("beta_bar_sample") + (1 - inverse) * s * J**2) * 2 * Phi,
        "one full unit variance",
    )
    proof.derive("batch", batch <= 2 * formulas("beta_bar_batch") * Phi, "parts inverse_is")
    return proof.conclude("one batch")


def _reshuffled() -> list[Fact]:
    # Two samples, drawn without replacement: the second gradient is determined by the first, not unbiased given the past.
    g1, g2 = Q(1), Q(-3)
    return [Fact("given the first draw g1 the second is g2 ≠ (g1 + g2)/2", g2 != (g1 + g2) / 2)]


CLAIM = Claim(
    id="sgd_second_moment",
    title="second moment of the stochastic gradient",
    statement="One sample drawn uniformly and independently: E‖g‖² ≤ 2β̄Φ with β̄ = sn·max_i‖J_i‖². A batch of b drawn with replacement:"
    " β̄ = sn·max_i‖J_i‖²/b + (1 − 1/b)s‖J‖².",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "independence",
            "samples are drawn independently",
            Counterexample("reshuffling: conditionally biased", _reshuffled),
        ),
    ),
    proof=prove,
)
