"""Where the criterion of mini-batch or momentum descent holds about a point: the search of rows and steps for scopes `ball`, `basin` and `run`.

Guesses decide what is evaluated; the evaluation (:mod:`verify.regions.neighbourhood.stochastic`, :mod:`verify.regions.neighbourhood.momentum`) is rigorous.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.networks import Problem
from verify.networks.sgd import SGD
from verify.regions.neighbourhood.batches import Batches, gather_batches
from verify.regions.neighbourhood.ingredients import (
    Ingredients,
    RadiusTable,
    approx_float,
    lower,
    table_witness,
    tabulate,
    upper,
)
from verify.regions.neighbourhood.momentum import momentum
from verify.regions.neighbourhood.point_facts import Examined
from verify.regions.neighbourhood.search import critical_radius
from verify.regions.neighbourhood.stochastic import Contraction, Criterion, any_order, with_replacement

__all__ = ["Found", "default_step", "find", "found_constants", "found_witness"]

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
    """The step taken where none is given: nine tenths of 1/(s_b‖J_b‖²) at the point examined, over all batches; 1 where that is no number."""
    if not 0.0 < upper(here.facts.lambda_max) < math.inf:
        return Fraction(1)
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
