"""Facts of scope 'basin': gradient descent from starts all over B(c, ρ), enclosed in Arb, and λ, PL and drift at points of B(c, R)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from flint import arb

from property_tests.claims import Claims, Facts, Undecided, point_facts, require
from property_tests.reference import LayerSpec, Reference, as_arb, float_matrix, precision, squared_norm
from property_tests.trajectories import with_weights

__all__ = ["BasinClaims", "basin_facts", "descent_in_ball", "directions"]

_BITS = (256, 1024)
_LEAST_ACCURACY = 64
# Rounding c + ρu to doubles must not leave the ball.
_WITHIN = 1.0 - 2.0**-20


@dataclass(frozen=True)
class BasinClaims:
    """The numbers of a PROVED basin, each the end point that makes the claim strongest.

    Attributes:
        centre: c (p,). radius: R. basin: ρ. rate: Φ_{k+1} ≤ rate·Φ_k. lr: η. residual: ‖e‖ on B(c, ρ). zero: r_0.
        ball: what is claimed of the ball B(c, R).
    """

    centre: np.ndarray
    radius: float
    basin: float
    rate: float
    lr: Fraction
    residual: float
    zero: float
    ball: Claims

    @staticmethod
    def of(certificate: Any) -> BasinClaims:
        """Read a PROVED certificate of scope 'basin'."""
        c = certificate.constants
        problem = certificate.problem
        ball = Claims(
            s=problem.scale,
            lr=Fraction(c["lr"]),
            radius=float(c["radius"].upper()),
            lambda0_lower=float(c["lambda0"].lower()),
            lambda0_upper=float(c["lambda0"].upper()),
            jacobian_norm0=float(c["jacobian_norm0"].upper()),
            residual0=float(c["residual0"].upper()),
            loss0=(0.0, float(c["loss0"].upper())),
            lambda_region=float(c["lambda_region"].lower()),
            mu=float(c["mu"].lower()),
            smoothness=float("inf"),
            curvature=float(c["L_H"].upper()),
            drift=float(c["Delta_J"].upper()),
            path=float("inf"),
            rate=float(c["rate"].upper()),
            payment=0.0,
            arrival=0.0,
        )
        return BasinClaims(
            np.asarray(certificate.witness["centre"]),
            ball.radius,
            float(c["basin_radius"].lower()),
            ball.rate,
            ball.lr,
            float(c["basin_residual"].upper()),
            float(c["zero_loss_distance"].upper()),
            ball,
        )


def basin_facts(layers: list[LayerSpec], problem: Any, claims: BasinClaims, *, steps: int = 8, seed: int = 0) -> Facts:
    """Decide containment, rate and residual from several starts, and the ball's facts at as many points.

    Args:
        layers, problem: as drawn. claims: of the certificate. steps: of each descent. seed: of the random directions.

    Raises:
        Violation, Undecided.
    """
    centre = Reference(with_weights(layers, claims.centre), problem.X, problem.y, problem.s)
    # A linear model's basin may be larger than any double's neighbourhood of interest: test it where numbers are of ordinary size.
    scale = 1e3 * (1.0 + float(np.abs(claims.centre).max(initial=0.0)))
    reach = min(claims.basin * _WITHIN, scale)
    for direction in directions(centre, seed):
        start = claims.centre + reach * direction
        reference = Reference(with_weights(layers, start), problem.X, problem.y, problem.s)
        yield from descent_in_ball("basin", reference, centre, claims, steps)
        yield from _first_residual(reference, claims.residual)
        yield from point_facts(centre, claims.ball, claims.centre + min(claims.radius * _WITHIN, scale) * direction, {})


def directions(centre: Reference, seed: int) -> Iterator[np.ndarray]:
    """Unit directions (guesses): the Jacobian's extreme right singular vectors, both ways, and two random ones."""
    with precision(_BITS[0]):
        jacobian = float_matrix(centre.jacobian(centre.centre))
    right = np.linalg.svd(jacobian, full_matrices=False)[2]
    rng = np.random.default_rng(seed)
    p = jacobian.shape[1]
    for vector in (right[0], -right[0], right[-1], -right[-1], rng.standard_normal(p), rng.standard_normal(p)):
        yield np.asarray(vector / np.linalg.norm(vector))


def _first_residual(reference: Reference, bound: float) -> Facts:
    """‖e‖ at the reference's own parameters."""
    with precision(_BITS[-1]):
        squared = squared_norm(reference.residual(reference.centre))
        if squared > 0 and squared.rel_accuracy_bits() >= _LEAST_ACCURACY:
            require("basin_residual", squared.sqrt(), as_arb(bound))
            yield "basin_residual", 1.0 - float((squared.sqrt() / as_arb(bound)).mid())


class _Ball(Protocol):
    """What is claimed of descent in a ball: B(centre, radius) is not left, Φ_{k+1} ≤ rate·Φ_k with step lr."""

    @property
    def radius(self) -> float: ...

    @property
    def rate(self) -> float: ...

    @property
    def lr(self) -> Fraction: ...


def descent_in_ball(name: str, reference: Reference, centre: Reference, claims: _Ball, steps: int) -> Facts:
    """Decide containment and rate along descent from the reference's own parameters: facts ``name_containment`` and ``name_rate``.

    Args:
        reference: starts the descent. centre: its parameters are the ball's. claims: of the certificate. steps: of the descent.

    Raises:
        Violation, Undecided.
    """
    for bits in _BITS:
        try:
            with precision(bits):
                found = list(_descent(name, reference, centre, claims, steps))
            break
        except Undecided:
            if bits == _BITS[-1]:
                raise
    yield from found


def _descent(name: str, reference: Reference, centre: Reference, claims: _Ball, steps: int) -> Facts:
    before: arb | None = None
    farthest = arb(0)
    for theta, error in reference.descend(claims.lr, steps):
        squared = squared_norm(error)
        if not squared > 0 or squared.rel_accuracy_bits() < _LEAST_ACCURACY:
            break
        distance = squared_norm(theta.minus(centre.centre)).sqrt()
        require(f"{name}_containment", distance, as_arb(claims.radius))
        farthest = farthest.max(distance)
        if before is not None:
            require(f"{name}_rate", squared, as_arb(claims.rate) * before)
            yield f"{name}_rate", 1.0 - float((squared / (as_arb(claims.rate) * before)).mid())
        before = squared
    yield f"{name}_containment", max(0.0, 1.0 - float((farthest / as_arb(claims.radius)).mid()))
