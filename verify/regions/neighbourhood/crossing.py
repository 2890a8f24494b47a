"""Balls that kinks cross: criterion residual_relu (claim containment_residual_relu).

Plain gradient descent ends on kinks: pre-activations shrink with the residual, and no ball around a late iterate is free of sign changes. The residual
form needs no second derivative: with any fixed matrix J_c and ‖J(θ) − J_c‖ ≤ Δ_J(ρ) on B(θ0, ρ) for every slope at kinks, it holds with
σ(ρ) = √λ_min(J_cJ_cᵀ) − Δ_J(ρ), K = ‖J_c‖ + Δ_J(R) and the drift δ = 2Δ_J(R). J_c is the Jacobian at the centre but for units that may cross their kink
within the ball, which have the mean of the two slopes there: that halves what they can change. Δ_J is that of :mod:`verify.networks.movement`.

A basin (scope `basin`) is the same criterion begun at any distance P_0 ≤ ρ from c, as its induction may: ‖e(θ_0)‖ ≤ ē = ‖e(c)‖ + (‖J_c‖ + Δ_J(ρ))ρ on
B(c, ρ), the mean of J over the segment to c being within Δ_J(ρ) of J_c, and ∫_ρ^R (σ(t) − δ)dt > ē. An exact fit near c: the criterion from c itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, largest_eigenvalue, smallest_eigenvalue, sqrt, sqrt_of_nonnegative
from verify.certificates import Step
from verify.networks import kernel_of
from verify.networks.layers import Activated
from verify.networks.linearisation import Linearisation, with_midpoints
from verify.networks.movement import Movement
from verify.regions.neighbourhood.basins import Basin, zero_loss
from verify.regions.neighbourhood.criteria import Outcome, bound_of, largest_step, rate_stated, region_steps
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, approx_float, lower, upper
from verify.regions.neighbourhood.point_facts import Examined
from verify.regions.neighbourhood.search import BallResult

__all__ = ["approx_sigma", "crossing_basin", "residual_relu", "search_crossing", "with_means"]

# Radii of the table, evenly up to R; R in units of the shortest conceivable path ‖e0‖/σ.
_PANELS = 16
_LOOKS = (1.15, 1.3, 1.6, 2.2, 3.5, 6.0, 10.0, 20.0)
# Below this share of what is needed, approximately, nothing is proved.
_HOPE = 0.97
# Radii of a basin that are looked at, from that of the fit near c on, and how many of them in a proof.
_RADII, _DECADES, _PROVED = 48, 8.0, 4
# Where the fit near c may be, in units of ‖e(c)‖/σ; how much of the room for starts is taken.
_NEAR, _TAKEN = (1.1, 1.5, 2.5, 6.0), 0.97

Chosen = Mapping[int, np.ndarray]


def residual_relu(ingredients: Ingredients, table: RadiusTable, index: int, lr: Fraction) -> Outcome:
    """Evaluate claim containment_residual_relu at R = ρ_index with step `lr` (exact); λ0 and ‖J‖ of `ingredients` are those of J_c."""
    values = {
        **ingredients.at_centre,
        "R": Ball(float(table.radii[index])),
        "Delta_J": bound_of(table.delta_j[index]),
        "lambda_R": Ball(float(table.lam[index])),
        "eta": Ball(lr),
    }
    steps = tuple(region_steps(values, crossed=True))
    if not (table.lam[index] > 0.0 and np.isfinite(table.delta_j[index])):
        return Outcome("residual_relu", index, False, steps)
    sigma, delta = sqrt(values["lambda_R"]), Ball(2.0) * values["Delta_J"]
    # Panels inside the offset pay for nothing: their width becomes 0.
    edges = np.maximum(np.concatenate([[0.0], table.radii[: index + 1]]), ingredients.offset)
    panels = {"sigma": sqrt(Ball(table.lam[: index + 1])), "delta": delta, "width": Ball(edges[1:]) - Ball(edges[:-1])}
    supply = evaluate("residual_panel", panels).sum()
    steps += (
        Step.listed(
            "ηΘ below the identity", "containment_residual_relu", evaluate("residual_step", values), "<=", Ball(1.0)
        ),
        Step.listed("σ(R) above the step's drift", "containment_residual_relu", sigma, ">", delta),
        Step.listed("residual pays for the path", "containment_residual_relu", supply, ">", values["e0"]),
    )
    rate = evaluate("residual_rate", {**values, "sigma": sigma, "delta": delta})
    constants = {
        "mu": evaluate("mu", values),
        "path_length": values["R"],
        "residual_rate": rate,
        "rate": rate * rate,
        "step_drift": delta,
    }
    holds = all(step.certain for step in steps) and rate_stated(constants)
    ratio = lower(supply) / max(upper(values["e0"]), 5e-324)
    return Outcome("residual_relu", index, holds, steps, constants, supply - values["e0"], ratio)


def _table(ingredients: Ingredients, movement: Movement, radii: np.ndarray) -> RadiusTable:
    """Δ_J and λ at increasing radii; a bound on a larger ball holds on a smaller one."""
    delta = np.minimum.accumulate(movement.jacobian(radii)[::-1])[::-1]
    finite = np.isfinite(delta)
    changes = {"lambda0": Ball(max(lower(ingredients.lambda0), 0.0)), "Delta_J": Ball(np.where(finite, delta, 0.0))}
    lam = np.where(finite, np.maximum(evaluate("lambda_region_sharp", changes).lower(), 0.0), 0.0)
    return RadiusTable(radii, np.full(radii.shape, np.inf), delta, np.maximum.accumulate(lam[::-1])[::-1])


def with_means(state: Linearisation, rough: Movement, radius: float) -> tuple[Linearisation, Chosen]:
    """Return the linearisation with J_c in place of J, mean slopes at the units that may cross their kink within `radius`, and which they are."""
    chosen = {index: mask for index, mask in rough.crossing(radius).items() if mask.any()}
    return with_midpoints(state, chosen), chosen


def _at_centre(ingredients: Ingredients, centre: Linearisation) -> Ingredients:
    """The ingredients with λ0 and ‖J‖ of J_c."""
    theta = kernel_of(centre)
    top = largest_eigenvalue(theta)
    return replace(
        ingredients,
        lambda0=smallest_eigenvalue(theta),
        lambda_max0=top,
        jacobian_norm0=sqrt_of_nonnegative(top),
        parabolas=(),
    )


def _approx_ratio(state: Linearisation, radius: float, e0: float, factor: float | None) -> float:
    """Supply over need with approximate norms: (σ − Δ_J − 2Δ_J)R/‖e0‖; 0 where the step is too long (None: it follows)."""
    values = np.linalg.eigvalsh(kernel_of(state).mid)
    if not values[0] > 0.0:
        return 0.0
    drift = float(Movement.approx(state).jacobian(np.array([radius]))[0])
    if factor is not None and factor * (np.sqrt(values[-1]) + drift) ** 2 > 1.0:
        return 0.0
    with np.errstate(over="ignore"):
        return float((np.sqrt(values[0]) - 3.0 * drift) * radius / e0)


def approx_sigma(state: Linearisation) -> float:
    """σ at the centre (approximate)."""
    return float(np.sqrt(max(np.linalg.eigvalsh(kernel_of(state).mid)[0], 0.0)))


def search_crossing(
    ingredients: Ingredients, state: Linearisation, lr: Fraction | None, radius: float | None = None
) -> tuple[float, tuple[Ingredients, BallResult] | None]:
    """Search a radius and units with mean slopes for which the criterion holds.

    Args:
        ingredients: at the centre. state: its linearisation, of a network with kinks. lr: η, exact; None takes the largest that the criterion allows.
        radius: a prescribed R; None looks at multiples of the shortest conceivable path.

    Returns:
        the best approximate supply over need, and the ingredients of J_c with a result that holds; None where none does.
    """
    e0, best, root = upper(ingredients.residual0), 0.0, approx_sigma(state)
    if not (root > 0.0 and 0.0 < e0 < np.inf):
        return 0.0, None
    rough = Movement.approx(state)
    for reach in [look * e0 / root for look in _LOOKS] if radius is None else [radius]:
        centre, chosen = with_means(state, rough, reach)
        ratio = _approx_ratio(centre, reach, e0, None if lr is None else approx_float(lr * ingredients.s))
        best = max(best, ratio)
        if ratio < _HOPE:
            continue
        at_centre = _at_centre(ingredients, centre)
        if not lower(at_centre.lambda0) > 0.0:
            continue
        table = _table(at_centre, Movement(centre), reach * np.arange(1, _PANELS + 1) / _PANELS)
        step = largest_step(at_centre, table, _PANELS - 1) if lr is None else lr
        outcome = residual_relu(at_centre, table, _PANELS - 1, step)
        if outcome.holds:
            found, largest = {"residual_relu": outcome}, {"residual_relu": reach}
            result = BallResult(table, found, "residual_relu", step, largest, _triples(state, chosen))  # type: ignore[arg-type]
            return max(best, 1.0), (at_centre, result)
        best = min(best, 0.999)
    return best, None


def crossing_basin(here: Examined, lr: Fraction | None) -> Basin | None:
    """Search a basin that kinks cross about the point examined, the largest ρ guessed first.

    Args:
        here: facts at c. lr: η, exact; None takes the largest that the criterion allows.
    """
    ingredients, state = here.ingredients(), here.state
    e_c, root, norm = upper(ingredients.residual0), approx_sigma(state), upper(ingredients.jacobian_norm0)
    if not (root > 0.0 and np.isfinite([e_c, norm]).all()):
        return None
    rough = Movement.approx(state)
    shortest = max(e_c, 1e-300) / root
    radii = shortest * 10.0 ** np.linspace(0.3, _DECADES, _RADII)
    with np.errstate(all="ignore"):
        # Mean slopes halve the jumps: a guess for which R the room for starts is largest.
        room = _room(radii, e_c, root, norm, 0.5 * rough.jacobian(radii))
    for at in np.argsort(-room, kind="stable")[:_PROVED].tolist():
        if not room[at] > 0.0:
            break
        centre, chosen = with_means(state, rough, radii[at])
        outer, jump = float(radii[at]), float(Movement.approx(centre).jacobian(radii[at : at + 1])[0])
        at_centre = _at_centre(ingredients, centre)
        # With the certified σ: where a window's choice is not decided at c itself, the approximate one is larger than what can be proved.
        sigma = math.sqrt(max(lower(at_centre.lambda0), 0.0))
        rho = _TAKEN * float(_room(outer, e_c, sigma, upper(at_centre.jacobian_norm0), jump))
        if not 0.0 < rho < np.inf:
            continue
        near = [r for factor in _NEAR if (r := factor * shortest) < rho]
        rows = [*near, rho, *(rho + (outer - rho) * np.arange(1, _PANELS + 1) / _PANELS)]
        table = _table(at_centre, Movement(centre), np.array(rows))
        step = largest_step(at_centre, table, len(rows) - 1) if lr is None else lr
        for zero in range(len(near)):
            found = _basin(at_centre, table, (zero, len(near), len(rows) - 1), step, _triples(state, chosen))
            if found is not None:
                return found
    return None


def _room(radius: Any, e_c: float, root: float, norm: float, jump: Any) -> Any:
    """ρ up to which starts find (σ − 3Δ)(R − ρ) ≥ ‖e(c)‖ + (‖J‖ + Δ)ρ (approximate)."""
    pays = root - 3.0 * jump
    return np.where(pays > 0.0, (radius * pays - e_c) / (norm + jump + pays), 0.0)


def _basin(
    at_centre: Ingredients, table: RadiusTable, rows: tuple[int, int, int], lr: Fraction, midpoints: list[list[int]]
) -> Basin | None:
    """Evaluate the criterion from c at r_0 and from all of B(c, ρ) at R; None where one fails."""
    zero, inner, outer = rows
    rho = Ball(float(table.radii[inner]))
    near = residual_relu(at_centre, table, zero, lr)
    if not (near.holds and np.isfinite(table.delta_j[inner])):
        return None
    start = at_centre.residual_near(rho, Ball(float(table.delta_j[inner])))
    whole = residual_relu(replace(at_centre, residual0=start, offset=float(table.radii[inner])), table, outer, lr)
    if not whole.holds or whole.margin is None:
        return None
    constants = {
        **{name: value for name, value in whole.constants.items() if name != "path_length"},
        "radius": Ball(float(table.radii[outer])),
        "basin_radius": rho,
        "zero_loss_distance": Ball(float(table.radii[zero])),
        "lambda_region": Ball(float(table.lam[outer])),
        "Delta_J": Ball(float(table.delta_j[outer])),
        "basin_residual": start,
    }
    *before, pays = whole.steps
    steps = (*before, replace(pays.renamed("residual pays for the tail"), right=start), *zero_loss(near))
    return Basin(rows, lr, steps, constants, whole.margin, table, at_centre, "residual_relu", midpoints)


def _triples(state: Linearisation, chosen: Chosen) -> list[list[int]]:
    """[layer, sample, unit], the unit counted channels first."""
    found = []
    for index, mask in chosen.items():
        assert isinstance(state.network.layers[index], Activated)
        value = state.values[index]
        positions, channels = value.positions, value.shape[0]
        for sample, unit in np.argwhere(mask).tolist():
            found.append([index, sample, unit % channels * positions + unit // channels])
    return sorted(found)
