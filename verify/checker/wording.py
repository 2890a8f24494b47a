"""What an accepted certificate stands for, in words: decimals rounded to the side that stays true, and the function F.

Every word of a statement is chosen here from recomputed numbers and validated fields; no text of the file is repeated.
"""

from __future__ import annotations

import decimal
from fractions import Fraction
from typing import Any

from flint import arb

__all__ = ["STATED", "at_least", "at_most", "below_one", "step_claims", "subject"]

# Constants that a statement of each scope is made of.
STATED = {
    "point": "lambda0 mu",
    "ball": "radius mu rate",
    "run": "radius mu rate handover_step",
    "exact": "radius mu rate handover_step",
    "basin": "radius mu rate basin_radius zero_loss_distance distance_over_radius",
    "region": "region_radius region_mu region_rate",
}

_DIGITS = 8

# Name of a step → the claims that it may belong to; numbers at the end of a name are left out.
_STEP_CLAIMS = {
    "NTK positive": ["pl_from_ntk"],
    "NTK positive at step": ["pl_from_ntk"],
    "NTK positive at every iterate": ["pl_from_ntk"],
    "decrease from step": ["recorded_decrease"],
    "decrease at every step": ["recorded_decrease"],
    "NTK positive at the centre": ["ntk_positive"],
    "NTK stays positive on the ball": ["ntk_stability"],
    "step below 2/β": ["descent_step"],
    "path inside the ball": ["containment_classical"],
    "ηΘ below the identity": ["containment_residual", "containment_displacement"],
    "σ(R) above the step's drift": ["containment_residual", "containment_displacement"],
    "residual pays for the path": ["containment_residual"],
    "σ(R) above the tail's drift": ["containment_displacement"],
    "residual pays for the tail": ["containment_displacement"],
    "zero loss near the centre": ["containment_residual"],
    "parameters inside the basin": ["containment_displacement"],
    "run inside the ball": ["enclosing_ball"],
    "NTK positive on the ball about c": ["feature_kernel", "neuron_budget", "neuron_budget_local"],
    "equal inputs, different targets": ["zero_loss_unreachable"],
}


def step_claims(name: str) -> list[str]:
    """Return the ids of the claims that a step of this name may cite; none for a name that this checker does not know."""
    return _STEP_CLAIMS.get(name.split(":")[0].rstrip("0123456789 "), [])


def _fraction(end: Any) -> Fraction:
    mantissa, exponent = end.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _decimal(value: Any, digits: int, rounding: str) -> str:
    if isinstance(value, arb):
        end = value.lower() if rounding == decimal.ROUND_FLOOR else value.upper()
        if not end.is_finite():
            return "−∞" if rounding == decimal.ROUND_FLOOR else "∞"
        value = _fraction(end)
    exact, context = Fraction(value), decimal.Context(digits, rounding, -(10**6), 10**6)
    number = context.divide(decimal.Decimal(exact.numerator), decimal.Decimal(exact.denominator))
    return str(number.normalize(context))


def at_least(value: Any, digits: int = _DIGITS) -> str:
    """Return a decimal no larger than any number in the ball, double or fraction `value`."""
    return _decimal(value, digits, decimal.ROUND_FLOOR)


def at_most(value: Any, digits: int = _DIGITS) -> str:
    """Return a decimal no smaller than any number in the ball, double or fraction `value`."""
    return _decimal(value, digits, decimal.ROUND_CEILING)


def below_one(rate: Any) -> str:
    """Return a decimal that is no smaller than `rate` and still below 1; `rate` is a ball that lies certainly below 1."""
    digits = _DIGITS
    while Fraction(at_most(rate, digits)) >= 1:
        digits += _DIGITS
    return at_most(rate, digits)


def _layer(index: int, layer: Any) -> str:
    scale = "" if layer.square == 1 else f"/√{layer.square}"
    affine = f"W_{index} h_{index - 1}{scale}" + (f" + b_{index}" if layer.biased else "")
    beta = f"(β = {_fraction(layer.beta)})" if layer.name == "softplus" else ""
    value = affine if layer.name == "identity" else f"{layer.name}{beta}({affine})"
    return f"h_{index} = {value} ∈ ℝ^{layer.fan_out}"


def subject(problem: Any) -> str:
    """Return the function, the data's size and the loss that a statement is about, layer by layer."""
    layers = "; ".join(_layer(index, layer) for index, layer in enumerate(problem.layers, 1))
    return (
        f"F(x) = h_{len(problem.layers)}, h_0 = x ∈ ℝ^{problem.layers[0].fan_in}; {layers}; all {len(problem.start)} parameters trained;"
        f" n = {problem.n} samples; Φ = (s/2)Σ‖F(x_i) − y_i‖² with s = {problem.s}"
    )
