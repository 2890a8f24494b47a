"""The report: claims, chains, looseness, experiments and ledger as one HTML page, LaTeX and Markdown."""

from __future__ import annotations

from typing import Any

from verify.errors import extra

__all__ = ["closing_lines", "report_from_directory", "results_of", "write_report"]


def __getattr__(name: str) -> Any:
    # The renderers of a single certificate are used without matplotlib and Jinja.
    if name in __all__:
        with extra("report"):
            from verify.report import write

        return getattr(write, name)
    raise AttributeError(f"module 'verify.report' has no attribute {name!r}")
