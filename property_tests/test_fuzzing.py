"""Damaged files at every entry point: data or one typed line; and the fuzzer sees the faults that it is there for."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from property_tests.damage import damaged
from property_tests.damaged_files import ENTRIES
from property_tests.fuzzing import fuzz
from verify.networks.reading import files, tables


@pytest.mark.parametrize("name", ENTRIES)
def test_every_input_ends_in_data_or_in_one_typed_line(name: str) -> None:
    tally = fuzz(ENTRIES[name], 250, seed=7)
    assert tally.inputs >= 250
    # A fuzzer whose inputs all fail at the first byte tests nothing.
    assert tally.counts["accepted"] > 0
    assert tally.counts["accepted"] < tally.inputs


def test_the_fuzzer_sees_a_header_guessed_from_one_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule that lost a first row to quotes or to a byte-order mark."""

    def guess(path: Path, lines: list[tuple[int, list[str]]], text: str) -> bool:
        first = text.splitlines()[0].split(",")[0].encode().decode("ascii", "replace")
        return not first.lstrip("-").isdigit() or lines[0][1][0] == "7"

    monkeypatch.setattr(tables, "_has_header", guess)
    with pytest.raises(AssertionError, match="taken for a header"):
        fuzz(ENTRIES["csv"], 3000, seed=7)


def test_the_fuzzer_sees_a_lost_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = tables.read_table

    def lossy(*args: Any, **options: Any) -> tables.Table:
        table = original(*args, **options)
        return tables.Table(table.values[:-1] if len(table.values) > 2 else table.values, table.header, table.delimiter)

    monkeypatch.setattr(files, "read_table", lossy)
    with pytest.raises(AssertionError, match="not the numbers"):
        fuzz(ENTRIES["csv"], 3000, seed=7, failures=tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_the_fuzzer_sees_an_error_that_is_not_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    def raw(value: object) -> str:
        raise KeyError(value)

    monkeypatch.setattr(files, "_words", raw)
    with pytest.raises(KeyError):
        fuzz(ENTRIES["npz"], 500, seed=7)


def test_damage_is_reproducible_and_often_none() -> None:
    edits = [damaged(b"abcdef", random.Random(k), [b"X"]) for k in range(200)]
    assert edits == [damaged(b"abcdef", random.Random(k), [b"X"]) for k in range(200)]
    assert 10 < sum(edit == b"abcdef" for edit in edits) < 100
