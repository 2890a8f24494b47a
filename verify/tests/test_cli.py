"""The command line: exit codes, one-line errors, JSON, models and data from files."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import verify
from verify import cli
from verify.answers import numbers
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


def linear() -> torch.nn.Sequential:
    """Factory for the command line: F(x) = x·w at w = 0 for two inputs."""
    layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    layer.weight.data[:] = 0.0
    return torch.nn.Sequential(layer)


@pytest.mark.parametrize(
    ("given", "descent"),
    [
        (["--batch-size", "1"], verify.SGD(batch_size=1)),
        (["--batch-size", "1", "--order", "fixed", "--drop-last"], verify.SGD(1, "fixed", drop_last=True)),
        (["--batch-size", "1", "--order", "with_replacement"], verify.SGD(1, "with_replacement")),
        (["--momentum", "0.9", "--nesterov"], verify.SGD(2, momentum=Fraction(9, 10), nesterov=True)),
    ],
)
def test_mini_batches_and_momentum_are_options_of_certify(files: Path, given: list[str], descent: verify.SGD) -> None:
    np.savez(files / "two.npz", X=np.array([[1.0, 0.0], [0.0, 2.0]]), y=np.array([1.0, 1.0]))
    out = files / "c.zip"
    problem = ["certify", "verify.tests.test_cli:linear", "--data", str(files / "two.npz"), "--scope", "ball"]
    code, text = run(*problem, *given, "--out", str(out))
    assert code == 0, text
    assert verify.Certificate.load(out).problem.descent == descent
    for wrong, words in (
        (["--batch-size", "3"], "there are 2 samples"),
        (["--batch-size", "1", "--momentum", "0.9"], "momentum with mini-batches"),
        (["--momentum", "1"], "in \\[0, 1\\)"),
        (["--nesterov"], "momentum > 0"),
    ):
        with pytest.raises(InputError, match=words):
            run(*problem, *wrong)


def test_refuted_exits_one(files: Path) -> None:
    np.savez(files / "clash.npz", X=np.array([[2.0], [2.0]]), y=np.array([8.0, 1.0]))
    assert run("certify", FACTORY, "--data", str(files / "clash.npz"), "--lr", "0.1")[0] == 1


def test_weights_come_from_safetensors_and_an_architecture(files: Path) -> None:
    model = load_model(str(files / "net.safetensors"), files / "net.json")
    assert isinstance(model, torch.nn.Sequential)
    assert model[0].weight.dtype == torch.float64
    code, _ = run(
        "certify",
        str(files / "net.safetensors"),
        "--architecture",
        str(files / "net.json"),
        "--data",
        str(files / "data.npz"),
        "--scope",
        "point",
    )
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
    with pytest.raises(UnsupportedLayerError, match="Mish"):
        build_architecture({"layers": [{"type": "Mish"}]})


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


def answer(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the program itself."""
    capsys.readouterr()
    code = cli.main(args)
    out, err = capsys.readouterr()
    return code, out, err


def raises() -> torch.nn.Sequential:
    """A factory that fails."""
    raise RuntimeError("first line\nsecond line")


