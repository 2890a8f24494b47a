"""Activations, matrices and roundings in Arb (python-flint): for what doubles cannot enclose sharply enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np
from flint import arb, arb_mat, fmpq

from verify.arrays import Ball
from verify.errors import UnsupportedLayerError
from verify.networks.activations import Activation

__all__ = ["double_above", "exact_matrix", "precision", "to_ball", "value_and_slope"]


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work at `bits` bits inside the block; the caller's precision is restored."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def double_above(x: Any) -> float:
    """Return a double ≥ every number in the arb x (inf where x is unbounded)."""
    if not x.is_finite():
        return math.inf
    value = float(x.upper())
    # float() of the upper bound is only a guess; it is moved up until Arb agrees.
    while not arb(value) >= x:
        value = math.nextafter(value, math.inf)
    return value


def _tanh(z: Any) -> tuple[Any, Any]:
    h = z.tanh()
    return h, 1 - h * h


def _sigmoid(z: Any) -> tuple[Any, Any]:
    h = 1 / (1 + (-z).exp())
    return h, h * (1 - h)


def _silu(z: Any) -> tuple[Any, Any]:
    gate = 1 / (1 + (-z).exp())
    return z * gate, gate * (1 + z * (1 - gate))


def _gelu(z: Any) -> tuple[Any, Any]:
    gate = (-z / arb(2).sqrt()).erfc() / 2
    return z * gate, gate + z * (-z * z / 2).exp() / (2 * arb.pi()).sqrt()


def _gelu_tanh(z: Any) -> tuple[Any, Any]:
    # The double 0.044715 is what torch and this package's enclosure use.
    scale, cubic = (2 / arb.pi()).sqrt(), _cubic()
    gate = (scale * (z + cubic * z * z * z)).tanh()
    return z * (1 + gate) / 2, (1 + gate) / 2 + z * (1 - gate * gate) * scale * (1 + 3 * cubic * z * z) / 2


def _cubic() -> Any:
    return arb(fmpq(44715, 1000000))


def _softplus(beta: float) -> Callable[[Any], tuple[Any, Any]]:
    b = arb(beta)
    return lambda z: ((b * z).exp().log1p() / b, 1 / (1 + (-b * z).exp()))


def _kinked(below: float) -> Callable[[Any], tuple[Any, Any]]:
    """Slope 1 above 0 and `below` under it; where the sign is not certain, every slope between the two, one of which gives σ(z) = slope·z."""

    def at(z: Any) -> tuple[Any, Any]:
        slope = arb(1) if z > 0 else arb(below) if z < 0 else arb(below).union(arb(1))
        return slope * z, slope

    return at


def value_and_slope(activation: Activation) -> Callable[[Any], tuple[Any, Any]]:
    """Return z ↦ enclosures of (σ(z), σ'(z)) for one arb z."""
    table: dict[str, Callable[[Any], tuple[Any, Any]]] = {
        "tanh": _tanh,
        "sigmoid": _sigmoid,
        "silu": _silu,
        "gelu": _gelu,
        "gelu_tanh": _gelu_tanh,
        "sine": lambda z: (z.sin(), z.cos()),
    }
    if activation.name == "softplus":
        return _softplus(dict(activation.parameters)["beta"])
    if activation.slopes is not None:
        return _kinked(activation.slopes[0])
    if activation.name not in table:
        raise UnsupportedLayerError(
            f"activation={activation.name!r}: has no Arb form yet; use method='shadow' (float64) for it"
        )
    return table[activation.name]


def exact_matrix(array: np.ndarray) -> Any:
    """Exact arb_mat of a float64 matrix (independent of the precision in force: 53-bit numbers are stored whole)."""
    return arb_mat(array.shape[0], array.shape[1], [arb(v) for v in array.ravel().tolist()])


def to_ball(matrix: Any) -> Ball:
    """Enclose an arb_mat in doubles: the nearest midpoints, radii rounded up; an unbounded entry gets an infinite radius."""
    mids: list[float] = []
    rads: list[float] = []
    for v in matrix.entries():
        mid = float(v.mid()) if v.is_finite() else 0.0
        rad = double_above(abs(v - arb(mid))) if math.isfinite(mid) else math.inf
        mids.append(mid if math.isfinite(mid) else 0.0)
        rads.append(rad)
    shape = (matrix.nrows(), matrix.ncols())
    return Ball(np.array(mids).reshape(shape), np.array(rads).reshape(shape))
