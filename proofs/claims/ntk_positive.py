"""Claim ntk_positive: for an analytic network, λ0 > 0 at one parameter means λ0 > 0 at almost every parameter."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """det Θ is analytic and not identically zero; where it is not zero, Θ ⪰ 0 has λ_min > 0."""
    determinant, lowest, rest, at_witness = sym("determinant lambda_min others at_witness")
    proof = Proof()
    proof.define("product", sp.Eq(determinant, lowest * rest), "det Θ(θ) = λ_min·(the other eigenvalues), all ≥ 0")
    proof.hypothesis("witness", at_witness > 0, "det Θ(θ') > 0 at one θ'")
    proof.lemma("generic", "analytic_zero_set", determinant > 0, "for every θ outside a null set", premises=["witness"])
    proof.derive("positive", lowest > 0, "product generic")
    return proof.conclude("positive")


def _duplicate() -> list[Fact]:
    # Two equal inputs: two equal rows of J, whatever the parameters.
    J = sp.Matrix([[2, 3, 5], [2, 3, 5]])
    return [Fact("det Θ = 0 with two equal rows of J", (J * J.T).det() == 0)]


def _not_analytic() -> list[Fact]:
    # F = relu(w) with one sample: Θ = relu'(w)² is 1 for w > 0 and 0 on the whole half line w < 0.
    return [
        Fact("Θ(1) = 1", (Q(1) > 0) == 1),
        Fact("Θ(w) = 0 at w = −1, −2, −1/3", not any(w > 0 for w in (Q(-1), Q(-2), Q(-1, 3)))),
    ]


CLAIM = Claim(
    id="ntk_positive",
    title="λ0 > 0 is generic",
    statement="If F is real-analytic in θ (analytic activations) and λ_min(Θ(θ')) > 0 for a single θ', then λ_min(Θ(θ)) > 0 for"
    " Lebesgue-almost every θ; so an initialisation with a density has λ0 > 0 with probability one.",
    source="our formulation of what v1 asks of a proper initialisation",
    hypotheses=(
        Hypothesis(
            "witness",
            "λ_min(Θ(θ')) > 0 for one θ'; fails with two equal inputs",
            Counterexample("two equal inputs: two equal rows of J at every θ", _duplicate),
        ),
        Hypothesis(
            "analytic",
            "F is real-analytic in θ",
            Counterexample("F = relu(w): Θ = 1 at w = 1 and 0 on the half line w < 0", _not_analytic),
        ),
    ),
    proof=prove,
    remarks="A certificate proves λ0 > 0 at its own θ0 directly; this claim says how special such θ0 are: not at all.",
)
