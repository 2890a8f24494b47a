"""NTK and loss enclosures against the exact values (Arb, zero tolerance), tightness, and mutants that must fail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from flint import arb, ctx

import verify
from verify.arrays import Ball, schur_of_grams
from verify.networks import Network, Pair, chain, kernel_of, linearise, read_network
from verify.networks.activations import activation_named
from verify.networks.tests.arb_reference import ACTIVATIONS as REFERENCE, PRECISION, along, jacobian

ACTIVATIONS: list[torch.nn.Module] = [
    torch.nn.Tanh(),
    torch.nn.Sigmoid(),
    torch.nn.SiLU(),
    torch.nn.Softplus(beta=2.5),
    verify.nn.Sine(),
    torch.nn.Identity(),
]


@contextmanager
def precision(bits: int) -> Iterator[None]:
    old, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = old


def build(
    activation: torch.nn.Module, depth: int, outputs: int, ntk: bool, last: bool, seed: int
) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    sizes = [2, *([3] * depth), outputs]
    modules: list[torch.nn.Module] = []
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        if ntk:
            modules.append(verify.nn.NTKLinear(fan_in, fan_out, bias=bool(index % 2)))
        else:
            modules.append(torch.nn.Linear(fan_in, fan_out, bias=bool(index % 2), dtype=torch.float64))
        if index < depth or last:
            modules.append(activation)
    return torch.nn.Sequential(*modules)


def interval_contains(ball: Ball, index: tuple[int, ...], value: arb) -> bool:
    """Whether the Arb enclosure `value` lies inside the ball's entry: exact comparison, no tolerance."""
    lower, upper = arb(float(ball.lower()[index])), arb(float(ball.upper()[index]))
    return bool(lower <= value) and bool(value <= upper)


CASES = [
    (activation, depth, outputs, ntk, last)
    for activation in ACTIVATIONS
    for depth, outputs, ntk, last in [
        (1, 1, True, False),
        (2, 2, False, False),
        (1, 2, True, True),
        (3, 1, False, False),
    ]
]


@pytest.mark.parametrize(("activation", "depth", "outputs", "ntk", "last"), CASES)
def test_ntk_contains_the_exact_kernel(
    activation: torch.nn.Module, depth: int, outputs: int, ntk: bool, last: bool
) -> None:
    model = build(activation, depth, outputs, ntk, last, seed=depth + 10 * outputs)
    X = np.random.default_rng(1).standard_normal((3, 2))
    theta = verify.ntk(model, X)
    with precision(PRECISION):
        rows = jacobian(read_network(model), X)
        for i, left in enumerate(rows):
            for j, right in enumerate(rows):
                exact = sum((a * b for a, b in zip(left, right, strict=True)), arb(0))
                assert interval_contains(theta, (i, j), exact)
    assert (theta.mid == theta.mid.T).all()
    assert theta.rad.max() <= 1e-12 * max(1.0, float(np.abs(theta.mid).max()))


def _drawn(rng: np.random.Generator) -> tuple[Network, np.ndarray]:
    """A random network of any activations, with and without biases and scales, weights and inputs of any magnitude."""
    sizes = [int(rng.integers(1, 4)) for _ in range(int(rng.integers(2, 5)))]
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        name = str(rng.choice(list(REFERENCE)))
        key = {"softplus": "beta", "leaky_relu": "negative_slope", "celu": "alpha"}.get(name)
        given = {key: float(np.ldexp(1.0, int(rng.integers(-2, 3))))} if key else {}
        scale = int(rng.choice([0, 0, 0, 5, 20, -20, -300, -520]))
        bias = np.ldexp(rng.standard_normal(fan_out), int(rng.choice([0, -300]))) if rng.random() < 0.5 else None
        weight = np.ldexp(rng.standard_normal((fan_out, fan_in)), scale)
        layers.append(Pair(weight, bias, int(rng.choice([1, 3, fan_in])), activation_named(name, given)))
    return chain(tuple(layers)), np.ldexp(
        rng.standard_normal((int(rng.integers(1, 4)), sizes[0])), int(rng.choice([0, 0, -300, 30]))
    )


