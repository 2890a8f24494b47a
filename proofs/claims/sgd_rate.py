"""Claim sgd_rate: stochastic gradient descent, stopped at its exit from the ball, in expectation."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO, OFF_SUBLEVEL


def prove(formulas: Formulas) -> Proof:
    """Taylor in conditional expectation on {τ > k}, then the tower property."""
    eta, beta, bar, mu, Phi0 = sym("eta beta beta_bar mu Phi0")
    Phi, after, g, second, mean, mean_after, power = sym("Phi E_after gradient_norm E_g2 mean mean_after power")
    rate = formulas("sgd_rate")
    proof = Proof()
    proof.hypothesis("pl", g**2 / 2 >= mu * Phi, "at θ_k ∈ B(θ0, R)")
    proof.hypothesis("second", second <= 2 * bar * Phi, "claim sgd_second_moment")
    proof.lemma(
        "taylor",
        "taylor",
        after <= Phi - eta * g**2 + eta**2 * beta * second / 2,
        "E[Φ_{k+1} | F_k] on {τ > k}; β on B(θ0, R + step), which contains the segment; E[g | F_k] = ∇Φ",
    )
    proof.derive("one_step", after <= rate * Phi, "pl second taylor")
    proof.derive("small_step", sp.Implies(eta <= formulas("sgd_step"), eta * beta * bar <= mu), "pl")
    proof.derive("simple", sp.Implies(eta <= formulas("sgd_step"), rate <= formulas("sgd_rate_simple")), "small_step")
    proof.lemma(
        "tower",
        "tower",
        mean_after <= rate * mean,
        "mean = E[Φ_k 1_{τ>k}]; 1_{τ>k+1} ≤ 1_{τ>k}, Φ ≥ 0",
        premises=["one_step"],
    )
    # The rate is not negative, else the nonnegative E[Φ_{k+1} | F_k] would be negative where Φ_k > 0.
    proof.define("positive", Phi > 0)
    proof.derive("nonnegative", rate >= 0, "one_step positive")
    proof.suppose("so_far", mean <= power * Phi0, "power = rate^k")
    proof.derive("next", mean_after <= rate * power * Phi0, "tower so_far nonnegative")
    final, total = sym("mean_k rate_to_the_k")
    proof.derive("base", Phi0 <= Phi0 * 1, "pl", "E[Φ_0 1] ≤ Φ_0")
    proof.lemma(
        "all", "induction", final <= total * Phi0, "for every k", premises=["base", "next"], discharges=["so_far"]
    )
    return proof.conclude("one_step simple nonnegative all")


def _large_step() -> list[Fact]:
    # Two samples F_i = θx_i, x = (1, 3), y = 0, s = 1: Φ = 5θ², μ = β = 10, β̄ = 2·9, and g = 2x_i²θ.
    eta = Q(1, 4)
    square = (((1 - eta * 2 * 1) ** 2) + (1 - eta * 2 * 9) ** 2) / 2
    mu, beta = Q(10), Q(10)
    bar = Q(2) * 9
    return [
        Fact("η = 1/4 is above μ/(ββ̄) = 1/18", eta > mu / (beta * bar)),
        Fact("E Φ grows by 25/4 in one step", square == Q(25, 4)),
    ]


CLAIM = Claim(
    id="sgd_rate",
    title="SGD in expectation until its exit",
    statement="With β ≥ λ_max(∇²Φ) on B(θ0, R + step), μ on B(θ0, R), independent sampling, τ the exit time from B(θ0, R):"
    " E[Φ_k 1_{τ>k}] ≤ (1 − 2ημ + η²ββ̄)^kΦ_0, and η ≤ μ/(ββ̄) makes the factor at most 1 − ημ.",
    source="our formulation",
    hypotheses=(
        Hypothesis("pl", "PL on B(θ0, R)", LAMBDA_ZERO),
        Hypothesis(
            "step", "η ≤ μ/(ββ̄) for the simple factor", Counterexample("two samples x = 1, 3, η = 1/4", _large_step)
        ),
        Hypothesis("smoothness", "β on B(θ0, R + step), not on the sublevel set", OFF_SUBLEVEL),
    ),
    proof=prove,
)
