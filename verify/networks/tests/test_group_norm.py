"""LayerNorm, GroupNorm, RMSNorm: against the definition with its Jacobian as a matrix; bounds attained, attacked, and false without a term."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from verify.arrays import Ball, Rows
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks import DataSet, Network, kernel_of, linearise, read_network
from verify.networks.activations import activation_named
from verify.networks.arb_outputs import outputs_in_arb
from verify.networks.equal_entries import EqualEntries
from verify.networks.layers import (
    Activated,
    BatchNorm,
    Convolution,
    Flatten,
    GroupNorm,
    Layer,
    Linear,
    MaxPool,
    Sum,
    Value,
)
from verify.networks.layers.group_norm import Normalised
from verify.networks.linearisation import rows_of_data
from verify.networks.movement import Movement
from verify.networks.parameters import flatten
from verify.networks.tests.map_reference import jacobian
from verify.regions.descent.float64 import Descent


def _draw(seed: int) -> tuple[Network, np.ndarray]:
    """A norm of a map, weight and bias a channel, tanh, flattened, a norm of the vector around which a skip goes; every form by chance."""
    rng = np.random.default_rng(seed)

    def pick(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    layers: list[Layer] = [
        Convolution(rng.standard_normal((4, 2, 2, 2)) / 2.0, rng.standard_normal(4), padding=(1, 0)),
        GroupNorm(pick(1, 2, 4), pick(1e-5, 0.1), pick(True, True, False), (0,)),
        BatchNorm(
            np.zeros(4),
            np.ones(4),
            0.0,
            rng.standard_normal(4),
            pick(None, rng.standard_normal(4)),
            (1,),
            pick((), ("weight",)),
        ),
        Activated(activation_named("tanh"), (2,)),
        Flatten((3,)),
        GroupNorm(pick(1, 2, 8), pick(1e-5, 0.1), pick(True, False), (4,)),
        Sum((4, 5)),
    ]
    size = layers[0].shape((2, 3, 3))
    layers.append(Linear(rng.standard_normal((pick(1, 2), int(np.prod(size)))) / 4.0, None, inputs=(6,)))
    return Network(tuple(layers), (2, 3, 3)), rng.standard_normal((2, 2, 3, 3))


def _contains(ball: Ball, truth: Any) -> bool:
    gap = np.abs(ball.mid.astype(np.longdouble) - truth)
    return bool((gap <= ball.rad.astype(np.longdouble) + np.abs(truth) * np.longdouble(2.0) ** -58).all())


def _encloses(network: Network, X: np.ndarray, truth: Any) -> bool:
    F, J = truth
    state, e = linearise(network, X), np.linspace(-1.0, 1.0, F.size)
    gradient = np.concatenate([part.mid.ravel() for part in state.gradient(Ball(e))])
    errors = np.concatenate([np.broadcast_to(part.rad, part.mid.shape).ravel() for part in state.gradient(Ball(e))])
    return (
        _contains(state.F.reshape(-1), F)
        and _contains(kernel_of(state), J @ J.T)
        and _contains(Ball(gradient, errors), e @ J)
    )


@pytest.mark.parametrize("seed", range(6))
def test_values_ntk_and_gradient_contain_the_definition(seed: int) -> None:
    network, X = _draw(seed)
    F, J = truth = jacobian(network, X, flatten(network))
    assert _encloses(network, X, truth)
    state = linearise(network, X)
    assert kernel_of(state).rad.max() <= 1e-8 * float(np.abs(J @ J.T).max())
    sharp = outputs_in_arb(network, rows_of_data(network, X))
    assert np.allclose(sharp.mid.ravel(), F.astype(np.float64), rtol=1e-14, atol=1e-15)
    descent = Descent(network, DataSet(X, np.zeros((2, network.outputs))), 1, 2.0**-3)  # type: ignore[arg-type]
    moved, _ = descent.step(flatten(network))
    assert np.allclose(flatten(network) - moved, 0.125 * (F @ J).astype(np.float64), rtol=1e-9, atol=1e-12)


def _without_projection(self: GroupNorm, saved: Normalised, below: Any, g: Value) -> Any:
    return _HONEST(self, replace(saved, alpha=saved.alpha * Ball(0.0)), below, g)


def _back_uncentred(self: GroupNorm, saved: Normalised, below: Any, g: Value) -> Any:
    return _HONEST(replace(self, centred=False), saved, below, g)


_HONEST = GroupNorm.pullback
TWINS: dict[str, Callable[[pytest.MonkeyPatch, GroupNorm], GroupNorm]] = {
    "the mean is not taken off": lambda _, layer: replace(layer, centred=False),
    "eps forgotten": lambda _, layer: replace(layer, eps=1e-300),
    "group boundaries": lambda _, layer: replace(layer, groups=1),
    "variance with m − 1": lambda patch, layer: (
        patch.setattr(GroupNorm, "size", lambda self, shape: int(np.prod(shape)) // self.groups - 1) or layer
    ),
    "the variance does not move": lambda patch, layer: (
        patch.setattr(GroupNorm, "pullback", _without_projection) or layer
    ),
    "the mean does not move": lambda patch, layer: patch.setattr(GroupNorm, "pullback", _back_uncentred) or layer,
}


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_does_not_enclose_the_definition(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, X = _draw(3)
    honest = GroupNorm(2, 0.1, True, (0,))
    layers = list(network.layers)
    layers[1] = honest
    truth = jacobian(Network(tuple(layers), (2, 3, 3)), X, flatten(network))
    assert _encloses(Network(tuple(layers), (2, 3, 3)), X, truth)
    layers[1] = TWINS[name](monkeypatch, honest)
    assert not _encloses(Network(tuple(layers), (2, 3, 3)), X, truth)


@pytest.mark.parametrize("centred", [True, False])
def test_what_is_known_only_up_to_an_error_is_enclosed_with_all_that_it_may_be(centred: bool) -> None:
    """A value and a sensitivity off by some 10⁻³ and 10⁻²: every member's image lies in the enclosure, whose errors are not far off."""
    rng = np.random.default_rng(0)
    layer, shape = GroupNorm(2, 1e-3, centred), (4, 1, 2)
    z, g = rng.standard_normal((3 * 2, 4)), rng.standard_normal((3 * 2 * 2, 4))
    below = Value(Rows(z, np.full(6, 1e-3)), shape)
    value, saved = layer.value(below)
    (back,) = layer.pullback(saved, (shape,), Value(Rows(g, np.full(12, 1e-2)), shape))
    largest = 0.0
    for _ in range(40):
        dz, dg = rng.standard_normal(z.shape), rng.standard_normal(g.shape)
        there = z + 1e-3 * dz / np.linalg.norm(dz, axis=1, keepdims=True)
        sent = g + 1e-2 * dg / np.linalg.norm(dg, axis=1, keepdims=True)
        t = torch.from_numpy(there.reshape(3, 2, 4).transpose(0, 2, 1).reshape(3, 4, 1, 2).copy()).requires_grad_()
        runs = t.reshape(3, 2, 4)
        runs = runs - runs.mean(2, keepdim=True) if centred else runs
        n = (runs / (runs.square().mean(2, keepdim=True) + 1e-3).sqrt()).reshape(3, 4, 1, 2)
        assert value.rows.ball().contains(n.detach().numpy().transpose(0, 2, 3, 1).reshape(6, 4)).all()
        for a in (0, 1):
            upper = torch.from_numpy(sent.reshape(3, 2, 2, 4)[:, a].transpose(0, 2, 1).reshape(3, 4, 1, 2).copy())
            (found,) = torch.autograd.grad(n, t, upper, retain_graph=True)
            rows = found.numpy().transpose(0, 2, 3, 1).reshape(3, 2, 4)
            gap = np.linalg.norm(rows - back.rows.mid.reshape(3, 2, 2, 4)[:, a], axis=2)
            assert (gap <= back.rows.err.reshape(3, 2, 2)[:, a]).all()
            largest = max(largest, float((gap / back.rows.err.reshape(3, 2, 2)[:, a]).max()))
    assert largest > 0.1


