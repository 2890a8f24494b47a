"""Scope `region` with a ball of starts: gradient descent from all of them enclosed at once (claim start_ball).

Some trajectory ϑ_k, chosen here: midpoints of Arb steps. With ‖θ_k − ϑ_k‖ ≤ δ, L = L_H(δ) about ϑ_k, h = ηs:
    K = ‖J(ϑ_k)‖ + Lδ,  σ = √λ_min(NTK(ϑ_k)) − Lδ,  E = min(‖e(ϑ_k)‖ + Kδ, f_{k−1}E_{k−1}) bounds ‖e(θ_k)‖,
    S = min(max(E, ‖e(ϑ_k)‖) + Lδ²/8, ‖e(ϑ_k)‖ + Kδ) bounds ‖e‖ on the segment between the two: F is within Lδ²/8 of linear there,
    ‖I − η∇²Φ‖ ≤ g = max(1 + hSL, hK² + hSL − 1) there, since |⟨e, D²F[u, u]⟩| ≤ SL; so δ_{k+1} = gδ + ‖T(ϑ_k) − ϑ_{k+1}‖.
Of every data set nearby (nearby.py) ‖J‖, λ_min, ‖e‖ and L are bounds for all of them at ϑ_k, and T(ϑ_k) lies apart by as much as their steps do.
A step is at most ℓ = hKE long; along it the mean Jacobian is within d = L_H(δ + ℓ)ℓ/2 of J(θ_k). If hK² ≤ 1 and σ > d:
‖e_{k+1}‖ ≤ f_k‖e_k‖, f_k = 1 − hσ(σ − d).
"""

from __future__ import annotations

from typing import Any

from flint import arb, arb_mat

from verify.checker.claims import Audit, Ball, Chain, Truth, distance
from verify.checker.enclosures import real, root, staged, zips
from verify.checker.movement import curvature
from verify.checker.nearby import Nearby, at
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import expect, take
from verify.checker.tables import floats, require_steps

__all__ = ["STARTS", "enclosed_starts"]

STARTS = "start_radius steps end lambda_lower handover"


def _midpoints(theta: Any) -> tuple[Any, Any]:
    """Return the midpoints, exact, and how far from them a member of the enclosure may be."""
    middle = [None if w is None else arb_mat(w.nrows(), w.ncols(), [x.mid() for x in w.entries()]) for w in theta]
    return middle, distance(theta, middle)


def enclosed_starts(audit: Audit, problem: Problem, witness: Any, about: Any) -> tuple[Truth, list[Any], list[Any]]:
    """Follow the ball of starts to the hand-over's ball; return what :func:`verify.checker.claims.enclosed` does."""
    radius, steps, end, lower, handover, _, nearby = take(witness, f"{STARTS} region", "data_radius")
    expect(problem.lr and isinstance(handover, dict), "starts need steps and a step size")
    require_steps(steps)
    [radius, offset, data] = floats([radius, handover.get("offset"), 0.0 if nearby is None else nearby])
    stated = floats(lower, steps + 1)
    expect(data > 0.0 or nearby is None, "data nearby lie within a radius > 0")
    expect(
        offset > 0.0 and (radius > 0.0 if data == 0.0 else radius >= 0.0),
        "a ball of starts has a radius > 0, and its hand-over an offset > 0",
    )
    theta, delta, h, known = problem.parameters(), real(radius), real(problem.lr * problem.s), None
    spread = real(data)
    lows, away, factors, sizes, rooms = [], [], [], [], []
    initial: dict[str, Any] = {}
    for k, guess in enumerate(staged("steps", stated)):
        here = at(problem, theta, spread)
        smallest, turning = here.smallest(guess), curvature(here)
        bend = turning(delta)
        initial = initial or {"initial_lambda_min": Point(problem, theta).smallest(guess), "initial_loss": here.loss}
        K, sigma = here.size() + bend * delta, root(smallest) - bend * delta
        anywhere = here.e + K * delta
        E = anywhere if known is None else anywhere.min(known)
        lows.append((real(guess), sigma.max(arb(0)) ** 2))
        away.append(distance(theta, about) + delta)
        if k == steps:
            known = E
            continue
        S = anywhere.min(E.max(here.e) + bend * delta**2 / 8)
        step = h * K * E
        d = turning((delta + step).upper()) * step / 2
        sizes.append((h * K**2, arb(1)))
        rooms.append((sigma, d))
        factors.append(1 - h * sigma * (sigma - d))
        known = factors[-1] * E
        growth = (1 + h * S * bend).max(h * (K**2 + S * bend) - 1)
        theta, moved = _midpoints([w if w is None else w - dw * h for w, dw in zips(theta, here.gradient())])
        if isinstance(here, Nearby):
            moved += here.apart(h)
        delta = (growth * delta + moved).upper()
    audit.every("NTK for every start", lows, "<=", "worst step shown")
    audit.every("NTK positive for every start", [(real(v), arb(0)) for v in stated], ">", "claim pl_from_ntk")
    audit.every("ηΘ below the identity for every start", sizes, "<=", "h‖J‖²")
    audit.every("σ above the step's drift for every start", rooms, ">", "claim start_ball")
    centre = problem.parameters(end)
    audit.require("starts from the last centre", distance(theta, centre) + delta, "<=", real(offset), "descent in Arb")
    ball_witness = {key: value for key, value in handover.items() if key != "offset"}
    ball = Ball(audit, at(problem, centre, spread), ball_witness, offset, known).truth()

    def slowest(name: str, claimed: Any) -> None:
        audit.every(name, [(f, real(claimed.mid) + real(claimed.rad)) for f in factors], "<=", "worst step")

    weakest = real(min(stated))
    constants = (
        ball.constants
        | initial
        | {
            "path_lambda_min": weakest,
            "handover_step": steps,
            "handover_offset": real(offset),
            "start_radius": real(radius),
            "handover_radius": ball.constants["radius"],
        }
        | ({} if nearby is None else {"data_radius": spread})
    )
    chain: Chain = {
        "NTK positive for every start": (weakest, ">", arb(0)),
        "residual falls for every start": (slowest, "<", arb(1)),
    }
    away.append(distance(centre, about) + ball.constants["radius"])
    return (
        Truth(constants, ball.margins, chain | ball.steps, ""),
        away,
        [*(f**2 for f in factors), ball.constants["rate"]],
    )
