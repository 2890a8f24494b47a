"""Whatever makes a module compute, or train, something else than its weights say is refused; what is read keeps its name."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.errors import UnsupportedLayerError
from verify.networks import read_network
from verify.networks.reading import symbols


def linear(i: int, o: int, bias: bool = True) -> torch.nn.Linear:
    return torch.nn.Linear(i, o, bias=bias, dtype=torch.float64)


def net(module: torch.nn.Module) -> Any:
    return torch.nn.Sequential(linear(2, 2), module, linear(2, 1))


@pytest.mark.parametrize("form", ["Tanh", "fast", "", "NONE", 3, None, True, ["tanh"]])
def test_a_gelu_of_unknown_form_is_refused(form: object) -> None:
    """torch's own forward raises for each; certified as the exact GELU before."""
    with pytest.raises(UnsupportedLayerError, match="approximate"):
        read_network(net(torch.nn.GELU(approximate=form)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "beta", [Fraction(1, 3), Fraction(1, 2), 2**53 + 1, 10**400, "one", [1.0], None, True, 0, -1.0, float("nan"), 1j]
)
def test_a_softplus_beta_that_is_no_positive_double_is_refused(beta: object) -> None:
    with pytest.raises(UnsupportedLayerError, match="beta"):
        read_network(net(torch.nn.Softplus(beta=beta)))  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [19.9, float("nan"), "20", None, 10**400, True])
def test_a_softplus_threshold_below_twenty_or_no_number_is_refused(threshold: object) -> None:
    with pytest.raises(UnsupportedLayerError, match="threshold"):
        read_network(net(torch.nn.Softplus(threshold=threshold)))  # type: ignore[arg-type]


@pytest.mark.parametrize("beta", [2, 0.5, np.float32(0.1), np.int64(3)])
def test_a_softplus_beta_that_a_double_holds_is_read_exactly(beta: float) -> None:
    layer = read_network(net(torch.nn.Softplus(beta=beta))).chain[0]
    assert dict(layer.activation.parameters)["beta"] == float(beta)


def test_an_empty_place_is_refused() -> None:
    model = net(torch.nn.Tanh())
    model._modules["1"] = None
    with pytest.raises(UnsupportedLayerError, match=r"model\[1\]: None"):
        read_network(model)


def test_a_sequential_that_contains_itself_is_refused() -> None:
    model = net(torch.nn.Tanh())
    model.append(model)
    with pytest.raises(UnsupportedLayerError, match="contains itself"):
        read_network(model)


def test_parameters_of_the_sequential_itself_are_refused() -> None:
    model = net(torch.nn.Tanh())
    model.register_parameter("gain", torch.nn.Parameter(torch.ones(1)))
    with pytest.raises(UnsupportedLayerError, match="gain"):
        read_network(model)


def _views_at_an_offset() -> Any:
    buffer = np.random.default_rng(0).standard_normal(7)
    model: Any = torch.nn.Sequential(linear(2, 2, False), torch.nn.Tanh(), linear(2, 2, False))
    for layer, start in ((model[0], 0), (model[2], 3)):
        layer.weight = torch.nn.Parameter(torch.from_numpy(buffer[start : start + 4].reshape(2, 2)))
    return model


def _buffer_on_a_weight() -> Any:
    model = net(torch.nn.Tanh())
    model[1].register_buffer("kept", model[0].weight.data[:1])
    return model


@pytest.mark.parametrize("build", [_views_at_an_offset, _buffer_on_a_weight])
def test_overlapping_ranges_of_memory_are_refused(build: Callable[[], torch.nn.Sequential]) -> None:
    with pytest.raises(UnsupportedLayerError, match="shares memory"):
        read_network(build())


def test_disjoint_views_of_one_buffer_are_parameters_like_any_other() -> None:
    model = net(torch.nn.Tanh())
    flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    torch.nn.utils.vector_to_parameters(flat, model.parameters())
    assert model[0].weight.untyped_storage().data_ptr() == model[2].weight.untyped_storage().data_ptr()
    assert len(read_network(model).chain) == 2


def _computed() -> Any:
    model: Any = torch.nn.Sequential(linear(2, 2, False), torch.nn.Tanh(), linear(2, 2, False))
    model[2]._parameters["weight"] = 2.0 * model[0].weight
    return model


def _plain_tensor() -> Any:
    model = net(torch.nn.Tanh())
    model[0]._parameters["weight"] = torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    return model


def _on_meta() -> Any:
    return net(torch.nn.Tanh()).to("meta")


def _gradient_hook() -> Any:
    model = net(torch.nn.Tanh())
    model[0].weight.register_hook(lambda g: 2.0 * g)
    return model


def _accumulation_hook() -> Any:
    model = net(torch.nn.Tanh())
    model[0].bias.register_post_accumulate_grad_hook(lambda p: None)
    return model


def _backward_hook() -> Any:
    model = net(torch.nn.Tanh())
    model[1].register_full_backward_hook(lambda m, i, o: (2.0 * i[0],))
    return model


