"""Gradient descent in Arb: one step of θ ↦ θ − η∇Φ(θ) as an enclosure at any precision.

Used two ways by scope `exact`. In balls (method `arb`) the enclosure of θ_k is the input of the next step, and the radius grows
by two to three bits a step and layer; no analysis is needed. As a recorded trajectory (method `shadow-arb`) the midpoint is the next
iterate and the radius is the rounding term of claim shadow_growth, at 2^-bits instead of 2^-53.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from verify.arrays import Ball, sqrt_of_nonnegative
from verify.networks import Problem
from verify.networks.arb_forms import double_above, exact_matrix, precision, value_and_slope
from verify.networks.parameters import Vector

__all__ = ["ArbDescent", "Points"]

Points = list[tuple[Any, Any]]
"""Per layer (weight as arb_mat (m, d), bias as arb_mat (1, m) or None)."""


class ArbDescent:
    """Gradient descent of one network and data set in Arb.

    Args:
        problem: shapes, scales, activations, data, loss and step, exact. bits: working precision.
    """

    def __init__(self, problem: Problem, bits: int) -> None:
        """Convert data and constants once."""
        self.network, self.bits = problem.network, bits
        network, data = problem.network, problem.data
        self._functions = [
            None if la.activation.is_identity else value_and_slope(la.activation) for la in network.chain
        ]
        factor = problem.scale * problem.eta
        with precision(bits):
            self._scales = [1 / arb(la.inverse_square_scale).sqrt() for la in network.chain]
            self._factor = arb(fmpq(factor.numerator, factor.denominator))
            self._x = exact_matrix(data.X) * self._scales[0]
            self._y = exact_matrix(data.y)

    def start(self) -> Points:
        """Return the network's own parameters, exact."""
        return [
            (exact_matrix(la.weight), None if la.bias is None else exact_matrix(la.bias[None, :]))
            for la in self.network.chain
        ]

    def _forward(self, points: Points) -> tuple[Any, list[Any], list[Any]]:
        """Return F(θ) − y, each layer's inputs and its slopes; at the working precision, which the caller sets."""
        inputs: list[Any] = []
        slopes: list[Any] = []
        h = self._x
        for index, (weight, bias) in enumerate(points):
            a = h if index == 0 else h * self._scales[index]
            inputs.append(a)
            z = a * weight.transpose()
            n, m = z.nrows(), z.ncols()
            entries = z.entries()
            if bias is not None:
                row = bias.entries()
                entries = [v + row[i % m] for i, v in enumerate(entries)]
            function = self._functions[index]
            if function is None:
                slopes.append(None)
                h = arb_mat(n, m, entries)
            else:
                values = [function(v) for v in entries]
                h = arb_mat(n, m, [v[0] for v in values])
                slopes.append([v[1] for v in values])
        return h - self._y, inputs, slopes

    def step(self, points: Points) -> Points:
        """Enclose θ − η∇Φ(θ) for every θ in `points`."""
        with precision(self.bits):
            back, inputs, slopes = self._forward(points)
            result: Points = []
            for index in reversed(range(len(points))):
                weight, bias = points[index]
                slope = slopes[index]
                if slope is not None:
                    rows = [x * y for x, y in zip(back.entries(), slope, strict=True)]
                    back = arb_mat(back.nrows(), back.ncols(), rows)
                moved = weight - back.transpose() * inputs[index] * self._factor
                moved_bias = None
                if bias is not None:
                    ones = arb_mat(1, back.nrows(), [1] * back.nrows())
                    moved_bias = bias - ones * back * self._factor
                result.append((moved, moved_bias))
                if index:
                    back = back * weight * self._scales[index]
            return result[::-1]

    def midpoints(self, points: Points) -> tuple[Points, float]:
        """Return the exact midpoints, and a double ≥ the 2-norm of the radii."""
        with precision(64):
            square = arb(0)
            mids: Points = []
            for weight, bias in points:
                pair: list[Any] = []
                for matrix in (weight, bias):
                    if matrix is None:
                        pair.append(None)
                        continue
                    entries = matrix.entries()
                    for v in entries:
                        r = v.rad()
                        square += r * r
                    pair.append(arb_mat(matrix.nrows(), matrix.ncols(), [v.mid() for v in entries]))
                mids.append((pair[0], pair[1]))
            return mids, double_above(square.sqrt())

    def doubles(self, points: Points) -> tuple[Vector, float]:
        """Return doubles θ̂ (p,) near the points, and a double ≥ ‖θ − θ̂‖ for every θ in the points."""
        values: list[float] = []
        gaps: list[float] = []
        with precision(64):
            for weight, bias in points:
                for matrix in (weight, bias):
                    if matrix is None:
                        continue
                    for v in matrix.entries():
                        nearest = float(v.mid())
                        values.append(nearest)
                        # |v − nearest| for every number in v; 64 bits of relative precision on the difference suffice.
                        gaps.append(double_above(abs(v - arb(nearest)).upper()))
        total = (
            sqrt_of_nonnegative((Ball(np.array(gaps)) ** 2).sum())
            if all(map(math.isfinite, gaps))
            else Ball(0.0, math.inf)
        )
        return np.array(values), float(total.upper())

    def dump(self, points: Points) -> np.ndarray:
        """Return the points as an array of text, exact: 'mantissa exponent radius-mantissa radius-exponent' per entry."""
        lines = []
        for weight, bias in points:
            for matrix in (weight, bias):
                for v in [] if matrix is None else matrix.entries():
                    m, e = v.mid().man_exp()
                    rm, re = v.rad().man_exp()
                    lines.append(f"{int(m):x} {int(e)} {int(rm):x} {int(re)}")
        return np.array("\n".join(lines))

    def restore(self, text: np.ndarray) -> Points:
        """Read what :meth:`dump` wrote."""
        entries = []
        for line in str(text).split("\n"):
            m, e, rm, re = line.split(" ")
            entries.append(_scaled(int(m, 16), int(e), int(rm, 16), int(re)))
        points: Points = []
        at = 0
        for layer in self.network.chain:
            rows, columns = layer.weight.shape
            weight = arb_mat(rows, columns, entries[at : at + rows * columns])
            at += rows * columns
            bias = None
            if layer.bias is not None:
                bias = arb_mat(1, rows, entries[at : at + rows])
                at += rows
            points.append((weight, bias))
        return points


def _scaled(m: int, e: int, rm: int, re: int) -> Any:
    """Exact ball m·2^e ± rm·2^re."""
    with precision(max(m.bit_length(), 2) + 2):
        mid = arb(m) * arb(2) ** e
    if rm == 0:
        return mid
    with precision(64):
        radius = arb(rm) * arb(2) ** re
    return arb(mid, radius)
