"""Enclosures of a network's values and of its derivatives with respect to every layer's output.

Per layer v of the graph: its value h_v, and its sensitivity G_v = ∂F/∂h_v, the sum over the layers that read it of what their pullbacks send back
(exact derivatives: samples do not interact). Rows that belong to outputs are sample-major: row i·k + a is output a of sample i.

Views of chains (claim layered_curvature): h_0 = x; z_l = s_l W_l h_{l-1} + b_l; h_l = σ_l(z_l); F = h_L (σ_L is the identity unless
the model ends with an activation). V_l = s_l W_l; a_l = [s_l h_{l-1}, 1] (the 1 only where there is a bias), rows
stacked in A_l; G_l = ∂F/∂h_l, B_l = ∂F/∂z_l = G_l·diag σ_l'(z_l), G_{l-1} = B_l V_l.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from verify.arrays import Ball, Rows, spectral_norm
from verify.memory import keep_freed_memory, require_memory
from verify.networks.equal_entries import EqualEntries
from verify.networks.graph import Network
from verify.networks.layers import Activated, Layer, MaxPool, Trained, Value
from verify.networks.layers.values import Mask
from verify.networks.reading.data import read_inputs
from verify.networks.spread import Spread

__all__ = ["Linearisation", "forward", "linearise", "rows_of_data", "vanishing", "with_midpoints"]


@dataclass(frozen=True)
class Linearisation:
    """All layer quantities at one parameter vector, as enclosures.

    Attributes:
        network: the network, exact.
        n: number of samples; k = network.outputs; N = n·k.
        data: the inputs, as a value. values: per layer, h_v.
        saved: per layer, what its pullback, norms and NTK term need besides: slopes, data operators.
        sensitivities: per layer, G_v; None where the value does not move with the parameters.
        bits: precision that the layers were computed in: 53 for float64.
        spread: what inputs nearby change (:func:`verify.networks.inputs.over_inputs`); None where only the stored inputs are meant.

    Of a chain, per link: z_rows (n, m_l), a_rows (n, m_{l-1} (+1)), g_rows and b_rows (N, m_l); Z, A, G, B, F are the same
    entry by entry, as balls; data_norm: ‖A_1‖; V: s_l·W_l (m_l, m_{l-1}).
    """

    network: Network
    n: int
    data: Value
    values: tuple[Value, ...]
    saved: tuple[Any, ...]
    sensitivities: tuple[Value | None, ...]
    bits: int = 53
    spread: Spread | None = None

    def below(self, index: int) -> tuple[Value, ...]:
        """The values that a layer reads."""
        sources = self.network.layers[index].inputs
        return tuple(self.data if source < 0 else self.values[source] for source in sources)

    def reached(self, index: int) -> Value:
        """The sensitivity of a layer that moves."""
        g = self.sensitivities[index]
        assert g is not None
        return g

    def gradient(self, weights: Ball) -> list[Ball]:
        """Enclose Jᵀw for w (N,): one array per trained weight and bias, in the order of θ."""
        found: list[Ball] = []
        for index in self.network.trained:
            layer = self.network.layers[index]
            assert isinstance(layer, Trained)
            found += layer.gradient(self.saved[index], self.reached(index), weights, self.network.outputs)
        return found

    @property
    def f_rows(self) -> Rows:
        """Outputs (n, k)."""
        return self.values[-1].rows

    def with_outputs(self, outputs: Value) -> Linearisation:
        """Return the same with F enclosed once more, more sharply; nothing else depends on it."""
        return replace(self, values=(*self.values[:-1], outputs))

    @cached_property
    def F(self) -> Ball:
        """Outputs."""
        return self.f_rows.ball()

    @property
    def depth(self) -> int:
        """Number L of links of a chain."""
        return len(self.network.chain)

    @cached_property
    def z_rows(self) -> tuple[Rows, ...]:
        """Pre-activations."""
        return tuple(self.values[affine].rows for affine, _ in self.network.links)

    @cached_property
    def a_rows(self) -> tuple[Rows, ...]:
        """Scaled inputs with the bias column."""
        return tuple(self.saved[affine] for affine, _ in self.network.links)

    @cached_property
    def g_rows(self) -> tuple[Rows, ...]:
        """∂F/∂h_l."""
        return tuple(self.reached(activation).rows for _, activation in self.network.links)

    @cached_property
    def b_rows(self) -> tuple[Rows, ...]:
        """∂F/∂z_l."""
        return tuple(self.reached(affine).rows for affine, _ in self.network.links)

    @cached_property
    def Z(self) -> tuple[Ball, ...]:
        """Pre-activations."""
        return tuple(rows.ball() for rows in self.z_rows)

    @cached_property
    def A(self) -> tuple[Ball, ...]:
        """Scaled inputs with the bias column."""
        return tuple(rows.ball() for rows in self.a_rows)

    @cached_property
    def data_norm(self) -> Ball:
        """‖A_1‖, computed when first asked for."""
        return spectral_norm(self.A[0])

    @cached_property
    def G(self) -> tuple[Ball, ...]:
        """∂F/∂h_l."""
        return tuple(rows.ball() for rows in self.g_rows)

    @cached_property
    def B(self) -> tuple[Ball, ...]:
        """∂F/∂z_l."""
        return tuple(rows.ball() for rows in self.b_rows)

    @cached_property
    def V(self) -> tuple[Ball, ...]:
        """Scaled weights, computed when first asked for."""
        return tuple(
            Ball(layer.weight) if layer.inverse_square_scale == 1 else Ball(layer.weight) * layer.scale
            for layer in self.network.chain
        )


def rows_of_data(network: Network, X: Float[np.ndarray, "n ..."]) -> Value:
    """Return exact inputs (n, d) or (n, C, H, W) as a value: channels last, one row a position."""
    shape = network.input_shape
    if len(shape) == 1:
        return Value(Rows(X), shape)
    return Value(Rows(np.ascontiguousarray(np.moveaxis(X, 1, -1)).reshape(-1, shape[0])), shape)


def forward(network: Network, X: Float[np.ndarray, "n ..."]) -> Ball:
    """Enclose the outputs F (n, k) at exact inputs, without derivatives."""

    def visit(_: int, layer: Layer, below: tuple[Value, ...]) -> Value:
        return layer.value(*below)[0]

    return network.forward(visit, rows_of_data(network, read_inputs(network, X)))[-1].rows.ball()


def linearise(
    network: Network, X: Float[np.ndarray, "n ..."] | Ball, *, known: Sequence[Value] | None = None
) -> Linearisation:
    """Enclose values and layer derivatives of `network` at inputs `X` (n, d) or (n, C, H, W).

    `X` is exact, copied and checked as :func:`verify.networks.reading.data.read_inputs` does, or a ball (n, d) whose every member is
    covered. `known`: the layers' values at X, where they
    are known more sharply than float64 layers would enclose them.
    """
    keep_freed_memory()
    data = (
        Value(Rows.of(X), network.input_shape)
        if isinstance(X, Ball)
        else rows_of_data(network, read_inputs(network, X))
    )
    n, k = data.samples, network.outputs
    # Per layer its value, what it saves of it, and its sensitivity: (n, units), (n, units) and (nk, units).
    require_memory(
        8 * (2 + k) * n * network.units, f"n={n} samples at {network.units} units", "use fewer samples or outputs"
    )
    saved: list[Any] = []
    values: list[Value] = []
    still, equal = vanishing(network, data), EqualEntries(network, data, values, saved)

    def value(index: int, layer: Layer, below: tuple[Value, ...]) -> Value:
        found, kept = layer.value(*below)
        mask = still.get(layer.inputs[0])
        if mask is not None and isinstance(layer, Activated) and layer.function.pieces is not None:
            kept = layer.slopes(below[0], mask)
        if isinstance(layer, MaxPool) and kept.open is not None:
            # Only where some choice is uncertain does it matter which entries are the same function.
            kept = layer.selected(below[0], equal.of(layer.inputs[0]))
        saved.append(kept)
        values.append(found if known is None else known[index])
        return values[-1]

    def pullback(index: int, layer: Layer, above: Value) -> tuple[Value, ...]:
        return layer.pullback(saved[index], network.shapes_below(index), above)

    network.forward(value, data)
    seed = Value(Rows(np.tile(np.eye(k), (n, 1))), (k,))
    sensitivities = network.backward(pullback, seed, _added)
    return Linearisation(network, n, data, tuple(values), tuple(saved), tuple(sensitivities))


def vanishing(network: Network, data: Value) -> dict[int, Mask]:
    """Per layer (−1 the data) which entries of its value are 0 whatever the parameters are; only where there are some and kinks read them."""
    zeros = (data.rows.mid == 0.0) & (data.rows.sup == 0.0)[:, None]
    if network.is_smooth or not zeros.any():
        return {}

    def visit(index: int, layer: Layer, below: tuple[Mask, ...]) -> Mask:
        return layer.vanishing(network.shapes_below(index), *below)

    found = {-1: zeros, **dict(enumerate(network.forward(visit, zeros)))}
    return {index: mask for index, mask in found.items() if mask.any()}


def with_midpoints(state: Linearisation, chosen: Mapping[int, Bool[np.ndarray, "n units"]]) -> Linearisation:
    """Return the derivatives with the mean of the two slopes at chosen units (by layer) of activations with kinks; the values are the same."""
    network, saved = state.network, list(state.saved)
    for index, layer in enumerate(network.layers):
        if isinstance(layer, Activated) and saved[index] is None:
            # Of a smooth one Arb kept no slopes: they are those of its values.
            saved[index] = layer.value(*state.below(index))[1]
    for index, mask in chosen.items():
        layer = network.layers[index]
        assert isinstance(layer, Activated)
        saved[index] = layer.midpoints(state.below(index)[0], mask, saved[index].still)

    def pullback(index: int, layer: Layer, above: Value) -> tuple[Value, ...]:
        return layer.pullback(saved[index], network.shapes_below(index), above)

    seed = Value(Rows(np.tile(np.eye(network.outputs), (state.n, 1))), (network.outputs,))
    sensitivities = network.backward(pullback, seed, _added)
    return replace(state, saved=tuple(saved), sensitivities=tuple(sensitivities))


def _added(one: Value, other: Value) -> Value:
    return Value(one.rows.added(other.rows), one.shape)
