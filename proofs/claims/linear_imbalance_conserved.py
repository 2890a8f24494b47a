"""Claim linear_imbalance_conserved: what holds for the gradient flow does not hold for gradient descent."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _step() -> list[Fact]:
    a, b, eta = Q(1), Q(2), Q(1, 10)
    G = a * b
    a1, b1 = a - eta * G * b, b - eta * a * G
    return [
        Fact("D = a² − b² goes from −3 to −72/25", a * a - b * b == -3 and a1 * a1 - b1 * b1 == Q(-72, 25)),
        Fact("the change is η²(G²b² − G²a²)", Q(3, 25) == eta**2 * G**2 * (b * b - a * a)),
    ]


CLAIM = Claim(
    id="linear_imbalance_conserved",
    title="gradient descent conserves the imbalance of a linear network",
    statement="Gradient descent on F = AB conserves AᵀA − BBᵀ, as the gradient flow does.",
    source="our formulation of a reading of the gradient flow's conservation law",
    refutation=Counterexample("F = ab, y = 0, (1, 2), η = 1/10", _step),
    repaired_by=("linear_imbalance",),
)
