"""The search for the width from which on a criterion holds."""

from __future__ import annotations

import pytest

from verify.errors import InputError
from verify.experiments.width import CRITERIA, Widths, figure, search


def test_a_ball_that_encloses_the_run_needs_less_width_than_the_criteria_about_its_start() -> None:
    told: list[tuple[str, int]] = []
    case = Widths(2, 4, 4.0, smallest=4, largest=10)
    rows = search(case, ("midpoint", "neurons", "residual", "paper"), lambda name, width: told.append((name, width)))
    found = {row["criterion"]: row for row in rows}
    assert found["midpoint"]["width"] < found["neurons"]["width"]
    assert found["paper"]["width"] is None
    # What is estimated beyond the last width is larger than any width that failed.
    assert found["paper"]["estimate"] > 2**case.largest
    assert dict(told) == {name: row["width"] for name, row in found.items() if row["width"] is not None}


def test_the_figure_shows_an_estimate_as_observed_and_a_search_as_proved() -> None:
    rows = [{"criterion": name, "width": 2**place, "estimate": None} for place, name in enumerate(CRITERIA, 4)]
    rows[0] |= {"width": None, "estimate": 5e4}
    plot = figure([{"n": 2, "rows": rows}, {"n": 3, "rows": rows}])
    proved, observed = plot.series
    assert (proved.kind, observed.kind) == ("proved", "observed")
    # An adversary proves nothing, an estimate neither; the other lines hold one marker for each n, the smallest n first.
    assert list(observed.x) == [5e4, 2**11, 5e4, 2**11]
    assert len(proved.x) == 2 * (len(CRITERIA) - 2)
    assert len(plot.rows) == len(CRITERIA)
    first = [y for x, y in zip(observed.x, observed.y, strict=True) if x == 5e4]
    assert 0.5 < first[0] < 1.0 < first[1] < 1.5


@pytest.mark.parametrize(
    ("case", "criteria"),
    [
        (Widths(2, 4, 4.0), ("best",)),
        (Widths(2, 4, 4.0), ()),
        (Widths(2, 4, 4.0, smallest=9, largest=8), tuple(CRITERIA)),
        (Widths(2, 4, 4.0, lr="fast"), tuple(CRITERIA)),
    ],
)
def test_what_is_no_search_is_refused(case: Widths, criteria: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        search(case, criteria)
