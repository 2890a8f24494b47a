"""Claim relu_smoothness: refuted; a ball that meets a kink of a ReLU network has no smoothness constant."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact
from proofs.examples import KINK


def _descent_fails() -> list[Fact]:
    # F = relu(θ), y = −1: just right of the kink ∇Φ = 1 + θ; the step crosses to Φ = 1/2 and gains next to nothing.
    facts = []
    for eta, c in ((Q(1, 10), Q(1, 10)), (Q(1, 1000), Q(1, 1000))):
        theta = eta * c / 10
        before, gradient = (theta + 1) ** 2 / 2, theta + 1
        after = max(theta - eta * gradient, Q(0)) + 1
        facts.append(
            Fact(
                f"η = {eta}: the decrease is below ηc‖∇Φ‖² with c = {c}, at θ = {theta}",
                theta - eta * gradient < 0 and before - after**2 / 2 < eta * c * gradient**2,
            )
        )
    return facts


CLAIM = Claim(
    id="relu_smoothness",
    title="ReLU: a smoothness constant across a kink",
    statement="For a ReLU network, ∇Φ is Lipschitz on every ball: some β satisfies ‖∇Φ(θ) − ∇Φ(θ')‖ ≤ β‖θ − θ'‖ there.",
    source="our formulation: what a classical certificate would need",
    refutation=Counterexample(
        "F = relu(θ): with y = 1 the gradient jumps at 0; with y = −1 the descent inequality fails for every fixed η and c",
        lambda: KINK.facts() + _descent_fails(),
    ),
    repaired_by=("containment_residual_relu",),
    remarks="In general ∇Φ jumps wherever some z_l,ir = 0 with Σ_a e_iaG_l,ia,r ≠ 0 and a_l,i ≠ 0.",
)
