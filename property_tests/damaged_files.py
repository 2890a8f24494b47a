"""Damaged and hostile inputs of every entry point that reads a file, each with a second, naive reading of what is accepted."""

from __future__ import annotations

import csv
import importlib
import io
import json
import random
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from safetensors.torch import save

from property_tests.command_line import commands, damage_command, run_command
from property_tests.damage import damaged
from property_tests.damaged_certificates import TOKENS, read_certificate, sound_certificates, with_fitting_hash
from verify.networks.reading.data import exact_array
from verify.networks.reading.files import load_data, load_model

__all__ = ["ENTRIES", "Entry", "damaged"]

_MODULES = iter(range(10**9))


@dataclass(frozen=True)
class Entry:
    """One entry point.

    Attributes:
        name: of the entry. files: draws whole inputs. read: reads one input in a folder and compares what is accepted with a naive
            reading. damage: edits an input.
    """

    name: str
    files: st.SearchStrategy[Any]
    read: Callable[[Any, Path], None]
    damage: Callable[[Any, random.Random], Any]


_CELLS = st.one_of(
    st.integers(-99, 99).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ['"1"', "x", "", "nan", "1,5", '"1,5"', " 2 ", "1e400", "-", "Total", "0", "1", "2", "é", "#", "1_0"]
    ),
)
_CSV_TOKENS = [
    b",",
    b";",
    b'"',
    b"\n",
    b"\r\n",
    b"\t",
    b"nan",
    b"1e999",
    b"\xef\xbb\xbf",
    b'"1,000"',
    b"-",
    b"Total",
    b"\0",
    b" ",
    b"x",
    b"0",
]


@st.composite
def _tables(draw: st.DrawFn) -> bytes:
    columns, separator = draw(st.sampled_from([2, 3, 4, 1])), draw(st.sampled_from([","] * 6 + [";", "\t"]))
    numbers = st.integers(-9, 9).map(str)
    cells = draw(st.sampled_from([numbers, numbers, numbers, _CELLS]))
    rows = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=6))
    if draw(st.booleans()):
        names = st.sampled_from(["x", "y", "z_1", '"z"', draw(st.sampled_from(["x", "0"]))])
        rows.insert(0, draw(st.lists(names, min_size=columns, max_size=columns)))
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    mark = "\ufeff" if draw(st.booleans()) else ""
    return (mark + end.join(separator.join(row) for row in rows) + end).encode()


def _read_table(content: bytes, folder: Path) -> None:
    path = folder / "data.csv"
    path.write_bytes(content)
    read = load_data(path)
    lines = [
        row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) if any(c.strip() for c in row)
    ]
    if "no header" not in read.description:
        words = lines.pop(0)
        assert not any(word.strip()[0] in "0123456789+-." for word in words), f"data taken for a header: {words}"
    naive = np.array([[float(cell) for cell in row] for row in lines])
    assert np.array_equal(np.hstack([read.X, read.y]), naive), "not the numbers of the file"
    assert f"{len(naive)} rows" in read.description


_ARRAYS = st.sampled_from(
    [
        np.ones((3, 2)),
        np.arange(6, dtype=np.int32).reshape(3, 2),
        np.zeros((0, 2)),
        np.float32(0.1) * np.ones((2, 2)),
        np.array(3),
    ]
)
_NPY_TOKENS = [
    b"'<f8'",
    b"'|O'",
    b"True",
    b"(3, 2)",
    b"(",
    b"}",
    b"\x93NUMPY",
    b"10**9",
    b"99999999999",
    b"\0",
    b"-1",
    b"descr",
    b"(1,)",
]


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array))
    return stream.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _damaged_archive(members: dict[str, bytes], rng: random.Random) -> bytes:
    """Damage an array inside a sound archive, or the archive."""
    if rng.random() < 0.7:
        return _zip({name: damaged(content, rng, _NPY_TOKENS) for name, content in members.items()})
    return damaged(_zip(members), rng, [b"PK\x03\x04", b"PK\x01\x02", b"X.npy", b"\xff\xff\xff\xff", b"\0\0"])


