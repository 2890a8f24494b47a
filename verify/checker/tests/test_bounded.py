"""Sizes, work and time are bounded before they are spent."""

from __future__ import annotations

import inspect
import time
from array import array
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import pytest

from verify import checker
from verify.checker import check, claims, enclosures, kinds, problem, reading, tables
from verify.checker.reading import Array
from verify.checker.tests.drafts import all_drafts
from verify.checker.tests.graph_drafts import shell
from verify.checker.tests.graphs import Document
from verify.checker.tests.hostile import GOOD, rejected, undecided, unpacked
from verify.checker.tests.sealing import Draft


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = GOOD.save(tmp_path / "c.zip")
    for limit, value in (("MAX_BYTES", 1000), ("MAX_DOCUMENT", 1000), ("MAX_FILES", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(reading, limit, value)
            undecided(path)
            undecided(unpacked(tmp_path / "d"))


def test_limits_are_the_documented_ones() -> None:
    assert inspect.signature(check).parameters["seconds"].default == 7200.0
    assert (reading.MAX_BYTES, reading.MAX_DOCUMENT, reading.MAX_FILES) == (2**30, 2**24, 20_000)
    assert reading.MAX_DIRECTORY == 6_000_000
    assert (reading.MAX_UNPACKED, reading.MAX_EXPANSION) == (2**24, 64)
    assert (problem.MAX_PARAMETERS, problem.MAX_ROWS, problem.MAX_LAYERS) == (2**22, 2048, 64)
    assert (tables.MAX_TABLE, tables.MAX_STEPS, claims.MAX_BITS, claims.MAX_MEMORY) == (4096, 100_000, 2**15, 2**34)
    assert (kinds.MAX_READS, kinds.MAX_ALL_READS) == (2**22, 2**24)
    assert checker.PRECISIONS == (128, 256, 512, 1024)


def test_limits_are_sharp(tmp_path: Path) -> None:
    """Exactly at a limit a certificate is read; one below it is not."""
    files = GOOD.files()
    path = GOOD.save(tmp_path / "c.zip")
    p, nk = sum(len(GOOD.arrays[f"arrays/{name}.npy"][1]) for name in ("w1", "b1", "w2", "b2")), 2
    widest = nk * 4
    assert p > widest
    narrow = all_drafts()["ball_classical"].save(tmp_path / "narrow.zip")  # 12 parameters
    exact = all_drafts()["exact"].save(tmp_path / "exact.zip")  # two steps, 17 parameters, 2 × 4 activations
    bits, held = 2 * check(exact).bits + 3 * 2, 17 + 6 * 8
    cases: list[tuple[Any, str, int, Path]] = [
        (tables, "MAX_STEPS", 2, exact),
        (claims, "MAX_BITS", bits, exact),
        (claims, "MAX_MEMORY", bits * held, exact),
        (reading, "MAX_BYTES", path.stat().st_size, path),
        (reading, "MAX_DOCUMENT", len(files["certificate.json"]), path),
        (reading, "MAX_FILES", len(files), path),
        (reading, "MAX_FILES", len(files), unpacked(tmp_path / "folder")),
        (reading, "MAX_DIRECTORY", sum(46 + len(name) for name in files), path),
        (problem, "MAX_PARAMETERS", p, path),
        (problem, "MAX_ROWS", nk, path),
        (problem, "MAX_LAYERS", 2, path),
        (problem, "MAX_PARAMETERS", 12, narrow),
        (claims, "MAX_TABLE", 3, path),
    ]
    for module, name, value, certificate in cases:
        before = getattr(module, name)
        try:
            setattr(module, name, value)
            assert check(certificate).accepted, name
            setattr(module, name, value - 1)
            assert check(certificate).verdict == "UNDECIDED", name
        finally:
            setattr(module, name, before)
    held = sum(len(data) for data in files.values())
    folder, before = unpacked(tmp_path / "d"), reading.MAX_BYTES
    try:
        reading.MAX_BYTES = held
        assert check(folder).accepted
        reading.MAX_BYTES = held - 1
        assert check(folder).verdict == "UNDECIDED"
    finally:
        reading.MAX_BYTES = before


def test_wide_networks_with_few_parameters_are_bounded(tmp_path: Path) -> None:
    """The arrays n·k × width count too, not only the parameters."""
    before = problem.MAX_PARAMETERS
    draft = all_drafts()["point_linear"]  # 8 parameters, n·k·width = 8
    try:
        problem.MAX_PARAMETERS = 8
        assert check(draft.save(tmp_path / "c.zip")).accepted
        problem.MAX_PARAMETERS = 7
        assert check(draft.save(tmp_path / "c.zip")).verdict == "UNDECIDED"
    finally:
        problem.MAX_PARAMETERS = before


def _pooled(kernel: int, samples: int, side: int = 3) -> Draft:
    """A scale, an average pool whose windows are as wide as their padding allows, flattened, and a linear layer; or a map of no samples."""
    size = (side + 2 * (kernel // 2) - kernel + 1) ** 2 if samples else 1
    weight = Array((1, size), array("d", [1.0] * size))
    layers: list[Document] = [
        {"kind": "scale", "inputs": [-1], "factor": 1.0},
        {
            "kind": "average_pool",
            "inputs": [0],
            "kernel": [kernel] * 2,
            "stride": [1, 1],
            "padding": [kernel // 2] * 2,
            "count_include_pad": True,
        },
        {"kind": "flatten", "inputs": [1]},
        {"kind": "linear", "inputs": [2], "weight": weight, "bias": None, "inverse_square_scale": 1, "frozen": []},
    ]
    shape = (samples, 1, side, side)
    document: Document = {
        "network": {"layers": layers, "input_shape": [1, side, side]},
        "data": {
            "X": Array(shape, array("d", [1.0] * prod(shape))),
            "y": Array((samples, 1), array("d", [0.0] * samples)),
        },
        "loss": "sum",
        "loss_scale": Fraction(1),
        "lr": None,
    }
    return shell(document, "point", "pl_from_ntk")


def test_what_layers_list_is_bounded_before_it_is_listed(tmp_path: Path) -> None:
    """A kernel of 10⁵ × 10⁵ on a map of nine numbers; 10¹⁰ numbers a sample, but no sample. Either would fill the memory."""
    started = time.monotonic()
    undecided(_pooled(100_000, 1).save(tmp_path / "c.zip"))
    rejected(_pooled(1, 0, 100_000).save(tmp_path / "c.zip"))
    assert time.monotonic() - started < 5.0


def test_a_network_beyond_a_limit_is_undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _pooled(2, 1).save(tmp_path / "c.zip")
    for name, least in (("MAX_READS", 4 * 16), ("MAX_ALL_READS", 9 + 4 * 9 + 16 + 16)):
        with monkeypatch.context() as patch:
            patch.setattr(kinds, name, least)
            assert "this checker takes on" not in check(path).failures[-1]
            patch.setattr(kinds, name, least - 1)
            undecided(path)


def test_time_is_bounded(tmp_path: Path) -> None:
    found = check(GOOD.save(tmp_path / "c.zip"), seconds=0.0)
    assert found.verdict == "UNDECIDED"
    assert "time" in found.failures[-1]
    assert enclosures.deadline == [float("inf")]
    assert check(tmp_path / "c.zip").accepted


def test_time_is_looked_at_in_every_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the clock is looked at the check ends, and it is looked at in every function that loops over the work."""
    callers: list[str] = []
    limit = [10**9]

    def clock() -> float:
        frame = inspect.currentframe()
        assert frame is not None
        tick = frame.f_back
        if tick is not None and tick.f_code.co_name == "tick":
            assert tick.f_back is not None
            callers.append(tick.f_back.f_code.co_name)
        return float(len(callers) > limit[0])

    monkeypatch.setattr(time, "monotonic", clock)
    path = all_drafts()["run"].save(tmp_path / "c.zip")
    assert check(path, seconds=0.5).accepted
    assert set(callers) >= {
        "activation",
        "every",
        "distance",
        "parameters",
        "__init__",
        "data",
        "groups",
        "gram",
        "column_norms",
        "__call__",
        "_positive",
        "_largest_eigenvalue",
        "smallest_eigenvalue",
    }
    for name in sorted(set(callers)):
        limit[0] = callers.index(name)
        first = list(callers[: limit[0] + 1])
        callers.clear()
        found = check(path, seconds=0.5)
        assert (found.verdict, "time" in found.failures[-1], callers) == ("UNDECIDED", True, first)
        limit[0] = 10**9
        callers.clear()
        assert check(path, seconds=0.5).accepted


def _resized(**arrays: tuple[tuple[int, ...], list[float]]) -> Draft:
    draft = GOOD.copy()
    draft.arrays |= {f"arrays/{name}.npy": value for name, value in arrays.items()}
    return draft


def test_work_is_bounded(tmp_path: Path) -> None:
    """More samples, steps or rows than the checker takes on: UNDECIDED before any long computation."""
    n = 2049
    many = _resized(x=((n, 2), [float(i) for i in range(2 * n)]), y=((n, 1), [0.0] * n))
    many.document["loss_scale"] = {"$rational": ["1", str(n)]}
    found = check(many.save(tmp_path / "c.zip"))
    assert (found.verdict, found.seconds < 20) == ("UNDECIDED", True)
    assert "rows n·k of the NTK: 2,049, and this checker takes on at most 2,048" in found.failures[-1]
    long = all_drafts()["exact"]
    long.document["witness"]["steps"] = 100_001
    assert "steps: 100,001, and this checker takes on at most 100,000" in undecided(long.save(tmp_path / "c.zip"))
    rows = GOOD.copy()
    for column in ("radii", "curvature", "delta_j", "lambda"):
        rows.document["witness"][column] = [{"$float": float(i).hex()} for i in range(1, 4098)]
    undecided(rows.save(tmp_path / "c.zip"))
