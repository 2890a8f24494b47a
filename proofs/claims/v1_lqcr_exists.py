"""Claim v1_lqcr_exists: refuted under the textbook definition; wide networks admit LQCRs around initialisation."""

from __future__ import annotations

from proofs.claim import Claim, Counterexample
from proofs.claims.no_lqcr_wide import witnesses

CLAIM = Claim(
    id="v1_lqcr_exists",
    title="v1, v2, v3: wide networks have LQCRs around initialisation (textbook definition)",
    statement="Around a random initialisation of a wide network there is a convex region with θ0 in its interior on which the squared loss"
    " is quasi-convex (textbook).",
    source="premise of v1, v2, v3 as we read their abstracts; the definition is the textbook's, theirs may be weaker",
    refutation=Counterexample(
        "six random networks: exact points θ0 ± tv within distance 1/64 of θ0, both with certifiably lower loss; and for almost every θ0,"
        " at every distance: no_lqcr_generic",
        witnesses,
    ),
    refuted_with=("no_lqcr_wide", "no_lqcr_generic"),
    repaired_by=("lqcr_not_needed", "no_lqcr_wide", "slqc_coarse"),
    remarks="The witnesses exclude every ball of radius ≥ t‖v‖ = 1/128·‖v‖; no_lqcr_wide excludes every radius. For v3, which takes the region as"
    " given, this says that under the textbook definition wide networks do not meet the hypothesis, not that its theorems are false: with any"
    " region in place of the LQCR they hold (v3_pl, lqcr_not_needed). Convergence itself is untouched.",
)
