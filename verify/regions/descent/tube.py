"""How far gradient descent carries a whole ball of starts, and how fast it descends from each of them.

Claim id: start_ball. Let ‖θ_k − θ̂_k‖ ≤ δ with θ̂_k exact, L = L_H(δ) a bound of ‖D²F‖ on B(θ̂_k, δ) and h = ηs. On that ball, by the mean value theorem,
    ‖J‖ ≤ K = ‖J(θ̂_k)‖ + Lδ,   ‖e‖ ≤ ‖e(θ̂_k)‖ + Kδ,   ‖Jᵀw‖ ≥ σ = √λ_min(Θ(θ̂_k)) − Lδ for ‖w‖ = 1.
Residual. E, a bound of ‖e(θ_k)‖ along every run, is the smaller of ‖e(θ̂_k)‖ + Kδ and the last step's factor (below) times the last E.
Growth. ∇²Φ = s(JᵀJ + Σ_i e_i∇²F_i), and |Σ_i e_i uᵀ∇²F_i u| = |⟨e, D²F[u, u]⟩| ≤ ‖e‖L‖u‖². On the segment from θ̂_k to θ_k, F is within Lδ²/8 of the
linear interpolation of its ends, so ‖e‖ ≤ S = min(max(E, ‖e(θ̂_k)‖) + Lδ²/8, ‖e(θ̂_k)‖ + Kδ) there. As 0 ⪯ JᵀJ ⪯ K²I, ‖I − η∇²Φ‖ on it is at most
    g = max(1 + hSL, hK² + hSL − 1),
so the steps of θ_k and θ̂_k end at most gδ apart: δ_{k+1} = gδ + ρ, ρ ≥ the distance of θ̂_{k+1} from the real-arithmetic step of θ̂_k.
Descent. The step from θ_k has length ℓ ≤ hKE, so it lies in B(θ̂_k, δ + ℓ), where L' = L_H(δ + ℓ); the mean of the Jacobian along it is within
d = ½L'ℓ of J(θ_k). If hK² ≤ 1 and σ > d, then ‖e_{k+1}‖ ≤ (1 − hσ(σ − d))‖e_k‖ (claim containment_residual, lines `pays_linear` to `gain`, which look
at one step).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt_of_nonnegative
from verify.networks.curvature import Curvature
from verify.regions.neighbourhood.ingredients import lower, upper
from verify.regions.neighbourhood.point_facts import Examined

__all__ = ["Section", "section"]


@dataclass(frozen=True)
class Section:
    """What holds at step k of every run; doubles, rounded to the safe side.

    Attributes:
        delta: δ. lambda_min: λ_min(Θ) is at least that on B(θ̂_k, δ). residual: E.
        norm_step: h‖J‖² is at most that; a factor is claimed only where it is ≤ 1.
        factor: ‖e‖ after one step over ‖e‖ before is at most that; infinity where nothing is claimed.
        growth: g.
    """

    delta: float
    lambda_min: float
    residual: float
    norm_step: float
    factor: float
    growth: float


def section(here: Examined, delta: float, lr: Fraction, residual: float = math.inf) -> Section:
    """Bound the facts on B(θ̂_k, delta) and what one step does to it (module docstring).

    Args:
        here: enclosures at θ̂_k, twice differentiable network. delta: exact double ≥ 0. lr: η. residual: a bound of ‖e(θ_k)‖ along every run, if one
            is known.
    """
    curvature, d = Curvature(here.state), Ball(delta)
    h, facts = Ball(lr * here.s), here.facts
    bend, known = curvature(delta), (facts.lambda_max, facts.lambda_min, facts.residual)
    if not np.isfinite([bend, *(float(ball.rad) for ball in known)]).all():
        return Section(delta, 0.0, math.inf, math.inf, math.inf, math.inf)
    change = _up(Ball(bend) * d)
    norm = _up(sqrt_of_nonnegative(Ball(upper(facts.lambda_max))) + change)
    at_centre = upper(facts.residual)
    anywhere = upper(Ball(at_centre) + norm * d)
    most = min(anywhere, residual)
    between = min(anywhere, upper(Ball(max(most, at_centre)) + Ball(bend) * d * d * Ball(0.125)))
    sigma = Ball(lower(sqrt_of_nonnegative(Ball(max(lower(facts.lambda_min), 0.0))) - change))
    norm_step = upper(h * norm * norm)
    exact = {"eta": Ball(lr), "s": Ball(here.s)}
    growth = upper(evaluate("start_growth", {**exact, "e": Ball(between), "L_H": Ball(bend), "jacobian_norm": norm}))
    length = _up(h * norm * Ball(most))
    farther, factor = curvature(upper(d + length)), math.inf
    if norm_step <= 1.0 and math.isfinite(farther):
        drift = _up(Ball(farther) * length * Ball(0.5))
        if lower(sigma - drift) > 0.0:
            factor = upper(evaluate("residual_rate", {**exact, "sigma": sigma, "delta": drift}))
    smallest = lower(sigma * sigma) if lower(sigma) > 0.0 else 0.0
    return Section(delta, smallest, most, norm_step, factor, growth)


def _up(ball: Ball) -> Ball:
    return Ball(upper(ball))
