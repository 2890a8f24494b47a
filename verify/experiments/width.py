"""The width from which on each way of certifying a region about an initialisation succeeds, beside what an adversary leaves of it.

Two-layer tanh networks, NTK parametrisation, antisymmetric; inputs on a sphere, ±1 labels. For every criterion the smallest power of two at which it is
PROVED. The first three rest on the layers' bound L_H alone:

    paper       λ ≥ λ0 − L_Θ r on B(θ0, r), L_Θ = L_H(2‖J0‖ + Δ_J), in the classical form for any short step: r√(λ0 − L_Θ r) ≥ ‖e0‖
    classical   λ ≥ (√λ0 − Δ_J)², claim containment_classical
    residual    the same λ, claim containment_residual
    neurons     scope `ball`: λ and ‖J‖ by the neuron budgets, either form
    displacement  scope `basin`, where θ0 lies in the ball of starts about a zero nearby
    start, midpoint  scope `region`: a ball that encloses the run, about θ0 and about the midpoint of its path
    adversary   observed, no bound: a search of the midpoint's ball leaves more than a hundredth of λ_min at its centre

Where one of the first three is not reached, `estimate` says where it would be, L_H falling like width^(−½) at fixed λ0 and ‖e0‖ (approximate): needed are
L_Θ r ≤ 2λ0/3 at r = √3‖e0‖/√λ0, and L_H ≤ λ0/(4‖e0‖), λ0/(2‖e0‖) at r = 2‖e0‖/√λ0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import verify
from proofs.evaluation import evaluate
from verify import datasets, nn
from verify.arguments import exact_step
from verify.arrays import Ball
from verify.certificates.plots import Plot, Series
from verify.errors import InputError
from verify.experiments.adversary import attack
from verify.experiments.files import command_line, run_resumably, write_json
from verify.networks import Problem, linearise, read_data, read_network
from verify.networks.kernel import kernel_of
from verify.networks.parameters import flatten
from verify.regions.descent.float64 import Descent
from verify.regions.neighbourhood.criteria import Form, classical
from verify.regions.neighbourhood.ingredients import Ingredients, gather, lower, tabulate, upper
from verify.regions.neighbourhood.search import search_ball
from verify.regions.scopes.convex_ball import path_centre
from verify.regions.scopes.enclosing import Task
from verify.regions.scopes.options import ExactOptions

__all__ = ["CASES", "CRITERIA", "Widths", "figure", "run_cases", "search"]

# log2 of a width that no memory holds.
_LARGEST = 40


@dataclass(frozen=True)
class Widths:
    """One search.

    Attributes:
        n, d, norm, seed: samples, inputs, the norm of each; seed of data and initialisation.
        lr: step of the criteria about θ0 and of the basin. run_lr: of the run that is enclosed.
        smallest, largest: log2 of the first and last width tried.
    """

    n: int
    d: int
    norm: float
    seed: int = 0
    lr: str = "1/500"
    run_lr: str = "1/10"
    smallest: int = 5
    largest: int = 18

    @property
    def name(self) -> str:
        """File-safe and unique."""
        return f"width-n{self.n}-d{self.d}-seed{self.seed}"


CASES = (Widths(5, 5, 9.0), Widths(10, 10, 9.0), Widths(20, 20, 10.0))


class _Trial:
    """One width of one search; what several criteria read is computed once."""

    def __init__(self, case: Widths, width: int) -> None:
        """Draw data and network."""
        self.case = case
        self.X, self.y = datasets.sphere(case.n, case.d, case.norm, case.seed)
        self.model = nn.antisymmetric_two_layer(case.d, width, seed=case.seed)

    @functools.cached_property
    def problem(self) -> Problem:
        """The exact network and data."""
        network = read_network(self.model)
        return Problem(network, read_data(network, self.X, self.y), "sum", Fraction(self.case.run_lr))

    @functools.cached_property
    def ingredients(self) -> Ingredients:
        """Everything that scope `ball` knows."""
        return gather(self.problem)

    @functools.cached_property
    def by_curvature(self) -> Ingredients:
        """What L_H alone says."""
        return replace(self.ingredients, parabolas=(), above=(), features=None)

    def paper(self) -> bool:
        """λ0 − L_Θ r in the classical form; the step is negligible, c = 1 up to 10⁻⁶."""
        here = self.by_curvature
        lam, e0 = lower(here.lambda0), upper(here.residual0)
        if not lam > 0.0:
            return False
        radii = e0 / np.sqrt(lam) * np.linspace(1.05, 3.0, 40)
        table = tabulate(here, [float(r) for r in radii])
        for j in np.flatnonzero(np.isfinite(table.delta_j)):
            values = {
                **here.at_centre,
                "R": Ball(float(radii[j])),
                "L_H": Ball(float(table.curvature[j])),
                "Delta_J": Ball(float(table.delta_j[j])),
            }
            values["L_Theta"] = evaluate("L_theta", values)
            value = max(lower(evaluate("lambda_region_paper", values)), 0.0)
            beta = upper(evaluate("smoothness", values))
            known = replace(table, lam=np.full(radii.shape, value))
            if value > 0.0 and classical(here, known, int(j), Fraction(2e-6 / beta)).holds:
                return True
        return False

    def _by_form(self, form: Form) -> bool:
        found = search_ball(self.by_curvature, Fraction(self.case.lr)).best.get(form)
        return found is not None and found.holds

    def classical(self) -> bool:
        """Claim containment_classical with L_H alone."""
        return self._by_form("classical")

    def residual(self) -> bool:
        """Claim containment_residual with L_H alone."""
        return self._by_form("residual")

    def neurons(self) -> bool:
        """Scope `ball`."""
        return search_ball(self.ingredients, Fraction(self.case.lr)).certified_by is not None

    def displacement(self) -> bool:
        """Scope `basin`, θ0 inside."""
        found = verify.certify(self.model, self.X, self.y, lr=self.case.lr, scope="basin")
        return found.verdict == "PROVED" and float(found.constants["distance_over_radius"].upper()) <= 1.0

    def _region(self, centre: str) -> bool:
        found = verify.certify(self.model, self.X, self.y, lr=self.case.run_lr, scope="region", centre=centre)
        return found.verdict == "PROVED"

    def start(self) -> bool:
        """Scope `region` about θ0."""
        return self._region("initialisation")

    def midpoint(self) -> bool:
        """Scope `region` about the midpoint."""
        return self._region("midpoint")

    def adversary(self) -> bool:
        """Whether the search leaves more than a hundredth of λ_min(Θ(c)) on the midpoint's ball: floats, observed."""
        problem = self.problem
        centre = path_centre(Task(problem, ExactOptions()), "midpoint")
        descent, theta = Descent.of(problem), flatten(problem.network)
        radius = 0.0
        for _ in range(100):
            radius = max(radius, float(np.linalg.norm(theta - centre)))
            theta = descent.step(theta)[0]
        middle = problem.at(centre)
        whole = float(np.linalg.eigvalsh(kernel_of(linearise(middle.network, middle.data.X)).mid)[0])
        return bool(attack(middle, radius).lambda_min > 0.01 * whole)


