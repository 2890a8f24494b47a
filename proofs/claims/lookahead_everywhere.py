"""Claim lookahead_everywhere: interpolating between two good points can be worse than both."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.claims.lookahead_lplr import JUMP

CLAIM = Claim(
    id="lookahead_everywhere",
    title="interpolation never raises a loss that descent lowers",
    statement="If gradient descent lowers the loss from z to T^τz, so does every interpolation (1 − λ)z + λT^τz, 0 < λ < 1.",
    source="our formulation of a reading of arXiv:2310.13459",
    refutation=JUMP,
    repaired_by=("lookahead_lplr",),
)
