"""When mini-batch descent provably stays in a ball and converges: in every order of the batches, or with batches drawn with replacement.

Everything is about balls B(c, ρ_j) of the radius table and *every* start within o of c (o = 0: at c), so that scopes `ball`, `basin` and the hand-over of
`run` read the same two functions. V̄ = o + ‖e(c)‖/σ(R) bounds the distance of the start to an exact fit near c (claim zero_loss_nearby at c).

Any order (claims minibatch_epoch, minibatch_any_order): on B(c, R) x = max_b ηs_b‖J_b‖² < 2, α = 2 − x, Q = ½√(Σηs_b)·L_H·gV̄, α/(α − Q²) ≤ g² for a chosen
g, s_1 = √(min ηs_b)·σ/(1 + τ_mx), αs_1 > 2gQ, and o + max(2√(xm)/(αs_1 − 2gQ), K/σ, 1 + g)V̄ < R. Then V_{k+1}² ≤ rate·V_k² for the distance V_k to the exact
fits in the ball after k epochs, and Φ_k ≤ (s/2)K²V̄²·rate^k.

With replacement (claim minibatch_with_replacement): R' < R another row with R' + (‖e(c)‖ + KR')/σ < R, so that zero_loss_nearby holds on B(c, R'), and
q_b = √b·½L_H·2R' (segments to a fit are no longer than 2R' there; a sample may occur b times). ασ√(b/n) > 2q_b gives the rate per step. Until step T no
draw can leave: D² grows by at most 1 + ηs_bq²/α per step, q = √b·½L_H·2V̄ while D ≤ 2V̄, and (1 + u)^T ≤ 1/(1 − Tu) ≤ 4 = G² if Tu ≤ ¾; D_0 ≤ V̄.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.certificates import Step
from verify.networks.sgd import batch_scales
from verify.regions.neighbourhood.batches import Batches, triangle_norm
from verify.regions.neighbourhood.criteria import rate_stated, region_steps, region_values
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, approx_float, lower, upper

__all__ = ["EXIT", "Contraction", "Criterion", "any_order", "with_replacement"]

EXIT = Fraction(1, 10**6)
"""The largest probability of leaving the ball at which a certificate for draws with replacement is PROVED."""

_LONGEST = 1 << 50
_TINY = 2.0**-1000


@dataclass(frozen=True)
class Contraction:
    """A criterion evaluated at one row and step.

    Attributes:
        steps: the chain so far. lr: η. witness: the chosen numbers that a checker needs, with the rows.
        complete: whether the chain reached its end; only then are `constants` and `margin` there.
        ratio: about room over need of containment; above 1 where it holds; 0 where the chain broke off before.
    """

    steps: tuple[Step, ...]
    lr: Fraction
    witness: Mapping[str, Any]
    constants: dict[str, Ball] = field(default_factory=dict)
    margin: Ball | None = None
    ratio: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether every step is certain and a rate below 1 can be stated."""
        return self.margin is not None and all(s.certain for s in self.steps) and rate_stated(self.constants)

    @property
    def failed(self) -> Step | None:
        """The first step that is not certain, if any."""
        return next((step for step in self.steps if not step.certain), None)


Criterion = Callable[[Ingredients, RadiusTable, int, "int | None", Batches, Fraction], Contraction]


def offset_of(table: RadiusTable, start: int | None) -> Ball:
    """o: the radius of the row that starts are in, 0 for a start at the centre."""
    return Ball(0.0 if start is None else float(table.radii[start]))


def _values(
    ingredients: Ingredients, table: RadiusTable, index: int, start: int | None, batches: Batches, lr: Fraction
) -> dict[str, Ball]:
    """Values of the symbols at R = ρ_index."""
    values = region_values(ingredients, table, index)
    values |= {
        "eta": Ball(lr),
        "sigma": sqrt(values["lambda_R"]),
        "jacobian_norm": values["jacobian_norm0"] + values["Delta_J"],
        "batch_fraction": batches.fraction(lr, float(table.delta_j[index])),
        "step_scale": Ball(lr * min(batches.scales)),
        "d0": offset_of(table, start),
        "e_c": values["e0"],
        "b": Ball(float(batches.sizes[0])),
        "n": Ball(float(batches.n)),
    }
    values["fit_distance"] = evaluate("fit_distance_start", values)
    return values


