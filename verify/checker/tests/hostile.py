"""A good certificate to spoil, and the demand that a spoilt one is rejected in bounded time."""

from __future__ import annotations

import time
from pathlib import Path

from verify.checker import check
from verify.checker.tests.drafts import all_drafts

GOOD = all_drafts()["ball_residual"]


def rejected(path: Path, seconds: float = 20.0, verdict: str = "REJECTED") -> str:
    started = time.monotonic()
    found = check(path)
    assert found.verdict == verdict
    assert not found.claims
    assert time.monotonic() - started < seconds
    return found.failures[-1]


def undecided(path: Path) -> str:
    """Beyond a limit nothing is said against a certificate."""
    reason = rejected(path, verdict="UNDECIDED")
    assert "this checker takes on" in reason
    return reason


def unpacked(path: Path) -> Path:
    for name, data in GOOD.files().items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path
