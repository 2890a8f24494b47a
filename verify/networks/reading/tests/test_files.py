"""Files and factories end in a model, in data, or in one typed error: never in another exception."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from verify.errors import InputError, VerifyError
from verify.networks import read_network
from verify.networks.functions import ACTIVATIONS
from verify.networks.reading.files import build_architecture, load_data, load_model

LAYER = {"type": "Linear", "in_features": 2, "out_features": 1}


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "Softplus", "beta": "one"},
        {"type": "Softplus", "beta": [1]},
        {"type": "Softplus", "beta": True},
        {"type": "Softplus", "beta": 10**400},
        {"type": "Softplus", "beta": 0},
        {"type": "Softplus", "threshold": 1},
        {"type": "GELU", "approximate": "Tanh"},
        {"type": "GELU", "approximate": None},
        {"type": "GELU", "approximate": ["tanh"]},
        {"type": "Linear", "in_features": 2, "out_features": 10**30},
        {"type": "NTKLinear", "in_features": 2**21, "out_features": 2**20},
        {"type": "Linear", "in_features": True, "out_features": 1},
        {"type": "Linear", "in_features": 2.0, "out_features": 1},
        {"type": "Tanh", "inplace": True},
        {"type": ["Tanh"]},
        {},
        None,
    ],
)
def test_every_option_of_the_architecture_is_matched_or_refused(entry: object) -> None:
    with pytest.raises(InputError):
        build_architecture({"layers": [LAYER, entry]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"layers": ' + "[" * 20_000 + "]" * 20_000 + "}",
        '{"layers": [], "layers": []}',
        '{"layers": [{"type": "Softplus", "beta": NaN}]}',
        '{"layers": [{"type": "Softplus", "beta": 1e999}]}',
        '{"layers": [], "optimizer": "Adam"}',
        '{"layers": [{"type": "Linear", "in_features": 1' + "0" * 5000 + ', "out_features": 1}]}',
        " " * (2**24 + 1),
    ],
)
def test_json_that_is_no_architecture_is_one_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.json").write_text(text)
    save_file({"0.weight": torch.zeros(1, 2)}, tmp_path / "net.safetensors")
    with pytest.raises(InputError) as refused:
        load_model(str(tmp_path / "net.safetensors"), tmp_path / "net.json")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_an_option_of_a_layer_is_refused_with_what_is_known(tmp_path: Path) -> None:
    for layer, known in (
        ({"type": "GELU", "approximate": "fast"}, "known are approximate: 'none' or 'tanh'"),
        ({"type": "Softplus", "threshold": 5}, "known are beta: a finite number > 0"),
        ({"type": "Tanh", "beta": 1}, "it has none"),
    ):
        with pytest.raises(InputError, match=known):
            build_architecture({"layers": [layer]})


def test_a_record_that_names_its_module_is_all_that_an_architecture_needs() -> None:
    modules = [record.module for record in ACTIVATIONS.values() if record.module is not None]
    assert len(modules) >= 10
    for module in modules:
        [built] = build_architecture({"layers": [{"type": module.__name__}]})
        assert type(built) is module


def test_a_layer_larger_than_memory_is_never_allocated(tmp_path: Path) -> None:
    layers = [{"type": "NTKLinear", "in_features": 2**20, "out_features": 2**20}]
    (tmp_path / "net.json").write_text(json.dumps({"layers": layers}))
    save_file({"0.weight": torch.zeros(1, 2)}, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match="do not fit"):
        load_model(str(tmp_path / "net.safetensors"), tmp_path / "net.json")


def test_weights_are_read_by_name_whatever_their_order(tmp_path: Path) -> None:
    layers = [{"type": "Linear", "in_features": 2, "out_features": 2, "bias": False}] * 11
    names = [f"{i}.weight" for i in range(11)]
    tensors = {name: torch.full((2, 2), float(i)) for i, name in enumerate(names)}
    save_file({name: tensors[name] for name in sorted(names)}, tmp_path / "net.safetensors")
    (tmp_path / "net.json").write_text(json.dumps({"layers": layers}))
    network = read_network(load_model(str(tmp_path / "net.safetensors"), tmp_path / "net.json"))
    assert [float(layer.weight[0, 0]) for layer in network.chain] == list(map(float, range(11)))


FACTORIES = {
    "raises": "def f():\n    raise RuntimeError('no data')",
    "exits": "def f():\n    raise SystemExit(0)",
    "argument": "def f(width):\n    return width",
    "number": "f = 3",
    "nothing": "def f():\n    pass",
    "syntax": "def f(:",
    "import": "import no_such_module_anywhere",
    "importing": "raise ValueError('at import')",
    "leaving": "import sys\nsys.exit(1)",
    "base": "raise BaseException",
    "generator": "def f():\n    raise GeneratorExit",
}


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_that_gives_no_model_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / f"factory_{name}.py").write_text(FACTORIES[name])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with pytest.raises(InputError, match=f"factory_{name}"):
        load_model(f"factory_{name}:f")


@pytest.mark.parametrize("spec", [":", ":f", "os:", ".relative:f", "..:f", "os.path:", "os path:f", "\0:f"])
def test_a_malformed_specification_is_one_error(spec: str) -> None:
    with pytest.raises(InputError):
        load_model(spec)


def _archive(path: Path) -> bytes:
    np.savez(path, X=np.arange(6.0).reshape(3, 2), y=np.ones(3))
    return path.read_bytes()


def test_truncated_flipped_and_foreign_archives_are_one_error_or_data(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    whole = _archive(path)
    refused = 0
    for cut in range(0, len(whole), 7):
        for damaged in (whole[:cut], whole[:cut] + bytes([whole[cut] ^ 0x55]) + whole[cut + 1 :]):
            path.write_bytes(damaged)
            try:
                read = load_data(path)
            except VerifyError:
                refused += 1
            else:
                # A flipped bit in what nothing reads (a date) is no damage; in the numbers the checksum sees it.
                assert read.X.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert refused > len(whole) // 7


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"\x93NUMPY\x01\x00", b"not a zip"])
def test_no_archive_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(InputError, match="data="):
        load_data(tmp_path / "data.npz")


def test_an_archive_that_names_an_array_twice_or_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    _archive(path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("X.npy", b"")
    with pytest.raises(InputError, match="'X'"):
        load_data(path)
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 2), }".ljust(117) + b"\n"
    huge = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", huge)
        archive.writestr("y.npy", huge)
    with pytest.raises(VerifyError, match="data="):
        load_data(path)


def test_options_of_a_table_are_refused_for_an_archive(tmp_path: Path) -> None:
    _archive(tmp_path / "data.npz")
    with pytest.raises(InputError, match=r"\.csv"):
        load_data(tmp_path / "data.npz", delimiter=";")
    assert "shape (3, 2)" in load_data(tmp_path / "data.npz").description


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_model("json:nothing_there"), "json has no function 'nothing_there'"),
        (lambda: load_model("no_such_module_anywhere:f"), "is its folder on PYTHONPATH"),
        (lambda: build_architecture({"layers": [], "optimizer": "Adam"}), "unknown entries .*expected layers alone"),
        (lambda: build_architecture({"layers": [{"type": "Tanh"}] * 10_001}), "10001 layers; at most 10000"),
        (lambda: build_architecture({"layers": [{**LAYER, "out_features": 2**40}]}), r"weights; at most 2\^40"),
        (lambda: load_data(Path("none.csv")), r"cannot be read \(No such file"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_and_nothing_else(call: Callable[[], object], words: str) -> None:
    """A function that a module lacks was a folder not on PYTHONPATH, a missing table one to save as UTF-8."""
    with pytest.raises(InputError, match=words):
        call()
