"""A fixed part of the containment campaign in every test run; `python -m verify.arrays.tests.campaign` runs
all of it.
"""

from __future__ import annotations

import numpy as np
import pytest

from verify.arrays import Ball
from verify.arrays.tests import branches, campaign

SCALE = 0.1
JOBS = list(campaign.plan(SCALE))


@pytest.mark.parametrize("index", range(len(JOBS)), ids=[name for name, _ in JOBS])
def test_no_violation(index: int) -> None:
    _, job = JOBS[index]
    tally = job(np.random.default_rng([11, index]))
    assert tally.violations == 0, tally.examples
    assert tally.unevaluated == 0
    assert tally.checked > 2 * tally.unbounded  # powers of huge numbers overflow
    assert tally.checked >= 50


@pytest.mark.parametrize("name", branches.CUTS)
def test_no_violation_in_any_branch(name: str) -> None:
    """Forty enclosures in each; `python -m verify.arrays.tests.branches` makes 10^5 in each (make soak)."""
    found = [
        (what, run(np.random.default_rng([12, i]), 40))
        for i, (what, run) in enumerate(branches.plan())
        if what.startswith(f"{name}^")
    ]
    assert len(found) == len(branches.derivatives(name)) * (len(branches.CUTS[name]) - 1)
    for what, tally in found:
        assert tally.violations == 0, (what, tally.examples)
        assert tally.unevaluated == 0
        assert tally.checked + tally.unbounded == 40
    assert sum(tally.checked for _, tally in found) > 20 * len(found)


def test_a_branch_that_is_wrong_by_an_ulp_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "function", lambda name, k: lambda x: Ball(np.sin(x.mid) * (1 + 2.0**-52), 0.0))
    assert branches.branch(np.random.default_rng(1), 40, "sin", 0, 1e-3, 0.7).violations > 10
