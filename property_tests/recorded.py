"""Facts of scope 'run': the stored checkpoints are points, decided at high precision, and descent is restarted where the run hands over.

It hands over to a ball about that point (criteria 'classical', 'residual', 'residual_relu'), or to a basin that holds it ('displacement').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from property_tests.basins import BasinClaims, basin_facts, descent_in_ball
from property_tests.claims import (
    Claims,
    Facts,
    Violation,
    at_most,
    centre_facts,
    decide,
    descent_facts,
    require,
    semidefinite_above,
)
from property_tests.reference import LayerSpec, Parameters, Reference, as_arb, precision, squared_norm
from property_tests.trajectories import with_weights

__all__ = ["basin_handover_facts", "run_facts"]

_STEPS = 8
_BITS = 256


def run_facts(layers: list[LayerSpec], problem: Any, certificate: Any) -> Facts:
    """Decide the facts at every stored checkpoint, and of gradient descent restarted where the run hands over.

    Args:
        layers, problem: as drawn. certificate: PROVED, scope 'run'.

    Raises:
        Violation, Undecided.
    """
    handover = certificate.witness["handover"]
    points = []
    for checkpoint in certificate.witness["checkpoints"]:
        at = with_weights(layers, np.asarray(checkpoint["parameters"]))
        points.append(Reference(at, problem.X, problem.y, problem.s))
        yield from _checkpoint(points[-1], points[-1].centre, checkpoint)
    if not points:
        raise Violation("run: PROVED without a checkpoint")
    taken_over, taker = points[handover["checkpoint"]], replace(certificate, witness=handover)
    if handover["certified_by"] == "displacement":
        yield from basin_handover_facts(layers, problem, BasinClaims.of(taker), taken_over)
        return
    claims = Claims.of(taker)
    yield from centre_facts(taken_over, claims)
    yield from descent_facts(taken_over, claims, _STEPS)


def basin_handover_facts(layers: list[LayerSpec], problem: Any, claims: BasinClaims, start: Reference) -> Facts:
    """Decide that the basin holds the start, what is claimed of descent from there, and the facts of the basin itself.

    Raises:
        Violation, Undecided.
    """
    centre = Reference(with_weights(layers, claims.centre), problem.X, problem.y, problem.s)
    with precision(_BITS):
        away = squared_norm(start.centre.minus(centre.centre)).sqrt()
        require("handover_inside", away, as_arb(claims.basin))
        yield "handover_inside", 1.0 - float((away / as_arb(claims.basin)).mid())
    yield from descent_in_ball("handover", start, centre, claims, _STEPS)
    yield from basin_facts(layers, problem, claims)


def _checkpoint(reference: Reference, theta: Parameters, facts: Any) -> Iterator[tuple[str, float]]:
    low, high = facts["loss"]
    decide("run_loss_lower", lambda: at_most(as_arb(low), reference.loss(theta)))
    decide("run_loss_upper", lambda: at_most(reference.loss(theta), as_arb(high)))
    lambda_low = float(facts["lambda_min"][0])

    def holds() -> bool | None:
        j = reference.jacobian(theta)
        return semidefinite_above(j * j.transpose(), lambda_low)

    decide("run_lambda", holds)
    yield "run_loss", (high - low) / high if high > 0.0 else 0.0
