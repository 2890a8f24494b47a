"""The main job from certificate to report, with one tiny certificate and a ledger of two claims."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

import verify
from proofs import ledger
from verify.experiments import reproduce
from verify.regions import certify


def _tiny() -> verify.Certificate:
    layer = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    layer.weight.data[:] = 1.0
    return certify(torch.nn.Sequential(layer), [[2.0]], [8.0], lr=0.0625)


def test_the_main_job_ends_with_a_report_and_names_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "_jobs", lambda size: [reproduce.Job("tiny", _tiny)])
    rows = [ledger._row(ledger.claim(name), "group") for name in ("pl_from_ntk", "relu_smoothness")]
    monkeypatch.setattr(ledger, "compute", lambda: rows)
    out = io.StringIO()
    certificates = reproduce.reproduce(tmp_path / "results", "smoke", Console(file=out, width=120))
    assert certificates["tiny"].verdict == "PROVED"
    assert verify.check(tmp_path / "results" / "tiny.zip").accepted
    page = (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert "pl_from_ntk" in page
    *_, proved, quick, last = out.getvalue().strip().splitlines()
    assert (proved, "report.html" in last) == ("  PROVED, scope ball: tiny", True)
    assert quick == f"Check one in seconds: verify check {tmp_path / 'results' / 'tiny.zip'}"
    digest = hashlib.sha256((tmp_path / "results" / "tiny.zip").read_bytes()).hexdigest()
    made = json.loads((tmp_path / "results" / "provenance" / f"{digest}.json").read_text(encoding="utf-8"))
    assert f"SHA-256 {digest}; made on {made['date']}, at commit {made['commit'] or 'not recorded'}" in page
    assert not list((tmp_path / "results").glob("*.partial"))
