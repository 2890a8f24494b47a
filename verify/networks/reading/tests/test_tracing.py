"""Modules with a forward of their own: a chain of known calls is read as the Sequential that computes the same, anything else refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import verify
from verify.errors import DisagreementError, UnsupportedLayerError
from verify.networks import read_network
from verify.regions.descent.iterates import read_iterate

X = np.random.default_rng(0).standard_normal((4, 2))


class Base(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc2 = torch.nn.Linear(3, 3)
        self.fc1 = torch.nn.Linear(2, 3)
        self.head = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), verify.nn.NTKLinear(2, 1))
        self.drop = torch.nn.Dropout(0.5)
        self.act = torch.nn.GELU()
        self.eval()


class Chain(Base):
    def forward(self, x: Any) -> Any:
        x = torch.flatten(x, 1)
        x = torch.tanh(self.fc1(x))
        x = self.drop(functional.gelu(self.fc2(x), approximate="tanh"))
        return self.head(x)


def as_sequential(model: Any, *acts: torch.nn.Module) -> torch.nn.Sequential:
    return torch.nn.Sequential(model.fc1, acts[0], model.fc2, acts[1], *model.head)


def test_a_forward_of_its_own_is_read_as_the_sequential_that_computes_the_same() -> None:
    model = Chain()
    network = read_network(model)
    twin = read_network(as_sequential(model, torch.nn.Tanh(), torch.nn.GELU(approximate="tanh")))
    for mine, theirs in zip(network.chain, twin.chain, strict=True):
        assert np.array_equal(mine.weight, theirs.weight)
        assert mine.activation == theirs.activation
    # In the order of the forward, not of registration.
    assert [layer.name for layer in network.chain] == ["fc1", "fc2", "head.0", "head.2"]
    y = np.zeros(4)
    assert verify.loss(model, X, y).contains(float(verify.loss(twin, X, y).mid))
    assert verify.certify(model, X, y, scope="point").verdict == verify.certify(twin, X, y, scope="point").verdict


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.view(-1, 2),
        lambda x: x.view(x.size(0), -1),
        lambda x: x.reshape(x.shape[0], x.shape[1]),
        lambda x: torch.flatten(x, 1),
    ],
)
def test_vectors_are_viewed_by_their_length_before_any_layer(view: Any) -> None:
    class Viewed(Base):
        def forward(self, x: Any) -> Any:
            return self.head(torch.tanh(self.fc2(torch.tanh(self.fc1(view(x))))))

    model = Viewed().double()
    plain = as_sequential(model, torch.nn.Tanh(), torch.nn.Tanh())
    assert np.array_equal(verify.ntk(model, X).mid, verify.ntk(plain, X).mid)


@pytest.mark.parametrize("first", [torch.nn.Tanh(), torch.nn.ReLU(), verify.nn.Scale(0.5)])
def test_what_comes_before_the_first_layer_of_weights_acts_on_the_data(first: torch.nn.Module) -> None:
    plain = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    moved = first(torch.from_numpy(X)).numpy()
    gap = verify.ntk(torch.nn.Sequential(first, *plain), X) - verify.ntk(plain, moved)
    # tanh(X) in float64 is not tanh(X): as far apart as one rounding.
    assert (np.abs(gap.mid) <= 1e-13).all()
    with pytest.raises(UnsupportedLayerError, match="Pass X"):
        read_network(torch.nn.Sequential(first, *plain))


def test_its_state_dict_is_read_by_name() -> None:
    model = Chain()
    network = read_network(model)
    theta = read_iterate(network, model.state_dict())
    assert np.array_equal(theta[:6].reshape(3, 2), model.fc1.weight.detach().numpy().astype(np.float64))


def test_user_modules_nest_in_sequentials_and_in_each_other() -> None:
    class Outer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Chain()
            self.last = torch.nn.Linear(1, 1)

        def forward(self, x: Any) -> Any:
            return self.last(self.inner(x))

    network = read_network(torch.nn.Sequential(torch.nn.Linear(2, 2), Outer().eval()))
    assert [la.name for la in network.chain] == [
        "0",
        "1.inner.fc1",
        "1.inner.fc2",
        "1.inner.head.0",
        "1.inner.head.2",
        "1.last",
    ]
    verify.ntk(torch.nn.Sequential(torch.nn.Linear(2, 2), Outer().eval()), X)


@pytest.mark.parametrize(
    ("function", "name", "parameters"),
    [
        (lambda x: x.tanh(), "tanh", {}),
        (functional.tanh, "tanh", {}),
        (lambda x: x.sigmoid(), "sigmoid", {}),
        (functional.sigmoid, "sigmoid", {}),
        (torch.sin, "sine", {}),
        (functional.silu, "silu", {}),
        (lambda x: functional.silu(x, inplace=True), "silu", {}),
        (functional.gelu, "gelu", {}),
        (lambda x: functional.gelu(x, approximate="tanh"), "gelu_tanh", {}),
        (functional.softplus, "softplus", {"beta": 1.0}),
        (lambda x: functional.softplus(x, 2), "softplus", {"beta": 2.0}),
        (lambda x: functional.softplus(x, beta=2, threshold=30), "softplus", {"beta": 2.0}),
        (lambda x: torch.tanh(functional.dropout(x, 0.5, False)), "tanh", {}),
    ],
)
def test_functions_are_read_as_the_modules_they_are(function: Any, name: str, parameters: dict[str, float]) -> None:
    class Net(Base):
        def forward(self, x: Any) -> Any:
            return self.head(self.fc2(function(self.fc1(x))))

    model = Net()
    activation = read_network(model).chain[0].activation
    assert (activation.name, dict(activation.parameters)) == (name, parameters)
    verify.ntk(model, X)


def _branches(s: Any, x: Any, joined: Any) -> Any:
    h = s.fc1(x)
    return s.head(joined(torch.tanh(h), s.fc2(h)))


@pytest.mark.parametrize(
    "forward",
    [
        lambda s, x: s.head(s.fc2(s.fc1(x))).squeeze(-1),
        lambda s, x: torch.squeeze(s.head(s.fc2(s.fc1(x))), dim=1),
        lambda s, x: s.head(s.fc2(s.fc1(x)))[:, 0],
        lambda s, x: s.head(s.fc2(s.fc1(x)))[..., -1],
        lambda s, x: s.head(s.fc2(s.fc1(x))).view(-1),
        lambda s, x: s.head(s.fc2(s.fc1(x))).reshape(x.shape[0]),
        lambda s, x: torch.flatten(s.head(s.fc2(s.fc1(x)))),
        lambda s, x: s.head(s.fc2(s.fc1(x))).ravel(),
        lambda s, x: _branches(s, x, lambda a, b: a - b),
        lambda s, x: _branches(s, x, torch.sub),
        lambda s, x: _branches(s, x, lambda a, b: a - (-b)),
        lambda s, x: _branches(s, x, lambda a, b: torch.neg(a) + b / 4),
        lambda s, x: _branches(s, x, lambda a, b: (a + b).sub_(a).div(-2.0)),
    ],
)
def test_outputs_squeezed_and_signed_sums_have_torchs_kernel(forward: Any) -> None:
    class Net(Base):
        pass

    Net.forward = forward
    model = Net()
    weights = {name: value.detach().double() for name, value in model.named_parameters()}
    jacobians = torch.func.jacrev(lambda w: torch.func.functional_call(model, w, (torch.as_tensor(X),)).reshape(-1))(
        weights
    )
    J = torch.cat([j.reshape(len(X), -1) for j in jacobians.values()], 1)
    kernel, expected = verify.ntk(model, X), (J @ J.T).numpy()
    assert (np.abs(kernel.mid - expected) <= kernel.rad + 1e-13 * np.abs(expected).max()).all()


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda s, x: s.head(s.fc2(s.fc1(x))).squeeze(), "batch of one"),
        (lambda s, x: s.head(s.fc2(s.fc1(x))).squeeze(0), "batch of one"),
        (lambda s, x: s.head(s.fc2(s.fc1(x)))[0], "getitem"),
        (lambda s, x: s.head(s.fc2(s.fc1(x)))[:, 1], "getitem"),
        (lambda s, x: 2 * s.head(s.fc2(s.fc1(x))).squeeze(-1), "takes a squeezed output"),
        (lambda s, x: (lambda o: o + o.squeeze(-1))(s.head(s.fc2(s.fc1(x)))), "takes a squeezed output"),
        (lambda s, x: s.act(s.head(s.fc2(s.fc1(x))).squeeze(-1)), "takes a squeezed output"),
        (lambda s, x: s.head(s.fc2(s.fc1(x) / 3)), "powers of two"),
        (lambda s, x: s.head(s.fc2(10**400 * s.fc1(x))), "one exact number"),
        (lambda s, x: s.head(s.fc2(s.fc1(x).view(shape=3))), "as one row are known"),
        (lambda s, x: s.head(s.fc2(4 / s.fc1(x))), "powers of two"),
        (lambda s, x: s.head(s.fc2(s.fc1(x) - 1)), "differences of two values"),
        (lambda s, x: s.head(s.fc2(torch.sub(s.fc1(x), s.act(x), alpha=2))), "differences of two values"),
        (lambda s, x: s.head(s.fc2(s.fc1(x)) + s.fc1(x)), "used twice"),
        (lambda s, x: s.head(s.fc2(s.fc1(x)) * s.act(x)), "products of values"),
        (lambda s, x: s.head(s.fc2(s.fc1(x) + 1.0)), "sums of two values"),
        (lambda s, x: s.head(s.fc2(torch.add(s.fc1(x), s.fc1(x), alpha=2))), "used twice"),
        (lambda s, x: s.head(s.fc2(s.fc1(x)) if x.sum() > 0 else x), "control flow"),
        (lambda s, x: s.head(s.fc2(s.fc1(x)) if x.shape[0] > 3 else x), "control flow"),
        (lambda s, x: s.head(s.fc2(torch.exp(s.fc1(x)))), "exp"),
        (lambda s, x: s.head(s.fc2(s.fc1(x).float())), "float"),
        (lambda s, x: s.head(s.fc2(s.fc1(x).clamp_(0))), "clamp_"),
        (lambda s, x: s.head(s.fc2(functional.linear(x, s.fc1.weight))), "uses the tensor fc1.weight itself"),
        (lambda s, x: s.head(s.fc2(functional.gelu(s.fc1(x), approximate="fast"))), "approximate"),
        (lambda s, x: s.head(s.fc2(functional.softplus(s.fc1(x), 1, 3))), "threshold"),
        (lambda s, x: s.head(s.fc2(functional.dropout(s.fc1(x)))), "training mode"),
        (lambda s, x: s.head(s.fc2(torch.flatten(s.fc1(x)))), "Flatten"),
        (lambda s, x: (s.head(s.fc2(s.fc1(x))),), "one tensor"),
        (lambda s, x: {"y": s.head(s.fc2(s.fc1(x)))}, "one tensor"),
        (lambda s, x: x, "last layer"),
        (lambda s, x: None, "last layer"),
        (lambda s, x: torch.zeros(4, 1), "itself, which is not known"),
        (lambda s, x: s.head(s.fc1(x)), "does not call the layers of fc2"),
        (lambda s, x: s.head(s.fc2(s.fc2(s.fc1(x)))), "used twice"),
        (lambda s, x: s.missing(x), "followed"),
    ],
)
def test_what_is_no_chain_of_known_calls_is_refused_by_name(forward: Any, words: str) -> None:
    class Net(Base):
        pass

    Net.forward = forward
    with pytest.raises(UnsupportedLayerError, match=words):
        read_network(Net())


class Buffered(torch.nn.Module):
    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
        self.register_buffer("calls", torch.zeros(()))


@pytest.mark.parametrize(
    "decides",
    [
        lambda s: s.calls < 1,
        lambda s: sum(p.norm() for p in s.parameters()) > 1,
        lambda s: bool(next(iter(s.buffers())) < 1),
    ],
)
def test_a_forward_that_decides_by_its_parameters_or_buffers_is_refused(decides: Any) -> None:
    class Net(Buffered):
        def forward(self, x: Any) -> Any:
            return self.b(torch.tanh(self.a(x)) if decides(self) else torch.relu(self.a(x)))

    with pytest.raises(UnsupportedLayerError, match="nor on those of parameters and buffers"):
        read_network(Net())


def test_reading_a_forward_changes_nothing_and_one_that_changes_its_weights_is_refused() -> None:
    class Counting(Buffered):
        def forward(self, x: Any) -> Any:
            self.calls += 1
            return self.b(torch.tanh(self.a(x)))

    class Bounded(Buffered):
        limit = 10.0

        def forward(self, x: Any) -> Any:
            with torch.no_grad():
                for p in self.parameters():
                    p.clamp_(-self.limit, self.limit)
            return self.b(torch.tanh(self.a(x)))

    for model in (Counting(), Bounded()):
        Bounded.limit = 0.1
        before = {name: value.clone() for name, value in model.state_dict().items()}
        read_network(model)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert verify.certify(Counting(), X, np.zeros(4), scope="point").scope == "point"
    # Of weights that obey the bound already as well.
    for Bounded.limit in (0.1, 10.0):
        with pytest.raises(DisagreementError, match=r"its forward changes a\.weight"):
            verify.certify(Bounded(), X, np.zeros(4), scope="point")


def test_a_squeezed_output_inside_another_model_is_refused() -> None:
    class Inner(Base):
        def forward(self, x: Any) -> Any:
            return self.head(self.fc2(self.fc1(x))).squeeze(-1)

    class Outer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = Inner(), Inner()

        def forward(self, x: Any) -> Any:
            return self.one(x) + self.other(x)

    with pytest.raises(UnsupportedLayerError, match="squeeze in the outermost"):
        read_network(Outer())


def test_hooks_and_replaced_calls_of_a_user_module_are_refused() -> None:
    hooked = Chain()
    hooked.register_forward_hook(lambda *_: None)
    replaced = Chain()
    replaced.forward = lambda x: x  # type: ignore[method-assign]
    hidden = Chain()
    hidden.fc1.register_forward_pre_hook(lambda *_: None)

    class Called(Chain):
        def __call__(self, *args: Any) -> Any:
            return 2.0 * super().__call__(*args)

    class Partial(Chain):
        def parameters(self, recurse: bool = True) -> Any:
            return self.fc1.parameters()

    for model in (hooked, replaced, hidden, Called(), Partial()):
        with pytest.raises(UnsupportedLayerError, match="remove them"):
            read_network(model)


def test_a_forward_that_changes_from_call_to_call_is_refused() -> None:
    class Fickle(Base):
        calls = 0

        def forward(self, x: Any) -> Any:
            self.calls += 1
            return self.head(self.fc2(torch.tanh(self.fc1(x)) if self.calls == 1 else torch.sin(self.fc1(x))))

    class Evasive(Base):
        def forward(self, x: Any) -> Any:
            try:
                return self.head(self.fc2(self.fc1(x))) if x.sum() > 1e9 else self.head(self.fc2(self.fc1(x + 1)))
            except torch.fx.proxy.TraceError:
                return self.head(self.fc2(self.fc1(x)))

    with pytest.raises(UnsupportedLayerError, match=r"changes what it can read at its next call \(self\.calls\)"):
        read_network(Fickle())
    # What a branch looks at is a call like any other, whoever catches the tracer's error.
    with pytest.raises(UnsupportedLayerError, match="sum"):
        read_network(Evasive())
