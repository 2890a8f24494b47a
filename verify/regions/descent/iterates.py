"""Iterates that a user hands in: read by name, each in memory of its own, and compared with the descent that is stated.

Nothing rigorous rests on how iterates came about: facts are proved of the stored vectors. But a reader takes "iterates" for steps of the
stated descent, so neighbours are compared with one float64 step of it (:class:`Neighbours`), and the certificate says what was found.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch

from verify.errors import InputError, ShapeError
from verify.networks import Loss, Network, loss_scale, read_network
from verify.networks.layers import Activated, BatchNorm, Trained, state_name
from verify.networks.parameters import Vector, flatten
from verify.networks.reading.data import exact_array
from verify.regions.descent.float64 import Descent

__all__ = ["Neighbours", "read_iterate", "read_iterates", "require_own_memory"]

_Arrays = np.ndarray | torch.Tensor


def read_iterate(network: Network, value: Any, name: str = "iterate") -> Vector:
    """Return θ (p,) of an iterate handed in by the user, exact as stored.

    Args:
        network: fixes names, shapes and order.
        value: a torch module of the same architecture; its state dict, read by name; its parameters as a list, in layer order (weight,
            then bias); or a flat array or tensor (p,), as torch.nn.utils.parameters_to_vector makes it, where the module lists its layers in the order in
            which it calls them. float16 and float32 are widened exactly.
        name: what error messages call it.

    Raises:
        ShapeError, DtypeError, NonFiniteError, InputError: it does not fit the network.
    """
    if isinstance(value, torch.nn.Module):
        other = read_network(value, network.input_shape)
        if other.architecture() != network.architecture():
            if other.describe() == network.describe():
                raise InputError(
                    f"{name}: a module that differs from the model in what does not train: frozen parameters, statistics of a normalisation, scales, or how"
                    " its layers are joined; expected the model at other trained parameters"
                )
            raise InputError(f"{name}: a {other.describe()} network; expected the architecture {network.describe()}")
        return flatten(other)
    if isinstance(value, Mapping):
        return _read_named(network, value, name)
    if network.reordered and isinstance(value, np.ndarray | torch.Tensor | Sequence) and not isinstance(value, str):
        raise InputError(
            f"{name}: a {type(value).__name__} without names; the model lists its parameters in another order than its forward calls them, so that"
            " numbers would stand for others. Hand in state dicts or modules"
        )
    if isinstance(value, Sequence) and not isinstance(value, str) and _are_arrays(value):
        found = [tuple(np.shape(t)) for t in value]
        shapes = [array.shape for layer in network.trainable() for array in layer.trained.values()]
        if found != shapes:
            raise ShapeError(f"{name}: parameters of shapes {found}; expected {shapes} in this order")
        return np.concatenate([exact_array(t, name).ravel() for t in value])
    if isinstance(value, np.ndarray | torch.Tensor | Sequence) and not isinstance(value, str):
        theta = exact_array(value, name)
        if theta.shape != (network.parameters,):
            raise ShapeError(
                f"{name}: shape {theta.shape}; expected a flat vector ({network.parameters},), a state dict or a module"
            )
        return theta
    several = ". iterates= takes a list of these, or a generator of them" if name.startswith("iterates[") else ""
    raise InputError(
        f"{name}: a {type(value).__name__}; expected a torch module, a state dict, a list of parameters, or a flat vector"
        f" ({network.parameters},){several}"
    )


def _read_named(network: Network, value: Mapping[Any, Any], name: str) -> Vector:
    """Read a state dict by name: the order of its entries says nothing (safetensors sorts them as text: 0, 10, 2)."""
    if any(layer.name is None for layer in network.trainable()):
        raise InputError(
            f"{name}: a state dict, but the network was not read from a module and its layers have no names; hand in modules or"
            " flat vectors"
        )
    expected = {key: array.shape for key, array in network.names().items()}
    beside = _beside(network)
    missing = [n for n in expected if n not in value]
    unknown = [str(n) for n in value if n not in expected and n not in beside]
    if missing or unknown:
        # As DataParallel ("module.") and torch.compile ("_orig_mod.") call them.
        prefix = unknown[0].removesuffix(missing[0]) if missing and unknown else ""
        wrapped = prefix and all(f"{prefix}{n}" in value for n in missing)
        raise InputError(
            f"{name}: a state dict with missing names {missing[:6]} and unknown names {unknown[:6]}; expected exactly"
            f" {', '.join(list(expected)[:8])}{', …' if len(expected) > 8 else ''}"
            + (f": take {prefix!r} off, {{k.removeprefix({prefix!r}): v for k, v in state.items()}}" if wrapped else "")
        )
    for key, own in beside.items():
        if key in value and own is not None and not np.array_equal(exact_array(value[key], f"{name}[{key!r}]"), own):
            raise InputError(
                f"{name}[{key!r}]: not the model's, and it does not train: the iterate is one of another function of the parameters"
            )
    parts = [exact_array(value[key], f"{name}[{key!r}]") for key in expected]
    wrong = {n: p.shape for (n, shape), p in zip(expected.items(), parts, strict=True) if p.shape != shape}
    if wrong:
        raise ShapeError(f"{name}: parameters of shapes {wrong}; expected { ({n: expected[n] for n in wrong}) }")
    return np.concatenate([part.ravel() for part in parts])


def _beside(network: Network) -> dict[str, np.ndarray | None]:
    """What else a state dict holds: frozen parameters and statistics, by name; None where the value says nothing."""
    found: dict[str, np.ndarray | None] = {}
    for layer in network.layers:
        if isinstance(layer, Trained):
            found |= {state_name(layer.name, part): layer.stored[part] for part in layer.frozen}
        if isinstance(layer, Activated) and layer.function.pieces is not None and layer.name is not None:
            # A PReLU's slope is a parameter; LeakyReLU and ReLU have none in their state dicts.
            slope = dict(layer.function.parameters).get("negative_slope", 0.0)
            found[state_name(layer.name, "weight")] = np.array([slope])
        if isinstance(layer, BatchNorm):
            statistics = {"running_mean": layer.mean, "running_var": layer.variance, "num_batches_tracked": None}
            found |= {state_name(layer.name, part): array for part, array in statistics.items()}
    return found


def _are_arrays(values: Sequence[Any]) -> bool:
    return len(values) > 0 and all(isinstance(v, _Arrays) and np.ndim(v) > 0 for v in values)


def require_own_memory(iterates: Any) -> None:
    """Refuse a list of iterates of which two share memory: live parameters that a loop went on to overwrite.

    Raises:
        InputError: two entries share a parameter's memory.
    """
    if not isinstance(iterates, list | tuple):
        return  # a generator may hand out the live model: each iterate is copied before the next one is made
    ranges = sorted(
        (start, end, position) for position, value in enumerate(iterates) for start, end in map(_range, _arrays(value))
    )
    furthest, owner = 0, -1
    for start, end, position in ranges:
        if start < furthest and position != owner and _share(iterates[owner], iterates[position]):
            first, second = sorted((owner, position))
            raise InputError(
                f"iterates[{first}] and iterates[{second}] share memory, so both hold the parameters as they are now."
                " state_dict() and parameters() do not copy: keep copy.deepcopy(model.state_dict()) at each step"
            )
        if end > furthest:
            furthest, owner = end, position


def _arrays(value: Any) -> list[np.ndarray]:
    """The memory of an iterate's parameters, as arrays that own nothing."""
    if isinstance(value, torch.nn.Module):
        value = list(value.parameters())
    if isinstance(value, Mapping):
        value = list(value.values())
    found = value if isinstance(value, list | tuple) else [value]
    arrays = [v for v in found if isinstance(v, np.ndarray)]
    for tensor in found:
        if (
            isinstance(tensor, torch.Tensor)
            and not tensor.is_meta
            and tensor.layout is torch.strided
            and tensor.numel()
        ):
            arrays.append(_memory(tensor))
    return [array for array in arrays if array.size]


