"""What a certificate must imply, claim by claim: the formulas of MATH.md §§1–5 and 7, written here by hand.

Meaning of the fields. A witness number is a bound in a stated direction and is accepted if the recomputed enclosure implies it
(``λ0 ≤ λ_min`` and so on). A constant, a margin and both sides of a stored step are intervals that must contain the recomputed
value: of the quantity itself where it stands at a point, else of the formula at the witness numbers. One-sided: the two stability
radii (their lower ends must be valid) and the worst decrease of scope `exact` (an upper bound).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from flint import arb, ctx

from verify.checker.enclosures import real, root
from verify.checker.network import Parameters, Point, Problem
from verify.checker.reading import Array, Claimed, Limit, Malformed, take

__all__ = ["Audit", "Row", "examine"]

MAX_TABLE, MAX_STEPS, MAX_BITS, MAX_MEMORY = 4096, 100_000, 1 << 15, 1 << 34
BALL = "certified_by lambda0_lower jacobian_norm0_upper residual0_upper parabolas radii curvature delta_j lambda"
FACTS = "step loss residual lambda_min lambda_max gradient_norm pl_ratio drift parameters next next_loss decrease"
PATH = "method bits steps end delta growth rounding lambda_lower loss_lower loss_upper handover"
KAPPA = Fraction(1, 2)


class Row(NamedTuple):
    """One checked inequality, for display."""

    step: str
    left: str
    relation: str
    right: str
    margin: str
    source: str


class Audit:
    """Collects decisions: certain, certainly false (`failures`), or not decided at this precision (`doubts`)."""

    def __init__(self) -> None:
        """Start with no decision."""
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self.doubts: list[str] = []

    def require(self, name: str, left: Any, relation: str, right: Any, source: str) -> None:
        """Demand one inequality between enclosures."""
        self.every(name, [(left, right)], relation, source)

    def every(self, name: str, pairs: list[tuple[Any, Any]], relation: str, source: str) -> None:
        """Demand an inequality for each pair; the tightest is displayed."""
        worst: Any = None
        for left, right in pairs:
            low, high = (left, right) if relation in ("<", "<=") else (right, left)
            holds, fails = (low < high, low >= high) if relation in ("<", ">") else (low <= high, low > high)
            gap = high - low
            text = f"{name}: {left.str(12)} {relation} {right.str(12)}"
            if fails:
                self.failures.append(f"{text} fails by {(-gap).str(6)} ({source})")
            elif not holds:
                self.doubts.append(f"{text} is not certain at {ctx.prec} bits ({source})")
            if worst is None or not worst[0] <= gap:
                worst = (gap, left, right)
        if worst is not None:
            gap, left, right = (value.str(8) for value in worst)
            self.rows.append(Row(name, left, relation, right, gap, source))

    def inside(self, name: str, low: Any, value: Any, high: Any, source: str) -> None:
        """Demand low ≤ value ≤ high."""
        self.every(name, [(low, value), (value, high)], "<=", source)

    def matches(self, name: str, claimed: Any, truth: Any) -> None:
        """Demand that a stored constant contains the recomputed value, or equals an exact one."""
        if claimed is None:
            return
        if callable(truth):
            truth(name, claimed)
        elif isinstance(truth, int | Fraction) and isinstance(claimed, int | Fraction):
            if truth != claimed or isinstance(claimed, bool):
                self.failures.append(f"{name}: {str(claimed)[:60]} is not {str(truth)[:60]}")
        elif isinstance(claimed, Claimed):
            mid, rad = real(claimed.mid), real(claimed.rad)
            self.inside(name, mid - rad, truth if isinstance(truth, arb) else real(truth), mid + rad, "stored interval")
        else:
            raise Malformed(f"{name}: unexpected kind of value")


def _float(value: Any) -> float:
    if not isinstance(value, float):
        raise Malformed(f"expected a double, found {str(value)[:40]}")
    return value


def _floats(value: Any, length: int | None = None) -> list[float]:
    """Return a list of doubles, stored as a list or as an array."""
    if isinstance(value, Array) and len(value.shape) == 1:
        value = value.data.tolist()
    if not isinstance(value, list) or len(value) > MAX_STEPS + 1 or (length is not None and len(value) != length):
        raise Malformed("a table has the wrong length")
    return [_float(item) for item in value]


class Truth(NamedTuple):
    """What the recomputation yields under the names that certificates use."""

    constants: dict[str, Any]
    margins: dict[str, Any]
    steps: dict[str, tuple[Any, str, Any]]
    statement: str


def _point(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `point`: MATH §1 at the stored parameters."""
    stated = _float(take(witness, "lambda0_lower")[0])
    here = Point(problem, problem.parameters())
    low, top, e, s = *here.extremes(), here.residual_norm(), real(problem.s)
    audit.require("λ_min of the NTK", real(stated), "<=", low, "λ_min = t − ‖tI − Θ‖")
    audit.require("NTK positive", real(stated), ">", arb(0), "claim pl_from_ntk")
    loss, square = s * e * e / 2, here.gradient_square()
    constants = {
        "lambda0": low, "lambda_max0": top, "jacobian_norm0": root(top), "residual0": e, "loss0": loss,
        "gradient_norm_squared": square, "mu": s * real(stated), "pl_ratio": square / (2 * loss), "lr": problem.lr,
    }  # fmt: skip
    text = f"at the stored parameters λ_min(NTK) ≥ {stated.hex()} > 0: ½‖∇Φ‖² ≥ μΦ with μ = s·λ_min, s = {problem.s}"
    return Truth(constants, {"lambda0": low}, {"NTK positive": (low, ">", arb(0))}, text)


