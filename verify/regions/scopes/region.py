"""Scope `region`: a convex Locally PL Region that holds gradient descent's whole run from the initialisation, its segments and its limit.

Statement (claim enclosing_ball). θ_{k+1} = θ_k − η∇Φ(θ_k) in real arithmetic from the exact θ0. B(c, R) is convex and ½‖∇Φ‖² ≥ μΦ on it with μ = sλ;
it contains θ0, every iterate, every segment between consecutive iterates and the limit, a point of zero loss; Φ_{k+1} ≤ rate·Φ_k from the first step on.
Nothing is said of other starts in B(c, R).

Derivation. Two things are proved apart. λ_min(Θ) ≥ λ on B(c, R): the neuron budget for one hidden layer (claim neuron_budget; where
that leaves little and the network is small, neuron_budget_local) or the last layer's features at any depth (claim feature_kernel),
whichever is larger. The iterates stay: scope `exact` encloses them, ‖θ_k − θ̂_k‖ ≤ δ_k for k ≤ T, and from T on a ball certificate keeps
them in B(θ̂_T, R_T); so R ≥ max_k(‖θ̂_k − c‖ + δ_k) and R ≥ ‖θ̂_T − c‖ + R_T suffice, and a ball is convex. Its radius is about half the
distance travelled when c is the midpoint of the path (``centre="midpoint"``, the default), and that distance when c = θ0
(``centre="initialisation"``), against ‖e_0‖/√λ and more for the criteria of scope `ball`.
Descent is followed beyond the first hand-over, until B(θ̂_T, R_T) no longer decides R.

Witness: that of scope `exact`, and ``region``: ``centre``, ``radius``, ``lambda``, ``by`` ('neurons', 'local' or 'features'), ``weight`` m',
``reach`` T and
``intercept`` λ_min(Ψ(m')).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, smallest_eigenvalue
from verify.certificates import Certificate, Step
from verify.decimals import at_least, at_most, below_one
from verify.errors import InputError
from verify.networks import DataSet, Loss, Network, kernel_of, linearise
from verify.networks.feature_kernel import feature_bound
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget
from verify.networks.parameters import Vector, flatten, with_parameters
from verify.regions.descent.float64 import Descent
from verify.regions.neighbourhood.estimate import Attempt
from verify.regions.neighbourhood.ingredients import approx_float, lower, upper
from verify.regions.scopes import exact

__all__ = ["CENTRES", "OPTIONS", "region_certificate"]

OPTIONS = ("centre", "progress", "method", "bits")
CENTRES = ("midpoint", "initialisation")
# The float64 path whose midpoint is the centre ends where ‖e‖ has fallen to this share: what is left moves it by that share of its length.
_FALLEN = 1e-3
# The last ball may add this share to the radius that the iterates need; no more hand-overs than this are tried for it.
_OVERHANG, _TRIES = 1.02, 12
# The local budget is tried where less than this share of λ_min at c is left.
_LITTLE = 0.05
# T of the local budget, and the sizes up to which an eigenproblem per neuron takes seconds (in the checker, minutes).
_REACHES, _LOCAL_SAMPLES, _LOCAL_SIZE = (0.4, 0.55), 24, 20_000


class _Reach:
    """How far the enclosed iterates get from c, and whether the last ball adds to it."""

    def __init__(self, centre: Vector) -> None:
        self._centre = Ball(centre)
        self.farthest, self.last, self._tries = 0.0, float("inf"), 0

    def _distance(self, theta: Vector) -> Ball:
        return (Ball(theta) - self._centre).norm()

    def restart(self) -> None:
        """Begin anew."""
        self.farthest, self.last, self._tries = 0.0, float("inf"), 0

    def visit(self, theta: Vector, delta: float) -> None:
        """Add B(theta, delta)."""
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
class _Bound:
    """λ_min(Θ) ≥ value on B(c, R), and what it rests on; weight and intercept are 0 for 'features', reach (T) for all but 'local'."""

    value: float
    by: str
    weight: float = 0.0
    intercept: float = 0.0
    reach: float = 0.0


def _lambda(state: Linearisation, radius: float) -> _Bound:
    """The best bound of λ on the ball of `radius` about the linearisation's parameters."""
    found = [_Bound(feature_bound(state, radius), "features")]
    if NeuronBudget.applies(state):
        found += [
            _Bound(max(lower(p(Ball(radius))), 0.0), "neurons", p.weight, p.intercept)
            for p in NeuronBudget(state).parabolas(radius)
        ]
    best = max(found, key=lambda bound: bound.value)
    layers = state.network.layers
    if not NeuronBudget.applies(state) or layers[0].activation.name != "tanh":
        return best
    centre = lower(smallest_eigenvalue(kernel_of(state)))
    small = state.n <= _LOCAL_SAMPLES and layers[0].fan_out * state.n <= _LOCAL_SIZE
    if best.value > _LITTLE * centre or not small:
        return best
    for reach in _REACHES:
        found += [
            _Bound(max(lower(p(Ball(radius))), 0.0), "local", p.weight, p.intercept, reach)
            for p in LocalBudget(state, reach).parabolas(radius)
        ]
    return max(found, key=lambda bound: bound.value)


def _centre(task: exact.Task, name: str) -> Vector:
    """θ0, or the midpoint (rounded to doubles: any centre is valid) of θ0 and where float64 descent has almost arrived."""
    start = flatten(task.network)
    if name == "initialisation":
        return start
    descent, theta = Descent(task.network, task.data, task.s, task.lr), start
    initial = descent.step(start)[1]
    for _ in range(task.budget):
        after, norm = descent.step(theta)
        if not norm > _FALLEN * initial or not np.isfinite(norm):
            break
        theta = after
    return np.asarray(0.5 * (start + theta)) if np.isfinite(theta).all() else start


