"""What a certificate must imply, claim by claim: the formulas of the claims in proofs/, written here by hand.

Meaning of the fields. A witness number is a bound in a stated direction and is accepted if the recomputed enclosure implies it
(``λ0 ≤ λ_min`` and so on). A constant, a margin and both sides of a stored step are intervals that must contain the recomputed
value: of the quantity itself where it stands at a point, else of the formula at the witness numbers. One-sided: the two stability
radii (their lower ends must be valid) and the worst decrease of scope `exact` (an upper bound).
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial, reduce
from itertools import accumulate, pairwise
from math import inf
from typing import Any, NamedTuple

from flint import arb, ctx

from verify.checker.audit import Audit, Row, ends
from verify.checker.budgets import Budget, Features
from verify.checker.crossing import jacobian_drift, with_midpoints
from verify.checker.enclosures import length, psd_norm, real, root, staged, tick, zips
from verify.checker.movement import curvature
from verify.checker.nearby import Nearby
from verify.checker.network import Point
from verify.checker.pooling import Maximum
from verify.checker.problem import Parameters, Problem
from verify.checker.reading import Claimed, afford, expect, take
from verify.checker.strides import Stride, stride
from verify.checker.tables import MAX_TABLE, floats, is_index, require_steps
from verify.checker.wording import at_least, at_most, below_one

__all__ = [
    "BALL",
    "Audit",
    "Ball",
    "Chain",
    "Row",
    "Truth",
    "distance",
    "enclosed",
    "exact",
    "point",
]

MAX_BITS, MAX_MEMORY = 1 << 15, 1 << 34
_FORMS = ("classical", "residual", "residual_relu")
_MORE = "above features"
BALL = "certified_by lambda0_lower jacobian_norm0_upper residual0_upper parabolas radii curvature delta_j lambda"
PATH = "method bits steps end delta growth rounding lambda_lower loss_lower loss_upper handover"
Chain = dict[str, tuple[Any, str, Any]]  # name of a step → its two sides and their relation


class Truth(NamedTuple):
    """What is recomputed, under the certificates' names, and the statement that it makes."""

    constants: dict[str, Any]
    margins: dict[str, Any]
    steps: Chain
    statement: str


def distance(left: Parameters, right: Parameters) -> Any:
    """Enclose the Euclidean distance of two parameter vectors, each a list of matrices layer by layer; None is no parameter."""
    tick()
    return length(x for a, b in zips(left, right) if a is not None for x in (a - b).entries())


