"""Balls that kinks cross: criterion residual_relu (claim containment_residual_relu).

Plain gradient descent ends on kinks: pre-activations shrink with the residual, and no ball around a late iterate is free of sign changes. The residual
form needs no second derivative: with any fixed matrix J_c and ‖J(θ) − J_c‖ ≤ Δ_J(ρ) on B(θ0, ρ) for every slope at kinks, it holds with
σ(ρ) = √λ_min(J_cJ_cᵀ) − Δ_J(ρ), K = ‖J_c‖ + Δ_J(R) and the drift δ = 2Δ_J(R). J_c is the Jacobian at the centre but for units that may cross their kink
within the ball, which have the mean of the two slopes there: that halves what they can change. Δ_J is that of :mod:`verify.networks.movement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, largest_eigenvalue, smallest_eigenvalue, sqrt, sqrt_of_nonnegative
from verify.arrays.guesses import approx_spectral_norm
from verify.certificates import Step
from verify.networks import kernel_of
from verify.networks.layers import Activated
from verify.networks.linearisation import Linearisation, with_midpoints
from verify.networks.movement import Movement
from verify.regions.neighbourhood.criteria import Outcome, rate_stated
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, approx_float, lower, upper
from verify.regions.neighbourhood.search import BallResult

__all__ = ["residual_relu", "search_crossing"]

# Radii of the table, evenly up to R; R in units of the shortest conceivable path ‖e0‖/σ.
_PANELS = 16
_LOOKS = (1.15, 1.3, 1.6, 2.2, 3.5)
# Below this share of what is needed, approximately, nothing is proved.
_HOPE = 0.97

Chosen = Mapping[int, np.ndarray]


def residual_relu(ingredients: Ingredients, table: RadiusTable, index: int, lr: Fraction) -> Outcome:
    """Evaluate claim containment_residual_relu at R = ρ_index with step `lr` (exact); λ0 and ‖J‖ of `ingredients` are those of J_c."""
    values = {
        **ingredients.at_centre(),
        "R": Ball(float(table.radii[index])),
        "Delta_J": Ball(float(table.delta_j[index])),
        "lambda_R": Ball(float(table.lam[index])),
        "eta": Ball(lr),
    }
    steps: tuple[Step, ...] = (
        Step("NTK positive at the centre", "ntk_positive", values["lambda0"], ">", Ball(0.0), "λ_min(Θ) at the centre, by shifted Cholesky"),
        Step("NTK stays positive on the ball", "ntk_stability", values["lambda_R"], ">", Ball(0.0), "λ(R), sharp or neuron budget"),
    )  # fmt: skip
    if not (table.lam[index] > 0.0 and np.isfinite(table.delta_j[index])):
        return Outcome("residual_relu", index, False, steps)
    sigma, delta = sqrt(values["lambda_R"]), Ball(2.0) * values["Delta_J"]
    edges = np.concatenate([[0.0], table.radii[: index + 1]])
    panels = {"sigma": sqrt(Ball(table.lam[: index + 1])), "delta": delta, "width": Ball(edges[1:]) - Ball(edges[:-1])}
    supply = evaluate("residual_panel", panels).sum()
    steps += (
        Step("ηΘ below the identity", "containment_residual_relu", evaluate("residual_step", values), "<=", Ball(1.0), "ηs(‖J_c‖ + Δ_J(R))² ≤ 1"),
        Step("σ(R) above the step's drift", "containment_residual_relu", sigma, ">", delta, "σ(R) > δ = 2Δ_J(R)"),
        Step("residual pays for the path", "containment_residual_relu", supply, ">", values["e0"], "∫_0^R (σ(ρ) − δ)dρ > ‖e0‖"),
    )  # fmt: skip
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


def _table(ingredients: Ingredients, movement: Movement, radius: float) -> RadiusTable:
    """Δ_J and λ at even radii up to `radius`; a bound on a larger ball holds on a smaller one."""
    radii = radius * np.arange(1, _PANELS + 1) / _PANELS
    delta = np.minimum.accumulate(movement.jacobian(radii)[::-1])[::-1]
    finite = np.isfinite(delta)
    changes = {"lambda0": Ball(max(lower(ingredients.lambda0), 0.0)), "Delta_J": Ball(np.where(finite, delta, 0.0))}
    lam = np.where(finite, np.maximum(evaluate("lambda_region_sharp", changes).lower(), 0.0), 0.0)
    return RadiusTable(radii, np.full(radii.shape, np.inf), delta, np.maximum.accumulate(lam[::-1])[::-1])


def _approx_ratio(state: Linearisation, radius: float, e0: float, factor: float) -> float:
    """Supply over need with approximate norms: (σ − Δ_J − 2Δ_J)R/‖e0‖; 0 where the step is too long."""
    values = np.linalg.eigvalsh(kernel_of(state).mid)
    if not values[0] > 0.0:
        return 0.0
    drift = float(Movement(state, norm=lambda a: Ball(approx_spectral_norm(a.mid))).jacobian(np.array([radius]))[0])
    if factor * (np.sqrt(values[-1]) + drift) ** 2 > 1.0:
        return 0.0
    return float((np.sqrt(values[0]) - 3.0 * drift) * radius / e0)


def search_crossing(
    ingredients: Ingredients, state: Linearisation, lr: Fraction
) -> tuple[float, tuple[Ingredients, BallResult] | None]:
    """Search a radius and units with mean slopes for which the criterion holds.

    Args:
        ingredients: at the centre. state: its linearisation, of a network with kinks. lr: η, exact.

    Returns:
        the best approximate supply over need, and the ingredients of J_c with a result that holds; None where none does.
    """
    e0, best = upper(ingredients.residual0), 0.0
    root = float(np.sqrt(max(np.linalg.eigvalsh(kernel_of(state).mid)[0], 0.0)))
    if not (root > 0.0 and 0.0 < e0 < np.inf):
        return 0.0, None
    plain = Movement(state, norm=lambda a: Ball(approx_spectral_norm(a.mid)))
    for look in _LOOKS:
        radius = look * e0 / root
        chosen = {index: mask for index, mask in plain.crossing(radius).items() if mask.any()}
        centre = with_midpoints(state, chosen)
        ratio = _approx_ratio(centre, radius, e0, approx_float(lr * ingredients.s))
        best = max(best, ratio)
        if ratio < _HOPE:
            continue
        theta = kernel_of(centre)
        top = largest_eigenvalue(theta)
        at_centre = replace(
            ingredients,
            lambda0=smallest_eigenvalue(theta),
            lambda_max0=top,
            jacobian_norm0=sqrt_of_nonnegative(top),
            parabolas=(),
        )
        if not lower(at_centre.lambda0) > 0.0:
            continue
        table = _table(at_centre, Movement(centre), radius)
        outcome = residual_relu(at_centre, table, _PANELS - 1, lr)
        if outcome.holds:
            result = BallResult(
                table,
                {"residual_relu": outcome},
                "residual_relu",
                lr,
                {"residual_relu": radius},
                _triples(state, chosen),
            )
            return max(best, 1.0), (at_centre, result)
        best = min(best, 0.999)
    return best, None


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