def region_certificate(
    network: Network,
    data: DataSet,
    loss: Loss,
    lr: Fraction | None,
    steps: int | None,
    options: Mapping[str, Any],
) -> Certificate:
    """Certify scope `region` from the network's parameters; statement in the module's docstring.

    Args:
        network: exact parameters θ0. data, loss: the objective. lr, steps: as for scope `exact`.
        options: centre ('midpoint' or 'initialisation'), progress, method, bits (as for scope `exact`).

    Raises:
        InputError: options out of range.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise InputError(f"unknown option {', '.join(unknown)}: expected one of {', '.join(OPTIONS)}")
    name = options.get("centre", "midpoint")
    if name not in CENTRES:
        raise InputError(f"centre={name!r}: expected one of {', '.join(CENTRES)}")
    rest = {key: value for key, value in options.items() if key != "centre"}
    task, first, chosen = exact.read_task(network, data, loss, lr, steps, rest)
    centre = _centre(task, name)
    reach = _Reach(centre)
    followed = exact.follow(task, reach)
    if isinstance(followed, str):
        return replace(exact.refused(task, first, followed), scope="region")
    inner = exact.assemble(task, first, *followed, chosen)
    if inner.verdict != "PROVED":
        return replace(inner, scope="region")
    return _assemble(inner, task, centre, reach, name)


def _assemble(inner: Certificate, task: exact.Task, centre: Vector, reach: _Reach, name: str) -> Certificate:
    """Add the convex ball to the certificate of the enclosed run."""
    radius = reach.radius
    bound = _lambda(linearise(with_parameters(task.network, centre), task.data.X), radius)
    inside = Step("run inside the ball", "enclosing_ball", Ball(max(reach.farthest, reach.last)), "<=", Ball(radius),
                  "‖θ̂_k − c‖ + δ_k ≤ R and ‖θ̂_T − c‖ + R_T ≤ R")  # fmt: skip
    positive = Step(
        "NTK positive on the ball about c",
        "feature_kernel",
        Ball(bound.value),
        ">",
        Ball(0.0),
        "λ on B(c, R), by the features",
    )
    if bound.by == "neurons":
        positive = Step(
            "NTK positive on the ball about c",
            "neuron_budget",
            Ball(bound.value),
            ">",
            Ball(0.0),
            "λ on B(c, R), by the neurons",
        )
    if bound.by == "local":
        positive = Step(
            "NTK positive on the ball about c",
            "neuron_budget_local",
            Ball(bound.value),
            ">",
            Ball(0.0),
            "λ on B(c, R), by the neurons, suprema near c",
        )
    mu = evaluate("mu", {"s": Ball(task.s), "lambda_R": Ball(bound.value)})
    weakest = Ball(lower(inner.constants["path_lambda_min"]))
    head = evaluate(
        "rate_simple", {"eta": Ball(task.lr), "mu": evaluate("mu", {"s": Ball(task.s), "lambda_R": weakest})}
    )
    tail = inner.constants["rate"]
    rate = head if upper(head) >= upper(tail) else tail
    travelled = f"the midpoint of the path from θ0, ‖θ0 − c‖ ≤ {at_most(upper((Ball(flatten(task.network)) - Ball(centre)).norm()), 6)}"
    where = "θ0" if name == "initialisation" else travelled
    constants = {
        **inner.constants,
        "region_radius": Ball(radius),
        "region_lambda": Ball(bound.value),
        "region_mu": mu,
        "region_rate": rate,
    }
    witness = {
        **inner.witness,
        "region": {
            "centre": centre, "radius": radius, "lambda": bound.value, "by": bound.by, "weight": bound.weight,
            "intercept": bound.intercept, "reach": bound.reach,
        },
    }  # fmt: skip
    T = int(inner.constants["handover_step"])
    if not positive.certain:
        reason = (
            f"every iterate of gradient descent with η = {approx_float(task.lr):.6g} lies within R = {radius:.6g} of c, {where}, but λ_min(Θ) is not"
            f" certified positive on that ball (neither by the neurons' budget nor by the last layer's features). Widen the network; scope='exact'"
            " proves the union of small balls along the path instead"
        )
        return replace(
            inner, scope="region", verdict="INCONCLUSIVE", reason=reason, steps=(*inner.steps, inside, positive),
            constants=constants, witness={**inner.witness, "handover": None}, margins={},
        )  # fmt: skip
    if not upper(rate) < 1.0:
        reason = (
            f"with this step η = {approx_float(task.lr):.6g} the factor 1 − ημ_k per step rounds to 1 in double precision: no linear rate can be"
            " stated. Use a larger step; lr=None chooses one"
        )
        return replace(
            inner, scope="region", verdict="INCONCLUSIVE", reason=reason, steps=(*inner.steps, inside, positive),
            constants=constants, witness={**inner.witness, "handover": None}, margins={},
        )  # fmt: skip
    reason = (
        f"the convex ball of radius R ≤ {at_most(radius, 6)} about c, {where}, contains these parameters, every iterate of real-arithmetic gradient descent"
        f" from them with η = {approx_float(task.lr):.6g}, every segment between iterates and their limit of zero loss; it is a Locally PL Region with μ ≥"
        f" {at_least(lower(mu), 6)} ({bound.by}), and Φ_k ≤ {below_one(upper(rate))}^k·Φ_0 ({T} iterates enclosed one by one). Nothing is claimed of other"
        " starts in it"
    )
    return replace(
        inner, scope="region", reason=reason, steps=(*inner.steps, inside, positive), constants=constants, witness=witness
    )  # fmt: skip
