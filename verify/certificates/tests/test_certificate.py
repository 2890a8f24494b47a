"""Round trips without rounding, equal bytes for equal input, and refusal of altered files."""

from __future__ import annotations

import io
import json
import math
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import verify
from verify.arrays import Ball
from verify.certificates import Certificate, Problem, Relation, Step, schema
from verify.certificates.encoding import Arrays, canonical, decode, encode, sha256
from verify.certificates.tests.samples import sample, small_network
from verify.errors import DisagreementError, DtypeError, InputError, NonFiniteError, NotProvedError, VerifyError
from verify.networks import read_data, read_network
from verify.nn import NTKLinear, Sine


def _same(a: Any, b: Any) -> bool:
    """Bitwise equality of decoded values."""
    if isinstance(a, Ball):
        return isinstance(b, Ball) and _same(a.mid, b.mid) and _same(a.rad, b.rad)
    if isinstance(a, np.ndarray):
        return bool(a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, float):
        return type(b) is float and a.hex() == b.hex()
    same: bool = type(a) is type(b) and a == b
    return same


@pytest.mark.parametrize("name", ["c.zip", "c"])
def test_round_trip_is_exact(tmp_path: Path, name: str) -> None:
    certificate = sample()
    certificate.save(tmp_path / name)
    back = Certificate.load(tmp_path / name)
    assert (back.scope, back.verdict, back.reason) == ("ball", "INCONCLUSIVE", "μ is not known")
    assert (back.problem.lr, back.problem.loss) == (Fraction(1, 3), "mean")
    assert back.claim == "containment_classical"
    for mine, theirs in zip(certificate.problem.network.chain, back.problem.network.chain, strict=True):
        assert mine.weight.tobytes() == theirs.weight.tobytes()
        assert (mine.bias is None) == (theirs.bias is None)
        assert (mine.inverse_square_scale, mine.activation) == (
            theirs.inverse_square_scale,
            theirs.activation,
        )
    assert back.problem.data.X.tobytes() == certificate.problem.data.X.tobytes()
    for field in ("constants", "margins", "witness", "observed"):
        assert _same(dict(getattr(certificate, field)), getattr(back, field)), field
    assert back.steps[0].certain
    assert _same(back.steps[0].left, certificate.steps[0].left)
    assert [p.name for p in tmp_path.iterdir()] == [name]  # nothing temporary is left


def test_bytes_are_identical_for_the_same_input_and_after_a_round_trip(tmp_path: Path) -> None:
    sample().save(tmp_path / "a.zip")
    sample().save(tmp_path / "b.zip")
    Certificate.load(tmp_path / "a.zip").save(tmp_path / "c.zip")
    first = (tmp_path / "a.zip").read_bytes()
    assert first == (tmp_path / "b.zip").read_bytes() == (tmp_path / "c.zip").read_bytes()


def test_document_follows_the_schema_and_has_no_decimal_number(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    sample().save(tmp_path / "c")
    document = json.loads((tmp_path / "c" / "certificate.json").read_text(), parse_float=pytest.fail)
    jsonschema.validate(document, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "extra": 1}, schema())


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (np.zeros(2, dtype=np.float32), DtypeError),
        (np.array([None]), DtypeError),
        ({"$float": 1.0}, InputError),
        ({1: 2}, InputError),
        (math.nan, NonFiniteError),
        (2**60, InputError),
        (object(), DtypeError),
        (1j, DtypeError),
    ],
)
def test_what_the_format_cannot_hold_is_refused(value: Any, error: type[VerifyError]) -> None:
    with pytest.raises(error):
        encode(value, Arrays(), "x")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.fractions() | st.integers(-(2**53) + 1, 2**53 - 1),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    )
)
def test_encoding_loses_nothing(value: Any) -> None:
    document = json.loads(canonical(encode(value, Arrays(), "x")))
    assert _same(decode(document, {}), value)


