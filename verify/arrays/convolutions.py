"""Convolutions of rows: windows that gather patches, their adjoint that scatters, and the gradient's sum over positions.

A map of n samples is a :class:`~verify.arrays.Rows` in channels-last order: row i·P + p holds the channels of sample i at position p (row by row
over the image), with one error. So a patch is a gather of rows: no rounding, and an error that is the root of the sum of squares of the
errors of the positions it reads. The adjoint adds, at each position, what the windows that read it give back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from verify.arrays.arithmetic_probe import require_probed_products
from verify.arrays.products import root_upper, row_norms_upper
from verify.arrays.rounding import ETA, INFLATE, Array, gamma, quiet
from verify.arrays.rows import Exact, Rows
from verify.arrays.spectra import spectral_norm
from verify.errors import InputError, ShapeError

__all__ = ["Kernel", "Windows", "patches", "position_sums"]

Pair = tuple[int, int]
# Doubles of a gathered block, 1 MiB: larger ones miss the cache.
_CHUNK = 2**17


@dataclass(frozen=True)
class Windows:
    """Windows that slide over a zero-padded image as torch's do: output position j reads stride·j + dilation·δ − padding, δ < kernel.

    Attributes:
        image, kernel, stride, dilation: (rows, columns), each ≥ 1. padding: each ≥ 0.

    >>> Windows((5, 4), (3, 3), (2, 1), (1, 0)).output
    (3, 2)
    """

    image: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        """Refuse what has no output position."""
        for name, least in (("image", 1), ("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
            pair = getattr(self, name)
            if not (isinstance(pair, tuple) and len(pair) == 2 and all(type(v) is int and v >= least for v in pair)):
                raise InputError(f"windows: {name}={pair!r}, expected two integers ≥ {least}")
        if min(self.output) < 1:
            raise ShapeError(f"windows: a window of {self.extent} does not fit into the padded image {self.padded}")

    @property
    def extent(self) -> Pair:
        """Size of a window with its gaps."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @property
    def padded(self) -> Pair:
        """Size of the image with its padding."""
        return self.image[0] + 2 * self.padding[0], self.image[1] + 2 * self.padding[1]

    @property
    def output(self) -> Pair:
        """Numbers of output positions down and across."""
        (height, width), (eh, ew), (sh, sw) = self.padded, self.extent, self.stride
        return (height - eh) // sh + 1, (width - ew) // sw + 1

    @property
    def positions(self) -> Pair:
        """Numbers P of the image's and P' of the output's positions."""
        return self.image[0] * self.image[1], self.output[0] * self.output[1]

    @property
    def size(self) -> int:
        """Number K of places in a window."""
        return self.kernel[0] * self.kernel[1]

    @cached_property
    def overlap(self) -> int:
        """The largest number of windows that read one position of the image."""
        return int(self.scatter([np.ones((1, self.positions[1], 1))] * self.size).max())

    def gather(self, values: Array) -> Array:
        """Return the windows' entries (n, P', K, c) of maps (n, P, c); 0 for padding. Exact."""
        n, _, c = values.shape
        padded = np.zeros((n, *self.padded, c))
        padded[(slice(None), *self._inside)] = values.reshape(n, *self.image, c)
        if self.dilation[1] != 1:
            found = np.empty((n, *self.output, self.size, c))
            for index, place in enumerate(self._places):
                found[:, :, :, index] = padded[(slice(None), *place)]
            return found.reshape(n, -1, self.size, c)
        # A window's row lies in memory as one run.
        (kh, kw), (sh, sw), (height, width) = self.kernel, self.stride, self.output
        lines = sliding_window_view(padded.reshape(n, self.padded[0], -1), kw * c, axis=2)
        runs = lines[:, :, : sw * c * (width - 1) + 1 : sw * c]
        found = np.empty((n, height, width, kh, kw * c))
        for i, down in enumerate(self.dilation[0] * np.arange(kh)):
            found[:, :, :, i] = runs[:, down : down + sh * (height - 1) + 1 : sh]
        return found.reshape(n, -1, self.size, c)

    def most(self, values: Array) -> Array:
        """Return the largest entry (n·P',) that each window reads of ``values`` (n·P,) ≥ 0; 0 for padding."""
        maps = values.reshape(-1, *self.image)
        padded = np.zeros((len(maps), *self.padded))
        padded[(slice(None), *self._inside)] = maps
        found = np.zeros((len(maps), *self.output))
        for place in self._places:
            np.maximum(found, padded[(slice(None), *place)], out=found)
        return found.ravel()

    def sums(self, values: Array) -> Array:
        """Return the sums (n, P', c) of maps (n, P, c) over each window, of its `size` entries one after the other; 0 for padding."""
        n, _, c = values.shape
        maps = values.reshape(n, *self.image, c)
        if self.padding != (0, 0):
            padded = np.zeros((n, *self.padded, c))
            padded[(slice(None), *self._inside)] = maps
            maps = padded
        first, *others = self._places
        total = maps[(slice(None), *first)].copy()
        for place in others:
            total += maps[(slice(None), *place)]
        return total.reshape(n, -1, c)

    def scatter(self, parts: Iterable[Array]) -> Array:
        """Return the sums (n, P, c), at each position, over the windows that read it.

        Args:
            parts: for each place in the window what the windows give back to the position that they read there, (n, P', c).

        Each entry is the sum of at most `overlap` entries of the parts, added one after the other.
        """
        total = np.zeros(0)
        for part, place in zip(parts, self._places, strict=True):
            n, _, c = part.shape
            if not total.size:
                tiled = self._is_tiled
                total = np.empty((n, *self.padded, c)) if tiled else np.zeros((n, *self.padded, c))
            there, given = total[(slice(None), *place)], part.reshape(n, *self.output, c)
            np.add(0.0 if tiled else there, given, out=there)
        inside = total[(slice(None), *self._inside)]
        return inside.reshape(inside.shape[0], -1, inside.shape[-1])

    @property
    def _is_tiled(self) -> bool:
        """Whether each position of the padded image is read by exactly one window."""
        return self.stride == self.kernel and self.dilation == (1, 1) and self.padded == self._reach

    @property
    def _reach(self) -> Pair:
        (sh, sw), (height, width) = self.stride, self.output
        return sh * height, sw * width

    @property
    def _inside(self) -> tuple[slice, slice]:
        """Where the image lies in its padding."""
        (top, left), (height, width) = self.padding, self.image
        return slice(top, top + height), slice(left, left + width)

    @property
    def _places(self) -> list[tuple[slice, slice]]:
        """For each place in the window, what the windows read there in the padded image."""
        (dh, dw), (sh, sw), (height, width) = self.dilation, self.stride, self.output
        return [
            (slice(dh * i, dh * i + sh * (height - 1) + 1, sh), slice(dw * j, dw * j + sw * (width - 1) + 1, sw))
            for i, j in np.ndindex(*self.kernel)
        ]


