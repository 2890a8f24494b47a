"""Descents other than full-batch gradient descent: batches in any order, batches drawn with replacement, momentum.

Notation: batch b of |b| samples steps by ε_b = ηs_b, s_b the loss's scale for |b| samples; B = B(c, R); J_b the batch's rows of J; σ² ≤ λ_min(NTK), K ≥ ‖J‖,
L ≥ ‖D²F‖, ‖J − J(c)‖ ≤ D on B; fits: points of B with F = y. Every start lies within o of c.

Fits exist. From θ with ‖θ − c‖ + ‖e(θ)‖/σ < R gradient descent with ever smaller steps travels at most ‖e(θ)‖/σ and ends in a fit. So V := o + ‖e(c)‖/σ bounds
the distance of every start to a fit, and V(θ) ≤ ‖e(θ)‖/σ for the distance V(θ) to the fits wherever there is that room.
One step. θ* a fit, d = ‖θ − θ*‖, a = ‖e_b(θ)‖, e_b(θ) = J̄_b(θ − θ*), ‖J_b − J̄_b‖ ≤ q = Ld/2: expanding, d'² ≤ d² − ε_b(2 − ε_b‖J_b‖²)a² + 2ε_b·a·q·d. With
x ≥ ε_b‖J_b‖², α = 2 − x: d'² ≤ (1 + ε_bq²/α)d². Nothing is asked of the residuals of other samples.
An epoch, m batches that cover the data: with Q² = Σε_b(LgV/2)² and α/(α − Q²) ≤ g², d stays below g·d_0; summing, d_m² ≤ d_0² − αS² + 2gQSd_0 with S² = Σε_ba²;
e_b at the epoch's start differs from e_b at its turn by at most Σ_earlier √(x·ε)a, so √min ε·‖e‖ ≤ (1 + τx)S, τ = 1/(2 sin(π/(4m − 2))) the norm of the
strictly lower triangular matrix of ones: S ≥ s_1V, s_1 = √min ε·σ/(1 + τx). Hence V'² ≤ (1 − s_1(αs_1 − 2gQ))V², and the path Σ√(x·ε)a ≤ √(xm)S is at most
2√(xm)/(αs_1 − 2gQ) times what V loses. The room max(that, K/σ, 1 + g)·V keeps everything in B.
With replacement: E a² = (b/n)‖e‖² ≥ (b/n)σ²V(θ)², so E V'² ≤ (1 − ε·σ̂(ασ̂ − 2q))V², σ̂ = σ√(b/n), q = √b·L·R' on B(c, R') (distances to fits
up to 2R'; a sample may be drawn b times). A fixed fit is left by a factor 2 at most for T steps if Tεq'²/α ≤ 3/4, q' = √b·L·V, as (1 + u)^T ≤ 1/(1 − Tu).
Markov for the path after T.
Momentum: v' = βv + g; w = −ηJ(c)v; in an eigendirection of ηsΘ(c) with eigenvalue x: (e, w)' = T(x)(e, w) + p, T = [[1 − x, β], [−x, β]], Nesterov
[[1 − x − βx, β²], [−x, β]]. A form P ≻ 0 with TᵀPT ⪯ ρ²P at both ends of a cell contracts throughout it (T affine, P-norm convex), and ‖T^k‖ ≤ √cond(P)·ρ^k.
‖p_k‖ ≤ Γ·X·r^k with r = ρ̃, and Duhamel's sum closes if C_1Γ < r − ρ.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

from flint import arb, arb_mat

from verify.checker.batches import Descent, jacobians, read, top
from verify.checker.claims import BALL, Audit, Ball, Chain, Truth, distance
from verify.checker.enclosures import real, root, zips
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import afford, expect, take
from verify.checker.recorded import run
from verify.checker.tables import floats, is_index
from verify.checker.wording import at_least, at_most, below_one

__all__ = ["moving"]

MAX_CELLS, MAX_HALF_STEPS = 4096, 1 << 52
LEAST = arb("1e-100")  # a smaller probability is stated as this one: its decimals would be billions of digits long


class Moving:
    """One descent about one point: the table of bounds, the batches' norms, and a criterion at given rows and step."""

    def __init__(self, audit: Audit, here: Point, witness: Any, descent: Descent) -> None:
        """Demand that every number of the witness is a valid bound."""
        by, *columns, batches, sample, self.record, self.wider = take(
            witness, f"{BALL} batches sample criterion largest"
        )
        expect(by == "descent", "expected the criterion of a descent")
        table = dict(zips(BALL.split(), ["residual", *columns])) | {"residual": {"index": 0}, "classical": None}
        self.audit, self.descent, self.problem = audit, descent, here.problem
        self.ball = Ball(audit, here, table)
        expect(
            isinstance(batches, list) and all(isinstance(row, list) and len(row) == 2 for row in batches),
            "batches: expected pairs",
        )
        stated = {size: real(floats([norm])[0]) for size, norm in batches if type(size) is int}
        expect(len(stated) == len(batches) and set(stated) == set(descent.sizes), "batches: expected each size once")
        squares, largest = jacobians(here, descent)
        for size, norm in stated.items():
            audit.require(
                f"‖J_b(c)‖, |b| = {size}", root(squares[size]), "<=", norm, "largest eigenvalue of a block of the NTK"
            )
        self.norms, self.sample = stated, real(floats([sample])[0])
        audit.require("‖J_i(c)‖", root(largest), "<=", self.sample, "diagonal of the NTK")

    def at(self, record: Any, lr: Any, starts: bool) -> tuple[dict[str, Any], Any, Chain, Any]:
        """Return constants, margin, chain and o of the criterion at the record's rows, with step `lr`."""
        own = {
            "minibatch_any_order": self._any_order,
            "minibatch_with_replacement": self._drawn,
            "momentum_descent": self._momentum,
        }
        ball = self.ball
        expect(isinstance(record, dict), "criterion: expected a record")
        index, start, rest = (
            record.get("region"),
            record.get("start"),
            {k: v for k, v in record.items() if k not in ("region", "start")},
        )
        rows = len(ball.radii)
        expect(
            is_index(index, rows) and (is_index(start, rows) if starts else start is None and "start" in record),
            "criterion: no such rows",
        )
        assert isinstance(index, int)
        o = real(ball.radii[start]) if isinstance(start, int) else arb(0)
        moved = ball.delta[start] if isinstance(start, int) else arb(0)
        R, L, D, lam = real(ball.radii[index]), ball.curvature[index], ball.delta[index], ball.lam[index]
        eta, s, K, sigma, e = real(lr), real(self.problem.s), ball.J + D, root(lam), ball.e
        # A sample drawn |b| times moves |b| rows of J_b alike.
        jacobians = {
            size: norm + (root(arb(size)) if self.descent.drawn else arb(1)) * D for size, norm in self.norms.items()
        }
        x = top(eta * real(t) * jacobians[size] ** 2 for size, t in zips(self.descent.sizes, self.descent.scales))
        single = real(self.descent.single) * ((self.sample + D) ** 2 + (e + K * R) * L)
        constants = {
            "lambda_region": lam,
            "L_H": L,
            "Delta_J": D,
            "mu": s * lam,
            "batch_jacobian": top(jacobians.values()),
            "sample_smoothness": single,
            "radius": R,
        }
        chain: Chain = {
            "NTK positive at the centre": (ball.lam0, ">", arb(0)),
            "NTK stays positive on the ball": (lam, ">", arb(0)),
        }
        if not self.descent.momentum:
            V = o + e / sigma
            chain["step below 2/‖J_b‖²"] = (x, "<", arb(2))
            constants |= {"batch_fraction": x, "fit_distance": V, "loss_bound": s * (K * V) ** 2 / 2}
            more, margin, steps = own[self.descent.claim](
                rest, eta, (R, L, K, sigma, x, V, o, constants["batch_jacobian"])
            )
        else:
            start_residual = e + (ball.J + moved) * o
            more, margin, steps = self._momentum(rest, eta, (R, L, D, K, start_residual, o))
        return constants | more, margin, chain | steps, o

    def _any_order(self, record: Any, eta: Any, values: Any) -> tuple[dict[str, Any], Any, Chain]:
        R, L, K, sigma, x, V, o, _ = values
        g, tau = map(real, floats(take(record, "growth triangle")))
        m, scales = len(self.descent.sizes), self.descent.scales
        true = 1 / (2 * (arb.pi() / (4 * m - 2)).sin()) if m > 1 else arb(0)
        self.audit.require("norm of the triangle of ones", true, "<=", tau, "1/(2 sin(π/(4m − 2)))")
        self.audit.require("growth at least 1", g, ">=", arb(1), "g ≥ 1")
        alpha, least, total = 2 - x, eta * real(min(scales)), eta * real(sum(scales, Fraction(0)))
        Q = total.sqrt() * L * g * V / 2
        s1 = least.sqrt() * sigma / (1 + tau * x)
        excess = alpha * s1 - 2 * g * Q
        per_loss = 2 * (x * m).sqrt() / excess
        reach = per_loss.max(K / sigma).max(1 + g) * V + o
        chain: Chain = {
            "drift within an epoch": (Q * Q, "<", alpha),
            "growth within an epoch": (alpha / (alpha - Q * Q), "<=", g * g),
            "an epoch brings the iterate nearer": (excess, ">", arb(0)),
            "epochs inside the ball": (reach, "<", R),
        }
        return {"rate": 1 - s1 * excess, "path_length": per_loss * V}, R - reach, chain

    def _drawn(self, record: Any, eta: Any, values: Any) -> tuple[dict[str, Any], Any, Chain]:
        R, L, K, sigma, x, V, o, J_b = values
        inner, half = take(record, "inner half_steps")
        expect(
            is_index(inner, len(self.ball.radii)) and type(half) is int and half >= 0,
            "criterion: no such inner row, or number of steps",
        )
        afford(half, MAX_HALF_STEPS - 1, "steps")
        b, n, epsilon, alpha = self.descent.batch, self.problem.n, eta * real(self.descent.scales[0]), 2 - x
        r, share = real(self.ball.radii[inner]), root(real(Fraction(b, n)))
        q, near = arb(b).sqrt() * L * r, arb(b).sqrt() * L * V
        pull = alpha * sigma * share
        rate = 1 - epsilon * share * sigma * (pull - 2 * q)
        room = r - o - 3 * V
        waits = 2 * half * (epsilon * near * near / alpha)
        leaves = 2 * epsilon * J_b * share * K * V * rate**half / ((1 - rate) * room)
        limit = real(Fraction(1, 10**6))
        chain: Chain = {
            "exact fits near the smaller ball": (r + (self.ball.e + K * r) / sigma, "<", R),
            "a draw brings the iterate nearer": (pull, ">", 2 * q),
            "room in the smaller ball": (room, ">", arb(0)),
            "no draw leaves at first": (waits, "<=", arb(3) / 4),
            "iterates hardly ever leave the ball": (leaves, "<=", limit),
        }
        return {"rate": rate, "radius": r, "outer_radius": R, "exit_probability": leaves}, limit - leaves, chain

    def _momentum(self, record: Any, eta: Any, values: Any) -> tuple[dict[str, Any], Any, Chain]:
        R, _, D, K, e, o = values
        *numbers, edges, forms = take(record, "frozen_rate momentum_rate power_bound edges forms")
        rho, rate, bound = map(real, floats(numbers))
        beta, s, one = real(self.descent.momentum), real(self.problem.s), arb(1)
        self._powers(floats(edges), forms, rho, bound, (eta * s * self.ball.lam0, eta * s * self.ball.J**2))
        self.audit.every("rates in order", [(arb(0), rho), (rho, rate), (rate, one)], "<", "0 < ρ < ρ̃ < 1")
        spread = 1 / (1 - beta / rate)
        nesterov = self.descent.nesterov
        reach, noise = (1 + beta * spread, (1 + (1 + beta) ** 2).sqrt()) if nesterov else (spread, arb(2).sqrt())
        gamma = eta * s * D * K * (noise + reach)
        gap = rate - rho
        amplitude = bound * e / (1 - bound * gamma / gap)
        path = eta * s * K * amplitude * reach / (1 - rate)
        chain: Chain = {
            "buffer forgets faster": (beta, "<", rho),
            "perturbation is absorbed": (bound * gamma, "<", gap),
            "path with momentum inside the ball": (path + o, "<=", R),
        }
        constants = {"power_bound": bound, "rate": rate * rate, "path_length": path, "loss_bound": s * amplitude**2 / 2}
        return constants, R - path - o, chain

    def _powers(self, edges: list[float], forms: Any, rho: Any, bound: Any, spectrum: Any) -> None:
        """Demand that the cells cover the spectrum, and that each form contracts at both ends of its cell and has condition at most C_1²."""
        listed = isinstance(forms, list) and len(edges) == len(forms) + 1 >= 2
        expect(listed and all(a < b for a, b in pairwise(edges)), "edges: one more than forms, increasing")
        afford(len(forms), MAX_CELLS, "cells of the spectrum")
        cells = [tuple(map(real, floats(form, 3))) for form in forms]
        low, high = spectrum
        self.audit.every(
            "cells cover the spectrum", [(real(edges[0]), low), (high, real(edges[-1]))], "<=", "[ηsλ_min, ηsλ_max]"
        )
        beta, nesterov, kappa = real(self.descent.momentum), self.descent.nesterov, bound * bound
        pairs: list[tuple[Any, Any]] = [(arb(1), bound)]
        strict: list[tuple[Any, Any]] = []
        for (a, b), (p, q, r) in zips(pairwise(edges), cells):
            det = p * r - q * q
            strict += [(arb(0), p), (arb(0), det)]
            pairs.append(((p + r) ** 2 * kappa, (1 + kappa) ** 2 * det))
            for x in (real(a), real(b)):
                T = arb_mat([[1 - x - beta * x, beta * beta] if nesterov else [1 - x, beta], [-x, beta]])
                form = arb_mat([[p, q], [q, r]])
                rest = form * (rho * rho) - T.transpose() * form * T
                pairs += [
                    (arb(0), rest[0, 0]),
                    (arb(0), rest[1, 1]),
                    (rest[0, 1] * rest[1, 0], rest[0, 0] * rest[1, 1]),
                ]
        self.audit.every("Lyapunov forms are positive", strict, "<", "P ≻ 0")
        self.audit.every(
            "Lyapunov forms contract", pairs, "<=", "TᵀPT ⪯ ρ²P at both ends of each cell, condition at most C_1²"
        )

    def truth(self, starts: bool = False) -> tuple[Truth, Any]:
        """Demand the criterion, and the same at the largest step stated; return what is proved, with o."""
        lr: Any = self.problem.lr
        expect(lr, "a descent needs a step")
        constants, margin, chain, o = self.at(self.record, lr, starts)
        largest = self.wider.get("lr") if isinstance(self.wider, dict) else None
        expect(isinstance(largest, Fraction) and largest > 0, "largest: expected a step")
        other = {key: value for key, value in self.wider.items() if key != "lr"}
        expect(other.get("start") == self.record.get("start"), "largest: from another ball of starts")
        wider, _, steps, _ = self.at(other, largest, starts)
        for name, sides in (
            *chain.items(),
            *((f"{name}, at the largest step", sides) for name, sides in steps.items()),
        ):
            self.audit.require(name, *sides, f"claim {self.descent.claim}")
        for found in (constants, wider):
            self.audit.require("rate", found["rate"], "<", arb(1), f"claim {self.descent.claim}")
        constants |= {
            "lambda0": self.ball.low,
            "jacobian_norm0": self.ball.jacobian,
            "residual0": self.ball.residual,
            "loss0": self.ball.here.loss,
            "lr": lr,
            "lr_largest": largest,
        }
        return Truth(constants, {"containment": margin}, chain, self._statement(constants, wider)), o

    def _statement(self, c: dict[str, Any], w: dict[str, Any]) -> str:
        rate, faster = (below_one(v["rate"]) for v in (c, w))
        inside = (
            f"stays within R ≤ {at_most(c['radius'])} of the centre, where ½‖∇Φ‖² ≥ μΦ for μ ≥ {at_least(c['mu'])},"
        )
        bound = f"≤ {at_most(c['loss_bound'])}·{rate}^k"
        # The largest step has rows, a rate and a bound of its own.
        probably = (
            f", with probability at least 1 − {at_most(w['exit_probability'].max(LEAST))}" if self.descent.drawn else ""
        )
        wider = (
            f"; with η = {c['lr_largest']} it converges too, then within R ≤ {at_most(w['radius'])}{probably}, where μ ≥ {at_least(w['mu'])}, by the"
            f" factor {faster} and with the bound {at_most(w['loss_bound'])}·{faster}^k"
        )
        d = self.descent
        if d.momentum:
            form = "Nesterov's" if d.nesterov else "heavy-ball"
            return (
                f"with {form} momentum β = {d.momentum}, buffer 0 at first and step η = {c['lr']} it {inside} and Φ {bound} after k steps: it converges"
                f" to a point of zero loss{wider}"
            )
        batch = f"{d.words} and step η = {c['lr']}"
        if d.drawn:
            return (
                f"{batch}, every sample of every batch drawn independently and uniformly with replacement, it {inside} with probability at least 1 −"
                f" {at_most(c['exit_probability'].max(LEAST))}; before an exit the expected squared distance to the points of zero loss falls by the"
                f" factor {rate} per step, and E Φ {bound} after k steps, counting 0 after an exit{wider}"
            )
        return (
            f"{batch}, {d.sequence}, it {inside} the squared distance to the points of zero loss in that ball falls by the factor {rate} per epoch, and Φ"
            f" {bound} after k epochs: it converges to a point of zero loss{wider}"
        )


