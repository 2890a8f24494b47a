"""Fields of a witness: tables of doubles, positions in them, numbers of steps; and how many of each this checker takes on."""

from __future__ import annotations

from typing import Any

from verify.checker.reading import Array, afford, expect

__all__ = ["MAX_STEPS", "MAX_TABLE", "floats", "is_index", "require_steps"]

MAX_TABLE, MAX_STEPS = 4096, 100_000


def floats(value: Any, size: int | None = None) -> list[float]:
    """Return a list of doubles, stored as a list or as a one-dimensional array; refuse the file where there are not `size` of them."""
    if isinstance(value, Array) and len(value.shape) == 1:
        value = value.data.tolist()
    expect(isinstance(value, list) and size in (None, len(value)), "a table has the wrong length")
    afford(len(value), MAX_STEPS + 1, "rows of a table")
    expect(all(isinstance(item, float) for item in value), "expected doubles")
    return list(value)


def require_steps(value: Any) -> None:
    """Refuse what is no number of steps, and leave undecided what are too many."""
    expect(type(value) is int and value >= 0, "expected a number of steps")
    afford(value, MAX_STEPS, "steps")


def is_index(value: Any, size: int) -> bool:
    """Whether a stored value is a position in a table of that size."""
    return type(value) is int and 0 <= value < size
