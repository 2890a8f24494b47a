"""What is no layer is refused by its constructor: altered certificates meet that alone, modules the reader's own checks before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import verify
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError, VerifyError
from verify.networks import Problem, read_data, read_network
from verify.networks.activations import IDENTITY, activation_named
from verify.networks.layers import Activated, AveragePool, BatchNorm, Convolution, Flatten, GroupNorm, Linear, MaxPool
from verify.networks.parameters import with_parameters

ONE, TWO, INTEGERS = np.ones(1), np.ones(2), np.ones(2, dtype=np.int64)
NETWORK = read_network(torch.nn.Linear(2, 1).double())
DATA = read_data(NETWORK, np.eye(2), TWO)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Activated(IDENTITY), InputError, "the identity computes nothing; leave it out"),
        (lambda: Activated(activation_named("tanh")).shape((2,), (2,)), ShapeError, "2 inputs; expected one"),
        (
            lambda: Convolution(np.ones((2, 2)), None),
            ShapeError,
            r"weight \(2, 2\) and bias None; expected \(C', c, kh, kw\)",
        ),
        (lambda: Convolution(np.ones((3, 1, 1, 1)), None, groups=2), ShapeError, "groups=2; expected a divisor"),
        (
            lambda: Convolution(np.ones((3, 1, 1, 1)), None, 0),
            InputError,
            "inverse_square_scale=0, expected an integer",
        ),
        (
            lambda: Linear(np.ones((2, 2)), None, 1, weight_scale=-1.0),
            InputError,
            "weight_scale=-1.0, expected a finite",
        ),
        (lambda: Linear(INTEGERS[:, None], None, 1), DtypeError, "int64, expected a plain float64 array"),
        (lambda: BatchNorm(INTEGERS, TWO, 1e-5, None, None), DtypeError, "mean is no plain float64 array"),
        (lambda: BatchNorm(TWO * np.nan, TWO, 1e-5, None, None), NonFiniteError, "mean has NaN"),
        (lambda: BatchNorm(ONE, TWO, 1e-5, None, None), ShapeError, r"expected \(C,\) for all"),
        (lambda: BatchNorm(TWO, TWO, 1e-5, None, None).shape((3,)), ShapeError, "expected 2 channels"),
        (lambda: GroupNorm(0, 1e-5, True), InputError, "groups=0, centred=True; expected an integer"),
        (lambda: AveragePool((2, 2), (2, 2), (0, 0), 1), InputError, "count_include_pad=1; expected a bool"),  # type: ignore[arg-type]
        (lambda: AveragePool((2, 2), (2, 2)).shape((2,)), ShapeError, r"shape \(2,\); expected one map"),
        (lambda: MaxPool((2, 2), (2, 2)).shape((2,), (2,)), ShapeError, "expected one map"),
        (lambda: Flatten((-1,)).shape((2,), (3,)), ShapeError, "flatten: 2 inputs; expected one"),
        (lambda: with_parameters(NETWORK, TWO), ShapeError, r"shape \(2,\); expected \(3,\), the network's"),
        (lambda: with_parameters(NETWORK, np.full(3, np.nan)), NonFiniteError, "use a smaller step, or lr=None"),
        (lambda: Problem(NETWORK, DATA, "sum", 0.1), InputError, "lr=0.1: expected a positive Fraction or None"),  # type: ignore[arg-type]
        (lambda: Problem(NETWORK, DATA, "sum", None, verify.SGD()), InputError, "not bound to 2 samples"),
    ],
)
def test_what_is_no_layer_is_refused(make: Callable[[], object], error: type[VerifyError], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
