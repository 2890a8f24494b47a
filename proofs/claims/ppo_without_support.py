"""Claim ppo_without_support: exponential policy updates never leave the support of the start."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.claims.policy_mirror_descent import NO_SUPPORT

CLAIM = Claim(
    id="ppo_without_support",
    title="policy mirror descent converges from any start",
    statement="π_{k+1} ∝ π_k·exp(ηQ_k) converges to an optimal policy from every π_0.",
    source="our formulation of a reading of arXiv:1906.10306",
    refutation=NO_SUPPORT,
    repaired_by=("policy_mirror_descent",),
    remarks="Softmax policies of finite logits have full support: they meet the hypothesis of policy_mirror_descent.",
)
