"""Which instructions of a user's code run: a forward must take on numbers the way that it took on a symbol.

A forward that tells the two apart (``isinstance(x, torch.Tensor)``, ``type(x)``, a question to torch.fx) can hide from the symbol what it does for some inputs,
a batch of another size say. It shows where numbers make it run an instruction that no run on a symbol has met.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import sysconfig
import threading
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch

from verify import nn

__all__ = ["Steps", "is_installed", "recorded_steps", "undisturbed", "words_of"]

_PACKAGES = tuple({sysconfig.get_paths()[key] for key in ("purelib", "platlib")})
_LIBRARY = tuple({sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib")})
_FOREIGN = tuple(os.path.dirname(str(package.__file__)) for package in (torch, np))
_HERE = os.path.dirname(__file__)

# Those that come of themselves or from outside; not every system has every one.
_NAMES = ("ALRM", "VTALRM", "PROF", "INT", "TERM", "HUP", "CHLD", "WINCH", "USR1", "USR2", "IO")
_SIGNALS = [getattr(signal, f"SIG{name}") for name in _NAMES if hasattr(signal, f"SIG{name}")]

# (code, offset of an instruction)
Steps = set[tuple[CodeType, int]]


def is_installed(file: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    return file.startswith((*_PACKAGES, *_LIBRARY))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage is collected inside, and signals wait: somebody else's finaliser, or handler (a profiler's timer), would run among what is watched."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        with _signals_waiting():
            yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _signals_waiting() -> Iterator[None]:
    """Signals that have a handler in Python are handled afterwards; in other threads than the first none ever is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in _SIGNALS}
    handlers = {number: handler for number, handler in found.items() if isinstance(handler, FunctionType | MethodType)}
    came: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


@contextlib.contextmanager
def recorded_steps() -> Iterator[Steps]:
    """Collect the instructions that run inside, but for those of Python, torch, numpy, :mod:`verify.nn` and this folder."""
    found: Steps = set()

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        if not _is_followed(frame):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        found.add((frame.f_code, 0))
        return note

    def note(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            found.add((frame.f_code, frame.f_lasti))
        return note

    with undisturbed():
        before = sys.gettrace()
        sys.settrace(watch)
        try:
            yield found
        finally:
            sys.settrace(before)


def _is_followed(frame: FrameType) -> bool:
    # What a dataclass or a named tuple generates has no file; the globals say whose it is.
    file, name = frame.f_globals.get("__file__") or frame.f_code.co_filename, frame.f_globals.get("__name__", "")
    if file.startswith(_FOREIGN) or file == nn.__file__ or os.path.dirname(file) == _HERE:
        return False
    of_python = file.startswith(_LIBRARY) and "-packages" not in file
    return not of_python and not name.startswith("namedtuple_")


def words_of(steps: Steps) -> str:
    """Name the first of some instructions."""
    code, offset = min(steps, key=lambda step: (step[0].co_filename, step[0].co_firstlineno, step[1]))
    line = next((line for start, end, line in code.co_lines() if start <= offset < end), None) or code.co_firstlineno
    return f"{code.co_qualname}, line {line}"
