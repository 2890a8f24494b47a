"""The bench table: for a terminal and for the report, from the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from verify.bench.timing import reached
from verify.report.tables import Table

__all__ = ["as_table", "bench_tables"]


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1.0 else f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def _target(row: Mapping[str, Any]) -> str:
    target = row.get("target")
    if target is None:
        return "–"
    met = "reached" if reached(dict(row)) else "missed"
    return f"{'≥' if row['name'].endswith('speed-up') else '≤'} {target:g}: {met}"


def bench_tables(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return up to three tables: times, results, and what was skipped."""
    times = tuple(
        (
            str(r["name"]),
            _seconds(r["ours_median_s"]),
            f"{r['peer']} {r['peer_version']}".strip(),
            _seconds(r["peer_median_s"]),
            f"{r['ratio']:.3g} ± {r['ratio_spread'] / 2:.2g}",
            _target(r),
            "yes" if r["peer_is_proof"] else "no",
        )
        for r in rows
        if "ratio" in r
    )
    results = tuple(
        (
            str(r["name"]),
            str(r["ours"]),
            f"{r['peer']} {r.get('peer_version', '')}".strip(),
            str(r["peer_value"]),
            "yes" if r["peer_is_proof"] else "no",
            str(r.get("note", "")),
        )
        for r in rows
        if "peer_value" in r
    )
    skipped = tuple((str(r["name"]), str(r["peer"]), str(r["skipped"])) for r in rows if "skipped" in r)
    tables = [
        Table(
            "Times (medians; ratio is ours/peer, or peer/ours for a speed-up, ± half its interquartile range)",
            ("comparison", "ours", "peer", "peer's time", "ratio", "target", "peer proves"),
            times,
            (1, 3, 4),
        ),
        Table("Results", ("comparison", "ours", "peer", "peer's", "peer proves", "note"), results),
        Table("Not run", ("comparison", "peer", "why"), skipped),
    ]
    return [t for t in tables if t.rows]


def as_table(rows: Sequence[Mapping[str, Any]]) -> Group:
    """Return the tables as a Rich renderable."""
    parts: list[RenderableType] = []
    for table in bench_tables(rows):
        rich = RichTable(title=table.title, title_justify="left", header_style="bold", box=None, padding=(0, 2, 0, 0))
        for index, column in enumerate(table.columns):
            rich.add_column(column, justify="right" if index in table.numeric else "left", overflow="fold")
        for row in table.rows:
            rich.add_row(*(Text(cell) for cell in row))
        parts += [rich, Text()]
    return Group(*parts)
