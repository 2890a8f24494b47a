"""Rows and certificates of results as files: what is finished is read, not repeated, and says what made it."""

from __future__ import annotations

import argparse
import datetime
import functools
import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from verify.certificates import Certificate
from verify.errors import extra
from verify.files import write_whole
from verify.sweeps.workers import Lost, on_workers

__all__ = ["chosen", "command_line", "run_resumably", "save", "write_json"]


class Named(Protocol):
    """Whatever has a file-safe name of its own."""

    @property
    def name(self) -> str:
        """The name."""


T = TypeVar("T", bound=Named)


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what experiments on workers take: ``DIRECTORY [--workers N]``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    return parser


def chosen(parser: argparse.ArgumentParser, cases: Sequence[T], names: Sequence[str]) -> list[T]:
    """Return the cases of the names given on the command line, in the table's order; all of them if there are none. An unknown name ends the program."""
    unknown = sorted(set(names) - {case.name for case in cases})
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(case.name for case in cases)}")
    return [case for case in cases if not names or case.name in names]


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all; what JSON does not know is written as its text."""
    write_whole(path, json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


@functools.cache
def _commit() -> str:
    """The checkout's commit, with a + where tracked files differ from it; empty outside a checkout."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except OSError:
        return ""


def save(certificate: Certificate, path: Path) -> Path:
    """Save a certificate at ``<name>.zip``; the commit and day that made it stand in ``provenance/<SHA-256 of the file>.json`` beside it."""
    path = certificate.save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    record = path.parent / "provenance" / f"{digest}.json"
    record.parent.mkdir(exist_ok=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    write_json(record, {"file": path.name, "commit": _commit(), "date": today})
    return path


def _one(run: Callable[[T, Path], dict[str, Any]], case: T, path: Path) -> dict[str, Any]:
    """Run one case on one BLAS thread, as every worker does: rows do not depend on how many there are."""
    with extra("sweep"):
        from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return run(case, path)


def run_resumably(
    directory: Path, cases: Sequence[T], run: Callable[[T, Path], dict[str, Any]], *, workers: int = 1
) -> list[dict[str, Any]]:
    """Return a row per case: read from ``directory/<name>.json`` where that exists, else made and written there.

    Args:
        directory: made when missing. cases: with names that are unique.
        run: called with a case and the path ``<name>.zip`` for its certificate; returns the row.
        workers: processes, by :mod:`verify.sweeps.workers`; 1 runs in this process. A case that a worker does not finish (an exception,
            memory, four lost workers) has the verdict FAILED with the reason, and is tried again by the next call.
    """
    directory.mkdir(parents=True, exist_ok=True)
    places = {case.name: directory / f"{case.name}.json" for case in cases}
    todo = {
        case.name: (run, case, places[case.name].with_suffix(".zip"))
        for case in cases
        if not places[case.name].exists()
    }
    failed: dict[str, dict[str, Any]] = {}
    local = ((name, _one(*arguments)) for name, arguments in todo.items())
    for name, result in local if workers == 1 else on_workers(_one, todo, workers=workers):
        if isinstance(result, Lost):
            failed[name] = {"name": name, "verdict": "FAILED", "reason": result.reason}
        else:
            write_json(places[name], result)
    return [failed.get(name) or json.loads(path.read_text(encoding="utf-8")) for name, path in places.items()]
