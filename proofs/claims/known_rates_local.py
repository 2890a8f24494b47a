"""Claim known_rates_local: open; the sharper known rate on a certified region.

What a proof has from the segment θ − tη∇Φ(θ), 0 ≤ t ≤ 1: the gradient moves at speed at most ηβ‖∇Φ(θ)‖ along it, and PL. The interpolation inequality
that the known proof rests on does not follow from that: the component of the gradient across the segment may turn (the example below), which no function
that is β-smooth on the whole space allows. PL at the two ends is then too little. PL on the whole segment excludes the example; whether it suffices is open.
"""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _ends_alone() -> list[Fact]:
    # β = η = ‖∇Φ(θ)‖ = 1. The gradient runs from (1, 0) along (−4/5, 3/5) for 3/5 of the segment, then along (3/5, 4/5): unit speed.
    mu, first, second = Q(1, 10), Q(3, 5), Q(2, 5)
    turn = (1 - Q(4, 5) * first, Q(3, 5) * first)
    end = (turn[0] + Q(3, 5) * second, turn[1] + Q(4, 5) * second)
    start_loss = 1 / (2 * mu)
    decrease = first * (1 + turn[0]) / 2 + second * (turn[0] + end[0]) / 2
    end_loss = start_loss - decrease
    known = 1 - mu * 3 / (2 + mu)
    return [
        Fact("PL at the start, with equality", Q(1, 2) == mu * start_loss),
        Fact("PL at the end", (end[0] ** 2 + end[1] ** 2) / 2 >= mu * end_loss),
        Fact("the loss falls by less than the known rate says", end_loss > known * start_loss),
        Fact(
            "PL fails where the gradient turns",
            (turn[0] ** 2 + turn[1] ** 2) / 2 < mu * (start_loss - first * (1 + turn[0]) / 2),
        ),
    ]


CLAIM = Claim(
    id="known_rates_local",
    title="the sharper known rate on a certified region",
    statement="Under containment_classical, Φ_{k+1} ≤ rate_known·Φ_k for 1/β ≤ η ≤ √3/β.",
    source="our formulation; compare arXiv:2204.00647",
    witnesses=(
        Counterexample(
            "curvature along the segment and PL at its two ends alone do not give it: β = η = 1, μ = 1/10", _ends_alone
        ),
    ),
    missing="The known proof interpolates smooth PL functions on the whole space; on S only segments between iterates are known to lie in the"
    " region, and S is not convex. A proof that uses PL along the whole segment from θ_k to θ_{k+1} is missing; its two ends do not suffice (example).",
)
