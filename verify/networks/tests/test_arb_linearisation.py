"""Layers through Arb: contained in what float64 says, containing what an independent high-precision reference says, sharp in depth."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb

import verify
from verify.networks import arb_linearisation, kernel_of, linearise, read_data, read_network
from verify.networks.arb_linearisation import (
    MOST_OPERATIONS,
    MOST_OUTPUTS,
    affordable,
    blurred,
    linearise_in_arb,
    radius_hides_positivity,
)
from verify.networks.curvature import Curvature
from verify.networks.layers import Activated
from verify.networks.linearisation import with_midpoints
from verify.networks.movement import Movement
from verify.networks.tests.arb_reference import PRECISION, jacobian
from verify.networks.tests.test_kernel import CASES, build, interval_contains, precision
from verify.regions.neighbourhood.ingredients import centre


def _chain(widths: tuple[int, ...], activation: Any = torch.nn.Tanh, seed: int = 0, bias: bool = True) -> Any:
    torch.manual_seed(seed)
    modules: list[Any] = []
    for index, (m, p) in enumerate(itertools.pairwise(widths)):
        modules.append(verify.nn.NTKLinear(m, p, bias=bias))
        if index < len(widths) - 2:
            modules.append(activation())
    return torch.nn.Sequential(*modules).double()


def _inputs(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, d))


@pytest.mark.parametrize(("activation", "depth", "outputs", "ntk", "last"), CASES)
def test_the_kernel_of_arb_layers_contains_the_exact_kernel(
    activation: torch.nn.Module, depth: int, outputs: int, ntk: bool, last: bool
) -> None:
    network = read_network(build(activation, depth, outputs, ntk, last, seed=depth + 10 * outputs))
    X = np.random.default_rng(1).standard_normal((3, 2))
    theta = kernel_of(linearise_in_arb(network, X))
    with precision(PRECISION):
        rows = jacobian(network, X)
        for i, j in np.ndindex(*theta.shape):
            value = sum((a * b for a, b in zip(rows[i], rows[j], strict=True)), arb(0))
            assert interval_contains(theta, (i, j), value)
    assert theta.rad.max() <= 1e-13 * np.abs(theta.mid).max()


@pytest.mark.parametrize(
    "activation", [torch.nn.Tanh, torch.nn.GELU, torch.nn.SiLU, torch.nn.Sigmoid, torch.nn.Softplus]
)
@pytest.mark.parametrize("widths", [(3, 5, 1), (2, 4, 3, 2)])
def test_both_precisions_enclose_the_same_layers(activation: Any, widths: tuple[int, ...]) -> None:
    network = read_network(_chain(widths, activation, bias=len(widths) == 3))
    X = _inputs(4, widths[0])
    here, there = linearise(network, X), linearise_in_arb(network, X)
    assert (here.bits, there.bits) == (53, 128)
    for name in ("Z", "A", "G", "B"):
        for double, sharp in zip(getattr(here, name), getattr(there, name), strict=True):
            assert (abs(double.mid - sharp.mid) <= double.rad + sharp.rad).all()
            assert (sharp.rad <= 2.0**-50 * np.abs(sharp.mid).max(initial=1e-300)).all()
    assert (abs(here.F.mid - there.F.mid) <= here.F.rad + there.F.rad).all()


class _Skip(torch.nn.Module):
    """Every layer that has a rule in Arb, with kinks of three kinds."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.a, self.b, self.c = torch.nn.Linear(2, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h = torch.relu(self.a(x)).flatten(1)
        return self.c(torch.nn.functional.hardtanh(0.5 * self.b(torch.nn.functional.leaky_relu(h)) + h))


def _mixed() -> torch.nn.Module:
    """Units with kinks between smooth ones."""
    torch.manual_seed(7)
    layers = (torch.nn.Linear(2, 4), torch.nn.Softplus(), torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4))
    return torch.nn.Sequential(*layers, torch.nn.SiLU(), torch.nn.Linear(4, 1))


@pytest.mark.parametrize(
    ("model", "chosen"), [(_Skip, ()), (_Skip, (0,)), (_Skip, (1,)), (_Skip, (0, 2)), (_mixed, (1,)), (_mixed, ())]
)
def test_mean_slopes_follow_arb_layers_as_they_follow_float64(model: Any, chosen: tuple[int, ...]) -> None:
    """A network with kinks whose λ_min float64 hides goes on to a ball that kinks cross, about the derivatives that Arb gave."""
    network, X = read_network(model().double().eval(), (2,)), _inputs(4, 2)
    places = [index for index, layer in enumerate(network.layers) if isinstance(layer, Activated)]
    masks = {places[i]: np.arange(16).reshape(4, 4) % 3 == 0 for i in chosen}
    here, there = (with_midpoints(made(network, X), masks) for made in (linearise, linearise_in_arb))
    double, sharp = kernel_of(here), kernel_of(there)
    assert (abs(double.mid - sharp.mid) <= double.rad + sharp.rad).all()
    r = np.array([0.01, 0.1])
    assert np.allclose(Movement(here).jacobian(r), Movement(there).jacobian(r), rtol=1e-9)


