"""Claim linear_imbalance: how far one step of gradient descent moves the imbalance of a two-layer linear network.

F = AB, Φ = ℓ(F), G = ∇ℓ(F), A⁺ = A − ηGBᵀ, B⁺ = B − ηAᵀG, D = AᵀA − BBᵀ. The terms in η of ‖A⁺p‖² and ‖B⁺ᵀp‖² are both
−2η·pᵀAᵀGBᵀp and cancel, so D⁺ − D = η²(BGᵀGBᵀ − AᵀGGᵀA): the difference of two positive semidefinite matrices.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The quadratic form of D along an arbitrary p, before and after the step."""
    eta, g, gx, gy, pp = sym("eta gradient_norm gx gy pp")
    Ap, Bp, GBp, GAp, D, D1, x, y, A1, B1 = sp.symbols("Ap Bp GBp GAp D D1 x y A1 B1", real=True)
    proof = Proof()
    proof.define("D", sp.Eq(D, Ap - Bp), "pᵀDp; Ap = ‖Ap‖², Bp = ‖Bᵀp‖²")
    proof.hypothesis("step_A", sp.Eq(A1, Ap - 2 * eta * x + eta**2 * GBp), "‖A⁺p‖², x = ⟨Ap, GBᵀp⟩, GBp = ‖GBᵀp‖²")
    proof.hypothesis("step_B", sp.Eq(B1, Bp - 2 * eta * y + eta**2 * GAp), "‖B⁺ᵀp‖², y = ⟨Bᵀp, GᵀAp⟩, GAp = ‖GᵀAp‖²")
    proof.lemma("adjoint", "operator_norm", sp.Eq(x, y), "both are pᵀAᵀGBᵀp")
    proof.define("D1", sp.Eq(D1, A1 - B1))
    proof.derive("exact", sp.Eq(D1 - D, eta**2 * (GBp - GAp)), "D step_A step_B adjoint D1")
    proof.lemma("first", "operator_norm", sp.And(GBp >= 0, GBp <= gx**2 * pp), "gx = ‖GBᵀ‖_F, pp = ‖p‖²")
    proof.lemma("second", "operator_norm", sp.And(GAp >= 0, GAp <= gy**2 * pp), "gy = ‖AᵀG‖_F")
    proof.define("gradient", sp.Eq(gx**2 + gy**2, g**2), "‖∇Φ‖² = ‖GBᵀ‖_F² + ‖AᵀG‖_F²")
    proof.derive(
        "drift", sp.Abs(D1 - D) <= eta**2 * g**2 * pp, "exact first second gradient", "for every p: ‖D⁺ − D‖ ≤ η²g²"
    )
    return proof.conclude("exact drift")


def _one_factor() -> list[Fact]:
    # F = ab, G = 1, (a, b) = (1, 2), η = 1/10, b frozen: D moves by −2η·ab·G + η²b²G².
    a, b, eta = Q(1), Q(2), Q(1, 10)
    moved = abs((a - eta * b) ** 2 - a**2)
    return [Fact("D moves by 9/25, more than η²‖∇Φ‖² = 1/20", moved == Q(9, 25) and moved > eta**2 * (a**2 + b**2))]


CLAIM = Claim(
    id="linear_imbalance",
    title="linear networks: the imbalance drifts by at most η²g²",
    statement="F = AB, Φ = ℓ(F), D = AᵀA − BBᵀ. One step of gradient descent gives D⁺ − D = η²(BGᵀGBᵀ − AᵀGGᵀA) exactly, hence"
    " ‖D⁺ − D‖ ≤ η²‖∇Φ‖². For F = W1W2 with W1 = A.",
    source="our formulation; related to arXiv:2505.11664",
    hypotheses=(
        Hypothesis(
            "both layers",
            "both factors step at once, from the same point",
            Counterexample("F = ab, G = 1, (1, 2): with b frozen D moves in first order", _one_factor),
        ),
    ),
    proof=prove,
)
