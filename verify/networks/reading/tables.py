"""A table of numbers from a CSV file: what is read is certain, or the file is refused.

A comma-separated file says neither whether its first line is a header nor what a comma in a number means. Nothing is guessed from a
single cell: a first line of words only is a header, one of numbers only is data, and everything between is refused with the option
that settles it. Numbers are plain decimals (``-1``, ``0.5``, ``1e-3``), rounded to the nearest double.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from verify.arguments import exact_count, shown
from verify.errors import InputError

__all__ = ["DELIMITERS", "Table", "read_table"]

DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "\t", "\\t": "\t", "tab": "\t"}
_NAMES = {",": "comma", ";": "semicolon", "|": "bar", "\t": "tab"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MISSING = {"", "nan", "na", "n/a", "#n/a", "null", "none", "inf", "-inf", "+inf", "infinity", "-", "?", "."}
_LARGEST_FILE = 2**31


@dataclass(frozen=True)
class Table:
    """What a file held.

    Attributes:
        values: (rows, columns) float64. header: the first line's words, or None where it was data. delimiter: the one used.
    """

    values: Float[np.ndarray, "rows columns"]
    header: tuple[str, ...] | None
    delimiter: str

    def describe(self) -> str:
        """One line: rows, columns, separator, header and first row."""
        rows, columns = self.values.shape
        header = "no header" if self.header is None else f"header {', '.join(map(repr, self.header[:6]))}"
        first = ", ".join(f"{value!r}" for value in self.values[0, :6].tolist())
        return (
            f"{rows} rows of {columns} columns, {_NAMES[self.delimiter]} separated; {header}{_more(self.header)}; first row"
            f" {first}{', …' if columns > 6 else ''}"
        )


def _more(header: tuple[str, ...] | None) -> str:
    return ", …" if header is not None and len(header) > 6 else ""


def read_table(
    path: Path, *, header: bool | None = None, delimiter: str | None = None, rows: int | None = None
) -> Table:
    """Read a CSV file of numbers.

    Args:
        path: UTF-8, with or without a byte-order mark.
        header: whether the first line is a header; None decides where the line leaves no doubt.
        delimiter: one of :data:`DELIMITERS`; None is the comma.
        rows: the number of data rows expected; None expects any.

    Raises:
        InputError: unreadable, ambiguous or not a table of numbers; names the line and the option that settles it.
    """
    if delimiter is not None and (not isinstance(delimiter, str) or delimiter not in DELIMITERS):
        raise InputError(f"delimiter={shown(delimiter)}: expected one of {', '.join(map(repr, DELIMITERS))}")
    if header is not None and not isinstance(header, bool):
        raise InputError(f"header={shown(header)}: expected True, False or None")
    if rows is not None:
        rows = exact_count(rows, "rows", least=1)
    separator = DELIMITERS[delimiter or ","]
    text = _text(path)
    lines = _lines(path, text, separator)
    _require_separator(path, lines, separator, delimiter)
    taken = _has_header(path, lines, text) if header is None else header
    body = lines[1:] if taken else lines
    if not body:
        raise InputError(f"data={path}: no rows of numbers")
    values = np.array([_row(path, number, cells) for number, cells in body], dtype=np.float64)
    if rows is not None and rows != len(values):
        raise InputError(f"data={path}: {len(values)} rows of numbers, but rows={rows} are expected")
    if rows is None and _ends_with_totals(values):
        raise InputError(
            f"data={path}: line {body[-1][0]} is the sum of all rows before it: totals? Remove the line, or say that the file has"
            f" {len(values)} rows of data (--rows {len(values)})"
        )
    return Table(values, tuple(cell.strip(" ") for cell in lines[0][1]) if taken else None, separator)


def _text(path: Path) -> str:
    try:
        large = path.stat().st_size > _LARGEST_FILE
        text = "" if large else path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"data={path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"data={path}: not a readable UTF-8 text file ({error}); save it as UTF-8") from error
    if large:
        raise InputError(f"data={path}: larger than 2 GiB; use .npz")
    if "\0" in text or "\ufeff" in text:
        raise InputError(f"data={path}: contains NUL characters or a second byte-order mark; save it as plain UTF-8")
    return text


def _lines(path: Path, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Return (line number, cells) of the table; empty lines may only end it."""
    found: list[tuple[int, list[str]]] = []
    empty: int | None = None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if not cells or cells == [""] or (len(cells) == 1 and not cells[0].strip(" ")):
                empty = empty or reader.line_num
                continue
            if empty is not None:
                raise InputError(
                    f"data={path}: line {reader.line_num} follows an empty line: another table, or totals?"
                )
            found.append((reader.line_num, cells))
    except csv.Error as error:
        raise InputError(
            f"data={path}: line {reader.line_num}: {error}; expected short cells, and every quote closed"
        ) from error
    if not found:
        raise InputError(f"data={path}: empty; expected rows of numbers")
    return found


