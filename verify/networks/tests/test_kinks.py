"""ReLU, LeakyReLU, Hardtanh, ReLU6: enclosures at and around kinks, and L_H, finite on exactly the balls on which no unit meets one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from verify.arrays import Ball, Rows
from verify.networks import Network, Pair, chain, curvature, linearise
from verify.networks.activations import IDENTITY, Activation, activation_named
from verify.networks.curvature import Curvature
from verify.networks.layers import norms
from verify.networks.neurons import NeuronBudget
from verify.networks.parameters import flatten, with_parameters

RELU = activation_named("relu")
LEAKY = activation_named("leaky_relu", {"negative_slope": 0.1})
STEEP = activation_named("leaky_relu", {"negative_slope": 3.0})
HARD = activation_named("hardtanh")
SIX = activation_named("relu6")
BESIDE_ZERO = pytest.mark.parametrize("activation", [RELU, LEAKY, STEEP], ids=lambda a: f"{a.name}{dict(a.parameters)}")
KINKED = pytest.mark.parametrize(
    "activation", [RELU, LEAKY, STEEP, HARD, SIX], ids=lambda a: f"{a.name}{dict(a.parameters)}"
)


def _net(sizes: tuple[int, ...], activation: Activation, seed: int, bias: bool = True) -> Network:
    rng, layers = np.random.default_rng(seed), []
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        last = index == len(sizes) - 2
        b = rng.standard_normal(fan_out) if bias else None
        layers.append(Pair(rng.standard_normal((fan_out, fan_in)), b, fan_in, IDENTITY if last else activation))
    return chain(tuple(layers))


def _inputs(n: int, d: int, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def _jacobian(network: Network, X: np.ndarray) -> np.ndarray:
    """The back-propagated Jacobian (N, p) in float64, from the definition, one parameter's column at a time."""
    columns = []
    for index, layer in enumerate(network.chain):
        for array in (layer.weight, layer.bias):
            for place in [] if array is None else np.ndindex(array.shape):
                columns.append(_derivative(network, X, index, array is layer.bias, place))
    return np.stack(columns, axis=1)


