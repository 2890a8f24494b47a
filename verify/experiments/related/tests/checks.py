"""What every demonstration must satisfy."""

from __future__ import annotations

import json

from proofs import ledger
from verify.experiments.related.demonstration import Demonstration


def require_proved(found: Demonstration) -> None:
    """Assert that it is proved, names claims of the ledger alone, and is plain JSON with finite enclosures."""
    assert found.verdict == "PROVED", found.reason
    known = {claim_id for group in ledger.ORDER.values() for claim_id in group}
    assert {*found.claims, *(step.claim for step in found.steps)} <= known
    row = found.row()
    assert row == json.loads(json.dumps(row, allow_nan=False))
    assert all(None not in ends for ends in row["quantities"].values())
    assert all(ends[0] <= ends[1] for ends in row["quantities"].values())
