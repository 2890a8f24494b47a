"""Which instructions of a user's code run: a forward must take on numbers the way that it took on a symbol.

A forward that tells the two apart (``isinstance(x, torch.Tensor)``, ``type(x)``, a question to torch.fx) can hide from the symbol what it does for some inputs,
a batch of another size say. It shows where numbers make it run an instruction that no run on a symbol has met.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from verify import nn

__all__ = ["INSTALLED", "Steps", "recorded_steps", "words_of"]

INSTALLED = tuple({sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")})
_HERE = os.path.dirname(__file__)

# (code, offset of an instruction)
Steps = set[tuple[CodeType, int]]


@contextlib.contextmanager
def recorded_steps() -> Iterator[Steps]:
    """Collect the instructions that run inside, but for those of installed packages, of :mod:`verify.nn` and of this folder."""
    found: Steps = set()

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        if not _is_of_a_user(frame):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        found.add((frame.f_code, 0))
        return note

    def note(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            found.add((frame.f_code, frame.f_lasti))
        return note

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield found
    finally:
        sys.settrace(before)


def _is_of_a_user(frame: FrameType) -> bool:
    # What a dataclass or a named tuple generates has no file; the globals say whose it is.
    file, name = frame.f_globals.get("__file__") or frame.f_code.co_filename, frame.f_globals.get("__name__", "")
    return (
        not file.startswith(INSTALLED)
        and file != nn.__file__
        and os.path.dirname(file) != _HERE
        and not name.startswith("namedtuple_")
    )


def words_of(steps: Steps) -> str:
    """Name the first of some instructions."""
    code, offset = min(steps, key=lambda step: (step[0].co_filename, step[0].co_firstlineno, step[1]))
    line = next((line for start, end, line in code.co_lines() if start <= offset < end), None) or code.co_firstlineno
    return f"{code.co_qualname}, line {line}"
