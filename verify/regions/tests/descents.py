"""Gradient descent of two-layer networks by plain loops in Arb: a truth that shares nothing with the package."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import torch

from verify.nn import NTKLinear

__all__ = ["relu", "tanh", "two_layer_descent"]

_BITS = 500


def tanh(z: Any) -> tuple[Any, Any]:
    value = z.tanh()
    return value, 1 - value * value


def relu(z: Any) -> tuple[Any, Any]:
    """Value and slope; the sign must be decided."""
    assert z > 0 or z < 0
    return (z, flint.arb(1)) if z > 0 else (flint.arb(0), flint.arb(0))


def _dot(left: list[Any], right: list[Any]) -> Any:
    return sum((a * b for a, b in zip(left, right, strict=True)), flint.arb(0))


def two_layer_descent(
    model: torch.nn.Sequential,
    X: np.ndarray,
    y: np.ndarray,
    lr: Fraction,
    steps: int,
    activation: Callable[[Any], tuple[Any, Any]],
) -> list[tuple[Any, Any]]:
    """Return (θ_k as a list of arb in the order of the parameters, ½Σ(F − y)²) for k = 0..steps, at 500 bits."""
    before = flint.ctx.prec
    flint.ctx.prec = _BITS
    parts: list[Any] = [p.detach().tolist() for p in model.parameters()]
    w = [[flint.arb(t) for t in row] for row in parts[0]]
    v = [flint.arb(t) for t in parts[-2 if len(parts) == 4 else -1][0]]
    b, c = ([flint.arb(t) for t in parts[1]], flint.arb(parts[3][0])) if len(parts) == 4 else ([], flint.arb(0))
    m, d = len(w), len(w[0])
    s1, s2 = (1 / flint.arb(k).sqrt() if isinstance(model[0], NTKLinear) else flint.arb(1) for k in (d, m))
    x = [[s1 * flint.arb(t) for t in row] for row in X.tolist()]
    eta, found = flint.arb(lr.numerator) / lr.denominator, []
    for _ in range(steps + 1):
        jets = [[activation(_dot(w[r], xi) + (b[r] if b else 0)) for r in range(m)] for xi in x]
        h = [[value for value, _ in row] for row in jets]
        e = [s2 * _dot(v, row) + c - flint.arb(t) for row, t in zip(h, y.tolist(), strict=True)]
        found.append(([t for row in w for t in row] + b + v + ([c] if b else []), _dot(e, e) / 2))
        gradient = [s2 * _dot(e, [row[r] for row in h]) for r in range(m)]
        for r in range(m):
            back = [s2 * ei * v[r] * row[r][1] for ei, row in zip(e, jets, strict=True)]
            w[r] = [a - eta * _dot(back, [xi[j] for xi in x]) for j, a in enumerate(w[r])]
            if b:
                b[r] = b[r] - eta * sum(back, flint.arb(0))
        v = [a - eta * g for a, g in zip(v, gradient, strict=True)]
        if b:
            c = c - eta * sum(e, flint.arb(0))
    flint.ctx.prec = before
    return found
