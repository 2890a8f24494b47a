"""Scopes `ball` and `basin` for a descent that is not full-batch gradient descent, and what the hand-over of `run` takes from them.

Statement. On B(c, R), a Locally PL Region, the descent named by the certificate (:class:`verify.networks.sgd.SGD`) stays and converges as claim
minibatch_any_order, minibatch_with_replacement or momentum_descent says: `ball` for a start at the parameters c themselves, `basin` for every start within ρ of
a centre c that Gauss–Newton found (:mod:`verify.regions.descent.polishing`). Which inequalities that takes: :mod:`verify.regions.neighbourhood.stochastic`
and :mod:`verify.regions.neighbourhood.momentum`. ``lr_largest`` is the largest step tried for which the same criterion is certain, at a row of its own.

Witness: the radius table as for scope `ball`; ``batches`` (size, bound of ‖J_b(c)‖) and ``sample``, the bound of max_i‖J_i(c)‖; ``criterion``: the rows and the
chosen numbers; ``largest``: the same for ``lr_largest``; ``centre`` for `basin`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.certificates import Certificate, Step
from verify.certificates.descent_wording import behaviour
from verify.decimals import at_least, at_most
from verify.networks import Problem
from verify.networks.arb_linearisation import affordable
from verify.networks.model import LOSS_WORDS
from verify.networks.parameters import Vector, flatten
from verify.networks.sgd import SGD
from verify.regions.neighbourhood.batches import Batches, gather_batches
from verify.regions.neighbourhood.ingredients import (
    Ingredients,
    RadiusTable,
    approx_float,
    decided_by,
    lower,
    no_rate,
    rounds_to_one,
    table_witness,
    tabulate,
    upper,
)
from verify.regions.neighbourhood.momentum import momentum
from verify.regions.neighbourhood.point_facts import Examined, examine, examine_in_arb
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.neighbourhood.search import critical_radius
from verify.regions.neighbourhood.stochastic import Contraction, Criterion, any_order, with_replacement
from verify.regions.scopes.basin import about_zeros, no_zero
from verify.regions.scopes.options import BasinOptions

__all__ = [
    "Found",
    "default_step",
    "find",
    "found_constants",
    "found_witness",
    "sgd_ball_certificate",
    "sgd_basin_certificate",
]

# Rows of the radius table, which ends at the least of the radius where λ is lost, this multiple of the distance to the fits, and a size beyond all use.
_ROWS = 96
_REACH = 1e10
_FARTHEST = 1e100
# The default step is this share of 1/(s_b‖J_b‖²).
_FRACTION = 0.9
# Every sixth row is tried first; between two of them the criterion rarely changes more than once.
_STRIDE = 6
# Halvings (of the logarithm) towards the largest step, and the rows further out that it is looked for at.
_HALVINGS = 7
_LOOKS = 8


_ELSEWHERE = (
    "Train on until the residual is smaller, or use scope='basin', which moves to a zero of the residual nearby"
)


@dataclass(frozen=True)
class Found:
    """What a search ended with.

    Attributes:
        best: the criterion that holds, or the one nearest to it; None where λ_min > 0 is not certified or nothing is finite.
        largest: the same criterion at the largest step tried for which it holds.
        table, ingredients, batches: what they read.
    """

    best: Contraction | None
    largest: Contraction | None
    table: RadiusTable | None
    ingredients: Ingredients
    batches: Batches | None

    @property
    def holds(self) -> bool:
        """Whether the criterion is certain."""
        return self.best is not None and self.best.holds


def _criterion(descent: SGD) -> Criterion:
    if descent.momentum:
        return momentum
    return with_replacement if descent.order == "with_replacement" else any_order


def _table(ingredients: Ingredients) -> RadiusTable | None:
    """Radii in geometric progression, from the distance to the nearest exact fit to where λ is lost; None where no ball keeps it (a unit at its kink)."""
    unit = max(upper(ingredients.residual0), 1e-15 * upper(ingredients.jacobian_norm0)) / math.sqrt(
        lower(ingredients.lambda0)
    )
    reach = min(critical_radius(ingredients), _FARTHEST, _REACH * unit)
    if not reach > 0.0:
        return None
    return tabulate(ingredients, np.geomspace(min(unit, 0.5 * reach), reach, _ROWS).tolist())


def _default(batches: Batches, delta_j: float) -> Fraction:
    """The step at which max_b ηs_b‖J_b‖² is nine tenths, rounded to a double."""
    step = batches.approx_step(_FRACTION, delta_j)
    return Fraction(step) if 0.0 < step < math.inf else Fraction(1)


def default_step(here: Examined, problem: Problem) -> Fraction:
    """The step taken where none is given: nine tenths of 1/(s_b‖J_b‖²) at the point examined, over all batches."""
    data = problem.data
    batches = gather_batches(problem.sgd, here.theta, here.facts.lambda_max, data.n, data.k, problem.loss)
    return _default(batches, 0.0)


def find(here: Examined, problem: Problem, *, starts: bool, thorough: bool = True) -> Found:
    """Search the rows (and the step, where none is given) at which the descent's criterion holds about the point examined.

    Args:
        here: facts at c. problem: with its descent; lr None takes nine tenths of 1/(s_b‖J_b‖²). starts: whether a ball of starts is looked for, the largest
            that is found; else the start is c, and R the smallest that is found. thorough: look at every row before giving up.
    """
    ingredients, data = here.ingredients(), problem.data
    finite = np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all()
    if not (finite and lower(ingredients.lambda0) > 0.0):
        return Found(None, None, None, ingredients, None)
    batches = gather_batches(problem.sgd, here.theta, here.facts.lambda_max, data.n, data.k, problem.loss)
    table = _table(ingredients)
    if table is None:
        return Found(None, None, None, ingredients, batches)
    search = _Search(ingredients, table, batches, problem.lr, starts)
    best = search.best(thorough)
    largest = search.largest(best) if best is not None and best.holds else None
    return Found(best, largest, search.table, ingredients, batches)


@dataclass(frozen=True)
class _Search:
    """Where the criterion holds: guesses decide what is evaluated, the evaluation is rigorous."""

    ingredients: Ingredients
    table: RadiusTable
    batches: Batches
    lr: Fraction | None
    starts: bool

    def at(self, index: int, start: int | None, lr: Fraction | None = None) -> Contraction:
        """Evaluate the criterion."""
        # With momentum each step has its own Lyapunov forms: one step for all rows.
        row = self._rows()[0] if self.batches.descent.momentum else index
        step = lr or self.lr or _default(self.batches, float(self.table.delta_j[row]))
        return _criterion(self.batches.descent)(self.ingredients, self.table, index, start, self.batches, step)

    def _rows(self) -> list[int]:
        return np.flatnonzero(np.isfinite(self.table.delta_j) & (self.table.lam > 0.0)).tolist()

    def best(self, thorough: bool) -> Contraction | None:
        """The smallest R for the start at c; or about the largest ρ, with its R; or what is nearest to holding."""
        rows = self._rows()
        coarse = rows[::_STRIDE]
        tried = {row: self.at(row, None) for row in coarse}
        if thorough and not any(found.holds for found in tried.values()):
            tried |= {row: self.at(row, None) for row in rows if row not in tried}
        holding = [row for row in sorted(tried) if tried[row].holds]
        if not holding:
            return max(tried.values(), key=lambda found: (found.ratio, len(found.steps)), default=None)
        if self.starts:
            return self._widest(holding)
        # Between the last row that fails and the first that holds.
        before = max((row for row in tried if row < holding[0]), default=-1)
        between = (found for row in rows if before < row < holding[0] if (found := self.at(row, None)).holds)
        return next(between, tried[holding[0]])

    def _widest(self, rows: list[int]) -> Contraction:
        """About the largest ρ: for each R in turn by halving, looking only for more than was found; then around the best R.

        Where the criterion holds for the start c at these rows, but for no ball of starts about it, what is nearest to holding for the smallest one.
        """
        best: Contraction | None = None

        def improve(index: int) -> None:
            nonlocal best
            low, high = -1 if best is None else best.witness["start"], index
            trial = low + 1
            while trial < high:
                found = self.at(index, trial)
                if found.holds:
                    best, low = found, trial
                elif trial == low + 1:
                    return
                else:
                    high = trial
                trial = max((low + high) // 2, low + 1)

        for index in reversed(rows):
            improve(index)
        if best is None:
            return max((self.at(index, 0) for index in rows), key=lambda found: (found.ratio, len(found.steps)))
        centre = best.witness["region"]
        for index in self._rows():
            if 0 < abs(index - centre) < _STRIDE:
                improve(index)
        return best

    def largest(self, best: Contraction) -> Contraction:
        """About the largest step at which the criterion holds at the same row, or at a row further out."""
        start, own = best.witness["start"], best.witness["region"]
        rows = [own, *(row for row in self._rows()[:: max(1, len(self._rows()) // _LOOKS)] if row > own)]

        def holding(lr: Fraction) -> Contraction | None:
            return next((c for row in rows if (c := self.at(row, start, lr)).holds), None)

        limit = 2.0 * (1.0 + float(self.batches.descent.beta))
        low, found = approx_float(best.lr), best
        high = max(low, self.batches.approx_step(limit, 0.0))
        for _ in range(2 if self.batches.descent.momentum else _HALVINGS):
            middle = math.sqrt(low) * math.sqrt(high)
            reached = holding(Fraction(middle))
            low, high, found = (low, middle, found) if reached is None else (middle, high, reached)
        return found


def found_constants(found: Found, lr: Fraction | None) -> dict[str, Any]:
    """Return the named constants of a certificate for mini-batches or momentum: those of the centre alone where nothing was found."""
    ingredients, best = found.ingredients, found.best
    constants: dict[str, Any] = {
        "lambda0": ingredients.lambda0,
        "jacobian_norm0": ingredients.jacobian_norm0,
        "residual0": ingredients.residual0,
        "loss0": ingredients.loss0,
        "lr": lr if best is None else best.lr,
    }
    if best is None:
        return constants
    constants |= best.constants
    if found.largest is not None:
        constants["lr_largest"] = found.largest.lr
    return constants


def found_witness(found: Found) -> dict[str, Any]:
    """Assemble what a checker needs, all exact; the table ends with the last row that is read."""
    best, table, ingredients, batches = found.best, found.table, found.ingredients, found.batches
    if best is None or not best.holds or table is None or batches is None or found.largest is None:
        return {"certified_by": None}
    last = max(best.witness["region"], found.largest.witness["region"]) + 1
    return {
        "certified_by": "descent",
        **table_witness(ingredients, table, last),
        "batches": [[size, norm] for size, norm in sorted(batches.norms.items())],
        "sample": batches.sample_norm,
        "criterion": dict(best.witness),
        "largest": {"lr": found.largest.lr, **found.largest.witness},
    }


def missing(found: Found, problem: Problem, elsewhere: str = _ELSEWHERE) -> str:
    """Say why no ball is proved, by how much it falls short, and what to do (`elsewhere`: besides a smaller step)."""
    best, ingredients = found.best, found.ingredients
    finite = np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all()
    if best is None and finite and lower(ingredients.lambda0) > 0.0:
        return f"no radius with λ(R) > 0 and finite curvature bounds was found. {elsewhere}"
    if best is None:
        return why_not_positive(ingredients.lambda0, ingredients.lambda_max0, problem, elsewhere)
    failed = best.failed
    if failed is None and problem.sgd.momentum and not rounds_to_one(best.lr * problem.scale, ingredients.lambda0):
        return (
            f"no quadratic forms were found that show how fast descent with momentum {approx_float(problem.sgd.beta):.6g} forgets: it is close to 1,"
            " or the NTK's condition is bad. Use less momentum"
        )
    if failed is None:
        return f"every inequality that was reached holds, but {no_rate(best.lr)}; lr=None chooses one"
    what = f"{failed.name} ({failed.source}): {failed.left} {failed.relation} {failed.right} is not certain"
    if failed.name in ("step below 2/‖J_b‖²", "step in the stable range"):
        return f"the step lr = {approx_float(best.lr):.6g} is beyond the certified bound: {what}. Use a smaller lr, or lr=None"
    factor = f"; containment has {best.ratio:.3g} of what it needs" if best.ratio > 0.0 else ""
    values = f"λ_min {lower(ingredients.lambda0):.4g}, ‖e‖ {upper(ingredients.residual0):.4g}, L_H {ingredients.curvature(0.0):.4g}"
    return f"{what}{factor} ({values}). {elsewhere}. A smaller step may do as well"


def subject(problem: Problem, lr: Fraction) -> str:
    """Return what descends, on what, with which step."""
    return f"real-arithmetic {problem.sgd.describe()} with step {approx_float(lr):.6g} on {LOSS_WORDS[problem.loss]}"


def largest_step(found: Found) -> str:
    """Return the clause on the largest step; its rows are its own, so that R, μ and the factor are others."""
    if found.largest is None:
        return ""
    return f"; the criterion holds with a step of about {approx_float(found.largest.lr):.4g} (lr_largest) too, in a ball and by a factor of its own"


def sgd_ball_certificate(problem: Problem) -> Certificate:
    """Certify scope `ball` for the problem's descent, started at the network's own parameters."""
    here = examine(problem)
    found = find(here, problem, starts=False)
    constants = found_constants(found, problem.lr)
    best = found.best
    observed = decided_by(here.state.bits)
    steps = () if best is None else best.steps
    margins = {} if best is None or best.margin is None else {"containment": best.margin}
    problem = problem.stepping(constants["lr"])
    if not found.holds or best is None:
        reason = missing(found, problem)
        return Certificate(
            "ball", "INCONCLUSIVE", reason, problem, constants, margins, steps, found_witness(found), observed
        )
    reason = (
        f"{subject(problem, best.lr)}, from these parameters, {behaviour(problem.sgd, constants)}{largest_step(found)}"
    )
    return Certificate("ball", "PROVED", reason, problem, constants, margins, steps, found_witness(found), observed)


def _look(moved: Problem, theta: Vector) -> tuple[Examined, Found, bool]:
    """Search for a ball of starts about the problem's parameters; `theta` (p,): those given, whose distance is bounded."""
    here = examine(moved, origin=theta)
    found = find(here, moved, starts=True)
    if not found.holds and here.state.bits == 53 and affordable(moved.network, moved.data.n):
        again = examine_in_arb(moved, origin=theta)
        better = find(again, moved, starts=True)
        here, found = (again, better) if better.holds else (here, found)
    return here, found, found.holds


