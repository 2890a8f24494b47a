"""Reading a torch module into exact float64 numbers.

Everything a certificate says is about the real numbers stored here: weights are converted without rounding, scales are kept as
what they are (1/√fan_in is irrational), and whatever the theorem does not cover is refused before anything is computed.
"""

from __future__ import annotations

from typing import Any

import torch

from verify.errors import InputError, ShapeError, UnsupportedLayerError
from verify.networks.activations import IDENTITY
from verify.networks.model import Layer, Network
from verify.networks.reading.activations import activation_from_module
from verify.networks.reading.data import exact_array
from verify.nn import NTKLinear

__all__ = ["read_network"]


def _affine(module: torch.nn.Module, where: str) -> tuple[Any, Any, int] | None:
    """Return (W, b, 1/s²) for the affine layers this package knows, else None."""
    if type(module) not in (torch.nn.Linear, NTKLinear):
        return None
    own = {name for name, value in module._parameters.items() if value is not None}
    used = {name for name in ("weight", "bias") if getattr(module, name, None) is not None}
    shadowed = any(getattr(module, name) is not module._parameters[name] for name in own)
    if own != used or shadowed or "weight" not in own or any(True for _ in module.children()):
        # A weight that is a plain tensor, a buffer or computed from another one is not trained as the theorem assumes.
        raise UnsupportedLayerError(
            f"{where}: trains {sorted(own)} but its forward pass uses {sorted(used)}; weight and bias must be the layer's"
            " own Parameters"
        )
    weight, bias = module._parameters["weight"], module._parameters.get("bias")
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is None:
            continue
        dense = parameter.is_contiguous() or (parameter.ndim == 2 and parameter.t().is_contiguous())
        if not dense or parameter.untyped_storage().nbytes() < parameter.numel() * parameter.element_size():
            raise UnsupportedLayerError(
                f"{where}.{name}: an expanded or overlapping tensor shares memory between entries; clone it"
            )
    matrix = exact_array(weight, f"{where}.weight")
    vector = None if bias is None else exact_array(bias, f"{where}.bias")
    if isinstance(module, NTKLinear):
        if matrix.ndim != 2 or module.in_features != matrix.shape[1]:
            raise ShapeError(f"{where}: in_features={module.in_features} but the weight has shape {matrix.shape}")
        return matrix, vector, module.in_features
    return matrix, vector, 1


_DROPOUTS = (
    torch.nn.Dropout,
    torch.nn.Dropout1d,
    torch.nn.Dropout2d,
    torch.nn.Dropout3d,
    torch.nn.AlphaDropout,
    torch.nn.FeatureAlphaDropout,
)


def _flatten(model: torch.nn.Module, path: str) -> list[tuple[str, torch.nn.Module]]:
    changed = model._forward_hooks or model._forward_pre_hooks or "forward" in model.__dict__
    if changed or getattr(model, "parametrizations", None):
        raise UnsupportedLayerError(
            f"{path}: forward hooks, a replaced forward or parametrizations change the function that the weights"
            " define; remove them"
        )
    if type(model) is torch.nn.Sequential:
        return [leaf for i, child in enumerate(model) for leaf in _flatten(child, f"{path}[{i}]")]
    return [(f"{path} ({type(model).__name__})", model)]


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
    hooks = torch.nn.modules.module
    if hooks._global_forward_hooks or hooks._global_forward_pre_hooks:
        raise UnsupportedLayerError("model: global forward hooks are registered; remove them, they change every layer")
    layers: list[Layer] = []
    seen: dict[int, str] = {}
    for where, module in _flatten(model, "model"):
        if type(module) is torch.nn.Identity:
            continue
        if type(module) in _DROPOUTS and not module.training:
            continue
        affine = _affine(module, where)
        if affine is None:
            activation = activation_from_module(module, where)
            if not layers or not layers[-1].activation.is_identity:
                raise UnsupportedLayerError(
                    f"{where}: an activation must follow an affine layer. Apply it to the data beforehand, or merge two"
                    " consecutive activations into one module"
                )
            last = layers[-1]
            layers[-1] = Layer(last.weight, last.bias, last.inverse_square_scale, activation)
            continue
        weight, bias, inverse_square_scale = affine
        for parameter in module.parameters():
            # The NTK formula sums over layers; memory used twice has one gradient, the sum of two. Comparing
            # storages also catches views of one tensor.
            storage = parameter.untyped_storage().data_ptr()
            if storage in seen and parameter.numel():
                raise UnsupportedLayerError(
                    f"{where}: shares memory with a parameter of {seen[storage]}; weight sharing is not supported."
                    " Give each parameter its own tensor (clone it)"
                )
            seen[storage] = f"{where}"
            if not parameter.requires_grad:
                raise UnsupportedLayerError(
                    f"{where}: has a frozen parameter, but the certificate is about gradient descent on all of them."
                    " Set requires_grad=True"
                )
        if layers and weight.ndim == 2 and layers[-1].fan_out != weight.shape[1]:
            raise ShapeError(
                f"{where}: in_features={weight.shape[1]}, but the layer before has {layers[-1].fan_out} units"
            )
        try:
            layers.append(Layer(weight, bias, inverse_square_scale, IDENTITY))
        except ShapeError as error:
            raise ShapeError(f"{where}: {error}") from error
    if not layers:
        raise UnsupportedLayerError("model: has no affine layer, so there is nothing to train")
    return Network(tuple(layers))
