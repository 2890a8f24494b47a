"""Claim cohypomonotone_resolvent: the resolvent of a cohypomonotone operator is nonexpansive."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Expand ‖(z + γFz) − (z′ + γFz′)‖²."""
    g, u, f, x = sym("gamma_ u f x")
    rho, inner = sp.symbols("rho inner", real=True)
    proof = Proof()
    proof.hypothesis("cohypomonotone", inner >= rho * f**2, "⟨Fz − Fz′, z − z′⟩ ≥ ρ‖Fz − Fz′‖², f = ‖Fz − Fz′‖")
    proof.hypothesis("gamma", g + 2 * rho >= 0, "γ ≥ −2ρ, γ > 0")
    proof.define("x", sp.Eq(x**2, u**2 + 2 * g * inner + g**2 * f**2), "x = ‖(z + γFz) − (z′ + γFz′)‖, u = ‖z − z′‖")
    proof.derive("scaled", 2 * g * inner >= 2 * g * rho * f**2, "cohypomonotone")
    proof.derive("sign", g * f**2 * (g + 2 * rho) >= 0, "gamma")
    proof.derive("nonexpansive", u <= x, "scaled sign x")
    return proof.conclude("nonexpansive")


def _reflection() -> list[Fact]:
    return [
        Fact(
            "F = −z (ρ = −1), γ = 1 < 2: z + γFz = 0 for every z, the resolvent is not even a function",
            Q(5) + 1 * -Q(5) == 0,
        )
    ]


CLAIM = Claim(
    id="cohypomonotone_resolvent",
    title="the resolvent of a cohypomonotone operator is nonexpansive",
    statement="⟨Fz − Fz′, z − z′⟩ ≥ ρ‖Fz − Fz′‖² (ρ may be negative), γ ≥ −2ρ: ‖z − z′‖ ≤ ‖(z + γFz) − (z′ + γFz′)‖.",
    source="our formulation; the operator side of arXiv:2310.13459",
    hypotheses=(Hypothesis("gamma", "γ ≥ −2ρ", Counterexample("F = −z, γ = 1", _reflection)),),
    proof=prove,
)
