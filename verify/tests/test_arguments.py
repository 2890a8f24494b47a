"""Sizes and classes that are not what they say are refused where networks and data sets are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify import datasets, nn
from verify.arguments import exact_count, exact_double, exact_number, positive_float
from verify.checker import Unreadable
from verify.errors import InputError


@pytest.mark.parametrize("value", [2.5, "3", 0, True, None, np.True_, [1]])
def test_a_count_below_the_least_or_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="whole number ≥ 1"):
        exact_count(value, "n", least=1)
    assert exact_count(np.int64(1), "n", least=1) == 1


@pytest.mark.parametrize("value", [torch.ones(2), np.ones(2), [1.0], 1j])
def test_several_entries_are_no_number(value: Any) -> None:
    with pytest.raises(InputError, match="expected"):
        exact_number(value, "momentum")
    with pytest.raises(InputError, match="expected"):
        exact_double(value, "radius", positive=True)


@pytest.mark.parametrize("options", [{"scope": ["ball"]}, {"scope": "exact", "directory": 3}])
def test_an_option_of_another_type_is_refused_by_name(options: dict[str, Any]) -> None:
    model = torch.nn.Linear(1, 1).double()
    with pytest.raises(InputError, match=f"^{list(options)[-1]}="):
        verify.certify(model, [[1.0]], [1.0], **options)


def test_a_certificate_in_memory_is_not_rejected_for_having_no_path() -> None:
    cert = verify.certify(torch.nn.Linear(1, 1).double(), [[1.0]], [1.0], scope="point")
    with pytest.raises(Unreadable, match="path of a saved certificate"):
        verify.check(cert)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.0, -1, float("nan"), float("inf"), True, "1", None, 1j])
def test_a_positive_number_is_finite_and_a_number(value: Any) -> None:
    with pytest.raises(InputError, match="finite number > 0"):
        positive_float(value, "norm")
    assert positive_float(np.float32(2.0), "norm") == 2.0


@pytest.mark.parametrize(
    "options",
    [
        {"n": -5},
        {"n": 0},
        {"n": 2.5},
        {"n": 10**6},
        {"n": 4, "norm": 0.0},
        {"n": 4, "norm": float("nan")},
        {"classes": (3, 3)},
        {"classes": (3,)},
        {"classes": (3, 11)},
        {"classes": (0, 1, 2)},
    ],
)
def test_a_choice_of_digits_that_means_something_else_is_refused(options: dict[str, Any]) -> None:
    """n = −5 left out the last five; classes (3, 3) labelled every image +1."""
    with pytest.raises(InputError):
        datasets.digits(**options)


@pytest.mark.parametrize("sizes", [(0, 2, 1.0), (2, 0, 1.0), (2.0, 2, 1.0), (2, 2, -1.0), (2, 2, float("inf"))])
def test_a_sphere_of_no_points_or_no_radius_is_refused(sizes: Any) -> None:
    with pytest.raises(InputError):
        datasets.sphere(*sizes)


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (2.0, 1), (True, 1), ("2", 1)])
def test_a_layer_of_no_whole_size_is_refused(sizes: Any) -> None:
    with pytest.raises(InputError):
        nn.NTKLinear(*sizes)


@pytest.mark.parametrize("width", [3, 0, 2.0, True])
def test_an_odd_or_empty_antisymmetric_network_is_refused(width: Any) -> None:
    with pytest.raises(InputError):
        nn.antisymmetric_two_layer(2, width, seed=0)


@pytest.mark.parametrize("value", [pytest.param(10**5000, id="huge"), np.array(1.0), torch.tensor(1.0), b"1"])
@pytest.mark.parametrize(
    ("scope", "name"),
    [
        *(
            ("run", name)
            for name in ("steps", "seconds", "iterate_steps", "checkpoints", "save_seconds", "directory", "lr")
        ),
        *(("ball", name) for name in ("radius", "data_radius", "loss", "descent", "scope")),
        *(("exact", name) for name in ("bits", "method")),
        *(("region", name) for name in ("start_radius", "centre")),
    ],
)
def test_what_is_no_value_of_an_option_is_refused_whatever_it_is(scope: Any, name: str, value: Any) -> None:
    """An integer that no double is near to, and that Python does not print; an array without an axis."""
    options = {"scope": scope, "steps": 1, **({"iterates": [[0.0, 0.0]]} if name == "iterate_steps" else {})}
    if scope == "ball":
        del options["steps"]
    taken = {("run", "lr"), ("ball", "radius"), ("ball", "data_radius"), ("region", "start_radius")}
    if (scope, name) in taken and not isinstance(value, int | bytes):
        value = float("nan")
    if name == "steps" and isinstance(value, int):
        # So many may be allowed.
        value = -1
    with pytest.raises(InputError, match=name):
        verify.certify(torch.nn.Linear(1, 1).double(), [[1.0]], [1.0], **{**options, name: value})


@pytest.mark.parametrize("value", [pytest.param(10**5000, id="huge"), np.array(1.0), torch.tensor([1.0, 2.0]), b"1"])
@pytest.mark.parametrize(
    "name", ["batch_size", "order", "momentum", "nesterov", "drop_last", "batches", "weight_decay"]
)
def test_what_is_no_value_of_a_descents_option_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        verify.SGD(**{"batch_size": None if name == "batches" else 1, name: value}).on(3)


@pytest.mark.parametrize("lr", ["1e-3000", "1e3000", 10**3000, 2.0**-1074])
def test_a_step_has_as_many_digits_as_a_certificate_holds(lr: Any, tmp_path: Path) -> None:
    """Longer ones were certified, and neither saved nor printed; those of every double are held."""
    model = torch.nn.Linear(1, 1).double()
    if isinstance(lr, float):
        verify.certify(model, [[1.0]], [1.0], lr=lr, scope="point").save(tmp_path / "c.zip")
        assert verify.check(tmp_path / "c.zip").accepted
        return
    with pytest.raises(InputError, match="lr="):
        verify.certify(model, [[1.0]], [1.0], lr=lr, scope="point")
