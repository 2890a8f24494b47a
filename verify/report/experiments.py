"""The experiments' table and figures, from what ``verify reproduce`` stored."""

from __future__ import annotations

from typing import Any

from verify.report.figures import Plot
from verify.report.tables import Table

__all__ = ["experiment_plots", "experiment_table"]


def experiment_table(experiments: Any) -> Table | None:
    """One line per experiment; None when nothing was computed."""
    return None


def experiment_plots(experiments: Any) -> list[Plot | None]:
    """Figures of the experiments."""
    return []
