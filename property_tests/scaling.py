"""Symmetries of the problem and how the constants must transform under them.

Enclosures of one number must overlap. The bounds (upper or lower estimates, not enclosures) that a symmetry leaves unchanged
as formulas may differ in the last bits, so those are compared to one part in 10⁹: a statement about the code's formula, not
about a bound's truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

import verify
from property_tests.claims import Violation
from property_tests.draws import TrainingProblem, module_of
from property_tests.reference import LayerSpec
from property_tests.strategies import architectures, inputs, near_problems
from property_tests.trajectories import round_trip
from verify.networks import read_network
from verify.networks.curvature import Curvature
from verify.networks.linearisation import linearise

__all__ = ["LAWS", "ScalingDraw", "check_scaling", "scaling_draws"]

LAWS = ("permuted samples", "permuted neurons", "loss scale", "duplicated outputs", "parametrisation")


@dataclass(frozen=True)
class ScalingDraw:
    """A problem and the law to test on it; `exponent` is the one the law is stated with (1; twins use another)."""

    law: str
    problem: TrainingProblem
    seed: int = 0
    exponent: int = 1


@st.composite
def scaling_draws(draw: st.DrawFn, laws: Sequence[str] = LAWS) -> ScalingDraw:
    """Draw a law and a small problem to which it applies."""
    law = draw(st.sampled_from(list(laws)))
    problem = draw(near_problems(max_width=8, max_parameters=100))
    arch = problem.architecture
    if law == "duplicated outputs":
        arch = replace(draw(architectures(depths=(2, 4), max_width=8, outputs=(1, 1))), output_activation="identity")
    elif law == "permuted neurons":
        arch = draw(architectures(depths=(2, 4), max_width=8))
    elif law == "parametrisation":
        depth = draw(st.integers(1, 4))
        k = draw(st.integers(1, 2))
        arch = replace(
            arch, widths=(*(4,) * depth, k), activations=("tanh",) * (depth - 1), bias=False, parametrisation="ntk"
        )
    if law == "loss scale" and problem.step is None:
        problem = replace(problem, step=Fraction(1, 2))
    if arch != problem.architecture:
        problem = replace(problem, architecture=arch, inputs=draw(inputs(max_n=4)))
    return ScalingDraw(law, problem, draw(st.integers(0, 999)))


def _overlap(name: str, a: Any, b: Any) -> None:
    """Two enclosures of the same real array must intersect in every entry."""
    apart = (np.asarray(a.lower()) > np.asarray(b.upper())) | (np.asarray(b.lower()) > np.asarray(a.upper()))
    if apart.any():
        raise Violation(f"{name}: enclosures {a} and {b} of the same numbers are disjoint")


def _close(name: str, a: float, b: float) -> None:
    if not abs(a - b) <= 1e-9 * max(abs(a), abs(b)):
        raise Violation(f"{name}: {a} and {b} should be equal up to rounding")


def _curvature(model: Any, X: np.ndarray) -> float:
    return Curvature(linearise(read_network(model), X))(0.5)


def _certify(problem: TrainingProblem, **changes: Any) -> Any:
    arguments = {"loss": problem.loss, "radius": problem.radius, **changes}
    return verify.certify(problem.model, problem.X, problem.y, **arguments)


def check_scaling(draw: ScalingDraw) -> str:
    """Check one law on one draw; return the verdict of the ball certificate involved ('held' where there is none).

    Raises:
        Violation: the constants do not transform as they must.
    """
    problem, rng = draw.problem, np.random.default_rng(draw.seed)
    if draw.law == "permuted samples":
        return _permuted_samples(problem, rng)
    if draw.law == "permuted neurons":
        _permuted_neurons(problem, rng)
    elif draw.law == "loss scale":
        return _loss_scale(problem, draw.exponent)
    elif draw.law == "duplicated outputs":
        _duplicated_outputs(problem, draw.exponent)
    else:
        _parametrisation(problem, draw.exponent)
    return "held"


def _permuted_samples(problem: TrainingProblem, rng: np.random.Generator) -> str:
    order = rng.permutation(problem.inputs.n)
    k = problem.architecture.widths[-1]
    rows = (order[:, None] * k + np.arange(k)).ravel()
    kernel = verify.ntk(problem.model, problem.X)
    permuted = verify.ntk(problem.model, problem.X[order])
    _overlap("permuted samples, NTK", kernel[np.ix_(rows, rows)], permuted)
    before = _certify(problem)
    after = verify.certify(problem.model, problem.X[order], problem.y[order], loss=problem.loss, radius=problem.radius)
    # Inputs in one dimension may coincide; contradictory labels are then refuted in any order.
    if "REFUTED" in (before.verdict, after.verdict) and before.verdict != after.verdict:
        raise Violation(f"permuted samples: {before.verdict} before, {after.verdict} after")
    for certificate in (before, after):
        round_trip(certificate, accept=certificate.verdict != "INCONCLUSIVE")
    for name in {"lambda0", "loss0", "residual0"} & set(before.constants) & set(after.constants):
        _overlap(f"permuted samples, {name}", before.constants[name], after.constants[name])
    _close("permuted samples, L_H", _curvature(problem.model, problem.X), _curvature(problem.model, problem.X[order]))
    return str(before.verdict)


def _permuted_neurons(problem: TrainingProblem, rng: np.random.Generator) -> None:
    specs = problem.architecture.layers()
    at = int(rng.integers(0, len(specs) - 1))
    order = rng.permutation(specs[at].weight.shape[0])
    bias = specs[at].bias
    specs[at] = replace(specs[at], weight=specs[at].weight[order], bias=None if bias is None else bias[order])
    specs[at + 1] = replace(specs[at + 1], weight=specs[at + 1].weight[:, order])
    other = module_of(specs)
    _overlap("permuted neurons, NTK", verify.ntk(problem.model, problem.X), verify.ntk(other, problem.X))
    _overlap(
        "permuted neurons, loss",
        verify.loss(problem.model, problem.X, problem.y),
        verify.loss(other, problem.X, problem.y),
    )
    _close("permuted neurons, L_H", _curvature(problem.model, problem.X), _curvature(other, problem.X))


def _loss_scale(problem: TrainingProblem, exponent: int) -> str:
    """Φ_mean = Φ_sum/n: the same iterates with n·lr, μ and β divided by n, radius and rate unchanged."""
    n = problem.inputs.n
    first = _certify(problem, loss="sum")
    if first.verdict != "PROVED" or problem.step is None:
        return str(first.verdict)
    # Off the round fractions of the bound: at η = 1/β both criteria may hold with equality, and which of them is certain would
    # hang on the rounding of 1/n.
    lr = problem.step * Fraction(float(first.constants["step_bound"].lower())) * Fraction(997, 1000)
    total = _certify(problem, loss="sum", lr=lr)
    mean = _certify(problem, loss="mean", lr=lr * n)
    if total.verdict != mean.verdict:
        raise Violation(
            f"loss scale: {total.verdict} with lr={lr}, loss='sum', but {mean.verdict} with n·lr, loss='mean'"
        )
    for certificate in (total, mean):
        round_trip(certificate, accept=certificate.verdict == "PROVED")
    factor = float(n) ** exponent
    for name in ("mu", "smoothness"):
        if name in total.constants and name in mean.constants:
            _close(f"loss scale, {name}", float(total.constants[name].mid), factor * float(mean.constants[name].mid))
    for name in ("rate", "radius", "path_length", "lambda_region"):
        if name in total.constants and name in mean.constants:
            _close(f"loss scale, {name}", float(total.constants[name].mid), float(mean.constants[name].mid))
    return str(total.verdict)


def _duplicated_outputs(problem: TrainingProblem, exponent: int) -> None:
    """Two equal outputs: with Θ = Θ_hidden + Θ_last, Θ' has blocks Θ (equal outputs) and Θ_hidden (different ones); Φ doubles."""
    specs = problem.architecture.layers()
    last = specs[-1]
    bias = None if last.bias is None else np.tile(last.bias, 2)
    doubled = module_of([*specs[:-1], replace(last, weight=np.tile(last.weight, (2, 1)), bias=bias)])
    one = verify.ntk(problem.model, problem.X)
    two = verify.ntk(doubled, problem.X)
    same, other, crossed = two[::2, ::2], two[1::2, 1::2], two[::2, 1::2]
    _overlap("duplicated outputs, first", one, same)
    _overlap("duplicated outputs, second", one, other)
    features = _features(specs, problem.X)
    _overlap("duplicated outputs, crossed", one - features, crossed)
    y2 = np.repeat(problem.y, 2, axis=1)
    single = verify.loss(problem.model, problem.X, problem.y)
    _overlap("duplicated outputs, loss", single * float(2**exponent), verify.loss(doubled, problem.X, y2))


def _features(specs: Sequence[LayerSpec], X: np.ndarray) -> Any:
    """The last layer's own share of the NTK, from a network without the earlier layers' gradients: s²HHᵀ (+ 1)."""
    from verify.arrays import gram

    state = linearise(read_network(module_of(list(specs))), X)
    return gram(state.A[-1])


def _parametrisation(problem: TrainingProblem, exponent: int) -> None:
    """Fan-in 4 everywhere, no bias: NTK weights W and PyTorch weights W/2 give the same F, and Θ_ntk = Θ_pytorch/4."""
    specs = problem.architecture.layers()
    plain = module_of([LayerSpec(spec.weight / 2.0, None, 1, spec.activation) for spec in specs])
    _overlap(
        "parametrisation, loss",
        verify.loss(problem.model, problem.X, problem.y),
        verify.loss(plain, problem.X, problem.y),
    )
    ntk = verify.ntk(problem.model, problem.X)
    _overlap("parametrisation, NTK", ntk * float(4**exponent), verify.ntk(plain, problem.X))
