"""Graphs of layers beside torch's automatic differentiation: values, NTK, gradients; attacks on Δ_J and L_H; forgotten branches are caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from verify.arrays import Ball
from verify.arrays.upper import Upper
from verify.networks import Network, kernel_of, linearisation, linearise
from verify.networks.activations import activation_named
from verify.networks.arb_linearisation import linearise_in_arb
from verify.networks.curvature import Curvature
from verify.networks.layers import Activated, Flatten, Layer, Linear, Scale, Sum
from verify.networks.layers.kinks import Kinks
from verify.networks.layers.values import SensitivityChange, ValueChange
from verify.networks.linearisation import with_midpoints
from verify.networks.movement import Movement
from verify.networks.parameters import flatten, views, with_parameters

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "gelu": torch.nn.functional.gelu,
    "sine": torch.sin,
    "relu": torch.relu,
    "softsign": torch.nn.functional.softsign,
    "hardtanh": torch.nn.functional.hardtanh,
}


Chosen = dict[int, np.ndarray]


def torch_value(network: Network, X: np.ndarray, theta: torch.Tensor, chosen: Chosen | None = None) -> torch.Tensor:
    """F, layer by layer, by torch: (n·k,); the chosen units of ReLU layers have the derivative ½."""
    parts: dict[int, dict[str, torch.Tensor]] = {}
    at = 0
    for index in network.trained:
        layer = network.layers[index]
        assert isinstance(layer, Linear)
        parts[index] = {}
        for name in ("weight", "bias"):
            array = getattr(layer, name)
            if array is not None and name not in layer.frozen:
                parts[index][name] = theta[at : at + array.size].reshape(array.shape)
                at += array.size
    known: dict[int, torch.Tensor] = {-1: torch.from_numpy(X)}
    for index, layer in enumerate(network.layers):
        below = [known[source] for source in layer.inputs]
        if isinstance(layer, Linear):
            own = parts.get(index, {})
            bias = own.get("bias", None if layer.bias is None else torch.from_numpy(layer.bias))
            scale = layer.weight_scale / layer.inverse_square_scale**0.5
            z = below[0] @ own.get("weight", torch.from_numpy(layer.weight)).T * scale
            known[index] = z if bias is None else z + layer.bias_scale * bias
        elif isinstance(layer, Activated):
            value = FUNCTIONS[layer.function.name](below[0])
            if chosen and index in chosen:
                line = 0.5 * below[0]
                value = torch.where(torch.from_numpy(chosen[index]), line + (value - line).detach(), value)
            known[index] = value
        elif isinstance(layer, Sum):
            known[index] = torch.stack(below).sum(0)
        elif isinstance(layer, Scale):
            known[index] = layer.factor * below[0]
        else:
            known[index] = below[0]
    return known[len(network.layers) - 1].reshape(-1)


def jacobian(network: Network, X: np.ndarray, theta: np.ndarray, chosen: Chosen | None = None) -> np.ndarray:
    """J (n·k, p)."""
    value: torch.Tensor = torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
        lambda t: torch_value(network, X, t, chosen), torch.from_numpy(theta)
    )
    return value.numpy()


def random_graph(seed: int, *, smooth: bool = True) -> tuple[Network, np.ndarray]:
    """Layers that read random earlier ones; whatever nobody reads is added up before the last layer."""
    rng = np.random.default_rng(seed)
    d, width, k = (int(rng.integers(low, high)) for low, high in ((1, 4), (2, 5), (1, 3)))
    layers: list[Layer] = []

    def linear(m: int, fan_in: int, source: int, may_freeze: bool = True) -> Linear:
        bias = rng.standard_normal(m) if rng.random() < 0.7 else None
        names = ("weight",) if bias is None else ("weight", "bias")
        frozen = tuple(name for name in names if may_freeze and rng.random() < 0.2)
        scales = (1.0, 1.0) if rng.random() < 0.5 else (float(rng.uniform(0.3, 2.0)), float(rng.uniform(0.1, 3.0)))
        return Linear(
            rng.standard_normal((m, fan_in)), bias, int(rng.choice([1, fan_in])), (source,), frozen, None, *scales
        )

    layers.append(linear(width, d, -1))
    for _ in range(int(rng.integers(3, 8))):
        source, kind = (
            int(rng.integers(0, len(layers))),
            rng.choice(["linear", "activation", "activation", "sum", "scale", "flatten"]),
        )
        if kind == "linear":
            layers.append(linear(width, width, source))
        elif kind == "activation":
            name = str(rng.choice(["tanh", "gelu", "sine", "softsign"] if smooth else ["relu", "tanh", "hardtanh"]))
            layers.append(Activated(activation_named(name), (source,)))
        elif kind == "sum":
            layers.append(Sum((source, int(rng.integers(0, len(layers))))))
        else:
            layers.append(Scale(float(rng.standard_normal()), (source,)) if kind == "scale" else Flatten((source,)))
    read = {source for layer in layers for source in layer.inputs}
    loose = tuple(index for index in range(len(layers)) if index not in read)
    if len(loose) > 1:
        layers.append(Sum(loose))
    layers.append(linear(k, width, len(layers) - 1, may_freeze=False))
    return Network(tuple(layers), (d,)), rng.standard_normal((int(rng.integers(1, 5)), d))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("lin", [linearise, linearise_in_arb])
def test_random_graphs_agree_with_automatic_differentiation(seed: int, lin: Any) -> None:
    network, X = random_graph(seed)
    theta, state = flatten(network), lin(network, X)
    J = jacobian(network, X, theta)
    assert J.shape[1] == network.parameters
    kernel, gram = kernel_of(state), J @ J.T
    size = np.abs(gram).max()
    assert (np.abs(kernel.mid - gram) <= kernel.rad + 1e-12 * size).all()
    assert kernel.rad.max() <= 1e-8 * size
    outputs = torch_value(network, X, torch.from_numpy(theta)).numpy()
    assert (np.abs(state.F.mid.reshape(-1) - outputs) <= state.F.rad.reshape(-1) + 1e-12 * np.abs(outputs).max()).all()
    weights = np.linspace(-1.0, 1.0, len(outputs))
    gradient = np.concatenate([part.mid.ravel() for part in state.gradient(Ball(weights))])
    assert np.allclose(gradient, J.T @ weights, rtol=1e-9, atol=1e-9 * size)
    assert [a.shape for parts in views(network, theta) for a in parts.values()] == [
        a.shape for layer in network.trainable() for a in layer.trained.values()
    ]


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_no_point_of_the_ball_moves_the_jacobian_further(seed: int, smooth: bool) -> None:
    """Random directions, then ascent: the direction in which the change's largest singular pair grows, by differences."""
    network, X = random_graph(100 + seed, smooth=smooth)
    centre, rng = flatten(network), np.random.default_rng(seed)
    bound, here = Movement(linearise(network, X)), jacobian(network, X, flatten(network))
    for radius in (1e-3, 0.1, 1.0):
        allowed = float(bound.jacobian(np.array([radius]))[0])
        best, move = -1.0, np.zeros(centre.size)
        for trial in range(30):
            step = rng.standard_normal(centre.size)
            candidate = move + (0.3 if trial > 10 else 10.0) * radius * step / np.linalg.norm(step)
            candidate *= radius / np.linalg.norm(candidate)
            change = float(np.linalg.norm(jacobian(network, X, centre + candidate) - here, 2))
            if change > best:
                best, move = change, candidate
        assert best <= allowed * (1.0 + 1e-9) + 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_no_point_moves_the_jacobian_further_from_the_one_with_mean_slopes(seed: int) -> None:
    network, X = random_graph(300 + seed, smooth=False)
    centre, rng, plain = flatten(network), np.random.default_rng(seed), linearise(network, X)
    for radius in (0.05, 0.5):
        near = Movement(plain).crossing(radius)
        chosen = {index: mask & (rng.random(mask.shape) < 0.7) for index, mask in near.items()}
        state = with_midpoints(plain, chosen)
        here = jacobian(network, X, centre, chosen)
        kernel = kernel_of(state)
        assert (np.abs(kernel.mid - here @ here.T) <= kernel.rad + 1e-12 * np.abs(kernel.mid).max()).all()
        allowed, best, move = float(Movement(state).jacobian(np.array([radius]))[0]), -1.0, np.zeros(centre.size)
        for trial in range(40):
            step = rng.standard_normal(centre.size)
            candidate = move + (0.5 if trial > 15 else 10.0) * radius * step / np.linalg.norm(step)
            candidate *= radius / np.linalg.norm(candidate)
            change = float(np.linalg.norm(jacobian(network, X, centre + candidate) - here, 2))
            if change > best:
                best, move = change, candidate
        assert best <= allowed * (1.0 + 1e-9) + 1e-12


