"""What a ball certificate is made of: the enclosures at its centre, and λ on every smaller ball.

Nothing here decides anything; :mod:`verify.regions.neighbourhood.criteria` does, from these numbers and the formulas of
:mod:`proofs.constants`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify.arrays import Ball, largest_eigenvalue, smallest_eigenvalue, sqrt_of_nonnegative
from verify.networks import DataSet, Network, Problem, kernel_of, linearise, loss_of, residual_of
from verify.networks.arb_linearisation import linearise_in_arb, radius_hides_positivity
from verify.networks.arb_outputs import hides_positivity, sharpened, values_in_arb
from verify.networks.curvature import Curvature
from verify.networks.feature_kernel import FeatureBound
from verify.networks.inputs import kept, lost, over_inputs, with_exact_ends
from verify.networks.kernel import require_room
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget, Parabola, highest

__all__ = [
    "Ingredients",
    "RadiusTable",
    "approx_float",
    "centre",
    "decided_by",
    "gather",
    "lower",
    "no_rate",
    "norm_of_jacobian",
    "over_data",
    "rounds_to_one",
    "table_witness",
    "tabulate",
    "upper",
]


def lower(ball: Ball) -> float:
    """Return the lower end point of a scalar enclosure as a double."""
    return float(ball.lower())


def upper(ball: Ball) -> float:
    """Return the upper end point of a scalar enclosure as a double."""
    return float(ball.upper())


def approx_float(value: Fraction) -> float:
    """Return the double nearest to an exact number, infinity beyond the range."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")


def rounds_to_one(eta_s: Fraction, lambda_min: Ball) -> bool:
    """Whether a step is so small that 1 − ηsλ_min rounds to 1, or nearly: then no rate below 1 can be stated."""
    return approx_float(eta_s) * lower(lambda_min) < 2.0**-50


def no_rate(lr: Fraction) -> str:
    """Say that a step is too small for a rate (without a full stop)."""
    value = approx_float(lr)
    size = f"= {value:.6g}" if value > 0.0 else "< 5e-324"
    return (
        f"with this step η {size} the factor per step rounds to 1 in double precision: no linear rate can be stated. Use a"
        " larger step"
    )


@dataclass(frozen=True)
class Ingredients:
    """Enclosures at the centre θ0 of a ball.

    Attributes:
        s: loss scale, exact.
        lambda0: λ_min(Θ(θ0)).
        lambda_max0: λ_max(Θ(θ0)).
        jacobian_norm0: ‖J(θ0)‖ = √λ_max.
        residual0: ‖F(θ0) − y‖.
        loss0: Φ(θ0).
        curvature: ρ ↦ upper bound of L_H on B(θ0, ρ).
        parabolas: lower bounds of λ on B(θ0, ρ) (claim neuron_budget); empty where it does not apply.
        above: upper bounds of ‖J‖² on B(θ0, ρ) (claim neuron_budget_upper).
        features: lower bound of λ on B(θ0, ρ) from the last layer's features (claim feature_kernel); None where it was not asked for.
        offset: gradient descent starts at an unknown point within this distance of θ0 (scope `exact`; 0 otherwise), and
            residual0 then bounds the residual at that point.
        bits: precision that the layers at θ0 were enclosed in; 53 for float64.
    """

    s: Fraction
    lambda0: Ball
    lambda_max0: Ball
    jacobian_norm0: Ball
    residual0: Ball
    loss0: Ball
    curvature: Curvature
    parabolas: tuple[Parabola, ...] = ()
    above: tuple[Parabola, ...] = ()
    features: FeatureBound | None = None
    offset: float = 0.0
    bits: int = 53

    @functools.cached_property
    def at_centre(self) -> Mapping[str, Ball]:
        """The values that the formulas of proofs/ are evaluated at: the exact, safe end points."""
        return {
            "s": Ball(self.s),
            "lambda0": Ball(lower(self.lambda0)),
            "jacobian_norm0": Ball(upper(self.jacobian_norm0)),
            "e0": Ball(upper(self.residual0)),
        }

    def residual_near(self, distance: Ball, drift: Ball) -> Ball:
        """Bound ‖e‖ at every point within `distance` of θ0, if J differs there from J(θ0) by at most `drift` (formula e_bar)."""
        here = self.at_centre
        values = {"e": here["e0"], "jacobian_norm": here["jacobian_norm0"], "Delta_J": drift, "delta_T": distance}
        return evaluate("e_bar", values)

    def jacobian_base(self, radius: float, drift: Ball) -> Ball:
        """Enclose b with ‖J(θ)‖ ≤ b + Δ_J on B(θ0, radius): ‖J0‖, or less where the neuron budget from above bounds ‖J‖ by less.

        The criteria read ‖J0‖ in K = ‖J0‖ + Δ_J alone, any bound of ‖J‖ on the ball; so this may stand for it there.

        Args:
            radius: exact double > 0. drift: the bound of Δ_J on that ball.
        """
        base = self.at_centre["jacobian_norm0"]
        for bound in self.above:
            square = Ball(bound.intercept) + Ball(bound.weight) * Ball(radius) ** 2
            base = min(base, sqrt_of_nonnegative(square) - drift, key=upper)
        return base


