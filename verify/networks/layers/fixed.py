"""Layers that are linear and not trained: sums (skip connections), multiples, flattening."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from verify.arrays import Ball, Rows
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks.layers.layer import Fixed
from verify.networks.layers.norms import sample_errors
from verify.networks.layers.values import Mask, SensitivityChange, Shape, Value, ValueChange

__all__ = ["Flatten", "Scale", "Sum"]


@dataclass(frozen=True)
class Sum(Fixed):
    """Σ_j h_{u_j}, two or more inputs of one shape: a skip connection."""

    kind: ClassVar[str] = "sum"
    inputs: tuple[int, ...]
    name: str | None = field(default=None, compare=False)

    def shape(self, *below: Shape) -> Shape:
        """The inputs' common shape."""
        if len(below) < 2 or len(set(below)) != 1:
            raise ShapeError(f"sum: inputs of shapes {below}; expected two or more of one shape")
        return below[0]

    def value(self, *below: Value) -> tuple[Value, None]:
        """Σ_j h_j."""
        total = below[0].rows
        for other in below[1:]:
            total = total.added(other.rows)
        return Value(total, below[0].shape), None

    def pullback(self, saved: None, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """G to every summand."""
        return tuple(g for _ in below)

    def pulled(
        self, norms: tuple[Upper, ...], r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """(y, c) to every summand; no units are mixed."""
        return tuple(above for _ in below)

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Where every summand does."""
        return np.asarray(np.logical_and.reduce(masks))

    def factors(self, below: tuple[Shape, ...]) -> tuple[Upper, ...]:
        """1 each."""
        return tuple(Upper(1.0) for _ in below)


@dataclass(frozen=True)
class Scale(Fixed):
    """factor·h, an exact double ≠ 0."""

    kind: ClassVar[str] = "scale"
    factor: float
    inputs: tuple[int, ...] = (-1,)
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no exact finite factor."""
        if type(self.factor) is not float or not math.isfinite(self.factor) or self.factor == 0.0:
            raise InputError(f"scale: factor={self.factor!r}; expected a finite double ≠ 0")

    def shape(self, *below: Shape) -> Shape:
        """The input's."""
        return _only(below, "scale")

    def value(self, *below: Value) -> tuple[Value, None]:
        """factor·h."""
        (h,) = below
        return Value(h.rows.scaled(Ball(self.factor)), h.shape), None

    def pullback(self, saved: None, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """factor·G."""
        return (Value(g.rows.scaled(Ball(self.factor)), below[0]),)

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Where the input does."""
        return masks[0]

    def factors(self, below: tuple[Shape, ...]) -> tuple[Upper, ...]:
        """|factor|."""
        return (Upper(abs(self.factor)),)


@dataclass(frozen=True)
class Flatten(Fixed):
    """(C, H, W) → C·H·W, channels first; a vector stays."""

    kind: ClassVar[str] = "flatten"
    inputs: tuple[int, ...] = (-1,)
    name: str | None = field(default=None, compare=False)

    def shape(self, *below: Shape) -> Shape:
        """(C·H·W,)."""
        return (math.prod(_only(below, "flatten")),)

    def value(self, *below: Value) -> tuple[Value, None]:
        """The same numbers, one row a sample: errors of its positions add as squares."""
        (h,) = below
        channels = h.shape[0]
        if h.positions == 1:
            return Value(h.rows, (channels,)), None
        mid = h.rows.mid.reshape(h.samples, h.positions, channels).transpose(0, 2, 1).reshape(h.samples, -1)
        err = sample_errors(h.rows, h.samples).value
        return Value(Rows(mid, err, h.rows.sup.reshape(h.samples, -1).max(axis=1)), (mid.shape[1],)), None

    def pullback(self, saved: None, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """The same numbers, one row a position: each is off by no more than the whole."""
        (shape,) = below
        positions = math.prod(shape[1:])
        if positions == 1:
            return (Value(g.rows, shape),)
        n = g.rows.mid.shape[0]
        mid = g.rows.mid.reshape(n, shape[0], positions).transpose(0, 2, 1).reshape(n * positions, shape[0])
        return (Value(Rows(mid, np.repeat(g.rows.err, positions), np.repeat(g.rows.sup, positions)), shape),)

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Where the input does, channels first."""
        (shape,), (mask,) = below, masks
        positions = math.prod(shape[1:])
        return mask.reshape(-1, positions, shape[0]).transpose(0, 2, 1).reshape(-1, positions * shape[0])

    def factors(self, below: tuple[Shape, ...]) -> tuple[Upper, ...]:
        """1."""
        return (Upper(1.0),)


def _only(below: tuple[Shape, ...], kind: str) -> Shape:
    if len(below) != 1:
        raise ShapeError(f"{kind}: {len(below)} inputs; expected one")
    return below[0]
