"""The rules of a layer at one parameter vector, on explicit Arb matrices: value, pullback of sensitivities, its term of the NTK, gradient.

A value is a matrix with one row per sample, a map (C, H, W) flat with the channels first; a sensitivity ∂F/∂h has one row per sample and output,
sample-major. Four rules suffice; kinds.py says which layer of a certificate follows which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import CLIPPED, activation, gram, real, suprema, tick, zips
from verify.checker.reading import Array

__all__ = ["Elementwise", "Fixed", "Layer", "Sum", "Trained", "Window", "columns", "repeated", "schur", "weighted"]

Exact = int | Fraction
KINKED = ("relu", "leaky_relu", *CLIPPED)
# Numbers held at once where samples are taken block by block.
_BLOCK = 1 << 20


def schur(left: Any, right: Any) -> Any:
    """Enclose the entrywise (Schur) product of two arb_mat of equal shape."""
    entries = [x * y for x, y in zips(left.entries(), right.entries())]
    return arb_mat(left.nrows(), left.ncols(), entries)


def weighted(matrix: Any, factors: list[Any]) -> Any:
    """Multiply column j of an arb_mat by factors[j]."""
    return arb_mat([[x * f for x, f in zips(row, factors)] for row in matrix.tolist()])


def repeated(matrix: Any, k: int) -> Any:
    """Repeat the row of each sample k times, (n, m) → (nk, m), for its k outputs."""
    tick()
    return matrix if k == 1 else arb_mat([row for row in matrix.tolist() for _ in range(k)])


def columns(matrix: Any, start: int, stop: int) -> Any:
    """Return the columns start … stop − 1 of an arb_mat."""
    return matrix if (start, stop) == (0, matrix.ncols()) else arb_mat([row[start:stop] for row in matrix.tolist()])


class Window(NamedTuple):
    """How a kernel lies on a map, down and across."""

    image: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """One node of the graph: the positions of its inputs (−1: the data), the shape of its value, (d,) or (C, H, W), and what a statement says of it."""

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    about: str

    @property
    def size(self) -> int:
        """How many numbers a value holds."""
        result = 1
        for extent in self.shape:
            result *= extent
        return result

    def start(self) -> list[float]:
        """Return the moving parameters, weights first; none but of a trained layer."""
        return []

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """Enclose the value, given those of the inputs, and what the pullback needs to know of this point."""
        raise NotImplementedError

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """Enclose this layer's share of ∂F/∂h for each input, from ∂F/∂(its own value); k outputs."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sum(Layer):
    """Σ of the inputs, entry by entry: each of them hands the sensitivity on as it is."""

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """Add."""
        return sum(h[1:], h[0]), None

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """Hand on, once for each summand."""
        return [g for _ in self.inputs]


@dataclass(frozen=True)
class Elementwise(Layer):
    """An activation, σ(z) entry by entry: G ↦ G·diag σ'(z). At an exact zero of z a kink has the slope of its left side, as torch's (relu'(0) = 0)."""

    name: str
    beta: Any

    @property
    def kinked(self) -> bool:
        """Whether σ' jumps: it is 1 somewhere and `below` elsewhere."""
        return self.name in KINKED

    @property
    def below(self) -> Any:
        """The other slope than 1."""
        return self.beta if self.name == "leaky_relu" else arb(0)

    def from_kink(self, z: Any) -> Any:
        """Enclose how far z is from the nearest kink."""
        kinks = CLIPPED.get(self.name, (0,))
        return reduce(arb.min, (abs(z - at) for at in kinks))

    @property
    def at_zero(self) -> Any:
        """Enclose σ(0)."""
        return activation(self.name, self.beta, arb(0))[0]

    def suprema(self) -> tuple[Any, Any]:
        """Enclose (sup|σ'|, sup|σ''|)."""
        return suprema(self.name, self.beta)

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """σ and σ' of every entry."""
        both = [activation(self.name, self.beta, value) for value in h[0].entries()]
        shape = h[0].nrows(), h[0].ncols()
        return arb_mat(*shape, [value for value, _ in both]), arb_mat(*shape, [slope for _, slope in both])

    def with_midpoints(self, slopes: Any, units: set[tuple[int, int]]) -> Any:
        """Return the slopes with the mean of the two slopes of the kink at some pairs (sample, unit)."""
        rows = slopes.tolist()
        for i, at in units:
            rows[i][at] = (1 + self.below) / 2
        return arb_mat(rows)

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """Multiply by the slopes."""
        return [schur(g, repeated(local, k))]


