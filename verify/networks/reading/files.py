"""Models and data from files and factories, never by unpickling.

A model is either a Python factory ``package.module:function`` that returns a torch module, or weights in safetensors plus
a JSON architecture::

    {"layers": [{"type": "NTKLinear", "in_features": 10, "out_features": 64, "bias": false},
                {"type": "Tanh"}, {"type": "Linear", "in_features": 64, "out_features": 1}]}

whose tensors are named as ``torch.nn.Sequential`` names them (``0.weight``, ``0.bias``, …). Data come as ``.npz`` with arrays
``X`` and ``y`` (no pickles) or as ``.csv`` whose last columns are the targets.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file

from verify import nn
from verify.errors import InputError, UnsupportedLayerError

__all__ = ["build_architecture", "load_data", "load_model"]

_AFFINE = {"Linear": torch.nn.Linear, "NTKLinear": nn.NTKLinear}
_ACTIVATIONS: dict[str, tuple[type[torch.nn.Module], frozenset[str]]] = {
    "Tanh": (torch.nn.Tanh, frozenset()),
    "Sigmoid": (torch.nn.Sigmoid, frozenset()),
    "Softplus": (torch.nn.Softplus, frozenset({"beta"})),
    "GELU": (torch.nn.GELU, frozenset({"approximate"})),
    "SiLU": (torch.nn.SiLU, frozenset()),
    "Sine": (nn.Sine, frozenset()),
    "Identity": (torch.nn.Identity, frozenset()),
}


def build_architecture(description: Any) -> torch.nn.Sequential:
    """Build the Sequential that a parsed JSON architecture describes, with float64 parameters.

    Raises:
        InputError: malformed description. UnsupportedLayerError: a layer type that is not supported.
    """
    if not isinstance(description, dict) or not isinstance(description.get("layers"), list):
        raise InputError('architecture: expected an object {"layers": [...]}')
    modules: list[torch.nn.Module] = []
    for index, entry in enumerate(description["layers"]):
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            raise InputError(f'architecture: layers[{index}]={entry!r}; expected an object with a "type"')
        kind, options = entry["type"], {key: value for key, value in entry.items() if key != "type"}
        if kind in _AFFINE:
            sizes = [options.pop(key, None) for key in ("in_features", "out_features")]
            bias = options.pop("bias", kind == "Linear")
            if options or not isinstance(bias, bool) or not all(type(size) is int and size > 0 for size in sizes):
                raise InputError(
                    f"architecture: layers[{index}]={entry!r}; expected positive integers in_features and out_features"
                    " and an optional boolean bias"
                )
            layer = _AFFINE[kind](sizes[0], sizes[1], bias=bias)
            modules.append(layer.to(torch.float64))
        elif kind in _ACTIVATIONS:
            factory, allowed = _ACTIVATIONS[kind]
            if set(options) - allowed:
                raise InputError(f"architecture: layers[{index}]: unknown options {sorted(set(options) - allowed)}")
            modules.append(factory(**options))
        else:
            raise UnsupportedLayerError(
                f"architecture: layers[{index}]: type={kind!r}; supported: {', '.join([*_AFFINE, *_ACTIVATIONS])}"
            )
    return torch.nn.Sequential(*modules)


def load_model(spec: str, architecture: Path | None = None) -> torch.nn.Module:
    """Load a model from ``package.module:function`` or from safetensors weights plus a JSON architecture.

    Args:
        spec: a factory (imported and called without arguments), or the path of a ``.safetensors`` file.
        architecture: path of the JSON architecture; required with weights, refused with a factory.

    Raises:
        InputError: anything missing or malformed, with the remedy.
    """
    if spec.endswith(".safetensors"):
        if architecture is None:
            raise InputError(f"model={spec}: weights need --architecture FILE.json, which names the layers")
        model = build_architecture(_read_json(architecture))
        try:
            tensors = load_file(spec)
        except (OSError, SafetensorError) as error:
            raise InputError(f"model={spec}: not a readable safetensors file ({error})") from error
        expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        given = {name: tuple(value.shape) for name, value in tensors.items()}
        if expected != given:
            raise InputError(f"model={spec}: tensors {given} do not fit the architecture, which needs {expected}")
        if any(not tensor.is_floating_point() for tensor in tensors.values()):
            raise InputError(f"model={spec}: weights must be floating point")
        model.load_state_dict({name: tensor.to(torch.float64) for name, tensor in tensors.items()})
        return model
    if spec.count(":") != 1 or architecture is not None:
        raise InputError(
            f"model={spec!r}: expected package.module:function (without --architecture), or FILE.safetensors with"
            " --architecture FILE.json. Pickled models are never loaded"
        )
    module_name, function_name = spec.split(":")
    try:
        factory = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"model={spec!r}: cannot import it ({error}); is its folder on PYTHONPATH?") from error
    model = factory()
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model={spec!r}: returned {type(model).__name__}, expected a torch.nn.Module")
    return model


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"architecture={path}: not a readable JSON file ({error})") from error


def load_data(path: Path, targets: int = 1) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n ..."]]:
    """Load (X, y) from ``.npz`` (arrays X and y) or ``.csv`` (last `targets` columns are y; one header line allowed).

    Decimal numbers of a CSV are rounded to the nearest double; the certificate is about those doubles.

    Raises:
        InputError: unreadable file, missing array, ragged or empty table.
    """
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as archive:
                return archive["X"], archive["y"]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"data={path}: expected an .npz with plain arrays X and y ({error})") from error
    if path.suffix == ".csv":
        try:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            rows = [line.split(",") for line in lines]
            if rows and not _is_number(rows[0][0]):
                rows = rows[1:]
            table = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float64)
        except (OSError, ValueError) as error:
            raise InputError(f"data={path}: not a table of numbers ({error})") from error
        if table.ndim != 2 or table.shape[1] <= targets or targets < 1:
            raise InputError(
                f"data={path}: shape {table.shape} with targets={targets}; expected inputs, then the targets"
            )
        return table[:, :-targets], table[:, -targets:]
    raise InputError(f"data={path}: expected a .npz or .csv file")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
