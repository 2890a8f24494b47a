"""Reading a torch module into exact float64 numbers.

Everything a certificate says is about the real numbers stored here: weights are converted without rounding, scales are kept as
what they are (1/√fan_in is irrational), and whatever the theorem does not cover is refused before anything is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from verify.errors import InputError, ShapeError, UnsupportedLayerError, VerifyError
from verify.networks.graph import Network
from verify.networks.layers import Layer, Linear, state_name
from verify.networks.layers.values import Shape
from verify.networks.reading.integrity import (
    require_no_global_hooks,
    require_plain,
    require_separate_memory,
)
from verify.networks.reading.layers import layers_of
from verify.networks.reading.symbols import Followed
from verify.networks.reading.tracing import follow
from verify.nn import Erf, NTKLinear, Scale, Sine

__all__ = ["Leaf", "followed", "leaves", "read_network", "sample_shape"]


# Modules that only hold others, or parameters.
_CONTAINERS = (
    torch.nn.Module,
    torch.nn.ModuleList,
    torch.nn.ModuleDict,
    torch.nn.ParameterList,
    torch.nn.ParameterDict,
)


@dataclass(frozen=True)
class Leaf:
    """A module that computes, in order of application.

    Attributes:
        where: how an error names it, e.g. ``model[1] (Tanh)``.
        name: its name in ``state_dict()``, e.g. ``"1"`` or ``"0.2"``; empty for the model itself.
        module: the module; where a forward calls a function, one that computes it.
        inputs: positions of the leaves whose outputs it gets; −1 the data.
        layers: positions in the network of the layers that it is, one after the other; none of one that returns its input.
        function: whether it stands for a function.
    """

    where: str
    name: str
    module: torch.nn.Module
    inputs: tuple[int, ...]
    layers: tuple[int, ...]
    function: bool = False

    @property
    def layer(self) -> int | None:
        """Position of the layer whose value it returns; None for one that returns its input."""
        return self.layers[-1] if self.layers else None

    def parameters(self) -> list[tuple[str, torch.Tensor]]:
        """Return (how an error names it, tensor) of its own parameters and buffers."""
        own = {**self.module._parameters, **self.module._buffers}
        return [(f"{self.where}.{name}", value) for name, value in own.items() if value is not None]


@dataclass(frozen=True)
class _Held:
    """A value as the forward holds it: the leaf that computed it, the layer, and which state of which memory it is."""

    leaf: int
    layer: int
    memory: int
    state: int = 0


class _Reading:
    """One pass over a module: its leaves and the layers that they are."""

    def __init__(self, input_shape: Shape | None) -> None:
        self.input_shape = input_shape
        self.leaves: list[Leaf] = []
        self.layers: list[Layer] = []
        self.followed: list[Followed] = []
        self._shapes: list[Shape] = []
        self._used: dict[int, str] = {}
        self._states: dict[int, int] = {}

    def shape(self, value: _Held) -> Shape | None:
        """A sample's shape; None for data that no layer has met yet."""
        return self.input_shape if value.layer < 0 else self._shapes[value.layer]

    def leaf(
        self,
        module: torch.nn.Module,
        where: str,
        name: str,
        sources: tuple[_Held, ...],
        *,
        function: bool,
        in_place: bool,
    ) -> _Held:
        """Add a module that computes."""
        self._require_current(sources, where)
        if any(True for _ in module.parameters()):
            if id(module) in self._used:
                raise UnsupportedLayerError(
                    f"{where}: is used twice, first as {self._used[id(module)]}: weights shared between two places, whose gradient is the sum of"
                    " two. Give each place a copy of its own"
                )
            self._used[id(module)] = where
        inputs = tuple(source.layer for source in sources)
        start, position = len(self.layers), len(self.leaves)
        try:
            found = layers_of(module, where, name, self.shape(sources[0]), inputs, start)
            in_place = in_place or bool(getattr(module, "inplace", False))
        except VerifyError as error:
            if str(error).startswith(where):
                raise
            raise type(error)(f"{where}: {error}") from error
        except (TypeError, ValueError, IndexError, AttributeError, RuntimeError, OverflowError) as error:
            raise UnsupportedLayerError(
                f"{where}: one of its attributes holds what its class never puts there ({type(error).__name__}: {str(error)[:200]}); make a new"
                " layer and copy the weights into it"
            ) from error
        for layer in found:
            self._add(layer, where)
        places = tuple(range(start, len(self.layers)))
        self.leaves.append(Leaf(where, name, module, tuple(source.leaf for source in sources), places, function))
        first = sources[0]
        if not places or self.layers[-1].kind == "flatten":
            # The same numbers, in the same memory.
            return _Held(position, places[-1] if places else first.layer, first.memory, first.state)
        if in_place:
            if first.memory < 0:
                raise UnsupportedLayerError(
                    f"{where}: writes into the model's inputs, so that each call finds other data than the one before; use inplace=False, and"
                    " x = 2.0 * x in place of x *= 2.0"
                )
            self._states[first.memory] = first.state + 1
            return _Held(position, len(self.layers) - 1, first.memory, first.state + 1)
        return _Held(position, len(self.layers) - 1, position)

    def _add(self, layer: Layer, where: str) -> None:
        if self.input_shape is None or (not self.layers and isinstance(layer, Linear)):
            self.input_shape = self._first(layer, where)
        try:
            self._shapes.append(layer.shape(*(self._shapes[u] if u >= 0 else self.input_shape for u in layer.inputs)))
        except ShapeError as error:
            raise ShapeError(f"{where}: {error}") from error
        self.layers.append(layer)

    def _require_current(self, sources: tuple[_Held, ...], where: str) -> None:
        if any(self._states.get(source.memory, 0) != source.state for source in sources):
            raise UnsupportedLayerError(
                f"{where}: gets a value that was overwritten in place before; use inplace=False, or out = out + x for out += x"
            )

    def _first(self, layer: Layer, where: str) -> Shape:
        if not isinstance(layer, Linear):
            raise UnsupportedLayerError(
                f"{where}: comes before any layer of known size, so the inputs' shape is not known. Pass X of shape (n, d) or (n, C, H, W), or"
                " input_shape="
            )
        return (int(layer.weight.shape[1]),)

    def module(
        self, module: torch.nn.Module | None, path: str, name: str, above: tuple[torch.nn.Module, ...], source: _Held
    ) -> _Held:
        """Follow a module from a value to its own."""
        if module is None:
            raise UnsupportedLayerError(
                f"{path}: None, which torch cannot call; leave it out or use torch.nn.Identity()"
            )
        if any(module is outer for outer in above):
            raise UnsupportedLayerError(f"{path}: a {type(module).__name__} that contains itself")
        if type(module) in _CONTAINERS:
            raise UnsupportedLayerError(
                f"{path}: a {type(module).__name__} has no forward, so it computes nothing; use torch.nn.Sequential, or call its parts in a forward"
            )
        own_forward = _has_own_forward(type(module))
        require_plain(module, path, own_forward=own_forward)
        if own_forward:
            return self._traced(module, path, name, above, source)
        if type(module) is not torch.nn.Sequential:
            return self.leaf(
                module, f"{path} ({type(module).__name__})", name, (source,), function=False, in_place=False
            )
        unused = [key for key, value in {**module._parameters, **module._buffers}.items() if value is not None]
        if unused:
            raise UnsupportedLayerError(
                f"{path}: {', '.join(unused)} of the Sequential itself: no layer uses it; remove it"
            )
        for i, (key, child) in enumerate(module._modules.items()):
            source = self.module(child, f"{path}[{i}]", f"{name}.{key}" if name else key, (*above, module), source)
        return source

    def _traced(
        self, module: torch.nn.Module, path: str, name: str, above: tuple[torch.nn.Module, ...], source: _Held
    ) -> _Held:
        """Follow what a module's own forward computes."""
        where = f"{path} ({type(module).__name__})"
        calls = _Calls(self, path, where, name, (*above, module))
        found = follow(module, where, source, calls, outermost=not above)
        unused = [
            n for n, _ in module.named_parameters() if not any(n.startswith(f"{child}.") for child in calls.called)
        ]
        if unused:
            raise UnsupportedLayerError(
                f"{where}: its forward does not call the layers of {', '.join(unused[:6])}; remove them"
            )
        return found


