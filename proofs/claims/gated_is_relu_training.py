"""Claim gated_is_relu_training: training with frozen activation patterns is not training the ReLU network."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _dies() -> list[Fact]:
    # F = relu(w_1x) − relu(w_2x), x = 1, y = −1; at (1/10, −1/10) the first neuron is active, the second is not.
    y, eta, start = Q(-1), Q(1, 2), (Q(1, 10), Q(-1, 10))

    def relu(w: tuple[Q, Q]) -> Q:
        return max(Q(0), w[0]) - max(Q(0), w[1])

    after = (start[0] - eta * (relu(start) - y), start[1])
    gated = start[0]
    for _ in range(20):
        gated -= eta * (gated - y)
    return [
        Fact("the ReLU network can fit: (0, 1) has loss 0", relu((Q(0), Q(1))) == y),
        Fact(
            "from the start both its neurons are dead after one step: loss ½ for ever",
            max(after) < 0 and (relu(after) - y) ** 2 / 2 == Q(1, 2),
        ),
        Fact("the gated network, F = w_1, fits: |w_1 + 1| < 2^−19", abs(gated - y) < Q(2) ** -19),
    ]


CLAIM = Claim(
    id="gated_is_relu_training",
    title="training with fixed patterns is training the ReLU network",
    statement="A ReLU network and its gated surrogate (patterns of the initialisation) reach the same loss under gradient descent.",
    source="our formulation of a reading of arXiv:2101.04243",
    refutation=Counterexample("F = relu(w_1) − relu(w_2), y = −1, w = (1/10, −1/10), η = 1/2", _dies),
    repaired_by=("gated_rate", "gated_to_relu"),
    remarks="The abstract does not say this: it turns the trained surrogate into a ReLU network, which is right (gated_to_relu).",
)
