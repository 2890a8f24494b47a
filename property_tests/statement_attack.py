"""The numbers of a statement in words, and floats that try to make it false: descents from its starts, on its data, and points of its ball."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from property_tests.claims import Violation
from verify.certificates import Certificate
from verify.networks import DataSet, Problem, kernel_of, linearise
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent.float64 import Descent
from verify.regions.descent.minibatch import Epochs

__all__ = ["Said", "attack"]

_ROUNDING, _STEPS, _WITHIN = 1e-9, 12, 1.0 - 1e-6
_NUMBER = r"(\d[\d.]*(?:[eE][+-]?\d+)?)"
_STARTS = (r"ρ = #", r"every start within # of the stored")
_FACTORS = (r"Φ_k ≤ #\^k", r"·#\^k after k", r"multiplies the loss by at most #", r"is at most #\^k")


def _found(patterns: tuple[str, ...], text: str) -> list[float]:
    """The first number of each pattern that occurs."""
    hits = (re.search(pattern.replace("#", _NUMBER), text.replace(",", "")) for pattern in patterns)
    return [float(hit[1].rstrip(".")) for hit in hits if hit]


@dataclass(frozen=True)
class Said:
    """What a checker's statement or a report's sentence says: R, μ, the factor of Φ, ρ or the radius of the starts, how far other data lie."""

    radius: float
    mu: float
    factor: float
    starts: float
    data: float

    @staticmethod
    def of(text: str) -> Said:
        """Read them from the words; what is not said claims nothing."""
        radius, mu = _found((r"(?:R ≤|radius at most|stays within) #",), text), _found((r"μ ≥ #",), text)
        return Said(
            radius=min(radius, default=np.inf),
            mu=max(mu, default=0.0),
            factor=min(_found(_FACTORS, text), default=1.0),
            starts=max(_found(_STARTS, text), default=0.0),
            data=max(_found((r"inputs? (?:lie )?within #",), text), default=0.0),
        )

    def no_more_than(self, other: Said) -> bool:
        """Whether this says nothing stronger, but for a sixth decimal."""
        low, high = 1.0 - 1e-6, 1.0 + 1e-6
        weaker = self.radius >= other.radius * low and self.mu <= other.mu * high and self.factor >= other.factor * low
        return weaker and self.starts <= other.starts * high and self.data <= other.data * high


def _points(certificate: Certificate) -> tuple[np.ndarray, np.ndarray]:
    """The centre of the ball, and that of the starts, of which the statement speaks."""
    witness, given = certificate.witness, flatten(certificate.problem.network)
    if certificate.scope == "region":
        return np.asarray(witness["region"]["centre"]), given
    if certificate.scope == "exact":
        return np.asarray(witness["end"]), np.asarray(witness["end"])
    if certificate.scope == "run":
        row = witness["checkpoints"][witness["handover"]["checkpoint"]]
        there = given if row["parameters"] is None else np.asarray(row["parameters"])
        return np.asarray(witness["handover"].get("centre", there)), there
    centre = np.asarray(witness.get("centre", given))
    return centre, centre if "basin" in witness or certificate.scope == "basin" else given


class _Mover:
    """One descent in float64, on other inputs than the stored: θ ↦ the next θ."""

    def __init__(self, problem: Problem, X: np.ndarray, seed: int) -> None:
        problem = replace(problem, data=DataSet(X, problem.data.y))
        self.whole, self._epochs = Descent.of(problem), None if problem.descent is None else Epochs(problem, seed)
        self._numbers = itertools.count()

    def next(self, theta: np.ndarray) -> np.ndarray:
        """One step, or one epoch of mini-batches in some order."""
        if self._epochs is None:
            return self.whole.step(theta)[0]
        return self._epochs.run(theta, self._epochs.order(next(self._numbers)))


def attack(certificate: Certificate, said: Said, seed: int = 0) -> None:
    """Follow descents that the statement speaks of, and look at points of its ball.

    Raises:
        Violation: one left the ball or fell more slowly than stated, or λ_min does not bear μ.
    """
    rng, problem = np.random.default_rng(seed), certificate.problem
    centre, start = _points(certificate)
    X = np.asarray(problem.data.X)
    outwards = np.sign(X) / np.sqrt(X[0].size)
    pulled = start - Descent(problem.network, problem.data, Fraction(1), Fraction(1)).step(start)[0]
    for k, direction in enumerate((pulled, -pulled, rng.standard_normal(centre.size), start - centre)):
        unit = direction / max(float(np.linalg.norm(direction)), 1e-300)
        moved = X + said.data * _WITHIN * (-1.0) ** k * outwards
        _follow(
            certificate,
            said,
            centre,
            start + said.starts * _WITHIN * unit,
            _Mover(problem, moved, seed),
        )
        if np.isfinite(said.radius):
            theta = centre + min(said.radius, 1e3) * _WITHIN * unit
            kernel = kernel_of(linearise(with_parameters(problem.network, theta), moved)).mid
            lowest = float(problem.scale) * float(np.linalg.eigvalsh(kernel)[0])
            if lowest < said.mu * _WITHIN:
                raise Violation(f"sλ_min = {lowest} at a point of the ball, μ = {said.mu}")


def _follow(certificate: Certificate, said: Said, centre: np.ndarray, theta: np.ndarray, mover: _Mover) -> None:
    before = np.inf
    for step in range(_STEPS):
        norm, away = mover.whole.step(theta)[1], float(np.linalg.norm(theta - centre))
        if not away <= said.radius * (1.0 + _ROUNDING) + 1e-14 * (1.0 + float(np.linalg.norm(centre))):
            raise Violation(f"step {step}: ‖θ − c‖ = {away}, R = {said.radius}")
        # A stochastic factor is not that of Φ itself.
        if certificate.problem.descent is None and norm**2 > max(said.factor * before * (1.0 + _ROUNDING), 1e-20):
            raise Violation(f"step {step}: ‖e‖² = {norm**2} after {before}, factor {said.factor}")
        before, theta = norm**2, mover.next(theta.copy())