def test_random_networks_at_every_scale() -> None:
    rng, compared = np.random.default_rng(11), 0
    for _ in range(150):
        network, X = _drawn(rng)
        state = linearise(network, X)
        theta = kernel_of(state)
        # Deep enough for e^(2z) − 1 at z = 2^-520.
        with precision(2000):
            rows = jacobian(network, X)
            for (i, left), (j, right) in itertools.product(enumerate(rows), repeat=2):
                exact = sum((a * b for a, b in zip(left, right, strict=True)), arb(0))
                compared += bool(np.isfinite(theta.rad[i, j])) and exact.is_finite()
                assert interval_contains(theta, (i, j), exact) or not exact.is_finite()
            for position, series in enumerate(along(network, X, None, 0)):
                value = series[0]
                index = divmod(position, network.outputs)
                assert interval_contains(state.F, index, value) or not value.is_finite()
    assert compared > 800


@pytest.mark.parametrize("name", ["sum", "mean"])
def test_loss_contains_the_exact_loss(name: str) -> None:
    model = build(torch.nn.Tanh(), 2, 2, True, False, seed=3)
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    ball = verify.loss(model, X, y, loss=name)  # type: ignore[arg-type]
    with precision(PRECISION):
        outputs = [series[0] for series in along(read_network(model), X, None, 0)]
        total = sum(((f - arb(float(t))) ** 2 for f, t in zip(outputs, y.reshape(-1), strict=True)), arb(0))
        exact = total / 2 if name == "sum" else total / 8
        assert interval_contains(ball, (), exact)
    assert float(ball.rad) <= 1e-12 * float(ball.mid)


def test_a_kernel_without_one_layer_is_caught() -> None:
    """Mutant: the last layer's share dropped; the exact kernel must fall outside."""
    model = build(torch.nn.Tanh(), 1, 1, True, False, seed=0)
    X = np.random.default_rng(1).standard_normal((3, 2))
    state = linearise(read_network(model), X)
    mutant = schur_of_grams([(state.a_rows[0], state.b_rows[0])])
    with precision(PRECISION):
        rows = jacobian(read_network(model), X)
        exact = sum((a * a for a in rows[0]), arb(0))
        assert not interval_contains(mutant, (0, 0), exact)


def test_executed_torch_values_are_close() -> None:
    """Not a proof: the engine's enclosure and torch's own forward pass agree to rounding."""
    model = build(torch.nn.GELU(), 2, 3, False, False, seed=5)
    X = np.random.default_rng(4).standard_normal((5, 2))
    outputs = linearise(read_network(model), X).F
    assert np.abs(outputs.mid - model(torch.from_numpy(X)).detach().numpy()).max() < 1e-13


def test_kernel_refuses_more_memory_than_the_limit() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(1, 4096, dtype=torch.float64))
    with pytest.raises(verify.errors.ResourceError, match="GiB"):
        verify.ntk(model, np.zeros((8, 1)))


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64])
def test_inputs_of_any_type_mean_what_they_store(kind: type) -> None:
    network = read_network(torch.nn.Sequential(torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)))
    X: np.ndarray = np.array([[1.5, -2.25, 3.0], [0.1, 7.0, 1e-3]]).astype(kind)
    theta = kernel_of(linearise(network, X))
    with precision(PRECISION):
        exact = [sum((arb(float(a)) * arb(float(b)) for a, b in zip(X[0], row, strict=True)), arb(0)) for row in X]
        assert all(interval_contains(theta, (0, j), value) for j, value in enumerate(exact))


def test_a_linearisation_keeps_nothing_of_the_callers() -> None:
    network = read_network(torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)))
    X = np.array([[1.0, 2.0]])
    state = linearise(network, X)
    X *= 3.0
    assert bool(kernel_of(state).contains([[5.0]]))
    with pytest.raises(verify.errors.ShapeError):
        linearise(network, np.empty((0, 2)))
    with pytest.raises(verify.errors.NonFiniteError):
        linearise(network, np.array([[np.nan, 1.0]]))


def test_the_cross_kernel_is_the_product_of_two_jacobians() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2)).double()
    rng = np.random.default_rng(0)
    points = [rng.standard_normal((n, 3)) for n in (4, 5)]

    def jacobian(X: np.ndarray) -> np.ndarray:
        rows = []
        for value in model(torch.from_numpy(X)).reshape(-1):
            grads = torch.autograd.grad(value, list(model.parameters()), retain_graph=True)
            rows.append(torch.cat([g.reshape(-1) for g in grads]).numpy())
        return np.stack(rows)

    found = verify.ntk(model, *points)
    assert found.shape == (8, 10)
    assert np.abs(found.mid - jacobian(points[0]) @ jacobian(points[1]).T).max() < 1e-12
    assert float(found.rad.max()) < 1e-10
    with pytest.raises(verify.errors.ShapeError, match="X2: shape"):
        verify.ntk(model, points[0], points[1][:, :2])
