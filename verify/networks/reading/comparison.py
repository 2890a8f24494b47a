"""A net under the reading of modules: torch's own float64 values and gradient beside what was read.

This proves nothing, and nothing rests on it. A certificate is about the network as read; a fault in the reading makes it a certificate
about another network. Such a fault shows where torch itself computes: every module's own output at its own input, and the gradient of
the whole model with respect to each parameter, on up to :data:`MOST_ROWS` of the samples.

Where the same samples' enclosure is known already its midpoints stand in for a second one: fully connected layers and activations are first compared with
them, at the same tolerances without the enclosures' radii. Only what differs from them is enclosed once more, at torch's own inputs, and decided there.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from verify.arrays import Ball, Rows
from verify.errors import DisagreementError
from verify.networks.graph import Network
from verify.networks.layers import (
    Activated,
    AveragePool,
    BatchNorm,
    Convolution,
    GroupNorm,
    Layer,
    Linear,
    Scale,
    Trained,
    Value,
)
from verify.networks.layers.values import Shape
from verify.networks.linearisation import Linearisation, linearise
from verify.networks.reading.modules import Leaf, leaves

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


def require_agreement(
    model: torch.nn.Module | Network,
    network: Network,
    X: Float[np.ndarray, "n ..."],
    state: Linearisation | None = None,
) -> None:
    """Compare what torch computes with what was read, and refuse a difference that rounding cannot explain.

    Args:
        model: the module; a Network, read from no module, passes.
        network: what was read from it. X: the inputs, exact. state: its linearisation at X in float64 where it is at hand, which makes this cheap.

    Raises:
        DisagreementError: torch's forward raises, calls other modules, or a value or gradient differs; names the module.
    """
    if isinstance(model, Network):
        return
    units = sum(math.prod(network.shapes[i]) for i in network.trained) * network.outputs
    rows = max(1, min(len(X), MOST_ROWS, _ENTRIES // units))
    at = np.linspace(0, len(X) - 1, rows).astype(int)
    chosen = X[at]
    nodes = leaves(model, network.input_shape)
    # Signs that cancel nowhere systematically, also in antisymmetric networks.
    weights = np.where(np.random.default_rng(0).random((len(chosen), network.outputs)) < 0.5, -1.0, 1.0)
    record, gradients = _torch(model, nodes, chosen, weights)
    known = None if state is None else _Known(state, at, weights)
    _compare_values(network, nodes, record, chosen, known)
    _compare_gradients(network, gradients, chosen, weights, known)


@dataclass(frozen=True)
class _Known:
    """A linearisation made for other ends, at rows `at` of its data: midpoints."""

    state: Linearisation
    at: Int[np.ndarray, " rows"]
    weights: np.ndarray

    def value(self, index: int) -> np.ndarray:
        """The value of a fully connected layer or activation (rows, units)."""
        found: np.ndarray = self.state.values[index].rows.mid[self.at]
        return found

    def gradient(self, index: int) -> tuple[np.ndarray, ...]:
        """Jᵀw of a fully connected layer, per trained array."""
        layer, k = self.state.network.layers[index], self.state.network.outputs
        back = self.state.reached(index).rows.mid.reshape(self.state.n, k, -1)[self.at]
        full = np.einsum("iau,ia->iu", back, self.weights).T @ self.state.saved[index].mid[self.at]
        assert isinstance(layer, Linear)
        if "weight" not in layer.trained:
            return (full[:, 0],)
        return (full[:, :-1], full[:, -1]) if "bias" in layer.trained else (full,)


def _torch(
    model: torch.nn.Module, nodes: list[Leaf], X: np.ndarray, weights: np.ndarray
) -> tuple[_Recorder, dict[str, np.ndarray]]:
    """Run the model itself on float64 copies of its parameters and buffers: each module's call, and the gradient of Σ weights·F."""
    recorder = _Recorder()
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        # On channels-last memory torch's group norm takes a variance from the mean square and loses what cancels.
        copies = {
            name: value.detach()
            .to("cpu", torch.float64, copy=True, memory_format=torch.contiguous_format)
            .requires_grad_()
            for name, value in model.named_parameters()
        }
        # Statistics of a normalisation are buffers: in float32 they cannot be mixed with the copies.
        buffers = {
            name: value.detach().to("cpu", torch.float64 if value.is_floating_point() else value.dtype, copy=True)
            for name, value in model.named_buffers()
        }
        try:
            with _recording(nodes, recorder):
                outputs = torch.func.functional_call(model, {**copies, **buffers}, (torch.from_numpy(X.copy()),))
            if outputs.shape == (len(X),) and weights.shape == (len(X), 1):
                # A single output, squeezed.
                outputs = outputs[:, None]
            recorder.outputs = outputs.detach().numpy().copy()
            changed = _changed(model, copies, buffers, X)
            total = (outputs * torch.from_numpy(weights)).sum()
            found: Sequence[torch.Tensor | None] = [None] * len(copies)
            if total.requires_grad:
                found = torch.autograd.grad(total, list(copies.values()), allow_unused=True)
        except Exception as error:
            place = recorder.calls[-1].module if recorder.calls else model
            where = next((leaf.where for leaf in nodes if leaf.module is place), "model")
            raise DisagreementError(
                f"{where}: torch's own forward or backward raises {type(error).__name__}: {str(error)[:200]}"
            ) from error
    if changed:
        raise DisagreementError(
            f"model: its forward changes {', '.join(changed[:6])}, parameters of its own (a constraint on the weights?): the descent is then another one than"
            " gradient descent on what is stored. Change parameters outside the forward, or not at all"
        )
    # What is frozen may be computed without a gradient.
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    cut = [name for name, value in zip(copies, found, strict=True) if value is None and name in trained]
    if cut:
        raise DisagreementError(
            f"model: torch's backward does not reach {', '.join(cut[:6])}: the forward cuts it off (torch.no_grad(), inference mode), so that descent does"
            " not move what is read as trained. Freeze what shall not move by requires_grad_(False), or remove what cuts it off"
        )
    return recorder, {name: value.numpy() for name, value in zip(copies, found, strict=True) if value is not None}


