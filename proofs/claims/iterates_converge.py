"""Claim iterates_converge: the iterates converge to a zero-loss point, and how far away it is."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import NO_CONTAINMENT


def prove(formulas: Formulas) -> Proof:
    """What is left of √Φ (or of ‖e‖) bounds the length of the rest of the path."""
    mu, Phi, c, delta, sigma, e = sym("mu Phi c delta sigma e")
    m = sp.Symbol("m", positive=True)
    a, b, rest, distance = sym("a_k a_j rest distance")
    proof = Proof()
    proof.define("m", sp.Eq(m**2 * mu, 2), "m = √(2/μ)")
    proof.define("a", sp.Eq(a**2, Phi), "a_k = √Φ_k")
    proof.hypothesis(
        "paid", c * rest <= (a - b) * m, "rest = Σ_{k ≤ i < j}‖θ_{i+1} − θ_i‖, claim containment_classical"
    )
    # √(2Φ/μ) = a·m, from its square.
    root = sp.sqrt(2 * Phi / mu)
    proof.derive("root", sp.Eq(root, a * m), "m a")
    proof.derive("path", rest <= formulas("distance_classical"), "paid root")
    proof.lemma("limit", "completeness", distance <= formulas("distance_classical"), "‖θ_k − θ*‖", premises=["path"])
    E, F, length, far = sym("e_k e_j length far")
    proof.define("room", sigma > delta)
    proof.hypothesis(
        "paid_residual", (sigma - delta) * length <= E - F, "claim containment_residual, summed over k ≤ i < j"
    )
    proof.define("bound", E <= e)
    proof.derive("path_residual", length <= formulas("residual_path"), "room paid_residual bound")
    proof.lemma(
        "limit_residual", "completeness", far <= formulas("residual_path"), "‖θ_k − θ*‖", premises=["path_residual"]
    )
    # Φ(θ*) = lim Φ_k = 0: Φ_k ≤ slack for every slack > 0 from some k on.
    loss, at_limit, slack = sym("loss_k loss_at_limit slack")
    proof.lemma("powers", "geometric", sym("power") * sym("Phi0") <= slack / 2, "rate^k → 0 as rate < 1; k large")
    proof.lemma("decay", "claim:linear_rate", loss <= sym("power") * sym("Phi0"), "Φ_k ≤ rate^k Φ_0")
    proof.derive("vanishes", loss <= slack / 2, "powers decay")
    proof.lemma("continuous", "continuity", at_limit <= loss + slack / 2, "Φ(θ_k) → Φ(θ*)", premises=["limit"])
    proof.derive("zero_loss", at_limit <= slack, "vanishes continuous", "for every slack > 0, so Φ(θ*) = 0")
    return proof.conclude("limit limit_residual zero_loss")


def _no_limit() -> list[Fact]:
    # Steps 1/(k+1) do not sum: the path need not converge when the steps are merely small.
    total, k = Q(0), 0
    while total <= 3:
        k += 1
        total += Q(1, k)
    return [Fact(f"Σ 1/k exceeds 3 after {k} steps though the steps tend to 0", total > 3)]


CLAIM = Claim(
    id="iterates_converge",
    title="the iterates converge to a zero-loss point",
    statement="Under containment_classical θ_k → θ* in the ball with Φ(θ*) = 0 and ‖θ_k − θ*‖ ≤ √(2Φ_k/μ)/c; under"
    " containment_residual likewise with ‖θ_k − θ*‖ ≤ ‖e_k‖/(σ(R) − δ).",
    source="our formulation; v2 and v3 state a rate only",
    hypotheses=(
        Hypothesis("containment", "one of the containment claims", NO_CONTAINMENT),
        Hypothesis("paid", "the path is paid for by the loss", Counterexample("steps 1/k", _no_limit)),
    ),
    proof=prove,
    remarks="Φ is continuous and Φ_k ≤ rate^kΦ_0 → 0, hence Φ(θ*) = 0. The closed ball contains θ*.",
)
