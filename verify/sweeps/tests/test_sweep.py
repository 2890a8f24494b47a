"""Sweeps end with the same table whatever is killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verify.checker import check
from verify.errors import InputError
from verify.sweeps import sweep
from verify.sweeps.case import run_case
from verify.sweeps.specification import Case, Specification
from verify.sweeps.table import read_table
from verify.sweeps.workers import on_workers

SPHERE = {"name": "sphere", "n": 4, "d": 5, "norm": 3.0}
GRID = {
    "name": "test",
    "keep": "proved",
    "grid": {"data": [SPHERE], "width": [16, 32], "seed": [0, 1], "scope": ["run"]},
}
MODELS = "verify.sweeps.tests.models"


def without_times(directory: Path) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.items() if key != "seconds"}
        for row in read_table(directory / "sweep.parquet")
    ]


def test_the_process_that_calls_the_workers_loads_neither_torch_nor_sympy() -> None:
    """They are the workers' business: seconds before the first case would start."""
    program = "import sys, verify.cli, verify.sweeps; print(sorted({'numpy', 'sympy', 'torch'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['numpy']"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    sweep(GRID, out, workers=1)
    return out


def test_rows_carry_the_certificate_s_proved_ends_and_its_file_is_accepted(undisturbed: Path) -> None:
    rows = without_times(undisturbed)
    assert [(row["width"], row["seed"], row["verdict"]) for row in rows] == [
        (w, s, "PROVED") for w in (16, 32) for s in (0, 1)
    ]
    for row in rows:
        assert row["mu_lower"] > 0.0
        assert row["rate_upper"] < 1.0
        assert row["checkpoints"][-1]["step"] == row["handover_step"]
        assert check(undisturbed / "certificates" / f"{row['id']}.zip").accepted
    assert (undisturbed / "figures" / "family-0.svg").stat().st_size > 1000


def test_nothing_is_done_twice(undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (undisturbed / "rows").iterdir()}
    calls: list[int] = []
    again = sweep(GRID, undisturbed, progress=lambda *_: calls.append(1))
    assert calls == []
    assert len(again.rows) == 4
    assert before == {path: path.stat().st_mtime_ns for path in (undisturbed / "rows").iterdir()}


def test_a_killed_sweep_continues_to_the_same_table(tmp_path: Path, undisturbed: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(GRID))
    script = (
        "import json, pathlib, sys\nfrom verify.sweeps import sweep\n"
        "if __name__ == '__main__':\n    sweep(json.loads(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2], workers=2)\n"
    )
    (tmp_path / "main.py").write_text(script)
    out = tmp_path / "out"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    process = subprocess.Popen([sys.executable, str(tmp_path / "main.py"), str(spec), str(out)], env=environment)
    deadline = time.monotonic() + 600.0  # an answer on a machine under load; waits no longer than it must
    while not list((out / "rows").glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {path.name for path in (out / "rows").glob("*.json")}
    assert finished
    assert not (out / "sweep.parquet").exists()
    done: list[str] = []
    sweep(GRID, out, workers=1, progress=lambda _done, _total, row: done.append(f"{row['id']}.json"))
    assert not set(done) & finished
    assert without_times(out) == without_times(undisturbed)


def test_a_lost_worker_s_case_is_done_again_and_one_that_always_kills_is_a_row(tmp_path: Path) -> None:
    once = {
        "data": SPHERE,
        "width": 16,
        "scope": "point",
        "model": f"{MODELS}:loses_its_worker_once",
        "activation": str(tmp_path / "marker"),
    }
    always: dict[str, Any] = {"data": SPHERE, "scope": "point", "model": f"{MODELS}:always_loses_its_worker"}
    plain: dict[str, Any] = {"data": SPHERE, "width": 16, "scope": "point"}
    done = sweep({"case": [once, always, plain]}, tmp_path / "out", workers=2)
    assert [row["verdict"] for row in done.rows] == ["PROVED", "FAILED", "PROVED"]
    assert (tmp_path / "marker").exists()
    assert "worker was lost 4 times" in done.rows[1]["reason"]
    retried = sweep({"case": [plain]}, tmp_path / "out", workers=1, only=Case(**plain).id)
    assert [row["verdict"] for row in retried.rows] == ["PROVED"]


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ({"data": {"name": "nowhere"}}, "expected one of digits"),
        ({"data": {"name": "sphere", "m": 3}}, "unexpected keyword"),
        ({"data": SPHERE, "activation": "Swoosh"}, "expected a class of torch.nn"),
        ({"data": SPHERE, "activation": "Linear"}, "activation='Linear': Linear.__init__() missing"),
        (
            {"data": {"name": f"{MODELS}:two_outputs"}, "parametrisation": "antisymmetric"},
            "outputs=2: the antisymmetric",
        ),
        ({"data": SPHERE, "scope": "everything"}, "everything"),
        (
            {"data": SPHERE, "model": "no_such_module:f"},
            "'no_such_module' (No module named 'no_such_module'); is its folder on PYTHONPATH",
        ),
        ({"data": SPHERE, "model": f"{MODELS}:absent"}, f"{MODELS} has no function 'absent'"),
        ({"data": SPHERE, "model": "f"}, "model='f': expected module:function"),
        ({"data": SPHERE, "model": f"{MODELS}:os"}, "a module, expected a function"),
        ({"data": {"name": f"{MODELS}:no_data"}}, "returns X and y"),
        ({"data": {"name": "digits", "classes": 5}}, "classes=5: expected two different classes"),
        ({"data": SPHERE, "model": f"{MODELS}:needs_too_much_memory"}, "MemoryError: out of memory"),
        ({"data": SPHERE, "options": {"no_such_option": 1}}, "no_such_option"),
    ],
)
def test_a_case_that_cannot_be_certified_is_a_row_with_its_reason(case: dict[str, Any], says: str) -> None:
    row, file = run_case(Case(**case).as_json(), "all")
    assert (row["verdict"], file) == ("FAILED", None)
    assert says in row["reason"]


