"""Constraint-based local propagation (related to arXiv:2002.07720): weights trained by an augmented Lagrangian, certified beside an exact fit.

Outputs of every layer are variables of their own, tied to the weights by constraints x_l = σ(W_lx_{l−1}) with multipliers and a quadratic penalty; every
variable moves along its own partial derivative only. No gradient is propagated back. Where the loop ends, the violations are enclosed (claim lp_violation
bounds by them what the true forward pass differs from the loop's own outputs), and scope `ball` certifies the *weights*: an exact fit lies within ‖e‖/σ
(zero_loss_nearby).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from verify import certify, datasets, nn
from verify.arrays import Ball, matmul, spectral_norm, sqrt, tanh
from verify.certificates import Step
from verify.experiments.related.demonstration import Demonstration, factor, least, most
from verify.experiments.related.regions import constants_on_ball
from verify.regions.neighbourhood.ingredients import upper

__all__ = ["State", "propagate", "run"]


@dataclass
class State:
    """Weights W (m, d), v (m,) of F = vᵀtanh(Wx/√d)/√m, layer outputs H (n, m), O (n,), and their multipliers."""

    W: Float[np.ndarray, "m d"]
    v: Float[np.ndarray, " m"]
    H: Float[np.ndarray, "n m"]
    O: Float[np.ndarray, " n"]  # noqa: E741
    multipliers_H: Float[np.ndarray, "n m"]
    multipliers_O: Float[np.ndarray, " n"]


def propagate(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    v: np.ndarray,
    steps: int,
    *,
    weight_step: float = 0.03,
    step: float = 0.1,
    penalty: float = 1.0,
) -> State:
    """Run simultaneous descent in weights and outputs and ascent in the multipliers on ½‖O − y‖² + Σλ·(constraint) + (penalty/2)Σ‖constraint‖², in float64."""
    a, b = 1.0 / np.sqrt(X.shape[1]), 1.0 / np.sqrt(len(v))
    H = np.tanh(X @ W.T * a)
    s = State(W.copy(), v.copy(), H, H @ v * b, np.zeros_like(H), np.zeros(len(X)))
    for _ in range(steps):
        T = np.tanh(X @ s.W.T * a)
        pull_H = s.multipliers_H + penalty * (s.H - T)
        pull_O = s.multipliers_O + penalty * (s.O - s.H @ s.v * b)
        move_v, move_W = -(pull_O @ s.H) * b, -((pull_H * (1.0 - T * T)).T @ X) * a
        s.O, s.H = s.O - step * (s.O - y + pull_O), s.H - step * (pull_H - np.outer(pull_O, s.v) * b)
        s.v, s.W = s.v - weight_step * move_v, s.W - weight_step * move_W
        s.multipliers_H = s.multipliers_H + step * (s.H - np.tanh(X @ s.W.T * a))
        s.multipliers_O = s.multipliers_O + step * (s.O - s.H @ s.v * b)
    return s


def run(
    n: int = 20, d: int = 10, width: int = 64, steps: int = 10_000, *, norm: float = 10.0, seed: int = 0
) -> Demonstration:
    """Train d-width-1 by local propagation on n points of a sphere, and certify its weights.

    Args:
        n, d, norm: of the data. width: of the hidden layer. steps: of the loop. seed: of the initial weights.
    """
    X, y = datasets.sphere(n, d, norm=norm)
    model = nn.fully_connected((d, width, 1), seed=seed)
    first, last = (p.detach().numpy() for p in model.parameters())
    s = propagate(X, y, first, last[0], steps)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (s.W, s.v[None, :]), strict=True):
            parameter.copy_(torch.tensor(value))
    hidden = Ball(s.H) - tanh(matmul(X, s.W.T) / sqrt(Ball(d)))
    output = Ball(s.O) - matmul(s.H, s.v[:, None])[:, 0] / sqrt(Ball(width))
    gain = spectral_norm(s.v[None, :]) / sqrt(Ball(width))
    quantities = {
        "violation_hidden": hidden.norm(),
        "violation_output": output.norm(),
        # Σ_l ε_l·Π_{j>l} sup|σ_j′|‖W_j‖: the last layer has no activation.
        "output_error": output.norm() + gain * hidden.norm(),
        "multipliers": sqrt((Ball(s.multipliers_H) ** 2).sum() + (Ball(s.multipliers_O) ** 2).sum()),
    }
    certificate = certify(model, X, y, scope="ball")
    steps_: tuple[Step, ...] = ()
    if certificate.proved:
        known, values = certificate.constants, constants_on_ball(certificate)
        distance = Ball(upper(values["e0"] / values["sigma"]))
        steps_ = (Step("an exact fit lies in the ball", "zero_loss_nearby", distance, "<", values["R"], "‖e‖/σ < R"),)
        quantities |= {"distance": distance, "mu": known["mu"], "radius": known["radius"], "rate": known["rate"]}
    return Demonstration(
        system=f"local propagation, {d}-{width}-1 tanh, n = {n}",
        paper="2002.07720",
        claims=("lp_violation", "lp_no_spurious", "zero_loss_nearby", "containment_residual"),
        steps=steps_,
        quantities=quantities,
        says=_says,
        limits="that the loop itself converges is not claimed (claim lp_plain_gda: without the penalty it does not); only its last weights are looked at",
        certificates={"weights": certificate},
    )


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"the loop ends with constraints violated by {most(q, 'violation_hidden', 3)} and"
        f" {most(q, 'violation_output', 3)}, so that its outputs are within {most(q, 'output_error', 3)} of the"
        f" network's; its weights lie within {most(q, 'distance', 3)} of an exact fit, in a region of"
        f" radius {most(q, 'radius', 3)} with μ ≥ {least(q, 'mu')} where Φ falls by {factor(q, 'rate')} per step"
    )
