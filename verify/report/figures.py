"""Figures of the report as inline SVG: text stays text, sizes stay readable on a phone, nothing is fetched.

A figure shows proved curves as solid lines, values proved only at single points as markers without a line, and observed
values as dotted lines; legend and description for screen readers say which is which.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from verify.decimals import at_least, at_most, bounds, plain

__all__ = ["Plot", "Series", "absorbed_residual", "draw", "kernel_on_ball"]

_STYLE: Any = {
    "svg.fonttype": "none",
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
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKS = (("#333333", "-."), ("#009e73", "--"), ("#d55e00", ":"), ("#cc79a7", (0, (3, 1, 1, 1, 1, 1))))
_SIZE = (4.6, 3.3)


@dataclass(frozen=True)
class Series:
    """One curve: x and y of equal length, what it is, and whether it is proved or observed.

    `isolated`: proved at these points alone, nothing between them. `step`: each value holds back to the point before.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: Literal["proved", "observed"] = "proved"
    isolated: bool = False
    step: bool = False


@dataclass(frozen=True)
class Plot:
    """A figure before it is drawn.

    Attributes:
        name: unique in the report, letters, digits and hyphens; becomes part of the SVG's ids.
        title, x_label, y_label: texts. series: curves. log_x, log_y: logarithmic axes.
        levels: horizontal lines (label, value). marks: vertical lines (label, value).
        caption: below the figure.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False
    levels: Sequence[tuple[str, float]] = field(default=())
    marks: Sequence[tuple[str, float]] = field(default=())
    caption: str = ""


def _finite(series: Series, plot: Plot) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(series.x, dtype=float), np.asarray(series.y, dtype=float)
    keep = np.isfinite(x) & np.isfinite(y)
    keep &= (x > 0) if plot.log_x else keep
    keep &= (y > 0) if plot.log_y else keep
    return x[keep], y[keep]


def draw(plot: Plot) -> str | None:
    """Return the figure as an ``<svg>`` element, or None when no curve has a point that can be drawn."""
    drawn = [(series, *_finite(series, plot)) for series in plot.series]
    drawn = [entry for entry in drawn if entry[1].size]
    if not drawn:
        return None
    style: Any = {**_STYLE, "svg.hashsalt": plot.name}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for index, (series, x, y) in enumerate(drawn):
            observed = series.kind == "observed"
            axes.plot(
                x,
                y,
                color=_COLOURS[index % len(_COLOURS)],
                linestyle="none" if series.isolated else ":" if observed else "-",
                marker="D" if series.isolated else "o" if observed and x.size <= 40 else None,
                drawstyle="steps-pre" if series.step else "default",
                markersize=5.0 if series.isolated else 3.5,
                label=f"{series.label} ({series.kind})",
            )
        for label, value in plot.levels:
            axes.axhline(value, color="#333333", linestyle="--", linewidth=1.2, label=label)
        for (label, value), (ink, dashes) in zip(plot.marks, _MARKS, strict=False):
            axes.axvline(value, color=ink, linestyle=dashes, linewidth=1.4, label=label)
        if plot.log_x:
            axes.set_xscale("log")
            places = sorted({float(v) for _, x, _ in drawn for v in x})
            if len(places) <= 6:
                # A few sizes, such as widths: name those instead of powers of ten.
                axes.set_xticks(places, [f"{v:g}" for v in places])
                axes.minorticks_off()
        heights = np.concatenate([y for _, _, y in drawn])
        # Over less than a decade a logarithmic axis has no round ticks to read.
        if plot.log_y and heights.max() > 10.0 * heights.min():
            axes.set_yscale("log")
        axes.set_title(plot.title, loc="left")
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel(plot.y_label)
        # Below the axes: inside, a legend would cover curves on some data.
        figure.legend(loc="outside lower left", ncols=1, frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), plot)


def _inline(svg: str, plot: Plot) -> str:
    """Turn matplotlib's document into an element that scales with the page and describes itself."""
    body = svg[svg.index("<svg") :]
    head, rest = body.split(">", 1)
    view = re.search(r'viewBox="[^"]+"', head)
    if view is None:
        raise AssertionError("matplotlib wrote an SVG without a viewBox")
    kinds = "; ".join(f"{s.label} ({s.kind})" for s in plot.series)
    label = html.escape(f"{plot.title}. {plot.y_label} against {plot.x_label}: {kinds}", quote=True)
    rest = re.sub(r"<metadata>.*?</metadata>", "", rest, flags=re.DOTALL)
    # The ids of axes and curves ("axes_1", …) repeat from figure to figure, and nothing refers to them.
    rest = re.sub(r'<g id="[^"]*"', "<g", rest)
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} {view[0]} role="img" aria-label="{label}">{rest}'


