"""Claim jacobian_regularised: the theory applies verbatim to the stacked map (F, √ρ ∂F/∂x)."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Φ = (s/2)‖G − (y, 0)‖² for G = (F, √ρ ∂F/∂x)."""
    s, Phi, g, lam, rho = sym("s Phi gradient_norm lambda_R penalty")
    ee, ef, ed, Je, lam_F, form = sym("ee ef ed Je lam_F form")
    proof = Proof()
    proof.hypothesis("loss", sp.Eq(Phi, s * (ef + rho * ed) / 2), "ef = ‖F − y‖², ed = Σ_i‖∂F/∂x(x_i)‖²")
    proof.define("stack", sp.Eq(ee, ef + rho * ed), "e_G = (F − y, √ρ ∂F/∂x)")
    proof.define("gradient", sp.Eq(g**2, s**2 * Je), "Je = ‖J_Gᵀe_G‖²")
    proof.lemma("pl_stack", "claim:pl_from_ntk", Je >= lam * ee, "λ = λ_min(J_GJ_Gᵀ)")
    proof.derive("pl", g**2 / 2 >= formulas("mu") * Phi, "loss stack gradient pl_stack")
    proof.lemma(
        "block",
        "rayleigh",
        sp.And(lam <= form, form <= lam_F),
        "form: J_GJ_Gᵀ on the least eigenvector of Θ, extended by 0",
    )
    proof.derive("smaller", lam <= lam_F, "block")
    proof.hypothesis("penalty", rho > 0)
    proof.derive("meaning", sp.Implies(sp.Eq(Phi, 0), sp.And(sp.Eq(ef, 0), sp.Eq(ed, 0))), "loss penalty")
    return proof.conclude("pl smaller meaning")


def _no_penalty() -> list[Fact]:
    return [Fact("ρ = 0, F = x, x = y = 1: Φ = 0 with ∂F/∂x = 1", (Q(1) - 1) ** 2 == 0)]


CLAIM = Claim(
    id="jacobian_regularised",
    title="Jacobian regularisation: PL from the stacked NTK",
    statement="Φ = (s/2)(‖F − y‖² + ρΣ_i‖∂F/∂x(x_i)‖²), G = (F, √ρ ∂F/∂x), λ = λ_min(J_GJ_Gᵀ): ½‖∇Φ‖² ≥ sλΦ; every claim that uses only J, L_H and"
    " λ_min applies to G. λ ≤ λ_min(Θ). For ρ > 0 Φ = 0 means F = y and vanishing input gradients at the data.",
    source="our formulation; related to arXiv:2312.03386",
    hypotheses=(Hypothesis("penalty", "ρ > 0", Counterexample("ρ = 0, F = x", _no_penalty)),),
    proof=prove,
    remarks="λ = 0 when n(1 + d) exceeds the number of parameters. Not decided here: infinite width and the linear ODE of the Jacobian NTK.",
)
