"""What messages name exists: every option, function, verb, make target and extra in the texts of refusals and of INCONCLUSIVE reasons."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pydoc
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from verify.cli import app, main

ROOT = Path(__file__).parents[2]
_SOURCES = [path for path in sorted((ROOT / "verify").rglob("*.py")) if "tests" not in path.parts]
# Not at the start of a text: there stands what was given, by any name.
_OPTION = r"(?<=[ (:;,`])([a-z][a-z_]+)=(?=None|True|False|['\d(\[]| |$|,|\))"
_FUNCTION = r"(?<![\w/.])((?:verify|torch|numpy|fractions)(?:\.[A-Za-z_]\w*)+)"
_FLAG = r"(?<![\w-])(--[a-z][a-z-]+)"


def _texts(tree: ast.AST) -> Iterator[str]:
    """String constants that are no docstrings; of an f-string its constant parts, with … for what is filled in."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (documents | inside):
            yield node.value


@functools.cache
def _messages() -> list[tuple[str, str]]:
    """(file, text) of every text of two words or more: refusals, reasons and what is printed."""
    found = []
    for path in _SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        found += [(str(path.relative_to(ROOT)), text) for text in _texts(tree) if " " in text.strip()]
    return found


def _named(pattern: str) -> dict[str, str]:
    """Name → a file that names it, for the first group of `pattern`."""
    return {match: path for path, text in _messages() for match in re.findall(pattern, text)}


def _parameters() -> set[str]:
    """Names of all parameters and fields in the package, and of keys of option tables."""
    names: set[str] = set()
    for path in _SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.arg | ast.keyword) and node.arg:
                names.add(node.arg)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                names.add(node.value)
    return names


def test_texts_are_found() -> None:
    assert len(_messages()) > 500
    assert any("Drop the repetitions" in text for _, text in _messages())


def test_options_named_in_messages_exist() -> None:
    """``name=`` before a value, such as lr=None or scope='basin', after the words that say what was given."""
    known = _parameters()
    # Of the functions of other packages that messages name, what they take.
    for name in _named(_FUNCTION):
        function = pydoc.locate(name)
        with suppress(TypeError, ValueError):
            known |= set(inspect.signature(function).parameters)  # type: ignore[arg-type]
    assert not {name: path for name, path in _named(_OPTION).items() if name not in known}


def test_functions_named_in_messages_exist() -> None:
    missing = {}
    for name, path in _named(_FUNCTION).items():
        parts, position = name.split("."), 1
        found: object = importlib.import_module(parts[0])
        for position in range(1, len(parts)):
            try:
                found = getattr(found, parts[position])
            except AttributeError:
                try:
                    found = importlib.import_module(".".join(parts[: position + 1]))
                except ImportError:
                    missing[name] = path
                    break
    assert not missing


def test_verbs_options_targets_and_extras_named_in_messages_exist() -> None:
    command = typer.main.get_command(app)
    verbs = command.commands  # type: ignore[attr-defined]
    options = {o for verb in verbs.values() for p in verb.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    make = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    extras = set(re.findall(r"^([a-z]+) = \[", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE))
    assert not {name: path for name, path in _named(r"`verify ([a-z]+)").items() if name not in verbs}
    assert not {name: path for name, path in _named(r"`make ([a-z-]+)").items() if name not in make}
    assert not {name: path for name, path in _named(r"lplr-verify\[([a-z]+)\]").items() if name not in extras}
    used = {
        name: path
        for name, path in _named(_FLAG).items()
        # Arguments that programs of their own parse.
        if not path.startswith(
            ("verify/experiments", "verify/artifact", "verify/checker", "verify/formal", "verify/bench")
        )
    }
    assert not {name: path for name, path in used.items() if name not in options}


def test_names_in_messages_are_looked_for() -> None:
    """The patterns see what they are there for: names that certainly stand in messages."""
    assert {"lr", "scope", "radius", "steps", "seconds", "descent"} <= set(_named(_OPTION))
    assert {"verify.SGD", "torch.nn.Parameter", "numpy.unique"} <= set(_named(_FUNCTION))
    assert {"--delimiter", "--rows", "--no-header"} <= set(_named(_FLAG))


def _plain(text: str) -> str:
    """The words of a help page, without frames."""
    return " ".join(re.sub(r"[╭╮╰╯│─]", " ", text).split())


def test_help_says_what_the_texts_say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """ "[grid]" and "[[case]]" vanished from the help of `verify sweep`: they were taken for styles."""
    monkeypatch.setenv("COLUMNS", "400")
    command = typer.main.get_command(app)
    for name, verb in {"": command, **command.commands}.items():  # type: ignore[attr-defined]
        main([name, "--help"] if name else ["--help"])
        shown = _plain(capsys.readouterr().out)
        texts = [verb.help, *(getattr(p, "help", None) for p in verb.params)]
        assert not [text for text in texts if text and _plain(text) not in shown], name


def test_nothing_printed_is_taken_for_markup() -> None:
    """Paths, names and reasons hold brackets: no console and no column of a progress line reads styles in them."""
    calls = [
        (path.name, ast.unparse(node))
        for path in _SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Console", "TextColumn")
    ]
    assert len(calls) > 5
    assert not [call for call in calls if "markup=False" not in call[1]]
