"""Claim ppo_inner_lplr: the error of a policy update whose inner regression has a certified region."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The residual of the regression is the error of the logits, state by state and action by action."""
    E, E0, power, entry = sym("E_j E_start power entry")
    proof = Proof()
    proof.hypothesis(
        "certified", E <= power * E0, "certificate of the inner regression: ‖e_j‖ ≤ rate^j‖e_T‖, claim linear_rate"
    )
    proof.lemma("entry", "cauchy_schwarz", entry <= E, "|F(s, a) − target(s, a)| ≤ ‖e‖; target = f_k + ηQ_k")
    proof.derive("error", entry <= power * E0, "certified entry")
    t = sym("t_")
    proof.lemma("vanishes", "geometric", sp.Implies(t > 0, power * E0 <= t), "rate^j → 0 as j grows, for every t > 0")
    proof.derive("any_error", sp.Implies(t > 0, entry <= t), "error vanishes")
    return proof.conclude("error any_error")


def _stalls() -> list[Fact]:
    return [Fact("F = θ², target 1, θ = 0: the regression rests at error 1", 2 * Q(0) * (Q(0) ** 2 - 1) == 0)]


CLAIM = Claim(
    id="ppo_inner_lplr",
    title="policy updates: inner regressions in an LPLR",
    statement="If the regression of the network onto f_k + ηQ_k at all (s, a) has a certified region (‖e_j‖ ≤ rate^j‖e_T‖), after j steps"
    " the logits' error is at most"
    " rate^j‖e_T‖, arbitrarily small: ε of policy_mirror_descent.",
    source="our formulation; related to arXiv:1906.10306",
    hypotheses=(Hypothesis("certified", "a region for the inner regression", Counterexample("F = θ² at 0", _stalls)),),
    proof=prove,
)
