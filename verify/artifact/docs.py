"""The API reference: pdoc on the docstrings of every module with public names, into a folder of pages that fetch nothing.

Formulas in docstrings are Unicode text, so they are readable without network and without MathJax. pdoc reads docstrings as Markdown;
:func:`as_markdown` keeps what is mathematics from being markup there.
"""

from __future__ import annotations

import importlib
import itertools
import re
import warnings
from pathlib import Path

from verify.errors import VerifyError, extra

__all__ = ["as_markdown", "documented_modules", "missing_names", "write_docs"]

_ROOT = Path(__file__).parents[2]
_LEFT_OUT = r".*\b(tests|test_\w+|peers|__main__|conftest)\b"
_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields):")
_ITEM = re.compile(r"[-*] |\(?(\d+|[ivx]+|[a-z])[.)] ")
# Code, emphasis and options stay; a star behind something, a bracket before a parenthesis, < before a letter are mathematics.
_MARKUP = re.compile(
    r"``.*?``|`[^`]*`|(?<![\w)*])\*\*\w[^*]*\*\*|(?<![\w)*])\*(?=\w)[^*]+\*|^ +\*\*\w+:|(?<=\S)\*|\](?=\()|<(?=[A-Za-z/])",
    re.DOTALL | re.MULTILINE,
)
_AS_TEXT = {"*": r"\*", "]": r"\]", "<": "&lt;"}


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


def as_markdown(docstring: str) -> str:
    r"""Return a docstring as Markdown: an indented formula is a block of its own, and no star, bracket or < of a formula is markup.

    >>> print(as_markdown("‖θ − θ*‖ ≤ r at the fit θ*. Hence\n    D² ≤ 2*a\nfor *every* start."))
    ‖θ − θ\*‖ ≤ r at the fit θ\*. Hence
    <BLANKLINE>
        D² ≤ 2*a
    for *every* start.
    """
    lines = docstring.splitlines()
    text = ""
    for verbatim, group in itertools.groupby(zip(_verbatim(lines), lines, strict=True), key=lambda pair: pair[0]):
        block = "\n".join(line for _, line in group) + "\n"
        if not verbatim:
            block = _MARKUP.sub(lambda found: _AS_TEXT.get(found[0], found[0]), block)
        elif text and not text.endswith("\n\n"):
            text += "\n"
        text += block
    return text.rstrip("\n")


def _verbatim(lines: list[str]) -> list[bool]:
    """Which lines are formulas (indented, behind a line that neither is nor begins a list or a section) or examples."""
    found: list[bool] = []
    in_section = in_example = False
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith(" "):
            in_section = _SECTION.fullmatch(line) is not None
        in_example = line.lstrip().startswith(">>>") or (in_example and line != "")
        continued = bool(found) and found[-1]
        begins = not before.startswith(" ") and not _ITEM.match(before)
        found.append(in_example or (line.startswith("    ") and not in_section and (continued or begins)))
    return found


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
        from jinja2 import pass_context
        from pdoc.render_helpers import to_markdown_with_context

    chosen = documented_modules() if modules is None else modules
    for name in chosen:
        module = importlib.import_module(name)
        for item in getattr(module, "__all__", ()):
            # What is loaded on first use has to be there before pdoc looks.
            vars(module)[item] = getattr(module, item)
    pdoc.render.configure(
        docformat="google",
        footer_text="lplr-verify",
        show_source=False,
        template_directory=Path(__file__).parent / "pages",
    )
    pdoc.render.env.filters["to_markdown"] = pass_context(
        lambda context, docstring: to_markdown_with_context(context, as_markdown(docstring))
    )
    # One by one: of a package with __all__ pdoc would show no other module than those named there. The last specification
    # keeps out the tests inside the packages.
    with warnings.catch_warnings():
        # A named tuple's constructor is compiled where its module's names are not known: such annotations are shown as they are written.
        warnings.filterwarnings("ignore", "Error parsing type annotation", UserWarning)
        # A package brings the modules that are named themselves; torch's tensors annotate what they do not define.
        warnings.filterwarnings("ignore", "The module specification|Cannot determine where", UserWarning)
        pdoc.pdoc(*chosen, f"!{_LEFT_OUT}", output_directory=folder)
    missing = missing_names(folder, chosen)
    if missing:
        raise VerifyError(f"public names without a place in the reference: {', '.join(missing)}")
    return folder / "index.html"
