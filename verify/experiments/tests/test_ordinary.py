"""The grid of ordinary problems: its size, its data, and that a row once made is not made again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from verify.experiments import ordinary
from verify.experiments.ordinary import PROBLEMS, Ordinary, load, run_grid, summary

SMALL = Ordinary("wine", "tanh", 1, 32, 20, 0, trained=False)


def test_the_grid_has_144_distinct_problems_over_every_axis() -> None:
    assert len({p.name for p in PROBLEMS}) == 144
    for axis in ("data", "activation", "depth"):
        assert len(set(Counter(getattr(p, axis) for p in PROBLEMS).values())) == 1
    assert {p.width for p in PROBLEMS} == {128, 256, 512}
    assert all(60 <= p.n <= 150 for p in PROBLEMS)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits_0_1", "digits_ten"])
def test_inputs_are_standardised_and_distinct(name: str) -> None:
    X, y = load(name, 60, 0)
    assert len(np.unique(X, axis=0)) == len(X) == len(y) == 60
    spread = X.std(axis=0)
    assert np.abs(X.mean(axis=0)).max() < 1e-12
    assert np.all(np.isclose(spread, 1.0) | (spread == 0.0))
    assert y.ndim == (2 if name == "digits_ten" else 1)
    assert 0.0 < np.abs(y).max() < 5.0


def test_a_finished_row_is_read_and_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordinary, "checked", lambda _: True)
    [row] = run_grid(tmp_path, [SMALL])
    assert row["verdict"] == "PROVED", row["reason"]
    assert row["checker"] == "ACCEPTED"
    assert (tmp_path / f"{SMALL.name}.zip").exists()
    (tmp_path / f"{SMALL.name}.json").write_text(json.dumps({**row, "seconds": 123.0}))
    assert run_grid(tmp_path, [SMALL])[0]["seconds"] == 123.0
    assert summary([row]).startswith("1 of 1 PROVED")
    assert "1 of 1 certificates checked are ACCEPTED" in summary([row])
    assert summary([row, {**row, "verdict": "INCONCLUSIVE"}]).startswith("1 of 2 PROVED")
