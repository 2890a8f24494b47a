"""Properties of what surrounds a descent: basins of starts, regions about a run, recorded and enclosed runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from hypothesis import strategies as st

import verify
from property_tests import strategies
from property_tests.basins import BasinClaims, basin_facts
from property_tests.centres import is_accepted
from property_tests.certified import class_of, layers_of, merge, reference_of
from property_tests.claims import Violation
from property_tests.draws import KINKED_NAMES, TrainingProblem
from property_tests.recorded import run_facts
from property_tests.regions import RegionClaims, RegionDraw, forged_region, region_facts
from property_tests.tally import TALLY
from property_tests.trajectories import exact_facts, round_trip

__all__ = ["basin", "region", "region_certificate", "trajectories", "trajectory"]


# ------------------------------------------------------------------ basin: every start in a ball around a zero nearby
def basin(name: str) -> Callable[[Any], None]:
    """Return the property of a basin, counted under `name`."""

    def body(problem: Any) -> None:
        """Descent from starts all over B(c, ρ) stays in B(c, R) and decays; the certificate checks."""
        certificate = verify.certify(problem.model, problem.X, problem.y, scope="basin", loss=problem.loss)
        TALLY.drew(name, "basin", class_of(problem), certificate.verdict)
        if certificate.verdict != "PROVED":
            return
        facts: dict[str, float] = {}
        merge(facts, basin_facts(layers_of(problem), problem, BasinClaims.of(certificate)))
        TALLY.checked(name, facts, problem)
        round_trip(certificate, accept=True)

    return body


# ------------------------------------------------------------------ region: a convex ball about a whole run, or about the runs from a ball of starts
def region_certificate(draw: RegionDraw) -> Any:
    """Certify a draw in scope 'region'."""
    problem = draw.problem
    return verify.certify(
        problem.model,
        problem.X,
        problem.y,
        scope="region",
        loss=problem.loss,
        lr=draw.lr,
        steps=400,
        centre=draw.centre,
        start_radius=draw.start_radius,
        data_radius=draw.data_radius,
    )


def region(draw: RegionDraw) -> None:
    """Descent from starts all over their ball stays in B(c, R) and decays; λ and PL hold there; the certificate checks."""
    certificate = region_certificate(draw)
    kind = "ball of starts" if draw.start_radius else "one start"
    TALLY.drew("region", "region", kind, certificate.verdict)
    if certificate.verdict != "PROVED":
        return
    facts: dict[str, float] = {}
    effort = 5 if draw.problem.architecture.seed % 8 == 1 else 0
    merge(facts, region_facts(draw.problem, RegionClaims.of(certificate), effort=effort))
    TALLY.checked("region", facts, draw.problem)
    round_trip(certificate, accept=True)
    how = {f"about the {draw.centre}": 0.0, f"by {certificate.witness['region']['by']}": 0.0}
    name, forged = forged_region(draw, certificate)
    if is_accepted(forged):
        raise Violation(f"forged {name}, and accepted")
    TALLY.checked("region", {**how, f"{name}: rejected": 0.0}, draw, steer=False)


# ------------------------------------------------------------------ along gradient descent
def _far(problem: TrainingProblem) -> TrainingProblem:
    """The same problem with a residual several times what a ball at initialisation absorbs."""
    return replace(problem, targets=replace(problem.targets, size=4.0 * problem.targets.size), reach=None)


def trajectory(name: str, scope: Literal["run", "exact"]) -> Callable[[TrainingProblem], None]:
    """Return the property of a recorded or enclosed run, counted under `name`."""

    def body(problem: TrainingProblem) -> None:
        """Scopes 'run' and 'exact': stored facts against gradient descent enclosed again; the certificate checks."""
        certificate = verify.certify(problem.model, problem.X, problem.y, scope=scope, loss=problem.loss, steps=200)
        TALLY.drew(name, scope, class_of(problem), certificate.verdict)
        if certificate.verdict != "PROVED":
            return
        facts: dict[str, float] = {}
        if scope == "exact":
            merge(facts, exact_facts(reference_of(problem), certificate))
        else:
            merge(facts, run_facts(problem.architecture.layers(), problem, certificate))
        TALLY.checked(name, facts, problem)
        round_trip(certificate, accept=True)

    return body


def trajectories() -> st.SearchStrategy[TrainingProblem]:
    """Draw problems that descent is followed on."""
    return strategies.near_problems(depths=(1, 3), max_width=8, max_parameters=60).map(_far)


def kinked_trajectories() -> st.SearchStrategy[TrainingProblem]:
    """Draw problems that descent is followed on, of chains whose units have kinks."""
    return strategies.near_problems(depths=(2, 3), max_width=8, max_parameters=60, activations=KINKED_NAMES).map(_far)
