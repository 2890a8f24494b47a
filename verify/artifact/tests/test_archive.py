"""The archive's tar is reproducible, and the examples' comparison notices every change."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

import verify
from verify import datasets, nn
from verify.artifact.__main__ import main
from verify.artifact.archive import write_archive, write_tar
from verify.checker import check
from verify.checker.examples.__main__ import described, main as check_examples, manifest
from verify.errors import InputError


def test_the_same_files_give_the_same_tar_whatever_their_dates(tmp_path: Path) -> None:
    for name, date in (("a", 1_000_000_000), ("b", 1_500_000_000)):
        folder = tmp_path / name / "sub"
        folder.mkdir(parents=True)
        for file in ("2.txt", "1.txt"):
            (folder / file).write_text(file)
            os.utime(folder / file, (date, date))
    first, second = (write_tar(tmp_path / name, tmp_path / f"{name}.tar") for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as archive:
        assert [member.name.split("/", 1)[1] for member in archive] == ["sub/1.txt", "sub/2.txt"]


def test_an_archive_without_wheels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"commit first|wheels"):
        write_archive(tmp_path, tmp_path / "out.tar")


def test_a_dry_archive_needs_no_wheels_and_holds_the_source_at_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verify.artifact import archive

    git = archive._git
    monkeypatch.setattr(archive, "_git", lambda *words: "" if words[0] == "status" else git(*words))
    (tmp_path / "a").mkdir()
    references = [{"type": "distribution", "url": url} for url in ("file:///home/me/checkout", "https://example.org")]
    sbom = {"bomFormat": "CycloneDX", "components": [{"name": "x", "externalReferences": references}, {"name": "y"}]}
    (tmp_path / "a" / "sbom.json").write_text(json.dumps(sbom))
    with tarfile.open(write_archive(tmp_path / "a", tmp_path / "out.tar", dry=True)) as tar:
        names = {member.name.split("/", 1)[1] for member in tar}
    assert {"README.md", "NUMBERS.md", "Containerfile", "COMMIT", "lplr-checker.pyz", "sbom.json"} <= names
    assert {"source/Makefile", "source/.ci/constraints.txt", "source/verify/checker/examples/MANIFEST.sha256"} <= names
    assert "wheels.sha256" not in names
    text = (tmp_path / "a" / "sbom.json").read_text()
    assert "/home/me" not in text
    assert "https://example.org" in text


@pytest.mark.parametrize("arguments", [["nothing"], ["docs", "--help"], ["checker", "-h"]])
def test_wrong_usage_is_exit_code_3(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 3
    assert not list(tmp_path.iterdir())
    assert "usage" in capsys.readouterr().err


def test_examples_that_were_altered_removed_or_end_otherwise_are_noticed(tmp_path: Path) -> None:
    X, y = datasets.sphere(3, 4, 2.0)
    for seed in (0, 1):
        net = nn.antisymmetric_two_layer(4, 8, seed=seed)
        verify.certify(net, X, y, scope="point").save(tmp_path / f"point-{seed}.zip")
    recorded = [described(path.name, check(path)) for path in sorted(tmp_path.glob("*.zip"))]
    (tmp_path / "expected.txt").write_text("\n".join(recorded) + "\n")
    (tmp_path / "MANIFEST.sha256").write_text(manifest(tmp_path))
    assert check_examples(tmp_path) == 0
    (tmp_path / "expected.txt").write_text("\n".join(recorded).replace("ACCEPTED", "REJECTED", 1) + "\n")
    assert check_examples(tmp_path) == 1
    (tmp_path / "expected.txt").write_text("\n".join(recorded) + "\n")
    shutil.copy(tmp_path / "point-0.zip", tmp_path / "point-1.zip")
    assert check_examples(tmp_path) == 1
    for path in tmp_path.glob("*.zip"):
        path.unlink()
    (tmp_path / "expected.txt").write_text("\n")
    (tmp_path / "MANIFEST.sha256").write_text("")
    assert check_examples(tmp_path) == 1


def test_the_examples_in_the_repository_are_accepted_as_recorded() -> None:
    assert check_examples() == 0
