"""Facts of scope 'region': descent from the centre of the starts, and from the boundary of their ball, enclosed in Arb; λ and PL at points of the region."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from property_tests.basins import descent_in_ball, directions
from property_tests.claims import Claims, Facts, decide, pl_facts, semidefinite_above
from property_tests.draws import Architecture, Inputs, Targets, TrainingProblem
from property_tests.reference import Reference
from property_tests.trajectories import with_weights

__all__ = ["RegionClaims", "RegionDraw", "region_draws", "region_facts"]

# Rounding centre + r·u to doubles must not leave the ball.
_WITHIN = 1.0 - 2.0**-20


@dataclass(frozen=True)
class RegionDraw:
    """A problem, the step as an exact number, the radius of the ball of starts (0: the initialisation alone), the centre's name, and how far other data lie."""

    problem: TrainingProblem
    lr: Fraction
    start_radius: float
    centre: str
    data_radius: float = 0.0


@st.composite
def region_draws(draw: st.DrawFn) -> RegionDraw:
    """Two-layer NTK networks of width 128–512, antisymmetric, on one to three inputs on a sphere: wide enough for most, small enough for Arb."""
    seeds = st.integers(0, 2**16 - 1)
    architecture = Architecture(
        widths=(draw(st.integers(3, 6)), draw(st.sampled_from([128, 256, 512])), 1),
        activations=(draw(st.sampled_from(["tanh", "sine", "gelu", "sigmoid"])),),
        parametrisation="ntk",
        bias=draw(st.booleans()),
        seed=draw(seeds),
        antisymmetric=True,
        full_precision=True,
    )
    problem = TrainingProblem(
        architecture=architecture,
        inputs=Inputs(
            n=draw(st.integers(1, 3)), kind="sphere", size=draw(st.sampled_from([3.0, 4.0])), seed=draw(seeds)
        ),
        targets=Targets("signs", seed=draw(seeds)),
        loss="sum",
        step=None,
        reach=None,
    )
    radius = draw(st.sampled_from([0.0, 2.0**-100, 2.0**-20, 1e-3]))
    return RegionDraw(
        problem,
        draw(st.sampled_from([Fraction(1, 10), Fraction(1, 20)])),
        radius,
        draw(st.sampled_from(["midpoint", "initialisation"])),
        draw(st.sampled_from([0.0, 2.0**-100, 2.0**-20, 1e-3])),
    )


@dataclass(frozen=True)
class RegionClaims:
    """The numbers of a PROVED region, each the end point that makes the claim strongest.

    Attributes:
        centre: c (p,). radius: R. starts: r. rate: Φ_{k+1} ≤ rate·Φ_k. lr: η. lam, mu: λ_min(Θ) and the PL constant on B(c, R).
        data: ε, for every data set with each input within it.
    """

    centre: np.ndarray
    radius: float
    starts: float
    rate: float
    lr: Fraction
    lam: float
    mu: float
    data: float = 0.0

    @staticmethod
    def of(certificate: Any) -> RegionClaims:
        """Read a PROVED certificate of scope 'region'."""
        c = certificate.constants
        starts, data = c.get("start_radius"), c.get("data_radius")
        return RegionClaims(
            np.asarray(certificate.witness["region"]["centre"]),
            float(c["region_radius"].upper()),
            0.0 if starts is None else float(starts.lower()),
            float(c["region_rate"].upper()),
            Fraction(c["lr"]),
            float(c["region_lambda"].lower()),
            float(c["region_mu"].lower()),
            0.0 if data is None else float(data.lower()),
        )


def region_facts(problem: TrainingProblem, claims: RegionClaims, *, steps: int = 6, seed: int = 0) -> Facts:
    """Decide containment and rate along descent from several starts on as many data sets, and λ and PL at as many points of the region.

    Args:
        problem: as drawn. claims: of the certificate. steps: of each descent. seed: of the random directions.

    Raises:
        Violation, Undecided.
    """
    layers, rng = problem.architecture.layers(), np.random.default_rng(seed)
    origin = Reference(layers, problem.X, problem.y, problem.s)
    middle = Reference(with_weights(layers, claims.centre), problem.X, problem.y, problem.s)
    start = origin.flat_centre
    for index, direction in enumerate(directions(origin, seed)):
        X = _nearby(problem.X, claims.data, index, rng)
        if index == 0 or claims.starts > 0.0 or claims.data > 0.0:
            moved = with_weights(layers, start + _WITHIN * claims.starts * direction)
            reference = Reference(moved, X, problem.y, problem.s)
            yield from descent_in_ball("region", reference, middle, claims, steps)
        yield from _point(middle, problem, X, claims, claims.centre + _WITHIN * claims.radius * direction)


def _nearby(X: np.ndarray, radius: float, index: int, rng: np.random.Generator) -> np.ndarray:
    """Other inputs on the boundary: all nearer to 0, all farther away, or anywhere; the stored ones where the radius is 0."""
    away = (-X, X)[index] if index < 2 else rng.standard_normal(X.shape)
    return np.asarray(X + _WITHIN * radius * away / np.linalg.norm(away, axis=1, keepdims=True))


def _point(middle: Reference, problem: TrainingProblem, X: np.ndarray, claims: RegionClaims, flat: np.ndarray) -> Facts:
    here = Reference(with_weights(problem.architecture.layers(), flat), X, problem.y, problem.s)

    def kernel() -> Any:
        jacobian = here.jacobian(here.centre)
        return jacobian * jacobian.transpose()

    decide("region_lambda", lambda: semidefinite_above(kernel(), claims.lam))
    ball = Claims(
        s=middle.s,
        lr=claims.lr,
        radius=claims.radius,
        lambda0_lower=0.0,
        lambda0_upper=float("inf"),
        jacobian_norm0=float("inf"),
        residual0=float("inf"),
        loss0=(0.0, float("inf")),
        lambda_region=claims.lam,
        mu=claims.mu,
        smoothness=float("inf"),
        curvature=float("inf"),
        drift=float("inf"),
        path=float("inf"),
        rate=claims.rate,
        payment=0.0,
        arrival=0.0,
    )
    yield from pl_facts(here, ball, here.centre)
