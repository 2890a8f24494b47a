"""The API reference: pdoc on the docstrings of every module with public names, into a folder of pages that fetch nothing.

Formulas in docstrings are Unicode text, so they are readable without network and without MathJax.
"""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path

from verify.errors import VerifyError, extra

__all__ = ["documented_modules", "missing_names", "write_docs"]

_ROOT = Path(__file__).parents[2]
_LEFT_OUT = r".*\b(tests|test_\w+|peers|__main__|conftest)\b"


def documented_modules() -> list[str]:
    """Return the modules of verify and proofs, without tests and adapters of peers."""
    names = []
    for top in ("verify", "proofs"):
        for path in sorted((_ROOT / top).rglob("*.py")):
            parts = path.relative_to(_ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if not re.match(_LEFT_OUT, name):
                names.append(name)
    return names


def missing_names(folder: Path, modules: list[str]) -> list[str]:
    """Return the public names (``__all__``) of modules that have no place on the module's page, as ``module.name``."""
    missing = []
    for name in modules:
        page = folder.joinpath(*name.split(".")).with_suffix(".html")
        text = page.read_text(encoding="utf-8") if page.is_file() else ""
        public = getattr(importlib.import_module(name), "__all__", ())
        # A public module has a page of its own.
        named = (item for item in public if f"{name}.{item}" not in modules)
        missing += [f"{name}.{item}" for item in named if f'id="{item}"' not in text]
    return missing


def write_docs(folder: Path, modules: list[str] | None = None) -> Path:
    """Write the reference and return its first page.

    Args:
        folder: receives one page per module. modules: what to document, none inside another; None: :func:`documented_modules`.

    Raises:
        VerifyError: a public name is on no page.
        MissingExtraError: pdoc is not installed.
    """
    with extra("develop"):
        import pdoc
        import pdoc.render

    chosen = documented_modules() if modules is None else modules
    for name in chosen:
        module = importlib.import_module(name)
        for item in getattr(module, "__all__", ()):
            # What is loaded on first use has to be there before pdoc looks.
            getattr(module, item)
    pdoc.render.configure(docformat="google", footer_text="lplr-verify", show_source=False)
    # One by one: of a package with __all__ pdoc would show no other module than those named there. The last specification
    # keeps out the tests inside the packages.
    with warnings.catch_warnings():
        # A named tuple's constructor is compiled where its module's names are not known: such annotations are shown as they are written.
        warnings.filterwarnings("ignore", "Error parsing type annotation", UserWarning)
        pdoc.pdoc(*chosen, f"!{_LEFT_OUT}", output_directory=folder)
    missing = missing_names(folder, chosen)
    if missing:
        raise VerifyError(f"public names without a place in the reference: {', '.join(missing)}")
    return folder / "index.html"
