"""Random graphs of layers: no point of a ball moves the Jacobian further than Δ_J, none bends it more than L_H, and the NTK is that of autograd.

A draw is a list of wishes; each becomes a layer if it fits what is there already, and is passed over if not, so that every list makes a network: chains, skips,
fan-out, convolutions (stride, padding, dilation, groups), pooling, batch and group norm, scales, every activation, frozen parts. The truth is torch's
float64 Jacobian of the same layers, written from their definitions here, along random, one-layer and ascending directions.

``python -m property_tests.graphs --count 10000 --seed 0`` is the soak: it prints violations, and the tightest ratio observed/bound of each fact.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch.nn import functional

from verify.networks import Network, kernel_of, linearise
from verify.networks.activations import Activation, activation_named
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
from verify.networks.movement import Movement
from verify.networks.parameters import flatten

__all__ = ["GraphDraw", "build", "check", "graph_draws", "main"]

SMOOTH = ("tanh", "sigmoid", "silu", "gelu", "sine", "erf", "softsign", "celu:0.7", "softplus:1.5")
KINKED = ("relu", "leaky_relu:0.2", "hardtanh", "relu6")
_KINDS = (
    "convolution",
    "linear",
    "activation",
    "activation",
    "sum",
    "pool",
    "norm",
    "scale",
    "flatten",
    "maximum",
    "own_norm",
)
# What rounding of torch's own Jacobian is allowed: far below any ratio that is looked at.
_ROUNDING = 1e-9
Facts = dict[str, float]


@dataclass(frozen=True)
class GraphDraw:
    """Wishes for a network.

    Attributes:
        seed: of all numbers. maps: whether inputs are maps. smooth: no kinks. wishes: (kind, source, two more choices), integers ≥ 0.
    """

    seed: int
    maps: bool
    smooth: bool
    wishes: tuple[tuple[int, int, int, int], ...]


def graph_draws() -> st.SearchStrategy[GraphDraw]:
    """Every kind of network; the shortest list of wishes shrinks to two layers."""
    wish = st.tuples(st.integers(0, len(_KINDS) - 1), *(st.integers(0, 11) for _ in range(3)))
    wishes = st.lists(wish, max_size=7).map(tuple)
    return st.builds(GraphDraw, st.integers(0, 2**16 - 1), st.booleans(), st.booleans(), wishes)


def _random_draw(rng: np.random.Generator) -> GraphDraw:
    wishes = []
    for _ in range(int(rng.integers(2, 8))):
        source, a, b = map(int, rng.integers(0, 12, 3))
        wishes.append((int(rng.integers(len(_KINDS))), source, a, b))
    return GraphDraw(int(rng.integers(2**31)), bool(rng.integers(2)), bool(rng.integers(2)), tuple(wishes))


class _Builder:
    """Layers, their shapes, and the numbers drawn for them."""

    def __init__(self, draw: GraphDraw) -> None:
        self.rng = np.random.default_rng(draw.seed)
        self.names = SMOOTH if draw.smooth else (*KINKED, *KINKED, *SMOOTH)
        self.input: tuple[int, ...] = (
            (int(self.rng.integers(1, 3)), 4, 4) if draw.maps else (int(self.rng.integers(1, 5)),)
        )
        self.layers: list[Layer] = []
        self.shapes: list[tuple[int, ...]] = []

    def add(self, layer: Layer) -> int:
        below = tuple(self.input if u < 0 else self.shapes[u] for u in layer.inputs)
        self.shapes.append(layer.shape(*below))
        self.layers.append(layer)
        return len(self.layers) - 1

    def _parts(self, count: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
        bias = 0.4 * self.rng.standard_normal(count) if self.rng.random() < 0.6 else None
        names = ("weight",) if bias is None else ("weight", "bias")
        return bias, tuple(name for name in names if self.rng.random() < 0.12)

    def linear(self, source: int, width: int, *, trained: bool = False) -> int:
        (fan_in,) = self.input if source < 0 else self.shapes[source]
        bias, frozen = self._parts(width)
        frozen = () if trained else frozen
        weight = self.rng.standard_normal((width, fan_in))
        square = int(self.rng.choice([1, fan_in]))
        scales = (
            (1.0, 1.0)
            if self.rng.random() < 0.6
            else (float(self.rng.uniform(0.4, 1.8)), float(self.rng.uniform(0.1, 2.0)))
        )
        return self.add(
            Linear(weight / (fan_in**0.5 if square == 1 else 1.0), bias, square, (source,), frozen, None, *scales)
        )

    def convolution(self, source: int, a: int, b: int) -> int | None:
        channels, height, width = self.input if source < 0 else self.shapes[source]
        kernel, stride, padding, dilation = (
            (1 + a % 3, 1 + b % 2),
            (1 + a // 3 % 2, 1 + b // 2 % 2),
            (a // 6 % 2, b // 4 % 2),
            (1 + b // 8 % 2, 1),
        )
        extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        if any(size + 2 * p < e for size, p, e in zip((height, width), padding, extent, strict=True)):
            return None
        groups = channels if (a + b) % 3 == 0 else 1
        outputs = groups * (1 + b % 2)
        bias, frozen = self._parts(outputs)
        shape = (outputs, channels // groups, *kernel)
        weight = self.rng.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))
        return self.add(Convolution(weight, bias, 1, stride, padding, dilation, groups, (source,), frozen))

    def norm(self, source: int) -> int:
        c = self.shapes[source][0]
        weight, bias = (self.rng.standard_normal(c) for _ in range(2)) if self.rng.random() < 0.7 else (None, None)
        frozen = () if weight is None or self.rng.random() < 0.7 else ("weight",)
        return self.add(
            BatchNorm(
                0.2 * self.rng.standard_normal(c), self.rng.uniform(0.3, 2.0, c), 1e-5, weight, bias, (source,), frozen
            )
        )

    def own_norm(self, source: int, a: int, b: int) -> int | None:
        """Layer, group or RMS norm; of few entries and with a small eps, steep where they agree."""
        shape = self.shapes[source]
        groups = [g for g in range(1, shape[0] + 1) if shape[0] % g == 0 and math.prod(shape) // g > 1]
        eps = (1e-5, 1e-2, 1.0)[b // 2 % 3]
        return self.add(GroupNorm(groups[a % len(groups)], eps, b % 2 == 0, (source,))) if groups else None

    def maximum(self, source: int, a: int, b: int) -> int | None:
        pool = MaxPool((2, 1 + a % 3), (1 + b % 2, 1 + b // 2 % 2), (a // 3 % 2, 0), (1 + (b // 4 % 2), 1), (source,))
        extent = pool.dilation[0] + 1, pool.kernel[1]
        fits = all(size + 2 * p >= e for size, p, e in zip(self.shapes[source][1:], pool.padding, extent, strict=True))
        return self.add(pool) if fits else None

    def wish(self, kind: str, source: int, a: int, b: int) -> None:
        shape = self.shapes[source]
        is_map = len(shape) == 3
        if kind == "convolution" and is_map:
            self.convolution(source, a, b)
        elif kind == "linear" and not is_map:
            self.linear(source, 2 + a % 3)
        elif kind == "activation":
            self.add(Activated(_activation(self.names[(a + 12 * b) % len(self.names)]), (source,)))
        elif kind == "sum":
            same = [u for u, other in enumerate(self.shapes) if other == shape]
            self.add(Sum((source, same[a % len(same)])))
        elif kind == "pool" and is_map and min(shape[1:]) >= 2:
            self.add(AveragePool((2, 2), (1 + a % 2, 1 + b % 2), (a // 2 % 2, b // 2 % 2), b // 4 % 2 == 0, (source,)))
        elif kind == "maximum" and is_map and min(shape[1:]) >= 2:
            self.maximum(source, a, b)
        elif kind == "norm":
            self.norm(source)
        elif kind == "own_norm":
            self.own_norm(source, a, b)
        elif kind == "scale":
            self.add(Scale(float(self.rng.uniform(0.3, 1.6)) * (-1.0) ** a, (source,)))
        elif kind == "flatten":
            self.add(Flatten((source,)))


def _activation(text: str) -> Activation:
    name, _, value = text.partition(":")
    given = {"celu": "alpha", "softplus": "beta", "leaky_relu": "negative_slope"}
    return activation_named(name, {given[name]: float(value)} if value else None)


def build(draw: GraphDraw) -> tuple[Network, np.ndarray]:
    """Return the network and its inputs; what no wish reads is added up at the end by a linear head each."""
    builder = _Builder(draw)
    rng = builder.rng
    if draw.maps:
        builder.convolution(-1, int(rng.integers(6)), int(rng.integers(8)))
    else:
        builder.linear(-1, int(rng.integers(2, 5)))
    for kind, source, a, b in draw.wishes:
        builder.wish(_KINDS[kind], source % len(builder.layers), a, b)
    read = {u for layer in builder.layers for u in layer.inputs}
    k, heads = int(rng.integers(1, 3)), []
    for u in [u for u in range(len(builder.layers)) if u not in read]:
        flat = u if len(builder.shapes[u]) == 1 else builder.add(Flatten((u,)))
        heads.append(builder.linear(flat, k, trained=True))
    if len(heads) > 1:
        builder.add(Sum(tuple(heads)))
    X = rng.standard_normal((int(rng.integers(1, 4)), *builder.input))
    if draw.maps and rng.random() < 0.3:
        X[0, :, :2] = 0.0
    return Network(tuple(builder.layers), builder.input), X


# ---------------------------------------------------------------------------------------------- the truth, from the definitions
_FUNCTIONS: Mapping[str, Callable[[torch.Tensor, Any], torch.Tensor]] = {
    "tanh": lambda z, _: z.tanh(),
    "sigmoid": lambda z, _: z.sigmoid(),
    "silu": lambda z, _: z * z.sigmoid(),
    "gelu": lambda z, _: z * (1.0 + torch.erf(z / math.sqrt(2.0))) / 2.0,
    "sine": lambda z, _: z.sin(),
    "erf": lambda z, _: torch.erf(z),
    "softsign": lambda z, _: z / (1.0 + z.abs()),
    # torch's own backward of CELU is off by 10⁻⁹ where α is no float32.
    "celu": lambda z, alpha: torch.where(z > 0.0, z, alpha * torch.expm1(z.clamp(max=0.0) / alpha)),
    # torch's own is the identity above its threshold, off by 10⁻⁹: more than an enclosure of the function.
    "softplus": lambda z, beta: torch.logaddexp(beta * z, torch.zeros_like(z)) / beta,
    "relu": lambda z, _: z.relu(),
    "leaky_relu": lambda z, below: functional.leaky_relu(z, below),
    "hardtanh": lambda z, _: functional.hardtanh(z),
    "relu6": lambda z, _: functional.relu6(z),
}


def _computed(layer: Layer, own: dict[str, torch.Tensor | None], h: list[torch.Tensor]) -> torch.Tensor:
    if isinstance(layer, Linear):
        assert own["weight"] is not None
        z: torch.Tensor = h[0] @ own["weight"].T * (layer.weight_scale / layer.inverse_square_scale**0.5)
        return z if own["bias"] is None else z + layer.bias_scale * own["bias"]
    if isinstance(layer, Convolution):
        assert own["weight"] is not None
        return functional.conv2d(
            h[0], own["weight"], own["bias"], layer.stride, layer.padding, layer.dilation, layer.groups
        )
    if isinstance(layer, BatchNorm):
        mean, variance = (torch.from_numpy(v) for v in (layer.mean, layer.variance))
        wide = (-1, *[1] * (h[0].ndim - 2))
        z = (h[0] - mean.reshape(wide)) / (variance.reshape(wide) + layer.eps).sqrt()
        z = z if own["weight"] is None else z * own["weight"].reshape(wide)
        return z if own["bias"] is None else z + own["bias"].reshape(wide)
    if isinstance(layer, GroupNorm):
        runs = h[0].reshape(len(h[0]), layer.groups, -1)
        runs = runs - runs.mean(-1, keepdim=True) if layer.centred else runs
        return (runs / (runs.square().mean(-1, keepdim=True) + layer.eps).sqrt()).reshape(h[0].shape)
    if isinstance(layer, Activated):
        value = next(iter(dict(layer.function.parameters).values()), None)
        return _FUNCTIONS[layer.function.name](h[0], value)
    if isinstance(layer, AveragePool):
        return functional.avg_pool2d(h[0], layer.kernel, layer.stride, layer.padding, False, layer.count_include_pad)
    if isinstance(layer, MaxPool):
        return functional.max_pool2d(h[0], layer.kernel, layer.stride, layer.padding, layer.dilation)
    if isinstance(layer, Scale):
        return layer.factor * h[0]
    return h[0].flatten(1) if isinstance(layer, Flatten) else torch.stack(h).sum(0)


def _value(network: Network, X: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """θ ↦ F, (n·k,)."""

    def evaluate(theta: torch.Tensor) -> torch.Tensor:
        at, known = 0, {-1: X}
        for index, layer in enumerate(network.layers):
            own: dict[str, torch.Tensor | None] = {"weight": None, "bias": None}
            for name, array in getattr(layer, "stored", {}).items():
                if name in getattr(layer, "frozen", ()):
                    own[name] = torch.from_numpy(array)
                else:
                    own[name] = theta[at : at + array.size].reshape(array.shape)
                    at += array.size
            known[index] = _computed(layer, own, [known[u] for u in layer.inputs])
        return known[len(network.layers) - 1].reshape(-1)

    return evaluate


def _directions(
    network: Network, jacobian: Callable[[torch.Tensor], torch.Tensor], theta: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Unit vectors: at random, within one layer, and a step of ascent of ‖J(θ + ru) − J(θ)‖², (3, p)."""
    sizes = [sum(a.size for a in layer.trained.values()) for layer in network.trainable()]
    found = torch.from_numpy(rng.standard_normal((3, theta.numel())))
    at, mask = int(rng.integers(len(sizes))), torch.zeros_like(theta)
    mask[sum(sizes[:at]) : sum(sizes[: at + 1])] = 1.0
    found[1] *= mask
    u = (found[2] / found[2].norm()).requires_grad_()
    # 0·u: F may be linear in θ.
    change = (jacobian(theta + 0.1 * u) - jacobian(theta).detach()).square().sum() + 0.0 * u.sum()
    (gradient,) = torch.autograd.grad(change, u)
    if float(gradient.norm()) > 0.0:
        found[2] = gradient
    lengths: torch.Tensor = found.norm(dim=1, keepdim=True)
    return found / lengths


