"""Reading a certificate from an untrusted file: strict, bounded, nothing executed.

A certificate is a directory or a zip (stored or deflated) with ``certificate.json`` and ``arrays/*.npy``. Every byte of these is
covered by a SHA-256; hashes show damage, not truth: whoever changes a number can change the hash too.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from array import array
from collections import namedtuple
from fractions import Fraction
from pathlib import Path
from typing import Any

__all__ = ["Array", "Claimed", "Limit", "Malformed", "Unreadable", "afford", "expect", "read", "take"]

MAX_BYTES, MAX_DOCUMENT, MAX_FILES, MAX_DIRECTORY = 1 << 30, 1 << 24, 20_000, 6_000_000
# What a zip may hold unpacked: this much, and so many bytes for each of its own.
MAX_UNPACKED, MAX_EXPANSION = 1 << 24, 64
MAX_DEPTH = 100
_DOCUMENT = "certificate.json"
_ARRAY = re.compile(r"arrays/[A-Za-z0-9_]{1,150}\.npy")
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,1999})")
# A string, to its end or the text's; an opening bracket; a closing one.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([\[{])|([\]}])', re.DOTALL)
_HEADER = re.compile(rb"\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9, ]{0,60})\), \} *\n")

Claimed = namedtuple("Claimed", "mid rad")  # a closed interval as stored: midpoint and radius, doubles
Array = namedtuple("Array", "shape data")  # a float64 array as stored, row by row


class Malformed(Exception):
    """The file is no certificate of this format: REJECTED."""


class Unreadable(OSError):
    """The file or folder cannot be opened or read: neither accepted nor rejected."""


class Limit(Exception):
    """The file is beyond what this checker is willing to compute: UNDECIDED."""


def expect(condition: Any, message: str) -> None:
    """Refuse the file unless the condition holds."""
    if not condition:
        raise Malformed(message)


def afford(amount: int, most: int, what: str) -> None:
    """Leave the file undecided where it holds more of something: a true certificate may be beyond what this checker takes on."""
    if amount > most:
        # Python writes out no integer of very many digits.
        shown = f"{amount:,}" if amount < 10**15 else "over 10^15"
        raise Limit(f"{what}: {shown}, and this checker takes on at most {most:,}")


def take(mapping: Any, required: str, optional: str = "") -> list[Any]:
    """Return the values of `required` and then of `optional` (None where absent) keys; no other key may be there."""
    need, may = required.split(), optional.split()
    keys = set(mapping) if isinstance(mapping, dict) else {type(mapping).__name__}
    expect(set(need) <= keys <= set(need + may), f"expected the fields {need + may}, found {sorted(keys)}")
    return [mapping.get(key) for key in need + may]


def _admit(members: list[tuple[str, int]]) -> None:
    """Refuse all but the two kinds of names that the format knows (so no path can lead elsewhere), and what is too large."""
    for name, size in members:
        expect(name == _DOCUMENT or _ARRAY.fullmatch(name), f"unexpected file {name!r}")
        afford(size if name == _DOCUMENT else 0, MAX_DOCUMENT, f"bytes of {name!r}")
    afford(len(members), MAX_FILES, "files")
    expect(len({name for name, _ in members}) == len(members), "a file occurs twice")
    afford(sum(size for _, size in members), MAX_BYTES, "bytes in all")


def _from_directory(path: str) -> dict[str, bytes]:
    members: dict[str, Path] = {}
    sizes = []
    for entry in Path(path).rglob("*"):
        name, status = entry.relative_to(path).as_posix(), entry.lstat()
        if name != "arrays" or not stat.S_ISDIR(status.st_mode):
            expect(stat.S_ISREG(status.st_mode), f"{name!r} is no regular file")
            members[name] = entry
            sizes.append((name, status.st_size))
            afford(len(members), MAX_FILES, "files")
    _admit(sizes)
    return {name: entry.read_bytes() for name, entry in members.items()}


def _from_zip(path: str) -> dict[str, bytes]:
    afford(os.path.getsize(path), MAX_BYTES, "bytes in all")
    data = Path(path).read_bytes()
    # The end record: no comment, no zip64, a bounded directory; checked before zipfile allocates anything.
    plain = data[-22:-18] == b"PK\5\6" and data[-2:] == b"\0\0" and data[-42:-38] != b"PK\6\7"
    expect(plain, "no zip, or one cut off, with a comment or in zip64 form: no certificate is stored so")
    directory = int.from_bytes(data[-10:-6], "little")
    expect(directory < len(data), "a zip whose directory is larger than itself")
    afford(directory, MAX_DIRECTORY, "bytes of the zip's directory")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # Packing tools add the folder itself; it holds nothing.
        items = [item for item in archive.infolist() if item.filename != "arrays/" or item.file_size]
        for item in items:
            known = item.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            expect(
                known and not item.flag_bits & 1,
                f"{item.filename!r} is encrypted, or packed in another way than deflate",
            )
        unpacked = sum(item.file_size for item in items)
        expect(
            unpacked <= max(MAX_UNPACKED, MAX_EXPANSION * len(data)),
            "a zip that unpacks to far more than its size: too large",
        )
        _admit([(item.filename, item.file_size) for item in items])
        # zipfile unpacks no more than the size stated.
        return {item.filename: archive.read(item) for item in items}


def _array(name: str, data: bytes, shape: Any) -> Array:
    """Parse a .npy file, format 1.0 (numpy.lib.format), of little-endian doubles in C order; nothing else."""
    start = 10 + int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10:start])
    if data[:8] != b"\x93NUMPY\x01\x00" or header is None:
        raise Malformed(f"{name} is no .npy file of format 1.0, little-endian float64 in C order")
    stated = [int(part) for part in header[1].replace(b" ", b"").split(b",") if part]
    fits = stated == shape and len(data) - start == 8 * math.prod(stated)
    expect(fits, f"{name}: the shape is not the one listed, or does not fit its size")
    values = array("d", (value for (value,) in struct.iter_unpack("<d", data[start:])))
    expect(all(map(math.isfinite, values)), f"{name} holds NaN or infinity")
    return Array(tuple(stated), values)


def _number(text: Any) -> float:
    expect(isinstance(text, str) and _HEX.fullmatch(text), f"no hexadecimal double: {text!r}")
    expect(float.fromhex(text).hex() == text, f"not the normal form of a finite double: {text!r}")
    return float.fromhex(text)


def _value(node: Any, arrays: dict[str, Array], used: set[str]) -> Any:
    """Return the exact value of a JSON node: Claimed, Fraction, float, int, str, bool, None, Array, list or dict."""
    if isinstance(node, list):
        return [_inside(f"[{i}]", item, arrays, used) for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if not any(key.startswith("$") for key in node):
        return {key: _inside(f"{key[:40]!a}", item, arrays, used) for key, item in node.items()}
    match list(node.items()):
        case [("$float", text)]:
            return _number(text)
        case [("$array", str(name))] if name in arrays:
            used.add(name)
            return arrays[name]
        case [("$ball", [mid, rad])] if _number(rad) >= 0.0:
            return Claimed(_number(mid), _number(rad))
        case [("$rational", [str(p), str(q)])] if _INTEGER.fullmatch(p) and _INTEGER.fullmatch(q) and int(q) > 0:
            expect(math.gcd(int(p), int(q)) == 1, "a rational number is not in lowest terms")
            return Fraction(int(p), int(q))
    raise Malformed(f"unknown or malformed value {node!r}")


def _inside(place: str, node: Any, arrays: dict[str, Array], used: set[str]) -> Any:
    """The value of a part; what is wrong in it is said with its place."""
    try:
        return _value(node, arrays, used)
    except Malformed as error:
        raise Malformed(f"{place}: {error}") from None


def _is_shallow(text: str) -> bool:
    """Whether brackets nest at most MAX_DEPTH deep; json recurses, and overflows the stack where a process has raised its recursion limit."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token.lastindex == 1) - (token.lastindex == 2)
        if depth > MAX_DEPTH:
            return False
    return True


