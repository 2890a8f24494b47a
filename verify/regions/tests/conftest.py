"""Problems that several tests share, certified once."""

from __future__ import annotations

from typing import Any

import pytest

import verify
from verify.regions.tests.networks import small


@pytest.fixture(scope="module")
def proved() -> tuple[Any, ...]:
    model, X, y = small()
    return model, X, y, verify.certify(model, X, y, scope="run", lr=0.1, steps=2000)
