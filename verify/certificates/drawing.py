"""Figures drawn by matplotlib: one plot on one pair of axes, and a certificate's plots as a figure for a paper.

Proved curves are solid or dashed, values proved only at single points are markers without a line, observed values are dotted. A colour means a quantity,
and orange means observed, in every figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.certificates.plots import Plot, Series, absorbed_residual, kernel_on_ball, plots_of_certificate
from verify.errors import InputError, extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "OBSERVED", "STYLE", "figure_of", "label_few_decades", "paint"]

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "font.size": 11.0,
    "axes.titlesize": 11.5,
    "axes.labelsize": 11.0,
    "legend.fontsize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d8dde3",
    "grid.linewidth": 0.7,
    "axes.edgecolor": "#4a5560",
    "lines.linewidth": 2.0,
}
# Okabe–Ito: distinguishable for colour-blind readers and, by their lightness, in grey print.
OBSERVED = "#d55e00"
COLOURS = {
    "loss": "#0072b2",
    "ntk": "#009e73",
    "pl": "#cc79a7",
    "distance": "#56b4e9",
    "residual": "#e69f00",
    "contraction": "#0072b2",
}
"""Quantity → colour of what is proved of it; what is only observed has the colour OBSERVED."""

_INK = "#333333"
_DASHES: tuple[Any, ...] = ("-.", "--", ":", (0, (3, 1, 1, 1, 1, 1)))
_PANEL = (4.6, 3.3)


def _finite(series: Series, plot: Plot) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(series.x, dtype=float), np.asarray(series.y, dtype=float)
    keep = np.isfinite(x) & np.isfinite(y)
    keep &= (x > 0) if plot.log_x else keep
    keep &= (y > 0) if plot.log_y else keep
    return x[keep], y[keep]


def paint(plot: Plot, axes: Axes) -> bool:
    """Draw a plot on axes, without its legend; return whether any curve has a point that can be drawn."""
    drawn = [(series, *_finite(series, plot)) for series in plot.series]
    drawn = [entry for entry in drawn if entry[1].size]
    if not drawn:
        return False
    for series, x, y in drawn:
        _curve(axes, series, x, y)
    for label, value in plot.levels:
        axes.axhline(value, color=_INK, linestyle="--", linewidth=1.2, label=label)
    for (label, value), dashes in zip(plot.marks, _DASHES, strict=False):
        axes.axvline(value, color=_INK, linestyle=dashes, linewidth=1.4, label=label)
    if plot.log_x:
        axes.set_xscale("log")
        places = sorted({float(v) for _, x, _ in drawn for v in x})
        if len(places) <= 6 and all(place.is_integer() for place in places):
            # A few sizes, such as widths: name those instead of powers of ten.
            axes.set_xticks(places, [f"{v:g}" for v in places])
            axes.minorticks_off()
        else:
            label_few_decades(axes.xaxis, np.array(places))
    else:
        axes.locator_params(axis="x", nbins=6)
    heights = np.concatenate([y for _, _, y in drawn])
    # Over less than a decade a logarithmic axis has no round ticks to read.
    if plot.log_y and heights.max() > 10.0 * heights.min():
        axes.set_yscale("log")
        label_few_decades(axes.yaxis, heights)
    if plot.rows:
        axes.set_yticks(range(1, len(plot.rows) + 1), list(plot.rows))
        axes.invert_yaxis()
    axes.set_title(plot.title, loc="left")
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    return True


def label_few_decades(axis: Axis, values: np.ndarray) -> None:
    """Label a logarithmic axis. Over less than three decades powers of ten are too few labels, and every multiple of them is too many: 1, 2, 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if values.max() < 1e3 * values.min():
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _curve(axes: Axes, series: Series, x: np.ndarray, y: np.ndarray) -> None:
    observed = series.kind == "observed"
    axes.plot(
        x,
        y,
        color=OBSERVED if observed else COLOURS[series.quantity],
        linestyle="none" if series.isolated else ":" if observed else "--" if series.dashed else "-",
        marker="D" if series.isolated else "o" if observed and x.size <= 40 else None,
        drawstyle="steps-pre" if series.step else "default",
        markersize=5.0 if series.isolated else 3.5,
        label=f"{series.label} ({series.kind})",
    )


def figure_of(certificate: Any) -> Figure:
    """Return a certificate's plots side by side as a matplotlib figure; ``figure.savefig("c.pdf")`` writes it for a paper.

    Raises:
        InputError: the certificate holds nothing that can be drawn (a point, or a refutation).
        MissingExtraError: matplotlib is not installed.
    """
    with extra("report"):
        import matplotlib
        from matplotlib.figure import Figure

    shown: Sequence[Plot | None] = [
        *plots_of_certificate(certificate, "c"),
        kernel_on_ball(certificate, "c"),
        absorbed_residual(certificate, "c"),
    ]
    plots = [
        plot for plot in shown if plot is not None and any(_finite(series, plot)[0].size for series in plot.series)
    ]
    if not plots:
        raise InputError(
            f"scope={certificate.scope!r}, verdict {certificate.verdict}: nothing to draw; a PROVED ball, basin, run, exact descent or region is drawn"
        )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_PANEL[0] * len(plots), _PANEL[1] + 0.6), layout="constrained")
        for axes, plot in zip(np.atleast_1d(figure.subplots(1, len(plots))), plots, strict=True):
            paint(plot, axes)
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False, fontsize="small")
    return figure
