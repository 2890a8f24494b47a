"""Scope `ball`: search for a radius R at which B(θ0, R) is a certified LPLR that gradient descent cannot leave.

The search is float guesswork; what it finds is then proved by the criteria of :mod:`verify.regions.neighbourhood.criteria`, and
only their verdict counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.regions.neighbourhood.criteria import CRITERIA, Form, Outcome, approx_share, certified_step
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, approx_float, lower, tabulate, upper

__all__ = ["KAPPA", "BallResult", "critical_radius", "search_ball", "stability_radii"]

KAPPA = Fraction(1, 2)
"""Fraction of λ0 that must survive in the reported NTK stability radii."""

# Radii of the first table, evenly over a few times what the residual needs.
_COARSE = 40
# Parts into which the step between its last failing and its first certifying radius is divided for the second.
_FINE = 16
# Radii from there to where λ is lost, geometrically.
_TAIL = 12
_DOUBT = 1e-6  # relative: guesses this close to a threshold are settled by the criterion itself

# Outcomes on one table, by form, index and step.
_Proved = dict[tuple[Form, int, Fraction], Outcome]


class _Guess(NamedTuple):
    """What the criteria read, in floats, at several radii."""

    radius: np.ndarray
    sigma: np.ndarray
    norm: np.ndarray
    curvature: np.ndarray
    e0: float
    s: float
    beta: np.ndarray
    eta: np.ndarray


@dataclass(frozen=True)
class BallResult:
    """What a search ended with.

    Attributes:
        table: the radius table that the outcomes' indices refer to; None when no ball has λ > 0.
        best: per form, the certified outcome with the smallest R, or else the one nearest to holding.
        certified_by: the form whose constants are reported, the one with the smaller certified R; None if none.
        lr: the step, exact.
        largest_radius: per certified form, the largest tabulated R at which it also holds.
        midpoints: of a ball that kinks cross, [layer, sample, unit] with the mean of two slopes (criterion residual_relu).
    """

    table: RadiusTable | None
    best: dict[Form, Outcome]
    certified_by: Form | None
    lr: Fraction | None
    largest_radius: dict[Form, float]
    midpoints: list[list[int]] = field(default_factory=list)

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
    # Sixteen radii cost what one costs: each look narrows the bracket sixteenfold, geometrically once it is off 0.
    low, high = 0.0, max(upper(ingredients.residual0) / root, 1e-300)
    trial = high * np.geomspace(1e-3, 1.0, 16)
    inside = trial * ingredients.curvature.guess(trial) < root
    while inside[-1] and high < 1e200:
        low, high = high, 1e3 * high
        trial = np.geomspace(low, high, 17)[1:]
        inside = trial * ingredients.curvature.guess(trial) < root
    for look in range(3):
        if look:
            trial = np.geomspace(low, high, 17)[1:-1] if low > 0.0 else high * np.geomspace(1e-3, 1.0, 16)[:-1]
            inside = trial * ingredients.curvature.guess(trial) < root
        high = float(trial[~inside].min(initial=high))
        low = float(trial[inside & (trial < high)].max(initial=low))
    # Δ_J sums L_H(ρ) over growing ρ, below R·L_H(R): the table reaches a little further than this.
    return max([1.3 * low, *candidates])


def _grid(edges: Iterable[float]) -> list[float]:
    return sorted({float(e) for e in edges if e > 0.0})


def _coarse_grid(ingredients: Ingredients) -> list[float]:
    """Place radii where a certificate may hold: evenly over a few times ‖e0‖/√λ0, then geometrically."""
    # An exact fit (e0 = 0) needs no room; report a ball of a size that is visible beside ‖J0‖.
    path = max(upper(ingredients.residual0), 1e-9 * upper(ingredients.jacobian_norm0))
    needed = ingredients.offset + path / float(np.sqrt(lower(ingredients.lambda0)))
    reach = min(critical_radius(ingredients), 1e4 * needed)
    near = min(reach, 6.0 * needed)
    tail: list[float] = np.geomspace(near, reach, _TAIL).tolist() if reach > near else []
    return _grid([*(near * j / _COARSE for j in range(1, _COARSE + 1)), *tail])


@dataclass(frozen=True)
class _Sweep:
    """One criterion at many radii: guessed at all of them at once, proved only where the guess says that it matters.

    Attributes:
        ingredients, table: what the criterion reads. form: which one.
        lr: the step; None for each radius' own certified step.
        indices: radii where something is known.
        approx_ratio: about supply over need of containment at each. approx_rest: whether the other inequalities may hold.
        proved: what is known already.
    """

    ingredients: Ingredients
    table: RadiusTable
    form: Form
    lr: Fraction | None
    indices: np.ndarray
    approx_ratio: np.ndarray
    approx_rest: np.ndarray
    proved: _Proved

    def outcome(self, index: int) -> Outcome:
        """Evaluate the criterion at one radius: rigorous."""
        step = certified_step(self.ingredients, self.table, index) if self.lr is None else self.lr
        key = self.form, index, step
        if key not in self.proved:
            self.proved[key] = CRITERIA[self.form](self.ingredients, self.table, index, step)
        return self.proved[key]

    def _promising(self) -> list[int]:
        # Where rounding could tip a guess over, it is not believed.
        return self.indices[self.approx_rest & (self.approx_ratio > 1.0 - _DOUBT)].tolist()  # type: ignore[no-any-return]

    def first(self) -> Outcome | None:
        """The smallest radius at which it holds, or else the outcome nearest to holding; None where nothing is known."""
        holding = next((o for i in self._promising() if (o := self.outcome(i)).holds), None)
        if holding is not None or not self.indices.size:
            return holding
        return max(map(self.outcome, self._nearest()), key=lambda o: o.ratio)

    def first_index(self) -> int | None:
        """The index of :meth:`first`; nothing is evaluated where the guesses leave no choice."""
        if self.indices.size and not self._promising() and len(nearest := self._nearest()) == 1:
            return nearest[0]
        found = self.first()
        return None if found is None else found.index

    def _nearest(self) -> list[int]:
        # Below 0 where a step is too long for its form.
        best = float(self.approx_ratio.max())
        return self.indices[self.approx_ratio >= best - _DOUBT * abs(best)].tolist()  # type: ignore[no-any-return]

    def largest_radius(self) -> float | None:
        """The largest radius at which it holds."""
        found = next((i for i in reversed(self._promising()) if self.outcome(i).holds), None)
        return None if found is None else float(self.table.radii[found])


def _sweep(
    ingredients: Ingredients,
    table: RadiusTable,
    form: Form,
    indices: Iterable[int],
    lr: Fraction | None,
    proved: _Proved | None = None,
) -> _Sweep:
    """Guess one criterion at the given radii, with `lr` or each radius' own certified step; `proved`: what is known of this table."""
    known = np.array([j for j in indices if table.lam[j] > 0.0 and np.isfinite(table.delta_j[j])], dtype=int)
    with np.errstate(all="ignore"):
        ratio, rest = (_approx_classical if form == "classical" else _approx_residual)(ingredients, table, known, lr)
    return _Sweep(
        ingredients,
        table,
        form,
        lr,
        known,
        np.where(np.isfinite(ratio), ratio, 0.0),
        rest,
        {} if proved is None else proved,
    )


