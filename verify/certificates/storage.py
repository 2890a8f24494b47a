"""Certificate files on disk: a directory or an uncompressed zip, written under a temporary name and renamed.

Zip members are stored without compression, in sorted order and with a fixed date, so that equal certificates
are equal files and a reader can refuse compressed members: there is no such thing as a zip bomb in this format.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from verify.errors import InputError, ResourceError

__all__ = ["DOCUMENT", "read_files", "write_files"]

DOCUMENT = "certificate.json"
_ARRAY_NAME = re.compile(r"arrays/[A-Za-z0-9_]{1,150}\.npy")
_LIMIT = 8 * 2**30
_DATE = (1980, 1, 1, 0, 0, 0)


def _write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])


def _write_directory(path: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def write_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (name → bytes) as ``path``: a zip when it ends with .zip, a directory otherwise.

    Readers see the old certificate or the new one, never half of one (a directory: or, for a moment, none).

    Raises:
        InputError: `path` is something that is not a certificate and would be overwritten.
    """
    as_zip = path.suffix == ".zip"
    if as_zip and path.is_dir():
        raise InputError(f"path={path}: is a directory; a certificate ending in .zip is one file")
    if (
        not as_zip
        and path.exists()
        and not (path.is_dir() and (not any(path.iterdir()) or (path / DOCUMENT).is_file()))
    ):
        raise InputError(f"path={path}: exists and is no certificate; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        new = scratch / "new"
        if as_zip:
            _write_zip(new, files)
        else:
            _write_directory(new, files)
            if path.exists():
                os.replace(path, scratch / "old")
        os.replace(new, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_name(name: str, path: Path) -> None:
    if name != DOCUMENT and not _ARRAY_NAME.fullmatch(name):
        raise InputError(f"{path}: unexpected file {name[:80]!r}; a certificate holds {DOCUMENT} and arrays/*.npy only")


def read_files(path: Path) -> dict[str, bytes]:
    """Read every file of a certificate, a directory or a zip, into memory.

    Raises:
        InputError: missing, damaged, or with files that do not belong. ResourceError: larger than 8 GiB.
    """
    files: dict[str, bytes] = {}
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if not p.is_dir())
        if sum(p.stat().st_size for p in found) > _LIMIT:
            raise ResourceError(f"{path}: larger than {_LIMIT} bytes")
        for item in found:
            name = item.relative_to(path).as_posix()
            _check_name(name, path)
            files[name] = item.read_bytes()
    elif path.is_file():
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
                if sum(entry.file_size for entry in entries) > _LIMIT:
                    raise ResourceError(f"{path}: larger than {_LIMIT} bytes")
                for entry in entries:
                    _check_name(entry.filename, path)
                    if entry.compress_type != zipfile.ZIP_STORED or entry.filename in files:
                        raise InputError(
                            f"{path}: {entry.filename} is compressed or occurs twice; the file was altered"
                        )
                    files[entry.filename] = archive.read(entry)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{path}: not a readable zip ({error})") from error
    else:
        raise InputError(f"path={path}: no such certificate")
    if DOCUMENT not in files:
        raise InputError(f"{path}: holds no {DOCUMENT}")
    return files
