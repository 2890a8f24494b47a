"""Claim stability_radius_positive: λ0 > 0 and a continuous Jacobian give an LPLR of positive radius."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """Continuity gives a ball on which Δ_J ≤ (1 − √κ)√λ0; there the sharp form gives κλ0."""
    lambda0, kappa, Delta = sym("lambda0 kappa Delta_J")
    root = sp.Symbol("root_kappa", positive=True)
    proof = Proof()
    proof.hypothesis("positive", lambda0 > 0)
    proof.define("fraction", sp.And(sp.Eq(root**2, kappa), root < 1), "0 < κ < 1, root = √κ")
    proof.derive("room", (1 - root) * sp.sqrt(lambda0) > 0, "positive fraction", "ε = (1 − √κ)√λ0 > 0")
    proof.lemma(
        "ball", "continuity", Delta <= (1 - root) * sp.sqrt(lambda0), "some ball B(θ0, r), r > 0", premises=["room"]
    )
    proof.derive("lambda", formulas("lambda_region_sharp") >= kappa * lambda0, "positive fraction ball")
    proof.derive("mu", formulas("mu", lambda_R=kappa * lambda0) > 0, "positive fraction")
    return proof.conclude("lambda mu")


def _discontinuous() -> list[Fact]:
    # F = relu(θ) at θ0 = 0 with the choice relu'(0) = 1: λ0 = 1 there, λ = 0 at every θ < 0.
    return [
        Fact("λ(0) = 1 with the choice relu'(0) = 1", Q(1) ** 2 == 1),
        Fact(
            "λ(−t) = 0 for t = 1, 1/1000, 1/10⁹",
            all(Q(0) ** 2 == 0 and -t < 0 for t in (Q(1), Q(1, 1000), Q(1, 10**9))),
        ),
    ]


CLAIM = Claim(
    id="stability_radius_positive",
    title="an LPLR exists around every θ0 with λ0 > 0",
    statement="If λ_min(Θ(θ0)) = λ0 > 0 and J is continuous at θ0, then for every κ < 1 some ball B(θ0, r), r > 0, has λ_min(Θ) ≥ κλ0:"
    " it is an LPLR with μ = sκλ0.",
    source="our formulation of the existence claim in the abstract of v1",
    hypotheses=(
        Hypothesis("positive", "λ0 > 0", LAMBDA_ZERO),
        Hypothesis(
            "continuity",
            "J is continuous at θ0",
            Counterexample("F = relu(θ) at 0 with relu'(0) = 1: λ = 0 at every θ < 0", _discontinuous),
        ),
    ),
    proof=prove,
    remarks="Existence of the region is cheap; whether GD stays in it is the question of containment_*.",
)
