from __future__ import annotations

import random

import pytest

from proofs import ledger
from proofs.lemmas import LEMMAS, Lemma


@pytest.mark.parametrize("lemma", LEMMAS.values(), ids=lambda x: x.id)
def test_statement_holds_on_random_instances(lemma: Lemma) -> None:
    draw = random.Random(lemma.id)
    assert all(lemma.test(draw) for _ in range(12))
    assert lemma.statement
    assert lemma.reference


def test_every_lemma_is_used(rows: dict[str, ledger.Row]) -> None:
    assert {lemma for row in rows.values() for lemma in row.lemmas} == set(LEMMAS)
