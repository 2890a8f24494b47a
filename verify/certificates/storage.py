"""Certificate files on disk: a directory or a zip, written under a temporary name and renamed.

Zip members are stored without compression, in sorted order and with a fixed date, so that equal certificates
are equal files. A certificate that another tool packed again is read as well, up to a bounded size.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from verify.errors import InputError, ResourceError, VerifyError

__all__ = ["DOCUMENT", "read_files", "require_writable", "write_files"]

DOCUMENT = "certificate.json"
_ARRAY_NAME = re.compile(r"arrays/[A-Za-z0-9_]{1,150}\.npy")
_LIMIT = 8 * 2**30
# What a zip may unpack to: this much, or so many times its own size.
_UNPACKED = 2**24
_EXPANSION = 64
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


def require_writable(path: Path) -> None:
    """Refuse a place where a certificate cannot be written, before hours are spent on making it.

    Raises:
        InputError: the name ends otherwise than a certificate's, `path` is something else that would be overwritten, or its folder cannot
            be written to.
    """
    try:
        _require_place(path)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"path={path}: cannot be written ({error.strerror or error})") from error


def _require_place(path: Path) -> None:
    as_zip = path.suffix == ".zip"
    if path.suffix and not as_zip:
        raise InputError(
            f"path={path}: ends with {path.suffix!r}; a certificate is one file NAME.zip or a folder NAME without an ending"
        )
    if as_zip and path.is_dir():
        raise InputError(f"path={path}: is a directory; a certificate ending in .zip is one file")
    if (
        not as_zip
        and path.exists()
        and not (path.is_dir() and (not any(path.iterdir()) or (path / DOCUMENT).is_file()))
    ):
        raise InputError(f"path={path}: exists and is no certificate; choose another name")
    home = next(folder for folder in path.absolute().parents if folder.exists())
    if not home.is_dir() or not os.access(home, os.W_OK | os.X_OK):
        raise InputError(f"path={path}: {home} is no folder that can be written to")


def write_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (name → bytes) as ``path``: a zip when it ends with .zip, a directory otherwise.

    Readers see the old certificate or the new one, never half of one (a directory: or, for a moment, none).

    Raises:
        InputError: see :func:`require_writable`; or the folder refuses it.
    """
    require_writable(path)
    try:
        _replace(path, files)
    except OSError as error:
        raise InputError(f"path={path}: cannot be written ({error.strerror or error})") from error


def _replace(path: Path, files: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        new = scratch / "new"
        if path.suffix == ".zip":
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


def _read_folder(path: Path) -> dict[str, bytes]:
    """Read a folder's files: names first, so that a folder of other things is left alone, and regular files only."""
    found: dict[str, Path] = {}
    total = 0
    for item in path.rglob("*"):
        status = item.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        name = item.relative_to(path).as_posix()
        _check_name(name, path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: {name} is no regular file")
        found[name] = item
        total += status.st_size
    if total > _LIMIT:
        raise ResourceError(f"{path}: larger than {_LIMIT} bytes")
    return {name: item.read_bytes() for name, item in sorted(found.items())}


def read_files(path: Path) -> dict[str, bytes]:
    """Read every file of a certificate, a directory or a zip, into memory.

    Raises:
        InputError: missing, damaged, or with files that do not belong. ResourceError: larger than 8 GiB.
    """
    try:
        files = _read_files(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if DOCUMENT not in files:
        raise InputError(f"{path}: holds no {DOCUMENT}")
    return files


def _read_files(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if path.is_dir():
        files = _read_folder(path)
    elif path.is_file():
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if entry.filename != "arrays/"]
                total = sum(entry.file_size for entry in entries)
                if total > _LIMIT:
                    raise ResourceError(f"{path}: larger than {_LIMIT} bytes")
                if total > max(_UNPACKED, _EXPANSION * path.stat().st_size):
                    raise InputError(f"{path}: unpacks to {total} bytes, more than {_EXPANSION} times its size")
                for entry in entries:
                    _check_name(entry.filename, path)
                    if entry.filename in files:
                        raise InputError(f"{path}: {entry.filename} occurs twice; the file was altered")
                    files[entry.filename] = archive.read(entry)
        except VerifyError:
            raise
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error) as error:
            raise InputError(f"{path}: not a readable zip ({str(error)[:200]!a})") from error
    else:
        raise InputError(f"path={path}: {'neither a file nor a folder' if path.exists() else 'no such certificate'}")
    return files
