"""How cost grows with n and width, beside the exponents of the arithmetic: a table and two figures from the rows of :mod:`verify.experiments.growth`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from verify.certificates.plots import Plot, Quantity, Series
from verify.decimals import plain
from verify.report.tables import Table

__all__ = ["exponent", "growth_plots", "growth_table"]

Row = Mapping[str, Any]

_PARTS: tuple[tuple[str, str, Quantity, dict[str, str]], ...] = (
    ("kernel_seconds", "Θ", "ntk", {"n": "2", "width": "1"}),
    ("eigenvalue_seconds", "λ_min(Θ)", "residual", {"n": "3", "width": "0"}),
)
"""Column, what it times, colour, and the arithmetic's exponents: Θ is 2n²(d + width) operations, λ_min some n³ and no width."""


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the slope of log(cost) over log(size) by least squares.

    >>> round(exponent([1.0, 2.0, 4.0], [3.0, 12.0, 48.0]), 6)
    2.0
    """
    return float(np.polyfit(np.log(np.asarray(sizes)), np.log(np.asarray(costs)), 1)[0])


def _along(rows: Sequence[Row], axis: str) -> list[Row]:
    """The rows of one of the two grids, in order of its size."""
    return sorted((row for row in rows if row["axis"] == axis), key=lambda row: float(row[axis]))


def growth_table(rows: Sequence[Row]) -> Table:
    """One line per part and axis: sizes, times, the fitted exponent, that of the last doubling, and the arithmetic's."""
    lines = []
    for axis in ("n", "width"):
        grid = _along(rows, axis)
        if len(grid) < 2:
            continue
        sizes = [float(row[axis]) for row in grid]
        for column, what, _, expected in _PARTS:
            costs = [float(row[column]) for row in grid]
            measured = ", ".join(f"{size:,.0f}: {plain(cost, 3)} s" for size, cost in zip(sizes, costs, strict=True))
            fits = (f"{exponent(sizes, costs):.2f}", f"{exponent(sizes[-2:], costs[-2:]):.2f}")
            lines.append((what, axis, measured, *fits, expected[axis]))
    columns = ("part", "grows with", "processor time", "exponent", "last two", "arithmetic")
    return Table("Growth of cost", columns, tuple(lines), (3, 4, 5))


def growth_plots(rows: Sequence[Row]) -> list[Plot]:
    """Processor time against n, and against the width."""
    plots = []
    for axis in ("n", "width"):
        grid = _along(rows, axis)
        if len(grid) > 1:
            sizes = [float(row[axis]) for row in grid]
            series = [
                Series(what, sizes, [float(row[column]) for row in grid], "observed", quantity=quantity)
                for column, what, quantity, _ in _PARTS
            ]
            fixed = "width" if axis == "n" else "n"
            plots.append(
                Plot(
                    f"growth-{axis}",
                    f"Cost against {axis}, {fixed} {grid[0][fixed]:,}",
                    axis,
                    "processor seconds",
                    series,
                    log_x=True,
                    log_y=True,
                    caption="Enclosure of Θ and certified lower bound of its smallest eigenvalue, one thread.",
                )
            )
    return plots
