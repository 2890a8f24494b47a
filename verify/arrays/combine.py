"""Elementwise choice, maxima and joins of balls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.arrays.ball import Ball, _build, _check_broadcast, _point, as_ball
from verify.errors import ShapeError


def where(condition: Any, a: Any, b: Any) -> Ball:
    """Entries of a where condition holds, else of b (with broadcasting); exact."""
    x, y = as_ball(a), as_ball(b)
    mid, rad = np.where(condition, x.mid, y.mid), np.where(condition, x.rad, y.rad)
    return _build(mid, rad, x.is_point and y.is_point)


def maximum(a: Any, b: Any) -> Ball:
    """Range of max(x, y), elementwise with broadcasting."""
    x, y = as_ball(a), as_ball(b)
    _check_broadcast("maximum", x, y)
    return Ball.from_bounds(np.maximum(x.lower(), y.lower()), np.maximum(x.upper(), y.upper()))


def minimum(a: Any, b: Any) -> Ball:
    """Range of min(x, y), elementwise with broadcasting."""
    x, y = as_ball(a), as_ball(b)
    _check_broadcast("minimum", x, y)
    return Ball.from_bounds(np.minimum(x.lower(), y.lower()), np.minimum(x.upper(), y.upper()))


def concatenate(balls: Sequence[Any], axis: int = 0) -> Ball:
    """Join along an existing axis; exact."""
    xs = [as_ball(b) for b in balls]
    mid = np.concatenate([x.mid for x in xs], axis=axis)
    if all(x.is_point for x in xs):
        return _point(mid)
    return _build(mid, np.concatenate([x.rad for x in xs], axis=axis), False)


def stack(balls: Sequence[Any], axis: int = 0) -> Ball:
    """Join along a new axis; exact."""
    xs = [as_ball(b) for b in balls]
    mid = np.stack([x.mid for x in xs], axis=axis)
    if all(x.is_point for x in xs):
        return _point(mid)
    return _build(mid, np.stack([x.rad for x in xs], axis=axis), False)


def diagonal(a: Any) -> Ball:
    """Main diagonal of a matrix; exact."""
    x = as_ball(a)
    if x.ndim != 2:
        raise ShapeError(f"diagonal: expected a matrix, got shape {x.shape}")
    return _build(np.array(np.diagonal(x.mid)), np.array(np.diagonal(x.rad)), x.is_point)


def zeros(shape: int | tuple[int, ...]) -> Ball:
    """Exact zeros."""
    return _point(np.zeros(shape))
