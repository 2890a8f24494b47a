"""Max pooling: values, NTK and gradients against the index definition; ties that are structural and ties that are not; bounds attacked; twins fall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from verify.arrays import Ball
from verify.arrays.upper import Upper
from verify.errors import ShapeError
from verify.networks import Network, equal_entries, kernel_of, linearise
from verify.networks.activations import activation_named
from verify.networks.arb_outputs import outputs_in_arb
from verify.networks.equal_entries import EqualEntries
from verify.networks.layers import Activated, Convolution, Flatten, Layer, Linear, MaxPool, Sum
from verify.networks.layers.kinks import Kinks
from verify.networks.layers.max_pooling import Ids, Selection
from verify.networks.linearisation import rows_of_data
from verify.networks.movement import Movement
from verify.networks.parameters import flatten
from verify.networks.tests.map_reference import jacobian

POOLS = (
    MaxPool((2, 2), (2, 2)),
    MaxPool((3, 2), (1, 2), (1, 1)),
    MaxPool((2, 2), (2, 1), (1, 0), (2, 1)),
    MaxPool((2, 3), (1, 1), (0, 1)),
)


def _network(layers: list[Layer], shape: tuple[int, ...], head: np.ndarray | None = None) -> Network:
    """Layers one after the other, flattened, and a head of fixed or given weights."""
    found = [replace(layer, inputs=(i - 1,)) for i, layer in enumerate(layers)]  # type: ignore[type-var]
    size = shape
    for layer in found:
        size = layer.shape(size)
    weight = np.ones((1, int(np.prod(size)))) if head is None else head
    found += [
        Flatten((len(found) - 1,)),
        Linear(weight, None, inputs=(len(found),), frozen=("weight",) if head is None else ()),
    ]
    return Network(tuple(found), shape)


def _draw(seed: int, name: str, n: int = 2) -> tuple[Network, np.ndarray]:
    """Convolution, activation, pool, twice; a background of equal patches, and units that are dead all over it."""
    rng = np.random.default_rng(seed)
    pools = [POOLS[int(rng.integers(len(POOLS)))] for _ in range(2)]
    act = Activated(activation_named(name))
    bias = 0.4 * rng.standard_normal(2) if seed % 3 else None
    layers: list[Layer] = [Convolution(0.6 * rng.standard_normal((2, 1, 3, 2)), bias, padding=(1, 0))]
    layers += [act, pools[0]] if seed % 2 else [pools[0], act]
    layers += [
        Convolution(0.6 * rng.standard_normal((3, 2, 2, 2)), 0.3 * rng.standard_normal(3), padding=(1, 1)),
        act,
        pools[1],
    ]
    X = rng.standard_normal((n, 1, 5, 5))
    X[:, :, :3] = float(rng.choice([0.0, 0.5]))
    shape: tuple[int, ...] = (1, 5, 5)
    for layer in layers:
        shape = layer.shape(shape)
    return _network(layers, (1, 5, 5), rng.standard_normal((2, int(np.prod(shape)))) / 2.0), X


def _contains(ball: Ball, truth: Any) -> bool:
    gap = np.abs(ball.mid.astype(np.longdouble) - truth)
    return bool((gap <= ball.rad.astype(np.longdouble) + np.abs(truth) * np.longdouble(2.0) ** -58).all())


@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("seed", range(6))
def test_values_ntk_and_gradient_contain_the_definition(seed: int, name: str) -> None:
    network, X = _draw(seed, name)
    F, J = jacobian(network, X, flatten(network))
    state = linearise(network, X)
    theta = kernel_of(state)
    assert _contains(state.F.reshape(-1), F)
    assert np.allclose(
        outputs_in_arb(network, rows_of_data(network, X)).mid.ravel(), F.astype(np.float64), rtol=1e-14, atol=1e-15
    )
    assert _contains(theta, J @ J.T)
    e = np.random.default_rng(seed).standard_normal(F.size)
    for part, truth in zip(
        state.gradient(Ball(e)),
        np.split(e @ J, np.cumsum([p.mid.size for p in state.gradient(Ball(e))])[:-1]),
        strict=True,
    ):
        assert _contains(part.reshape(-1), truth)
    # The background ties everywhere; only because its entries are known to be equal is anything known.
    assert theta.rad.max() <= 1e-9 * float(np.abs(theta.mid).max())


def _selections(network: Network, X: np.ndarray) -> list[Selection]:
    return [found for found in linearise(network, X).saved if isinstance(found, Selection)]


def test_on_a_constant_background_the_first_is_chosen_and_nothing_competes() -> None:
    network = _network([Convolution(np.full((1, 1, 1, 1), 0.5), np.zeros(1)), MaxPool((2, 2), (2, 2))], (1, 4, 4))
    X = np.full((1, 1, 4, 4), 0.75)
    X[0, 0, 3, 3] = 1.0
    (found,) = _selections(network, X)
    assert found.place.ravel().tolist() == [0, 0, 0, 3]
    assert np.isinf(found.gap.ravel()[:3]).all()
    assert 0.12 < found.gap.ravel()[3] <= 0.125
    assert found.open is None


def test_summands_of_one_number_are_not_one_function() -> None:
    """Kernels of 1 and of 3 places number their patches each on their own: A + B and B' + A' may read the same two numbers in turn."""
    shared = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        layers: list[Layer] = [
            Convolution(rng.standard_normal((1, 1, 1, 1)), None, inputs=(-1,)),
            Convolution(rng.standard_normal((1, 1, 1, 3)), None, padding=(0, 1), inputs=(-1,)),
            Sum((0, 1)),
        ]
        network = Network(
            (*layers, MaxPool((1, 2), (1, 1), inputs=(2,)), Flatten((3,)), Linear(np.ones((1, 8)), None, inputs=(4,))),
            (1, 2, 5),
        )
        state = linearise(network, rng.integers(0, 4, size=(1, 1, 2, 5)).astype(float))
        ids = EqualEntries(network, state.data, state.values, state.saved).of(2).ravel()
        values = state.values[2].rows.mid.ravel()
        same = (ids[:, None] == ids) & ~np.eye(len(ids), dtype=bool)
        shared += int(same.sum())
        # Nothing is rectified here: equal functions have equal values at any parameters, up to rounding.
        assert (np.abs(values[:, None] - values)[same] < 1e-12).all()
    assert shared > 0


def test_dead_windows_are_ties_only_while_no_unit_meets_its_kink() -> None:
    """relu(wx) with w < 0 and x = 1, 2: both 0, two functions of w. Before w can reach 0 they do not compete; beyond, they do."""
    layers: list[Layer] = [
        Convolution(np.full((1, 1, 1, 1), -0.25), None),
        Activated(activation_named("relu")),
        MaxPool((1, 2), (1, 2)),
    ]
    X = np.array([[[[1.0, 2.0]]]])
    network = _network(layers, (1, 1, 2))
    movement = Movement(linearise(network, X))
    # Both units move together: ‖(w, 2w)‖ by √5 times what w does, and the nearer is at 1/4.
    radii = np.array([0.05, 0.11, 0.26])
    assert (movement.jacobian(radii)[:2] < 1e-100).all()
    assert movement.meets_kink(radii).tolist() == [False, False, True]
    assert np.isfinite(movement.curvature(radii)).tolist() == [True, True, False]
    observed = abs(jacobian(network, X, np.array([0.01]))[1][0, 0] - jacobian(network, X, flatten(network))[1][0, 0])
    assert observed == 2.0
    assert observed <= movement.jacobian(np.array([0.26]))[0] < 6.0


def _flat_start() -> tuple[Network, np.ndarray]:
    """A kernel of 0: every entry of the map has the value b at the centre, and each is another function of the kernel."""
    layers: list[Layer] = [Convolution(np.zeros((1, 1, 1, 1)), np.full(1, 0.5)), MaxPool((1, 2), (1, 2))]
    return _network(layers, (1, 1, 2)), np.array([[[[1.0, 2.0]]]])


def _border() -> tuple[Network, np.ndarray]:
    """b = 0: inside, the second kernel reads b twice, at the border b and padding. All is 0 at the centre."""
    layers: list[Layer] = [
        Convolution(np.ones((1, 1, 1, 1)), np.zeros(1)),
        Convolution(np.full((1, 1, 1, 2), 0.5), None, padding=(0, 1)),
        MaxPool((1, 3), (1, 3)),
    ]
    return _network(layers, (1, 1, 2)), np.zeros((1, 1, 1, 2))


@pytest.mark.parametrize("case", [_flat_start, _border])
def test_entries_of_one_value_that_are_different_functions_compete(case: Any) -> None:
    network, X = case()
    state = linearise(network, X)
    assert state.saved[-3].open is not None
    movement, tiny = Movement(state), np.array([1e-6])
    assert movement.jacobian(tiny)[0] > 0.4
    assert movement.curvature(tiny)[0] == np.inf


def _largest_change(network: Network, X: np.ndarray, radius: float, rng: np.random.Generator) -> float:
    """‖J(θ + δ) − J(θ)‖ with ‖δ‖ ≤ radius: at random, then along the gradients that let a rival overtake in a window each."""
    theta = flatten(network)
    J = jacobian(network, X, theta)[1]
    directions = [rng.standard_normal(theta.size) for _ in range(1)]
    for at, layer in enumerate(network.layers):
        if isinstance(layer, MaxPool):
            inner = Network((*network.layers[:at], Flatten((at - 1,))), network.input_shape)
            h, slope = jacobian(inner, X, theta[: sum(a.size for la in inner.trainable() for a in la.trained.values())])
            for _ in range(2):
                i, j = rng.integers(h.size, size=2)
                step = np.zeros(theta.size)
                step[: slope.shape[1]] = (slope[i] - slope[j]).astype(np.float64) * (1.0 if h[i] < h[j] else -1.0)
                directions.append(step)
    best = 0.0
    for direction in directions:
        length = float(np.linalg.norm(direction))
        if length > 0.0:
            moved = theta + direction * (radius * (1.0 - 1e-9) / length)
            change = (jacobian(network, X, moved)[1] - J).astype(np.float64)
            best = max(best, float(np.linalg.norm(change, 2)))
    return best


@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("seed", range(10, 13))
def test_the_jacobian_moves_no_further_than_its_bounds(seed: int, name: str) -> None:
    network, X = _draw(seed, name, n=1)
    movement, rng = Movement(linearise(network, X)), np.random.default_rng(seed)
    for radius in (3e-3, 0.1):
        found = _largest_change(network, X, radius, rng)
        assert found <= float(movement.jacobian(np.array([radius]))[0])
        assert found <= radius * float(movement.curvature(np.array([radius]))[0])


def _shared_top() -> tuple[Network, np.ndarray, np.ndarray]:
    """Two windows that share the largest entry; a step after which both have chosen anew: what goes back moves by √6, more than 2."""
    # Three weights, one a position: the data are one-hot channels.
    X = np.eye(3).reshape(1, 3, 1, 3)
    layers: list[Layer] = [Convolution(np.array([0.0, 1.0, 0.0]).reshape(1, 3, 1, 1), None), MaxPool((1, 2), (1, 1))]
    network = _network(layers, (3, 1, 3))
    return network, X, np.array([1.0, -2.0, 1.0]) * (1.0001 / 3.0)


def _altered(distance: float, jump: float) -> Callable[..., Any]:
    honest = MaxPool.norms

    def norms(self: Any, *arguments: Any) -> Any:
        found = honest(self, *arguments)
        return replace(found, kinks=Kinks(found.kinks.distances * distance, found.kinks.jumps * jump))

    return norms


@pytest.mark.parametrize(("distance", "jump"), [(1.0, 0.5**0.5), (2.0**0.5, 1.0)])
def test_without_the_overlap_factor_the_bound_is_false(
    distance: float, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, X, step = _shared_top()
    theta = flatten(network)
    observed = float(
        np.linalg.norm((jacobian(network, X, theta + step)[1] - jacobian(network, X, theta)[1]).astype(np.float64), 2)
    )
    assert observed == pytest.approx(6.0**0.5)
    # The map is the weights, and what goes back to it their gradient.
    reach = Upper(np.array([[float(np.linalg.norm(step)) * (1.0 + 1e-12)]]))
    bound = Movement(linearise(network, X))._centre[1].kinks.largest_jump(reach)
    assert observed <= bound.value <= 3.0
    monkeypatch.setattr(MaxPool, "norms", _altered(distance, jump))
    assert observed > Movement(linearise(network, X))._centre[1].kinks.largest_jump(reach).value


def _only_the_last(self: MaxPool, h: Any, equal: Any = None) -> Selection:
    found = _HONEST(self, h, equal)
    values = self.gathered(h.rows.mid, h.shape, -np.inf)
    return Selection(found.place, (values.max(axis=2) - values[:, :, -1]).reshape(found.gap.shape), None)


_HONEST = MaxPool.selected


def _by_value(self: EqualEntries, index: int) -> Ids:
    values = self._values[index].rows.mid
    return np.unique(values, return_inverse=True)[1].reshape(values.shape)


def test_a_rival_missed_or_ids_by_value_make_the_bound_false(monkeypatch: pytest.MonkeyPatch) -> None:
    layers: list[Layer] = [Convolution(np.array([1.0, 0.9, 0.0]).reshape(1, 3, 1, 1), None), MaxPool((1, 3), (1, 3))]
    network, X = _network(layers, (3, 1, 3)), np.eye(3).reshape(1, 3, 1, 3)
    theta, step = flatten(network), np.array([-0.06, 0.06, 0.0])
    observed = float(
        np.linalg.norm((jacobian(network, X, theta + step)[1] - jacobian(network, X, theta)[1]).astype(np.float64))
    )
    assert observed == pytest.approx(2.0**0.5)
    radius = np.array([0.1])
    assert observed <= Movement(linearise(network, X)).jacobian(radius)[0]
    with monkeypatch.context() as patch:
        patch.setattr(MaxPool, "selected", _only_the_last)
        assert observed > Movement(linearise(network, X)).jacobian(radius)[0]
    network, X = _flat_start()
    observed = abs(
        float(
            jacobian(network, X, np.array([-1e-7, 0.5]))[1][0, 0] - jacobian(network, X, np.array([1e-7, 0.5]))[1][0, 0]
        )
    )
    assert observed == 1.0
    assert observed <= 2.0 * Movement(linearise(network, X)).jacobian(np.array([1e-6]))[0]
    monkeypatch.setattr(EqualEntries, "of", _by_value)
    assert observed > 2.0 * Movement(linearise(network, X)).jacobian(np.array([1e-6]))[0]


def test_padding_that_reads_like_a_zero_function_makes_the_bound_false(monkeypatch: pytest.MonkeyPatch) -> None:
    """The border's entry reads b once, the inner one twice; that of a bias of 0 taken for padding's 0 would call both the zero function."""
    network, X = _border()
    theta, b = flatten(network), 1
    step = np.zeros(theta.size)
    step[b] = 1e-7
    change = jacobian(network, X, theta + step)[1] - jacobian(network, X, theta - step)[1]
    observed = float(np.linalg.norm(change.astype(np.float64)))
    bound = Movement(linearise(network, X)).jacobian(np.array([1e-6]))[0]
    assert 0.4 < observed <= 2.0 * bound

    def without_bias(layer: Convolution, *rest: Any) -> Any:
        return equal_entries._convolution(replace(layer, bias=None), *rest)

    rules: dict[Any, Any] = {**equal_entries._RULES, Convolution: without_bias}
    monkeypatch.setattr(equal_entries, "_RULES", rules)
    assert observed > 2.0 * Movement(linearise(network, X)).jacobian(np.array([1e-6]))[0]


def test_padding_is_never_chosen_and_torch_agrees() -> None:
    rng = np.random.default_rng(0)
    for pool in POOLS:
        h = rng.standard_normal((2, 3, 5, 6)) - 4.0
        found = pool.value(rows_of_data(_maps((3, 5, 6)), h))[0]
        truth = torch.nn.functional.max_pool2d(
            torch.from_numpy(h), pool.kernel, pool.stride, pool.padding, pool.dilation
        ).numpy()
        assert np.array_equal(found.rows.mid, np.moveaxis(truth, 1, -1).reshape(-1, 3))
        assert (found.rows.mid < 0.0).all()


def _maps(shape: tuple[int, ...]) -> Network:
    return Network((Convolution(np.ones((1, shape[0], 1, 1)), None), Flatten((0,))), shape)


def test_windows_that_hold_no_entry_are_refused() -> None:
    with pytest.raises(ShapeError, match="padding"):
        MaxPool((2, 2), (2, 2), (2, 2)).shape((1, 4, 4))
    with pytest.raises(ShapeError, match="padding"):
        MaxPool((2, 1), (1, 1), (1, 0), (2, 1)).shape((1, 1, 4))
