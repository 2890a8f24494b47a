"""The four diagnostics along recorded runs, over widths and seeds, as one figure for a paper: NTK gap, drift, PL ratio, decay of the loss.

Every marker is the end of an enclosure that is proved at that iterate: a lower bound of the NTK gap and of the PL ratio, an upper bound of the
drift and of the loss. Between markers nothing is proved; the thin lines join what belongs to one run. One row of panels per step size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.certificates.drawing import label_few_decades
from verify.errors import extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["diagnostics_figure", "write_diagnostics"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Diagnostic:
    """One column of panels: the fact of a checkpoint, its title, and which end of the enclosure is drawn."""

    fact: str
    title: str
    end: int


_DIAGNOSTICS = (
    _Diagnostic("lambda_min", r"NTK gap $\lambda_{\min}(\Theta(\theta_k))$, proved ≥", 0),
    _Diagnostic("drift", r"drift $\|\theta_k-\theta_0\|$, proved ≤", 1),
    _Diagnostic("pl_ratio", r"PL ratio $\frac{1}{2}\|\nabla\Phi\|^2/\Phi$, proved ≥", 0),
    _Diagnostic("loss", r"loss $\Phi(\theta_k)$, proved ≤", 1),
)


def _points(row: Row, diagnostic: _Diagnostic) -> tuple[list[int], list[float]]:
    """Steps and drawn ends of one run; what is not positive has no place on a logarithmic axis and is left out."""
    kept = [
        (p["step"], p[diagnostic.fact][diagnostic.end])
        for p in row["checkpoints"] or ()
        if p[diagnostic.fact] is not None
    ]
    kept = [(k, v) for k, v in kept if v > 0.0]
    return [k for k, _ in kept], [v for _, v in kept]


def _panel(axes: Axes, rows: Sequence[Row], diagnostic: _Diagnostic, colours: Mapping[int, Any]) -> None:
    for row in rows:
        steps, values = _points(row, diagnostic)
        proved = row["verdict"] == "PROVED"
        axes.plot(
            steps,
            values,
            marker="o" if proved else "x",
            markersize=3.0,
            linewidth=0.6,
            color=colours[row["width"]],
            alpha=0.9,
        )
    # Steps from 0 on: linear up to the first kept step, logarithmic from there.
    axes.set_xscale("symlog", linthresh=10.0)
    heights = np.array([value for row in rows for value in _points(row, diagnostic)[1]])
    if heights.size:
        axes.set_yscale("log")
        label_few_decades(axes.yaxis, heights)
    axes.set_title(diagnostic.title, fontsize="medium", loc="left")
    axes.set_xlabel("step k")


def diagnostics_figure(rows: Sequence[Row]) -> Figure:
    """Return the figure of a sweep over widths, seeds and steps of scope `run`.

    Args:
        rows: of a sweep (columns: :mod:`verify.sweeps.case`); those without checkpoints draw nothing.
    """
    with extra("report"):
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

    widths = sorted({int(row["width"]) for row in rows})
    steps = sorted({str(row["lr"]) for row in rows}, key=Fraction, reverse=True)
    shades = matplotlib.colormaps["viridis"]
    colours = {width: shades(i / max(len(widths) - 1, 1) * 0.9) for i, width in enumerate(widths)}
    figure = Figure(figsize=(13.0, 3.1 * len(steps) + 0.6), layout="constrained")
    grid = figure.subplots(len(steps), len(_DIAGNOSTICS), squeeze=False, sharex=True)
    for line, lr in zip(grid, steps, strict=True):
        chosen = [row for row in rows if row["lr"] == lr]
        for axes, diagnostic in zip(line, _DIAGNOSTICS, strict=True):
            _panel(axes, chosen, diagnostic, colours)
        proved = sum(row["verdict"] == "PROVED" for row in chosen)
        line[0].set_ylabel(f"η = {lr}: {proved} of {len(chosen)} runs PROVED")
    handles = [Line2D([], [], color=colours[width], label=f"width {width}") for width in widths]
    kinds = [("o", "run PROVED to converge from its last iterate"), ("x", "run INCONCLUSIVE")]
    handles += [Line2D([], [], color="black", marker=mark, linestyle="none", label=label) for mark, label in kinds]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
    return figure


def write_diagnostics(directory: Path, rows: Sequence[Row]) -> list[Path]:
    """Write ``diagnostics.pdf`` and ``diagnostics.svg``, the same bytes for the same rows; return their paths."""
    with extra("report"):
        import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "diagnostics", "svg.fonttype": "none"}):
        figure = diagnostics_figure(rows)
        paths = [directory / "diagnostics.pdf", directory / "diagnostics.svg"]
        figure.savefig(paths[0], metadata={"CreationDate": None})
        figure.savefig(paths[1], metadata={"Date": None})
    return paths
