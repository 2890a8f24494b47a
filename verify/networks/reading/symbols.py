"""A forward run on a symbol in place of its inputs, watched: the calls that it makes, if it makes the same at every call.

Parameters and buffers are on the meta device; whatever asks another tensor for more than its shape is refused, so is drawing random numbers. The forward is
run twice: it must do the same, and leave every Python value in its reach as it was (:mod:`verify.networks.reading.reachable`). Attributes are restored.

A forward that tells a symbol from numbers, or catches a symbol's errors, shows where numbers make it run other code (:mod:`verify.networks.reading.steps`).
Not seen, and so trusted, is one that asks its surroundings (the clock, files, the network, who calls it, torch's settings), asks whether a size *is* a certain
integer, or keeps what it knows of earlier calls in installed packages.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch.fx.proxy import Attribute, TraceError
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from verify.errors import UnsupportedLayerError
from verify.networks.reading.reachable import Reached
from verify.networks.reading.steps import Steps, recorded_steps, undisturbed

__all__ = ["Followed", "calls_of", "looked_around"]

T = TypeVar("T")
_GENERATORS = ("random", "numpy.random", "torch.random")
# How often a forward is followed again where only these have changed.
_LOOKS = 5


@dataclass(frozen=True)
class Followed:
    """What a forward does on a symbol.

    Attributes:
        module: whose it is. graph: its calls, each submodule one. met: the instructions of a user's that ran in any of its runs; always: in each.
    """

    module: torch.nn.Module
    graph: torch.fx.Graph
    met: Steps
    always: Steps


def calls_of(module: torch.nn.Module) -> Followed:
    """Follow a module's own forward.

    Raises:
        UnsupportedLayerError: the calls depend on more than the module as it is; any error of the forward's own.
    """
    with undisturbed(), _without_values(module) as memory, torch.inference_mode(False), torch.enable_grad():
        first, there = _traced(module)
        (again, here), changed = looked_around(lambda: Reached(module, memory), lambda: _traced(module))
    if changed:
        raise UnsupportedLayerError(
            f"its forward changes what it can read at its next call ({', '.join(changed[:4])}), so that a later call may compute something else. Return"
            " values, and keep counters, caches and random draws outside the forward"
        )
    if [str(node.format_node()) for node in first.nodes] != [str(node.format_node()) for node in again.nodes]:
        raise UnsupportedLayerError("its forward makes other calls the second time than the first")
    return Followed(module, again, there | here, there & here)


def looked_around(reached: Callable[[], Reached], run: Callable[[], T]) -> tuple[T, list[str]]:
    """Run something; return what it returned, and which of the values reached it changed: of random generators those that change every time.

    Other threads draw random numbers too; a forward that does draws them at each of its runs.
    """
    for _ in range(_LOOKS + 1):
        before = reached()
        found = run()
        changed = before.differs(reached())
        if not changed or not all(name.startswith(_GENERATORS) for name in changed):
            break
    return found, changed


def _traced(module: torch.nn.Module) -> tuple[torch.fx.Graph, Steps]:
    with _NoNumbers(), recorded_steps() as steps:
        graph = _Tracer().trace(module)
    for node in graph.nodes:
        # Where torch.fx keeps the tensors that a forward makes.
        if node.op == "get_attr" and str(node.target).startswith("_tensor_constant"):
            vars(module).pop(node.target, None)
    return graph, steps


# What may be asked of a tensor that is no symbol; and what not even of one without values, since descent changes it.
_SHAPES = {
    *(
        "shape",
        "dtype",
        "device",
        "layout",
        "ndim",
        "requires_grad",
        "is_cuda",
        "is_meta",
        "is_leaf",
        "is_sparse",
        "is_quantized",
    ),
    *(
        "size",
        "dim",
        "ndimension",
        "numel",
        "nelement",
        "stride",
        "is_floating_point",
        "is_complex",
        "element_size",
        "__len__",
    ),
}
_OF_DESCENT = {"grad", "_version", "data_ptr", "untyped_storage", "storage", "_typed_storage", "_cdata"}


class _NoNumbers(TorchFunctionMode):
    """Nothing is computed but shapes: what a tensor with values says could decide, or change at the next call."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # A property comes as the getter of its descriptor.
        name = func.__self__.__name__ if func.__name__ in ("__get__", "__set__", "__delete__") else func.__name__
        # By their type: a symbol may claim to be a tensor, and is none.
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if issubclass(type(leaf), torch.Tensor)]
        if tensors and (name in _OF_DESCENT or (name not in _SHAPES and not all(t.is_meta for t in tensors))):
            raise UnsupportedLayerError(
                f"it computes with tensors of its own, or asks them for numbers ({name}); only layers and functions of its input may. Write constants as"
                " numbers"
            )
        return func(*args, **(kwargs or {}))


class _Silent:
    """Neither printed nor a key: words and keys could decide like numbers."""

    def __repr__(self) -> str:
        raise TraceError("it prints a value, or something of one")

    def __hash__(self) -> int:
        raise TraceError("it looks a value up, or something of one")


class _Attribute(_Silent, Attribute):
    """Something of a symbol: a method, or a size."""


def _in_place(function: Callable[[Any, Any], Any]) -> Any:
    def method(self: torch.fx.Proxy, other: Any) -> torch.fx.Proxy:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return method


class _Symbol(_Silent, torch.fx.Proxy):
    """In place of a tensor or a size; ``x += y`` writes into x, where torch.fx takes it for ``x + y``."""

    __iadd__, __isub__, __imul__, __itruediv__ = map(
        _in_place, (operator.iadd, operator.isub, operator.imul, operator.itruediv)
    )
    __ifloordiv__, __imod__, __ipow__, __iand__, __ior__, __ixor__ = map(
        _in_place, (operator.ifloordiv, operator.imod, operator.ipow, operator.iand, operator.ior, operator.ixor)
    )

    def __getattr__(self, name: str) -> Attribute:
        found = _Attribute(self, name)
        if not callable(getattr(torch.Tensor, name, None)):
            # On the record, whether it is used further or not: ``x.dtype is torch.float32`` would leave no trace.
            _ = found.node
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("tracer", "node"):
            raise TraceError(f"it sets the attribute {name} of a value")
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
    tables: list[dict[str, Any]] = [
        table for part in parts for table in (part._parameters, part._buffers, part._modules, vars(part))
    ]
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