@dataclass(frozen=True)
class Fixed(Layer):
    """An affine map without parameters: output o is c_o·(Σ h_i − m_o) over the entries i listed for it, c_o = numerator/√square."""

    entries: tuple[tuple[int, ...], ...]
    factors: tuple[tuple[float, Exact], ...]
    means: tuple[float, ...] | None

    def factor(self) -> list[Any]:
        """Enclose every c_o."""
        known = {pair: real(pair[0]) / real(pair[1]).sqrt() for pair in set(self.factors)}
        return [known[pair] for pair in self.factors]

    def norm(self) -> Any:
        """Enclose a bound of the map's norm: the root of the largest row sum times the largest column sum of its absolute entries (Schur's test).

        |⟨u, Th⟩| ≤ Σ|t_oi||u_o||h_i| ≤ (Σ|t_oi|u_o²)^½(Σ|t_oi|h_i²)^½. Attained by flattening, multiples and windows that do not overlap.
        """
        size = 1 + max(i for row in self.entries for i in row)
        below, across = [arb(0)] * size, arb(0)
        for row, c in zips(self.entries, self.factor()):
            across = across.max(len(row) * abs(c))
            for i in row:
                below[i] += abs(c)
        return (across * reduce(arb.max, below)).sqrt()

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """Each output from its own list."""
        if self.kind == "flatten":
            return h[0], h[0].ncols()
        means, factor, rows = self.means or [0] * len(self.entries), self.factor(), []
        for row in h[0].tolist():
            tick()
            rows.append([c * (sum((row[i] for i in at), arb(0)) - m) for at, c, m in zips(self.entries, factor, means)])
        return arb_mat(rows), h[0].ncols()

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """The transpose of the same lists."""
        if self.kind == "flatten":
            return [g]
        factor, rows = self.factor(), []
        for row in g.tolist():
            tick()
            total = [arb(0)] * local
            for value, at, c in zips(row, self.entries, factor):
                for i in at:
                    total[i] += value * c
            rows.append(total)
        return [arb_mat(rows)]


