"""The command line: exit codes, one-line errors, JSON, models and data from files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import verify
from verify import cli
from verify.errors import InputError, UnsupportedLayerError
from verify.networks.reading.files import build_architecture, load_data, load_model

ARCHITECTURE = {
    "layers": [
        {"type": "NTKLinear", "in_features": 1, "out_features": 2, "bias": True},
        {"type": "Softplus", "beta": 2.0},
        {"type": "Linear", "in_features": 2, "out_features": 1, "bias": False},
    ]
}


def quadratic() -> torch.nn.Sequential:
    """Factory for the command line: F(x) = x·w at w = 1."""
    layer = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    layer.weight.data[:] = 1.0
    return torch.nn.Sequential(layer)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.savez(tmp_path / "data.npz", X=np.array([[2.0]]), y=np.array([8.0]))
    (tmp_path / "data.csv").write_text("x,y\n2.0,8.0\n")
    (tmp_path / "net.json").write_text(json.dumps(ARCHITECTURE))
    model = build_architecture(ARCHITECTURE)
    save_file(dict(model.state_dict()), tmp_path / "net.safetensors")
    return tmp_path


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


FACTORY = "verify.tests.test_cli:quadratic"


def test_certify_prints_the_verdict_saves_and_exits_zero(files: Path) -> None:
    out = files / "cert.zip"
    code, text = run("certify", FACTORY, "--data", str(files / "data.npz"), "--lr", "1/8", "--out", str(out))
    assert code == 0
    assert "PROVED" in text
    assert verify.Certificate.load(out).verdict == "PROVED"
    code, text = run("check", str(out))
    assert (code, "ACCEPTED" in text) == (0, True)


def test_inconclusive_exits_two_and_json_is_one_object(files: Path) -> None:
    code, text = run("certify", FACTORY, "--data", str(files / "data.csv"), "--lr", "100", "--json")
    assert code == 2
    answer = json.loads(text)
    assert answer["verdict"] == "INCONCLUSIVE"
    assert "lr" in answer["reason"]


def test_refuted_exits_one(files: Path) -> None:
    np.savez(files / "clash.npz", X=np.array([[2.0], [2.0]]), y=np.array([8.0, 1.0]))
    assert run("certify", FACTORY, "--data", str(files / "clash.npz"), "--lr", "0.1")[0] == 1


def test_weights_come_from_safetensors_and_an_architecture(files: Path) -> None:
    model = load_model(str(files / "net.safetensors"), files / "net.json")
    assert isinstance(model, torch.nn.Sequential)
    assert model[0].weight.dtype == torch.float64
    code, _ = run(
        "certify", str(files / "net.safetensors"), "--architecture", str(files / "net.json"),
        "--data", str(files / "data.npz"), "--scope", "point",
    )  # fmt: skip
    assert code == 0


@pytest.mark.parametrize(
    "spec", ["model.pt", "os:path:join", "no.such.module:f", "verify.tests.test_cli:missing", "verify.nn:NTKLinear"]
)
def test_models_that_cannot_be_loaded_say_why(spec: str) -> None:
    with pytest.raises((InputError, TypeError)):
        load_model(spec)


def test_weights_that_do_not_fit_are_refused(files: Path) -> None:
    save_file({"0.weight": torch.zeros(2, 1)}, files / "bad.safetensors")
    with pytest.raises(InputError, match="do not fit"):
        load_model(str(files / "bad.safetensors"), files / "net.json")
    (files / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError, match="safetensors"):
        load_model(str(files / "junk.safetensors"), files / "net.json")
    with pytest.raises(InputError, match="architecture"):
        load_model(str(files / "net.safetensors"))


@pytest.mark.parametrize(
    "description",
    [
        [],
        {},
        {"layers": [1]},
        {"layers": [{"type": "Linear", "in_features": 0, "out_features": 1}]},
        {"layers": [{"type": "Linear", "in_features": 1, "out_features": 1, "dropout": 1}]},
        {"layers": [{"type": "Tanh", "beta": 2}]},
    ],
)
def test_malformed_architectures_are_refused(description: object) -> None:
    with pytest.raises(InputError):
        build_architecture(description)


def test_unknown_layer_types_are_refused() -> None:
    with pytest.raises(UnsupportedLayerError, match="ReLU"):
        build_architecture({"layers": [{"type": "ReLU"}]})


def test_data_files(files: Path) -> None:
    read = load_data(files / "data.csv")
    assert (read.X.tolist(), read.y.tolist()) == ([[2.0]], [[8.0]])
    np.savez(files / "pickled.npz", X=np.array([{}], dtype=object), y=np.zeros(1))
    np.savez(files / "nameless.npz", A=np.zeros(1))
    (files / "ragged.csv").write_text("1,2\n3\n")
    (files / "words.csv").write_text("a,b\nc,d\n")
    for name in ("pickled.npz", "nameless.npz", "ragged.csv", "words.csv", "missing.npz", "data.txt"):
        with pytest.raises(InputError):
            load_data(files / name)


def test_a_refused_input_is_one_line_and_exit_code_two(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["verify", "certify", FACTORY, "--data", str(files / "none.npz")])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


def test_nothing_half_written_when_a_save_fails(files: Path) -> None:
    before = sorted(files.iterdir())
    cert = verify.certify(quadratic(), [[2.0]], [8.0], lr=0.125)
    with pytest.raises((OSError, InputError)):
        cert.save(files / "data.csv" / "cert.zip")
    assert sorted(files.iterdir()) == before


def test_the_package_loads_lazily_and_names_are_public() -> None:
    for name in verify.__all__:
        assert getattr(verify, name) is not None
    with pytest.raises(AttributeError):
        _ = verify.no_such_name
