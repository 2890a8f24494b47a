"""The NTK of a convolutional network: our enclosure beside torch.func's recipe and beside the same blocks in plain float64."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch

from verify.bench.kernels import MEMORY, enclosed_ntk, torch_contraction
from verify.bench.timing import Row, compare, skip
from verify.networks import Network, read_network
from verify.networks.layers import AveragePool, Convolution, Linear

__all__ = ["model", "plain_ntk", "run"]


def model(channels: int, image: int, hidden: int | None = None, seed: int = 0) -> torch.nn.Sequential:
    """Return two 3 × 3 convolutions with tanh and average pooling, then a linear layer, or one of `hidden` tanh units and a linear one; one output."""
    torch.manual_seed(seed)
    features = 2 * channels * (image // 4) ** 2
    head: list[torch.nn.Module] = [torch.nn.Linear(features, 1)]
    if hidden is not None:
        head = [torch.nn.Linear(features, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1)]
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, channels, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(channels, 2 * channels, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        *head,
    ).double()


def plain_ntk(network: Network, X: np.ndarray) -> np.ndarray:
    """Return Θ of such a network from the same patches and products as ours, without any bound on its error."""
    n = len(X)
    h: Any = np.moveaxis(X, 1, -1).reshape(n, -1, X.shape[1])
    kept: list[Any] = []
    for index, layer in enumerate(network.layers):
        shape = network.shapes_below(index)[0]
        if isinstance(layer, Convolution):
            windows = layer.windows(shape)
            matrix = layer.weight.transpose(0, 2, 3, 1).reshape(layer.weight.shape[0], -1)
            patches = windows.gather(h).reshape(n, windows.positions[1], -1)
            kept.append(patches)
            h = patches @ matrix.T + layer.bias
        elif isinstance(layer, AveragePool):
            kept.append(None)
            h = layer.windows(shape).gather(h).mean(axis=2)
        elif isinstance(layer, Linear):
            kept.append(h)
            h = h @ layer.weight.T + layer.bias
        elif layer.kind == "flatten":
            kept.append(h.shape)
            h = h.transpose(0, 2, 1).reshape(n, -1)
        else:
            h = np.tanh(h)
            kept.append(1.0 - h * h)
    g: Any = np.ones((n, 1))
    total = np.zeros((n, n))
    for index in reversed(range(len(network.layers))):
        layer, shape = network.layers[index], network.shapes_below(index)[0]
        if isinstance(layer, Convolution):
            rows = (g.transpose(0, 2, 1) @ kept[index]).reshape(n, -1)
            ones = g.sum(axis=1)
            total += rows @ rows.T + ones @ ones.T
            windows, places = (
                layer.windows(shape),
                layer.weight.transpose(2, 3, 0, 1).reshape(-1, *layer.weight.shape[:2]),
            )
            g = windows.scatter(g @ place for place in places) if index else g
        elif isinstance(layer, AveragePool):
            windows = layer.windows(shape)
            g = windows.scatter([g / windows.size] * windows.size)
        elif isinstance(layer, Linear):
            total += (g @ g.T) * (kept[index] @ kept[index].T + 1.0)
            g = g @ layer.weight
        elif layer.kind == "flatten":
            g = g.reshape(n, -1, kept[index][1]).transpose(0, 2, 1)
        else:
            g = g * kept[index]
    return total


def run(quick: bool = False) -> list[Row]:
    """Return the rows of the comparison."""
    rows: list[Row] = []
    long = [(100, 16, 8, None), (100, 16, 28, None), (100, 16, 28, 128), (100, 16, 28, 512), (1000, 16, 28, None)]
    for n, channels, image, hidden in [(20, 4, 8, None)] if quick else long:
        net = model(channels, image, hidden)
        network = read_network(net, (1, image, image))
        X = np.random.default_rng(0).standard_normal((n, 1, image, image))
        ours = functools.partial(enclosed_ntk, network, X)
        plain = functools.partial(plain_ntk, network, X)
        found, expected = ours(), plain()
        gap = float(np.max(np.abs(found.mid - expected)))
        if not gap <= 1e-8 * float(np.max(np.abs(expected))):
            raise AssertionError(f"plain float64: differs from our kernel by {gap}")
        dense = "" if hidden is None else f", fc {hidden}"
        name = f"NTK CNN {channels}-{2 * channels}{dense} on {image}×{image}, n={n}"
        rows.append(
            compare(
                name,
                ours,
                plain,
                peer_name="same blocks, plain float64",
                peer_version=f"numpy {np.__version__}",
                proof=False,
                target=2.0,
                repeats=3,
            )
        )
        # Per-sample Jacobians by vmap hold every layer's patches of all samples at once.
        need = 8 * n * (network.parameters + 20 * network.units)
        if need > MEMORY:
            rows.append(
                skip(f"{name} speed-up", "torch.func jacrev contraction", f"needs about {need / 2**30:.1f} GiB")
            )
            continue
        peer = functools.partial(torch_contraction, net, torch.from_numpy(X))
        rows.append(
            compare(
                f"{name} speed-up",
                ours,
                peer,
                peer_name="torch.func jacrev contraction",
                peer_version=torch.__version__,
                proof=False,
                target=10.0,
                repeats=3,
            )
        )
    return rows
