"""Refusals at the public entry points that no other test meets: the type of the error, and the part of its message that tells what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from safetensors.torch import save_file
from torch import nn
from torch.ao.nn.quantized import ELU as QuantisedELU

import verify
import verify.arrays as va
from verify import datasets
from verify.arrays import Ball
from verify.errors import (
    DtypeError,
    InputError,
    NonFiniteError,
    NotCertainError,
    ShapeError,
    UnsupportedLayerError,
    VerifyError,
)
from verify.networks import read_data, read_network
from verify.networks.reading.files import build_architecture, load_data, load_model
from verify.regions.descent.iterates import read_iterates
from verify.regions.descent.minibatch import read_orders
from verify.regions.descent.recorded_run import load_arrays, make_directory
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


class _Held(nn.Module):
    """Takes an entry of a weight, which its tables do not show in the list, for a constant: every step would change it."""

    def __init__(self, held: Callable[[nn.Linear], Any] = lambda layer: layer.weight) -> None:
        super().__init__()
        self.first = nn.Linear(2, 1).double()
        self.held = [held(self.first)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.first(x) * float(self.held[0][0, 0])
        return result


class _Overwriting(nn.Module):
    """Doubles the data at each call."""

    def __init__(self, change: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.first, self.change = nn.Linear(2, 1).double(), change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.first(self.change(x))
        return result


def _augmented(x: torch.Tensor) -> torch.Tensor:
    x *= 2.0
    return x


class _Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 1).double()

    def forward(self, x: torch.Tensor, mask: Any = None) -> torch.Tensor:
        result: torch.Tensor = self.first(x)
        return result


class _ByName(_Masked):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        result: torch.Tensor = self.first(input=x)
        return result


class _Unreadable:
    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise ValueError("no")


class _Frame:
    """As a DataFrame with a column of integers and one of floats: numpy sees floats alone."""

    shape = (2, 2)
    iloc = property(lambda self: self)

    def __getitem__(self, place: tuple[slice, int]) -> np.ndarray:
        return np.array([2**53 + 1, 1]) if place[1] == 0 else np.array([0.5, 1.0])

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return np.array([[2.0**53, 0.5], [1.0, 1.0]])


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


def _beside(module: nn.Module, name: str) -> nn.Module:
    """A network in which a constant of `module` is a view of the bias before it, by an attribute that torch does not register."""
    first = nn.Linear(2, 3).double()
    for table in (module._parameters, module._buffers):
        table.pop(name, None)
    first.bias.data.abs_()
    setattr(module, name, first.bias.data if name.startswith("running") else first.bias.data[:1])
    return nn.Sequential(first, module, nn.Linear(3, 1).double())


def _between(module: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3).double(), module, nn.Linear(3, 1).double())


def _on_maps(module: nn.Module) -> nn.Module:
    return nn.Sequential(module, nn.Flatten(), nn.Linear(16, 1)).double().eval()


def _loss(model: nn.Module, inputs: Any = X, targets: Any = Y, **options: Any) -> Callable[[], Any]:
    return lambda: verify.loss(model, inputs, targets, **options)


def _descent(**options: Any) -> Callable[[], Any]:
    return lambda: verify.SGD(**options).on(2)


def _iterates(*given: Any, steps: Any = None) -> Callable[[], Any]:
    return lambda: list(read_iterates(read_network(NET), list(given), steps))


def _orders(given: Any, **descent: Any) -> Callable[[], Any]:
    return lambda: list(read_orders(given, verify.SGD(**descent), 4))


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
    (_loss(_between(_with(nn.ReLU6(), "max_val", 5.0))), UnsupportedLayerError, r"limits 0.0 and 5.0; .*verify.nn.Scale"),
    (_loss(_beside(nn.PReLU().double(), "weight")), UnsupportedLayerError, r"PReLU\): its weight is no Parameter of its own"),
    (_loss(_beside(nn.BatchNorm1d(3).double().eval(), "running_mean")), UnsupportedLayerError, "running_mean is no buffer"),
    (_loss(_between(nn.PReLU(device="meta").requires_grad_(False))), UnsupportedLayerError, "meta device"),
    (_loss(_Held()), UnsupportedLayerError, "computes with tensors of its own"),
    (_loss(_Held(lambda layer: layer.weight.data[:, :1])), UnsupportedLayerError, "computes with tensors of its own"),
    (_loss(_Overwriting(lambda x: x.mul_(2.0))), UnsupportedLayerError, "writes into the model's inputs.*; use inplace=False"),
    (_loss(_Overwriting(_augmented)), UnsupportedLayerError, r"x = 2.0 \* x in place of x \*= 2.0"),
    (_loss(_Overwriting(lambda x: x.view(x.shape[0], x.shape[0], -1))), UnsupportedLayerError, "views of a sample's 2"),
    (_loss(_Overwriting(lambda x: x * 0.0)), UnsupportedLayerError, "one exact number other than 0"),
    (_loss(_Overwriting(lambda x: x.tanh(1))), UnsupportedLayerError, "with arguments that are not known here"),  # type: ignore[call-arg]
    (_loss(_Overwriting(lambda x: x.view(-1, 2)), [1.0, 2.0]), UnsupportedLayerError, r"views is not known; pass X of shape \(n, d\)"),
    (_loss(_Overwriting(lambda x: x.view(-1, x.size(1))), [1.0, 2.0]), UnsupportedLayerError, r"size is not known; pass X of shape \(n, d\)"),
    (_loss(_on_maps(_with(nn.AvgPool2d(2), "padding", 2)), IMAGES), ShapeError, r"model\[0\] \(AvgPool2d\): average pool: padding \(2, 2\)"),
    (_loss(_between(_with(nn.GroupNorm(1, 3).double(), "num_groups", 0))), InputError, r"model\[1\] \(GroupNorm\): group norm: groups=0"),
    (_loss(_between(_with(nn.LayerNorm(3), "weight", nn.Parameter(torch.ones(5))))), ShapeError, r"model\[1\] \(LayerNorm\): .*\(5,\)"),
    (_loss(_between(_with(nn.Linear(3, 3), "weight", None))), UnsupportedLayerError, "has no weight of its own"),
    (_loss(_Masked()), UnsupportedLayerError, "takes 2 arguments; expected the inputs alone"),
    (_loss(_ByName()), UnsupportedLayerError, r"first is called with .* its input by name; expected first\(x\)"),
    (_loss(NET, _Unreadable()), DtypeError, r"X: a _Unreadable is no array of numbers \(no\)"),
    (
        lambda: verify.certify(_on_maps(nn.Conv2d(1, 1, 1).double()), IMAGES * X[:, :1, None, None], Y, scope="ball", data_radius=1e-6),
        UnsupportedLayerError,
        "use data_radius=0",
    ),
    (_loss(_between(QuantisedELU(1.0, 0))), UnsupportedLayerError, "before quantisation"),  # type: ignore[no-untyped-call]
    (_loss(nn.DataParallel(NET)), UnsupportedLayerError, "pass that: model.module"),
    (_loss(nn.ModuleList([nn.Linear(2, 1)])), UnsupportedLayerError, "has no forward.*use torch.nn.Sequential"),
    (_loss(_between(nn.AvgPool1d(1))), UnsupportedLayerError, r"X\[:, :, None\].*windows \(1, k\)"),
    (_loss(_between(_with(nn.LayerNorm(3).double(), "normalized_shape", 3))), UnsupportedLayerError, "make a new layer"),
    (_loss(_between(nn.Tanh()).requires_grad_(False)), UnsupportedLayerError, r"train after requires_grad_\(True\)"),
    (_loss(NET, _Frame()), DtypeError, r"X: integers beyond 2\^53"),
    (_loss(NET, [[Fraction(1, 10**5000), 0], [0, 1]]), DtypeError, "X: a Fraction that cannot be printed is no float64"),
    (_loss(NET, np.ones((2, 1, 4))), ShapeError, r"X\[:, :, None\] sequences \(n, C, L\)"),
    (lambda: verify.certify(NET, X, Y, lr=Fraction(1, 10**5000)), InputError, "lr=a Fraction that cannot be printed"),
    (lambda: verify.nn.Scale(None), InputError, "factor=None: expected a finite number"),  # type: ignore[arg-type]
    (lambda: verify.nn.NTKLinear(2, 1, weight_std=2**53 + 1), InputError, "weight_std=9007199254740993: expected a finite double"),
    (lambda: verify.nn.fully_connected([3], seed=0), InputError, r"widths=\[3\]: expected two or more"),
    (lambda: verify.nn.antisymmetric_two_layer(2, 4, seed=2**63), InputError, r"expected a whole number below 2\^63"),
    (lambda: datasets.sphere(2, 2, 1.0, seed=-1), InputError, "seed=-1: expected a whole number ≥ 0"),
    (lambda: datasets.normalise(np.array([[np.nan, 1.0]]), 1.0), NonFiniteError, "largest entry is nan"),
    (lambda: datasets.normalise(np.full((3, 2), 0.1), 1.0), InputError, "equals the mean row, up to rounding"),
    (lambda: datasets.normalise(np.ones(3), 1.0), ShapeError, r"expected numbers \(n, d\)"),
    (lambda: verify.SGD(order=np.array([1, 2])), InputError, "expected 'any', 'fixed'"),  # type: ignore[arg-type]
    (_orders(5, batch_size=2), InputError, "orders: a int; expected a list of orders"),
    (_orders([5], batch_size=2), InputError, r"orders\[0\]: a int; expected a list of samples' indices"),
    (_orders([[0, 1, 2, 10**30]], batch_size=2), InputError, r"orders\[0\]: index an integer of 100 bits; expected 0 … 3"),
    (_orders([[0, 1, 2, 3]], batches=[[0, 2], [1, 3]]), InputError, r"orders\[0\]: from place 0 .* one batch after another"),
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
    (
        lambda: list(read_iterates(read_network(_normalised("eps", 1e-5)), [_normalised("eps", 1e-3)], None)),
        InputError,
        "differs from the model in what does not train",
    ),
    (_iterates(ONES, torch.zeros(5)), ShapeError, r"iterates\[1\]: shape \(5,\)"),
    (_iterates([torch.zeros(3, 2)]), ShapeError, "in this order"),
    (_iterates(_STATE), ShapeError, r"'0.bias': \(4,\)"),
    (_iterates({f"module.{k}": v for k, v in NET.state_dict().items()}), InputError, r": take 'module.' off, \{k.removeprefix"),
    (_options("run", iterates=[ONES], iterate_steps=[10**30]), InputError, r"iterate_steps: an integer of 100 bits; .*below 10\^18"),
    (lambda: make_directory(Path("/dev/null/state")), InputError, "no directory can be made there .*; name another"),
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
    (lambda: Ball(sp.exp(sp.exp(sp.exp(10)))), DtypeError, "no finite enclosure at 256 bits; pass a Fraction"),
    (lambda: Ball([np.float64("nan"), 1]), NonFiniteError, "value=nan: expected a finite number"),
    (lambda: Ball(None), DtypeError, "of type NoneType: expected a real number"),
    (lambda: bool(va.TensorBall(ONES)), NotCertainError, "truth value of a TensorBall is ambiguous"),
    (lambda: Ball(np.ma.array([1.0, 2.0], mask=[False, True])), DtypeError, "a masked array: .*fill or drop it"),
    (lambda: Ball(1.0) + np.ma.masked, DtypeError, "a masked array"),
    (lambda: Ball(torch.zeros(2, device="meta")), DtypeError, "meta device has no values"),
    (lambda: Ball([[1, 2], [3]]), ShapeError, "expected a rectangular array"),
    (lambda: Ball([np.zeros((2, 3)), np.zeros((2, 4))]), ShapeError, "arrays of different shapes"),
    (lambda: Ball("1" * 6000), InputError, "11…: expected a decimal"),
    (lambda: Ball(2.0) ** 10**5000, InputError, r"below 2\^64 in size"),
    (lambda: Ball.hull([1.0, 2.0], [1.0, 2.0, 3.0]), ShapeError, r"hull: shapes \(2,\) and \(3,\)"),
    (lambda: Ball.from_bounds([1.0, 2.0], [1.0, 2.0, 3.0]), ShapeError, "lower and upper shapes"),
    (lambda: Ball([1.0, 2.0]).contains([1.0, 2.0, 3.0]), ShapeError, "does not broadcast to the ball's shape"),
    (lambda: va.concatenate([1.0, 2.0]), ShapeError, r"concatenate: balls of shapes \(\), \(\)"),
    (lambda: va.mirror(Ball([1.0, 2.0])), ShapeError, "mirror: expected a square matrix"),
    (lambda: va.nonnegative_norm_upper(-np.eye(2)), InputError, "expected bounds ≥ 0"),
    (lambda: Ball(Decimal("inf")), NonFiniteError, "expected a finite number"),
    (lambda: Ball(torch.eye(2).to_sparse()), DtypeError, r"call .to_dense\(\) first"),
    (lambda: Ball(sp.gamma(sp.Rational(1, 3))), DtypeError, "cannot enclose gamma"),
    (lambda: Ball(sp.exp(2000)), DtypeError, "beyond the range of doubles"),
    (lambda: va.gram([1.0, 2.0]), ShapeError, "gram: expected a matrix"),
    (lambda: va.diagonal(Ball([1.0, 2.0])), ShapeError, "diagonal: expected a matrix"),
    (lambda: va.matmul(np.ones((2, 2, 2)), np.ones((3, 2, 2))), ShapeError, "do not broadcast"),
    (lambda: va.celu(1.0, alpha=-1), InputError, "alpha=-1"),
    (lambda: va.celu(1.0, alpha=np.ones(2)), InputError, "the same for all entries"),  # type: ignore[arg-type]
    (lambda: va.norm([1.0, 2.0], axis=4), ShapeError, r"norm: axis=4 of a ball of shape \(2,\)"),
    (lambda: va.norm(np.eye(2), axis=(0, -2)), ShapeError, "repeated axis"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "error", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_refused(entry: Callable[[], Any], error: type[VerifyError], message: str) -> None:
    with pytest.raises(error, match=message) as found:
        entry()
    assert found.type is error


_SLOPED = nn.Sequential(nn.Linear(2, 3), nn.PReLU().requires_grad_(False), nn.Linear(3, 1)).double()
REMEDIES: dict[str, Callable[[], Any]] = {
    "model.module": _loss(nn.DataParallel(NET).module),
    "Scale(1 / c), Hardtanh(), Scale(c)": _loss(
        nn.Sequential(_between(verify.nn.Scale(0.5))[:2], nn.Hardtanh(), verify.nn.Scale(2.0), NET[2])
    ),
    "a Parameter of its own": _loss(
        _between(_with(nn.PReLU().double(), "weight", nn.Parameter(torch.ones(1).double()).requires_grad_(False)))
    ),
    "x = x + …": _loss(_Overwriting(lambda x: x * 2.0)),
    "windows (1, k)": _loss(_on_maps(nn.AvgPool2d((1, 1))), np.ones((2, 1, 16))[:, :, None]),
    "a DataFrame of small integers": _loss(NET, type("_Small", (_Frame,), {"__getitem__": lambda _, at: np.ones(2)})()),
    "fill": lambda: Ball(np.ma.array([1.0, 2.0], mask=[False, True]).filled(0.0)),
    "infinite radii in a list": lambda: Ball([1.0, 2.0], [np.inf, 1]),
    "a PReLU's slope in a state dict": lambda: list(read_iterates(read_network(_SLOPED), [_SLOPED.state_dict()], None)),
}


@pytest.mark.parametrize("remedy", REMEDIES.values(), ids=REMEDIES)
def test_the_remedy_works(remedy: Callable[[], Any]) -> None:
    remedy()


def test_a_slope_that_is_not_the_models_is_refused() -> None:
    state = {**_SLOPED.state_dict(), "1.weight": torch.tensor([0.5])}
    with pytest.raises(InputError, match=r"'1.weight'\]: not the model's, and it does not train"):
        list(read_iterates(read_network(_SLOPED), [state], None))


@pytest.mark.parametrize("labels", [[0, 2], [0.0, 2.0], torch.tensor([0, 2])])
def test_the_remedy_for_labels_works(labels: Any) -> None:
    """numpy.eye(3)[y] was an IndexError for labels stored as floats."""
    with pytest.raises(ShapeError, match=r"numpy.eye\(3\)\[numpy.asarray\(y, dtype=int\)\]"):
        read_data(read_network(CLASSES), X, labels)
    data = read_data(read_network(CLASSES), X, np.eye(3)[np.asarray(labels, dtype=int)])
    assert data.y.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04", None])
def test_a_damaged_state_of_a_run_is_an_input_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "run-state.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"missing or damaged .*name an empty directory"):
        load_arrays(tmp_path / "run-state.npz")


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
