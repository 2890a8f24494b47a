"""A nearby zero of the residual by a damped Gauss–Newton iteration in float64. A guess: nothing here is rigorous, or needs to be.

θ ← θ + d + a, d = −Jᵀ(JJᵀ + τλ_max I)⁻¹e; one N × N eigenvalue problem per step, from N = 1,000 on
one Cholesky factor per trial. τ (Levenberg–Marquardt) starts at 0, grows where ‖e‖² falls by less than
a quarter of what the linearisation promises, and shrinks after good steps. a = −½Jᵀ(JJᵀ + τλ_max I)⁻¹D²F[d, d] follows the bend of the path to second order
(geodesic acceleration, Transtrum and Sethna, arXiv:1207.4999), D²F[d, d] by a finite difference: in the narrow valleys of ill-conditioned networks it
saves most of the steps. Across kinks second differences are jumps: networks that have kinks take d alone. Once τ is 0 the steps are the shortest that
solve the linearised equations, so the zero found is near the start, and ‖e‖ falls quadratically to the rounding of the forward pass.

A network with kinks may stop the iteration where a unit cannot cross its own: it creeps from kink to kink. A kick, a random move of a hundredth of the weights'
size, leaves those kinks, and the iteration goes on from there (iterated local search): some kicks do what thousands of steps of training would.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.linalg

from verify.arrays import Ball
from verify.networks import DataSet, Network, kernel_of, linearise, residual_of
from verify.networks.linearisation import Linearisation
from verify.networks.parameters import Vector, flatten, views, with_parameters
from verify.regions.descent.float64 import Descent

__all__ = ["Polished", "polish", "zeros"]

# Steps at most (ill-conditioned iris takes 30 to 70), and dampings tried in one.
_ITERATIONS = 300
_TRIALS = 40
# Arrived: so many undamped steps in a row that leave more than this share of ‖e‖.
_STILL = 3
_FALL = 0.5
# Given up: so many steps that leave more than this share of ‖e‖ together.
_CREEP_STEPS = 25
_CREEP = 0.97
# The second derivative along d comes from a step of this part of it; a correction longer than this part of d is none.
_PROBE = 0.1
_BENT = 0.5
# The first τ > 0, and the rounding of the kernel's eigenvalues, both relative to λ_max.
_LEAST_DAMPING = 1e-14
_NOISE = 1e-16
# From this size on an eigenvalue problem costs some thirty times the factor of a Cholesky decomposition.
_FACTOR_FROM = 1000
# Below this share of the first residual an iteration that stops has arrived; below the other second differences are noise.
_CLOSE = 1e-6
_STRAIGHT = 1e-9
# A kick's share of an array's root mean square at first; doubled after one that leaves more than _KICKED of the residual. So many of those in a row end the
# search, and so many zeros are shown.
_KICK = 0.01
_KICKED = 0.9
_IDLE_KICKS = 4
_ZEROS = 4


@dataclass(frozen=True)
class Polished:
    """Where the iteration ended.

    Attributes:
        theta: c (p,), the iterate with the smallest residual.
        trace: ‖e‖ at each iterate accepted (float64), the start first.
        why: 'converged' (‖e‖ reached its floor), 'creeps', 'diverges', 'overflow', 'iterations' or 'seconds'.
        kicks: random moves off the kinks that the search has made before.
    """

    theta: Vector
    trace: tuple[float, ...]
    why: str
    kicks: int = 0

    @property
    def steps(self) -> int:
        """Gauss–Newton steps taken."""
        return len(self.trace) - 1 - self.kicks


def _direction(state: Linearisation, weights: np.ndarray) -> Vector:
    """Jᵀu (p,), approximate; NaN where the weights overflowed, which no residual survives."""
    if not np.isfinite(weights).all():
        return np.full(state.network.parameters, math.nan)
    return np.concatenate([part.mid.ravel() for part in state.gradient(Ball(weights))])


def polish(network: Network, data: DataSet, *, seconds: float = math.inf) -> Polished:
    """Iterate from the network's parameters until ‖e‖ no longer falls.

    Args:
        network: start. data: inputs and targets. seconds: stop after this time.
    """
    with np.errstate(all="ignore"):
        # A guess: whatever overflows is refused by its residual.
        return _polish(network, data, seconds)


def _polish(network: Network, data: DataSet, seconds: float) -> Polished:
    started = time.monotonic()
    search = _Search(network, data)
    trace, best, still, why = [search.norm], (search.norm, search.theta), 0, "iterations"
    for _ in range(_ITERATIONS):
        if not math.isfinite(search.norm):
            why = "overflow"
            break
        if search.norm == 0.0:
            why = "converged"
            break
        if time.monotonic() - started > seconds:
            why = "seconds"
            break
        before = search.norm
        if not search.step(accelerate=before > _STRAIGHT * trace[0]):
            # At the rounding floor no step helps; far above it this is a failure.
            why = "converged" if before < _CLOSE * trace[0] or (len(trace) == 1 and before < 1e-9) else "diverges"
            break
        trace.append(search.norm)
        still = still + 1 if search.norm > _FALL * before else 0
        if search.norm < best[0]:
            best = (search.norm, search.theta)
        if still >= _STILL and search.damping == 0.0 and search.norm < _CLOSE * trace[0]:
            why = "converged"
            break
        if len(trace) > _CREEP_STEPS and search.norm > _CREEP * trace[-1 - _CREEP_STEPS]:
            why = "creeps"
            break
    return Polished(best[1], tuple(trace), why)


def zeros(network: Network, data: DataSet, *, seconds: float = math.inf) -> Iterator[Polished]:
    """Yield points near the network's parameters where ‖e‖ no longer falls, each from a kick of the one before.

    Of a smooth network there is one. Of a network with kinks up to four, since a zero may lie on a kink; the last may be no zero (``why`` is not 'converged').
    Kicks come from a generator of their own with a fixed seed: the same call finds the same zeros.

    Args:
        network: start. data: inputs and targets. seconds: of the whole search.
    """
    generator, ends = np.random.default_rng(0), time.monotonic() + seconds
    for _ in range(1 if network.is_smooth else _ZEROS):
        reached = _across_kinks(network, data, generator, ends)
        yield reached
        if reached.why != "converged":
            return
        network = _kicked(network, reached.theta, _KICK, generator)


def _across_kinks(network: Network, data: DataSet, generator: np.random.Generator, ends: float) -> Polished:
    """Polish, and from a kick again while that is stopped and kicks help; `ends`: when to stop (monotonic clock)."""
    best, size, idle = polish(network, data, seconds=ends - time.monotonic()), _KICK, 0
    while not network.is_smooth and best.why in ("creeps", "diverges") and idle < _IDLE_KICKS:
        start = _kicked(network, best.theta, size, generator)
        after = polish(start, data, seconds=ends - time.monotonic())
        idle = 0 if min(after.trace) <= _KICKED * min(best.trace) else idle + 1
        if idle:
            size *= 2.0
        better = after if min(after.trace) < min(best.trace) else best
        why = after.why if after.why == "seconds" else better.why
        best = Polished(better.theta, best.trace + after.trace, why, best.kicks + 1)
    return best


def _kicked(network: Network, theta: Vector, size: float, generator: np.random.Generator) -> Network:
    """The network at a random point near θ (p,): each trained array moved by `size` of its root mean square."""
    moved = theta.copy()
    for arrays in views(network, moved):
        for array in arrays.values():
            array += size * math.sqrt(float(np.mean(array**2))) * generator.standard_normal(array.shape)
    return with_parameters(network, moved)


class _Eigenvalues:
    """Solves with Θ + shift·I for any shift, approximately, from one eigenvalue problem."""

    def __init__(self, kernel: np.ndarray) -> None:
        values, self._vectors = np.linalg.eigh(kernel)
        self.largest = float(values[-1])
        # Eigenvalues below the rounding of the kernel are noise: they are treated as that rounding.
        self._values = np.maximum(values, _NOISE * self.largest)
        self._shifted = self._values

    def shift(self, shift: float) -> bool:
        """Choose the shift; always possible."""
        self._shifted = self._values + shift
        return True

    def solve(self, right: np.ndarray) -> np.ndarray:
        """(Θ + shift·I)⁻¹·right, approximate."""
        solution: np.ndarray = self._vectors @ ((self._vectors.T @ right) / self._shifted)
        return solution


class _Factor:
    """The same by a Cholesky factor per shift. `largest` is the largest row sum, which bounds λ_max."""

    def __init__(self, kernel: np.ndarray) -> None:
        self._kernel = kernel
        self.largest = float(np.abs(kernel).sum(axis=1).max())
        self._factor: tuple[np.ndarray, bool] | None = None

    def shift(self, shift: float) -> bool:
        """Choose the shift; False where Θ + shift·I is not numerically positive definite."""
        shifted = self._kernel.copy()
        shifted[np.diag_indices_from(shifted)] += shift
        try:
            self._factor = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
        except scipy.linalg.LinAlgError:
            return False
        return True

    def solve(self, right: np.ndarray) -> np.ndarray:
        """(Θ + shift·I)⁻¹·right, approximate; a shift was chosen."""
        solution: np.ndarray = scipy.linalg.cho_solve(self._factor, right, check_finite=False)
        return solution


class _Search:
    """The iteration's state: θ, ‖e(θ)‖, τ."""

    def __init__(self, network: Network, data: DataSet) -> None:
        self._network, self._data = network, data
        self._descent = Descent(network, data, Fraction(1), Fraction(1))
        self.theta, self.damping = flatten(network), 0.0
        self.norm = self._norm(self.theta)

    def _residual(self, theta: Vector) -> np.ndarray:
        with np.errstate(all="ignore"):
            return self._descent.residual(theta).ravel()

    def _norm(self, theta: Vector) -> float:
        value = float(np.linalg.norm(self._residual(theta)))
        return value if math.isfinite(value) else math.inf

    def step(self, *, accelerate: bool) -> bool:
        """Take one damped step; False if none lowers ‖e‖."""
        state = linearise(with_parameters(self._network, self.theta), self._data.X)
        kernel, residual = kernel_of(state).mid, residual_of(state, self._data.y).mid
        if not (np.isfinite(kernel).all() and np.isfinite(residual).all()):
            return False
        normal = _Eigenvalues(kernel) if len(kernel) < _FACTOR_FROM else _Factor(kernel)
        if not normal.largest > 0.0:
            return False
        for _ in range(_TRIALS):
            shift = self.damping * normal.largest
            if not normal.shift(shift):
                self.damping = max(4.0 * self.damping, _LEAST_DAMPING)
                continue
            weights = normal.solve(residual)
            straight = self.theta - _direction(state, weights)
            trial: Vector | None = straight
            if accelerate and self._network.is_smooth:
                trial = self._bend(state, straight, kernel @ weights, residual, normal)
            after = math.inf if trial is None else self._norm(trial)
            # What the linearisation leaves of e: (I − JJᵀ(JJᵀ + τλ_max I)⁻¹)e = τλ_max(JJᵀ + τλ_max I)⁻¹e.
            promised = self.norm**2 - float(np.sum((shift * weights) ** 2))
            gain = (self.norm**2 - after**2) / promised if promised > 0.0 else -1.0
            if trial is not None and after < self.norm and (gain > 1e-3 or not accelerate):
                self.theta, self.norm = trial, after
                if gain > 0.75:
                    self.damping = self.damping / 10.0 if self.damping > _LEAST_DAMPING else 0.0
                elif gain < 0.25 and accelerate:
                    self.damping = max(4.0 * self.damping, _LEAST_DAMPING)
                return True
            self.damping = max(4.0 * self.damping, _LEAST_DAMPING)
        return False

    def _bend(
        self,
        state: Linearisation,
        trial: Vector,
        moved: np.ndarray,
        residual: np.ndarray,
        normal: _Eigenvalues | _Factor,
    ) -> Vector | None:
        """Return the trial with its second-order correction; None where that is no small correction: the step is too long.

        `moved` is −Jd; `normal` solves with JJᵀ + τλ_max I.
        """
        d = trial - self.theta
        ahead = self._residual(self.theta + _PROBE * d)
        second = (2.0 / _PROBE) * ((ahead - residual) / _PROBE + moved)
        if not np.isfinite(second).all():
            return None
        correction = -0.5 * _direction(state, normal.solve(second))
        if float(np.linalg.norm(correction)) > _BENT * float(np.linalg.norm(d)):
            return None
        corrected: Vector = trial + correction
        return corrected
