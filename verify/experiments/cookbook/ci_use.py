"""A test file for your own CI: ``pytest ci_use.py`` fails when the network no longer certifies, or the stored certificate no longer holds."""

from __future__ import annotations

from pathlib import Path

import pytest

import verify
from verify.experiments.cookbook.problem import small_problem
from verify.pytest_plugin import Certified

STORED = Path(__file__).parents[2] / "checker" / "examples" / "basin-digits-n50.zip"


def test_the_network_certifies(certified: Certified) -> None:
    """Fails with the inequality that broke."""
    assert certified(*small_problem(), scope="basin", loss="mse").numbers["mu"] > 0.0


def test_the_stored_certificate_is_about_this_network(certified: Certified, tmp_path: Path) -> None:
    """Stored beside the weights, checked at every commit; here it is made first."""
    network, X, y = small_problem()
    path = verify.certify(network, X, y, scope="basin").save(tmp_path / "net.zip")
    certified.file(path, network, X, y)


@pytest.mark.certified(STORED)
def test_what_rests_on_a_certificate() -> None:
    """Runs only after the checker has accepted the file."""
