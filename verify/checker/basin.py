"""Scope `basin`: every gradient descent that starts near a stored centre c converges, from claim containment_displacement.

With x = θ − c, D = ‖x‖, h = ηs, E = ‖e‖ and h‖J‖² ≤ 1 on B(c, R): e = Jx + r, ‖r‖ ≤ ½LD² + e_c, so one step gives
D'² ≤ D² − hE(E − LD² − 2e_c). While E ≥ Lρ² + 2e_c =: T the distance does not grow beyond ρ. Once E < T the residual pays σ − δ per unit of
length, δ = min(½hL‖J‖T, 2Δ), and ∫_ρ^R (σ − δ) ≥ T keeps the rest of the path in B(c, R). The start is arbitrary in B(c, ρ). There
‖e‖ ≤ e_c + (‖J(c)‖ + Δ(ρ))ρ, which bounds the drift of every step, and with it the rate.
Where b = h‖J‖² on the ball lies between 1 and 2, D'² ≤ D² − hE((2 − b)E − LD² − 2e_c): T = (Lρ² + 2e_c)/(2 − b), and the residual pays γσ − δ.
An exact zero of the residual within r_0: claim containment_residual for descent from c itself.

Where kinks cross the ball (criterion residual_relu, crossing.py): the residual form asks of the start only that ‖θ_0 − c‖ ≤ P_0 and ∫_{P_0}^R (σ − δ) > ‖e_0‖,
δ = 2Δ_J(R), with the bound of ‖e‖ above, J_c in the place of J(c): the mean of J over the segment from c to the start is within Δ_J(ρ) of J_c.
"""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

from flint import arb

from verify.checker.claims import BALL, Audit, Ball, Chain, Truth, distance
from verify.checker.enclosures import real, root, zips
from verify.checker.network import Point
from verify.checker.problem import Parameters, Problem
from verify.checker.reading import expect, take
from verify.checker.tables import is_index
from verify.checker.wording import at_least, at_most, below_one

__all__ = ["basin", "within"]


