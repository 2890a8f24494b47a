"""Every data set whose inputs lie within ε of the stored ones: what that changes of a linearisation, at the same parameters.

Claim id: inputs_nearby. ‖x'_i − x_i‖ ≤ ε for every sample (Euclidean norm), the targets are the same, θ is fixed. Layer by layer of a chain, V = s·W:
    x_0 = ε,  ‖Δz_l‖ ≤ ‖V_l‖x_{l−1},  x_l = sup|σ_l'|·‖V_l‖x_{l−1},  ‖Δa_l‖ ≤ α_l = s_lx_{l−1},
    ‖ΔB_{l,i}‖ ≤ β_{l,i} = sup|σ_l'|γ_{l,i} + sup|σ_l''|·‖V_l‖x_{l−1}·g_{l,i},  ‖ΔG_{l−1,i}‖ ≤ γ_{l−1,i} = ‖V_l‖β_{l,i},  γ_L = 0,
g_{l,i} the largest column norm of G_{l,i}: ‖G diag(d)‖ ≤ ‖G diag(d)‖_F ≤ ‖d‖g. Sample i's rows of J'ᵀw in layer l are (B_iᵀw_i)a_iᵀ, so by the triangle
inequality and Cauchy–Schwarz over ‖w_i‖
    ‖J' − J‖ ≤ D_J = (Σ_l Σ_i (β_{l,i}(‖a_{l,i}‖ + α_l) + ‖B_{l,i}‖α_l)²)^½,
and by the mean value theorem in x, with ∂F_i/∂x = B_{1,i}V_1 and B_{1,i} within β_{1,i} all along the segment,
    ‖F'_i − F_i‖ ≤ ε(‖B_{1,i}V_1‖ + β_{1,i}‖V_1‖),  ‖e' − e‖ ≤ D_e.
One gradient step T' of the other data set ends within ηs(‖J‖D_e + D_J(‖e‖ + D_e)) of T's.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from verify.arrays import Ball, spectral_norm, sqrt_of_nonnegative
from verify.errors import UnsupportedLayerError
from verify.networks.layers.norms import block_norms, column_norms, row_norms, upper_end
from verify.networks.linearisation import Linearisation
from verify.networks.spread import Spread

__all__ = ["kept", "lost", "over_inputs", "with_exact_ends"]


def lost(square: float, change: Ball) -> float:
    """(√square − change)², or 0: a lower bound of λ_min(M') for ‖M'^½w‖ ≥ ‖M^½w‖ − change, λ_min(M) ≥ square; an exact double ≥ 0."""
    if not square > 0.0:
        return 0.0
    root = sqrt_of_nonnegative(Ball(square)) - change
    return max(float((root * root).lower()), 0.0) if float(root.lower()) > 0.0 else 0.0


def kept(square: float, change: Ball) -> float:
    """(√square + change)², rounded up: the mirror image for λ_max."""
    root = sqrt_of_nonnegative(Ball(max(square, 0.0))) + change
    return float((root * root).upper())


def with_exact_ends(ball: Ball) -> Ball:
    """Widen an enclosure of a number ≥ 0, by less than 2^-49 of its upper end, so that both ends mid ± rad are doubles, the lower one ≥ 0.

    Of data nearby it is the ends that are stated, as doubles; the interval stored beside them must hold them, and mid ± rad, rounded outwards to a double,
    need not lie within mid ± rad. With the unit u = 2^(e−50), 2^(e−1) ≤ upper end < 2^e, the new ends are multiples of u up to 2^50·u, so that their sum,
    their difference and the halves of both are exact.
    """
    high = float(ball.upper())
    unit = math.ldexp(1.0, max(math.frexp(high)[1] - 50, -1073))
    low, high = (
        math.floor(max(float(ball.lower()), 0.0) / unit) * unit,
        math.ceil(high / unit) * unit if math.isfinite(high) else math.inf,
    )
    # Where the upper end is infinite, or would be, nothing is certified from it.
    return Ball(0.5 * (low + high), 0.5 * (high - low)) if math.isfinite(high) else ball


def over_inputs(state: Linearisation, radius: float) -> Linearisation:
    """Return the linearisation with what inputs within `radius` change attached; everything else in it is still about the stored inputs.

    What reads norms or λ off a linearisation (L_H, the neuron budget, the features' bound) adds the change by itself.

    Args:
        state: tight enclosures at the stored inputs. radius: ε, an exact double ≥ 0; 0 returns the state as it is.

    Raises:
        UnsupportedLayerError: not a chain of fully connected layers with twice differentiable activations.
    """
    if radius == 0.0:
        return state
    network, n, k = state.network, state.n, state.network.outputs
    if not (network.is_chain and network.is_smooth):
        raise UnsupportedLayerError(
            "data_radius: how far other inputs move the values is bounded for fully connected layers with twice differentiable activations only; use"
            " data_radius=0"
        )
    layers = network.chain
    moved, data, turned, norms = Ball(radius), [], [], []
    for layer, v in zip(layers, state.V, strict=True):
        norms.append(upper_end(spectral_norm(v)))
        data.append(upper_end(layer.scale * moved))
        z = upper_end(norms[-1] * moved)
        # sup|σ''|·‖Δz‖
        turned.append(upper_end(Ball(layer.activation.supremum(2)) * z))
        moved = upper_end(Ball(layer.activation.supremum(1)) * z)
    blocks, columns, square, change = [], [], Ball(0.0), Ball(np.zeros(n))
    for index in reversed(range(len(layers))):
        slope = Ball(layers[index].activation.supremum(1))
        columns.append(change)
        blocks.append(upper_end(slope * change + turned[index] * column_norms(state.G[index], n, k)))
        b = row_norms(state.b_rows[index]) if k == 1 else block_norms(state.B[index], n, k)
        part = blocks[-1] * (row_norms(state.a_rows[index]) + data[index]) + b * data[index]
        square = square + (part * part).sum()
        change = upper_end(norms[index] * blocks[-1])
    through = block_norms(state.B[0] @ state.V[0], n, k) + blocks[-1] * norms[0]
    spread = Spread(
        radius,
        tuple(data),
        tuple(blocks[::-1]),
        tuple(columns[::-1]),
        upper_end(sqrt_of_nonnegative(square)),
        upper_end((through * Ball(radius)).norm()),
    )
    return replace(state, spread=spread)