def _two_units() -> tuple[Network, np.ndarray]:
    """F = relu(w1) + relu(w2)/100 with fixed outer weights, about (1, 0)."""
    first = Linear(np.array([[1.0], [0.0]]), None)
    last = Linear(np.array([[1.0, 0.01]]), None, 1, (1,), ("weight",))
    return Network((first, Activated(activation_named("relu"), (0,)), last), (1,)), np.ones((1, 1))


def test_a_kink_moves_the_jacobian_by_its_jump_and_from_the_mean_by_half() -> None:
    network, X = _two_units()
    state = linearise(network, X)
    assert 0.01 <= Movement(state).jacobian(np.array([0.75]))[0] <= 0.01 * (1.0 + 1e-9)
    middle = with_midpoints(state, {1: np.array([[False, True]])})
    assert kernel_of(middle).contains([[1.0 + 0.005**2]])
    assert 0.005 <= Movement(middle).jacobian(np.array([0.75]))[0] <= 0.005 * (1.0 + 1e-9)
    assert Curvature(state)(0.75) == np.inf


def test_jumps_of_different_samples_add_up_only_within_a_unit() -> None:
    """Each sample flips a unit of its own: ‖ΔJ‖ is one jump, not √n of them; in one unit with one input it is √n."""
    n, near = 4, 1e-3
    one, eye = np.ones((1, n)), np.eye(n)
    last = Linear(one, None, 1, (1,), ("weight",))
    relu = Activated(activation_named("relu"), (0,))
    apart = Network((Linear(np.where(eye > 0, near, -9.0), None), relu, last), (n,))
    assert 1.0 <= Movement(linearise(apart, eye)).jacobian(np.array([0.01]))[0] <= 1.0 + 1e-9
    single = Network(
        (Linear(near * np.ones((1, 1)), None), relu, Linear(np.ones((1, 1)), None, 1, (1,), ("weight",))), (1,)
    )
    bound = Movement(linearise(single, np.ones((n, 1)))).jacobian(np.array([0.01]))[0]
    assert n**0.5 <= bound <= n**0.5 * (1.0 + 1e-9)


