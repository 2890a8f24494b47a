"""Claim known_rates_local: open; the sharper known rate on a certified region."""

from __future__ import annotations

from proofs.claim import Claim

CLAIM = Claim(
    id="known_rates_local",
    title="the sharper known rate on a certified region",
    statement="Under containment_classical, Φ_{k+1} ≤ rate_known·Φ_k for 1/β ≤ η ≤ √3/β.",
    source="our formulation; compare arXiv:2204.00647",
    missing="The known proof interpolates smooth PL functions on the whole space; on S only segments between iterates are known to lie in the"
    " region, and S is not convex. A proof that uses the segment from θ_k to θ_{k+1} alone is missing.",
)
