"""Claim gated_is_relu_training: training with frozen activation patterns is not training the ReLU network."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _dies() -> list[Fact]:
    w, y, eta = Q(1, 10), Q(-1), Q(1, 2)
    relu = w - eta * (w - y)
    gated = w
    for _ in range(20):
        gated -= eta * (gated - y)
    return [
        Fact(
            "the ReLU neuron is dead after one step: loss ½ for ever",
            relu < 0 and (max(Q(0), relu) - y) ** 2 / 2 == Q(1, 2),
        ),
        Fact("the gated one (gate open) fits: |w + 1| < 2^−19", abs(gated - y) < Q(2) ** -19),
    ]


CLAIM = Claim(
    id="gated_is_relu_training",
    title="training with fixed patterns is training the ReLU network",
    statement="A ReLU network and its gated surrogate (patterns of the initialisation) reach the same loss under gradient descent.",
    source="our formulation of a reading of arXiv:2101.04243",
    refutation=Counterexample("F = relu(w), y = −1, w = 1/10, η = 1/2", _dies),
    repaired_by=("gated_rate", "gated_to_relu"),
)
