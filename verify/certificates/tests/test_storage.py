"""Files: altered, truncated or misplaced ones are refused; one packed again is the same certificate."""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import torch

import verify
from verify.arrays.tests.foreign_environment import FOREIGN, available, foreign_environment
from verify.certificates import Certificate
from verify.certificates.encoding import canonical, sha256
from verify.certificates.sentences import sentence
from verify.certificates.tests.samples import sample, small_network
from verify.errors import InputError, UnsoundArithmeticError


def test_saving_replaces_a_certificate_and_nothing_else(tmp_path: Path) -> None:
    certificate = sample()
    certificate.save(tmp_path / "c")
    (tmp_path / "c" / "arrays" / "stale.npy").write_bytes(b"old")
    certificate.save(tmp_path / "c")
    assert Certificate.load(tmp_path / "c").verdict == "INCONCLUSIVE"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="no certificate"):
        certificate.save(tmp_path / "photos")
    assert (tmp_path / "photos" / "holiday.jpg").exists()


def _altered(path: Path, change: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _flip(name: str) -> Any:
    def change(files: dict[str, bytes]) -> None:
        data = bytearray(files[name])
        data[-3] ^= 1
        files[name] = bytes(data)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _flip("certificate.json"),
        _flip("arrays/data_X.npy"),
        lambda files: files.pop("arrays/data_y.npy"),
        lambda files: files.pop("certificate.json"),
        lambda files: files.update({"arrays/more.npy": b""}),
        lambda files: files.update({"../escape.npy": b""}),
        lambda files: files.update({"certificate.json": files["certificate.json"].replace(b'"mean"', b'"sum"')}),
        lambda files: files.update({"certificate.json": b"[" * 100_000}),
        lambda files: files.update({"certificate.json": files["certificate.json"] + b" "}),
    ],
)
def test_altered_files_are_refused(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "c.zip"
    sample().save(path)
    _altered(path, change)
    with pytest.raises(InputError):
        Certificate.load(path)
    assert not (tmp_path.parent / "escape.npy").exists()


@pytest.mark.skipif(not available, reason="sets the environment through glibc on x86-64")
def test_a_foreign_environment_is_no_fault_of_the_file(tmp_path: Path) -> None:
    """VerifyError is a ValueError: who catches that must let the one through that says what is wrong."""
    certificate = sample()
    certificate.save(tmp_path / "c.zip")
    expected = sentence(certificate)
    for name in FOREIGN:
        with foreign_environment(name):
            with pytest.raises(UnsoundArithmeticError):
                Certificate.load(tmp_path / "c.zip")
            # Read off the stored ends without arithmetic, or refused; never another sentence.
            with suppress(UnsoundArithmeticError):
                assert sentence(certificate) == expected


def _sealed(change: Callable[[dict[str, Any]], Any]) -> Any:
    """Alter the document and make its hash fit."""

    def apply(files: dict[str, bytes]) -> None:
        document = json.loads(files["certificate.json"])
        del document["sha256"]
        change(document)
        files["certificate.json"] = canonical({**document, "sha256": sha256(canonical(document))})

    return apply


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["constants"].update(mu={"$rational": ["1", "0"]}), r"'mu': \$rational: malformed value"),
        (lambda d: d.update(verdict="MAYBE"), r"does not follow the schema at \$\.verdict: 'MAYBE'"),
        (
            lambda d: d["network"]["layers"][0].pop("weight"),
            r"layer of kind 'convolution': its fields .*'weight'.*altered or is newer",
        ),
        (
            lambda d: d["network"]["layers"][0].update(kind="attention"),
            r"at \$\.network\.layers\[0\]\.kind: 'attention' is not one of",
        ),
    ],
)
def test_an_altered_document_is_refused_with_its_place(tmp_path: Path, change: Any, says: str) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.Tanh(), torch.nn.Flatten()).double()
    path = verify.certify(net, torch.ones(1, 1, 1, 1).double(), [[0.5]], scope="point").save(tmp_path / "c.zip")
    _altered(path, _sealed(change))
    with pytest.raises(InputError, match=says):
        Certificate.load(path)


def test_what_no_schema_admits_is_not_saved_and_a_device_is_no_certificate(tmp_path: Path) -> None:
    """The first was jsonschema's own error, the second was said to be absent."""
    with pytest.raises(InputError, match=r"does not follow the schema at \$\.reason"):
        dataclasses.replace(sample(), reason=cast(Any, 5)).save(tmp_path / "c.zip")
    for use in (sample().save, Certificate.load):
        with pytest.raises(InputError, match=r"cannot be (written|read) \(File name too long\)"):
            use(tmp_path / f"{'x' * 300}.zip")
    with pytest.raises(InputError, match="/dev/null: neither a file nor a folder"):
        Certificate.load("/dev/null")


def test_truncated_zip_and_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "c.zip"
    sample().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="zip"):
        Certificate.load(path)
    with pytest.raises(InputError, match="no such"):
        Certificate.load(tmp_path / "absent.zip")


def test_a_certificate_packed_again_is_the_same(tmp_path: Path) -> None:
    cert = verify.certify(small_network(), [[1.0, 2.0]], [0.5], scope="point")
    cert.save(tmp_path / "folder")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "folder")
    again = verify.Certificate.load(packed)
    again.save(tmp_path / "again.zip")
    cert.save(tmp_path / "first.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "first.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arrays/bomb.npy", bytes(100_000_000))
    with pytest.raises(InputError, match="unpacks to"):
        verify.Certificate.load(tmp_path / "bomb.zip")


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.json", "a.zip/c.zip"])
def test_a_place_that_is_no_certificates_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(b"")
    cert = verify.certify(small_network(), [[1.0, 2.0]], [0.5], scope="point")
    with pytest.raises(InputError, match="path="):
        cert.save(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize(("field", "value"), [("claim", "v3_rate"), ("name", "everything is proved"), ("claim", "<b>")])
def test_a_step_that_the_catalogue_does_not_know_is_refused(tmp_path: Path, field: str, value: str) -> None:
    certificate = sample()
    step = dataclasses.replace(certificate.steps[0], **cast(Any, {field: value}))
    dataclasses.replace(certificate, steps=(step,)).save(tmp_path / "c.zip")
    with pytest.raises(InputError, match="no such step"):
        Certificate.load(tmp_path / "c.zip")


def test_a_step_s_own_words_are_not_read_back(tmp_path: Path) -> None:
    certificate = sample()
    step = dataclasses.replace(certificate.steps[0], source="hence the Riemann hypothesis")
    dataclasses.replace(certificate, steps=(step,)).save(tmp_path / "c.zip")
    assert Certificate.load(tmp_path / "c.zip").steps[0].source == certificate.steps[0].source


def test_a_damaged_directory_s_message_is_short_and_holds_no_control_character(tmp_path: Path) -> None:
    """The zip module quotes the whole misnamed entry; the line must still be one line."""
    path = sample().save(tmp_path / "c.zip")
    content = bytearray(path.read_bytes())
    # The first local header claims a longer name, so that the name found runs on into the file's bytes.
    content[26:28] = (5000).to_bytes(2, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(InputError) as refused:
        Certificate.load(path)
    assert len(str(refused.value)) < 600
    assert str(refused.value).isprintable()