def _read_archive(content: bytes, folder: Path) -> None:
    path = folder / "data.npz"
    path.write_bytes(content)
    read = load_data(path)
    assert read.X.dtype.kind in "fiub"
    assert str(read.X.shape) in read.description


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_LAYERS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Linear", "NTKLinear", "Tanh", "GELU", "Softplus", "SiLU", "Sine", "Identity", "ReLU"])
        | _JSON_VALUES
    },
    optional={
        "in_features": st.integers(-1, 4) | _JSON_VALUES,
        "out_features": st.integers(-1, 4) | _JSON_VALUES,
        "bias": st.booleans() | _JSON_VALUES,
        "beta": st.floats() | _JSON_VALUES,
        "approximate": st.sampled_from(["none", "tanh", "Tanh"]) | _JSON_VALUES,
    },
)
_ARCHITECTURES = st.fixed_dictionaries({"layers": st.lists(_LAYERS, max_size=4)}) | _JSON_VALUES
_JSON_TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b":",
    b",",
    b"1e999",
    b"NaN",
    b"null",
    b'"type"',
    b'"beta": 2,',
    b"\\u0000",
    b"-",
    b"[[[[[[",
]
_SOUND = {"layers": [{"type": "Linear", "in_features": 2, "out_features": 1}]}
_TENSORS = {"0.weight": torch.ones(1, 2), "0.bias": torch.zeros(1)}


def _read_json(content: bytes, folder: Path) -> None:
    (folder / "net.json").write_bytes(content)
    (folder / "net.safetensors").write_bytes(save(_TENSORS))
    model = load_model(str(folder / "net.safetensors"), folder / "net.json")
    stored = json.loads(content)["layers"]
    assert [type(module).__name__ for module in model.children()] == [row["type"] for row in stored]
    assert {name: value.tolist() for name, value in model.state_dict().items()} == {
        name: value.tolist() for name, value in _TENSORS.items()
    }


_DTYPES = st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.float8_e5m2])
_WEIGHT_TOKENS = [
    b'"F64"',
    b'"I8"',
    b'"shape"',
    b"[1,2]",
    b"[0,8]",
    b'"data_offsets"',
    b"0.weight",
    b"{",
    b"}",
    b"9999999999",
    b"-1",
    b"\0",
]


def _damaged_weights(content: bytes, rng: random.Random) -> bytes:
    """Damage the header under a right length, or any byte."""
    if rng.random() < 0.7:
        length = int.from_bytes(content[:8], "little")
        header = damaged(content[8 : 8 + length], rng, _WEIGHT_TOKENS)
        return len(header).to_bytes(8, "little") + header + content[8 + length :]
    return damaged(content, rng, _WEIGHT_TOKENS)


def _read_weights(content: bytes, folder: Path) -> None:
    (folder / "net.json").write_text(json.dumps(_SOUND))
    (folder / "net.safetensors").write_bytes(content)
    model = load_model(str(folder / "net.safetensors"), folder / "net.json")
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == {
        "0.weight": (1, 2),
        "0.bias": (1,),
    }
    assert all(value.dtype == torch.float64 for value in model.parameters())


