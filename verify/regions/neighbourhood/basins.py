"""Basins: balls of starts from each of which gradient descent converges, by claim containment_displacement, and the search for them.

The derivation is in :mod:`verify.regions.scopes.basin`. :func:`displacement` decides; the rest places rows and guesses where to look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.certificates import Step
from verify.decimals import at_least, at_most, below_one, near
from verify.networks.curvature import Curvature
from verify.networks.model import LOSS_WORDS, Loss
from verify.networks.neurons import NeuronBudget, Parabola, useful
from verify.regions.neighbourhood.criteria import (
    Outcome,
    approx_share,
    largest_step,
    pace,
    rate_stated,
    region_steps,
    residual,
)
from verify.regions.neighbourhood.ingredients import (
    Ingredients,
    RadiusTable,
    approx_float,
    lower,
    table_witness,
    tabulate,
    upper,
)
from verify.regions.neighbourhood.point_facts import Examined
from verify.regions.neighbourhood.search import critical_radius

__all__ = [
    "Basin",
    "basin_constants",
    "basin_text",
    "basin_witness",
    "displacement",
    "find_basin",
    "inside",
    "outlook",
]

# Rows of the radius table up to where λ is lost, and pairs (ρ, R) among them that are tried in a proof.
_ROWS = 96
_SEARCHED = 16
# Rows for c's own zero-loss point, in units of ‖e(c)‖/√λ_min: where the step's drift is small the first suffices.
_NEAR = (1.01, 1.1, 1.3, 1.7, 2.5, 4.0, 8.0, 16.0)
# The neuron budget's eigenproblems (n·k) × (n·k) take seconds up to this size.
_PARABOLA_SAMPLES = 1024
# Where F is linear no radius loses λ; squares of this stay finite.
_FARTHEST = 1e100
# An outlook below the first is not refined; it takes θ for a fit with this share of its residual.
_HOPELESS, _FITTED = 0.15, 1e-6
# Where, in units of the radius at which the layers' bound loses λ, a parabola should be good.
_CARRY = (0.1, 0.3, 0.5, 0.75, 1.0, 1.5)
# The rate is 1 − ηsσ(σ − δ): a basin with σ(R) barely above δ would be a little larger and converge arbitrarily slowly.
_ROOM_FOR_RATE = 1.25


@dataclass(frozen=True)
class Basin:
    """Criterion (iii) of either form at one triple of rows, with (i).

    Attributes:
        rows: (zero, basin, region), positions of r_0, ρ, R in the table.
        lr: step. steps: the chain. constants: enclosures by name. margin: of the containment inequality.
        table: the radius table. ingredients: at c. form: the criterion. midpoints: of one that kinks cross, [layer, sample, unit] with mean slopes.
    """

    rows: tuple[int, int, int]
    lr: Fraction
    steps: tuple[Step, ...]
    constants: dict[str, Ball]
    margin: Ball
    table: RadiusTable
    ingredients: Ingredients
    form: str = "displacement"
    midpoints: list[list[int]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every step is certain."""
        return all(step.certain for step in self.steps) and rate_stated(self.constants)


def displacement(ingredients: Ingredients, table: RadiusTable, rows: tuple[int, int, int], lr: Fraction) -> Basin:
    """Evaluate claims containment_residual from c at r_0 and containment_displacement from B(c, ρ) at R (all rows of the table).

    Args:
        ingredients: at c, no offset. table: bounds on the balls about c. rows: of r_0, ρ < R. lr: η, exact.
    """
    zero, inner, outer = rows
    radius, rho = Ball(float(table.radii[outer])), Ball(float(table.radii[inner]))
    centre, how = ingredients.at_centre, pace(ingredients, table, outer, lr)
    values = {
        **centre,
        "eta": Ball(lr),
        "R": radius,
        "L_H": Ball(float(table.curvature[outer])),
        "Delta_J": Ball(float(table.delta_j[outer])),
        "lambda_R": Ball(float(table.lam[outer])),
        "d0": rho,
        "e_c": centre["e0"],
        # Of a short step ηs‖J‖² ≤ 1 is all that is asked; the remainder is bounded by the curvature.
        "step_fraction": how.fraction if how.long else Ball(1.0),
        "remainder": Ball(float(table.curvature[outer])) * rho * rho * Ball(0.5),
    }
    first = (
        *region_steps(values),
        how.step("containment_displacement"),
    )
    if how.long and not first[-1].certain:
        return Basin(rows, lr, first, {}, Ball(0.0), table, ingredients)
    sigma, claim, kept = sqrt(values["lambda_R"]), first[-1].claim, how.symbol
    threshold = evaluate("displacement_residual", values)
    tail = evaluate("delta_residual", {**values, "e0": threshold})
    start = ingredients.residual_near(rho, Ball(float(table.delta_j[inner])))
    drift = evaluate("delta_residual", {**values, "e0": start})
    widths = Ball(table.radii[inner + 1 : outer + 1]) - Ball(table.radii[inner:outer])
    sigmas = sqrt(Ball(table.lam[inner + 1 : outer + 1]))
    supply = how.supply(sigmas, tail, widths)
    near = residual(ingredients, table, zero, lr)
    steps = (
        *first,
        Step.listed(f"{kept}(R) above the tail's drift", claim, how.kept(sigma), ">", tail),
        Step.listed("residual pays for the tail", claim, supply, ">", threshold),
        Step.listed(f"{kept}(R) above the step's drift", claim, how.kept(sigma), ">", drift),
        *zero_loss(near),
    )
    rate = how.rate({**values, "sigma": sigma, "delta": drift})
    constants = {
        "radius": radius,
        "basin_radius": rho,
        "zero_loss_distance": Ball(float(table.radii[zero])),
        "lambda_region": values["lambda_R"],
        "L_H": values["L_H"],
        "Delta_J": values["Delta_J"],
        "mu": evaluate("mu", values),
        "smoothness": evaluate("smoothness", {**values, "e0": start}),
        "residual_rate": rate,
        "rate": rate * rate,
        "step_drift": drift,
        "basin_residual": start,
        "basin_threshold": threshold,
        **how.constants,
    }
    return Basin(rows, lr, steps, constants, supply - threshold, table, ingredients)


