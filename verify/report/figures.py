"""Figures of the report as inline SVG: text stays text, sizes stay readable on a phone, nothing is fetched.

Legend and description for screen readers say which curve is proved and which observed (:mod:`verify.certificates.drawing`).
"""

from __future__ import annotations

import html
import io
import re
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from verify.certificates.drawing import STYLE, paint
from verify.certificates.plots import Plot

__all__ = ["draw"]

_SIZE = (4.6, 3.3)


def draw(plot: Plot) -> str | None:
    """Return the figure as an ``<svg>`` element, or None when no curve has a point that can be drawn."""
    style: Any = {**STYLE, "svg.fonttype": "none", "svg.hashsalt": f"plot-{plot.name}"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(_SIZE[0], max(_SIZE[1], 1.4 + 0.3 * len(plot.rows))), layout="constrained")
        FigureCanvasSVG(figure)
        if not paint(plot, figure.add_subplot()):
            return None
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
