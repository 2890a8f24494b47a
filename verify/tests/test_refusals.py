"""Refusals at the public entry points that no other test meets: the type of the error, and the part of its message that tells what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from safetensors.torch import save_file
from torch import nn

import verify
import verify.arrays as va
from verify.arrays import Ball
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError, UnsupportedLayerError, VerifyError
from verify.networks import read_data, read_network
from verify.networks.reading.files import build_architecture, load_data, load_model
from verify.regions.descent.iterates import read_iterates
from verify.regions.scopes.options import options_of

X, Y, IMAGES = np.eye(2), np.array([1.0, -1.0]), np.ones((2, 1, 4, 4))
NET = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
CLASSES = nn.Sequential(nn.Linear(2, 3)).double()
ONES = torch.zeros(13, dtype=torch.float64)


class _Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.unused = nn.Linear(2, 1).double(), nn.Linear(2, 1).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.unused(x)
        result: torch.Tensor = self.first(x)
        return result


class _Earlier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 1).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.first(x)
        torch.tanh(result)
        return result


def _with(module: nn.Module, name: str, value: Any) -> nn.Module:
    """Change an attribute after the constructor, or an entry of a buffer."""
    if name.startswith("running"):
        getattr(module, name)[0] = value
    else:
        setattr(module, name, value)
    return module


def _normalised(name: str, value: float, eps: float = 1e-5) -> nn.Module:
    norm = _with(nn.BatchNorm1d(3, eps=eps).double().eval(), name, value)
    return nn.Sequential(nn.Linear(2, 3).double(), norm, nn.Linear(3, 1).double())


def _on_maps(module: nn.Module) -> nn.Module:
    return nn.Sequential(module, nn.Flatten(), nn.Linear(16, 1)).double().eval()


def _loss(model: nn.Module, inputs: Any = X, targets: Any = Y, **options: Any) -> Callable[[], Any]:
    return lambda: verify.loss(model, inputs, targets, **options)


def _descent(**options: Any) -> Callable[[], Any]:
    return lambda: verify.SGD(**options).on(2)


def _iterates(*given: Any, steps: Any = None) -> Callable[[], Any]:
    return lambda: list(read_iterates(read_network(NET), list(given), steps))


def _options(scope: Any, **given: Any) -> Callable[[], Any]:
    return lambda: options_of(scope, full_batch=True).read(given)


_STATE = {**{name: value.clone() for name, value in NET.state_dict().items()}, "0.bias": torch.zeros(4)}

REFUSED: list[tuple[Callable[[], Any], type[VerifyError], str]] = [
    (_loss(nn.Sequential(nn.Conv2d(1, 1, 3).double()), IMAGES), ShapeError, r"output has shape \(1, 2, 2\); flatten it"),
    (_loss(_Unused()), UnsupportedLayerError, "used by no other layer; remove it"),
    (_loss(_Earlier()), UnsupportedLayerError, "an earlier layer than its last"),
    (_loss(nn.Sequential(_with(verify.nn.NTKLinear(2, 1), "in_features", 5))), ShapeError, r"model\[0\] .*in_features=5"),
    (_loss(_on_maps(_with(nn.Conv2d(1, 1, 3, padding=1), "stride", (1.0, 1))), IMAGES), UnsupportedLayerError, "stride="),
    (_loss(_on_maps(_with(nn.Conv2d(1, 1, 3), "padding", -1)), IMAGES), UnsupportedLayerError, "padding=-1; expected .* ≥ 0"),
    (_loss(_on_maps(nn.BatchNorm1d(1)), IMAGES), ShapeError, "BatchNorm1d is read on vectors"),
    (_loss(nn.Sequential(nn.MaxPool2d(2), nn.Linear(2, 1)).double()), ShapeError, r"inputs of shape \(2,\); expected maps"),
    (_loss(_on_maps(nn.GroupNorm(2, 4)), IMAGES), ShapeError, r"model\[0\] .* inputs of shape \(1, 4, 4\); expected channels that 2"),
    (_loss(_on_maps(nn.MaxPool2d(2, padding=2)), IMAGES), ShapeError, "at most half of the window"),
    (_loss(_normalised("running_var", 0.0, eps=0.0)), InputError, r"model\[1\] .*least variance 0\.0; expected"),
    (_loss(_normalised("running_var", -1e-6)), InputError, r"model\[1\] .*variance -1e-06; expected ≥ 0"),
    (_loss(_normalised("running_mean", float("nan"))), NonFiniteError, r"running_mean: 1 of 3"),
    (_loss(NET, loss="foo"), InputError, "loss='foo': expected 'sum'"),
    (_loss(NET, loss=nn.MSELoss()), InputError, "pass its name: loss='mse'"),
    (_loss(NET, None), DtypeError, "X: of type NoneType; expected an array"),
    (_loss(NET, {"a": 1}), DtypeError, "X: a dict"),
    (_loss(CLASSES, X, [0.5, 2.0]), ShapeError, r"expected \(2, 3\): one row per sample"),
    (_loss(CLASSES, X, [0, 3]), ShapeError, r"expected \(2, 3\): one row per sample"),  # no class 3 of three
    (lambda: verify.ntk(NET, X, np.ones((2, 3))), ShapeError, "X2: shape"),
    (lambda: verify.count_crossings(NET, X, []), InputError, "no kinks to cross"),
    (_descent(batch_size=1, batches=[[0], [1]]), InputError, "leave batch_size and drop_last out"),
    (_descent(batches=[[0], [1]], order="with_replacement"), InputError, "use order='fixed'"),
    (_descent(batches=[[0], [1]], momentum=0.9), InputError, "Leave momentum out, or batch_size, batches and order"),
    (_descent(batches=[[0, 1], [1]]), InputError, "sample 1 comes 2 times"),
    (_descent(batches=[]), InputError, "at least one batch"),
    (_descent(batches=[[0], []]), InputError, r"batches\[1\]: empty"),
    (_descent(batches=[[0], [2]]), InputError, "sample 2; there are 2 samples, 0 … 1"),
    (_descent(batches=[[0]]), InputError, "sample 1 is in none of them"),
    (_iterates(None), InputError, r"iterates\[0\]: a NoneType; expected a torch module"),
    (_iterates(ONES, nn.Linear(2, 1)), InputError, r"iterates\[1\]: a .*expected the architecture"),
    (_iterates(ONES, torch.zeros(5)), ShapeError, r"iterates\[1\]: shape \(5,\)"),
    (_iterates([torch.zeros(3, 2)]), ShapeError, "in this order"),
    (_iterates(_STATE), ShapeError, r"'0.bias': \(4,\)"),
    (_iterates({"0.weight": torch.zeros(3, 2)}), InputError, "missing names"),
    (_iterates(), InputError, "empty; hand in at least one"),
    (_iterates(ONES, steps=[0, 1]), InputError, "2 indices for 1 iterates"),
    (_iterates(ONES, ONES + 1, steps=[0]), InputError, "1 indices for more iterates"),
    (_options("run", iterate_steps=[0]), InputError, "iterate_steps without iterates"),
    (_options("run", directory="d", iterates=[ONES]), InputError, "leave directory=None"),
    (_options("region", start_radius=1e-3, method="arb"), InputError, "leave them out"),
    (lambda: build_architecture([]), InputError, "expected an object"),
    (lambda: build_architecture({"layers": [{"type": "Foo"}]}), UnsupportedLayerError, "type='Foo'; supported: Linear"),
    (lambda: load_model("w.safetensors"), InputError, "weights need --architecture"),
    (lambda: load_model("w.pt"), InputError, "Pickled models are never loaded"),
    (lambda: Ball(1.0, Ball(1.0)), InputError, r"pass rad.upper\(\)"),
    (lambda: Ball([np.longdouble(1), "0.1"]), DtypeError, "longdouble.*pass a Fraction"),
    (lambda: Ball(Decimal("inf")), NonFiniteError, "expected a finite number"),
    (lambda: Ball(torch.eye(2).to_sparse()), DtypeError, r"call .to_dense\(\) first"),
    (lambda: Ball(sp.gamma(sp.Rational(1, 3))), DtypeError, "cannot enclose gamma"),
    (lambda: Ball(sp.exp(2000)), DtypeError, "beyond the range of doubles"),
    (lambda: va.gram([1.0, 2.0]), ShapeError, "gram: expected a matrix"),
    (lambda: va.diagonal(Ball([1.0, 2.0])), ShapeError, "diagonal: expected a matrix"),
    (lambda: va.matmul(np.ones((2, 2, 2)), np.ones((3, 2, 2))), ShapeError, "do not broadcast"),
    (lambda: va.celu(1.0, alpha=-1), InputError, "alpha=-1"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "error", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_refused(entry: Callable[[], Any], error: type[VerifyError], message: str) -> None:
    with pytest.raises(error, match=message) as found:
        entry()
    assert found.type is error


@pytest.mark.parametrize("labels", [[0, 2], [0.0, 2.0], torch.tensor([0, 2])])
def test_the_remedy_for_labels_works(labels: Any) -> None:
    """numpy.eye(3)[y] was an IndexError for labels stored as floats."""
    with pytest.raises(ShapeError, match=r"numpy.eye\(3\)\[numpy.asarray\(y, dtype=int\)\]"):
        read_data(read_network(CLASSES), X, labels)
    data = read_data(read_network(CLASSES), X, np.eye(3)[np.asarray(labels, dtype=int)])
    assert data.y.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(
        '{"layers": [{"type": "Linear", "in_features": 2, "out_features": 1, "bias": false}]}'
    )
    whole, damaged = tmp_path / "w.safetensors", tmp_path / "damaged.safetensors"
    save_file({"0.weight": torch.ones(1, 2, dtype=torch.int64)}, whole)
    damaged.write_bytes(b"no")
    np.savez(tmp_path / "text.npz", X=np.array(["a"]), y=np.zeros(1))
    for path, message in ((whole, "must be floating point"), (damaged, "not a readable safetensors file")):
        with pytest.raises(InputError, match=message):
            load_model(str(path), tmp_path / "net.json")
    for name, message in (
        ("text.npz", "X is .*expected arrays of numbers"),
        ("data.txt", "expected a .npz or .csv file"),
    ):
        with pytest.raises(InputError, match=message):
            load_data(tmp_path / name)