def _backward_pre_hook() -> Any:
    model = net(torch.nn.Tanh())
    model.register_full_backward_pre_hook(lambda m, o: (2.0 * o[0],))
    return model


def _replaced_call() -> Any:
    model = net(torch.nn.Tanh())
    model[1].__dict__["_call_impl"] = lambda x: 2.0 * x
    return model


def _compiled_call() -> Any:
    model = net(torch.nn.Tanh())
    model[1]._compiled_call_impl = lambda x: 2.0 * x
    return model


def _bias_first() -> Any:
    model = net(torch.nn.Tanh())
    weight = model[0].weight
    del model[0].weight
    model[0].weight = weight
    return model


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (_computed, "computed from other tensors"),
        (_plain_tensor, "optimiser"),
        (_on_meta, "meta"),
        (_gradient_hook, "hook"),
        (_accumulation_hook, "hook"),
        (_backward_hook, "backward_hooks"),
        (_backward_pre_hook, "backward_pre_hooks"),
        (_replaced_call, "_call_impl"),
        (_compiled_call, "compile"),
        (_bias_first, "bias before its weight"),
    ],
)
def test_what_changes_the_function_or_the_descent_is_refused(
    build: Callable[[], torch.nn.Sequential], words: str
) -> None:
    with pytest.raises(UnsupportedLayerError, match=words):
        read_network(build())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (torch.nn.Linear, "forward"),
        (torch.nn.Tanh, "forward"),
        (torch.nn.Sequential, "forward"),
        (verify.nn.NTKLinear, "forward"),
        (torch.nn.Tanh, "__call__"),
        (torch.nn.Module, "_call_impl"),
        (torch.nn.Module, "__call__"),
    ],
)
def test_a_method_replaced_at_the_class_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: type[torch.nn.Module], name: str
) -> None:
    import functools

    original = getattr(kind, name)

    @functools.wraps(original)
    def doubled(self: torch.nn.Module, *args: object) -> object:
        return 2.0 * original(self, *args)

    model = torch.nn.Sequential(verify.nn.NTKLinear(2, 2), torch.nn.Tanh(), linear(2, 1))
    monkeypatch.setattr(kind, name, doubled)
    with pytest.raises(UnsupportedLayerError, match=name):
        read_network(model)


@pytest.mark.parametrize(
    "register",
    [
        torch.nn.modules.module.register_module_forward_hook,
        torch.nn.modules.module.register_module_forward_pre_hook,
        torch.nn.modules.module.register_module_full_backward_hook,
        torch.nn.modules.module.register_module_full_backward_pre_hook,
    ],
)
def test_every_kind_of_global_hook_is_refused(register: Callable[..., torch.utils.hooks.RemovableHandle]) -> None:
    handle = register(lambda *_: None)
    try:
        with pytest.raises(UnsupportedLayerError, match="global"):
            read_network(net(torch.nn.Tanh()))
    finally:
        handle.remove()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.ELU(0.5), "jumps at 0"),
        (torch.nn.CELU(0.0), "alpha"),
        (torch.nn.Hardtanh(-1.0, 2.0), "from -1 to 1"),
        (torch.nn.SELU(), "kink"),
        # It jumps itself, not its gradient alone: nothing may be said of the gradient's jump.
        (torch.nn.Hardshrink(), "not twice differentiable, and"),
        (torch.nn.LazyLinear(2), r"model\(X\)"),
        (torch.nn.BatchNorm1d(2), "model.eval"),
        (torch.nn.BatchNorm1d(2, track_running_stats=False).eval(), "without running statistics"),
        (torch.nn.BatchNorm3d(2).eval(), "BatchNorm2d on maps"),
        (torch.nn.MaxPool1d(2), "layer for maps"),
        (torch.nn.PReLU(), "does not train"),
    ],
)
def test_the_reason_of_a_refusal_is_true(module: torch.nn.Module, words: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=words):
        read_network(net(module))


def test_each_layer_keeps_the_name_that_its_state_dict_uses() -> None:
    model = torch.nn.Sequential()
    model.add_module("body", torch.nn.Sequential(linear(2, 3), torch.nn.Tanh()))
    model.add_module("head", linear(3, 1))
    assert [layer.name for layer in read_network(model).chain] == ["body.0", "head"]
    assert [layer.name for layer in read_network(linear(2, 1)).chain] == [""]


class _Own(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = linear(2, 3), linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.last(torch.tanh(self.first(x)))
        return y


class _Drawing(_Own):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        random.random()
        return super().forward(x)


def test_random_numbers_that_another_thread_draws_are_not_the_forwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's threads draw now and then: a row of `make reproduce` was refused for it."""
    traced, runs = symbols._traced, iter(range(100))

    def drawn(module: torch.nn.Module) -> Any:
        if next(runs) in (1, 2):
            random.random()
            np.random.random()  # noqa: NPY002
        return traced(module)

    monkeypatch.setattr(symbols, "_traced", drawn)
    assert read_network(_Own()).parameters == 13
    assert next(runs) == 4
    with pytest.raises(UnsupportedLayerError, match="random"):
        read_network(_Drawing())
