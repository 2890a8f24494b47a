"""Facts of scope `ball` with ``centre=`` and ``data_radius=``: descent from the parameters in a ball about another point, on every data set nearby.

A centre is drawn as c = θ0 − share·J⁺e0 + aside·‖J⁺e0‖·u: the parameters, half the way to a fit, the fit, or beyond, and beside it. Forgeries exchange the
two points, take the centre's numbers in another order, or take either point from another network: the checker must reject each, or what it then
states must be true.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from hypothesis import strategies as st

import verify
from property_tests import strategies
from property_tests.basins import BasinClaims, basin_facts, descent_in_ball
from property_tests.claims import (
    Claims,
    Facts,
    Violation,
    centre_facts,
    descent_facts,
    point_facts,
    require,
    semidefinite_above,
)
from property_tests.draws import TrainingProblem
from property_tests.reference import Reference, as_arb, float_matrix, precision, squared_norm
from property_tests.search import adversarial_points, worst_directions
from property_tests.trajectories import with_weights
from verify.networks.parameters import flatten

__all__ = [
    "CentreDraw",
    "centre_certificate",
    "centre_draws",
    "data_sets",
    "engine_problem",
    "facts_about",
    "forgeries",
    "is_accepted",
    "nearby",
    "segment_facts",
]

_BITS = (256, 1024)
_LEAST_ACCURACY = 64
# Rounding x + ε·u to doubles must not leave the ball of data.
_WITHIN = 1.0 - 2.0**-20
# Points of the ball, besides the centre, that are looked at for other data than the stored.
_FEW = 2


@dataclass(frozen=True)
class CentreDraw:
    """A problem, where the centre lies, and how far other data may.

    Attributes:
        share, aside: of the module's formula; both 0: no centre is named. data: ε over the largest ‖x_i‖.
    """

    problem: TrainingProblem
    share: float
    aside: float
    data: float = 0.0

    @cached_property
    def start(self) -> np.ndarray:
        """θ0."""
        return self._origin.flat_centre

    @cached_property
    def _origin(self) -> Reference:
        p = self.problem
        return Reference(p.architecture.layers(), p.X, p.y, p.s)

    @cached_property
    def centre(self) -> np.ndarray | None:
        """c, exact doubles; None for the parameters themselves."""
        if self.share == 0.0 == self.aside:
            return None
        with precision(_BITS[0]):
            jacobian = float_matrix(self._origin.jacobian(self._origin.centre))
            error = np.array([float(x.mid()) for x in self._origin.residual(self._origin.centre)])
        towards = np.linalg.lstsq(jacobian, -error, rcond=None)[0]
        unit = np.random.default_rng(self.problem.architecture.seed).standard_normal(self.start.size)
        size = float(np.linalg.norm(towards)) / float(np.linalg.norm(unit))
        return np.asarray(self.start + self.share * towards + self.aside * size * unit)

    @cached_property
    def data_radius(self) -> float:
        """ε."""
        return self.data * float(np.linalg.norm(self.problem.X, axis=1).max())

    @property
    def kind(self) -> str:
        """Under which draws are counted."""
        if self.data > 0.0:
            return "data nearby"
        return "centre, R searched" if self.problem.reach is None else "centre, R given"


@st.composite
def centre_draws(draw: st.DrawFn) -> CentreDraw:
    """Small networks of any depth near their solution, as those of balls; a centre in four of five, other data in two of five."""
    problem = draw(strategies.near_problems(depths=(1, 4), max_width=8, max_parameters=60))
    easier = replace(problem.targets, size=problem.targets.size / 4)
    reach = draw(st.sampled_from([2.0, None, 1.5, 3.0]))
    data = draw(st.sampled_from([0.0, 0.0, 0.0, 2.0**-30, 2.0**-14]))
    shares = [0.5, 1.0, 0.25, 1.25, 0.0]
    share = draw(st.sampled_from(shares))
    return CentreDraw(
        replace(problem, targets=easier, reach=reach),
        share,
        draw(st.sampled_from([0.0, 0.1, 0.5])) if share > 0.0 or data == 0.0 else 0.0,
        data,
    )


def centre_certificate(draw: CentreDraw) -> Any:
    """Certify scope `ball` about the drawn centre: with the engine's step, or the drawn fraction of its bound."""
    p = draw.problem
    options: dict[str, Any] = {"loss": p.loss, "radius": p.radius, "data_radius": draw.data_radius}
    if draw.centre is not None:
        options["centre"] = draw.centre
    found = verify.certify(p.model, p.X, p.y, **options)
    if found.verdict != "PROVED" or p.step is None or "step_bound" not in found.constants:
        return found
    return verify.certify(
        p.model, p.X, p.y, lr=p.step * Fraction(float(found.constants["step_bound"].lower())), **options
    )


