"""What is known of an epoch's batches at a point c: the norm of every batch's Jacobian there.

‖J_b(c)‖ for *every* batch b of a size, since a reshuffling may put any samples together: with N_ij ≥ ‖Θ_ij(c)‖_F, Θ_ij the k × k block of samples i and
j, ‖J_b‖² = λ_max(Θ_bb) is at most (i) λ_max(Θ), (ii) the sum of the |b| largest N_ii (its trace), (iii) the largest sum of |b| entries in a row of N
(Gershgorin, blockwise). A fixed partition has its own λ_max(Θ_bb). With replacement a sample may occur |b| times: ‖J_b‖² ≤ |b|·max_i N_ii.
On a ball about c, ‖J_b‖ ≤ ‖J_b(c)‖ + Δ_J where the rows of J_b are rows of J, each at most once; a sample that is drawn |b| times changes |b| rows alike,
so with replacement ‖J_b‖ ≤ ‖J_b(c)‖ + √|b|·Δ_J.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

import numpy as np
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify.arrays import Ball, largest_eigenvalue, maximum, sqrt, sqrt_of_nonnegative
from verify.networks import Loss
from verify.networks.sgd import SGD, batch_scales
from verify.regions.neighbourhood.ingredients import approx_float, upper

__all__ = ["Batches", "gather_batches", "triangle_norm"]


@dataclass(frozen=True)
class Batches:
    """An epoch's batches and what is known of their Jacobians at the centre.

    Attributes:
        descent: bound to the data (:meth:`verify.networks.sgd.SGD.on`). n: samples. k: outputs. loss: its name.
        norms: size → upper bound of ‖J_b(c)‖ over all batches of that size that may occur, an exact double.
        sample_norm: upper bound of max_i‖J_i(c)‖, an exact double.
    """

    descent: SGD
    n: int
    k: int
    loss: Loss
    norms: dict[int, float]
    sample_norm: float

    @property
    def sizes(self) -> list[int]:
        """Sizes of an epoch's batches."""
        return self.descent.sizes(self.n)

    @property
    def scales(self) -> list[Fraction]:
        """Scale s_b of each batch's loss, exact."""
        return batch_scales(self.loss, self.sizes, self.k)

    def change(self, size: int, delta_j: float) -> Ball:
        """Bound ‖J_b(θ) − J_b(c)‖ for all batches of that size on a ball with ‖J(θ) − J(c)‖ ≤ Δ_J."""
        repeats = sqrt(Ball(float(size))) if self.descent.drawn else Ball(1.0)
        return repeats * Ball(delta_j)

    def jacobian(self, delta_j: float) -> Ball:
        """Bound ‖J_b‖ for all batches on a ball with that Δ_J."""
        return reduce(maximum, [Ball(norm) + self.change(size, delta_j) for size, norm in self.norms.items()])

    def fraction(self, lr: Fraction, delta_j: float) -> Ball:
        """Enclose x = max_b ηs_b(‖J_b(c)‖ + ‖J_b − J_b(c)‖)², at least ηs_b‖J_b‖² for all batches on a ball with that Δ_J."""
        values = [
            evaluate(
                "residual_step",
                {
                    "eta": Ball(lr),
                    "s": Ball(scale),
                    "jacobian_norm0": Ball(self.norms[size]),
                    "Delta_J": self.change(size, delta_j),
                },
            )
            for size, scale in set(zip(self.sizes, self.scales, strict=True))
        ]
        return reduce(maximum, values)

    def approx_step(self, fraction: float, delta_j: float) -> float:
        """Guess the step η at which x = ηs_b‖J_b‖², largest over the batches, takes the value `fraction`; in float64, not rigorous."""
        return min(
            fraction / (approx_float(scale) * (self.norms[size] + upper(self.change(size, delta_j))) ** 2)
            for size, scale in set(zip(self.sizes, self.scales, strict=True))
        )


def _block_norms(theta: Ball, n: int, k: int) -> Float[np.ndarray, "n n"]:
    """Upper bounds of ‖Θ_ij‖_F."""
    size = theta.magnitude()
    if k == 1:
        return np.asarray(size)
    squares = Ball(size.reshape(n, k, n, k)) ** 2
    return np.asarray(sqrt_of_nonnegative(squares.sum(axis=(1, 3))).upper())


def _block(theta: Ball, part: list[int], k: int) -> Ball:
    """Θ_bb of the batch of these samples."""
    rows = np.concatenate([np.arange(k * i, k * i + k) for i in part])
    return theta[rows][:, rows]


def gather_batches(descent: SGD, theta: Ball, lambda_max: Ball, n: int, k: int, loss: Loss) -> Batches:
    """Bound the batches' Jacobians at the centre.

    Args:
        descent: bound to the data. theta: enclosure of Θ(c), (nk, nk), finite. lambda_max: of its λ_max. n, k, loss: as in :class:`Batches`.
    """
    sizes, parts = descent.sizes(n), descent.parts(n)
    blocks = _block_norms(theta, n, k)
    largest = np.sort(np.diag(blocks))[::-1]
    norms = {}
    for size in set(sizes):
        if descent.order == "with_replacement":
            square = Ball(float(size)) * Ball(float(largest[0]))
        elif parts is not None:
            square = Ball(max(upper(largest_eigenvalue(_block(theta, part, k))) for part in parts if len(part) == size))
        else:
            rows = -np.sort(-blocks, axis=1)[:, :size]
            bounds = (lambda_max, Ball(largest[:size]).sum(), Ball(float(Ball(rows).sum(axis=1).upper().max())))
            square = Ball(min(map(upper, bounds)))
        norms[size] = upper(sqrt_of_nonnegative(square))
    return Batches(descent, n, k, loss, norms, upper(sqrt_of_nonnegative(Ball(float(largest[0])))))


def triangle_norm(m: int) -> float:
    """Return an upper bound of τ_m = 1/(2 sin(π/(4m − 2))), τ_1 = 0, as a double (lemma triangular_ones).

    sin increases up to π/2, sin y ≥ y − y³/6, and y = 3.1415926/(4m − 2) < π/(4m − 2).
    """
    if m == 1:
        return 0.0
    y = Fraction(31415926, 10**7) / (4 * m - 2)
    return upper(Ball(1 / (2 * (y - y**3 / 6))))
