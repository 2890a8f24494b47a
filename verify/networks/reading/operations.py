"""Which operations torch runs for a forward and its backward: on numbers those of the calls that were followed on a symbol, and no others.

A forward can tell numbers from a symbol without an instruction of its own: a table of torch's functions by type, functools.singledispatch, a mode or a hook
that torch itself asks. What torch then runs for it is something else than what was read, in the forward or in the backward, even where the results agree.
So its operations are recorded as torch dispatches them, with their shapes and numbers, and compared with those of the calls alone.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.utils.checkpoint
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from verify.errors import DisagreementError
from verify.networks.reading.reachable import Reached
from verify.networks.reading.steps import undisturbed
from verify.networks.reading.symbols import Followed, looked_around

__all__ = ["require_same_operations"]

Operation = tuple[str, str]
Body = Callable[[torch.Tensor], torch.Tensor]


@dataclass
class _Ran:
    """Operations in order.

    Attributes:
        forward, backward: what ran. held: of the forward, those of which checkpointing keeps nothing; again: those that it runs once more in the backward.
    """

    forward: list[Operation] = field(default_factory=list)
    backward: list[Operation] = field(default_factory=list)
    held: list[Operation] = field(default_factory=list)
    again: list[Operation] = field(default_factory=list)


class _Recorded(TorchDispatchMode):
    """Note every operation that torch dispatches, but for those on buffers alone: what a forward counts in them no layer reads.

    Args:
        buffers: the model's.
    """

    def __init__(self, ran: _Ran, buffers: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._ran, self.backward = ran, False
        # Kept, so that no other memory gets an address among these.
        self._apart = {buffer.untyped_storage().data_ptr(): buffer for buffer in buffers if buffer.numel()}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if given and all(tensor.untyped_storage().data_ptr() in self._apart for tensor in given):
            result = func(*args, **(kwargs or {}))
            made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor) and leaf.numel()]
            self._apart |= {tensor.untyped_storage().data_ptr(): tensor for tensor in made}
            return result
        if func is torch.ops.aten.detach.default:
            # The same numbers; how often it is called depends on what is kept for the backward, and what it cuts off the gradient's comparison sees.
            return func(*args, **(kwargs or {}))
        shapes = tree_map_only(torch.Tensor, lambda t: (tuple(t.shape), t.dtype), (args, kwargs or {}))
        operation, checkpointed = (str(func), repr(shapes)), _is_checkpointed()
        if self.backward:
            (self._ran.again if checkpointed else self._ran.backward).append(operation)
        else:
            self._ran.forward.append(operation)
            self._ran.held += [operation] * checkpointed
        return func(*args, **(kwargs or {}))


def _is_checkpointed() -> bool:
    """Whether torch.utils.checkpoint decides what is kept for the backward; whoever else does is refused."""
    hooks = torch._C._autograd._top_saved_tensors_default_hooks(False)
    if hooks is None:
        return False
    # torch wraps some of its own; what another's hook runs would be found among the operations too.
    code = getattr(inspect.unwrap(hooks[0]), "__code__", None)
    if code is None or code.co_filename != torch.utils.checkpoint.__file__:
        raise DisagreementError(
            "model: torch.autograd.graph.saved_tensors_hooks: what the backward works with is not what the forward computed; take the hooks out"
        )
    return True


class _Run(torch.nn.Module):
    """A body's forward and backward with whatever parameters the model has while this is called."""

    def __init__(self, model: torch.nn.Module, body: Body) -> None:
        super().__init__()
        self.model, self._body = model, body

    def forward(self, X: torch.Tensor, weights: torch.Tensor, trained: Sequence[torch.Tensor], ran: _Ran) -> None:
        with _Recorded(ran, self.model.buffers()) as mode:
            outputs = self._body(X)
            if outputs.shape != weights.shape:
                # A single output, squeezed.
                outputs = outputs[:, None]
            total = (outputs * weights).sum()
            mode.backward = True
            # Without numbers the forward shows what stands between a call and torch.
            if total.requires_grad and not X.is_meta:
                torch.autograd.grad(total, list(trained), allow_unused=True)


