"""The demonstrations by name, run resumably, each with a row for the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.experiments.files import run_resumably
from verify.experiments.related import (
    adam,
    averaged_sgd,
    feedback_loop,
    gated_networks,
    jacobian_regularised,
    linear_networks,
    local_propagation,
    lookahead,
    policy_updates,
)
from verify.experiments.related.demonstration import Demonstration

__all__ = ["ENTRIES", "Entry", "run_entries", "run_entry"]


@dataclass(frozen=True)
class Entry:
    """A demonstration's file-safe name and the call that makes it."""

    name: str
    make: Callable[[], Demonstration]


ENTRIES: tuple[Entry, ...] = (
    Entry("linear-networks", linear_networks.run),
    Entry("averaged-sgd", averaged_sgd.run),
    Entry("gated-networks", gated_networks.run),
    Entry("jacobian-regularised", jacobian_regularised.run),
    Entry("adam", adam.run),
    Entry("lookahead", lookahead.run),
    Entry("feedback-loop", feedback_loop.run),
    Entry("policy-updates", policy_updates.run),
    Entry("local-propagation", local_propagation.run),
)
"""The instances of `make reproduce`: together under a minute."""


def run_entry(entry: Entry, path: Path) -> dict[str, Any]:
    """Run one demonstration and return its row; certificates that it rests on are saved beside `path` as ``<stem>-<name>.zip``."""
    started = time.perf_counter()
    found = entry.make()
    row = {"name": entry.name, **found.row(), "seconds": round(time.perf_counter() - started, 1)}
    for name, certificate in found.certificates.items():
        certificate.save(path.with_name(f"{path.stem}-{name}.zip"))
    return row


def run_entries(directory: Path, entries: Sequence[Entry] = ENTRIES) -> list[dict[str, Any]]:
    """Run the demonstrations, resumably: ``directory/<name>.json`` is read where it exists, else made."""
    return run_resumably(directory, entries, run_entry)
