"""Upper bounds of norms at the centre, from enclosed rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, Rows, sqrt_of_nonnegative
from verify.arrays.ball import point
from verify.arrays.rounding import INFLATE
from verify.arrays.upper import Upper

__all__ = [
    "block_norms",
    "column_norms",
    "distance_from_kink",
    "operator_norm",
    "point",
    "root",
    "row_norms",
    "sample_errors",
    "sample_norms",
    "sensitivity_norms",
    "unit_norms",
    "upper_end",
]


def upper_end(ball: Ball) -> Ball:
    """Replace an enclosure by its upper end point, exact: bounds are monotone in every ingredient."""
    return point(ball.upper())


def root(squares: Any) -> Ball:
    """Upper bounds of the roots of exact doubles ≥ 0 or infinite."""
    return upper_end(sqrt_of_nonnegative(point(squares)))


def row_norms(rows: Rows) -> Ball:
    """Upper bounds (n,) of the rows' 2-norms."""
    return point((rows.norms + rows.err) * INFLATE)


def operator_norm(rows: Rows, norm: Callable[[Ball], Ball]) -> Ball:
    """Upper bound of the spectral norm: ‖M‖ ≤ ‖mid‖ + ‖err‖₂, the error's norm being at most its Frobenius norm."""
    return upper_end(norm(Ball(rows.mid)) + upper_end(point(rows.err).norm()))


def block_norms(rows: Ball, n: int, k: int) -> Ball:
    """Upper bounds (n,) of the operator norms of the k × m blocks of `rows` (n·k, m).

    The norm is the square root of the block's Gram matrix's λ_max, at most its largest absolute row sum.
    """
    blocks = rows.reshape(n, k, -1)
    columns = []
    for a in range(k):
        row_sum = Ball(np.zeros(n))
        for b in range(k):
            row_sum = row_sum + abs((blocks[:, a, :] * blocks[:, b, :]).sum(axis=1))
        columns.append(row_sum.upper())
    return root(np.max(np.stack(columns), axis=0))


def column_norms(rows: Ball, n: int, k: int) -> Ball:
    """Upper bounds (n,) of max_r‖(G_{ia,r})_a‖₂ over the columns r of each sample's k × m block."""
    if k == 1:
        # Rounding is monotone: the largest of the rounded sums, one step up, bounds the largest of the sums.
        largest = np.max(np.abs(rows.mid) + rows.rad, axis=1)
        return point(largest if rows.is_point else np.nextafter(largest, np.inf))
    squares = (rows.reshape(n, k, -1) ** 2).sum(axis=1)
    return root(np.max(squares.upper(), axis=1))


def distance_from_kink(rows: Rows, gap: Callable[[Any], Any]) -> Float[np.ndarray, " n"]:
    """Lower bounds (n,) of the units' least distance from a kink, at least 0; `gap` bounds that of exact numbers from below."""
    return np.asarray(np.maximum(np.nextafter(gap(rows.mid).min(axis=1) - rows.sup, -np.inf), 0.0))


def sample_norms(rows: Rows, samples: int) -> Upper:
    """Upper bounds (samples,) of the Frobenius norms of each sample's rows, one or several of them."""
    return Upper(row_norms(rows).upper().reshape(samples, -1)).norm(-1)


def sample_errors(rows: Rows, samples: int) -> Upper:
    """Upper bounds (samples,) of how far a sample's rows together are from their midpoints, in the Frobenius norm."""
    return Upper(rows.err.reshape(samples, -1)).norm(-1)


def sensitivity_norms(rows: Rows, samples: int, k: int) -> Upper:
    """Upper bounds (n,) of ‖G_i‖₂, each sample's block over all positions and channels; `rows` (n·k·P, C)."""
    if k == 1:
        return sample_norms(rows, samples)
    return Upper(block_norms(rows.ball().reshape(samples * k, -1), samples, k))


def unit_norms(rows: Rows, samples: int, k: int) -> Float[np.ndarray, "n units"]:
    """Upper bounds (n, P·C) of the norms ‖g_{i,r}‖₂ over the k outputs of each unit's column; `rows` (n·k·P, C)."""
    flat = np.abs(rows.mid) + rows.sup[:, None]
    # One rounding of the sum; Upper's norm covers the rest.
    return Upper(np.nextafter(flat, np.inf).reshape(samples, k, -1)).norm(1).value