def stated(values: Mapping[str, Ball], batches: Batches) -> dict[str, Ball]:
    """Return the constants that a certificate states whatever the order: on the ball, of every batch, of every sample."""
    everywhere = values["e_c"] + values["jacobian_norm"] * values["R"]
    one = {"s": Ball(batch_scales(batches.loss, [1], batches.k)[0]), "jacobian_norm0": Ball(batches.sample_norm)}
    return {
        "lambda_region": values["lambda_R"],
        "L_H": values["L_H"],
        "Delta_J": values["Delta_J"],
        "mu": evaluate("mu", values),
        "batch_jacobian": batches.jacobian(float(values["Delta_J"].mid)),
        "sample_smoothness": evaluate("smoothness", {**values, **one, "e0": everywhere}),
    }


def _usable(table: RadiusTable, index: int) -> bool:
    return bool(table.lam[index] > 0.0 and np.isfinite(table.delta_j[index]))


def _approx_growth(alpha: float, half: float) -> float:
    """About the smallest g with g² ≥ α/(α − (half·g)²), a little above; 2 where there is none."""
    square = half * half
    if not alpha > 4.0 * square:
        return 2.0
    # G = g²: square·G² − αG + α = 0, the smaller root, written without cancellation.
    root = 2.0 * alpha / (alpha + math.sqrt(alpha * alpha - 4.0 * alpha * square))
    return math.sqrt(root) * (1.0 + 2.0**-30)


def any_order(
    ingredients: Ingredients, table: RadiusTable, index: int, start: int | None, batches: Batches, lr: Fraction
) -> Contraction:
    """Evaluate claim minibatch_any_order.

    Args:
        ingredients: at c, without an offset. table: bounds on the balls about c. index: row of R. start: row of o; None starts at c. lr: η, exact.
    """
    if not _usable(table, index):
        return Contraction(tuple(region_steps(region_values(ingredients, table, index))), lr, {})
    values = _values(ingredients, table, index, start, batches, lr)
    m = len(batches.sizes)
    values |= {
        "batches": Ball(float(m)),
        "triangle": Ball(triangle_norm(m)),
        "step_sum": Ball(lr * sum(batches.scales, Fraction(0))),
    }
    steps = [
        *region_steps(values),
        Step.listed(
            "step below 2/‖J_b‖²",
            "minibatch_any_order",
            values["batch_fraction"],
            "<",
            Ball(2.0),
        ),
    ]
    alpha = Ball(2.0) - values["batch_fraction"]
    # Below, roots of subnormal enclosures would be asked for, and no factor below 1 could be stated.
    if not (steps[-1].certain and lower(values["batch_fraction"]) > _TINY):
        return Contraction(tuple(steps), lr, {})
    half = evaluate("batch_drift_curvature", {**values, "growth": Ball(1.0)})
    g = _approx_growth(lower(alpha), upper(half))
    values["growth"] = Ball(g)
    values["batch_drift"] = evaluate("batch_drift_curvature", values)
    square = values["batch_drift"] * values["batch_drift"]
    steps.append(Step.listed("drift within an epoch", "minibatch_epoch", square, "<", alpha))
    if not steps[-1].certain:
        return Contraction(tuple(steps), lr, {})
    grown, excess = evaluate("batch_growth_square", values), evaluate("batch_excess", values)
    steps += [
        Step.listed("growth within an epoch", "minibatch_epoch", grown, "<=", Ball(g) * Ball(g)),
        Step.listed("an epoch brings the iterate nearer", "minibatch_any_order", excess, ">", Ball(0.0)),
    ]
    if not steps[-1].certain:
        return Contraction(tuple(steps), lr, {})
    reach = evaluate("batch_room", values) + values["d0"]
    steps.append(
        Step.listed(
            "epochs inside the ball",
            "minibatch_any_order",
            reach,
            "<",
            values["R"],
        )
    )
    constants = {
        **stated(values, batches),
        "radius": values["R"],
        "batch_fraction": values["batch_fraction"],
        "fit_distance": values["fit_distance"],
        "loss_bound": evaluate("loss_at_distance", values),
        "rate": evaluate("epoch_rate_square", values),
        "path_length": evaluate("batch_path", values) * values["fit_distance"],
    }
    witness = {"region": index, "start": start, "growth": g, "triangle": lower(values["triangle"])}
    return Contraction(tuple(steps), lr, witness, constants, values["R"] - reach, _ratio(values["R"], reach))


