"""A nearby zero of the residual by a damped Gauss–Newton iteration in float64. A guess: nothing here is rigorous, or needs to be.

θ ← θ − Jᵀ(JJᵀ + τI)⁻¹e, one N × N eigenvalue problem per step. τ (Levenberg–Marquardt) starts at 0, grows where a step lowers ‖e‖ by less than a
tenth of what the linearisation promises, and shrinks again after good steps. Once τ is 0 the steps are the shortest that solve the linearised
equations, so the zero found is near the start, and ‖e‖ falls quadratically to the rounding of the forward pass.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from verify.arrays import Ball
from verify.networks import DataSet, Network, kernel_of, linearise, residual_of
from verify.networks.linearisation import Linearisation, forward
from verify.regions.shadowing import gradient
from verify.regions.training import Vector, flatten, with_parameters

__all__ = ["Polished", "polish"]

_ITERATIONS, _TRIALS, _STILL = 60, 30, 3
_GOOD, _FALL, _CREEP, _CREEP_STEPS = 0.1, 0.5, 0.99, 12


@dataclass(frozen=True)
class Polished:
    """Where the iteration ended.

    Attributes:
        theta: c (p,), the iterate with the smallest residual.
        trace: ‖e‖ at each iterate accepted (float64), the start first.
        why: 'converged' (‖e‖ reached its floor), 'creeps', 'diverges', 'overflow', 'iterations' or 'seconds'.
    """

    theta: Vector
    trace: tuple[float, ...]
    why: str


def _direction(state: Linearisation, weights: np.ndarray) -> Vector:
    """Jᵀu (p,), approximate."""
    parts: list[np.ndarray] = []
    for weight, bias in gradient(state, Ball(weights)):
        parts += [weight.mid.ravel()] if bias is None else [weight.mid.ravel(), bias.mid]
    return np.concatenate(parts)


def _residual_norm(network: Network, data: DataSet, theta: Vector) -> float:
    """‖e(θ)‖ (approximate), infinity where it overflows."""
    if not np.isfinite(theta).all():
        return math.inf
    with np.errstate(all="ignore"):
        value = float(np.linalg.norm(forward(with_parameters(network, theta), data.X).mid - data.y))
    return value if math.isfinite(value) else math.inf


def polish(network: Network, data: DataSet, *, seconds: float = math.inf) -> Polished:
    """Iterate from the network's parameters until ‖e‖ no longer falls.

    Args:
        network: start. data: inputs and targets. seconds: stop after this time.
    """
    started = time.monotonic()
    theta = flatten(network)
    norm = _residual_norm(network, data, theta)
    trace, best, damping, still, why = [norm], (norm, theta), 0.0, 0, "iterations"
    for _ in range(_ITERATIONS):
        if not math.isfinite(norm):
            why = "overflow"
            break
        if norm == 0.0:
            why = "converged"
            break
        if time.monotonic() - started > seconds:
            why = "seconds"
            break
        step = _step(network, data, theta, norm, damping)
        if step is None:
            # At the rounding floor no step helps; far above it this is a failure.
            why = "converged" if len(trace) > 1 and trace[-1] < 1e-6 * trace[0] + 1e-9 else "diverges"
            break
        theta, after, damping = step
        trace.append(after)
        still = still + 1 if after > _FALL * norm else 0
        norm = after
        if norm < best[0]:
            best = (norm, theta)
        if still >= _STILL and damping == 0.0:
            why = "converged"
            break
        if len(trace) > _CREEP_STEPS and norm > _CREEP * trace[-1 - _CREEP_STEPS]:
            why = "creeps"
            break
    return Polished(best[1], tuple(trace), why)


def _step(
    network: Network, data: DataSet, theta: Vector, norm: float, damping: float
) -> tuple[Vector, float, float] | None:
    """Take one damped step: (θ', ‖e(θ')‖, the damping to begin with next); None if none lowers ‖e‖."""
    state = linearise(with_parameters(network, theta), data.X)
    kernel, residual = kernel_of(state).mid, residual_of(state, data.y).mid
    if not np.isfinite(kernel).all():
        return None
    values, vectors = np.linalg.eigh(kernel)
    largest = float(values[-1])
    if not largest > 0.0:
        return None
    # Eigenvalues below the rounding of the kernel are noise: they are treated as that rounding.
    values = np.maximum(values, 1e-16 * largest)
    parts = vectors.T @ residual
    for _ in range(_TRIALS):
        shift = damping * largest
        left = float(np.linalg.norm(parts * (shift / (values + shift)))) if shift else 0.0
        trial = theta - _direction(state, vectors @ (parts / (values + shift)))
        after = _residual_norm(network, data, trial)
        if after < norm and norm - after >= _GOOD * (norm - left):
            following = damping / 10.0 if damping > 1e-15 else 0.0
            return trial, after, following
        if damping == 0.0 and after < norm < 1e-9 * largest:
            return trial, after, 0.0
        damping = max(10.0 * damping, 1e-14)
    return None
