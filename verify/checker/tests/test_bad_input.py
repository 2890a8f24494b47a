"""Hostile files: a verdict in bounded time, no traceback, nothing executed, nothing written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verify import checker
from verify.checker import check, reading
from verify.checker.__main__ import main
from verify.checker.tests.hostile import GOOD, rejected, unpacked
from verify.checker.tests.sealing import npy, pack, seal

Change = Callable[[dict[str, bytes]], Any]


def _with_array(name: str, data: bytes, shape: list[int] | None = None) -> Change:
    """Replace an array and make every hash fit."""

    def change(files: dict[str, bytes]) -> None:
        document = json.loads(files["certificate.json"])
        files[name] = data
        document["arrays"][name]["sha256"] = hashlib.sha256(data).hexdigest()
        if shape is not None:
            document["arrays"][name]["shape"] = shape
        del document["sha256"]
        files["certificate.json"] = seal(document)

    return change


def _document(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(files: dict[str, bytes]) -> None:
        document = json.loads(files["certificate.json"])
        del document["sha256"]
        change(document)
        files["certificate.json"] = seal(document)

    return apply


def _raw(change: Callable[[bytes], bytes]) -> Change:
    return lambda files: files.update({"certificate.json": change(files["certificate.json"])})


X = "arrays/x.npy"
VALUES = [1.0, 0.3, -0.4, 0.9]


def _huge() -> bytes:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 2), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def _reordered(document: Any) -> bytes:
    """Keys the other way round, each hash that of the text as it stands."""

    def unsorted(part: Any) -> bytes:
        return json.dumps(part, indent=1).encode() + b"\n"

    rest = {key: document[key] for key in sorted(document, reverse=True) if key != "sha256"}
    return unsorted({**rest, "sha256": hashlib.sha256(unsorted(rest)).hexdigest()})


CASES: dict[str, Change] = {
    "hash of the document": _raw(lambda b: b.replace(b"built by hand", b"built by hard")),
    "hash of an array": lambda f: f.update({X: npy((2, 2), [1.0, 0.3, -0.4, 0.8])}),
    "array missing": lambda f: f.pop(X),
    "array not listed": lambda f: f.update({"arrays/more.npy": f[X]}),
    "array without a field": _document(lambda d: d["arrays"].update({"arrays/z.npy": d["arrays"][X]})),
    "no document": lambda f: f.pop("certificate.json"),
    "empty document": _raw(lambda b: b""),
    "truncated document": _raw(lambda b: b[: len(b) // 2]),
    "other spacing": _raw(lambda b: b.replace(b"\n", b"\n ", 1)),
    "no newline at the end": _raw(lambda b: b[:-1]),
    "keys in another order": _raw(lambda b: _reordered(json.loads(b))),
    "byte order mark": _raw(lambda b: b"\xef\xbb\xbf" + b),
    "UTF-16": _raw(lambda b: b.decode().encode("utf-16")),
    "invalid UTF-8": _raw(lambda b: b.replace(b"built", b"\xff\xfe\xfdt")),
    "repeated key": _raw(lambda b: b.replace(b'"loss": "mean"', b'"loss": "sum",\n "loss": "mean"')),
    "deep lists": _raw(lambda b: b"[" * 200_000 + b"]" * 200_000),
    "deep objects": _raw(lambda b: b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a list": _raw(lambda b: b"[\n 1,\n 2\n]\n"),
    "a number": _raw(lambda b: b"1\n"),
    "decimal fraction": _document(lambda d: d["constants"].update(mu=0.5)),
    "NaN": _raw(lambda b: b.replace(b'"version": 1', b'"version": NaN')),
    "Infinity": _raw(lambda b: b.replace(b'"version": 1', b'"version": Infinity')),
    "ten thousand digits": _raw(lambda b: b.replace(b'"version": 1', b'"version": ' + b"9" * 10_000)),
    "hex infinity": _document(lambda d: d["constants"].update(mu={"$ball": ["inf", "0x0.0p+0"]})),
    "hex NaN": _document(lambda d: d["witness"].update(lambda0_lower={"$float": "nan"})),
    "radius infinite": _document(lambda d: d["constants"].update(mu={"$ball": ["0x0.0p+0", "inf"]})),
    "radius negative": _document(lambda d: d["constants"].update(mu={"$ball": ["0x0.0p+0", "-0x1.0000000000000p+0"]})),
    "too many hex digits": _document(lambda d: d["witness"].update(lambda0_lower={"$float": "0x1.00000000000001p-9"})),
    "hex with 14 digits": _document(lambda d: d["witness"].update(lambda0_lower={"$float": "0x1.00000000000000p-9"})),
    "hex not normal": _document(lambda d: d["witness"].update(lambda0_lower={"$float": "0x1.0p-9"})),
    "hex overflow": _document(lambda d: d["witness"].update(lambda0_lower={"$float": "0x1.0000000000000p+9999"})),
    "rational over zero": _document(lambda d: d.update(lr={"$rational": ["1", "0"]})),
    "rational not reduced": _document(lambda d: d.update(lr={"$rational": ["2", "8"]})),
    "rational negative": _document(lambda d: d.update(lr={"$rational": ["1", "-4"]})),
    "rational of floats": _document(lambda d: d.update(lr={"$rational": ["0.25", "1"]})),
    "rational of three": _document(lambda d: d.update(lr={"$rational": ["1", "4", "1"]})),
    "rational huge": _document(lambda d: d.update(lr={"$rational": ["1" * 5000, "1"]})),
    "unknown tag": _document(lambda d: d["constants"].update(mu={"$pickle": "gASVAAAA"})),
    "two tags": _document(lambda d: d["constants"].update(mu={"$float": (1.0).hex(), "$ball": []})),
    "array outside": _document(lambda d: d["data"].update(X={"$array": "../../etc/passwd"})),
    "array of a list": _document(lambda d: d["data"].update(X={"$array": [1]})),
    "array table a list": _document(lambda d: d.update(arrays=[])),
    "array entry a list": _document(lambda d: d["arrays"].update({X: []})),
    "shape a string": _document(lambda d: d["arrays"][X].update(shape="22")),
    "shape negative": _document(lambda d: d["arrays"][X].update(shape=[-2, -2])),
    "float32": _with_array(X, npy((2, 2), VALUES[:2], "<f4")),
    "big endian": _with_array(X, npy((2, 2), VALUES, ">f8")),
    "complex": _with_array(X, npy((2, 2), [*VALUES, *VALUES], "<c16")),
    "int64": _with_array(X, npy((2, 2), VALUES, "<i8")),
    "objects": _with_array(X, npy((2, 2), [], "|O") + b"\x80\x04\x95cos\nsystem\n(S'touch pwned'\ntR."),
    "structured": _with_array(X, npy((2, 2), VALUES).replace(b"'<f8'", b"[('a', '<f8')]")),
    "Fortran order": _with_array(X, npy((2, 2), VALUES, "<f8", "True")),
    "format 2.0": _with_array(X, npy((2, 2), VALUES).replace(b"NUMPY\x01", b"NUMPY\x02")),
    "not npy": _with_array(X, b"PK\x03\x04" + bytes(200)),
    "empty array file": _with_array(X, b""),
    "array truncated": _with_array(X, npy((2, 2), VALUES)[:-1]),
    "array too long": _with_array(X, npy((2, 2), VALUES) + b"\0"),
    "array of NaN": _with_array(X, npy((2, 2), [1.0, float("nan"), 0.0, 1.0])),
    "array of infinities": _with_array(X, npy((2, 2), [1.0, float("inf"), 0.0, 1.0])),
    "other shape": _with_array(X, npy((4,), VALUES), [4]),
    "shape not listed": _with_array(X, npy((4, 1), VALUES)),
    "no dimensions": _with_array(X, npy((), [1.0]), []),
    "no samples": _with_array(X, npy((0, 2), []), [0, 2]),
    "shape overflow": _with_array(X, _huge(), [4611686018427387904, 2]),
    "header of 60 kB": _with_array(X, b"\x93NUMPY\x01\x00\xff\xff" + b" " * 65535),
    "file name": lambda f: f.update({"../escape.npy": b""}),
    "absolute file name": lambda f: f.update({"/tmp/escape.npy": b""}),
    "file in a folder": lambda f: f.update({"arrays/sub/x.npy": b""}),
    "a script": lambda f: f.update({"arrays/x.py": b"raise SystemExit"}),
}


@pytest.mark.parametrize("case", CASES)
def test_malformed_files_are_rejected(tmp_path: Path, case: str) -> None:
    files = GOOD.files()
    CASES[case](files)
    assert files != GOOD.files()
    rejected(pack(tmp_path / "c.zip", files))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.zip"]


def test_truncated_zip_at_every_length(tmp_path: Path) -> None:
    data = GOOD.save(tmp_path / "c.zip").read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "c.zip").write_bytes(data[:length])
        rejected(tmp_path / "c.zip")


def test_flipped_bytes(tmp_path: Path) -> None:
    """No single flipped byte of the contents survives; one in the zip's own fields may only leave the contents as they were."""
    path = GOOD.save(tmp_path / "c.zip")
    data = path.read_bytes()
    before = reading.read(str(path))
    for at in range(0, len(data), 61):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        found = check(path)
        assert found.verdict == "REJECTED" or reading.read(str(path)) == before


