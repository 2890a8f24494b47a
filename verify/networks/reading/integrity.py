"""What may stand between a module's weights and the descent that a certificate is about: each such thing is refused.

The theorem is about F(θ) with θ the module's own parameters, each an independent number, and about gradient descent on exactly
these. Hooks, replaced methods, parameters that are computed from others or share memory make another function, or another descent,
of the same weights.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from types import FunctionType

import torch

from verify.errors import UnsupportedLayerError

__all__ = ["require_no_global_hooks", "require_own_parameter", "require_plain", "require_separate_memory"]

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
# What must be torch.nn.Module's own in every class: how it is called, and what an optimiser is given.
_OF_MODULE = ("__call__", "_wrapped_call_impl", "_call_impl", "__getattr__", "parameters", "named_parameters")


def require_no_global_hooks() -> None:
    """Refuse hooks that torch runs for every module.

    Raises:
        UnsupportedLayerError: a global forward or backward hook is registered.
    """
    registry = vars(torch.nn.modules.module)
    found = [name for name in _HOOKS if registry.get(f"_global{name}")]
    if found:
        raise UnsupportedLayerError(
            f"model: global hooks are registered ({', '.join(name.strip('_') for name in found)}); remove them, they can change every"
            " layer's value and gradient"
        )


def require_plain(module: torch.nn.Module, where: str, *, own_forward: bool = False) -> None:
    """Refuse a module whose call is not its class's own, unchanged forward.

    Args:
        own_forward: its forward is the user's and will be traced, whatever it is.

    Raises:
        UnsupportedLayerError: hooks on values or gradients, replaced methods (of the instance or of its class), parametrizations.
    """
    hooks = [name.strip("_") for name in _HOOKS if getattr(module, name, None)]
    # A method of the class that the instance's own dictionary hides.
    hidden = [name for name in vars(module) if callable(getattr(type(module), name, None))]
    if vars(module).get("_compiled_call_impl") is not None:
        hidden.append("_compiled_call_impl (from compile())")
    kind = type(module)
    names = _OF_MODULE if own_forward else ("forward", *_OF_MODULE)
    changed = [f"{kind.__name__}.{name}" for name in names if not _is_original(kind, name)]
    if getattr(module, "parametrizations", None):
        hooks.append("parametrizations")
    if isinstance(module, torch.nn.modules.lazy.LazyModuleMixin):
        raise UnsupportedLayerError(
            f"{where}: {kind.__name__} has no size before its first call; call the model once: model(X)"
        )
    if hooks or hidden or changed:
        raise UnsupportedLayerError(
            f"{where}: {', '.join([*hooks, *hidden, *changed])}: hooks, replaced methods and parametrizations change the function, or"
            " the gradient, that the weights define; remove them, or build a plain module with the same weights (of a compiled or traced"
            " model, pass the module it was made from)"
        )


def _is_original(kind: type, name: str) -> bool:
    """Whether a class's method is the one in the source of the class that defines it (a wrapper copies names, not code)."""
    owner = next((base for base in kind.__mro__ if name in vars(base)), None)
    if owner is None or (name in _OF_MODULE and owner is not torch.nn.Module):
        return False
    method = vars(owner)[name]
    # torch.nn.Module assigns _wrapped_call_impl to __call__.
    written = "_wrapped_call_impl" if name == "__call__" and owner is torch.nn.Module else name
    source = getattr(sys.modules.get(owner.__module__), "__file__", None)
    return (
        isinstance(method, FunctionType)
        and method.__code__.co_filename == source
        and method.__code__.co_qualname == f"{owner.__qualname__}.{written}"
    )


def require_own_parameter(parameter: torch.Tensor, where: str) -> None:
    """Refuse a parameter that gradient descent, unless it is frozen, would not move as an independent array of numbers.

    Raises:
        UnsupportedLayerError: no torch.nn.Parameter, computed from other tensors, on the meta device, hooks on its gradient,
            entries that share memory.
    """
    if type(parameter) is not torch.nn.Parameter or not parameter.is_leaf:
        raise UnsupportedLayerError(
            f"{where}: a {type(parameter).__name__}{'' if parameter.is_leaf else ' computed from other tensors'}, which an optimiser does"
            " not move; it must be a torch.nn.Parameter of its own (torch.nn.Parameter(tensor.detach().clone()))"
        )
    if parameter.is_meta:
        raise UnsupportedLayerError(f"{where}: on the meta device, without values; load the weights first")
    if parameter._backward_hooks or parameter._post_accumulate_grad_hooks:
        raise UnsupportedLayerError(f"{where}: a hook on its gradient makes another descent of it; remove the hook")
    dense = (
        parameter.is_contiguous()
        or (parameter.ndim == 2 and parameter.t().is_contiguous())
        or (parameter.ndim == 4 and parameter.is_contiguous(memory_format=torch.channels_last))
    )
    if not dense or parameter.untyped_storage().nbytes() < parameter.numel() * parameter.element_size():
        raise UnsupportedLayerError(
            f"{where}: an expanded or overlapping tensor shares memory between entries; clone it"
        )


def require_separate_memory(tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Refuse tensors of which two share a byte: memory used twice has one gradient, the sum of two.

    Args:
        tensors: (name, dense tensor), every parameter and buffer, one entry for each use.

    Raises:
        UnsupportedLayerError: two ranges of memory overlap; names both.
    """
    ranges = sorted(
        (tensor.device.type, tensor.device.index or 0, tensor.data_ptr(), tensor.numel() * tensor.element_size(), name)
        for name, tensor in tensors
        if tensor.numel() and not tensor.is_meta
    )
    for (*place, start, size, name), (*other, begin, _, second) in itertools.pairwise(ranges):
        if place == other and begin < start + size:
            raise UnsupportedLayerError(
                f"{second}: shares memory with {name}; weight sharing is not supported. Give each parameter its own tensor (clone it)"
            )
