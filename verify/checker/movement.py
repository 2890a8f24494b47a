"""How far the Jacobian of a graph moves on a ball of parameters, Δ_J(r), and how fast it can turn, L_H(r), by one recursion.

Claims network_movement, network_jacobian_change, unstable_units. θ = θ0 + u, t_l = ‖u_l‖ the move of the l-th layer whose parameters move, ‖t‖ ≤ r.
Every value moves by at most ⟨x, t⟩ (all samples together, and each by itself), every sample's sensitivity by at most ⟨y_i, t⟩ + c_i, where

    weights       x = α1_l + (ν + κr)x_in          y_in = νy + κ(b + r‖y‖ + c)1_l,  c_in = νc
    activation    x = S_1x_in                      y_in = S_1y + S_2γx_in,  c_in = S_1c + K(r‖x_in‖), K a jump by itself as long as no map mixes units
    max pool      x = √ov·x_in                     y_in = √ov·y,  c_in = √ov·c + K(r‖x_in‖), K of windows that may choose anew (pooling.py)
    group norm    x = Sx_in                        y_in = Sy + S_2bx_in,  c_in = Sc, S and S_2 of each sample's ball (normalising.py)
    fixed map     x = Σ_j τx_j                     y_j = τy,  c_j = τc

from x = 0 at the data and y = c = 0 at F; a sensitivity adds over all that read the value. α: norm of the data, (U, q) ↦ U∗h + q; ν: of W as a map
of values; κ: ‖U∗h‖ ≤ κ‖U‖‖h‖; b: norm of the sample's sensitivity; γ: its largest column; S_1, S_2: sup|σ'|, sup|σ''|, the latter 0 beside a kink;
K: what units that may cross their kink can do. Derivations: Δz = (U∗h⁰ + q) + W(θ)∗Δh; ΔG_in = G(θ)∘U + ΔG∘W⁰;
ΔG_in = ΔG·diag σ'(z_θ) + G⁰·diag(σ'(z_θ) − σ'(z⁰)), the last at most γS_2‖Δz‖ in the Frobenius norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nextafter
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.curvature import ChainCurvature
from verify.checker.enclosures import length, psd_norm, real, root, stage, tick, zips
from verify.checker.kinks import Jump, Unit, candidates, knapsack, pairs_norm
from verify.checker.layers import Elementwise, Fixed, Trained
from verify.checker.network import Point
from verify.checker.normalising import Deviations, GroupNorm
from verify.checker.norms import block_norms, column_norms, data_norms, largest, overlap, weight_norm
from verify.checker.pooling import Maximum, Windows

__all__ = ["Movement", "curvature"]


class Moved(NamedTuple):
    """x: of all samples together (1 × L), and sample by sample (n × L); of which samples a unit below may meet its kink or a window choose anew."""

    whole: Any
    rows: Any
    crossed: Sequence[bool] = ()

    def times(self, factor: Any) -> Moved:
        """Scale."""
        return self._replace(whole=self.whole * factor, rows=self.rows * factor)


class Turned(NamedTuple):
    """(y, c), sample by sample: n × L and n numbers; `direct` are jumps that are not yet in c."""

    rows: Any
    jumps: list[Any]
    direct: tuple[Jump, ...] = ()

    def settled(self) -> Turned:
        """Return the same with every jump in c."""
        return Turned(
            self.rows, [sum(sizes, c) for c, *sizes in zips(self.jumps, *(jump.sizes for jump in self.direct))]
        )

    def times(self, factor: Any) -> Turned:
        """Scale; jumps are settled."""
        return Turned(self.rows * factor, [c * factor for c in self.settled().jumps])

    def plus(self, other: Turned) -> Turned:
        """Add: another that reads the same value."""
        jumps = [a + b for a, b in zips(self.jumps, other.jumps)]
        return Turned(self.rows + other.rows, jumps, self.direct + other.direct)

    def most(self, r: Any) -> list[Any]:
        """Enclose r‖y_i‖ + c_i."""
        return [r * length(row) + c for row, c in zips(self.rows.tolist(), self.settled().jumps)]


def _column(values: list[Any], unit: list[int]) -> Any:
    """Return the matrix with these values in the column of a layer."""
    return arb_mat([[value] for value in values]) * arb_mat([unit])


def _by_row(matrix: Any, factors: list[Any]) -> Any:
    """Multiply each row by its factor."""
    return arb_mat([[x * f for x in row] for row, f in zips(matrix.tolist(), factors)])


class Weights(NamedTuple):
    """Norms of a layer with parameters: α, α_i, ν, κ, b_i, and the place of its t among the others (zeros if nothing moves)."""

    data: Any
    data_rows: list[Any]
    weight: Any
    overlap: Any
    blocks: list[Any]
    unit: list[int]

    def forward(self, r: Any, x: list[Moved]) -> Moved:
        """α1_l + (ν + κr)x."""
        through = x[0].times(self.weight + self.overlap * r)
        own = Moved(_column([self.data], self.unit), _column(self.data_rows, self.unit))
        return Moved(through.whole + own.whole, through.rows + own.rows)

    def backward(self, r: Any, x: list[Moved], above: Turned) -> list[Turned]:
        """νy + κ(b + r‖y‖ + c)1_l, νc."""
        own = [self.overlap * (b + most) for b, most in zips(self.blocks, above.most(r))]
        through = above.times(self.weight)
        return [Turned(through.rows + _column(own, self.unit), through.jumps)]

    def on_ball(self, r: Any, x: list[Moved], above: Turned) -> Weights:
        """Every norm as it can become: α + κr‖x‖, ν + κr, b + r‖y‖ + c."""
        reach = self.overlap * r
        return self._replace(
            data=self.data + reach * length(x[0].whole.entries()),
            data_rows=[a + reach * length(row) for a, row in zips(self.data_rows, x[0].rows.tolist())],
            weight=self.weight + reach,
            blocks=[b + most for b, most in zips(self.blocks, above.most(r))],
        )


class Activation(NamedTuple):
    """Suprema and column norms of an activation; of one with a kink each sample's units, by their distance from it."""

    slope: Any
    bend: Any
    columns: list[Any]
    units: list[list[Unit]]

    def forward(self, r: Any, x: list[Moved]) -> Moved:
        """S_1x."""
        return x[0].times(self.slope)

    def backward(self, r: Any, x: list[Moved], above: Turned) -> list[Turned]:
        """S_1y + S_2γx, S_1c; and K as a jump by itself."""
        through = above.times(self.slope)
        if not self.units:
            return [through._replace(rows=through.rows + _by_row(x[0].rows, [self.bend * g for g in self.columns]))]
        reach = [r * length(row) for row in x[0].rows.tolist()]
        near = [candidates(units, rho) for units, rho in zips(self.units, reach)]
        if not any(near):
            return [through]
        gains = [{unit.at: unit.gain for unit in row} for row in near]
        return [through._replace(direct=(Jump(gains, [knapsack(*pair) for pair in zips(near, reach)]),))]

    def on_ball(self, r: Any, x: list[Moved], above: Turned) -> Activation:
        """γ + r‖y‖ + c: a column changes by no more than its block."""
        return self._replace(columns=[g + most for g, most in zips(self.columns, above.most(r))])

    def may_cross(self, r: Any, x: list[Moved]) -> list[bool]:
        """Whether a unit of a sample may meet its kink on the ball."""
        rows = x[0].rows.tolist()
        return [
            bool(candidates(units[:1], r * length(row))) for units, row in zips(self.units or [[]] * len(rows), rows)
        ]


