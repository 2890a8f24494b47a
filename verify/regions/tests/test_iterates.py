"""Iterates handed in: read by name, in memory of their own, and compared with the descent that the certificate states."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.arguments import exact_count, exact_step
from verify.errors import InputError, NonFiniteError, VerifyError
from verify.networks import Pair, chain, read_network
from verify.networks.activations import IDENTITY
from verify.networks.parameters import flatten
from verify.regions.descent.iterates import read_iterate


def deep() -> torch.nn.Sequential:
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = [verify.nn.NTKLinear(2, 2)]
    for _ in range(5):
        layers += [torch.nn.Tanh(), verify.nn.NTKLinear(2, 2)]
    return torch.nn.Sequential(*layers)


def test_a_state_dict_is_read_by_name_whatever_its_order() -> None:
    """Sorted as text, 10.weight comes before 2.weight: by position two layers of one shape were swapped."""
    model = deep()
    network = read_network(model)
    state = model.state_dict()
    for names in (sorted(state), sorted(state, reverse=True), list(state)):
        assert np.array_equal(read_iterate(network, {name: state[name] for name in names}), flatten(network))


def test_nested_and_bare_modules_name_their_parameters_as_torch_does() -> None:
    nested = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh()), torch.nn.Linear(3, 1))
    for model in (nested, torch.nn.Linear(2, 1)):
        network = read_network(model)
        assert np.array_equal(read_iterate(network, dict(model.state_dict())), flatten(network))
        assert np.array_equal(read_iterate(network, dict(model.named_parameters())), flatten(network))


def _without(state: dict[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in state.items() if name != "0.weight"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without, "missing names"),
        (lambda s: s | {"12.weight": s["0.weight"]}, "unknown names"),
        (lambda s: {f"module.{name}": value for name, value in s.items()}, "unknown names"),
        (lambda s: _without(s) | {0: s["0.weight"]}, "missing names"),
        (lambda s: {}, "missing names"),
        (lambda s: s | {"0.weight": s["0.weight"].ravel()}, "shapes"),
        (lambda s: s | {"0.weight": s["0.weight"].to("meta")}, "meta"),
    ],
)
def test_missing_unknown_and_misshapen_names_are_refused(
    change: Callable[[dict[Any, Any]], dict[Any, Any]], words: str
) -> None:
    model = deep()
    with pytest.raises(VerifyError, match=words):
        read_iterate(read_network(model), change(dict(model.state_dict())))


class _Backwards(torch.nn.Module):
    """Lists its layers from the last to the first, two of them of one shape; `forwards` lists them as it calls them."""

    def __init__(self, *, forwards: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = {"head": (4, 1), "two": (4, 4), "one": (4, 4), "first": (2, 4)}
        for name in reversed(sizes) if forwards else sizes:
            setattr(self, name, torch.nn.Linear(*sizes[name]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layers = [getattr(self, name) for name in ("first", "one", "two", "head")]
        for layer in layers[:-1]:
            x = torch.tanh(layer(x))
        found: torch.Tensor = layers[-1](x)
        return found


def test_numbers_without_names_are_refused_where_the_model_lists_its_layers_in_another_order() -> None:
    """parameters() goes by registration, θ by the calls: a flat vector of one was read as one of the other, and a ball proved about another centre."""
    model, X = _Backwards().double(), np.random.default_rng(0).standard_normal((2, 2))
    network, flat = read_network(model), torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    named: list[Any] = [model, dict(model.state_dict()), dict(model.named_parameters())]
    for value in named:
        assert np.array_equal(read_iterate(network, value), flatten(network))
    for value in (flat, flat.numpy(), flat.tolist(), [p.detach() for p in model.parameters()]):
        with pytest.raises(InputError, match="another order than its forward calls them"):
            read_iterate(network, value)
        moved = verify.networks.parameters.with_parameters(network, flatten(network))
        with pytest.raises(InputError, match="another order"):
            read_iterate(moved, value)
    with pytest.raises(InputError, match=r"centre: .* another order"):
        verify.certify(model, X, np.zeros(2), scope="ball", centre=flat)
    with pytest.raises(InputError, match="another order"):
        verify.certify(model, X, np.zeros(2), scope="run", iterates=[flat], lr=0.1)
    straight = _Backwards(forwards=True).double()
    flat = torch.nn.utils.parameters_to_vector(straight.parameters()).detach()
    assert np.array_equal(read_iterate(read_network(straight), flat), flat.numpy())


def test_what_a_state_dict_holds_beside_the_parameters_must_be_the_models() -> None:
    """Statistics of a normalisation and frozen weights: with others it would be another function of the parameters."""
    torch.manual_seed(0)
    layers = torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Tanh(), torch.nn.Linear(3, 1)
    model = torch.nn.Sequential(*layers).double()
    model(torch.randn(5, 2).double())
    model[3].weight.requires_grad_(False)
    network, state = read_network(model.eval()), dict(model.state_dict())
    assert {"1.running_mean", "1.num_batches_tracked", "3.weight"} < set(state)
    assert np.array_equal(read_iterate(network, state), flatten(network))
    for name in ("1.running_mean", "1.running_var", "3.weight"):
        with pytest.raises(InputError, match="does not train"):
            read_iterate(network, state | {name: state[name] + 1e-9})
    with pytest.raises(InputError, match="unknown names"):
        read_iterate(network, state | {"3.running_mean": state["1.running_mean"]})


def test_a_state_dict_needs_a_network_that_was_read_from_a_module() -> None:
    network = chain((Pair(np.ones((1, 2)), None, 1, IDENTITY),))
    with pytest.raises(InputError, match="no names"):
        read_iterate(network, {"0.weight": np.ones((1, 2))})
    assert read_iterate(network, [np.ones((1, 2))]).tolist() == [1.0, 1.0]


def test_iterates_that_share_any_byte_are_refused() -> None:
    """Only the first parameter's start was compared."""
    model = deep()
    first, second = copy.deepcopy(model.state_dict()), copy.deepcopy(model.state_dict())
    second["10.weight"] = first["10.weight"]
    flat = np.zeros(40)
    # A transposed view counts as the same memory, columns of one array do not overlap.
    columns = np.zeros((24, 3))
    for aliased in ([first, second], [flat[:24], flat[8:32]], [torch.zeros(24)] * 2, [columns[:, 0], columns[:, 0]]):
        with pytest.raises(InputError, match="share memory"):
            verify.certify(model, np.eye(2), np.zeros((2, 2)), scope="run", lr=0.1, iterates=aliased)
    for separate in (list(columns.T), list(torch.zeros(24, 3).unbind(1)), list(torch.zeros(3, 24))):
        cert = verify.certify(model, np.eye(2), np.zeros((2, 2)), scope="run", lr=0.1, iterates=separate)
        assert len(cert.witness["checkpoints"]) == 1 or cert.verdict == "INCONCLUSIVE"


