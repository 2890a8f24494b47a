"""Pytest plugin: after the tests, a terminal summary shows the ledger of claims.

Register with ``pytest_plugins = ["proofs.pytest_ledger"]`` in the root conftest.py, or ``-p proofs.pytest_ledger``. The ledger that
a test computed is kept in pytest's cache under the digest of everything it was computed from; a run without the tests of proofs/ shows
a ledger computed earlier from the same sources, or says that there is none.
"""

from __future__ import annotations

from typing import Any

import pytest

from proofs import ledger

__all__ = ["KEY", "pytest_addoption", "pytest_terminal_summary", "remember"]

KEY = "proofs/ledger"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --no-ledger."""
    parser.addoption("--no-ledger", action="store_true", help="do not show the ledger of claims after the tests")


def remember(config: pytest.Config, rows: list[ledger.Row]) -> None:
    """Keep a computed ledger's table for the terminal summary."""
    cache: Any = getattr(config, "cache", None)
    if cache is not None:
        cache.set(KEY, {"digest": ledger.digest(), "table": ledger.render_text(rows)})


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    """Show the ledger's table, unless only collecting or asked not to."""
    if config.getoption("--no-ledger") or config.getoption("--collect-only"):
        return
    cache: Any = getattr(config, "cache", None)
    entry = cache.get(KEY, None) if cache is not None else None
    terminalreporter.section("ledger of claims")
    if entry and entry["digest"] == ledger.digest():
        terminalreporter.write_line(entry["table"])
    else:
        terminalreporter.write_line(
            "not computed for these sources in this run: run the tests of proofs/, or python -m proofs.ledger"
        )
