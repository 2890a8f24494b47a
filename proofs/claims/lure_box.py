"""Claim lure_box: a box that a nonlinear feedback loop never leaves, and the rate at which it empties."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """|f_i(x)| = |Σ_j ∫∂_jf_i(τx)dτ·x_j| ≤ Σ_jM_ij|x_j| on a box that is star-shaped about 0."""
    rho, total, after, t, q, row, t1 = sym("rho_ total after t_ q_i row t_next")
    proof = Proof()
    proof.hypothesis("row", row <= rho * q, "row = Σ_jM_ijq_j, M_ij ≥ |∂_jf_i| on {|x| ≤ q}, every i")
    proof.hypothesis("rho", rho < 1)
    proof.define("q", q > 0)
    proof.suppose("inside", t <= 1, "|x_j| ≤ tq_j for every j: the segment from 0 to x lies in the box")
    proof.lemma("mean", "mean_value", after <= total, "f(0) = 0; total = Σ_jM_ij|x_j|", premises=["inside"])
    proof.lemma("sum", "finite_sum", total <= t * row, "Σ_jM_ij|x_j| ≤ tΣ_jM_ijq_j", premises=["inside"])
    proof.derive("scaled", t * row <= t * rho * q, "row")
    proof.derive("one", after <= rho * t * q, "scaled mean sum", "for every i")
    proof.define("t1", sp.Eq(t1, rho * t))
    proof.derive("next", sp.And(t1 <= 1, after <= t1 * q), "one t1 inside rho")
    start, tk = sym("t_start t_k")
    proof.define("start", start <= 1, "|x_0| ≤ t_0q, t_0 ≤ 1")
    proof.derive("base", start <= 1, "start")
    proof.lemma(
        "all",
        "induction",
        tk <= 1,
        "for every k; t_k = ρ^kt_0 by line next",
        premises=["base", "next"],
        discharges=["inside"],
    )
    return proof.conclude("one next all")


def _unstable() -> list[Fact]:
    return [Fact("f(x) = 2x on [−1, 1]: M = 2, the box is left", 2 * Q(1) > 1)]


def _gain_at_zero() -> list[Fact]:
    # f(x) = x³ + x/2 on |x| ≤ 1: f'(0) = ½ < 1 but f(1) = 3/2.
    return [Fact("f(x) = x/2 + x³: slope ½ at 0, f(1) = 3/2: the slope must hold on the box", Q(1, 2) + 1 > 1)]


CLAIM = Claim(
    id="lure_box",
    title="feedback loops: an invariant box",
    statement="f(0) = 0, |∂_jf_i| ≤ M_ij on {|x| ≤ q}, Mq ≤ ρq with ρ < 1: x⁺ = f(x) keeps |x_k| ≤ ρ^kt_0q for every start with |x_0| ≤ t_0q, t_0 ≤ 1.",
    source="our formulation; related to neural feedback loops, arXiv:2505.22889",
    hypotheses=(
        Hypothesis("rho", "ρ < 1", Counterexample("f = 2x", _unstable)),
        Hypothesis("row", "M on the whole box", Counterexample("f = x/2 + x³", _gain_at_zero)),
    ),
    proof=prove,
    remarks="Not covered: continuous time, the paper's linear matrix inequalities.",
)
