"""Claim ntk_stability: λ on the ball from the movement of the Jacobian, the sharp form."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import CONSTANT_JACOBIAN_BOUND


def prove(formulas: Formulas) -> Proof:
    """‖Jᵀw‖ ≥ ‖J0ᵀw‖ − ‖(J − J0)ᵀw‖ ≥ √λ0 − Δ_J for every unit w."""
    lambda0, j0, Delta = sym("lambda0 jacobian_norm0 Delta_J")
    u, d, v, x0, dx, x = sym("u d v x0 dx x")
    ud, xd = sp.symbols("ud xd", real=True)
    proof = Proof()
    proof.lemma("rayleigh", "rayleigh", u**2 >= lambda0, "u = ‖J0ᵀw‖, ‖w‖ = 1")
    proof.hypothesis("moved", d <= Delta, "d = ‖(J(θ) − J0)ᵀw‖")
    proof.define("sum", sp.Eq(v**2, u**2 + 2 * ud + d**2), "v = ‖J(θ)ᵀw‖, ud = ⟨J0ᵀw, (J(θ) − J0)ᵀw⟩")
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(ud) <= u * d)
    proof.derive("triangle", v >= u - d, "sum cauchy")
    proof.derive("root", u >= sp.sqrt(lambda0), "rayleigh")
    proof.derive("sigma", v >= formulas("sigma_sharp"), "triangle root moved")
    proof.derive("lambda", v**2 >= formulas("lambda_region_sharp"), "sigma")
    proof.lemma("norm_centre", "operator_norm", x0 <= j0, "x0 = ‖J0 x‖, ‖x‖ = 1")
    proof.hypothesis("moved_too", dx <= Delta, "dx = ‖(J(θ) − J0)x‖")
    proof.define("image", sp.Eq(x**2, x0**2 + 2 * xd + dx**2), "x = ‖J(θ)x‖")
    proof.lemma("cauchy_image", "cauchy_schwarz", sp.Abs(xd) <= x0 * dx)
    proof.derive("norm", x <= formulas("jacobian_norm_region"), "norm_centre moved_too image cauchy_image")
    return proof.conclude("sigma lambda norm")


CLAIM = Claim(
    id="ntk_stability",
    title="NTK stability, sharp form",
    statement="If λ_min(Θ(θ0)) ≥ λ0 and ‖J(θ) − J(θ0)‖ ≤ Δ_J on B(θ0, R), then ‖J(θ)ᵀw‖ ≥ √λ0 − Δ_J for ‖w‖ = 1,"
    " λ_min(Θ(θ)) ≥ max(0, √λ0 − Δ_J)² and ‖J(θ)‖ ≤ ‖J0‖ + Δ_J on the ball.",
    source="our formulation (Weyl's inequality for singular values)",
    hypotheses=(Hypothesis("movement", "Δ_J bounds ‖J − J0‖ on the ball", CONSTANT_JACOBIAN_BOUND),),
    proof=prove,
    remarks="Sharp: F = θ²/2 about θ0 = 1 attains it at every distance. With Δ_J = L_H ρ it gives λ(ρ) = (√λ0 − L_H ρ)².",
)
