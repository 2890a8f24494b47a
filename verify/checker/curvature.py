"""How fast the Jacobian of a chain of fully connected layers can turn on a ball: the bound L_H (claim layered_curvature).

Notation: z_l = s_l W_l h_{l-1} + b_l, h_l = σ_l(z_l), V_l = s_l W_l, A_l = rows [s_l h_{l-1}, 1] (the 1 where layer l has a bias), G_l = ∂F/∂h_l,
B_l = ∂F/∂z_l.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import length, norm, suprema, tick, zips
from verify.checker.layers import Elementwise, Trained
from verify.checker.nearby import Nearby
from verify.checker.network import Point
from verify.checker.norms import block_norms, column_norms, largest
from verify.checker.problem import Pair

__all__ = ["ChainCurvature"]


class Link(NamedTuple):
    """What is known at the centre of one affine map and the activation behind it."""

    scale: Any  # s_l
    data: Any  # ‖A_l‖
    data_rows: list[Any]  # ‖a_{l,i}‖
    weight: Any  # ‖V_l‖
    blocks: list[Any]  # ‖B_{l,i}‖
    columns: list[Any]  # the largest column norm of G_{l,i}
    slope: Any  # sup|σ_l'|
    bend: Any  # sup|σ_l''|
    kinks: list[list[Any]]  # how far z_l is from a kink, sample by sample, where σ_l has one


class Grown(NamedTuple):
    """The same norms as they can become on the ball, and how far z_{l,i} can move."""

    data: Any
    data_rows: list[Any]
    weight: Any
    moved: list[Any]
    block: Any = None
    columns: tuple[Any, ...] = ()


class ChainCurvature:
    """Encloses L_H(r) ≥ sup ‖D²F(θ)[u, w]‖/(‖u‖‖w‖) over ‖θ − θ0‖ ≤ r.

    Along u = (U_l, q_l), t_l = ‖[U_l q_l]‖_F: ż_l = s_l U_l h_{l-1} + q_l + V_l ḣ_{l-1}, ḣ_l = σ_l' ż_l, and
    D²F[u, u] = Σ_l 2B_l(s_l U_l ḣ_{l-1}) + Σ_l G_l(σ_l'' ż_l²). Cauchy–Schwarz over samples, for ‖w‖ = 1:
    |w·D²F[u, u]| ≤ Σ_l 2 s_l t_l max_i‖B_{l,i}‖ ‖Ḣ_{l-1}‖_F + Σ_l sup|σ_l''| max_i(g_{l,i}‖ż_{l,i}‖) ‖Ż_l‖_F,
    ‖Ż_l‖_F ≤ ‖A_l‖t_l + ‖V_l‖‖Ḣ_{l-1}‖_F (single rows alike), ‖Ḣ_l‖ ≤ sup|σ_l'|‖Ż_l‖: a form tᵀMt with M ≥ 0, at most
    λ_max((M + Mᵀ)/2) on the unit ball.
    """

    def __init__(self, point: Point, chain: list[Pair]) -> None:
        """Enclose the norms at the centre."""
        self.links = [self._link(point, pair) for pair in chain]
        if isinstance(point, Nearby):
            self.links = [self._nearby(point, pair, link) for pair, link in zips(chain, self.links)]

    @staticmethod
    def _nearby(point: Nearby, pair: Pair, link: Link) -> Link:
        """The norms as they are at most for other inputs."""
        change = point.changes[pair.affine]
        return link._replace(
            data=link.data + point.rows(pair.affine),
            data_rows=[a + change.data for a in link.data_rows],
            blocks=[b + f for b, f in zips(link.blocks, change.blocks)],
            columns=[g + c for g, c in zips(link.columns, change.columns)],
        )

    @staticmethod
    def _link(point: Point, pair: Pair) -> Link:
        problem, k = point.problem, point.problem.k
        layer, (name, beta) = problem.layers[pair.affine], problem.activation(pair)
        assert isinstance(layer, Trained)
        slope, bend = suprema(name, beta)
        data = layer.data(point.input(pair.affine), 0)
        after = problem.layers[pair.after]
        z: list[list[Any]] = []
        if isinstance(after, Elementwise) and after.kinked:
            z = [list(map(after.from_kink, row)) for row in point.value[pair.affine].tolist()]
        return Link(
            layer.scale(),
            norm(data),
            list(map(length, data.tolist())),
            norm(point.local[pair.affine][1]),
            block_norms(point.sensitivity[pair.affine], k),
            list(map(largest, column_norms(point.sensitivity[pair.after], k))),
            slope,
            # A kink's σ'' is 0 as long as no unit can meet it: that is watched below.
            arb(0) if z else bend,
            z,
        )

    def _forward(self, r: Any) -> list[Grown] | None:
        """‖ΔZ_l‖ ≤ ‖A_l‖r + (‖V_l‖ + s_l r)‖ΔH_{l-1}‖, ‖ΔA_l‖ ≤ s_l‖ΔH_{l-1}‖, ‖ΔH_l‖ ≤ sup|σ_l'|‖ΔZ_l‖, ΔH_0 = 0; single rows alike.

        None where a unit may meet a kink: where each is farther from all than ‖Δz_{l,i}‖, for all samples, none does.
        """
        grown: list[Grown] = []
        moved, moved_rows = arb(0), [arb(0)] * len(self.links[0].data_rows)
        for link in self.links:
            weight = link.weight + link.scale * r
            z_rows = [x * r + weight * d for x, d in zips(link.data_rows, moved_rows)]
            if link.kinks and not all(d < x for d, row in zips(z_rows, link.kinks) for x in row):
                return None
            rows = [x + link.scale * d for x, d in zips(link.data_rows, moved_rows)]
            grown.append(Grown(link.data + link.scale * moved, rows, weight, z_rows))
            moved = link.slope * (link.data * r + weight * moved)
            moved_rows = [link.slope * d for d in z_rows]
        return grown

    def _backward(self, r: Any, grown: list[Grown]) -> list[Grown]:
        """‖ΔB_l‖ ≤ sup|σ_l'|‖ΔG_l‖ + sup|σ_l''|‖Δz_l‖g_l, ‖ΔG_{l-1}‖ ≤ s_l r(‖B_l‖ + ‖ΔB_l‖) + ‖V_l‖‖ΔB_l‖; ΔG_L = 0."""
        moved, result = [arb(0)] * len(self.links[0].blocks), []
        for link, norms in reversed(list(zips(self.links, grown))):
            change = [link.slope * d + link.bend * z * g for d, z, g in zips(moved, norms.moved, link.columns)]
            blocks = [x + d for x, d in zips(link.blocks, change)]
            above = tuple(g + d for g, d in zips(link.columns, moved))
            result.append(norms._replace(block=largest(blocks), columns=above))
            moved = [link.scale * r * x + link.weight * d for x, d in zips(blocks, change)]
        return result[::-1]

    def __call__(self, radius: Any) -> Any:
        """Enclose L_H at a radius; ∞ where a unit may meet a kink."""
        tick()
        grown = self._forward(radius)
        if grown is None:
            return arb("inf")
        depth = len(self.links)
        form = [[arb(0)] * depth for _ in range(depth)]
        # Coefficients of t_1, t_2, … in the bound of ‖Ḣ_{l-1}‖_F, and in those of its single rows.
        whole: list[Any] = []
        single: list[list[Any]] = [[] for _ in self.links[0].data_rows]
        for i, (link, top) in enumerate(zips(self.links, self._backward(radius, grown))):
            form[i][:i] = [2 * link.scale * top.block * x for x in whole]
            whole = [*(top.weight * x for x in whole), top.data]
            single = [[*(top.weight * x for x in row), a] for row, a in zips(single, top.data_rows)]
            for j, row in enumerate(zips(*single)):
                weight = link.bend * largest(x * y for x, y in zips(top.columns, row))
                form[j][: i + 1] = [x + weight * y for x, y in zips(form[j][: i + 1], whole)]
            whole, single = [link.slope * x for x in whole], [[link.slope * x for x in row] for row in single]
        matrix = arb_mat(form)
        return norm(matrix + matrix.transpose()) / 2