def over_data(state: Linearisation, lambda_min: Ball, lambda_max: Ball, residual: Ball) -> tuple[Ball, Ball, Ball]:
    """Widen λ_min(Θ), λ_max(Θ) and ‖e‖ at the stored inputs to those of every data set that the linearisation is about (claim inputs_nearby)."""
    spread = state.spread
    if spread is None:
        return lambda_min, lambda_max, residual
    low, change = lower(residual - spread.residual), spread.jacobian
    return (
        with_exact_ends(Ball.from_bounds(lost(lower(lambda_min), change), kept(upper(lambda_min), change))),
        with_exact_ends(Ball.from_bounds(lost(lower(lambda_max), change), kept(upper(lambda_max), change))),
        with_exact_ends(Ball.from_bounds(max(low, 0.0), upper(residual + spread.residual))),
    )


def norm_of_jacobian(lambda_max: Ball, state: Linearisation) -> Ball:
    """‖J‖ = √λ_max(Θ), where the linearisation is of data nearby for all of them."""
    found = sqrt_of_nonnegative(lambda_max)
    return found if state.spread is None else with_exact_ends(found)


def centre(
    network: Network, data: DataSet, *, in_arb: bool = False, state: Linearisation | None = None
) -> tuple[Linearisation, Ball, Ball]:
    """Linearise at the network's parameters and enclose Θ and λ_min(Θ): in float64, and in Arb (maps: the values) where only float64's radius hides
    λ_min > 0; F in Arb where it hides the residual.

    in_arb: at once in Arb. state: what linearise(network, data.X) gives, where it is at hand.
    """
    if in_arb:
        state = linearise_in_arb(network, data.X)
    elif state is None:
        state = linearise(network, data.X)
    theta = kernel_of(state)
    smallest = _smallest(theta, network)
    sharper: Linearisation | None = None
    if not in_arb and lower(smallest) <= 0.0 < upper(smallest):
        if radius_hides_positivity(theta, network, data.n):
            sharper = linearise_in_arb(network, data.X)
        elif hides_positivity(theta, network, data.n):
            sharper = linearise(network, data.X, known=values_in_arb(network, state.data))
    if sharper is None:
        return sharpened(state, data.y), theta, smallest
    theta = kernel_of(sharper)
    return sharper, theta, _smallest(theta, network)


def _smallest(theta: Ball, network: Network) -> Ball:
    # λ_min(J Jᵀ) vanishes when there are more outputs than parameters; JJᵀ's enclosure need not know.
    return smallest_eigenvalue(theta) if theta.shape[0] <= network.parameters else Ball(0.0)


def decided_by(bits: int) -> dict[str, Any]:
    """What a certificate observes of the precision that its constants needed: nothing for float64."""
    return {} if bits == 53 else {"precision": f"layers enclosed in Arb, {bits} bits"}


