"""When gradient descent provably stays in a ball: the classical and the residual criterion.

Both decide from a :class:`~verify.regions.neighbourhood.ingredients.RadiusTable` at one radius R = ρ_j and one step size; every
number is an enclosure of a formula of :mod:`proofs.constants`, every decision a comparison of end points.

Classical (claim containment_classical): 0 < η < 2/β and ‖e0‖/(c√λ(R)) ≤ R, with β on the sublevel part of
B(θ0, R) and c = 1 − ηβ/2.
Residual (claim containment_residual): ηs(‖J0‖ + Δ_J(R))² ≤ 1 and ∫_0^R (σ(ρ) − δ)dρ > ‖e0‖, the integral
bounded below by the panels Σ_j (ρ_j − ρ_{j-1})(σ(ρ_j) − δ), since σ does not increase. Where ηs(‖J0‖ + Δ_J)² lies between 1 and 2
(claim containment_residual_long) γσ takes the place of σ, γ ≤ 1: :class:`Pace`.
Start off the centre (scope `exact`): gradient descent from an unknown θ_T with ‖θ_T − θ0‖ ≤ o, ‖e(θ_T)‖ ≤ e0. After a path of length t it is in
B(θ0, o + t), so the classical need is o + ‖e0‖/(c√λ(R)) ≤ R and the residual supply ∫_o^R (σ(ρ) − δ)dρ; β, δ and the step condition hold
as they stand, for they bound suprema over B(θ0, R) ∩ {‖e‖ ≤ e0}, where the whole path stays by the same first-exit argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.certificates import Step
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, lower, upper

__all__ = [
    "CRITERIA",
    "Form",
    "Outcome",
    "Pace",
    "approx_share",
    "bound_of",
    "certified_step",
    "classical",
    "largest_step",
    "pace",
    "rate_stated",
    "region_steps",
    "region_values",
    "residual",
]

Form = Literal["classical", "residual", "residual_relu"]


@dataclass(frozen=True)
class Outcome:
    """One criterion evaluated at one radius and step.

    Attributes:
        form: which criterion.
        index: position of R in the radius table.
        holds: True when every step of the chain is certain.
        steps: the inequality chain, in order.
        constants: enclosures, by their public names.
        margin: enclosure of (right − left) of the containment inequality; ≥ 0 certain when `holds`.
        ratio: approximate supply/need of the containment inequality (> 1 holds); for reports and searches only.
    """

    form: Form
    index: int
    holds: bool
    steps: tuple[Step, ...]
    constants: dict[str, Ball] = field(default_factory=dict)
    margin: Ball | None = None
    ratio: float = 0.0

    @property
    def failed(self) -> Step | None:
        """The first step that is not certain, if any."""
        return next((step for step in self.steps if not step.certain), None)


def bound_of(value: float) -> Ball:
    """Return an upper bound as a ball; all reals where none is known (a kink in reach, an overflow), so that nothing drawn from it is certain."""
    return Ball(float(value)) if np.isfinite(value) else Ball(0.0, np.inf)


def region_values(ingredients: Ingredients, table: RadiusTable, index: int) -> dict[str, Ball]:
    """Values of the symbols at R = ρ_index: exact doubles, each the safe end point of its bound, and an enclosure of what stands for ‖J0‖."""
    drift = bound_of(table.delta_j[index])
    return {
        **ingredients.at_centre,
        "jacobian_norm0": ingredients.jacobian_base(float(table.radii[index]), drift),
        "R": Ball(float(table.radii[index])),
        "Delta_J": drift,
        "L_H": bound_of(table.curvature[index]),
        "lambda_R": Ball(float(table.lam[index])),
    }


def certified_step(ingredients: Ingredients, table: RadiusTable, index: int) -> Fraction:
    """Return the step 1/β at R = ρ_index, rounded down to a double: the default when no step is asked for."""
    values = region_values(ingredients, table, index)
    beta = evaluate("smoothness", values)
    step = lower(evaluate("step_default", {"beta": beta}))
    if 0.0 < step < np.inf:
        return Fraction(step)
    # 1/β is no double (β tiny or huge): take it as a rational.
    largest = upper(beta)
    return 1 / Fraction(largest) if 0.0 < largest < np.inf else Fraction(1)


def largest_step(ingredients: Ingredients, table: RadiusTable, index: int) -> Fraction:
    """Return (1 − 2^-40)/(s(‖J(c)‖ + Δ_J(R))²) as a double: the largest step of the residual form, but for room for roundings."""
    norm = Ball(upper(ingredients.jacobian_norm0)) + bound_of(table.delta_j[index])
    step = lower(Ball(1.0 - 2.0**-40) / (Ball(ingredients.s) * norm * norm))
    return Fraction(step) if 0.0 < step < np.inf else certified_step(ingredients, table, index)


def region_steps(values: Mapping[str, Ball], *, crossed: bool = False) -> list[Step]:
    """Return the first two steps of every chain: λ_min at the centre, of J_cJ_cᵀ where kinks are crossed, and on the ball."""
    lam0, zero = values["lambda0"], Ball(0.0)
    first = (
        Step.listed("J_c has full rank", "containment_residual_relu", lam0, ">", zero)
        if crossed
        else Step.listed("NTK positive at the centre", "ntk_positive", lam0, ">", zero)
    )
    return [first, Step.listed("NTK stays positive on the ball", "ntk_stability", values["lambda_R"], ">", zero)]


def rate_stated(constants: Mapping[str, Ball]) -> bool:
    """Whether the factor per step is certainly below 1 as stored: with η so small that 1 − ηsλ rounds to 1 no rate can be stated."""
    return upper(constants["rate"]) < 1.0


def _holds(steps: list[Step], constants: Mapping[str, Ball]) -> bool:
    return all(step.certain for step in steps) and rate_stated(constants)


@dataclass(frozen=True)
class Pace:
    """What the residual pays per unit of length on one ball: γσ − δ.

    Attributes:
        long: whether ηs‖J‖² exceeds 1, decided exactly, at the centre and by the bound on the ball: claim containment_residual_long in place of
            containment_residual.
        fraction: enclosure of ηs‖J‖², the same bound squared.
        floor: a ≥ ηsσ(ρ)² for every σ(ρ) of the ball.
        share: γ; exactly 1 for short steps; 0 where a + ηs(‖J0‖ + Δ_J)² < 2 is not certain, and nothing is paid.
    """

    long: bool
    fraction: Ball
    floor: Ball
    share: Ball

    def step(self, claim: str) -> Step:
        """The chain's step about η; `claim` is that of the short form."""
        if self.long:
            total = self.floor + self.fraction
            return Step.listed("ηΘ below twice the identity", f"{claim}_long", total, "<", Ball(2.0))
        return Step.listed("ηΘ below the identity", claim, self.fraction, "<=", Ball(1.0))

    def kept(self, sigma: Ball) -> Ball:
        """γσ."""
        return self.share * sigma if self.long else sigma

    def supply(self, sigma: Ball, delta: Ball, width: Ball) -> Ball:
        """Enclose Σ_j (γσ_j − δ)·width_j, σ_j at the right end of each panel."""
        values = {"sigma": sigma, "delta": delta, "width": width}
        if self.long:
            return evaluate("long_panel", {**values, "share": self.share}).sum()
        return evaluate("residual_panel", values).sum()

    def rate(self, values: Mapping[str, Ball]) -> Ball:
        """Enclose the factor of ‖e‖ per step; `values` has sigma and delta of the ball."""
        if self.long:
            return evaluate("long_rate", {**values, "share": self.share, "step_fraction": self.fraction})
        return evaluate("residual_rate", values)

    @property
    def symbol(self) -> str:
        """How the chain writes what is kept of σ."""
        return "γσ" if self.long else "σ"

    @property
    def constants(self) -> dict[str, Ball]:
        """γ under its public name; empty for short steps."""
        return {"path_share": self.share} if self.long else {}