def test_claims_about_the_ball_are_in_the_table_only_where_they_are_proved() -> None:
    row, _ = run_case(Case(data=SPHERE, width=16, scope="ball").as_json(), "none")
    assert row["verdict"] == "INCONCLUSIVE"
    assert row["lambda0_lower"] > 0.0
    assert [row[name] for name in ("mu_lower", "rate_upper", "lambda_region_lower", "radius_upper")] == [None] * 4


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler in another process, with two workers."""
    file = tmp_path / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    head = [sys.executable, "-m", "distributed.cli.dask_scheduler", *common, "--host", "127.0.0.1", "--port", "0"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", *common, "--nthreads", "1", "--no-nanny"]
    processes = [subprocess.Popen(head, **quiet)]
    try:
        deadline = time.monotonic() + 600.0
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        yield json.loads(file.read_text())["address"]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_an_existing_scheduler_runs_the_same_sweep(tmp_path: Path, scheduler: str, undisturbed: Path) -> None:
    sweep(GRID, tmp_path / "out", scheduler=scheduler)
    assert without_times(tmp_path / "out") == without_times(undisturbed)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"workers": 0}, "workers=0: expected a whole number ≥ 1"),  # meant one per core, silently
        ({"workers": 2.5}, "workers=2.5: expected a whole number"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "leave one of the two out"),
        ({"only": "abc"}, "only='abc': no case of test has this id; expected one of 4, such as [0-9a-f]{12}"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_anything_is_done(
    tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        sweep(GRID, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_and_a_damaged_row_are_input_errors(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no folder can be made there"):
        sweep(GRID, tmp_path / "file")
    (tmp_path / "out" / "rows").mkdir(parents=True)
    row = tmp_path / "out" / "rows" / f"{Specification.read(GRID).cases[0].id}.json"
    for text in ("{", "[]", "{}"):
        row.write_text(text)
        with pytest.raises(InputError, match="is damaged; remove it"):
            sweep(GRID, tmp_path / "out")


def test_a_scheduler_that_does_not_answer_and_a_folder_in_use_are_input_errors(tmp_path: Path) -> None:
    import fcntl

    with pytest.raises(InputError, match="no scheduler answers"):
        sweep(GRID, tmp_path / "a", scheduler="nonsense")
    (tmp_path / "b").mkdir()
    with (tmp_path / "b" / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another sweep"):
            sweep(GRID, tmp_path / "b")


def test_a_function_of_the_running_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers would get a copy of it with its globals: so the soak's counts were lost, but for those of closures copied with it."""

    def count() -> int:
        return 1

    monkeypatch.setattr(count, "__module__", "__main__")
    with pytest.raises(InputError, match="of the program that runs"):
        list(on_workers(count, {"one": ()}, workers=1))
