"""Every property at the chosen profile's budget, with its floor on the share of PROVED draws."""

from __future__ import annotations

from fractions import Fraction

import pytest

from property_tests.draws import Architecture, Inputs, Targets, TrainingProblem
from property_tests.profiles import for_weight
from property_tests.properties import PROPERTIES, run
from property_tests.regions import RegionDraw
from property_tests.tally import TALLY


@pytest.mark.parametrize("name", PROPERTIES)
def test_property(name: str, profile: str) -> None:
    run(name, for_weight(profile, PROPERTIES[name].weight))


def test_a_region_about_its_start_has_forgeries_that_differ_from_it() -> None:
    """A draw of the soak: start and centre swapped are the same file there. Also: a draw runs outside of Hypothesis, as the soak's reproducers do."""
    problem = TrainingProblem(
        Architecture((3, 128, 1), ("tanh",), "identity", False, "ntk", 1.0, 0, True, True),
        Inputs(n=1, kind="sphere", size=3.0, gap=0.125, seed=0),
        Targets(kind="signs", size=0.25, seed=0),
    )
    draw = RegionDraw(problem, Fraction(1, 10), 0.0, "initialisation", 0.0)
    before = TALLY.share("region")[0]
    PROPERTIES["region"].body(draw)
    assert TALLY.share("region")[0] == before + 1
