"""Facts of scope 'region': descent from the centre of the starts, and from the boundary of their ball, enclosed in Arb; λ and PL at points of the region.

Forgeries put another point in the place of the centre; the checker must reject each, or what it then states must be true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
from hypothesis import strategies as st

from property_tests.basins import descent_in_ball, directions
from property_tests.centres import engine_problem, nearby, segment_facts
from property_tests.claims import Claims, Facts, decide, pl_facts, semidefinite_above
from property_tests.draws import Architecture, Inputs, Targets, TrainingProblem
from property_tests.reference import Reference
from property_tests.search import adversarial_points
from property_tests.trajectories import with_weights
from verify.networks.parameters import flatten

__all__ = ["RegionClaims", "RegionDraw", "forged_region", "region_draws", "region_facts"]

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
    """Networks that are wide for their few inputs on a sphere, small enough for Arb: one hidden layer, antisymmetric, or one in four times two."""
    deep = draw(st.sampled_from([False, False, False, True]))
    problem = draw(_deep() if deep else _shallow())
    # The step belongs to the loss: ηs is drawn.
    eta_s = Fraction(1, 4) if deep else draw(st.sampled_from([Fraction(1, 10), Fraction(1, 20)]))
    radius = draw(st.sampled_from([0.0, 2.0**-100, 2.0**-20, 2.0**-20 if deep else 1e-3]))
    return RegionDraw(
        problem,
        eta_s / problem.s,
        radius,
        draw(st.sampled_from(["midpoint", "initialisation"])),
        draw(st.sampled_from([0.0, 2.0**-100, 2.0**-20, 2.0**-20 if deep else 1e-3])),
    )


_SEEDS = st.integers(0, 2**16 - 1)
_LOSSES: st.SearchStrategy[Any] = st.sampled_from(["sum", "mean", "mse", "mse_sum"])


@st.composite
def _shallow(draw: st.DrawFn) -> TrainingProblem:
    outputs = draw(st.sampled_from([1, 1, 2]))
    architecture = Architecture(
        widths=(draw(st.integers(3, 6)), draw(st.sampled_from([128, 256, 128, 512])), outputs),
        activations=(draw(st.sampled_from(["tanh", "sine", "gelu", "sigmoid"])),),
        parametrisation="ntk",
        bias=draw(st.booleans()),
        seed=draw(_SEEDS),
        antisymmetric=True,
        full_precision=True,
    )
    inputs = Inputs(draw(st.integers(1, 3)), "sphere", draw(st.sampled_from([3.0, 4.0])), seed=draw(_SEEDS))
    return TrainingProblem(architecture, inputs, Targets("signs", seed=draw(_SEEDS)), draw(_LOSSES), reach=None)


@st.composite
def _deep(draw: st.DrawFn) -> TrainingProblem:
    """Two hidden layers: λ comes from the last layer's inputs."""
    width = draw(st.sampled_from([24, 32]))
    architecture = Architecture(
        widths=(draw(st.integers(8, 12)), width, width, 1),
        activations=("tanh", "tanh"),
        parametrisation="ntk",
        seed=draw(_SEEDS),
        full_precision=True,
    )
    inputs = Inputs(draw(st.sampled_from([1, 1, 2])), "sphere", 3.0, seed=draw(_SEEDS))
    return TrainingProblem(architecture, inputs, Targets("real", 0.5, draw(_SEEDS)), draw(_LOSSES), reach=None)


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


def region_facts(
    problem: TrainingProblem, claims: RegionClaims, *, steps: int = 6, seed: int = 0, effort: int = 0
) -> Facts:
    """Decide containment and rate along descent from several starts on as many data sets, and λ and PL at as many points of the region, and attacked ones.

    Args:
        problem: as drawn. claims: of the certificate. steps: of each descent. seed: of the random directions. effort: of the attack on λ_min.

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
            if index == 0:
                yield from segment_facts("region", reference, middle, claims, share=rng.random())
        yield from _point(middle, problem, X, claims, claims.centre + _WITHIN * claims.radius * direction)
    exact = engine_problem(problem).at(claims.centre)
    # The centre comes first, then what the attack finds, and two steps down the gradient of λ_min.
    for flat in islice(adversarial_points(exact, claims.radius, seed=seed, effort=effort), 1, 3 + (effort > 0)):
        yield from _point(middle, problem, X, claims, claims.centre + _WITHIN * (flat - claims.centre))


def _nearby(X: np.ndarray, radius: float, index: int, rng: np.random.Generator) -> np.ndarray:
    """Other inputs on the boundary: all nearer to 0, all farther away, or anywhere; the stored ones where the radius is 0."""
    return nearby(X, radius, (-X, X)[index] if index < 2 else rng.standard_normal(X.shape))


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


def forged_region(draw: RegionDraw, certificate: Any) -> tuple[str, Any]:
    """Return a certificate about another centre than its radius belongs to; which one the draw's seed says."""
    region, problem = certificate.witness["region"], certificate.problem
    start, centre = flatten(problem.network), np.asarray(region["centre"])
    architecture = draw.problem.architecture
    other = Reference(
        replace(architecture, seed=architecture.seed + 1).layers(), draw.problem.X, draw.problem.y, problem.scale
    )
    ways = {
        "swapped": (start, centre),
        "the other centre": (
            2.0 * centre - start if draw.centre == "midpoint" else centre + (centre - certificate.witness["end"]),
            start,
        ),
        "another order": (np.ascontiguousarray(centre[::-1]), start),
        "another network's centre": (other.flat_centre, start),
    }
    # Where the region is about the start itself, swapped points are the same file; so is a centre that reads alike backwards.
    altered = {
        name: points
        for name, points in ways.items()
        if not (np.array_equal(points[0], centre) and np.array_equal(points[1], start))
    }
    name = list(altered)[architecture.seed % len(altered)]
    about, theta = altered[name]
    witness = {**certificate.witness, "region": {**region, "centre": about}}
    return name, replace(certificate, witness=witness, problem=problem.at(theta))
