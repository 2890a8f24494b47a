"""A point for every data set whose inputs lie within ε of the stored ones, ‖x'_i − x_i‖ ≤ ε for each sample, the targets being the same. Chains only.

Only the inputs move, and samples do not interact. With V_l = s_l W_l: pre-activations by at most d_l = ‖V_l‖h_{l-1}, h_0 = ε, values by h_l = sup|σ_l'|d_l,
rows of A_l by t_l = s_l h_{l-1} (its constant column does not move). From the output down, G_l by c_l, c_L = 0, and B_l = G_l·diag σ_l' by
f_l = sup|σ_l'|c_l + sup|σ_l''|d_l g_l, g_l the largest column norm of G_l; then c_{l-1} = f_l‖V_l‖.
J'ᵀw is Σ_i (B_{l,i}ᵀw_i)⊗a_{l,i} in layer l, so ‖J' − J‖² ≤ Σ_l Σ_i (f_{l,i}(‖a_{l,i}‖ + t_l) + ‖B_{l,i}‖t_l)². Along x_i + τ(x'_i − x_i) the derivative
of F_i is B_{1,i}V_1, B_{1,i} never further than f_{1,i} from the stored input's: ‖F'_i − F_i‖ ≤ (‖B_{1,i}V_1‖ + f_{1,i}‖V_1‖)ε.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flint import arb

from verify.checker.enclosures import length, norm, root, suprema, zips
from verify.checker.layers import Trained
from verify.checker.network import Point
from verify.checker.norms import block_norms, column_norms, largest
from verify.checker.problem import Parameters, Problem
from verify.checker.reading import expect

__all__ = ["Change", "Nearby", "at", "shrunk", "unshrunk"]


class Change(NamedTuple):
    """What the inputs' moves do to the link of the chain at an affine map: t_l, and per sample f_l and c_l."""

    data: Any
    blocks: list[Any]
    columns: list[Any]


def shrunk(square: Any, change: Any) -> Any:
    """Enclose (√x − d)², or 0 where √x > d is not certain: λ_min of a Gram matrix whose factor moved by d."""
    rest = root(square) - change
    return rest * rest if rest > 0 else arb(0)


def unshrunk(square: float, change: Any) -> float:
    """Guess, not rigorously, the x of which :func:`shrunk` leaves `square`: (√square + change)²."""
    return float((arb(max(square, 0.0)).sqrt() + change).mid()) ** 2


class Nearby(Point):
    """The same as a point, of every such data set: λ_min, ‖J‖ and ‖e‖ are bounds for all of them, whatever else is stored is the stored one's."""

    def __init__(self, problem: Problem, parameters: Parameters, radius: Any) -> None:
        """Enclose the point, then what inputs within `radius` change of it."""
        super().__init__(problem, parameters)
        chain, k = problem.chain, problem.k
        expect(chain and not problem.kinked, "data nearby: for chains of fully connected layers without kinks")
        moved, forward = radius, []
        for pair in chain or []:
            layer = problem.layers[pair.affine]
            assert isinstance(layer, Trained)
            slope, bend = suprema(*problem.activation(pair))
            weight = norm(self.local[pair.affine][1])
            forward.append((pair, layer, slope, bend, weight, layer.scale() * moved, weight * moved))
            moved = slope * weight * moved
        above, squares = [arb(0)] * problem.n, arb(0)
        self.changes: dict[int, Change] = {}
        for pair, layer, slope, bend, weight, data, turned in reversed(forward):
            columns = map(largest, column_norms(self.sensitivity[pair.after], k))
            blocks = [slope * c + bend * turned * g for c, g in zips(above, columns)]
            self.changes[pair.affine] = Change(data, blocks, above)
            rows = map(length, layer.data(self.input(pair.affine), 0).tolist())
            for f, a, b in zips(blocks, rows, block_norms(self.sensitivity[pair.affine], k)):
                squares += (f * (a + data) + b * data) ** 2
            above = [weight * f for f in blocks]
        self.turned = root(squares)
        """‖J' − J‖ is at most that."""
        first = forward[0][0].affine
        through = block_norms(self.sensitivity[first] * self.local[first][1], k)
        self.missed = length((b + f) * radius for b, f in zips(through, above))
        """‖e' − e‖ is at most that."""
        self.own_e, self.e = self.e, self.e + self.missed

    def rows(self, v: int) -> Any:
        """Enclose a bound of ‖A' − A‖ at the affine map v, all samples together."""
        return self.changes[v].data * arb(self.problem.n).sqrt()

    def smallest(self, near: float) -> Any:
        """Enclose a bound of λ_min from below: (√λ_min − ‖J' − J‖)²."""
        return shrunk(super().smallest(unshrunk(near, self.turned)), self.turned)

    def size(self) -> Any:
        """Enclose a bound of ‖J‖."""
        return super().size() + self.turned

    def apart(self, step: Any) -> Any:
        """Enclose a bound of how far from each other two data sets' steps of size ηs = `step` end, one of them the stored one:
        ‖J'ᵀe' − Jᵀe‖ ≤ ‖J‖‖e' − e‖ + ‖J' − J‖‖e'‖."""
        return step * (super().size() * self.missed + self.turned * self.e)


def at(problem: Problem, parameters: Parameters, radius: Any) -> Point:
    """Return the point for the stored data, or for all data nearby where the radius ≥ 0 is not 0."""
    return Point(problem, parameters) if radius == 0 else Nearby(problem, parameters, radius)
