"""Random networks of convolutions, pools, norms and skips: values, NTK and gradients against the index definition; bounds on balls attacked; twins fall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from verify.arrays import Ball, convolutions, schur_of_grams
from verify.arrays.upper import Upper
from verify.networks import DataSet, Network, kernel_of, linearise
from verify.networks.activations import activation_named
from verify.networks.layers import Activated, AveragePool, BatchNorm, Convolution, Flatten, Linear, convolution
from verify.networks.movement import Movement
from verify.networks.parameters import flatten
from verify.networks.tests.map_reference import draw, jacobian
from verify.regions.descent.float64 import Descent


def _contains(ball: Ball, truth: Any) -> bool:
    """With the reference's own 2^-60 of slack, far below any radius here."""
    gap = np.abs(ball.mid.astype(np.longdouble) - truth)
    return bool((gap <= ball.rad.astype(np.longdouble) + np.abs(truth) * np.longdouble(2.0) ** -60).all())


@pytest.mark.parametrize("seed", range(40))
def test_values_ntk_and_gradient_contain_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network, X = draw(rng, ("tanh", "sine", "relu", "leaky_relu"))
    F, J = jacobian(network, X, flatten(network))
    state = linearise(network, X)
    theta = kernel_of(state)
    assert _contains(state.F.reshape(-1), F)
    assert _contains(theta, J @ J.T)
    e = rng.standard_normal(F.size)
    gradient = np.concatenate([part.mid.ravel() for part in state.gradient(Ball(e))])
    radius = np.concatenate([np.broadcast_to(part.rad, part.shape).ravel() for part in state.gradient(Ball(e))])
    assert _contains(Ball(gradient, radius), e @ J)
    # Known to ten digits: wide enclosures would contain anything. Where a pre-activation vanishes, as behind units that are all off, every slope counts.
    kinked = [i for i, la in enumerate(network.layers) if isinstance(la, Activated) and la.function.pieces is not None]
    if all(float(state.saved[i].rows.sup.max()) == 0.0 for i in kinked):
        assert theta.rad.max() <= 1e-9 * max(1.0, float(np.abs(theta.mid).max()))


