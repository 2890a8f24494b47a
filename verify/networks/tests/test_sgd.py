"""Which stochastic descents are accepted, and that the others are refused with their reason."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

import verify
from verify.errors import InputError, NonFiniteError
from verify.networks.sgd import SGD, batch_scales


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2.5}, "whole number"),
        ({"batch_size": True}, "whole number"),
        ({"order": "shuffled"}, "expected 'any'"),
        ({"momentum": 1}, "in \\[0, 1\\)"),
        ({"momentum": -0.1}, "in \\[0, 1\\)"),
        ({"momentum": "much"}, "momentum"),
        ({"nesterov": True}, "momentum > 0"),
        ({"nesterov": 1, "momentum": 0.9}, "True or False"),
        ({"drop_last": None}, "True or False"),
        ({"weight_decay": 1e-4}, "no exact fit is a fixed point"),
        ({"momentum": 0.9, "dampening": 0.1}, "first step takes the whole gradient"),
        ({"momentum": 0.9, "order": "with_replacement"}, "momentum with mini-batches"),
        ({"lr": 0}, "step > 0"),
    ],
)
def test_what_makes_no_sense_or_is_not_proved_is_refused_with_the_reason(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SGD(**given)


def test_a_step_that_is_not_finite_is_refused() -> None:
    with pytest.raises(NonFiniteError):
        SGD(lr=float("nan"))


@pytest.mark.parametrize(
    ("descent", "words"),
    [
        (SGD(batch_size=11), "there are 10 samples"),
        (SGD(batch_size=4, drop_last=True), "leaves 2 of 10 samples out"),
        (SGD(batch_size=4, order="fixed", drop_last=True), "leaves 2 of 10 samples out"),
        (SGD(batch_size=4, order="with_replacement"), "drop_last=True"),
        (SGD(batch_size=5, momentum=0.5), "momentum with mini-batches"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(descent: SGD, words: str) -> None:
    with pytest.raises(InputError, match=words):
        descent.on(10)


def test_full_batches_in_any_order_are_gradient_descent() -> None:
    assert SGD().on(7) is None
    assert SGD(batch_size=7, order="fixed", drop_last=True).on(7) is None
    drawn = SGD(batch_size=7, order="with_replacement").on(7)
    assert drawn is not None
    assert drawn.claim == "minibatch_with_replacement"
    heavy = SGD(momentum="9/10").on(7)
    assert heavy is not None
    assert (heavy.beta, heavy.batch_size, heavy.claim) == (Fraction(9, 10), 7, "momentum_descent")
    assert SGD(momentum=0.9).beta == Fraction(0.9) != Fraction(9, 10)


def test_the_last_batch_is_smaller_and_has_its_own_scale_as_in_torch() -> None:
    descent = SGD(batch_size=4).on(10)
    assert descent is not None
    assert descent.sizes(10) == [4, 4, 2]
    assert SGD(batch_size=4, order="with_replacement", drop_last=True).sizes(10) == [4, 4]
    X, y = torch.ones(10, 1, dtype=torch.float64), torch.zeros(10, 1, dtype=torch.float64)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=4, shuffle=True)
    # d/dF of MSELoss over the batch at F − y = 1 is s_b for each entry.
    for (inputs, targets), scale in zip(loader, batch_scales("mse", [4, 4, 2], 1), strict=True):
        outputs = inputs.clone().requires_grad_()
        torch.nn.MSELoss()(outputs, targets).backward()
        assert outputs.grad is not None
        assert set(outputs.grad.ravel().tolist()) == {float(scale)}
    assert batch_scales("sum", [4, 2], 3) == [1, 1]
    assert batch_scales("mean", [4, 2], 3) == [Fraction(1, 4), Fraction(1, 2)]


def _problem() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    return net, torch.randn(4, 2).double(), torch.randn(4, 1).double()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scope": "exact"}, "full-batch"),
        ({"scope": "point"}, "full-batch"),
        ({"radius": 0.5}, "full-batch"),
        ({"lr": 0.1, "descent": SGD(batch_size=2, lr=0.2)}, "two steps"),
        ({"descent": "sgd"}, "expected verify.SGD"),
        ({"descent": torch.optim.Adam([torch.zeros(1, requires_grad=True)])}, "adaptive"),
        ({"scope": "run", "orders": [[0, 1]]}, "iterates"),
    ],
)
def test_certify_refuses_what_it_has_no_theorem_for(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        verify.certify(*_problem(), **{"descent": SGD(batch_size=2), **options})
