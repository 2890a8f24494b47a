"""The counterexample to zero loss: two samples with equal inputs and different targets."""

from __future__ import annotations

import numpy as np

from verify.arrays import Ball
from verify.certificates import Certificate, Problem, Scope, Step
from verify.decimals import at_least
from verify.networks import DataSet
from verify.regions.neighbourhood.ingredients import lower
from verify.regions.neighbourhood.prospects import equal_samples

__all__ = ["contradictory_pair", "refuted_certificate"]


def contradictory_pair(data: DataSet) -> tuple[int, int] | None:
    """Return two samples with identical inputs and different targets, if there are any (exact comparison)."""
    return next((pair for pair in equal_samples(data) if (data.y[pair[0]] != data.y[pair[1]]).any()), None)


def refuted_certificate(problem: Problem, scope: Scope, pair: tuple[int, int]) -> Certificate:
    """Return the certificate that no parameters fit both samples of a contradictory pair."""
    i, j = pair
    gap = (Ball(problem.data.y[i]) - Ball(problem.data.y[j])).norm()
    s = Ball(problem.scale)
    floor = s * gap * gap * Ball(0.25)
    # The step compares two stored doubles: certain even where the floor itself would under- or overflow.
    coordinate = int(np.flatnonzero(problem.data.y[i] != problem.data.y[j])[0])
    targets = sorted((float(problem.data.y[i][coordinate]), float(problem.data.y[j][coordinate])))
    step = Step.listed(
        "equal inputs, different targets",
        "zero_loss_unreachable",
        Ball(targets[1]),
        ">",
        Ball(targets[0]),
    )
    reason = (
        f"samples {i} and {j} have identical inputs and different targets, so Φ(θ) ≥ {at_least(lower(floor))} for every θ: λ0 = 0 and no"
        " region on which gradient descent converges to zero loss can exist. Remove or merge the duplicates"
    )
    return Certificate(
        scope=scope,
        verdict="REFUTED",
        reason=reason,
        problem=problem,
        constants={"lambda0": Ball(0.0), "loss_floor": floor},
        margins={"loss floor": floor},
        steps=(step,),
        witness={"duplicate_pair": [i, j]},
        observed={},
    )