@dataclass(frozen=True)
class Trained(Layer):
    """An affine map with parameters, each weight used at every position: z_{c,p} = s_g·Σ_t W_{c,t}(h_{reads(p,t)} − m_g) + b_c, g the group of c.

    `reads[g][p]` lists for group g and position p the entry of the input that meets each weight of a channel of that group, −1 for padding, where 0
    is read. A fully connected layer is one group with one position; means are those of batch_norm, one position a tap. A_p = [s(h_{reads(p,·)} − m), 1]
    (the 1 where there is a bias; `last` where that has a scale of its own) is the row that meets [W b].
    """

    reads: tuple[tuple[tuple[int, ...], ...], ...]
    weight: Array
    bias: Array | None
    squares: tuple[Exact, ...]  # 1/s², for each group or for all
    means: tuple[float, ...] | None
    moving: tuple[bool, bool]  # whether weight and bias are trained
    window: Window | None = None
    last: float = 1.0  # what stands in the place of the 1 beside a row: the bias counts so many times

    @property
    def channels(self) -> int:
        """How many output channels there are."""
        return self.shape[0]

    @property
    def positions(self) -> int:
        """How many positions each of them has."""
        return len(self.reads[0])

    @property
    def taps(self) -> int:
        """How many weights a channel has."""
        return len(self.reads[0][0])

    @property
    def dense(self) -> bool:
        """Whether this is a fully connected layer."""
        return self.kind == "linear"

    @property
    def plain(self) -> bool:
        """Whether 1/s² is an integer and the bias counts once, as in a chain."""
        return self.last == 1.0 and all(square == int(square) for square in self.squares)

    @property
    def weight_count(self) -> int:
        """How many parameters there are, moving or not."""
        return self.channels * (self.taps + (self.bias is not None))

    def scale(self, g: int = 0) -> Any:
        """Enclose s of a group."""
        return 1 / real(self.squares[g if len(self.squares) > 1 else 0]).sqrt()

    def moved(self) -> slice:
        """The columns of [W b] that move."""
        weight, bias = self.moving
        return slice(0 if weight else self.taps, self.taps + bias)

    def start(self) -> list[float]:
        """Return the moving parameters, weights first."""
        parts = [part for part, moves in zips((self.weight, self.bias), self.moving) if moves and part is not None]
        return [value for part in parts for value in part.data]

    def rows(self, flat: Iterator[float]) -> list[list[float]]:
        """Return [W b] with its moving parts taken from a vector."""
        own = iter(self.weight.data)
        source = flat if self.moving[0] else own
        matrix = [[next(source) for _ in range(self.taps)] for _ in range(self.channels)]
        if self.bias is None:
            return matrix
        source = flat if self.moving[1] else iter(self.bias.data)
        return [[*row, next(source)] for row in matrix]

    def groups(self) -> Iterator[tuple[int, slice]]:
        """Yield each group with its output channels."""
        share = self.channels // len(self.reads)
        for g in range(len(self.reads)):
            tick()
            yield g, slice(g * share, (g + 1) * share)

    def data(self, h: Any, g: int) -> Any:
        """Enclose the rows A_p of group g: one for each sample and position, sample-major; h a matrix or, unless dense, its rows."""
        tick()
        one, scale = [arb(self.last)] * (self.bias is not None), self.scale(g)
        if self.dense:
            return arb_mat([[*row, *one] for row in (h * scale).tolist()])
        zero, mean = arb(0), self.means[g] if self.means else 0
        return arb_mat(
            [
                [*((row[i] - mean) * scale if i >= 0 else zero for i in read), *one]
                for row in (h if isinstance(h, list) else h.tolist())
                for read in self.reads[g]
            ]
        )

    def scaled(self, weights: Any) -> Any:
        """Enclose s·W."""
        matrix = columns(weights, 0, self.taps)
        if len(self.squares) == 1:
            return matrix * self.scale()
        rows = matrix.tolist()
        return arb_mat([[x * self.scale(g) for x in row] for g, part in self.groups() for row in rows[part]])

    def spread(self, b: Any, part: slice) -> Any:
        """Turn rows over (channel, position) into one row for each row and position, over the channels of a group; b as in `data`."""
        P, channels = self.positions, range(self.channels)[part]
        if not isinstance(b, list):
            if P == 1:
                return columns(b, part.start, part.stop)
            b = b.tolist()
        return arb_mat([[row[c * P + p] for c in channels] for row in b for p in range(P)])

    def _blocks(self, rows: int) -> Iterator[slice]:
        """Cut the rows into blocks of bounded size."""
        step = max(1, _BLOCK // (self.positions * self.taps))
        for low in range(0, rows, step):
            tick()
            yield slice(low, min(rows, low + step))

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """The products of rows A_p and [W b], where s multiplies only h."""
        P, local = self.positions, (h[0].ncols(), self.scaled(weights))
        if self.dense:
            return self.data(h[0], 0) * weights.transpose(), local
        rows, table = h[0].tolist(), weights.tolist()
        result: list[list[Any]] = []
        for block in self._blocks(len(rows)):
            values: list[list[Any]] = [[] for _ in rows[block]]
            for g, part in self.groups():
                product = (self.data(rows[block], g) * arb_mat(table[part]).transpose()).tolist()
                for i, value in enumerate(values):
                    value += [x for channel in zips(*product[i * P : (i + 1) * P]) for x in channel]
            result += values
        return arb_mat(result), local

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """∂F/∂h_i is the sum of B_{c,p}·sW_{c,t} over all c and all (p, t) that read entry i."""
        width, table = local
        if self.dense:
            return [g * table]
        P, table, rows = self.positions, table.tolist(), g.tolist()
        result: list[list[Any]] = []
        for block in self._blocks(len(rows)):
            totals = [[arb(0)] * width for _ in rows[block]]
            for group, part in self.groups():
                product = (self.spread(rows[block], part) * arb_mat(table[part])).tolist()
                for i, total in enumerate(totals):
                    for read, values in zips(self.reads[group], product[i * P : (i + 1) * P]):
                        for index, value in zips(read, values):
                            if index >= 0:
                                total[index] += value
            result += totals
        return [arb_mat(result)]

    def kernel(self, h: Any, b: Any, k: int) -> Any:
        """Enclose this layer's term of J·Jᵀ (claims ntk_layer_sum, shared_weight_ntk), from B = ∂F/∂z.

        Output row (i, a) has the gradient Σ_p B_{ia,p} ⊗ A_{i,p} with respect to [W b]. With one position its products are those of B times those of A.
        """
        N, P, moved = b.nrows(), self.positions, self.moved()
        total = arb_mat(N, N)
        if not self.dense:
            h, b = h.tolist(), b.tolist()
        for g, part in self.groups():
            data, above = columns(self.data(h, g), moved.start, moved.stop), self.spread(b, part)
            if P == 1:
                total += schur(gram(above), gram(repeated(data, k)))
                continue
            a_rows, b_rows, width = data.tolist(), above.tolist(), above.ncols()
            step = max(1, _BLOCK // (N * data.ncols()))
            for low in range(0, width, step):
                gradients = []
                for row in range(N):
                    tick()
                    own = slice(row // k * P, (row // k + 1) * P)
                    weights = arb_mat([x[low : low + step] for x in b_rows[row * P : (row + 1) * P]])
                    gradients.append((weights.transpose() * arb_mat(a_rows[own])).entries())
                total += gram(arb_mat(gradients))
        return total

    def gradient(self, h: Any, b: Any, e: list[Any], k: int) -> Any:
        """Enclose Σ_ia e_ia Σ_p B_{ia,p}A_{i,p}ᵀ, the layer's part of Jᵀe, in the layout of [W b]; 0 where nothing moves."""
        P, moved = self.positions, self.moved()
        if self.dense:
            result = weighted(b.transpose(), e) * repeated(self.data(h, 0), k)
        else:
            rows: list[list[Any]] = []
            h, b = h.tolist(), b.tolist()
            factors = [x for x in e for _ in range(P)]
            for g, part in self.groups():
                data = self.data(h, g).tolist()
                data = [data[i * P + p] for i in range(len(h)) for _ in range(k) for p in range(P)]
                rows += (weighted(self.spread(b, part).transpose(), factors) * arb_mat(data)).tolist()
            result = arb_mat(rows)
        still = [j for j in range(result.ncols()) if not moved.start <= j < moved.stop]
        return weighted(result, [arb(j not in still) for j in range(result.ncols())]) if still else result