def pace(ingredients: Ingredients, table: RadiusTable, index: int, lr: Fraction) -> Pace:
    """Return how the residual pays for the path on B(c, ρ_index) with step `lr` (exact).

    A step that is short at the centre stays with the short form: its ball is smaller, but a run that waits for it is promised a better rate.
    """
    values = {**region_values(ingredients, table, index), "eta": Ball(lr)}
    fraction = evaluate("residual_step", values)
    floor = Ball(lr) * Ball(ingredients.s) * Ball(float(table.lam[: index + 1].max()))
    if not np.isfinite([fraction.mid, fraction.rad]).all():
        return Pace(True, fraction, floor, Ball(0.0))
    square = (Fraction(upper(ingredients.jacobian_norm0)) + Fraction(float(table.delta_j[index]))) ** 2
    radius = Fraction(float(table.radii[index]))
    square = min([square, *(Fraction(p.intercept) + Fraction(p.weight) * radius**2 for p in ingredients.above)])
    step = lr * ingredients.s
    if step * square <= 1 or step * Fraction(upper(ingredients.jacobian_norm0)) ** 2 <= 1:
        return Pace(False, fraction, floor, Ball(1.0))
    if not upper(floor + fraction) < 2.0:
        return Pace(True, fraction, floor, Ball(0.0))
    return Pace(True, fraction, floor, evaluate("long_share", {"step_fraction": fraction, "sigma_fraction": floor}))


