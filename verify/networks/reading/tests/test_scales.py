"""Scales and functions of the theory's own modules: read as torch computes them, stored, checked; what is no exact number is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import verify
from verify.errors import DtypeError, InputError, UnsupportedLayerError
from verify.networks import Network, read_network
from verify.networks.layers import Activated, Linear, Scale
from verify.networks.linearisation import forward
from verify.networks.reading.comparison import require_agreement
from verify.nn import NTKLinear

X = np.random.default_rng(3).standard_normal((4, 3))


def lazy(**options: Any) -> nn.Sequential:
    generator = torch.Generator().manual_seed(1)
    first = NTKLinear(3, 6, True, generator=generator, **options)
    last = NTKLinear(6, 2, True, generator=generator, **options)
    return nn.Sequential(first, nn.Softsign(), last, verify.nn.Scale(0.125))


def agrees(model: nn.Module) -> Network:
    network = read_network(model)
    require_agreement(model, network, X)
    with torch.no_grad():
        expected = model(torch.from_numpy(X)).numpy()
    assert np.allclose(forward(network, X).mid, expected, rtol=1e-13, atol=1e-15)
    return network


@pytest.mark.parametrize(
    "options", [{}, {"weight_std": 1.5}, {"bias_std": 0.05}, {"weight_std": 2**0.5, "bias_std": 3.0}]
)
def test_scales_are_read_as_neural_tangents_uses_them(options: dict[str, float]) -> None:
    network = agrees(lazy(**options))
    first, last = (layer for layer in network.layers if isinstance(layer, Linear))
    assert (first.weight_scale, first.bias_scale) == (options.get("weight_std", 1.0), options.get("bias_std", 1.0))
    assert (first.inverse_square_scale, last.inverse_square_scale) == (3, 6)
    assert isinstance(network.layers[-1], Scale)
    # z = (W_std/√3)·W x + b_std·b, from the definition.
    std, by = options.get("weight_std", 1.0), options.get("bias_std", 1.0)
    assert first.bias is not None
    z = std / 3**0.5 * X @ first.weight.T + by * first.bias
    a = z / (1.0 + np.abs(z))
    assert last.bias is not None
    F = 0.125 * (std / 6**0.5 * a @ last.weight.T + by * last.bias)
    assert np.allclose(forward(network, X).mid, F, rtol=1e-13)


class Ordinary(nn.Module):
    """Functions in the place of modules."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = (nn.Linear(a, b).double() for a, b in ((3, 5), (5, 5), (5, 1)))
        self.alpha = verify.nn.Scale(-0.5)

    def forward(self, x: Any) -> Any:
        x = functional.celu(self.first(x), 0.5)
        x = functional.softsign(x) + functional.elu(x) + 2 * functional.relu6(x)
        return self.last(functional.hardtanh(self.second(self.alpha(x))))


def test_functions_and_scales_within_a_forward() -> None:
    network = agrees(Ordinary())
    names = [
        (layer.function.name, dict(layer.function.parameters))
        for layer in network.layers
        if isinstance(layer, Activated)
    ]
    assert names == [
        ("celu", {"alpha": 0.5}),
        ("softsign", {}),
        ("celu", {"alpha": 1.0}),
        ("relu6", {}),
        ("hardtanh", {}),
    ]
    assert [layer.factor for layer in network.layers if isinstance(layer, Scale)] == [2.0, -0.5]


@pytest.mark.parametrize("factor", [0.0, float("inf"), float("nan"), 2**53 + 1, True])
def test_a_factor_that_is_no_exact_number_is_refused(factor: Any) -> None:
    with pytest.raises(InputError, match="factor"):
        verify.nn.Scale(factor)
    module = verify.nn.Scale(1.0)
    module.factor = factor
    with pytest.raises(UnsupportedLayerError, match="factor"):
        read_network(nn.Sequential(nn.Linear(3, 1).double(), module))


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan"), torch.tensor(1.5), "2"])
def test_scales_that_are_no_positive_numbers_are_refused(std: Any) -> None:
    for name in ("weight_std", "bias_std"):
        with pytest.raises(InputError, match=name):
            NTKLinear(2, 2, True, **{name: std})
        model = lazy()
        setattr(model[0], name, std)
        with pytest.raises(UnsupportedLayerError, match=name):
            read_network(model)


@pytest.mark.filterwarnings("ignore")
def test_quantised_weights_modules_and_data_are_refused() -> None:
    plain = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    with pytest.raises(UnsupportedLayerError, match="before quantisation"):
        read_network(torch.ao.quantization.quantize_dynamic(plain, {nn.Linear}))  # type: ignore[no-untyped-call]
    rounded = torch.quantize_per_tensor(torch.randn(4, 3), 0.1, 0, torch.qint8)
    with pytest.raises(DtypeError, match="X"):
        verify.ntk(plain, rounded)
    first: Any = plain[0]
    first.weight = nn.Parameter(rounded, requires_grad=False)
    with pytest.raises(DtypeError, match="weight"):
        read_network(plain)


def test_a_lazy_network_is_proved_and_checked(tmp_path: Path) -> None:
    """α = 8 with neural-tangents' scales: the certificate stores them, and the checker reads them."""
    generator = torch.Generator().manual_seed(2)
    std = {"weight_std": 1.5, "bias_std": 0.05}
    model = nn.Sequential(
        NTKLinear(3, 64, True, generator=generator, **std),
        nn.ELU(),
        NTKLinear(64, 1, True, generator=generator, **std),
        verify.nn.Scale(8.0),
    )
    cert = verify.certify(model, X, np.array([0.5, -0.25, 1.0, 0.0]), scope="basin")
    assert cert.verdict == "PROVED", cert.reason
    path = cert.save(tmp_path / "c.zip")
    found = verify.check(path)
    assert found.accepted, found.failures
    assert verify.Certificate.load(path).problem.network.architecture() == read_network(model).architecture()
