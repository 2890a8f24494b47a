"""Scope `exact` on networks with kinks: every sign along the way is decided, or the certificate says which is not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
import torch

import verify
from verify.arrays import Ball
from verify.networks import linearise, read_network
from verify.networks.arb_forms import precision
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent.growth import NormCache, reach
from verify.regions.tests.descents import relu, two_layer_descent

STEP = "1/128"


def problem(activation: torch.nn.Module, seed: int = 0) -> tuple[torch.nn.Sequential, Any, Any]:
    torch.manual_seed(seed)
    X = torch.randn(4, 16, dtype=torch.float64)
    X = 4.0 * X / X.norm(dim=1, keepdim=True)
    net = torch.nn.Sequential(torch.nn.Linear(16, 128), activation, torch.nn.Linear(128, 1)).double()
    return net, X.numpy(), np.array([1.0, -1.0, 1.0, -1.0])


@pytest.fixture(scope="module")
def proved() -> tuple[Any, ...]:
    net, X, y = problem(torch.nn.ReLU())
    return net, X, y, verify.certify(net, X, y, scope="exact", lr=STEP, steps=500)


def test_the_enclosures_contain_an_independent_descent(proved: tuple[Any, ...]) -> None:
    net, X, y, cert = proved
    assert cert.verdict == "PROVED", cert.reason
    assert cert.claim == "containment_residual_relu"
    witness = cert.witness
    assert witness["steps"] > 3
    with precision(500):
        truth = two_layer_descent(net, X, y, Fraction(STEP), witness["steps"], relu)
        for k, (_, loss) in enumerate(truth):
            assert flint.arb(witness["loss_lower"][k]) <= loss <= flint.arb(witness["loss_upper"][k])
        gaps = [a - flint.arb(t) for a, t in zip(truth[-1][0], witness["end"].tolist(), strict=True)]
        assert sum((g * g for g in gaps), flint.arb(0)).sqrt() <= flint.arb(witness["delta"][-1])


def test_the_checker_encloses_the_same_descent_and_no_other(proved: tuple[Any, ...], tmp_path: Path) -> None:
    *_, cert = proved
    cert.save(tmp_path / "relu.zip")
    found = verify.check(tmp_path / "relu.zip")
    assert found.verdict == "ACCEPTED"
    assert "at each of its iterates" in found.claims[0]
    cert.witness["loss_upper"][2] *= 0.999
    cert.save(tmp_path / "relu.zip")
    assert verify.check(tmp_path / "relu.zip").verdict == "REJECTED"


@pytest.mark.parametrize("activation", [torch.nn.LeakyReLU(0.1), torch.nn.Hardtanh()])
@pytest.mark.parametrize("method", ["shadow", "shadow-arb", "arb"])
def test_other_kinks_and_every_method(activation: torch.nn.Module, method: str) -> None:
    net, X, y = problem(activation)
    cert = verify.certify(net, X, y, scope="exact", lr=STEP, steps=500, method=method)
    assert cert.verdict == "PROVED", cert.reason
    assert cert.witness["method"] == method


def test_a_sign_that_is_not_decided_is_named() -> None:
    net, X, y = problem(torch.nn.ReLU())
    weight, bias, *_ = net.parameters()
    with torch.no_grad():
        # Unit 5 at sample 2: w·x + b is 0 exactly.
        weight[5] = 0.0
        weight[5, 0], bias[5] = 1.0, -float(X[2, 0])
    cert = verify.certify(net, X, y, scope="exact", lr=STEP, steps=500)
    assert cert.verdict == "INCONCLUSIVE"
    assert "at step 0 the slope of unit 5 of hidden layer 1 at sample 2 is not decided" in cert.reason


def test_a_kink_in_the_balls_reach_is_no_smooth_change() -> None:
    net, X, _ = problem(torch.nn.ReLU())
    network = read_network(net)
    theta, delta = flatten(network), 1e-6
    z = X @ theta[: 128 * 16].reshape(128, 16).T + theta[128 * 16 : 128 * 17]
    sample, unit = np.unravel_index(np.argmin(np.abs(z)), z.shape)
    near = theta.copy()
    # Its bias brings this pre-activation within a tenth of δ of its kink.
    near[128 * 16 + unit] += 0.1 * delta - z[sample, unit]
    norms = NormCache()
    state = linearise(with_parameters(network, near), X)
    found = reach(state, delta, norms(state.network))
    assert found.kink == (0, int(sample), int(unit))
    assert found.jacobian == float("inf")
    across = near.copy()
    across[128 * 16 + unit] -= 0.5 * delta
    other = linearise(with_parameters(network, across), X)
    row = Ball(np.eye(len(X))[sample])
    pairs = zip(state.gradient(row), other.gradient(row), strict=True)
    change = max(np.abs(a.mid - b.mid).max() for a, b in pairs)
    # Far beyond anything of δ's size: a bound that overlooked the kink would be false.
    assert change > 1e3 * delta
    away = reach(state, 1e-3 * delta, norms(state.network))
    assert away.kink is None
    assert Ball(away.jacobian).upper() < 1e-6
