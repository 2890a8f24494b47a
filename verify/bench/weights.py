"""Outputs over a ball of weights: ours beside auto_LiRPA's interval bounds, and an exact counterexample to the latter.

auto_LiRPA perturbs each weight matrix in its own ball; ours is one ball of all parameters. With radius √2·ε ours
contains the product of two ε-balls, so our bound answers its question, with room to spare.
"""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from verify.arrays import Ball, sqrt
from verify.bench.peers import Peer, load
from verify.bench.timing import Row, skip, values
from verify.decimals import plain
from verify.networks import kernel_of, linearise, read_network
from verify.networks.curvature import Curvature

__all__ = ["linear_exclusions", "output_change", "run"]


def output_change(model: torch.nn.Module, x: np.ndarray, radius: float) -> float:
    """Return an upper bound of |F(θ)(x) − F(θ0)(x)| over ‖θ − θ0‖ ≤ radius for one input x (d,) and one output.

    Taylor along the segment: ‖J(θ0)‖·r + ½L_H(r)·r² with the engine's certified norms.
    """
    state = linearise(read_network(model), x[None, :])
    norm = sqrt(Ball(kernel_of(state).upper().reshape(())))
    r = Ball(radius)
    return float((norm * r + Ball(0.5) * Ball(Curvature(state)(radius)) * r * r).upper())


def _lirpa_bounds(peer: Peer, layers: list[torch.Tensor], x: torch.Tensor, eps: float) -> tuple[Any, Any]:
    """Interval bounds of a tanh network, each weight matrix in a Euclidean ball of radius eps, by auto_LiRPA."""
    lirpa = peer.module
    ball = lirpa.PerturbationLpNorm(norm=2, eps=eps)
    modules: list[torch.nn.Module] = []
    for index, weight in enumerate(layers):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False).to(weight.dtype)
        linear.weight = lirpa.BoundedParameter(weight, ball)
        modules += [linear] if index == len(layers) - 1 else [linear, torch.nn.Tanh()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bounded = lirpa.BoundedModule(torch.nn.Sequential(*modules), x, device="cpu", verbose=0)
        lower, upper = bounded.compute_bounds(x=(x,), method="IBP")
    return lower.detach(), upper.detach()


def linear_exclusions(peer: Peer, dtype: torch.dtype, eps: float, seeds: int) -> tuple[int, int, str]:
    """Count how often W0·x, the value at the ball's own centre, lies outside the bounds over ‖W − W0‖ ≤ eps; exact comparison.

    Returns:
        (our exclusions, auto_LiRPA's, its first in words); x and W0 are stored numbers, W0·x is computed in rationals.
    """
    mine, theirs, first = 0, 0, ""
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(1, 10, generator=generator, dtype=dtype)
        x = torch.randn(1, 10, generator=generator, dtype=dtype)
        lower, upper = (Fraction(float(v[0, 0])) for v in _lirpa_bounds(peer, [weight], x, eps))
        truth = sum(
            (Fraction(a) * Fraction(b) for a, b in zip(weight[0].tolist(), x[0].tolist(), strict=True)), Fraction(0)
        )
        row, point = Ball(weight[0]), Ball(x[0])
        reach = float((Ball(eps) * point.norm()).upper())
        ours = (row * point).sum() + Ball(0.0, reach)
        mine += not Fraction(float(ours.lower())) <= truth <= Fraction(float(ours.upper()))
        if not lower <= truth <= upper:
            theirs += 1
            gap = float(max(lower - truth, truth - upper))
            first = first or f"seed {seed}: W0·x is {plain(gap, 3)} outside [{float(lower)!r}, {float(upper)!r}]"
    return mine, theirs, first


def run(quick: bool = False) -> list[Row]:
    """Return value rows; skipped by name where auto_LiRPA does not import."""
    peer = load("auto_LiRPA")
    name = "outputs over a weight ball"
    if peer.module is None:
        return [skip(name, "auto_LiRPA", peer.reason)]
    rows = []
    seeds = 5 if quick else 30
    for dtype, eps in ((torch.float32, 1e-9), (torch.float64, 1e-9), (torch.float64, 1e-17)):
        mine, theirs, first = linear_exclusions(peer, dtype, eps, seeds)
        kind = "float32, its default" if dtype is torch.float32 else "float64"
        rows.append(
            values(
                f"linear layer, ε={eps:g}, {kind}: exact value at the centre excluded",
                f"{mine} of {seeds}",
                f"{theirs} of {seeds}",
                peer="auto_LiRPA IBP",
                version=peer.version,
                proof=False,
                note=first or "no counterexample found",
            )
        )
    generator = torch.Generator().manual_seed(0)
    width = 64
    first_layer = torch.randn(width, 10, generator=generator, dtype=torch.float64) / 10**0.5
    last = torch.randn(1, width, generator=generator, dtype=torch.float64) / width**0.5
    x = torch.randn(1, 10, generator=generator, dtype=torch.float64)
    net = torch.nn.Sequential(
        torch.nn.Linear(10, width, bias=False).double(), torch.nn.Tanh(), torch.nn.Linear(width, 1, bias=False).double()
    )
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), (first_layer, last), strict=True):
            parameter.copy_(value)
    for eps in (0.01,) if quick else (0.001, 0.01, 0.1, 1.0):
        lower, upper = _lirpa_bounds(peer, [first_layer, last], x, eps)
        width_theirs = float((upper - lower)[0, 0])
        # 1.5 > √2: an exact double whose ball contains the product of the two ε-balls.
        ours = 2.0 * output_change(net, x[0].numpy(), 1.5 * eps)
        rows.append(
            values(
                f"10-{width}-1 tanh, each layer within ε={eps:g}: width of the output interval",
                plain(ours, 3),
                plain(width_theirs, 3),
                peer="auto_LiRPA IBP float64",
                version=peer.version,
                proof=False,
                note="ours for one ball of radius 1.5ε, which contains both layers' balls; theirs rounds to nearest",
            )
        )
    return rows
