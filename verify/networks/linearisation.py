"""Enclosures of a network's values and of its derivatives with respect to every layer's output.

Notation (claim layered_curvature): h_0 = x; z_l = s_l W_l h_{l-1} + b_l; h_l = σ_l(z_l); F = h_L (σ_L is the identity unless
the model ends with an activation). V_l = s_l W_l; a_l = [s_l h_{l-1}, 1] (the 1 only where there is a bias), rows
stacked in A_l; G_l = ∂F/∂h_l, B_l = ∂F/∂z_l = G_l·diag σ_l'(z_l), G_{l-1} = B_l V_l.

Rows that belong to outputs are sample-major: row i·k + a is output a of sample i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, Exact, Rows
from verify.memory import require_memory
from verify.networks.model import Network
from verify.networks.reading.data import read_inputs

__all__ = ["Linearisation", "forward", "linearise"]


@dataclass(frozen=True)
class Linearisation:
    """All layer quantities at one parameter vector, as enclosures.

    Attributes:
        network: the network, exact.
        n: number of samples; k = network.outputs; N = n·k.
        z_rows: per layer, pre-activations (n, m_l).
        a_rows: per layer, scaled inputs with the bias column (n, m_{l-1} (+1)).
        g_rows: per layer, ∂F/∂h_l, (N, m_l).
        b_rows: per layer, ∂F/∂z_l, (N, m_l).
        f_rows: outputs (n, k).
        bits: precision that the layers were computed in: 53 for float64.

    Z, A, G, B, F are the same entry by entry, as balls; V: per layer s_l·W_l (m_l, m_{l-1}).
    """

    network: Network
    n: int
    z_rows: tuple[Rows, ...]
    a_rows: tuple[Rows, ...]
    g_rows: tuple[Rows, ...]
    b_rows: tuple[Rows, ...]
    f_rows: Rows
    bits: int = 53

    @property
    def depth(self) -> int:
        """Number L of affine layers."""
        return len(self.z_rows)

    @cached_property
    def Z(self) -> tuple[Ball, ...]:
        """Pre-activations."""
        return tuple(rows.ball() for rows in self.z_rows)

    @cached_property
    def A(self) -> tuple[Ball, ...]:
        """Scaled inputs with the bias column."""
        return tuple(rows.ball() for rows in self.a_rows)

    @cached_property
    def G(self) -> tuple[Ball, ...]:
        """∂F/∂h_l."""
        return tuple(rows.ball() for rows in self.g_rows)

    @cached_property
    def B(self) -> tuple[Ball, ...]:
        """∂F/∂z_l."""
        return tuple(rows.ball() for rows in self.b_rows)

    @cached_property
    def F(self) -> Ball:
        """Outputs."""
        return self.f_rows.ball()

    @cached_property
    def V(self) -> tuple[Ball, ...]:
        """Scaled weights, computed when first asked for."""
        return tuple(
            Ball(layer.weight) if layer.inverse_square_scale == 1 else Ball(layer.weight) * layer.scale
            for layer in self.network.layers
        )


def forward(network: Network, X: Float[np.ndarray, "n d"]) -> Ball:
    """Enclose the outputs F (n, k) at exact inputs, without derivatives."""
    h = Rows(read_inputs(network, X))
    for layer in network.layers:
        h = h.scaled(layer.scale).times(Exact(layer.weight))
        if layer.bias is not None:
            h = h.plus(layer.bias)
        if not layer.activation.is_identity:
            h = layer.activation.rows(h)[0]
    return h.ball()


def linearise(network: Network, X: Float[np.ndarray, "n d"] | Ball) -> Linearisation:
    """Enclose values and layer derivatives of `network` at inputs `X` (n, d).

    `X` is exact, copied and checked as :func:`verify.networks.reading.data.read_inputs` does, or a ball whose every member is covered.
    """
    h = Rows.of(X) if isinstance(X, Ball) else Rows(read_inputs(network, X))
    n, k = h.mid.shape[0], network.outputs
    # Six arrays a layer: two of (n, m), z with its slopes and scaled outputs, and G and B of (nk, m).
    widths = sum(layer.fan_out for layer in network.layers)
    require_memory(8 * (4 + 2 * k) * n * widths, f"n={n} samples at {widths} units", "use fewer samples or outputs")
    z_rows: list[Rows] = []
    a_rows: list[Rows] = []
    slopes: list[Rows | None] = []
    scales = [layer.scale for layer in network.layers]
    weights = [Exact(layer.weight) for layer in network.layers]
    for layer, scale, weight in zip(network.layers, scales, weights, strict=True):
        a = h.scaled(scale)
        z = a.times(weight)
        if layer.bias is not None:
            a, z = a.with_ones(), z.plus(layer.bias)
        a_rows.append(a)
        z_rows.append(z)
        if layer.activation.is_identity:
            slopes.append(None)
            h = z
        else:
            h, slope = layer.activation.rows(z)
            slopes.append(slope)
    g = Rows(np.tile(np.eye(k), (n, 1)))
    g_rows: list[Rows] = []
    b_rows: list[Rows] = []
    for index in reversed(range(len(z_rows))):
        layer, factor = network.layers[index], slopes[index]
        b = g if factor is None else g.schur(factor, layer.activation.supremum(1))
        g_rows.append(g)
        b_rows.append(b)
        if index:
            # The product belongs to nobody else.
            g = b.times(weights[index].T).scaled(scales[index], in_place=True)
    return Linearisation(network, n, tuple(z_rows), tuple(a_rows), tuple(g_rows[::-1]), tuple(b_rows[::-1]), h)