def _approx_values(ingredients: Ingredients, table: RadiusTable, known: np.ndarray, lr: Fraction | None) -> _Guess:
    """(R, σ(R), ‖J‖ + Δ_J, L_H, e0, s, β, η) in floats at the known radii."""
    e0, s = upper(ingredients.residual0), approx_float(ingredients.s)
    norm = upper(ingredients.jacobian_norm0) + table.delta_j[known]
    for bound in ingredients.above:
        norm = np.minimum(norm, np.sqrt(bound.intercept + bound.weight * table.radii[known] ** 2))
    curvature = table.curvature[known]
    beta = s * (norm**2 + e0 * curvature)
    eta = 1.0 / beta if lr is None else np.full(known.size, approx_float(lr))
    return _Guess(table.radii[known], np.sqrt(table.lam[known]), norm, curvature, e0, s, beta, eta)


def _approx_classical(
    ingredients: Ingredients, table: RadiusTable, known: np.ndarray, lr: Fraction | None
) -> tuple[np.ndarray, np.ndarray]:
    """R/(offset + ‖e0‖/(cσ)), and whether η < 2/β: claim containment_classical in floats."""
    v = _approx_values(ingredients, table, known, lr)
    c = 1.0 - 0.5 * v.eta * v.beta
    ratio = v.radius / (ingredients.offset + v.e0 / (c * v.sigma))
    return np.where(c > 0.0, ratio, 0.0), c > -_DOUBT


