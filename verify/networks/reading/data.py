"""Arrays and tensors as exact float64 numbers: converted without rounding, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from verify.errors import DtypeError, NonFiniteError, ShapeError
from verify.networks.model import DataSet, Network

__all__ = ["exact_array", "read_data", "read_inputs"]

_EXACT_FLOATS = (np.float16, np.float32, np.float64)


def exact_array(values: Any, name: str) -> Float[np.ndarray, "..."]:
    """Convert to a contiguous float64 array of its own without rounding, or refuse; `name` is what an error calls it."""
    if isinstance(values, np.ma.MaskedArray):
        raise DtypeError(f"{name}: a masked array; fill or drop the masked entries, they would be used as data")
    if isinstance(values, list | tuple):
        # numpy rounds large integers in a list that also holds floats; converting entry by entry does not.
        flat = np.asarray(values, dtype=object).reshape(-1)
        if any(isinstance(v, int | np.integer) and abs(int(v)) > 2**53 for v in flat):
            raise DtypeError(f"{name}: integers beyond 2^53 are not all float64 numbers; convert them explicitly")
    if isinstance(values, torch.Tensor):
        if values.is_complex() or values.is_quantized or values.layout is not torch.strided:
            raise DtypeError(f"{name}: dtype={values.dtype}, layout={values.layout}; expected a dense real tensor")
        tensor = values.detach().cpu()
        # Every bfloat16, float16 and float32 number is a float64 number.
        array = tensor.to(torch.float64).numpy() if tensor.is_floating_point() else tensor.numpy()
    else:
        array = np.asarray(values)
    if array.dtype in _EXACT_FLOATS:
        result = array.astype(np.float64)
    elif array.dtype.kind in "biu":
        if array.dtype.kind != "b" and array.size and max(int(array.max()), -int(array.min())) > 2**53:
            raise DtypeError(f"{name}: integers beyond 2^53 are not all float64 numbers; convert them explicitly")
        result = array.astype(np.float64)
    else:
        raise DtypeError(f"{name}: dtype={array.dtype}; expected floating point or integers, not strings or objects")
    if not np.isfinite(result).all():
        bad = int((~np.isfinite(result)).sum())
        raise NonFiniteError(f"{name}: {bad} of {result.size} entries are NaN or infinite; remove or impute them")
    return np.ascontiguousarray(result)


def read_inputs(network: Network, X: Any) -> Float[np.ndarray, "n d"]:
    """Return the inputs as exact float64 of shape (n, d), or raise with both shapes named."""
    inputs = exact_array(X, "X")
    if inputs.ndim != 2 or inputs.shape[1] != network.inputs:
        raise ShapeError(f"X: shape {inputs.shape}; expected (n, {network.inputs}), one row per sample")
    if inputs.shape[0] == 0:
        raise ShapeError("X: n=0 samples; a loss needs at least one")
    return inputs


def read_data(network: Network, X: Any, y: Any) -> DataSet:
    """Return inputs and targets as exact numbers; y may have shape (n,) when the network has one output.

    A shape that numpy or torch would broadcast silently, such as (n, 1) against (n, k), is refused.
    """
    inputs = read_inputs(network, X)
    targets = exact_array(y, "y")
    if targets.ndim == 1 and network.outputs == 1:
        targets = targets[:, None]
    if targets.shape != (inputs.shape[0], network.outputs):
        raise ShapeError(
            f"y: shape {np.shape(targets)}; expected ({inputs.shape[0]}, {network.outputs}): one row per sample, one"
            " column per output"
        )
    return DataSet(inputs, targets)