@pytest.mark.parametrize("seed", range(20))
def test_float64_descent_is_the_same_function(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    network, X = draw(rng)
    theta = flatten(network)
    F, J = jacobian(network, X, theta)
    y = rng.standard_normal((len(X), network.outputs))
    e = F - y.ravel()
    moved, norm = Descent(network, DataSet(X, y), Fraction(1), Fraction(1, 8)).step(theta)
    assert np.allclose(norm, float(np.sqrt((e**2).sum())), rtol=1e-12)
    assert np.allclose(moved, theta - (e @ J).astype(np.float64) / 8.0, rtol=1e-10, atol=1e-12)


def _ascent(network: Network, X: np.ndarray, radius: float, rng: np.random.Generator, tries: int = 3) -> float:
    """The largest ‖J(θ + δ) − J(θ)‖ found with ‖δ‖ ≤ radius: random and sparse δ, then towards the matrices' singular directions."""
    theta, best = flatten(network), 0.0
    J = jacobian(network, X, theta)[1]
    for _ in range(tries):
        direction = rng.standard_normal(theta.size) * (rng.random(theta.size) < rng.choice([1.0, 0.3, 0.1]))
        for _ in range(3):
            length = float(np.linalg.norm(direction))
            if length == 0.0:
                break
            # Shrunk a little, so that the rounded sum stays in the ball.
            delta = direction * (radius * (1.0 - 1e-9) / length)
            change = (jacobian(network, X, theta + delta)[1] - J).astype(np.float64)
            _, values, right = np.linalg.svd(change, full_matrices=False)
            best = max(best, float(values[0]))
            direction = right[0] * float(rng.choice([-1.0, 1.0]))
    return best


@pytest.mark.parametrize("names", [("tanh", "sine"), ("relu", "leaky_relu"), ("tanh", "relu")])
@pytest.mark.parametrize("seed", range(8))
def test_the_jacobian_moves_no_further_than_its_bounds(seed: int, names: tuple[str, ...]) -> None:
    rng = np.random.default_rng(2000 + seed)
    network, X = draw(rng, names)
    movement = Movement(linearise(network, X))
    for radius in (1e-3, 0.05, 0.7):
        found = _ascent(network, X, radius, rng)
        assert found <= float(movement.jacobian(np.array([radius]))[0])
        assert found <= radius * float(movement.curvature(np.array([radius]))[0])


def _constant() -> tuple[Network, np.ndarray]:
    """Two 3 × 3 convolutions with kernel 0, a constant image: a change of the second kernel is read by nine windows at once."""
    layers = (
        Convolution(np.zeros((1, 1, 3, 3)), None, padding=(1, 1)),
        Convolution(np.zeros((1, 1, 3, 3)), None, padding=(1, 1), inputs=(0,)),
        AveragePool((6, 6), (6, 6), inputs=(1,)),
        Flatten((2,)),
        Linear(np.ones((1, 1)), None, inputs=(3,), frozen=("weight",)),
    )
    return Network(layers, (1, 6, 6)), np.full((1, 1, 6, 6), 1.0 / 6.0)


def test_without_the_overlap_factor_the_bound_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    network, X = _constant()
    delta = np.full(18, 0.05)
    radius = float(np.linalg.norm(delta)) * (1.0 + 1e-12)
    change = jacobian(network, X, delta)[1] - jacobian(network, X, np.zeros(18))[1]
    observed = float(np.sqrt((change**2).sum()))
    assert observed <= Movement(linearise(network, X)).jacobian(np.array([radius]))[0]
    monkeypatch.setattr(Convolution, "overlap", property(lambda self: Upper(self.scale)))
    assert observed > Movement(linearise(network, X)).jacobian(np.array([radius]))[0]


def test_every_convolutions_overlap_is_at_least_its_windows() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        size, stride, dilation, padding = (
            (int(rng.integers(low, 4)), int(rng.integers(low, 4))) for low in (1, 1, 1, 0)
        )
        layer = Convolution(np.ones((1, 1, *size)), None, stride=stride, padding=padding, dilation=dilation)
        shape = (1, 9, 8)
        assert float(layer.overlap.value) ** 2 >= layer.windows(shape).overlap


def _per_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight of its own at each position: the double sum over positions loses its mixed terms."""
    original = convolutions.position_sums

    def apart(b: Any, a: Any, positions: int, channels: slice, bias: bool = False) -> Any:
        found = original(b, a, positions, channels, bias=bias)
        return type(found)(found.mid / np.sqrt(2.0), found.err)

    monkeypatch.setattr(convolution, "position_sums", apart)


def _other(index: int, **changes: Any) -> Callable[[Network], Network]:
    def change(network: Network) -> Network:
        layers: list[Any] = list(network.layers)
        layers[index] = replace(layers[index], **changes)
        return Network(tuple(layers), network.input_shape)

    return change


def _subject() -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(4)
    layers = (
        Convolution(rng.standard_normal((4, 2, 3, 3)), rng.standard_normal(4), padding=(1, 1), groups=1),
        Activated(activation_named("tanh"), (0,)),
        Convolution(rng.standard_normal((4, 2, 3, 3)), None, stride=(2, 2), padding=(1, 1), groups=2, inputs=(1,)),
        BatchNorm(
            rng.standard_normal(4), 0.5 + rng.random(4), 1e-5, rng.standard_normal(4), rng.standard_normal(4), (2,)
        ),
        AveragePool((2, 2), (1, 1), (1, 1), True, (3,)),
        Flatten((4,)),
        Linear(rng.standard_normal((1, 64)), None, inputs=(5,)),
    )
    return Network(layers, (2, 5, 5)), rng.standard_normal((3, 2, 5, 5))


@pytest.mark.parametrize(
    "twin",
    [
        _other(2, stride=(2, 2), padding=(2, 2), dilation=(2, 2)),
        _other(4, count_include_pad=False),
        _other(3, eps=1e-3),
        _other(2, weight=_subject()[0].layers[2].weight[[0, 2, 1, 3]].copy()),  # type: ignore[attr-defined]
        _other(0, weight=_subject()[0].layers[0].weight[:, :, ::-1].copy()),  # type: ignore[attr-defined]
    ],
)
def test_twins_are_told_apart(twin: Callable[[Network], Network]) -> None:
    """Another stride's windows, padding counted, another eps, another group boundary, a convolution in place of a correlation."""
    network, X = _subject()
    F, J = jacobian(network, X, flatten(network))
    assert _contains(linearise(network, X).F.reshape(-1), F)
    state = linearise(twin(network), X)
    assert not _contains(state.F.reshape(-1), F)
    assert not _contains(kernel_of(state), J @ J.T)


def test_the_two_ways_to_the_ntk_agree_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    layers = (
        Convolution(rng.standard_normal((8, 2, 2, 2)), rng.standard_normal(8), stride=(2, 2)),
        Activated(activation_named("tanh"), (0,)),
        Convolution(rng.standard_normal((16, 4, 2, 2)), rng.standard_normal(16), groups=2, padding=(1, 0), inputs=(1,)),
        Flatten((2,)),
        Linear(rng.standard_normal((2, 48)), None, inputs=(3,)),
    )
    network, X = Network(layers, (2, 5, 5)), rng.standard_normal((4, 2, 5, 5))
    J = jacobian(network, X, flatten(network))[1]
    for name, value in (("_PAIRS", 0), ("_JACOBIAN", 50), ("_PATCHES", 60), ("_PAIRS", 2**24)):
        monkeypatch.setattr(convolution, name, value)
        assert _contains(kernel_of(linearise(network, X)), J @ J.T)
    state = linearise(network, X)
    layer, saved, g = network.layers[2], state.saved[2], state.reached(2)
    assert isinstance(layer, Convolution)
    one = layer._position_pairs(saved, g, 2, 1, slice(8, 16))
    other = schur_of_grams([(layer._jacobian(saved, g, 2, 1, slice(8, 16)), None)])
    assert (np.abs(one.mid - other.mid) <= one.rad + other.rad).all()
    assert one.rad.max() <= 1e-11 * np.abs(one.mid).max()


def test_weights_counted_per_position_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    network, X = _subject()
    J = jacobian(network, X, flatten(network))[1]
    _per_position(monkeypatch)
    assert not _contains(kernel_of(linearise(network, X)), J @ J.T)
