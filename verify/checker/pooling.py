"""Max pooling: the largest of the entries that a window reads, what may tie for ever, and what happens where a window may choose anew on a ball.

Claim window_choices. Back-propagation sends a window's sensitivity to one of the entries that attain the maximum (torch: the first). Let C be the entries
that are the same function of θ as the one chosen at the centre. If at some θ of the ball an entry o outside C attains the maximum, it has overtaken:
gap = h_top − h_o ≤ |Δh_top| + |Δh_o|, gap²/2 ≤ Σ|Δh_j|² over the window. An entry counts in at most ov windows, so Σ gap² ≤ 2ov·ρ² over all windows that
choose anew while ‖Δh‖ ≤ ρ, and what they send back changes by at most √(2ov·Σ‖g‖²): two choices differ by (1, −1) at worst, and at an entry at most ov of
them add up. With distances gap/√(2ov) and gains √(2ov)‖g‖ this is the knapsack of kinks.py. A window of which no entry outside C can overtake chooses the
first of C everywhere.

Which functions are the same (`Equal`) is decided by numbering determinants; a dead unit counts as the constant that it is, a certain maximum as the
entry chosen. Both hold while no unit below meets its kink and no window below chooses anew; of a sample for which one may (`Moved.crossed`) all windows count.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from math import inf, nextafter
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import CLIPPED, length, real, tick, zips
from verify.checker.kinks import Unit, candidates, knapsack
from verify.checker.layers import Elementwise, Fixed, Layer, Trained
from verify.checker.normalising import GroupNorm

__all__ = ["Choice", "Equal", "Maximum", "Windows"]


class Choice(NamedTuple):
    """A window at the centre: the entries that it may choose, the first of them in the midpoints' order; how far that lies above all others but its equals."""

    entries: tuple[int, ...]
    gap: Any  # None: there are no others


