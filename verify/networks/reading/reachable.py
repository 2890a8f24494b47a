"""The Python values that a forward can reach besides its inputs: one that changes them may compute something else at its next call.

Reached are the module's attributes, those of its submodules and classes, what its methods close over, their defaults, the globals that they name,
whatever these hold, and the random generators of Python, numpy and torch. Code of installed packages is not entered, but where the modules' own classes stand.
Of parameters and buffers, which are on the meta device, shapes are looked at, and attributes.
"""

from __future__ import annotations

import functools
import random
import sys
import warnings
import weakref
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import BuiltinFunctionType, CodeType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

from verify.errors import UnsupportedLayerError
from verify.networks.reading.steps import is_installed

__all__ = ["Reached"]

_PLAIN = frozenset(
    [
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type(None),
        type(...),
        range,
        slice,
        torch.dtype,
        torch.device,
        torch.layout,
    ]
)
_MOST = 100_000
# What a class of an installed package could keep.
_DATA = _PLAIN | {list, dict, set, deque}

Parts = Iterable[tuple[str, Any]]


class Reached:
    """What a module's forward can reach, at the time of the call.

    Args:
        memory: (first byte, end) of each parameter: an array there would be one that the forward can read and write unseen.

    Raises:
        UnsupportedLayerError: such an array, or too many values.
    """

    def __init__(self, module: torch.nn.Module, memory: Iterable[tuple[int, int]]) -> None:
        """Walk through everything in reach."""
        # Kept alive with the record, so that no other value gets the address of one that was reached.
        self._seen: dict[int, Any] = {}
        self._memory = tuple(memory)
        self._own = {
            _file_of(type(part)) for part in module.modules() if not type(part).__module__.startswith("torch.")
        }
        self._found: dict[str, object] = {
            "random": random.getstate(),
            "torch.random": torch.random.get_rng_state().numpy().tobytes(),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._walk("numpy.random", np.random.get_state(legacy=False))  # noqa: NPY002
            self._walk("self", module)

    def differs(self, other: Reached) -> list[str]:
        """Where two records differ."""
        names = {**self._found, **other._found}
        return [name for name in names if self._found.get(name, names) != other._found.get(name, names)]

    def _walk(self, where: str, value: Any) -> None:
        waiting = deque([(where, value)])
        while waiting:
            where, value = waiting.popleft()
            if type(value) in _PLAIN:
                self._found[where] = (type(value), repr(value))
            elif id(value) in self._seen:
                self._found[where] = type(value)
            else:
                self._seen[id(value)] = value
                self._found[where], parts = self._opened(value)
                waiting.extend((f"{where}.{name}", part) for name, part in parts)
            if len(self._found) > _MOST:
                raise UnsupportedLayerError(
                    f"its forward can reach more than {_MOST} Python values, too many to see whether it changes one; keep them outside the module"
                )

    def _opened(self, value: Any) -> tuple[object, Parts]:
        """What is compared of a value itself, and the parts that it holds."""
        kind = type(value)
        if issubclass(kind, torch.fx.Proxy):
            return (kind, id(value)), ()
        if issubclass(kind, torch.Tensor):
            return _of_tensor(value), vars(value).items()
        if kind is memoryview:
            value, kind = np.asarray(value), np.ndarray
        if issubclass(kind, np.ndarray):
            self._require_apart(value)
            return _of_array(value)
        if issubclass(kind, torch.nn.Module):
            return (kind, tuple(vars(value))), (*vars(value).items(), (kind.__name__, kind))
        if kind in (list, tuple, deque):
            return (kind, len(value)), _numbered(value)
        if kind in (set, frozenset):
            return (kind, tuple(sorted(map(_key, value)))), ((_key(part), part) for part in value)
        if issubclass(kind, dict):
            return (kind, tuple(map(_key, value))), ((_key(key), part) for key, part in [*value.items()])
        return self._of_code(value) or _of_object(value)

    def _require_apart(self, array: np.ndarray) -> None:
        start, end = np.lib.array_utils.byte_bounds(array)
        if any(start < last and first < end for first, last in self._memory):
            raise UnsupportedLayerError(
                "its forward can reach an array that shares memory with a parameter: it could read or change the weights unseen. Copy the array"
            )

    def _of_code(self, value: Any) -> tuple[object, Parts] | None:
        """Functions, methods, classes and what stands for them; modules are read where a function names something of theirs."""
        if isinstance(value, ModuleType):
            return (ModuleType, value.__name__), ()
        if isinstance(value, FunctionType):
            cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
            held = [(name, _content(cell)) for name, cell in cells]
            held += [
                ("defaults", value.__defaults__),
                ("kwdefaults", value.__kwdefaults__),
                ("attributes", vars(value)),
            ]
            if self._is_entered(value.__code__.co_filename):
                held += _named(_names(value.__code__), value.__globals__)
            return (FunctionType, value.__code__.co_qualname, id(value.__code__)), held
        if isinstance(value, MethodType | BuiltinFunctionType):
            name = getattr(value, "__qualname__", "")
            return (type(value), name), [("self", value.__self__), ("function", getattr(value, "__func__", None))]
        if isinstance(value, type):
            entered = self._is_entered(_file_of(value))
            own = {
                name: part
                for name, part in vars(value).items()
                if entered or (type(part) in _DATA and not name.startswith("__"))
            }
            parts = [(name, part) for name, part in own.items() if name not in ("__dict__", "__weakref__", "__doc__")]
            return (type, value.__qualname__, tuple(own)), [*parts, ("bases", value.__bases__), ("class", type(value))]
        if isinstance(value, staticmethod | classmethod):
            return type(value), [("function", value.__func__)]
        if isinstance(value, property):
            return property, [("get", value.fget), ("set", value.fset)]
        if isinstance(value, functools._lru_cache_wrapper):
            return (type(value), value.cache_info()), [("function", value.__wrapped__)]
        return None

    def _is_entered(self, file: str | None) -> bool:
        return file is not None and (file in self._own or not is_installed(file))


def _of_tensor(value: torch.Tensor) -> object:
    if value.is_meta:
        return torch.Tensor, value.shape, value.dtype
    return torch.Tensor, id(value), 0 if value.is_inference() else value._version


def _of_array(value: np.ndarray) -> tuple[object, Parts]:
    if value.dtype.hasobject:
        return (np.ndarray, value.shape), _numbered(value.ravel().tolist())
    return (np.ndarray, value.shape, value.dtype, zlib.crc32(value.tobytes())), ()


def _of_object(value: Any) -> tuple[object, Parts]:
    """Any other object: its attributes, and what pickle would save of it; nothing is pickled."""
    kind = type(value)
    parts: list[tuple[str, Any]] = [*vars(value).items()] if hasattr(value, "__dict__") else []
    parts.append((kind.__name__, kind))
    if isinstance(value, GeneratorType):
        frame = value.gi_frame
        return (kind, None if frame is None else frame.f_lasti), () if frame is None else list(frame.f_locals.items())
    if isinstance(value, torch.Generator):
        return (kind, value.get_state().numpy().tobytes()), ()
    if isinstance(value, weakref.ref):
        return kind, [("target", value())]
    if isinstance(value, ContextVar):
        return kind, [("value", value.get(None))]
    try:
        saved = value.__reduce_ex__(2)
    except Exception:
        # Nothing is known of it but which one it is.
        return (kind, id(value), repr(value) if kind.__module__ == "itertools" else ""), parts
    return kind, [*parts, ("saved", saved)]


def _numbered(values: Iterable[Any]) -> Parts:
    return [(str(i), part) for i, part in enumerate(values)]


def _key(value: Any) -> str:
    return repr(value) if type(value) in _PLAIN else f"{type(value).__name__}@{id(value)}"


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _file_of(kind: type) -> str | None:
    """Where a class stands; None of a built-in one, "" where it was typed in."""
    module = sys.modules.get(kind.__module__)
    return None if kind.__module__ == "builtins" else getattr(module, "__file__", None) or ""


def _names(code: CodeType) -> frozenset[str]:
    """Every name that a function's code, or one defined in it, uses, or has as a string: for getattr, or globals()."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return frozenset((*code.co_names, *(text for text in code.co_consts if isinstance(text, str)))).union(*inner)


def _named(names: frozenset[str], table: Mapping[str, Any], depth: int = 4) -> Iterator[tuple[str, Any]]:
    """The globals of these names; of modules among them what these names mean in them."""
    for name in sorted(names & table.keys()):
        value = table[name]
        if isinstance(value, ModuleType) and depth:
            yield from ((f"{name}.{inner}", part) for inner, part in _named(names, vars(value), depth - 1))
        else:
            yield name, value
