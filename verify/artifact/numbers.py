"""Numbers that the READMEs state, the command that prints each, and their comparison.

``texts/NUMBERS.md`` is the table. An entry is sound if (a) its page has exactly one line that begins as `row` says (the first cells of a table row, joined
by " · ", or words of a paragraph), (b) every number of the expected line stands in that line or, for a paragraph, in the words quoted, and (c) the command
prints the expected line. (a) and (b) cost nothing and are tested for all; (c) is tested for the quick entries, and ``python -m verify.artifact numbers``
runs the others too.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from verify.errors import InputError

__all__ = ["Entry", "compare", "differences", "entries", "figures", "main", "run"]

ROOT = Path(__file__).parents[2]
_TABLE = Path(__file__).parent / "texts" / "NUMBERS.md"
_FOLDER = "results/only"
_POWER = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?:·10([⁻⁰¹²³⁴-⁹]+)|e([+-]?\d+))?")
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Attributes:
        page: a README, from the root. row: what the line with the numbers begins with.
        quick: whether the tests run it. command: as typed in a shell; writes to ``results/only``. line: what it prints.
    """

    page: str
    row: str
    quick: bool
    command: str
    line: str


def entries() -> list[Entry]:
    """Return the table's rows."""
    rows = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \S*README\.md ", line)]
    cells = [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in rows]
    return [Entry(page, row, when == "test", command, line) for page, row, when, command, line in cells]


def figures(text: str) -> set[Decimal]:
    """Return the numbers in a text; 1.2·10⁻⁵ and 1.2e-05 are the same one, and so are 1,583 and 1583. An index (ℓ_0) is none."""
    found = set()
    for digits, raised, exponent in _POWER.findall(text):
        power = int(raised.translate(_RAISED) or 0) if raised else int(exponent or 0)
        found.add(Decimal(digits.replace(",", "")).scaleb(power))
    return found


def _stated(entry: Entry) -> str:
    """The line of the page that an entry is about.

    Raises:
        InputError: there is none, or more than one.
    """
    beginning = f"| {' | '.join(entry.row.split(' · '))} |"
    text = (ROOT / entry.page).read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line.startswith(beginning) or entry.row in line]
    if len(found) != 1:
        raise InputError(f"{entry.page}: {len(found)} lines for {entry.row!r}; expected one")
    return found[0]


def compare(entry: Entry) -> set[Decimal]:
    """Return the numbers of the expected line that the page does not state; empty where all is well.

    Raises:
        InputError: the page has no such line, or several.
    """
    return figures(entry.line) - figures(_stated(entry))


def run(command: str, folder: Path) -> str:
    """Run a command in a process of its own, its results in `folder`; return what it printed."""
    words = [str(folder) if word.startswith(_FOLDER) else word for word in shlex.split(command)]
    start = [sys.executable, "-m", "verify"] if words[0] == "verify" else [sys.executable]
    done = subprocess.run([*start, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def differences(chosen: Iterable[Entry], outputs: Mapping[str, str]) -> list[str]:
    """Compare entries with their pages and with what their commands printed; one line for each that is not as stated."""
    told = []
    for entry in chosen:
        absent = compare(entry)
        if absent:
            told.append(f"{entry.page}, {entry.row}: does not state {', '.join(map(str, sorted(absent)))}")
        if entry.line not in outputs[entry.command]:
            told.append(f"{entry.command}: expected {entry.line!r}, printed {outputs[entry.command]!r}")
    return told


def main(folder: Path) -> int:
    """Run every command of the table, results in `folder` (resumable where the command is), and print what is not as stated; exit code 0 or 1."""
    outputs = {}
    for entry in entries():
        if entry.command not in outputs:
            outputs[entry.command] = run(entry.command, folder)
            print(entry.command, flush=True)
    told = differences(entries(), outputs)
    print("\n".join(told) if told else f"{len(entries())} entries as stated")
    return 1 if told else 0