def test_step_relations() -> None:
    one, two = Ball(1.0), Ball(2.0, 0.5)
    certain: list[tuple[Ball, Relation, Ball]] = [
        (one, "<", two),
        (two, ">=", one),
        (one, "<=", one),
        (two, ">", one),
    ]
    not_certain: list[tuple[Ball, Relation, Ball]] = [
        (one, ">", two),
        (one, "<", one),
        (Ball(1.0, 2.0), "<", two),
        (Ball(0.0, math.inf), "<=", one),
    ]
    assert all(Step("", "", left, relation, right, "").certain for left, relation, right in certain)
    assert not any(Step("", "", left, relation, right, "").certain for left, relation, right in not_certain)
    assert Step("", "", two, ">", one, "").margin.contains(0.5)
    assert Step("", "", one, "<", two, "").margin.contains(1.5)


@pytest.mark.parametrize(
    "module",
    [torch.nn.Tanh(), torch.nn.Sigmoid(), torch.nn.SiLU(), torch.nn.GELU(), torch.nn.GELU("tanh"), Sine()],
)
def test_every_activation_survives(tmp_path: Path, module: torch.nn.Module) -> None:
    network = read_network(torch.nn.Sequential(NTKLinear(1, 2), module, NTKLinear(2, 1)))
    problem = Problem(network, read_data(network, [[1.0]], [[0.0]]), "sum", None)
    sample(problem=problem).save(tmp_path / "c.zip")
    assert Certificate.load(tmp_path / "c.zip").problem.network.chain[0].activation == network.chain[0].activation


def test_displays_contain_what_matters() -> None:
    from rich.console import Console

    certificate = replace(sample(), reason="a < b & c")
    assert "mu = " in str(certificate)
    assert "INCONCLUSIVE" in str(certificate)
    assert "a &lt; b &amp; c" in certificate._repr_html_()
    console = Console(record=True, width=160, file=io.StringIO())
    console.print(certificate)
    assert "positive" in console.export_text()


def test_hash_covers_every_byte(tmp_path: Path) -> None:
    sample().save(tmp_path / "c")
    document = json.loads((tmp_path / "c" / "certificate.json").read_text())
    stated = document.pop("sha256")
    assert sha256(canonical(document)) == stated
    assert set(document["arrays"]) == {
        p.relative_to(tmp_path / "c").as_posix() for p in (tmp_path / "c").rglob("*.npy")
    }


def test_a_certificate_is_no_truth_value_and_can_be_required() -> None:
    proved = verify.certify(small_network(), [[1.0, 2.0]], [0.5], scope="point")
    with pytest.raises(TypeError, match=r"\.proved"):
        bool(proved)
    assert proved.proved
    assert proved.require() is proved
    assert repr(proved).count("\n") == 0
    assert len(repr(proved)) < 200
    open_ = verify.certify(small_network(), [[1.0, 2.0]], [0.5], scope="ball", lr=1000)
    assert not open_.proved
    with pytest.raises(NotProvedError, match="lr"):
        open_.require()


def test_a_changed_networks_certificate_does_not_match() -> None:
    model, X, y = small_network(), [[1.0, 2.0]], [0.5]
    cert = verify.certify(model, X, y, scope="point")
    assert cert.matches(model, X, y)
    assert not cert.matches(model, [[1.0, 2.5]], y)
    assert not cert.matches(model, X, [0.25])
    # Targets without inputs would be compared with nothing.
    with pytest.raises(InputError, match="one without the other"):
        cert.matches(model, None, [0.25])
    other = torch.nn.Sequential(model[0], torch.nn.Sigmoid(), model[2])
    assert "layer 1 is another" in str(cert.mismatch(other))
    with torch.no_grad():
        model[2].get_parameter("bias")[0] += 1e-12
    found = cert.mismatch(model)
    assert found is not None
    assert "bias of layer 2" in found
    assert "1 of 1" in found


def test_a_network_that_computes_something_else_with_the_same_layers_does_not_match() -> None:
    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = small_network()

        def forward(self, x: torch.Tensor) -> Any:
            return self.body(2.0 * x if isinstance(x, torch.Tensor) else x)

    cert = verify.certify(small_network(), [[1.0, 2.0]], [0.5], scope="point")
    for model in (Twice(), torch.nn.Sequential(Twice())):
        with pytest.raises(DisagreementError):
            cert.matches(model, [[1.0, 2.0]], [0.5])


