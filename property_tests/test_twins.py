"""Each known-false twin must be refuted; and a twin that is true after all must be reported as surviving."""

from __future__ import annotations

import pytest

from property_tests.families import linear_models
from property_tests.twins import TWINS, Twin, refute


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_refuted(name: str) -> None:
    assert refute(TWINS[name])


def test_a_true_statement_survives() -> None:
    with pytest.raises(AssertionError, match="survived"):
        refute(Twin("nothing wrong", "lambda0_below_truth", linear_models, lambda _: None, budget=5))