def _ball(descent: Descent, audit: Audit, problem: Problem, witness: Any) -> Truth:
    found, _ = Moving(audit, Point(problem, problem.parameters()), witness, descent).truth()
    return found._replace(statement=f"for real-arithmetic descent from the stored parameters: {found.statement}")


def _basin(descent: Descent, audit: Audit, problem: Problem, witness: Any) -> Truth:
    expect(isinstance(witness, dict) and "centre" in witness, "a basin needs a centre")
    centre = problem.parameters(witness["centre"])
    rest = {key: value for key, value in witness.items() if key != "centre"}
    found, rho = Moving(audit, Point(problem, centre), rest, descent).truth(starts=True)
    away = distance(problem.parameters(), centre)
    inside = bool(away <= rho)
    constants = found.constants | {"basin_radius": rho, "distance": away, "distance_over_radius": away / rho}
    chain = found.steps | ({"parameters inside the basin": (away, "<=", rho)} if inside else {})
    where = (
        "the stored parameters lie inside"
        if inside
        else f"the stored parameters lie at ≤ {at_most(away / rho, 4)} times ρ, which is not claimed inside"
    )
    text = f"for every real-arithmetic descent started within ρ = {at_least(rho)} of the stored centre: {found.statement}; {where}"
    return Truth(constants, found.margins, chain, text)


def _run(descent: Descent, audit: Audit, problem: Problem, witness: Any) -> Truth:
    return run(audit, problem, witness, lambda here, handover: Moving(audit, here, handover, descent).truth()[0])


def moving(record: Any, loss: str, problem: Problem, scope: str) -> tuple[str, Callable[..., Truth]]:
    """Return the claim and the rule of a scope for a stored descent."""
    scopes = {"ball": _ball, "basin": _basin, "run": _run}
    expect(scope in scopes, "a descent belongs to scope ball, basin or run")
    descent = read(record, loss, problem)
    return descent.claim, partial(scopes[scope], descent)
