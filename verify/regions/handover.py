"""When to hand a run over to a ball certificate, and where to look for it.

A real search costs dozens of curvature bounds; :func:`approx_supply` estimates with a few how far a point is from being
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
from verify.regions.ball import BallResult
from verify.regions.containment import CRITERIA, Form, Outcome
from verify.regions.ingredients import Ingredients, lower, tabulate, upper

__all__ = ["Attempt", "approx_supply", "attempt", "next_target", "shortfall", "with_start"]

_PANELS, _FINE = 10, 20
_BEYOND = (1.1, 1.25, 1.5, 2.0)
_TRY_ABOVE, _TRY_SHARED, _FAR = 0.9, 0.7, 0.4
_PARABOLA_SAMPLES = 2048


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


def approx_supply(ingredients: Ingredients, lr: Fraction) -> tuple[float, float]:
    """Estimate (ratio, R): the best supply/need over radii and both criteria, and a radius at which to look.

    R is the smallest tabulated radius whose ratio exceeds 1 with some room, or else the best one. Approximate; sharp form of λ only.
    """
    lam, e = lower(ingredients.lambda0), upper(ingredients.residual0)
    if not lam > 0.0:
        return 0.0, 0.0
    root, jacobian = float(np.sqrt(lam)), upper(ingredients.jacobian_norm0)
    if e == 0.0:
        return float("inf"), 1e-6 * root / max(ingredients.curvature(0.0), 1e-300)
    eta_s, s = float(lr * ingredients.s), float(ingredients.s)
    # L_H grows with the radius, so the supply is at most ∫(√λ − L_H(0)ρ)dρ = λ/(2L_H(0)): far off, this is all one needs to know.
    ceiling = 0.5 * lam / max(ingredients.curvature(0.0), 1e-300) / e
    if ceiling < _FAR:
        return ceiling, 0.0
    with np.errstate(all="ignore"):
        reach = root / max(ingredients.curvature(0.0), 1e-300)
        # No ball below ‖e‖/√λ can do, and a certificate is usually decided within a few times that.
        near = min(reach, 8.0 * e / root)
        radii = np.unique(np.concatenate([np.linspace(0.0, near, _PANELS + 1)[1:], np.linspace(near, reach, 5)[1:]]))
        bound = np.array([ingredients.curvature(float(r)) for r in radii])
        widths = np.diff(radii, prepend=0.0)
        delta_j = np.cumsum(bound * widths)
        sigma = np.maximum(root - delta_j, 0.0)
        norm = jacobian + delta_j
        before = np.concatenate([[root], sigma[:-1]])
        area = np.cumsum(0.5 * (sigma + before) * widths)
        drift = np.minimum(0.5 * bound * eta_s * norm * e, 2.0 * delta_j)
        usable = (sigma > drift) & (eta_s * norm**2 <= 1.0)
        by_residual = np.where(usable, area - drift * radii, 0.0)
        c = 1.0 - 0.5 * float(lr) * s * (norm**2 + e * bound)
        by_path = np.where(c > 0.0, radii * c * sigma, 0.0)
        ratios = np.nan_to_num(np.maximum(by_residual, by_path) / e)
    best = int(np.argmax(ratios))
    enough = np.flatnonzero(ratios > 1.05)
    if not enough.size:
        return float(ratios[best]), float(radii[best])
    # Where the ratio crosses 1, with the room that the real panels' lower sums need, by linear interpolation.
    j = int(enough[0])
    r0, q0 = (0.0, 0.0) if j == 0 else (float(radii[j - 1]), float(ratios[j - 1]))
    return float(ratios[best]), r0 + (float(radii[j]) - r0) * (1.04 - q0) / (float(ratios[j]) - q0)


def _search(ingredients: Ingredients, lr: Fraction, radius: float) -> BallResult:
    """Try both criteria at `radius` and somewhat beyond; proved by the same criteria as scope `ball`'s search."""
    radii = [radius * j / _FINE for j in range(1, _FINE + 1)] + [radius * factor for factor in _BEYOND]
    table = tabulate(ingredients, radii)
    best: dict[Form, Outcome] = {}
    largest: dict[Form, float] = {}
    for form, criterion in CRITERIA.items():
        for index in range(_FINE - 1, len(radii)):
            outcome = criterion(ingredients, table, index, lr)
            known = best.get(form)
            if known is None or (not known.holds and (outcome.holds or outcome.ratio > known.ratio)):
                best[form] = outcome
            if outcome.holds:
                largest[form] = float(table.radii[index])
    holding = [o for o in best.values() if o.holds]
    certified_by = min(holding, key=lambda o: o.index).form if holding else None
    return BallResult(table, best, certified_by, lr, largest)


def attempt(ingredients: Ingredients, state: Linearisation, lr: Fraction) -> Attempt:
    """Look at a point: estimate, and search for a ball certificate if the estimate allows hope.

    Args:
        ingredients: at the point, without parabolas. state: its linearisation (for the neuron budget).
        lr: step, exact.
    """
    ratio, radius = approx_supply(ingredients, lr)
    shared = NeuronBudget.applies(state) and state.n * state.network.outputs <= _PARABOLA_SAMPLES
    if ratio < (_TRY_SHARED if shared else _TRY_ABOVE) or not (0.0 < radius < float("inf")):
        return Attempt(ratio, ingredients, None)
    if shared:
        # The estimate does not know that neurons share a budget, which costs a few weighted kernels and gains up to a half.
        reach = 1.5 * upper(ingredients.residual0) / float(np.sqrt(lower(ingredients.lambda0)))
        ingredients = replace(ingredients, parabolas=NeuronBudget(state).parabolas(reach))
    result = _search(ingredients, lr, radius)
    if result.certified_by is not None:
        return Attempt(max(ratio, 1.0), ingredients, result)
    outcome = result.outcome
    measured = ratio if outcome is None else outcome.ratio
    return Attempt(min(measured, 0.999), ingredients, result)


def next_target(residual: float, ratio: float) -> float:
    """Return the residual norm at which to look again, from the present one and its ratio (a guess).

    The supply changes slowly along a run while the residual falls, so it must fall to about `ratio` times the present
    value. Going four fifths of the way in the logarithm, and never below a quarter at once, re-measures the supply on the way and
    leaves about ten checkpoints at which the facts of a run are proved.
    """
    return residual * float(min(0.97, max(ratio**0.8, 0.25)))


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