def basin(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `basin`: descent from every start within ρ of the centre; where the stored parameters lie is stated, not demanded."""
    found, where = _basin(audit, problem, witness, problem.parameters())
    return found._replace(statement=f"{found.statement}; {where}")


def within(audit: Audit, problem: Problem, witness: Any, start: Parameters) -> Truth:
    """Demand that `start` lies in the basin: gradient descent from it converges."""
    found, _ = _basin(audit, problem, witness, start)
    c = found.constants
    audit.require(
        "hand-over inside the basin", c["distance"], "<=", c["basin_radius"], "claim containment_displacement"
    )
    text = (
        f"with step η = {problem.lr} it stays within R ≤ {at_most(c['radius'])} of the stored centre, a Locally PL Region with ½‖∇Φ‖² ≥ μΦ"
        f" for μ ≥ {at_least(c['mu'])}, and Φ_k ≤ {below_one(c['rate'])}^k·Φ_0 (displacement criterion), as does every descent started within"
        f" ρ = {at_least(c['basin_radius'])} of that centre; it converges to a point of zero loss"
    )
    return found._replace(statement=text)


class Found(NamedTuple):
    """What a criterion gives: its chain, constants of its own, the margin of containment, the factor of ‖e‖ per step."""

    chain: Chain
    constants: dict[str, Any]
    margin: Any
    rate: Any


def _displacement(ball: Ball, rows: tuple[int, int, int]) -> Found:
    """Every start within ρ by its distance to c first, by its residual then."""
    zero, inner, outer = rows
    problem, rho = ball.problem, real(ball.radii[inner])
    L, D, lam = (c[outer] for c in (ball.curvature, ball.delta, ball.lam))
    s, eta, K, sigma = real(problem.s), real(problem.lr), ball.J + D, root(lam)
    stride = ball.stride(outer)
    head = (L * rho**2 + 2 * ball.e) / (2 - stride.fraction if stride.long else 1)
    start = ball.e + (ball.J + ball.delta[inner]) * rho
    tail, drift = ((eta * s * L * K * bound / 2).min(2 * D) for bound in (head, start))
    supply = arb(0)
    for (low, high), bound in zips(ball.edges[inner + 1 : outer + 1], ball.lam[inner + 1 : outer + 1]):
        supply += (real(high) - real(low)) * (stride.share * root(bound) - tail)
    _, _, near = ball.criterion("residual", zero)
    first, second, *_ = near.items()
    chain: Chain = {
        **dict([first]),
        "NTK stays positive on the ball": (lam, ">", arb(0)),
        **stride.sides(),
        f"{stride.symbol}(R) above the tail's drift": (stride.share * sigma, ">", tail),
        "residual pays for the tail": (supply, ">", head),
        f"{stride.symbol}(R) above the step's drift": (stride.share * sigma, ">", drift),
        **_near_zero(near),
    }
    ball.audit.require("NTK positive within r_0", *second[1], "claim ntk_stability")
    constants = {
        "L_H": L,
        "smoothness": s * (K**2 + start * L),
        "step_drift": drift,
        "basin_residual": start,
        "basin_threshold": head,
    } | stride.constants()
    return Found(chain, constants, supply - head, stride.rate(sigma, drift, eta * s * lam))


def _across_kinks(ball: Ball, rows: tuple[int, int, int]) -> Found:
    """Every start within ρ by the residual form, begun beside c."""
    zero, inner, outer = rows
    rho = real(ball.radii[inner])
    start = ball.e + (ball.J + ball.delta[inner]) * rho
    _, _, near = ball.criterion("residual_relu", zero)
    beside = copy(ball)
    beside.offset, beside.e = ball.radii[inner], start
    constants, margin, steps = beside.criterion("residual_relu", outer)
    chain = {
        {"residual pays for the path": "residual pays for the tail"}.get(name, name): sides
        for name, sides in steps.items()
    }
    ball.audit.require("NTK positive within r_0", *near["NTK stays positive on the ball"], "claim ntk_stability")
    own = {"step_drift": constants["step_drift"], "basin_residual": start}
    return Found(chain | _near_zero(near), own, margin, constants["residual_rate"])


def _near_zero(near: Chain) -> Chain:
    """The chain of descent from c itself, but for what the whole ball's has."""
    *middle, last = list(near.items())[2:]
    named = {f"zero loss near the centre: {name}": sides for name, sides in middle}
    return named | {"zero loss near the centre": last[1]}


def _basin(audit: Audit, problem: Problem, witness: Any, start_at: Parameters) -> tuple[Truth, str]:
    """Check the table about the centre and both criteria; say where a point lies."""
    by, *columns, centre, zero, inner, outer, midpoints = take(witness, f"{BALL} centre zero basin region", "midpoints")
    crossed = by == "residual_relu"
    expect(by == "displacement" or crossed, "expected the displacement criterion, or that across kinks")
    expect((midpoints is not None) == crossed, "mean slopes belong to the criterion across kinks")
    row = {"residual_relu": {"index": zero, "midpoints": midpoints}} if crossed else {"residual": {"index": zero}}
    table = dict(zips(BALL.split(), [*row, *columns])) | row
    theta = problem.parameters(centre)
    ball = Ball(audit, Point(problem, theta), table)
    size = len(ball.radii)
    ordered = all(is_index(j, size) for j in (zero, inner, outer)) and zero <= inner < outer
    expect(ordered, "the rows of r_0, ρ and R are out of order")
    R, rho, lam, D = real(ball.radii[outer]), real(ball.radii[inner]), ball.lam[outer], ball.delta[outer]
    found = (_across_kinks if crossed else _displacement)(ball, (zero, inner, outer))
    chain, source = found.chain, "containment_residual_relu" if crossed else "containment_displacement"
    for name, (left, relation, right) in chain.items():
        audit.require(name, left, relation, right, f"claims {source}, containment_residual")
    s = real(problem.s)
    away = distance(start_at, theta)
    inside = bool(away <= rho)
    if inside:
        chain["parameters inside the basin"] = (away, "<=", rho)
    rate = found.rate
    audit.require("factor of Φ per step", rate * rate, "<", arb(1), f"claim {source}")
    constants = {
        "lambda0": ball.low,
        "jacobian_norm0": ball.jacobian,
        "residual0": ball.residual,
        "loss0": ball.here.loss,
        "lr": problem.lr,
        "radius": R,
        "basin_radius": rho,
        "zero_loss_distance": real(ball.radii[zero]),
        "lambda_region": lam,
        "Delta_J": D,
        "mu": s * lam,
        "residual_rate": rate,
        "rate": rate * rate,
        "distance": away,
        "distance_over_radius": away / rho,
        **found.constants,
    }
    where = (
        "the stored parameters lie inside it"
        if inside
        else f"the stored parameters lie at ≤ {at_most(away / rho, 4)} times ρ, which is not claimed inside"
    )
    text = (
        f"every real-arithmetic gradient descent with step η = {problem.lr} started within ρ = {at_least(rho)} of the stored centre stays"
        f" within R ≤ {at_most(R)} of it, a Locally PL Region with ½‖∇Φ‖² ≥ μΦ for μ ≥ {at_least(s * lam)}, and"
        f" Φ_k ≤ {below_one(rate * rate)}^k·Φ_0: it converges to a point of zero loss; one such point lies within {at_most(ball.radii[zero])} of the"
        f" centre"
    )
    return Truth(constants, {f"{by} containment": found.margin}, chain, text), where
