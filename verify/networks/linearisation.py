"""Enclosures of a network's values and of its derivatives with respect to every layer's output.

Notation (MATH.md §6): h_0 = x; z_l = s_l W_l h_{l-1} + b_l; h_l = σ_l(z_l); F = h_L (σ_L is the identity unless
the model ends with an activation). V_l = s_l W_l; a_l = [s_l h_{l-1}, 1] (the 1 only where there is a bias), rows
stacked in A_l; G_l = ∂F/∂h_l, B_l = ∂F/∂z_l = G_l·diag σ_l'(z_l), G_{l-1} = B_l V_l.

Rows that belong to outputs are sample-major: row i·k + a is output a of sample i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, concatenate
from verify.networks.model import Network

__all__ = ["Linearisation", "forward", "linearise", "repeat_rows"]


@dataclass(frozen=True)
class Linearisation:
    """All layer quantities at one parameter vector, as enclosures.

    Attributes:
        network: the network, exact.
        n: number of samples; k = network.outputs; N = n·k.
        Z: per layer, pre-activations (n, m_l).
        A: per layer, scaled inputs with the bias column (n, m_{l-1} (+1)).
        V: per layer, s_l·W_l (m_l, m_{l-1}).
        G: per layer, ∂F/∂h_l, (N, m_l).
        B: per layer, ∂F/∂z_l, (N, m_l).
        F: outputs (n, k).
    """

    network: Network
    n: int
    Z: tuple[Ball, ...]
    A: tuple[Ball, ...]
    V: tuple[Ball, ...]
    G: tuple[Ball, ...]
    B: tuple[Ball, ...]
    F: Ball

    @property
    def depth(self) -> int:
        """Number L of affine layers."""
        return len(self.Z)


def repeat_rows(ball: Ball, k: int) -> Ball:
    """Repeat each row k times, sample-major: (n, m) → (n·k, m)."""
    if k == 1:
        return ball
    return Ball(np.repeat(ball.mid, k, axis=0), np.repeat(ball.rad, k, axis=0))


def forward(network: Network, X: Float[np.ndarray, "n d"]) -> Ball:
    """Enclose the outputs F (n, k) at exact inputs, without derivatives."""
    h = Ball(X)
    for layer in network.layers:
        z = (h * layer.scale) @ Ball(layer.weight).T
        if layer.bias is not None:
            z = z + Ball(layer.bias)
        h = z if layer.activation.is_identity else layer.activation(z, 0)
    return h


def linearise(network: Network, X: Float[np.ndarray, "n d"] | Ball) -> Linearisation:
    """Enclose values and layer derivatives of `network` at inputs `X` (n, d).

    `X` is exact, or a ball whose every member is covered.
    """
    h = X if isinstance(X, Ball) else Ball(X)
    n, k = h.shape[0], network.outputs
    Z: list[Ball] = []
    A: list[Ball] = []
    V: list[Ball] = []
    slopes: list[Ball | None] = []
    for layer in network.layers:
        scale = layer.scale
        weight = Ball(layer.weight)
        a = h * scale
        z = a @ weight.T
        if layer.bias is not None:
            a = concatenate([a, Ball(np.ones((n, 1)))], axis=1)
            z = z + Ball(layer.bias)
        Z.append(z)
        A.append(a)
        V.append(weight if layer.inverse_square_scale == 1 else weight * scale)
        if layer.activation.is_identity:
            slopes.append(None)
            h = z
        else:
            h, first = layer.activation.jet(z, 1)
            slopes.append(first)
    g = Ball(np.tile(np.eye(k), (n, 1)))
    G: list[Ball] = []
    B: list[Ball] = []
    for index in reversed(range(len(Z))):
        slope = slopes[index]
        b = g if slope is None else g * repeat_rows(slope, k)
        G.append(g)
        B.append(b)
        if index:
            g = b @ V[index]
    return Linearisation(network, n, tuple(Z), tuple(A), tuple(V), tuple(G[::-1]), tuple(B[::-1]), h)