def gather(problem: Problem, *, data_radius: float = 0.0, state: Linearisation | None = None) -> Ingredients:
    """Enclose every ingredient of a ball certificate centred at the network's parameters.

    Args:
        problem: its step is not used.
        data_radius: ε ≥ 0, exact: everything but loss0 holds for every data set whose inputs lie within it (claim inputs_nearby).
        state: the problem's linearisation in float64 where it is at hand.
    """
    data, s = problem.data, problem.scale
    require_room(data.n * data.k)
    state, theta, smallest = centre(problem.network, data, state=state)
    state, residual = over_inputs(state, data_radius), residual_of(state, data.y)
    lambda0, lambda_max0, residual0 = over_data(state, smallest, largest_eigenvalue(theta), residual.norm())
    parabolas: tuple[Parabola, ...] = ()
    above: tuple[Parabola, ...] = ()
    if lower(lambda0) > 0.0 and NeuronBudget.applies(state):
        # A ball must reach ‖e0‖/√λ0 at least; half as much again is where certificates are decided.
        reach = 1.5 * upper(residual0) / float(np.sqrt(lower(lambda0)))
        budget = NeuronBudget(state)
        parabolas, above = budget.parabolas(reach), budget.above(reach)
    return Ingredients(
        s=s,
        lambda0=lambda0,
        lambda_max0=lambda_max0,
        jacobian_norm0=norm_of_jacobian(lambda_max0, state),
        residual0=residual0,
        loss0=loss_of(residual, Ball(s)),
        curvature=Curvature(state),
        parabolas=parabolas,
        above=above,
        features=FeatureBound(state) if FeatureBound.applies(state) else None,
        bits=state.bits,
    )


@dataclass(frozen=True)
class RadiusTable:
    """Bounds on the balls B(θ0, ρ_j) for an increasing list of radii; every entry an exact double.

    Attributes:
        radii: ρ_1 < … < ρ_M.
        curvature: upper bounds of L_H(ρ_j).
        delta_j: upper bounds of sup ‖J(θ) − J(θ0)‖ over B(θ0, ρ_j): Σ_{i≤j} (ρ_i − ρ_{i-1}) L_H(ρ_i), because along
            the segment from θ0 the Jacobian's derivative is bounded by L_H of the ball reached so far.
        lam: lower bounds of λ_min(Θ) over B(θ0, ρ_j); 0 where nothing is known. Non-increasing.
    """

    radii: Float[np.ndarray, " m"]
    curvature: Float[np.ndarray, " m"]
    delta_j: Float[np.ndarray, " m"]
    lam: Float[np.ndarray, " m"]

    def __len__(self) -> int:
        """Number of radii."""
        return int(self.radii.size)


def tabulate(ingredients: Ingredients, radii: Sequence[float]) -> RadiusTable:
    """Tabulate the bounds at the given increasing, positive radii (exact doubles)."""
    rho = np.array(radii, dtype=np.float64)
    bound = ingredients.curvature(rho)
    # A bound that overflows says nothing: ∞, and no λ.
    known = np.isfinite(bound)
    ball = Ball(rho)
    widths = ball - Ball(np.concatenate([[0.0], rho[:-1]]))
    panels = np.where(known, (widths * Ball(np.where(known, bound, 0.0))).upper(), np.inf)
    # Each sum is rounded to nearest and moved one step up.
    sums = itertools.accumulate(panels.tolist(), lambda total, panel: math.nextafter(total + panel, math.inf))
    delta = np.array(list(sums))
    finite = np.isfinite(delta)
    changes = {"lambda0": Ball(max(lower(ingredients.lambda0), 0.0)), "Delta_J": Ball(np.where(finite, delta, 0.0))}
    sharp = np.where(finite, evaluate("lambda_region_sharp", changes).lower(), 0.0)
    bounds = [np.zeros_like(rho), sharp]
    if ingredients.parabolas:
        bounds.append(highest(ingredients.parabolas, ball))
    if ingredients.features is not None:
        bounds.append(ingredients.features(rho))
    lam = np.maximum.reduce(bounds)
    # A bound for a larger ball holds on a smaller one.
    monotone = np.maximum.accumulate(lam[::-1])[::-1]
    return RadiusTable(rho, bound, delta, monotone)


def table_witness(ingredients: Ingredients, table: RadiusTable, last: int) -> dict[str, Any]:
    """Return what a checker needs of the centre and of the table's first `last` rows, all exact doubles."""
    features = ingredients.features
    more: dict[str, Any] = {"above": [[p.weight, p.intercept] for p in ingredients.above]} if ingredients.above else {}
    if features is not None and features.eigenvalue > 0.0:
        more["features"] = features.eigenvalue
    return {
        **more,
        "lambda0_lower": lower(ingredients.lambda0),
        "jacobian_norm0_upper": upper(ingredients.jacobian_norm0),
        "residual0_upper": upper(ingredients.residual0),
        "parabolas": [[p.weight, p.intercept] for p in ingredients.parabolas],
        "radii": table.radii[:last].tolist(),
        "curvature": table.curvature[:last].tolist(),
        "delta_j": table.delta_j[:last].tolist(),
        "lambda": table.lam[:last].tolist(),
    }
