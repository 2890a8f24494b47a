"""The benchmark's own machinery, and each section at its smallest size (no time is asserted)."""

from __future__ import annotations

import importlib
import json
import time

import numpy as np
import pytest
import torch

from verify.bench import SECTIONS, as_table, run_all
from verify.bench.kernels import model, plain_ntk, torch_contraction
from verify.bench.peers import load
from verify.bench.table import bench_tables
from verify.bench.timing import compare, reached, skip, values
from verify.bench.weights import output_change
from verify.errors import InputError
from verify.networks import ntk, read_network


def test_compare_times_the_slower_side_as_slower() -> None:
    row = compare(
        "x speed-up", lambda: None, lambda: time.sleep(0.01), peer_name="p", peer_version="1", proof=False, target=2.0
    )
    assert row["ratio"] > 2.0
    assert reached(row) is True
    assert reached({**row, "name": "x"}) is False
    assert reached({**row, "target": None}) is None


def test_a_peer_that_does_not_import_is_named() -> None:
    peer = load("no_such_package_for_sure")
    assert peer.module is None
    assert "ModuleNotFoundError" in peer.reason


@pytest.mark.parametrize("hidden", [1, 2])
def test_peers_of_the_ntk_compute_the_same_kernel(hidden: int) -> None:
    net = model(16, hidden)
    X = np.random.default_rng(0).standard_normal((5, 64))
    ours = ntk(net, X)
    for theirs in (plain_ntk(read_network(net), X), torch_contraction(net, torch.from_numpy(X)).numpy()):
        assert np.max(np.abs(theirs - ours.mid)) < 1e-10
    # The check bites: another network's kernel is far away.
    assert np.max(np.abs(plain_ntk(read_network(model(16, hidden, seed=1)), X) - ours.mid)) > 1e-3


def test_output_change_bounds_what_random_weights_do() -> None:
    net = model(16, 1, d=4)
    x = np.array([1.0, -0.5, 0.25, 2.0])
    radius = 0.5
    bound = output_change(net, x, radius)
    generator = torch.Generator().manual_seed(0)
    start = [p.detach().clone() for p in net.parameters()]
    before = float(net(torch.from_numpy(x)).item())
    seen = 0.0
    for _ in range(50):
        steps = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in start]
        norm = float(sum((s**2).sum() for s in steps)) ** 0.5
        with torch.no_grad():
            for p, p0, s in zip(net.parameters(), start, steps, strict=True):
                p.copy_(p0 + s * (0.999 * radius / norm))
        seen = max(seen, abs(float(net(torch.from_numpy(x)).item()) - before))
    assert 0.0 < seen <= bound < 100.0 * seen


@pytest.mark.parametrize("name", ["ntk", "eigenvalues", "functions", "weights", "steps", "balls"])
def test_sections_make_rows_that_the_table_shows(name: str) -> None:
    rows = run_all(quick=True, only=[name])
    assert rows
    assert {row["group"] for row in rows} == {name}
    for row in rows:
        assert row["name"]
        assert row["peer"]
        assert ("ratio" in row) + ("skipped" in row) + ("peer_value" in row) == 1
    assert sum(len(table.rows) for table in bench_tables(rows)) == len(rows)
    assert as_table(rows).renderables
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows  # what --json prints


def test_every_section_exists_and_unknown_ones_are_refused() -> None:
    for module in SECTIONS.values():
        assert callable(importlib.import_module(module).run)
    with pytest.raises(InputError, match="nonsense"):
        run_all(only=["nonsense"])


def test_table_says_whether_a_target_is_reached() -> None:
    row = {
        "name": "a",
        "ours_median_s": 2.0,
        "peer": "p",
        "peer_version": "1",
        "peer_median_s": 1e-5,
        "ratio": 2.0,
        "ratio_spread": 0.1,
        "target": 1.5,
        "peer_is_proof": True,
    }
    tables = bench_tables([row, skip("b", "q", "why"), values("c", "1", "2", peer="r", proof=False)])
    assert [t.rows[0][0] for t in tables] == ["a", "c", "b"]
    assert "missed" in tables[0].rows[0][5]
    assert tables[2].rows[0][2] == "why"
