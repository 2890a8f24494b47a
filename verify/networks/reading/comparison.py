"""A net under the reading of modules: torch's own float64 values and gradient beside what was read.

This proves nothing, and nothing rests on it. A certificate is about the network as read; a fault in the reading makes it a certificate
about another network. Such a fault shows where torch itself computes: every module's own output at its own input, and the gradient of
the whole model with respect to each parameter, on up to :data:`MOST_ROWS` of the samples.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from verify.arrays import Ball, Exact, Rows
from verify.errors import DisagreementError
from verify.networks.graph import Network
from verify.networks.linearisation import linearise
from verify.networks.reading.modules import Leaf, is_affine, is_passed_over, leaves

__all__ = ["MOST_ROWS", "require_agreement"]

MOST_ROWS = 64
# The comparison must not show beside the proof: fewer rows of wide networks, one at least.
_ENTRIES = 2**13
_UNIT = 2.0**-52
# Far above the few units in the last place that an activation of torch errs by, far below what another function would differ by.
_ACTIVATION, _GRADIENT = 1e-8, 1e-6


@dataclass
class _Call:
    """One call of a module: copies of its input and output (an activation may work in place)."""

    module: torch.nn.Module
    given: np.ndarray
    returned: np.ndarray | None = None


@dataclass
class _Recorder:
    calls: list[_Call] = field(default_factory=list)
    outputs: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def before(self, module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        self.calls.append(_Call(module, given[0].detach().numpy().copy()))

    def after(self, module: torch.nn.Module, given: tuple[Any, ...], returned: Any) -> None:
        self.calls[-1].returned = returned.detach().numpy().copy()


def require_agreement(model: torch.nn.Module | Network, network: Network, X: Float[np.ndarray, "n d"]) -> None:
    """Compare what torch computes with what was read, and refuse a difference that rounding cannot explain.

    Args:
        model: the module; a Network, read from no module, passes.
        network: what was read from it. X: the inputs, exact.

    Raises:
        DisagreementError: torch's forward raises, calls other modules, or a value or gradient differs; names the module.
    """
    if isinstance(model, Network):
        return
    units = sum(layer.fan_out for layer in network.chain) * network.outputs
    rows = max(1, min(len(X), MOST_ROWS, _ENTRIES // units))
    chosen = X[np.linspace(0, len(X) - 1, rows).astype(int)]
    nodes = leaves(model)
    # Signs that cancel nowhere systematically, also in antisymmetric networks.
    weights = np.where(np.random.default_rng(0).random((len(chosen), network.outputs)) < 0.5, -1.0, 1.0)
    record, gradients = _torch(model, nodes, chosen, weights)
    _compare_values(network, nodes, record, chosen)
    _compare_gradients(network, gradients, chosen, weights)


def _torch(
    model: torch.nn.Module, nodes: list[Leaf], X: np.ndarray, weights: np.ndarray
) -> tuple[_Recorder, dict[str, np.ndarray]]:
    """Run the model itself on float64 copies of its parameters: each module's call, and the gradient of Σ weights·F."""
    recorder = _Recorder()
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        copies = {
            name: value.detach().to("cpu", torch.float64, copy=True).requires_grad_()
            for name, value in model.named_parameters()
        }
        try:
            with _recording(nodes, recorder):
                outputs = torch.func.functional_call(model, copies, (torch.from_numpy(X.copy()),))
            recorder.outputs = outputs.detach().numpy().copy()
            found = torch.autograd.grad((outputs * torch.from_numpy(weights)).sum(), list(copies.values()))
        except Exception as error:
            place = recorder.calls[-1].module if recorder.calls else model
            where = next((leaf.where for leaf in nodes if leaf.module is place), "model")
            raise DisagreementError(
                f"{where}: torch's own forward or backward raises {type(error).__name__}: {str(error)[:200]}"
            ) from error
    return recorder, {name: value.numpy() for name, value in zip(copies, found, strict=True)}


