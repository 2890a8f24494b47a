"""Values and layer derivatives through Arb: for networks whose depth the float64 enclosures do not survive.

:func:`~verify.networks.linearisation.linearise` bounds rounding errors in norm, so each layer multiplies them by ‖W‖_F where they
really grow by much less: of Θ of ten tanh layers of 128 nothing is left. Arb (python-flint) carries a radius per entry at any
precision and loses a few bits a layer; rounded to doubles, its layers are known to an ulp, and everything that is computed from them
(Θ, the curvature, the neuron budget) is as sharp as for a single layer. It costs about a hundred times as much, so it is used
where the radius of Θ is the only obstacle (:func:`radius_hides_positivity`), within a budget.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, arb_mat

from verify.arrays import Ball, Rows, smallest_eigenvalue
from verify.networks.arb_forms import exact_matrix, precision, to_ball, value_and_slope
from verify.networks.linearisation import Linearisation
from verify.networks.model import Network

__all__ = [
    "BITS", "MOST_OPERATIONS", "MOST_OUTPUTS", "affordable", "blurred", "linearise_in_arb", "radius_hides_positivity",
]  # fmt: skip

BITS = 128
"""Working precision; ten tanh layers lose some thirty of them."""

MOST_OUTPUTS, MOST_OPERATIONS = 500, 1_000_000_000
"""The budget: n·k, and multiplications of Arb numbers: at most about a minute (50 ns for a product, 2 μs for an entry of a layer)."""

_ENTRY = 40  # what an entry of a layer costs, in multiplications: its activation and four conversions to a double


def affordable(network: Network, n: int) -> bool:
    """Whether n samples may be linearised in Arb within the budget."""
    size = n * network.outputs
    passes = sum((n + size) * (layer.weight.size + _ENTRY * layer.weight.shape[0]) for layer in network.layers)
    return size <= MOST_OUTPUTS and passes <= MOST_OPERATIONS


def blurred(ball: Ball) -> bool:
    """Whether an array is known to fewer than six digits of its largest entry."""
    return not float(ball.rad.max(initial=0.0)) <= 2.0**-20 * float(np.abs(ball.mid).max(initial=0.0))


def radius_hides_positivity(theta: Ball, network: Network, n: int) -> bool:
    """Whether Θ's midpoint is certainly positive definite where Θ is not, and Arb is affordable: then its radius is the obstacle."""
    known = affordable(network, n) and n * network.outputs <= network.parameters and bool(np.isfinite(theta.rad).all())
    return known and bool(smallest_eigenvalue(theta.mid).lower() > 0.0)


def linearise_in_arb(network: Network, X: np.ndarray, bits: int = BITS) -> Linearisation:
    """Enclose values and layer derivatives at exact inputs X (n, d), as :func:`~verify.networks.linearisation.linearise` does.

    Every entry is off by what rounding to a double leaves, about 2^-53 of it, if `bits` outlive the depth.
    """
    k = network.outputs
    with precision(bits):
        a_rows: list[Rows] = []
        z_rows: list[Rows] = []
        slopes: list[Any] = []
        h = exact_matrix(X)
        n = h.nrows()
        for layer in network.layers:
            a = h * _scale(layer)
            rows = _rows(a)
            a_rows.append(rows if layer.bias is None else rows.with_ones())
            z = _affine(a, layer)
            z_rows.append(_rows(z))
            h, slope = _activated(z, layer)
            slopes.append(slope)
        g_rows: list[Rows] = []
        b_rows: list[Rows] = []
        g = arb_mat(n * k, k, [int(i % k == j) for i in range(n * k) for j in range(k)])
        for index in reversed(range(len(network.layers))):
            layer, slope = network.layers[index], slopes[index]
            g_rows.append(_rows(g))
            b = g if slope is None else _scaled_rows(g, slope, k)
            b_rows.append(g_rows[-1] if slope is None else _rows(b))
            if index:
                g = b * exact_matrix(layer.weight) * _scale(layer)
        outputs = _rows(h)
    backwards = tuple(g_rows[::-1]), tuple(b_rows[::-1])
    return Linearisation(network, n, tuple(z_rows), tuple(a_rows), *backwards, outputs, bits)


def _rows(matrix: Any) -> Rows:
    return Rows.of(to_ball(matrix))


def _scale(layer: Any) -> Any:
    return 1 / arb(layer.inverse_square_scale).sqrt()


def _affine(a: Any, layer: Any) -> Any:
    """a·Wᵀ + bias, all rows."""
    z = a * exact_matrix(layer.weight).transpose()
    if layer.bias is None:
        return z
    n, m, row = z.nrows(), z.ncols(), layer.bias.tolist()
    return arb_mat(n, m, [v + row[i % m] for i, v in enumerate(z.entries())])


def _activated(z: Any, layer: Any) -> tuple[Any, Any]:
    """σ(z) and σ'(z), None for the identity."""
    if layer.activation.is_identity:
        return z, None
    function = value_and_slope(layer.activation)
    pairs = [function(v) for v in z.entries()]
    n, m = z.nrows(), z.ncols()
    return arb_mat(n, m, [v for v, _ in pairs]), [s for _, s in pairs]


def _scaled_rows(g: Any, slope: list[Any], k: int) -> Any:
    """g (n·k, m) times the slopes (n, m), a flat list, of each row's sample."""
    m = g.ncols()
    entries = [v * slope[(i // (m * k)) * m + i % m] for i, v in enumerate(g.entries())]
    return arb_mat(g.nrows(), m, entries)
