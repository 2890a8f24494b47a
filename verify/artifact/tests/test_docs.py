"""The API reference has every public name and fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.artifact.docs import documented_modules, missing_names, write_docs

# A package whose __all__ names none of its modules, one of these modules, and modules elsewhere.
SOME = [
    "verify.sweeps",
    "verify.sweeps.case",
    "verify.errors",
    "verify.nn",
    "verify.checker.wording",
    "verify.decimals",
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
    # What a page lacks is noticed.
    (tmp_path / "verify" / "nn.html").write_text(text.replace('id="NTKLinear"', 'id="gone"'), encoding="utf-8")
    assert missing_names(tmp_path, SOME) == ["verify.nn.NTKLinear"]