def _approx_residual(
    ingredients: Ingredients, table: RadiusTable, known: np.ndarray, lr: Fraction | None
) -> tuple[np.ndarray, np.ndarray]:
    """∫(γσ − δ)/‖e0‖, and whether ηs(‖J‖ + Δ_J)² is below 1, or 2, and γσ > δ: claims containment_residual and _long in floats."""
    v = _approx_values(ingredients, table, known, lr)
    moved = table.delta_j[known]
    delta = np.minimum(0.5 * v.eta * v.s * v.curvature * v.norm * v.e0, 2.0 * moved)
    edges = np.maximum(np.concatenate([[0.0], table.radii]), ingredients.offset)
    area = np.cumsum(np.diff(edges) * np.sqrt(table.lam))[known]
    fraction = v.eta * v.s * v.norm**2
    centre, floor = v.eta * v.s * upper(ingredients.jacobian_norm0) ** 2, v.eta * v.s * table.lam.max(initial=0.0)
    share = approx_share(np.where(fraction <= 1.0 + _DOUBT, 1.0, fraction), floor, centre)
    # Where the step is too long the rest says so; the ratio then tells which radius came nearest otherwise.
    supply = np.where(share > 0.0, share, 1.0) * area - delta * np.maximum(v.radius - ingredients.offset, 0.0)
    rest = (share > 0.0) & (share * v.sigma > delta * (1.0 - _DOUBT))
    return supply / max(v.e0, 5e-324), rest


def _refined(ingredients: Ingredients, coarse: RadiusTable, lr: Fraction | None) -> RadiusTable:
    """Add radii between the coarse grid's last failing and first certifying one, per form."""
    radii = set(coarse.radii.tolist())
    for form in CRITERIA:
        target = _sweep(ingredients, coarse, form, range(len(coarse)), lr).first_index()
        if target is not None:
            above = float(coarse.radii[target])
            below = float(coarse.radii[target - 1]) if target else 0.0
            radii.update(below + (above - below) * j / _FINE for j in range(1, _FINE))
    return tabulate(ingredients, _grid(radii))


def search_ball(ingredients: Ingredients, lr: Fraction | None, radius: float | None = None) -> BallResult:
    """Search the certifying interval of R for both criteria.

    Args:
        ingredients: enclosures at the centre.
        lr: step size, exact; None takes the certified step 1/β at the reported R, rounded down to a double.
        radius: a prescribed R (exact double > 0); None searches for the smallest certifying one.

    Returns:
        BallResult; certified_by is None when neither criterion holds anywhere on the grid.
    """
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
    step, proved = lr, _Proved()
    if step is None:
        # First every radius with its own step 1/β, to choose R; from here on one step for everything.
        picked = [o for form in CRITERIA if (o := _sweep(ingredients, table, form, indices, None, proved).first())]
        chosen = min(picked, key=lambda o: (not o.holds, o.index if o.holds else -o.ratio), default=None)
        if chosen is None:
            return BallResult(table, {}, None, None, {})
        step = certified_step(ingredients, table, chosen.index)
    best: dict[Form, Outcome] = {}
    largest: dict[Form, float] = {}
    for form in CRITERIA:
        sweep = _sweep(ingredients, table, form, indices, step, proved)
        target = sweep.first()
        if target is not None:
            best[form] = target
            if target.holds and (radius_found := sweep.largest_radius()) is not None:
                largest[form] = radius_found
    holding = [o for o in best.values() if o.holds]
    certified_by = min(holding, key=lambda o: o.index).form if holding else None
    return BallResult(table, best, certified_by, step, largest)


def _largest(radii: Ball) -> Ball:
    """The entry with the largest lower end."""
    return radii[int(np.argmax(radii.lower()))]


def stability_radii(ingredients: Ingredients, table: RadiusTable) -> tuple[Ball, Ball]:
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
        **ingredients.at_centre,
    }
    lipschitz = evaluate("L_theta", values)
    # Where the product underflowed to a ball that meets 0 nothing is lost by reporting the other radii.
    usable = lipschitz.lower() > 0.0
    if usable.any():
        values |= {
            "kappa": Ball(KAPPA),
            "L_Theta": lipschitz[usable],
            "R": values["R"][usable],
            "L_H": values["L_H"][usable],
        }
        paper = max(paper, _largest(evaluate("stability_radius_paper", values)), key=lower)
        sharp = max(sharp, _largest(evaluate("stability_radius_linear", values)), key=lower)
    for parabola in ingredients.parabolas:
        room = Ball(parabola.intercept) - Ball(KAPPA) * Ball(upper(ingredients.lambda0))
        if lower(room) > 0.0:
            sharp = max(sharp, sqrt(room / Ball(parabola.weight)), key=lower)
    return paper, sharp