CRITERIA: dict[str, Callable[[_Trial], bool]] = {
    name: getattr(_Trial, name)
    for name in ("paper", "classical", "residual", "neurons", "displacement", "start", "midpoint", "adversary")
}
"""Name → whether it holds at one width."""


def _estimates(trial: _Trial, width: int) -> dict[str, float]:
    """Where the first three would hold, from one width (approximate; the module's docstring says how)."""
    here = trial.by_curvature
    lam, e0, norm = lower(here.lambda0), upper(here.residual0), upper(here.jacobian_norm0)
    if not lam > 0.0:
        return {}
    near, far = np.sqrt(3.0 / lam) * e0, 2.0 * e0 / np.sqrt(lam)
    factors = {
        "paper": 2.0 * norm * here.curvature(near) * near / (2.0 * lam / 3.0),
        "classical": here.curvature(far) * 4.0 * e0 / lam,
        "residual": here.curvature(far) * 2.0 * e0 / lam,
    }
    return {name: float(width * factor**2) for name, factor in factors.items()}


def search(
    case: Widths, criteria: Sequence[str] = tuple(CRITERIA), told: Callable[[str, int], object] | None = None
) -> list[dict[str, Any]]:
    """Return for each criterion {criterion, width, estimate}: the first power of two at which it holds, None where there is none.

    Args:
        case: the search. criteria: names in `CRITERIA`. told: called with a criterion and its width as soon as it is found.

    Raises:
        InputError: an unknown criterion, no width to try, or a step that is none.
    """
    for given in (case.lr, case.run_lr):
        exact_step(given)
    unknown = set(criteria) - set(CRITERIA)
    if unknown or not criteria:
        raise InputError(f"criteria={sorted(unknown)}: expected some of {', '.join(CRITERIA)}")
    if not 1 <= case.smallest <= case.largest <= _LARGEST:
        raise InputError(
            f"smallest={case.smallest}, largest={case.largest}: logarithms of widths; expected 1 ≤ smallest ≤ largest ≤ {_LARGEST}"
        )
    found: dict[str, int] = {}
    estimates: dict[str, float] = {}
    for exponent in range(case.smallest, case.largest + 1):
        trial = _Trial(case, 2**exponent)
        for name in criteria:
            if name not in found and CRITERIA[name](trial):
                found[name] = 2**exponent
                if told is not None:
                    told(name, 2**exponent)
        if len(found) == len(set(criteria)):
            break
    else:
        estimates = _estimates(trial, 2**case.largest)
    return [
        {"criterion": name, "width": found.get(name), "estimate": None if name in found else estimates.get(name)}
        for name in criteria
    ]


