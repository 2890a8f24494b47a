"""Figures of a sweep: for each family of cases, heat maps over width × seed, and curves over the width with their spread over seeds.

A family is what differs in width and seed alone. Only families with at least two widths are drawn.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.colours import INK
from verify.errors import extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["families", "family_figure", "write_figures"]

Row = Mapping[str, Any]
_VERDICTS = ("PROVED", "INCONCLUSIVE", "REFUTED", "FAILED")
_COLOURS = (INK["PROVED"], INK["INCONCLUSIVE"], INK["REFUTED"], "#b0b0b0")


_PLACES = {"left": 0.045, "right": 0.985, "bottom": 0.08, "top": 0.9, "wspace": 0.36, "hspace": 0.42}
# Seeds named on an axis, at most.
_NAMED = 10


@dataclass(frozen=True)
class _Panel:
    """One quantity of the figure: its column, its title, and whether its axis is logarithmic."""

    column: str
    title: str
    logarithmic: bool


_PANELS = (
    _Panel("mu_lower", "PL constant μ, proved ≥", True),
    _Panel("contraction", "1 − factor of Φ per step, proved ≥", True),
    _Panel("handover_step", "hand-over step T", False),
)


def families(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group rows that differ in width and seed alone; keys describe what they share."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        case = {key: value for key, value in json.loads(row["case"]).items() if key not in ("width", "seed")}
        data = ", ".join(f"{key}={value}" if key != "name" else str(value) for key, value in case.pop("data").items())
        shown = [f"{key}={value}" for key, value in case.items() if value not in (None, {}, [])]
        groups[f"{data}; {', '.join(shown)}"].append(row)
    return {key: group for key, group in groups.items() if len({row["width"] for row in group}) > 1}


def _value(row: Row, column: str) -> float:
    """Return the number drawn, NaN where there is none."""
    if column == "contraction":
        rate = row["rate_upper"]
        return float("nan") if rate is None else 1.0 - float(rate)
    value = row[column]
    return float("nan") if value is None else float(value)


def _heat(axes: Axes, rows: Sequence[Row], panel: _Panel, widths: list[int], seeds: list[int]) -> None:
    from matplotlib.colors import LogNorm

    values = np.full((len(seeds), len(widths)), np.nan)
    for row in rows:
        values[seeds.index(row["seed"]), widths.index(row["width"])] = _value(row, panel.column)
    known = values[np.isfinite(values) & ((values > 0.0) | (not panel.logarithmic))]
    norm = LogNorm(known.min(), known.max()) if panel.logarithmic and known.size and known.min() < known.max() else None
    image = axes.imshow(np.ma.masked_invalid(values), aspect="auto", norm=norm, cmap="viridis")
    if known.size:
        axes.figure.colorbar(image, ax=axes)
    _ticks(axes, panel.title, widths, seeds)


def _ticks(axes: Axes, title: str, widths: list[int], seeds: list[int]) -> None:
    axes.set_xticks(range(len(widths)), [str(width) for width in widths])
    step = -(-len(seeds) // _NAMED)
    axes.set_yticks(range(0, len(seeds), step), [str(seed) for seed in seeds[::step]])
    axes.set(title=title, xlabel="width", ylabel="seed")


def _verdicts(axes: Axes, rows: Sequence[Row], widths: list[int], seeds: list[int]) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    values = np.full((len(seeds), len(widths)), np.nan)
    for row in rows:
        values[seeds.index(row["seed"]), widths.index(row["width"])] = _VERDICTS.index(row["verdict"])
    axes.imshow(np.ma.masked_invalid(values), aspect="auto", cmap=ListedColormap(_COLOURS), vmin=-0.5, vmax=3.5)
    present = sorted({_VERDICTS.index(row["verdict"]) for row in rows})
    axes.legend(handles=[Patch(color=_COLOURS[i], label=_VERDICTS[i]) for i in present], fontsize="small")
    _ticks(axes, "verdict", widths, seeds)


def _curve(axes: Axes, rows: Sequence[Row], panel: _Panel, widths: list[int]) -> None:
    """Draw the median over seeds, with a band from the smallest to the largest; widths where no seed was PROVED are left out."""
    points = []
    for width in widths:
        values = np.array([_value(row, panel.column) for row in rows if row["width"] == width])
        values = values[np.isfinite(values)]
        if values.size:
            points.append((width, values.min(), float(np.median(values)), values.max()))
    if points:
        x, low, middle, high = np.array(points).T
        axes.fill_between(x, low, high, alpha=0.25, linewidth=0.0)
        axes.plot(x, middle, marker="o")
        axes.set_xscale("log", base=2)
        if panel.logarithmic and low.min() > 0.0:
            axes.set_yscale("log")
    axes.set(xlabel="width", title=f"{panel.title}\nmedian and range over seeds")
    axes.title.set_fontsize("small")


def family_figure(rows: Sequence[Row], title: str) -> Figure:
    """Return the figure of one family: heat maps above, curves below."""
    with extra("report"):
        from matplotlib.figure import Figure

    widths = sorted({int(row["width"]) for row in rows})
    seeds = sorted({int(row["seed"]) for row in rows})
    figure = Figure(figsize=(14.0, 6.5))
    # Fixed places: a layout engine measures every label twice, two thirds of the time.
    grid = figure.subplots(2, 4, gridspec_kw=_PLACES)
    for position, panel in enumerate(_PANELS):
        _heat(grid[0][position], rows, panel, widths, seeds)
        _curve(grid[1][position], rows, panel, widths)
    _verdicts(grid[0][3], rows, widths, seeds)
    share = [sum(row["verdict"] == "PROVED" for row in rows if row["width"] == w) for w in widths]
    grid[1][3].bar([str(width) for width in widths], share)
    grid[1][3].set(title="cases PROVED", xlabel="width")
    figure.suptitle(title, fontsize="medium")
    return figure


def write_figures(directory: Path, rows: Sequence[Row]) -> list[Path]:
    """Write one SVG per family; return their paths (none where no family has two widths)."""
    drawn = families(rows)
    if not drawn:
        return []
    import matplotlib

    directory.mkdir(exist_ok=True)
    paths = []
    for number, (title, group) in enumerate(drawn.items()):
        path = directory / f"family-{number}.svg"
        # A fixed salt and no date: the same rows give the same file.
        with matplotlib.rc_context({"svg.hashsalt": "sweep", "svg.fonttype": "none"}):
            family_figure(group, title).savefig(path, metadata={"Date": None})
        paths.append(path)
    return paths
