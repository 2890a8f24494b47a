"""What a long run shows while it lasts, and where its time goes."""

from __future__ import annotations

import time
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
    """A progress line on a terminal, nothing elsewhere."""

    def __init__(self, shown: bool, total: int, done: int, what: str) -> None:
        """Prepare the line; it appears on entry."""
        self._bar: Any = None
        self._shown = 0.0
        if shown:
            with extra("cli"):
                from rich.console import Console
                from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
                from rich.progress import Progress as Bar
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
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

    def update(self, step: int, text: str) -> None:
        """Show a step and a text, ten times a second at most."""
        now = time.monotonic()
        if self._bar is not None and now - self._shown > 0.1:
            self._shown = now
            self._bar.update(self._id, completed=step, description=text)
