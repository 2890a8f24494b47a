"""A CSV file is read for what it says, whatever its encoding or quoting; what is ambiguous is refused with the option that settles it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import verify
from verify.errors import InputError
from verify.networks.reading.files import load_data
from verify.networks.reading.tables import read_table
from verify.tests.test_cli import quadratic

# The first and the third row contradict each other.
ROWS = ["1,2", "2,3", "1,5", "3,4"]
BOM = b"\xef\xbb\xbf"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(ROWS).encode(),
        BOM + "\n".join(ROWS).encode(),
        BOM + "\r\n".join(ROWS).encode() + b"\r\n\r\n",
        "\n".join('"' + row.replace(",", '","') + '"' for row in ROWS).encode(),
        BOM + "\n".join('"' + row.replace(",", '","') + '"' for row in ROWS).encode(),
        "\n".join(row.replace(",", " , ") for row in ROWS).encode(),
        BOM + b"x,y\n" + "\n".join(ROWS).encode(),
        b'"x","y"\n' + "\n".join(ROWS).encode(),
    ],
)
def test_no_row_is_lost_to_a_mark_or_to_quotes(tmp_path: Path, content: bytes) -> None:
    """A mark or quotes made the first row a header, and the contradiction ended PROVED."""
    read = load_data(write(tmp_path / "data.csv", content))
    assert read.X.tolist() == [[1.0], [2.0], [1.0], [3.0]]
    assert read.y.tolist() == [[2.0], [3.0], [5.0], [4.0]]
    assert verify.certify(quadratic(), read.X, read.y, lr=0.01).verdict == "REFUTED"
    assert "4 rows of 2 columns" in read.description
    assert ("header 'x', 'y'" in read.description) == (b"x" in content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1;2\n3;4\n", "--delimiter ';'"),
        ("1\t2\n3\t4\n", "--delimiter tab"),
        ("a;b\n1;2\n", "--delimiter ';'"),
        ("1,5;2,5\n2,5;3,5\n", "--delimiter ';'"),
        ("sep=;\n1;2\n", "--delimiter"),
        ('1,"2\n3,4\n', "every quote closed"),
        ("1," + "9" * 400 + "\n2,3\n", "9 is beyond the largest double; rescale"),
        ('"1,5","2,5"\n"2,5","3,5"\n', "no-header"),
        ("\N{MINUS SIGN}1,\N{MINUS SIGN}2\n3,4\n", "--header or --no-header"),
        ("(1),$2e5\n3,4\n", "--header or --no-header"),
        ('x,y\n"1,5","2,5"\n', "decimal comma"),
        ('x,y\n"1,000",2\n', "thousands"),
        ("1,2\n3\n", "line 2 has 1 cells"),
        ("1,2\n3,4,5\n", "line 2 has 3 cells"),
        ("1,2,\n3,4,\n", "no-header"),
        ("x,y\n1,\n", "missing"),
        ("x,y\n1,nan\n", "missing"),
        ("x,y\n1,NA\n", "missing"),
        ("x,y\n1,inf\n", "missing"),
        ("nan,nan\n1,2\n", "no-header"),
        (",x,y\n0,1,2\n", "index"),
        ("Unnamed: 0,x,y\n0,1,2\n", "index"),
        ("0,1\n5,6\n", "--header or --no-header"),
        ("2019,2020,2021\n5,6,7\n", "--header or --no-header"),
        ("x,y\n9007199254740993,1\n", "beyond 2\\^53"),
        ('"5","6"\n7,8\n', "--header or --no-header"),
        ("1st,2nd\n2,3\n", "--header or --no-header"),
        ("# x,# y\n2,3\n", "--header or --no-header"),
        ("x,1\n2,3\n", "--header or --no-header"),
        ("x,y\nmetre,second\n1,2\n", "second header"),
        ("x,y\n1,2\nTotal,2\n", "line 3"),
        ("x,y\n1,2\n3,4\n\n4,6\n", "line 5 follows an empty line"),
        ("1,2\n2,1\n3,5\n6,8\n", "--rows 4"),
        ("x,y\n1_000,2\n", "plain decimal"),
        ("x,y\n0x10,2\n", "plain decimal"),
        ("x,y\n5%,2\n", "plain decimal"),
        ("x,y\n1e999,2\n", "largest double"),
        ("x,y\n١,2\n", "plain decimal"),
        ('x,y\n"1,2\n', "line"),
        ("", "empty"),
        ("\n\n", "empty"),
        ("x,y\n", "no rows"),
        ("1,2\0\n", "NUL"),
        ("1\n2\n", "targets=1"),
        ("1 2\n3 4\n", "blanks are not read"),
        (b"\xff\xfe1\x00,\x002\x00", "UTF-8"),
        (b"x,y\n\xe9,1\n", "UTF-8"),
        ("x,y\n1\x1d,2\n", "plain decimal"),
        ("x,y\n1\xa0,2\n", "plain decimal"),
        (BOM + BOM + b"1,2\n", "byte-order"),
    ],
)
def test_what_is_ambiguous_or_no_table_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_data(write(tmp_path / "data.csv", text))


def test_the_options_settle_what_the_file_leaves_open(tmp_path: Path) -> None:
    numbered = write(tmp_path / "numbered.csv", "0,1\n5,6\n")
    assert read_table(numbered, header=True).values.tolist() == [[5.0, 6.0]]
    assert read_table(numbered, header=False).values.tolist() == [[0.0, 1.0], [5.0, 6.0]]
    european = write(tmp_path / "semicolon.csv", "a;b\n1;2\n")
    for delimiter in (";",):
        assert read_table(european, delimiter=delimiter).header == ("a", "b")
    tabs = write(tmp_path / "tabs.csv", "1\t2\n3\t4\n")
    for delimiter in ("tab", "\\t", "\t"):
        assert read_table(tabs, delimiter=delimiter).values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    totals = write(tmp_path / "totals.csv", "1,2\n2,1\n3,5\n6,8\n")
    assert len(read_table(totals, rows=4).values) == 4
    with pytest.raises(InputError, match="rows=3"):
        read_table(totals, rows=3)
    for unknown in ("::", "", "a", "x1"):
        with pytest.raises(InputError, match="delimiter"):
            read_table(tabs, delimiter=unknown)


def test_decimals_are_the_nearest_doubles(tmp_path: Path) -> None:
    assert (
        read_table(write(tmp_path / "whole.csv", "1,2\n-9007199254740994,9007199254740992.0\n")).values[1, 0]
        == -(2.0**53) - 2.0
    )
    path = write(tmp_path / "data.csv", "0.1,-.5\n+1e-3,2.\n1E5,0.30000000000000004\n")
    assert read_table(path).values.tolist() == [[0.1, -0.5], [0.001, 2.0], [100000.0, 0.30000000000000004]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"header": "no"}, "header='no': expected True"),
        ({"rows": 2.5}, "rows=2.5"),
        ({"delimiter": [","]}, "delimiter="),
    ],
)
def test_an_option_that_says_something_else_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    """Any text counted as header=True: the first row was lost."""
    with pytest.raises(InputError, match=re.escape(words)):
        read_table(write(tmp_path / "data.csv", "1,2\n3,5\n"), **options)


def test_names_that_begin_with_signs_are_a_header(tmp_path: Path) -> None:
    assert (
        read_table(write(tmp_path / "data.csv", "_x,[cm],e1,\N{GREEK SMALL LETTER THETA}\n1,2,3,4\n")).header
        is not None
    )


def test_a_file_too_large_is_told_so(tmp_path: Path) -> None:
    """It was called no readable UTF-8 text."""
    with (tmp_path / "data.csv").open("wb") as stream:
        stream.truncate(2**31 + 1)
    with pytest.raises(InputError, match=r"data\.csv: larger than 2 GiB; use \.npz"):
        read_table(tmp_path / "data.csv")