class _Ball:
    """Scope `ball`: both criteria from the witness' table, about `here`; GD starts within `offset` of the centre."""

    def __init__(
        self, audit: Audit, here: Point, witness: Any, offset: float = 0.0, start_residual: Any = None
    ) -> None:
        names = take(witness, BALL, "classical residual")
        self.audit, self.here, self.problem, self.offset = audit, here, here.problem, offset
        self.by, (self.lam0, self.J, self.e) = names[0], map(_float, names[1:4])
        self.forms: dict[str, int] = {}
        self.radii, self.curvature = _floats(names[5]), _floats(names[6])
        self.delta, self.lam = _floats(names[7]), _floats(names[8])
        rows = len(self.radii)
        if not 1 <= rows <= MAX_TABLE or {len(self.curvature), len(self.delta), len(self.lam)} != {rows}:
            raise Malformed("the table of radii has no rows, too many, or columns of different length")
        if any(b <= a for a, b in zip([0.0, *self.radii], self.radii, strict=False)):
            raise Malformed("the radii do not increase from above 0")
        for form, entry in zip(("classical", "residual"), names[9:], strict=True):
            if entry is not None:
                index = take(entry, "index")[0]
                if type(index) is not int or not 0 <= index < rows:
                    raise Malformed(f"{form}: no such row {index!r}")
                self.forms[form] = index
        if self.by not in self.forms or self.problem.lr is None:
            raise Malformed("no criterion is said to hold, or there is no step")
        if not isinstance(names[4], list) or len(names[4]) > MAX_TABLE:
            raise Malformed("parabolas: expected a list")
        self.parabolas = [_floats(pair, 2) for pair in names[4]]
        self.low, self.top = here.extremes()
        self.residual = here.residual_norm()
        audit.require("λ_min at the centre", real(self.lam0), "<=", self.low, "λ_min = t − ‖tI − Θ‖")
        audit.require("‖J‖ at the centre", root(self.top), "<=", real(self.J), "‖J‖² = ‖Θ‖")
        self.start = self.residual if start_residual is None else start_residual
        audit.require("residual at the start", self.start, "<=", real(self.e), "forward pass")
        self._table()

    def _table(self) -> None:
        """Demand the bounds on the balls B(θ0, ρ_j)."""
        audit, here = self.audit, self.here
        for weight, intercept in self.parabolas:
            if not weight > 0.0:
                raise Malformed("a parabola has a weight ≤ 0")
            audit.require("neuron budget", real(intercept), "<=", here.budget(weight), "claim neuron_budget")
        here.centre()
        bounds = [(here.curvature(real(r)), real(c)) for r, c in zip(self.radii, self.curvature, strict=True)]
        audit.every("curvature L_H(ρ)", bounds, "<=", "claim layered_curvature, worst ρ shown")
        total, before, sums = Fraction(0), Fraction(0), []
        for r, c, d in zip(map(Fraction, self.radii), map(Fraction, self.curvature), self.delta, strict=True):
            total, before = total + (r - before) * c, r
            sums.append((real(total), real(d)))
        audit.every("Jacobian drift Δ_J(ρ)", sums, "<=", "Σ (ρ_i − ρ_{i-1})L_H(ρ_i), worst ρ shown")
        kept, best = [], arb(0)
        for q, d, claimed in list(zip(self.radii, self.delta, self.lam, strict=True))[::-1]:
            # From the largest ball inwards: a bound on a larger ball holds on this one.
            lam0, drift, sigma = real(self.lam0), real(d), root(real(self.lam0))
            if sigma >= drift:  # (√λ0 − Δ)², written so that Δ = 0 gives λ0 itself
                best = best.max(lam0 - drift * (2 * sigma - drift))
            for weight, intercept in self.parabolas:
                best = best.max(real(intercept) - real(weight) * real(q) ** 2)
            kept.append((real(claimed), best))
        audit.every("λ on the ball", kept, "<=", "(√λ0 − Δ_J)² or a parabola, worst ρ shown")

    def criterion(self, form: str, j: int) -> tuple[dict[str, Any], Any, dict[str, tuple[Any, str, Any]]]:
        """Return constants, margin and chain of one criterion at R = ρ_j (MATH §§3–5, with the start's offset of §7)."""
        R, L, D, lam = (real(column[j]) for column in (self.radii, self.curvature, self.delta, self.lam))
        s, eta, J, e, o = (real(v) for v in (self.problem.s, self.problem.lr, self.J, self.e, self.offset))
        steps: dict[str, tuple[Any, str, Any]] = {
            "NTK positive at the centre": (real(self.lam0), ">", arb(0)),
            "NTK stays positive on the ball": (lam, ">", arb(0)),
        }
        mu, beta, sigma = s * lam, s * ((J + D) ** 2 + e * L), root(lam)
        common = {"mu": mu, "smoothness": beta, "step_bound": 2 / beta}
        if form == "classical":
            c = 1 - eta * beta / 2
            path = e / (c * sigma)
            steps["step below 2/β"] = (eta, "<", 2 / beta)
            steps["path inside the ball"] = (path + o, "<=", R)
            rate = 1 - 2 * eta * mu * c
            return {**common, "descent_fraction": c, "path_length": path, "rate": rate}, R - path - o, steps
        delta = (eta * s * L * (J + D) * e / 2).min(2 * D)
        supply, edges = arb(0), [0.0, *self.radii]
        for i in range(j + 1):
            width = real(edges[i + 1]) - real(max(edges[i], self.offset))
            if edges[i + 1] > self.offset:
                supply += width * (root(real(self.lam[i])) - delta)
        steps["ηΘ below the identity"] = (eta * s * (J + D) ** 2, "<=", arb(1))
        steps["σ(R) above the step's drift"] = (sigma, ">", delta)
        steps["residual pays for the path"] = (supply, ">", e)
        rate = 1 - eta * s * sigma * (sigma - delta)
        constants = {**common, "path_length": R, "residual_rate": rate, "rate": rate * rate, "step_drift": delta}
        return constants, supply - e, steps

    def truth(self) -> Truth:
        """Demand every criterion said to hold and return the constants of the one that carries them."""
        margins: dict[str, Any] = {}
        chain: dict[str, tuple[Any, str, Any]] = {}
        j = self.forms[self.by]
        R, L, D, lam = (real(column[j]) for column in (self.radii, self.curvature, self.delta, self.lam))
        s, lipschitz = real(self.problem.s), L * (2 * real(self.J) + D)
        constants: dict[str, Any] = {
            "lambda0": self.low, "jacobian_norm0": root(self.top), "lr": self.problem.lr, "radius": R, "L_H": L,
            "residual0": real(self.e) if self.start is not self.residual else self.residual, "Delta_J": D,
            "loss0": s * self.residual**2 / 2, "lambda_region": lam, "L_theta": lipschitz,
            "mu_paper": s * (real(self.lam0) - lipschitz * R),
            "stability_radius": self._radius(sharp=True), "stability_radius_paper": self._radius(sharp=False),
        }  # fmt: skip
        for form in sorted(self.forms, key=lambda f: f != self.by):
            values, margins[f"{form} containment"], steps = self.criterion(form, self.forms[form])
            constants |= values if form == self.by else {}
            # The other criterion may stand at another radius; the stored chain has its λ(R) once, for the form in `by`.
            chain = {**steps, **chain}
            for name, (left, relation, right) in steps.items():
                self.audit.require(name, left, relation, right, f"{form} containment at its R")
            constants[f"radius_largest_{form}"] = self._largest(form)
        text = (
            f"with step η = {self.problem.lr} and s = {self.problem.s} it stays within R = {self.radii[j].hex()} of the centre,"
            f" a Locally PL Region with μ ≥ {constants['mu'].lower().str(10)}, and Φ_k ≤ {constants['rate'].upper().str(12)}^k·Φ_0"
            f" ({self.by} criterion); it converges to a point of zero loss"
        )
        return Truth(constants, margins, chain, text)

    def _largest(self, form: str) -> Callable[[str, Any], None]:
        def demand(name: str, claimed: Any) -> None:
            if not isinstance(claimed, Claimed) or claimed.rad != 0.0 or claimed.mid not in self.radii:
                self.audit.failures.append(f"{name}: is no row of the table, so nothing implies it")
                return
            for step, (left, relation, right) in self.criterion(form, self.radii.index(claimed.mid))[2].items():
                self.audit.require(f"{step} (largest R)", left, relation, right, f"{form} containment")

        return demand

    def _radius(self, sharp: bool) -> Callable[[str, Any], None]:
        """λ ≥ κλ0 on B(θ0, r), κ = ½, r the stored interval's lower end; by any bound that holds on a ball ⊇ B(θ0, r)."""

        def demand(name: str, claimed: Any) -> None:
            if not isinstance(claimed, Claimed):
                raise Malformed(f"{name}: expected a ball")
            r, lam0, J = (real(claimed.mid) - real(claimed.rad)).lower(), real(self.lam0), real(self.J)
            if not r > 0:
                return  # a radius that may be 0 claims nothing
            own = self.here.curvature(r)
            table = zip(self.radii, self.curvature, self.delta, strict=True)
            bounds = [(own, r * own), *((real(c), real(d)) for q, c, d in table if r <= q)]
            if sharp:
                sides = [(r * L, (1 - root(real(KAPPA))) * root(lam0)) for L, _ in bounds]
                sides += [(real(KAPPA) * self.low + real(w) * r * r, real(i)) for w, i in self.parabolas]
            else:
                sides = [(r * L * (2 * J + D), (1 - real(KAPPA)) * lam0) for L, D in bounds]
            hopeful = [side for side in sides if not side[0] > side[1]] or sides
            best = next((side for side in hopeful if side[0] <= side[1]), hopeful[0])
            self.audit.require(name, best[0], "<=", best[1], "λ ≥ λ0/2 on that ball")

        return demand


