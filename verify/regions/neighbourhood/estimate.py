"""When to hand a run over to a ball certificate, and where to look for it.

A real search costs dozens of curvature bounds; :func:`approx_supply` estimates with a few how far a point is from being
certifiable, and a run tries the real criteria only where the estimate is close. Estimates decide when to try, never what holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.networks.curvature import Curvature
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget, useful
from verify.regions.neighbourhood.criteria import CRITERIA, Form, Outcome, approx_share
from verify.regions.neighbourhood.crossing import search_crossing
from verify.regions.neighbourhood.ingredients import Ingredients, approx_float, lower, tabulate, upper
from verify.regions.neighbourhood.search import KAPPA, BallResult

__all__ = ["Attempt", "approx_supply", "attempt", "next_target", "shortfall", "with_start"]

_PANELS = 40
_BEYOND = (1.03, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
# Supply over need, all guesses. Below this even the layers' best case is far off: nothing else is computed.
_HOPELESS = 0.15
# From here on the neuron budget may close the gap and is worth its eigenproblems.
_TRY_SHARED = 0.3
# From here on the criteria are evaluated: the estimate errs by about a per cent.
_TRY_ABOVE = 0.99
# The radius is chosen where the estimate has this much, so that the proved supply is still enough there.
_ROOM = 1.004
# Above this ratio the prediction of the next look is taken as it is, aimed this far beyond what is needed.
_NEAR = 0.45
_AIM = 1.01
_CARRY = (0.3, 0.5, 0.75, 1.0)
_PARABOLA_SAMPLES = 2048
# Radii at which the estimate looks, in units of the shortest conceivable path ‖e‖/√λ0: dense where most certificates are decided, and far
# enough for a step close to 2/β, where the path is 1/c times as long.
_LOOKS = np.array(
    [0.0, 0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 32.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0]
)
_CANDIDATES = np.concatenate(
    [
        np.geomspace(0.003, 0.85, 40),
        np.linspace(0.9, 4.0, 63),
        np.geomspace(4.1, 64.0, 30),
        np.geomspace(70.0, 16384.0, 50),
    ]
)


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


def _looked_up(ingredients: Ingredients) -> np.ndarray:
    """L_H at the radii of `_LOOKS`, in units of ‖e‖/√λ0."""
    bounds = ingredients.curvature(_LOOKS * _unit(ingredients))
    return np.where(np.isfinite(bounds), bounds, 1e300)


def _unit(ingredients: Ingredients) -> float:
    """‖e‖/√λ0, the length of the shortest conceivable path."""
    return min(upper(ingredients.residual0) / math.sqrt(lower(ingredients.lambda0)), 1e300)


def approx_supply(ingredients: Ingredients, lr: Fraction, looks: np.ndarray | None = None) -> tuple[float, float]:
    """Estimate (ratio, R): the best supply/need over radii and both criteria, and a radius at which to look.

    The sums are those of the real search at `_PANELS` panels, with L_H interpolated between the radii of `_LOOKS`. R is the smallest radius
    at which the ratio exceeds 1 with a little room, or else the best one. Approximate: floating point, and L_H may be a guess.

    Args:
        ingredients: at the centre. lr: step. looks: L_H at those radii where they are known already.
    """
    lam, e = lower(ingredients.lambda0), upper(ingredients.residual0)
    if not (lam > 0.0 and np.isfinite(e)):
        return 0.0, 0.0
    root, jacobian = float(np.sqrt(lam)), upper(ingredients.jacobian_norm0)
    if e == 0.0:
        return float("inf"), 1e-6 * root / max(ingredients.curvature(0.0), 1e-300)
    eta_s = approx_float(lr * ingredients.s)
    with np.errstate(all="ignore"):
        unit = _unit(ingredients)
        looks = _looked_up(ingredients) if looks is None else looks
        radii = _CANDIDATES * unit
        # (candidates, panels): ρ_j = jR/40, L_H(ρ_j), Δ_J(ρ_j), σ(ρ_j).
        rho = radii[:, None] * (np.arange(1, _PANELS + 1) / _PANELS)
        bound = np.interp(rho, _LOOKS * unit, looks)
        delta_j = np.cumsum(bound, axis=1) * (radii[:, None] / _PANELS)
        sigma = np.maximum(root - delta_j, 0.0)
        for parabola in ingredients.parabolas:
            sigma = np.maximum(sigma, np.sqrt(np.maximum(parabola.intercept - parabola.weight * rho**2, 0.0)))
        inside = np.clip((rho - ingredients.offset) * (_PANELS / radii[:, None]), 0.0, 1.0)
        sigma_end, norm, curved = sigma[:, -1], jacobian + delta_j[:, -1], bound[:, -1]
        drift = np.minimum(0.5 * curved * eta_s * norm * e, 2.0 * delta_j[:, -1])
        share = approx_share(eta_s * norm**2, eta_s * lam, eta_s * jacobian**2)
        usable = share * sigma_end > drift
        by_residual = ((share[:, None] * sigma - drift[:, None]) * inside).sum(axis=1) * radii / _PANELS
        c = 1.0 - 0.5 * eta_s * (norm**2 + e * curved)
        by_path = np.where(c > 0.0, np.maximum(radii - ingredients.offset, 0.0) * c * sigma_end, 0.0)
        ratios = np.nan_to_num(np.maximum(np.where(usable, by_residual, 0.0), by_path) / e)
    best = int(np.argmax(ratios))
    enough = np.flatnonzero(ratios > _ROOM)
    if not enough.size:
        return float(ratios[best]), float(radii[best])
    j = int(enough[0])
    if not (j and ratios[j - 1] > 0.0):
        return float(ratios[best]), float(radii[j])
    # Where the ratio crosses, by linear interpolation.
    share = (_ROOM - float(ratios[j - 1])) / (float(ratios[j]) - float(ratios[j - 1]))
    return float(ratios[best]), float(radii[j - 1]) + (float(radii[j]) - float(radii[j - 1])) * share


def _search(ingredients: Ingredients, lr: Fraction, radius: float) -> BallResult:
    """Try both criteria at `radius` and somewhat beyond; proved by the same criteria as scope `ball`'s search."""
    radii = [radius * j / _PANELS for j in range(1, _PANELS + 1)] + [radius * factor for factor in _BEYOND]
    table = tabulate(ingredients, radii)
    best: dict[Form, Outcome] = {}
    largest: dict[Form, float] = {}
    tried: Sequence[int]
    # Where R√λ(R) falls short of ‖e‖ even without 1/c the classical form cannot hold: one such outcome says so as well as nine.
    room = (table.radii - ingredients.offset) * np.sqrt(table.lam) > 0.999 * upper(ingredients.residual0)
    for form, criterion in CRITERIA.items():
        tried = range(_PANELS - 1, len(radii))
        if form == "classical":
            tried = [j for j in tried if room[j]] or [_PANELS - 1]
        for index in tried:
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
    """Look at a point: search for a ball certificate, and where the network has kinks and none holds, for a ball that kinks cross.

    Args:
        ingredients: at the point, without parabolas. state: its linearisation.
        lr: step, exact.
    """
    found = _attempt(ingredients, state, lr)
    if found.holds or state.network.is_smooth:
        return found
    ratio, crossed = search_crossing(ingredients, state, lr)
    if crossed is None:
        return replace(found, ratio=max(found.ratio, ratio))
    return Attempt(ratio, *crossed)