def patches(h: Rows, windows: Windows) -> Rows:
    """Gather patches (n·P', K·c) of a map (n·P, c), place by place: no rounding; errors and norms are roots of sums of squares."""
    before, after = windows.positions
    n, c = h.mid.shape[0] // before, h.mid.shape[1]
    mid = windows.gather(h.mid.reshape(n, before, c)).reshape(n * after, -1)
    err, norms = (_gathered_norms(v, windows) for v in (h.err, h.norms))
    # h's own construction made its mid finite, for which its norms hold.
    found = Rows(mid, err, windows.most(h.sup), finite=True)
    found.__dict__["norms"] = norms
    return found


def _gathered_norms(values: Array, windows: Windows) -> Array:
    """Upper bounds (n·P',) of the roots of the sums of squares that each window reads of `values` (n·P,) ≥ 0."""
    top = float(values.max(initial=0.0))
    if top == 0.0:
        return np.zeros(values.size // windows.positions[0] * windows.positions[1])
    if 1e-140 < top < 1e140:
        # Valid for every square that over- or underflows, and sharp where none does that matters.
        with quiet():
            squares = (values * values).reshape(-1, windows.positions[0], 1)
            return np.asarray(root_upper(windows.sums(squares).ravel(), windows.size))
    return row_norms_upper(windows.gather(values.reshape(-1, windows.positions[0], 1)).reshape(-1, windows.size))


class Kernel:
    """An exact convolution kernel at its windows: z = W∗h on rows, and the adjoint; torch's cross-correlation, without bias.

    Attributes:
        weight: (C', c, kh, kw) float64, c channels of the C = c·groups read by each output channel. windows, groups.
    """

    def __init__(self, weight: Array, windows: Windows, groups: int = 1) -> None:
        """Take the weight as it is; it must not change afterwards."""
        if weight.ndim != 4 or weight.shape[2:] != windows.kernel or groups < 1 or weight.shape[0] % groups:
            raise ShapeError(
                f"kernel: weight {weight.shape} in {groups} groups for windows of {windows.kernel}; expected (C', c, kh, kw), C' a multiple"
                " of the groups"
            )
        self.weight, self.windows, self.groups = weight, windows, groups
        outputs, c = weight.shape[0] // groups, weight.shape[1]
        # (group, its outputs, place, channel)
        self._places = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(groups, outputs, windows.size, c)

    @cached_property
    def forward_matrices(self) -> list[Exact]:
        """Per group W_mat (C'/groups, K·c), the columns as :func:`patches` orders them."""
        return [Exact(group.reshape(group.shape[0], -1)) for group in self._places]

    @cached_property
    def forward_norm(self) -> float:
        """Upper bound of ‖W_mat‖₂, the largest of the groups'."""
        return max(float(spectral_norm(m.value).upper()) for m in self.forward_matrices)

    @cached_property
    def adjoint_norm(self) -> float:
        """Upper bound of the 2-norm of the matrix (c, K·C'/groups) that takes what the windows read back to one position."""
        turned = [group.transpose(2, 1, 0).reshape(group.shape[2], -1) for group in self._places]
        return max(float(spectral_norm(np.ascontiguousarray(m)).upper()) for m in turned)

    def apply(self, h: Rows, read: Sequence[Rows] | None = None) -> Rows:
        """Enclose W∗h (n·P', C') for a map (n·P, C); `read`: the patches of each group's channels where they are at hand.

        A row of the result is, group by group, W_mat times a patch a: with α, ε the patch's norm and error over all channels, it is off by
        ‖W_mat‖₂ε from the error, and by γ_q α max‖W_mat‖_F from rounding sums of q = K·c products (the groups' squares add up to at most
        the largest factor times α²), + C'qη; entry j by (γ_qα + ε)‖W_j‖ + qη.
        """
        require_probed_products()
        before, after = self.windows.positions
        n, channels = h.mid.shape[0] // before, h.mid.shape[1]
        c, outputs = self.weight.shape[1], self.weight.shape[0] // self.groups
        if channels != c * self.groups or n * before != h.mid.shape[0]:
            raise ShapeError(
                f"kernel: a map of {h.mid.shape} for {self.weight.shape} in {self.groups} groups on {before} positions"
            )
        q = self.windows.size * c
        mid = np.empty((n * after, self.weight.shape[0]))
        maps, block = h.mid.reshape(n, before, channels), max(1, _CHUNK // (after * q))
        with quiet():
            for start in range(0, n, block):
                for j, matrix in enumerate(self.forward_matrices):
                    rows, columns = slice(start * after, (start + block) * after), slice(j * outputs, (j + 1) * outputs)
                    if read is None:
                        gathered = self.windows.gather(maps[start : start + block, :, j * c : (j + 1) * c]).reshape(
                            -1, q
                        )
                    else:
                        gathered = read[j].mid[rows]
                    if self.groups == 1:
                        np.matmul(gathered, matrix.value.T, out=mid[rows])
                    else:
                        mid[rows, columns] = gathered @ matrix.value.T
            own = _gathered_norms(h.norms, self.windows) * (gamma(q) * INFLATE) + ETA
            moved = _gathered_norms(h.err, self.windows)
            tiny = float(self.weight.shape[0] * q + 4) * ETA
            largest, entry = (
                max(values) * INFLATE
                for values in zip(*((m.frobenius, float(m.rows.max())) for m in self.forward_matrices), strict=True)
            )
            err = (own * largest + moved * self.forward_norm) * INFLATE + tiny
            return Rows(mid, err, (own + moved) * INFLATE * entry + tiny)

    def adjoint(self, b: Rows) -> Rows:
        """Enclose the adjoint (N·P, C) at B (N·P', C'): position p gets Σ W_δᵀb_p' over the windows p' that read it at place δ.

        With β, ε the norms and errors of b's rows: the errors give at most ‖[W_δᵀ]_δ‖₂·(Σε²)^½, the sum over those windows; each entry is
        a sum of products through which pass at most C'/groups + overlap roundings, so rounding moves a row by γ Σ β_p'max‖W_δ‖_F, and
        by CKC'η.
        """
        require_probed_products()
        windows, groups = self.windows, self.groups
        after, outputs, c = windows.positions[1], self._places.shape[1], self._places.shape[3]
        samples = b.mid.shape[0] // after
        if b.mid.shape != (samples * after, outputs * groups):
            raise ShapeError(f"kernel: values {b.mid.shape} at the output of {self.weight.shape} on {after} positions")
        with quiet():
            block = max(1, _CHUNK // (after * windows.size * c * groups))
            mid = np.empty((samples, windows.positions[0], c * groups))
            for start in range(0, samples, block):
                rows = slice(start * after, (start + block) * after)
                for j in range(groups):
                    back = b.mid[rows, j * outputs : (j + 1) * outputs] @ self._places[j].reshape(outputs, -1)
                    back = back.reshape(-1, after, windows.size, c)
                    mid[start : start + block, :, j * c : (j + 1) * c] = windows.scatter(np.moveaxis(back, 2, 0))
            sizes = row_norms_upper(self._places.transpose(0, 2, 1, 3).reshape(groups, windows.size, -1)).max(axis=0)
            factor = gamma(outputs + windows.overlap) * (1.0 + 4.0 * gamma(windows.size + 4)) * INFLATE
            rounded, squares = (
                windows.scatter(values.reshape(samples, after, 1) * w for w in weights).ravel()
                for values, weights in (
                    (b.norms, sizes * factor + ETA),
                    (b.err * b.err * INFLATE + ETA, np.ones(windows.size)),
                )
            )
            moved = np.sqrt(squares * (1.0 + 4.0 * gamma(windows.size + 4))) * INFLATE * self.adjoint_norm
            tiny = float(c * groups * windows.size * (outputs + 4) + 4) * ETA
            return Rows(mid.reshape(-1, c * groups), (rounded * INFLATE + moved) * INFLATE + tiny)


def position_sums(b: Rows, a: Rows, positions: int, channels: slice, *, bias: bool = False) -> Rows:
    """Enclose the gradients vec(Σ_p b_p ⊗ a_p), (N, C'·q): rows of the Jacobian with respect to a kernel's output channels in `channels`.

    Args:
        b: (N·P', C'), N = n·k: ∂F/∂z, sample-major. a: (n·P', q): patches. positions: P'.
        bias: stand for [a_p, 1] in the place of a_p.

    Row: computed sums of P' products are off by γ_P' Σ β_pα_p + C'qP'η; b̂ ⊗ â from b ⊗ a by Σ β_pε_p + δ_p(α_p + ε_p), with α, β the norms of the
    midpoints' rows and ε, δ their errors.
    """
    require_probed_products()
    total, n = b.mid.shape[0] // positions, a.mid.shape[0] // positions
    k, q = total // n, a.mid.shape[1]
    with quiet():
        left = b.mid.reshape(n, k, positions, -1)[..., channels]
        c = left.shape[-1]
        # One product for each sample: (k·c, P')·(P', q).
        turned = left.transpose(0, 1, 3, 2).reshape(n, k * c, positions)
        mid = np.empty((n, k * c, q + bias))
        np.matmul(turned, a.mid.reshape(n, positions, q), out=mid[..., :q])
        alpha = a.norms
        if bias:
            mid[..., q] = turned.sum(axis=2)
            alpha, q = np.sqrt(alpha * alpha * INFLATE + 1.0) * (INFLATE * INFLATE), q + 1
        beta, delta = (v.reshape(n, k, positions) for v in (b.norms, b.err))
        alpha, epsilon = (v.reshape(n, 1, positions) for v in (alpha, a.err))
        terms = beta * (alpha * gamma(positions) + epsilon + 2.0 * ETA) + delta * (alpha + epsilon) + 4.0 * ETA
        err = terms.sum(axis=2).ravel() * (1.0 + 4.0 * gamma(positions + 8)) + float(c * q * positions + 4) * ETA
        rows = mid.reshape(total, c * q)
        return Rows(rows, err * INFLATE, norms=row_norms_upper(rows))
