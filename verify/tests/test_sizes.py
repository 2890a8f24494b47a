"""Modules of at most 400 lines, functions of at most 60 statements: tests, properties and proofs too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES, MOST_STATEMENTS = 400, 60


def too_long(path: Path, where: str) -> list[str]:
    """What of a module is beyond the limits, by name; a definition and its docstring are no statements of a function."""
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    found = [f"{where}: {lines} lines"] if lines > MOST_LINES else []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
            inside -= ast.get_docstring(function) is not None
            if inside > MOST_STATEMENTS:
                found.append(f"{where}, line {function.lineno}: {function.name} has {inside} statements")
    return found


@pytest.mark.parametrize("top", ["verify", "proofs", "property_tests"])
def test_every_module_and_every_function_is_read_in_one_go(top: str) -> None:
    paths = sorted((ROOT / top).rglob("*.py"))
    assert len(paths) > 20
    assert [line for path in paths for line in too_long(path, str(path.relative_to(ROOT)))] == []


def test_what_is_too_long_is_named(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text('def f():\n    """D."""\n' + "    x = 1\n" * 60)
    assert too_long(path, "long.py") == []
    path.write_text("def f():\n" + "    x = 1\n" * 61)
    assert too_long(path, "long.py") == ["long.py, line 1: f has 61 statements"]
    path.write_text("x = 1\n" * 401)
    assert too_long(path, "long.py") == ["long.py: 401 lines"]
