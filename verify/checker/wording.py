"""What an accepted certificate stands for, in words: decimals rounded to the side that stays true, and the function F.

Every word of a statement is chosen here from recomputed numbers and validated fields; no text of the file is repeated.
"""

from __future__ import annotations

import decimal
from fractions import Fraction
from typing import Any

from flint import arb

__all__ = ["EXACT", "STATED", "at_least", "at_most", "below_one", "stated", "step_claims", "subject"]

# Constants that a statement of each scope is made of.
STATED = {
    "point": "lambda0 mu",
    "ball": "radius mu rate",
    "run": "radius mu rate handover_step",
    "exact": "radius mu rate handover_step",
    "basin": "radius mu rate basin_radius zero_loss_distance distance_over_radius",
    "region": "region_radius region_mu region_rate",
}

# The same for a descent that is not full-batch gradient descent, by claim; and what a scope adds.
_BY_CLAIM = {
    "minibatch_any_order": "radius mu rate loss_bound lr_largest",
    "minibatch_with_replacement": "radius mu rate loss_bound lr_largest exit_probability",
    "momentum_descent": "radius mu rate loss_bound lr_largest",
}
_BY_SCOPE = {"ball": "", "run": "handover_step", "basin": "basin_radius distance_over_radius"}

EXACT = (
    "lr",
    "lr_largest",
    "radius",
    "outer_radius",
    "basin_radius",
    "zero_loss_distance",
    "start_radius",
    "handover_step",
    "handover_radius",
)
"""Constants that are chosen numbers: stored as they are, since reports and figures quote them as one number."""

_DIGITS = 8

# Name of a step → the claims that it may belong to; numbers at the end of a name are left out.
_STEP_CLAIMS = {
    "NTK positive": ["pl_from_ntk"],
    "NTK positive at step": ["pl_from_ntk"],
    "NTK positive at every iterate": ["pl_from_ntk"],
    "decrease from step": ["recorded_decrease"],
    "decrease at every step": ["recorded_decrease"],
    "NTK positive at the centre": ["ntk_positive"],
    "J_c has full rank": ["containment_residual_relu"],
    "NTK stays positive on the ball": ["ntk_stability"],
    "step below 2/β": ["descent_step"],
    "path inside the ball": ["containment_classical"],
    "ηΘ below the identity": ["containment_residual", "containment_residual_relu", "containment_displacement"],
    "σ(R) above the step's drift": ["containment_residual", "containment_residual_relu", "containment_displacement"],
    "ηΘ below twice the identity": ["containment_residual_long", "containment_displacement_long"],
    "γσ(R) above the step's drift": ["containment_residual_long", "containment_displacement_long"],
    "residual pays for the path": ["containment_residual", "containment_residual_long", "containment_residual_relu"],
    "σ(R) above the tail's drift": ["containment_displacement"],
    "γσ(R) above the tail's drift": ["containment_displacement_long"],
    "residual pays for the tail": [
        "containment_displacement",
        "containment_displacement_long",
        "containment_residual_relu",
    ],
    "zero loss near the centre": ["containment_residual", "containment_residual_long", "containment_residual_relu"],
    "parameters inside the basin": ["containment_displacement", "containment_residual_relu", "zero_loss_nearby"],
    "step below 2/‖J_b‖²": ["minibatch_any_order", "minibatch_with_replacement"],
    "drift within an epoch": ["minibatch_epoch"],
    "growth within an epoch": ["minibatch_epoch"],
    "an epoch brings the iterate nearer": ["minibatch_any_order"],
    "epochs inside the ball": ["minibatch_any_order"],
    "exact fits near the smaller ball": ["zero_loss_nearby"],
    "a draw brings the iterate nearer": ["minibatch_with_replacement"],
    "room in the smaller ball": ["minibatch_with_replacement"],
    "no draw leaves at first": ["minibatch_with_replacement"],
    "iterates hardly ever leave the ball": ["minibatch_with_replacement"],
    "buffer forgets faster": ["momentum_descent"],
    "perturbation is absorbed": ["momentum_descent"],
    "path with momentum inside the ball": ["momentum_descent"],
    "NTK positive for every start": ["pl_from_ntk"],
    "residual falls for every start": ["start_ball"],
    "run inside the ball": ["enclosing_ball"],
    "NTK positive on the ball about c": ["feature_kernel", "neuron_budget", "neuron_budget_local"],
    "equal inputs, different targets": ["zero_loss_unreachable"],
}


