"""Scope `basin`: a ball of starts from each of which gradient descent provably converges, around a zero of the residual nearby.

Statement. c is an exact vector of doubles (found by :mod:`verify.regions.descent.polishing`, a guess; the certificate stores it). Then
(i) an exact zero-loss point lies within r_0 of c; (ii) B(c, R) is a Locally PL Region with μ = sλ(R); (iii) *every* real-arithmetic gradient
descent with step η started anywhere in B(c, ρ) stays in B(c, R), and Φ_{k+1} ≤ rate·Φ_k from the first step on, so it converges to a zero-loss
point; (iv) the parameters given lie within ρ of c (then (iii) is about them), or at the stated multiple of ρ.

Derivation. (i) Claim containment_residual from c itself with the same step, on the smallest row r_0 of the table where it holds: gradient descent
from c stays in B(c, r_0) and converges there to an exact fit (claim iterates_converge). (iii) Claim containment_displacement with d0 = ρ, which
asks nothing of the start but ‖θ_0 − c‖ ≤ ρ: all its constants are suprema over B(c, R), the step condition ηs(‖J(c)‖ + Δ_J(R))² ≤ 1 included.
With E = L_Hρ² + 2e_c, e_c ≥ ‖F(c) − y‖, δ_E = min(½ηsL_HKE, 2Δ_J): σ(R) > δ_E and ∫_ρ^R (σ(t) − δ_E)dt > E (panels, σ does not increase) give
containment. The rate needs the drift of a step from the *largest* residual met: ‖e(θ_0)‖ ≤ ē = e_c + (‖J(c)‖ + Δ_J(ρ))ρ on B(c, ρ) (mean value on
the segment to c), δ = min(½ηsL_HKē, 2Δ_J), σ(R) > δ: ‖e_{k+1}‖ ≤ (1 − ηsσ(R)(σ(R) − δ))‖e_k‖ at every k, by induction, since ‖e_k‖ ≤ ē stays true
and both ends of each step lie in the convex B(c, R).

Witness: ``centre`` (p,), the radius table as for scope `ball`, ``zero``, ``basin``, ``region``: the rows of r_0, ρ, R.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.certificates import Certificate, Problem, Step
from verify.decimals import at_least, at_most, below_one
from verify.errors import InputError
from verify.networks import DataSet, Loss, Network
from verify.networks.arb_linearisation import affordable
from verify.networks.neurons import NeuronBudget, useful
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent.polishing import Polished, polish
from verify.regions.neighbourhood.criteria import certified_step, rate_stated, residual
from verify.regions.neighbourhood.ingredients import (
    Ingredients,
    RadiusTable,
    approx_float,
    decided_by,
    lower,
    rank_deficient,
    tabulate,
    upper,
)
from verify.regions.neighbourhood.point_facts import Examined, examine, examine_in_arb
from verify.regions.neighbourhood.search import critical_radius

__all__ = ["Basin", "basin_certificate", "displacement", "find_basin", "search_seconds"]

# Rows of the radius table up to where λ is lost, and pairs (ρ, R) among them that are tried in a proof.
_ROWS = 96
_SEARCHED = 16
# Rows for c's own zero-loss point, in units of ‖e(c)‖/√λ_min: where the step's drift is small the first suffices.
_NEAR = (1.01, 1.1, 1.3, 1.7, 2.5, 4.0, 8.0, 16.0)
# The neuron budget's eigenproblems (n·k) × (n·k) take seconds up to this size.
_PARABOLA_SAMPLES = 1024
# Where F is linear no radius loses λ; squares of this stay finite.
_FARTHEST = 1e100
# Where, in units of the radius at which the layers' bound loses λ, a parabola should be good.
_CARRY = (0.1, 0.3, 0.5, 0.75, 1.0, 1.5)
# The rate is 1 − ηsσ(σ − δ): a basin with σ(R) barely above δ would be a little larger and converge arbitrarily slowly.
_ROOM_FOR_RATE = 1.25


@dataclass(frozen=True)
class Basin:
    """Criterion (iii) at one triple of rows, with (i).

    Attributes:
        rows: (zero, basin, region), positions of r_0, ρ, R in the table.
        lr: step. steps: the chain. constants: enclosures by name. margin: of the containment inequality.
        table: the radius table. ingredients: at c.
    """

    rows: tuple[int, int, int]
    lr: Fraction
    steps: tuple[Step, ...]
    constants: dict[str, Ball]
    margin: Ball
    table: RadiusTable
    ingredients: Ingredients

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
    centre = ingredients.at_centre()
    values = {
        **centre,
        "eta": Ball(lr),
        "R": radius,
        "L_H": Ball(float(table.curvature[outer])),
        "Delta_J": Ball(float(table.delta_j[outer])),
        "lambda_R": Ball(float(table.lam[outer])),
        "d0": rho,
        "e_c": centre["e0"],
        # ηs‖J‖² ≤ 1 is all that is asked of the step, and the remainder is bounded by the curvature.
        "step_fraction": Ball(1.0),
        "remainder": Ball(float(table.curvature[outer])) * rho * rho * Ball(0.5),
    }
    sigma = sqrt(values["lambda_R"])
    threshold = evaluate("displacement_residual", values)
    tail = evaluate("delta_residual", {**values, "e0": threshold})
    start = evaluate(
        "e_bar",
        {
            "e": centre["e0"],
            "jacobian_norm": centre["jacobian_norm0"],
            "Delta_J": Ball(float(table.delta_j[inner])),
            "delta_T": rho,
        },
    )
    drift = evaluate("delta_residual", {**values, "e0": start})
    widths = Ball(table.radii[inner + 1 : outer + 1]) - Ball(table.radii[inner:outer])
    sigmas = sqrt(Ball(table.lam[inner + 1 : outer + 1]))
    supply = evaluate("residual_panel", {"sigma": sigmas, "delta": tail, "width": widths}).sum()
    near = residual(ingredients, table, zero, lr)
    steps = (
        Step("NTK positive at the centre", "ntk_positive", values["lambda0"], ">", Ball(0.0), "λ_min(Θ) at the centre, by shifted Cholesky"),
        Step("NTK stays positive on the ball", "ntk_stability", values["lambda_R"], ">", Ball(0.0), "λ(R), sharp or neuron budget"),
        Step("ηΘ below the identity", "containment_displacement", evaluate("residual_step", values), "<=", Ball(1.0), "ηs(‖J(c)‖ + Δ_J(R))² ≤ 1"),
        Step("σ(R) above the tail's drift", "containment_displacement", sigma, ">", tail, "σ(R) > δ_E"),
        Step("residual pays for the tail", "containment_displacement", supply, ">", threshold, "∫_ρ^R (σ − δ_E)dt > L_Hρ² + 2‖e(c)‖"),
        Step("σ(R) above the step's drift", "containment_displacement", sigma, ">", drift, "σ(R) > δ, from the largest residual on B(c, ρ)"),
        *(replace(step, name=f"zero loss near the centre: {step.name}") for step in near.steps[2:-1]),
        replace(near.steps[-1], name="zero loss near the centre", source="∫_0^{r_0} (σ − δ) > ‖e(c)‖"),
    )  # fmt: skip
    rate = evaluate("residual_rate", {**values, "sigma": sigma, "delta": drift})
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
            if not eta_s * norm**2 <= 1.0 + 1e-12:
                continue
            rho = table.radii[first:outer]
            threshold = bend * rho**2 + 2.0 * e_c
            start = e_c + (jacobian + table.delta_j[first:outer]) * rho
            tail = np.minimum(0.5 * eta_s * bend * norm * threshold, 2.0 * moved)
            drift = np.minimum(0.5 * eta_s * bend * norm * start, 2.0 * moved)
            supply = area[outer] - area[first:outer] - tail * (table.radii[outer] - rho)
            good = (supply > threshold) & (root[outer] > tail) & (root[outer] > _ROOM_FOR_RATE * drift)
            for i in np.flatnonzero(good).tolist():
                speed = eta_s / s * root[outer] * (root[outer] - drift[i])
                found.append((float(rho[i]), float(speed), first + i, outer))
    return [(i, j) for _, _, i, j in sorted(found, reverse=True)]


def find_basin(here: Examined, lr: Fraction | None) -> Basin | None:
    """Search rows r_0, ρ, R about the point examined for which the criteria hold, with the largest ρ.

    Args:
        here: facts at c. lr: η, exact; None takes the largest that :func:`_largest_step` certifies.

    Returns:
        A basin that holds; None where none is found.
    """
    ingredients = here.ingredients()
    finite = np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all()
    if not (finite and lower(ingredients.lambda0) > 0.0):
        return None
    state = here.state
    if NeuronBudget.applies(state) and state.n * state.network.outputs <= _PARABOLA_SAMPLES:
        reach, budget = critical_radius(ingredients), NeuronBudget(state)
        wanted = useful(budget.approx_parabolas(reach), [reach * share for share in _CARRY])
        ingredients = replace(ingredients, parabolas=tuple(budget.parabola(p.weight) for p in wanted))
    radii, first = _grid(ingredients)
    table = tabulate(ingredients, radii)
    for inner, outer in _approx_pairs(ingredients, table, first, lr)[:_SEARCHED]:
        step = _largest_step(ingredients, table, outer) if lr is None else lr
        for zero in range(inner):
            found = displacement(ingredients, table, (zero, inner, outer), step)
            if found.holds:
                return found
            if not all(s.certain for s in found.steps[:6]):
                break
    return None


def _largest_step(ingredients: Ingredients, table: RadiusTable, index: int) -> Fraction:
    """Return (1 − 2^-40)/(s(‖J(c)‖ + Δ_J(R))²) as a double: the largest step of the residual form, but for room for roundings."""
    norm = Ball(upper(ingredients.jacobian_norm0)) + Ball(float(table.delta_j[index]))
    step = lower(Ball(1.0 - 2.0**-40) / (Ball(ingredients.s) * norm * norm))
    return Fraction(step) if 0.0 < step < math.inf else certified_step(ingredients, table, index)


def _trace(polished: Polished) -> str:
    """‖e‖ along the iteration, shortened."""
    shown = [f"{value:.2g}" for value in polished.trace]
    return " → ".join(shown if len(shown) <= 8 else [*shown[:4], "…", *shown[-3:]])


def _missing(polished: Polished, here: Examined, network: Network, lr: Fraction | None) -> str:
    """Say why no basin is proved."""
    facts, size = here.facts, here.theta.shape[0]
    path = f"Gauss–Newton took ‖e‖ {_trace(polished)}"
    if size > network.parameters:
        return rank_deficient(size, network.parameters)
    if polished.why in ("creeps", "diverges", "overflow", "iterations", "seconds"):
        words = {"creeps": "creeps", "diverges": "finds no step that lowers the residual", "overflow": "overflows",
                 "iterations": "did not converge in its iterations", "seconds": "ran out of the seconds allowed"}  # fmt: skip
        return f"no zero of the residual was found near the parameters: the iteration {words[polished.why]} ({path})"
    if not lower(facts.lambda_min) > 0.0:
        return (
            f"λ_min(Θ(c)) ∈ [{lower(facts.lambda_min):.3e}, {upper(facts.lambda_min):.3e}] is not certified positive at the zero found"
            f" (λ_max {upper(facts.lambda_max):.3g}); {_weak_samples(here)} ({path})"
        )
    bend = here.ingredients().curvature(0.0)
    need = upper(facts.residual) * bend
    step = (
        ""
        if lr is None
        else f", or a smaller step than {approx_float(lr):.3g}: ηsλ_max = {approx_float(lr * here.s) * upper(facts.lambda_max):.3g} must stay below 1"
    )
    return (
        f"at the zero found λ_min {lower(facts.lambda_min):.3g}, ‖e‖ ≤ {upper(facts.residual):.3g}, L_H {bend:.3g}: a basin needs about"
        f" 4L_H‖e‖ < λ_min, here {4.0 * need:.3g}{step} ({path})"
    )


def _weak_samples(here: Examined) -> str:
    """Name the samples that carry the smallest eigenvector (approximate)."""
    vector = np.abs(np.linalg.eigh(here.theta.mid)[1][:, 0])
    k = here.state.network.outputs
    names = sorted({int(i) // k for i in np.argsort(vector)[::-1][:3] if vector[i] > 0.1})
    return f"samples {', '.join(map(str, names))} nearly determine each other" if names else "no few samples stand out"


def search_seconds(steps: int | None, options: Mapping[str, Any]) -> float:
    """Validate the options; return the time allowed."""
    unexpected = ["steps"] * (steps is not None) + [name for name in options if name != "seconds"]
    if unexpected:
        raise InputError(f"scope='basin' takes no {', '.join(unexpected)}; its only option is seconds")
    seconds = options.get("seconds")
    if seconds is None:
        return math.inf
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0.0 < seconds < math.inf:
        raise InputError(f"seconds={seconds!r}: expected a finite number > 0, or None for no limit")
    return float(seconds)


def basin_certificate(
    network: Network,
    data: DataSet,
    loss: Loss,
    lr: Fraction | None,
    steps: int | None,
    options: Mapping[str, Any],
) -> Certificate:
    """Certify scope `basin` near the network's own parameters; statement in the module's docstring.

    Args:
        network: the parameters given. data, loss: the objective. lr: η, exact; None takes the certified step.
        steps: None. options: `seconds`, the time allowed to the Gauss–Newton iteration; None sets no limit.

    Raises:
        InputError: options that it does not take.
    """
    polished = polish(network, data, seconds=search_seconds(steps, options))
    theta = flatten(network)
    here = examine(with_parameters(network, polished.theta), data, loss, origin=theta)
    possible = here.theta.shape[0] <= network.parameters
    found = find_basin(here, lr) if possible else None
    if found is None and possible and here.state.bits == 53 and affordable(network, data.n):
        # What float64 loses of ‖e(c)‖ and λ_min in the layers, Arb does not.
        here = examine_in_arb(with_parameters(network, polished.theta), data, loss, origin=theta)
        found = find_basin(here, lr)
    observed: dict[str, Any] = {"gauss_newton_steps": float(len(polished.trace) - 1), **decided_by(here.state.bits)}
    facts, distance = here.facts, here.facts.drift
    constants: dict[str, Any] = {
        "lambda0": facts.lambda_min,
        "jacobian_norm0": here.ingredients().jacobian_norm0,
        "residual0": facts.residual,
        "loss0": facts.loss,
        "distance": distance,
    }
    if found is None:
        return Certificate(
            scope="basin", verdict="INCONCLUSIVE", reason=_missing(polished, here, network, lr),
            problem=Problem(network, data, loss, lr), constants={**constants, "lr": lr}, margins={}, steps=(),
            witness={"certified_by": None}, observed=observed,
        )  # fmt: skip
    rho = found.constants["basin_radius"]
    inside = Step("parameters inside the basin", "containment_displacement", distance, "<=", rho, "‖θ − c‖ ≤ ρ")
    constants |= {**found.constants, "lr": found.lr, "distance_over_radius": distance / rho}
    where = (
        f"the parameters given lie inside it, at distance ‖θ − c‖ ≤ {at_most(upper(distance), 4)}"
        if inside.certain
        else f"the parameters given lie outside it: ‖θ − c‖ is {at_most(upper(constants['distance_over_radius']), 4)} times ρ"
    )
    reason = (
        f"every real-arithmetic gradient descent with step {approx_float(found.lr):.6g} started within ρ ="
        f" {at_least(lower(rho), 4)} of a point c that Gauss–Newton found stays within R ≤ {at_most(upper(found.constants['radius']), 4)} of c, a"
        f" Locally PL Region with μ ≥ {at_least(lower(found.constants['mu']), 4)}, and Φ_k ≤ {below_one(upper(found.constants['rate']))}^k·Φ_0; an"
        f" exact zero-loss point lies within {at_most(upper(found.constants['zero_loss_distance']), 3)} of c; {where}"
        f"{'' if here.state.bits == 53 else f' (layers at c enclosed in Arb, {here.state.bits} bits)'}"
    )
    return Certificate(
        scope="basin", verdict="PROVED", reason=reason, problem=Problem(network, data, loss, found.lr),
        constants=constants, margins={"displacement containment": found.margin},
        steps=(*found.steps, inside) if inside.certain else found.steps, witness=_witness(found, polished.theta),
        observed=observed,
    )  # fmt: skip


def _witness(found: Basin, centre: np.ndarray) -> dict[str, Any]:
    """What a checker needs, all exact doubles; the table ends with the row of R."""
    table, ingredients = found.table, found.ingredients
    zero, inner, outer = found.rows
    last = outer + 1
    return {
        "certified_by": "displacement",
        "centre": centre,
        "lambda0_lower": lower(ingredients.lambda0),
        "jacobian_norm0_upper": upper(ingredients.jacobian_norm0),
        "residual0_upper": upper(ingredients.residual0),
        "parabolas": [[p.weight, p.intercept] for p in ingredients.parabolas],
        "radii": table.radii[:last].tolist(),
        "curvature": table.curvature[:last].tolist(),
        "delta_j": table.delta_j[:last].tolist(),
        "lambda": table.lam[:last].tolist(),
        "zero": zero,
        "basin": inner,
        "region": outer,
    }