class Linear(NamedTuple):
    """A map without parameters: τ, the same for each of its inputs; and the layer, if each of its outputs reads one entry, its own."""

    factor: Any
    single: Fixed | None
    plain: bool  # a sum: entries stay where they are

    def forward(self, r: Any, x: list[Moved]) -> Moved:
        """Στx."""
        return Moved(sum((v.whole for v in x[1:]), x[0].whole), sum((v.rows for v in x[1:]), x[0].rows)).times(
            self.factor
        )

    def backward(self, r: Any, x: list[Moved], above: Turned) -> list[Turned]:
        """τ(y, c) to each; a jump by itself stays one where no units are mixed."""
        if self.plain:
            return [above] * len(x)
        if self.single is None:
            return [above.times(self.factor)]
        jumps = tuple(jump.through(self.single) for jump in above.direct)
        return [above._replace(direct=()).times(self.factor)._replace(direct=jumps)]

    def on_ball(self, r: Any, x: list[Moved], above: Turned) -> Linear:
        """It does not change."""
        return self


class Part(NamedTuple):
    """A layer's share of ‖ΔJ‖: ‖ΔJ_l‖ ≤ ‖Mt‖ + c, M one row (samples together) or n rows (each by itself)."""

    form: Any
    jump: Any

    def size(self, r: Any) -> Any:
        """Enclose a number by which the two are compared; either is a bound."""
        return r * length(self.form.entries()) + self.jump


