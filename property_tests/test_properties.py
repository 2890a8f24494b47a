"""Every property at the chosen profile's budget, with its floor on the share of PROVED draws."""

from __future__ import annotations

import pytest

from property_tests.profiles import for_weight
from property_tests.properties import PROPERTIES, run


@pytest.mark.parametrize("name", PROPERTIES)
def test_property(name: str, profile: str) -> None:
    run(name, for_weight(profile, PROPERTIES[name].weight))
