"""The checker in one file is the checker, and is reproducible."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import flint

import verify
from verify import datasets, nn
from verify.artifact.checker_zipapp import build, content


def run(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the file in isolated mode with python-flint alone on the path beside the standard library."""
    only = file.parent / "only"
    only.mkdir(exist_ok=True)
    home = Path(flint.__file__).parent
    for found in (home, *home.parent.glob("python_flint.libs")):
        if not (only / found.name).exists():
            (only / found.name).symlink_to(found)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-S", str(file), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment | {"PYTHONPATH": str(only)},
        cwd=file.parent,
        check=False,
    )


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(tmp_path / "a" / "checker.pyz"), build(tmp_path / "b" / "checker.pyz")
    assert first.read_bytes() == second.read_bytes() == content()
    assert os.access(first, os.X_OK)
    with zipfile.ZipFile(first) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "verify/checker/claims.py" in archive.namelist()


def test_the_single_file_accepts_a_certificate_with_python_flint_alone_and_rejects_a_damaged_one(
    tmp_path: Path,
) -> None:
    file = build(tmp_path / "checker.pyz")
    X, y = datasets.sphere(3, 4, 2.0)
    certificate = verify.certify(nn.antisymmetric_two_layer(4, 8, seed=0), X, y, scope="point")
    path = certificate.save(tmp_path / "point.zip")
    accepted = run(file, str(path))
    assert accepted.returncode == 0, accepted.stderr
    assert "ACCEPTED" in accepted.stdout
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, text.replace(b'"PROVED"', b'"PROVEN"') if name.endswith(".json") else text)
    rejected = run(file, str(tmp_path / "bad.zip"))
    assert rejected.returncode == 1, rejected.stderr
    assert "REJECTED" in rejected.stdout


def test_without_python_flint_it_says_what_to_install_and_rejects_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-E", str(build(tmp_path / "checker.pyz")), "c.zip"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("lplr-checker needs python-flint (pip install python-flint)")
    assert len(done.stderr.splitlines()) == 1