@dataclass
class _Calls:
    """The calls of one traced forward, as :class:`verify.networks.reading.tracing.Reader`."""

    reading: _Reading
    path: str
    where: str
    name: str
    above: tuple[torch.nn.Module, ...]

    def __post_init__(self) -> None:
        self.called: set[str] = set()

    def child(self, name: str, module: torch.nn.Module, source: _Held) -> _Held:
        """A submodule's call."""
        self.called.add(name)
        return self.reading.module(module, f"{self.path}.{name}", state_name(self.name, name), self.above, source)

    def function(self, node: str, module: torch.nn.Module, sources: tuple[_Held, ...], *, in_place: bool) -> _Held:
        """A function's call."""
        where = f"{self.where}, {node} ({type(module).__name__})"
        return self.reading.leaf(module, where, "", sources, function=True, in_place=in_place)

    def shape(self, value: _Held) -> Shape | None:
        """A sample's shape."""
        return self.reading.shape(value)

    def ran(self, found: Followed) -> None:
        """What a forward ran."""
        self.reading.followed.append(found)


def _has_own_forward(kind: type[torch.nn.Module]) -> bool:
    """Whether a user wrote a class's forward: a torch.nn.Module, or a subclass of one that this package reads by its type."""
    return kind.__module__.partition(".")[0] != "torch" and kind not in (NTKLinear, Scale, Sine, Erf)


