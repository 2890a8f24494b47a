"""Counting crossings of recorded runs: every sign certified, nothing fudged at a kink."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.errors import DisagreementError, InputError, ShapeError


def _relu(*widths: int, bias: bool = True) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [torch.nn.Linear(a, b, bias=bias, dtype=torch.float64), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def test_an_exact_zero_is_undecided_and_hides_no_change_round_it() -> None:
    net = _relu(1, 1, 1, bias=False)
    run = [torch.tensor([w, 1.0]) for w in (1.0, 0.0, -1.0, 0.0, -2.0)]
    [found] = verify.count_crossings(net, [[1.0]], run)
    assert (found.changes, found.undecided, found.exact, found.patterns) == (1, 2, False, None)


def test_a_sign_that_float64_misses_is_undecided_or_right() -> None:
    # x·w = 2⁻⁶⁰ exactly, while float64's rounded products cancel to 0.
    net = _relu(2, 1, 1, bias=False)
    a = 1.0 + 2.0**-30
    w = torch.tensor([a, -(1.0 + 2.0**-29), 1.0], dtype=torch.float64)
    [found] = verify.count_crossings(net, [[a, 1.0]], [torch.ones(3, dtype=torch.float64), w, -w])
    assert found.undecided in (0, 2)
    assert found.undecided == 2 or found.changes == 1


def test_deeper_layers_count_changes_and_claim_no_exactness() -> None:
    torch.manual_seed(0)
    net = _relu(3, 5, 4, 1)
    X = np.random.default_rng(0).normal(size=(6, 3))
    run = [torch.randn(sum(p.numel() for p in net.parameters()), dtype=torch.float64) for _ in range(12)]
    first, second = verify.count_crossings(net, X, run)
    assert (first.layer, second.layer) == (0, 1)
    assert (first.kinks, second.kinks) == (30, 24)
    assert first.exact
    assert not second.exact
    signs = []
    for theta in run:
        torch.nn.utils.vector_to_parameters(theta.clone(), net.parameters())
        signs.append((net[:3](torch.tensor(X)) > 0).numpy())
    assert second.changes == sum(int((a != b).sum()) for a, b in itertools.pairwise(signs))


def test_a_convolution_counts_every_channel_and_position() -> None:
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 2),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 3),
        torch.nn.ReLU(),
        torch.nn.Linear(3, 1),
    ).double()
    X = np.random.default_rng(1).normal(size=(4, 1, 3, 3))
    run = [torch.randn(sum(p.numel() for p in net.parameters()), dtype=torch.float64) for _ in range(10)]
    first, second = verify.count_crossings(net, X, run)
    assert (first.kinks, second.kinks) == (32, 12)
    assert (first.exact, second.exact) == (True, False)
    signs: list[list[np.ndarray]] = [[], []]
    for theta in run:
        torch.nn.utils.vector_to_parameters(theta.clone(), net.parameters())
        signs[0].append((net[:1](torch.tensor(X)) > 0).numpy())
        signs[1].append((net[:4](torch.tensor(X)) > 0).numpy())
    for found, seen in zip((first, second), signs, strict=True):
        assert found.changes == sum(int((a != b).sum()) for a, b in itertools.pairwise(seen))


def test_smooth_networks_and_wrong_iterates_are_refused() -> None:
    smooth = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Tanh())
    with pytest.raises(InputError, match="no kinks"):
        verify.count_crossings(smooth, [[1.0]], [smooth.state_dict()])
    net = _relu(1, 1, 1)
    with pytest.raises(InputError, match="share memory"):
        verify.count_crossings(net, [[1.0]], [net.state_dict(), net.state_dict()])
    with pytest.raises(ShapeError):
        verify.count_crossings(net, [[1.0]], [torch.zeros(3)])


def test_crossings_are_of_what_torch_computes() -> None:
    """A forward that tells numbers from a symbol has other kinks than those that were read."""

    class Shifted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU()).double()

        def forward(self, x: torch.Tensor) -> Any:
            return self.body(2.0 * x if isinstance(x, torch.Tensor) else x)

    with pytest.raises(DisagreementError):
        verify.count_crossings(Shifted(), [[1.0]], [torch.tensor([1.0])])
