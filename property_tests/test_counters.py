"""The counters can fail: a share below the floor is red, and tallies merge and round-trip."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from property_tests.properties import PROPERTIES
from property_tests.soak import reproducer
from property_tests.tally import Tally


def _tally() -> Tally:
    tally = Tally()
    for verdict in ("PROVED", "INCONCLUSIVE", "INCONCLUSIVE"):
        tally.drew("p", "ball", "deep", verdict)
    tally.drew("p", "ball", "shallow", "PROVED")
    tally.checked("p", {"fact": 0.5}, "draw", steer=False)
    tally.checked("p", {"fact": 0.25}, "sharper draw", steer=False)
    return tally


def test_share_per_class() -> None:
    tally = _tally()
    assert tally.share("p") == (2, 4)
    assert tally.share("p", "ball", "deep") == (1, 3)
    tally.require("p", 0.5)
    tally.require("p", 1.0, kind="shallow")


def test_too_few_proved_is_red() -> None:
    with pytest.raises(AssertionError, match="1 of 3 draws PROVED"):
        _tally().require("p", 0.5, kind="deep")


def test_no_draws_is_red() -> None:
    with pytest.raises(AssertionError, match="hardly tested"):
        _tally().require("unknown", 0.0)


def test_smallest_slack_is_kept_with_its_draw() -> None:
    tally = _tally()
    assert tally.slack["p", "fact"] == 0.25
    assert "sharper" in tally.where["p", "fact"]


def test_json_round_trip_and_merge() -> None:
    tally = _tally()
    again = Tally.from_json(json.loads(json.dumps(tally.to_json())))
    assert again == tally
    again.merge(tally)
    assert again.share("p") == (4, 8)
    assert any("25%" in line or "33%" in line for line in again.lines())


@pytest.mark.parametrize("name", PROPERTIES)
@settings(max_examples=1, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_saved_failure_runs_by_itself(name: str, data: st.DataObject) -> None:
    """Saved files had lost the imports of what they draw."""
    prop, seen = PROPERTIES[name], list[Any]()
    draw = data.draw(prop.strategy())
    text = reproducer(prop, 1, Path("failure.py"), "Violation: …", draw)
    with mock.patch.dict(PROPERTIES, {name: replace(prop, body=seen.append)}):
        exec(compile(text, "failure.py", "exec"), {})
    assert [repr(again) for again in seen] == [repr(draw)]
