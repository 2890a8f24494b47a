"""Balls that kinks cross (criterion residual_relu, claim containment_residual_relu).

The criterion needs no derivative of J. With any fixed matrix J_c for which ‖J(θ) − J_c‖ ≤ Δ_J(ρ) on B(θ0, ρ), whatever the slopes at kinks, it holds
for σ(ρ) = √λ_min(J_cJ_cᵀ) − Δ_J(ρ), K = ‖J_c‖ + Δ_J and the drift δ = 2Δ_J of a step: the mean of J over a segment in the ball is as near to J_c
as J itself. J_c is the Jacobian at the centre, but for chosen units near their kink with the mean of the two slopes, which halves what they can change.

Along a segment every value is continuous and piecewise analytic (a kink's argument vanishes on a piece identically, where both slopes serve, or finitely
often), so that the chain rule holds but at finitely many points; smooth activations may stand beside the kinks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from verify.checker.layers import Elementwise
from verify.checker.movement import Movement
from verify.checker.network import Midpoints, Point
from verify.checker.problem import Problem
from verify.checker.reading import expect

__all__ = ["jacobian_drift", "with_midpoints"]


def _midpoints(problem: Problem, stored: Any) -> Midpoints:
    """Read a list of triples: position of an activation with a kink, sample, unit (channels first)."""
    expect(
        isinstance(stored, list) and len(stored) <= problem.n * max(layer.size for layer in problem.layers),
        "midpoints: no list",
    )
    found: Midpoints = {}
    for row in stored:
        fits = isinstance(row, list) and len(row) == 3 and all(type(value) is int and value >= 0 for value in row)
        expect(fits and row[0] < len(problem.layers), "midpoints: expected triples of integers")
        v, i, at = row
        layer = problem.layers[v]
        known = isinstance(layer, Elementwise) and layer.kinked and i < problem.n and at < layer.size
        expect(known, "midpoints: no unit of an activation with a kink")
        found.setdefault(v, set()).add((i, at))
    return found


def with_midpoints(here: Point, stored: Any) -> Point:
    """Return the same parameters with J_c in place of J."""
    return Point(here.problem, here.parameters, _midpoints(here.problem, stored))


def jacobian_drift(here: Point) -> Callable[[Any], Any]:
    """Return ρ ↦ Δ_J(ρ) about a point, whose norms are computed at the first call."""
    known: list[Movement] = []

    def at(r: Any) -> Any:
        known.append(known[0] if known else Movement(here))
        return known[0].jacobian(r)

    return at
