"""What a long run shows while it lasts, and where its time goes."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from verify.errors import extra

__all__ = ["Clock", "Progress"]


class Timed(Protocol):
    """What a clock adds to."""

    training_seconds: float
    proving_seconds: float


class Clock:
    """Where the time of a run goes: gradient steps, proofs, and the rest (files, progress), which counts for neither."""

    def __init__(self, run: Timed) -> None:
        """Start."""
        self._run, self._since = run, time.monotonic()

    def training(self) -> None:
        """What happened since the last call was training."""
        now = time.monotonic()
        self._run.training_seconds += now - self._since
        self._since = now

    def proving(self) -> None:
        """What happened since the last call was proving."""
        now = time.monotonic()
        self._run.proving_seconds += now - self._since
        self._since = now

    def other(self) -> None:
        """What happened since the last call was neither."""
        self._since = time.monotonic()


class Progress:
    """What a long run shows on stderr: a line that is kept up to date on a terminal, a new line every 30 s elsewhere."""

    _every_seconds = 30.0

    def __init__(self, wanted: bool | None, total: int | None, done: int, what: str) -> None:
        """Prepare; the line appears on entry.

        Args:
            wanted: False shows nothing, True a line also where there is no terminal, None what the class says.
            total, done: steps in all (None where that is not known), and those behind us. what: the activity.
        """
        self._what, self._shown, self._written = what, 0.0, time.monotonic()
        self._bar: Any = None
        terminal = sys.stderr.isatty()
        self._lines = wanted is None and not terminal
        if wanted or (wanted is None and terminal and importlib.util.find_spec("rich") is not None):
            with extra("cli"):
                from rich.console import Console
                from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True, markup=False), transient=True)
            self._id = self._bar.add_task(what, total=total, completed=done)

    def __enter__(self) -> Progress:
        """Show the line."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove the line."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: int, describe: Callable[[], str]) -> None:
        """Show a step and a text, asked for only when it is shown: ten times a second at most."""
        now = time.monotonic()
        if self._bar is not None and now - self._shown > 0.1:
            self._shown = now
            self._bar.update(self._id, completed=step, description=describe())
        elif self._lines and now - self._written > self._every_seconds:
            self._written = now
            print(f"{self._what}: {describe()}", file=sys.stderr, flush=True)