def stated(scope: str, claim: str) -> str:
    """Return the names of the constants that a statement is made of, with spaces between."""
    return f"{_BY_CLAIM[claim]} {_BY_SCOPE[scope]}" if claim in _BY_CLAIM else STATED[scope]


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
    """Return a decimal that is no smaller than `rate`, a ball, and still below 1; "1" at a precision that does not decide it, where nothing is accepted."""
    if not rate < 1:
        return "1"
    digits = _DIGITS
    while Fraction(at_most(rate, digits)) >= 1:
        digits += _DIGITS
    return at_most(rate, digits)


def _affine(layer: Any, index: int, source: str) -> str:
    square = layer.squares[0]
    scale = "" if square == 1 or len(layer.squares) > 1 else f"/√{square if square == int(square) else f'({square})'}"
    times = " " if layer.dense else " ∗ "
    if layer.kind == "batch_norm":
        plain = not any(layer.means) and all(square == 1 for square in layer.squares)
        times, source = " ", source if plain else f"({source} − mean)/√(variance + eps)"
    return f"W_{index}{times}{source}{scale}" + (
        f" + {'' if layer.last == 1.0 else f'{Fraction(layer.last)}·'}b_{index}" if layer.bias is not None else ""
    )


def _activation(name: str, beta: Any, argument: str) -> str:
    given = {"softplus": "β", "leaky_relu": "slope below 0", "celu": "α"}.get(name)
    return argument if name == "identity" else f"{name}{f'({given} = {_fraction(beta)})' if given else ''}({argument})"


def _pair(problem: Any, index: int, pair: Any) -> str:
    layer = problem.layers[pair.affine]
    name, beta = problem.activation(pair)
    value = _activation(name, beta, _affine(layer, index, f"h_{index - 1}"))
    return f"h_{index} = {value} ∈ ℝ^{layer.size}"


def _space(shape: tuple[int, ...]) -> str:
    return f"ℝ^{shape[0]}" if len(shape) == 1 else f"ℝ^({'×'.join(map(str, shape))})"


def _node(index: int, layer: Any) -> str:
    """Return one layer of a graph, h_index; the layers read are named by their own numbers."""
    sources = [f"h_{u + 1}" for u in layer.inputs]
    if hasattr(layer, "weight"):
        value = _affine(layer, index, sources[0])
    elif hasattr(layer, "name"):
        value = _activation(layer.name, layer.beta, sources[0])
    else:
        value = " + ".join(sources) if layer.kind == "sum" else f"{layer.kind}({sources[0]})"
    return f"h_{index} = {value}{f' [{layer.about}]' if layer.about else ''} ∈ {_space(layer.shape)}"


def subject(problem: Any) -> str:
    """Return the function, the data's size and the loss that a statement is about, layer by layer."""
    chain, moving = problem.chain, len(problem.start)
    if chain is not None:
        layers, depth = [_pair(problem, index, pair) for index, pair in enumerate(chain, 1)], len(chain)
    else:
        layers, depth = [_node(index, layer) for index, layer in enumerate(problem.layers, 1)], len(problem.layers)
    whole = moving == problem.held
    parts = (
        f"all {moving} parameters trained"
        if whole
        else f"{moving} of {problem.held} parameters trained, the others fixed"
    )
    return (
        f"F(x) = h_{depth}, h_0 = x ∈ {_space(problem.shape)}; {'; '.join(layers)}; {parts};"
        f" n = {problem.n} samples; Φ = (s/2)Σ‖F(x_i) − y_i‖² with s = {problem.s}"
    )
