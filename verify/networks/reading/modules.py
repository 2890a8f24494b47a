"""Reading a torch module into exact float64 numbers.

Everything a certificate says is about the real numbers stored here: weights are converted without rounding, scales are kept as
what they are (1/√fan_in is irrational), and whatever the theorem does not cover is refused before anything is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from verify.errors import InputError, ShapeError, UnsupportedLayerError
from verify.networks.activations import IDENTITY
from verify.networks.graph import Network, Pair, chain
from verify.networks.reading.activations import activation_from_module
from verify.networks.reading.data import exact_array
from verify.networks.reading.integrity import (
    require_no_global_hooks,
    require_own_parameter,
    require_plain,
    require_separate_memory,
)
from verify.networks.reading.tracing import trace
from verify.nn import NTKLinear, Sine

__all__ = ["Leaf", "is_affine", "is_passed_over", "leaves", "read_network"]


@dataclass(frozen=True)
class Leaf:
    """A module that computes, in order of application.

    Attributes:
        where: how an error names it, e.g. ``model[1] (Tanh)``.
        name: its name in ``state_dict()``, e.g. ``"1"`` or ``"0.2"``; empty for the model itself.
        module: the module; where a forward calls a function, one that computes it.
        function: whether it stands for a function.
    """

    where: str
    name: str
    module: torch.nn.Module
    function: bool = False

    def parameters(self) -> list[tuple[str, torch.Tensor]]:
        """Return (how an error names it, tensor) of its own parameters and buffers."""
        own = {**self.module._parameters, **self.module._buffers}
        return [(f"{self.where}.{name}", value) for name, value in own.items() if value is not None]


def _affine(leaf: Leaf) -> Pair | None:
    """Return the affine layer that a module is, without its activation; None if it is none that this package knows."""
    module, where = leaf.module, leaf.where
    if not is_affine(leaf):
        return None
    own = {name: value for name, value in module._parameters.items() if value is not None}
    used = [name for name in ("weight", "bias") if getattr(module, name, None) is not None]
    shadowed = any(getattr(module, name) is not value for name, value in own.items())
    if sorted(own) != sorted(used) or shadowed or "weight" not in own or any(True for _ in module.children()):
        # A weight that is a plain tensor, a buffer or computed from another one is not trained as the theorem assumes.
        raise UnsupportedLayerError(
            f"{where}: trains {sorted(own)} but its forward pass uses {sorted(used)}; weight and bias must be the layer's"
            " own Parameters"
        )
    if list(own) != used:
        raise UnsupportedLayerError(
            f"{where}: lists its bias before its weight, so flat vectors of parameters() would be read in another order; make a new layer"
        )
    for name, value in own.items():
        require_own_parameter(value, f"{where}.{name}")
    weight = exact_array(own["weight"], f"{where}.weight")
    bias = exact_array(own["bias"], f"{where}.bias") if "bias" in own else None
    square = 1
    if isinstance(module, NTKLinear):
        square = module.in_features
        if weight.ndim != 2 or type(square) is not int or square != weight.shape[1]:
            raise ShapeError(f"{where}: in_features={square!r} but the weight has shape {weight.shape}")
    try:
        return Pair(weight, bias, square, IDENTITY, leaf.name)
    except ShapeError as error:
        raise ShapeError(f"{where}: {error}") from error


_DROPOUTS = (
    torch.nn.Dropout,
    torch.nn.Dropout1d,
    torch.nn.Dropout2d,
    torch.nn.Dropout3d,
    torch.nn.AlphaDropout,
    torch.nn.FeatureAlphaDropout,
)


def is_affine(leaf: Leaf) -> bool:
    """Whether a module is one of the affine layers that this package knows."""
    return type(leaf.module) in (torch.nn.Linear, NTKLinear)


def is_passed_over(leaf: Leaf) -> bool:
    """Whether a module returns its input unchanged."""
    module = leaf.module
    if type(module) is torch.nn.Flatten:
        # Of an (n, d) array; from axis 0 it would make one row of all samples.
        return module.start_dim in (1, -1) and module.end_dim in (1, -1)
    return type(module) is torch.nn.Identity or (type(module) in _DROPOUTS and module.training is False)


def leaves(model: torch.nn.Module) -> list[Leaf]:
    """Return the modules of a (nested) Sequential that compute, in order of application.

    Raises:
        UnsupportedLayerError: hooks, replaced methods, an empty place, a Sequential that contains itself or parameters of its own.
    """
    require_no_global_hooks()
    return _leaves(model, "model", "", ())


def _leaves(module: torch.nn.Module | None, path: str, name: str, above: tuple[torch.nn.Module, ...]) -> list[Leaf]:
    if module is None:
        raise UnsupportedLayerError(f"{path}: None, which torch cannot call; leave it out or use torch.nn.Identity()")
    if any(module is outer for outer in above):
        raise UnsupportedLayerError(f"{path}: a {type(module).__name__} that contains itself")
    own_forward = _has_own_forward(type(module))
    require_plain(module, path, own_forward=own_forward)
    if own_forward:
        return _traced_leaves(module, path, name, above)
    if type(module) is not torch.nn.Sequential:
        return [Leaf(f"{path} ({type(module).__name__})", name, module)]
    unused = [key for key, value in {**module._parameters, **module._buffers}.items() if value is not None]
    if unused:
        raise UnsupportedLayerError(
            f"{path}: {', '.join(unused)} of the Sequential itself: no layer uses it; remove it"
        )
    return [
        leaf
        for i, (key, child) in enumerate(module._modules.items())
        for leaf in _leaves(child, f"{path}[{i}]", f"{name}.{key}" if name else key, (*above, module))
    ]


def _has_own_forward(kind: type[torch.nn.Module]) -> bool:
    """Whether a user wrote a class's forward: a torch.nn.Module, or a subclass of one that this package reads by its type."""
    return kind.__module__.partition(".")[0] != "torch" and kind not in (NTKLinear, Sine)