def _changed(
    model: torch.nn.Module, used: Mapping[str, torch.Tensor], buffers: Mapping[str, torch.Tensor], X: np.ndarray
) -> list[str]:
    """Name the parameters that a forward has changed, or changes where they are much larger."""
    before = {name: value.detach().to("cpu", torch.float64) for name, value in model.named_parameters()}
    # Far beyond a bound that the parameters obey already.
    far = {name: 1e3 * value.clone() for name, value in before.items()}
    given = {name: value.clone().requires_grad_() for name, value in far.items()}
    kept = {name: value.clone() for name, value in buffers.items()}
    torch.func.functional_call(model, {**given, **kept}, (torch.from_numpy(X[:1].copy()),))
    pairs = ((used, before), (given, far))
    return [name for name in before if any(not torch.equal(now[name], then[name]) for now, then in pairs)]


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


def _compare_values(
    network: Network, nodes: list[Leaf], record: _Recorder, X: np.ndarray, known: _Known | None = None
) -> None:
    made = [id(call.module) for call in record.calls]
    if made != [id(leaf.module) for leaf in nodes if not leaf.function]:
        raise DisagreementError("model: torch calls other modules, or in another order, than its layers say")
    calls, values = iter(record.calls), list[np.ndarray]()
    # Per leaf the layer whose value it returns; −1 the data.
    places: list[int] = []
    for leaf in nodes:
        sources = tuple(-1 if source < 0 else places[source] for source in leaf.inputs)
        places.append(sources[0] if leaf.layer is None else leaf.layer)
        if leaf.layers and network.layers[leaf.layers[0]].inputs != sources:
            raise DisagreementError(
                f"{leaf.where}: is read on the values {network.layers[leaf.layers[0]].inputs}, torch calls it on {sources}"
            )
        given = tuple(X if source < 0 else values[source] for source in leaf.inputs)
        call = _evaluated(leaf, given) if leaf.function else next(calls)
        if not _same(call.given, given[0]):
            raise DisagreementError(f"{leaf.where}: torch gives it another input than the output of the module before")
        value = call.returned if call.returned is not None else call.given
        values.append(value)
        if known is not None and _at_once(network, leaf, given, value, known):
            continue
        expected, slack = _reading(network, leaf, given)
        bounded = np.isfinite(expected.rad) & np.isfinite(slack)
        wrong = value.shape != expected.mid.shape
        with np.errstate(all="ignore"):
            if wrong or (bounded & ~(np.abs(value - expected.mid) <= expected.rad + slack)).any():
                raise DisagreementError(
                    f"{leaf.where}: torch computes another function than the one read from it (first output"
                    f" {value.flat[0]:.17g}, read {expected.mid.flat[0]:.17g}). Please report this model"
                )
    if not _same(record.outputs, values[-1]):
        raise DisagreementError("model: torch returns something else than the output of its last layer")