def _require_separator(path: Path, lines: list[tuple[int, list[str]]], separator: str, delimiter: str | None) -> None:
    """Refuse a table that another character separates, and rows of unequal length."""
    others = [other for other in _NAMES if other != separator]
    columns = len(lines[0][1])
    for number, cells in lines:
        seen = next((other for other in others if other != "," and any(other in cell for cell in cells)), None)
        if seen is not None:
            raise InputError(
                f"data={path}: line {number} contains a {_NAMES[seen]}: is the table {_NAMES[seen]} separated? Say so with"
                f" --delimiter {'tab' if seen == chr(9) else repr(seen)} (it was read as {_NAMES[separator]} separated)"
            )
        if len(cells) != columns:
            raise InputError(
                f"data={path}: line {number} has {len(cells)} cells, the first line {columns}; expected as many in each"
                + ("" if delimiter else " (--delimiter names another separator)")
            )


def _has_header(path: Path, lines: list[tuple[int, list[str]]], text: str) -> bool:
    """Decide from the whole first line, or refuse."""
    first = [cell.strip(" ") for cell in lines[0][1]]
    numbers = [bool(_NUMBER.fullmatch(cell)) for cell in first]
    settle = "Say which with --header or --no-header"
    if all(numbers):
        if _are_consecutive(first):
            raise InputError(
                f"data={path}: the first line is {', '.join(first[:6])}: column numbers, or data? {settle}"
            )
        quoted = [line.lstrip(" ").startswith('"') for line in text.split("\n")[:2]]
        if quoted == [True, False]:
            raise InputError(f"data={path}: the first line is quoted and the second is not: names, or data? {settle}")
        return False
    odd = [cell for cell in first if cell.lower() in _MISSING or _may_be_a_number(cell)]
    if odd or any(numbers) or first[0].startswith("Unnamed"):
        raise InputError(
            f"data={path}: the first line ({', '.join(map(repr, first[:6]))}) is neither words only (a header) nor numbers only"
            f" (data). {settle}; an unnamed first column is an index to leave out"
            + ("; cells separated by blanks are not read" if len(first) == 1 and " " in first[0] else "")
            + (
                "; if commas separate, leave --delimiter out"
                if len(first) == 1 and "," in first[0] and '"' not in text
                else ""
            )
        )
    return True


def _may_be_a_number(cell: str) -> bool:
    """Whether a cell that is no plain number may be one written otherwise: "1,5", "2020-01-01", "−1" with a typographic minus, "(5)", "$5"."""
    return cell[0] in "0123456789+-.,#" or not (cell[0].isalpha() or any(c.isalpha() and c not in "eE" for c in cell))


def _are_consecutive(cells: list[str]) -> bool:
    """Whether a line is 0, 1, …, or three or more integers k, k + 1, …: column numbers or years as likely as a sample."""
    start = int(cells[0]) if cells[0].isdigit() and len(cells[0]) < 10 else -1
    return start >= 0 and len(cells) > min(start + 1, 2) and cells == [str(start + i) for i in range(len(cells))]


def _row(path: Path, number: int, cells: list[str]) -> list[float]:
    values: list[float] = []
    for column, cell in enumerate(cells, start=1):
        word = cell.strip(" ")
        if not _NUMBER.fullmatch(word):
            raise InputError(f"data={path}: line {number}, column {column}: {_complaint(word)}")
        value = float(word)
        if value in (float("inf"), -float("inf")):
            raise InputError(
                f"data={path}: line {number}, column {column}: {word[:40]} is beyond the largest double; rescale the column"
            )
        digits = word.lstrip("+-").lstrip("0")
        if digits.isdigit() and int(digits) != abs(value):
            raise InputError(
                f"data={path}: line {number}, column {column}: the integer {word} is no float64 number (beyond 2^53); write it as a decimal,"
                f" {value!r}, if the nearest one is meant"
            )
        values.append(value)
    return values


def _complaint(word: str) -> str:
    if word.lower() in _MISSING:
        return f"{word!r} is no number; remove or impute missing entries"
    if "," in word and re.fullmatch(r"[+-]?[\d.,']+", word):
        return (
            f"{word!r} has a decimal comma or thousands separators; write numbers with a point and without separators"
        )
    return f"{word[:40]!r} is no plain decimal number such as -1, 0.5 or 1e-3 (a second header line, a label, totals?)"


def _ends_with_totals(values: np.ndarray) -> bool:
    """Whether the last of at least four rows is the sum of the others in every column, up to rounding, and not zero."""
    if len(values) < 4:
        return False
    with np.errstate(all="ignore"):
        sums = values[:-1].sum(axis=0)
    return bool(np.allclose(values[-1], sums, rtol=1e-9, atol=0.0) and values[-1].any())
