"""One training step (full batch, float64): ours beside the same step written by hand in numpy and in torch without autograd."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import torch

from verify.bench.kernels import model
from verify.bench.timing import Row, compare
from verify.networks import DataSet, Network, read_data, read_network
from verify.networks.parameters import flatten, views
from verify.regions.descent.float64 import Descent

__all__ = ["numpy_step", "run", "torch_step"]

_LR = Fraction(1, 1000)


def numpy_step(network: Network, data: DataSet) -> Callable[[np.ndarray], np.ndarray]:
    """Return θ ↦ θ − η∇Φ(θ) as one would write it in numpy: tanh layers without bias, NTK parametrisation."""
    scales = [float(layer.inverse_square_scale) ** -0.5 for layer in network.chain]

    def step(theta: np.ndarray) -> np.ndarray:
        weights = [parts["weight"] for parts in views(network, theta)]
        inputs, h = [], data.X
        for index, weight in enumerate(weights):
            inputs.append(h)
            z = (h @ weight.T) * scales[index]
            h = z if index == len(weights) - 1 else np.tanh(z)
        back, gradients = h - data.y, []
        for index in reversed(range(len(weights))):
            gradients.append((back.T @ inputs[index]) * scales[index])
            if index:
                back = (back @ weights[index]) * scales[index] * (1.0 - inputs[index] ** 2)
        return theta - float(_LR) * np.concatenate([g.ravel() for g in reversed(gradients)])

    return step


def torch_step(network: Network, data: DataSet) -> Callable[[list[torch.Tensor]], list[torch.Tensor]]:
    """Return the same by hand in torch, under no_grad, on a list of weights."""
    scales = [float(layer.inverse_square_scale) ** -0.5 for layer in network.chain]
    X, y = torch.from_numpy(np.array(data.X)), torch.from_numpy(np.array(data.y))

    @torch.no_grad()
    def step(weights: list[torch.Tensor]) -> list[torch.Tensor]:
        inputs, h = [], X
        for index, weight in enumerate(weights):
            inputs.append(h)
            z = (h @ weight.T).mul_(scales[index])
            h = z if index == len(weights) - 1 else z.tanh_()
        back, after = h - y, []
        for index in reversed(range(len(weights))):
            after.append(weights[index] - (back.T @ inputs[index]).mul_(float(_LR) * scales[index]))
            if index:
                back = (back @ weights[index]).mul_(scales[index]).mul_(1.0 - inputs[index] ** 2)
        return after[::-1]

    return step


def run(quick: bool = False) -> list[Row]:
    """Return the rows: 100 inputs of dimension 64, one and two hidden layers; every peer takes the same step up to rounding."""
    rows: list[Row] = []
    for width, hidden in ((32, 1),) if quick else ((1024, 1), (1024, 2)):
        rng = np.random.default_rng(0)
        network = read_network(model(width, hidden))
        data = read_data(network, rng.standard_normal((100, 64)), rng.choice([-1.0, 1.0], 100))
        ours, theta = Descent(network, data, Fraction(1), _LR), flatten(network)
        by_numpy, by_torch = numpy_step(network, data), torch_step(network, data)
        weights = [torch.from_numpy(parts["weight"].copy()) for parts in views(network, theta)]
        by_hand = np.concatenate([weight.numpy().ravel() for weight in by_torch(weights)])
        for name, after in (("numpy", by_numpy(theta)), ("torch", by_hand)):
            if np.max(np.abs(after - ours.step(theta)[0])) > 1e-10:
                raise AssertionError(f"training step: {name}'s step and ours differ")
        peers = (
            ("numpy by hand", np.__version__, functools.partial(by_numpy, theta)),
            ("torch by hand, no_grad", torch.__version__, functools.partial(by_torch, weights)),
        )
        rows += [
            compare(
                f"training step 64-{'-'.join([str(width)] * hidden)}-1, n=100",
                functools.partial(ours.step, theta),
                call,
                peer_name=peer,
                peer_version=version,
                proof=False,
                target=1.0,
                repeats=3 if quick else 41,
            )
            for peer, version, call in peers
        ]
    return rows
