"""Reading a certificate from an untrusted file: strict, bounded, nothing executed.

A certificate is a directory or a zip (stored, not compressed) with ``certificate.json`` and ``arrays/*.npy``. Every byte is
covered by a SHA-256; hashes show damage, not truth: whoever changes a number can change the hash too.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import struct
import sys
import zipfile
from array import array
from fractions import Fraction
from typing import Any, NamedTuple

__all__ = ["Array", "Claimed", "Limit", "Malformed", "read", "take"]

DOCUMENT = "certificate.json"
MAX_BYTES = 1 << 30
MAX_DOCUMENT = 1 << 24
MAX_FILES = 20_000
_ARRAY = re.compile(r"arrays/[A-Za-z0-9_]{1,150}\.npy")
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,1999})")
_HEADER = re.compile(rb"\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9, ]{0,60})\), \} *\n")


class Malformed(Exception):
    """The file is no certificate of this format: REJECTED."""


class Limit(Exception):
    """The file is beyond what this checker is willing to compute: UNDECIDED."""


class Claimed(NamedTuple):
    """A closed interval as stored: midpoint and radius, doubles."""

    mid: float
    rad: float


class Array(NamedTuple):
    """A float64 array as stored, row by row."""

    shape: tuple[int, ...]
    data: array[float]


def take(mapping: Any, required: str, optional: str = "") -> list[Any]:
    """Return the values of `required` and then of `optional` (None where absent) keys; no other key may be there."""
    need, may = required.split(), optional.split()
    if not isinstance(mapping, dict) or not set(need) <= set(mapping) <= set(need + may):
        found = sorted(map(str, mapping))[:40] if isinstance(mapping, dict) else type(mapping).__name__
        raise Malformed(f"expected the fields {need + may}, found {found}")
    return [mapping.get(key) for key in need + may]


def _files(path: str) -> dict[str, bytes]:
    """Return name → contents; only the two kinds of names that the format knows, so no path can lead elsewhere."""
    found: dict[str, bytes] = {}
    if os.path.isdir(path):
        pending = [("", path)]
        for prefix, folder in pending:
            with os.scandir(folder) as entries:
                listed = list(itertools.islice(entries, MAX_FILES + 1))
            for entry in listed:
                if entry.is_dir(follow_symlinks=False) and prefix + entry.name == "arrays":
                    pending.append(("arrays/", entry.path))
                    continue
                if not entry.is_file(follow_symlinks=False):
                    raise Malformed(f"{entry.name[:80]!r} is no regular file")
                _admit(prefix + entry.name, entry.stat().st_size, found)
                with open(entry.path, "rb") as stream:
                    found[prefix + entry.name] = stream.read(MAX_BYTES)
    elif os.path.isfile(path):
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, size - 42))
            tail = stream.read(42)
            # The end record: no comment, no zip64, a bounded directory; checked before zipfile allocates anything.
            if size > MAX_BYTES or len(tail) < 22 or tail[-22:-18] != b"PK\5\6" or tail[:4] == b"PK\6\7":
                raise Malformed("not a zip of this format (end record), or too large")
            count, length = struct.unpack("<HI", tail[-12:-6])
            if tail[-2:] != b"\0\0" or count > MAX_FILES or length > 300 * MAX_FILES:
                raise Malformed("zip with a comment or an oversized directory")
            with zipfile.ZipFile(stream) as archive:
                for item in archive.infolist():
                    plain = item.compress_type == zipfile.ZIP_STORED and item.file_size == item.compress_size
                    if not plain or item.flag_bits or item.extra or item.comment:
                        raise Malformed(f"{item.filename[:80]!r} is compressed, encrypted or has extras")
                    _admit(item.filename, item.file_size, found)
                    found[item.filename] = archive.read(item)
    else:
        raise Malformed("no such file or directory")
    return found


def _admit(name: str, size: int, found: dict[str, bytes]) -> None:
    if name != DOCUMENT and not _ARRAY.fullmatch(name):
        raise Malformed(f"unexpected file {name[:80]!r}")
    if name in found or len(found) >= MAX_FILES:
        raise Malformed(f"{name!r} occurs twice, or too many files")
    if size + sum(map(len, found.values())) > MAX_BYTES or (name == DOCUMENT and size > MAX_DOCUMENT):
        raise Malformed(f"{name!r}: too large")


def _array(data: bytes, shape: list[int]) -> Array:
    """Parse a .npy file, format 1.0 (numpy.lib.format), of little-endian doubles in C order; nothing else."""
    if data[:8] != b"\x93NUMPY\x01\x00" or len(data) < 10:
        raise Malformed("an array is no .npy file of format 1.0")
    start = 10 + int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10:start])
    if header is None:
        raise Malformed("an array is not little-endian float64 in C order")
    stated = [int(part) for part in header[1].replace(b" ", b"").split(b",") if part]
    if stated != shape or len(data) - start != 8 * math.prod(stated):
        raise Malformed("an array's shape is not the one listed, or does not fit its size")
    values = array("d")
    values.frombytes(data[start:])
    if sys.byteorder == "big":
        values.byteswap()
    if not all(map(math.isfinite, values)):
        raise Malformed("an array holds NaN or infinity")
    return Array(tuple(stated), values)


def _number(text: Any) -> float:
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise Malformed(f"no hexadecimal double: {str(text)[:40]!r}")
    value = float.fromhex(text)
    if value.hex() != text or not math.isfinite(value):
        raise Malformed(f"not the normal form of a finite double: {text!r}")
    return value


def _value(node: Any, arrays: dict[str, Array], used: set[str]) -> Any:
    """Return the exact value of a JSON node: Claimed, Fraction, float, int, str, bool, None, Array, list or dict."""
    if isinstance(node, list):
        return [_value(item, arrays, used) for item in node]
    if not isinstance(node, dict):
        return node
    tag = next((key for key in node if key.startswith("$")), None)
    if tag is None:
        return {key: _value(item, arrays, used) for key, item in node.items()}
    body = node[tag]
    if len(node) == 1 and tag == "$float":
        return _number(body)
    if len(node) == 1 and tag == "$array" and isinstance(body, str) and body in arrays:
        used.add(body)
        return arrays[body]
    if len(node) == 1 and isinstance(body, list) and len(body) == 2:
        if tag == "$ball":
            claimed = Claimed(_number(body[0]), _number(body[1]))
            if claimed.rad < 0.0:
                raise Malformed("a ball has a negative radius")
            return claimed
        if tag == "$rational" and all(isinstance(part, str) and _INTEGER.fullmatch(part) for part in body):
            numerator, denominator = int(body[0]), int(body[1])
            if denominator > 0 and math.gcd(numerator, denominator) == 1:
                return Fraction(numerator, denominator)
    raise Malformed(f"unknown or malformed value {str(node)[:80]}")


def _refuse(text: str) -> Any:
    raise Malformed(f"the decimal number {text[:40]!r}; certificates hold exact numbers only")


def _canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def read(path: str) -> dict[str, Any]:
    """Return the document with every value decoded.

    Raises:
        Malformed: whatever is not exactly this format; the message says what.
    """
    try:
        files = _files(path)
        raw = files.pop(DOCUMENT, b"")
        document = json.loads(raw, parse_float=_refuse, parse_constant=_refuse)
        # One text per document: repeated keys, other spacing or other spellings of a number cannot pass.
        if _canonical(document) != raw or not isinstance(document, dict):
            raise Malformed("certificate.json is not in canonical form")
        stated = document.pop("sha256", None)
        if hashlib.sha256(_canonical(document)).hexdigest() != stated:
            raise Malformed("certificate.json does not have the SHA-256 it states")
        listed = document.pop("arrays", None)
        if not isinstance(listed, dict) or set(listed) != set(files):
            raise Malformed("the array files are not those listed")
        arrays = {}
        for name, entry in listed.items():
            digest, shape = take(entry, "sha256 shape")
            if hashlib.sha256(files[name]).hexdigest() != digest or not isinstance(shape, list):
                raise Malformed(f"{name} does not have the SHA-256 listed")
            arrays[name] = _array(files.pop(name), shape)
        used: set[str] = set()
        result: dict[str, Any] = _value(document, arrays, used)
    except (OSError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile) as error:
        raise Malformed(f"unreadable: {type(error).__name__}: {str(error)[:200]}") from None
    if used != set(listed):
        raise Malformed("an array file belongs to no field")
    return result
