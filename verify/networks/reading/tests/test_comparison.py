"""The net under all reading faults: each planted fault of reading, or of torch, is named; what is read rightly passes at any scale."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.arrays import Ball
from verify.errors import DisagreementError
from verify.networks import Network, chain, linearise, read_network
from verify.networks.activations import activation_named
from verify.networks.layers import Value
from verify.networks.reading import steps
from verify.networks.reading.comparison import require_agreement
from verify.networks.reading.modules import Leaf, leaves

ACTIVATIONS: list[Callable[[], torch.nn.Module]] = [
    torch.nn.Tanh,
    torch.nn.Sigmoid,
    torch.nn.SiLU,
    lambda: torch.nn.SiLU(inplace=True),
    torch.nn.GELU,
    lambda: torch.nn.GELU(approximate="tanh"),
    verify.nn.Sine,
    torch.nn.Softplus,
    lambda: torch.nn.Softplus(beta=3.0, threshold=25),
    torch.nn.Identity,
]
X = np.random.default_rng(0).standard_normal((5, 2))


def net(act: Callable[[], torch.nn.Module] = torch.nn.Tanh, outputs: int = 1) -> torch.nn.Sequential:
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 2),
        act(),
        torch.nn.Dropout(0.5),
        verify.nn.NTKLinear(2, 3, bias=True),
        act(),
        torch.nn.Linear(3, outputs),
    ).eval()


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e-9, 30.0, 1e5, 1e150])
def test_what_is_read_rightly_passes_at_any_scale(
    act: Callable[[], torch.nn.Module], outputs: int, scale: float
) -> None:
    model = net(act, outputs)
    for values in (X, scale * X):
        require_agreement(model, read_network(model), values)
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    require_agreement(model, read_network(model), X)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_statistics_of_a_normalisation_in_single_precision_are_compared_as_the_doubles_they_are(
    dtype: torch.dtype,
) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    model(torch.from_numpy(X).float())
    model = model.to(dtype).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    require_agreement(model, read_network(model), X)
    assert all(value.dtype == before[name].dtype for name, value in model.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_neither_the_model_nor_the_mode_of_torch_is_changed() -> None:
    model = net().train()
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        verify.ntk(model, X)
    with torch.inference_mode():
        verify.ntk(model, X)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.dtype == torch.float32 for p in model[:2].parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert model[0].training


def _transposed(network: Network) -> Network:
    first = network.chain[0]
    return chain((replace(first, weight=first.weight.T.copy()), *network.chain[1:]))


def _other_scale(network: Network) -> Network:
    return chain((network.chain[0], replace(network.chain[1], inverse_square_scale=1), network.chain[2]))


def _no_bias(network: Network) -> Network:
    return chain((*network.chain[:2], replace(network.chain[2], bias=None)))


def _other_activation(network: Network) -> Network:
    return chain((network.chain[0], replace(network.chain[1], activation=activation_named("sine")), network.chain[2]))


def _last_bit(network: Network) -> Network:
    last = network.chain[2]
    return chain((*network.chain[:2], replace(last, weight=last.weight * (1.0 + 1e-9))))


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        (_transposed, r"model\[0\] \(Linear\)"),
        (_other_scale, r"model\[3\] \(NTKLinear\)"),
        (_no_bias, r"model\[5\] \(Linear\)"),
        (_other_activation, r"model\[4\] \(Tanh\)"),
        (_last_bit, r"model\[5\] \(Linear\)"),
    ],
)
@pytest.mark.parametrize("at_hand", [False, True])
def test_a_fault_of_reading_is_named_at_the_first_module_that_disagrees(
    fault: Callable[[Network], Network], where: str, at_hand: bool
) -> None:
    model = net()
    network = fault(read_network(model))
    with pytest.raises(DisagreementError, match=where):
        require_agreement(model, network, X, linearise(network, X) if at_hand else None)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_linearisation_at_hand_is_not_made_twice(monkeypatch: pytest.MonkeyPatch, outputs: int) -> None:
    model = net(outputs=outputs)
    network = read_network(model)
    state = linearise(network, X)
    from verify.networks.reading import comparison

    def linearised(read: Network, *given: Any) -> Any:
        return linearise(read, *given) if read is not network else pytest.fail("linearised again")

    original = comparison._reading

    def passing(read: Network, leaf: Leaf, given: Any) -> Any:
        # At other parameters nothing is at hand.
        at_hand = read is network and leaf.layer is not None
        return original(read, leaf, given) if not at_hand else pytest.fail("enclosed again")

    monkeypatch.setattr(comparison, "linearise", linearised)

    monkeypatch.setattr(comparison, "_reading", passing)
    require_agreement(model, network, X, state)


def test_a_gradient_that_is_not_of_the_linearisation_at_hand_is_compared_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sensitivities at hand that are off change nothing: the gradient is then enclosed, and is right."""
    model = net()
    network = read_network(model)
    state = linearise(network, X)
    off = replace(
        state,
        sensitivities=tuple(
            g if g is None else Value(g.rows.scaled(Ball(1.0 + 1e-4)), g.shape) for g in state.sensitivities
        ),
    )
    from verify.networks.reading import comparison

    again = []

    def counted(read: Network, *given: Any) -> Any:
        again.extend([given] if read is network else [])
        return linearise(read, *given)

    monkeypatch.setattr(comparison, "linearise", counted)
    require_agreement(model, network, X, off)
    assert len(again) == 1


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_a_softplus_of_another_beta_is_seen(beta: float) -> None:
    model = net(lambda: torch.nn.Softplus(beta=beta))
    network = read_network(model)
    wrong = replace(network.chain[0], activation=activation_named("softplus", {"beta": beta * (1 + 1e-4)}))
    with pytest.raises(DisagreementError, match="Softplus"):
        require_agreement(model, chain((wrong, *network.chain[1:])), X)


