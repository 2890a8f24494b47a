"""Why no ball is proved for mini-batches or momentum, by how much it falls short, and what would help: the step is tried before it is named."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from verify.decimals import equal, near
from verify.networks import Problem
from verify.regions.neighbourhood.ingredients import approx_float, lower, no_rate, rounds_to_one, upper
from verify.regions.neighbourhood.point_facts import Examined
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.scopes.sgd_search import Found, find

__all__ = ["missing", "smaller_step"]

# Steps of which one is asked that it is not too long; a step that is tried in its place is so many times smaller.
_STEP, _MUCH = ("step below 2/‖J_b‖²", "step in the stable range"), 64.0
_CHOOSES = "; lr=None chooses one"
_ELSEWHERE = (
    "Train on until the residual is smaller, or use scope='basin', which moves to a zero of the residual nearby"
)


def smaller_step(here: Examined, problem: Problem, found: Found, *, starts: bool) -> str | None:
    """Return, as a decimal, a much smaller step at which the criterion holds about the point examined; None where it does not, or the step is not at issue."""
    best = found.best
    if best is None or best.holds or best.failed is None or best.failed.name in _STEP:
        return None
    trial = f"{approx_float(best.lr) / _MUCH:.2g}"
    if not float(trial) > 0.0:
        return None
    return trial if find(here, problem.stepping(Fraction(trial)), starts=starts).holds else None


def missing(
    found: Found, problem: Problem, elsewhere: str = _ELSEWHERE, *, smaller: str | None = None, given: bool = True
) -> str:
    """Say why no ball is proved, by how much it falls short, and what to do.

    Args:
        elsewhere: what helps besides another step. smaller: a step at which the criterion holds. given: whether the user named the step.
    """
    best, ingredients = found.best, found.ingredients
    finite = np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all()
    if best is None and finite and lower(ingredients.lambda0) > 0.0:
        network = problem.network
        kinks = (
            ""
            if network.is_smooth
            else f": {network.at_a_kink}, or so close to that that it is met before the ball is large enough"
        )
        return f"no radius with λ(R) > 0 and finite curvature bounds was found{kinks}. {elsewhere}"
    if best is None:
        return why_not_positive(ingredients.lambda0, ingredients.lambda_max0, problem, elsewhere)
    failed = best.failed
    if failed is None and problem.sgd.momentum and not rounds_to_one(best.lr * problem.scale, ingredients.lambda0):
        return (
            f"no quadratic forms were found that show how fast descent with momentum {near(problem.sgd.beta)} forgets: it is close to 1,"
            " or the NTK's condition is bad. Use less momentum"
        )
    if failed is None:
        return f"every inequality that was reached holds, but {no_rate(best.lr)}{_CHOOSES if given else ''}"
    what = f"{failed.name} ({failed.source}): {failed.left} {failed.relation} {failed.right} is not certain"
    if failed.name in _STEP:
        return f"the step lr {equal(best.lr)} is beyond the certified bound: {what}. Use a smaller lr{', or lr=None' if given else ''}"
    factor = f"; containment has {best.ratio:.3g} of what it needs" if best.ratio > 0.0 else ""
    values = f"λ_min {lower(ingredients.lambda0):.4g}, ‖e‖ {upper(ingredients.residual0):.4g}, L_H {ingredients.curvature(0.0):.4g}"
    text = f"{what}{factor} ({values}). "
    return (
        f"{text}{elsewhere}"
        if smaller is None
        else f"{text}With lr={smaller} the criterion holds here: use that. Or: {elsewhere}"
    )
