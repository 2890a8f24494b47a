"""When to hand a run over to a ball certificate, and where to look for it.

A real search costs a hundred curvature bounds; :func:`approx_ratio` estimates with a dozen how far a point is from being
certifiable, and a run tries the real criteria only where the estimate is close. Estimates decide when to try, never what holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget
from verify.regions.ball import BallResult, search_ball
from verify.regions.ingredients import Ingredients, lower, upper

__all__ = ["Attempt", "approx_ratio", "attempt", "next_target"]

_PANELS = 12
_TRY_ABOVE = 0.9
_PARABOLA_SAMPLES = 256


@dataclass(frozen=True)
class Attempt:
    """One look at a point.

    Attributes:
        ratio: approximate supply/need of containment, above 1 where it holds; what the next target is guessed from.
        ingredients: what the search used (with parabolas where they were computed).
        result: of the real search; None when the estimate was too far off to try.
    """

    ratio: float
    ingredients: Ingredients
    result: BallResult | None

    @property
    def holds(self) -> bool:
        """Whether a criterion is certified."""
        return self.result is not None and self.result.certified_by is not None


def approx_ratio(ingredients: Ingredients, lr: Fraction) -> float:
    """Estimate the best supply/need over radii and both criteria (approximate; sharp form of λ only)."""
    lam, e = lower(ingredients.lambda0), upper(ingredients.residual0)
    if not lam > 0.0:
        return 0.0
    if e == 0.0:
        return float("inf")
    root, jacobian = float(np.sqrt(lam)), upper(ingredients.jacobian_norm0)
    eta_s, s = float(lr * ingredients.s), float(ingredients.s)
    with np.errstate(all="ignore"):
        reach = root / max(ingredients.curvature(0.0), 1e-300)
        radii = reach * np.linspace(0.0, 1.0, _PANELS + 1)[1:]
        bound = np.array([ingredients.curvature(float(r)) for r in radii])
        delta_j = np.cumsum(bound) * (reach / _PANELS)
        sigma = np.maximum(root - delta_j, 0.0)
        norm = jacobian + delta_j
        before = np.concatenate([[root], sigma[:-1]])
        area = np.cumsum(0.5 * (sigma + before)) * (reach / _PANELS)
        drift = np.minimum(0.5 * bound * eta_s * norm * e, 2.0 * delta_j)
        usable = (sigma > drift) & (eta_s * norm**2 <= 1.0)
        residual = np.where(usable, area - drift * radii, 0.0)
        c = 1.0 - 0.5 * float(lr) * s * (norm**2 + e * bound)
        classical = np.where(c > 0.0, radii * c * sigma, 0.0)
        best = float(np.nanmax(np.maximum(residual, classical)))
    return best / e if np.isfinite(best) else 0.0


def attempt(ingredients: Ingredients, state: Linearisation, lr: Fraction) -> Attempt:
    """Look at a point: estimate, and search for a ball certificate if the estimate allows hope.

    Args:
        ingredients: at the point, without parabolas. state: its linearisation (for the neuron budget).
        lr: step, exact.
    """
    ratio = approx_ratio(ingredients, lr)
    if ratio < _TRY_ABOVE:
        return Attempt(ratio, ingredients, None)
    if ratio < 1.3 and NeuronBudget.applies(state) and state.n * state.network.outputs <= _PARABOLA_SAMPLES:
        # Near the edge the shared budget of neurons may decide; it costs a few weighted kernels.
        reach = 1.5 * upper(ingredients.residual0) / float(np.sqrt(lower(ingredients.lambda0)))
        ingredients = replace(ingredients, parabolas=NeuronBudget(state).parabolas(reach))
    result = search_ball(ingredients, lr)
    if result.certified_by is not None:
        return Attempt(max(ratio, 1.0), ingredients, result)
    outcome = result.outcome
    measured = ratio if outcome is None else outcome.ratio
    return Attempt(min(ratio, measured, 0.999), ingredients, result)


def next_target(residual: float, ratio: float) -> float:
    """Return the residual norm at which to look again, from the present one and its ratio (a guess).

    The supply changes slowly along a run while the residual falls, so it must fall to about `ratio` times the present
    value; going there in halves of the logarithm re-measures the supply on the way: some eight looks from a ratio of 1e-4.
    """
    return residual * min(0.97, max(float(np.sqrt(max(ratio, 0.0))), 1e-3))


def shortfall(found: Attempt) -> dict[str, Any]:
    """Return what an unsuccessful last attempt measured: {name: float}, observed values."""
    return {
        "approx_supply_over_need": found.ratio,
        "lambda_min": lower(found.ingredients.lambda0),
        "residual": upper(found.ingredients.residual0),
        "curvature": found.ingredients.curvature(0.0),
    }


def with_start(ingredients: Ingredients, offset: float, residual_upper: float) -> Ingredients:
    """Return the ingredients for a start somewhere within `offset` of the centre with ‖e‖ ≤ `residual_upper` there."""
    return replace(ingredients, offset=offset, residual0=Ball(residual_upper))