def _value_and_slope(activation: Activation, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the definition."""
    if activation.name in ("hardtanh", "relu6"):
        low, high = (-1.0, 1.0) if activation.name == "hardtanh" else (0.0, 6.0)
        return np.clip(z, low, high), np.where((z > low) & (z < high), 1.0, 0.0)
    slope = (
        1.0
        if activation.is_identity
        else np.where(z > 0.0, 1.0, dict(activation.parameters).get("negative_slope", 0.0))
    )
    return slope * z, slope * np.ones_like(z)


def _derivative(network: Network, X: np.ndarray, index: int, in_bias: bool, place: Any) -> np.ndarray:
    """∂F/∂θ for one entry of one layer's weight or bias, carried forwards."""
    h, tangent = X, np.zeros_like(X)
    for at, layer in enumerate(network.chain):
        scale = layer.inverse_square_scale**-0.5
        z, dz = scale * h @ layer.weight.T, scale * tangent @ layer.weight.T
        if layer.bias is not None:
            z = z + layer.bias
        if at == index:
            dz[:, place[0]] += 1.0 if in_bias else scale * h[:, place[1]]
        h, slope = _value_and_slope(layer.activation, z)
        tangent = slope * dz
    return tangent.ravel()


@BESIDE_ZERO
def test_enclosures_contain_the_function_and_every_slope_the_ball_meets(activation: Activation) -> None:
    below, above = activation.pieces.slopes if activation.pieces else (0.0, 0.0)
    z = Ball(np.array([2.0, -3.0, 0.0, 0.1, -0.1, 0.0]), np.array([0.0, 0.5, 0.0, 0.2, 0.2, np.inf]))
    value, slope, bend = (activation(z, order) for order in range(3))
    for index, (mid, rad) in enumerate(zip(z.mid, np.minimum(z.rad, 1e6), strict=True)):
        for t in np.linspace(mid - rad, mid + rad, 11):
            assert value[index].contains(t if t > 0 else 0.0 if below == 0.0 else (Ball(below) * Ball(t)).mid)
            assert slope[index].contains(above if t > 0 else below)
    assert slope[2].contains(below)
    assert slope[2].contains(above)
    assert slope.rad[:2].tolist() == [0.0, 0.0]
    assert not np.isfinite(bend.rad[2])
    assert bend.rad[0] == 0.0


@BESIDE_ZERO
def test_rows_keep_exact_slopes_where_the_sign_is_certain_and_both_where_it_is_not(activation: Activation) -> None:
    below, above = activation.pieces.slopes if activation.pieces else (0.0, 0.0)
    rows = Rows(np.array([[1.0, -1.0], [0.05, -2.0]]), np.array([0.1, 0.1]), np.array([0.1, 0.1]))
    value, slope = activation.rows(rows)
    assert slope.err[0] == 0.0
    assert slope.mid[0].tolist() == [above, below]
    entries = slope.ball()
    assert entries[1, 0].contains(above)
    assert entries[1, 0].contains(below)
    assert value.ball()[1, 0].contains(0.15)
    assert value.ball()[1, 0].contains(-0.05 * below)


@pytest.mark.parametrize("activation", [HARD, SIX], ids=lambda a: a.name)
def test_two_kinks_each_count(activation: Activation) -> None:
    low, high = (-1.0, 1.0) if activation is HARD else (0.0, 6.0)
    mids = np.array([low, high, 0.5, low - 2.0, high + 2.0, 0.5, low + 1e-17, high - 0.1])
    z = Ball(mids, np.array([0.0, 0.0, 0.4, 1.0, 1.0, 100.0, 1e-16, 0.2]))
    value, slope, bend = (activation(z, order) for order in range(3))
    for index, (mid, rad) in enumerate(zip(z.mid.tolist(), z.rad.tolist(), strict=True)):
        for t in np.linspace(mid - rad, mid + rad, 11):
            exact, steep = _value_and_slope(activation, np.array(t))
            assert value[index].contains(float(exact))
            assert slope[index].contains(float(steep))
    for index in (0, 1, 5, 6, 7):
        assert slope[index].contains(0.0)
        assert slope[index].contains(1.0)
        assert not np.isfinite(bend.rad[index])
    assert slope.rad[2:5].tolist() == [0.0, 0.0, 0.0]
    rows = Rows(np.array([[high - 0.05, 0.5, low - 0.05, low - 0.2]]), np.array([0.1]), np.array([0.1]))
    moved, slopes = activation.rows(rows)
    entries = slopes.ball()[0]
    assert all(entries[at].contains(end) for at in (0, 2) for end in (0.0, 1.0))
    assert slopes.mid[0].tolist()[1::2] == [1.0, 0.0]
    assert moved.ball()[0, 0].contains(high)


def test_with_one_hidden_layer_the_largest_smooth_ball_is_known_exactly() -> None:
    """Neuron r's pre-activation at x_i vanishes first at distance |z_ir|/‖a_i‖: L_H is finite below, infinite above."""
    network, X = _net((3, 8, 1), RELU, 4), _inputs(5, 3)
    state = linearise(network, X)
    nearest = float((np.abs(state.Z[0].mid) / np.linalg.norm(state.A[0].mid, axis=1)[:, None]).min())
    bound = Curvature(state)
    finite, infinite = bound(np.array([nearest * (1 - 1e-9), nearest * (1 + 1e-9)]))
    assert 0.0 < finite < np.inf
    assert infinite == np.inf


def _flip(network: Network, X: np.ndarray) -> tuple[Network, float]:
    """The network with the nearest first-layer unit moved just across its kink, and how far that is."""
    state = linearise(network, X)
    lengths, pieces = np.linalg.norm(state.A[0].mid, axis=1), network.chain[0].activation.pieces
    assert pieces is not None
    beyond = state.Z[0].mid[..., None] - np.array(pieces.kinks)
    distance = np.abs(beyond) / lengths[:, None, None]
    i, r, kink = np.unravel_index(np.argmin(distance), distance.shape)
    fan_in = network.inputs
    step = -state.A[0].mid[i] * beyond[i, r, kink] / lengths[i] ** 2 * (1 + 1e-6)
    theta, width = flatten(network), network.chain[0].fan_out
    theta[r * fan_in : (r + 1) * fan_in] += step[:fan_in]
    theta[width * fan_in + r] += step[fan_in]
    return with_parameters(network, theta), float(np.linalg.norm(step))


@KINKED
def test_a_bound_that_misses_the_nearest_unit_is_refuted(
    activation: Activation, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, X = _net((3, 8, 1), activation, 4), _inputs(5, 3)
    moved, distance = _flip(network, X)
    jump = float(np.linalg.norm(_jacobian(moved, X) - _jacobian(network, X), 2))
    assert Curvature(linearise(network, X))(distance) == np.inf
    honest = norms.distance_from_kink

    def blind(rows: Rows, gap: Any) -> np.ndarray:
        return honest(rows, gap) + 1.0

    monkeypatch.setattr(curvature, "distance_from_kink", blind)
    assert Curvature(linearise(network, X))(distance) * distance < 0.9 * jump


@pytest.mark.parametrize("sizes", [(2, 6, 1), (3, 5, 4, 2), (2, 4, 4, 4, 1)])
@pytest.mark.parametrize("activation", [RELU, STEEP, HARD], ids=lambda a: a.name)
def test_no_sign_changes_and_the_jacobian_moves_by_less_than_the_bound_where_it_is_finite(
    sizes: tuple[int, ...], activation: Activation
) -> None:
    rng, checked, largest = np.random.default_rng(1), 0, 0.0
    for seed in range(6):
        network, X = _net(sizes, activation, seed, bias=seed % 2 == 0), _inputs(4, sizes[0], seed)
        state = linearise(network, X)
        radii = np.geomspace(1e-6, 1.0, 60)
        bounds = Curvature(state)(radii)
        finite = np.flatnonzero(np.isfinite(bounds))
        assert (np.diff(finite) == 1).all()
        assert finite.size == 0 or finite[0] == 0
        if finite.size == 0:
            continue
        radius, bound = float(radii[finite[-1]]), float(bounds[finite[-1]])
        theta, here = flatten(network), _jacobian(network, X)
        pieces = activation.pieces
        assert pieces is not None
        signs = [pieces.slope(z.mid) for z in state.Z[:-1]]
        _, _, directions = np.linalg.svd(here, full_matrices=False)
        for direction in [*rng.standard_normal((6, theta.size)), *directions[:2]]:
            other = with_parameters(network, theta + radius * direction / np.linalg.norm(direction))
            there = linearise(other, X)
            for z, sign in zip(there.Z[:-1], signs, strict=True):
                assert (pieces.slope(z.mid) == sign).all()
            change = float(np.linalg.norm(_jacobian(other, X) - here, 2))
            largest, checked = max(largest, change / (bound * radius)), checked + 1
            assert change <= bound * radius * (1 + 1e-7)
    assert checked >= 16
    assert largest > 0.01


def test_a_unit_at_its_kink_leaves_no_ball_and_both_slopes_in_the_kernel() -> None:
    network = chain((Pair(np.array([[1.0, -1.0]]), None, 1, RELU), Pair(np.array([[2.0]]), None, 1, IDENTITY)))
    state = linearise(network, np.array([[1.0, 1.0]]))
    assert Curvature(state)(1e-300) == np.inf
    assert state.B[0][0, 0].contains(0.0)
    assert state.B[0][0, 0].contains(2.0)


@KINKED
def test_the_neuron_budget_does_not_apply(activation: Activation) -> None:
    assert not NeuronBudget.applies(linearise(_net((2, 4, 1), activation, 0), _inputs(3, 2)))
    assert NeuronBudget.applies(linearise(_net((2, 4, 1), activation_named("tanh"), 0), _inputs(3, 2)))