_BODIES = [
    "def f():\n    return torch.nn.Tanh()\n",
    "def f():\n    raise RuntimeError('a\\nb')\n",
    "def f(width):\n    return width\n",
    "f = torch.nn.Tanh\n",
    "f = torch.nn.Tanh()\n",
    "f = None\n",
    "def f():\n    sys.exit(1)\n",
    "sys.exit(1)\n",
    "raise SystemExit\n",
    "def f():\n    return [torch.nn.Tanh()]\n",
    "class f:\n    pass\n",
    "def f(:\n",
    "assert False\n",
    "def f():\n    yield torch.nn.Tanh()\n",
    "def f():\n    return f()\n",
    "raise BaseExceptionGroup('a', [ValueError()])\n",
    "def f():\n    raise MemoryError\n",
    "def __getattr__(name):\n    raise ValueError(name)\n",
    "from no_such_module import f\n",
    "f: int\n",
]
_SOURCE_TOKENS = [
    b"(",
    b")",
    b":",
    b"\n",
    b"    ",
    b"f",
    b"return ",
    b"raise ",
    b"1",
    b"'",
    b"\0",
    b"\xff",
    b"lambda: ",
    b"None",
    b"torch",
]


def _read_factory(content: bytes, folder: Path) -> None:
    name = f"fuzzed_{next(_MODULES)}"
    path = folder / f"{name}.py"
    path.write_bytes(b"import sys\nimport torch\n" + content)
    importlib.invalidate_caches()
    try:
        assert isinstance(load_model(f"{name}:f"), torch.nn.Module)
    finally:
        sys.modules.pop(name, None)
        path.unlink()


_NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.fractions(max_denominator=8),
    st.decimals(),
    st.integers(-(2**62), 2**62).map(torch.tensor),
    st.integers(-(2**62), 2**62).map(np.array),
    st.floats(width=32).map(np.float32),
    st.floats(width=16).map(np.float16),
    st.floats().map(lambda v: torch.tensor(v, dtype=torch.float64)),
)
_OTHERS = st.sampled_from(
    [None, "1", b"1", 1j, object(), np.longdouble(1), torch.ones(2, device="meta"), {1: 2}, np.array("a")]
)
_LISTS = st.recursive(
    _NUMBERS | st.one_of(_NUMBERS, _NUMBERS, _OTHERS),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


def _flat(values: Any) -> list[Fraction]:
    if isinstance(values, list | tuple):
        return [number for value in values for number in _flat(value)]
    return [Fraction(values.item() if hasattr(values, "item") else values)]


def _read_list(values: Any, _: Path) -> None:
    found = exact_array(values, "X")
    assert [Fraction(v) for v in found.ravel().tolist()] == _flat(values), "rounded"


def _by_bytes(tokens: list[bytes]) -> Callable[[bytes, random.Random], bytes]:
    return lambda content, rng: damaged(content, rng, tokens)


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("certificate", sound_certificates(), read_certificate, _by_bytes(TOKENS)),
        Entry("command_line", commands(), run_command, damage_command),
        Entry("sealed_certificate", sound_certificates(), read_certificate, with_fitting_hash),
        Entry("csv", _tables(), _read_table, _by_bytes(_CSV_TOKENS)),
        Entry(
            "npz",
            st.dictionaries(
                st.sampled_from(["X.npy", "y.npy", "y.npy", "X.npy", "z.npy", "X"]),
                _ARRAYS.map(lambda array: _npy(np.asarray(array))),
                max_size=3,
            )
            | st.just({"X.npy": _npy(np.ones((3, 2))), "y.npy": _npy(np.ones(3))}),
            _read_archive,
            _damaged_archive,
        ),
        Entry(
            "json",
            (_ARCHITECTURES | st.just(_SOUND)).map(lambda v: json.dumps(v).encode()),
            _read_json,
            _by_bytes(_JSON_TOKENS),
        ),
        Entry(
            "safetensors",
            _DTYPES.map(lambda d: save({name: value.to(d) for name, value in _TENSORS.items()})),
            _read_weights,
            _damaged_weights,
        ),
        Entry("factory", st.sampled_from(_BODIES).map(str.encode), _read_factory, _by_bytes(_SOURCE_TOKENS)),
        Entry(
            "lists",
            _LISTS,
            _read_list,
            lambda values, rng: [values, *rng.choices([values, 1.0, 2**53 + 1], k=rng.randrange(3))],
        ),
    )
}
