"""Certificate values as JSON without rounding: hex floats, integer pairs as strings, arrays by name and hash.

====================  =====================================================================
Python value          JSON
====================  =====================================================================
None, bool, str       themselves
int                   a JSON integer, |i| < 2^53
float                 ``{"$float": "0x1.8p+1"}``; infinities as ``"inf"``, ``"-inf"``
Fraction              ``{"$rational": ["numerator", "denominator"]}``, decimal integers in lowest terms
Ball of shape ()      ``{"$ball": ["midpoint", "radius"]}``, hex floats
Ball of other shape   ``{"$balls": [array, array]}``, midpoints and radii
float64 array         ``{"$array": "arrays/….npy"}``: file format 1.0, C order, no pickles
list, tuple           a JSON list
mapping               a JSON object; keys do not begin with ``$``
====================  =====================================================================
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.errors import DtypeError, InputError, NonFiniteError, UnsoundArithmeticError

__all__ = ["Arrays", "canonical", "decode", "encode", "npy_bytes", "sha256"]

_KEY = re.compile(r"[A-Za-z0-9_ .,()+-]{1,80}")


def canonical(document: Any) -> bytes:
    """Return the one JSON text of a document: sorted keys, indent 1, ASCII, no decimal fractions."""
    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return (text + "\n").encode("ascii")


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def npy_bytes(array: np.ndarray) -> bytes:
    """Return a float64 array as a .npy file: format version 1.0, little endian, C order, no pickles."""
    buffer = io.BytesIO()
    plain = np.ascontiguousarray(array, dtype="<f8").reshape(array.shape)
    np.lib.format.write_array(buffer, plain, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


class Arrays:
    """The .npy files of one certificate: name → bytes and name → description for certificate.json."""

    def __init__(self) -> None:
        """Start without files."""
        self.files: dict[str, bytes] = {}
        self.table: dict[str, dict[str, Any]] = {}

    def add(self, where: str, array: np.ndarray) -> dict[str, str]:
        """Store `array` under a name made from its place in the document; return the reference to it."""
        if array.dtype != np.float64:
            raise DtypeError(
                f"{where}: dtype={array.dtype}; certificates store float64 arrays; convert it exactly first"
            )
        name = f"arrays/{re.sub(r'[^A-Za-z0-9_]+', '_', where)}.npy"
        if name in self.files:
            raise InputError(f"{where}: a second array named {name}; use keys that differ in letters or digits")
        self.files[name] = npy_bytes(array)
        self.table[name] = {"sha256": sha256(self.files[name]), "shape": [int(i) for i in array.shape]}
        return {"$array": name}


def _hex(value: float, where: str) -> str:
    if math.isnan(value):
        raise NonFiniteError(f"{where}: NaN has no place in a certificate")
    return value.hex()


def encode(value: Any, arrays: Arrays, where: str) -> Any:
    """Return `value` as a JSON document (table in the module's docstring); arrays go to `arrays`.

    Args:
        value: anything the table lists. arrays: receives float64 arrays.
        where: the value's place, for names and errors.

    Raises:
        DtypeError, InputError, NonFiniteError: the table has no line for it.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int):
        if abs(value) >= 2**53:
            raise InputError(f"{where}={value}: integers beyond 2^53 are stored as Fraction")
        return value
    if isinstance(value, float):
        return {"$float": _hex(value, where)}
    if isinstance(value, Fraction):
        return {"$rational": [str(value.numerator), str(value.denominator)]}
    if isinstance(value, Ball):
        if value.shape == ():
            return {"$ball": [_hex(float(value.mid), where), _hex(float(value.rad), where)]}
        return {"$balls": [arrays.add(f"{where}.mid", value.mid), arrays.add(f"{where}.rad", value.rad)]}
    if isinstance(value, np.ndarray):
        return arrays.add(where, value)
    if isinstance(value, Mapping):
        for key in value:
            if not (isinstance(key, str) and _KEY.fullmatch(key)):
                raise InputError(f"{where}: key {key!r}; expected letters, digits and plain punctuation")
        return {key: encode(item, arrays, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item, arrays, f"{where}.{i}") for i, item in enumerate(value)]
    raise DtypeError(f"{where}: a {type(value).__name__} cannot be stored in a certificate")


def decode(document: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the Python value of a JSON document made by :func:`encode`; lists stay lists."""
    if isinstance(document, list):
        return [_inside(f"[{i}]", item, arrays) for i, item in enumerate(document)]
    if not isinstance(document, dict):
        return document
    tag = next((key for key in document if key.startswith("$")), None)
    if tag is None:
        return {key: _inside(f"{key[:40]!a}", item, arrays) for key, item in document.items()}
    content = document[tag]
    try:
        if tag == "$float":
            return float.fromhex(content)
        if tag == "$rational":
            return Fraction(int(content[0]), int(content[1]))
        if tag == "$ball":
            return Ball(float.fromhex(content[0]), float.fromhex(content[1]))
        if tag == "$balls":
            return Ball(arrays[content[0]["$array"]], arrays[content[1]["$array"]])
        if tag == "$array":
            return arrays[content]
    except UnsoundArithmeticError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"{tag}: malformed value in certificate.json ({str(error)[:200]!a})") from error
    raise InputError(f"{tag}: unknown kind of value in certificate.json; is the file from a newer version?")


def _inside(place: str, document: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The value of a part; what is wrong in it is said with its place."""
    try:
        return decode(document, arrays)
    except InputError as error:
        raise type(error)(f"{place}: {error}") from error
