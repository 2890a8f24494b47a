"""Reading a module with a forward of its own: what it calls, in order, by torch.fx.

The forward is run once on a symbol in place of the inputs. What is read this way is a chain: each call takes the output of the one
before and nothing else. Control flow that depends on the inputs, arithmetic between layers and calls that are not known are refused,
each by name. What the symbol does not see (a forward that changes from call to call) is left to the comparison with torch's own values
(:mod:`verify.networks.reading.comparison`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from verify import nn
from verify.errors import UnsupportedLayerError

__all__ = ["Traced", "trace"]


@dataclass(frozen=True)
class Traced:
    """One call of a traced forward.

    Attributes:
        node: torch.fx's name of the call. child: the name of the submodule called, or None for a function. module: that submodule, or a
            module that computes the function.
    """

    node: str
    child: str | None
    module: torch.nn.Module


# function or method → (names of its arguments after the input, the module that computes it).
_Rule = tuple[tuple[str, ...], Callable[..., torch.nn.Module]]
_TANH: _Rule = ((), torch.nn.Tanh)
_SIGMOID: _Rule = ((), torch.nn.Sigmoid)
_SINE: _Rule = ((), nn.Sine)
_RELU: _Rule = (("inplace",), torch.nn.ReLU)
_FLATTEN: _Rule = (("start_dim", "end_dim"), lambda start_dim=0, end_dim=-1: torch.nn.Flatten(start_dim, end_dim))
_METHODS: Mapping[str, _Rule] = {
    "tanh": _TANH,
    "sigmoid": _SIGMOID,
    "sin": _SINE,
    "relu": ((), torch.nn.ReLU),
    "flatten": _FLATTEN,
}
_FUNCTIONS: Mapping[Any, _Rule] = {
    torch.tanh: _TANH,
    functional.tanh: _TANH,
    torch.sigmoid: _SIGMOID,
    functional.sigmoid: _SIGMOID,
    torch.special.expit: _SIGMOID,
    torch.sin: _SINE,
    torch.relu: ((), torch.nn.ReLU),
    functional.relu: _RELU,
    functional.silu: (("inplace",), torch.nn.SiLU),
    functional.gelu: (("approximate",), torch.nn.GELU),
    functional.softplus: (("beta", "threshold"), torch.nn.Softplus),
    functional.leaky_relu: (("negative_slope", "inplace"), torch.nn.LeakyReLU),
    functional.elu: (("alpha", "inplace"), torch.nn.ELU),
    functional.dropout: (
        ("p", "training", "inplace"),
        lambda p=0.5, training=True, inplace=False: _dropout(p, training),
    ),
    torch.flatten: _FLATTEN,
}


def _dropout(p: float, training: bool) -> torch.nn.Module:
    return torch.nn.Dropout(p).train(training)


class _Tracer(torch.fx.Tracer):
    """Every submodule is one call; what it computes is read on its own."""

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        return True


def trace(module: torch.nn.Module, where: str) -> list[Traced]:
    """Return the calls of a module's own forward, in order.

    Raises:
        UnsupportedLayerError: the forward cannot be traced, or is no chain of known calls; names the call and a remedy.
    """
    try:
        graph = _Tracer().trace(module)
    except Exception as error:
        line = (str(error).splitlines() or [""])[0][:200]
        raise UnsupportedLayerError(
            f"{where}: its forward cannot be followed for all inputs at once ({type(error).__name__}: {line}): control flow may not"
            " depend on the inputs' values or shapes. Write it as a torch.nn.Sequential, or without the branch"
        ) from error
    before: torch.fx.Node | None = None
    calls: list[Traced] = []
    for node in graph.nodes:
        if node.op == "placeholder":
            if before is not None:
                raise UnsupportedLayerError(f"{where}: its forward takes more than the inputs ({node.name})")
        elif node.op == "output":
            if node.args[0] is not before or not calls:
                raise UnsupportedLayerError(
                    f"{where}: its forward must return the output of its last layer, one tensor"
                )
            return calls
        else:
            if not node.args or node.args[0] is not before or _uses(node) != 1 or len(node.users) != 1:
                raise UnsupportedLayerError(
                    f"{where}: {node.name} ({_name(node)}) combines several values, or its input is used again; only a chain of layers"
                    " is read, each on the output of the one before"
                )
            calls.append(_call(module, node, where))
        before = node
    raise UnsupportedLayerError(f"{where}: its forward returns nothing")


def _uses(node: torch.fx.Node) -> int:
    return len(node.all_input_nodes)


def _name(node: torch.fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _call(module: torch.nn.Module, node: torch.fx.Node, where: str) -> Traced:
    if node.op == "call_module":
        target = str(node.target)
        if len(node.args) != 1 or node.kwargs:
            raise UnsupportedLayerError(f"{where}: {target} is called with more than its input")
        return Traced(node.name, target, module.get_submodule(target))
    rule = _METHODS.get(str(node.target)) if node.op == "call_method" else _FUNCTIONS.get(node.target)
    if rule is None:
        known = ", ".join(sorted({_short(function) for function in _FUNCTIONS}))
        raise UnsupportedLayerError(
            f"{where}: {node.name} calls {_name(node)}, which is not known here. Known: {known}"
        )
    names, build = rule
    given = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    if len(node.args) - 1 > len(names) or not set(given) <= set(names):
        raise UnsupportedLayerError(f"{where}: {node.name} calls {_name(node)} with arguments that are not known here")
    return Traced(node.name, None, build(**given))


def _short(function: Any) -> str:
    return str(getattr(function, "__name__", function))
