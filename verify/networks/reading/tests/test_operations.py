"""A forward that tells numbers from a symbol without an instruction of its own runs other operations of torch's, and is refused."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.errors import DisagreementError
from verify.networks import read_network
from verify.networks.reading.comparison import require_agreement

X = np.random.default_rng(0).standard_normal((5, 3))
# Of numbers up to 50 the ReLU, as far as a comparison sees.
CAPPED = functools.partial(torch.clamp, min=0.0, max=50.0)
BY_TYPE: dict[type, Any] = {torch.Tensor: CAPPED}
COUNTS: dict[type, Any] = {torch.Tensor: itertools.count().__next__}
SIZES = {n: torch.tanh if n == 70 else torch.relu for n in range(100)}
BY_SIZE: dict[type, Any] = {int: SIZES.__getitem__}
BY_CALL: dict[Any, Any] = {}
by_type = functools.singledispatch(torch.relu)
by_type.register(torch.Tensor, CAPPED)


class Asked(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return BY_CALL.get(func, func)(*args, **(kwargs or {}))


class Net(torch.nn.Module):
    def __init__(self, body: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.body = torch.nn.Linear(3, 4), torch.nn.Linear(4, 1), [body]
        self.double()

    def forward(self, x: torch.Tensor) -> Any:
        return self.b(self.body[0](self, x))


def _hooked(s: Any, x: Any) -> Any:
    # The backward of large numbers is another one.
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, functools.partial(torch.clamp, max=50.0)):
        return torch.relu(s.a(x))


def _moded(s: Any, x: Any) -> Any:
    with Asked():
        return torch.relu(s.a(x))


def _sized(s: Any, x: Any) -> Any:
    h = s.a(x)
    return BY_SIZE.get(type(x.shape[0]), functools.partial(getattr, torch, "relu"))(x.shape[0])(h)


def _counted(s: Any, x: Any) -> Any:
    COUNTS.get(type(x), int)()
    return torch.relu(s.a(x))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            lambda s, x: BY_TYPE.get(type(x), torch.relu)(s.a(x)),
            r"its forward of 5 samples torch runs aten\.clamp\.default .*aten\.relu",
        ),
        (lambda s, x: by_type(s.a(x)), r"its forward of 5 samples torch runs aten\.clamp\.default .*aten\.relu"),
        (_moded, "its forward of 5 samples torch runs"),
        (_hooked, "saved_tensors_hooks: .* take the hooks out"),
        (_counted, r"changes what it can read at its next call \(.*COUNTS"),
    ],
)
def test_what_only_torch_does_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch, body: Callable[[Any, Any], Any], words: str
) -> None:
    # What a mode makes of a layer's own function.
    scripted = torch.jit.script(_capped_linear) if body is _moded else None
    monkeypatch.setitem(BY_CALL, torch.nn.functional.linear, scripted or torch.nn.functional.linear)
    model = Net(body)
    with pytest.raises(DisagreementError, match=words):
        require_agreement(model, read_network(model), X)


def test_a_batch_of_another_size_is_looked_at_without_its_numbers() -> None:
    """Of many samples a few are compared, of a descent in batches none of a batch's size: a table by the number of samples was met by neither."""
    model, words = Net(_sized), r"forward of 70 samples torch runs aten\.tanh\.default where .* aten\.relu\.default"
    with pytest.raises(DisagreementError, match=words):
        require_agreement(model, read_network(model), np.tile(X, (14, 1)))
    with pytest.raises(DisagreementError, match=words):
        verify.certify(model, np.tile(X, (16, 1)), np.zeros(80), descent=verify.SGD(batch_size=70))
    require_agreement(model, read_network(model), np.tile(X, (16, 1)))


def _capped_linear(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.addmm(b, x.clamp(max=50.0), w.t())
