"""How the command line answers: exit codes, one JSON object, and one clear line for whatever is refused or goes wrong."""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from verify.decimals import bounds, enclosure
from verify.errors import MissingExtraError, VerifyError

__all__ = ["ERROR", "EXIT", "guarded", "numbers", "print_json"]

EXIT = {"PROVED": 0, "REFUTED": 1, "INCONCLUSIVE": 2, "ACCEPTED": 0, "REJECTED": 1, "UNDECIDED": 2}
ERROR = 3
"""Exit code of every error: wrong usage, refused input, no memory, a fault of the program. 1 always means REFUTED or REJECTED."""


_EXTRA = {
    "matplotlib": "report",
    "jinja2": "report",
    "markupsafe": "report",
    "sklearn": "data",
    "mlxtend": "data",
    "z3": "test",
    "cvc5": "test",
}
"""Module → the extra that installs it, for what a verb imports outside a block ``with extra(…)``."""


def print_json(value: Any) -> None:
    """Print one JSON object on standard output; infinities do not occur in JSON and are refused."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=str))


def _end(value: Any, towards: float) -> float | None:
    """Return a bound as a double, rounded towards ±∞; None where it is infinite or no number."""
    try:
        nearest = float(value)
    except OverflowError:
        return None
    if not math.isfinite(nearest):
        return None
    low, high = (nearest, value) if towards > 0 else (value, nearest)
    inward = Fraction(low) < Fraction(high)
    result = math.nextafter(nearest, towards) if inward else nearest
    return result if math.isfinite(result) else None


def numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return named enclosures and exact numbers as ``{"lower": …, "upper": …, "text": …}``; an end that no double bounds is null."""
    answer: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            answer[name] = None
            continue
        low, high = bounds(value)
        answer[name] = {"lower": _end(low, -math.inf), "upper": _end(high, math.inf), "text": enclosure(value)}
    return answer


def _line(error: BaseException) -> str:
    """Say in one line what is wrong."""
    if isinstance(error, VerifyError):
        text = f"{type(error).__name__}: {error}"
    elif isinstance(error, ModuleNotFoundError) and error.name in _EXTRA:
        text = f"MissingExtraError: {MissingExtraError(_EXTRA[error.name], error)}"
    elif hasattr(error, "format_message"):  # the command line's own errors of usage
        text = f"usage: {error.format_message()} (see --help)"
    elif isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    elif isinstance(error, MemoryError):
        text = f"ResourceError: out of memory ({error}); fewer samples or a narrower network need less"
    elif isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        text = "interrupted"
    else:
        text = f"unexpected {type(error).__name__}: {error}. This is a fault of lplr-verify; VERIFY_TRACEBACK=1 shows where"
    return " ".join(text.split())


def guarded(command: Callable[[Sequence[str]], Any], arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; an error is one line on standard error (with --json an object on standard output), and 3."""
    try:
        code = command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone; nothing is left to say, and nothing may be said at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("VERIFY_TRACEBACK"):
            traceback.print_exc()
        line = _line(error)
        if "--json" in arguments:
            print_json({"error": {"kind": type(error).__name__, "message": line}})
        else:
            print(line, file=sys.stderr)
        return ERROR
    return code if isinstance(code, int) else 0