def test_zip_bomb_and_duplicates(tmp_path: Path) -> None:
    files = GOOD.files()
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("arrays/bomb.npy", bytes(200_000_000))
    assert bomb.stat().st_size < 300_000
    tracemalloc.start()
    assert "too large" in rejected(bomb)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    twice = tmp_path / "twice.zip"
    with zipfile.ZipFile(pack(twice, files), "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(zipfile.ZipInfo("certificate.json"), b"{}")
    assert "twice" in rejected(twice)
    with zipfile.ZipFile(pack(tmp_path / "comment.zip", files), "a") as archive:
        archive.comment = b"hello"
    rejected(tmp_path / "comment.zip")


def test_a_certificate_packed_again_is_the_same_certificate(tmp_path: Path) -> None:
    """By another tool: deflated, with other dates, extra fields and an entry for the folder."""
    folder = unpacked(tmp_path / "folder")
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    with zipfile.ZipFile(packed) as archive:
        assert {"arrays/", X} < set(archive.namelist())
        assert archive.getinfo(X).compress_type == zipfile.ZIP_DEFLATED
    found = check(packed)
    assert found.accepted, found.failures
    assert found.claims == check(folder).claims
    with zipfile.ZipFile(tmp_path / "odd.zip", "w", zipfile.ZIP_LZMA) as archive:
        for name, data in GOOD.files().items():
            archive.writestr(name, data)
    assert "deflate" in rejected(tmp_path / "odd.zip")


def test_a_file_that_cannot_be_read_is_neither_accepted_nor_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, one line, no traceback; the others are checked all the same."""
    path = GOOD.save(tmp_path / "c.zip")
    assert main([str(tmp_path / "absent.zip"), str(path)]) == 3
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "no such file" in err
    assert out.startswith("ACCEPTED")

    def failing(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", failing)
    assert main([str(path)]) == 3
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(
    "usage", [[], ["--seconds"], ["--seconds", "0", "c.zip"], ["--seconds", "soon", "c.zip"], ["--al", "c.zip"]]
)
def test_usage_errors_have_the_code_of_errors(usage: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """2, which argparse takes, means UNDECIDED here."""
    with pytest.raises(SystemExit) as left:
        main(usage)
    assert left.value.code == 3
    assert "usage:" in capsys.readouterr().err


def test_help_is_no_error_and_a_time_limit_ends_a_check_undecided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    capsys.readouterr()
    assert main(["--seconds", "1e-9", str(GOOD.save(tmp_path / "c.zip"))]) == 2
    assert capsys.readouterr().out.startswith("UNDECIDED")


def test_zip_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    """The end record's counts are bounded before the directory is read."""
    data = bytearray(GOOD.save(tmp_path / "c.zip").read_bytes())
    data[-10:-6] = struct.pack("<I", 0xFFFFFFF0)
    (tmp_path / "c.zip").write_bytes(data)
    rejected(tmp_path / "c.zip")


def test_zip64_is_refused(tmp_path: Path) -> None:
    """Its locator, 20 bytes before the end record, would let zipfile take other counts than those that were bounded."""
    data = GOOD.save(tmp_path / "c.zip").read_bytes()
    (tmp_path / "c.zip").write_bytes(data[:-22] + b"PK\6\7" + bytes(16) + data[-22:])
    assert "zip64 form" in rejected(tmp_path / "c.zip")


def test_directories(tmp_path: Path) -> None:
    assert check(unpacked(tmp_path / "c")).accepted
    (tmp_path / "c" / "notes.txt").write_text("x")
    assert "unexpected" in rejected(tmp_path / "c")
    (tmp_path / "c" / "notes.txt").unlink()
    (tmp_path / "c" / "arrays" / "deeper").mkdir()
    assert "regular" in rejected(tmp_path / "c")
    (tmp_path / "c" / "arrays" / "deeper").rmdir()
    (tmp_path / "c" / "arrays" / "x.npy").rename(tmp_path / "x.npy")
    (tmp_path / "c" / "arrays" / "x.npy").symlink_to(tmp_path / "x.npy")
    assert "regular" in rejected(tmp_path / "c")
    (tmp_path / "c" / "arrays" / "x.npy").unlink()
    os.mkfifo(tmp_path / "c" / "arrays" / "x.npy")
    assert "regular" in rejected(tmp_path / "c")
    folder = unpacked(tmp_path / "e")
    (folder / "arrays").rename(tmp_path / "elsewhere")
    (folder / "arrays").symlink_to(tmp_path / "elsewhere")
    assert "regular" in rejected(folder)
    (tmp_path / "empty").mkdir()
    assert rejected(tmp_path / "empty").endswith("it holds no certificate.json")
    for path in (tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(checker.Unreadable, match="no "):
            check(path)
    (tmp_path / "text").write_text("not a zip at all, and long enough to hold an end record")
    rejected(tmp_path / "text")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            _document(lambda d: d["constants"].update(mu={"$ball": ["inf", "0x0.0p+0"]})),
            "'constants': 'mu': no hexadecimal double",
        ),
        (
            _document(lambda d: d["witness"]["radii"].insert(1, {"$float": "1"})),
            "'witness': 'radii': [1]: no hexadecimal double",
        ),
        (_document(lambda d: d.update(lr={"$rational": ["2", "8"]})), "'lr': a rational number is not in lowest terms"),
        (_with_array(X, b"x" * 200), f"{X} is no .npy file"),
        (_with_array(X, npy((2, 2), VALUES), [4]), f"{X}: the shape is not the one listed"),
        (_with_array(X, npy((2, 2), [float("nan"), *VALUES[1:]])), f"{X} holds NaN"),
    ],
)
def test_a_malformed_value_is_named_with_its_place(tmp_path: Path, change: Change, says: str) -> None:
    files = GOOD.files()
    change(files)
    assert says in rejected(pack(tmp_path / "c.zip", files))


def test_no_number_of_seconds_is_no_time(tmp_path: Path) -> None:
    """Nothing is later than NaN: the check had no limit."""
    path = GOOD.save(tmp_path / "c.zip")
    for seconds in (float("nan"), -1.0, 0.0):
        assert check(path, seconds).failures == (
            "the time allowed does not suffice: allow more seconds (seconds=, --seconds)",
        )


def test_extreme_numbers(tmp_path: Path) -> None:
    """Overflowing products, saturated activations and subnormal data end in a verdict, never in an acceptance."""
    for value in (1e308, -1e308, 1e155, 5e-324, 1e-200):
        for name in GOOD.arrays:
            draft = GOOD.copy()
            draft.arrays[name][1][0] = value
            assert check(draft.save(tmp_path / "c.zip")).verdict in ("REJECTED", "UNDECIDED")
