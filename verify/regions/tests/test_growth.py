"""Growth, reach and rounding of one step, against torch's Hessians and against Arb at high precision."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.arrays import Ball, largest_eigenvalue
from verify.networks import DataSet, Network, Problem, kernel_of, linearise, read_data, read_network, residual_of
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent import enclosed_iterates as engines, growth as shadowing
from verify.regions.descent.arb import ArbDescent
from verify.regions.descent.enclosed_iterates import make_engine
from verify.regions.descent.float64 import Descent
from verify.regions.descent.growth import NormCache, curvature_bounds, growth_factor, reach, step_distance

Setting = tuple[torch.nn.Sequential, Network, DataSet]


def setting(widths: list[int], act: type[torch.nn.Module], bias: bool, ntk: bool, seed: int = 0) -> Setting:
    generator = torch.Generator().manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        if ntk:
            layers.append(verify.nn.NTKLinear(a, b, bias, generator=generator))
        else:
            linear = torch.nn.Linear(a, b, bias=bias, dtype=torch.float64)
            with torch.no_grad():
                for p in linear.parameters():
                    p.copy_(torch.randn(p.shape, dtype=torch.float64, generator=generator) / a**0.5)
            layers.append(linear)
        if i < len(widths) - 2:
            layers.append(act())
    model = torch.nn.Sequential(*layers)
    rng = np.random.default_rng(seed)
    network = read_network(model)
    return model, network, read_data(network, rng.standard_normal((6, widths[0])), rng.standard_normal((6, widths[-1])))


CASES = [
    ([3, 7, 1], torch.nn.Tanh, False, True),
    ([3, 6, 2], torch.nn.Sigmoid, True, True),
    ([2, 5, 4, 1], torch.nn.Tanh, True, True),
    ([2, 4, 4, 3, 2], torch.nn.Softplus, True, False),
]


def functional(model: torch.nn.Sequential, data: DataSet) -> Any:
    """Return θ ↦ F(θ) (N,) of the flat parameter vector in this package's order."""
    shapes = [p.shape for p in model.parameters()]
    names = [name for name, _ in model.named_parameters()]
    X = torch.as_tensor(data.X)

    def outputs(theta: torch.Tensor) -> torch.Tensor:
        parts = torch.split(theta, [s.numel() for s in shapes])
        values = {n: part.reshape(s) for n, part, s in zip(names, parts, shapes, strict=True)}
        result: torch.Tensor = torch.func.functional_call(model, values, (X,)).reshape(-1)
        return result

    return outputs


def weighted_hessian(model: torch.nn.Sequential, data: DataSet, theta: np.ndarray) -> np.ndarray:
    """Σ e_i∇²F_i at θ, by automatic differentiation."""
    outputs = functional(model, data)
    point = torch.as_tensor(theta)
    e = (outputs(point) - torch.as_tensor(data.y.ravel())).detach()
    hessian: torch.Tensor = torch.func.hessian(lambda t: (outputs(t) * e).sum())(point)
    return hessian.numpy()


def on_sphere(theta: np.ndarray, radius: float, seed: int) -> np.ndarray:
    u = np.random.default_rng(seed).standard_normal(theta.shape)
    return theta + u * (radius / np.linalg.norm(u))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("delta", [0.0, 1e-2])
def test_curvature_bounds_contain_the_hessians_of_the_ball(case: Any, delta: float) -> None:
    model, network, data = setting(*case)
    state = linearise(network, data.X)
    residual = residual_of(state, data.y)
    moved = reach(state, delta, NormCache()(network))
    negative, positive = curvature_bounds(state, moved, residual)
    theta = flatten(network)
    for seed in range(3):
        values = np.linalg.eigvalsh(weighted_hessian(model, data, on_sphere(theta, delta, seed)))
        assert -values[0] <= negative
        assert values[-1] <= positive
    # Tight: within a small factor at the centre for one hidden layer, and no worse than the plain norms below for more.
    if delta == 0.0:
        assert negative <= (3.0 if len(case[0]) == 3 else 30.0) * max(-values[0], 1e-3)


def test_a_growth_without_the_cross_terms_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # Mutant: the mixed blocks (w_r, v_r) dropped. The Hessian then exceeds the "bound".
    model, network, data = setting(*CASES[0])
    state = linearise(network, data.X)
    moved = reach(state, 0.0, NormCache()(network))
    residual = residual_of(state, data.y)
    truth = -np.linalg.eigvalsh(weighted_hessian(model, data, flatten(network)))[0]
    assert truth <= curvature_bounds(state, moved, residual)[0]
    original = shadowing._quadratic
    calls = iter(range(100))
    # The first call is the coupling, the second the diagonal blocks.
    monkeypatch.setattr(shadowing, "_quadratic", lambda k, c: original(k, c) * (next(calls) > 0))
    assert truth > curvature_bounds(state, moved, residual)[0]


@pytest.mark.parametrize("case", CASES)
def test_reach_contains_sampled_changes(case: Any) -> None:
    model, network, data = setting(*case)
    state = linearise(network, data.X)
    delta = 1e-2
    moved = reach(state, delta, NormCache()(network))
    outputs = functional(model, data)
    theta = flatten(network)
    jacobian = torch.func.jacrev(outputs)
    centre = jacobian(torch.as_tensor(theta)).numpy()
    start = outputs(torch.as_tensor(theta)).detach().numpy()
    for seed in range(6):
        other = torch.as_tensor(on_sphere(theta, delta, seed))
        assert np.linalg.norm(jacobian(other).numpy() - centre, 2) <= moved.jacobian
        change = outputs(other).detach().numpy() - start
        assert np.linalg.norm(change) <= moved.residual
    # The best direction for F is J's first singular vector: the bound is within a small factor of what it attains.
    direction = np.linalg.svd(centre)[2][0]
    worst = float(np.linalg.norm(outputs(torch.as_tensor(theta + delta * direction)).detach().numpy() - start))
    assert moved.residual <= 12.0 * worst


