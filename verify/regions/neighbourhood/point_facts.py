"""The four diagnostics of the paper's experiments, proved at a point, and what is only observed along a run.

NTK spectral gap, parameter drift, PL ratio and suboptimality are enclosures at an exact parameter vector
(:class:`PointFacts`): rigorous. Their curves between the checkpoints, and the rate at which a float64 run was seen to converge, come
from ordinary arithmetic (:class:`History`, :func:`observed_rate`): observed, never part of a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, largest_eigenvalue, sqrt_of_nonnegative
from verify.networks import Problem, loss_of, residual_of
from verify.networks.curvature import Curvature
from verify.networks.inputs import over_inputs
from verify.networks.kernel import require_room
from verify.networks.linearisation import Linearisation
from verify.networks.parameters import Vector, flatten
from verify.regions.neighbourhood.ingredients import Ingredients, centre, lower, norm_of_jacobian, over_data, upper

__all__ = ["PointFacts", "drift", "examine", "pair", "parts", "whole"]


def pair(ball: Ball | None) -> list[float] | None:
    """Return [lower, upper] of a scalar enclosure as doubles; None for None and for one that overflowed: nothing is known."""
    return [lower(ball), upper(ball)] if ball is not None and np.isfinite(ball.rad) else None


def parts(ball: Ball | None) -> list[float] | None:
    """Return [mid, rad] of a scalar enclosure, None for None."""
    return None if ball is None else [float(ball.mid), float(ball.rad)]


def whole(stored: list[float] | None) -> Ball | None:
    """Return the enclosure whose :func:`parts` are given."""
    return None if stored is None else Ball(float(stored[0]), float(stored[1]))


@dataclass(frozen=True)
class PointFacts:
    """Enclosures at one exact parameter vector θ.

    Attributes:
        step: index of θ in its run.
        loss: Φ(θ). residual: ‖e(θ)‖.
        lambda_min, lambda_max: the NTK's extreme eigenvalues: the spectral gap.
        gradient_norm: ‖∇Φ(θ)‖.
        pl_ratio: ½‖∇Φ‖²/Φ; None where Φ = 0 is not excluded.
        drift: ‖θ − θ̂_0‖ from the start of the run.
    """

    step: int
    loss: Ball
    residual: Ball
    lambda_min: Ball
    lambda_max: Ball
    gradient_norm: Ball
    pl_ratio: Ball | None
    drift: Ball

    def as_bounds(self) -> dict[str, Any]:
        """Return {name: [lower, upper]} with exact doubles, None where nothing is known, and the step."""
        names = [f.name for f in fields(self) if f.name != "step"]
        return {"step": self.step, **{name: pair(getattr(self, name)) for name in names}}

    def stored(self) -> dict[str, Any]:
        """Return {name: [mid, rad]} and the step: what restores these very enclosures (their end points would widen them)."""
        names = [f.name for f in fields(self) if f.name != "step"]
        return {"step": self.step, **{name: parts(getattr(self, name)) for name in names}}

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> PointFacts:
        """Read what :meth:`stored` returned."""
        values = {name: whole(value) for name, value in stored.items() if name != "step"}
        return cls(step=int(stored["step"]), **values)  # type: ignore[arg-type]


def drift(theta: Vector, origin: Vector) -> Ball:
    """Enclose the Euclidean distance ‖θ − θ0‖ of two exact vectors (p,)."""
    return (Ball(theta) - Ball(origin)).norm()


@dataclass(frozen=True)
class Examined:
    """A point's facts with the objects they were computed from."""

    facts: PointFacts
    state: Linearisation
    theta: Ball
    residual: Ball
    s: Fraction

    def ingredients(self) -> Ingredients:
        """Return the ingredients of a ball centred here, without parabolas; the curvature's norms are computed now."""
        return Ingredients(
            s=self.s,
            lambda0=self.facts.lambda_min,
            lambda_max0=self.facts.lambda_max,
            jacobian_norm0=norm_of_jacobian(self.facts.lambda_max, self.state),
            residual0=self.facts.residual,
            loss0=self.facts.loss,
            curvature=Curvature(self.state),
            bits=self.state.bits,
        )


def examine(
    problem: Problem,
    *,
    step: int = 0,
    origin: Vector | None = None,
    data_radius: float = 0.0,
    state: Linearisation | None = None,
) -> Examined:
    """Enclose everything a certificate says about the network's own exact parameters.

    Args:
        problem: only its step is not used. step: the vector's index in its run.
        origin: θ̂_0 (p,) for the drift; None for the vector itself.
        data_radius: ε ≥ 0, exact: λ_min, λ_max and ‖e‖, and what is computed from `state`, hold for every data set whose inputs lie within it; the
            rest is about the stored one.
        state: the problem's linearisation in float64 where it is at hand.
    """
    require_room(problem.data.n * problem.data.k)
    here = _examined(*centre(problem.network, problem.data, state=state), problem, step, origin)
    if data_radius == 0.0:
        return here
    facts, nearby = here.facts, over_inputs(here.state, data_radius)
    low, high, residual = over_data(nearby, facts.lambda_min, facts.lambda_max, facts.residual)
    return replace(here, state=nearby, facts=replace(facts, lambda_min=low, lambda_max=high, residual=residual))


def examine_in_arb(problem: Problem, *, origin: Vector | None = None) -> Examined:
    """Do as :func:`examine` with the layers enclosed in Arb, whatever float64 gives: for where a tiny residual decides."""
    return _examined(*centre(problem.network, problem.data, in_arb=True), problem, 0, origin)


def _examined(
    state: Linearisation, theta: Ball, lambda_min: Ball, problem: Problem, step: int, origin: Vector | None
) -> Examined:
    """Compute every fact from a linearisation, its Θ and λ_min."""
    residual = residual_of(state, problem.data.y)
    s = Ball(problem.scale)
    # ‖∇Φ‖² = s²eᵀΘe: no parameter-sized array is formed.
    gradient = s * sqrt_of_nonnegative((residual * (theta @ residual)).sum())
    value = loss_of(residual, s)
    if lower(value) < 0.0:
        # Φ ≥ 0, whatever the rounding of an enclosure near 0 says.
        value = Ball.from_bounds(0.0, upper(value))
    ratio = None
    if lower(value) > 0.0:
        ratio = evaluate("pl_ratio", {"gradient_norm": gradient, "Phi": value})
    facts = PointFacts(
        step=step,
        loss=value,
        residual=residual.norm(),
        lambda_min=lambda_min,
        lambda_max=largest_eigenvalue(theta),
        gradient_norm=gradient,
        pl_ratio=ratio,
        drift=Ball(0.0) if origin is None else drift(flatten(problem.network), origin),
    )
    return Examined(facts, state, theta, residual, problem.scale)


def decrease_certified(before: PointFacts, after: Ball, lr: Fraction, s: Fraction) -> tuple[Ball, Ball, Ball]:
    """Return (Φ(θ_{k+1}), (1 − ημ_k)Φ(θ_k), 1 − ημ_k) as enclosures, μ_k = s·λ_min(Θ(θ_k)) from below.

    Raises nothing: where μ_k is not certified positive the factor is at least 1 and says only that Φ does not grow.
    """
    mu = evaluate("mu", {"s": Ball(s), "lambda_R": Ball(max(lower(before.lambda_min), 0.0))})
    factor = evaluate("rate_simple", {"eta": Ball(lr), "mu": mu})
    return after, factor * before.loss, factor