class Movement:
    """Δ_J and L_H about a point, as functions of the radius."""

    def __init__(self, point: Point) -> None:
        """Enclose the norms at the centre."""
        self.point, self.layers = point, point.problem.layers
        self.moving = [v for v, layer in enumerate(self.layers) if isinstance(layer, Trained) and any(layer.moving)]
        self.moves: list[bool] = []
        for v, layer in enumerate(self.layers):
            self.moves.append(v in self.moving or any(u >= 0 and self.moves[u] for u in layer.inputs))
        self.zeros: dict[tuple[int, int, int], bool] = {}
        self.rules = [self._rule(v) for v in range(len(self.layers))]

    def _rule(self, v: int) -> Any:
        tick()
        stage("norms at the centre", v + 1, len(self.layers))
        layer, k, point = self.layers[v], self.point.problem.k, self.point
        if not self.moves[v]:
            return None
        if isinstance(layer, Trained):
            unit, below = [int(v == w) for w in self.moving], layer.inputs[0]
            through = weight_norm(layer, point.local[v][1]) if below >= 0 and self.moves[below] else arb(0)
            data, blocks = data_norms(layer, point.input(v)), block_norms(point.sensitivity[v], k)
            return Weights(*data, through, overlap(layer), blocks, unit)
        if isinstance(layer, Elementwise):
            columns = column_norms(point.sensitivity[v], k)
            slope, bend = layer.suprema()
            units = self._units(v, layer, columns) if layer.kinked else []
            return Activation(slope, arb(0) if layer.kinked else bend, list(map(largest, columns)), units)
        if isinstance(layer, Maximum):
            return Windows.about(layer, point.local[v][1], column_norms(point.sensitivity[v], k))
        if isinstance(layer, GroupNorm):
            share, spread = real(layer.members).sqrt(), layer.deviations(point.input(v))
            return Deviations(share, real(layer.eps), spread, block_norms(point.sensitivity[v], k))
        if not isinstance(layer, Fixed):
            return Linear(arb(1), None, True)
        single = all(len(row) == 1 for row in layer.entries) and len(set(layer.entries)) == len(layer.entries)
        return Linear(layer.norm(), layer if single else None, False)

    def _units(self, v: int, layer: Elementwise, columns: list[list[Any]]) -> list[list[Unit]]:
        """Each sample's units by their distance from the kink; those that are 0 wherever the parameters are have none."""
        jump, result, middle = abs(1 - layer.below), [], self.point.midpoints.get(v, set())
        for i, (row, gains) in enumerate(zips(self.point.input(v).tolist(), columns)):
            tick()
            units = []
            for at, (z, gain) in enumerate(zips(row, gains)):
                if (i, at) in middle:
                    units.append(Unit(0.0, arb(0), jump * gain / 2, at))
                elif not (z == 0 and self._always_zero(layer.inputs[0], i, at)):
                    distance = max(0.0, nextafter(float(layer.from_kink(z).lower()), -inf))
                    units.append(Unit(distance, arb(distance) ** 2, jump * gain, at))
            result.append(sorted(units, key=lambda unit: unit.distance))
        return result

    def _always_zero(self, v: int, i: int, at: int) -> bool:
        """Whether entry `at` of sample i's value is 0 for all parameters: it depends on zeros of the data and padding alone, without a bias."""
        if v < 0 or self.point.value[v][i, at] != 0:
            return bool(self.point.value[v][i, at] == 0)
        if (v, i, at) not in self.zeros:
            self.zeros[v, i, at] = self._structural_zero(v, i, at)
        return self.zeros[v, i, at]

    def _structural_zero(self, v: int, i: int, at: int) -> bool:
        layer = self.layers[v]
        if isinstance(layer, Trained):
            P = layer.positions
            share = layer.channels // len(layer.reads)
            plain = layer.bias is None and layer.means is None
            read = layer.reads[at // P // share][at % P]
            return plain and all(u < 0 or self._always_zero(layer.inputs[0], i, u) for u in read)
        if isinstance(layer, Elementwise):
            return layer.at_zero == 0 and self._always_zero(layer.inputs[0], i, at)
        if isinstance(layer, Fixed):
            return layer.means is None and all(self._always_zero(layer.inputs[0], i, u) for u in layer.entries[at])
        if isinstance(layer, Maximum):
            return all(self._always_zero(layer.inputs[0], i, u) for u in layer.entries[at])
        if isinstance(layer, GroupNorm) and layer.centred:
            return False
        return all(self._always_zero(u, i, at) for u in layer.inputs)

    def _still(self) -> Moved:
        """Return the movement of what does not move."""
        n, size = self.point.problem.n, len(self.moving)
        return Moved(arb_mat(1, size), arb_mat(n, size), [False] * n)

    def _below(self, v: int, moved: list[Moved]) -> list[Moved]:
        return [moved[u] if u >= 0 else self._still() for u in self.layers[v].inputs]

    def _forward(self, rules: list[Any], r: Any) -> list[Moved]:
        """x of every value; crossed: what it is for the values below, or a unit or window of this layer."""
        moved: list[Moved] = []
        for v, rule in enumerate(rules):
            tick()
            if not rule:
                moved.append(self._still())
                continue
            below = self._below(v, moved)
            flags = [x.crossed for x in below]
            if isinstance(rule, Activation | Windows):
                flags.append(rule.may_cross(r, below))
            moved.append(rule.forward(r, below)._replace(crossed=list(map(any, zips(*flags)))))
        return moved

    def _backward(self, rules: list[Any], r: Any, moved: list[Moved]) -> list[Any]:
        """(y, c) of every value that moves."""
        n, turned = self.point.problem.n, [None] * len(rules)
        found: list[Any] = [*turned[:-1], Turned(arb_mat(n, len(self.moving)), [arb(0)] * n)]
        for v in range(len(rules) - 1, -1, -1):
            tick()
            inputs = self.layers[v].inputs
            if rules[v] and any(u >= 0 and self.moves[u] for u in inputs):
                for u, share in zips(inputs, rules[v].backward(r, self._below(v, moved), found[v])):
                    if u >= 0 and self.moves[u]:
                        found[u] = share if found[u] is None else found[u].plus(share)
        return found

    def _parts(self, rules: list[Any], r: Any, moved: list[Moved], turned: list[Any]) -> list[tuple[Part, Part]]:
        """Each moving layer's share, samples together and each by itself.

        J_lᵀw = Σ_i 𝒜_iᵀG_iᵀw_i with the data operators 𝒜_i, which move by at most κ⟨x_i, t⟩. For ‖w‖ = 1 the change Σ 𝒜_i(θ)ᵀΔG_iᵀw_i + Σ Δ𝒜_iᵀG_iᵀw_i
        is at most max_i‖ΔG_i‖·(α + κr‖x‖) + max_i b_i·κ⟨x, t⟩, or by Cauchy–Schwarz over ‖w_i‖ the norm of the n numbers ‖ΔG_i‖(α_i + κr‖x_i‖) + b_iκ⟨x_i, t⟩.
        """
        result = []
        for v in self.moving:
            tick()
            rule, [x], (y, c, direct) = rules[v], self._below(v, moved), turned[v]
            whole = rule.data + rule.overlap * r * length(x.whole.entries())
            rows = [a + rule.overlap * r * length(row) for a, row in zips(rule.data_rows, x.rows.tolist())]
            top = arb_mat([[largest(column) for column in zips(*y.tolist())]])
            jumped = sum((self._jumped(v, jump, whole, rows, r, x) for jump in direct), arb(0))
            settled = turned[v].settled().jumps
            jump = (largest(c) * whole + jumped).min(largest(settled) * whole)
            together = Part(top * whole + x.whole * (rule.overlap * largest(rule.blocks)), jump)
            single = _by_row(y, rows) + _by_row(x.rows, [rule.overlap * b for b in rule.blocks])
            jump = (length(a * b for a, b in zips(c, rows)) + jumped).min(length(a * b for a, b in zips(settled, rows)))
            result.append((together, Part(single, jump)))
        return result

    def _jumped(self, v: int, jump: Jump, whole: Any, rows: list[Any], r: Any, x: Moved) -> Any:
        """Enclose a bound of what a jump that reaches layer v by itself does to ‖ΔJ_v‖: the least of the two forms and the pairs' (kinks.py)."""
        layer = self.layers[v]
        assert isinstance(layer, Trained)
        reach = [r * length(row) if layer.moving[0] else arb(0) for row in x.rows.tolist()]
        forms = largest(jump.sizes) * whole, length(a * b for a, b in zips(jump.sizes, rows))
        return forms[0].min(forms[1]).min(pairs_norm(layer, self.point.input(v), jump.gains, reach))

    def jacobian(self, r: Any) -> Any:
        """Enclose Δ_J(r) ≥ ‖J(θ) − J(θ0)‖ on the ball, whatever the slopes at kinks: r‖M‖ + ‖(c_l)_l‖, since ‖ΔJ‖² ≤ Σ‖ΔJ_l‖² (Minkowski)."""
        moved = self._forward(self.rules, r)
        parts = self._parts(self.rules, r, moved, self._backward(self.rules, r, moved))
        ways = [[pair[0] for pair in parts], [pair[1] for pair in parts]]
        ways.append([one if one.size(r) <= other.size(r) else other for one, other in parts])
        bounds = []
        for way in ways:
            square = sum((part.form.transpose() * part.form for part in way), arb_mat(len(way), len(way)))
            bounds.append(r * root(psd_norm(square)) + length(part.jump for part in way))
        return bounds[0].min(bounds[1]).min(bounds[2])

    def may_cross(self, r: Any) -> bool:
        """Whether a unit may meet its kink on the ball, or a window choose anew: F reads every layer."""
        return any(self._forward(self.rules, r)[-1].crossed)

    def curvature(self, r: Any) -> Any:
        """Enclose L_H(r) ≥ ‖D²F(θ)‖ on the ball; ∞ where a unit may meet its kink or a window choose anew.

        About θ itself Δ_J(r') ≤ r'‖M‖ with the norms at θ and no growth as r' → 0; these norms are at most those at the centre grown by r. Entry
        (l, m) of M, of either form (of n rows the column's norm), bounds D²F[u_l, u_m] on unit vectors, and so does entry (m, l).
        """
        moved = self._forward(self.rules, r)
        if any(moved[-1].crossed):
            return arb("inf")
        turned = self._backward(self.rules, r, moved)
        grown = [
            rule.on_ball(r, self._below(v, moved), turned[v]) if rule else None for v, rule in enumerate(self.rules)
        ]
        zero = arb(0)
        moved = self._forward(grown, zero)
        form = []
        for together, single in self._parts(grown, zero, moved, self._backward(grown, zero, moved)):
            form.append([a.min(length(b)) for a, b in zips(together.form.entries(), zips(*single.form.tolist()))])
        least = arb_mat([[form[i][j].min(form[j][i]) for j in range(len(form))] for i in range(len(form))])
        return root(psd_norm(least * least))


def curvature(point: Point) -> Callable[[Any], Any]:
    """Return r ↦ L_H(r) about a point: the sharper form of a chain of fully connected layers, or that of a graph."""
    chain = point.problem.chain
    return Movement(point).curvature if chain is None else ChainCurvature(point, chain)
