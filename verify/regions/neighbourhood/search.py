"""Scope `ball`: search for a radius R at which B(θ0, R) is a certified LPLR that gradient descent cannot leave.

The search is float guesswork; what it finds is then proved by the criteria of :mod:`verify.regions.neighbourhood.criteria`, and
only their verdict counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.errors import InputError
from verify.regions.neighbourhood.criteria import CRITERIA, Form, Outcome, certified_step
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, lower, tabulate, upper

__all__ = ["KAPPA", "BallResult", "critical_radius", "search_ball", "stability_radii"]

KAPPA = Fraction(1, 2)
"""Fraction of λ0 that must survive in the reported NTK stability radii."""

_COARSE, _FINE, _TAIL = 40, 16, 12


@dataclass(frozen=True)
class BallResult:
    """What a search ended with.

    Attributes:
        table: the radius table that the outcomes' indices refer to; None when no ball has λ > 0.
        best: per form, the certified outcome with the smallest R, or else the one nearest to holding.
        certified_by: the form whose constants are reported, the one with the smaller certified R; None if none.
        lr: the step, exact.
        largest_radius: per certified form, the largest tabulated R at which it also holds.
    """

    table: RadiusTable | None
    best: dict[Form, Outcome]
    certified_by: Form | None
    lr: Fraction | None
    largest_radius: dict[Form, float]

    @property
    def outcome(self) -> Outcome | None:
        """The outcome whose constants are reported."""
        if self.certified_by is not None:
            return self.best[self.certified_by]
        return max(self.best.values(), key=lambda o: o.ratio, default=None)


def critical_radius(ingredients: Ingredients) -> float:
    """Guess the largest radius at which λ is still certified positive (a guess: it only places the grid)."""
    root = float(np.sqrt(max(lower(ingredients.lambda0), 0.0)))
    candidates = [float(np.sqrt(p.intercept / p.weight)) for p in ingredients.parabolas]
    low, high = 0.0, max(upper(ingredients.residual0) / root, 1e-300)
    while high < 1e200 and high * ingredients.curvature(high) < root:
        low, high = high, 1e3 * high
    for _ in range(3):
        # Sixteen radii cost what one costs: each pass narrows the bracket sixteenfold, geometrically once it is off 0.
        trial = np.geomspace(low, high, 17)[1:-1] if low > 0.0 else high * np.geomspace(1e-3, 1.0, 16)[:-1]
        inside = trial * ingredients.curvature(trial) < root
        high = float(trial[~inside].min(initial=high))
        low = float(trial[inside & (trial < high)].max(initial=low))
    # Δ_J sums L_H(ρ) over growing ρ, below R·L_H(R): the table reaches a little further than this.
    return max([1.3 * low, *candidates])


def _grid(edges: Iterable[float]) -> list[float]:
    return sorted({float(e) for e in edges if e > 0.0})


def _coarse_grid(ingredients: Ingredients) -> list[float]:
    """Place radii where a certificate may hold: evenly over a few times ‖e0‖/√λ0, then geometrically."""
    # An exact fit (e0 = 0) needs no room; report a ball of a size that is visible beside ‖J0‖.
    needed = max(upper(ingredients.residual0), 1e-9 * upper(ingredients.jacobian_norm0)) / float(
        np.sqrt(lower(ingredients.lambda0))
    )
    reach = min(critical_radius(ingredients), 1e4 * needed)
    near = min(reach, 6.0 * needed)
    tail: list[float] = np.geomspace(near, reach, _TAIL).tolist() if reach > near else []
    return _grid([*(near * j / _COARSE for j in range(1, _COARSE + 1)), *tail])


def _outcomes(
    ingredients: Ingredients, table: RadiusTable, form: Form, indices: Iterable[int], lr: Fraction | None
) -> list[Outcome]:
    """Evaluate one criterion at the given radii, with `lr` or each radius' own certified step."""
    return [
        CRITERIA[form](ingredients, table, j, certified_step(ingredients, table, j) if lr is None else lr)
        for j in indices
        if table.lam[j] > 0.0 and np.isfinite(table.delta_j[j])
    ]


def _pick(outcomes: list[Outcome]) -> Outcome | None:
    """The first outcome that holds, or else the one nearest to holding."""
    return next((o for o in outcomes if o.holds), None) or max(outcomes, key=lambda o: o.ratio, default=None)


