"""Floating-point environments that other libraries leave behind, set for the calling thread (x86-64 with glibc)."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE, _MXCSR = 32, 28  # fenv_t of glibc on x86-64: seven words of the x87 unit, then MXCSR
FOREIGN = {
    "flush to zero": 0x8000,
    "denormals are zero": 0x0040,
    "both, as -ffast-math sets them": 0x8040,
    "rounding down": 0x2000,
    "rounding up": 0x4000,
    "rounding towards zero": 0x6000,
}
available = platform.machine() in ("x86_64", "AMD64") and Path("/proc").exists() and platform.libc_ver()[0] == "glibc"


@contextmanager
def foreign_environment(name: str) -> Iterator[None]:
    """Set the bits of MXCSR that `name` stands for; put the environment back afterwards."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    before = ctypes.create_string_buffer(_SIZE)
    libm.fegetenv(before)
    word = int.from_bytes(before.raw[_MXCSR:], "little") | FOREIGN[name]
    libm.fesetenv(ctypes.create_string_buffer(before.raw[:_MXCSR] + word.to_bytes(4, "little"), _SIZE))
    try:
        yield
    finally:
        libm.fesetenv(before)