def _grid(ingredients: Ingredients) -> tuple[list[float], int]:
    """Place radii: a few where c's own zero-loss point may be, then evenly up to where λ is lost; how many are of the first kind."""
    # Where F is linear there is no limit; squares must stay finite.
    reach = min(critical_radius(ingredients), _FARTHEST)
    unit = upper(ingredients.residual0) / math.sqrt(lower(ingredients.lambda0))
    evenly = [reach * j / _ROWS for j in range(1, _ROWS + 1)]
    near = [r for factor in _NEAR if 0.0 < (r := factor * unit) < 0.5 * evenly[0]]
    if not near:
        # Nothing fits below the first row; that row itself may.
        return evenly, 1
    return [*near, *evenly], len(near)


def _approx_pairs(
    ingredients: Ingredients, table: RadiusTable, first: int, lr: Fraction | None
) -> list[tuple[int, int]]:
    """Guess the pairs (ρ, R) of rows for which the criterion holds, the largest ρ first, then the fastest rate."""
    root = np.sqrt(table.lam)
    known = np.isfinite(table.delta_j) & (table.lam > 0.0)
    e_c, jacobian, s = upper(ingredients.residual0), upper(ingredients.jacobian_norm0), float(ingredients.s)
    widths = np.diff(table.radii, prepend=0.0)
    area = np.cumsum(widths * root)
    found: list[tuple[float, float, int, int]] = []
    with np.errstate(all="ignore"):
        for outer in np.flatnonzero(known).tolist():
            norm, bend, moved = jacobian + table.delta_j[outer], table.curvature[outer], table.delta_j[outer]
            eta_s = 1.0 / norm**2 if lr is None else approx_float(lr * ingredients.s)
            share = float(approx_share(eta_s * norm**2, eta_s * table.lam[0], eta_s * jacobian**2))
            if not share > 0.0:
                continue
            rho = table.radii[first:outer]
            threshold = (bend * rho**2 + 2.0 * e_c) / (2.0 - max(1.0, eta_s * norm**2))
            start = e_c + (jacobian + table.delta_j[first:outer]) * rho
            tail = np.minimum(0.5 * eta_s * bend * norm * threshold, 2.0 * moved)
            drift = np.minimum(0.5 * eta_s * bend * norm * start, 2.0 * moved)
            supply = share * (area[outer] - area[first:outer]) - tail * (table.radii[outer] - rho)
            kept = share * root[outer]
            good = (supply > threshold) & (kept > tail) & (kept > _ROOM_FOR_RATE * drift)
            for i in np.flatnonzero(good).tolist():
                speed = eta_s / s * root[outer] * (root[outer] - drift[i])
                found.append((float(rho[i]), float(speed), first + i, outer))
    return [(i, j) for _, _, i, j in sorted(found, reverse=True)]


def find_basin(here: Examined, lr: Fraction | None) -> Basin | None:
    """Search rows r_0, ρ, R about the point examined for which the criteria hold, with the largest ρ.

    Args:
        here: facts at c. lr: η, exact; None takes the largest that :func:`largest_step` certifies.

    Returns:
        A basin that holds; None where none is found.
    """
    ingredients = here.ingredients()
    finite = np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all()
    if not (finite and lower(ingredients.lambda0) > 0.0):
        return None
    if _shares_budget(here):
        budget = NeuronBudget(here.state)
        ingredients = replace(ingredients, parabolas=budget.proved([p.weight for p in _guessed(budget, ingredients)]))
    radii, first = _grid(ingredients)
    table = tabulate(ingredients, radii)
    for inner, outer in _approx_pairs(ingredients, table, first, lr)[:_SEARCHED]:
        step = largest_step(ingredients, table, outer) if lr is None else lr
        for zero in range(inner):
            found = displacement(ingredients, table, (zero, inner, outer), step)
            if found.holds:
                return found
            # Another row of r_0 changes the steps after the sixth alone: neither the first six nor a rate that rounds to 1.
            if not all(s.certain for s in found.steps[:6]) or all(s.certain for s in found.steps):
                break
    return None


