"""Scope `run`: what holds at stored points, and what takes over at the last of them."""

from __future__ import annotations

from typing import Any

from flint import arb

from verify.checker.basin import within
from verify.checker.claims import Audit, Ball, Chain, Truth, distance
from verify.checker.enclosures import psd_norm, real, root, staged, zips
from verify.checker.network import Point
from verify.checker.problem import START, Problem
from verify.checker.reading import afford, expect, take
from verify.checker.tables import MAX_TABLE, floats, is_index

__all__ = ["run"]

FACTS = "step loss residual lambda_min lambda_max gradient_norm pl_ratio drift parameters next next_loss decrease"


def _between(audit: Audit, name: str, stored: Any, value: Any) -> None:
    """Demand that a stored pair of bounds, if there is one, holds."""
    if stored is not None:
        low, high = map(real, floats(stored, 2))
        audit.every(name, [(low, value), (value, high)], "<=", "recomputed at the stored parameters")


def run(audit: Audit, problem: Problem, witness: Any, close: Any = None) -> Truth:
    """Scope `run`: facts at stored points, decrease to stored neighbours, a ball about the last or a basin that holds it: `close` makes another end."""
    checkpoints, handover = take(witness, "checkpoints handover")
    listed = isinstance(checkpoints, list) and isinstance(handover, dict)
    expect(listed and problem.lr, "a run needs checkpoints, a hand-over and a step")
    afford(len(checkpoints), MAX_TABLE, "checkpoints")
    handover, found = dict(handover), None
    number, index = handover.pop("step", None), handover.pop("checkpoint", None)
    expect(is_index(index, len(checkpoints)), "a run needs a hand-over at one of its checkpoints")
    eta_s, previous, origin = real(problem.lr * problem.s), -1, problem.parameters()
    chain: Chain = {}
    initial: dict[str, Any] = {}
    holding: list[tuple[bool, Any]] = []
    for i, row in enumerate(staged("checkpoints", checkpoints)):
        step, *bounds, parameters, after, next_loss, decrease = take(row, FACTS)
        expect(type(step) is int and step > previous, "a checkpoint's step is out of order")
        expect(decrease is None or type(decrease) is bool, "a checkpoint's decrease is no truth value")
        expect(after or not (decrease or next_loss), "a decrease without the neighbour's parameters")
        expect(parameters is not None or step == 0, "only step 0 may stand at the parameters of the network itself")
        stated, theta = floats(bounds[2], 2)[0], problem.parameters(START if parameters is None else parameters)
        here, drift, previous = Point(problem, theta), distance(theta, origin), step
        low, loss, square = here.smallest(stated), here.loss, here.gradient_square()
        fact = (loss, here.e, low, psd_norm(here.kernel()), root(square), square / (2 * loss), drift)
        for name, bound, value in zips(FACTS.split()[1:8], bounds, fact):
            _between(audit, f"{name} at step {step}", bound, value)
        holding.append((stated > 0.0, decrease))
        initial = initial or {"initial_lambda_min": low, "initial_loss": loss}
        chain[f"NTK positive at step {step}"] = (low, ">", arb(0))
        if after:
            later = Point(problem, problem.parameters(after)).loss
            decreased = (1 - eta_s * real(max(stated, 0.0))) * loss
            _between(audit, f"loss after step {step}", next_loss, later)
            if decrease:
                audit.require(f"decrease from step {step}", later, "<=", decreased, "Φ_{k+1} ≤ (1 − ημ)Φ_k")
            chain[f"decrease from step {step}"] = (later, "<=", decreased)
        if i == index:
            expect(number == step, "the hand-over's step is not its checkpoint's")
            if close:
                found = close(here, handover)
            elif handover.get("certified_by") == "displacement":
                found = within(audit, problem, handover, theta)
            else:
                found = Ball(audit, here, handover).truth()
    assert found is not None
    own = {**initial, "drift": drift, "handover_step": number, "handover_radius": found.constants["radius"]}
    positive, falls = (sum(row is True for row in facts) for facts in zips(*holding))
    text = (
        f"at {len(checkpoints)} stored points, numbered as steps {checkpoints[0]['step']} to {previous}, the stored bounds hold, among them"
        f" λ_min(NTK) > 0 at {positive} and the decrease Φ ≤ (1 − ημ)Φ to a stored neighbour at {falls}; for real-arithmetic gradient"
        f" descent restarted at the stored point of step {number}: {found.statement}. Nothing is said of how the stored points arose,"
        " nor of gradient descent from the first of them"
    )
    return Truth(found.constants | own, found.margins, chain | found.steps, text)