def _on_a_line(t: float, eps: float, head: tuple[float, ...] = (0.5**0.5, -(0.5**0.5))) -> Network:
    """F = ⟨head, N(z)⟩ of the weights themselves, z = (t, −t)/√2 about which they move: √2·t/√(t² + 2eps) along that line."""
    weight = np.zeros((len(head), 1))
    weight[:2, 0] = np.array([t, -t]) / 2.0**0.5
    return Network(
        (
            Linear(weight, None),
            GroupNorm(1, eps, True, (0,)),
            Linear(np.array([head]), None, inputs=(1,), frozen=("weight",)),
        ),
        (1,),
    )


_ONE = np.ones((1, 1))


def test_the_bend_is_attained_and_both_its_factors_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At t² = eps f'' is (2/√3)√2/(3eps), the claim's bound; the head's largest entry in the place of its norm makes it false."""
    eps = 0.01
    network = _on_a_line(eps**0.5, eps)
    truth = 2.0**0.5 * 6.0 * eps * eps**0.5 / (3.0 * eps) ** 2.5
    bound = float(Movement(linearise(network, _ONE)).curvature(np.array([1e-9]))[0])
    assert truth * (1.0 - 1e-12) <= bound <= truth * (1.0 + 1e-6)
    honest = GroupNorm.norms
    monkeypatch.setattr(
        GroupNorm,
        "norms",
        lambda self, saved, below, g, *rest: replace(
            honest(self, saved, below, g, *rest), sensitivity=Upper(np.abs(g.rows.mid).max(axis=1))
        ),
    )
    assert float(Movement(linearise(network, _ONE)).curvature(np.array([1e-9]))[0]) < 0.8 * truth


def test_the_slope_is_attained_and_m_is_the_groups_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Across Pz a value moves by √m/q: three entries, t = 1; with m − 1 the bound is false."""
    network = _on_a_line(1.0, 1e-3, (1.0, 1.0, -2.0))
    movement, r = Movement(linearise(network, _ONE)), np.array([1e-6])
    step = r[0] * np.array([1.0, 1.0, -2.0])[:, None] / 6.0**0.5
    truth = float(np.abs(_line_value(network, step) - _line_value(network, 0.0 * step)))

    def bound() -> float:
        moved = movement._forward(movement._centre, Upper(r[:, None]))
        slope = float(moved[1].rows.norm(-1).value[0, 0])
        return float(r[0] * 6.0**0.5) * slope

    assert truth * (1.0 - 1e-8) <= bound() <= truth * (1.0 + 1e-5)
    monkeypatch.setattr(GroupNorm, "slope", lambda self, size, spread: _SLOPE(self, size - 1, spread))
    assert bound() < 0.9 * truth


