"""Timing of two things on the same work: interleaved repeats in one process, medians, spread of the ratio.

A timed row has the keys group, name, ours_median_s, peer, peer_version, peer_median_s, ratio, ratio_spread, target,
peer_is_proof. ``ratio`` is ours/peer (small is good), or peer/ours where the name ends in "speed-up" (large is good).
``ratio_spread`` is the interquartile range of the ratios of neighbouring runs, which see the same load of the machine.
``target`` is None where none is set. A row with a ``skipped`` reason was not run; a row with ``ours`` and ``peer_value``
compares results, not times.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Clock", "Row", "compare", "reached", "skip", "timed", "values"]

Row = dict[str, Any]
Clock = Callable[[], float]


def timed(call: Callable[[], Any], clock: Clock = time.perf_counter) -> float:
    """Return the seconds one call takes."""
    start = clock()
    call()
    return clock() - start


def compare(
    name: str,
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    *,
    peer_name: str,
    peer_version: str,
    proof: bool,
    target: float | None = None,
    repeats: int = 5,
    peer_scale: float = 1.0,
    clock: Clock = time.perf_counter,
) -> Row:
    """Time both calls alternately and return a timed row.

    Args:
        name: of the comparison; ends in "speed-up" when ratio is to be peer/ours.
        ours, peer: calls that do the same work. Each runs once before, unmeasured.
        target: the ratio to reach, if one is set. proof: whether the peer's result is one.
        repeats: pairs of runs. peer_scale: what to multiply the peer's times by where it does a part of the work.
        clock: ``time.process_time`` with one BLAS thread measures CPU seconds, for machines that others load.
    """
    ours(), peer()
    a: list[float] = []
    b: list[float] = []
    for _ in range(repeats):
        b.append(peer_scale * timed(peer, clock))
        a.append(timed(ours, clock))
    speedup = name.endswith("speed-up")
    ratios = [y / x if speedup else x / y for x, y in zip(a, b, strict=True)]
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    ours_s, peer_s = statistics.median(a), statistics.median(b)
    return {
        "name": name,
        "ours_median_s": ours_s,
        "peer": peer_name,
        "peer_version": peer_version,
        "peer_median_s": peer_s,
        "ratio": peer_s / ours_s if speedup else ours_s / peer_s,
        "ratio_spread": quartiles[2] - quartiles[0],
        "target": target,
        "peer_is_proof": proof,
    }


def skip(name: str, peer: str, reason: str) -> Row:
    """Return the row of a comparison that was not run, with the reason in words."""
    return {"name": name, "peer": peer, "skipped": reason}


def values(name: str, ours: str, peer_value: str, *, peer: str, version: str = "", proof: bool, note: str = "") -> Row:
    """Return a row that compares two results (as text) instead of two times; `proof`: whether the peer's is one."""
    return {
        "name": name,
        "ours": ours,
        "peer": peer,
        "peer_version": version,
        "peer_value": peer_value,
        "peer_is_proof": proof,
        "note": note,
    }


def reached(row: Row) -> bool | None:
    """Whether a timed row meets its target; None where there is none.

    >>> reached({"name": "x speed-up", "ratio": 60.0, "target": 50.0}), reached({"name": "y", "ratio": 2.0, "target": 1.5})
    (True, False)
    """
    target = row.get("target")
    if "ratio" not in row or target is None:
        return None
    return bool(row["ratio"] >= target if row["name"].endswith("speed-up") else row["ratio"] <= target)