def _traced_leaves(module: torch.nn.Module, path: str, name: str, above: tuple[torch.nn.Module, ...]) -> list[Leaf]:
    """Return what a module's own forward computes, in order."""
    where = f"{path} ({type(module).__name__})"
    found: list[Leaf] = []
    called: set[str] = set()
    for call in trace(module, where):
        if call.child is None:
            found.append(Leaf(f"{where}, {call.node} ({type(call.module).__name__})", "", call.module, function=True))
        else:
            called.add(call.child)
            child = f"{name}.{call.child}" if name else call.child
            found += _leaves(call.module, f"{path}.{call.child}", child, (*above, module))
    unused = [n for n, _ in module.named_parameters() if not any(n.startswith(f"{child}.") for child in called)]
    if unused:
        raise UnsupportedLayerError(
            f"{where}: its forward does not call the layers of {', '.join(unused[:6])}; remove them"
        )
    return found


def read_network(model: torch.nn.Module | Network) -> Network:
    """Read a chain of affine layers and smooth activations as exact numbers.

    Args:
        model: (nested) Sequential of torch.nn.Linear or verify.nn.NTKLinear, each optionally followed by one
            activation; Identity, and Dropout in evaluation mode, are passed over. Or a module with a forward of its own that calls
            such layers, and functions such as torch.tanh, one after the other. A Network passes through.

    Raises:
        UnsupportedLayerError: a layer outside the theorem's hypotheses, hooks, shared or frozen parameters.
        ShapeError, DtypeError, NonFiniteError: parameters that are no finite real matrices that fit together.
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model={type(model).__name__}: expected a torch.nn.Module")
    layers: list[Pair] = []
    computing = leaves(model)
    for leaf in computing:
        if is_passed_over(leaf):
            continue
        affine = _affine(leaf)
        if affine is None:
            activation = activation_from_module(leaf.module, leaf.where)
            if not layers or not layers[-1].activation.is_identity:
                raise UnsupportedLayerError(
                    f"{leaf.where}: an activation must follow an affine layer. Apply it to the data beforehand, or merge two"
                    " consecutive activations into one module"
                )
            layers[-1] = replace(layers[-1], activation=activation)
            continue
        if layers and layers[-1].fan_out != affine.weight.shape[1]:
            raise ShapeError(
                f"{leaf.where}: in_features={affine.weight.shape[1]}, but the layer before has {layers[-1].fan_out} units"
            )
        layers.append(affine)
    require_separate_memory(pair for leaf in computing for pair in leaf.parameters())
    return chain(layers)
