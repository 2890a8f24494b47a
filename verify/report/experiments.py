"""The experiments' table and figures, from the rows of :mod:`verify.experiments.runs` (its docstring names the keys).

Known keys become columns in a fixed order, rounded to the side that keeps a proved number true; a row without any of them shows all its
scalars. Figures need ``curve``, ``checkpoints`` or the hand-over; ``width`` and ``radius`` in two or more rows give the certified radius
against width. A null is a gap, never a zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verify.decimals import at_least, at_most, below_one, plain
from verify.report.figures import Plot
from verify.report.tables import Table, records
from verify.report.trajectories import run_plots, width_plot

__all__ = ["experiment_plots", "experiment_rows", "experiment_table", "reason_table", "related_tables"]


def experiment_rows(experiments: Any) -> list[dict[str, Any]]:
    """Return the rows: of a list, or of a mapping name → row (or → list of rows)."""
    if not experiments:
        return []
    if isinstance(experiments, Mapping):
        if isinstance(experiments.get("rows"), list):
            return records(experiments["rows"])
        rows: list[dict[str, Any]] = []
        for name, entry in experiments.items():
            for row in entry if isinstance(entry, list) else [entry]:
                if isinstance(row, Mapping):
                    rows.append({"name": name, **row})
        return rows
    return records(experiments)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{int(value):,}" if value.is_integer() and abs(value) < 1e6 else plain(value)
    return str(value)


_COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("name", "experiment", str),
    ("network", "network", str),
    ("n", "n", _cell),
    ("scope", "scope", str),
    ("verdict", "verdict", str),
    ("lr", "η ≈", plain),
    ("handover_step", "T", _cell),
    ("lambda_min_certified", "λ_min(T) ≥", at_least),
    ("lambda_min_observed", "float64", lambda v: plain(v, 4)),
    ("mu", "μ on the ball ≥", at_least),
    ("radius", "R ≤", at_most),
    ("drift", "drift ≤", at_most),
    ("rate", "rate ≤", below_one),
    ("observed_rate", "observed", lambda v: plain(v, 6)),
    ("seconds", "seconds", lambda v: plain(v, 3)),
)


def experiment_table(experiments: Any) -> Table | None:
    """One line per experiment; None when nothing was computed."""
    rows = experiment_rows(experiments)
    scalar = (str, int, float)
    columns = [c for c in _COLUMNS if any(isinstance(row.get(c[0]), scalar) for row in rows)]
    if len(columns) < 3:
        names = dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, scalar))
        columns = [(name, name.replace("_", " "), _cell) for name in names]
    if not columns:
        return None
    numeric = tuple(
        i for i, (key, _, _) in enumerate(columns) if not any(isinstance(row.get(key), str | bool) for row in rows)
    )
    lines = tuple(
        tuple(show(row[key]) if isinstance(row.get(key), scalar) else "–" for key, _, show in columns) for row in rows
    )
    return Table("Experiments", tuple(label for _, label, _ in columns), lines, numeric)


def reason_table(experiments: Any) -> Table | None:
    """What each experiment is for and what came of it, in words; None where no row says."""
    rows = [r for r in experiment_rows(experiments) if r.get("reason")]
    if not rows:
        return None
    lines = tuple((str(r.get("name", "")), str(r.get("about") or ""), str(r["reason"])) for r in rows)
    return Table("What came of each experiment", ("experiment", "about", "result"), lines)


def related_tables(rows: Any) -> list[Table]:
    """The related systems: what was proved of each, and every number of it as an enclosure; empty when nothing was computed."""
    found = experiment_rows(rows)
    if not found:
        return []
    lines = tuple(
        (
            str(row["system"]),
            f"arXiv:{row['paper']}",
            str(row["verdict"]),
            str(row["reason"]),
            str(row["limits"]),
            ", ".join(row["claims"]),
            _cell(row.get("seconds", "–")),
        )
        for row in found
    )
    numbers = tuple(
        (
            str(row["name"]),
            name,
            *("∞" if end is None else show(end, 8) for end, show in zip(ends, (at_least, at_most), strict=True)),
        )
        for row in found
        for name, ends in row["quantities"].items()
    )
    columns = ("system", "related to", "verdict", "what was proved", "what it does not say", "claims", "seconds")
    return [
        Table("Related systems", columns, lines, (6,)),
        Table("Related systems: every number", ("demonstration", "quantity", "at least", "at most"), numbers, (2, 3)),
    ]


def _curve(row: Mapping[str, Any]) -> tuple[Sequence[float], Sequence[float]] | None:
    curve = row.get("curve")
    if isinstance(curve, Mapping):
        steps, losses = curve.get("steps"), curve.get("losses")
        return (steps, losses) if steps and losses and len(steps) == len(losses) else None
    if isinstance(curve, list) and curve:
        return [float(p[0]) for p in curve], [float(p[1]) for p in curve]
    return None


def _number(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def experiment_plots(experiments: Any) -> list[Plot | None]:
    """Figures of the experiments: per run its loss, gap and drift; over all rows the certified radius against width."""
    rows = experiment_rows(experiments)
    plots: list[Plot | None] = []
    for index, row in enumerate(rows):
        label = str(row.get("name") or f"run {index + 1}")
        step, loss, rate = (_number(row, key) for key in ("handover_step", "handover_loss", "rate"))
        handover = None if step is None or loss is None or rate is None else (int(step), loss, rate)
        found = run_plots(
            f"experiment-{index}-" + re.sub(r"[^A-Za-z0-9]+", "-", label),
            points=row.get("checkpoints") or (),
            curve=_curve(row),
            handover=handover,
            radius=_number(row, "radius"),
            lambda_region=_number(row, "lambda_region"),
            restarted=row.get("scope") != "exact",
            isolated=True,
        )
        for plot in found:
            plots.append(Plot(**{**vars(plot), "caption": f"{label}. {plot.caption}".strip()}))
    return [*plots, width_plot(rows)]
