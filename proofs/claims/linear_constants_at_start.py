"""Claim linear_constants_at_start: the local constants of the initialisation do not serve for the whole run."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.claims.linear_global_convergence import CONSTANTS_AT_START

CLAIM = Claim(
    id="linear_constants_at_start",
    title="linear networks: local constants of the initialisation suffice",
    statement="If the step is admissible for the descent constants at the initialisation, 1 − ½ηβ_loc > 0 there, gradient descent on F = AB"
    " decreases the loss at every step.",
    source="our formulation of a reading of local descent constants",
    refutation=CONSTANTS_AT_START,
    repaired_by=("linear_descent_local", "linear_global_convergence"),
)
