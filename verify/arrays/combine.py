"""Elementwise choice, maxima and joins of balls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.arrays.ball import Ball, _build, _check_broadcast, _point, as_ball
from verify.arrays.rounding import Array
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
    """Join along an existing axis; exact.

    Raises:
        ShapeError: nothing to join, or shapes that do not fit together along that axis.
    """
    xs = [as_ball(b) for b in balls]
    mid = _joined(np.concatenate, "concatenate", xs, axis)
    if all(x.is_point for x in xs):
        return _point(mid)
    return _build(mid, np.concatenate([x.rad for x in xs], axis=axis), False)


def stack(balls: Sequence[Any], axis: int = 0) -> Ball:
    """Join along a new axis; exact.

    Raises:
        ShapeError: nothing to join, or shapes that differ.
    """
    xs = [as_ball(b) for b in balls]
    mid = _joined(np.stack, "stack", xs, axis)
    if all(x.is_point for x in xs):
        return _point(mid)
    return _build(mid, np.stack([x.rad for x in xs], axis=axis), False)


def _joined(join: Callable[..., Array], name: str, balls: list[Ball], axis: int) -> Array:
    try:
        return join([x.mid for x in balls], axis=axis)
    except ValueError as error:
        shapes = ", ".join(str(x.shape) for x in balls[:6])
        raise ShapeError(f"{name}: balls of shapes {shapes or 'none'} along axis {axis}: {error}") from error


def diagonal(a: Any) -> Ball:
    """Main diagonal of a matrix; exact."""
    x = as_ball(a)
    if x.ndim != 2:
        raise ShapeError(f"diagonal: expected a matrix, got shape {x.shape}")
    return _build(np.array(np.diagonal(x.mid)), np.array(np.diagonal(x.rad)), x.is_point)


def zeros(shape: int | tuple[int, ...]) -> Ball:
    """Exact zeros."""
    return _point(np.zeros(shape))