def nearby(X: np.ndarray, radius: float, away: np.ndarray) -> np.ndarray:
    """Move each input by (almost) `radius` in the directions of the rows of `away`."""
    lengths = np.linalg.norm(away, axis=1, keepdims=True)
    return np.asarray(X + _WITHIN * radius * np.divide(away, lengths, out=np.zeros_like(away), where=lengths > 0.0))


def data_sets(X: np.ndarray, radius: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the stored inputs and, where the radius is not 0, some on its boundary: all nearer to 0, all farther away, anywhere."""
    yield X
    for away in (-X, X, rng.standard_normal(X.shape)) if radius > 0.0 else ():
        yield nearby(X, radius, away)


def facts_about(problem: TrainingProblem, certificate: Any, *, effort: int = 0, steps: int = 8, seed: int = 0) -> Facts:
    """Decide every fact of a PROVED ball, whatever it is about: of the centre, of points of the ball, along descent from the stored parameters.

    Args:
        problem: as drawn, but for its parameters: those are the certificate's. certificate: scope `ball`. effort, steps: of the attack, of each descent.
        seed: of the random points and data.

    Raises:
        Violation, Undecided.
    """
    start = flatten(certificate.problem.network)
    if "basin" in certificate.witness:
        yield from _every_start(problem, certificate, start, steps, seed)
        return
    data = certificate.witness.get("data_radius", 0.0)
    centre = np.asarray(certificate.witness.get("centre", start))
    yield from off_centre_facts(
        problem, Claims.of(certificate), start, centre, data, effort=effort, steps=steps, seed=seed
    )


def off_centre_facts(
    problem: TrainingProblem,
    claims: Claims,
    start: np.ndarray,
    centre: np.ndarray,
    data: float,
    *,
    effort: int = 0,
    steps: int = 8,
    seed: int = 0,
) -> Facts:
    """Decide `claims` of B(centre, R) and of descent from `start`, for the stored data and some within `data` of them."""
    rng, layers = np.random.default_rng(seed), problem.architecture.layers()
    exact = engine_problem(problem).at(centre)
    points = list(adversarial_points(exact, claims.radius, seed=seed, effort=effort))
    for number, X in enumerate(data_sets(problem.X, data, rng)):
        first = Reference(with_weights(layers, start), X, problem.y, problem.s)
        middle = Reference(with_weights(layers, centre), X, problem.y, problem.s)
        # The residual is the start's, the loss that of the stored data at the centre.
        yield from centre_facts(middle, _of_centre(claims, stored=number == 0))
        yield from _residual(first, claims)
        for flat in points[: None if number == 0 else _FEW]:
            yield from point_facts(middle, claims, flat, worst_directions(exact, flat))
        yield from descent_facts(first, claims, steps, about=middle)
        yield from segment_facts(
            "centre", first, middle, _Claimed(claims.radius, claims.lambda_region, claims.lr), share=rng.random()
        )


def engine_problem(problem: TrainingProblem) -> Any:
    """The engine's view of a drawn problem, for guesses."""
    from verify.networks import Problem, read_data, read_network

    network = read_network(problem.model)
    return Problem(network, read_data(network, problem.X, problem.y), problem.loss)


def _of_centre(claims: Claims, *, stored: bool) -> Claims:
    """The claims with what is not claimed at the centre left open."""
    return claims.with_(residual0=float("inf"), **({} if stored else {"loss0": (0.0, float("inf"))}))


def _residual(first: Reference, claims: Claims) -> Facts:
    for bits in _BITS:
        with precision(bits):
            squared = squared_norm(first.residual(first.centre))
            if squared == 0 or squared.rel_accuracy_bits() >= _LEAST_ACCURACY:
                break
    with precision(_BITS[-1]):
        require("residual0", squared, as_arb(claims.residual0) ** 2)
        yield "residual0", max(0.0, 1.0 - float(squared.sqrt().mid()) / claims.residual0) if claims.residual0 else 0.0


class _Ball(Protocol):
    """What is claimed of a ball and of descent in it."""

    @property
    def radius(self) -> float: ...

    @property
    def lam(self) -> float: ...

    @property
    def lr(self) -> Fraction: ...


@dataclass(frozen=True)
class _Claimed:
    radius: float
    lam: float
    lr: Fraction


def segment_facts(name: str, first: Reference, middle: Reference, claims: _Ball, *, share: float) -> Facts:
    """Decide that a point of each of the first two segments between iterates lies in the ball, and λ_min ≥ λ there.

    Args:
        name: before ``_segment``. first: starts the descent. middle: its parameters are the ball's centre. share: of the segment, in [0, 1].
    """
    with precision(_BITS[0]):
        for (theta, _), (after, error) in pairwise(first.descend(claims.lr, 2)):
            squared = squared_norm(error)
            if not squared > 0 or squared.rel_accuracy_bits() < _LEAST_ACCURACY:
                return
            ends = zip(theta.entries(), after.entries(), strict=True)
            between = theta.like([x + as_arb(share) * (y - x) for x, y in ends])
            away = squared_norm(between.minus(middle.centre)).sqrt()
            require(f"{name}_segment", away, as_arb(claims.radius))
            jacobian = first.jacobian(between)
            kernel = jacobian * jacobian.transpose()
            if semidefinite_above(kernel, claims.lam) is not True:
                raise Violation(f"{name}_segment: λ_min ≥ {claims.lam} does not hold between two iterates")
            yield f"{name}_segment", max(0.0, 1.0 - float((away / as_arb(claims.radius)).mid()))


def _every_start(problem: TrainingProblem, certificate: Any, start: np.ndarray, steps: int, seed: int) -> Facts:
    """A ball of starts about the centre that holds the stored parameters."""
    layers, claims = problem.architecture.layers(), BasinClaims.of(certificate)
    first = Reference(with_weights(layers, start), problem.X, problem.y, problem.s)
    middle = Reference(with_weights(layers, claims.centre), problem.X, problem.y, problem.s)
    with precision(_BITS[-1]):
        away = squared_norm(first.centre.minus(middle.centre))
        require("centre_within", away, as_arb(claims.basin) ** 2)
    yield from descent_in_ball("centre", first, middle, claims, steps)
    yield from segment_facts(
        "centre", first, middle, _Claimed(claims.radius, claims.ball.lambda_region, claims.lr), share=0.5
    )
    yield from basin_facts(layers, problem, claims, steps=max(3, steps // 2), seed=seed)


def forgeries(draw: CentreDraw, certificate: Any) -> Iterator[tuple[str, Any]]:
    """Yield certificates about other points than what was computed is about."""
    witness, problem = certificate.witness, certificate.problem
    another = replace(draw.problem.architecture, seed=draw.problem.architecture.seed + 1)
    other = np.concatenate(
        [part.ravel() for spec in another.layers() for part in (spec.weight, spec.bias) if part is not None]
    )
    if "centre" not in witness:
        yield "another network's start", replace(certificate, problem=problem.at(other))
        return
    start, centre = flatten(problem.network), np.asarray(witness["centre"])

    def about(c: np.ndarray, theta: np.ndarray = start) -> Any:
        return replace(certificate, witness={**witness, "centre": c}, problem=problem.at(theta))

    yield "swapped", about(start, centre)
    if not np.array_equal(centre, centre[::-1]):
        yield "another order", about(np.ascontiguousarray(centre[::-1]))
    yield "another network's centre", about(other)
    yield "another network's start", about(centre, other)


def is_accepted(certificate: Any) -> bool:
    """Whether the checker accepts what is written."""
    with tempfile.TemporaryDirectory() as folder:
        return bool(verify.check(certificate.save(Path(folder) / "forged.zip")).accepted)
