"""How a recorded run is handed over to real-arithmetic gradient descent: by a ball about an iterate, or by a basin that holds it.

At an iterate θ̂_T the ball of scope `ball` is tried first: it costs least. Where it does not hold, a zero c of the residual is sought by
Gauss–Newton from θ̂_T, a basin B(c, ρ) is proved about it (claim containment_displacement), and θ̂_T is handed over if ‖θ̂_T − c‖ ≤ ρ is certain.
The basin pays for the distance to c and not for the whole residual, whose fast parts fall long before the slow ones. It is tried only where
:func:`verify.regions.neighbourhood.basins.outlook`, one linear system with the Θ that was enclosed anyway, puts θ̂_T near or inside it: a run of some ten
looks pays for one or two. Nothing is kept from one look to the next, so an interrupted run ends as an uninterrupted one.

Where the user names no step, the one that the run was trained with is a guess; if it is beyond what can be certified at c, the largest certified
step takes over: every statement of the certificate is about that step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.certificates import Step
from verify.networks import Problem
from verify.networks.parameters import Vector
from verify.regions.descent.polishing import polish
from verify.regions.neighbourhood.basins import Basin, basin_constants, basin_witness, find_basin, inside, outlook
from verify.regions.neighbourhood.estimate import Attempt, attempt
from verify.regions.neighbourhood.ingredients import approx_float, upper
from verify.regions.neighbourhood.point_facts import Examined, drift, examine
from verify.regions.scopes.ball import ball_constants, ball_witness

__all__ = ["Handover", "Look", "look_for_handover"]

# Outlooks are good to some ten per cent.
_TRY_BASIN, _ALMOST = 0.9, 0.97


@dataclass(frozen=True)
class Handover:
    """What takes over at an iterate.

    Attributes:
        form: 'classical', 'residual' (a ball about the iterate) or 'displacement' (a basin that holds it).
        lr: the step that it is about. constants, margins, steps, witness: as in a certificate, without the run's own.
    """

    form: str
    lr: Fraction
    constants: Mapping[str, Any]
    margins: Mapping[str, Ball]
    steps: tuple[Step, ...]
    witness: Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """One look at an iterate.

    Attributes:
        ratio: about supply over need of whichever form is nearer, above 1 where one holds; what the next look is placed by.
        ball: the attempt at a ball. handover: what takes over here; None where nothing is certified.
    """

    ratio: float
    ball: Attempt
    handover: Handover | None


def look_for_handover(here: Examined, theta: Vector, problem: Problem, *, basins: bool, free: bool) -> Look:
    """Try to hand over at an iterate.

    Args:
        here: facts at the iterate. theta: the iterate (p,). problem: with the run's step.
        basins: whether a basin may take over. free: whether another step than the run's may be certified.
    """
    lr = problem.eta
    ball = attempt(here.ingredients(), here.state, lr)
    if ball.holds:
        return Look(ball.ratio, ball, _by_ball(ball, lr))
    if not basins:
        return Look(ball.ratio, ball, None)
    ratio = outlook(here, lr)
    if free and approx_float(lr * problem.scale) * upper(here.facts.lambda_max) > 1.0:
        # The run's step pays for being long, or is too long.
        ratio = max(ratio, outlook(here, None))
    if ratio < _TRY_BASIN:
        return Look(max(ball.ratio, ratio), ball, None)
    centre = polish(problem.at(theta).network, problem.data).theta
    there, distance = examine(problem.at(centre)), drift(theta, centre)
    for step in (lr, None) if free else (lr,):
        found = find_basin(there, step)
        if found is None:
            continue
        within = inside(distance, found)
        if within.certain:
            return Look(1.0, ball, _by_basin(found, there, centre, distance, within))
        ratio = float(np.divide(upper(found.constants["basin_radius"]), upper(distance)))
    return Look(max(ball.ratio, min(ratio, _ALMOST)), ball, None)


def _by_ball(found: Attempt, lr: Fraction) -> Handover:
    assert found.result is not None
    outcome = found.result.outcome
    assert outcome is not None
    # In a proof only what holds is a margin: a form that does not has no witness to check.
    margins = {
        f"{form} containment": o.margin for form, o in found.result.best.items() if o.margin is not None and o.holds
    }
    return Handover(
        outcome.form,
        lr,
        ball_constants(found.ingredients, found.result),
        margins,
        outcome.steps,
        ball_witness(found.ingredients, found.result),
    )


def _by_basin(found: Basin, there: Examined, centre: Vector, distance: Ball, within: Step) -> Handover:
    constants = basin_constants(found, there, distance)
    margins = {"displacement containment": found.margin}
    return Handover("displacement", found.lr, constants, margins, (*found.steps, within), basin_witness(found, centre))
