"""The empirical neural tangent kernel and the loss, as enclosures.

Claim id: ntk_layer_sum. Θ = Σ_l J_lJ_lᵀ over the layers that train, J_l the Jacobian's columns of layer l. For a fully connected
layer the gradient of output (i, a) with respect to [W_l, b_l] is the outer product B_{l,ia} ⊗ a_{l,i}, so its term is
⟨B_{l,ia}, B_{l,jb}⟩·⟨a_{l,i}, a_{l,j}⟩. The Jacobian, N × p, is never formed.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from verify.arrays import Ball, Rows, schur_of_grams
from verify.arrays.environment import in_default_environment
from verify.memory import require_memory
from verify.networks.arb_linearisation import affordable, blurred, linearise_in_arb
from verify.networks.graph import Network
from verify.networks.layers import Trained
from verify.networks.linearisation import Linearisation, linearise
from verify.networks.model import Loss, loss_scale
from verify.networks.reading.comparison import require_agreement
from verify.networks.reading.data import read_data, read_inputs
from verify.networks.reading.modules import read_network, sample_shape

__all__ = ["kernel_of", "loss", "loss_of", "ntk", "require_room", "residual_of", "scale_ball"]

# N × N arrays of doubles held at once, measured at N = 2,500 and 3,500: 3.1 for Θ, 7.6 with its extreme eigenvalues.
_KERNEL, _SPECTRUM = 4, 8


def require_room(size: int, arrays: int = _SPECTRUM) -> None:
    """Refuse N = n·k = `size` where the NTK and its extreme eigenvalues, `arrays` N × N arrays, do not fit in free memory.

    Raises:
        ResourceError: names what is needed and what is free.
    """
    require_memory(
        8 * arrays * size**2, f"n·k={size}: the NTK", "use fewer samples or outputs, or a machine with more memory"
    )


def kernel_of(state: Linearisation) -> Ball:
    """Enclose Θ (N, N) at a linearisation, the sum of its trained layers' terms; exactly symmetric midpoint and radius."""
    network = state.network
    require_room(state.n * network.outputs, _KERNEL)
    factors: list[tuple[Rows, Rows | None]] = []
    whole: list[Ball] = []
    for index in network.trained:
        layer = network.layers[index]
        assert isinstance(layer, Trained)
        term = layer.gram_term(state.saved[index], state.reached(index), network.outputs)
        if isinstance(term, Ball):
            whole.append(term)
        else:
            factors.append(term)
    if factors:
        whole.append(schur_of_grams(factors, network.outputs))
    return functools.reduce(operator.add, whole)


def residual_of(state: Linearisation, y: np.ndarray) -> Ball:
    """Enclose e = F(θ) − y, shape (N,), sample-major; y is exact, (n, k)."""
    return (state.F - Ball(y)).reshape(-1)


def scale_ball(loss_name: Loss, n: int, k: int) -> Ball:
    """Enclose the loss scale s in Φ = (s/2)‖e‖² of a named loss, for n samples of k outputs: 1, 1/n, 2/(nk) or 2."""
    return Ball(loss_scale(loss_name, n, k))


def loss_of(residual: Ball, s: Ball) -> Ball:
    """Enclose Φ = (s/2)‖e‖² from an enclosure of e (N,)."""
    return (residual**2).sum() * s * Ball(0.5)


@in_default_environment
def ntk(model: Any, X: Any, X2: Any = None) -> Ball:
    """Enclose the empirical neural tangent kernel J(X)·J(X2)ᵀ of a torch module.

    Args:
        model: torch.nn.Sequential as :func:`verify.networks.read_network` accepts.
        X: (n, d) array or tensor of floats, taken exactly as stored. X2: (n2, d), None for X itself.

    Returns:
        Ball (n·k, n2·k), sample-major; every real-arithmetic NTK entry lies in it; symmetric where X2 is None. Where float64 layers leave fewer than
        six digits (five or more layers, as a rule) and n·k ≤ 500, the layers are enclosed in Arb: some seconds.

    Raises:
        UnsupportedLayerError, ShapeError, DtypeError, NonFiniteError, ResourceError.

    Example:
        >>> import torch, verify
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False))
        >>> print(verify.ntk(net, [[3.0, 4.0]]).contains(25.0))
        True
    """
    network: Network = read_network(model, sample_shape(X))
    inputs = read_inputs(network, X)
    rows = len(inputs) * network.outputs
    if X2 is not None:
        # The cross kernel is a block of the kernel of both.
        inputs = np.concatenate([inputs, read_inputs(network, X2, "X2")])
    state = linearise(network, inputs)
    require_agreement(model, network, inputs, state)
    theta = kernel_of(state)
    if blurred(theta) and affordable(network, len(inputs)):
        theta = kernel_of(linearise_in_arb(network, inputs))
    return theta if X2 is None else theta[:rows, rows:]


@in_default_environment
def loss(model: Any, X: Any, y: Any, loss: Loss = "sum") -> Ball:
    """Enclose the training loss Φ = (s/2)‖F(θ) − y‖² of a torch module at its present parameters.

    Args:
        model: as for :func:`ntk`.
        X: (n, d); y: (n, k) or (n,) when k = 1; both exact as stored.
        loss: 'sum' for s = 1 (½Σ), 'mean' for s = 1/n ((1/2n)Σ), 'mse' and 'mse_sum' for torch.nn.MSELoss, s = 2/(nk) and 2.

    Returns:
        scalar Ball containing the real value (mathematical activations, real arithmetic).
    """
    network = read_network(model, sample_shape(X))
    data = read_data(network, X, y)
    state = linearise(network, data.X)
    require_agreement(model, network, data.X, state)
    if blurred(state.F) and affordable(network, data.n):
        state = linearise_in_arb(network, data.X)
    return loss_of(residual_of(state, data.y), scale_ball(loss, data.n, data.k))
