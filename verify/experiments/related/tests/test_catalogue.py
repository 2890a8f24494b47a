"""Rows of the related systems: plain JSON, resumable, and in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verify.arrays import Ball
from verify.certificates import Step
from verify.experiments.related import catalogue
from verify.experiments.related.catalogue import ENTRIES, Entry, run_entries
from verify.experiments.related.demonstration import Demonstration
from verify.report.experiments import related_tables
from verify.report.write import write_report


def _demonstration(bound: float) -> Demonstration:
    step = Step("x is small", "pl_from_ntk", Ball(1.0, 0.25), "<=", Ball(bound), "x ≤ bound")
    return Demonstration(
        "a system", "0000.00000", ("pl_from_ntk",), (step,), {"x": step.left}, lambda q: f"x ≤ {q['x'].upper()}"
    )


def test_the_verdict_is_computed_and_nothing_is_said_without_proof() -> None:
    assert _demonstration(1.25).verdict == "PROVED"
    assert _demonstration(1.25).reason == "x ≤ 1.25"
    open_ = _demonstration(1.0)
    assert open_.verdict == "INCONCLUSIVE"
    assert "x is small" in open_.reason
    empty = Demonstration("a system", "0000.00000", (), (), {}, lambda q: "anything")
    assert empty.verdict == "INCONCLUSIVE"


def test_a_finished_row_is_read_and_not_made_again_and_the_report_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = (Entry("small", lambda: _demonstration(1.25)),)
    [row] = run_entries(tmp_path, entries)
    assert row == json.loads(json.dumps(row, allow_nan=False))
    assert row["quantities"] == {"x": [0.75, 1.25]}
    (tmp_path / "small.json").write_text(json.dumps({**row, "seconds": 123.0}))
    assert run_entries(tmp_path, entries)[0]["seconds"] == 123.0
    first, second = related_tables([row])
    assert first.rows[0][:4] == ("a system", "arXiv:0000.00000", "PROVED", "x ≤ 1.25")
    assert second.rows == (("small", "x", "0.75", "1.25"),)
    page = write_report(tmp_path / "report", certificates={}, related=[row]).read_text(encoding="utf-8")
    assert "Related systems" in page
    assert "arXiv:0000.00000" in page
    assert not related_tables([])


def test_names_are_unique() -> None:
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    assert catalogue.ENTRIES is ENTRIES
