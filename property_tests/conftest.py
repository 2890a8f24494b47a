"""Profile selection and the table of counts, slacks and refuted twins at the end of a session."""

from __future__ import annotations

from typing import Any

import pytest

from property_tests.profiles import PROFILES
from property_tests.tally import TALLY, Tally


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> str:
    """Name of the profile in use."""
    chosen = request.config.getoption("hypothesis_profile", None) or request.config.getoption(
        "--hypothesis-profile", None
    )
    return chosen if chosen in PROFILES else "property-ci"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a parallel worker, hand the tally to the controlling process."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["property_tally"] = TALLY.to_json()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """In the controlling process, add a finished worker's tally."""
    data = getattr(node, "workeroutput", {}).get("property_tally")
    if data is not None:
        TALLY.merge(Tally.from_json(data))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if TALLY.draws:
        terminalreporter.section("property tests: draws, share PROVED, smallest relative slack")
        for line in TALLY.lines():
            terminalreporter.write_line(line)
