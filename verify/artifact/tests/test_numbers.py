"""The table of numbers: each command prints the expected line, and each number of the line stands where the table says."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from verify import cli

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "verify" / "artifact" / "texts" / "NUMBERS.md"


@dataclass(frozen=True)
class Entry:
    """A row: the page and the beginning of its table row, the command and the line."""

    page: str
    row: str
    command: str
    line: str


def entries() -> list[Entry]:
    lines = [
        line
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| verify/") or line.startswith("| README")
    ]
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return [Entry(*row) for row in cells]


def test_the_table_has_rows() -> None:
    assert len(entries()) >= 4


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.command.split()[3])
def test_a_number_is_what_its_command_prints(entry: Entry, tmp_path: Path) -> None:
    (stated,) = [
        line for line in (ROOT / entry.page).read_text(encoding="utf-8").splitlines()
        if line.startswith("| " + " | ".join(entry.row.split(" · ")) + " |")
    ]  # fmt: skip
    cells = [part for cell in stated.strip("|").split("|") for part in re.split(r" / ", cell.strip())]
    for number in re.findall(r"[=≥≤] ([\d.,]+\d)", entry.line):
        assert Decimal(number) in {Decimal(cell) for cell in cells if re.fullmatch(r"[\d.]+", cell)}, (
            f"{number} is not in: {stated}"
        )
    words = shlex.split(entry.command)
    assert words[0] == "verify"
    result = CliRunner().invoke(cli.app, [word if word != "results/only" else str(tmp_path) for word in words[1:]])
    assert result.exit_code == 0, result.output
    assert entry.line in result.output.splitlines()
