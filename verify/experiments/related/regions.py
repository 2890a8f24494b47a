"""What averaged SGD and Lookahead start from: a network trained on digits, and the constants of a certified ball about it."""

from __future__ import annotations

from fractions import Fraction

from proofs.evaluation import evaluate
from verify import datasets
from verify.arrays import Ball, sqrt_of_nonnegative
from verify.certificates import Certificate
from verify.experiments.runs import mlp
from verify.networks import DataSet, Network, Problem, read_data, read_network
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent.float64 import Descent
from verify.regions.neighbourhood.ingredients import lower, upper

__all__ = ["STEP", "constants_on_ball", "trained_on_digits"]

STEP = Fraction("0.034254")
"""Step of the descents on digits."""


def trained_on_digits(n: int, width: int, steps: int, *, seed: int = 0) -> tuple[Network, DataSet]:
    """Return 64-width-1 (tanh, NTK parametrisation) after `steps` steps of float64 descent on n digits of norm 24, and the data."""
    network = read_network(mlp((64, width, 1), seed))
    data = read_data(network, *datasets.digits(n, norm=24.0))
    descent, theta = Descent.of(Problem(network, data, "sum", STEP)), flatten(network)
    for _ in range(steps):
        theta = descent.step(theta)[0]
    return with_parameters(network, theta), data


def constants_on_ball(certificate: Certificate) -> dict[str, Ball]:
    """Return the symbols of proofs.constants for the ball B(θ0, R) of a PROVED certificate of scope `ball`: each the safe end of its enclosure.

    Keys: s, eta, R, e0, lambda_R, sigma, L_H, Delta_J, jacobian_norm0, jacobian_norm (on the ball), delta.
    """
    known = certificate.constants
    values = {
        "s": Ball(certificate.problem.scale),
        "eta": Ball(known["lr"]),
        "R": Ball(lower(known["radius"])),
        "e0": Ball(upper(known["residual0"])),
        "lambda_R": Ball(lower(known["lambda_region"])),
        **{name: Ball(upper(known[name])) for name in ("L_H", "Delta_J", "jacobian_norm0")},
    }
    values["sigma"] = Ball(lower(sqrt_of_nonnegative(values["lambda_R"])))
    values["jacobian_norm"] = Ball(upper(values["jacobian_norm0"] + values["Delta_J"]))
    values["delta"] = Ball(upper(evaluate("delta_residual", values)))
    return values