def _canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def read(path: str) -> dict[str, Any]:
    """Return the document with every value decoded; raises Malformed for whatever is not exactly this format, Unreadable."""
    try:
        if not (os.path.isdir(path) or os.path.isfile(path)):
            raise Unreadable(
                "no such file or directory" if not os.path.lexists(path) else "no regular file or directory"
            )
        files = _from_directory(path) if os.path.isdir(path) else _from_zip(path)
        expect(_DOCUMENT in files, f"it holds no {_DOCUMENT}")
        raw = files.pop(_DOCUMENT)
        text = raw.decode("ascii")
        expect(_is_shallow(text), "certificate.json is nested too deeply")
        document = json.loads(text, parse_float=str, parse_constant=str)  # as text: no number but an integer
        # One text per document: repeated keys, other spacing or other spellings of a number cannot pass.
        expect(_canonical(document) == raw and isinstance(document, dict), "certificate.json is not in canonical form")
        stated = document.pop("sha256", None)
        same = hashlib.sha256(_canonical(document)).hexdigest() == stated
        expect(same, "certificate.json does not have the SHA-256 it states")
        if document.get("verdict") == "INCONCLUSIVE":
            # Its numbers may be infinite; nothing in it is used.
            raise Limit("the certificate is INCONCLUSIVE: it claims nothing that could be accepted")
        listed = document.pop("arrays", None)
        expect(isinstance(listed, dict) and set(listed) == set(files), "the array files are not those listed")
        arrays: dict[str, Array] = {}
        for name, entry in listed.items():
            digest, shape = take(entry, "sha256 shape")
            same = hashlib.sha256(files[name]).hexdigest() == digest
            expect(same, f"{name} does not have the SHA-256 listed")
            arrays[name] = _array(name, files.pop(name), shape)
        used: set[str] = set()
        result: dict[str, Any] = _value(document, arrays, used)
    except Unreadable as error:
        raise Unreadable(f"{path}: {error}") from None
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error) as error:
        raise Malformed(f"no readable certificate: {type(error).__name__}: {str(error)[:200]}") from None
    expect(used == set(listed), "an array file belongs to no field")
    return result
