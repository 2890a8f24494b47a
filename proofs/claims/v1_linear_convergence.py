"""Claim v1_linear_convergence: refuted as stated; gradient descent converges linearly inside an LPLR."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.examples import NO_CONTAINMENT

CLAIM = Claim(
    id="v1_linear_convergence",
    title="v1: GD converges linearly inside an LPLR, containment not assumed",
    statement="If B(θ0, R) is an LPLR that holds a zero-loss point and η is below 2/β of the ball, gradient descent from θ0 converges linearly to zero"
    " loss.",
    source="as in the abstract of v1 (linear convergence inside the region), read without a containment hypothesis",
    refutation=NO_CONTAINMENT,
    repaired_by=("containment_classical", "containment_residual", "containment_displacement", "linear_rate"),
    remarks="The region must be larger than the path: that is what the containment claims prove. The counterexample is a two-layer network, its"
    " steps are as small as one likes, and inf Φ = 0 is attained in the ball, so that the definition of an LPLR by the infimum and that by"
    " L* = 0 agree. By continuity nearby starts leave the ball too.",
)