def check(draw: GraphDraw) -> Facts:
    """Return the largest ratio observed/bound per fact; more than 1 is a violation.

    Raises:
        AssertionError: a violation, beyond the rounding of torch's Jacobian.
    """
    network, X = build(draw)
    rng = np.random.default_rng(draw.seed + 1)
    theta = torch.from_numpy(flatten(network))
    value = _value(network, torch.from_numpy(X))
    jacobian: Callable[[torch.Tensor], torch.Tensor] = torch.func.jacrev(value)
    state = linearise(network, X)
    J, theta_kernel = jacobian(theta).detach().numpy(), kernel_of(state)
    gram = J @ J.T
    assert (np.abs(theta_kernel.mid - gram) <= theta_kernel.rad + 1e-11 * (np.abs(gram).max() + 1e-300)).all(), draw
    assert np.allclose(state.F.mid.ravel(), value(theta).numpy(), rtol=1e-10, atol=1e-12), draw
    movement = Movement(state)
    radii = np.sort(10.0 ** rng.uniform(-4.0, 0.4, 3))
    bounds, bends = movement.jacobian(radii), movement.curvature(radii)
    facts = {"Δ_J": 0.0, "L_H": 0.0}
    shares = torch.tensor([1.0, -1.0, float(rng.uniform())], dtype=torch.float64)
    steps = torch.from_numpy(radii)[:, None, None] * shares[:, None]
    points = theta + (steps[:, None] * _directions(network, jacobian, theta, rng)[:, None, :]).reshape(
        -1, theta.numel()
    )
    moved = torch.func.vmap(jacobian)(points).detach().numpy().reshape(len(radii), 3, 3, *J.shape)
    slack = 1e-3 * _ROUNDING * max(1.0, float(np.abs(J).max()))
    for at, (radius, bound, bend) in enumerate(zip(radii.tolist(), bounds.tolist(), bends.tolist(), strict=True)):
        size = float(np.linalg.norm(moved[at] - J, 2, axis=(-2, -1)).max())
        assert size <= bound * (1.0 + _ROUNDING) + slack, (draw, radius, size, bound)
        facts["Δ_J"] = max(facts["Δ_J"], size / bound if bound > slack else 0.0)
        if math.isfinite(bend):
            across = float(np.linalg.norm(moved[at, :, 0] - moved[at, :, 1], 2, axis=(-2, -1)).max()) / (2.0 * radius)
            assert across <= bend * (1.0 + _ROUNDING) + slack / radius, (draw, radius, across, bend)
            facts["L_H"] = max(facts["L_H"], across / bend if bend > slack / radius else 0.0)
    return facts


def main(arguments: list[str] | None = None) -> int:
    """Run the soak; 1 if a bound was violated."""
    parser = argparse.ArgumentParser(prog="python -m property_tests.graphs", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    seen: dict[str, list[float]] = {"Δ_J": [], "L_H": []}
    tightest: dict[str, tuple[float, GraphDraw | None]] = {"Δ_J": (0.0, None), "L_H": (0.0, None)}
    violations = 0
    for number in range(1, options.count + 1):
        draw = _random_draw(rng)
        try:
            facts = check(draw)
        except AssertionError as error:
            violations += 1
            print(f"VIOLATED {error}", flush=True)
            continue
        for name, ratio in facts.items():
            seen[name].append(ratio)
            if ratio > tightest[name][0]:
                tightest[name] = ratio, draw
        if number % 500 == 0:
            print(f"  {number} graphs, {violations} violations, tightest {tightest['Δ_J'][0]:.9g}", flush=True)
    for name, (ratio, at) in tightest.items():
        print(f"{name}: tightest observed/bound {ratio:.9g}, median {np.median(seen[name]):.3g}; at {at}")
    print(f"{options.count} graphs, {violations} violations (seed {options.seed})")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
