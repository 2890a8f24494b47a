"""Scope `exact`: real-arithmetic gradient descent, enclosed from the initialisation until a ball certificate takes over.

Statement. θ_{k+1} = θ_k − η∇Φ(θ_k) in real arithmetic from the exact θ0. For k = 0..T: ‖θ_k − θ̂_k‖ ≤ δ_k, and on B(θ̂_k, δ_k)
λ_min(Θ) ≥ λ_k > 0, so that each of these balls is a Locally PL Region with μ_k = sλ_k; for k < T the decrease
Φ(θ_{k+1}) ≤ (1 − ημ_k)Φ(θ_k) holds. From θ_T on, which lies within o = δ_T of the exact doubles θ̂_T, the ball criteria about θ̂_T with start off the centre
(:mod:`verify.regions.neighbourhood.criteria`) prove that gradient descent stays in B(θ̂_T, R) and converges linearly to zero loss. Together: every iterate
lies in the union of the proved balls, a Locally PL Region with μ = min(μ_0, …, μ_T, μ(R)), and the loss decreases linearly from the
initialisation to zero. The claim is about the iterates, not about the segments between the early ones.

Off the centre. Let ‖θ_T − c‖ ≤ o, ē ≥ ‖e(θ_T)‖, and let J0, Δ_J, L_H, λ(·) be those of the balls about c. A point reached from θ_T after path length t
lies in B(c, o + t), so σ(o + t) bounds its Jacobian from below, β and the step condition of B(c, R) bound what they did, with ē for ‖e0‖ since the loss
never exceeds Φ(θ_T); the first-exit argument is unchanged with the constraint ‖θ − c‖ ≤ R. Hence path(ē) ≤ R − o, or
∫_0^{R−o}(σ(o + t) − δ)dt = ∫_o^R(σ(r) − δ)dr > ē.

Kinks. A network with ReLU units is followed as long as every pre-activation's side of its kink is decided on B(θ̂_k, δ_k): on that ball F is a polynomial,
no slope at a kink is ever asked for, and everything above holds with σ'' = 0. Where one is not, the certificate says which. From θ_T on the ball may be one
that kinks cross (criterion residual_relu, off the centre: the constraint ‖θ − c‖ ≤ R as above).

Enclosures: :mod:`verify.regions.descent.enclosed_iterates`. Facts at θ_k from those at θ̂_k: λ_min ≥ max(0, √λ_min(Θ(θ̂_k)) − ‖ΔJ‖)² and
‖e‖ within ‖Δe‖, with the reach of claim shadow_growth.

Witness: ``method``, ``bits``, ``steps`` T, ``end`` (θ̂_T), ``delta``, ``growth``, ``rounding``, ``lambda_lower``, ``loss_lower``, ``loss_upper``,
``handover`` (the ball witness about ``end`` with ``offset``). A checker needs no iterate: it encloses gradient descent itself.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, require_sound_arithmetic
from verify.certificates import Certificate, Step
from verify.certificates.certificate import Verdict
from verify.decimals import at_least, at_most, below_one, equal
from verify.networks import LOSS_WORDS, Problem
from verify.networks.parameters import flatten
from verify.regions.descent.float64 import Descent, default_step
from verify.regions.descent.growth import NormCache, growth_factor, reach
from verify.regions.descent.recorded_run import make_directory
from verify.regions.neighbourhood.estimate import shortfall
from verify.regions.neighbourhood.ingredients import approx_float, lower, no_rate, rounds_to_one, upper
from verify.regions.neighbourhood.point_facts import Examined, drift, examine
from verify.regions.neighbourhood.prospects import why_not_positive
from verify.regions.scopes.ball import ball_constants, ball_witness
from verify.regions.scopes.enclosing import Follower, Outcome, Plan, Task, enclose
from verify.regions.scopes.options import ExactOptions

__all__ = ["assemble", "begin", "exact_certificate", "follow", "refused"]

_SAMPLES = 12
_ATTEMPTS = 4
# What helps where an enclosure is too wide, and where it is so because float64 was asked for.
_REMEDY = (
    ". Use scope='run', which follows float64, or scope='basin', which follows nothing",
    ". Use method='auto', which goes on with more bits",
)
# Beyond this ηsλ_max the step is what keeps a run from falling.
_LARGE_STEP = 1.8


def make_plan(task: Task) -> Plan | str:
    """Choose method and precision from a float64 rehearsal; a text says why there is nothing to plan."""
    from verify.regions.scopes.recording import rehearse

    end, steps = rehearse(task.problem, task.options.steps, task.options.progress)
    if end != "certified":
        return end
    method = task.options.method
    if method == "auto":
        method, needed = _cheapest(task, steps)
    else:
        needed = _cheapest(task, steps)[1] if method == "shadow-arb" else 0
    bits = {"shadow": 53, "shadow-arb": 64 + needed, "arb": 96 + 3 * len(task.problem.network.chain) * steps // 2}[
        method
    ]
    if task.options.bits is not None and method != "shadow":
        bits = task.options.bits
    return Plan(method, bits, steps, steps)


def _cheapest(task: Task, steps: int) -> tuple[str, int]:
    """Estimate Σ log2 g_k from a dozen samples along the rehearsed path: (method, bits of growth and reserve)."""
    descent = Descent.of(task.problem)
    theta = flatten(task.problem.network)
    wanted = sorted({round(steps * (j / _SAMPLES) ** 2) for j in range(_SAMPLES + 1)})
    logs, eta_s, norms = [], Ball(task.problem.eta * task.problem.scale), NormCache()
    rounding = 1e-16
    for step in range(steps + 1):
        if step in wanted:
            here = examine(task.problem.at(theta))
            moved = reach(here.state, 1e-12, norms(here.state.network))
            g = growth_factor(here.state, moved, here.residual, upper(here.facts.lambda_max), eta_s)
            logs.append(math.log2(max(g, 1.0)) if math.isfinite(g) else 64.0)
            rounding = max(rounding, float(np.linalg.norm(theta)) * 2.0**-44)
        theta, _ = descent.step(theta)
    total = float(np.trapezoid(logs, wanted))
    # Float64 shadowing succeeds when 2^total·rounding stays far below what the hand-over ball and Φ can spare.
    if total < math.log2(1e-7 / rounding):
        return "shadow", 53
    # Ball arithmetic costs some 2.5 bits a step and hidden layer (measured); midpoints cost log2 g plus the growth bound's time.
    needed = int(1.25 * total) + 40
    return ("shadow-arb", needed) if needed < 2.5 * (len(task.problem.network.chain) - 1) * steps + 100 else ("arb", 0)


def begin(problem: Problem, options: ExactOptions) -> tuple[Task, Examined, bool]:
    """Settle the step; return the task, the facts at θ0 and whether the step was chosen here."""
    require_sound_arithmetic()
    first = examine(problem)
    chosen = problem.lr is None
    if chosen:
        problem = problem.stepping(default_step(upper(first.facts.lambda_max), problem.scale))
    if options.directory is not None:
        make_directory(options.directory)
    return Task(problem, options), first, chosen


def exact_certificate(problem: Problem, options: ExactOptions) -> Certificate:
    """Certify real-arithmetic gradient descent from the initialisation; statement in the module's docstring.

    Args:
        problem: exact parameters θ0; lr None takes :func:`verify.regions.descent.float64.default_step` of the certified λ_max there.
        options: see there.

    Returns:
        Certificate, scope 'exact': PROVED when every step and the hand-over are certified, else INCONCLUSIVE with the step and
        the inequality that is missing. Methods are tried from the cheapest; precision is doubled when it runs out.
    """
    task, first, chosen = begin(problem, options)
    followed = follow(task)
    if isinstance(followed, str):
        return refused(task, first, followed, chosen)
    return assemble(task, first, *followed, chosen)


def follow(task: Task, follower: Follower | None = None) -> tuple[Outcome, list[tuple[str, str]]] | str:
    """Enclose descent by the cheapest method that succeeds; return the outcome and what was tried before, or why there is nothing to follow."""
    plan = make_plan(task)
    if isinstance(plan, str):
        return plan
    tried: list[tuple[str, str]] = []
    outcome = enclose(task, plan, follower)
    for _ in range(_ATTEMPTS):
        if outcome.why in ("certified", "budget"):
            break
        if (plan.method == "shadow" and task.options.method == "shadow") or not outcome.finer:
            break
        tried.append((f"{plan.method} at {plan.bits} bits", outcome.why))
        if plan.method == "shadow":
            plan = replace(plan, method="shadow-arb", bits=max(160, 64 + _cheapest(task, plan.steps_expected)[1]))
        else:
            plan = replace(plan, bits=2 * plan.bits)
        outcome = enclose(task, plan, follower)
    return outcome, tried


def refused(task: Task, first: Examined, end: str, chosen: bool) -> Certificate:
    """Return the INCONCLUSIVE certificate of a run whose float64 rehearsal ended badly (chosen: whether the step was)."""
    facts = first.facts
    share = approx_float(task.problem.scale * task.problem.eta) * upper(facts.lambda_max)
    smaller = f"use a smaller lr{'' if chosen else ', or lr=None'}"
    words = {
        "diverged": f"diverges (the loss overflows): {smaller}",
        "stalled": f"stalls: the residual hardly falls, or rises again, and ηsλ_max(Θ) = {share:.3g} at the start: "
        + (smaller if share > _LARGE_STEP else "use a larger step, or scope='basin', which needs no training"),
        "arrived": "ends where a float64 step no longer moves, and no ball about that point is certified: scope='basin' moves to a zero of the residual nearby",
        "steps": f"reaches no certifiable point within {task.options.steps} steps: raise steps, or widen the network",
    }
    if not lower(facts.lambda_min) > 0.0 or not np.isfinite(upper(facts.loss)):
        elsewhere = "scope='basin' looks at a zero of the residual nearby instead"
        reason = f"at the start, {why_not_positive(facts.lambda_min, facts.lambda_max, task.problem, elsewhere)}"
    elif rounds_to_one(task.problem.scale * task.problem.eta, facts.lambda_min):
        reason = f"{no_rate(task.problem.eta)}{'' if chosen else '; lr=None chooses one'}"
    else:
        reason = (
            f"a float64 rehearsal with η {equal(task.problem.eta)} {words[end]}. scope='run' reports the facts along it"
        )
    return Certificate.undecided("exact", reason, task.problem, task.constants(first))


def _bits_lost(inner: list[float]) -> float:
    """Average log2 growth of the inner radius per step, once it is positive (observed)."""
    positive = [v for v in inner if v > 0.0 and math.isfinite(v)]
    if len(positive) < 2:
        return 0.0
    return math.log2(positive[-1] / positive[0]) / (len(positive) - 1)


def _ended(missing: str, how: str, tried: list[tuple[str, str]], remedy: str, count: int) -> str:
    """Say what ended an enclosure, with which methods, what may help, and what is proved all the same."""
    others = [(name, why) for name, why in tried if why != missing]
    same = ", ".join(name for name, why in tried if why == missing)
    text = f"{missing} ({how}{f'; the same with {same}' if same else ''})"
    if others:
        text += f"; before, {'; '.join(f'{name}: {why}' for name, why in others)}"
    proved = (
        f"λ_min > 0 at the first {count} iterates, and the decrease from each to the next"
        if count
        else "nothing of the iterates"
    )
    return f"{text}{remedy}. What is proved: {proved}"


def assemble(task: Task, first: Examined, outcome: Outcome, tried: list[tuple[str, str]], chosen: bool) -> Certificate:
    """Return the certificate of an enclosed run: PROVED where a ball took over, else INCONCLUSIVE with what ended it.

    Args:
        first: facts at the start. tried: methods that failed before, with the reason, in words. chosen: whether the user gave the step.
    """
    path, engine, found = outcome.path, outcome.engine, outcome.found
    count = len(path.lambda_lower)
    half_s = Ball(task.problem.scale) * Ball(0.5)
    loss_lower = (half_s * Ball(np.array(path.residual_lower)) ** 2).lower()
    loss_upper = (half_s * Ball(np.array(path.residual_upper)) ** 2).upper()
    weakest = min(path.lambda_lower, default=0.0)
    constants = {**task.constants(first), "path_lambda_min": Ball(weakest)}
    steps = [
        Step.listed(
            "NTK positive at every iterate",
            "pl_from_ntk",
            Ball(weakest),
            ">",
            Ball(0.0),
        )
    ]
    if path.slack:
        steps.append(Step.listed("decrease at every step", "recorded_decrease", Ball(max(path.slack)), "<=", Ball(1.0)))
    witness: dict[str, Any] = {
        "method": engine.method,
        "bits": engine.bits,
        "steps": count - 1,
        "end": engine.theta,
        "delta": np.array(path.delta),
        "growth": np.array(path.growth[: max(count - 1, 0)]),
        "rounding": np.array(path.rounding[: max(count - 1, 0)]),
        "lambda_lower": np.array(path.lambda_lower),
        "loss_lower": loss_lower,
        "loss_upper": loss_upper,
        "handover": None,
    }
    observed = {
        "growth_log": float(np.sum(np.log(np.maximum(path.growth, 1.0)))) if path.growth else 0.0,
        "bits": float(engine.bits),
        "bits_lost_per_step": _bits_lost(path.inner),
        "largest_delta": max(path.delta, default=0.0),
        "steps_enclosed": float(count - 1),
    }
    margins: dict[str, Ball] = {}
    how = f"{engine.method}, {engine.bits} bits, {observed['bits_lost_per_step']:.2f} bits lost per step"
    if (
        outcome.why == "certified"
        and found is not None
        and found.result is not None
        and found.result.outcome is not None
    ):
        ball = ball_constants(found.ingredients, found.result)
        result = found.result.outcome
        margins = {
            # Only what holds is a margin: a form that does not has no witness to check.
            f"{form} containment": o.margin
            for form, o in found.result.best.items()
            if o.margin is not None and o.holds
        }
        mu = evaluate(
            "mu", {"s": Ball(task.problem.scale), "lambda_R": Ball(min(weakest, lower(ball["lambda_region"])))}
        )
        constants |= {
            **ball,
            "handover_step": count - 1,
            "handover_radius": ball["radius"],
            "handover_offset": Ball(engine.delta),
            "mu_along_path": mu,
            "drift": drift(engine.theta, flatten(task.problem.network)) + Ball(0.0, engine.delta),
        }
        witness["handover"] = {**ball_witness(found.ingredients, found.result), "offset": engine.delta}
        steps += result.steps
        reason = (
            f"real-arithmetic gradient descent on {LOSS_WORDS[task.problem.loss]} with η {equal(task.problem.eta)}"
            f"{' (chosen as 0.8/(sλ_max(Θ(θ0))))' if chosen else ''} from these parameters:"
            f" each of the first {count - 1} iterates is enclosed ({how}), lies in a proved Locally PL ball with μ ≥"
            f" {at_least(lower(mu), 6)} and decreases the loss by the factor 1 − ημ_k or better; from step {count - 1} on it stays in the"
            f" ball of radius R ≤ {at_most(upper(ball['radius']), 6)} about the recorded point, where Φ_k ≤ {below_one(upper(ball['rate']))}^k·Φ_T"
            f" ({result.form} criterion), and converges to zero loss"
        )
        verdict: Verdict = "PROVED"
    else:
        missing = outcome.why
        if found is not None:
            values = shortfall(found)
            missing = (
                f"the step budget ended at step {count - 1}: λ_min {values['lambda_min']:.4g}, ‖e‖ {values['residual']:.4g}, containment has"
                f" {values['approx_supply_over_need']:.3g} of what it needs: raise steps, or widen the network"
            )
            observed |= values
        elif missing == "budget":
            missing = f"the step budget ended at step {count - 1} before the hand-over: raise steps"
        remedy = ""
        if found is None and outcome.why != "budget" and not outcome.rises:
            remedy = _REMEDY[outcome.finer and task.options.method == "shadow"]
        reason = _ended(missing, how, tried, remedy, count)
        verdict = "INCONCLUSIVE"
    return Certificate(
        scope="exact",
        verdict=verdict,
        reason=reason,
        problem=task.problem,
        constants=constants,
        margins=margins,
        steps=tuple(steps),
        witness=witness,
        observed=observed,
    )
