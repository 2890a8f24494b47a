"""Scope `exact`: enclosures against an independent high-precision descent, every method, the start off the centre, interruption."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
import torch

import verify
from verify import datasets
from verify.arrays import Ball
from verify.errors import InputError
from verify.networks import Problem, read_data, read_network
from verify.networks.arb_forms import precision
from verify.networks.parameters import with_parameters
from verify.regions.descent import enclosed_iterates as engines
from verify.regions.descent.arb import ArbDescent
from verify.regions.descent.float64 import Descent
from verify.regions.descent.growth import NormCache, growth_factor, reach
from verify.regions.neighbourhood.criteria import classical, residual
from verify.regions.neighbourhood.estimate import with_start
from verify.regions.neighbourhood.ingredients import gather, tabulate
from verify.regions.neighbourhood.point_facts import examine
from verify.regions.scopes import enclosing
from verify.regions.tests.descents import tanh, two_layer_descent

LR = "3/20"


def small(
    hidden: tuple[int, ...] = (40,), n: int = 6, d: int = 6, seed: int = 0
) -> tuple[torch.nn.Sequential, Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    widths = [d, *hidden, 1]
    layers: list[torch.nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        layers.append(verify.nn.NTKLinear(a, b, generator=generator))
        if i < len(hidden):
            layers.append(torch.nn.Tanh())
    return torch.nn.Sequential(*layers), *datasets.sphere(n, d, 4.0, seed)


@pytest.fixture(scope="module")
def proved() -> tuple[Any, ...]:
    model, X, y = small()
    return model, X, y, verify.certify(model, X, y, scope="exact", lr=LR, steps=1000)


def test_the_enclosures_contain_an_independent_descent(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    assert cert.verdict == "PROVED"
    witness = cert.witness
    steps = int(cert.constants["handover_step"])
    assert steps == witness["steps"] > 5
    assert all(len(witness[k]) == steps + 1 for k in ("delta", "lambda_lower", "loss_lower", "loss_upper"))
    truth = two_layer_descent(model, X, y, Fraction(LR), steps, tanh)
    previous = None
    with precision(500):
        for k, (_, loss) in enumerate(truth):
            assert flint.arb(witness["loss_lower"][k]) <= loss
            assert loss <= flint.arb(witness["loss_upper"][k])
            assert witness["loss_upper"][k] <= witness["loss_lower"][k] * (1 + 1e-6)
            if previous is not None:
                factor = 1 - flint.arb(3) / 20 * flint.arb(witness["lambda_lower"][k - 1])
                assert loss <= factor * previous
            previous = loss
        end = truth[-1][0]
        gaps = [a - flint.arb(b) for a, b in zip(end, witness["end"].tolist(), strict=True)]
        # A product: python-flint's power of a ball that meets 0 is not a number.
        gap = sum((g * g for g in gaps), flint.arb(0))
        assert gap.sqrt() <= flint.arb(witness["delta"][-1])
    assert witness["delta"][0] == 0.0
    assert witness["handover"]["offset"] == witness["delta"][-1]
    assert all(step.certain for step in cert.steps)
    assert float(cert.constants["mu_along_path"].lower()) <= witness["lambda_lower"].min()


def test_the_bounds_on_lambda_hold_at_the_exact_iterates(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    truth = two_layer_descent(model, X, y, Fraction(LR), 6, tanh)
    network = read_network(model)
    for k, (theta, _) in enumerate(truth):
        values = np.array([float(t.mid()) for t in theta])
        moved = with_parameters(network, values)
        exactly = float(gather(Problem(moved, read_data(network, X, y))).lambda0.mid)
        low = float(cert.witness["lambda_lower"][k])
        assert low <= exactly * (1 + 1e-9)
        assert low >= exactly * (1 - 1e-4)


@pytest.mark.parametrize("method", ["shadow", "shadow-arb", "arb"])
def test_every_method_proves_the_same_run(method: str, proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    other = verify.certify(model, X, y, scope="exact", lr=LR, steps=1000, method=method)
    assert other.verdict == "PROVED"
    assert other.witness["method"] == method
    assert other.constants["handover_step"] == cert.constants["handover_step"]
    distance = float(np.linalg.norm(other.witness["end"] - cert.witness["end"]))
    assert distance <= other.witness["delta"][-1] + cert.witness["delta"][-1]
    if method == "arb":
        assert 0.5 < other.observed["bits_lost_per_step"] < 6.0
    else:
        assert np.all(other.witness["growth"] >= 0.0)


def test_two_hidden_layers(proved: tuple[Any, ...]) -> None:
    model, X, y = small((24, 24), n=4)
    cert = verify.certify(model, X, y, scope="exact", steps=1000)
    assert cert.verdict == "PROVED"
    assert float(cert.constants["mu"].lower()) > 0.0
    assert cert.witness["delta"].max() < 1e-6


def test_precision_is_raised_when_it_runs_out(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    raised = verify.certify(model, X, y, scope="exact", lr=LR, steps=1000, method="arb", bits=60)
    assert raised.verdict == "PROVED"
    assert raised.witness["bits"] in (120, 240, 480, 960)
    assert raised.constants["handover_step"] == cert.constants["handover_step"]


def test_growth_that_is_forgotten_cannot_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    # Mutant: δ is not multiplied by g. Started 1e-3 off along unstable directions, the enclosure then loses the true iterates.
    model, X, y = small()
    network = read_network(model)
    data = read_data(network, X, y)
    lr = Fraction(3, 20)
    theta = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    directions = np.random.default_rng(0).standard_normal((8, theta.size))
    expansions = []
    for u in directions:
        # A few backward iterations would find the worst direction; forward differences of two descents show growth already.
        u /= np.linalg.norm(u)
        a, b = Descent(network, data, Fraction(1), lr), 1e-3
        apart = np.linalg.norm(a.step(theta + b * u)[0] - a.step(theta)[0]) / b
        expansions.append(apart)
    engine = engines.make_engine("shadow", 53, Problem(network, data, "sum", lr))
    here = examine(Problem(network, data))
    moved = reach(here.state, 1e-3, NormCache()(network))
    g = growth_factor(here.state, moved, here.residual, float(here.facts.lambda_max.upper()), Ball(lr))
    assert max(expansions) <= g
    engine.delta = 1e-3
    engine.advance(here.state, here.residual, g)
    assert engine.delta >= g * 1e-3
    # The rounding term is there: from δ = 0 one step leaves a positive radius that contains the true step.
    fresh = engines.make_engine("shadow", 53, Problem(network, data, "sum", lr))
    fresh.advance(here.state, here.residual, g)
    arb = ArbDescent(Problem(network, data, "sum", lr), 300)
    true_step, _ = arb.midpoints(arb.step(arb.start()))
    doubles, slack = arb.doubles(true_step)
    assert 0.0 < np.linalg.norm(doubles - fresh.theta) <= fresh.delta + slack


def scalar() -> Any:
    """F(x) = w·x at x = 2 from w = 0 with target 2: J = 2, Δ_J = L_H = 0, e0 = −2, path 1/c, all exact."""
    layer = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    layer.weight.data[:] = 0.0
    network = read_network(torch.nn.Sequential(layer))
    return gather(Problem(network, read_data(network, np.array([[2.0]]), np.array([2.0]))))


def test_a_start_off_the_centre_uses_up_radius() -> None:
    lr = Fraction(1, 2**20)
    ingredients = scalar()
    for offset, holds in ((0.0, True), (0.09, True), (0.11, False), (1.5, False)):
        shifted = with_start(ingredients, offset, 2.0)
        # The centred need is 1 (up to 1/c); the ball has radius 1.1.
        table = tabulate(shifted, [0.275, 0.55, 0.825, 1.1])
        assert classical(shifted, table, 3, lr).holds is holds
        assert residual(shifted, table, 3, lr).holds is holds
    # A larger residual at the unknown start needs a longer path.
    worse = with_start(ingredients, 0.0, 2.3)
    table = tabulate(worse, [0.275, 0.55, 0.825, 1.1])
    assert not classical(worse, table, 3, lr).holds
    assert not residual(worse, table, 3, lr).holds


def test_resuming_after_a_kill_gives_the_same_certificate(
    tmp_path: Path, proved: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X, y, _ = proved
    monkeypatch.setattr(enclosing, "_SAVE_EVERY", 3)
    for method, kind in (("shadow", engines.FloatShadow), ("arb", engines.ArbBalls)):
        straight = verify.certify(
            model, X, y, scope="exact", lr=LR, steps=1000, method=method, directory=tmp_path / f"{method}-straight"
        )
        end = int(straight.constants["handover_step"])
        original = kind.advance
        calls = 0

        def killed(self: Any, *args: Any, original: Any = original, end: int = end) -> None:
            nonlocal calls
            calls += 1
            if calls == end // 2 + 1:
                raise KeyboardInterrupt
            original(self, *args)

        monkeypatch.setattr(kind, "advance", killed)
        options: dict[str, Any] = {
            "scope": "exact",
            "lr": LR,
            "steps": 1000,
            "method": method,
            "directory": tmp_path / method,
        }
        with pytest.raises(KeyboardInterrupt):
            verify.certify(model, X, y, **options)
        again = verify.certify(model, X, y, **options)
        assert calls <= end + 5, "it went on from the state instead of starting again"
        monkeypatch.setattr(kind, "advance", original)
        assert again.verdict == "PROVED"
        for name in ("end", "delta", "growth", "rounding", "lambda_lower", "loss_upper"):
            assert np.array_equal(again.witness[name], straight.witness[name]), name


def test_what_is_missing_is_said(proved: tuple[Any, ...]) -> None:
    model, X, y, _ = proved
    early = verify.certify(model, X, y, scope="exact", lr=LR, steps=2)
    assert early.verdict == "INCONCLUSIVE"
    assert "no certifiable point within 2 steps" in early.reason
    wild = verify.certify(model, X, y, scope="exact", lr=50, steps=300)
    assert wild.verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "guess"}, "method='guess'"),
        ({"bits": 10}, "bits=10"),
        ({"iterates": []}, "unknown option iterates"),
        ({"steps": -3}, "steps=-3"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    model, X, y = small((4,))
    with pytest.raises(InputError, match=message):
        verify.certify(model, X, y, scope="exact", lr=LR, **options)


@pytest.mark.parametrize("act", [torch.nn.Sigmoid, torch.nn.Softplus, torch.nn.GELU, torch.nn.SiLU, verify.nn.Sine])
def test_arb_activations_agree_with_the_enclosures(act: type[torch.nn.Module]) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(2, 3, dtype=torch.float64), act(), torch.nn.Linear(3, 1, dtype=torch.float64)
    )
    network = read_network(model)
    data = read_data(network, np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([1.0, -1.0]))
    lr = Fraction(1, 8)
    engine = engines.make_engine("shadow", 53, Problem(network, data, "sum", lr))
    here = examine(Problem(network, data))
    engine.advance(here.state, here.residual, 1.0)
    arb = ArbDescent(Problem(network, data, "sum", lr), 200)
    theta, slack = arb.doubles(arb.step(arb.start()))
    assert np.linalg.norm(theta - engine.theta) <= engine.delta + slack < 1e-13


def test_a_linear_model_needs_no_run() -> None:
    # Σ e∇²F = 0: no growth, and the ball holds at the start already.
    layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    cert = verify.certify(torch.nn.Sequential(layer), [[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0], scope="exact", lr="1/8")
    assert cert.verdict == "PROVED"
    assert cert.constants["handover_step"] == 0
    assert cert.witness["delta"].tolist() == [0.0]
