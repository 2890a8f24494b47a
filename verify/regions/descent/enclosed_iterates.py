"""Three ways to enclose the iterates of real-arithmetic gradient descent: ‖θ_k − θ̂_k‖ ≤ δ_k with θ̂_k a vector of doubles.

* ``shadow``: θ̂_k is what a float64 step computes; δ_{k+1} = g_k δ_k + ρ_k with the growth of claim shadow_growth and ρ_k the distance of θ̂_{k+1}
  from the real-arithmetic step of θ̂_k, from an enclosure of the gradient.
* ``shadow-arb``: the same with a recorded trajectory of P-bit midpoints ϑ_k: δ'_{k+1} = g_kδ'_k + ρ_k, ρ_k the norm of one Arb step's radii, about
  2^-P; θ̂_k is ϑ_k rounded to doubles and δ_k = δ'_k + ‖ϑ_k − θ̂_k‖. A growth of e^200 costs 300 bits and no more.
* ``arb``: gradient descent in Arb balls: the radii are δ; no growth factor, more bits per step.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from verify.arrays import Ball
from verify.networks import Problem
from verify.networks.linearisation import Linearisation
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.arb import ArbDescent
from verify.regions.descent.float64 import Descent
from verify.regions.descent.growth import step_distance

__all__ = ["ArbBalls", "ArbShadow", "Engine", "FloatShadow", "make_engine"]


class Engine(Protocol):
    """An enclosure that advances one step of gradient descent at a time.

    Attributes:
        method, bits: which way, at which precision.
        needs_growth: whether `advance` needs a growth factor g ≥ ‖I − η∇²Φ‖ on B(theta, delta).
        theta: θ̂_k, doubles. delta: δ_k. rounding: the last step's own contribution ρ_k.
        inner: what grows from step to step: δ_k, or δ'_k without the final rounding to doubles.
    """

    method: str
    bits: int
    needs_growth: bool
    theta: Vector
    delta: float
    rounding: float
    inner: float

    def advance(self, state: Linearisation, residual: Ball, growth: float) -> None:
        """Go from θ_k to θ_{k+1}; `state` and `residual` are those at θ̂_k."""

    def dump(self) -> dict[str, np.ndarray]:
        """Return the state as arrays."""

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from :meth:`dump`'s arrays."""


def _grow(growth: float, delta: float, rounding: float) -> float:
    """g·δ + ρ, rounded up."""
    if not math.isfinite(growth):
        return math.inf
    return float((Ball(growth) * Ball(delta) + Ball(rounding)).upper())


class FloatShadow:
    """Method ``shadow``."""

    method, bits, needs_growth = "shadow", 53, True

    def __init__(self, problem: Problem) -> None:
        """Start at the network's parameters, exact."""
        self._problem, self._descent = problem, Descent.of(problem)
        self.theta, self.delta, self.rounding, self.inner = flatten(problem.network), 0.0, 0.0, 0.0

    def advance(self, state: Linearisation, residual: Ball, growth: float) -> None:
        """Take one float64 step; δ ← gδ + ρ, g ≥ the growth of distances on B(θ̂_k, δ), ρ ≥ the step's rounding."""
        after, _ = self._descent.step(self.theta)
        if not np.isfinite(after).all():
            self.delta = self.inner = math.inf
            return
        problem = self._problem
        self.rounding = step_distance(state, residual, problem.at(after).network, problem.eta, problem.scale)
        self.theta, self.delta = after, _grow(growth, self.delta, self.rounding)
        self.inner = self.delta

    def dump(self) -> dict[str, np.ndarray]:
        """Return θ̂ and δ."""
        return {"theta": self.theta, "delta": np.array([self.delta, self.rounding])}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from a dump."""
        self.theta = arrays["theta"]
        self.delta, self.rounding = (float(v) for v in arrays["delta"])
        self.inner = self.delta


class _Arb:
    """What both Arb engines share."""

    method, needs_growth = "arb", False

    def __init__(self, problem: Problem, bits: int) -> None:
        """Start at the network's parameters, exact."""
        self.bits = bits
        self._descent = ArbDescent(problem, bits)
        self._points = self._descent.start()
        self.theta, self.delta, self.rounding, self.inner = flatten(problem.network), 0.0, 0.0, 0.0

    def dump(self) -> dict[str, np.ndarray]:
        """Return the points as text, and δ'. The running engine continues from what it wrote, so that a resumed one agrees."""
        arrays = {
            "points": self._descent.dump(self._points),
            "delta": np.array([self.inner, self.rounding]),
        }
        self.restore(arrays)
        return arrays

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from a dump."""
        self._points = self._descent.restore(arrays["points"])
        self.inner, self.rounding = (float(v) for v in arrays["delta"])
        self.theta, distance = self._descent.doubles(self._points)
        self.delta = _grow(1.0, self.inner if self.needs_growth else 0.0, distance)


class ArbShadow(_Arb):
    """Method ``shadow-arb``."""

    method, needs_growth = "shadow-arb", True

    def advance(self, state: Linearisation, residual: Ball, growth: float) -> None:
        """Take one step at `bits` bits; δ' ← gδ' + ρ as in :class:`FloatShadow`, and δ adds the distance of the nearest doubles."""
        self._points, self.rounding = self._descent.midpoints(self._descent.step(self._points))
        self.inner = _grow(growth, self.inner, self.rounding)
        self.theta, distance = self._descent.doubles(self._points)
        self.delta = _grow(1.0, self.inner, distance)


class ArbBalls(_Arb):
    """Method ``arb``."""

    def advance(self, state: Linearisation, residual: Ball, growth: float) -> None:
        """Take one step in ball arithmetic; δ covers the radii and the rounding of the midpoints to doubles."""
        self._points = self._descent.step(self._points)
        _, self.inner = self._descent.midpoints(self._points)
        self.theta, self.delta = self._descent.doubles(self._points)


def make_engine(method: str, bits: int, problem: Problem) -> Engine:
    """Return the engine of a method: 'shadow' (float64), 'shadow-arb' (midpoints at `bits` bits), 'arb' (ball arithmetic at `bits` bits)."""
    if method == "shadow":
        return FloatShadow(problem)
    kinds: dict[str, Any] = {"shadow-arb": ArbShadow, "arb": ArbBalls}
    engine: Engine = kinds[method](problem, bits)
    return engine
