"""Models and data from files and factories, never by unpickling.

A model is either a Python factory ``package.module:function`` that returns a torch module, or weights in safetensors plus
a JSON architecture::

    {"layers": [{"type": "NTKLinear", "in_features": 10, "out_features": 64, "bias": false},
                {"type": "Tanh"}, {"type": "Linear", "in_features": 64, "out_features": 1}]}

whose tensors are named as ``torch.nn.Sequential`` names them (``0.weight``, ``0.bias``, …). Data come as ``.npz`` with arrays
``X`` and ``y`` (no pickles) or as ``.csv`` whose last columns are the targets (:mod:`verify.networks.reading.tables`).

A file is untrusted: whatever numpy's, safetensors' or json's reader raises on its bytes is a refused input, not an error of ours.
"""

from __future__ import annotations

import importlib
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file

from verify import nn
from verify.arguments import exact_count
from verify.errors import InputError, UnsupportedLayerError, VerifyError
from verify.files import parse_json
from verify.memory import require_memory
from verify.networks.functions import ACTIVATIONS
from verify.networks.reading.tables import read_table

__all__ = ["DataFile", "build_architecture", "load_data", "load_model"]

_AFFINE = {"Linear": torch.nn.Linear, "NTKLinear": nn.NTKLinear}
_LARGEST_JSON, _LARGEST_SIZE, _MOST_LAYERS = 2**24, 2**40, 10_000


def _positive(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < 2**1000 and math.isfinite(value)


_NUMBER = ("a finite number > 0", _positive)
# type → (module, {option: what it may be, in words and as a test}); of a module without options its record is enough.
_ACTIVATIONS: Mapping[str, tuple[type[torch.nn.Module], Mapping[str, tuple[str, Callable[[Any], bool]]]]] = {
    **{module.__name__: (module, {}) for record in ACTIVATIONS.values() if (module := record.module) is not None},
    "Softplus": (torch.nn.Softplus, {"beta": _NUMBER}),
    "GELU": (torch.nn.GELU, {"approximate": ("'none' or 'tanh'", lambda value: value in ("none", "tanh"))}),
    "CELU": (torch.nn.CELU, {"alpha": _NUMBER}),
    "ELU": (torch.nn.ELU, {"alpha": ("1", lambda value: type(value) in (int, float) and value == 1)}),
    "LeakyReLU": (torch.nn.LeakyReLU, {"negative_slope": _NUMBER}),
}


def build_architecture(description: Any) -> torch.nn.Sequential:
    """Build the Sequential that a parsed JSON architecture describes, with float64 parameters.

    Raises:
        InputError: malformed description. UnsupportedLayerError: a layer type that is not supported.
    """
    if not isinstance(description, dict) or not isinstance(description.get("layers"), list):
        raise InputError('architecture: expected an object {"layers": [...]}')
    unknown = sorted(map(str, set(description) - {"layers"}))
    if unknown:
        raise InputError(f"architecture: unknown entries {unknown[:6]}; expected layers alone")
    if len(description["layers"]) > _MOST_LAYERS:
        raise InputError(f"architecture: {len(description['layers'])} layers; at most {_MOST_LAYERS} are read")
    return torch.nn.Sequential(*(_build(f"layers[{i}]", entry) for i, entry in enumerate(description["layers"])))


def _build(where: str, entry: Any) -> torch.nn.Module:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise InputError(f'architecture: {where}={_short(entry)}; expected an object with a "type"')
    kind, options = entry["type"], {key: value for key, value in entry.items() if key != "type"}
    if kind in _AFFINE:
        sizes = [options.pop(key, None) for key in ("in_features", "out_features")]
        bias = options.pop("bias", kind == "Linear")
        bad = [f"{_short(key)}: {_short(value)}" for key, value in options.items()]
        named = zip(("in_features", "out_features"), sizes, strict=True)
        bad += [f"{key}: {_short(size)}" for key, size in named if type(size) is not int or size <= 0]
        bad += [] if isinstance(bias, bool) else [f"bias: {_short(bias)}"]
        if bad:
            raise InputError(
                f"architecture: {where} ({kind}): {', '.join(bad[:6])}: no such option or value; known are in_features and out_features, positive integers,"
                " and bias, true or false"
            )
        if sizes[0] * sizes[1] > _LARGEST_SIZE:
            raise InputError(
                f"architecture: {where} ({kind}): {_short(sizes[0])} × {_short(sizes[1])} weights; at most 2^40 are read"
            )
        layer: torch.nn.Module = _AFFINE[kind](sizes[0], sizes[1], bias=bias).to(torch.float64)
        return layer
    if kind not in _ACTIVATIONS:
        raise UnsupportedLayerError(
            f"architecture: {where}: type={_short(kind)}; supported: {', '.join([*_AFFINE, *_ACTIVATIONS])}"
        )
    factory, allowed = _ACTIVATIONS[kind]
    bad = [f"{_short(key)}: {_short(value)}" for key, value in options.items() if key not in allowed]
    bad += [
        f"{key}: {_short(options[key])}"
        for key, (_, right) in allowed.items()
        if key in options and not right(options[key])
    ]
    if bad:
        known = (
            f"known are {', '.join(f'{key}: {words}' for key, (words, _) in allowed.items())}"
            if allowed
            else "it has none"
        )
        raise InputError(f"architecture: {where} ({kind}): {', '.join(bad[:6])}: no such option or value; {known}")
    return factory(**options)


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, list | dict) else f"{type(value).__name__} {list(value)[:4]!s}"
    return text if len(text) <= 80 else text[:79] + "…"


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
        return _load_weights(spec, architecture)
    if spec.count(":") != 1 or architecture is not None:
        raise InputError(
            f"model={spec!r}: expected package.module:function (without --architecture), or FILE.safetensors with"
            " --architecture FILE.json. Pickled models are never loaded"
        )
    return _call_factory(spec)


