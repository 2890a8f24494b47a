"""The experiments' table and figures, from the rows that ``verify reproduce`` stores in ``experiments.json``.

A row is a mapping. Every scalar in it becomes a column (numbers rounded to nearest: the table summarises, the certificates
prove). Figures are drawn from these keys where a row has them, all optional:

- ``name``: what the run is called;
- ``curve``: the observed loss of the float64 run, ``{"steps": [...], "losses": [...]}`` or a list of [step, loss];
- ``checkpoints``: proved facts, ``{"step", "loss": [lower, upper], "lambda_min": […], "pl_ratio": […] or None, "drift": […]}``;
- ``handover_step``, ``handover_loss``, ``rate``, ``radius``, ``lambda_region``: the ball certificate that takes over;
- ``scope``: 'run' (the envelope concerns descent restarted at the hand-over) or 'exact';
- ``width`` and ``radius`` in two or more rows: certified radius against width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from verify.report.decimals import plain
from verify.report.figures import Plot
from verify.report.tables import Table, records
from verify.report.trajectories import run_plots, width_plot

__all__ = ["experiment_plots", "experiment_rows", "experiment_table"]


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
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return plain(value) if isinstance(value, float) else str(value)


def experiment_table(experiments: Any) -> Table | None:
    """One line per experiment, one column per scalar key; None when nothing was computed."""
    rows = experiment_rows(experiments)
    scalar = (str, int, float)
    columns = list(dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, scalar)))
    if not columns:
        return None
    numeric = tuple(i for i, c in enumerate(columns) if not any(isinstance(row.get(c), str | bool) for row in rows))
    lines = tuple(tuple(_cell(row.get(c)) if isinstance(row.get(c), scalar) else "–" for c in columns) for row in rows)
    return Table("Experiments", tuple(c.replace("_", " ") for c in columns), lines, numeric)


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
        )
        for plot in found:
            plots.append(Plot(**{**vars(plot), "caption": f"{label}. {plot.caption}".strip()}))
    return [*plots, width_plot(rows)]
