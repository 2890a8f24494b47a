"""Units that may cross their kink on a ball: which ones, and what they do to sensitivities and to the Jacobian (claim unstable_units).

The last bound goes pair of samples by pair of samples. A jump that reaches layer v unmixed changes J_vᵀw in row c by Σ_i Σ_p (w_i·δ_{i,cp}) A_{i,p}(θ), δ the
change of the sensitivity's column (c, p). Its norm's square is
Σ_ij Σ_c Σ_{p,p'} (w_i·δ_{i,cp})(w_j·δ_{j,cp'})⟨A_{i,p}(θ), A_{j,p'}(θ)⟩ ≤ Σ_ij ‖w_i‖‖w_j‖P_ij with, from |w_i·δ_{i,cp}| ≤ ‖w_i‖g_{i,cp} and
data rows that move by at most d_i,

    P_ij = Σ_c Σ_{p,p'} g_{i,cp}g_{j,cp'}(|⟨A_{i,p}, A_{j,p'}⟩| + ‖A_{i,p}‖d_j + d_i‖A_{j,p'}‖ + d_id_j),

hence ‖ΔJ_v‖² ≤ ‖P‖ (remark of claim unstable_units). It sees what norms do not: crossings of different samples in different units do not add.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf, nextafter
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import gram, length, norm, root, tick, zips
from verify.checker.layers import Fixed, Trained, columns, schur

__all__ = ["Jump", "Unit", "candidates", "knapsack", "pairs_norm"]

# Rows (sample, position) with crossings up to which pairs of them are formed.
_MOST = 1500


class Unit(NamedTuple):
    """A unit beside a kink: |z⁰| from below (0 with a midpoint slope), its square, what it may change its column by, and which it is."""

    distance: float
    weight: Any
    gain: Any
    at: int


class Jump(NamedTuple):
    """What units that may cross their kink do to the sensitivity of a value, before any map mixes units.

    `gains`: for each sample a bound of its change of each unit's column, w‖g‖ with w the largest change of slope; units that cannot cross are left out.
    `sizes`: bounds of the whole change of each sample, ≤ the root of the sum of their squares.
    """

    gains: list[dict[int, Any]]
    sizes: list[Any]

    def through(self, layer: Fixed) -> Jump:
        """Hand on through a map whose outputs read one entry each."""
        factor = [abs(c) for c in layer.factor()]
        gains = [{layer.entries[at][0]: gain * factor[at] for at, gain in row.items()} for row in self.gains]
        return Jump(gains, [length(row.values()).min(size * layer.norm()) for row, size in zips(gains, self.sizes)])


def _above(value: Any) -> float:
    """Return a double that is no smaller."""
    return nextafter(float(value.upper()), inf)


def candidates(units: list[Unit], reach: Any) -> list[Unit]:
    """Return the units that may cross their kink while ‖Δz‖ ≤ `reach`, those whose distance from it is not certainly larger; `units` is sorted by it."""
    return units[: bisect_right(units, _above(reach), key=lambda unit: unit.distance)]


def knapsack(near: list[Unit], reach: Any) -> Any:
    """Enclose a bound of ‖G·diag(d(θ) − d⁰)‖ while ‖Δz‖ ≤ ρ = `reach` (claim unstable_units), `near` the candidates.

    A unit whose slope is not that at z⁰ has |Δz| ≥ |z⁰|, so for the set S of these Σ_S(z⁰)² ≤ ρ², and for every τ ≥ 0
    Σ_S gain² ≤ τρ² + Σ_{|z⁰| ≤ ρ} max(0, gain² − τ(z⁰)²). τ is guessed: the ratio at which the best-paid units fill the room.
    """
    tick()
    # A square that no double holds is ∞ (** would raise); the guess is nobody's bound.
    room, tau = float((reach**2).upper()), 0.0
    ranked = sorted(
        ((float(u.gain**2) / float(u.weight) if float(u.weight) > 0 else inf, float(u.weight)) for u in near),
        reverse=True,
    )
    for ratio, weight in ranked:
        if weight > room:
            tau = ratio
            break
        room -= weight
    price = arb(tau if tau < inf else 0.0)
    return root(price * reach**2 + sum(((u.gain**2 - price * u.weight).max(arb(0)) for u in near), arb(0)))


def pairs_norm(layer: Trained, h: Any, gains: list[dict[int, Any]], reach: list[Any]) -> Any:
    """Enclose √‖P‖; ∞ where too many rows meet crossings.

    Args:
        h: the value that the layer reads. gains: g, for each sample by unit. reach: bounds of how far h_i moves; a data row by s times that.
    """
    moved, P, n = layer.moved(), layer.positions, len(gains)
    total = arb_mat(n, n)
    h = h if layer.dense else h.tolist()
    for g, part in layer.groups():
        channels = range(layer.channels)[part]
        own = [{at: gain for at, gain in row.items() if at // P in channels} for row in gains]
        places = sorted({(i, at % P) for i, row in enumerate(own) for at in row})
        if not places:
            continue
        if len(places) > _MOST:
            return arb("inf")
        zero, data = arb(0), columns(layer.data(h, g), moved.start, moved.stop).tolist()
        used = arb_mat([data[i * P + p] for i, p in places])
        table = arb_mat([[own[i].get(c * P + p, zero) for c in channels] for i, p in places])
        lengths, steps = [length(row) for row in used.tolist()], [reach[i] * layer.scale(g) for i, _ in places]
        # |⟨a, a'⟩| + ‖a‖d' + d‖a'‖ + dd' = |⟨a, a'⟩| + (‖a‖ + d)(‖a'‖ + d') − ‖a‖‖a'‖
        products = [abs(x) for x in gram(used).entries()]
        sums = [a + d for a, d in zips(lengths, steps)]
        outer = arb_mat([[x * y - a * b for y, b in zips(sums, lengths)] for x, a in zips(sums, lengths)])
        pairs = schur(gram(table), arb_mat(len(places), len(places), products) + outer)
        chosen = arb_mat([[int(i == j) for i, _ in places] for j in range(n)])
        tick(2 * n * len(places) ** 2)
        total += chosen * pairs * chosen.transpose()
    return root(norm(total))
