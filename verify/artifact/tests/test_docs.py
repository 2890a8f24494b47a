"""The API reference has every public name and fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.artifact.docs import as_markdown, documented_modules, missing_names, write_docs

# A package whose __all__ names none of its modules, one of these modules, names loaded on first use, a package beside a module of it, and others.
SOME = [
    "verify.sweeps",
    "verify.sweeps.case",
    "verify.report",
    "verify.artifact",
    "verify.artifact.archive",
    "verify.errors",
    "verify.nn",
    "verify.checker.wording",
    "verify.decimals",
    "proofs.claims.minibatch_epoch",
    "proofs.claims.zero_loss_nearby",
]


def test_every_module_is_documented_but_tests_and_peers() -> None:
    modules = documented_modules()
    assert {"verify", "verify.regions", "verify.regions.scopes.basin", "proofs.ledger"} <= set(modules)
    assert not [name for name in modules if {"tests", "peers", "__main__"} & set(name.split("."))]


def test_the_pages_name_everything_public_and_need_no_network(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="pdoc is not installed (extra develop): THE REFERENCE WAS NOT BUILT")
    page = write_docs(tmp_path, SOME)
    assert page.is_file()
    assert missing_names(tmp_path, SOME) == []
    text = (tmp_path / "verify" / "nn.html").read_text(encoding="utf-8")
    for path in tmp_path.rglob("*.html"):
        assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["']https?:""", path.read_text(encoding="utf-8"))
    # Formulas are no markup.
    claims = tmp_path / "proofs" / "claims"
    assert "‖θ − θ*_η‖ ≤ r" in (claims / "zero_loss_nearby.html").read_text(encoding="utf-8")
    assert "<pre><code>D₊² ≤ D²" in (claims / "minibatch_epoch.html").read_text(encoding="utf-8")
    assert re.search(r"\.docstring pre > code\{\s*white-space:pre-wrap", text)
    # What a page lacks is noticed.
    (tmp_path / "verify" / "nn.html").write_text(text.replace('id="NTKLinear"', 'id="gone"'), encoding="utf-8")
    assert missing_names(tmp_path, SOME) == ["verify.nn.NTKLinear"]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (
            "x**k, 1/x**−k and *every* θ* in ``B*`` and `a*b*`",
            r"x\*\*k, 1/x\*\*−k and *every* θ\* in ``B*`` and `a*b*`",
        ),
        ("**Strong.** (*that*) 1[u > 0](w), Σ_{s<t}", r"**Strong.** (*that*) 1[u > 0\](w), Σ_{s&lt;t}"),
        ("a\n    b*c*\n    d\ne", "a\n\n    b*c*\n    d\ne"),
        ("- item\n    more\n\n(i) one\n    more", "- item\n    more\n\n(i) one\n    more"),
        ("Do.\n\nArgs:\n    x: θ*.\n    **options: more.", "Do.\n\nArgs:\n    x: θ\\*.\n    **options: more."),
        (">>> 2*a*b\n6", ">>> 2*a*b\n6"),
    ],
)
def test_what_is_mathematics_is_no_markup(text: str, markdown: str) -> None:
    assert as_markdown(text) == markdown