@pytest.mark.parametrize("case", CASES)
def test_growth_bounds_the_distance_of_two_trajectories(case: Any) -> None:
    # Two starts δ apart along the direction of most negative curvature: one step separates them by up to g·δ, and by more than δ.
    model, network, data = setting(*case)
    state = linearise(network, data.X)
    residual = residual_of(state, data.y)
    lr = Fraction(1, 8)
    delta = 1e-4
    top = float(largest_eigenvalue(kernel_of(state)).upper())
    moved = reach(state, delta, NormCache()(network))
    g = growth_factor(state, moved, residual, top, Ball(lr))
    theta = flatten(network)
    outputs = functional(model, data)
    y = torch.as_tensor(data.y.ravel())
    hessian = torch.func.hessian(lambda t: 0.5 * ((outputs(t) - y) ** 2).sum())(torch.as_tensor(theta)).numpy()
    values, vectors = np.linalg.eigh(hessian)
    descent = Descent(network, data, Fraction(1), lr)
    worst = 0.0
    for direction in (vectors[:, 0], vectors[:, -1]):
        a, _ = descent.step(theta)
        b, _ = descent.step(theta + delta * direction)
        ratio = float(np.linalg.norm(a - b)) / delta
        worst = max(worst, ratio)
        assert ratio <= g
    assert values[0] < 0.0
    assert worst > 1.0 + 1e-4, "the mutant g = 1 would not be caught by this setting"


@pytest.mark.parametrize("case", CASES)
def test_step_distance_contains_the_rounding_of_a_float_step(case: Any) -> None:
    _, network, data = setting(*case)
    problem = Problem(network, data, "mean", Fraction(1, 10))
    lr, s = problem.eta, problem.scale
    after, _ = Descent(network, data, s, lr).step(flatten(network))
    state = linearise(network, data.X)
    bound = step_distance(state, residual_of(state, data.y), with_parameters(network, after), lr, s)
    arb = ArbDescent(problem, 300)
    exact, spread = arb.midpoints(arb.step(arb.start()))
    doubles, distance = arb.doubles(exact)
    truth = float(np.linalg.norm(doubles - after))
    assert truth <= bound + distance + spread
    assert 0.0 < bound < 1e-12
    # A step with a wrong factor is told apart: the bound is about this step and no other.
    other, _ = Descent(network, data, s, lr * 2).step(flatten(network))
    assert step_distance(state, residual_of(state, data.y), with_parameters(network, other), lr, s) > 1e-4


def follow(method: str, bits: int, case: Any, steps: int) -> list[tuple[np.ndarray, float]]:
    _, network, data = setting(*case)
    lr, s = Fraction(1, 8), Fraction(1)
    engine = make_engine(method, bits, Problem(network, data, "sum", lr))
    norms = NormCache()
    found = [(engine.theta, engine.delta)]
    for _ in range(steps):
        here = with_parameters(network, engine.theta)
        state = linearise(here, data.X)
        residual = residual_of(state, data.y)
        growth = 1.0
        if engine.needs_growth:
            top = float(largest_eigenvalue(kernel_of(state)).upper())
            growth = growth_factor(state, reach(state, engine.delta, norms(here)), residual, top, Ball(lr * s))
        engine.advance(state, residual, growth)
        found.append((engine.theta, engine.delta))
    return found


@pytest.mark.parametrize("case", [CASES[0], CASES[2]])
def test_the_three_engines_enclose_the_same_iterates(case: Any) -> None:
    steps = 12
    truth = follow("arb", 400, case, steps)
    for method, bits, limit in (("shadow", 53, 1e-9), ("shadow-arb", 128, 1e-14)):
        for (theta, delta), (exact, slack) in zip(follow(method, bits, case, steps), truth, strict=True):
            assert np.linalg.norm(theta - exact) <= delta + slack
            assert delta <= limit


def test_a_shadow_without_its_rounding_term_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "step_distance", lambda *args: 0.0)
    truth = follow("arb", 400, CASES[0], 5)[-1]
    theta, delta = follow("shadow", 53, CASES[0], 5)[-1]
    assert delta < 1e-300
    assert np.linalg.norm(theta - truth[0]) > delta + truth[1]


def test_arb_state_survives_a_round_trip() -> None:
    _, network, data = setting(*CASES[1])
    arb = ArbDescent(Problem(network, data, "sum", Fraction(1, 3)), 200)
    points = arb.step(arb.start())
    again = arb.restore(arb.dump(points))
    for (w, b), (v, c) in zip(points, again, strict=True):
        for x, y in zip([*w.entries(), *b.entries()], [*v.entries(), *c.entries()], strict=True):
            assert y.contains(x)
            assert x.mid() == y.mid()
            assert y.rad() <= 1.001 * x.rad()
    # Deterministic: an engine that goes on from what it wrote and one that reads it agree bit for bit.
    assert str(arb.dump(again)) == str(arb.dump(arb.restore(arb.dump(points))))
