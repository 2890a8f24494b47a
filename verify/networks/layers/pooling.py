"""Average pooling: fixed and linear."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np

from verify.arrays import Ball, Rows
from verify.arrays.convolutions import Windows
from verify.arrays.rounding import ETA, INFLATE, gamma, quiet
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks.layers.layer import Fixed
from verify.networks.layers.values import Mask, Shape, Value

__all__ = ["AveragePool"]


@dataclass(frozen=True)
class AveragePool(Fixed):
    """Means over windows, channel by channel; over the whole map where the kernel is the map's size.

    Attributes:
        kernel, stride, padding: (down, across), zero padding. count_include_pad: whether a window divides by its own size, or by the number of
            positions that it reads inside the map; as torch.nn.AvgPool2d.
    """

    kind: ClassVar[str] = "average_pool"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    count_include_pad: bool = True
    inputs: tuple[int, ...] = (-1,)
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse windows that could lie in the padding alone, as torch does."""
        if type(self.count_include_pad) is not bool:
            raise InputError(f"average pool: count_include_pad={self.count_include_pad!r}; expected a bool")
        if any(2 * padding > kernel for padding, kernel in zip(self.padding, self.kernel, strict=True)):
            raise ShapeError(f"average pool: padding {self.padding}; expected at most half of the kernel {self.kernel}")

    def windows(self, below: Shape) -> Windows:
        """Where it reads a map of the given shape."""
        return Windows((below[1], below[2]), self.kernel, self.stride, self.padding)

    def shape(self, *below: Shape) -> Shape:
        """(C, H', W')."""
        if len(below) != 1 or len(below[0]) != 3:
            raise ShapeError(f"average pool: inputs of shape {', '.join(map(str, below))}; expected one map")
        return (below[0][0], *self.windows(below[0]).output)

    def value(self, *below: Value) -> tuple[Value, None]:
        """Means: a sum of K entries loses at most γ_K of the sum of their rows' norms; then it is divided."""
        (h,) = below
        windows, channels = self.windows(h.shape), h.shape[0]
        with quiet():
            mid = windows.sums(h.rows.mid.reshape(h.samples, h.positions, channels))
            norms, err, sup = (
                windows.sums(v.reshape(h.samples, h.positions, 1)) * (1.0 + 4.0 * gamma(windows.size + 4))
                for v in (h.rows.norms, h.rows.err, h.rows.sup)
            )
            own = norms * (gamma(windows.size) * INFLATE) + ETA
            sums = Rows(mid.reshape(-1, channels), ((err + own) * INFLATE).ravel(), ((sup + own) * INFLATE).ravel())
        return Value(self._divided(sums, windows, h.samples), self.shape(h.shape)), None

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Means of zeros."""
        (shape,), (mask,) = below, masks
        windows = self.windows(shape)
        read = windows.sums((~mask).astype(np.float64).reshape(-1, windows.positions[0], shape[0]))
        return np.asarray(read == 0.0).reshape(-1, shape[0])

    def pullback(self, saved: None, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """The adjoint: each position gets the shares of the windows that read it, at most `overlap` of them."""
        (shape,) = below
        windows = self.windows(shape)
        shares = self._divided(g.rows, windows, g.samples)
        with quiet():
            mid, norms, err, sup = (
                windows.scatter([v.reshape(g.samples, windows.positions[1], -1)] * windows.size).reshape(
                    -1, v.size // shares.err.size
                )
                for v in (shares.mid, shares.norms, shares.err, shares.sup)
            )
            up = 1.0 + 4.0 * gamma(windows.size + 4)
            own = norms[:, 0] * (up * gamma(windows.overlap) * INFLATE) + ETA
            return (Value(Rows(mid, (err[:, 0] * up + own) * INFLATE, (sup[:, 0] * up + own) * INFLATE), shape),)

    def factors(self, below: tuple[Shape, ...]) -> tuple[Upper, ...]:
        """√(ov/c), c the least divisor, each at least the number r of positions read: ‖Th‖² ≤ Σ (r/c²)Σ|h|² ≤ (ov/c)‖h‖²."""
        windows = self.windows(below[0])
        least = float(self.divisors(windows).min())
        return (Upper(Ball(float(windows.overlap)) / Ball(least)).root(),)

    def divisors(self, windows: Windows) -> np.ndarray:
        """What each window divides by, (P',) integers."""
        if self.count_include_pad:
            return np.full(windows.positions[1], windows.size)
        counts: np.ndarray = windows.gather(np.ones((1, windows.positions[0], 1))).sum(axis=(0, 2, 3))
        return counts

    def _divided(self, rows: Rows, windows: Windows, samples: int) -> Rows:
        counts = self.divisors(windows)
        if (counts == counts[0]).all():
            return rows.scaled(Ball(Fraction(1, int(counts[0]))))
        return rows.rows_scaled(Ball(1.0) / Ball(np.tile(counts.astype(np.float64), samples)))
