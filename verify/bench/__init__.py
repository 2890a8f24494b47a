"""Side by side with what a user would pick instead: the comparisons behind ``verify bench``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from verify.errors import InputError

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["SECTIONS", "as_table", "run_all"]

SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ntk": "verify.bench.kernels",
        "maps": "verify.bench.maps",
        "eigenvalues": "verify.bench.eigenvalues",
        "arrays": "verify.bench.arrays",
        "functions": "verify.bench.functions",
        "rates": "verify.bench.rates",
        "weights": "verify.bench.weights",
        "steps": "verify.bench.steps",
        "growth": "verify.bench.growth",
        "balls": "verify.bench.balls",
    }
)
"""Name of a comparison → the module whose ``run(quick)`` makes its rows."""


def run_all(quick: bool = False, only: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Run the comparisons and return their rows (see :mod:`verify.bench.timing` for the keys), each with its ``group``.

    Args:
        quick: small sizes, one to two minutes; ratios are then not meaningful.
        only: names in SECTIONS; None runs all.

    Raises:
        InputError: an unknown name.

    >>> run_all(only=["everything"])
    Traceback (most recent call last):
    verify.errors.InputError: only=everything: expected names among ntk, maps, eigenvalues, arrays, functions, rates, weights, steps, growth, balls
    """
    chosen = list(SECTIONS) if not only else list(only)
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        raise InputError(f"only={', '.join(unknown)}: expected names among {', '.join(SECTIONS)}")
    rows: list[dict[str, Any]] = []
    for name in chosen:
        module = importlib.import_module(SECTIONS[name])
        rows += [{"group": name, **row} for row in module.run(quick)]
    return rows


def as_table(rows: Sequence[Mapping[str, Any]]) -> Group:
    """Return the rows as Rich tables: times, results, and what was skipped."""
    from verify.bench.table import as_table as table

    return table(rows)