def test_a_replaced_function_of_torch_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *args: 2.0 * original(*args))
    with pytest.raises(DisagreementError, match=r"model\[0\]"):
        verify.ntk(net(), X)


def test_a_backward_pass_that_is_not_the_derivative_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch.nn.functional.linear

    def detached(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> Any:
        value = original(given, weight, bias)
        return 2.0 * value - value.detach()

    monkeypatch.setattr(torch.nn.functional, "linear", detached)
    with pytest.raises(DisagreementError, match="gradient"):
        verify.loss(net(), X, np.zeros(5))


def test_a_forward_that_raises_is_a_typed_error_that_names_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no kernel")

    monkeypatch.setattr(torch.nn.functional, "linear", fails)
    with pytest.raises(DisagreementError, match=r"model\[0\] \(Linear\).*no kernel"):
        verify.certify(net(), X, np.zeros(5), scope="point")


def test_a_container_that_calls_in_another_order_is_seen() -> None:
    model = net()
    from verify.networks.reading import comparison, evaluation

    class Reversed(torch.nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            shifted: torch.Tensor = super().forward(x + 1.0)  # type: ignore[no-untyped-call]
            return shifted

    twisted = Reversed(*model)
    nodes = leaves(model)
    record, _ = evaluation.evaluate(twisted, nodes, X, np.ones((5, 1)))
    with pytest.raises(DisagreementError, match="another input"):
        comparison._compare_values(read_network(model), nodes, record, X)
    record.calls.pop(0)
    with pytest.raises(DisagreementError, match="another order"):
        comparison._compare_values(read_network(model), nodes, record, X)


@pytest.mark.parametrize("everything", [False, True])
def test_a_forward_that_cuts_the_gradient_off_is_refused_with_a_remedy(everything: bool) -> None:
    class Cut(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = torch.nn.Linear(3, 8), torch.nn.Linear(8, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                h = torch.tanh(self.first(x))
            with torch.set_grad_enabled(not everything):
                found: torch.Tensor = self.last(h)
            return found

    model, X = Cut().double(), np.random.default_rng(0).standard_normal((2, 3))
    network = read_network(model)
    with pytest.raises(DisagreementError, match=r"does not reach first\.weight, first\.bias.*requires_grad_"):
        require_agreement(model, network, X)
    model.first.requires_grad_(False)
    if not everything:
        require_agreement(model, read_network(model), X)


@pytest.mark.parametrize("zero", ["weight", "nothing"])
def test_a_part_of_the_gradient_that_is_cut_off_behind_a_layer_of_zeros_is_seen(zero: str) -> None:
    """At the start a branch without a gradient adds nothing to the gradient that is there: F is the same, and descent another from the second step on."""

    class Branch(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last, self.head = (torch.nn.Linear(*sizes) for sizes in ((3, 8), (8, 1), (8, 1)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = torch.tanh(self.first(x))
            with torch.set_grad_enabled(self.honest):
                g = 2.0 * h
            found: torch.Tensor = self.last(h) + self.head(g)
            return found

        honest = False

    torch.manual_seed(0)
    model, X = Branch().double(), np.random.default_rng(0).standard_normal((4, 3))
    if zero == "weight":
        torch.nn.init.zeros_(model.head.weight)
    network = read_network(model)
    with pytest.raises(DisagreementError, match=r"gradient of its weight .*no_grad"):
        require_agreement(model, network, X)
    model.honest = True
    require_agreement(model, network, X)


@pytest.mark.parametrize("what", ["sign", "mask", "zero", "statistics", "nothing"])
def test_a_forward_that_keeps_what_the_parameters_obey_already_is_refused(what: str) -> None:
    class Bound(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.last = torch.nn.Linear(3, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1)
            self.register_buffer("mask", (torch.rand(8, 3) > 0.5).double())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.last(torch.tanh(self.norm(self.first(x))))
            self.keep()
            return found

        def keep(self) -> None:
            first = dict(self.first.named_parameters())
            with torch.no_grad():
                if what == "sign":
                    first["weight"].data.clamp_(min=0.0)
                if what == "mask":
                    first["weight"].data.mul_(self.get_buffer("mask"))
                if what == "zero":
                    first["bias"].data.zero_()
                if what == "statistics":
                    dict(self.norm.named_buffers())["running_mean"].data.add_(0.5)

    torch.manual_seed(0)
    model, X = Bound().double().eval(), np.random.default_rng(0).standard_normal((4, 3))
    with torch.no_grad():
        model.first.weight.abs_()
    if what != "statistics":
        model.keep()
    network = read_network(model)
    if what == "nothing":
        return require_agreement(model, network, X)
    with pytest.raises(DisagreementError, match=r"its forward changes (first|norm)"):
        require_agreement(model, network, X)
    return None


def net_of_two() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()


def test_what_the_collector_calls_is_no_part_of_a_forward() -> None:
    """A callback of the garbage collector (hypothesis has one), run while the forward was followed, was "other code than on a symbol"."""
    called: list[str] = []
    gc.callbacks.append(lambda phase, info: called.append(phase))
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        assert verify.certify(net_of_two(), np.eye(2), np.ones(2), scope="point").proved
    finally:
        gc.set_threshold(*before)
        gc.callbacks.pop()
    assert called
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no signal of one's own")
def test_a_signal_s_handler_is_no_part_of_a_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profiler's timer, say: its handler counted as code of the forward where a signal fell among what is watched on numbers."""
    called: list[int] = []
    net = net_of_two()
    # Called from a file whose own code is not followed.
    there: dict[str, Any] = {"__file__": steps.__file__, "signal": signal, "call": torch.autograd.grad}
    exec("def grad(*a, **k):\n    signal.raise_signal(signal.SIGUSR1)\n    return call(*a, **k)", there)
    monkeypatch.setattr(torch.autograd, "grad", there["grad"])
    before = signal.signal(signal.SIGUSR1, lambda number, frame: called.append(number))
    try:
        assert verify.certify(net, np.eye(2), np.ones(2), scope="point").proved
        assert called
        assert signal.getsignal(signal.SIGUSR1) is not before
    finally:
        signal.signal(signal.SIGUSR1, before)
