"""What torch itself computes of a module: each call's input and output, and the gradient, in float64, at parameters of one's choice.

Refused is what makes torch's descent another one than gradient descent on the parameters stored: a forward that changes parameters, or buffers of a
layer, and one that cuts the gradient off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from verify.errors import DisagreementError
from verify.networks.layers import state_name
from verify.networks.reading.modules import Leaf
from verify.networks.reading.steps import Steps, recorded_steps

__all__ = ["Call", "Recorder", "evaluate", "require_unchanged_parameters"]

Tensors = Mapping[str, torch.Tensor]


@dataclass
class Call:
    """One call of a module: copies of its input and output (an activation may work in place)."""

    module: torch.nn.Module
    given: np.ndarray
    returned: np.ndarray | None = None


@dataclass
class Recorder:
    """The calls of one forward, in order, what it returned, and the instructions of a user's that ran."""

    calls: list[Call] = field(default_factory=list)
    outputs: np.ndarray = field(default_factory=lambda: np.zeros(0))
    steps: Steps = field(default_factory=set)

    def before(self, module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        """Copy a call's input."""
        self.calls.append(Call(module, given[0].detach().numpy().copy()))

    def after(self, module: torch.nn.Module, given: tuple[Any, ...], returned: Any) -> None:
        """Copy what the call returned."""
        self.calls[-1].returned = returned.detach().numpy().copy()


def evaluate(
    model: torch.nn.Module,
    nodes: list[Leaf],
    X: np.ndarray,
    weights: np.ndarray,
    moved: Mapping[str, np.ndarray] | None = None,
) -> tuple[Recorder, dict[str, np.ndarray]]:
    """Run the model itself on float64 copies of its parameters and buffers: each module's call, and the gradient of Σ weights·F.

    Args:
        nodes: its modules. weights: (rows, k). moved: values of parameters, by name, in the place of the model's own.

    Raises:
        DisagreementError: torch raises; the forward changes parameters, or cuts off the gradient of one that trains.
    """
    recorder = Recorder()
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        own = _parameters(model)
        if moved is not None:
            own |= {name: torch.from_numpy(values.copy()) for name, values in moved.items()}
        copies = {name: value.clone().requires_grad_() for name, value in own.items()}
        buffers = _buffers(model)
        fixed = _fixed(nodes, buffers)
        run = _Descent(model, nodes, recorder, weights)
        given = {f"model.{name}": value for name, value in (copies | buffers).items()}
        try:
            # The backward too: what is computed again there (torch.utils.checkpoint) is computed with the same copies.
            found = torch.func.functional_call(run, given, (torch.from_numpy(X.copy()), list(copies.values())))
        except DisagreementError:
            raise
        except Exception as error:
            place = recorder.calls[-1].module if recorder.calls else model
            where = next((leaf.where for leaf in nodes if leaf.module is place), "model")
            raise DisagreementError(
                f"{where}: torch's own forward or backward raises {type(error).__name__}: {str(error)[:200]}"
            ) from error
    _require_same({**own, **fixed}, {**copies, **buffers})
    # What is frozen may be computed without a gradient.
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    cut = [name for name, value in zip(copies, found, strict=True) if value is None and name in trained]
    if cut:
        raise DisagreementError(
            f"model: torch's backward does not reach {', '.join(cut[:6])}: the forward cuts it off (torch.no_grad(), inference mode, or"
            " torch.utils.checkpoint.checkpoint with use_reentrant=True on data without a gradient), so that descent does not move what is read as"
            " trained. Freeze what shall not move by requires_grad_(False), or remove what cuts it off (checkpoint(…, use_reentrant=False))"
        )
    return recorder, {name: value.numpy() for name, value in zip(copies, found, strict=True) if value is not None}


def require_unchanged_parameters(model: torch.nn.Module, nodes: list[Leaf], X: np.ndarray) -> None:
    """Refuse a forward that changes parameters where they are much larger, of either sign, and none is 0: what bounds, signs or masks forbid.

    What layers hold beside their parameters (a norm's statistics) must not change either.

    Args:
        X: inputs, of which the first is taken.

    Raises:
        DisagreementError: names what is changed.
    """
    rng = np.random.default_rng(0)
    own, kept = _parameters(model), _buffers(model)
    signs = {name: torch.from_numpy(rng.choice([-1.0, 1.0], tuple(value.shape))) for name, value in own.items()}
    fixed = _fixed(nodes, kept)
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        for side in (1e3, -1e3):
            far = {name: side * signs[name] * (value.abs() + 1.0) for name, value in own.items()}
            given = {name: value.clone().requires_grad_() for name, value in far.items()}
            buffers = {name: value.clone() for name, value in kept.items()}
            try:
                torch.func.functional_call(model, {**given, **buffers}, (torch.from_numpy(X[:1].copy()),))
            except Exception as error:
                raise DisagreementError(
                    f"model: torch's own forward raises {type(error).__name__} at large parameters: {str(error)[:200]}"
                ) from error
            _require_same({**far, **fixed}, {**given, **buffers})


class _Descent(torch.nn.Module):
    """The model's forward, recorded, and its backward, with whatever parameters it has while it is called."""

    def __init__(self, model: torch.nn.Module, nodes: list[Leaf], recorder: Recorder, weights: np.ndarray) -> None:
        super().__init__()
        self.model, self.nodes, self.recorder, self.weights = model, nodes, recorder, weights

    def forward(self, X: torch.Tensor, parameters: Sequence[torch.Tensor]) -> Sequence[torch.Tensor | None]:
        """Return the gradient of Σ weights·F, None where the backward does not reach a parameter; all that runs is recorded."""
        # Checkpointing runs the forward's code again in the backward; it may not find out that it does.
        with recorded_steps() as self.recorder.steps:
            with _recording(self.nodes, self.recorder):
                outputs = self.model(X)
            if outputs.shape == (len(X),) and self.weights.shape == (len(X), 1):
                # A single output, squeezed.
                outputs = outputs[:, None]
            self.recorder.outputs = outputs.detach().numpy().copy()
            _require_known_backward(outputs)
            total = (outputs * torch.from_numpy(self.weights)).sum()
            if not total.requires_grad:
                return [None] * len(parameters)
            return torch.autograd.grad(total, list(parameters), allow_unused=True)


def _require_known_backward(outputs: torch.Tensor) -> None:
    """Refuse a backward pass written in Python: what it does to gradients larger than those compared is not seen."""
    waiting, seen = [outputs.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.name().startswith("CheckpointFunction"):
            raise DisagreementError(
                "model: torch.utils.checkpoint.checkpoint with use_reentrant=True, whose backward cannot be compared with what was read: pass"
                " use_reentrant=False, which computes the same"
            )
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            raise DisagreementError(
                f"model: {node.name()} is a backward pass of one's own (torch.autograd.Function), which need not be the derivative of its forward; use torch's"
                " functions, whose derivatives are known"
            )
        waiting.extend(following for following, _ in node.next_functions)


def _parameters(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    # On channels-last memory torch's group norm takes a variance from the mean square and loses what cancels.
    return {
        name: value.detach().to("cpu", torch.float64, copy=True, memory_format=torch.contiguous_format)
        for name, value in model.named_parameters()
    }


def _buffers(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    # Statistics of a normalisation are buffers: in float32 they cannot be mixed with the copies.
    return {
        name: value.detach().to("cpu", torch.float64 if value.is_floating_point() else value.dtype, copy=True)
        for name, value in model.named_buffers()
    }


def _fixed(nodes: list[Leaf], buffers: Tensors) -> Tensors:
    """Copies of what layers hold beside their parameters."""
    names = {state_name(leaf.name, name) for leaf in nodes for name in leaf.module._buffers}
    return {name: value.clone() for name, value in buffers.items() if name in names}


def _require_same(before: Tensors, after: Tensors) -> None:
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    if changed:
        raise DisagreementError(
            f"model: its forward changes {', '.join(changed[:6])}, parameters or statistics of its own (a constraint on the weights? a mask?): the descent is"
            " then another one than gradient descent on what is stored. Change parameters outside the forward, or not at all"
        )


@contextlib.contextmanager
def _recording(nodes: list[Leaf], recorder: Recorder) -> Iterator[None]:
    handles = []
    try:
        for module in {id(leaf.module): leaf.module for leaf in nodes if not leaf.function}.values():
            handles.append(module.register_forward_pre_hook(recorder.before))
            handles.append(module.register_forward_hook(recorder.after))
        yield
    finally:
        for handle in handles:
            handle.remove()