def point(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `point`: λ_min(Θ) ≥ the stored number > 0 at the stored parameters (claim pl_from_ntk); every constant is recomputed."""
    [stated] = floats(take(witness, "lambda0_lower"))
    here, s = Point(problem, problem.parameters()), real(problem.s)
    low, top, loss, square = here.smallest(stated), psd_norm(here.kernel()), here.loss, here.gradient_square()
    audit.require("λ_min of the NTK", real(stated), "<=", low, "λ_min by completing squares")
    audit.require("NTK positive", real(stated), ">", arb(0), "claim pl_from_ntk")
    constants = {
        "lambda0": low,
        "lambda_max0": top,
        "jacobian_norm0": root(top),
        "residual0": here.e,
        "loss0": loss,
        "gradient_norm_squared": square,
        "mu": s * real(stated),
        "pl_ratio": square / (2 * loss),
        "lr": problem.lr,
    }
    text = (
        f"at the stored parameters λ_min(NTK) ≥ {at_least(stated)} > 0, and ½‖∇Φ‖² ≥ μΦ there with μ ≥ {at_least(constants['mu'])};"
        " nothing is said of other parameters, nor of gradient descent"
    )
    return Truth(constants, {"lambda0": low}, {"NTK positive": (low, ">", arb(0))}, text)


class Ball:
    """Scope `ball`: both criteria from the witness' table, about `here`; GD starts within `offset` of the centre."""

    def __init__(self, audit: Audit, here: Point, witness: Any, offset: float = 0.0, start: Any = None) -> None:
        """Demand that every number of the witness' table is a valid bound."""
        self.by, lam0, J, e, parabolas, radii, turning, drifts, lam, *rows = take(
            witness, BALL, " ".join((*_FORMS, _MORE))
        )
        *rows, above, features = rows
        self.forms = {form: row for form, row in zips(_FORMS, rows) if row is not None}
        expect(self.by in self.forms and here.problem.lr, "no criterion is said to hold, or there is no step")
        self.crossed = self.by == "residual_relu"
        if self.crossed:
            alone = list(self.forms) == [self.by] and turning is None and parabolas == []
            expect(alone, "where kinks are crossed there is neither a curvature nor another criterion")
            index, stored = take(self.forms[self.by], "index midpoints")
            here, self.forms, turning = with_midpoints(here, stored), {self.by: index}, [inf] * len(floats(radii))
        else:
            self.forms = {form: take(row, "index")[0] for form, row in self.forms.items()}
        self.audit, self.here, self.problem, self.offset = audit, here, here.problem, offset
        self.radii, *table = map(floats, (radii, turning, drifts, lam))
        size, self.edges = len(self.radii), list(pairwise([0.0, *self.radii]))
        expect(all(inner < outer for inner, outer in self.edges), "the radii do not increase from above 0")
        expect(size > 0 and {*map(len, table)} == {size}, "the table's columns are of different length")
        expect(all(is_index(j, size) for j in self.forms.values()), "a criterion at no such row")
        expect(isinstance(parabolas, list), "parabolas: expected a list")
        self.parabolas = [floats(pair, 2) for pair in parabolas]
        expect(above is None or isinstance(above, list), "above: expected a list")
        afford(max(size, len(parabolas), len(above or [])), MAX_TABLE, "rows of a table")
        self.above = [floats(pair, 2) for pair in above or []]
        expect(all(weight > 0.0 for weight, _ in self.parabolas + self.above), "a parabola has a weight ≤ 0")
        self.lam0, self.J, self.e = map(real, floats([lam0, J, e]))
        self.low, self.jacobian, self.residual = here.smallest(lam0), here.size(), here.e
        audit.require("λ_min at the centre", self.lam0, "<=", self.low, "λ_min by completing squares")
        audit.require("‖J‖ at the centre", self.jacobian, "<=", self.J, "‖J‖² = ‖Θ‖")
        audit.require("residual at the start", self.residual if start is None else start, "<=", self.e, "forward pass")
        # Where descent starts beside the centre, the bound itself is what is stated as the residual; of data nearby, each bound for all of them.
        self.residual = self.residual if start is None else self.e
        if isinstance(here, Nearby):
            self.low, self.jacobian, self.residual = self.lam0, self.J, self.e
        self.curvature, self.delta, self.lam = ([real(v) for v in column] for column in table)
        if self.parabolas or self.above:
            budget = Budget(here)
            for weight, intercept in self.parabolas:
                audit.require("neuron budget", real(intercept), "<=", budget(weight, intercept), "claim neuron_budget")
            for weight, top in self.above:
                size = budget.size_above(weight)
                audit.require("neuron budget from above", size, "<=", real(top), "claim neuron_budget_upper")
        by_features = None if features is None else Features(here, floats([features])[0])
        self._drifts(table[0])
        kept, best, sigma = [], arb(0), root(self.lam0)
        for r, drift, claimed in reversed(list(zips(self.radii, self.delta, self.lam))):
            # From the largest ball inwards: a bound on a larger ball holds on this one.
            if sigma >= drift:  # (√λ0 − Δ)², written so that Δ = 0 gives λ0 itself
                best = best.max(self.lam0 - drift * (2 * sigma - drift))
            for weight, intercept in self.parabolas:
                best = best.max(real(intercept) - real(weight) * real(r) ** 2)
            if by_features is not None:
                best = best.max(by_features(real(r)))
            kept.append((claimed, best))
        audit.every("λ on the ball", kept, "<=", "(√λ0 − Δ_J)², a parabola or the features, worst ρ shown")

    def _drifts(self, stored: list[float]) -> None:
        """Demand that the columns of L_H and Δ_J are bounds; Δ_J by what L_H adds up to, or by the Jacobian's own movement."""
        moved = jacobian_drift(self.here)
        if self.crossed:
            bounds = [(moved(real(r)), d) for r, d in zips(staged("radii of the table", self.radii), self.delta)]
            self.audit.every(
                "Jacobian drift Δ_J(ρ)", bounds, "<=", "claims network_jacobian_change, unstable_units, worst ρ shown"
            )
            return
        self.turning, graph = curvature(self.here), self.problem.chain is None
        law = "claim network_jacobian_change" if graph else "claim layered_curvature"
        bounds = [(self.turning(real(r)), c) for r, c in zips(staged("radii of the table", self.radii), self.curvature)]
        self.audit.every("curvature L_H(ρ)", bounds, "<=", f"{law}, worst ρ shown")
        areas = accumulate((Fraction(r) - Fraction(q)) * Fraction(c) for (q, r), c in zips(self.edges, stored))
        sums = []
        for r, area, d in zips(self.radii, map(real, areas), self.delta):
            sums.append((moved(real(r)) if graph and not area <= d else area, d))
        law = f"Σ (ρ_i − ρ_{{i-1}})L_H(ρ_i){f', or {law}' if graph else ''}, worst ρ shown"
        self.audit.every("Jacobian drift Δ_J(ρ)", sums, "<=", law)

    def norm(self, j: int) -> Any:
        """A bound of ‖J‖ on B(c, ρ_j)."""
        bounds = [root(real(top) + real(weight) * real(self.radii[j]) ** 2) for weight, top in self.above]
        return reduce(arb.min, bounds, self.J + self.delta[j])

    def stride(self, j: int) -> Stride:
        """How descent steps on B(c, ρ_j); where kinks are crossed no long step is known to stay."""
        J, D = self.J, self.delta[j]
        expect(J.is_finite() and D.is_finite(), "an infinite bound where a criterion is said to hold")
        squares = [(Fraction(float(J.mid())) + Fraction(float(D.mid()))) ** 2]
        squares += [Fraction(top) + Fraction(weight) * Fraction(self.radii[j]) ** 2 for weight, top in self.above]
        step = Fraction(self.problem.lr) * Fraction(self.problem.s)
        return stride(step, min(squares), self.norm(j), self.lam[: j + 1], short=self.crossed)

    def criterion(self, form: str, j: int) -> tuple[dict[str, Any], Any, Chain]:
        """Return constants, margin and chain of one criterion at R = ρ_j (claims containment_*, with an offset of the start)."""
        R, L, D, lam, e = real(self.radii[j]), self.curvature[j], self.delta[j], self.lam[j], self.e
        K = self.norm(j)
        s, eta, o, sigma = real(self.problem.s), real(self.problem.lr), real(self.offset), root(lam)
        mu, beta, crossed = s * lam, s * (K**2 + e * L), form == "residual_relu"
        first = "J_c has full rank" if crossed else "NTK positive at the centre"
        steps: Chain = {first: (self.lam0, ">", arb(0)), "NTK stays positive on the ball": (lam, ">", arb(0))}
        common = {"mu": mu} if crossed else {"mu": mu, "smoothness": beta, "step_bound": 2 / beta}
        if form == "classical":
            c = 1 - eta * beta / 2
            path = e / (c * sigma)
            steps["step below 2/β"] = (eta, "<", 2 / beta)
            steps["path inside the ball"] = (path + o, "<=", R)
            rate = 1 - 2 * eta * mu * c
            return {**common, "descent_fraction": c, "path_length": path, "rate": rate}, R - path - o, steps
        how = self.stride(j)
        delta, supply = 2 * D if crossed else (eta * s * L * K * e / 2).min(2 * D), arb(0)
        for (inner, outer), bound in zips(self.edges[: j + 1], self.lam[: j + 1]):
            width = real(max(outer, self.offset)) - real(max(inner, self.offset))
            supply += width * (how.share * root(bound) - delta)
        steps |= how.sides()
        steps[f"{how.symbol}(R) above the step's drift"] = (how.share * sigma, ">", delta)
        steps["residual pays for the path"] = (supply, ">", e)
        rate = how.rate(sigma, delta, eta * s * lam)
        constants = {
            **common,
            "path_length": R,
            "residual_rate": rate,
            "rate": rate * rate,
            "step_drift": delta,
        } | how.constants()
        return constants, supply - e, steps

    def truth(self) -> Truth:
        """Demand every criterion said to hold and return the constants of the one that carries them."""
        j, s = self.forms[self.by], real(self.problem.s)
        R, L, D, lam = real(self.radii[j]), self.curvature[j], self.delta[j], self.lam[j]
        constants: dict[str, Any] = {
            "lambda0": self.low,
            "jacobian_norm0": self.jacobian,
            "lr": self.problem.lr,
            "radius": R,
            "Delta_J": D,
            "residual0": self.residual,
            "loss0": self.here.loss,
            "lambda_region": lam,
        }
        if not self.crossed:
            lipschitz = L * (2 * self.J + D)
            constants |= {
                "L_H": L,
                "L_theta": lipschitz,
                "mu_paper": s * (self.lam0 - lipschitz * R),
                "stability_radius": partial(self._stable, True),
                "stability_radius_paper": partial(self._stable, False),
            }
        margins: dict[str, Any] = {}
        chain: Chain = {}
        for form, index in self.forms.items():
            values, margins[f"{form} containment"], steps = self.criterion(form, index)
            # The other criterion may stand at another radius; the stored chain has its λ(R) once, for the form in `by`.
            constants, chain = (constants | values, chain | steps) if form == self.by else (constants, steps | chain)
            self._demand(steps, f"{form} containment at its R")
            # True where the chain holds; demanded so that the precision suffices to say it.
            self.audit.require("factor of Φ per step", values["rate"], "<", arb(1), f"claim containment_{form}")
            constants[f"radius_largest_{form}"] = partial(self._also, form)
        text = (
            f"with step η = {self.problem.lr} it stays within R ≤ {at_most(self.radii[j])} of the centre, a Locally PL Region with"
            f" ½‖∇Φ‖² ≥ μΦ for μ ≥ {at_least(constants['mu'])}, and Φ_k ≤ {below_one(constants['rate'])}^k·Φ_0 ({self.by} criterion"
            f"{self._at_kinks() if self.crossed else ''}); it converges to a point of zero loss"
        )
        return Truth(constants, margins, chain, text)

    def _at_kinks(self) -> str:
        """Say which gradient is meant where it jumps."""
        chosen = any(isinstance(layer, Maximum) for layer in self.problem.layers)
        return (
            ", a kink having the slope of its left side at 0" + ", a window choosing the first of its largest" * chosen
        )

    def _demand(self, steps: Chain, source: str) -> None:
        for name, (left, relation, right) in steps.items():
            self.audit.require(name, left, relation, right, source)

    def _also(self, form: str, name: str, claimed: Any) -> None:
        """Demand that the criterion holds as well at a larger row of the table."""
        exact = isinstance(claimed, Claimed) and claimed.rad == 0.0 and claimed.mid in self.radii
        expect(exact, f"{name}: is no row of the table, so nothing implies it")
        self._demand(self.criterion(form, self.radii.index(claimed.mid))[2], f"{form} containment at its largest R")

    def _stable(self, sharp: bool, name: str, claimed: Any) -> None:
        """Demand λ ≥ λ0/2 on B(θ0, r), r the stored interval's lower end: by r·L_H(r), by a parabola, or in the paper's form."""
        r = ends(claimed)[0].lower()
        if not r > 0:
            return  # a radius that may be 0 claims nothing
        L, half = self.turning(r), arb(1) / 2
        sides = [(r * L, (1 - root(half)) * root(self.lam0))]
        sides += [(half * self.low + real(w) * r * r, real(i)) for w, i in self.parabolas]
        if not sharp:
            drifts = (d for q, d in zips(self.radii, self.delta) if r <= q)
            sides = [(r * L * (2 * self.J + reduce(arb.min, drifts, r * L)), half * self.lam0)]
        left, right = max(sides, key=lambda side: float(side[1] - side[0]))
        self.audit.require(name, left, "<=", right, "λ ≥ λ0/2 on that ball")


def _descend(problem: Problem, guesses: list[float], lost: int, centre: Any = None) -> Any:
    """Enclose real-arithmetic gradient descent: θ_T, and λ_min, Φ and ‖θ − centre‖ at every iterate; None if bits ran out.

    Plain ball arithmetic; `lost` bits are allowed for each step that is still to come, so that the last ones are cheap.
    """
    steps, base, theta, lows, losses, away = len(guesses) - 1, ctx.prec, problem.parameters(), [], [], []
    held = len(problem.start) + 6 * problem.n * problem.k * max(layer.size for layer in problem.layers)
    bits = 2 * base + lost * steps
    afford(bits, MAX_BITS, f"bits that {steps} steps of gradient descent would need")
    afford(
        bits * held, MAX_MEMORY, f"bits in all, of {held:,} numbers, that {steps} steps of gradient descent would need"
    )
    for k, guess in enumerate(guesses):
        with ctx.workprec(bits - lost * k):
            here = Point(problem, theta)
            losses.append(here.loss)
            # Before the first step no bits are lost; a loss that is 0 has no digits.
            if steps and not here.loss.rad() < here.loss.mid() / 2**48:
                return None
            with ctx.workprec(base):
                lows.append(here.smallest(guess))
                if centre is not None:
                    away.append(distance(theta, centre))
            if k < steps:
                factor = real(problem.lr * problem.s)
                moves = zips(theta, here.gradient())
                theta = [w if w is None else w - dw * factor for w, dw in moves]
    return theta, lows, losses, away


def exact(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `exact`: descent from the stored parameters is enclosed again in Arb, step by step, and the last ball checked."""
    return enclosed(audit, problem, witness)[0]


def enclosed(audit: Audit, problem: Problem, witness: Any, about: Any = None) -> tuple[Truth, list[Any], list[Any]]:
    """Scope `exact`: gradient descent itself enclosed step by step, then a ball about the stored end point.

    The method, bits, growth and rounding of the witness and its δ_k for k < T say how it was found; nothing here rests on them.
    Returned with the truth: the distances of the iterates, and of the end point's ball, from `about`; and the factors of Φ from step to step.
    """
    _, _, steps, end, delta, _, _, lower, loss_lower, loss_upper, handover = take(witness, PATH)
    expect(problem.lr and isinstance(handover, dict), "an exact run needs a step size and a hand-over")
    require_steps(steps)
    columns = (floats(column, steps + 1) for column in (delta, lower, loss_lower, loss_upper))
    delta, lower, loss_lower, loss_upper = columns
    [offset], handover = floats([handover.get("offset")]), {k: v for k, v in handover.items() if k != "offset"}
    expect(offset >= 0.0 and delta[-1] == offset, "the hand-over's offset is not the last δ")
    found, lost = None, 3
    while found is None:
        found = _descend(problem, lower, lost, about)
        lost *= 2
    last, lows, losses, away = found
    centre, s, stated, weakest = problem.parameters(end), real(problem.s), list(map(real, lower)), real(min(lower))
    audit.every("NTK at the iterates", list(zips(stated, lows)), "<=", "worst step shown")
    audit.every("NTK positive at the iterates", [(v, arb(0)) for v in stated], ">", "claim pl_from_ntk")
    audit.every("Φ from below", list(zips(map(real, loss_lower), losses)), "<=", "at the exact iterates")
    audit.every("Φ from above", list(zips(losses, map(real, loss_upper))), "<=", "at the exact iterates")
    factors = [1 - real(problem.lr) * s * v for v in stated[:-1]]
    falls = [(factor * before, after) for factor, (before, after) in zips(factors, pairwise(losses))]
    audit.every("decrease", falls, ">=", "(1 − ημ_k)Φ_k ≥ Φ_{k+1}")
    audit.require("exact iterate from the centre", distance(last, centre), "<=", real(offset), "descent in Arb")
    ball = Ball(audit, Point(problem, centre), handover, offset, Point(problem, last).e).truth()

    def slack(name: str, claimed: Any) -> None:
        top = ends(claimed)[1]
        audit.every(name, [(after / before, top) for before, after in falls], "<=", "worst decrease")

    constants = ball.constants | {
        "initial_lambda_min": lows[0],
        "initial_loss": losses[0],
        "path_lambda_min": weakest,
        "handover_step": steps,
        "mu_along_path": s * weakest.min(ball.constants["lambda_region"]),
        "drift": distance(last, problem.parameters()),
        "handover_offset": real(offset),
        "handover_radius": ball.constants["radius"],
    }
    chain: Chain = {
        "NTK positive at every iterate": (weakest, ">", arb(0)),
        "decrease at every step": (slack, "<=", arb(1)),
    }
    text = (
        f"for real-arithmetic gradient descent from the stored parameters: at each of its iterates 0 to {steps} λ_min(NTK) ≥"
        f" {at_least(min(lower))}, and Φ_{{k+1}} ≤ (1 − ημ_k)Φ_k up to iterate {steps}; from there on {ball.statement}"
    )
    if about is not None:
        away.append(distance(centre, about) + ball.constants["radius"])
    return Truth(constants, ball.margins, chain | ball.steps, text), away, [*factors, ball.constants["rate"]]
