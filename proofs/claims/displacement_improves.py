"""Claim displacement_improves: containment_displacement and containment_residual are incomparable; a certified example of each."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Proof, sym
from proofs.evaluation import evaluate
from proofs.solvers import entails


def displacement_wins() -> list[Fact]:
    """F = (4θ1, θ2 − θ2²/2), y = 0, θ_0 = (1/4, 0), c = 0: L_H = 1, Δ_J(ρ) = ρ, ‖J‖ = 4, σ(ρ) = 1 − ρ exactly, about θ_0 and c."""
    eta, R, d0 = Q(1, 32), Q(3, 4), Q(1, 4)
    values = {"s": Q(1), "eta": eta, "L_H": Q(1), "jacobian_norm0": Q(4), "Delta_J": R, "d0": d0, "e_c": Q(0), "R": R}
    remainder = evaluate("remainder_curvature", {"L_H": Q(1), "D_square": d0**2})
    threshold = evaluate("displacement_residual", {**values, "remainder": remainder, "step_fraction": Q(1)})
    delta = evaluate("delta_residual", {**values, "e0": threshold})
    supply = evaluate("displacement_supply_linear", {**values, "lambda0": Q(1), "delta": delta})
    e0 = 4 * d0
    drift = evaluate("delta_residual", {**values, "e0": e0})
    rho = sp.Symbol("rho", real=True)
    return [
        Fact("ηsK² ≤ 1 on B(c, 3/4)", evaluate("residual_step", values) <= 1),
        Fact("∫_{1/4}^{3/4}(1 − ρ − δ)dρ ≥ L_Hd0² = 1/16: displacement certifies", supply >= threshold == Q(1, 16)),
        Fact("σ(R) = 1/4 exceeds δ for the tail, and for the rate from ‖e0‖", Q(1, 4) > delta and Q(1, 4) > drift),
        Fact("‖e0‖ = 1", e0 == 1),
        Fact("λ_min(Θ) = 0 at (1/4, 1), at distance 1 from θ_0: J = diag(4, 1 − θ2)", (1 - Q(1)) ** 2 == 0),
        Fact(
            "5b about θ_0: ∫_0^R (1 − ρ)dρ ≤ 1/2 < ‖e0‖ for every R ≤ 1",
            sp.integrate(1 - rho, (rho, 0, 1)) == sp.Rational(1, 2) and e0 > Q(1, 2),
        ),
        Fact(
            "5a about θ_0: cR(1 − R) ≤ 1/4 < ‖e0‖ for every R",
            bool(sp.expand(sp.Rational(1, 4) - rho * (1 - rho) - (rho - sp.Rational(1, 2)) ** 2) == 0) and e0 > Q(1, 4),
        ),
    ]


def residual_wins() -> list[Fact]:
    """F = θ − θ²/2, y = 9/20, θ_0 = 0: 5b certifies from θ_0; displacement does not, whatever the reference point c."""
    eta, R, e0 = Q(1, 100), Q(7, 10), Q(9, 20)
    values = {
        "s": Q(1),
        "eta": eta,
        "L_H": Q(1),
        "jacobian_norm0": Q(1),
        "Delta_J": R,
        "R": R,
        "e0": e0,
        "lambda0": Q(1),
    }
    delta = evaluate("delta_residual", values)
    supply = evaluate("residual_supply_linear", {**values, "delta": delta})
    # Any c < 1: √λ_c = 1 − c, d0 = |c|. The supply is at most (√λ_c − d0)²/2, the need c² + 2|c − c²/2 − 9/20|.
    c = sp.Symbol("c", real=True)
    need = c**2 + 2 * (sp.Rational(9, 20) - c + c**2 / 2)
    return [
        Fact(
            "5b: ηsK² ≤ 1, σ(R) = 3/10 > δ, ∫ ≥ 9/20",
            evaluate("residual_step", values) <= 1 and Q(3, 10) > delta and supply >= e0,
        ),
        Fact(
            "0 ≤ c ≤ 1/2: need − supply ≥ 2/5 (c = 1/2 and beyond leave no supply at all)",
            sp.expand(need - (1 - 2 * c) ** 2 / 2) == sp.Rational(2, 5),
        ),
        Fact(
            "c < 0: the supply is at most 1/2, the need at least 9/10",
            need.subs(c, 0) == sp.Rational(9, 10) and entails([c <= 0], need >= sp.Rational(9, 10)).proved,
        ),
    ]


def prove(formulas: Formulas) -> Proof:
    """The largest d0 for σ(ρ) = √λ − L_Hρ, κ = 1, δ = e_c = 0: (√2 − 1)√λ/L_H."""
    lambda0, L_H, d0, root = sym("lambda0 L_H d0 root")
    two = sp.Symbol("root_two", positive=True)
    proof = Proof()
    proof.define("two", sp.Eq(two**2, 2), "√2")
    proof.define("root", sp.And(sp.Eq(root**2, lambda0), root > 0), "√λ")
    proof.define("positive", L_H > 0)
    radius = sp.Symbol("R", positive=True)
    proof.define("radius", sp.Eq(radius * L_H, root), "R = √λ/L_H maximises the supply")
    proof.hypothesis("near", d0 * L_H <= (two - 1) * root)
    proof.derive("root_is", sp.Eq(sp.sqrt(lambda0), root), "root")
    supply = formulas("displacement_supply_linear", delta=sp.Integer(0))
    remainder = formulas("remainder_curvature", D_square=d0**2)
    need = formulas("displacement_residual", e_c=sp.Integer(0), remainder=remainder, step_fraction=sp.Integer(1))
    x = sp.Symbol("x", nonnegative=True)
    proof.define("x", sp.Eq(x, d0 * L_H))
    proof.derive("quadratic", 2 * root * (root - x) - (root**2 - x**2) >= 2 * x**2, "near two root x")
    proof.derive("scaled", 2 * L_H * supply >= 2 * L_H * need, "quadratic x radius root_is positive")
    proof.derive("enough", supply >= need, "scaled positive")
    return proof.conclude("enough")


CLAIM = Claim(
    id="displacement_improves",
    title="the displacement criterion against the residual criterion",
    statement="For σ(ρ) = √λ_c − L_Hρ, κ = 1, ϱ = ½L_Hd0², δ = e_c = 0 the displacement criterion holds for d0 ≤ (√2 − 1)√λ_c/L_H. It certifies maps for"
    " which neither 5a nor 5b about θ_0 can, whatever R and even with the exact σ(ρ); and conversely.",
    source="our formulation",
    hypotheses=(),
    witnesses=(
        Counterexample(
            "displacement certifies, 5a and 5b cannot: F = (4θ1, θ2 − θ2²/2), y = 0, θ_0 = (1/4, 0), c = 0",
            displacement_wins,
        ),
        Counterexample("5b certifies, displacement cannot: F = θ − θ²/2, y = 9/20, θ_0 = 0", residual_wins),
    ),
    proof=prove,
)