def sgd_basin_certificate(problem: Problem, options: BasinOptions) -> Certificate:
    """Certify scope `basin` for the problem's descent: every start in a ball around a zero of the residual nearby."""
    theta = flatten(problem.network)
    sought = about_zeros(problem, options.seconds, lambda moved: _look(moved, theta))
    polished, here, found = sought.polished, sought.here, sought.found
    distance = here.facts.drift
    constants = {**found_constants(found, problem.lr), "distance": distance}
    observed: dict[str, Any] = {"gauss_newton_steps": float(polished.steps), **decided_by(here.state.bits)}
    best, table = found.best, found.table
    problem = problem.stepping(constants["lr"])
    if not found.holds or best is None or table is None:
        reason = f"about the zero that Gauss–Newton found: {missing(found, problem, 'Widen the network, or use fewer samples')}"
        if polished.why != "converged":
            reason = no_zero(polished)
        chain = () if best is None else best.steps
        return Certificate(
            "basin", "INCONCLUSIVE", reason, problem, constants, {}, chain, {"certified_by": None}, observed
        )
    rho = Ball(float(table.radii[best.witness["start"]]))
    constants |= {"basin_radius": rho, "distance_over_radius": distance / rho}
    inside = Step.listed("parameters inside the basin", "zero_loss_nearby", distance, "<=", rho)
    where = (
        "the parameters given lie inside it"
        if inside.certain
        else f"the parameters given lie outside it: ‖θ − c‖ is {at_most(upper(constants['distance_over_radius']), 4)} times ρ"
    )
    reason = (
        f"every {subject(problem, best.lr)}, started within ρ = {at_least(lower(rho), 4)} of a point c that Gauss–Newton found,"
        f" {behaviour(problem.sgd, constants)}; {where}{largest_step(found)}"
    )
    assert best.margin is not None
    return Certificate(
        "basin",
        "PROVED",
        reason,
        problem,
        constants,
        {"containment": best.margin},
        (*best.steps, inside) if inside.certain else best.steps,
        {**found_witness(found), "centre": polished.theta},
        observed,
    )
