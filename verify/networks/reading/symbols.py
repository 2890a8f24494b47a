"""A forward run on a symbol in place of its inputs, watched: the calls that it makes, if it makes the same at every call.

Parameters and buffers are on the meta device; a computation with any other tensor is refused, so is drawing random numbers. The forward is run twice: it must
do the same, and leave every Python value in its reach as it was (:mod:`verify.networks.reading.reachable`). Attributes of its modules are restored.

A forward that tells a symbol from numbers, or catches a symbol's errors, shows where numbers make it run other code (:mod:`verify.networks.reading.steps`).
Not seen, and so trusted, is one that asks the clock, files or the network, or keeps what it knows of earlier calls in installed packages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from verify.errors import UnsupportedLayerError
from verify.networks.reading.reachable import Reached

__all__ = ["calls_of"]


def calls_of(module: torch.nn.Module) -> torch.fx.Graph:
    """Return the calls of a module's own forward, each submodule one call.

    Raises:
        UnsupportedLayerError: the calls depend on more than the module as it is; any error of the forward's own.
    """
    with _without_values(module) as memory, torch.inference_mode(False), torch.enable_grad():
        first = _traced(module)
        before = Reached(module, memory)
        again = _traced(module)
        changed = before.differs(Reached(module, memory))
    if changed:
        raise UnsupportedLayerError(
            f"its forward changes what it can read at its next call ({', '.join(changed[:4])}), so that a later call may compute something else. Return"
            " values, and keep counters, caches and random draws outside the forward"
        )
    if [str(node.format_node()) for node in first.nodes] != [str(node.format_node()) for node in again.nodes]:
        raise UnsupportedLayerError("its forward makes other calls the second time than the first")
    return again


def _traced(module: torch.nn.Module) -> torch.fx.Graph:
    with _NoNumbers():  # type: ignore[no-untyped-call]
        graph = _Tracer().trace(module)
    for node in graph.nodes:
        # Where torch.fx keeps the tensors that a forward makes.
        if node.op == "get_attr" and str(node.target).startswith("_tensor_constant"):
            vars(module).pop(node.target, None)
    return graph


class _NoNumbers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Nothing is computed but shapes: what a tensor with values says could decide, or change at the next call."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(not tensor.is_meta for tensor in tensors) or torch.Tag.nondeterministic_seeded in func.tags:
            raise UnsupportedLayerError(
                f"it computes with tensors of its own or draws random numbers ({func}); only layers and functions of its input may"
            )
        return func(*args, **(kwargs or {}))


class _Symbol(torch.fx.Proxy):
    """In place of a tensor, which a forward must not mark for its next call."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("tracer", "node"):
            raise torch.fx.proxy.TraceError(f"it sets the attribute {name} of a value")
        super().__setattr__(name, value)


class _Tracer(torch.fx.Tracer):
    """Every submodule is one call; what it computes is read on its own."""

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        return True

    def proxy(self, node: torch.fx.Node) -> torch.fx.Proxy:
        return _Symbol(node, self)


@contextlib.contextmanager
def _without_values(module: torch.nn.Module) -> Iterator[list[tuple[int, int]]]:
    """Parameters and buffers on the meta device: a forward that is run on a symbol can neither decide by their values nor change them.

    Yields where they lie in memory. At the end every attribute of a module is as before.
    """
    parts = list(module.modules())
    tables: list[dict[str, Any]] = [table for part in parts for table in (part._parameters, part._buffers, vars(part))]
    values = [dict(table) for table in tables]
    memory = []
    try:
        held: list[dict[str, Any]] = [table for part in parts for table in (part._parameters, part._buffers)]
        for table in held:
            for name, value in table.items():
                if value is not None and not torch.nn.parameter.is_lazy(value):
                    memory.append((value.data_ptr(), value.data_ptr() + value.nbytes))
                    hidden = value.detach().to("meta")
                    trained = isinstance(value, torch.nn.Parameter)
                    table[name] = torch.nn.Parameter(hidden, value.requires_grad) if trained else hidden
        yield memory
    finally:
        for table, own in zip(tables, values, strict=True):
            table.clear()
            table.update(own)
