"""Claim stability_radius: how far λ stays above a fraction κ of λ0, in both forms."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Needless, Proof, sym
from proofs.examples import CONSTANT_JACOBIAN_BOUND


def prove(formulas: Formulas) -> Proof:
    """Solve λ0 − L_Θ ρ ≥ κλ0 and (√λ0 − L_H ρ)² ≥ κλ0 for ρ."""
    lambda0, L, L_H, R, kappa = sym("lambda0 L_Theta L_H R kappa")
    rho = sp.Symbol("rho", nonnegative=True)
    proof = Proof()
    proof.define("divisors", sp.And(L > 0, L_H > 0), "else the radius is R itself")
    proof.define("within_paper", rho <= formulas("stability_radius_paper"))
    proof.derive("inside", rho <= R, "divisors within_paper", "where L_Θ is valid")
    paper = formulas("lambda_region_paper", R=rho)
    proof.derive("paper", paper >= kappa * lambda0, "divisors within_paper")
    proof.define("within_linear", rho <= formulas("stability_radius_linear"))
    proof.derive("inside_linear", rho <= R, "divisors within_linear", "where L_H is valid")
    sharp = formulas("lambda_region_sharp", Delta_J=L_H * rho)
    sigma, root = sp.symbols("sigma_rho root_kappa", nonnegative=True)
    proof.define("root", sp.Eq(root**2, kappa), "root = √κ")
    proof.derive("root_is", sp.Eq(sp.sqrt(kappa), root), "root")
    proof.derive("movement", L_H * rho <= (1 - root) * sp.sqrt(lambda0), "divisors within_linear root_is")
    proof.define("sigma", sp.Eq(sigma, root * sp.sqrt(lambda0)))
    proof.derive("above", sp.Max(0, sp.sqrt(lambda0) - L_H * rho) >= sigma, "movement sigma")
    proof.derive("squared", sp.Eq(sigma**2, kappa * lambda0), "sigma root")
    proof.derive("linear", sharp >= kappa * lambda0, "above squared")
    return proof.conclude("inside paper inside_linear linear")


def _beyond() -> list[Fact]:
    # F = θ²/2 about 1, κ = 1/4: λ(ρ) = (1 − ρ)²; the linear radius is 1/2, and at 5/8 λ is below a quarter.
    return [
        Fact("at ρ = 1/2, λ = 1/4 exactly", (1 - Q(1, 2)) ** 2 == Q(1, 4)),
        Fact("at ρ = 5/8, λ < 1/4", (1 - Q(5, 8)) ** 2 < Q(1, 4)),
    ]


CLAIM = Claim(
    id="stability_radius",
    title="stability radius for a fraction κ",
    statement="For 0 < κ ≤ 1 and constants valid on B(θ0, R): λ_min(Θ) ≥ κλ0 on the ball of radius min(R, (1 − κ)λ0/L_Θ), and, with"
    " Δ_J = L_H ρ, on the ball of radius min(R, (1 − √κ)√λ0/L_H).",
    source="as in the abstract of v3 (κ → 0: r(R) < λ0/L_Θ); the fraction and the second radius are our formulation",
    hypotheses=(
        Hypothesis("constants", "L_Θ and L_H are valid on B(θ0, R)", CONSTANT_JACOBIAN_BOUND),
        Hypothesis(
            "radius", "the radius is no larger", Counterexample("F = θ²/2 about 1: the radius is attained", _beyond)
        ),
        Hypothesis(
            "fraction", "κ ≤ 1", Needless("stability_radius", "for κ > 1 the radius is negative, the ball empty")
        ),
    ),
    proof=prove,
    remarks="At κ = 1 the radius is 0: λ may fall at once (F = θ²/2 about 1).",
)
