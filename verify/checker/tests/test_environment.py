"""In a foreign floating-point environment nothing is accepted and nothing rejected."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import verify
from verify.arrays.tests.foreign_environment import FOREIGN, available, foreign_environment


@pytest.mark.skipif(not available, reason="MXCSR is set through glibc's fenv_t on x86-64")
def test_a_foreign_environment_leaves_a_good_certificate_undecided(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64))
    verify.certify(model, [[1.0, 2.0]], [1.0], scope="point").save(tmp_path / "good.zip")
    assert verify.check(tmp_path / "good.zip").accepted
    for name in FOREIGN:
        with foreign_environment(name):
            result = verify.check(tmp_path / "good.zip")
            verdict, failures = result.verdict, result.failures
        assert verdict == "UNDECIDED", name
        assert "environment" in failures[0]
    assert verify.check(tmp_path / "good.zip").accepted
