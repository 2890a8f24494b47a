"""How loose the bound L_H of convolutional and residual networks is: certified on a basin, beside what an attack finds at its centre.

L_H ≥ sup‖D²F‖ decides how large a basin can be. The attack maximises the trilinear form uᵀD²F(c)[v, w] over unit vectors, one of them at a time, from
several starts: what it reaches is *observed*, a lower bound of the truth up to rounding. No bound is accepted by it; one below it would be false.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.func import grad, jvp

from verify.arrays import Ball
from verify.certificates import Certificate
from verify.errors import InputError, UnsupportedLayerError
from verify.experiments.looseness import LoosenessRow
from verify.networks import DataSet, Network
from verify.networks.layers import (
    Activated,
    AveragePool,
    BatchNorm,
    Convolution,
    Flatten,
    GroupNorm,
    Layer,
    Linear,
    MaxPool,
    Scale,
    Sum,
)
from verify.networks.parameters import views

__all__ = ["TorchGraph", "looseness_of_basin", "second_derivative"]

Tensor = torch.Tensor


def _linear(layer: Linear, weight: Tensor, bias: Tensor | None, h: Tensor) -> Tensor:
    z = float(layer.scale.mid) * (h @ weight.T)
    return z if bias is None else z + layer.bias_scale * bias


def _convolution(layer: Convolution, weight: Tensor, bias: Tensor | None, h: Tensor) -> Tensor:
    z = torch.nn.functional.conv2d(
        h, float(layer.scale.mid) * weight, None, layer.stride, layer.padding, layer.dilation, layer.groups
    )
    return z if bias is None else z + bias[:, None, None]


def _batch_norm(layer: BatchNorm, weight: Tensor, bias: Tensor | None, h: Tensor) -> Tensor:
    mean, variance = torch.from_numpy(layer.mean.copy()), torch.from_numpy(layer.variance.copy())
    return torch.nn.functional.batch_norm(h, mean, variance, weight, bias, eps=float(layer.eps))


def _average_pool(layer: AveragePool, h: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(
        h, layer.kernel, layer.stride, layer.padding, count_include_pad=layer.count_include_pad
    )


def _group_norm(layer: GroupNorm, h: Tensor) -> Tensor:
    runs = h.reshape(len(h), layer.groups, -1)
    runs = runs - runs.mean(2, keepdim=True) if layer.centred else runs
    return (runs / (runs.square().mean(2, keepdim=True) + layer.eps).sqrt()).reshape(h.shape)


_TRAINED: dict[type[Layer], Callable[..., Tensor]] = {
    Linear: _linear,
    Convolution: _convolution,
    BatchNorm: _batch_norm,
}
_OTHER: dict[type[Layer], Callable[..., Tensor]] = {
    AveragePool: _average_pool,
    GroupNorm: _group_norm,
    MaxPool: lambda la, h: torch.nn.functional.max_pool2d(h, la.kernel, la.stride, la.padding, la.dilation),
    Activated: lambda layer, z: layer.function.record.in_torch(z, dict(layer.function.parameters)),
    Flatten: lambda _, h: h.flatten(1),
    Scale: lambda layer, h: layer.factor * h,
    Sum: lambda _, *h: sum(h[1:], h[0]),
}


@dataclass(frozen=True)
class TorchGraph:
    """A network on a graph as a differentiable float64 function of one flat parameter vector (observed values only)."""

    network: Network
    data: DataSet

    def outputs(self, theta: Tensor) -> Tensor:
        """Return F(θ), flat (n·k,).

        Raises:
            UnsupportedLayerError: a kind that the attack does not know.
        """
        parts: dict[int, dict[str, Tensor]] = {}
        at = 0
        shapes = zip(self.network.trained, views(self.network, np.zeros(self.network.parameters)), strict=True)
        for index, arrays in shapes:
            parts[index] = {}
            for name, array in arrays.items():
                parts[index][name] = theta[at : at + array.size].reshape(array.shape)
                at += array.size

        def value(index: int, layer: Layer, below: tuple[Tensor, ...]) -> Tensor:
            if type(layer) in _TRAINED:
                stored: dict[str, Any] = {
                    name: torch.from_numpy(array.copy())
                    for name, array in layer.stored.items()  # type: ignore[attr-defined]
                }
                given = stored | parts.get(index, {})
                return _TRAINED[type(layer)](layer, given["weight"], given.get("bias"), *below)
            if type(layer) not in _OTHER:
                raise UnsupportedLayerError(f"layer {index} ({layer.kind}): this attack does not know it")
            return _OTHER[type(layer)](layer, *below)

        return self.network.forward(value, torch.from_numpy(self.data.X.copy()))[-1].reshape(-1)


def second_derivative(
    graph: TorchGraph, theta: np.ndarray, *, starts: int = 3, steps: int = 20, seed: int = 0
) -> float:
    """Return the largest uᵀD²F(θ)[v, w] that alternating maximisation over unit vectors finds."""
    torch.manual_seed(seed)
    point, best = torch.from_numpy(theta.copy()), 0.0
    for _ in range(starts):
        v, w = (torch.nn.functional.normalize(torch.randn_like(point), dim=0) for _ in range(2))
        for _ in range(steps):

            def along(t: Tensor, direction: Tensor = v) -> Tensor:
                image: Tensor = jvp(graph.outputs, (t,), (direction,))[1]
                return image

            u = jvp(along, (point,), (w,))[1]
            best = max(best, float(u.norm()))
            u = torch.nn.functional.normalize(u, dim=0)

            def slope(t: Tensor, weights: Tensor = u) -> Tensor:
                found: Tensor = grad(lambda s: weights @ graph.outputs(s))(t)
                return found

            v = torch.nn.functional.normalize(jvp(slope, (point,), (w,))[1], dim=0)
            w = torch.nn.functional.normalize(jvp(slope, (point,), (v,))[1], dim=0)
    return best


def looseness_of_basin(certificate: Certificate, *, starts: int = 3, steps: int = 20) -> list[LoosenessRow]:
    """Return what a PROVED basin certifies beside what is observed at its centre: L_H, λ_min on the ball, and the factor of Φ per step.

    The observed factor is that of the slowest mode at c, (1 − ηsλ_min)², which descent there attains in the limit.

    Raises:
        InputError: no PROVED basin. UnsupportedLayerError.
    """
    if certificate.scope != "basin" or not certificate.proved:
        raise InputError(f"scope={certificate.scope}, verdict={certificate.verdict}: expected a PROVED basin")
    problem, c = certificate.problem, certificate.constants
    graph = TorchGraph(problem.network, problem.data)
    seen = second_derivative(graph, np.asarray(certificate.witness["centre"]), starts=starts, steps=steps)
    bent, low, factor = (float(c[name].upper()) for name in ("L_H", "lambda0", "rate"))
    region = float(c["mu"].lower()) / float(problem.scale)
    slowest = (1.0 - float(Ball(c["lr"]).mid) * float(problem.scale) * low) ** 2
    return [
        LoosenessRow("L_H = sup‖D²F‖", bent, seen, bent / seen if seen else float("inf")),
        LoosenessRow("λ_min on the ball", region, low, low / region),
        LoosenessRow("factor of Φ per step", factor, slowest, (1.0 - slowest) / (1.0 - factor)),
    ]


def main() -> None:
    """Print the rows of certificates: ``python -m verify.experiments.looseness_of_graphs CERTIFICATE …``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("certificates", type=Path, nargs="+")
    for path in parser.parse_args().certificates:
        for row in looseness_of_basin(Certificate.load(path)):
            print(
                f"{path.stem}: {row.quantity}: certified {row.certified:.4g}, observed {row.observed:.4g}, {row.factor:.3g}×"
            )


if __name__ == "__main__":
    main()
