"""Claim performance_difference: the performance difference identity of finite Markov decision processes."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Sum dᵀ(T′V − V) two ways, d the discounted occupancy of π′."""
    gamma = sym("discount")
    new, old, reward, value, moved, bellman, advantage = sp.symbols("J_new J_old dr dV dPV dT advantage", real=True)
    proof = Proof()
    proof.lemma(
        "new_value",
        "finite_sum",
        sp.Eq((1 - gamma) * new, reward),
        "dᵀ(I − γP′) = (1 − γ)ρᵀ and V′ = r′ + γP′V′: (1 − γ)ρᵀV′ = dᵀr′",
    )
    proof.lemma("old_value", "finite_sum", sp.Eq((1 - gamma) * old, value - gamma * moved), "(1 − γ)ρᵀV = dᵀ(V − γP′V)")
    proof.define("bellman", sp.Eq(bellman, reward + gamma * moved - value), "dᵀ(T′V − V)")
    proof.hypothesis(
        "advantage", sp.Eq(bellman, advantage), "(T′V − V)(s) = ⟨Q(s, ·), π′ − π⟩: V(s) = ⟨Q(s, ·), π⟩, Q of π"
    )
    proof.derive("difference", sp.Eq((1 - gamma) * (new - old), advantage), "new_value old_value bellman advantage")
    return proof.conclude("difference")


def _wrong_occupancy() -> list[Fact]:
    # Two states, γ = ½, start in 1; π stays with reward 0 in 1; π′ goes to 2 with reward 0, where the other action of π′ pays 1.
    # With the occupancy of π (all in 1): Σ = Q(1, go) − V = ½·V(2) = 0 for π paying nothing in 2; but J′ = ½·1·2·½ > 0.
    return [
        Fact(
            "π pays nothing anywhere, π′ moves to state 2 and is paid 1 there for ever: J′ = γ/(1 − γ) = 1; with π's occupancy the sum is γV(2) = 0",
            Q(1, 2) / (1 - Q(1, 2)) == 1,
        )
    ]


CLAIM = Claim(
    id="performance_difference",
    title="performance difference",
    statement="(1 − γ)(J(π′) − J(π)) = Σ_s d^{π′}(s)⟨Q^π(s, ·), π′(·|s) − π(·|s)⟩; for π′ = π* it is ≥ 0, the one-point monotonicity of the abstract.",
    source="Kakade and Langford 2002; used for arXiv:1906.10306",
    hypotheses=(
        Hypothesis("advantage", "the occupancy is that of π′", Counterexample("two states", _wrong_occupancy)),
    ),
    proof=prove,
)
