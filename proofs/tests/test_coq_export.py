"""The Coq export says what SymPy says: read back by an independent parser, and equal to the file checked in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

from proofs.constants import CONSTANTS
from proofs.coq_export import CONSTANTS_FILE, definition, generate, to_coq
from proofs.errors import UnknownNodeError

_TOKEN = re.compile(r"\s*(\d+|[A-Za-z_]\w*|[-+*/^()])")
_CALLS: dict[str, tuple[int, Callable[..., Any]]] = {
    "sqrt": (1, sp.sqrt),
    "ln": (1, sp.log),
    "Rmax": (2, sp.Max),
    "Rmin": (2, sp.Min),
}


class _CoqReader:
    """Reads the terms of R_scope that occur in Constants.v, with Coq's precedences (^, then * /, then + -)."""

    def __init__(self, text: str, symbols: dict[str, Any]) -> None:
        self.tokens = _TOKEN.findall(text)
        self.position = 0
        self.symbols = symbols

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def sum(self) -> Any:
        value = self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Any:
        if self.peek() == "-":  # level 35: tighter than * in Coq, the same value
            self.take()
            return -self.product()
        value = self.power()
        while self.peek() in ("*", "/"):
            value = value * self.power() if self.take() == "*" else value / self.power()
        return value

    def power(self) -> Any:
        base = self.application()
        if self.peek() == "^":
            self.take()
            return base ** int(self.take())
        return base

    def application(self) -> Any:
        token = self.peek()
        if token in _CALLS:
            self.take()
            count, function = _CALLS[token]
            return function(*(self.atom() for _ in range(count)))
        return self.atom()

    def atom(self) -> Any:
        token = self.take()
        if token == "(":
            value = self.sum()
            assert self.take() == ")"
            return value
        return sp.Integer(token) if token.isdigit() else self.symbols[token]


def _read(text: str, symbols: dict[str, Any]) -> Any:
    reader = _CoqReader(text, symbols)
    value = reader.sum()
    assert reader.position == len(reader.tokens), f"unread: {reader.tokens[reader.position :]}"
    return value


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_export_reads_back_as_the_same_formula(name: str) -> None:
    constant = CONSTANTS[name]
    text = definition(constant)
    head, body = text.split(":=")
    arguments = re.search(r"\(([\w ]+) : R\) : R", head)
    assert arguments is not None
    by_coq_name = {("Rad" if s.name == "R" else s.name): s for s in constant.symbols}
    assert arguments[1].split() == sorted(by_coq_name)
    value = _read(body.strip().removesuffix("."), by_coq_name)
    difference = sp.simplify(value - constant.expression)
    assert difference == 0, f"{name}: exported {body.strip()} differs by {difference}"


def test_checked_in_file_is_the_export() -> None:
    assert CONSTANTS_FILE.read_text(encoding="utf-8") == generate(), "run python -m proofs.coq_export"


def test_reader_notices_an_altered_formula() -> None:
    constant = CONSTANTS["residual_rate"]
    body = definition(constant).split(":=")[1].strip().removesuffix(".")
    symbols = {s.name: s for s in constant.symbols}
    for altered in (
        body.replace("1 -", "1 +"),
        body.replace("sigma - delta", "sigma + delta"),
        body.replace("eta * ", ""),
    ):
        assert altered != body
        assert sp.simplify(_read(altered, symbols) - constant.expression) != 0


def test_signs_and_nesting() -> None:
    x, y = sp.symbols("x y", positive=True)
    for expression in (
        -x * (y - x),
        -(x**2) / y - 1,
        sp.sqrt(x) / (1 - y) ** 2,
        -sp.Rational(3, 7) * x,
        x - (y - 1) ** 3,
        1 / (x * y),
        sp.Max(0, x - y, y) ** 2,
        sp.log(x / y) / -sp.log(y),
    ):
        assert sp.simplify(_read(to_coq(expression), {"x": x, "y": y}) - expression) == 0


def test_unknown_head_is_refused() -> None:
    with pytest.raises(UnknownNodeError, match="no Coq translation"):
        to_coq(sp.sin(sp.Symbol("x")))
