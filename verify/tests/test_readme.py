"""The README's example prints what the README says, its links lead somewhere, and it stays a page."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# An upper bound of a distance that is rounding and nothing else: its digits differ between machines.
ROUNDING = re.compile(r"within (\d\.\d+e-\d+) of c")


def test_the_first_example_prints_the_output_that_follows_it(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```\n\n((?:    [^\n]*\n)+)", README, flags=re.DOTALL)
    assert found is not None
    code, expected = found[1].replace("wine.zip", str(tmp_path / "wine.zip")), " ".join(found[2].split())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    output = " ".join(printed.getvalue().split())
    for text in (expected, output):
        small = ROUNDING.search(text)
        assert small is not None
        assert float(small[1]) < 1e-9
    assert ROUNDING.sub("within … of c", output) == ROUNDING.sub("within … of c", expected)


def test_every_link_to_a_file_leads_to_one() -> None:
    for page in [
        ROOT / "README.md",
        *ROOT.glob("verify/**/README.md"),
        *ROOT.glob("proofs/**/README.md"),
        ROOT / "property_tests" / "README.md",
    ]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)|src=\"([^\"]+)\"", text):
            name = target[0] or target[1]
            assert (page.parent / name).exists(), f"{page.relative_to(ROOT)}: {name}"


def test_the_front_page_is_a_page() -> None:
    prose = re.sub(r"(?s:```.*?```)|^    .*$|^\|.*$|<[^>]+>", " ", README, flags=re.MULTILINE)
    assert len(prose.split()) <= 700
    assert max(len(line) for line in README.splitlines() if not line.startswith("|")) <= 240
