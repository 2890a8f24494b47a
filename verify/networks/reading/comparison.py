"""A net under the reading of modules: torch's own float64 values and gradient beside what was read.

This proves nothing, and nothing rests on it. A certificate is about the network as read; a fault in the reading makes it a certificate
about another network. Such a fault shows where torch itself computes: every module's own output at its own input, and the gradient of
the whole model with respect to each parameter, on up to :data:`MOST_ROWS` of the samples; on two of them once more at other parameters, none of them 0, where
nothing hides behind a layer that starts at 0 (a branch without a gradient, say).

Where the same samples' enclosure is known already its midpoints stand in for a second one: fully connected layers and activations are first compared with
them, at the same tolerances without the enclosures' radii. Only what differs from them is enclosed once more, at torch's own inputs, and decided there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    state_name,
)
from verify.networks.layers.values import Shape
from verify.networks.linearisation import Linearisation, linearise
from verify.networks.parameters import with_parameters
from verify.networks.reading.evaluation import Call, Recorder, evaluate, require_unchanged_parameters
from verify.networks.reading.modules import Leaf, followed
from verify.networks.reading.operations import require_same_operations
from verify.networks.reading.steps import Steps, words_of
from verify.networks.reading.symbols import Followed

__all__ = ["MOST_ROWS", "require_agreement"]

MOST_ROWS = 64
# The comparison must not show beside the proof: fewer rows of wide networks, one at least.
_ENTRIES = 2**13
# Rows that are compared at other parameters.
_ELSEWHERE = 2
_UNIT = 2.0**-52
_ALWAYS = "a forward may not change from call to call, nor while it is traced: make it the same always"
# Far above the few units in the last place that an activation of torch errs by, far below what another function would differ by.
_ACTIVATION, _GRADIENT = 1e-8, 1e-6


def require_agreement(
    model: torch.nn.Module | Network,
    network: Network,
    X: Float[np.ndarray, "n ..."],
    state: Linearisation | None = None,
    sizes: Iterable[int] = (),
) -> None:
    """Compare what torch computes with what was read, and refuse a difference that rounding cannot explain.

    Args:
        model: the module; a Network, read from no module, passes.
        network: what was read from it. X: the inputs, exact. state: its linearisation at X in float64 where it is at hand, which makes this cheap.
        sizes: of the batches that a descent takes, besides all of X.

    Raises:
        DisagreementError: torch's forward raises, calls other modules, or a value or gradient differs; names the module.
    """
    if isinstance(model, Network):
        return
    units = sum(math.prod(network.shapes[i]) for i in network.trained) * network.outputs
    rows = max(1, min(len(X), MOST_ROWS, _ENTRIES // units))
    at = np.linspace(0, len(X) - 1, rows).astype(int)
    chosen = X[at]
    nodes, forwards = followed(model, network.input_shape)
    # Signs that cancel nowhere systematically, also in antisymmetric networks.
    weights = np.where(np.random.default_rng(0).random((len(chosen), network.outputs)) < 0.5, -1.0, 1.0)
    record = _compare(model, network, nodes, chosen, weights, None if state is None else _Known(state, at, weights))
    _require_same_code(record.steps, forwards)
    require_unchanged_parameters(model, nodes, chosen)
    try:
        _compare(model, _elsewhere(network), nodes, chosen[:_ELSEWHERE], weights[:_ELSEWHERE], moved=True)
    except DisagreementError as error:
        raise DisagreementError(f"at other parameters than those given: {error}") from error
    require_same_operations(model, forwards, chosen, weights, (len(X), *sizes))


def _require_same_code(ran: Steps, forwards: list[Followed]) -> None:
    """Refuse a forward that runs other instructions on numbers than on a symbol, more or fewer."""
    met, always = (set[Any]().union(*found) for found in ([f.met for f in forwards], [f.always for f in forwards]))
    other = (ran - met) or (always - ran)
    if other:
        raise DisagreementError(
            f"model: on numbers its forward runs other code than on a symbol ({words_of(other)}), so that it may compute something else for other inputs, a"
            " batch of another size say. Ask nothing of the input (its type, its values), and let torch call nothing of yours"
        )


def _compare(
    model: torch.nn.Module,
    network: Network,
    nodes: list[Leaf],
    X: np.ndarray,
    weights: np.ndarray,
    known: _Known | None = None,
    *,
    moved: bool = False,
) -> Recorder:
    """Compare values and gradient, and return what ran; `moved`: at the network's parameters, which are not the model's own."""
    record, gradients = evaluate(model, nodes, X, weights, network.names() if moved else None)
    known = known or _Known(linearise(network, X), np.arange(len(X)), weights, own=True)
    _compare_values(network, nodes, record, X, known)
    _compare_gradients(network, gradients, X, weights, known)
    return record


def _elsewhere(network: Network) -> Network:
    """The same network at parameters of the same sizes, of which none is 0: each array's own, and between a quarter and once its root mean square to it."""
    rng, parts = np.random.default_rng(0), []
    for array in network.names().values():
        top = float(np.abs(array).max())
        size = top * float(np.sqrt(np.mean((array / top) ** 2))) if top > 0.0 else math.prod(array.shape[1:]) ** -0.5
        with np.errstate(over="ignore"):
            moved = array + size * rng.choice([-1.0, 1.0], array.shape) * rng.uniform(0.25, 1.0, array.shape)
        parts.append(np.where(np.isfinite(moved), moved, array).ravel())
    return with_parameters(network, np.concatenate(parts))


