"""A network as a graph of layers in topological order, and the only two loops over it.

Layer i reads the values of earlier layers, `inputs`, −1 being the data; the last layer is F. Forward, every layer is met once in order;
backward, in reverse order, and where a value has several consumers what they send back is *added*, here and nowhere else: a skip branch
that a layer forgot would pass every test on chains.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball
from verify.errors import ShapeError, UnsupportedLayerError
from verify.networks.activations import IDENTITY, Activation
from verify.networks.layers import Activated, Layer, Linear, MaxPool, Trained, state_name
from verify.networks.layers.dense import inverse_root
from verify.networks.layers.values import Shape

__all__ = ["Network", "Pair", "chain"]

T = TypeVar("T")


@dataclass(frozen=True)
class Pair:
    """One affine map followed by an activation, z = s·W h + b, h' = σ(z): a link of a chain.

    Attributes:
        weight, bias, inverse_square_scale, name: as of :class:`verify.networks.layers.Linear`, all of it trained.
        activation: σ; the identity after the last layer unless the model ends with an activation.
    """

    weight: Float[np.ndarray, "fan_out fan_in"]
    bias: Float[np.ndarray, " fan_out"] | None
    inverse_square_scale: int
    activation: Activation
    name: str | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no fully connected layer."""
        Linear(self.weight, self.bias, self.inverse_square_scale)

    @property
    def scale(self) -> Ball:
        """Enclosure of s = 1/√(inverse_square_scale); exact when that is a power of 4."""
        return inverse_root(self.inverse_square_scale)

    @property
    def fan_out(self) -> int:
        """Number of units."""
        return int(self.weight.shape[0])