def _attempt(ingredients: Ingredients, state: Linearisation, lr: Fraction) -> Attempt:
    """Estimate, and search for a ball certificate if the estimate allows hope.

    Args:
        ingredients: at the point, without parabolas. state: its linearisation.
        lr: step, exact.
    """
    # The estimate takes approximate norms: certified ones cost more than everything else here, and are needed only for a proof.
    rough = replace(ingredients, curvature=Curvature.approx(state))
    if not (lower(rough.lambda0) > 0.0 and np.isfinite(upper(rough.residual0))):
        return Attempt(0.0, ingredients, None)
    # L_H does not fall with the radius, so the layers' bound supplies at most ∫(√λ − L_Hρ)dρ = λ/(2L_H): often all one needs to know.
    with np.errstate(all="ignore"):
        most = np.divide(lower(rough.lambda0), 2.0 * Curvature.approx_floor(state) * upper(rough.residual0))
    if most < _HOPELESS:
        return Attempt(float(most), ingredients, None)
    looks = _looked_up(rough)
    ratio, radius = approx_supply(rough, lr, looks)
    shared = NeuronBudget.applies(state) and state.n * state.network.outputs <= _PARABOLA_SAMPLES
    if shared and _TRY_SHARED <= ratio < float("inf"):
        # The layers' bound does not know that neurons share a budget.
        budget = NeuronBudget(state)
        reach = 1.5 * upper(ingredients.residual0) / float(np.sqrt(lower(ingredients.lambda0)))
        guessed = budget.approx_parabolas(reach)
        ratio, radius = approx_supply(replace(rough, parabolas=guessed), lr, looks)
        if ratio >= _TRY_ABOVE and guessed:
            # Few are worth a proof: those that carry the sum, and the stability radius.
            half = float(KAPPA) * lower(ingredients.lambda0)
            stable = max(float(np.sqrt(max(p.intercept - half, 0.0) / p.weight)) for p in guessed)
            wanted = useful(guessed, [*(radius * share for share in _CARRY), stable])
            ratio, radius = approx_supply(replace(rough, parabolas=wanted), lr, looks)
            ingredients = replace(ingredients, parabolas=budget.proved([p.weight for p in wanted]))
    if not (ratio >= _TRY_ABOVE and 0.0 < radius < float("inf")):
        return Attempt(ratio, ingredients, None)
    result = _search(ingredients, lr, radius)
    if result.certified_by is not None:
        return Attempt(max(ratio, 1.0), ingredients, result)
    outcome = result.outcome
    measured = ratio if outcome is None else outcome.ratio
    return Attempt(min(measured, 0.999), ingredients, result)


def next_target(residual: float, ratio: float) -> float:
    """Return the residual norm at which to look again, from the present one and its ratio (a guess).

    The supply changes slowly along a run while the residual falls, so it must fall to about `ratio` times the present
    value. Far off, the target is four fifths of the way in the logarithm and never below a quarter at once: that re-measures the supply
    on the way and leaves about ten checkpoints at which the facts of a run are proved. Close by, the prediction is taken as it is, with a
    little to spare: where a certificate just holds its constants are poor.
    """
    return residual * float(min(0.98, max(ratio / _AIM if ratio > _NEAR else ratio**0.8, 0.25)))


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
