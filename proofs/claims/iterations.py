"""Claim iterations: how many steps bring the loss to ε."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """k·log(rate) + log Φ_0 ≤ log ε, and −log(rate) ≥ 1 − rate."""
    k, rate, Phi0, epsilon = sym("k rate Phi0 epsilon")
    log_rate, log_0, log_eps = sp.log(rate), sp.log(Phi0), sp.log(epsilon)
    log_k = sp.Symbol("log_Phi_k", real=True)
    proof = Proof()
    proof.define("domain", sp.And(rate > 0, rate < 1))
    proof.lemma("tangent", "logarithm", log_rate <= rate - 1, "log x ≤ x − 1")
    proof.derive("negative", log_rate < 0, "tangent domain")
    proof.hypothesis("rate", log_k <= k * log_rate + log_0, "log of Φ_k ≤ rate^kΦ_0 (Φ_k > 0), claim linear_rate")
    enough, simple = formulas("iterations"), formulas("iterations_simple")
    proof.derive("exact", sp.Implies(k >= enough, log_k <= log_eps), "negative rate domain")
    gap = sp.Symbol("gap", nonnegative=True)
    proof.define("gap", sp.Eq(gap, log_0 - log_eps), "Φ_0 ≥ ε, else k = 0 will do")
    proof.derive("simple_times", sp.Implies(k >= simple, k * (1 - rate) >= gap), "gap domain")
    proof.derive("simple", sp.Implies(k >= simple, log_k <= log_eps), "simple_times tangent rate gap domain")
    return proof.conclude("exact simple")


def _too_few() -> list[Fact]:
    # rate = 1/2, Φ_0 = 8, ε = 1: log 8/log 2 = 3. After 2 steps the bound is 2 > 1.
    return [Fact("(1/2)³·8 = 1 ≤ ε", Q(1, 2) ** 3 * 8 <= 1), Fact("(1/2)²·8 > ε", Q(1, 2) ** 2 * 8 > 1)]


CLAIM = Claim(
    id="iterations",
    title="number of steps to a given loss",
    statement="If Φ_k ≤ rate^kΦ_0 with 0 < rate < 1, then Φ_k ≤ ε for every k ≥ log(Φ_0/ε)/(−log rate), hence (when Φ_0 ≥ ε) for every"
    " k ≥ log(Φ_0/ε)/(1 − rate).",
    source="our formulation",
    hypotheses=(
        Hypothesis("rate", "Φ_k ≤ rate^kΦ_0", Counterexample("Φ_k = 2^{−k}·8, ε = 1: two steps are too few", _too_few)),
    ),
    proof=prove,
    remarks="Logarithms are compared: log is increasing, so log Φ_k ≤ log ε is Φ_k ≤ ε.",
)