_SLOPE = GroupNorm.slope


def _line_value(network: Network, step: np.ndarray) -> float:
    return float(jacobian(network, _ONE, flatten(network) + step.ravel())[0][0])


def test_where_the_variance_may_vanish_the_bound_is_that_of_eps_and_the_centres_is_false(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From t = 3√eps to 0 the slope grows from 0.08/√eps to 1/√eps: a spread that is kept from the centre makes both bounds false."""
    eps = 1e-4
    network, r = _on_a_line(3.0 * eps**0.5, eps), np.array([3.0 * eps**0.5 * (1.0 + 1e-12)])
    theta = flatten(network)
    J = [jacobian(network, _ONE, at)[1].astype(np.float64) for at in (theta, 0.0 * theta)]
    change = float(np.linalg.norm(J[1] - J[0]))
    turn = float(np.linalg.norm(jacobian(network, _ONE, theta / 3.0)[1].astype(np.float64) - J[1])) / eps**0.5
    movement = Movement(linearise(network, _ONE))
    assert change <= movement.jacobian(r)[0] < 4.0 * change
    assert turn <= movement.curvature(r)[0] < 1e6
    assert np.isfinite(movement.jacobian(np.array([100.0])))
    monkeypatch.setattr(
        "verify.networks.layers.group_norm.reduced", lambda spread, distance: spread + 0.0 * distance.value
    )
    assert movement.jacobian(r)[0] < change
    assert movement.curvature(r)[0] < turn


@pytest.mark.parametrize("seed", range(2))
def test_the_jacobian_moves_no_further_than_its_bounds(seed: int) -> None:
    """Ascent of ‖ΔJ‖ in float64 along the difference of gradients, from random starts."""
    network, X = _draw(seed)
    theta, rng = flatten(network), np.random.default_rng(seed)
    J = jacobian(network, X, theta)[1].astype(np.float64)
    movement = Movement(linearise(network, X))
    for radius in (0.01, 0.5):
        found = 0.0
        for _ in range(2):
            u = rng.standard_normal(theta.size)
            for _ in range(3):
                u *= radius * (1.0 - 1e-9) / np.linalg.norm(u)
                change = jacobian(network, X, theta + u)[1].astype(np.float64) - J
                found = max(found, float(np.linalg.norm(change, 2)))
                left, _, right = np.linalg.svd(change, full_matrices=False)
                tilt = 1e-5 * right[0]
                u = left[:, 0] @ (
                    jacobian(network, X, theta + u + tilt)[1] - jacobian(network, X, theta + u - tilt)[1]
                ).astype(np.float64)
        assert found <= movement.jacobian(np.array([radius]))[0]
        assert found <= radius * movement.curvature(np.array([radius]))[0]


def test_equal_entries_of_different_groups_are_different_functions() -> None:
    """A window over both channels' … of one map: the same numbers before, but each group has its own mean and variance."""
    layers: list[Layer] = [
        Convolution(np.ones((2, 1, 1, 1)), np.zeros(2)),
        GroupNorm(2, 1e-5, True, (0,)),
        MaxPool((1, 2), (1, 2), inputs=(1,)),
        Flatten((2,)),
        Linear(np.ones((1, 2)), None, inputs=(3,)),
    ]
    network = Network(tuple(layers), (1, 1, 2))
    state = linearise(network, np.ones((1, 1, 1, 2)))
    ids = EqualEntries(network, state.data, state.values, state.saved)
    found = ids.of(1)
    # Both positions of a channel are one function, the two channels are not; a constant map is not the zero function.
    assert (found[0] == found[1]).all()
    assert found[0, 0] != found[0, 1]
    assert found.min() > 0


@pytest.mark.parametrize("eps", [0.0, -1.0, np.inf, np.nan, 1])
def test_without_a_positive_eps_it_is_no_layer(eps: Any) -> None:
    with pytest.raises(InputError, match="eps"):
        GroupNorm(1, eps)


def test_groups_that_do_not_divide_or_hold_one_entry_are_refused() -> None:
    for groups, shape in ((3, (4,)), (4, (4,)), (2, (3, 2, 2))):
        with pytest.raises(ShapeError, match="group"):
            GroupNorm(groups, 1e-5).shape(shape)
    assert GroupNorm(4, 1e-5, False).shape((4,)) == (4,)
    assert GroupNorm(4, 1e-5).shape((4, 1, 2)) == (4, 1, 2)


@pytest.mark.parametrize(("size", "eps"), [(1e-170, 1e-320), (1e200, 1e-5), (0.0, 5e-324)])
def test_beyond_the_doubles_nothing_is_claimed(size: float, eps: float) -> None:
    """Squares that overflow, and a mean square below the normal range: enclosures that are infinite or true."""
    h = Value(Rows(np.array([[1.0, -2.0, 4.0, 0.5]]) * size), (4,))
    value, saved = GroupNorm(1, eps).value(h)
    (back,) = GroupNorm(1, eps).pullback(saved, ((4,),), Value(Rows(np.ones((1, 4))), (4,)))
    z = h.rows.mid[0].astype(np.longdouble)
    c = z - z.mean()
    truth = c / np.sqrt((c**2).mean() + np.longdouble(eps))
    assert value.rows.ball().contains(truth.astype(np.float64)).all()
    assert not np.isnan(back.rows.err).any()


def test_torch_modules_are_read_as_norm_and_weights() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    network = read_network(model.double())
    assert [layer.kind for layer in network.layers] == ["linear", "group_norm", "batch_norm", "activation", "linear"]
    assert network.parameters == sum(p.numel() for p in model.parameters())
