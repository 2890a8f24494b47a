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


def test_a_step_whose_factor_rounds_to_one_needs_not_stay_proved() -> None:
    """A draw of the soak: 10^-5 of a step of 2·10^-6."""
    problem = TrainingProblem(
        Architecture((2, 2, 1, 1), ("gelu", "identity"), "elu", True, "pytorch", 1.0, 33188, False, False),
        Inputs(n=4, kind="sphere", size=1.0, gap=0.125, seed=1187),
        Targets(kind="near", size=0.0625, seed=0),
        step=Fraction(1, 1000000),
        reach=1.5,
    )
    before = TALLY.share("smaller_step")
    PROPERTIES["smaller_step"].body(problem)
    assert [now - then for now, then in zip(TALLY.share("smaller_step"), before, strict=True)] == [1, 1]