class _Branch(torch.nn.Module):
    """A sample of zeros is dead in one branch and alive in the other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.a, self.b, self.c = torch.nn.Linear(2, 4, bias=False), torch.nn.Linear(2, 4), torch.nn.Linear(4, 1)

    def forward(self, x: Any) -> Any:
        return self.c(torch.relu(self.a(x)) + torch.tanh(self.b(x)))


def test_what_is_zero_for_all_parameters_meets_no_kink_in_arb_either() -> None:
    network, X = read_network(_Branch().double(), (2,)), _inputs(3, 2)
    X[1] = 0.0
    here, there = (Curvature(made(network, X)) for made in (linearise, linearise_in_arb))
    r = np.array([1e-3])
    assert np.isfinite(here(r)).all()
    assert np.allclose(here(r), there(r), rtol=1e-9)


def _without_bias(rule: Any, h: Any) -> Any:
    rule._a = h * rule._scale
    return rule._a * rule._weight.transpose()


@pytest.mark.parametrize("fault", ["slopes of another sample", "scale forgotten", "bias forgotten"])
def test_a_fault_in_the_layers_is_seen_beside_float64(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, X = read_network(_chain((3, 5, 4, 2))), _inputs(4, 3)
    if fault == "slopes of another sample":
        original = arb_linearisation._Activated.pullback

        def backwards(rule: Any, g: Any) -> Any:
            rule._slope = rule._slope[::-1]
            return original(rule, g)

        monkeypatch.setattr(arb_linearisation._Activated, "pullback", backwards)
    elif fault == "scale forgotten":
        monkeypatch.setattr(arb_linearisation._Linear, "pullback", lambda rule, g: (g * rule._weight,))
    else:
        monkeypatch.setattr(arb_linearisation._Linear, "value", _without_bias)
    wrong, right = kernel_of(linearise_in_arb(network, X)), kernel_of(linearise(network, X))
    assert (abs(wrong.mid - right.mid) > wrong.rad + right.rad).any()


def test_ten_tanh_layers_of_128_keep_twelve_digits() -> None:
    """Θ's radius grew thirty-fold a layer in float64: nothing was left of it."""
    model = _chain((10, *[128] * 10, 1))
    X = _inputs(12, 10)
    network = read_network(model)
    assert blurred(kernel_of(linearise(network, X)))
    theta = verify.ntk(model, X)
    assert theta.rad.max() <= 1e-12 * np.abs(theta.mid).max()
    assert verify.smallest_eigenvalue(theta) > 0.0
    value = verify.loss(model, X, np.zeros(12))
    assert value.rad <= 1e-12 * value.mid
    certificate = verify.certify(model, X, np.zeros(12), scope="point")
    assert certificate.verdict == "PROVED"
    assert certificate.observed["precision"] == "layers enclosed in Arb, 128 bits"


def _float64_leaves_nothing(model: Any, X: np.ndarray) -> bool:
    theta = kernel_of(linearise(read_network(model), X))
    return bool(verify.smallest_eigenvalue(theta).lower() <= 0.0)


def test_a_deep_certificate_is_accepted_by_the_checker(tmp_path: Any) -> None:
    model, X = _chain((3, *[16] * 20, 1)), _inputs(3, 3)
    assert _float64_leaves_nothing(model, X)
    certificate = verify.certify(model, X, np.zeros(3), scope="point")
    assert certificate.verdict == "PROVED"
    certificate.save(tmp_path / "deep.zip")
    assert verify.check(tmp_path / "deep.zip").accepted


def test_shallow_networks_stay_in_float64() -> None:
    model, X = _chain((6, 40, 1)), _inputs(8, 6)
    state, _, smallest = centre(read_network(model), read_data(read_network(model), X, np.zeros(8)))
    assert state.bits == 53
    assert smallest > 0.0
    assert "precision" not in verify.certify(model, X, np.zeros(8), scope="point").observed


def test_a_singular_kernel_is_no_reason_to_escalate() -> None:
    model, X = _chain((3, 30, 1)), np.repeat(_inputs(3, 3), 2, axis=0)
    network = read_network(model)
    theta = kernel_of(linearise(network, X))
    assert verify.smallest_eigenvalue(theta).lower() <= 0.0
    assert not radius_hides_positivity(theta, network, 6)


def test_the_budget_is_kept() -> None:
    network = read_network(_chain((4, 8, 1)))
    assert affordable(network, MOST_OUTPUTS)
    assert not affordable(network, MOST_OUTPUTS + 1)
    wide = read_network(_chain((4, 1200, 1200, 1)))
    assert MOST_OPERATIONS < 2 * 400 * 1200 * 1200
    assert not affordable(wide, 400)


def test_too_few_bits_widen_but_never_lie() -> None:
    network, X = read_network(_chain((3, 6, 6, 6, 1))), _inputs(3, 3)
    sharp = kernel_of(linearise_in_arb(network, X, 256))
    for bits in (20, 30, 53, 90):
        theta = kernel_of(linearise_in_arb(network, X, bits))
        assert (abs(theta.mid - sharp.mid) <= theta.rad + sharp.rad).all()
        assert (theta.rad <= 2.0 ** (25 - min(bits, 53))).all()
