"""Load a copy of the package with one changed line, so that a test can show that the change is caught."""

from __future__ import annotations

import importlib
import itertools
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import verify.arrays

_COUNTER = itertools.count()


@contextmanager
def mutant(folder: Path, file: str, old: str, new: str) -> Iterator[Any]:
    """Import verify.arrays, its campaign included, under another name with old replaced by new in file.

    Yields a function name -> submodule. old must occur, so that a mutant cannot silently become the original.
    """
    name = f"mutant_{next(_COUNTER)}"
    source = Path(verify.arrays.__file__).parent
    shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "test_*.py"))
    target = folder / name / file
    text = target.read_text()
    assert old in text, f"{file} no longer contains {old!r}: update the mutant"
    target.write_text(text.replace(old, new))
    for path in (folder / name).rglob("*.py"):
        path.write_text(path.read_text().replace("verify.arrays", name))
    sys.path.insert(0, str(folder))
    try:
        yield lambda module: importlib.import_module(f"{name}.{module}" if module else name)
    finally:
        sys.path.remove(str(folder))
        for loaded in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
            del sys.modules[loaded]
