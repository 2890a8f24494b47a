"""Values and layer derivatives through Arb: for networks whose depth the float64 enclosures do not survive.

:func:`~verify.networks.linearisation.linearise` bounds rounding errors in norm, so each layer multiplies them by ‖W‖_F where they
really grow by much less: of Θ of ten tanh layers of 128 nothing is left. Arb (python-flint) carries a radius per entry at any
precision and loses a few bits a layer; rounded to doubles, its layers are known to an ulp, and everything that is computed from them
(Θ, the curvature, the neuron budget) is as sharp as for a single layer. It costs about a hundred times as much, so it is used
where the radius of Θ is the only obstacle (:func:`radius_hides_positivity`), within a budget.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, arb_mat

from verify.arrays import Ball, Rows, smallest_eigenvalue
from verify.networks.arb_forms import exact_matrix, precision, to_ball, value_and_slope
from verify.networks.graph import Network
from verify.networks.layers import Activated, Flatten, Layer, Linear, Scale, Sum, Value
from verify.networks.linearisation import Linearisation, vanishing

__all__ = [
    "BITS",
    "MOST_OPERATIONS",
    "MOST_OUTPUTS",
    "affordable",
    "blurred",
    "linearise_in_arb",
    "radius_hides_positivity",
]

BITS = 128
"""Working precision; ten tanh layers lose some thirty of them."""

MOST_OUTPUTS, MOST_OPERATIONS = 500, 1_000_000_000
"""The budget: n·k, and multiplications of Arb numbers: at most about a minute (50 ns for a product, 2 μs for an entry of a layer)."""

_ENTRY = 40  # what an entry of a layer costs, in multiplications: its activation and four conversions to a double


def affordable(network: Network, n: int) -> bool:
    """Whether n samples may be linearised in Arb within the budget; layers without an Arb rule, and maps, may not."""
    if not all(type(layer) in RULES for layer in network.layers) or any(len(shape) > 1 for shape in network.shapes):
        return False
    size = n * network.outputs
    products = sum(layer.weight.size for layer in network.layers if isinstance(layer, Linear))
    entries = sum(layer.weight.shape[0] for layer in network.layers if isinstance(layer, Linear))
    return size <= MOST_OUTPUTS and (n + size) * (products + _ENTRY * entries) <= MOST_OPERATIONS


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
    k, shapes = network.outputs, network.shapes
    with precision(bits):
        rules = [RULES[type(layer)](layer) for layer in network.layers]
        data = exact_matrix(X)
        n = data.nrows()
        values = network.forward(lambda index, _, below: rules[index].value(*below), data)
        seed = arb_mat(n * k, k, [int(i % k == j) for i in range(n * k) for j in range(k)])
        reached = network.backward(lambda index, _, above: rules[index].pullback(above), seed, operator.add)
        found = tuple(Value(_rows(value), shape) for value, shape in zip(values, shapes, strict=True))
        back = tuple(None if g is None else Value(_rows(g), shape) for g, shape in zip(reached, shapes, strict=True))
        inputs = Value(Rows(X), network.input_shape)
        still, values_below = vanishing(network, inputs), (*found, inputs)
        saved = tuple(
            layer.slopes(values_below[layer.inputs[0]], still.get(layer.inputs[0]))
            if isinstance(layer, Activated) and layer.function.pieces is not None
            else rule.saved()
            for layer, rule in zip(network.layers, rules, strict=True)
        )
    return Linearisation(network, n, inputs, found, saved, back, bits)


def _rows(matrix: Any) -> Rows:
    return Rows.of(to_ball(matrix))


class _Linear:
    """z = a·Wᵀ + c·b with a = s·h."""

    def __init__(self, layer: Linear) -> None:
        self._layer, self._scale = layer, arb(layer.weight_scale) / arb(layer.inverse_square_scale).sqrt()
        self._weight = exact_matrix(layer.weight)

    def value(self, h: Any) -> Any:
        self._a = h * self._scale
        z = self._a * self._weight.transpose()
        if self._layer.bias is None:
            return z
        n, m = z.nrows(), z.ncols()
        row = [arb(value) * self._layer.bias_scale for value in self._layer.bias.tolist()]
        return arb_mat(n, m, [v + row[i % m] for i, v in enumerate(z.entries())])

    def pullback(self, g: Any) -> tuple[Any]:
        return (g * self._weight * self._scale,)

    def saved(self) -> Rows | None:
        return self._layer.data_operator(_rows(self._a))


class _Activated:
    """σ entrywise; g (n·k, m) times the slopes (n, m), a flat list, of each row's sample."""

    def __init__(self, layer: Activated) -> None:
        self._function = value_and_slope(layer.function)

    def value(self, z: Any) -> Any:
        pairs = [self._function(v) for v in z.entries()]
        self._slope, self._samples = [s for _, s in pairs], z.nrows()
        return arb_mat(z.nrows(), z.ncols(), [v for v, _ in pairs])

    def pullback(self, g: Any) -> tuple[Any]:
        m, k = g.ncols(), g.nrows() // self._samples
        entries = [v * self._slope[(i // (m * k)) * m + i % m] for i, v in enumerate(g.entries())]
        return (arb_mat(g.nrows(), m, entries),)

    def saved(self) -> None:
        """Nothing after the pullback needs the slopes, but where there are kinks: then they, and those of the layers between, are enclosed from the values."""


class _Sum:
    """Σ_j h_j."""

    def __init__(self, layer: Sum) -> None:
        self._count = len(layer.inputs)

    def value(self, *below: Any) -> Any:
        return functools.reduce(operator.add, below)

    def pullback(self, g: Any) -> tuple[Any, ...]:
        return (g,) * self._count

    def saved(self) -> None:
        """A sum needs nothing."""


class _Multiple:
    """factor·h; flattening a vector is the multiple 1."""

    def __init__(self, layer: Scale | Flatten) -> None:
        self._factor = arb(layer.factor if isinstance(layer, Scale) else 1)

    def value(self, h: Any) -> Any:
        return h * self._factor

    def pullback(self, g: Any) -> tuple[Any]:
        return (g * self._factor,)

    def saved(self) -> None:
        """A multiple needs nothing."""


RULES: dict[type[Layer], Callable[[Any], Any]] = {
    Linear: _Linear,
    Activated: _Activated,
    Sum: _Sum,
    Scale: _Multiple,
    Flatten: _Multiple,
}
"""Layer → its rule in Arb; what is missing here is never linearised in Arb (:func:`affordable`)."""
