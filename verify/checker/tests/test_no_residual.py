"""A residual that is 0 by cancellation, which no precision tells from 0: what the engine proves there, the checker accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from verify import certify, check, datasets, nn
from verify.checker.enclosures import nonnegative, root


@pytest.mark.parametrize(
    ("scope", "options"),
    [("point", {}), ("ball", {}), ("basin", {}), ("run", {"steps": 1}), ("exact", {"steps": 1})],
)
def test_an_antisymmetric_network_that_starts_at_its_targets(
    tmp_path: Path, scope: Any, options: dict[str, Any]
) -> None:
    x, y = datasets.sphere(3, 4, norm=2.0)
    network = nn.antisymmetric_two_layer(4, 64, seed=0)
    certificate = certify(network, x, np.zeros_like(y), scope=scope, **options)
    assert certificate.verdict == "PROVED"
    certificate.save(tmp_path / "c.zip")
    found = check(tmp_path / "c.zip", 120)
    assert (found.verdict, tuple(found.failures)) == ("ACCEPTED", ())


def test_a_descent_from_there_ends_in_a_verdict() -> None:
    x, y = datasets.sphere(3, 4, norm=2.0)
    network = nn.antisymmetric_two_layer(4, 64, seed=0)
    certificate = certify(network, x, np.zeros_like(y), scope="region", steps=1)
    assert certificate.verdict == "INCONCLUSIVE"


def test_what_is_known_to_be_non_negative_begins_at_0() -> None:
    rng = np.random.default_rng(0)
    for bits in (30, 53, 200):
        with ctx.workprec(bits):
            for _ in range(200):
                upper = arb(float(rng.random()) * 2.0 ** int(rng.integers(-2000, 2000) // 2)) / 3
                below = arb(-float(rng.random())) * upper
                for found in (nonnegative(below.union(upper)), root(below.union(upper)) ** 2):
                    assert found.contains(arb(0))
                    assert found.contains(upper)
                assert nonnegative(below.union(upper)) >= 0
                assert root(below.union(upper)) >= 0
    for kept in (arb(2), arb(0), arb(1).union(2), arb("-1"), arb("nan"), arb("inf"), arb(0, "inf")):
        assert str(nonnegative(kept)) == str(kept)