def _memory(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's places in memory (of any device and dtype) as an array; its contents are never read."""
    size = tensor.element_size()
    strides = tuple(size * step for step in tensor.stride())
    place = {
        "data": (tensor.data_ptr(), True),
        "shape": tuple(tensor.shape),
        "strides": strides,
        "typestr": f"|V{size}",
        "version": 3,
    }
    return np.asarray(type("Memory", (), {"__array_interface__": place})())


def _range(array: np.ndarray) -> tuple[int, int]:
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


def _share(one: Any, other: Any) -> bool:
    """Whether two iterates share a byte; interleaved columns of one array do not."""
    return any(np.shares_memory(a, b) for a, b in itertools.product(_arrays(one), _arrays(other)))


def read_iterates(network: Network, iterates: Any, indices: Sequence[int] | None) -> Iterator[tuple[int, Vector]]:
    """Yield (step, θ̂) of the iterates handed in, from step 0 on: the model itself where they begin later.

    Args:
        network: the model as read. iterates: a list or generator of what :func:`read_iterate` reads. indices: the step of each; None
            means 0, 1, 2, …

    Raises:
        InputError: no list, empty, or another number of indices; and what :func:`read_iterate` raises.
    """
    require_own_memory(iterates)
    if iterates is None or isinstance(iterates, Mapping | str | torch.nn.Module | torch.Tensor | np.ndarray):
        kind = type(iterates).__name__
        raise InputError(f"iterates: a {kind}; expected a list of parameter vectors, modules or state dicts")
    try:
        source = iter(iterates)
    except TypeError as error:
        raise InputError(f"iterates: a {type(iterates).__name__}; expected a list or generator") from error
    position = -1
    for position, value in enumerate(source):
        if indices is not None and position >= len(indices):
            raise InputError(f"iterate_steps: {len(indices)} indices for more iterates; give one per iterate")
        step = position if indices is None else indices[position]
        theta = read_iterate(network, value, f"iterates[{position}]")
        if position == 0 and step > 0:
            yield 0, flatten(network)
        yield step, theta
    if position < 0:
        raise InputError("iterates: empty; hand in at least one parameter vector")
    if indices is not None and position + 1 < len(indices):
        raise InputError(f"iterate_steps: {len(indices)} indices for {position + 1} iterates; give one per iterate")


@dataclass
class Neighbours:
    """Recorded neighbours θ̂_k, θ̂_{k+1}, compared with one float64 step of the stated descent. Observed, not proved.

    Attributes:
        descent: the stated descent.
        compared: pairs seen. apart: those that are not one step apart. first: the step of the first of these.
        ratio: the length of the first such recorded step, measured along the stated one; None where it points elsewhere.
    """

    descent: Descent
    compared: int = 0
    apart: int = 0
    first: int = -1
    ratio: float | None = None

    def compare(self, step: int, theta: Vector, after: Vector, jacobian_norm: float) -> None:
        """Compare one pair.

        Args:
            step: k. theta, after: θ̂_k and θ̂_{k+1}. jacobian_norm: ‖J(θ̂_k)‖, up to a factor.

        A step is the stated one if it differs by less than a thousandth of its length, or by what rounding in the loop explains: the
        vector is rounded to the doubles or, if all entries are, to the floats that hold it, and the residual in the gradient to as many
        digits of the outputs.
        """
        stated, residual = self.descent.step(theta)
        expected, found = stated - theta, after - theta
        with np.errstate(all="ignore"):
            gap, length = float(np.linalg.norm(found - expected)), float(np.linalg.norm(expected))
            unit = 2.0**-23 if np.array_equal(after.astype(np.float32), after) else 2.0**-52
            outputs = residual + float(np.linalg.norm(self.descent.data.y))
            rounding = 64.0 * unit * (float(np.linalg.norm(after)) + self.descent.factor * jacobian_norm * outputs)
        if not math.isfinite(length) or (math.isfinite(gap) and not math.isfinite(rounding)):
            # What the stated step is, or what rounding explains, cannot be said.
            return
        self.compared += 1
        if gap <= 1e-3 * length + rounding < math.inf:
            return
        if not self.apart:
            self.first = step
            with np.errstate(all="ignore"):
                along = float(expected @ found) / length**2 if length**2 > 0.0 else 0.0
                aligned = float(np.linalg.norm(found - along * expected)) <= 1e-3 * abs(along) * length + rounding
            self.ratio = along if aligned and 0.0 < along < math.inf else None
        self.apart += 1

    def _other_loss(self) -> str | None:
        """Name the loss of which the recorded steps would be steps with the same lr."""
        data, stated = self.descent.data, self.descent.scale
        for name in get_args(Loss):
            if abs(float(loss_scale(name, data.n, data.k)) / stated / (self.ratio or 1.0) - 1.0) < 1e-3:
                return f"as loss={name!r} with this lr takes it"
        return None

    def describe(self) -> str:
        """Say what was found, as a clause of a certificate's reason."""
        if not self.compared:
            return "no two of them are neighbours that can be compared, so nothing is claimed of how they arose"
        if not self.apart:
            return (
                f"each of the {self.compared} neighbouring pairs compared is one step of this descent apart to float accuracy"
                " (observed, not proved)"
            )
        words = (
            f"these iterates are not consecutive steps of this descent: from step {self.first} to {self.first + 1} they differ from it"
            f" ({self.apart} of {self.compared} pairs)"
        )
        if self.ratio is not None:
            words += f", the recorded step is {self.ratio:.4g} times the stated one ({self._other_loss() or 'another loss, or another lr?'})"
        return f"{words}. The facts hold of the vectors; nothing is claimed of how they arose"
