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

__all__ = ["Array", "Claimed", "Limit", "Malformed", "expect", "read", "take"]

DOCUMENT = "certificate.json"
MAX_BYTES, MAX_DOCUMENT, MAX_FILES = 1 << 30, 1 << 24, 20_000
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


def expect(condition: Any, message: str) -> None:
    """Refuse the file unless the condition holds."""
    if not condition:
        raise Malformed(message)


def take(mapping: Any, required: str, optional: str = "") -> list[Any]:
    """Return the values of `required` and then of `optional` (None where absent) keys; no other key may be there."""
    need, may = required.split(), optional.split()
    keys = set(mapping) if isinstance(mapping, dict) else {type(mapping).__name__}
    expect(set(need) <= keys <= set(need + may), f"expected the fields {need + may}, found {sorted(keys)[:40]}")
    return [mapping.get(key) for key in need + may]


def _admit(name: str, size: int, found: dict[str, bytes]) -> None:
    """Refuse all but the two kinds of names that the format knows (so no path can lead elsewhere), and what is too large."""
    expect(name == DOCUMENT or _ARRAY.fullmatch(name), f"unexpected file {name[:80]!r}")
    expect(name not in found and len(found) < MAX_FILES, f"{name!r} occurs twice, or too many files")
    total = size + sum(map(len, found.values()))
    expect(total <= MAX_BYTES and (name != DOCUMENT or size <= MAX_DOCUMENT), f"{name!r}: too large")


def _from_directory(path: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    pending = [("", path)]
    for prefix, folder in pending:
        with os.scandir(folder) as entries:
            listed = list(itertools.islice(entries, MAX_FILES + 1))
        for entry in listed:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False) and name == "arrays":
                pending.append(("arrays/", entry.path))
                continue
            expect(entry.is_file(follow_symlinks=False), f"{name[:80]!r} is no regular file")
            _admit(name, entry.stat().st_size, found)
            with open(entry.path, "rb") as stream:
                found[name] = stream.read(MAX_BYTES)
    return found


def _from_zip(path: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 42))
        tail = stream.read()
        # The end record: no comment, no zip64, a bounded directory; checked before zipfile allocates anything.
        record = size <= MAX_BYTES and tail[-22:-18] == b"PK\5\6" and tail[:4] != b"PK\6\7"
        expect(record, "not a zip of this format (end record), or too large")
        count, length, comment = struct.unpack("<HI4xH", tail[-12:])
        bounded = count <= MAX_FILES and length <= 300 * MAX_FILES
        expect(bounded and comment == 0, "zip with a comment or an oversized directory")
        with zipfile.ZipFile(stream) as archive:
            for item in archive.infolist():
                plain = item.compress_type == zipfile.ZIP_STORED and item.file_size == item.compress_size
                extras = item.flag_bits or item.extra or item.comment
                expect(plain and not extras, f"{item.filename[:80]!r} is compressed, encrypted or has extras")
                _admit(item.filename, item.file_size, found)
                found[item.filename] = archive.read(item)
    return found


def _array(data: bytes, shape: list[int]) -> Array:
    """Parse a .npy file, format 1.0 (numpy.lib.format), of little-endian doubles in C order; nothing else."""
    start = 10 + int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10:start])
    if data[:8] != b"\x93NUMPY\x01\x00" or header is None:
        raise Malformed("an array is no .npy file of format 1.0, little-endian float64 in C order")
    stated = [int(part) for part in header[1].replace(b" ", b"").split(b",") if part]
    fits = stated == shape and len(data) - start == 8 * math.prod(stated)
    expect(fits, "an array's shape is not the one listed, or does not fit its size")
    values = array("d")
    values.frombytes(data[start:])
    if sys.byteorder == "big":
        values.byteswap()
    expect(all(map(math.isfinite, values)), "an array holds NaN or infinity")
    return Array(tuple(stated), values)


def _number(text: Any) -> float:
    expect(isinstance(text, str) and _HEX.fullmatch(text), f"no hexadecimal double: {str(text)[:40]!r}")
    value = float.fromhex(text)
    expect(value.hex() == text and math.isfinite(value), f"not the normal form of a finite double: {text!r}")
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
    body, alone = node[tag], len(node) == 1
    pair = body if alone and isinstance(body, list) and len(body) == 2 else None
    if alone and tag == "$float":
        return _number(body)
    if alone and tag == "$array" and isinstance(body, str) and body in arrays:
        used.add(body)
        return arrays[body]
    if pair and tag == "$ball":
        claimed = Claimed(_number(pair[0]), _number(pair[1]))
        expect(claimed.rad >= 0.0, "a ball has a negative radius")
        return claimed
    if pair and tag == "$rational" and all(isinstance(part, str) and _INTEGER.fullmatch(part) for part in pair):
        numerator, denominator = map(int, pair)
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
        expect(os.path.isdir(path) or os.path.isfile(path), "no such file or directory")
        files = _from_directory(path) if os.path.isdir(path) else _from_zip(path)
        raw = files.pop(DOCUMENT, b"")
        document = json.loads(raw, parse_float=_refuse, parse_constant=_refuse)
        # One text per document: repeated keys, other spacing or other spellings of a number cannot pass.
        expect(_canonical(document) == raw and isinstance(document, dict), "certificate.json is not in canonical form")
        stated = document.pop("sha256", None)
        same = hashlib.sha256(_canonical(document)).hexdigest() == stated
        expect(same, "certificate.json does not have the SHA-256 it states")
        listed = document.pop("arrays", None)
        expect(isinstance(listed, dict) and set(listed) == set(files), "the array files are not those listed")
        arrays: dict[str, Array] = {}
        for name, entry in listed.items():
            digest, shape = take(entry, "sha256 shape")
            same = hashlib.sha256(files[name]).hexdigest() == digest
            expect(same, f"{name} does not have the SHA-256 listed")
            arrays[name] = _array(files.pop(name), shape)
        used: set[str] = set()
        result: dict[str, Any] = _value(document, arrays, used)
    except (OSError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile) as error:
        raise Malformed(f"unreadable: {type(error).__name__}: {str(error)[:200]}") from None
    expect(used == set(listed), "an array file belongs to no field")
    return result
