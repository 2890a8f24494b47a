"""A forward that would compute something else at a later call, or for inputs that no comparison sees, is refused by what it does."""

from __future__ import annotations

import contextvars
import gc
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from verify.errors import DisagreementError, UnsupportedLayerError
from verify.networks import read_network
from verify.networks.reading.comparison import require_agreement
from verify.networks.reading.steps import recorded_steps

X = np.random.default_rng(0).standard_normal((5, 3))
LATE = 50
SEEN: dict[str, int] = {"calls": 0}
COUNT, GENERATOR = itertools.count(), np.random.default_rng(0)
MEASURES: dict[type, Callable[[Any], int]] = {torch.Tensor: len}
VALUE = contextvars.ContextVar("VALUE", default=0)


class Meta(type):
    calls = 0


class WithMeta(metaclass=Meta):
    pass


class Kept:
    calls = 0

    def late(self) -> bool:
        self.calls += 1
        return self.calls > LATE


class Net(torch.nn.Module):
    calls = 0

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.act = torch.nn.Linear(3, 4), torch.nn.Linear(4, 1), torch.nn.LeakyReLU(0.25)
        self.double()
        self.mine, self.met, self.kept = 0, list[int](), Kept()
        self.tensor, self.weight = torch.zeros(()), self.a.weight.detach()
        self.array = np.zeros(3)
        self.register_buffer("count", torch.zeros(()))

    def plain(self, x: torch.Tensor, late: bool = False) -> Any:
        h = torch.tanh(self.a(x))
        return self.b(torch.tanh(h) if late else h)

    def forward(self, x: torch.Tensor) -> Any:
        return self.plain(x, BODY(self, x))


BODY: Callable[[Any, Any], bool]


def _global(s: Any, x: Any) -> bool:
    SEEN["calls"] += 1
    return SEEN["calls"] > LATE


def _own(s: Any, x: Any) -> bool:
    s.mine += 1
    return bool(s.mine > LATE)


def _of_the_class(s: Any, x: Any) -> bool:
    Net.calls += 1
    return Net.calls > LATE


def _of_the_metaclass(s: Any, x: Any) -> bool:
    Meta.calls += 1
    return WithMeta.calls > LATE


def _on_a_parameter(s: Any, x: Any) -> bool:
    weight = s.a._parameters["weight"]
    weight.calls = getattr(weight, "calls", 0) + 1
    return bool(weight.calls > LATE)


def _on_a_class_of_torch(s: Any, x: Any) -> bool:
    kind = type(s.act)
    kind.calls = getattr(kind, "calls", 0) + 1
    return bool(kind.calls > LATE)


def _anneals(s: Any, x: Any) -> bool:
    s.act.negative_slope *= 0.5
    return False


def _in_a_tensor(s: Any, x: Any) -> bool:
    s.tensor += 1
    return bool(s.tensor > LATE)


def _keeps(s: Any, x: Any) -> bool:
    s.mine = x
    return False


def _toggles(s: Any, x: Any) -> bool:
    s.train(not s.training)
    return False


def _bound(s: Any, x: Any) -> bool:
    with torch.no_grad():
        s.weight.clamp_(-9.0, 9.0)
    return False


def _bound_in_numpy(s: Any, x: Any) -> bool:
    s.array.clip(-9.0, 9.0, out=s.array)
    return False


def _caught(s: Any, x: Any) -> bool:
    try:
        return len(x) > LATE
    except RuntimeError:
        return False


def _marks(s: Any, x: Any) -> bool:
    x.marked = True
    return False


def _clips(s: Any, x: Any) -> bool:
    if isinstance(x, torch.Tensor) and x.requires_grad:
        x.register_hook(lambda g: g.clamp(-50.0, 50.0))  # type: ignore[no-untyped-call]
    return False


