"""The computed ledger, once per session."""

from __future__ import annotations

import pytest

from proofs import ledger, pytest_ledger


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> dict[str, ledger.Row]:
    computed = ledger.compute()
    pytest_ledger.remember(request.config, computed)
    return {row.id: row for row in computed}