def _read(model: torch.nn.Module, input_shape: Shape | None) -> _Reading:
    require_no_global_hooks()
    reading = _Reading(input_shape)
    end = reading.module(model, "model", "", (), _Held(-1, -1, -1))
    reading._require_current((end,), "model")
    if end.layer != len(reading.layers) - 1:
        raise UnsupportedLayerError(
            "model: returns the output of an earlier layer than its last; remove what is not used"
        )
    return reading


def leaves(model: torch.nn.Module, input_shape: Shape | None = None) -> list[Leaf]:
    """Return the modules and functions of a model that compute, in order of application (see :func:`followed`)."""
    return followed(model, input_shape)[0]


def followed(model: torch.nn.Module, input_shape: Shape | None = None) -> tuple[list[Leaf], list[Followed]]:
    """Return the modules and functions of a model that compute, in order of application, and what its own forwards ran.

    Args:
        model, input_shape: as of :func:`read_network`.

    Raises:
        UnsupportedLayerError: hooks, replaced methods, an empty place, a Sequential that contains itself or parameters of its own.
    """
    reading = _read(model, input_shape)
    return reading.leaves, reading.followed


def sample_shape(X: Any) -> Shape | None:
    """Return (d,) of inputs (n, d), (C, H, W) of inputs (n, C, H, W), None of less than two axes.

    Raises:
        ShapeError: another number of axes, which no layer reads.
    """
    shape = getattr(X, "shape", None)
    if shape is None and isinstance(X, list | tuple):
        depth, first = 0, X
        sizes = []
        while isinstance(first, list | tuple) and first and depth < 5:
            sizes.append(len(first))
            first, depth = first[0], depth + 1
        shape = (*sizes, *getattr(first, "shape", ()))
    if shape is None or len(shape) < 2:
        return None
    if len(shape) not in (2, 4):
        raise ShapeError(
            f"X: shape {tuple(shape)}, {len(shape)} axes; rows (n, d) and maps (n, C, H, W) are read. X[:, None] gives maps (n, H, W) their one"
            " channel, X[:, :, None] sequences (n, C, L) a side of length 1, X[None] makes one map a batch"
        )
    return tuple(int(v) for v in shape[1:])


def read_network(model: torch.nn.Module | Network, input_shape: Shape | None = None) -> Network:
    """Read a graph of layers as exact numbers.

    Args:
        model: (nested) Sequential of the layers in :mod:`verify.networks.reading.layers`: Linear, verify.nn.NTKLinear, Conv2d, BatchNorm1d and 2d in
            evaluation mode, LayerNorm, GroupNorm, RMSNorm, AvgPool2d, MaxPool2d and their adaptive forms, Flatten and activations; Identity, and Dropout in
            evaluation mode, are passed over. Or a module with a forward of its own that calls such layers, functions such as torch.tanh, sums of values (skip
            connections) and views (see :mod:`verify.networks.reading.tracing`). Parameters with requires_grad=False are frozen: they do not move. A Network
            passes through.
        input_shape: (C, H, W) of a sample where the data are maps; of vectors (d,), or None where no view comes before the first layer. The first
            layer's width is the network's: inputs of another are refused when they are read.

    Raises:
        UnsupportedLayerError: a layer outside the theorem's hypotheses, hooks, shared parameters.
        ShapeError, DtypeError, NonFiniteError: parameters that are no finite real arrays that fit together.
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, torch.nn.Module):
        what = "a class: make an instance" if isinstance(model, type) else f"a {type(model).__name__}"
        raise InputError(f"model: {what}; expected a torch.nn.Module")
    reading = _read(model, input_shape)
    require_separate_memory(_held(model, reading.leaves))
    if not reading.layers or reading.input_shape is None:
        raise UnsupportedLayerError(
            "model: has no layer that computes, so there is nothing to train; add a torch.nn.Linear"
        )
    network = Network(tuple(reading.layers), reading.input_shape)
    listed = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    return replace(network, reordered=listed != list(network.names()))


def _held(model: torch.nn.Module, found: list[Leaf]) -> list[tuple[str, torch.Tensor]]:
    """Parameters and buffers of each module once (one without parameters may be called at many places), of those that hold others too."""
    leaves_ = {id(leaf.module): leaf for leaf in found}
    others = [(name, part) for name, part in model.named_modules() if id(part) not in leaves_]
    pairs = [pair for leaf in leaves_.values() for pair in leaf.parameters()]
    for name, part in others:
        pairs += [
            (state_name(f"model.{name}" if name else "model", key), value)
            for key, value in part._buffers.items()
            if value is not None
        ]
    return pairs
