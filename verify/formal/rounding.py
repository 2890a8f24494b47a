"""The integers of ``Check.v``: forward pass, kernel group by group and their errors, operation by operation as there."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import numpy as np

from proofs.coq_integers import ONE, round_up, tanh_integers
from verify.errors import NotCertainError
from verify.formal.kinks import Signs
from verify.formal.problem import FormalProblem

__all__ = ["Rounding"]

_TWO40 = 1 << 40
_LIMIT = 1 << 62


class Rounding:
    """The integers of ``Check.v`` for one choice of bits; names as there.

    Attributes:
        n, m, N: samples, neurons, equations n·k. XX (n, n): the inputs' Gram matrix in units of 1/qx. H (n, m): hidden values.
        pre (n, m): pre-activations. signs: of ReLU, where units may change sides. B (N, m): slopes, k rows for each sample.
        kink: how far the slopes' jumps move the Jacobian at the centre (of ReLU B and kink depend on the ball: see :meth:`on_ball`).
        sizes, squares (m,): of a neuron the largest |a_or|, and |a_r|².
        scale, finer: the kernel's unit is 1/scale, its error e_kernel in units of 1/(scale·finer).
    """

    def __init__(self, c: FormalProblem, weight_kept: int, input_kept: int, hidden_drop: int) -> None:
        """Run the forward pass with `weight_kept` and `input_kept` bits behind the point, `hidden_drop` bits of hidden values dropped.

        Raises:
            NotCertainError: numbers out of the checker's range.
        """
        self.c, self.relu = c, c.hidden == "relu"
        self.n, self.m = len(c.inputs), len(c.inners)
        self.N = self.n * c.outputs
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
        # Python's integers until they are known to be small.
        pre = ((dots * self.r1) >> shift) + bias
        if np.abs(dots).max() > 1 << (self.wh + self.xh + 8) or np.abs(pre).max() >= 16 * ONE:
            raise NotCertainError(
                "a pre-activation is not below 16 in absolute value, which the checker's integers demand: smaller weights or inputs would do"
            )
        pre = pre.astype(np.int64)
        self.pre = pre.astype(object)
        self.T = self._values(pre)
        half, unit = 1 << (self.k - 1), 1 << (28 - self.k)
        self.H = (self.T + half) >> self.k
        self.sizes, self.squares = np.abs(c.outers).max(axis=0), (c.outers * c.outers).sum(axis=0)
        self.qx = c.hidden_scale << (2 * self.xh)
        self.XX = X.dot(X.T) + (self.qx if c.hidden_bias else 0)
        self.scale = unit * unit * c.output_scale * self.qx
        self.xx_max = int(max(np.diag(self.XX)))
        self.e_gram = 2 * most_x + c.dim
        self.et = e_pre if self.relu else 16 + e_pre
        self.one_w, self.kink, self.signs = 1 << c.weight_bits, Fraction(0), self._signs()
        self.B = self._slopes(unit, self.signs.sides(Fraction(0)) if self.relu else self.H)
        for rows in (W, X, self.H, self.B):
            if max(int(v) for v in (rows * rows).sum(axis=1)) >= _LIMIT:
                raise NotCertainError(
                    "inner products reach 2^62, too large for the checker's machine integers: smaller weights or inputs would do"
                )
        self.finer = (1 << (2 * self.k)) * self.one_w**2
        self.e_kernel = self._kernel_error(self.et + half, half)
        if (self.et + half) ** 2 > ONE:
            raise NotCertainError("hidden values are not accurate enough for this precision: smaller weights would do")

    def _values(self, pre: np.ndarray) -> np.ndarray:
        if self.relu:
            return np.asarray(np.maximum(pre, 0).astype(object))
        values = ONE + tanh_integers(pre >> 1) >> 1 if self.c.hidden == "sigmoid" else tanh_integers(pre)
        return np.asarray(values.astype(object))

    def _slopes(self, unit: int, source: np.ndarray) -> np.ndarray:
        """The slopes (N, m) from the hidden values, of ReLU from twice σ'."""
        if self.relu:
            derivatives = source * (unit * unit // 2)
        else:
            derivatives = (unit * source if self.c.hidden == "sigmoid" else unit * unit) - source * source
        shift = self.c.weight_bits + 28 - self.k
        rounded = (self.c.outers[None] * derivatives[:, None] + (1 << (shift - 1))) >> shift
        return np.asarray(rounded.reshape(self.N, self.m))

    def _signs(self) -> Signs:
        """How far the units are from their kinks, as ``off_kink`` decides it."""
        found = np.full((self.n, self.m), math.inf, dtype=object)
        if self.relu:
            far = abs(self.pre) - (self.et + (1 << (self.k - 1)))
            for i in range(self.n):
                if self.c.hidden_bias or self.c.inputs[i].any() or self.pre[i].any():
                    unit = ONE * ONE * (int(self.XX[i, i]) + self.e_gram)
                    found[i] = [Fraction(int(v) ** 2 * self.qx, unit) if v > 0 else Fraction(0) for v in far[i]]
        return Signs(found, self.pre > 0)

    def on_ball(self, radius: Fraction) -> Rounding:
        """The same with the slopes that the checker takes of ReLU on the ball of this radius, and with `kink`."""
        if not self.relu:
            return self
        found, sides = copy.copy(self), self.signs.sides(radius)
        found.B = self._slopes(1 << (28 - self.k), sides)
        jumps = self._jumps(sides, np.abs(self.c.outers))
        XX = np.kron(
            abs(self.XX) + self.e_gram, np.ones((self.c.outputs, self.c.outputs), dtype=np.int64).astype(object)
        )
        sums = (XX * jumps.dot(jumps.T)).sum(axis=1)
        squared = Fraction(int(max(sums)), self.c.output_scale * self.qx * self.one_w**2)
        found.kink = max(round_up(squared, root=True, bits=40), Fraction(int(jumps.size > 0), _TWO40))
        return found

    def _jumps(self, sides: np.ndarray, most: np.ndarray) -> np.ndarray:
        """`most` (k, m) where a unit may change sides and 0 elsewhere: (N, units that may)."""
        crossed = sides == 1
        units = crossed.any(axis=0)
        return np.asarray((most[None, :, units] * crossed[:, None, units]).reshape(self.N, -1))

    def approx_on_ball(self, radius: float) -> tuple[float, float, float]:
        """About λ_min and λ_max of the kernel of :meth:`on_ball`, and `kink`."""
        sides, c, k = self.signs.approx_sides(radius), self.c, self.c.outputs
        A, H = c.outers.astype(float) / self.one_w, self.T.astype(float) / ONE
        B = (A[None] * (sides / 2)[:, None]).reshape(self.N, self.m)
        XX = np.kron(self.XX.astype(float) / self.qx, np.ones((k, k)))
        theta = (np.kron(H @ H.T, np.eye(k)) + XX * (B @ B.T)) / c.output_scale
        if len(c.output_biases):
            theta += np.kron(np.ones((self.n, self.n)), np.eye(k))
        spectrum = np.linalg.eigvalsh(theta)
        jumps = self._jumps(sides, np.abs(A))
        squared = (np.abs(XX) * (jumps @ jumps.T)).sum(axis=1).max() / c.output_scale
        return float(spectrum[0]), float(spectrum[-1]), math.sqrt(squared)

    def _kernel_error(self, eh: int, half: int) -> int:
        gain, largest = 0 if self.relu else 2 * eh + 1, int(np.abs(self.T).sum(axis=1).max())
        errors = [(gain * a + half * self.one_w, a) for a in self.sizes]
        slopes = sum(e * (2 * ONE * a + e) for e, a in errors)
        hidden = self.qx * (eh * (2 * largest + 3 * self.m * eh)) * self.one_w**2
        return int(hidden + self.xx_max * slopes + self.e_gram * ONE**2 * int(self.sizes.dot(self.sizes)))

    def parts(self, group_of: np.ndarray, groups: int) -> list[np.ndarray]:
        """The kernel's share (N, N) of each group of neurons, exact integers; the output biases are in none."""
        found, k = [], self.c.outputs
        same = np.eye(k, dtype=np.int64).astype(object)
        XX = np.kron(self.XX, np.ones((k, k), dtype=np.int64).astype(object))
        for g in range(groups):
            H, B = (rows[:, group_of == g] for rows in (self.H, self.B))
            found.append(np.kron(self.qx * H.dot(H.T), same) + XX * B.dot(B.T))
        return found

    def biases(self) -> np.ndarray:
        """The share (N, N) of the output biases, in units of 1/scale."""
        same = np.kron(np.ones((self.n, self.n), dtype=np.int64), np.eye(self.c.outputs, dtype=np.int64)).astype(object)
        return np.asarray(same * (self.scale if len(self.c.output_biases) else 0))

    def combine(self, one_share: int, shares: list[int], parts: list[np.ndarray]) -> np.ndarray:
        """The kernel (N, N) in which group g has the weight shares[g]/one_share, in units of 1/(scale·one_share)."""
        total = one_share * self.biases()
        for share, part in zip(shares, parts, strict=True):
            total = total + share * part
        return total

    def residual_squared(self) -> tuple[int, int]:
        """Bound of ‖F − y‖², as a numerator and the square of ``out_unit``."""
        c = self.c
        y_one = 1 << c.target_bits
        sums = self.T.dot(c.outers.T)
        outs = self.r2 * sums + (c.output_biases * (ONE * _TWO40) if len(c.output_biases) else 0)
        values = y_one * outs - c.targets.reshape(self.n, c.outputs) * (ONE * self.one_w * _TWO40)
        e = np.abs(c.outers).sum(axis=1) * self.et
        errors = y_one * (np.abs(sums) + e + self.r2 * e)
        squared = (np.abs(values) + errors) ** 2
        return int(squared.sum()), (ONE * self.one_w * _TWO40 * y_one) ** 2
