"""A run hands over to a ball or to a basin: both are read, and a claim that is a little stronger is refuted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import verify
from property_tests.basins import BasinClaims
from property_tests.certified import layers_of, merge
from property_tests.claims import Claims, Violation
from property_tests.draws import Architecture, Inputs, Targets, TrainingProblem
from property_tests.recorded import basin_handover_facts, run_facts
from property_tests.reference import Reference
from property_tests.trajectories import round_trip, with_weights

# A soak run's draw, which its reader took for a ball and could not read.
IN_A_BASIN = TrainingProblem(
    Architecture((4, 2, 3, 1), ("identity", "identity"), "identity", False, "pytorch", 1.0, 0, False, False),
    Inputs(n=3, kind="sphere", size=1.0, gap=0.125, seed=0),
    Targets(kind="near", size=1.0, seed=0),
)
IN_A_BALL = replace(IN_A_BASIN, architecture=replace(IN_A_BASIN.architecture, widths=(4, 1), activations=()))


@cache
def _certified(problem: TrainingProblem) -> Any:
    return verify.certify(problem.model, problem.X, problem.y, scope="run", loss=problem.loss, steps=200)


@pytest.mark.parametrize(("problem", "basin"), [(IN_A_BASIN, True), (IN_A_BALL, False)])
def test_both_hand_overs_are_read(problem: TrainingProblem, basin: bool) -> None:
    certificate = _certified(problem)
    assert certificate.verdict == "PROVED"
    assert (certificate.witness["handover"]["certified_by"] == "displacement") == basin
    facts: dict[str, float] = {}
    merge(facts, run_facts(layers_of(problem), problem, certificate))
    assert basin == ({"handover_inside", "handover_containment", "handover_rate", "basin_rate"} <= set(facts))
    round_trip(certificate, accept=True)


@pytest.mark.parametrize(
    ("fact", "stronger"),
    [
        ("handover_inside", lambda c: replace(c, basin=0.5 * c.basin)),
        ("handover_containment", lambda c: replace(c, radius=0.3 * c.radius)),
        ("handover_rate", lambda c: replace(c, rate=1e-3)),
    ],
)
def test_stronger_claims_are_refuted(fact: str, stronger: Callable[[BasinClaims], BasinClaims]) -> None:
    taken_over = _certified(IN_A_BASIN)
    handover = taken_over.witness["handover"]
    last = np.asarray(taken_over.witness["checkpoints"][handover["checkpoint"]]["parameters"])
    layers, data = layers_of(IN_A_BASIN), (IN_A_BASIN.X, IN_A_BASIN.y, IN_A_BASIN.s)
    claims = stronger(BasinClaims.of(replace(taken_over, witness=handover)))
    with pytest.raises(Violation, match=fact):
        merge({}, basin_handover_facts(layers, IN_A_BASIN, claims, Reference(with_weights(layers, last), *data)))


@pytest.mark.parametrize("loss", ["sum", "mean", "mse", "mse_sum"])
def test_the_scale_of_the_loss_is_the_certificates(loss: Any) -> None:
    """With s = 1/n for MSELoss(), whose s is 2/nk, half of μ was tested."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64))
    certificate = verify.certify(net, np.eye(2), np.ones(2), loss=loss)
    assert Claims.of(certificate).s == {"sum": 1, "mean": 0.5, "mse": 1, "mse_sum": 2}[loss]
