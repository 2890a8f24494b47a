"""Terminal summary: whether the formal part was checked. Fixture: the computed ledger, once per session."""

from __future__ import annotations

from typing import Any

import pytest

from proofs import ledger, pytest_ledger
from proofs.coq_check import status


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> dict[str, ledger.Row]:
    """Compute the ledger, and keep its table for the terminal summary of proofs.pytest_ledger."""
    computed = ledger.compute()
    pytest_ledger.remember(request.config, computed)
    return {row.id: row for row in computed}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in every run whether Coq has checked the theorems."""
    state = status()
    terminalreporter.section("formal proofs (Coq)")
    terminalreporter.write_line(state.line, green=state.checked, red=not state.checked)