def test_a_runs_certificate_matches_at_its_hand_over_too(tmp_path: Path) -> None:
    model, X, y = small_network(), [[1.0, 2.0]], [0.75]
    cert = verify.certify(model, X, y, scope="run")
    assert cert.proved
    cert.save(tmp_path / "c.zip")
    cert = verify.Certificate.load(tmp_path / "c.zip")
    point = cert.witness["checkpoints"][cert.witness["handover"]["checkpoint"]]["parameters"]
    trained = small_network()
    torch.nn.utils.vector_to_parameters(torch.from_numpy(point.copy()), trained.parameters())
    assert cert.matches(trained, X, y)
    assert cert.matches(small_network(), X, y)
    with torch.no_grad():
        trained[0].get_parameter("weight")[0, 0] += 1.0
    assert not cert.matches(trained, X, y)


def test_a_proof_stores_no_infinite_bound(tmp_path: Path) -> None:
    """A constant that overflowed is left out: the checker refuses infinities, and rightly."""
    step = Step("positive", "ntk_positive", Ball(0.1), ">", Ball(0.0), "here")
    endless = Step("endless", "ntk_positive", Ball(0.1, math.inf), ">", Ball(0.0), "here")
    cert = sample(
        verdict="PROVED",
        constants={"mu": Ball(0.1), "smoothness": Ball(0.0, math.inf)},
        margins={"a": Ball(0.0, math.inf)},
        steps=(step, endless),
        observed={"rate": math.inf, "curve": [0.5]},
    )
    assert cert.constants["smoothness"] is None
    assert (dict(cert.margins), len(cert.steps), dict(cert.observed)) == ({}, 1, {"curve": [0.5]})
    cert.save(tmp_path / "c")
    assert "inf" not in (tmp_path / "c" / "certificate.json").read_text()


@pytest.mark.parametrize("lr", [None, "1e-300"])
@pytest.mark.parametrize("scope", ["ball", "basin", "point"])
@pytest.mark.parametrize(
    "scales", [(1e-80, 1e-3, 1.0), (1.0, 1e75, 1.0), (1e80, 1.0, 1.0), (1e-160, 1.0, 1e-300), (1.0, 1.0, 1e150)]
)
def test_at_extreme_scales_what_is_proved_is_accepted(
    tmp_path: Path, scales: tuple[float, float, float], scope: Any, lr: str | None
) -> None:
    """Neither an exception nor a PROVED certificate that the checker rejects or leaves undecided; INCONCLUSIVE is undecided."""
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    model = torch.nn.Sequential(
        NTKLinear(2, 16, generator=generator), torch.nn.Tanh(), NTKLinear(16, 1, generator=generator)
    )
    inputs, weights, targets = scales
    X = rng.standard_normal((2, 2)) * inputs
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(weights)
        y = model(torch.from_numpy(X)).numpy() * (targets == 1.0) + targets * 1e-9 * rng.standard_normal((2, 1))
    cert = verify.certify(model, X, y, scope=scope, lr=lr)
    cert.save(tmp_path / "c.zip")
    found = verify.check(tmp_path / "c.zip")
    assert found.verdict == ("ACCEPTED" if cert.proved else "UNDECIDED"), found.failures


@pytest.mark.parametrize("kind", ["dangling link", "link", "pipe", "folder of other things"])
def test_a_folder_that_holds_anything_else_is_refused(tmp_path: Path, kind: str) -> None:
    """A link may lead away, reading a pipe never ends, and what is listed may be gone."""
    folder = sample().save(tmp_path / "c")
    other = next((folder / "arrays").iterdir())
    if kind == "folder of other things":
        (folder / "notes.txt").write_text("x")
    elif kind == "pipe":
        other.unlink()
        os.mkfifo(other)
    else:
        other.rename(tmp_path / "elsewhere.npy")
        other.symlink_to(tmp_path / ("elsewhere.npy" if kind == "link" else "nowhere.npy"))
    with pytest.raises(InputError, match=r"unexpected file|no regular file"):
        Certificate.load(folder)