@pytest.mark.parametrize("fault", ["kinks forgotten", "pairs of samples forgotten", "full jump at a mean slope"])
def test_a_forgotten_jump_falls_below_what_a_kink_does(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, X, least, chosen = *_two_units(), 0.01, np.array([[False, False]])
    if fault == "kinks forgotten":
        monkeypatch.setattr(Kinks, "largest_jump", lambda kinks, reach: Upper(np.zeros(reach.shape)))
    elif fault == "pairs of samples forgotten":
        monkeypatch.setattr(
            Linear, "pairs_norm", lambda layer, saved, gains, reach: float(np.sqrt((gains**2).sum() / 4))
        )
    else:
        # Declared outside the reach of the ball, the unit with the mean slope would be free of charge.
        chosen, least = np.array([[False, True]]), 0.005
        monkeypatch.setattr(Kinks, "largest_jump", lambda kinks, reach: Upper(np.zeros(reach.shape)))
    state = with_midpoints(linearise(network, X), {1: chosen})
    assert Movement(state).jacobian(np.array([0.75]))[0] < least


def derivative(function: Any, at: torch.Tensor, along: torch.Tensor, differentiable: bool = False) -> torch.Tensor:
    """The directional derivative."""
    found: torch.Tensor = torch.autograd.functional.jvp(function, at, along, create_graph=differentiable)[1]  # type: ignore[no-untyped-call]
    return found


@pytest.mark.parametrize("seed", range(8))
def test_no_second_derivative_on_the_ball_is_larger(seed: int) -> None:
    network, X = random_graph(200 + seed)
    centre, rng, radius = flatten(network), np.random.default_rng(seed), 0.2
    allowed = Curvature(linearise(network, X))(radius)

    def value(theta: torch.Tensor) -> torch.Tensor:
        return torch_value(network, X, theta)

    for _ in range(4):
        away = rng.standard_normal(centre.size)
        point = torch.from_numpy(centre + radius * rng.random() * away / np.linalg.norm(away))
        u = torch.from_numpy(rng.standard_normal(centre.size))
        for _ in range(8):
            u = u / u.norm()
            second = derivative(lambda t, u=u: derivative(value, t, u, True), point, u)
            assert float(second.norm()) <= allowed * (1.0 + 1e-9)
            # Power iteration on the form ⟨D²F[u, u]/‖·‖, D²F[·, u]⟩.
            point_ = point.clone().requires_grad_()
            first = derivative(value, point_, u, True)
            # 0·θ: a network may be linear in θ.
            (after,) = torch.autograd.grad((first * second.detach()).sum() + 0.0 * point_.sum(), point_)
            u = after + 1e-9


def _doubled() -> tuple[Network, np.ndarray]:
    """F = v·(h + h), h = u·x: D²F = 2x on the pair (u, v), so ‖D²F‖ = 2|x|, attained."""
    one = np.ones((1, 1))
    return Network((Linear(one, None), Sum((0, 0)), Linear(one, None, 1, (1,))), (1,)), 3.0 * one


def _branches() -> tuple[Network, np.ndarray]:
    """F = v·(h + 1·h), the second branch through a scale."""
    one = np.ones((1, 1))
    return Network((Linear(one, None), Scale(1.0, (0,)), Sum((0, 1)), Linear(one, None, 1, (2,))), (1,)), 3.0 * one


@pytest.mark.parametrize("make", [_doubled, _branches])
def test_the_bound_is_attained_across_a_skip_connection(make: Any) -> None:
    network, X = make()
    assert 6.0 <= Curvature(linearise(network, X))(0.0) <= 6.0 * (1.0 + 1e-10)
    assert kernel_of(linearise(network, X)).contains([[2.0 * 2.0 * 9.0 * 2.0]])


def _first_moved(layer: Sum, norms: Any, r: Any, *below: ValueChange) -> ValueChange:
    return below[0]


def _forgetful(one: SensitivityChange, other: SensitivityChange) -> SensitivityChange:
    return other


@pytest.mark.parametrize("make", [_doubled, _branches])
@pytest.mark.parametrize("fault", ["a branch forgotten in x", "a consumer forgotten in y"])
def test_a_forgotten_branch_falls_below_the_second_derivative(
    make: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, X = make()
    if fault == "a branch forgotten in x":
        monkeypatch.setattr(Sum, "moved", _first_moved)
    else:
        monkeypatch.setattr(SensitivityChange, "__add__", _forgetful)
    assert Curvature(linearise(network, X))(0.0) < 6.0


@pytest.mark.parametrize("fault", ["a consumer forgotten in G", "a term forgotten in the NTK", "a summand forgotten"])
def test_a_forgotten_branch_is_seen_beside_automatic_differentiation(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, X = _branches()
    J = jacobian(network, X, flatten(network))
    if fault == "a consumer forgotten in G":
        monkeypatch.setattr(linearisation, "_added", lambda one, other: other)
    elif fault == "a summand forgotten":
        monkeypatch.setattr(Sum, "value", lambda layer, *below: (below[0], None))
    state = linearise(network, X)
    if fault == "a term forgotten in the NTK":
        network.__dict__["trained"] = (0,)
    assert not kernel_of(state).contains(J @ J.T)


def test_a_frozen_parameter_is_no_part_of_theta_nor_of_any_bound() -> None:
    one = np.ones((1, 1))
    free = Network((Linear(one, None), Linear(one, one[0], 1, (0,))), (1,))
    held = Network((Linear(one, None), Linear(one, one[0], 1, (0,), ("weight",))), (1,))
    assert (free.parameters, held.parameters) == (3, 2)
    assert "2 of 3 parameters trained" in held.describe()
    assert with_parameters(held, np.array([2.0, 5.0])).architecture() == held.architecture()
    X = 3.0 * one
    assert kernel_of(linearise(held, X)).contains([[9.0 + 1.0]])
    # F = w·u·x + b with w held is linear in (u, b): nothing bends.
    assert Curvature(linearise(held, X))(1.0) == 0.0
    assert Movement(linearise(held, X)).jacobian(np.array([1.0]))[0] <= 1e-150
    assert Curvature(linearise(free, X))(1.0) >= 3.0