def loop(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], lr: float, dtype: torch.dtype, momentum: float = 0.0
) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor, list[dict[str, torch.Tensor]]]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).to(dtype)
    X, y = torch.randn(4, 3, dtype=dtype), torch.randn(4, 2, dtype=dtype)
    start = copy.deepcopy(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    states = []
    for _ in range(6):
        states.append(copy.deepcopy(model.state_dict()))
        optimiser.zero_grad()
        loss(model(X), y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return start, X, y, states


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_steps_of_the_stated_descent_are_recognised(dtype: torch.dtype) -> None:
    model, X, y, states = loop(torch.nn.MSELoss(), 0.1, dtype)
    cert = verify.certify(model, X, y, scope="run", loss="mse", lr=0.1, iterates=states)
    assert "each of the 5 neighbouring pairs compared is one step of this descent" in cert.reason
    assert "MSELoss" in cert.reason


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("stated", "ratio"), [("sum", "0.25"), ("mean", "1 times"), ("mse_sum", "0.125")])
def test_steps_of_another_loss_are_named_as_such(dtype: torch.dtype, stated: Any, ratio: str) -> None:
    """A loop with MSELoss() and its lr was taken for descent on half the sum: here a quarter of that step."""
    model, X, y, states = loop(torch.nn.MSELoss(), 0.1, dtype)
    cert = verify.certify(model, X, y, scope="run", loss=stated, lr=0.1, iterates=states)
    if stated == "mean":
        # With k = 2 outputs, 1/n and 2/(nk) are one number.
        assert "is one step of this descent" in cert.reason
    else:
        assert "these iterates are not consecutive steps of this descent" in cert.reason
        assert f"is {ratio} times the stated one" in cert.reason
        assert "nothing is claimed of how they arose" in cert.reason


def test_another_step_and_momentum_are_named_as_such() -> None:
    model, X, y, states = loop(torch.nn.MSELoss(), 0.1, torch.float64)
    cert = verify.certify(model, X, y, scope="run", loss="mse", lr=0.2, iterates=states)
    assert "0.5 times the stated one" in cert.reason
    model, X, y, states = loop(torch.nn.MSELoss(), 0.1, torch.float64, momentum=0.9)
    cert = verify.certify(model, X, y, scope="run", loss="mse", lr=0.1, iterates=states)
    assert "from step 1 to 2" in cert.reason
    assert "4 of 5 pairs" in cert.reason


def test_iterates_far_apart_are_not_said_to_be_steps() -> None:
    model, X, y, states = loop(torch.nn.MSELoss(), 0.1, torch.float64)
    cert = verify.certify(model, X, y, scope="run", loss="mse", lr=0.1, iterates=states[::2], iterate_steps=[0, 2, 4])
    assert "no two of them are neighbours" in cert.reason


@pytest.mark.parametrize("first", [1.0, 1e200])
def test_iterates_that_overflow_are_looked_at_and_not_said_to_be_steps(first: float) -> None:
    """The end of a loop that diverged: NonFiniteError, or "each of the 1 neighbouring pairs compared is one step apart"."""
    model, X, y, states = loop(torch.nn.MSELoss(), 0.1, torch.float64)
    scaled = [{name: factor * value for name, value in states[0].items()} for factor in (first, 1e200)]
    cert = verify.certify(model, X, y, scope="run", loss="mse", lr=0.1, iterates=scaled)
    assert cert.verdict == "INCONCLUSIVE"
    assert "overflows float64" in cert.reason
    assert "is one step of this descent" not in cert.reason


@pytest.mark.parametrize("value", [2.5, "3", -1, True, None, np.float64(2.0), [1], float("nan")])
def test_a_count_that_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="whole number"):
        exact_count(value, "steps")


