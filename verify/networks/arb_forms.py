"""Activations, matrices and roundings in Arb (python-flint): for what doubles cannot enclose sharply enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np
from flint import arb, arb_mat

from verify.arrays import Ball
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


def value_and_slope(activation: Activation) -> Callable[[Any], tuple[Any, Any]]:
    """Return z ↦ enclosures of (σ(z), σ'(z)) for one arb z."""
    given = dict(activation.parameters)
    return lambda z: activation.record.in_arb(z, given)


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
