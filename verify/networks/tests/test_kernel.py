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
from verify.networks import linearise, read_network
from verify.networks.tests.arb_reference import PRECISION, along, jacobian

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
