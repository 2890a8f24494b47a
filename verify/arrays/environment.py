"""The floating-point environment of the calling thread: read before any bound is built on it.

Every radius here assumes round-to-nearest and subnormals. Any library may change both for a thread: one built with
-ffast-math flushes subnormals to zero from its import on, torch.set_flush_denormal(True) does, fesetround turns the rounding.
:func:`require_default_environment` notices from six operations on Python floats, which run in the same registers as numpy's
loops. It costs some 0.1 μs, a fiftieth of the cheapest operation on balls, so every construction and comparison of balls and
rows makes it: nothing is cached that could become stale.

What it cannot see is another thread: BLAS threads keep the environment they were started with. Products are probed for that by
:func:`verify.arrays.require_sound_arithmetic`.

numpy's error handling (np.seterr) belongs to the environment too, but changes no bit: :func:`in_default_environment` sets it aside.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

from verify.errors import UnsoundArithmeticError

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Variables, so that no compiler folds the operations below; from their bits, so that they are right whenever this module is first
# imported.
_SMALLEST_SUBNORMAL, _SMALLEST_NORMAL, _BELOW_HALF_ULP, _HALF, _ONE = struct.unpack(
    "<5d", b"".join(bits.to_bytes(8, "little") for bits in (1, 1 << 52, (1023 - 60) << 52, 1022 << 52, 1023 << 52))
)


def require_default_environment() -> None:
    """Refuse unless this thread rounds to nearest and keeps subnormals.

    Raises:
        UnsoundArithmeticError: names what is different and the remedy.
    """
    # Reading: a subnormal operand taken for 0 makes the first product 0. Writing: half the smallest normal is subnormal. Rounding
    # up moves 1 + 2^-60, down and towards zero move 1 − 2^-60.
    if (
        _SMALLEST_SUBNORMAL * _ONE > 0.0
        and _SMALLEST_NORMAL * _HALF > 0.0
        and _ONE + _BELOW_HALF_ULP == _ONE
        and _ONE - _BELOW_HALF_ULP == _ONE
    ):
        return
    if _ONE + _BELOW_HALF_ULP == _ONE and _ONE - _BELOW_HALF_ULP == _ONE:
        raise UnsoundArithmeticError(
            "floating-point environment: subnormals are flushed to zero in this thread (torch.set_flush_denormal(True), or "
            "a library built with -ffast-math that was imported); switch it off: torch.set_flush_denormal(False)"
        )
    raise UnsoundArithmeticError(
        "floating-point environment: this thread does not round to nearest; set the rounding mode back (fesetround(FE_TONEAREST))"
    )


def in_default_environment(entry: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate an entry point: the thread's environment is looked at first, and numpy reports nothing to the caller's np.seterr.

    Overflow, underflow and invalid operations are handled by value here: a radius covers them, or is infinite. A caller's
    np.seterr(all="raise"), or warnings turned into errors, would raise on them; it is in force again afterwards.

    Raises:
        UnsoundArithmeticError: :func:`require_default_environment`.
    """

    @functools.wraps(entry)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        require_default_environment()
        # Made anew by each call: one np.errstate used as a decorator is shared by threads, and by calls within calls.
        with np.errstate(all="ignore"):
            return entry(*args, **kwargs)

    return guarded
