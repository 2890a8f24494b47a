"""The report's files: self-contained, complete, and honest about missing parts."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from verify.certificates import Certificate
from verify.certificates.plots import Plot, Series
from verify.errors import InputError
from verify.report import report_from_directory, write_report
from verify.report.figures import draw
from verify.report.tables import Table, latex, latex_document, to_latex, to_markdown
from verify.report.write import Origin

LOOSENESS = {"linear": [{"quantity": "λ_min on the ball", "certified": 0.5, "observed": 1.0, "factor": 2.0}]}
LEDGER = [
    {
        "id": "pl_from_ntk",
        "statement": "½‖∇Φ‖² ≥ s·λ·Φ",
        "source": "as in the abstract of v2",
        "verdict": "PROVED WITH CITED LEMMAS",
        "group": "The PL condition",
        "steps": 5,
        "confirmed": 4,
        "lemmas": ["rayleigh"],
        "formal": ["pl_from_ntk"],
    }
]


@pytest.fixture
def folder(tmp_path: Path, certificates: dict[str, Certificate]) -> Path:
    for name, certificate in certificates.items():
        certificate.save(tmp_path / f"{name}.zip")
    (tmp_path / "looseness.json").write_text(json.dumps(LOOSENESS), encoding="utf-8")
    (tmp_path / "ledger.json").write_text(json.dumps(LEDGER), encoding="utf-8")
    return tmp_path


def test_report_of_a_folder_has_every_part(folder: Path, certificates: dict[str, Certificate]) -> None:
    page = report_from_directory(folder).read_text(encoding="utf-8")
    for name, certificate in certificates.items():
        assert f'id="certificate-{name}"' in page
        assert certificate.verdict in page
        if certificate.verdict != "INCONCLUSIVE":
            assert f"verify check {name}.zip" in page
            assert hashlib.sha256((folder / f"{name}.zip").read_bytes()).hexdigest() in page
    assert "The PL condition" in page
    assert "5 steps discharged, 4 confirmed independently; assumed from the literature: rayleigh" in page
    assert "real arithmetic and the mathematical activations" in page
    assert page.count("<svg") >= 3
    # PROVED cards come first; what is not proved is a row of its own table, with the factor that it lacks.
    assert (
        page.index('id="certificate-linear"')
        < page.index('id="certificate-point"')
        < page.index('id="certificate-clash"')
    )
    assert page.index('id="certificate-clash"') < page.index('id="undecided"') < page.index('id="certificate-narrow"')
    experiments = page[page.index('id="experiments"') : page.index('id="ledger"')]
    assert "Not computed" in experiments
    assert "Not computed" not in page[page.index('id="ledger"') :]


def test_page_is_self_contained_and_its_ids_are_unique(folder: Path) -> None:
    page = report_from_directory(folder).read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "<script" not in page
    assert not re.search(r"url\((?!#)|@import", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:href="#|url\(#)([^")]+)', page):
        assert target in ids
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert ElementTree.fromstring(svg).get("role") == "img"


def test_missing_parts_are_named_not_invented(tmp_path: Path) -> None:
    page = write_report(tmp_path, certificates={}).read_text(encoding="utf-8")
    assert page.count("Not computed") == 5
    assert "<svg" not in page
    assert "<table" not in page


def test_equal_input_gives_equal_bytes(tmp_path: Path, certificates: dict[str, Certificate]) -> None:
    first = write_report(tmp_path / "a", certificates=certificates).read_bytes()
    assert write_report(tmp_path / "b", certificates=certificates).read_bytes() == first


def test_refuses_what_is_no_results_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        report_from_directory(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="holds no certificate"):
        report_from_directory(tmp_path / "other")
    (tmp_path / "ledger.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"ledger\.json"):
        report_from_directory(tmp_path)


def test_latex_is_one_ascii_file_per_table_with_caption_and_label(folder: Path) -> None:
    report_from_directory(folder)
    files = sorted((folder / "tables").glob("*.tex"))
    assert len(files) >= 4
    document = (folder / "tables.tex").read_text(encoding="utf-8")
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.isascii()
        assert "[U+" not in text
        bare = text.replace(r"\{", "").replace(r"\}", "")
        assert bare.count("{") == bare.count("}")
        assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == text.count(r"\caption{") == 1
        assert rf"\label{{tab:{file.stem}}}" in text
        assert rf"\input{{tables/{file.stem}}}" in document


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex (Debian's texlive-latex-base): THE TABLES WERE NOT COMPILED"
)
def test_the_tables_compile(folder: Path) -> None:
    from proofs import ledger

    signs = "".join(sorted({c for claim in ledger.claims() for c in ledger.claim(claim).statement}))
    rows = [{**LEDGER[0], "statement": signs, "source": "every sign that a statement of the ledger uses"}]
    (folder / "ledger.json").write_text(json.dumps(rows), encoding="utf-8")
    report_from_directory(folder)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "tables.pdf").read_bytes().startswith(b"%PDF")


def test_tables_escape_their_cells() -> None:
    table = Table("t", ("a|b", "c"), (("1_000 & 5%", "x|y*"),))
    assert r"1\_000 \& 5\%" in to_latex(table, "t")
    assert r"\input{tables/t}" in latex_document(["t"])
    line = to_markdown([table]).splitlines()[-1]
    assert line == r"| 1\_000 & 5% | x\|y\* |"
    assert latex("字") == "[U+5B57]"


def test_names_of_any_kind_stay_text(tmp_path: Path, certificates: dict[str, Certificate]) -> None:
    # File names are whatever somebody called them.
    names = ["x; touch y", "a b", "a-b", "字", "<img src=x>\n\n[l](http://x)"]
    origins = {name: Origin(f"{name}.zip") for name in names}
    page = write_report(tmp_path, certificates=dict.fromkeys(names, certificates["clash"]), origins=origins)
    html, markdown = (page.with_name(name).read_text(encoding="utf-8") for name in ("report.html", "tables.md"))
    assert "verify check &#39;x; touch y.zip&#39;" in html
    assert "verify check x;" not in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert len(list((tmp_path / "tables").glob("chain-*.tex"))) == len(names)
    assert "<img" not in re.sub(r"\\<", "", markdown)
    assert "[l](" not in re.sub(r"\\[\[\]]", "", markdown)


def test_latex_rows_hold_no_commands_of_their_own() -> None:
    text = to_latex(Table("one\n\ntwo", ("字", "b"), (("[x]", "\a"),)), "t")
    assert not re.search(r"\\\\\s*\[", text)
    assert "one  two" in text
    assert "[U+0007]" in text


def test_figures_drop_what_cannot_be_drawn() -> None:
    assert draw(Plot("none", "t", "x", "y", [Series("s", [1.0], [float("nan")])])) is None
    assert draw(Plot("neg", "t", "x", "y", [Series("s", [1.0, 2.0], [-1.0, 0.0])], log_y=True)) is None
    svg = draw(Plot("some", "a < b", "x", "y", [Series("s", [1.0, 2.0], [0.0, 3.0], "observed")], log_y=True))
    assert svg is not None
    assert "a &lt; b" in svg
    assert "s (observed)" in svg
