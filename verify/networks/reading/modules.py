"""Reading a torch module into exact float64 numbers.

Everything a certificate says is about the real numbers stored here: weights are converted without rounding, scales are kept as
what they are (1/√fan_in is irrational), and whatever the theorem does not cover is refused before anything is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from verify.errors import InputError, ShapeError, UnsupportedLayerError
from verify.networks.activations import IDENTITY
from verify.networks.model import Layer, Network
from verify.networks.reading.activations import activation_from_module
from verify.networks.reading.data import exact_array
from verify.networks.reading.integrity import (
    require_no_global_hooks,
    require_own_parameter,
    require_plain,
    require_separate_memory,
)
from verify.nn import NTKLinear

__all__ = ["Leaf", "is_affine", "is_passed_over", "leaves", "read_network"]


@dataclass(frozen=True)
class Leaf:
    """A module that computes, in order of application.

    Attributes:
        where: how an error names it, e.g. ``model[1] (Tanh)``.
        name: its name in ``state_dict()``, e.g. ``"1"`` or ``"0.2"``; empty for the model itself.
        module: the module.
    """

    where: str
    name: str
    module: torch.nn.Module

    def parameters(self) -> list[tuple[str, torch.Tensor]]:
        """Return (how an error names it, tensor) of its own parameters and buffers."""
        own = {**self.module._parameters, **self.module._buffers}
        return [(f"{self.where}.{name}", value) for name, value in own.items() if value is not None]


def _affine(leaf: Leaf) -> Layer | None:
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
        return Layer(weight, bias, square, IDENTITY, leaf.name)
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
    require_plain(module, path)
    if type(module) is not torch.nn.Sequential:
        return [Leaf(f"{path} ({type(module).__name__})", name, module)]
    if any(module is outer for outer in above):
        raise UnsupportedLayerError(f"{path}: a Sequential that contains itself")
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


def read_network(model: torch.nn.Module | Network) -> Network:
    """Read a torch.nn.Sequential of affine layers and smooth activations as exact numbers.

    Args:
        model: (nested) Sequential of torch.nn.Linear or verify.nn.NTKLinear, each optionally followed by one
            activation; Identity, and Dropout in evaluation mode, are passed over. A Network passes through.

    Raises:
        UnsupportedLayerError: a layer outside the theorem's hypotheses, hooks, shared or frozen parameters.
        ShapeError, DtypeError, NonFiniteError: parameters that are no finite real matrices that fit together.
    """
    if isinstance(model, Network):
        return model
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model={type(model).__name__}: expected a torch.nn.Module (a torch.nn.Sequential)")
    layers: list[Layer] = []
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
    if not layers:
        raise UnsupportedLayerError("model: has no affine layer, so there is nothing to train")
    return Network(tuple(layers))