@dataclass(frozen=True)
class _Known:
    """A linearisation, at rows `at` of its data: midpoints. `own`: made here, of the rows compared alone; else it was made for other ends."""

    state: Linearisation
    at: Int[np.ndarray, " rows"]
    weights: np.ndarray
    own: bool = False

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


def _compare_values(
    network: Network, nodes: list[Leaf], record: Recorder, X: np.ndarray, known: _Known | None = None
) -> None:
    made = [id(call.module) for call in record.calls]
    if made != [id(leaf.module) for leaf in nodes if not leaf.function]:
        raise DisagreementError(
            f"model: torch calls other modules, or in another order, than its layers say; {_ALWAYS}"
        )
    calls, values = iter(record.calls), list[np.ndarray]()
    # Per leaf the layer whose value it returns; −1 the data.
    places: list[int] = []
    for leaf in nodes:
        sources = tuple(-1 if source < 0 else places[source] for source in leaf.inputs)
        places.append(sources[0] if leaf.layer is None else leaf.layer)
        if leaf.layers and network.layers[leaf.layers[0]].inputs != sources:
            raise DisagreementError(
                f"{leaf.where}: is read on the values {network.layers[leaf.layers[0]].inputs}, torch calls it on {sources}; {_ALWAYS}"
            )
        given = tuple(X if source < 0 else values[source] for source in leaf.inputs)
        call = _evaluated(leaf, given) if leaf.function else next(calls)
        if not _same(call.given, given[0]):
            raise DisagreementError(
                f"{leaf.where}: torch gives it another input than the output of the module before; {_ALWAYS}"
            )
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
                    f" {value.flat[0]:.17g}, read {expected.mid.flat[0]:.17g}); {_ALWAYS}, or please report this model"
                )
    if not _same(record.outputs, values[-1]):
        raise DisagreementError(f"model: torch returns something else than the output of its last layer; {_ALWAYS}")


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


def _evaluated(leaf: Leaf, given: tuple[np.ndarray, ...]) -> Call:
    """A function that a forward calls has no module whose call could be recorded: it is computed once more."""
    with torch.no_grad():
        copies = (torch.from_numpy(values.copy()) for values in given)
        return Call(leaf.module, given[0], leaf.module(*copies).numpy())


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
    network: Network, gradients: Mapping[str, np.ndarray], X: np.ndarray, weights: np.ndarray, known: _Known
) -> None:
    state = known.state if known.own else None
    for index in network.trained:
        layer = network.layers[index]
        assert isinstance(layer, Trained)
        parts = [gradients[state_name(layer.name, name)] for name in layer.trained]
        if isinstance(layer, Linear) and _near(parts, known.gradient(index)):
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
                        f" {float(np.nanmax(gap)):.3g}: the forward cuts a part of it off (torch.no_grad()), or please report this model"
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
