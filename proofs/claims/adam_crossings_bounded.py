"""Claim adam_crossings_bounded: the number of activation regions that Adam crosses is not bounded by the architecture."""

from __future__ import annotations

import itertools

from proofs.claim import Claim, Counterexample, Fact
from proofs.claims.adam_in_lplr import AMPLITUDE, two_cycle


def _crossings() -> list[Fact]:
    # F(x) = relu(wx), x = ±1, y = 0, s = 1: Φ = ½w² for both signs of w, gradient w: Adam runs as on F = θ.
    thetas = [AMPLITUDE, *two_cycle(20)]
    crossed = sum(a * b < 0 for a, b in itertools.pairwise(thetas))
    return [Fact("20 steps cross w = 0 20 times, and so 40 kinks of the two samples", crossed == 20)]


CLAIM = Claim(
    id="adam_crossings_bounded",
    title="Adam crosses boundedly many activation regions",
    statement="How often constant-step Adam, from any state (θ, m, v), crosses from one activation region of a ReLU network to another is bounded by a"
    " function of the architecture and data, whatever the number of steps.",
    source="our formulation of a reading of arXiv:2505.15013, without its barrier assumption, which we cannot read",
    refutation=Counterexample(
        "F(x) = relu(wx), x = ±1, y = 0: the two-cycle crosses both kinks at every step", _crossings
    ),
    repaired_by=("adam_step_bound",),
    remarks="Crossings are counted, not the regions met, which are two. The state (m, v) is that of adam_in_lplr's cycle.",
)
