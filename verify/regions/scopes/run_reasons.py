"""What is said of a recorded run: its facts counted, what a hand-over lacks, what further training would buy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from verify.decimals import equal
from verify.networks import linearise
from verify.regions.descent.recorded_run import Checkpoint
from verify.regions.neighbourhood.estimate import shortfall
from verify.regions.neighbourhood.ingredients import approx_float, lower, no_rate, rounds_to_one
from verify.regions.neighbourhood.kinks_in_reach import kinks_in_reach
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.scopes.handover import Handover
from verify.regions.scopes.recording import End, Run, Task, forecast

__all__ = ["missing", "prospect", "tally"]

# So many steps are named at most.
_LISTED = 12
# Beyond this ηsλ_max the step is what fails; below these shares of ‖y‖ ‖e‖ is rounding, the second where a step no longer moves.
_LARGE_STEP, _FLOOR, _ARRIVED = 1.8, 1e-12, 1e-6
_ANEW = "Train from another initialisation, or widen the network"
_BASIN = "scope='basin', which moves to a zero of the residual nearby and needs no further training"
_ON_KINKS = (
    "Gradient descent on a network with kinks tends to end on them: some pre-activations shrink with the residual, so that no ball around an"
    " iterate is free of sign changes, and here they change the Jacobian too much for a ball that they cross. Widen the network, or take"
    " scope='basin', which moves to a zero nearby, off the kinks"
)


def tally(kept: list[Checkpoint]) -> str:
    """Say how many of the facts at the checkpoints are proved."""
    positive = sum(lower(c.facts.lambda_min) > 0.0 for c in kept)
    pairs = [c for c in kept if c.decrease is not None]
    text = f"λ_min > 0 proved at {positive} of {len(kept)} checkpoints"
    if pairs:
        held = sum(bool(c.decrease) for c in pairs)
        text += f", the decrease Φ_{{k+1}} ≤ (1 − ημ_k)Φ_k at {held} of {len(pairs)} kept pairs"
        failed = [str(c.facts.step) for c in pairs if not c.decrease]
        if failed:
            more = f" and at {len(failed) - _LISTED} later ones" if len(failed) > _LISTED else ""
            text += f" (not at step {', '.join(failed[:_LISTED])}{more})"
    return text


def _step_text(lr: Fraction) -> str:
    return f"step η {equal(lr)}"


def _smaller(task: Task) -> str:
    return "Use a smaller lr" if task.free else "Use a smaller lr, or lr=None"


def missing(task: Task, run: Run, end: End) -> str:
    """Say why there is no hand-over, and what would close the gap."""
    problem = task.problem
    lr, scale = problem.eta, problem.scale
    if end.why == "diverged" and run.step == 0:
        return "the loss or the NTK overflows float64 at the start: rescale the data or the weights"
    if end.why == "diverged":
        text = f"the run diverged: at step {run.step} the loss overflowed or grew beyond 10^12 times its start with {_step_text(lr)}"
        first = run.kept[0].facts
        if lower(first.lambda_min) > 0.0 or not task.free:
            return f"{text}. {_smaller(task)}"
        return f"{text}. At the start {why_not_positive(first.lambda_min, first.lambda_max, problem, _ANEW)}"
    if end.why == "overflow":
        return "a hand-over holds at the end, but the NTK or the loss overflows float64 at a checkpoint: rescale the data or the weights"
    assert end.look is not None
    there, values = end.look.ball.ingredients, shortfall(end.look.ball)
    if not values["lambda_min"] > 0.0:
        return f"at step {run.step}: {why_not_positive(there.lambda0, there.lambda_max0, problem, _ANEW)}"
    if rounds_to_one(scale * lr, there.lambda0):
        return f"at step {run.step}: {no_rate(lr)}{'' if task.free else '; lr=None chooses one'}"
    kinks = kinks_in_reach(linearise(problem.at(run.kept[-1].theta).network, problem.data.X), values["residual"])
    text, remedy = _short(task, run, end, "" if kinks is None else f"; {kinks.text}")
    if kinks is not None and kinks.too_much and remedy != _smaller(task):
        remedy = _ON_KINKS
    return f"{text}. {remedy}"


def _short(task: Task, run: Run, end: End, more: str) -> tuple[str, str]:
    """Say how far a run whose end has λ_min > 0 is from a hand-over (`more` is told of it too), and what would help."""
    assert end.look is not None
    ball, ratio, values = end.look.ball, end.look.ratio, shortfall(end.look.ball)
    problem, step = task.problem, _step_text(task.problem.eta)
    share = approx_float(problem.scale * problem.eta) * float(ball.ingredients.lambda_max0.upper())
    floor = _ARRIVED if end.why == "arrived" else _FLOOR
    arrived = values["residual"] <= floor * float(np.linalg.norm(problem.data.y))
    facts = (
        f"λ_min {values['lambda_min']:.4g}, ‖e‖ {values['residual']:.4g}, L_H {values['curvature']:.4g}: the hand-over has about"
        f" {ratio:.3g} of what it needs, by a ball or by a basin{more}"
    )
    if share > 1.0 and not task.free:
        facts += (
            f"; the residual form needs ηsλ_max(Θ) < 1, the others < 2, and with this {step} it is {share:.3g} there: a step below"
            f" {approx_float(problem.eta) / share:.3g} meets both"
        )
    what = {
        "steps": f"the step budget ended at step {run.step}",
        "seconds": f"the {task.seconds:g} seconds {'allowed' if task.patient else 'of the default'} ended at step {run.step}",
        "out of reach": f"stopped, since the forecast is far beyond the {task.seconds:g} seconds of the default (seconds= or steps= train on), at step"
        f" {run.step}",
        "iterates": f"no iterate handed in is certifiable; the last look was at step {run.step}",
        "arrived": f"the run no longer moves: a float64 step from step {run.step} on ends where it began, with {step}",
        "stalled": f"the run stalled: ‖e‖ fell by less than 0.1 % over the last {run.step - run.anchor[0]} steps with {step}",
    }[end.why]
    text = f"{what}: {facts}"
    if share > _LARGE_STEP and (end.why in ("arrived", "stalled") or not task.free):
        return text, _smaller(task)
    if arrived:
        return text, f"‖e‖ is rounding, and more steps change nothing: use {_BASIN}"
    if end.why in ("arrived", "stalled"):
        return text, f"Use a larger step, or {_BASIN}"
    if end.why == "iterates":
        return text, "Train on, or use scope='basin' at the last of them"
    ahead = forecast(run, ratio) if ratio < 1.0 else None
    if ahead is None:
        return text, f"Train on (steps=, seconds=, resume=), or use {_BASIN}"
    return (
        text,
        f"At the present rate it takes about {ahead}, an estimate: go on with resume= and more steps or seconds; scope='basin' needs no further training",
    )


def prospect(handover: Handover, task: Task, run: Run) -> str:
    """Say what further training would buy: at the zero that the run tends to, μ → sλ_min and the factor → (1 − ηsλ_min)²; estimates."""
    low = lower(run.kept[-1].facts.lambda_min)
    mu = approx_float(task.problem.scale) * low
    rate = max(0.0, 1.0 - approx_float(handover.lr) * mu) ** 2
    if not mu > 1.05 * lower(handover.constants["mu"]):
        return ""
    return f"; further training would bring μ up to about {mu:.3g} and the factor down to about {rate:.6g} (estimates)"
