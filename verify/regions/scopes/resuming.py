"""Going on from a certificate of scope `run`: what is taken from it, and what is proved again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from verify.certificates import Certificate, Problem
from verify.errors import InputError
from verify.networks.parameters import Vector
from verify.regions.descent.history import History
from verify.regions.scopes.recording import Run, Task

__all__ = ["earlier_run", "resumed"]


def earlier_run(given: Any, asked: Problem) -> Certificate:
    """Read the certificate to go on from, and refuse one of another problem than the one asked for; its step is left to the caller.

    Raises:
        InputError: another scope, network, data set, loss or descent, or no checkpoints.
    """
    found = given if isinstance(given, Certificate) else None
    if isinstance(given, str | Path):
        found = Certificate.load(given)
    if found is None:
        raise InputError(f"resume: a {type(given).__name__}; expected a certificate of scope 'run', or the path of one")
    if found.scope != "run" or not found.witness.get("checkpoints"):
        raise InputError(
            f"resume: a certificate of scope '{found.scope}'; expected one of scope 'run' with checkpoints"
        )
    for name, stored, wanted in (
        ("loss", found.problem.loss, asked.loss),
        ("descent", found.problem.descent, asked.descent),
    ):
        if stored != wanted:
            raise InputError(f"resume: the certificate is about {name}={stored!r}, asked for is {wanted!r}")
    other = found.mismatch(asked.network, asked.data.X, asked.data.y)
    if other is not None:
        raise InputError(f"resume: {other}. Pass the model as it was at the start, and the same data")
    return found


def resumed(task: Task, earlier: Certificate) -> tuple[Run, Task]:
    """Return the run at the last checkpoint of an earlier one, with every fact proved again, and the task with its budget moved there.

    Raises:
        InputError: checkpoints asked for at steps that lie before it and were not kept.
    """
    rows = earlier.witness["checkpoints"]
    gone = sorted({k for k in task.options.checkpoints if k < rows[-1]["step"]} - {row["step"] for row in rows})
    if gone:
        raise InputError(
            f"checkpoints: step {gone[0]}, but the certificate that is gone on from ends at step {rows[-1]['step']} and holds no such iterate"
        )
    kept = []
    for row in rows[:-1]:
        after = row["next"]
        kept.append(
            task.look(_vector(row, task), row["step"], None if after is None else np.array(after), search=False)[0]
        )
    start = rows[-1]["step"]
    # Where an earlier hand-over holds already, only the end is looked at: it was asked for.
    target = 0.0 if earlier.proved else math.inf
    run = Run(theta=_vector(rows[-1], task), step=start, target=target, history=History(first=start), kept=kept)
    run.anchor = (start, math.inf)
    return run, replace(task, steps=None if task.steps is None else start + task.steps)


def _vector(row: Mapping[str, Any], task: Task) -> Vector:
    """θ̂_k of a witness' row; none is stored where it is the network's own."""
    return task.origin if row["parameters"] is None else np.array(row["parameters"])
