"""Options of the command line: each reaches what it is for. The long jobs are replaced by what notes their arguments."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify import bench, regions, sweeps
from verify.errors import InputError
from verify.experiments import reproduce as job, width
from verify.experiments.width import CRITERIA, Widths
from verify.formal import accept as formal
from verify.tests.test_cli import run


def two_outputs() -> torch.nn.Sequential:
    """Factory for the command line: F(x) = (x, x) at W = (1, 1)."""
    layer = torch.nn.Linear(1, 2, bias=False, dtype=torch.float64)
    layer.weight.data[:] = 1.0
    return torch.nn.Sequential(layer)


FACTORY = "verify.tests.test_cli_options:two_outputs"


def test_targets_are_the_last_columns_of_a_table_and_a_radius_is_kept(tmp_path: Path) -> None:
    table, out = tmp_path / "data.csv", tmp_path / "c.zip"
    table.write_text("2.0,8.0,3.0\n")
    code, text = run(
        *(
            "certify",
            FACTORY,
            "--data",
            str(table),
            "--targets",
            "2",
            "--radius",
            "5.0",
            "--scope",
            "ball",
            "--loss",
            "mse_sum",
        ),
        *("--lr", "1/16", "--out", str(out)),
    )
    assert code == 0, text
    made = verify.Certificate.load(out)
    assert np.array_equal(made.problem.data.y, [[8.0, 3.0]])
    assert (float(made.constants["radius"].mid), made.problem.loss) == (5.0, "mse_sum")
    assert run("check", str(out), "--weights", FACTORY, "--data", str(table), "--targets", "2")[0] == 0
    table.write_text("2.0,8.0,4.0\n")
    assert run("check", str(out), "--weights", FACTORY, "--data", str(table), "--targets", "2")[0] == 1


def test_a_scope_is_told_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def certify(*_: Any, **options: Any) -> Any:
        seen.append({key: value for key, value in options.items() if value is not None})
        raise InputError("noted")

    monkeypatch.setattr(regions, "certify", certify)
    table = tmp_path / "data.csv"
    table.write_text("2.0,3.0\n")
    words = f"--scope region --centre initialisation --start-radius 0.5 --data-radius 0.25 --method arb --bits 99 --directory {tmp_path}"
    with pytest.raises(InputError, match="noted"):
        run("certify", FACTORY, "--data", str(table), *words.split())
    assert seen == [
        {
            "scope": "region",
            "loss": "sum",
            "centre": "initialisation",
            "start_radius": 0.5,
            "data_radius": 0.25,
            "method": "arb",
            "bits": 99,
            "directory": tmp_path,
        }
    ]
    monkeypatch.undo()
    table.write_text("2.0,8.0,3.0\n")
    with pytest.raises(InputError, match="start_radius"):
        run("certify", FACTORY, "--data", str(table), "--targets", "2", "--start-radius", "0.5")


@pytest.mark.parametrize(("given", "size"), [([], "standard"), (["--smoke"], "smoke"), (["--full"], "full")])
def test_the_size_of_the_main_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], size: str) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(job, "reproduce", lambda out, size, console: seen.append((out, size)))
    assert run("reproduce", "--out", str(tmp_path), *given)[0] == 0
    assert seen == [(tmp_path, size)]


@pytest.mark.parametrize(("given", "vectors"), [([], "slow"), (["--fast"], "fast")])
def test_coq_multiplies_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], vectors: str
) -> None:
    seen: list[Any] = []

    def accept(certificate: Path, out: Path, *, vectors: str) -> Any:
        seen.append((out, vectors))
        return SimpleNamespace(verdict="INCONCLUSIVE", report="refused")

    monkeypatch.setattr(formal, "accept", accept)
    certificate = tmp_path / "c.zip"
    certificate.touch()
    assert run("formal", str(certificate), *given) == (2, "refused\n")
    assert seen == [(tmp_path / "c.v", vectors)]


def test_the_search_for_a_width_is_told_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def search(case: Widths, criteria: tuple[str, ...], told: Any) -> list[dict[str, Any]]:
        seen.append((case, criteria))
        return [{"criterion": name, "width": None, "estimate": 1e4} for name in criteria]

    monkeypatch.setattr(width, "search", search)
    given = "--n 3 --d 6 --norm 6 --lr 1/7 --run-lr 1/5 --smallest 2 --largest 4 --seed 1"
    code, text = run("width", *given.split(), "--criterion", "paper", "--criterion", "start")
    assert (code, text.splitlines()[0]) == (2, "paper: not up to width 16; about 1e+04 by scaling (estimate)")
    run("width")
    assert seen == [
        (Widths(3, 6, 6.0, 1, "1/7", "1/5", 2, 4), ("paper", "start")),
        (Widths(10, 10, 9.0, 0, "1/500", "1/10", 5, 18), tuple(CRITERIA)),
    ]


def test_a_sweep_and_the_bench_are_told_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def sweep(spec: Path, out: Path, **options: Any) -> Any:
        seen.append({key: value for key, value in options.items() if key != "progress"})
        return SimpleNamespace(name="s", verdicts={})

    def run_all(**options: Any) -> list[Any]:
        seen.append(options)
        return []

    monkeypatch.setattr(sweeps, "sweep", sweep)
    monkeypatch.setattr(bench, "run_all", run_all)
    for given in ([], ["--retry-failed", "--workers", "3", "--only", "x", "--scheduler", "tcp://h:1"]):
        assert run("sweep", str(tmp_path / "s.toml"), *given, "--out", str(tmp_path))[0] == 0
    assert run("bench", "--quick", "--only", "ntk", "--json")[0] == 0
    assert seen == [
        {"scheduler": None, "workers": None, "only": None, "retry_failed": False},
        {"scheduler": "tcp://h:1", "workers": 3, "only": "x", "retry_failed": True},
        {"quick": True, "only": ["ntk"]},
    ]


@pytest.mark.parametrize("seconds", ["nan", "-1", "0"])
def test_a_check_takes_no_number_for_a_time_that_is_none(seconds: str) -> None:
    """NaN set no limit."""
    with pytest.raises(InputError, match="expected a finite number > 0"):
        run("check", "absent.zip", "--seconds", seconds)