def _ratio(room: Ball, need: Ball) -> float:
    return float(room.mid) / max(upper(need), 5e-324)


def _inner_row(values: Mapping[str, Ball], table: RadiusTable) -> int:
    """Guess the largest row R' with R' + (e_c + KR')/σ < R; the first row where there is none, which then fails."""
    sigma, K, R, e = (float(values[name].mid) for name in ("sigma", "jacobian_norm", "R", "e_c"))
    return max(0, int(np.searchsorted(table.radii, (R - e / sigma) / (1.0 + K / sigma) * (1.0 - 1e-9))) - 1)


def with_replacement(
    ingredients: Ingredients, table: RadiusTable, index: int, start: int | None, batches: Batches, lr: Fraction
) -> Contraction:
    """Evaluate claim minibatch_with_replacement; arguments as for :func:`any_order`."""
    if not _usable(table, index):
        return Contraction(tuple(region_steps(region_values(ingredients, table, index))), lr, {})
    values = _values(ingredients, table, index, start, batches, lr)
    steps = [
        *region_steps(values),
        Step.listed(
            "step below 2/‖J_b‖²",
            "minibatch_with_replacement",
            values["batch_fraction"],
            "<",
            Ball(2.0),
        ),
    ]
    alpha = Ball(2.0) - values["batch_fraction"]
    inner = _inner_row(values, table)
    if not steps[-1].certain:
        return Contraction(tuple(steps), lr, {})
    radius, V, root = Ball(float(table.radii[inner])), values["fit_distance"], sqrt(values["b"])
    need = radius + (values["e_c"] + values["jacobian_norm"] * radius) / values["sigma"]
    values["batch_defect"] = root * values["L_H"] * radius
    common = stated(values, batches)
    values["batch_jacobian"] = common["batch_jacobian"]
    pull, push = alpha * values["sigma"] * sqrt(values["b"] / values["n"]), Ball(2.0) * values["batch_defect"]
    room = radius - values["d0"] - Ball(3.0) * V
    steps += [
        Step.listed("exact fits near the smaller ball", "zero_loss_nearby", need, "<", values["R"]),
        Step.listed("a draw brings the iterate nearer", "minibatch_with_replacement", pull, ">", push),
        Step.listed("room in the smaller ball", "minibatch_with_replacement", room, ">", Ball(0.0)),
    ]
    if not all(step.certain for step in steps):
        return Contraction(tuple(steps), lr, {}, ratio=min(0.99, _ratio(radius, values["d0"] + Ball(3.0) * V)))
    rate = evaluate("replacement_rate", values)
    near = root * values["L_H"] * V
    growth = values["step_scale"] * near * near / alpha
    half_steps = _half_steps(upper(growth), 1.0 - upper(rate))
    waits = Ball(2.0 * half_steps) * growth
    values |= {"contraction": rate, "decay": rate**half_steps, "room": room}
    if not upper(rate) < 1.0:
        return Contraction(tuple(steps), lr, {})
    leaves = evaluate("replacement_exit", values)
    steps += [
        Step.listed("no draw leaves at first", "minibatch_with_replacement", waits, "<=", Ball(0.75)),
        Step.listed(
            "iterates hardly ever leave the ball",
            "minibatch_with_replacement",
            leaves,
            "<=",
            Ball(EXIT),
        ),
    ]
    constants = {
        **common,
        "radius": radius,
        "outer_radius": values["R"],
        "batch_fraction": values["batch_fraction"],
        "fit_distance": V,
        "loss_bound": evaluate("loss_at_distance", values),
        "rate": rate,
        "exit_probability": leaves,
    }
    witness = {"region": index, "inner": inner, "start": start, "half_steps": half_steps}
    return Contraction(
        tuple(steps), lr, witness, constants, Ball(EXIT) - leaves, approx_float(EXIT) / max(upper(leaves), 1e-300)
    )


def _half_steps(growth: float, gap: float) -> int:
    """Return N: for T = 2N steps no draw can leave; no more than what makes rate^N smaller than e^-100, and 0 where not even two are certain."""
    most = _LONGEST if growth <= 0.0 else min(_LONGEST, int(0.374 / growth)) if growth > 1e-18 else _LONGEST
    enough = int(100.0 / gap) + 1 if gap > 0.0 else 0
    return min(most, enough)