def _at_once(network: Network, leaf: Leaf, given: tuple[np.ndarray, ...], value: np.ndarray, known: _Known) -> bool:
    """Whether a fully connected layer's or an activation's output is the known value, but for torch's rounding."""
    layer = None if leaf.layer is None else network.layers[leaf.layer]
    if leaf.layer is None or not isinstance(layer, Linear | Activated) or value.ndim != 2:
        return False
    expected = known.value(leaf.layer)
    with np.errstate(all="ignore"):
        # A comparison with NaN fails.
        return value.shape == expected.shape and bool(
            (np.abs(value - expected) <= _slack(layer, given, expected)).all()
        )


def _evaluated(leaf: Leaf, given: tuple[np.ndarray, ...]) -> _Call:
    """A function that a forward calls has no module whose call could be recorded: it is computed once more."""
    with torch.no_grad():
        copies = (torch.from_numpy(values.copy()) for values in given)
        return _Call(leaf.module, given[0], leaf.module(*copies).numpy())


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for the last bits, which the memory's alignment can change."""
    with np.errstate(all="ignore"):
        return np.array_equal(one, other) or (
            one.shape == other.shape and np.allclose(one, other, rtol=1e-12, atol=1e-300, equal_nan=True)
        )


def _reading(network: Network, leaf: Leaf, given: tuple[np.ndarray, ...]) -> tuple[Ball, np.ndarray]:
    """Enclose a module's output as read, and bound torch's rounding in computing it; (n, *shape), channels first."""
    if not leaf.layers:
        return Ball(given[0]), np.zeros_like(given[0])
    values, slack = tuple(_value(v) for v in given), np.zeros(1)
    with np.errstate(all="ignore"):
        for layer in (network.layers[index] for index in leaf.layers):
            found, _ = layer.value(*values)
            ball = found.rows.ball()
            mid, rad = (_channels_first(part, found.shape, len(given[0])) for part in (ball.mid, ball.rad))
            if isinstance(layer, BatchNorm):
                # Of a layer norm's weight and bias: what the norm was off by, times the weight.
                slack = slack * layer.factor.magnitude().reshape(-1, *(1,) * (mid.ndim - 2))
            slack = slack + _slack(layer, given, mid)
            values, given = (found,), (mid,)
        return Ball(mid, rad), slack


def _value(values: np.ndarray) -> Value:
    if values.ndim == 2:
        return Value(Rows(np.ascontiguousarray(values)), values.shape[1:])
    return Value(Rows(np.ascontiguousarray(np.moveaxis(values, 1, -1)).reshape(-1, values.shape[1])), values.shape[1:])


def _channels_first(rows: np.ndarray, shape: Shape, samples: int) -> np.ndarray:
    if len(shape) == 1:
        return rows
    return np.moveaxis(rows.reshape(samples, *shape[1:], shape[0]), -1, 1)