@dataclass(frozen=True)
class Network:
    """F as exact numbers: layers in topological order; the last one is F.

    Attributes:
        layers: see :class:`verify.networks.layers.Layer`.
        input_shape: (d,) or (C, H, W) of a sample.
        reordered: whether the module that it was read from lists its parameters in another order than θ, that of the layers: as they are called.

    Raises:
        ShapeError: layers that do not fit together. UnsupportedLayerError: a layer that nothing reads, or that reads a later one.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    reordered: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no such graph."""
        if not any(isinstance(layer, Trained) and layer.trained for layer in self.layers):
            raise UnsupportedLayerError(
                "model: has no layer with trainable parameters, so there is nothing to train; frozen ones train after requires_grad_(True)"
            )
        read = {source for layer in self.layers for source in layer.inputs}
        for index, layer in enumerate(self.layers):
            if not layer.inputs or not all(-1 <= source < index for source in layer.inputs):
                raise UnsupportedLayerError(
                    f"layer {index} ({layer.kind}): inputs {layer.inputs}; expected earlier layers"
                )
            if index not in read and index != len(self.layers) - 1:
                raise UnsupportedLayerError(
                    f"layer {index} ({layer.kind}): its value is used by no other layer; remove it"
                )
        if len(self.shapes[-1]) != 1:
            raise ShapeError(f"model: its output has shape {self.shapes[-1]}; flatten it to one row a sample")

    def names(self) -> dict[str, np.ndarray]:
        """Return the trained arrays by their names in ``state_dict()``, in the order of θ; of a network that was read from a module."""
        return {
            state_name(layer.name, name): array for layer in self.trainable() for name, array in layer.trained.items()
        }

    # ---- the two loops

    def forward(self, visit: Callable[[int, Layer, tuple[T, ...]], T], data: T) -> list[T]:
        """Call visit(i, layer, what its inputs returned) in order; return what each layer returned."""
        # Position −1, the last, is the data.
        found = [data] * (len(self.layers) + 1)
        for index, layer in enumerate(self.layers):
            found[index] = visit(index, layer, tuple([found[source] for source in layer.inputs]))
        return found[:-1]

    def backward(
        self, visit: Callable[[int, Layer, T], Sequence[T]], seed: T, add: Callable[[T, T], T]
    ) -> list[T | None]:
        """Return per layer what reaches its output: seed at F; elsewhere the sum, by `add`, of what its consumers send back.

        visit(i, layer, what reached it) returns what goes to each of its inputs. It is called, from the last layer to the first, only where
        an input moves with the parameters; what would reach a value that does not move is dropped (None there).
        """
        reached: list[T | None] = [None] * len(self.layers)
        reached[-1] = seed
        for index in self._way_back:
            layer, above, moving = self.layers[index], reached[index], self.moving_inputs[index]
            if above is None:
                continue
            for source, share, moves in zip(layer.inputs, visit(index, layer, above), moving, strict=True):
                if moves:
                    before = reached[source]
                    reached[source] = share if before is None else add(before, share)
        return reached

    # ---- what the graph knows

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """Each layer's output shape."""

        def visit(index: int, layer: Layer, below: tuple[Shape, ...]) -> Shape:
            try:
                return layer.shape(*below)
            except ShapeError as error:
                raise ShapeError(f"layer {index}: {error}") from error

        return tuple(self.forward(visit, self.input_shape))

    def shapes_below(self, index: int) -> tuple[Shape, ...]:
        """The shapes of a layer's inputs."""
        return tuple(self.input_shape if source < 0 else self.shapes[source] for source in self.layers[index].inputs)

    @cached_property
    def moves(self) -> tuple[bool, ...]:
        """Whether each layer's value depends on trained parameters."""

        def visit(_: int, layer: Layer, below: tuple[bool, ...]) -> bool:
            return any(below) or (isinstance(layer, Trained) and bool(layer.trained))

        return tuple(self.forward(visit, False))

    @cached_property
    def moving_inputs(self) -> tuple[tuple[bool, ...], ...]:
        """Whether each input of each layer depends on trained parameters."""
        return tuple(tuple(source >= 0 and self.moves[source] for source in layer.inputs) for layer in self.layers)

    @cached_property
    def _way_back(self) -> tuple[int, ...]:
        """The layers with an input that moves, from the last to the first."""
        return tuple(index for index in reversed(range(len(self.layers))) if any(self.moving_inputs[index]))

    @cached_property
    def trained(self) -> tuple[int, ...]:
        """Positions of the layers that have trained parameters, in the order of θ."""
        return tuple(i for i, la in enumerate(self.layers) if isinstance(la, Trained) and la.trained)

    @cached_property
    def layout(self) -> tuple[tuple[tuple[str, slice, Shape], ...], ...]:
        """Where the trained arrays of each layer at :attr:`trained` lie in θ: (name, entries, shape)."""
        at, found = 0, []
        for layer in self.trainable():
            parts = []
            for name, array in layer.trained.items():
                parts.append((name, slice(at, at + array.size), array.shape))
                at += array.size
            found.append(tuple(parts))
        return tuple(found)

    @property
    def inputs(self) -> int:
        """Input dimension d, of a map C·H·W."""
        return math.prod(self.input_shape)

    @property
    def outputs(self) -> int:
        """Output dimension k."""
        return self.shapes[-1][0]

    @property
    def units(self) -> int:
        """Numbers that the layers compute for one sample."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def parameters(self) -> int:
        """Number p of trained parameters."""
        return sum(array.size for layer in self.trainable() for array in layer.trained.values())

    def trainable(self) -> list[Trained]:
        """The layers at :attr:`trained`."""
        return [layer for layer in self.layers if isinstance(layer, Trained) and layer.trained]

    @property
    def is_smooth(self) -> bool:
        """Whether every layer has a Lipschitz derivative: no activation has a kink, and nothing is chosen."""
        return not any(
            isinstance(la, MaxPool) or (isinstance(la, Activated) and la.function.pieces is not None)
            for la in self.layers
        )

    @property
    def at_a_kink(self) -> str:
        """In words, what a point has where the gradient of such a network jumps."""
        text = "some pre-activation of a unit is at its kink (0 of ReLU)"
        if not any(isinstance(la, MaxPool) for la in self.layers):
            return text
        return f"{text}, or two entries of a pooling window tie that are different functions of the parameters"

    # ---- chains

    @cached_property
    def _pairs(self) -> tuple[Pair, ...] | str:
        """The links of a chain; or why it is none."""
        pairs: list[Pair] = []
        for index, layer in enumerate(self.layers):
            if layer.inputs != (index - 1,):
                return f"layer {index} ({layer.kind}) does not follow the layer before it alone"
            if isinstance(layer, Linear):
                if layer.frozen:
                    return f"layer {index} does not train its {' and '.join(layer.frozen)}"
                if not layer.is_unscaled:
                    return f"layer {index} scales its weight by {layer.weight_scale!r} and its bias by {layer.bias_scale!r}"
                pairs.append(Pair(layer.weight, layer.bias, layer.inverse_square_scale, IDENTITY, layer.name))
            elif isinstance(layer, Activated) and pairs and pairs[-1].activation.is_identity:
                pairs[-1] = dataclasses.replace(pairs[-1], activation=layer.function)
            else:
                return f"layer {index} ({layer.kind}) is no fully connected layer, or no activation right after one"
        return tuple(pairs)

    @property
    def is_chain(self) -> bool:
        """Whether it is fully connected layers without scales of their own, each followed by at most one activation, one after the other, all trained."""
        return self.why_no_chain is None

    @property
    def why_no_chain(self) -> str | None:
        """What of it is no such chain, in words; None of a chain."""
        return self._pairs if isinstance(self._pairs, str) else None

    @property
    def chain(self) -> tuple[Pair, ...]:
        """The links, for what is proved of chains only.

        Raises:
            UnsupportedLayerError: it is no chain; says where.
        """
        self.require_chain()
        assert not isinstance(self._pairs, str)
        return self._pairs

    def require_chain(self) -> None:
        """Refuse a network that is no chain.

        Raises:
            UnsupportedLayerError: says where.
        """
        if self.why_no_chain is not None:
            raise UnsupportedLayerError(
                f"model: {self.why_no_chain}, and this is proved for chains of trained fully connected layers with one activation each;"
                " scopes 'point', 'ball', 'run' and 'basin' take any graph"
            )

    @cached_property
    def links(self) -> tuple[tuple[int, int], ...]:
        """Of a chain: per link the positions of its affine layer and of its activation (the same where that is the identity)."""
        found: list[tuple[int, int]] = []
        for index, layer in enumerate(self.layers):
            found = [*found, (index, index)] if isinstance(layer, Linear) else [*found[:-1], (found[-1][0], index)]
        return tuple(found) if self.chain else ()

    # ---- words

    def architecture(self) -> list[tuple[object, ...]]:
        """Everything but the numbers that train: equal lists, equal functions of θ."""
        return [(self.input_shape,), *(layer.architecture() for layer in self.layers)]

    def describe(self) -> str:
        """One line: widths, activations with their parameters, parametrisation, e.g. ``64-1024-1 tanh (NTK parametrisation)``."""
        functions = dict.fromkeys(la.function for la in self.layers if isinstance(la, Activated))
        names = "/".join(activation_text(function) for function in functions) or "linear"
        if not self.is_chain:
            kinds = [la.kind for la in self.layers if not isinstance(la, Activated)]
            counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
            stored = sum(array.size for la in self.layers if isinstance(la, Trained) for array in la.stored.values())
            held = "" if stored == self.parameters else f" ({self.parameters} of {stored} parameters trained)"
            return f"{'×'.join(map(str, self.input_shape))} → {self.outputs} graph of {counted}, {names}{held}"
        widths = "-".join(str(w) for w in [self.inputs, *(la.fan_out for la in self.chain)])
        return f"{widths} {names} ({self._parametrisation()})"

    def _parametrisation(self) -> str:
        """Name the scales 1/√m in the forward pass: none, one over the root of each layer's inputs, or whatever they are."""
        squares = [la.inverse_square_scale for la in self.chain]
        if all(square == 1 for square in squares):
            return "PyTorch parametrisation"
        if squares == [la.weight.shape[1] for la in self.chain]:
            return "NTK parametrisation"
        return f"layers scaled by {', '.join('1' if square == 1 else f'1/√{square}' for square in squares)}"


def activation_text(activation: Activation) -> str:
    """Name an activation with its parameters, exactly: ``softplus(beta=2.0)``."""
    given = ", ".join(f"{name}={value!r}" for name, value in activation.parameters)
    return f"{activation.name}({given})" if given else activation.name


def chain(pairs: Iterable[Pair]) -> Network:
    """Return the network of affine maps and activations, one after the other."""
    layers: list[Layer] = []
    for pair in pairs:
        at = len(layers) - 1
        layers.append(Linear(pair.weight, pair.bias, pair.inverse_square_scale, (at,), (), pair.name))
        if not pair.activation.is_identity:
            layers.append(Activated(pair.activation, (at + 1,)))
    if not layers:
        raise UnsupportedLayerError("model: has no affine layer, so there is nothing to train")
    first = layers[0]
    assert isinstance(first, Linear)
    return Network(tuple(layers), (int(first.weight.shape[1]),))
