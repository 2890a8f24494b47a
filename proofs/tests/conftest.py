"""Terminal summary: whether the formal part was checked."""

from __future__ import annotations

from typing import Any

from proofs.coq_check import status


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in every run whether Coq has checked the theorems."""
    state = status()
    terminalreporter.section("formal proofs (Coq)")
    terminalreporter.write_line(state.line, green=state.checked, red=not state.checked)
