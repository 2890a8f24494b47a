"""Max pooling: the largest entry of each window, and how far its choice can move the sensitivity below it.

Claim id: window_choices.

A selection is a point of the simplex over a window's entries, the weights with which the window's sensitivity goes back to them; the derivative that
back-propagation returns has a vertex, torch's the first entry that attains the maximum. Take θ in the ball, ρ ≥ ‖Δh_i‖ on it, ov the largest number of
windows that read one entry. Values: |Δmax_w| ≤ max_{j∈w}|Δh_j|, so ‖Δ max‖² ≤ Σ_w Σ_{j∈w}|Δh_j|² ≤ ov·‖Δh‖². Sensitivities: the matrix S (windows × entries)
of selections has rows of sum 1 and columns of sum at most ov, ‖S‖ ≤ √ov (Schur's test), and

    ΔG_u = S(θ)ᵀΔG_w + (S(θ) − S⁰)ᵀG_w⁰.

Let C_w be the chosen entry and those that are the same function of the parameters on the ball (:mod:`verify.networks.equal_entries`). If no entry outside C_w
reaches the maximum, the first that attains it is the first of C_w, the choice made here: S(θ)_w = S⁰_w. Else some o ∉ C_w has h_o ≥ h_top at θ, so
gap_w = h⁰_top − h⁰_o ≤ |Δh_top| + |Δh_o| and gap_w²/2 ≤ Σ_{j∈w}|Δh_j|²; for the set T of these windows Σ_T gap_w²/(2ov) ≤ ρ². Two points of a simplex
differ by √2 at most, and an entry is read by at most ov windows, so ‖(S(θ) − S⁰)ᵀG_w⁰‖² ≤ Σ_T 2ov‖g_w‖²: the knapsack of
:mod:`verify.networks.layers.kinks` with distances gap_w/√(2ov) and jumps √(2ov)‖g_w‖. Both factors are needed where windows overlap; disjoint ones have ov = 1.

Which entries are the same function may itself rest on units that keep their slope and windows that keep their choice. Where one of those may change (the
value below is *crossed* for that sample), nothing of it is used: every window may choose anew, Σ over all w.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from verify.arrays import Rows
from verify.arrays.convolutions import Windows
from verify.arrays.rounding import ETA, INFLATE, gamma, quiet
from verify.arrays.upper import Upper
from verify.errors import ShapeError
from verify.networks.layers.kinks import FAR, Kinks
from verify.networks.layers.layer import Layer
from verify.networks.layers.norms import unit_norms
from verify.networks.layers.values import Mask, SensitivityChange, Shape, SpectralNorm, Value, ValueChange

__all__ = ["MaxPool", "MaxPoolNorms", "Selection"]

Ids = Int[np.ndarray, "rows channels"]
"""Numbers of functions of θ: entries with one number are the same function."""


@dataclass(frozen=True)
class Selection:
    """What each window chooses at the centre.

    Attributes:
        place: which of the window's K places is chosen, row by row over the window. gap: lower bounds ≥ 0 of how far the chosen entry lies above all that are
            not the same function; ∞ where there are none.
        open: which places torch may choose, where gap is 0; None where every choice is certain.
    """

    place: Int[np.ndarray, "rows channels"]
    gap: Float[np.ndarray, "rows channels"]
    open: Bool[np.ndarray, "rows places channels"] | None


@dataclass(frozen=True)
class MaxPoolNorms:
    """√ov, and the windows as units: distances gap/√(2ov) and jumps √(2ov)‖g‖."""

    overlap: Upper
    kinks: Kinks


@dataclass(frozen=True)
class MaxPool(Layer):
    """Maxima over windows, channel by channel; padding is never chosen.

    Attributes:
        kernel, stride, padding, dilation: (down, across), as torch.nn.MaxPool2d with ceil_mode=False.
    """

    kind: ClassVar[str] = "max_pool"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    inputs: tuple[int, ...] = (-1,)
    name: str | None = field(default=None, compare=False)

    def windows(self, below: Shape) -> Windows:
        """Where it reads a map of the given shape."""
        return Windows((below[1], below[2]), self.kernel, self.stride, self.padding, self.dilation)

    @functools.cached_property
    def _inside(self) -> dict[Shape, np.ndarray]:
        return {}

    def inside(self, below: Shape) -> Bool[np.ndarray, "positions places one"]:
        """Which places of each window lie inside the map."""
        if below not in self._inside:
            windows = self.windows(below)
            self._inside[below] = windows.gather(np.ones((1, windows.positions[0], 1)))[0] > 0.0
        return self._inside[below]

    def shape(self, *below: Shape) -> Shape:
        """(C, H', W')."""
        if len(below) != 1 or len(below[0]) != 3:
            raise ShapeError(f"max pool: inputs of shape {', '.join(map(str, below))}; expected one map")
        windows = self.windows(below[0])
        wide = any(2 * padding > extent for padding, extent in zip(self.padding, windows.extent, strict=True))
        if wide or not self.inside(below[0]).any(axis=1).all():
            raise ShapeError(
                f"max pool: padding {self.padding}; expected at most half of the window {windows.extent}, none of padding alone"
            )
        return (below[0][0], *windows.output)

    def gathered(self, values: np.ndarray, below: Shape, outside: float) -> np.ndarray:
        """Return what the windows read of maps (n·P, c), with a number for padding: (n, P', K, c)."""
        windows = self.windows(below)
        found = windows.gather(np.ascontiguousarray(values.reshape(-1, windows.positions[0], values.shape[-1])))
        return np.where(self.inside(below), found, outside)

    def value(self, *below: Value) -> tuple[Value, Selection]:
        """The maxima: off by at most the largest error in the window; saved: the selection with no two entries known to be equal."""
        (h,) = below
        channels = h.shape[0]
        mid = self.gathered(h.rows.mid, h.shape, -np.inf).max(axis=2).reshape(-1, channels)
        err, sup = (
            self.gathered(v[:, None], h.shape, 0.0)[..., 0].reshape(mid.shape[0], -1) for v in (h.rows.err, h.rows.sup)
        )
        entry = sup.max(axis=1)
        norm = np.minimum(Upper(err).norm(-1).value, (Upper(float(channels)).root() * Upper(entry)).value)
        return Value(Rows(mid, norm, entry), self.shape(h.shape)), self.selected(h)

    def selected(self, h: Value, equal: Ids | None = None) -> Selection:
        """Return the choice at the midpoints, the first among those that are the same function; None: no two are known to be."""
        n, channels = h.samples, h.shape[0]
        inside = self.inside(h.shape)
        mid = self.gathered(h.rows.mid, h.shape, -np.inf)
        sup = self.gathered(h.rows.sup[:, None], h.shape, 0.0)
        top = mid.argmax(axis=2)[:, :, None]
        same = np.arange(mid.shape[2])[:, None] == top
        if equal is not None:
            ids = self.gathered(equal.astype(np.float64), h.shape, np.nan)
            same |= ids == np.take_along_axis(ids, top, axis=2)
        place = same.argmax(axis=2)
        with quiet():
            off = np.take_along_axis(np.broadcast_to(sup, mid.shape), top, axis=2)
            least = np.nextafter(np.take_along_axis(mid, top, axis=2) - off, -np.inf)
            most = np.nextafter(np.where(inside, mid, 0.0) + sup, np.inf)
            rivals = np.where(inside & ~same, most, -np.inf)
            gap = np.nextafter(least[:, :, 0] - rivals.max(axis=2), -np.inf)
            gap = np.where((inside & ~same).any(axis=2), np.where(gap > 0.0, gap, 0.0), np.inf)
            unsure = gap == 0.0
            opened = None
            if unsure.any():
                possible = ~(rivals < least) & inside & ~same | (np.arange(mid.shape[2])[:, None] == place[:, :, None])
                opened = (possible & unsure[:, :, None]).reshape(-1, *mid.shape[2:])
        return Selection(place.reshape(-1, channels), gap.reshape(n * place.shape[1], channels), opened)

    def pullback(self, saved: Selection, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """Sᵀg: each entry gets what the windows that chose it have; where the choice is open, nothing to all of it for each that may be chosen."""
        (shape,) = below
        windows = self.windows(shape)
        samples = saved.place.shape[0] // g.positions
        # Rows ((i·k + a)·P' + p) of g meet row i·P' + p.
        numbers = np.arange(samples * g.positions).reshape(samples, 1, g.positions)
        order = np.broadcast_to(numbers, (samples, g.samples // samples, g.positions)).ravel()
        place, rows = saved.place[order], g.rows
        chosen = [place == at for at in range(windows.size)]
        read = [mask.any(axis=1) for mask in chosen]
        loose = np.zeros((windows.size, len(order)))

        def scattered(parts: list[np.ndarray]) -> np.ndarray:
            added = windows.scatter(part.reshape(g.samples, windows.positions[1], -1) for part in parts)
            return added.reshape(-1, added.shape[-1])

        with quiet():
            if saved.open is not None:
                size = np.nextafter(np.abs(rows.mid) + rows.sup[:, None], np.inf)
                loose = Upper(np.where(saved.open[order], size[:, None, :], 0.0)).sum(-1).value.T
            mid = scattered([np.where(mask, rows.mid, 0.0) for mask in chosen])
            norms = scattered([np.where(mask, rows.norms, 0.0) for mask in read])[:, 0]
            err, sup = (
                scattered([np.where(mask, v, 0.0) + more for mask, more in zip(read, loose, strict=True)])[:, 0]
                for v in (rows.err, rows.sup)
            )
            up = (1.0 + 4.0 * gamma(windows.overlap + 4)) * INFLATE
            # Entries of disjoint windows are copied; elsewhere up to `overlap` are added.
            own = norms * (up * gamma(windows.overlap)) + ETA if windows.overlap > 1 else 0.0
            found = Rows(mid, err * up + own, sup * up + own)
        return (Value(found, shape),)

    def norms(
        self, saved: Selection, below: tuple[Value, ...], g: Value, k: int, norm: SpectralNorm, moves: bool
    ) -> MaxPoolNorms:
        """√ov, and what each window needs to choose anew and does then."""
        (h,) = below
        overlap = float(self.windows(h.shape).overlap)
        factor = Upper(2.0 * overlap).root()
        units = unit_norms(g.rows, h.samples, k)
        with quiet():
            distances = np.maximum(np.nextafter(saved.gap / factor.value, -np.inf), 0.0).reshape(units.shape)
        return MaxPoolNorms(Upper(overlap).root(), Kinks(np.minimum(distances, FAR), (factor * Upper(units)).value))

    def moved(self, norms: MaxPoolNorms, r: Upper, *below: ValueChange) -> ValueChange:
        """√ov·x."""
        (x,) = below
        return ValueChange(norms.overlap * x.whole, norms.overlap * x.rows)

    def pulled(
        self, norms: MaxPoolNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> tuple[SensitivityChange, ...]:
        """√ov·(y, c), and K_i(r‖x_{u,i}‖) to c; for a sample whose value below is crossed the jumps of all windows."""
        (x,) = below
        through = above.times(norms.overlap)
        sizes = norms.kinks.largest_jump(r * x.rows.norm(-1))
        if x.crossed is not None:
            every = Upper(norms.kinks.jumps).norm(-1).value
            sizes = Upper(np.where(x.crossed, every[None, :], sizes.value))
        return (SensitivityChange(through.rows, through.jumps + sizes),)

    def supremum(
        self, norms: MaxPoolNorms, r: Upper, below: tuple[ValueChange, ...], above: SensitivityChange
    ) -> MaxPoolNorms:
        """Where no window chooses anew nothing of it depends on the parameters."""
        return norms

    def meets_kink(self, norms: MaxPoolNorms, r: Upper, *below: ValueChange) -> Bool[np.ndarray, "m n"]:
        """Whether some window of a sample may choose anew, its entries being what they are at the centre."""
        (x,) = below
        return np.asarray((r * x.rows.norm(-1)).value >= norms.kinks.closest)

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Maxima of zeros."""
        (shape,), (mask,) = below, masks
        found = self.gathered((~mask).astype(np.float64), shape, 0.0).max(axis=2) == 0.0
        return np.asarray(found).reshape(-1, shape[0])