def _load_weights(spec: str, architecture: Path) -> torch.nn.Module:
    with torch.device("meta"):
        # Shapes only: nothing is allocated before the file is known to hold such weights.
        model = build_architecture(_read_json(architecture))
    try:
        # Of the file, whatever torch's default device is: safetensors 0.4 asks for it.
        with torch.device("cpu"):
            tensors = load_file(spec)
    except Exception as error:
        raise InputError(f"model={spec}: not a readable safetensors file ({_words(error)})") from error
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    if expected != given:
        wrong = sorted(name for name in {*expected, *given} if expected.get(name) != given.get(name))
        raise InputError(
            f"model={spec}: the tensors do not fit the architecture: "
            + ", ".join(
                f"{_short(n)} is {given.get(n, 'missing')}, needs {expected.get(n, 'no such')}" for n in wrong[:4]
            )
        )
    if any(not tensor.is_floating_point() for tensor in tensors.values()):
        raise InputError(f"model={spec}: weights must be floating point")
    model.load_state_dict({name: tensor.to(torch.float64) for name, tensor in tensors.items()}, assign=True)
    return model.requires_grad_(True)


def _call_factory(spec: str) -> torch.nn.Module:
    module_name, function_name = spec.split(":")
    try:
        factory = getattr(importlib.import_module(module_name), function_name, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may also raise SystemExit, or any exception of its own
        hint = "is its folder on PYTHONPATH?" if isinstance(error, ModuleNotFoundError) else "mend it, or name another"
        raise InputError(f"model={spec!r}: cannot import {module_name!r} ({_words(error)}); {hint}") from error
    if factory is None:
        raise InputError(f"model={spec!r}: {module_name} has no function {function_name!r}")
    if not callable(factory):
        raise InputError(f"model={spec!r}: a {type(factory).__name__}, expected a function that returns the model")
    try:
        model = factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a factory may also raise SystemExit, or any exception of its own
        raise InputError(
            f"model={spec!r}: called without arguments it raised {_words(error)}; it must return the model"
        ) from error
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model={spec!r}: returned {type(model).__name__}, expected a torch.nn.Module")
    return model


def _words(error: BaseException) -> str:
    """A foreign error as one printable line."""
    lines = str(error).splitlines() or [""]
    first = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in lines[0][:200])
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _read_json(path: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name occurs twice in one object")
        return found

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON number")

    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise ValueError("larger than 16 MiB")
        return parse_json(path.read_text(encoding="utf-8"), object_pairs_hook=unique, parse_constant=constant)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"architecture={path}: not a readable JSON file ({_words(error)})") from error


@dataclass(frozen=True)
class DataFile:
    """A data set read from a file.

    Attributes:
        X: (n, d). y: (n,) or (n, k). description: one line that says what was read.
    """

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, "n ..."]
    description: str


def load_data(
    path: Path,
    targets: int = 1,
    *,
    header: bool | None = None,
    delimiter: str | None = None,
    rows: int | None = None,
) -> DataFile:
    """Load X and y from ``.npz`` (arrays X and y) or ``.csv`` (the last `targets` columns are y).

    Args:
        path: the file. targets, header, delimiter, rows: of a ``.csv``, see :func:`verify.networks.reading.tables.read_table`.

    Decimal numbers of a CSV are rounded to the nearest double; the certificate is about those doubles.

    Raises:
        InputError: unreadable file, missing array, ragged, ambiguous or empty table.
    """
    if path.suffix == ".npz":
        if (targets, header, delimiter, rows) != (1, None, None, None):
            raise InputError(f"data={path}: targets, header, delimiter and rows are options of a .csv")
        return _load_archive(path)
    if path.suffix == ".csv":
        table = read_table(path, header=header, delimiter=delimiter, rows=rows)
        if exact_count(targets, "targets", least=1) >= table.values.shape[1]:
            raise InputError(
                f"data={path}: shape {table.values.shape} with targets={targets!r}; expected inputs, then the targets"
            )
        words = f"{path.name}: {table.describe()}; the last {'column is the target' if targets == 1 else f'{targets} columns are the targets'}"
        return DataFile(table.values[:, :-targets], table.values[:, -targets:], words)
    raise InputError(f"data={path}: expected a .npz or .csv file")


def _load_archive(path: Path) -> DataFile:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
            size = sum(e.file_size for e, name in zip(archive.infolist(), names, strict=True) if name in ("X", "y"))
        if names.count("X") != 1 or names.count("y") != 1:
            raise ValueError(f"it holds {', '.join(map(repr, names[:6])) or 'nothing'}")
        require_memory(3 * size, f"data={path}", "use fewer samples")
        with np.load(path, allow_pickle=False) as stored:
            X, y = stored["X"], stored["y"]
    except VerifyError:
        raise
    except Exception as error:
        raise InputError(f"data={path}: expected an .npz with plain arrays X and y ({_words(error)})") from error
    # numpy returns the bytes of a member that is no array.
    kinds = [array.dtype if isinstance(array, np.ndarray) else type(array).__name__ for array in (X, y)]
    if not all(isinstance(kind, np.dtype) and kind.kind in "fiub" for kind in kinds):
        raise InputError(
            f"data={path}: X is {str(kinds[0])[:80]}, y is {str(kinds[1])[:80]}; expected arrays of numbers"
        )
    words = f"{path.name}: X {X.dtype} of shape {X.shape}, y {y.dtype} of shape {y.shape}"
    return DataFile(X, y, words)
