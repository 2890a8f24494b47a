"""The convolution: z = s·W∗h + b, torch's cross-correlation with zero padding.

Claim ids: shared_weight_ntk, convolution_norm. With a_{i,p} the patch that output position p of sample i reads (scaled, a 1 appended for a
bias that trains), row (i, a) of J_v is Σ_p B_{ia,p} ⊗ a_{i,p}: a weight counts once, its gradient adds over the positions before anything is
multiplied. A *change* U of the weights acts on a changed map with ‖U∗h‖ ≤ √ov‖U‖_F‖h‖, ov the number of windows that read one position: leaving
it out is false.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, Rows, gram, schur_of_grams
from verify.arrays.convolution_norms import convolution_norm
from verify.arrays.convolutions import Kernel, Windows, patches, position_sums
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks.layers.dense import inverse_root
from verify.networks.layers.layer import Trained, require_arrays
from verify.networks.layers.norms import sample_errors
from verify.networks.layers.values import GramTerm, Mask, Shape, SpectralNorm, Value

__all__ = ["Convolution"]

_PATCHES, _JACOBIAN, _PAIRS = 2**22, 2**25, 2**24
"""Doubles of patches, of a block of the Jacobian, and of the matrix of pairs of positions, held at once."""


@dataclass(frozen=True)
class _Read(Value):
    """A map and, where they are few, the patches that a convolution read of it, per group."""

    patches: tuple[Rows, ...] | None = None


@dataclass(frozen=True)
class Convolution(Trained):
    """z = s·W∗h + b on maps (C, H, W), s = 1/√inverse_square_scale.

    Attributes:
        weight: (C', C/groups, kh, kw) float64, exact. bias: (C',) float64, exact, or None.
        stride, padding, dilation: (down, across); zero padding on both sides. groups: as torch.nn.Conv2d.
        inverse_square_scale, inputs, frozen, name: as of :class:`verify.networks.layers.Linear`.
    """

    kind: ClassVar[str] = "convolution"
    weight: Float[np.ndarray, "out in kh kw"]
    bias: Float[np.ndarray, " out"] | None
    inverse_square_scale: int = 1
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    inputs: tuple[int, ...] = (-1,)
    frozen: tuple[str, ...] = ()
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse shapes that would broadcast, groups that do not divide, and what is no exact finite array."""
        w, b, g = self.weight, self.bias, self.groups
        require_arrays(self, "convolution")
        if w.ndim != 4 or 0 in w.shape or (b is not None and b.shape != w.shape[:1]):
            shape = None if b is None else b.shape
            raise ShapeError(f"convolution: weight {w.shape} and bias {shape}; expected (C', c, kh, kw) and (C',)")
        if type(g) is not int or g < 1 or w.shape[0] % g:
            raise ShapeError(f"convolution: {w.shape[0]} output channels in groups={g!r}; expected a divisor")
        if not (isinstance(self.inverse_square_scale, int) and self.inverse_square_scale >= 1):
            raise InputError(
                f"convolution: inverse_square_scale={self.inverse_square_scale!r}, expected an integer ≥ 1"
            )

    @property
    def scale(self) -> Ball:
        """Enclosure of s."""
        return inverse_root(self.inverse_square_scale)

    def windows(self, below: Shape) -> Windows:
        """Where it reads a map of the given shape."""
        return Windows((below[1], below[2]), self.weight.shape[2:], self.stride, self.padding, self.dilation)

    def shape(self, *below: Shape) -> Shape:
        """(C', H', W')."""
        channels = self.weight.shape[1] * self.groups
        if len(below) != 1 or len(below[0]) != 3 or below[0][0] != channels:
            raise ShapeError(
                f"convolution: inputs of shape {', '.join(map(str, below))}; expected a map of {channels} channels"
            )
        return (self.weight.shape[0], *self.windows(below[0]).output)

    def value(self, *below: Value) -> tuple[Value, Value]:
        """Z (n·P', C'); saved: s·h with its patches, which are gathered again where they are many."""
        (h,) = below
        scaled = h.rows.scaled(self.scale)
        saved = _Read(scaled, h.shape)
        if h.samples * self._positions(saved) * math.prod(self.weight.shape[1:]) * self.groups <= _PATCHES:
            saved = replace(saved, patches=tuple(self._gathered(saved, group) for group in range(self.groups)))
        z = self._kernel(h.shape).apply(scaled, saved.patches)
        if self.bias is not None:
            # The product belongs to nobody else.
            z = z.plus(self.bias, in_place=True)
        return Value(z, self.shape(h.shape)), saved

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """Where a window reads zeros and padding alone, and there is no bias."""
        (shape,), (mask,) = below, masks
        if self.bias is not None:
            return super().vanishing(below, *masks)
        windows, groups = self.windows(shape), self.groups
        grouped = (~mask).reshape(-1, windows.positions[0], groups, self.weight.shape[1])
        read = windows.sums(np.ascontiguousarray(grouped.any(axis=3), dtype=np.float64))
        return np.repeat(read == 0.0, self.weight.shape[0] // groups, axis=2).reshape(-1, self.weight.shape[0])

    def pullback(self, saved: Value, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """G_u = s·(W∗)ᵀG."""
        return (Value(self._kernel(below[0]).adjoint(g.rows).scaled(self.scale, in_place=True), below[0]),)

    @property
    def overlap(self) -> Upper:
        """κ = s√ov, ov ≤ ⌈kh/gcd⌉…: the windows that read one position number at most ∏⌈kernel/step⌉, step = stride/gcd(stride, dilation).

        Windows j and j' read one position at places δ, δ' only if stride·(j − j') = dilation·(δ' − δ): the places differ by multiples of the step.
        """
        if "weight" in self.frozen:
            return Upper(0.0)
        steps = (s // math.gcd(s, d) for s, d in zip(self.stride, self.dilation, strict=True))
        count = math.prod(math.ceil(k / step) for k, step in zip(self.weight.shape[2:], steps, strict=True))
        return Upper(float(count)).root() * Upper(self.scale)

    def weight_norm(self, below: Shape, norm: SpectralNorm) -> Upper:
        """s‖W∗‖, certified: the least of what :mod:`verify.arrays.convolution_norms` knows."""
        return Upper(self._norm(below)) * Upper(self.scale)

    def data_norms(self, saved: Value, samples: int, norm: SpectralNorm) -> tuple[Upper, Upper]:
        """‖[Patch_1 … Patch_n]‖₂ and ‖Patch_i‖₂, the largest of the groups'; of the midpoints, plus the errors' Frobenius norms.

        The first from the q × q sum of the samples' Gram matrices G_i, of which symmetric matrices of trace norm 1 know the norm; the second by
        ‖G_i‖ ≤ ‖G_i²‖_F^½, on the smaller side.
        """
        if not self.trained:
            return Upper(0.0), Upper(np.zeros(samples))
        whole, each = Upper(0.0), Upper(np.zeros(samples))
        for group in range(self.groups):
            total: Ball | None = None
            rows, errors = [], []
            for gathered in self._patches(saved, group):
                part = gathered.with_column(1.0) if self._with_bias else gathered
                count = part.mid.shape[0] // self._positions(saved)
                stacked = part.mid.reshape(count, -1, part.mid.shape[1])
                own = gram(np.ascontiguousarray(part.mid.T))
                total = own if total is None else total + own
                small = (
                    stacked if stacked.shape[1] <= stacked.shape[2] else np.ascontiguousarray(stacked.swapaxes(1, 2))
                )
                blocks = gram(small)
                squares = blocks @ blocks
                rows.append(Upper(abs(squares).reshape(count, -1)).norm(-1).root().value)
                errors.append(sample_errors(part, count).value)
            err = Upper(np.concatenate(errors))
            assert total is not None
            top = Upper(norm(total)).root() + err.norm(-1)
            mine = Upper(np.concatenate(rows)).root() + err
            whole, each = Upper(np.maximum(whole.value, top.value)), Upper(np.maximum(each.value, mine.value))
        return whole, each

    def gram_term(self, saved: Value, g: Value, k: int) -> GramTerm:
        """J_vJ_vᵀ (N, N), by the cheaper of two ways, group by group.

        Pairs of positions, Σ_{p,p'} ⟨B_p, B'_p'⟩⟨a_p, a'_p'⟩: N²P²(C' + q) operations, where they fit into memory; else the rows of J_v, in
        blocks of output channels: NPC'q + N²C'q operations, at most 256 MiB at once whatever p and n are.
        """
        total: Ball | None = None
        positions, outputs = g.positions, self.weight.shape[0] // self.groups
        q, size = self._columns, g.samples
        pairs = positions**2 * (outputs + q) < outputs * q and (size * positions) ** 2 <= _PAIRS
        block = outputs if pairs else max(1, _JACOBIAN // (size * q))
        for group in range(self.groups):
            for start in range(0, outputs, block):
                channels = slice(group * outputs + start, group * outputs + min(start + block, outputs))
                if pairs:
                    term = self._position_pairs(saved, g, k, group, channels)
                else:
                    term = schur_of_grams([(self._jacobian(saved, g, k, group, channels), None)])
                total = term if total is None else total + term
        assert total is not None
        return total

    def gradient(self, saved: Value, g: Value, e: Ball, k: int) -> tuple[Ball, ...]:
        """Σ_i Σ_p c_{i,p} ⊗ a_{i,p}, c_i = Σ_a e_ia B_{ia}: all samples' positions as one sum."""
        if not self.trained:
            return ()
        positions, c = g.positions, self.weight.shape[0]
        product = g.rows.ball().reshape(-1, k, positions, c) * e.reshape(-1, k, 1, 1)
        weighted = Rows.of(product.sum(axis=1).reshape(-1, c))
        outputs = c // self.groups
        found = []
        for group in range(self.groups):
            total: Rows | None = None
            at = 0
            for part in self._patches(saved, group):
                rows = slice(at, at + part.mid.shape[0])
                at = rows.stop
                here = Rows(weighted.mid[rows], weighted.err[rows], weighted.sup[rows])
                channels = slice(group * outputs, (group + 1) * outputs)
                own = position_sums(here, part, part.mid.shape[0], channels, bias=self._with_bias)
                total = own if total is None else total.added(own)
            assert total is not None
            found.append(total.ball().reshape(outputs, -1))
        mid, rad = (np.concatenate([getattr(part, name) for part in found]) for name in ("mid", "rad"))
        return self._split(Ball(mid, rad))

    # ---- patches

    @functools.cached_property
    def _kernels(self) -> dict[Shape, Kernel]:
        return {}

    def _kernel(self, below: Shape) -> Kernel:
        if below not in self._kernels:
            self._kernels[below] = Kernel(self.weight, self.windows(below), self.groups)
        return self._kernels[below]

    @functools.cached_property
    def _norms(self) -> dict[Shape, float]:
        return {}

    def _norm(self, below: Shape) -> float:
        if below not in self._norms:
            self._norms[below] = convolution_norm(self.weight, self.windows(below), self.groups)
        return self._norms[below]

    @property
    def _columns(self) -> int:
        """q: numbers of a patch that trained parameters of one output channel multiply."""
        return ("weight" in self.trained) * math.prod(self.weight.shape[1:]) + ("bias" in self.trained)

    def _positions(self, saved: Value) -> int:
        return self.windows(saved.shape).positions[1]

    @property
    def _with_bias(self) -> bool:
        """Whether a 1 belongs to each patch beside the weight's entries."""
        return {"weight", "bias"} <= self.trained.keys()

    def _gathered(self, saved: Value, group: int, samples: slice = slice(None)) -> Rows:
        """What some samples' windows read in a group's channels, place by place (count·P', q)."""
        windows, c = self.windows(saved.shape), self.weight.shape[1]
        start, stop, _ = samples.indices(saved.samples)
        rows, chosen = saved.rows, slice(start * windows.positions[0], stop * windows.positions[0])
        mine = rows.mid[chosen, group * c : (group + 1) * c]
        here = Rows(np.ascontiguousarray(mine), rows.err[chosen], rows.sup[chosen], finite=True)
        if self.groups == 1:
            here.__dict__["norms"] = rows.norms[chosen]
        return patches(here, windows)

    def _patches(self, saved: Value, group: int) -> Iterator[Rows]:
        """Blocks of samples' patches (count·P', q), without the 1 of a bias that trains; a column of ones where the bias alone does."""
        known = saved.patches if isinstance(saved, _Read) else None
        positions = self._positions(saved)
        block = max(1, _PATCHES // (positions * self._columns))
        if "weight" in self.trained and known is not None:
            yield known[group]
            return
        for start in range(0, saved.samples, block):
            samples = slice(start, min(start + block, saved.samples))
            if "weight" in self.trained:
                yield self._gathered(saved, group, samples)
            else:
                yield Rows(np.ones(((samples.stop - samples.start) * positions, 1)))

    def _jacobian(self, saved: Value, g: Value, k: int, group: int, channels: slice) -> Rows:
        """Rows (N, C·q) of J_v for some output channels of a group."""
        found, at, positions = [], 0, g.positions
        for part in self._patches(saved, group):
            rows = slice(at, at + part.mid.shape[0] * k)
            at = rows.stop
            if self.groups == 1 and channels == slice(0, g.rows.mid.shape[1]) and rows == slice(0, len(g.rows.err)):
                b = g.rows
            else:
                chosen = np.ascontiguousarray(g.rows.mid[rows, channels])
                b = Rows(chosen, g.rows.err[rows], g.rows.sup[rows], finite=True)
            found.append(position_sums(b, part, positions, slice(None), bias=self._with_bias))
        if len(found) == 1:
            return found[0]
        return Rows(*(np.concatenate([getattr(part, name) for part in found]) for name in ("mid", "err", "sup")))

    def _position_pairs(self, saved: Value, g: Value, k: int, group: int, channels: slice) -> Ball:
        """The same term from the Gram matrices of all positions, summed over pairs of positions."""
        parts = [part.with_column(1.0) if self._with_bias else part for part in self._patches(saved, group)]
        a = [np.concatenate([getattr(part, name) for part in parts]) for name in ("mid", "err", "sup")]
        size, positions = g.samples, g.positions
        order = np.arange(len(a[0])).reshape(-1, 1, positions).repeat(k, axis=1).ravel()
        b = Rows(np.ascontiguousarray(g.rows.mid[:, channels]), g.rows.err, g.rows.sup)
        pairs = schur_of_grams([(Rows(*(array[order] for array in a)), b)])
        return pairs.reshape(size, positions, size, positions).sum(axis=(1, 3))

    def _split(self, full: Ball) -> tuple[Ball, ...]:
        """The gradient (C', q) as arrays of the trained parameters' own shapes."""
        found = []
        if "weight" in self.trained:
            outputs, c, kh, kw = self.weight.shape
            places = full[:, : c * kh * kw].reshape(outputs, kh, kw, c)
            found.append(places.swapaxes(2, 3).swapaxes(1, 2))
        return (*found, full[:, -1]) if "bias" in self.trained else tuple(found)
