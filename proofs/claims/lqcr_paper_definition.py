"""Claim lqcr_paper_definition: open; whether wide networks have LQCRs in the paper's own sense."""

from __future__ import annotations

from proofs.claim import Claim

CLAIM = Claim(
    id="lqcr_paper_definition",
    title="wide networks have LQCRs in the paper's own sense",
    statement="Around a random initialisation of a wide network there is an LQCR as the paper defines it.",
    source="premise of v1, v2, v3; the paper's definition is not in its abstracts, which are all we hold",
    missing="The definition. Under the textbook one the claim is refuted (v1_lqcr_exists); under strict local quasi-convexity at a coarse"
    " accuracy it follows from the NTK (slqc_coarse).",
)
