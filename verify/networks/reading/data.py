"""Arrays and tensors as exact float64 numbers: converted without rounding, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from verify.arguments import shown
from verify.errors import DtypeError, NonFiniteError, ShapeError
from verify.networks.graph import Network
from verify.networks.model import DataSet

__all__ = ["exact_array", "read_data", "read_inputs"]

_LARGEST_INTEGER = 2**53
# What these are called that are data, not parameters.
_GIVEN = ("X", "X2", "y")
_RAGGED = "its rows differ in length or shape; expected a rectangular array"


def exact_array(values: Any, name: str) -> Float[np.ndarray, "..."]:
    """Convert to a contiguous float64 array of its own without rounding, or refuse.

    Args:
        values: array, tensor, number, or (nested) list or tuple of these; what numpy reads as an array of numbers (a DataFrame) too.
        name: what an error calls it.

    Raises:
        DtypeError: no real numbers, or some that no double holds exactly. ShapeError: a ragged list. NonFiniteError: NaN or infinity.
    """
    try:
        result = np.array(_converted(values, name), dtype=np.float64, order="C")
    except RecursionError as error:
        raise ShapeError(f"{name}: lists nested too deeply to be an array") from error
    if not np.isfinite(result).all():
        bad = int((~np.isfinite(result)).sum())
        remedy = "remove or impute them" if name in _GIVEN else "a training that diverged? Take parameters from before"
        raise NonFiniteError(f"{name}: {bad} of {result.size} entries are NaN or infinite; {remedy}")
    return result


def _converted(values: Any, name: str) -> np.ndarray:
    """Return float64 numbers equal to `values`, possibly sharing their memory."""
    if isinstance(values, torch.utils.data.Dataset | torch.utils.data.DataLoader):
        raise DtypeError(
            f"{name}: a {type(values).__name__} holds inputs and targets together; pass its tensors, e.g. X, y = dataset.tensors"
        )
    if isinstance(values, torch.Tensor):
        return _from_numpy(_from_tensor(values, name), name)
    if isinstance(values, list | tuple):
        return _from_list(values, name)
    if isinstance(values, Fraction | Decimal):
        # numpy would make objects of them; a double that they equal is a number like any other.
        return np.array(_number(values, name))
    if isinstance(values, np.ma.MaskedArray):
        raise DtypeError(f"{name}: a masked array; fill or drop the masked entries, they would be used as data")
    if isinstance(values, str | bytes | bytearray | memoryview | Mapping):
        raise DtypeError(f"{name}: a {type(values).__name__}; expected an array of numbers")
    if isinstance(values, int):
        return np.array(_number(values, name))
    if hasattr(values, "iloc") and len(getattr(values, "shape", ())) == 2:
        # A DataFrame: numpy would round a column of integers to the floats of another.
        columns = [_converted(values.iloc[:, i], name) for i in range(values.shape[1])]
        return np.stack(columns, axis=1) if columns else np.zeros(values.shape)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise DtypeError(f"{name}: a {type(values).__name__} is no array of numbers ({error})") from error
    return _from_numpy(array, name)


def _from_list(values: Sequence[Any], name: str) -> np.ndarray:
    """Convert entry by entry: numpy rounds large integers in a list that also holds floats."""
    if not values:
        return np.zeros(0)
    if all(type(value) is float for value in values):
        return np.array(values)
    parts = [_converted(value, name) for value in values]
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise ShapeError(f"{name}: {_RAGGED}, found rows of shapes {sorted(map(str, shapes))[:3]}")
    return np.stack(parts)


def _from_tensor(values: torch.Tensor, name: str) -> np.ndarray:
    if values.is_meta:
        raise DtypeError(f"{name}: a tensor on the meta device has no values; build it on the CPU")
    if values.is_complex() or values.is_quantized or values.layout is not torch.strided or values.is_nested:
        raise DtypeError(f"{name}: dtype={values.dtype}, layout={values.layout}; expected a dense real tensor")
    try:
        # A view of an imaginary part may carry its sign as a bit beside the numbers.
        tensor = values.detach().cpu().resolve_neg()
        # Every floating-point type of torch but double is narrower than float64.
        found: np.ndarray = (tensor.to(torch.float64) if tensor.is_floating_point() else tensor).numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise DtypeError(f"{name}: a {type(values).__name__} that cannot be read as numbers ({error})") from error
    return found


def _from_numpy(array: np.ndarray, name: str) -> np.ndarray:
    """Widen a numpy array of floats of at most 64 bits, or of integers that doubles hold."""
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64, copy=False)
    if array.dtype.kind in "biu":
        if array.dtype.kind != "b" and array.size and max(int(array.max()), -int(array.min())) > _LARGEST_INTEGER:
            raise DtypeError(f"{name}: integers beyond 2^53 are not all float64 numbers; convert them explicitly")
        return array.astype(np.float64)
    # Of what numpy knows nothing of, None or a generator, it makes one object.
    what = (
        f"of type {type(array.item()).__name__}"
        if array.dtype == object and array.ndim == 0
        else f"dtype={array.dtype}"
    )
    raise DtypeError(f"{name}: {what}; expected an array of float16, float32, float64, integers or booleans")


def _number(value: int | Fraction | Decimal, name: str) -> float:
    """Return the double that equals an exact Python number."""
    try:
        nearest = float(value)
    except (OverflowError, ValueError):
        nearest = float("nan")
    if isinstance(value, Decimal) and not value.is_finite():
        raise DtypeError(f"{name}: {shown(value)} is no float64 number; remove or impute it")
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise DtypeError(f"{name}: integers beyond 2^53 are not all float64 numbers; convert them explicitly")
    if not isinstance(value, int) and nearest != value:
        raise DtypeError(f"{name}: {shown(value)} is no float64 number; round it yourself, float(…) says to what")
    return nearest


def read_inputs(network: Network, X: Any, name: str = "X") -> Float[np.ndarray, "n ..."]:
    """Return the inputs as exact float64 of shape (n, d) or (n, C, H, W), or raise with both shapes named."""
    inputs = exact_array(X, name)
    if inputs.shape[1:] != network.input_shape or inputs.ndim == 0:
        expected = ", ".join(map(str, network.input_shape))
        raise ShapeError(f"{name}: shape {inputs.shape}; expected (n, {expected}), one row per sample")
    if inputs.shape[0] == 0:
        raise ShapeError(f"{name}: n=0 samples; at least one is needed")
    return inputs


def read_data(network: Network, X: Any, y: Any) -> DataSet:
    """Return inputs and targets as exact numbers; y may have shape (n,) when the network has one output.

    A shape that numpy or torch would broadcast silently, such as (n, 1) against (n, k), is refused.
    """
    inputs = read_inputs(network, X)
    targets = exact_array(y, "y")
    if targets.ndim == 1 and network.outputs == 1:
        targets = targets[:, None]
    classes = np.isin(targets, range(network.outputs))
    if targets.ndim == 1 and targets.size == inputs.shape[0] and classes.all():
        raise ShapeError(
            f"y: shape {np.shape(targets)}, whole numbers below {network.outputs}, for a network of {network.outputs} outputs; if they are classes, pass one"
            f" row of {network.outputs} targets per sample: numpy.eye({network.outputs})[numpy.asarray(y, dtype=int)]"
        )
    if targets.shape != (inputs.shape[0], network.outputs):
        raise ShapeError(
            f"y: shape {np.shape(targets)}; expected ({inputs.shape[0]}, {network.outputs}): one row per sample, one"
            " column per output"
        )
    return DataSet(inputs, targets)
