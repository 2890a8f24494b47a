"""What is said of a recorded run: its facts counted, what a hand-over lacks, what further training would buy."""

from __future__ import annotations

from fractions import Fraction

from verify.networks import linearise
from verify.regions.descent.recorded_run import Checkpoint
from verify.regions.neighbourhood.estimate import shortfall
from verify.regions.neighbourhood.ingredients import approx_float, lower, no_rate, rounds_to_one
from verify.regions.neighbourhood.kinks_in_reach import kinks_in_reach
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.scopes.handover import Handover
from verify.regions.scopes.recording import End, Run, Task, forecast

__all__ = ["missing", "prospect", "tally"]


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
            text += f" (not at step {', '.join(failed)})"
    return text


def _step_text(lr: Fraction) -> str:
    return f"step η = {approx_float(lr):.6g}"


def missing(task: Task, run: Run, end: End) -> str:
    """Say why there is no hand-over, and what would close the gap."""
    problem = task.problem
    lr, scale = problem.eta, problem.scale
    step = _step_text(lr)
    smaller = "Use a smaller lr" if task.free else "Use a smaller lr, or lr=None"
    if end.why == "diverged" and run.step == 0:
        return "the loss or the NTK overflows float64 at the start: rescale the data or the weights"
    if end.why == "diverged":
        return f"the run diverged: at step {run.step} the loss overflowed or grew beyond 10^12 times its start with {step}. {smaller}"
    if end.why == "overflow":
        return "a hand-over holds at the end, but the NTK or the loss overflows float64 at a checkpoint: rescale the data or the weights"
    if end.look is None:
        return "the run ended before its first look: raise steps= or seconds="
    ball, ratio = end.look.ball, end.look.ratio
    there, values = ball.ingredients, shortfall(ball)
    if not values["lambda_min"] > 0.0:
        why = why_not_positive(
            there.lambda0,
            there.lambda_max0,
            problem,
            "Train from another initialisation, or widen the network",
        )
        return f"at step {run.step}: {why}"
    if rounds_to_one(scale * lr, there.lambda0):
        return f"at step {run.step}: {no_rate(lr)}{'' if task.free else '; lr=None chooses one'}"
    facts = (
        f"λ_min {values['lambda_min']:.4g}, ‖e‖ {values['residual']:.4g}, L_H {values['curvature']:.4g}: the hand-over has about"
        f" {ratio:.3g} of what it needs, by a ball or by a basin"
    )
    on_kinks = kinks_in_reach(linearise(problem.at(run.kept[-1].theta).network, problem.data.X), values["residual"])
    if on_kinks is not None:
        facts += f"; {on_kinks}"
    share = approx_float(scale * lr) * float(there.lambda_max0.upper())
    too_large = share > 1.8 and not task.free
    if share > 1.0 and not task.free:
        facts += (
            f"; the residual form needs ηsλ_max(Θ) < 1, the others < 2, and with this {step} it is {share:.3g} there: a step below"
            f" {approx_float(lr) / share:.3g} meets both"
        )
    if end.why == "stalled":
        return (
            f"the run stalled: ‖e‖ fell by less than 0.1 % over the last {run.step - run.anchor[0]} steps with {step}; {facts}. Use a larger"
            " step, or scope='basin', which needs no further training"
        )
    what = {
        "steps": "the step budget ended",
        "seconds": f"the {task.seconds:g} seconds {'allowed' if task.patient else 'of the default'} ended",
        "out of reach": f"stopped, since the forecast is far beyond the {task.seconds:g} seconds of the default (seconds= or steps= train on),",
        "iterates": "no iterate handed in is certifiable; the last look was",
    }[end.why]
    text = f"{what} at step {run.step}: {facts}"
    if too_large:
        return f"{text}. {smaller}"
    if end.why == "iterates":
        return f"{text}. Train on, or use scope='basin' at the last of them"
    ahead = forecast(run, ratio) if ratio < 1.0 else None
    if ahead is None:
        return f"{text}. Train on (steps=, seconds=, resume=), or widen the network"
    return (
        f"{text}. At the present rate it takes about {ahead}, an estimate: go on with resume= and more steps or seconds; scope='basin' needs no"
        " further training"
    )


def prospect(handover: Handover, task: Task, run: Run) -> str:
    """Say what further training would buy: at the zero that the run tends to, μ → sλ_min and the factor → (1 − ηsλ_min)²; estimates."""
    low = lower(run.kept[-1].facts.lambda_min)
    mu = approx_float(task.problem.scale) * low
    rate = max(0.0, 1.0 - approx_float(handover.lr) * mu) ** 2
    if not mu > 1.05 * lower(handover.constants["mu"]):
        return ""
    return f"; further training would bring μ up to about {mu:.3g} and the factor down to about {rate:.6g} (estimates)"
