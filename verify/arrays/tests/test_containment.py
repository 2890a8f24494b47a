"""A fixed part of the containment campaign in every test run; `python -m verify.arrays.tests.campaign` runs
all of it.
"""

from __future__ import annotations

import numpy as np
import pytest

from verify.arrays.tests import campaign

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
