"""Rows of results as files: what is finished is read, not repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from verify.files import write_whole

__all__ = ["run_resumably", "write_json"]


class Named(Protocol):
    """Whatever has a file-safe name of its own."""

    @property
    def name(self) -> str:
        """The name."""


T = TypeVar("T", bound=Named)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all; what JSON does not know is written as its text."""
    write_whole(path, json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


def run_resumably(
    directory: Path, cases: Sequence[T], run: Callable[[T, Path], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return a row per case: read from ``directory/<name>.json`` where that exists, else made and written there.

    Args:
        directory: made when missing. cases: with names that are unique.
        run: called with a case and the path ``<name>.zip`` for its certificate; returns the row.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in cases:
        path = directory / f"{case.name}.json"
        if not path.exists():
            write_json(path, run(case, path.with_suffix(".zip")))
        rows.append(json.loads(path.read_text(encoding="utf-8")))
    return rows