def _refined(ingredients: Ingredients, coarse: RadiusTable, lr: Fraction | None) -> RadiusTable:
    """Add radii between the coarse grid's last failing and first certifying one, per form."""
    radii = set(coarse.radii.tolist())
    for form in CRITERIA:
        target = _pick(_outcomes(ingredients, coarse, form, range(len(coarse)), lr))
        if target is not None:
            above = float(coarse.radii[target.index])
            below = float(coarse.radii[target.index - 1]) if target.index else 0.0
            radii.update(below + (above - below) * j / _FINE for j in range(1, _FINE))
    return tabulate(ingredients, _grid(radii))


def search_ball(ingredients: Ingredients, lr: Fraction | None, radius: float | None = None) -> BallResult:
    """Search the certifying interval of R for both criteria.

    Args:
        ingredients: enclosures at the centre.
        lr: step size, exact; None takes the certified step 1/β at the reported R, rounded down to a double.
        radius: a prescribed R (exact double); None searches for the smallest certifying one.

    Returns:
        BallResult; certified_by is None when neither criterion holds anywhere on the grid.

    Raises:
        InputError: radius that is not a positive finite number.
    """
    if radius is not None and not (0.0 < radius < float("inf")):
        raise InputError(f"radius={radius!r}: expected a finite number > 0")
    finite = np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all()
    if not (finite and lower(ingredients.lambda0) > 0.0):
        return BallResult(None, {}, None, lr, {})
    if radius is not None:
        table = tabulate(ingredients, _grid([*(radius * (j / _COARSE) for j in range(1, _COARSE)), radius]))
        indices = range(len(table) - 1, len(table))
    else:
        coarse = tabulate(ingredients, _coarse_grid(ingredients))
        table = _refined(ingredients, coarse, lr)
        indices = range(len(table))
    step = lr
    if step is None:
        # First every radius with its own step 1/β, to choose R; from here on one step for everything.
        picked = [o for form in CRITERIA if (o := _pick(_outcomes(ingredients, table, form, indices, None)))]
        chosen = min(picked, key=lambda o: (not o.holds, o.index if o.holds else -o.ratio), default=None)
        if chosen is None:
            return BallResult(table, {}, None, None, {})
        step = certified_step(ingredients, table, chosen.index)
    best: dict[Form, Outcome] = {}
    largest: dict[Form, float] = {}
    for form in CRITERIA:
        outcomes = _outcomes(ingredients, table, form, indices, step)
        target = _pick(outcomes)
        if target is not None:
            best[form] = target
        if target is not None and target.holds:
            largest[form] = max(float(table.radii[o.index]) for o in outcomes if o.holds)
    holding = [o for o in best.values() if o.holds]
    certified_by = min(holding, key=lambda o: o.index).form if holding else None
    return BallResult(table, best, certified_by, step, largest)


def _largest(radii: Ball) -> Ball:
    """The entry with the largest lower end."""
    return radii[int(np.argmax(radii.lower()))]


def stability_radii(ingredients: Ingredients, table: RadiusTable, kappa: Fraction = KAPPA) -> tuple[Ball, Ball]:
    """Return lower bounds of the radius on which λ ≥ κλ0: the paper's Lipschitz form and the sharp form.

    Both are evaluated at each tabulated ρ (the bounds hold on B(θ0, ρ)) and the largest value is returned.
    """
    paper, sharp = Ball(0.0), Ball(0.0)
    known = np.isfinite(table.delta_j)
    flat = known & (table.curvature == 0.0)
    if flat.any():
        # F is linear: Θ is constant, and both forms hold on every ball.
        paper = sharp = Ball(float(table.radii[flat].max()))
    values = {
        "R": Ball(table.radii[known]),
        "L_H": Ball(table.curvature[known]),
        "Delta_J": Ball(table.delta_j[known]),
        **ingredients.at_centre(),
    }
    lipschitz = evaluate("L_theta", values)
    # Where the product underflowed to a ball that meets 0 nothing is lost by reporting the other radii.
    usable = lipschitz.lower() > 0.0
    if usable.any():
        values |= {
            "kappa": Ball(kappa),
            "L_Theta": lipschitz[usable],
            "R": values["R"][usable],
            "L_H": values["L_H"][usable],
        }
        paper = max(paper, _largest(evaluate("stability_radius_paper", values)), key=lower)
        sharp = max(sharp, _largest(evaluate("stability_radius_linear", values)), key=lower)
    for parabola in ingredients.parabolas:
        room = Ball(parabola.intercept) - Ball(kappa) * Ball(upper(ingredients.lambda0))
        if lower(room) > 0.0:
            sharp = max(sharp, sqrt(room / Ball(parabola.weight)), key=lower)
    return paper, sharp
