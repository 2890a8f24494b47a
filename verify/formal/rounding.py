"""The integers of ``Check.v``: forward pass, kernel group by group and their errors, operation by operation as there."""

from __future__ import annotations

import math

import numpy as np

from proofs.coq_integers import ONE, tanh_integers
from verify.errors import NotCertainError
from verify.formal.problem import FormalProblem

__all__ = ["Rounding"]

_TWO40 = 1 << 40
_LIMIT = 1 << 62


class Rounding:
    """The integers of ``Check.v`` for one choice of bits; names as there.

    Attributes:
        n, m: samples, neurons. XX (n, n): the inputs' Gram matrix in units of 1/qx. H, B (n, m): hidden values, slopes.
        scale, finer: the kernel's unit is 1/scale, its error e_kernel in units of 1/(scale·finer).
    """

    def __init__(self, c: FormalProblem, weight_kept: int, input_kept: int, hidden_drop: int) -> None:
        """Run the forward pass with `weight_kept` and `input_kept` bits behind the point, `hidden_drop` bits of hidden values dropped.

        Raises:
            NotCertainError: numbers out of the checker's range.
        """
        self.c = c
        self.n, self.m = len(c.inputs), len(c.outers)
        self.wh, self.xh, self.k = weight_kept, input_kept, hidden_drop
        self.weight_drop, self.input_drop = c.weight_bits - weight_kept, c.input_bits - input_kept
        W, X = c.inners >> self.weight_drop, c.inputs >> self.input_drop
        self.r1, self.r2 = (round(_TWO40 / math.sqrt(q)) for q in (c.hidden_scale, c.output_scale))
        most_w = max((sum(abs(v) for v in row) for row in W), default=0)
        most_x = max((sum(abs(v) for v in row) for row in X), default=0)
        dots = X.dot(W[:, : c.dim].T)
        shift = self.wh + self.xh + 12
        e_dot = most_w + most_x + c.dim
        e_pre = (((self.r1 + 1) * e_dot + (1 << (self.wh + self.xh + 8))) >> shift) + 3
        bias = (c.inners[:, c.dim] * ONE) >> c.weight_bits if c.hidden_bias else np.zeros(self.m, dtype=object)
        pre = ((dots * self.r1) >> shift) + bias
        if np.abs(dots).max() > 1 << (self.wh + self.xh + 8) or np.abs(pre).max() >= 16 * ONE:
            raise NotCertainError("a pre-activation is not below 16 in absolute value: outside the checker's tanh")
        self.T = tanh_integers(pre.astype(np.int64)).astype(object)
        half, unit = 1 << (self.k - 1), 1 << (28 - self.k)
        self.H = (self.T + half) >> self.k
        shift = c.weight_bits + 28 - self.k
        self.B = (c.outers * (unit * unit - self.H * self.H) + (1 << (shift - 1))) >> shift
        self.qx = c.hidden_scale << (2 * self.xh)
        self.XX = X.dot(X.T) + (self.qx if c.hidden_bias else 0)
        self.scale = unit * unit * c.output_scale * self.qx
        self.xx_max = int(max(np.diag(self.XX)))
        for rows in (W, X, self.H, self.B):
            if max(int(v) for v in (rows * rows).sum(axis=1)) >= _LIMIT:
                raise NotCertainError("inner products reach 2^62: numbers too large for the checker's machine integers")
        self.e_gram = 2 * most_x + c.dim
        self.et = 16 + e_pre
        self.one_w = 1 << c.weight_bits
        self.finer = (1 << (2 * self.k)) * self.one_w**2
        self.e_kernel = self._kernel_error(self.et + half, half)
        if (self.et + half) ** 2 > ONE:
            raise NotCertainError("hidden values are not accurate enough: the weights are too large for this precision")

    def _kernel_error(self, eh: int, half: int) -> int:
        c = self.c
        errors = [((2 * eh + 1) * abs(a) + half * self.one_w, abs(a)) for a in c.outers]
        slopes = sum(e * (2 * ONE * a + e) for e, a in errors)
        hidden = self.qx * (self.m * (eh * (2 * ONE + eh))) * self.one_w**2
        return int(hidden + self.xx_max * slopes + self.e_gram * ONE**2 * int(c.outers.dot(c.outers)))

    def parts(self, group_of: np.ndarray, groups: int) -> list[np.ndarray]:
        """The kernel's share (n, n) of each group of neurons, exact integers; the output bias is in none."""
        found = []
        for g in range(groups):
            H, B = (rows[:, group_of == g] for rows in (self.H, self.B))
            found.append(self.qx * H.dot(H.T) + self.XX * B.dot(B.T))
        return found

    def combine(self, one_share: int, shares: list[int], parts: list[np.ndarray]) -> np.ndarray:
        """The kernel (n, n) in which group g has the weight shares[g]/one_share, in units of 1/(scale·one_share)."""
        total = np.full((self.n, self.n), one_share * len(self.c.output_biases) * self.scale, dtype=object)
        for share, part in zip(shares, parts, strict=True):
            total = total + share * part
        return total

    def residual_squared(self) -> tuple[int, int]:
        """Bound of ‖F − y‖², as a numerator and the square of ``out_unit``."""
        c = self.c
        y_one = 1 << c.target_bits
        sums = self.T.dot(c.outers)
        out = int(sum(c.output_biases)) * ONE * _TWO40
        values = [
            y_one * (self.r2 * s + out) - y * (ONE * self.one_w * _TWO40) for s, y in zip(sums, c.targets, strict=True)
        ]
        norm1 = int(sum(abs(a) for a in c.outers))
        error = y_one * (ONE * norm1 + self.r2 * (norm1 * self.et))
        return sum((abs(v) + error) ** 2 for v in values), (ONE * self.one_w * _TWO40 * y_one) ** 2
