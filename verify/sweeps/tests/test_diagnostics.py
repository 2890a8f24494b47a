"""The figure of the width ablation, and its specification."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from verify.experiments import reproduce
from verify.sweeps import sweep
from verify.sweeps.diagnostics import diagnostics_figure, write_diagnostics
from verify.sweeps.specification import Specification

SMALL = {
    "grid": {
        "data": [{"name": "sphere", "n": 4, "d": 5, "norm": 3.0}],
        "width": [16, 32],
        "lr": ["1/8", "1/32"],
        "scope": "run",
        "steps": 400,
    }
}


def test_the_ablation_has_three_seeds_all_widths_and_both_steps() -> None:
    spec = Specification.read(Path(reproduce.__file__).with_name("width_ablation.toml"))
    assert {case.width for case in spec.cases} == {64, 128, 256, 512, 1024, 2048, 4096}
    assert ({case.seed for case in spec.cases}, {case.lr for case in spec.cases}) == ({0, 1, 2}, {"1/2000", "1/8000"})
    assert len(spec.cases) == 7 * 3 * 2


def test_every_panel_shows_the_proved_ends_of_every_run(tmp_path: Path) -> None:
    rows = sweep(SMALL, tmp_path / "out", workers=1).rows
    axes = diagnostics_figure(rows).axes
    assert len(axes) == 2 * 4
    for row, panels in ((lr, axes[4 * i : 4 * i + 4]) for i, lr in enumerate(("1/8", "1/32"))):
        runs = [r for r in rows if r["lr"] == row]
        assert len(panels[0].lines) == len(runs) == 2
        for run, gap, loss in zip(runs, panels[0].lines, panels[3].lines, strict=True):
            assert np.asarray(gap.get_ydata()).tolist() == [
                p["lambda_min"][0] for p in run["checkpoints"] if p["lambda_min"][0] > 0.0
            ]
            assert np.asarray(loss.get_ydata()).tolist() == [p["loss"][1] for p in run["checkpoints"]]
    first = [path.read_bytes() for path in write_diagnostics(tmp_path, rows)]
    assert first == [path.read_bytes() for path in write_diagnostics(tmp_path, rows)]
    assert first[0].startswith(b"%PDF")
