"""What a certificate is about: network, parameters, data, loss scale s and step η, exact and validated.

Two formats of the network are read into one graph. Version 1: a chain of pairs (affine map, activation). Version 2: layers in topological order,
each with its kind and the positions of its inputs (−1: the data).
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

from flint import arb_mat

from verify.checker.enclosures import tick
from verify.checker.kinds import layers_of, stored
from verify.checker.layers import Elementwise, Layer, Trained
from verify.checker.pooling import Maximum
from verify.checker.reading import afford, expect, take

__all__ = ["START", "Pair", "Parameters", "Problem"]

MAX_PARAMETERS, MAX_ROWS, MAX_LAYERS = 1 << 22, 2048, 64
START = object()
"""In the place of a vector: the parameters of the stored network. What a file has in that place, null too, is no such vector."""

Parameters = list[Any]
"""For each layer of the graph the matrix [W b], or W, one row per output channel; None for a layer without parameters."""


class Pair(NamedTuple):
    """One link of a chain: the positions of an affine map and of the activation that follows it (its own, where there is none)."""

    affine: int
    after: int


class Problem:
    """Network, starting parameters, data, loss scale s and step η of a certificate, exact and validated."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read and validate; raises Malformed or Limit."""
        self.X, self.y = take(document["data"], "X y")
        rows, self.shape = self._rows(document["network"])
        expect(
            stored(self.X) and self.X.shape[1:] == self.shape,
            "the network's and the inputs' shapes do not fit together",
        )
        self.n: int = self.X.shape[0]
        expect(self.n > 0 and len(self.X.data) > 0, "no samples, or no inputs")
        # Before layers list their entries.
        afford(prod(self.shape), MAX_PARAMETERS, "numbers of an input")
        self.layers: list[Layer] = layers_of(rows, self.shape)
        self.start: list[float] = [value for layer in self.layers for value in layer.start()]
        """The moving parameters, layer by layer: weights row by row, then biases."""
        self.k: int = self.layers[-1].size
        expect(stored(self.y, self.n, self.k), "y has not one row per sample and one column per output")
        size, widest = self.n * self.k, max(layer.size for layer in self.layers)
        self.held: int = sum(layer.weight_count for layer in self.layers if isinstance(layer, Trained))
        afford(size, MAX_ROWS, "rows n·k of the NTK")
        afford(self.held, MAX_PARAMETERS, "parameters")
        afford(size * widest, MAX_PARAMETERS, "values of the widest layer at all samples and outputs")
        expect(self.start, "no parameter moves")
        self._loss(document)

    def _rows(self, network: Any) -> tuple[list[Any], tuple[int, ...]]:
        """Return the graph's layers as format 2 has them, and the shape of a sample."""
        if isinstance(network, dict) and "input_shape" not in network:
            [pairs] = take(network, "layers")
            expect(isinstance(pairs, list) and pairs, "expected layers")
            afford(len(pairs), MAX_LAYERS, "layers")
            expect(stored(self.X) and len(self.X.shape) == 2, "X is no matrix")
            rows = [row for pair in pairs for row in _unpaired(pair)]
            return [{**row, "inputs": [v - 1]} for v, row in enumerate(rows)], self.X.shape[1:]
        rows, shape = take(network, "layers input_shape")
        expect(isinstance(rows, list) and rows, "expected layers")
        afford(len(rows), 4 * MAX_LAYERS, "layers")
        fits = isinstance(shape, list) and len(shape) in (1, 3) and all(type(v) is int and v > 0 for v in shape)
        expect(fits, "the input's shape is neither [d] nor [C, H, W]")
        return rows, tuple(shape)

    def _loss(self, document: dict[str, Any]) -> None:
        """Read s and η: Φ = (s/2)Σ‖F(x_i) − y_i‖²."""
        n, k = self.n, self.k
        scales = {"sum": Fraction(1), "mean": Fraction(1, n), "mse": Fraction(2, n * k), "mse_sum": Fraction(2)}
        loss = document["loss"]
        expect(isinstance(loss, str) and loss in scales, "unknown loss")
        self.s: Any = scales[loss]
        scale = document["loss_scale"]
        expect(isinstance(scale, Fraction) and scale == self.s, "the loss scale is not that of the loss")
        self.lr: Any = document["lr"]
        positive = isinstance(self.lr, Fraction) and self.lr > 0
        expect(self.lr is None or positive, "the step is not a positive rational number")

    @property
    def kinked(self) -> bool:
        """Whether an activation has a kink, or a layer chooses."""
        return any(
            isinstance(layer, Maximum) or (isinstance(layer, Elementwise) and layer.kinked) for layer in self.layers
        )

    @property
    def chain(self) -> list[Pair] | None:
        """The network as a chain of fully connected maps that train, each with at most one activation behind it; None if it is none."""
        pairs: list[Pair] = []
        for v, layer in enumerate(self.layers):
            if layer.inputs != (v - 1,):
                return None
            if (
                isinstance(layer, Trained)
                and layer.dense
                and layer.plain
                and layer.moving == (True, layer.bias is not None)
            ):
                pairs.append(Pair(v, v))
            elif isinstance(layer, Elementwise) and pairs and pairs[-1].after == v - 1 == pairs[-1].affine:
                pairs[-1] = Pair(v - 1, v)
            else:
                return None
        return pairs

    def activation(self, pair: Pair) -> tuple[str, Any]:
        """Return name and parameter of the activation of a link of the chain."""
        layer = self.layers[pair.after]
        return (layer.name, layer.beta) if isinstance(layer, Elementwise) else ("identity", None)

    def require_smooth(self, scope: str) -> None:
        """Refuse kinks where a statement is proved for twice differentiable activations only."""
        expect(not self.kinked, f"scope {scope} is for layers without kinks")

    def parameters(self, vector: Any = START) -> Parameters:
        """Split a vector of all moving parameters, by default the start, and add those that do not move; exact."""
        expect(vector is START or stored(vector, len(self.start)), "expected a vector of all parameters")
        flat = iter(self.start if vector is START else vector.data.tolist())
        result: Parameters = []
        for layer in self.layers:
            tick()
            result.append(arb_mat(layer.rows(flat)) if isinstance(layer, Trained) else None)
        return result


def _unpaired(pair: Any) -> list[dict[str, Any]]:
    """Return a pair of version 1 as one or two layers of version 2."""
    weight, bias, square, kind = take(pair, "weight bias inverse_square_scale activation")
    name, given = take(kind, "name parameters")
    expect(stored(weight) and len(weight.shape) == 2, "a weight is no matrix")
    affine = {"kind": "linear", "weight": weight, "bias": bias, "inverse_square_scale": square, "frozen": []}
    after = {"kind": "activation", "function": name, "parameters": given}
    expect(name != "identity" or given == {}, "identity has no parameters")
    return [affine] if name == "identity" else [affine, after]
