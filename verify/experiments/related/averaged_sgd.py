"""Stochastic gradient descent near an exact fit (related to arXiv:2006.12297): a step near 1/β̄, and an exit probability without n in it.

θ_0 is a network trained on n digits. About it two balls are certified: the smallest that scope `ball` finds, with ‖J(θ)ᵀw‖ ≥ σ̂ on it, and one of
radius ρ. By claim zero_loss_nearby the first holds an exact fit c with ‖θ_0 − c‖ ≤ d0 = ‖e‖/σ̂. So B(c, R) ⊂ B(θ_0, ρ) for R = ρ − d0, and the constants
of the second ball hold there. Claims sgd_distance and sgd_distance_exit then speak of SGD with one uniformly drawn sample a step. β̄ is needed on
B(c, R/2) only: ‖J_i(θ_0)‖² is the i-th diagonal entry of Θ, and J_i moves by at most L_H(d0 + R/2).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, diagonal, sqrt_of_nonnegative
from verify.certificates import Step
from verify.decimals import at_least, at_most
from verify.experiments.related.demonstration import Demonstration, least, most
from verify.experiments.related.regions import STEP, constants_on_ball, trained_on_digits
from verify.networks import DataSet, Network, Problem, kernel_of, linearise
from verify.regions.neighbourhood.ingredients import lower, upper
from verify.regions.scopes.ball import ball_certificate
from verify.regions.scopes.options import BallOptions

__all__ = ["demonstrate", "run"]


def run(
    n: int = 100,
    width: int = 1024,
    trained: int = 600,
    *,
    radius: float = 0.05,
    seed: int = 0,
    fraction: Fraction = Fraction(1),
) -> Demonstration:
    """Certify SGD on 64-width-1 after `trained` steps of descent on n digits; arguments as :func:`demonstrate`."""
    return demonstrate(*trained_on_digits(n, width, trained, seed=seed), radius=radius, fraction=fraction)


def demonstrate(network: Network, data: DataSet, *, radius: float, fraction: Fraction = Fraction(1)) -> Demonstration:
    """Certify stochastic gradient descent (Φ = ½‖e‖², one sample a step) from a network's parameters.

    Args:
        network: trained, one output. data: its samples.
        radius: ρ of the certified ball. fraction: the step is the largest double below fraction/β̄; less than 2.
    """
    near, ball = (ball_certificate(Problem(network, data, "sum", STEP), BallOptions(r)) for r in (None, radius))
    system = f"SGD, {network.describe()}, n = {data.n}"
    paper = "2006.12297"
    claims = ("sgd_distance", "sgd_distance_exit", "zero_loss_nearby")
    certificates = {"fit": near, "ball": ball}
    if not (near.proved and ball.proved):
        return Demonstration(system, paper, claims, (), {}, _says, certificates=certificates)
    values, fit = constants_on_ball(ball), constants_on_ball(near)
    distance = Ball(upper(fit["e0"] / fit["sigma"]))
    values |= {"n": Ball(data.n), "d0": distance, "R": Ball(lower(Ball(radius) - distance))}
    own = sqrt_of_nonnegative(Ball(float(diagonal(kernel_of(linearise(network, data.X))).upper().max())))
    before = _by_sgd_rate({**values, "J_sample": own + values["Delta_J"]}, radius)
    values["J_sample"] = own + values["L_H"] * (distance + values["R"] / 2)
    values["beta_bar"] = Ball(upper(evaluate("beta_bar_sample", values)))
    values["eta"] = Ball(float(np.nextafter(float(fraction) / upper(values["beta_bar"]), 0.0)))
    slope = values["L_H"] * values["R"]
    steps: tuple[Step, ...] = (
        Step("an exact fit lies in the ball", "zero_loss_nearby", distance, "<", fit["R"], "‖e‖/σ̂ < R̂"),
        Step("the step is below 2/β̄", "sgd_distance", values["eta"] * values["beta_bar"], "<", Ball(2), "ηβ̄ < 2"),
        Step("the ball is small against σ", "sgd_distance", slope, "<", values["sigma"] * 4, "L_HR < 4σ"),
    )
    share = Ball(lower(evaluate("sgd_distance_fraction", values)))
    values["distance_fraction"] = share
    steps = (*steps, Step("the distance contracts", "sgd_distance", share, ">", Ball(0), "f > 0"))
    if not all(step.certain for step in steps):
        return Demonstration(system, paper, claims, steps, {}, _says, certificates=certificates)
    exit_ = evaluate("sgd_distance_exit", values)
    steps = (
        *steps,
        Step("the exit probability says something", "sgd_distance_exit", exit_, "<", Ball(1), "P(exit) < 1"),
    )
    return Demonstration(
        system,
        paper,
        claims,
        steps,
        {
            "step": values["eta"],
            "step_ratio": values["eta"] / before["step"],
            "contraction": evaluate("sgd_distance_rate", values),
            "exit": exit_,
            "exit_by_sgd_rate": before["exit"],
            "distance": distance,
            "radius": values["R"],
            **{name: values[name] for name in ("beta_bar", "distance_fraction", "sigma", "L_H", "jacobian_norm", "e0")},
        },
        _says,
        limits="population risk, minimax rates and sampling without replacement; on the event of an exit nothing is said",
        certificates=certificates,
    )


def _by_sgd_rate(values: Mapping[str, Ball], radius: float) -> dict[str, Ball]:
    """Return what claims sgd_rate and sgd_exit would allow on the same ball: at most this step, and the exit probability."""
    # β grows with the length of a step: without it the step allowed is bounded from above.
    mine = {
        **values,
        "R": Ball(radius),
        "step": Ball(0),
        "mu": evaluate("mu", values),
        "beta_bar": evaluate("beta_bar_sample", values),
    }
    mine |= {"Phi0": mine["s"] * mine["e0"] * mine["e0"] / 2, "beta": evaluate("sgd_smoothness", mine)}
    return {"step": evaluate("sgd_step", mine), "exit": evaluate("sgd_exit_probability", mine)}


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"SGD with step {least(q, 'step')}, at least {least(q, 'step_ratio', 3)} times what sgd_rate allows there: the mean squared"
        f" distance to the exact fits falls by {at_least(lower(1 - q['contraction']), 3)} per step, and P(an iterate ever leaves a ball of radius"
        f" {at_most(upper(q['radius']) / 2, 3)} about an exact fit) ≤ {most(q, 'exit', 3)} (by sgd_exit {most(q, 'exit_by_sgd_rate', 3)})"
    )