def _slack(layer: Layer, given: tuple[np.ndarray, ...], value: np.ndarray) -> np.ndarray:
    """What torch may be off by: some units in the last place of the sum of the terms' sizes, which the layer itself computes of them."""
    if isinstance(layer, Activated):
        # Beyond its threshold torch takes softplus for the identity, wrong by less than e^−20/β.
        beta = dict(layer.function.parameters).get("beta", math.inf)
        slack: np.ndarray = _ACTIVATION * (np.abs(given[0]) + np.abs(value)) + math.exp(-20.0) / beta
        return slack
    if isinstance(layer, GroupNorm):
        return _norm_slack(layer, given[0], value)
    sizes = [np.abs(values) for values in given]
    terms = 1
    if isinstance(layer, Linear):
        terms = layer.weight.shape[1]
        size = (
            np.linalg.norm(given[0], axis=1)[:, None]
            * np.linalg.norm(layer.weight, axis=1)[None, :]
            * layer.weight_scale
        )
        bias = 0.0 if layer.bias is None else layer.bias_scale * np.abs(layer.bias)
        total: np.ndarray = 4.0 * _UNIT * (terms + 8) * (size + bias)
        return total
    if isinstance(layer, Convolution):
        terms = math.prod(layer.weight.shape[1:])
    if isinstance(layer, AveragePool):
        terms = math.prod(layer.kernel)
    positive = {name: np.abs(array) for name, array in layer.stored.items()} if isinstance(layer, Trained) else {}
    if isinstance(layer, BatchNorm):
        positive["mean"] = -np.abs(layer.mean)
    if isinstance(layer, Scale):
        positive["factor"] = abs(layer.factor)
    found, _ = replace(layer, **positive).value(*(_value(size) for size in sizes))  # type: ignore[type-var]
    return 4.0 * _UNIT * (terms + 8) * _channels_first(found.rows.mid, found.shape, len(given[0]))


def _norm_slack(layer: GroupNorm, given: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Of a group z of m entries: m units of S‖z‖, which its mean and deviation are off by, and of the value."""
    groups = given.reshape(len(given), layer.groups, -1)
    m = groups.shape[2]
    deviation = groups.std(axis=2) if layer.centred else np.sqrt((groups**2).mean(axis=2))
    ratio = (np.sqrt((groups**2).mean(axis=2)) / np.sqrt(deviation**2 + layer.eps))[:, :, None]
    sizes = np.abs(value.reshape(groups.shape))
    found: np.ndarray = 4.0 * _UNIT * (m + 8) * (math.sqrt(m) * ratio + sizes)
    return found.reshape(value.shape)


def _compare_gradients(
    network: Network, gradients: Mapping[str, np.ndarray], X: np.ndarray, weights: np.ndarray, known: _Known | None
) -> None:
    state: Linearisation | None = None
    for index in network.trained:
        layer = network.layers[index]
        assert isinstance(layer, Trained)
        parts = [gradients[f"{layer.name}.{name}" if layer.name else name] for name in layer.trained]
        if known is not None and isinstance(layer, Linear) and _near(parts, known.gradient(index)):
            continue
        state = state or linearise(network, X)
        with np.errstate(all="ignore"):
            found = layer.gradient(state.saved[index], state.reached(index), Ball(weights.reshape(-1)), network.outputs)
            sizes = _gradient_sizes(layer, state.saved[index], state.reached(index), weights)
            for name, part, expected, size in zip(layer.trained, parts, found, sizes, strict=True):
                room = _GRADIENT * size + 64.0 * expected.rad
                gap = np.abs(part - expected.mid)
                if (np.isfinite(room) & ~(gap <= room)).any():
                    raise DisagreementError(
                        f"layer {index} ({layer.name or 'model'}): torch's gradient of its {name} differs from the Jacobian that was read by"
                        f" {float(np.nanmax(gap)):.3g}. Please report this model"
                    )


def _near(parts: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> bool:
    """Whether gradients are the known ones entry by entry: what has cancelled is no more than the terms' sizes."""
    with np.errstate(all="ignore"):
        return all(
            (np.abs(part - other) <= _GRADIENT * np.abs(other)).all()
            for part, other in zip(parts, expected, strict=True)
        )


def _gradient_sizes(layer: Trained, saved: Any, g: Value, weights: np.ndarray) -> list[np.ndarray]:
    """The same gradient of the terms' sizes: what cancels in it shows here."""
    mid, err, sup = np.abs(g.rows.mid), g.rows.err, g.rows.sup
    back = Value(Rows(mid, err, sup), g.shape)
    rows = saved.rows if isinstance(saved, Value) else saved
    size = Rows(np.abs(rows.mid), rows.err, rows.sup)
    kept = Value(size, saved.shape) if isinstance(saved, Value) else size
    found = layer.gradient(kept, back, Ball(np.ones(weights.size)), weights.shape[1])
    return [np.abs(part.mid) + part.rad for part in found]
