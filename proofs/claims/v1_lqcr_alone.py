"""Claim v1_lqcr_alone: refuted; quasi-convexity alone gives no PL condition."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.claims.v1_lqcr_pl import WITHOUT_PL

CLAIM = Claim(
    id="v1_lqcr_alone",
    title="v1 without NTK stability: every LQCR satisfies PL",
    statement="On every LQCR (textbook) around θ0 the squared loss satisfies a PL condition with some μ > 0.",
    source="our formulation: the claim of v1 with its NTK-stability assumption dropped",
    refutation=WITHOUT_PL,
    repaired_by=("v1_lqcr_pl", "pl_from_ntk"),
)
