"""What is no region of starts, no ball about a centre and no basin is refused, each by the demand that names it; what is barely one is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flint import arb, ctx

from verify.checker.about import about
from verify.checker.audit import Audit
from verify.checker.basin import basin, within
from verify.checker.budgets import Budget, Features
from verify.checker.nearby import Nearby, shrunk
from verify.checker.network import Point
from verify.checker.reading import Limit, Malformed
from verify.checker.region import region
from verify.checker.tables import MAX_STEPS, floats, require_steps
from verify.checker.tests.near_cases import EPSILON, Case, ball_witness, basin_witness, case_of, region_witness, stored
from verify.networks.parameters import flatten

Change = dict[str, Any]
GONE = object()


def _altered(witness: dict[str, Any], change: Change) -> dict[str, Any]:
    """A copy in which places, such as "region/radius", hold other values."""
    result = dict(witness)
    for place, value in change.items():
        first, _, rest = place.partition("/")
        if rest:
            result[first] = _altered(result[first], {rest: value})
        elif value is GONE:
            del result[first]
        else:
            result[first] = value
    return result


def _run(rule: Callable[..., Any], case: Case, witness: Any) -> Audit:
    audit = Audit()
    with ctx.workprec(128):
        rule(audit, case.problem, witness)
    return audit


def _region(rho: float = 0.05, epsilon: float | None = None, by: str = "neurons") -> tuple[Case, dict[str, Any]]:
    case = case_of(4, 12, 1)
    theta = flatten(case.network)
    return case, region_witness(theta + 0.01, theta, rho, epsilon, by)


REGIONS: list[tuple[dict[str, Any], Change, str]] = [
    ({}, {"handover": [1.0]}, "starts need steps and a step size"),
    ({}, {"steps": -1}, "expected a number of steps"),
    ({}, {"lambda_lower": [0.1] * 3}, "a table has the wrong length"),
    ({}, {"lambda_lower": [0.1] * 5}, "a table has the wrong length"),
    ({}, {"start_radius": 0.0}, "a ball of starts has a radius > 0"),
    ({}, {"start_radius": -0.01}, "a ball of starts has a radius > 0"),
    ({"epsilon": EPSILON}, {"start_radius": -0.01}, "a ball of starts has a radius > 0"),
    ({}, {"handover/offset": 0.0}, "a ball of starts has a radius > 0"),
    ({"epsilon": EPSILON}, {"handover/offset": 0.0}, "a ball of starts has a radius > 0"),
    ({}, {"data_radius": 0.0}, "data nearby lie within a radius > 0"),
    ({}, {"data_radius": -0.5}, "data nearby lie within a radius > 0"),
    ({}, {"region/radius": 0.0}, "expected a radius and one of the bounds"),
    ({}, {"region/by": "hope"}, "expected a radius and one of the bounds"),
    ({}, {"region/weight": 0.0}, "a parabola has a weight ≤ 0"),
    ({}, {"region/reach": 0.1}, "a local budget needs a distance"),
    ({"by": "local"}, {"region/reach": 0.0}, "a local budget needs a distance"),
    ({"by": "local", "epsilon": EPSILON}, {}, "the local budget is for the stored data alone"),
    ({}, {"region/centre": None}, "expected a vector of all parameters"),
]


@pytest.mark.parametrize(("made", "change", "says"), REGIONS)
def test_what_is_no_region_of_starts_is_refused(made: dict[str, Any], change: Change, says: str) -> None:
    case, witness = _region(**made)
    with pytest.raises(Malformed, match=says):
        _run(region, case, _altered(witness, change))


def test_data_may_be_all_that_is_nearby_and_a_parabola_flat() -> None:
    for made, change in (({"rho": 0.0, "epsilon": EPSILON}, {}), ({}, {"region/weight": 0.5})):
        case, witness = _region(**made)  # type: ignore[arg-type]
        _run(region, case, _altered(witness, change))


def test_a_region_needs_a_step_size_and_a_run_takes_no_data_radius() -> None:
    case, witness = _region()
    case.lr = None  # type: ignore[assignment]
    with pytest.raises(Malformed, match="starts need steps and a step size"):
        _run(region, case, witness)
    path = {"method": "arb", "bits": 53, "steps": 0, "end": stored(flatten(case.network)), "region": witness["region"]}
    path |= {key: [0.0] for key in ("delta", "growth", "rounding", "lambda_lower", "loss_lower", "loss_upper")}
    with pytest.raises(Malformed, match=r"expected the fields .*data_radius"):
        _run(region, _region()[0], path | {"handover": witness["handover"], "data_radius": 0.1})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data_radius": 0.0}, "data nearby lie within a radius > 0"),
        ({"data_radius": -1.0}, "data nearby lie within a radius > 0"),
        ({"offset": GONE}, "a centre and an offset belong together"),
        ({"centre": GONE}, "a centre and an offset belong together"),
        ({"offset": -0.5}, "an offset is ≥ 0"),
    ],
)
def test_what_is_no_ball_about_a_centre_is_refused(change: Change, says: str) -> None:
    case = case_of(4, 12, 1)
    witness = ball_witness(flatten(case.network) + 0.002, None)
    with pytest.raises(Malformed, match=says):
        _run(about, case, _altered(witness, change))
    with pytest.raises(Malformed, match="a ball needs a witness"):
        _run(about, case, [witness])
    # An offset of 0 is one: the parameters are the centre.
    _run(about, case, ball_witness(flatten(case.network), None) | {"offset": 0.0})


@pytest.mark.parametrize(
    ("by", "change", "says"),
    [
        ("displacement", {"certified_by": "residual"}, "expected the displacement criterion"),
        ("displacement", {"midpoints": []}, "mean slopes belong to the criterion across kinks"),
        ("residual_relu", {"midpoints": None}, "mean slopes belong to the criterion across kinks"),
        *(
            ("displacement", change, "the rows of r_0, ρ and R are out of order")
            for change in ({"basin": 3}, {"zero": 2}, {"region": 5}, {"basin": -1}, {"basin": True})
        ),
        ("displacement", {"zero": -1}, "a criterion at no such row"),
        ("residual_relu", {"curvature": [1.0] * 5}, "neither a curvature nor another criterion"),
    ],
)
def test_what_is_no_basin_is_refused(by: str, change: Change, says: str) -> None:
    case = case_of(4, 12, 1, act=torch.nn.Tanh if by == "displacement" else torch.nn.ReLU)
    with pytest.raises(Malformed, match=says):
        _run(basin, case, _altered(basin_witness(by, flatten(case.network)), change))
    # The zero may be as far as the starts, and the last row be the region.
    _run(basin, case, basin_witness(by, flatten(case.network)) | {"region": 4})
    _run(basin, case, basin_witness(by, flatten(case.network)) | {"zero": 1})


def test_a_hand_over_must_lie_in_the_basin() -> None:
    """Exactly on its boundary it does."""
    case = case_of(4, 12, 1)
    theta = flatten(case.network)
    c = theta.copy()
    problem = case.problem
    for away, refused in ((0.05, False), (0.05 * (1 + 2.0**-50), True)):
        c[0] = 0.0
        start = problem.parameters(stored([away, *theta[1:]]))
        audit = Audit()
        with ctx.workprec(128):
            found = within(audit, problem, basin_witness("displacement", c), start)
        assert any(failure.startswith("hand-over inside the basin") for failure in audit.failures) == refused
        for part in ("R ≤ 0.20000001", "μ ≥ 1.1999999", "ρ = 0.05", "Φ_k ≤ 0.96306602^k"):
            assert part in found.statement, found.statement


BOUNDS: list[tuple[Callable[[Point], Any], Case, str]] = [
    (lambda here: Budget(here), case_of(4, 7, 5, 1), "one hidden layer"),
    (lambda here: Budget(here), case_of(4, 1), "one hidden layer"),
    (lambda here: Budget(here), case_of(4, 6, 1, act=torch.nn.ReLU), "one hidden layer"),
    (lambda here: Features(here, 0.1), case_of(4, 1), "two layers or more"),
]


@pytest.mark.parametrize(("bound", "case", "says"), BOUNDS)
def test_bounds_are_for_the_networks_they_are_proved_for(bound: Callable[[Point], Any], case: Case, says: str) -> None:
    problem = case.problem
    with pytest.raises(Malformed, match=says):
        bound(Point(problem, problem.parameters()))


def test_a_nonlinear_output_and_kinks_are_refused() -> None:
    case = case_of(4, 6, 1)
    document = case.document
    document["network"]["layers"][1]["activation"] = {"name": "tanh", "parameters": {}}
    problem = case.read(document)
    here = Point(problem, problem.parameters())
    for bound, says in ((Budget, "identity output"), (lambda at: Features(at, 0.1), "identity output")):
        with pytest.raises(Malformed, match=says):
            bound(here)
    problem = case_of(4, 6, 1, act=torch.nn.ReLU).problem
    with pytest.raises(Malformed, match="without kinks"):
        Nearby(problem, problem.parameters(), arb(0.1))
    problem = case_of(4, 9, 1, act=torch.nn.Sigmoid).problem
    with pytest.raises(Malformed, match="the local budget is for tanh"):
        Budget(Point(problem, problem.parameters()))(1.0, 0.1, 0.2)


def test_what_is_no_table_and_no_number_of_steps_is_refused() -> None:
    assert floats(stored([1.0, 2.0]), 2) == floats([1.0, 2.0]) == [1.0, 2.0]
    for value, size, says in (
        (stored([[1.0, 2.0]]), None, "a table has the wrong length"),
        ([1.0, 2.0], 3, "a table has the wrong length"),
        ([1.0, 2], None, "expected doubles"),
    ):
        with pytest.raises(Malformed, match=says):
            floats(value, size)
    floats([0.0] * (MAX_STEPS + 1))
    with pytest.raises(Limit, match="rows of a table"):
        floats([0.0] * (MAX_STEPS + 2))
    require_steps(0)
    for steps in (-1, True, 1.0):
        with pytest.raises(Malformed, match="expected a number of steps"):
            require_steps(steps)


def test_a_bound_of_the_smallest_eigenvalue_is_0_where_nothing_is_left() -> None:
    for square, change, left in ((1.0, 0.5, 0.25), (0.25, 0.5, 0.0), (0.25, 0.75, 0.0)):
        assert shrunk(arb(square), arb(change)) == left


def test_time_is_looked_at_in_every_loop_of_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.checker import enclosures

    problem = case_of(4, 12, 1).problem
    budget = Budget(Point(problem, problem.parameters()))
    monkeypatch.setattr(enclosures, "deadline", [0.0])
    with pytest.raises(Limit, match="allow more seconds"):
        budget(1.0, 0.1)
    with pytest.raises(Limit, match="allow more seconds"):
        budget.size_above(1e6)