@dataclass(frozen=True)
class Maximum(Layer):
    """Output o is the largest of the entries listed for it, those inside the map in the window's own order."""

    entries: tuple[tuple[int, ...], ...]

    @property
    def overlap(self) -> int:
        """How many windows read an entry at most."""
        count: dict[int, int] = {}
        for at in self.entries:
            for i in at:
                count[i] = count.get(i, 0) + 1
        return max(count.values())

    def forward(self, weights: Any, h: list[Any]) -> tuple[Any, Any]:
        """The maxima; what each window chooses is decided where it is known which entries are equal."""
        rows = []
        for row in h[0].tolist():
            tick()
            rows.append([reduce(arb.max, (row[i] for i in at)) for at in self.entries])
        return arb_mat(rows), None

    def choices(self, h: Any, numbers: list[array[int]]) -> tuple[int, list[list[Choice]]]:
        """Return the width of the input, and each sample's choices; `numbers` as of `Equal`."""
        found = []
        for row, known in zips(h.tolist(), numbers):
            tick()
            found.append([_choice(row, known, at) for at in self.entries])
        return h.ncols(), found

    def pullback(self, local: Any, g: Any, k: int) -> list[Any]:
        """Send each output's sensitivity to the entry chosen; where the choice is not certain, any share of it to each that may be."""
        width, choices = local
        share, rows = arb(0.5, 0.5), []
        for number, row in enumerate(g.tolist()):
            tick()
            total = [arb(0)] * width
            for value, choice in zips(row, choices[number // k]):
                for i in choice.entries:
                    total[i] += value if len(choice.entries) == 1 else value * share
            rows.append(total)
        return [arb_mat(rows)]


def _choice(row: list[Any], known: array[int], at: tuple[int, ...]) -> Choice:
    """Decide for one window."""
    top = at[0]
    for i in at[1:]:
        if row[i].mid() > row[top].mid():
            top = i
    others = [i for i in at if known[i] != known[top]]
    first = next(i for i in at if known[i] == known[top])
    if not others:
        return Choice((first,), None)
    gap = row[top] - reduce(arb.max, (row[i] for i in others))
    if gap > 0:
        return Choice((first,), gap)
    return Choice((first, *(i for i in others if not row[i] < row[top])), gap)


class Equal:
    """Numbers of the entries of values: those of one value and one sample with the same number are one function of θ while nothing below is crossed."""

    def __init__(self, layers: list[Layer], value: dict[int, Any], local: list[Any]) -> None:
        """Look at values, and at what is known locally of each layer, as they become known."""
        self.layers, self.value, self.local = layers, value, local
        self.known: dict[int, list[array[int]]] = {}

    def of(self, v: int) -> list[array[int]]:
        """Return the numbers of value v, for each sample; −1: the data. 0 is the function that is 0."""
        if v not in self.known:
            self.known[v] = [array("q", numbers) for numbers in self._samples(v)]
        return self.known[v]

    def _samples(self, v: int) -> Iterator[Iterable[int]]:
        if v < 0:
            for row in self.value[v].tolist():
                number = _numbering()
                yield [number(x) if x else 0 for x in map(float, row)]
            return
        layer = self.layers[v]
        below, read = [self.of(u) for u in layer.inputs], self.value[layer.inputs[0]].tolist()
        for i, known in enumerate(zips(*below)):
            tick()
            if isinstance(layer, Trained):
                yield _affine(layer, known[0])
            elif isinstance(layer, Elementwise):
                yield _activated(layer, known[0], read[i])
            elif isinstance(layer, Maximum):
                yield _largest(layer, known[0], self.local[v][1][i])
            elif isinstance(layer, Fixed):
                yield _fixed(layer, known[0])
            elif isinstance(layer, GroupNorm):
                yield layer.numbers(known[0])
            else:
                number = _numbering()
                # Numbers of different values mean different functions: each summand in its place.
                yield [number(parts) if any(parts) else 0 for parts in zips(*known)]


def _numbering() -> Callable[[Any], int]:
    """Return a function that numbers what it is given from 1 on, the same alike."""
    table: dict[Any, int] = {}
    return lambda what: table.setdefault(what, len(table) + 1)


def _added(numbers: Iterable[int]) -> tuple[int, ...]:
    """What determines a sum of functions of one value: those that are not 0, in any order."""
    return tuple(sorted(filter(None, numbers)))


def _affine(layer: Trained, known: array[int]) -> Iterator[int]:
    """A channel at a position is determined by the channel and by what it reads there, tap by tap; padding reads 0."""
    number, homogeneous, share = (
        _numbering(),
        layer.bias is None and layer.means is None,
        layer.channels // len(layer.reads),
    )
    read = [[tuple(known[u] if u >= 0 else 0 for u in at) for at in group] for group in layer.reads]
    patches = [[0 if homogeneous and not any(at) else number(at) for at in group] for group in read]
    for c in range(layer.channels):
        for patch in patches[c // share]:
            yield patch * layer.channels + c if patch else 0


def _activated(layer: Elementwise, known: array[int], row: list[Any]) -> Iterator[int]:
    """A unit certainly on a flat piece is that piece's constant; any other is determined by what it is applied to."""
    number, kept = _numbering(), layer.at_zero == 0
    low, high = CLIPPED.get(layer.name, (0 if layer.name == "relu" else None, None))
    for function, z in zips(known, row):
        if low is not None and z < low:
            yield number(("constant", low)) if low else 0
        elif high is not None and z > high:
            yield number(("constant", high))
        else:
            yield number(function) if function or not kept else 0


def _fixed(layer: Fixed, known: array[int]) -> Iterator[int]:
    """An output is determined by what it adds up, its factor and its mean."""
    number = _numbering()
    for at, factor, mean in zips(layer.entries, layer.factors, layer.means or [None] * len(layer.entries)):
        read = _added(known[i] for i in at)
        yield number((read, factor, mean)) if read or mean is not None else 0


def _largest(layer: Maximum, known: array[int], choices: list[Choice]) -> Iterator[int]:
    """A certain maximum is the entry chosen; any other is determined by the set of what is read."""
    number = _numbering()
    for at, choice in zips(layer.entries, choices):
        certain = choice.gap is None or choice.gap > 0
        read = frozenset([known[choice.entries[0]]] if certain else (known[i] for i in at))
        yield number(read) if any(read) else 0


class Windows(NamedTuple):
    """A max pool as a rule of the recursion of movement.py: √ov, and each sample's windows as units, by distance."""

    factor: Any
    units: list[list[Unit]]

    @classmethod
    def about(cls, layer: Maximum, choices: list[list[Choice]], columns: list[list[Any]]) -> Windows:
        """Return the rule about a point, from its choices and the columns' norms of the sensitivity."""
        spread, units = real(2 * layer.overlap).sqrt(), []
        for row, gains in zips(choices, columns):
            tick()
            found = []
            for at, (choice, gain) in enumerate(zips(row, gains)):
                # A window without rivals sends everything to one function's first entry wherever θ is: it takes no room and has no gain.
                distance = (
                    inf if choice.gap is None else max(0.0, nextafter(float((choice.gap / spread).lower()), -inf))
                )
                found.append(Unit(distance, arb(distance) ** 2, spread * gain, at))
            units.append(sorted(found, key=lambda unit: unit.distance))
        return cls(real(layer.overlap).sqrt(), units)

    def forward(self, r: Any, x: list[Any]) -> Any:
        """√ov·x: |Δmax| ≤ max|Δh_j| in each window, and an entry counts in ov of them."""
        return x[0].times(self.factor)

    def backward(self, r: Any, x: list[Any], above: Any) -> list[Any]:
        """√ov(y, c), and what windows that choose anew do, of a sample that is crossed below all of them."""
        through, jumps = above.times(self.factor), []
        for c, row, crossed, units in zips(through.jumps, x[0].rows.tolist(), x[0].crossed, self.units):
            reach = r * length(row)
            own = length(unit.gain for unit in units) if crossed else knapsack(candidates(units, reach), reach)
            jumps.append(c + own)
        return [through._replace(jumps=jumps)]

    def on_ball(self, r: Any, x: list[Any], above: Any) -> Windows:
        """Where no window chooses anew it does not change."""
        return self

    def may_cross(self, r: Any, x: list[Any]) -> list[bool]:
        """Whether some window of a sample may choose anew."""
        return [bool(candidates(units[:1], r * length(row))) for units, row in zips(self.units, x[0].rows.tolist())]