@contextlib.contextmanager
def _recording(nodes: list[Leaf], recorder: _Recorder) -> Iterator[None]:
    handles = []
    try:
        for module in {id(leaf.module): leaf.module for leaf in nodes if not leaf.function}.values():
            handles.append(module.register_forward_pre_hook(recorder.before))
            handles.append(module.register_forward_hook(recorder.after))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _compare_values(network: Network, nodes: list[Leaf], record: _Recorder, X: np.ndarray) -> None:
    made = [id(call.module) for call in record.calls]
    if made != [id(leaf.module) for leaf in nodes if not leaf.function]:
        raise DisagreementError("model: torch calls other modules, or in another order, than its layers say")
    layer, value, calls = -1, X, iter(record.calls)
    for leaf in nodes:
        call = _evaluated(leaf, value) if leaf.function else next(calls)
        if not _same(call.given, value):
            raise DisagreementError(f"{leaf.where}: torch gives it another input than the output of the module before")
        layer += is_affine(leaf)
        value = call.returned if call.returned is not None else call.given
        expected, slack = _reading(network, leaf, layer, call.given)
        known = np.isfinite(expected.rad) & np.isfinite(slack)
        wrong = value.shape != expected.mid.shape
        with np.errstate(all="ignore"):
            if wrong or (known & ~(np.abs(value - expected.mid) <= expected.rad + slack)).any():
                raise DisagreementError(
                    f"{leaf.where}: torch computes another function than the one read from it (first output"
                    f" {value.flat[0]:.17g}, read {expected.mid.flat[0]:.17g}). Please report this model"
                )
    if not _same(record.outputs, value):
        raise DisagreementError("model: torch returns something else than the output of its last layer")


def _evaluated(leaf: Leaf, given: np.ndarray) -> _Call:
    """A function that a forward calls has no module whose call could be recorded: it is computed once more."""
    with torch.no_grad():
        return _Call(leaf.module, given, leaf.module(torch.from_numpy(given.copy())).numpy())


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for the last bits, which the memory's alignment can change."""
    with np.errstate(all="ignore"):
        return one.shape == other.shape and np.allclose(one, other, rtol=1e-12, atol=1e-300, equal_nan=True)


def _reading(network: Network, leaf: Leaf, index: int, given: np.ndarray) -> tuple[Ball, np.ndarray]:
    """Enclose a module's output as read, and bound torch's rounding in computing it."""
    if is_passed_over(leaf):
        return Ball(given), np.zeros_like(given)
    layer = network.chain[index]
    with np.errstate(all="ignore"):
        if not is_affine(leaf):
            value = layer.activation(Ball(given))
            # Beyond its threshold torch takes softplus for the identity, wrong by less than e^−20/β.
            beta = dict(layer.activation.parameters).get("beta", math.inf)
            return value, _ACTIVATION * (np.abs(given) + np.abs(value.mid)) + math.exp(-20.0) / beta
        value_rows = Rows(given).scaled(layer.scale).times(Exact(layer.weight))
        size = np.linalg.norm(given, axis=1)[:, None] * np.linalg.norm(layer.weight, axis=1)[None, :]
        if layer.bias is not None:
            value_rows, size = value_rows.plus(layer.bias), size + np.abs(layer.bias)
        return value_rows.ball(), 4.0 * _UNIT * (given.shape[1] + 8) * size


def _compare_gradients(
    network: Network, gradients: Mapping[str, np.ndarray], X: np.ndarray, weights: np.ndarray
) -> None:
    state = linearise(network, X)
    for index, layer in enumerate(network.chain):
        inputs, back = state.A[index], state.B[index]
        with np.errstate(all="ignore"):
            shape = (state.n, network.outputs, layer.fan_out)
            signed = (back.mid.reshape(shape) * weights[:, :, None]).sum(axis=1)
            size, radius = (part.reshape(shape).sum(axis=1) for part in (np.abs(back.mid), back.rad))
            expected = signed.T @ inputs.mid
            room = _GRADIENT * (size.T @ np.abs(inputs.mid))
            room += 64.0 * (radius.T @ (np.abs(inputs.mid) + inputs.rad) + size.T @ inputs.rad)
            prefix = f"{layer.name}." if layer.name else ""
            torch_part = [gradients[f"{prefix}weight"]]
            if layer.bias is not None:
                torch_part.append(gradients[f"{prefix}bias"][:, None])
            gap = np.abs(np.concatenate(torch_part, axis=1) - expected)
            if (np.isfinite(room) & ~(gap <= room)).any():
                raise DisagreementError(
                    f"layer {index} ({layer.name or 'model'}): torch's gradient differs from the Jacobian that was read by"
                    f" {float(np.nanmax(gap)):.3g}. Please report this model"
                )