CHANGES = "changes what it can read at its next call"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (_own, rf"{CHANGES} \(self\.mine\)"),
        (_global, CHANGES),
        (_of_the_class, CHANGES),
        (_anneals, rf"{CHANGES}.*negative_slope"),
        (_toggles, rf"{CHANGES}.*training"),
        (lambda s, x: s.met.append(1) or len(s.met) > LATE, rf"{CHANGES} \(self\.met"),
        (lambda s, x: s.kept.late(), rf"{CHANGES} \(self\.kept\.calls"),
        (_keeps, rf"{CHANGES} \(self\.mine\)"),
        (lambda s, x: next(COUNT) > LATE, CHANGES),
        (lambda s, x: GENERATOR.random() < 1e-9, CHANGES),
        (lambda s, x: random.random() < 1e-9, CHANGES),
        (lambda s, x: np.random.rand() < 1e-9, CHANGES),  # noqa: NPY002
        (lambda s, x: torch.rand(()) is None, rf"{CHANGES} \(torch.random\)"),
        (_of_the_metaclass, CHANGES),
        (lambda s, x: globals().update(LATER=globals().get("LATER", 0) + 1) is not None, CHANGES),
        (lambda s, x: VALUE.set(VALUE.get() + 1) is None, CHANGES),
        (lambda s, x: max(s.weight.tolist()) == [], "tensors of its own"),
        (lambda s, x: next(s.parameters()).grad is not None, "tensors of its own"),
        (lambda s, x: s.a._parameters["weight"]._version > LATE, "tensors of its own"),
        (lambda s, x: x.dtype is torch.float32, "getattr"),
        (lambda s, x: {torch.float32: True}.get(x.dtype, False), "looks a value up"),
        (lambda s, x: "cuda" in str(x.device), "prints a value"),
        (lambda s, x: f"{x.shape[0]}" == "60", "prints a value"),
        (lambda s, x: MEASURES.get(type(x), lambda _: 0)(x) > LATE, "runs other code than on a symbol"),
        (_on_a_parameter, CHANGES),
        (_on_a_class_of_torch, CHANGES),
        (_in_a_tensor, "tensors of its own"),
        (_bound, "tensors of its own"),
        (lambda s, x: s.weight.abs().max() > 9.0, "tensors of its own"),
        (_bound_in_numpy, "shares memory with a parameter"),
        (lambda s, x: s.array.max() > 9.0, "shares memory with a parameter"),
        (_marks, "sets the attribute marked"),
        (lambda s, x: isinstance(x, torch.Tensor) and len(x) > LATE, "runs other code than on a symbol"),
        (lambda s, x: torch.is_tensor(x) and len(x) > LATE, "runs other code than on a symbol"),
        (lambda s, x: type(x) is torch.Tensor and x.dtype is torch.float32, "runs other code than on a symbol"),
        (_clips, "runs other code than on a symbol"),
        (_caught, r"runs other code than on a symbol \(_caught, line \d+\)"),
    ],
)
def test_a_forward_that_may_do_something_else_later_or_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, body: Callable[[Any, Any], bool], words: str
) -> None:
    monkeypatch.setitem(globals(), "BODY", body)
    monkeypatch.setattr(torch.nn.LeakyReLU, "calls", 0, raising=False)
    model = Net()
    if "shares memory" in words:
        model.array = model.weight.numpy()
    with pytest.raises((UnsupportedLayerError, DisagreementError), match=words):
        require_agreement(model, read_network(model), X)


def test_what_changes_nothing_that_it_reads_is_read_and_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def body(s: Any, x: Any) -> bool:
        s.count += 1
        local = [s.a, s.b]
        local.append(local.pop())
        return isinstance(x, list) or len(local) > LATE

    monkeypatch.setitem(globals(), "BODY", body)
    model = Net()
    before = dict(vars(model))
    require_agreement(model, read_network(model), X)
    assert vars(model) == before
    assert torch.equal(model.get_buffer("count"), torch.zeros(()))


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.mul_(2.0),
        lambda x: torch.relu_(x),
        lambda x: torch.nn.functional.silu(x, inplace=True),
        lambda x: operator_written(x),
    ],
)
def test_a_forward_that_writes_into_its_inputs_is_refused(write: Callable[[Any], Any]) -> None:
    """Its next call would find other data."""

    class Writes(Net):
        def forward(self, x: torch.Tensor) -> Any:
            return self.plain(write(x.flatten(1)))

    with pytest.raises(UnsupportedLayerError, match="writes into the model's inputs"):
        read_network(Writes(), (3,))


def operator_written(x: Any) -> Any:
    x += 2.0 * x
    return x


def test_a_buffer_in_a_weights_memory_is_refused() -> None:
    """What a forward does to it, it does to the weight; the comparison, which copies both, cannot see it."""

    class Aliased(Net):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("alias", self.a.weight.detach())

        def forward(self, x: torch.Tensor) -> Any:
            with torch.no_grad():
                self.get_buffer("alias").clamp_(-9.0, 9.0)
            return self.plain(x)

    with pytest.raises(UnsupportedLayerError, match=r"shares memory with .*weight"):
        read_network(Aliased())


def test_a_value_kept_from_before_an_addition_in_place_is_refused() -> None:
    class Keeps(Net):
        def forward(self, x: torch.Tensor) -> Any:
            h = self.act(self.a(x))
            kept = h
            h += 0.5 * h
            return self.b(h + kept)

    with pytest.raises(UnsupportedLayerError, match="overwritten in place before"):
        read_network(Keeps())


def test_somebody_elses_finaliser_is_no_step_of_the_forward() -> None:
    """Collecting garbage runs the end of a generator wherever it happens to run."""

    def waiting() -> Iterator[None]:
        try:
            yield
        finally:
            ends.append(1)

    ends: list[int] = []
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        with recorded_steps():
            cycle: list[Any] = [waiting()]
            next(cycle[0])
            cycle.append(cycle)
            del cycle
            _ = [[i] for i in range(1000)]
            assert not ends
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)


def test_a_backward_pass_of_ones_own_is_refused() -> None:
    class Clipped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g.clamp(-50.0, 50.0)

    class Clips(Net):
        def forward(self, x: torch.Tensor) -> Any:
            return self.b(Clipped.apply(torch.tanh(self.a(x))))  # type: ignore[no-untyped-call]

    model = Clips()
    with pytest.raises(DisagreementError, match="backward pass of one's own"):
        require_agreement(model, read_network(model), X)
