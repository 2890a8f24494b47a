"""Claim known_rates: the classical PL rate is not the best known one; a comparison of formulas."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """(2 − x)(2 + x)/(2 + ημ) ≥ 2 − x for x = ηβ ≥ ημ."""
    eta, mu, beta = sym("eta mu beta")
    proof = Proof()
    proof.hypothesis("range", sp.And(eta * beta >= 1, eta**2 * beta**2 <= 3), "1/β ≤ η ≤ √3/β")
    proof.hypothesis("order", mu <= beta)
    known, ours = formulas("rate_known"), formulas("rate_classical", c=formulas("descent_fraction"))
    v = sp.Symbol("v", positive=True)
    proof.define("v", sp.Eq(v * (2 + eta * mu), 1))
    proof.derive("v_is", sp.Eq(1 / (2 + eta * mu), v), "v")
    gain = (4 - eta**2 * beta**2) * v
    proof.derive("gain", gain >= 2 - eta * beta, "v range order")
    proof.derive("better", known <= ours, "gain v_is")
    return proof.conclude("better")


def _at_one_over_beta() -> list[Fact]:
    # κ = μ/β = 1/5, η = 1/β: 8/11 against 4/5, the figure that PEPit's example prints (0.727273).
    known = 1 - Q(1, 5) * 3 / (2 + Q(1, 5))
    return [Fact("known rate 8/11, classical 4/5", known == Q(8, 11) and known < Q(4, 5))]


CLAIM = Claim(
    id="known_rates",
    title="the classical PL rate against a sharper known one",
    statement="For 1/β ≤ η ≤ √3/β and μ ≤ β the rate 1 − ημ(4 − η²β²)/(2 + ημ), known for functions that are β-smooth and μ-PL on the"
    " whole space, is at most our 1 − 2ημ(1 − ηβ/2); at η = 1/β, (2 − 2κ)/(2 + κ) against 1 − κ, κ = μ/β.",
    source="Abbaszadehpeivasti, de Klerk, Zamani, arXiv:2204.00647 (Theorem 3, as PEPit's examples quote it); comparison only",
    hypotheses=(
        Hypothesis(
            "order",
            "μ ≤ β",
            Counterexample(
                "μ = 4, β = 1, η = 1: 1 − 4·3/6 = −1 is above 1 − 4 = −3",
                lambda: [Fact("−1 > −3", 1 - Q(4) * 3 / 6 == -1 and 1 - 2 * Q(4) * Q(1, 2) == -3)],
            ),
        ),
    ),
    witnesses=(Counterexample("κ = 1/5, η = 1/β", _at_one_over_beta),),
    proof=prove,
    remarks="The known theorem is not proved here, and its hypotheses are global: a certificate's region is not the whole space, so no"
    " certificate uses it.",
)
