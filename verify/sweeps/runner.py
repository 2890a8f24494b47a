"""`verify.sweep`: the cases of a specification on a Dask cluster, resumable.

The folder of a sweep holds ``rows/<id>.json`` (one finished case each, written under a temporary name and renamed),
``certificates/<id>.zip``, and at the end ``sweep.parquet`` and ``sweep.json`` (:mod:`verify.sweeps.table`) and ``figures/``. What stands
in ``rows/`` is finished: a sweep that was killed goes on with the rest. Workers return rows to the process that called and write nothing,
so a cluster needs no common file system. A case whose worker is lost is done again by Dask; one that loses its worker four times is a row
that says so.
"""

from __future__ import annotations

import difflib
import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.errors import InputError
from verify.files import write_whole
from verify.sweeps.case import failed_row, run_case
from verify.sweeps.figures import write_figures
from verify.sweeps.specification import Specification
from verify.sweeps.table import write_tables
from verify.sweeps.workers import Lost, on_workers, require_workers

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    Attributes:
        name: of the specification. directory: its folder.
        rows: one per case, in the specification's order (columns: :mod:`verify.sweeps.case`).
    """

    name: str
    directory: Path
    rows: tuple[Mapping[str, Any], ...]

    def __repr__(self) -> str:
        """One line."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.items())
        return f"Sweep({self.name!r}, {len(self.rows)} cases: {counts})"

    @property
    def verdicts(self) -> dict[str, int]:
        """How many cases ended with each verdict."""
        names = [str(row["verdict"]) for row in self.rows]
        return {name: names.count(name) for name in sorted(set(names))}


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Refuse a second sweep in the same folder; the lock goes with the process, however it ends."""
    with (directory / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"out={directory}: another sweep is running in this folder") from error
        yield


def _finished(directory: Path, specification: Specification, retry_failed: bool) -> dict[str, dict[str, Any]]:
    """Return the rows that stand in the folder, by id."""
    rows = {}
    for case in specification.cases:
        path = directory / "rows" / f"{case.id}.json"
        if path.exists():
            try:
                row = json.loads(path.read_text(encoding="utf-8"))
                failed = row["verdict"] == "FAILED"
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"out={directory}: {path} is damaged; remove it, and its case is run again") from error
            if not (retry_failed and failed):
                rows[case.id] = row
    return rows


def sweep(
    specification: str | Path | Mapping[str, Any] | Specification,
    out: str | Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    only: str | None = None,
    retry_failed: bool = False,
    progress: Callable[[int, int, Mapping[str, Any]], None] | None = None,
) -> Sweep:
    """Run every case of a specification that is not yet finished in `out`, and write the table.

    Args:
        specification: a TOML file, a mapping of the same shape, or a :class:`Specification` (see :mod:`verify.sweeps.specification`).
        out: folder of the sweep; made when missing.
        scheduler: address of a running Dask scheduler, such as ``tcp://127.0.0.1:8786``, whose workers have this package; None
            starts a cluster on this machine.
        workers: processes of that local cluster, at least 1; None: one per core. Each runs one case at a time on one thread.
        only: id of a single case to run, finished or not.
        retry_failed: run cases again whose row says FAILED.
        progress: called with (finished, total, row) after each case.

    Returns:
        The sweep, its rows in the specification's order.

    Raises:
        InputError: a specification, an id or a number of workers that means nothing, a scheduler that does not answer, a folder in use, or
            one that cannot be made or holds a damaged row.
        MissingExtraError: Dask is not installed.
    """
    require_workers(scheduler, workers)
    plan = specification if isinstance(specification, Specification) else Specification.read(specification)
    directory = Path(out)
    if only is not None and only not in (ids := [case.id for case in plan.cases]):
        near = difflib.get_close_matches(str(only), ids, 3, 0.4) or ids[:3]
        raise InputError(
            f"only={only!r}: no case of {plan.name} has this id; expected one of {len(ids)}, such as {', '.join(near)}"
        )
    try:
        for folder in ("rows", "certificates"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out={directory}: no folder can be made there ({error.strerror}); name another") from error
    with _only_one(directory):
        rows = _finished(directory, plan, retry_failed)
        todo = [case for case in plan.cases if case.id not in rows]
        if only is not None:
            todo = [case for case in plan.cases if case.id == only]
            rows.pop(only, None)
        by_id = {case.id: case for case in todo}
        tasks = {case.id: (case.as_json(), plan.keep) for case in todo}
        for id, result in on_workers(run_case, tasks, scheduler=scheduler, workers=workers):
            row, file = (failed_row(by_id[id], result.reason), None) if isinstance(result, Lost) else result
            if file is not None:
                write_whole(directory / "certificates" / f"{id}.zip", file)
            text = json.dumps(row, indent=1, ensure_ascii=False, allow_nan=False)
            write_whole(directory / "rows" / f"{id}.json", text)
            rows[id] = row
            if progress is not None:
                progress(len(rows), len(plan.cases), row)
        ordered = tuple(rows[case.id] for case in plan.cases if case.id in rows)
        write_tables(directory, plan.name, ordered)
        write_figures(directory / "figures", ordered)
    return Sweep(plan.name, directory, ordered)
