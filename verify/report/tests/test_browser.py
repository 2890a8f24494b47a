"""The report in a real browser: figures and tables are drawn, and nothing is wider than the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from verify.certificates import Certificate
from verify.report import write_report
from verify.report.tests.test_experiments import ROWS
from verify.report.tests.test_write import LEDGER, LOOSENESS

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

# Names and numbers as long as they come.
WIDE = [
    {
        **row,
        "name": f"mnist38-n1000-784-512-512-1-number-{i}",
        "network": "784-512-512-1 tanh (no bias)",
        "n": 1000,
        "verdict": "PROVED",
        "lr": 0.00023311,
        "drift": 1.234567,
        "seconds": 123.4,
        "lambda_min_certified": 0.0270123,
        "lambda_min_observed": 0.0270145,
        "mu": 0.02701,
        "observed_rate": 0.99381234,
        "reason": "every real-arithmetic gradient descent restarted there converges",
    }
    for i, row in enumerate(ROWS)
]
BASINS = [
    {
        "name": "resnet-mnist-n100-momentum-batches-10x10",
        "verdict": "PROVED",
        "checker": "ACCEPTED",
        "seconds": 1234.5,
        **{key: [1.2345e-9, 1.2346e-9] for key in ("basin_radius", "radius", "exit_probability")},
        "rate": [0.9, 0.999999694],
        "distance_over_radius": [12345.6, 12345.7],
    }
]
GROWTH = [
    {"axis": axis, "n": 1000 * i, "width": 1024 * i, "kernel_seconds": 1.0 * i, "eigenvalue_seconds": 2.0 * i}
    for axis in ("n", "width")
    for i in (1, 2)
]

# Frames of a given width stand for devices: a headless window has a minimal width of its own.
_HARNESS = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><pre id="result"></pre><script>
const widths = [320, 390, 820, 1280], found = [];
function measure(width) {
  return new Promise(done => {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width:${width}px;height:900px;border:0`;
    frame.onload = () => {
      const page = frame.contentDocument, root = page.documentElement;
      const outside = [...page.body.querySelectorAll("*")].filter(e => !e.closest("svg"))
        .filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.tagName + "." + e.className);
      const svgs = [...page.querySelectorAll("figure svg")];
      const spilled = svgs.flatMap(s => [...s.querySelectorAll("text")].filter(t => {
        const a = t.getBoundingClientRect(), b = s.getBoundingClientRect();
        return a.width > 0 && (a.left < b.left - 2 || a.right > b.right + 2 || a.bottom > b.bottom + 2);
      }).map(t => t.textContent));
      const letters = svgs.flatMap(s => [...s.querySelectorAll("text")].map(t => {
        const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width;
        return parseFloat(getComputedStyle(t).fontSize) * scale;
      }));
      found.push({width, scroll: root.scrollWidth, outside: outside.slice(0, 5), spilled: spilled.slice(0, 5),
        figures: svgs.filter(s => s.getBoundingClientRect().height > 100).length,
        rows: [...page.querySelectorAll("tbody tr")].filter(r => r.getBoundingClientRect().height > 8).length,
        paragraph: page.querySelector("blockquote").getBoundingClientRect().height,
        smallest: Math.min(...letters)});
      frame.remove(); done();
    };
    frame.src = "report.html"; document.body.appendChild(frame);
  });
}
(async () => { for (const w of widths) await measure(w); document.getElementById("result").textContent = JSON.stringify(found); })();
</script>"""


def _browse(page: Path, profile: Path, *flags: str) -> str:
    assert CHROMIUM is not None
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--allow-file-access-from-files",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=20000",
        *flags,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: THE REPORT WAS NOT LOOKED AT IN A BROWSER")
def test_report_fits_phone_and_desktop(tmp_path: Path, certificates: dict[str, Certificate]) -> None:
    write_report(
        tmp_path,
        certificates=certificates,
        looseness=LOOSENESS,
        ledger=LEDGER,
        experiments=WIDE,
        growth=GROWTH,
        stochastic=BASINS,
    )
    (tmp_path / "harness.html").write_text(_HARNESS, encoding="utf-8")
    dom = _browse(tmp_path / "harness.html", tmp_path / "profile", "--dump-dom")
    match = re.search(r'<pre id="result">(.+?)</pre>', dom, flags=re.DOTALL)
    assert match is not None, dom[:500]
    sizes = json.loads(match[1])
    assert [s["width"] for s in sizes] == [320, 390, 820, 1280]
    for size in sizes:
        assert size["scroll"] <= size["width"], size
        assert size["outside"] == [], size
        assert size["spilled"] == [], size
        assert size["figures"] >= 2, size
        assert size["rows"] >= 25, size
        assert size["smallest"] >= 7.0, size
        assert size["paragraph"] > 20, size


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: THE REPORT WAS NOT PRINTED")
def test_report_prints(tmp_path: Path, certificates: dict[str, Certificate]) -> None:
    page = write_report(
        tmp_path, certificates=certificates, looseness=LOOSENESS, ledger=LEDGER, experiments=WIDE, growth=GROWTH
    )
    _browse(page, tmp_path / "profile", f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer")
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 30
