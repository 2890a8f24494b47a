"""GroupNorm, LayerNorm (one group), RMSNorm (no mean taken off): the layer, and its rule in the recursion of movement.py.

Claim layer_norm_derivatives. Over the m entries of a group, c = h − mean (or h), d² = Σc²/m, σ² = d² + eps: the value is v = c/σ. Back-propagation through mean
and variance gives (1/σ)(g − mean(g) − v·mean(g∘v)), where mean(g) is left out if none is taken off: a symmetric matrix, of norm at most 1/σ. It turns by
at most 2/(√(3m)σ²) times the input's movement while σ stays above that. d moves by at most 1/√m times the input, so a sample whose value below moves
by ρ has σ² ≥ max(0, d − ρ/√m)² + eps, d the least over its groups. v mixes entries: what its turning does is measured by the norm of the whole sensitivity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import length, real, root, tick, zips
from verify.checker.layers import Layer

__all__ = ["Deviations", "GroupNorm"]


@dataclass(frozen=True)
class GroupNorm(Layer):
    """(h − mean)/√(variance + eps) of each group; channels come first, so that a group is a run of neighbouring entries."""

    groups: int
    eps: float
    centred: bool

    @property
    def members(self) -> int:
        """How many entries a group has."""
        return self.size // self.groups

    def _runs(self, row: list[Any]) -> Iterator[list[Any]]:
        """Cut a sample's entries into its groups."""
        m = self.members
        return (row[start : start + m] for start in range(0, self.size, m))

    def _centred(self, run: list[Any]) -> list[Any]:
        mean = sum(run, arb(0)) / self.members if self.centred else arb(0)
        return [x - mean for x in run]

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """The value; and for the pullback the same with each group's 1/σ."""
        rows, inverses = [], []
        for row in h[0].tolist():
            tick()
            values: list[Any] = []
            inverse: list[Any] = []
            for run in map(self._centred, self._runs(row)):
                square = (sum((x * x for x in run), arb(0)) / self.members).max(arb(0))
                inverse.append(1 / (square + real(self.eps)).sqrt())
                values += [x * inverse[-1] for x in run]
            rows.append(values)
            inverses.append(inverse)
        return arb_mat(rows), (rows, inverses)

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """(1/σ)(g − mean(g) − v·mean(g∘v)), group by group."""
        rows, m = [], self.members
        for number, row in enumerate(g.tolist()):
            tick()
            values, inverses = local[0][number // k], local[1][number // k]
            total: list[Any] = []
            for run, v, inverse in zips(self._runs(row), self._runs(values), inverses):
                along = sum((x * y for x, y in zips(run, v)), arb(0)) / m
                total += [(x - y * along) * inverse for x, y in zips(self._centred(run), v)]
            rows.append(total)
        return [arb_mat(rows)]

    def deviations(self, h: Any) -> list[Any]:
        """Enclose d of each sample, the least over its groups."""
        share = real(self.members).sqrt()
        return [reduce(arb.min, (length(self._centred(run)) / share for run in self._runs(row))) for row in h.tolist()]

    def numbers(self, known: Any) -> Iterator[int]:
        """Entries of one group that are one function before are one after; 0 stays 0 only where no mean is taken off."""
        table: dict[tuple[int, int], int] = {}
        for at, function in enumerate(known):
            kept = function == 0 and not self.centred
            yield 0 if kept else table.setdefault((at // self.members, function), len(table) + 1)


class Deviations(NamedTuple):
    """The rule of such a layer: √m and eps, each sample's least d and the norm of its sensitivity, b."""

    share: Any
    eps: Any
    least: list[Any]
    blocks: list[Any]

    def _slopes(self, r: Any, x: list[Any]) -> list[Any]:
        """Enclose 1/σ on the ball, sample by sample."""
        return [1 / root(d**2 + self.eps) for d in self._left(r, x)]

    def _left(self, r: Any, x: list[Any]) -> list[Any]:
        """Enclose what is left of d, which is 0 at least."""
        return [(d - r * length(row) / self.share).max(arb(0)) for d, row in zips(self.least, x[0].rows.tolist())]

    def forward(self, r: Any, x: list[Any]) -> Any:
        """x_i/σ_i; all samples together by the largest."""
        slopes = self._slopes(r, x)
        return x[0]._replace(whole=x[0].whole * reduce(arb.max, slopes), rows=_each(x[0].rows, slopes))

    def backward(self, r: Any, x: list[Any], above: Any) -> list[Any]:
        """y_i/σ_i + b_i·2/(√(3m)σ_i²)·x_i, c_i/σ_i."""
        slopes, settled = self._slopes(r, x), above.settled()
        turn = 2 / (real(3).sqrt() * self.share)
        bends = [b * turn * slope**2 for b, slope in zips(self.blocks, slopes)]
        rows = _each(settled.rows, slopes) + _each(x[0].rows, bends)
        return [settled._replace(rows=rows, jumps=[c * slope for c, slope in zips(settled.jumps, slopes)])]

    def on_ball(self, r: Any, x: list[Any], above: Any) -> Deviations:
        """d as it can become, b + r‖y‖ + c."""
        return self._replace(least=self._left(r, x), blocks=[b + most for b, most in zips(self.blocks, above.most(r))])


def _each(matrix: Any, factors: list[Any]) -> Any:
    """Multiply each sample's row by its factor."""
    return arb_mat([[x * f for x in row] for row, f in zips(matrix.tolist(), factors)])