def approx_share(fraction: Any, floor: Any, centre: Any) -> Any:
    """γ in floats: 1 up to ηs‖J‖² = 1 (but for rounding), 0 where the step is too long; `centre` is ηs‖J‖² at the centre."""
    fraction, floor = np.maximum(fraction, 1.0), np.asarray(floor)
    usable = (fraction + floor < 2.0) & (centre > 1.0)
    square = np.divide(
        fraction * (2.0 - fraction - floor), 1.0 - fraction * floor, where=usable, out=np.zeros(usable.shape)
    )
    return np.where(fraction <= 1.0 + 1e-12, 1.0, np.sqrt(square))


def classical(ingredients: Ingredients, table: RadiusTable, index: int, lr: Fraction) -> Outcome:
    """Evaluate claim containment_classical at R = ρ_index with step `lr` (exact)."""
    values = region_values(ingredients, table, index)
    if not (table.lam[index] > 0.0 and np.isfinite(table.delta_j[index])):
        return Outcome("classical", index, False, tuple(region_steps(values)))
    eta = Ball(lr)
    mu = evaluate("mu", values)
    beta = evaluate("smoothness", values)
    bound = evaluate("step_bound", {"beta": beta})
    steps = [*region_steps(values), Step.listed("step below 2/β", "descent_step", eta, "<", bound)]
    if not steps[-1].certain:
        return Outcome("classical", index, False, tuple(steps))
    c = evaluate("descent_fraction", {"eta": eta, "beta": beta})
    path = evaluate("path_classical", {**values, "c": c})
    reach = path + Ball(ingredients.offset) if ingredients.offset else path
    steps.append(Step.listed("path inside the ball", "containment_classical", reach, "<=", values["R"]))
    constants = {
        "mu": mu,
        "smoothness": beta,
        "step_bound": bound,
        "descent_fraction": c,
        "path_length": path,
        "rate": evaluate("rate_classical", {"eta": eta, "mu": mu, "c": c}),
    }
    ratio = float(table.radii[index]) / upper(reach)
    return Outcome("classical", index, _holds(steps, constants), tuple(steps), constants, values["R"] - reach, ratio)


def residual(ingredients: Ingredients, table: RadiusTable, index: int, lr: Fraction) -> Outcome:
    """Evaluate claim containment_residual (the residual pays for the path) at R = ρ_index with step `lr` (exact).

    Returns:
        the chain of inequalities, cut off where λ(R) > 0 or a long step fails; `holds` only if every one is certain.
    """
    values = region_values(ingredients, table, index)
    if not (table.lam[index] > 0.0 and np.isfinite(table.delta_j[index])):
        return Outcome("residual", index, False, tuple(region_steps(values)))
    values["eta"] = Ball(lr)
    how = pace(ingredients, table, index, lr)
    steps = [*region_steps(values), how.step("containment_residual")]
    if how.long and not steps[-1].certain:
        return Outcome("residual", index, False, tuple(steps))
    delta = evaluate("delta_residual", values)
    sigma = sqrt(values["lambda_R"])
    # Panels up to R; the left end of the first is 0. Those inside the offset pay for nothing: their width becomes 0.
    edges = np.maximum(np.concatenate([[0.0], table.radii[: index + 1]]), ingredients.offset)
    supply = how.supply(sqrt(Ball(table.lam[: index + 1])), delta, Ball(edges[1:]) - Ball(edges[:-1]))
    claim, kept = steps[-1].claim, how.symbol
    steps += [
        Step.listed(f"{kept}(R) above the step's drift", claim, how.kept(sigma), ">", delta),
        Step.listed("residual pays for the path", claim, supply, ">", values["e0"]),
    ]
    beta = evaluate("smoothness", values)
    rate = how.rate({**values, "sigma": sigma, "delta": delta})
    constants = {
        "mu": evaluate("mu", values),
        "smoothness": beta,
        "step_bound": evaluate("step_bound", {"beta": beta}),
        "path_length": values["R"],
        "residual_rate": rate,
        "rate": rate * rate,
        "step_drift": delta,
        **how.constants,
    }
    ratio = lower(supply) / max(upper(values["e0"]), 5e-324)
    return Outcome("residual", index, _holds(steps, constants), tuple(steps), constants, supply - values["e0"], ratio)


CRITERIA: dict[Form, Callable[[Ingredients, RadiusTable, int, Fraction], Outcome]] = {
    "classical": classical,
    "residual": residual,
}
