"""The table of numbers: its pages state every number, and the quick commands print what it says; a changed digit is noticed."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

import verify
from verify import cli
from verify.artifact.numbers import ROOT, Entry, compare, differences, entries, figures, run
from verify.errors import InputError
from verify.experiments.related.catalogue import ENTRIES

QUICK = [entry for entry in entries() if entry.quick]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: f"{entry.page}: {entry.row}")
def test_each_number_of_an_expected_line_stands_on_its_page(entry: Entry) -> None:
    assert compare(entry) == set()


@pytest.mark.parametrize("entry", QUICK, ids=lambda entry: entry.command.split()[3])
def test_a_quick_command_prints_its_line(entry: Entry, tmp_path: Path) -> None:
    words = [str(tmp_path) if word == "results/only" else word for word in shlex.split(entry.command)]
    assert words[0] == "verify"
    # In this process: a new one would spend its time on imports.
    result = CliRunner().invoke(cli.app, words[1:])
    assert result.exit_code == 0, result.output
    assert differences([entry], {entry.command: result.output}) == []


def test_a_command_runs_in_a_process_of_its_own_and_its_folder_is_the_one_given(tmp_path: Path) -> None:
    assert run("verify --version", tmp_path) == f"lplr-verify {verify.__version__}\n"
    assert str(tmp_path) in run("python -c 'import sys; print(sys.argv)' results/only/x", tmp_path)


def test_a_wrong_digit_an_unknown_line_and_another_output_are_told() -> None:
    entry = next(e for e in QUICK if "0.3812" in e.line)
    wrong = replace(entry, line=entry.line.replace("0.3812", "0.3813"))
    assert compare(wrong) == {Decimal("0.3813")}
    assert len(differences([wrong], {entry.command: entry.line})) == 2
    with pytest.raises(InputError, match="0 lines"):
        compare(replace(entry, row="digits, n = 99"))


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert figures("≤ 3.69·10⁻⁴ of 1,583") == figures("0.000369, 1583") == {Decimal("0.000369"), Decimal(1583)}
    assert figures("1.1·10¹² 4.94e-7") == {Decimal("1.1e12"), Decimal("4.94e-7")}


def test_every_result_of_the_front_page_and_every_row_of_a_table_that_one_command_makes_has_an_entry() -> None:
    commands = " ".join(entry.command for entry in entries())
    assert all(f"--only {related.name} " in commands for related in ENTRIES)
    stated = {entry.row for entry in entries() if entry.page == "README.md"}
    prose = re.sub(
        r"(?s:```.*?```)|^    .*$|`[^`]*`", " ", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.M
    )
    assert {found[0] for found in re.finditer(r"\d[\d,.]* of \d[\d,]*", prose)} <= stated
