"""Tasks on Dask workers: results as they come, whatever becomes of a worker.

A worker runs one task at a time. A task whose worker is lost (killed, out of memory) is done again by Dask; one that loses its worker four times
ends as :class:`Lost`, and so does one that raises: nothing that one task does ends the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from verify.arguments import exact_count
from verify.errors import InputError, extra

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Lost", "on_workers", "require_workers"]

_LOST_AT_MOST = 3
"""Workers that a task may lose before it is given up: the fourth loss is the task's own doing (memory, a crash)."""


@dataclass(frozen=True)
class Lost:
    """A task without a result: `reason` says why."""

    reason: str


def require_workers(scheduler: str | None, workers: int | None) -> None:
    """Refuse a number of worker processes that means nothing, before anything is done.

    Raises:
        InputError: no whole number ≥ 1; or a number for a scheduler, which has its own workers.
    """
    if workers is None:
        return
    exact_count(workers, "workers", least=1)
    if scheduler is not None:
        raise InputError(
            f"workers={workers}: of a cluster started on this machine; a scheduler has its own, leave one of the two out"
        )


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    with extra("sweep"):
        import dask
        from distributed import Client, LocalCluster
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"scheduler={scheduler!r}: no scheduler answers there ({error})") from error
        with client:
            yield client
        return
    # Queued cases must not be charged with the loss of a worker that ran another one: a worker holds one case at a time.
    settings = {"distributed.scheduler.allowed-failures": _LOST_AT_MOST, "distributed.scheduler.worker-saturation": 1.0}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=(os.cpu_count() or 1) if workers is None else workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def on_workers(
    function: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
) -> Iterator[tuple[str, Any]]:
    """Call ``function(*arguments)`` for each task on a Dask cluster; yield (name, result) as they finish.

    Args:
        function: importable by the workers. tasks: unique name → arguments.
        scheduler: address of a running scheduler; None starts a cluster on this machine. workers: its processes; None: one per core.

    Yields:
        each task once; its result, or :class:`Lost`.

    Raises:
        InputError: no scheduler answers at that address, :func:`require_workers`, or a function of ``__main__``.
        MissingExtraError: Dask is not installed.
    """
    require_workers(scheduler, workers)
    if function.__module__ == "__main__":
        raise InputError(
            f"function={function.__qualname__}: of the program that runs, so that workers get a copy of it and of what it counts; import it from a module"
        )
    if not tasks:
        return
    with _client(scheduler, workers) as client:
        from distributed import as_completed

        # Futures by name: client.map would zip the arguments.
        futures = [
            client.submit(function, *arguments, key=f"task-{name}", pure=False) for name, arguments in tasks.items()
        ]
        finished = as_completed(futures, loop=client.loop)
        del futures
        for future in finished:
            error = future.exception()
            result = future.result() if error is None else Lost(_reason(error))
            name = str(future.key).removeprefix("task-")
            future.release()
            yield name, result


def _reason(error: BaseException) -> str:
    """Say what became of a task whose result never came."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return f"its worker was lost {error.allowed_failures + 1} times while it ran (killed, or out of memory)"
    return f"{type(error).__name__}: {error}"
