"""A certificate as JSON and arrays, its statements one by one, and the packing with every hash; numpy's file format by hand."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
import zipfile
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.checker.tests.mp_network import Json, ball


@dataclass
class Draft:
    """A certificate as a JSON document and its arrays; `save` computes every hash."""

    document: Json
    arrays: dict[str, tuple[tuple[int, ...], list[float]]] = field(default_factory=dict)

    @staticmethod
    def of(path: Path) -> Draft:
        """A saved certificate, a zip, as a document that can be altered and sealed again."""
        arrays = {}
        with zipfile.ZipFile(path) as archive:
            document = json.loads(archive.read("certificate.json"))
            for name, entry in document.pop("arrays").items():
                data = archive.read(name)
                values = array("d")
                values.frombytes(data[10 + int.from_bytes(data[8:10], "little") :])
                arrays[name] = (tuple(entry["shape"]), list(values))
        del document["sha256"]
        return Draft(document, arrays)

    def copy(self) -> Draft:
        return Draft(copy.deepcopy(self.document), {k: (s, list(v)) for k, (s, v) in self.arrays.items()})

    def add(self, name: str, shape: tuple[int, ...], values: Sequence[float]) -> Json:
        self.arrays[f"arrays/{name}.npy"] = (shape, [float(v) for v in values])
        return {"$array": f"arrays/{name}.npy"}

    def files(self) -> dict[str, bytes]:
        files = {name: npy(shape, values) for name, (shape, values) in self.arrays.items()}
        listed = {
            name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "shape": list(shape)}
            for name, (shape, _) in self.arrays.items()
        }
        return {"certificate.json": seal({"arrays": listed, **self.document}), **files}

    def save(self, path: Path) -> Path:
        return pack(path, self.files())


def npy(shape: tuple[int, ...], values: Sequence[float], descr: str = "<f8", order: str = "False") -> bytes:
    """numpy's file format 1.0."""
    inner = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({inner}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + struct.pack(f"<{len(values)}d", *values)
    )


def text(document: Json) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def seal(document: Json) -> bytes:
    """Canonical text with its own hash."""
    return text({**document, "sha256": hashlib.sha256(text(document)).hexdigest()})


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), files[name])
    return path


def step(name: str, claim: str, left: Any, relation: str, right: Any) -> Json:
    return {
        "name": name,
        "claim": claim,
        "left": ball(left),
        "relation": relation,
        "right": ball(right),
        "source": "by hand",
    }
