"""Claim v2_pl_any_scale: refuted; μ = λ_min whatever the scale of the loss."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.examples import HALF_SCALE

CLAIM = Claim(
    id="v2_pl_any_scale",
    title="μ = λ_min (or λ0 − L_Θ r) whatever the loss scale: a reading that the abstracts of v2, v3 leave open",
    statement="For Φ = (s/2)‖F − y‖² with any s > 0, μ = λ is a PL constant where λ_min(Θ) ≥ λ > 0.",
    source="our formulation: the abstracts of v2 and v3 state μ without the scale of the empirical loss",
    refutation=HALF_SCALE,
    repaired_by=("pl_from_ntk",),
    remarks="μ = sλ: for s = 1 the abstracts' μ is right (v2_pl, v3_pl)."
    " For the half mean over n samples the abstracts' μ is too large by the factor n, unless the NTK is normalised by n.",
)