class _Calls(torch.fx.Interpreter):
    """The calls of a module's own forward, one after the other."""

    def __init__(self, module: torch.nn.Module, graphs: Mapping[int, torch.fx.Graph]) -> None:
        super().__init__(module, graph=graphs[id(module)])
        self._graphs = graphs

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        """A submodule's call: its own calls, where it has a forward of its own."""
        return _called(self.module.get_submodule(target), self._graphs, args[0])


def _called(module: torch.nn.Module, graphs: Mapping[int, torch.fx.Graph], x: torch.Tensor) -> Any:
    if id(module) in graphs:
        return _Calls(module, graphs).run(x)
    if type(module) is torch.nn.Sequential:
        for child in module:
            x = _called(child, graphs, x)
        return x
    return module(x)


def require_same_operations(
    model: torch.nn.Module,
    forwards: Sequence[Followed],
    X: np.ndarray,
    weights: np.ndarray,
    sizes: Iterable[int] = (),
) -> None:
    """Refuse a forward that runs other operations on numbers than its calls, or changes a Python value in its reach.

    Args:
        model: the module. forwards: what its own forwards ran on a symbol; where it has none, torch's modules alone compute. X, weights: inputs, and the
            weights (rows, k) of the outputs whose sum goes back. sizes: of batches that are looked at besides, without their numbers: on the meta device.

    Raises:
        DisagreementError: names an operation, or the values.
    """
    if not forwards:
        return
    graphs = {id(found.module): found.graph for found in forwards}
    numbers = torch.from_numpy(X), torch.from_numpy(weights)

    def without(size: int) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = (t[:1].to("meta").expand(size, *t.shape[1:]) for t in numbers)
        return first, second

    given = [numbers, *map(without, sorted({*sizes} - {len(X)}))]
    for inputs, factors in given:
        expected = _run(model, lambda x: _called(model, graphs, x), inputs, factors)

        def once(inputs: torch.Tensor = inputs, factors: torch.Tensor = factors) -> _Ran:
            # A function: a module would be held, and its parameters changed, twice.
            return _run(model, lambda x: model(x), inputs, factors)

        if inputs.is_meta:
            _require_same(once(), expected, len(inputs))
            continue
        with undisturbed():
            found, changed = looked_around(lambda: Reached(model, ()), once)
        if changed:
            raise DisagreementError(
                f"model: on numbers its forward changes what it can read at its next call ({', '.join(changed[:4])}), so that a later call may compute"
                " something else. Return values, and keep counters and caches outside the forward"
            )
        _require_same(found, expected, len(inputs))


def _require_same(found: _Ran, expected: _Ran, samples: int) -> None:
    pairs = ((found.forward, expected.forward, "forward"), (found.backward, expected.backward, "backward"))
    for ran, calls, where in pairs:
        if ran != calls:
            at = next(
                (i for i, pair in enumerate(zip(ran, calls, strict=False)) if pair[0] != pair[1]),
                min(len(ran), len(calls)),
            )
            did, should = (steps[at][0] if at < len(steps) else "nothing more" for steps in (ran, calls))
            raise DisagreementError(
                f"model: in its {where} of {samples} samples torch runs {did} where the calls that its forward makes on a symbol run {should}, so that it"
                " may compute something else for other inputs. Ask nothing of the input, its type included, and let nothing of yours stand between a call and"
                " torch (modes, hooks)"
            )
    if Counter(found.again) - Counter(found.held):
        raise DisagreementError(
            "model: checkpointing runs other operations in the backward than in the forward; make the forward the same at every call"
        )


def _run(model: torch.nn.Module, body: Body, X: torch.Tensor, weights: torch.Tensor) -> _Ran:
    """Run a body and its backward on float64 copies of the model's parameters and buffers, of which those that train have a gradient, where X is."""
    ran, place = _Ran(), X.device
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        copies = {
            f"model.{name}": value.detach().to(place, torch.float64, copy=True).requires_grad_(value.requires_grad)
            for name, value in model.named_parameters()
        }
        buffers = {
            f"model.{name}": value.detach().to(
                place, torch.float64 if value.is_floating_point() else value.dtype, copy=True
            )
            for name, value in model.named_buffers()
        }
        trained = [value for value in copies.values() if value.requires_grad]
        torch.func.functional_call(_Run(model, body), copies | buffers, (X.clone(), weights, trained, ran))
    return ran