def _run(case: Widths, _: Path) -> dict[str, Any]:
    return {"name": case.name, "n": case.n, "verdict": "OBSERVED", "rows": search(case)}


_NAMES = {
    "paper": "paper, λ₀ − L_Θ·r",
    "classical": "classical, by L_H",
    "residual": "residual, by L_H",
    "displacement": "displacement (basin)",
    "neurons": "neurons' budgets (ball)",
    "start": "enclosing ball, about θ₀",
    "midpoint": "enclosing ball, midpoint",
    "adversary": "adversary: λ left",
}
"""Criterion → its line in the figure, from the widest on."""


def figure(rows: Sequence[dict[str, Any]]) -> Plot:
    """Return the width needed, a line for each criterion and a marker for each row; estimates are drawn as observed.

    Args:
        rows: of :func:`run_cases`, from the smallest n on; in each line they lie in this order, from top to bottom.
    """
    proved: tuple[list[float], list[float]] = ([], [])
    observed: tuple[list[float], list[float]] = ([], [])
    for place, row in enumerate(rows, 1):
        found = {entry["criterion"]: entry for entry in row["rows"]}
        for line, name in enumerate(_NAMES, 1):
            width, estimate = found[name]["width"], found[name]["estimate"]
            if width or estimate:
                xs, ys = proved if width and name != "adversary" else observed
                xs.append(width or estimate)
                ys.append(line + 0.6 * (place / (len(rows) + 1) - 0.5))
    sizes = ", ".join(str(row["n"]) for row in rows)
    return Plot(
        "width-needed",
        "Width needed about an initialisation",
        "width from which on",
        "",
        [
            Series("smallest power of two", *proved, quantity="distance", isolated=True),
            Series("by scaling, or by an adversary", *observed, "observed", isolated=True),
        ],
        log_x=True,
        rows=list(_NAMES.values()),
        caption=f"In each line n = {sizes}, from top to bottom.",
    )


def run_cases(directory: Path, cases: Sequence[Widths] = CASES, *, workers: int = 1) -> list[dict[str, Any]]:
    """Search every case, resumably, and write ``width.json`` and ``width.svg``."""
    from verify.report.figures import draw

    rows = run_resumably(directory, cases, _run, workers=workers)
    write_json(directory / "width.json", rows)
    drawn = draw(figure([row for row in rows if "rows" in row]))
    if drawn is not None:
        (directory / "width.svg").write_text(drawn + "\n", encoding="utf-8")
    return rows


def main() -> None:
    """Run the cases from a shell: ``python -m verify.experiments.width DIRECTORY``."""
    given = command_line(__doc__).parse_args()
    for row in run_cases(given.directory, workers=given.workers):
        print(row["name"], *(f"{r['criterion']} {r['width'] or r['estimate']}" for r in row.get("rows", [])), sep="; ")


if __name__ == "__main__":
    main()