@pytest.mark.parametrize("value", [3, np.int32(3), torch.tensor(3)])
def test_a_whole_number_of_any_library_is_a_count(value: Any) -> None:
    assert exact_count(value, "steps") == 3


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 2.5},
        {"steps": True},
        {"checkpoints": [2.7]},
        {"checkpoints": 3},
        {"checkpoints": "12"},
        {"iterates": [], "iterate_steps": [0.5]},
        {"iterates": 3},
        {"save_seconds": "soon"},
        {"save_seconds": -1},
    ],
)
@pytest.mark.parametrize("scope", ["run", "exact"])
def test_options_of_the_wrong_kind_are_refused(options: dict[str, Any], scope: Any) -> None:
    with pytest.raises(InputError):
        verify.certify(torch.nn.Linear(1, 1), [[1.0]], [1.0], scope=scope, lr=0.1, **options)


@pytest.mark.parametrize(
    "lr", [True, np.True_, "1e99999999999", "1" * 2000, object(), [0.1], 1j, "one", np.array([0.1])]
)
def test_a_step_that_is_no_number_is_refused(lr: Any) -> None:
    if isinstance(lr, np.ndarray):
        assert exact_step(lr) == Fraction(0.1)  # type: ignore[arg-type]
    else:
        with pytest.raises(InputError):
            exact_step(lr)


def test_a_step_of_any_library_is_exact() -> None:
    assert exact_step(np.int64(2**53 + 1)) == 2**53 + 1  # type: ignore[arg-type]
    assert exact_step(torch.tensor(0.1, dtype=torch.float32)) == Fraction(float(np.float32(0.1)))  # type: ignore[arg-type]
    assert exact_step(" 1/3 ") == Fraction(1, 3)
    assert exact_step("1e-3") == Fraction(1, 1000)
    with pytest.raises(NonFiniteError):
        exact_step(np.float32("inf"))  # type: ignore[arg-type]