def _shares_budget(here: Examined) -> bool:
    """Whether the neuron budget applies and is worth its eigenvalue problems."""
    return NeuronBudget.applies(here.state) and here.theta.shape[0] <= _PARABOLA_SAMPLES


def _guessed(budget: NeuronBudget, ingredients: Ingredients) -> tuple[Parabola, ...]:
    """Guess the parabolas that carry λ up to where the layers' bound loses it."""
    reach = critical_radius(ingredients)
    return tuple(useful(budget.approx_parabolas(reach), [reach * share for share in _CARRY]))


def outlook(here: Examined, lr: Fraction | None) -> float:
    """Guess ρ/‖θ − c‖ at an iterate θ for the zero c that Gauss–Newton would find from there; nothing is polished for it.

    ‖θ − c‖ is about ‖J⁺e‖ = √(eᵀΘ⁻¹e), and ρ about that of a basin around θ itself if it fitted exactly.
    """
    residual = upper(here.facts.residual)
    if not math.isfinite(residual):
        return 0.0
    fitted = Ball(_FITTED * residual)
    rough = replace(here.ingredients(), curvature=Curvature.approx(here.state), residual0=fitted)
    low = lower(rough.lambda0)
    if not (low > 0.0 and np.isfinite(here.theta.mid).all() and np.isfinite(here.residual.mid).all()):
        return 0.0
    with np.errstate(all="ignore"):
        away = math.sqrt(max(0.0, float(here.residual.mid @ np.linalg.solve(here.theta.mid, here.residual.mid))))
        # σ falls at least linearly with the layers' bound, so ρ is below ½√λ/L_H: often all one needs to know.
        most = float(np.divide(0.5 * math.sqrt(low), Curvature.approx_floor(here.state) * away))
        if not most > _HOPELESS:
            return most if most >= 0.0 else 0.0
        if _shares_budget(here):
            rough = replace(rough, parabolas=_guessed(NeuronBudget(here.state), rough))
        radii, first = _grid(rough)
        table = tabulate(rough, radii)
        pairs = _approx_pairs(rough, table, first, lr)
        return float(np.divide(table.radii[pairs[0][0]], away)) if pairs else 0.0


def zero_loss(near: Outcome) -> list[Step]:
    """Return the chain of descent from c itself, but for what the whole ball's has: an exact fit lies within r_0."""
    *middle, last = near.steps[2:]
    return [
        *(step.renamed(f"zero loss near the centre: {step.name}") for step in middle),
        last.renamed("zero loss near the centre"),
    ]


def inside(distance: Ball, found: Basin) -> Step:
    """The inequality that puts a point at this distance from the centre into the basin."""
    rho = found.constants["basin_radius"]
    return Step.listed("parameters inside the basin", f"containment_{found.form}", distance, "<=", rho)


def basin_constants(found: Basin, here: Examined, distance: Ball) -> dict[str, Any]:
    """What a certificate states of a basin about the point examined, the parameters given lying at `distance` from it."""
    return {
        "lambda0": found.ingredients.lambda0,
        "jacobian_norm0": found.ingredients.jacobian_norm0,
        "residual0": here.facts.residual,
        "loss0": here.facts.loss,
        **found.constants,
        "distance": distance,
        "distance_over_radius": distance / found.constants["basin_radius"],
        "lr": found.lr,
    }


def basin_text(found: Basin, loss: Loss, about: str, it: str) -> str:
    """Say what is proved of every start: `about` names the centre, `it` stands for it from then on."""
    c = found.constants
    return (
        f"every real-arithmetic gradient descent with step {near(found.lr)} on {LOSS_WORDS[loss]}, started within ρ ="
        f" {at_least(lower(c['basin_radius']), 4)} of {about}"
        f" stays within R ≤ {at_most(upper(c['radius']), 4)} of {it}, a Locally PL Region with μ ≥ {at_least(lower(c['mu']), 4)}, and Φ_k ≤"
        f" {below_one(upper(c['rate']))}^k·Φ_0; an exact zero-loss point lies within {at_most(upper(c['zero_loss_distance']), 3)} of {it}"
    )


def basin_witness(found: Basin, centre: np.ndarray) -> dict[str, Any]:
    """Return what a checker needs of a basin: exact doubles, the centre (p,), and a table of radii that ends with the row of R."""
    table, ingredients = found.table, found.ingredients
    zero, inner, outer = found.rows
    last = outer + 1
    crossed = {"curvature": None, "midpoints": found.midpoints} if found.form == "residual_relu" else {}
    return {
        "certified_by": found.form,
        "centre": centre,
        **table_witness(ingredients, table, last),
        "zero": zero,
        "basin": inner,
        "region": outer,
        **crossed,
    }