def test_every_error_is_one_line_and_exit_code_three(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 means REFUTED or REJECTED and nothing else."""
    data = str(files / "data.npz")
    (files / "cut.npz").write_bytes((files / "data.npz").read_bytes()[:-30])
    (files / "empty.npz").write_bytes(b"")
    (files / "deep.json").write_text("[" * 100_000)
    (files / "module.py").write_text("def broken(:\n")
    net = str(files / "net.safetensors")
    wrong = [
        ["certify", FACTORY, "--data", str(files / "none.npz")],
        ["certify", FACTORY, "--data", str(files / "cut.npz")],
        ["certify", FACTORY, "--data", str(files / "empty.npz")],
        ["certify", FACTORY, "--data", data, "--lr", "-1"],
        ["certify", FACTORY, "--data", data, "--lr", "fast"],
        ["certify", FACTORY, "--data", data, "--out", str(files / "data.csv" / "c.zip")],
        ["certify", FACTORY, "--data", data, "--out", str(files / "a.pt")],
        ["certify", FACTORY, "--data", data, "--out", "/proc/none/c.zip"],
        ["certify", "verify.tests.test_cli:raises", "--data", data],
        ["certify", "verify.tests.test_cli:answer", "--data", data],
        ["certify", "verify.tests.test_cli:FACTORY", "--data", data],
        ["certify", net, "--data", data],
        ["certify", net, "--architecture", str(files / "deep.json"), "--data", data],
        ["certify", FACTORY],
        ["certify", FACTORY, "--data", data, "--scope", "everything"],
        ["check", str(files / "absent.zip")],
        ["check"],
        ["check", "--no-such-option"],
        ["no-such-verb"],
        ["ledger", "pl_from_ntkk"],
        ["reproduce", "--only", "no_such_row", "--out", str(files / "r")],
        ["report", str(files / "absent")],
        ["width", "--smallest", "9", "--largest", "8"],
        ["width", "--smallest", "-3"],
        ["width", "--largest", "99"],
        ["certify", FACTORY, "--data", data, "--scope", "ball", "--centre", "midpoint"],
        # What compares nothing is no option of a comparison.
        ["check", str(files / "c.zip"), "--architecture", str(files / "net.json")],
        ["check", str(files / "c.zip"), "--targets", "2"],
    ]
    for args in wrong:
        code, out, err = answer(capsys, *args)
        assert (code, err.count("\n"), out) == (3, 1, out), (args, err)
        assert "Traceback" not in err, args
        assert "unexpected" not in err, (args, err)
        assert err.strip(), args
    assert "pl_from_ntk" in answer(capsys, "ledger", "pl_from_ntkk")[2]


def test_a_fault_of_the_program_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, said in [
        (ZeroDivisionError("one\ntwo"), "fault of lplr-verify"),
        (MemoryError("8 GiB"), "out of memory"),
        (KeyboardInterrupt(), "interrupted"),
        (OSError(28, "No space left on device", "x.zip"), "x.zip: No space left"),
    ]:

        def failing(_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr(cli, "_run", failing)
        code, _, err = answer(capsys, "certify")
        assert (code, err.count("\n")) == (3, 1)
        assert said in err
        code, out, err = answer(capsys, "certify", "--json")
        assert (code, err) == (3, "")
        assert said in json.loads(out)["error"]["message"]


def test_json_holds_numbers_and_errors(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = answer(capsys, "certify", FACTORY, "--data", str(files / "data.npz"), "--lr", "1/8", "--json")
    constants = json.loads(out)["constants"]
    assert code == 0
    assert constants["lr"] == {"lower": 0.125, "upper": 0.125, "text": "0.125"}
    assert 3.9 < constants["mu"]["lower"] <= constants["mu"]["upper"] <= 4.0
    code, out, err = answer(capsys, "check", str(files / "absent.zip"), "--json")
    assert (code, err) == (3, "")
    assert "no such file" in json.loads(out)["error"]["message"]


def test_numbers_are_rounded_outwards() -> None:
    given = {"third": Fraction(1, 3), "huge": Fraction(10**400), "tiny": Fraction(1, 10**400), "none": None, "count": 3}
    found = numbers(given)
    assert Fraction(found["third"]["lower"]) < Fraction(1, 3) < Fraction(found["third"]["upper"])
    assert (found["huge"]["lower"], found["huge"]["upper"]) == (None, None)
    assert found["tiny"]["lower"] == 0.0
    assert found["tiny"]["upper"] > 0.0
    assert found["none"] is None
    assert found["count"]["lower"] == found["count"]["upper"] == 3.0


def test_the_verdict_comes_first_and_detail_is_asked_for(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(files / "c.zip")
    assert answer(capsys, "certify", FACTORY, "--data", str(files / "data.npz"), "--lr", "1/8", "--out", out)[0] == 0
    code, text, _ = answer(capsys, "check", out)
    lines = text.splitlines()
    assert (code, lines[0].split()[0]) == (0, "ACCEPTED")
    assert "F(x) = h_1" in lines[1]
    assert "0x" not in text
    assert len(lines) <= 4
    assert len(answer(capsys, "check", out, "--all")[1].splitlines()) > 20


def test_a_certificate_of_other_weights_or_data_is_told_apart(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, data, net = str(files / "c.zip"), str(files / "data.npz"), str(files / "net.safetensors")
    build = ["--architecture", str(files / "net.json")]
    made = answer(capsys, "certify", net, *build, "--data", data, "--scope", "point", "--out", out)
    assert made[0] == 0, made
    assert answer(capsys, "check", out, "--weights", net, *build, "--data", data)[0] == 0
    model = load_model(net, files / "net.json")
    with torch.no_grad():
        model.get_parameter("2.weight")[0, 1] += 1e-9
    save_file(dict(model.state_dict()), files / "net.safetensors")
    code, text, _ = answer(capsys, "check", out, "--weights", net, *build)
    assert code == 1
    assert "weight of layer 2" in text
    assert "ACCEPTED" in text
    np.savez(files / "data.npz", X=np.array([[2.0]]), y=np.array([8.5]))
    code, text, _ = answer(capsys, "check", out, "--data", data, "--json")
    assert (code, json.loads(text)["verdict"]) == (1, "REJECTED")
    assert "y is not the certificate's" in json.loads(text)["failures"][0]


def test_python_dash_m_is_the_program() -> None:
    for args, code, said in [(["--version"], 0, verify.__version__), ([], 3, "certify"), (["check", "absent"], 3, "")]:
        done = subprocess.run([sys.executable, "-m", "verify", *args], capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert said in done.stdout
        assert "Traceback" not in done.stderr


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
