"""Claim sgd_exit: the probability that stochastic gradient descent ever leaves the ball."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The expected length of the stopped path, by Jensen and a geometric series, then Markov."""
    eta, beta, bar, mu, Phi0, R = sym("eta beta beta_bar mu Phi0 R")
    q, x, path, first, probability = sym("q x path first probability")
    proof = Proof()
    proof.hypothesis("step", eta * beta * bar <= mu)
    proof.lemma(
        "q",
        "claim:sgd_rate",
        sp.Eq(q**2, formulas("sgd_rate_simple")),
        "q² = 1 − ημ ≥ rate ≥ 0; E[Φ_k 1_{τ>k}] ≤ q^{2k}Φ_0",
        premises=["step"],
    )
    proof.define("x", sp.Eq(x**2, 2 * bar * Phi0), "x = √(2β̄Φ_0)")
    proof.derive("below_one", q < 1, "q")
    # E‖ηg_k‖1_{τ>k} ≤ η(2β̄E[Φ_k 1])^½ ≤ ηxq^k; the sum over k is at most ηx/(1 − q).
    proof.lemma("jensen", "jensen", first <= eta * x, "first = E‖ηg_0‖ ≤ η(E‖g_0‖²)^½")
    proof.lemma(
        "series", "geometric", path * (1 - q) <= eta * x, "path = EΣ_k‖ηg_k‖1_{τ>k}", premises=["jensen", "below_one"]
    )
    proof.derive("slow", 1 - q >= eta * mu / 2, "q")
    proof.derive("path", path * mu <= 2 * x, "series slow below_one")
    proof.lemma("markov", "markov", probability * R <= path, "leaving takes a stopped path of length > R")
    proof.derive("root", sp.Eq(sp.sqrt(2 * bar * Phi0), x), "x")
    proof.derive("exit", probability <= formulas("sgd_exit_probability"), "path markov root")
    return proof.conclude("exit")


def _certain_exit() -> list[Fact]:
    # Two samples F_1 = θ, F_2 = 3θ, y = 0, θ_0 = 1, η = 1/18: GD must travel 1; with R = 1/2 it leaves for certain.
    eta, theta, steps = Q(1, 18), Q(1), 0
    while theta > Q(1, 2):
        theta *= 1 - eta * 2 * 1  # the slower of the two samples
        steps += 1
    x2 = 2 * Q(18) * 5
    return [
        Fact(f"whatever is drawn, θ ≤ 1/2 after {steps} steps: it leaves B(1, 1/2)", theta <= Q(1, 2)),
        Fact("and the bound 2√(2β̄Φ_0)/(μR) exceeds 1, as it must", 4 * x2 > (10 * Q(1, 2)) ** 2),
    ]


CLAIM = Claim(
    id="sgd_exit",
    title="exit probability of SGD",
    statement="If η ≤ μ/(ββ̄), the probability that some iterate leaves B(θ0, R) is at most 2√(2β̄Φ_0)/(μR).",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "radius",
            "R enters the bound",
            Counterexample("two samples x = 1, 3, R = 1/2: exit is certain", _certain_exit),
        ),
    ),
    proof=prove,
    remarks="β belongs to B(θ0, R + step), λ to B(θ0, R); sampling is independent.",
)
