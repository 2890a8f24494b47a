"""One small certificate of each kind, made by the engine: what a hostile editor starts from. Each is checked in some hundredths of a second."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import torch

import verify
from verify import datasets, nn
from verify.checker.tests.sealing import Draft
from verify.networks.parameters import flatten
from verify.regions.descent.polishing import Polished
from verify.regions.scopes import basin as basin_scope

__all__ = ["KINDS", "small"]

_NEAR = 2.0**-20


def _dense(d: int, width: int, act: type[torch.nn.Module] = torch.nn.Tanh, seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(d, width), act(), torch.nn.Linear(width, 1)).double()


def _targets(net: torch.nn.Module, X: torch.Tensor, gap: float) -> torch.Tensor:
    """The network's own values, moved by about `gap`."""
    torch.manual_seed(1)
    with torch.no_grad():
        values = net(X)
    return torch.as_tensor(values + gap * torch.randn_like(values))


def _basin(descent: verify.SGD | None = None) -> verify.Certificate:
    net, X, y = _dense(1, 6), torch.randn(3, 1).double(), torch.randn(3, 1).double()
    return verify.certify(net, X, y, scope="basin", loss="mse", descent=descent)


def _near(
    gap: float, scope: verify.Scope, act: type[torch.nn.Module] = torch.nn.Tanh, seed: int = 0, **options: Any
) -> verify.Certificate:
    net = _dense(2, 8, act, seed)
    X = torch.randn(2, 2).double()
    return verify.certify(net, X, _targets(net, X, gap), scope=scope, **options)


def _region(width: int = 24, lr: str = "1/4", **options: Any) -> verify.Certificate:
    X, y = datasets.sphere(1, 3, norm=3.0)
    return verify.certify(nn.antisymmetric_two_layer(3, width, seed=0), X, y, lr=lr, scope="region", **options)


def _two_hidden(**options: Any) -> verify.Certificate:
    X, y = datasets.sphere(1, 4, norm=2.0)
    generator = torch.Generator().manual_seed(0)
    layers: list[torch.nn.Module] = []
    for a, b in ((4, 32), (32, 32)):
        layers += [nn.NTKLinear(a, b, generator=generator), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers, nn.NTKLinear(32, 1, generator=generator))
    return verify.certify(model, X, y, lr="1/4", scope="region", **options)


def _about(gap: float, **options: Any) -> verify.Certificate:
    """A ball about a centre beside the parameters: by displacement where every start near the centre converges, else from the parameters alone."""
    net = _dense(2, 8)
    X, beside = torch.randn(2, 2).double(), torch.nn.utils.parameters_to_vector(net.parameters()).detach() + 1e-6
    return verify.certify(net, X, _targets(net, X, gap), scope="ball", centre=beside, **options)


def _pool(channels: int, act: type[torch.nn.Module]) -> torch.nn.Sequential:
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, channels, 2), act(), torch.nn.MaxPool2d(2), torch.nn.Flatten())
    return torch.nn.Sequential(*layers, torch.nn.Linear(channels, 1)).double()


def _pooled() -> verify.Certificate:
    net, X = _pool(2, torch.nn.ReLU), torch.randn(2, 1, 3, 3).double()
    return verify.certify(net, X, _targets(net, X, 1e-3), scope="basin")


def _stay(network: Any, data: Any, *, seconds: float) -> list[Polished]:
    """No polishing: the parameters given are the centre."""
    return [Polished(flatten(network), (1.0,), "converged")]


def _at_the_edge(net: Any, X: torch.Tensor, scope: verify.Scope) -> verify.Certificate:
    """Certify a fit about the parameters themselves."""
    with torch.no_grad():
        y = net(X) + 1e-9
    with mock.patch.object(basin_scope, "zeros", _stay):
        return verify.certify(net, X, y, scope=scope, lr="1/64")


def _on_a_kink(scope: verify.Scope) -> verify.Certificate:
    """A unit 2^-50 above its kink for one sample."""
    net: Any = _dense(3, 16, torch.nn.ReLU)
    X, first = 2.0 * torch.randn(2, 3).double(), net[0]
    with torch.no_grad():
        first.bias[-1] = 2.0**-50 - first.weight[-1] @ X[0]
    return _at_the_edge(net, X, scope)


def _on_a_tie() -> verify.Certificate:
    """The two largest entries of a window 2^-50 apart; what the choice can change is small beside σ."""
    net: Any = _pool(8, torch.nn.Tanh)
    X, weight = torch.randn(2, 1, 3, 3).double(), net[0].weight[-1]
    with torch.no_grad():
        patches = torch.nn.functional.unfold(X[:1], 2)[0].T
        largest = (patches @ weight.reshape(-1)).topk(2).indices
        apart = patches[largest[0]] - patches[largest[1]]
        weight -= ((apart @ weight.reshape(-1) - 2.0**-50) * apart / (apart @ apart)).reshape(weight.shape)
        net[-1].weight[0, -1] *= 0.05
    return _at_the_edge(net, X, "basin")


KINDS: dict[str, Callable[[], verify.Certificate]] = {
    "any order": lambda: _basin(verify.SGD(batch_size=2)),
    "given batches": lambda: _basin(verify.SGD(batches=[[1, 0], [2]])),
    "with replacement": lambda: _basin(verify.SGD(batch_size=2, order="with_replacement", drop_last=True)),
    "heavy ball": lambda: _basin(verify.SGD(momentum="1/2")),
    "Nesterov": lambda: _basin(verify.SGD(momentum="1/2", nesterov=True)),
    "heavy ball from the parameters": lambda: _near(1e-6, "ball", descent=verify.SGD(momentum="1/2"), lr="1/20"),
    "region": _region,
    "region of starts": lambda: _region(start_radius=_NEAR),
    "region of data": lambda: _region(start_radius=_NEAR, data_radius=_NEAR),
    "region by features": _two_hidden,
    "ball": lambda: _near(1e-3, "ball"),
    "ball of data": lambda: _near(1e-3, "ball", data_radius=1e-4),
    "ball about a centre": lambda: _about(1e-3),
    "ball beside a centre": lambda: _about(1e-3, data_radius=1e-5),
    "ball across kinks": lambda: _on_a_kink("ball"),
    "basin": _basin,
    "basin across kinks": lambda: _on_a_kink("basin"),
    "basin with pooling": _pooled,
    "basin across windows": _on_a_tie,
    "run": lambda: _near(0.3, "run", steps=40, lr="1/10"),
    "exact": lambda: _near(1.0, "exact", steps=40, lr="1/20"),
    "exact with kinks": lambda: _near(0.3, "exact", torch.nn.ReLU, steps=80, lr="1/20"),
}


@cache
def small(kind: str) -> Draft:
    """Return the certificate of a kind as a document that can be altered and sealed again."""
    certificate = KINDS[kind]()
    assert certificate.verdict == "PROVED", (kind, certificate.reason)
    with tempfile.TemporaryDirectory() as folder:
        return Draft.of(certificate.save(Path(folder) / "certificate.zip"))