def _table(certificate: Any) -> tuple[np.ndarray, np.ndarray] | None:
    witness: Mapping[str, Any] = certificate.witness.get("handover") or certificate.witness
    radii, lam = witness.get("radii"), witness.get("lambda")
    if radii is None or lam is None or len(radii) < 2:
        return None
    return np.asarray(radii, dtype=float), np.asarray(lam, dtype=float)


def _radius(certificate: Any) -> float | None:
    value = certificate.constants.get("radius")
    return None if value is None else float(bounds(value)[0])


def kernel_on_ball(certificate: Any, name: str) -> Plot | None:
    """λ_min of the NTK against the distance from the centre, as certified; None without a radius table."""
    table, radius = _table(certificate), _radius(certificate)
    if table is None:
        return None
    radii, lam = table
    c = certificate.constants
    marks = []
    if radius is not None:
        marks.append(
            (("certified R" if certificate.verdict == "PROVED" else "nearest R") + f" ≈ {plain(radius)}", radius)
        )
    for key, label in (("stability_radius", "½λ₀ survives, sharp"), ("stability_radius_paper", "½λ₀ survives, paper")):
        if key in c and bounds(c[key])[0] > 0.0:
            marks.append((f"{label}, r ≥ {at_least(bounds(c[key])[0], 3)}", bounds(c[key])[0]))
    return Plot(
        name=f"kernel-{name}",
        title="NTK on the ball",
        x_label="ρ, distance from the centre",
        y_label="smallest NTK eigenvalue",
        series=[Series("lower bound on B(θ₀, ρ)", [0.0, *radii], [bounds(c["lambda0"])[0], *lam], step=True)],
        marks=marks,
        caption="Every point of the ball of radius ρ has an NTK with a smallest eigenvalue at least this large.",
    )


def absorbed_residual(certificate: Any, name: str) -> Plot | None:
    """∫(σ − δ)dρ against ρ beside ‖e₀‖: how much residual a ball can absorb; None without a radius table."""
    table, radius = _table(certificate), _radius(certificate)
    if table is None or "residual0" not in certificate.constants:
        return None
    radii, lam = table
    c = certificate.constants
    drift = float(bounds(c["step_drift"])[1]) if "step_drift" in c else 0.0
    widths = np.diff(np.concatenate([[0.0], radii]))
    supply = np.cumsum(widths * np.maximum(np.sqrt(np.maximum(lam, 0.0)) - drift, 0.0))
    need = float(bounds(c["residual0"])[1])
    word = "∫(σ − δ)dρ" if drift else "∫σ dρ"
    marks = []
    if radius is not None:
        marks.append(
            (("certified R" if certificate.verdict == "PROVED" else "nearest R") + f" ≈ {plain(radius)}", radius)
        )
    return Plot(
        name=f"residual-{name}",
        title="Residual the ball can absorb",
        x_label="ρ, distance from the centre",
        y_label="residual norm",
        series=[Series(word, [0.0, *radii], [0.0, *supply])],
        levels=[(f"‖e₀‖ ≤ {at_most(need)}", need)] if math.isfinite(need) else [],
        marks=marks,
        caption="Gradient descent cannot leave the ball once the curve passes the dashed line (residual form; plotted in floating point).",
    )
