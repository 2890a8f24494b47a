"""Claim ntk_stability_paper: λ on the ball from a Lipschitz constant of the NTK, the paper's form."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import CONSTANT_JACOBIAN_BOUND


def prove(formulas: Formulas) -> Proof:
    """wᵀΘw ≥ wᵀΘ0w − ‖Θ − Θ0‖ for every unit w."""
    lambda0, L, R, Delta = sym("lambda0 L_Theta R Delta_Theta")
    form0, change, dist = sym("form0 change distance")
    form = sp.Symbol("form", real=True)
    proof = Proof()
    proof.lemma("rayleigh", "rayleigh", form0 >= lambda0, "form0 = wᵀΘ0w")
    proof.lemma("norm", "symmetric_norm", form >= form0 - change, "form = wᵀΘw, change = ‖Θ − Θ0‖")
    proof.hypothesis("lipschitz", change <= L * dist, "‖Θ(θ) − Θ(θ0)‖ ≤ L_Θ‖θ − θ0‖")
    proof.hypothesis("ball", dist <= R)
    proof.derive("paper", form >= formulas("lambda_region_paper"), "rayleigh norm lipschitz ball")
    proof.identity("mu", formulas("mu_paper"), formulas("mu", lambda_R=formulas("lambda_region_paper")), "μ = sλ")
    proof.hypothesis("direct", change <= Delta, "or ‖Θ − Θ0‖ bounded directly")
    proof.derive("lambda_direct", form >= formulas("lambda_region_direct"), "rayleigh norm direct")
    return proof.conclude("paper mu lambda_direct")


CLAIM = Claim(
    id="ntk_stability_paper",
    title="NTK stability, paper's form",
    statement="If λ_min(Θ(θ0)) ≥ λ0 and ‖Θ(θ) − Θ(θ0)‖ ≤ L_Θ‖θ − θ0‖ on B(θ0, R), then λ_min(Θ(θ)) ≥ λ0 − L_Θ R there, so"
    " μ = s(λ0 − L_Θ R) is a PL constant when positive. If ‖Θ − Θ0‖ ≤ Δ_Θ is known directly: λ0 − Δ_Θ.",
    source="as in the abstract of v3 (s = 1)",
    hypotheses=(Hypothesis("lipschitz", "L_Θ is valid from the centre on the ball", CONSTANT_JACOBIAN_BOUND),),
    proof=prove,
    remarks="Only distances from the centre enter: weaker than Lipschitz between all pairs of points.",
)