def _ball(audit: Audit, problem: Problem, witness: Any) -> Truth:
    found = _Ball(audit, Point(problem, problem.parameters()), witness).truth()
    return found._replace(statement=f"real-arithmetic gradient descent from the stored parameters: {found.statement}")


def _run(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `run`: facts at stored points, decrease to stored neighbours, a ball about the last."""
    checkpoints, handover = take(witness, "checkpoints handover")
    if not isinstance(checkpoints, list) or not 1 <= len(checkpoints) <= MAX_TABLE or not isinstance(handover, dict):
        raise Malformed("a run needs checkpoints and a hand-over")
    number, index = handover.get("step"), handover.get("checkpoint")
    if problem.lr is None or type(index) is not int or not 0 <= index < len(checkpoints):
        raise Malformed("a run needs a step and a hand-over at one of its checkpoints")
    eta_s, s, facts, previous = real(problem.lr * problem.s), real(problem.s), [], -1
    centre: Any = None
    chain: dict[str, Any] = {}
    for row in checkpoints:
        step, *bounds, parameters, after, next_loss, decrease = take(row, FACTS)
        if type(step) is not int or step <= previous or decrease not in (True, False, None):
            raise Malformed("a checkpoint's step or decrease is out of order")
        previous = step
        here = Point(problem, problem.parameters(parameters))
        e, (low, top), square = here.residual_norm(), here.extremes(), here.gradient_square()
        loss = s * e * e / 2
        drift = _distance(problem.parameters(parameters), problem.parameters())
        fact = (loss, e, low, top, root(square), square / (2 * loss), drift)
        for name, bound, value in zip(FACTS.split()[1:8], bounds, fact, strict=True):
            if bound is not None:
                lo, hi = _floats(bound, 2)
                audit.inside(f"{name} at step {step}", real(lo), value, real(hi), "recomputed at the stored parameters")
        stated = _floats(bounds[2], 2)[0]
        chain[f"NTK positive at step {step}"] = (low, ">", arb(0))
        if after is not None:
            e = Point(problem, problem.parameters(after)).residual_norm()
            later, decreased = s * e * e / 2, (1 - eta_s * real(max(stated, 0.0))) * loss
            if next_loss is not None:
                lo, hi = _floats(next_loss, 2)
                audit.inside(f"loss after step {step}", real(lo), later, real(hi), "recomputed")
            if decrease:
                audit.require(f"decrease from step {step}", later, "<=", decreased, "Φ_{k+1} ≤ (1 − ημ)Φ_k")
            chain[f"decrease from step {step}"] = (later, "<=", decreased)
        elif decrease or next_loss is not None:
            raise Malformed("a decrease without the neighbour's parameters")
        facts.append((step, fact))
        centre = here if len(facts) == index + 1 else centre
    if number != facts[index][0]:
        raise Malformed("the hand-over's step is not its checkpoint's")
    found = _Ball(audit, centre, {key: v for key, v in handover.items() if key not in ("step", "checkpoint")}).truth()
    constants = {
        **found.constants, "initial_lambda_min": facts[0][1][2], "initial_loss": facts[0][1][0], "drift": facts[-1][1][6],
        "handover_step": number, "handover_radius": found.constants["radius"],
    }  # fmt: skip
    text = (
        f"at each of {len(facts)} stored points of a recorded run the stated facts hold; real-arithmetic gradient descent"
        f" restarted at the stored point of step {number}: {found.statement}. Nothing is said of descent from the first point"
    )
    return Truth(constants, found.margins, {**chain, **found.steps}, text)


def _distance(left: Parameters, right: Parameters) -> Any:
    total = arb(0)
    for (w, b), (v, c) in zip(left, right, strict=True):
        total += sum((x * x for x in (w - v).entries()), arb(0))
        total += sum(((x - y) ** 2 for x, y in zip(b or [], c or [], strict=True)), arb(0))
    return root(total)


def _descend(problem: Problem, steps: int, lost: int, visit: Callable[[Point], None]) -> Any:
    """Enclose real-arithmetic gradient descent from the stored parameters; return θ_T, or the step where bits ran out.

    Plain ball arithmetic; `lost` bits are allowed for each step that is still to come, so that the last ones are cheap.
    """
    base, held = ctx.prec, len(problem.start) + 6 * problem.n * problem.k * max(la.fan_out for la in problem.layers)
    bits = 2 * base + lost * steps
    if bits > MAX_BITS or bits * held > MAX_MEMORY:
        raise Limit(f"gradient descent would need {bits} bits for {held} numbers")
    theta = problem.parameters()
    for k in range(steps + 1):
        with ctx.workprec(bits - lost * k):
            factor = real((problem.lr or Fraction(0)) * problem.s)
            here = Point(problem, theta)
            loss = here.residual_norm()
            if not loss.rad() < loss.mid() / 2**48:
                return k
            with ctx.workprec(base):
                visit(here)
            if k < steps:
                moved = []
                for (w, b), (dw, db) in zip(theta, here.gradient(), strict=True):
                    bias = None if b is None else [x - factor * y for x, y in zip(b, db, strict=True)]
                    moved.append((w - dw * factor, bias))
                theta = moved
    return theta


def _exact(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `exact`: gradient descent itself enclosed step by step, then a ball about the stored end point.

    The method, bits, growth and rounding of the witness and its δ_k for k < T say how it was found; nothing here rests on them.
    """
    _, _, steps, end, delta, _, _, lower, loss_lower, loss_upper, handover = take(witness, PATH)
    if problem.lr is None or type(steps) is not int or not 0 <= steps <= MAX_STEPS or not isinstance(handover, dict):
        raise Malformed("an exact run needs a step size, a number of steps and a hand-over")
    lower, loss_lower, loss_upper = (_floats(column, steps + 1) for column in (lower, loss_lower, loss_upper))
    offset = _float(handover.get("offset"))
    if not offset >= 0.0 or _floats(delta, steps + 1)[-1] != offset:
        raise Malformed("the hand-over's offset is not the last δ")
    s, eta_s, lost = real(problem.s), real(problem.lr * problem.s), 3
    while True:
        lows: list[Any] = []
        losses: list[Any] = []

        def visit(here: Point, lows: list[Any] = lows, losses: list[Any] = losses) -> None:
            lows.append(here.smallest())
            losses.append(s * here.residual_norm() ** 2 / 2)

        last = _descend(problem, steps, lost, visit)
        if not isinstance(last, int):
            break
        lost *= 2
    below, above = map(real, loss_lower), map(real, loss_upper)
    audit.every("NTK at the iterates", list(zip(map(real, lower), lows, strict=True)), "<=", "worst step shown")
    audit.every("NTK positive at the iterates", [(real(v), arb(0)) for v in lower], ">", "claim pl_from_ntk")
    audit.every("Φ from below", list(zip(below, losses, strict=True)), "<=", "at the exact iterates")
    audit.every("Φ from above", list(zip(losses, above, strict=True)), "<=", "at the exact iterates")
    falls = [((1 - eta_s * real(v)) * loss, after) for v, loss, after in zip(lower, losses, losses[1:], strict=False)]
    audit.every("decrease", falls, ">=", "(1 − ημ_k)Φ_k ≥ Φ_{k+1}")
    centre = problem.parameters(end)
    audit.require("exact iterate from the centre", _distance(last, centre), "<=", real(offset), "descent in Arb")
    region = {key: value for key, value in handover.items() if key != "offset"}
    found = _Ball(audit, Point(problem, centre), region, offset, Point(problem, last).residual_norm()).truth()
    weakest = min(lower)

    def slack(name: str, claimed: Any) -> None:
        top = real(claimed.mid) + real(claimed.rad)
        audit.every(name, [(after / before, top) for before, after in falls], "<=", "worst decrease")

    first = Point(problem, problem.parameters())
    constants = {
        **found.constants, "initial_lambda_min": first.smallest(), "initial_loss": losses[0],
        "path_lambda_min": real(weakest), "mu_along_path": s * real(weakest).min(found.constants["lambda_region"]),
        "drift": _distance(last, problem.parameters()), "handover_step": steps, "handover_offset": real(offset),
        "handover_radius": found.constants["radius"],
    }  # fmt: skip
    chain = {
        "NTK positive at every iterate": (real(weakest), ">", arb(0)), "decrease at every step": (slack, "<=", arb(1)),
        **found.steps,
    }  # fmt: skip
    text = (
        f"real-arithmetic gradient descent from the stored parameters: at each of the first {steps} iterates λ_min(NTK) ≥"
        f" {weakest.hex()} and Φ falls by 1 − ημ_k or better; from then on {found.statement}"
    )
    return Truth(constants, found.margins, chain, text)


def _refuted(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Two samples with equal inputs and different targets: Φ ≥ (s/4)‖y_i − y_j‖² everywhere, and λ_min = 0."""
    pair = take(witness, "duplicate_pair")[0]
    if not isinstance(pair, list) or len(pair) != 2 or any(type(i) is not int or not 0 <= i < problem.n for i in pair):
        raise Malformed("expected a pair of samples")
    rows = [[values.data[i * width : (i + 1) * width] for i in pair] for values, width in
            ((problem.X, problem.X.shape[1]), (problem.y, problem.k))]  # fmt: skip
    if rows[0][0] != rows[0][1] or rows[1][0] == rows[1][1]:
        raise Malformed("the two samples have different inputs or equal targets")
    gap = sum(((arb(a) - arb(b)) ** 2 for a, b in zip(*rows[1], strict=True)), arb(0))
    floor = real(problem.s) * gap / 4
    audit.require("loss bounded away from zero", floor, ">", arb(0), "Φ ≥ (s/4)‖y_i − y_j‖²")
    text = f"samples {pair[0]} and {pair[1]} contradict each other: Φ > 0 for every θ, λ_min(NTK) = 0"
    constants = {"lambda0": arb(0), "loss_floor": floor}
    low, high = next(sorted(values) for values in zip(*rows[1], strict=True) if values[0] != values[1])
    steps = {"equal inputs, different targets": (arb(high), ">", arb(low))}
    return Truth(constants, {"loss floor": floor}, steps, text)


def examine(audit: Audit, document: dict[str, Any]) -> str:
    """Check one certificate at the present precision and return what it claims, in words made from checked numbers.

    Raises:
        Malformed, Limit: see :mod:`verify.checker.reading`.
    """
    fields = "format version claim scope verdict reason network data loss loss_scale lr constants margins steps witness"
    claim, scope, verdict, reason = take(document, f"{fields} observed tools")[2:6]
    if document["format"] != "lplr-verify certificate" or document["version"] != 1 or not isinstance(reason, str):
        raise Malformed("not format version 1")
    if verdict == "INCONCLUSIVE":
        raise Limit("the certificate is INCONCLUSIVE: it claims nothing that could be accepted")
    scopes = {"point": _point, "ball": _ball, "run": _run, "exact": _exact}
    if scope not in scopes or verdict not in ("PROVED", "REFUTED"):
        raise Malformed("unknown scope or verdict")
    witness, rule = document["witness"], scopes[scope] if verdict == "PROVED" else _refuted
    centre = witness.get("handover") if scope in ("run", "exact") else witness
    form = "pl_from_ntk" if scope == "point" else f"containment_{(centre or {}).get('certified_by')}"
    if claim != (form if verdict == "PROVED" else "zero_loss_unreachable"):
        raise Malformed("the claim is not the one that the witness supports")
    truth = rule(audit, Problem(document), dict(witness))
    for group, known in (("constants", truth.constants), ("margins", truth.margins)):
        for name, value in document[group].items():
            if name not in known:
                audit.failures.append(f"{group}: {name} is not implied by anything checked")
            else:
                audit.matches(f"{group}: {name}", value, known[name])
    for row in document["steps"]:
        name, _, left, relation, right, _ = take(row, "name claim left relation right source")
        if name not in truth.steps or relation != truth.steps[name][1]:
            audit.failures.append(f"steps: {str(name)[:60]!r} is not implied by anything checked")
            continue
        audit.matches(f"steps: {name}, left", left, truth.steps[name][0])
        audit.matches(f"steps: {name}, right", right, truth.steps[name][2])
        # The stored intervals contain the true values; let the inequality hold between whole intervals.
        sign = 1 if relation in ("<", "<=") else -1
        ends = (real(left.mid) + sign * real(left.rad), relation, real(right.mid) - sign * real(right.rad))
        audit.require(f"steps: {name}", *ends, "stored interval")
    return f"{claim}: {truth.statement}"
