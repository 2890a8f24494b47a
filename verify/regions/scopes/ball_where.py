"""Scope `ball` about another centre than the parameters given (``centre=``), and for every data set nearby (``data_radius=``).

Statement. c is an exact vector handed in (a mean of iterates, an earlier or later checkpoint), θ0 the parameters given, d0 ≥ ‖θ0 − c‖ as proved. Either
(i) *displacement*, which asks nothing of the start but its distance: every real-arithmetic gradient descent with step η started within ρ ≥ d0 of c, so
    the one from θ0, stays in B(c, R), a Locally PL Region, and converges; what scope `basin` says of a centre that it finds itself (claim
    containment_displacement); or
(ii) *off the centre* (claim handover): gradient descent from θ0 stays in B(c, R), by the classical or the residual form about c, begun at distance d0 with
    the residual at θ0 itself.
(i) is tried first, since it says more. Where ηs‖J‖² ≤ 1 all its constants are bounds for any shorter step as well (δ grows with η, the threshold does not
depend on it), so it is an a-priori statement: every start within ρ, every step up to η, and no run is followed.

With ``data_radius`` ε > 0 the same as (ii) for every data set whose inputs lie within ε of those given, sample by sample in the Euclidean norm, the targets
being the same: each number it rests on is a bound for all of them (claim inputs_nearby).

Witness: as for scope `ball`, with ``centre`` and ``offset`` d0 (ii), or as for scope `basin` (i); ``data_radius``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.certificates import Certificate
from verify.decimals import at_least, at_most
from verify.networks import Problem
from verify.networks.linearisation import Linearisation
from verify.networks.parameters import Vector, flatten
from verify.regions.descent.iterates import read_iterate
from verify.regions.neighbourhood.basins import basin_constants, basin_text, basin_witness, find_basin, inside
from verify.regions.neighbourhood.crossing import crossing_basin
from verify.regions.neighbourhood.estimate import with_start
from verify.regions.neighbourhood.ingredients import Ingredients, decided_by, gather, upper
from verify.regions.neighbourhood.point_facts import drift, examine
from verify.regions.scopes.options import BallOptions

__all__ = ["Where", "displacement_certificate"]


@dataclass(frozen=True)
class Where:
    """About which point, and for which data, a ball is looked for.

    Attributes:
        start: θ0 (p,), exact. centre: c (p,), exact; None for θ0 itself. data_radius: ε, an exact double ≥ 0.
    """

    start: Vector
    centre: Vector | None = None
    data_radius: float = 0.0

    @property
    def distance(self) -> Ball:
        """Enclose ‖θ0 − c‖."""
        return Ball(0.0) if self.centre is None else drift(self.start, self.centre)

    @classmethod
    def of(cls, problem: Problem, options: BallOptions) -> Where:
        """Read the centre.

        Raises:
            InputError, ShapeError, DtypeError, NonFiniteError: a centre that does not fit the network.
        """
        given, network = options.centre, problem.network
        centre = None if given is None else read_iterate(network, given, "centre")
        return cls(flatten(network), centre, options.data_radius)

    def gather(self, problem: Problem, state: Linearisation | None = None) -> Ingredients:
        """Enclose the ingredients at c for a start at θ0; `state`: the linearisation at θ0 in float64 where it is at hand."""
        if self.centre is None:
            return gather(problem, data_radius=self.data_radius, state=state)
        about = gather(problem.at(self.centre), data_radius=self.data_radius)
        here = examine(problem, data_radius=self.data_radius)
        return with_start(about, upper(self.distance), upper(here.facts.residual))

    def constants(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Add what the statement names besides the ball's constants; of data nearby each is the bound that holds for all of them."""
        more: dict[str, Any] = {**found}
        if self.centre is not None:
            more["distance"] = self.distance
        if self.data_radius > 0.0:
            more["data_radius"] = Ball(self.data_radius)
        return more

    def witness(self) -> dict[str, Any]:
        """Return what a checker needs besides the ball's witness."""
        more: dict[str, Any] = {}
        if self.centre is not None:
            more |= {"centre": self.centre, "offset": upper(self.distance)}
        return more | ({"data_radius": self.data_radius} if self.data_radius > 0.0 else {})

    @property
    def about(self) -> str:
        """Say in words what the ball is about."""
        return "" if self.centre is None else f" about the centre given, ‖θ − c‖ ≤ {at_most(upper(self.distance), 6)},"

    @property
    def data(self) -> str:
        """Say in words for which data."""
        if self.data_radius == 0.0:
            return ""
        return f"for every data set whose inputs lie within {at_least(self.data_radius, 6)} of the given ones, sample by sample: "


def displacement_certificate(problem: Problem, where: Where) -> Certificate | None:
    """Certify form (i) about `where`'s centre; None where no ball of starts is found that holds θ0, or data nearby are asked for."""
    if where.centre is None or where.data_radius > 0.0:
        return None
    here = examine(problem.at(where.centre), origin=where.start)
    found = find_basin(here, problem.lr)
    if found is None and not problem.network.is_smooth:
        found = crossing_basin(here, problem.lr)
    if found is None:
        return None
    within = inside(where.distance, found)
    if not within.certain:
        return None
    about = f"the centre given, so from these parameters at ‖θ − c‖ ≤ {at_most(upper(where.distance), 4)},"
    return Certificate(
        scope="ball",
        verdict="PROVED",
        reason=f"{basin_text(found, problem.loss, about, 'it')} ({found.form} criterion)",
        problem=problem.stepping(found.lr),
        constants=basin_constants(found, here, where.distance),
        margins={f"{found.form} containment": found.margin},
        steps=(*found.steps, within),
        witness=basin_witness(found, np.asarray(where.centre)),
        observed=decided_by(here.state.bits),
    )
