"""Claim adam_relu_global: Adam does not reach a global minimum of every ReLU network."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _dead() -> list[Fact]:
    w, y = Q(-1), Q(1)
    gradient = (max(Q(0), w) - y) * 0
    return [
        Fact(
            "the neuron is dead: gradient 0, so m = v = 0 and Adam's step is 0/(0 + ε̂) = 0",
            gradient / (0 + Q(1, 10**8)) == 0,
        ),
        Fact("loss ½, while w = 1 has loss 0", (max(Q(0), w) - y) ** 2 / 2 == Q(1, 2) and (max(Q(0), Q(1)) - y) == 0),
    ]


CLAIM = Claim(
    id="adam_relu_global",
    title="Adam reaches a global minimum of every ReLU network",
    statement="From every initialisation Adam converges to a global minimum of the training loss of a ReLU network.",
    source="our formulation of a reading of arXiv:2505.15013, without its barrier assumption",
    refutation=Counterexample("F = relu(w), w = −1, y = 1", _dead),
    repaired_by=("containment_preconditioned",),
    remarks="The neuron is dead at the start. What the paper's barrier assumption excludes we do not know.",
)
