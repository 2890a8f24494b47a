"""The table of regions about an initialisation: its cases, and that a row once made is not made again."""

from __future__ import annotations

import json
from pathlib import Path

from verify.experiments.around_initialisation import CASES, Case, run_cases


def test_the_cases_are_distinct_and_their_shapes_fit() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        if max(case.widths) <= 1024:
            model, X, y = case.problem()
            assert X.shape == (case.n, case.d)
            assert y.shape == (case.n,)
            assert model[0].weight.shape == (case.widths[0], case.d)


def test_a_finished_row_is_read_and_not_made_again(tmp_path: Path) -> None:
    case = Case("sphere", 3, 6, 6.0, (128,), "1/10", 0)
    [row] = run_cases(tmp_path, [case])
    assert row["verdict"] == "PROVED", row["reason"]
    assert row["region_lambda"] > 0.0
    assert 0.0 < row["region_rate"] < 1.0
    assert (tmp_path / f"{case.name}.zip").exists()
    assert row["check"]["verdict"] == "ACCEPTED", row["check"]
    for name, key in ((case.name, "by"), (f"{case.name}-check", "bits")):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: "read"}))
    [again] = run_cases(tmp_path, [case])
    assert (again["by"], again["check"]["bits"]) == ("read", "read")
