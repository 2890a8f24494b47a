"""What every form of scope `region` shares: the centre of the convex ball, its radius, and λ on it.

A centre is any exact vector; the radius is the farthest that an enclosed iterate or the last ball gets from it; λ_min(Θ) on the ball is bounded by the
neuron budget (claims neuron_budget, neuron_budget_local) or the last layer's features (claim feature_kernel), whichever leaves more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.arrays import Ball, smallest_eigenvalue
from verify.certificates import Step
from verify.decimals import at_most
from verify.networks import kernel_of
from verify.networks.feature_kernel import FeatureBound
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.float64 import Descent
from verify.regions.neighbourhood.estimate import Attempt
from verify.regions.neighbourhood.ingredients import lower, upper
from verify.regions.scopes.enclosing import Task

__all__ = [
    "LambdaBound",
    "Reach",
    "inside_step",
    "lambda_bound",
    "path_centre",
    "positive_step",
    "where_is",
    "witness_of",
]

# The float64 path whose midpoint is the centre ends where ‖e‖ has fallen to this share: what is left moves it by that share of its length.
_FALLEN = 1e-3
# The last ball may add this share to the radius that the iterates need; no more hand-overs than this are tried for it.
_OVERHANG, _TRIES = 1.02, 12
# The local budget is tried where less than this share of λ_min at c is left.
_LITTLE = 0.05
# T of the local budget, and the sizes up to which an eigenproblem per neuron takes seconds (in the checker, minutes).
_REACHES, _LOCAL_SAMPLES, _LOCAL_SIZE = (0.4, 0.55), 24, 20_000


class Reach:
    """How far the enclosed iterates get from c, and whether the last ball adds to it."""

    def __init__(self, centre: Vector) -> None:
        """Begin with no iterate; `centre` is c, exact (p,)."""
        self._centre = Ball(centre)
        self.farthest, self.last, self._tries = 0.0, float("inf"), 0

    def _distance(self, theta: Vector) -> Ball:
        return (Ball(theta) - self._centre).norm()

    def restart(self) -> None:
        """Begin anew."""
        self.farthest, self.last, self._tries = 0.0, float("inf"), 0

    def visit(self, theta: Vector, delta: float) -> None:
        """Extend the reach so that the ball about the centre holds B(theta, delta), rounded up."""
        self.farthest = max(self.farthest, upper(self._distance(theta) + Ball(delta)))

    def enough(self, theta: Vector, found: Attempt) -> bool:
        """Whether the last ball adds little; its reach is kept."""
        assert found.result is not None
        assert found.result.outcome is not None
        assert found.result.table is not None
        radius = float(found.result.table.radii[found.result.outcome.index])
        self.last, self._tries = upper(self._distance(theta) + Ball(radius)), self._tries + 1
        return self.last <= _OVERHANG * self.farthest or self._tries >= _TRIES

    @property
    def radius(self) -> float:
        """R."""
        return max(self.farthest, self.last)


@dataclass(frozen=True)
class LambdaBound:
    """λ_min(Θ) ≥ value on B(c, R), and what it rests on; weight and intercept are 0 for 'features', reach (T) for all but 'local'."""

    value: float
    by: str
    weight: float = 0.0
    intercept: float = 0.0
    reach: float = 0.0


def lambda_bound(state: Linearisation, radius: float) -> LambdaBound:
    """The best bound of λ on the ball of `radius` about the linearisation's parameters."""
    found = [LambdaBound(FeatureBound(state)(radius), "features")]
    if NeuronBudget.applies(state):
        found += [
            LambdaBound(max(lower(p(Ball(radius))), 0.0), "neurons", p.weight, p.intercept)
            for p in NeuronBudget(state).parabolas(radius)
        ]
    best = max(found, key=lambda bound: bound.value)
    layers = state.network.chain
    if state.spread is not None or not NeuronBudget.applies(state) or layers[0].activation.name != "tanh":
        return best
    centre = lower(smallest_eigenvalue(kernel_of(state)))
    small = state.n <= _LOCAL_SAMPLES and layers[0].fan_out * state.n <= _LOCAL_SIZE
    if best.value > _LITTLE * centre or not small:
        return best
    for reach in _REACHES:
        found += [
            LambdaBound(max(lower(p(Ball(radius))), 0.0), "local", p.weight, p.intercept, reach)
            for p in LocalBudget(state, reach).parabolas(radius)
        ]
    return max(found, key=lambda bound: bound.value)


def path_centre(task: Task, name: str) -> Vector:
    """θ0, or the midpoint (rounded to doubles: any centre is valid) of θ0 and where float64 descent has almost arrived."""
    start = flatten(task.problem.network)
    if name == "initialisation":
        return start
    descent, theta = Descent.of(task.problem), start
    initial = descent.step(start)[1]
    for _ in range(task.options.steps):
        after, norm = descent.step(theta)
        if not norm > _FALLEN * initial or not np.isfinite(norm):
            break
        theta = after
    return np.asarray(0.5 * (start + theta)) if np.isfinite(theta).all() else start


def where_is(task: Task, centre: Vector, name: str) -> str:
    """Say in words where the centre lies, with its distance from θ0 rounded up; `name` is the option ``centre``."""
    if name == "initialisation":
        return "θ0"
    away = at_most(upper((Ball(flatten(task.problem.network)) - Ball(centre)).norm()), 6)
    return f"the midpoint of the path from θ0, ‖θ0 − c‖ ≤ {away}"


def positive_step(bound: LambdaBound) -> Step:
    """Return the inequality λ > 0 on the ball."""
    name, value, zero = "NTK positive on the ball about c", Ball(bound.value), Ball(0.0)
    if bound.by == "neurons":
        return Step.listed(name, "neuron_budget", value, ">", zero)
    if bound.by == "local":
        return Step.listed(name, "neuron_budget_local", value, ">", zero)
    return Step.listed(name, "feature_kernel", value, ">", zero)


def inside_step(reach: Reach) -> Step:
    """Return the inequality that the run lies in the ball."""
    return Step.listed("run inside the ball", "enclosing_ball", Ball(reach.radius), "<=", Ball(reach.radius))


def witness_of(centre: Vector, radius: float, bound: LambdaBound) -> dict[str, Any]:
    """Return what a checker needs of the ball B(centre, radius): exact doubles, and by which bound λ holds on it."""
    return {
        "centre": centre,
        "radius": radius,
        "lambda": bound.value,
        "by": bound.by,
        "weight": bound.weight,
        "intercept": bound.intercept,
        "reach": bound.reach,
    }
