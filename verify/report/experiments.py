"""The experiments' table and figures, from the rows of :mod:`verify.experiments.runs` (its docstring names the keys).

Known keys become columns in a fixed order, rounded to the side that keeps a proved number true; a row without any of them shows all its
scalars. Figures need ``curve``, ``checkpoints`` or the hand-over; ``width`` and ``radius`` in two or more rows give the certified radius
against width. A null is a gap, never a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verify.certificates.plots import Plot, Series, run_plots
from verify.decimals import at_least, at_most, below_one, plain
from verify.report.tables import Table, records

__all__ = [
    "basin_tables",
    "experiment_rows",
    "experiment_tables",
    "reason_table",
    "related_tables",
    "row_plots",
    "width_plot",
]


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


_Column = tuple[str, str, Callable[[Any], str]]
_NAME: _Column = ("name", "experiment", str)
_RUNS: tuple[_Column, ...] = (
    _NAME,
    ("network", "network", str),
    ("n", "n", _cell),
    ("scope", "scope", str),
    ("verdict", "verdict", str),
    ("lr", "η ≈", plain),
    ("handover_step", "T", _cell),
    ("drift", "distance from the start ≤", at_most),
    ("seconds", "seconds", lambda v: plain(v, 3)),
)
_BALLS: tuple[_Column, ...] = (
    _NAME,
    # At step T; of a row of scope basin at the centre c.
    ("lambda_min_certified", "λ_min(T), λ_min(c) ≥", at_least),
    ("lambda_min_observed", "float64", lambda v: plain(v, 4)),
    ("mu", "μ on the ball ≥", at_least),
    ("radius", "R ≤", at_most),
    ("rate", "rate ≤", below_one),
    ("observed_rate", "observed", lambda v: plain(v, 6)),
)
_SCALAR = (str, int, float)


def _known(rows: Sequence[Mapping[str, Any]], columns: Sequence[_Column]) -> list[_Column]:
    return [column for column in columns if any(isinstance(row.get(column[0]), _SCALAR) for row in rows)]


def experiment_tables(experiments: Any) -> list[Table]:
    """Two lines per experiment, the run and the ball at its end, so that no table is wider than a page; empty when nothing was computed."""
    rows = experiment_rows(experiments)
    runs, balls = _known(rows, _RUNS), _known(rows, _BALLS)
    if len(runs) + len(balls) < 4:
        names = dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, _SCALAR))
        everything: list[_Column] = [(name, name.replace("_", " "), _cell) for name in names]
        return [_table("Experiments", everything, rows)] if names else []
    tables = [_table("Experiments", runs, rows)]
    proved = [row for row in rows if _proved(row) and any(isinstance(row.get(key), _SCALAR) for key, _, _ in balls[1:])]
    return [*tables, _table("The ball at the hand-over", balls, proved)] if len(balls) > 1 else tables


# Constants of these rows are [lower, upper]; the end that is claimed is shown.
_BASINS: tuple[tuple[str, str, int, Callable[[Any], str]], ...] = (
    ("lambda0", "λ_min(Θ(c)) ≥", 0, at_least),
    ("basin_radius", "ρ ≥", 0, at_least),
    ("distance_over_radius", "‖θ − c‖/ρ ≤", 1, at_most),
    ("radius", "R ≤", 1, at_most),
    ("rate", "rate ≤", 1, below_one),
    ("exit_probability", "P(exit) ≤", 1, at_most),
)


def basin_tables(rows: Any, title: str) -> list[Table]:
    """The basins of a list of cases (ordinary problems, stochastic descent), a line each; empty when nothing was computed."""
    found = experiment_rows(rows)
    if not found:
        return []
    columns = [column for column in _BASINS if any(row.get(column[0]) is not None for row in found)]
    lines = []
    for row in found:
        known = {key: row[key] for key, *_ in columns if _proved(row) and row.get(key) is not None}
        cells = [show(known[key][end]) if key in known else "–" for key, _, end, show in columns]
        verdict = f"{row['verdict']}, {row['checker']}" if row.get("checker") else str(row["verdict"])
        lines.append((str(row["name"]), verdict, *cells, _cell(row.get("seconds", "–"))))
    names = ("case", "verdict, checker", *(label for _, label, *_ in columns), "seconds")
    return [Table(title, names, tuple(lines), tuple(range(2, len(names))))]


def _proved(row: Mapping[str, Any]) -> bool:
    """Whether what the row says of a ball and of further descent is a claim."""
    return bool(row.get("verdict", "PROVED") == "PROVED")


def _table(title: str, columns: Sequence[_Column], rows: Sequence[Mapping[str, Any]]) -> Table:
    numeric = tuple(
        i for i, (key, _, _) in enumerate(columns) if not any(isinstance(row.get(key), str | bool) for row in rows)
    )
    lines = tuple(
        tuple(show(row[key]) if isinstance(row.get(key), _SCALAR) else "–" for key, _, show in columns) for row in rows
    )
    return Table(title, tuple(label for _, label, _ in columns), lines, numeric)


def reason_table(experiments: Any) -> Table | None:
    """What each experiment is for and what came of it, in words; None where no row says."""
    rows = [r for r in experiment_rows(experiments) if r.get("reason")]
    if not rows:
        return None
    lines = tuple((str(r.get("name", "")), str(r.get("about") or ""), str(r["reason"])) for r in rows)
    return Table("What came of each experiment", ("experiment", "about", "result"), lines)


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


def row_plots(row: Mapping[str, Any], name: str) -> list[Plot]:
    """Figures of one experiment: its loss, NTK gap and distance from the start; `name` is unique in the page."""
    step, loss, rate = (_number(row, key) for key in ("handover_step", "handover_loss", "rate"))
    return run_plots(
        name,
        points=row.get("checkpoints") or (),
        curve=_curve(row),
        handover=None if not _proved(row) or step is None or loss is None or rate is None else (int(step), loss, rate),
        radius=_number(row, "radius"),
        lambda_region=_number(row, "lambda_region"),
        restarted=row.get("scope") != "exact",
        isolated=True,
    )


def width_plot(rows: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Certified radius against width, one marker per row {width, radius}; None with fewer than two widths.

    Rows may differ in more than their width, so nothing is joined.
    """
    known = [r for r in rows if r.get("width") and r.get("radius") and _proved(r)]
    if len({r["width"] for r in known}) < 2:
        return None
    widths, radii = [float(r["width"]) for r in known], [float(r["radius"]) for r in known]
    series = [Series("radius R of the final ball", widths, radii, quantity="distance", isolated=True)]
    return Plot(
        "width",
        "Certified radius and width",
        "width",
        "R",
        series,
        log_x=True,
        log_y=True,
        caption="One marker per experiment; they may differ in data and step as well.",
    )
