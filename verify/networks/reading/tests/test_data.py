"""Arrays, tensors and lists are read without rounding, or refused with a typed error."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

import verify
from verify.errors import DtypeError, ShapeError, VerifyError
from verify.networks.reading.data import exact_array

LARGE = 2**53 + 1


@pytest.mark.parametrize(
    "values",
    [
        [torch.tensor(LARGE), 0.5],
        [np.array(LARGE), 0.5],
        [np.int64(LARGE), 0.5],
        [[LARGE, 0.5]],
        [torch.tensor([LARGE]), torch.tensor([0.5])],
        np.array(LARGE),
        torch.tensor(-LARGE),
        np.array([2**64 - 1], dtype=np.uint64),
        10**400,
        [Fraction(1, 3)],
        [Decimal("0.1"), 1.0],
        [Decimal("NaN")],
    ],
)
def test_a_number_that_no_double_holds_is_refused(values: object) -> None:
    with pytest.raises(DtypeError, match=r"2\^53|no float64 number"):
        exact_array(values, "X")


@pytest.mark.parametrize(
    "values",
    [
        torch.ones(2, device="meta"),
        torch.utils.data.TensorDataset(torch.ones(2)),
        torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(2))),
        "1.0",
        b"1.0",
        bytearray(b"12"),
        {"a": 1.0},
        {1.0},
        (x for x in [1.0]),
        [None],
        None,
        object(),
        np.array([1.0], dtype=object),
        np.array([1.0], dtype=np.longdouble),
        torch.ones(2).to_sparse(),
        np.array(["2020-01-01"], dtype="M8[D]"),
    ],
)
def test_what_is_no_array_of_real_numbers_is_a_typed_error(values: object) -> None:
    with pytest.raises(DtypeError):
        exact_array(values, "X")


@pytest.mark.parametrize("values", [[[1, 2], [3]], [1.0, [2.0]], [torch.ones(2), torch.ones(3)], [[1.0, 2.0], 3]])
def test_a_ragged_list_is_a_shape_error(values: object) -> None:
    with pytest.raises(ShapeError, match="rectangular"):
        exact_array(values, "X")


def test_a_list_that_contains_itself_is_a_typed_error() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(VerifyError):
        exact_array(endless, "X")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex128).conj().imag, [-2.0, 4.0]),
        ([Fraction(1, 2), Decimal("0.25")], [0.5, 0.25]),
        ([torch.tensor(0.1, dtype=torch.float32), np.float16(0.1)], [float(np.float32(0.1)), float(np.float16(0.1))]),
        (np.array([1.5], dtype=">f8"), [1.5]),
        (np.arange(3)[::-1], [2.0, 1.0, 0.0]),
        ([True, 2, 0.5], [1.0, 2.0, 0.5]),
        (range(3), [0.0, 1.0, 2.0]),
    ],
)
def test_what_a_double_holds_is_read_exactly(values: object, expected: list[float]) -> None:
    found = exact_array(values, "X")
    assert found.tolist() == expected
    assert found.dtype == np.float64
    assert found.flags.c_contiguous


def test_the_array_read_owns_its_memory() -> None:
    values = np.ones(2)
    found = exact_array(values, "X")
    values[0] = 7.0
    assert found.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("X", [np.zeros((10, 8, 8)), torch.zeros(8, 8, 1, 1, 2), [[[1.0]]]])
def test_inputs_of_three_or_five_axes_are_refused_with_what_makes_them_maps(X: object) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(72, 1))
    with pytest.raises(ShapeError, match=r"\d axes; rows .* X\[:, None\]"):
        verify.ntk(net, X)
