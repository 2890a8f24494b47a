"""Claim recorded_decrease: a decrease of the loss between two points, from enclosures of both sides."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Φ' ≤ upper ≤ (1 − ηm)·lower ≤ (1 − ηm)Φ."""
    s, lam, eta, Phi = sym("s lambda_R eta Phi")
    after, low, high = sym("Phi_after loss_lower after_upper")
    m, ahead, start, power = sym("m Phi_ahead Phi_start power")
    proof = Proof()
    proof.define("m", sp.Eq(m, formulas("mu")), "m = sλ, λ the certified lower bound of λ_min(Θ)")
    factor = formulas("rate_simple", mu=m)
    proof.hypothesis("after", after <= high, "an upper bound of Φ at the second point")
    proof.hypothesis("before", low <= Phi, "a lower bound of Φ at the first point")
    proof.hypothesis("compared", high <= factor * low, "decided by the end points of two enclosures")
    proof.hypothesis("factor", factor >= 0, "η·m ≤ 1")
    proof.derive("lower_loss", factor * low <= factor * Phi, "before factor")
    proof.derive("decrease", after <= (1 - eta * s * lam) * Phi, "m after compared lower_loss")
    proof.derive("not_larger", after <= Phi, "m decrease")
    # The quotient that scope `exact` records.
    quotient = sym("recorded_quotient")
    proof.define("recorded", sp.Eq(quotient * (factor * low), high), "quotient = u/((1 − ηm)l)")
    proof.derive("quotient", sp.Implies(factor * low > 0, quotient <= 1), "compared recorded")
    # A path: with q ≥ every 1 − ηm_k, Φ_k ≤ q^k Φ_0 passes from k to k + 1.
    q = sp.Symbol("q", nonnegative=True)
    proof.define("worst", q >= factor, "q = max over the steps of 1 − ηm_k")
    proof.suppose("so_far", Phi <= power * start, "power = q^k")
    proof.derive("next", after <= q * power * start, "m decrease worst so_far")
    proof.lemma("path", "induction", ahead <= power * start, "Φ_k ≤ q^kΦ_0", premises=["next"], discharges=["so_far"])
    return proof.conclude("decrease not_larger quotient next path")


def _factor() -> list[Fact]:
    # ηm = 2: the factor is −1. Loss 1, then 0; 0 is a lower bound of 1 and 0 an upper bound of 0.
    return [
        Fact("0 ≤ 0 ≤ (1 − 2)·0: all comparisons pass", Q(0) <= (1 - Q(2)) * 0),
        Fact("yet 0 > (1 − 2)·1", Q(0) > (1 - Q(2)) * 1),
    ]


def _stays() -> tuple[Q, Q]:
    # F = θ, y = 0, s = 1, λ = 1, η = 1/2; the record stays at θ = 1: Φ = 1/2 at both, no decrease by 1/2.
    return Q(1, 2), Q(1, 2) * Q(1, 2)


def _no_upper() -> list[Fact]:
    loss, bound = _stays()
    return [Fact("1/4 ≤ (1/2)·(1/2), but 1/4 is no upper bound of Φ' = 1/2 and Φ' > Φ/2", Q(1, 4) <= bound < loss)]


def _no_lower() -> list[Fact]:
    loss, bound = _stays()
    return [
        Fact("1/2 ≤ (1/2)·1, but 1 is no lower bound of Φ = 1/2 and Φ' > Φ/2", loss <= Q(1, 2) * 1 and loss > bound)
    ]


def _not_compared() -> list[Fact]:
    loss, bound = _stays()
    return [Fact("exact values: Φ' = 1/2 > (1 − 1/2)Φ = 1/4", loss > bound)]


def _only_the_bound() -> list[Fact]:
    # F = θ, y = 0, s = 1, η = 1/2; recorded θ = 1, then 3/4; the certified λ is 1/2, the true λ_min is 1.
    before, after, eta = Q(1, 2), Q(3, 4) ** 2 / 2, Q(1, 2)
    return [
        Fact("Φ' ≤ (1 − η·1/2)Φ", after <= (1 - eta * Q(1, 2)) * before),
        Fact("but Φ' > (1 − η·1)Φ: the statement is about the bound, not about λ_min", after > (1 - eta) * before),
    ]


CLAIM = Claim(
    id="recorded_decrease",
    title="decrease between recorded points",
    statement="Let Φ' ≤ u, l ≤ Φ, m = sλ with 0 ≤ 1 − ηm and u ≤ (1 − ηm)l. Then Φ' ≤ (1 − ηm)Φ, and along a path of such steps"
    " Φ_k ≤ q^kΦ_0 with q = max_k(1 − ηm_k). λ is the certified lower bound of λ_min(Θ) at the first point, not λ_min itself.",
    source="our formulation: scopes `run` and `exact`",
    hypotheses=(
        Hypothesis("after", "u is an upper bound of Φ'", Counterexample("F = θ, a record that stays at 1", _no_upper)),
        Hypothesis("before", "l is a lower bound of Φ", Counterexample("F = θ, a record that stays at 1", _no_lower)),
        Hypothesis(
            "compared", "u ≤ (1 − ηm)l", Counterexample("F = θ, a record that stays at 1, η = 1/2", _not_compared)
        ),
        Hypothesis("factor", "1 − ηm ≥ 0", Counterexample("ηm = 2, l = u = 0, Φ = 1, Φ' = 0", _factor)),
    ),
    proof=prove,
    witnesses=(
        Counterexample(
            "F = θ, recorded 1 and 3/4 with η = 1/2: true with λ = 1/2, false with λ_min = 1", _only_the_bound
        ),
    ),
    remarks="How the two points came about does not matter: in scope `run` they are vectors of doubles, in scope `exact` iterates of"
    " gradient descent in real arithmetic. Where u > 0 the hypothesis on the factor follows from u ≤ (1 − ηm)l.",
)
