"""The strategies reach every kind of draw, shrink to the smallest, and rebuild exactly from their repr."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, settings, strategies as st

from property_tests import strategies
from property_tests.draws import ACTIVATION_NAMES, Architecture, Inputs, Targets, TrainingProblem
from property_tests.strategies import architectures, near_problems, problems

_FIND = settings(max_examples=2000, derandomize=True, database=None, deadline=None)
_QUICK = settings(_FIND, phases=(Phase.generate,))
_NAMES = {"Architecture": Architecture, "Inputs": Inputs, "Targets": Targets, "TrainingProblem": TrainingProblem}


def _seen(strategy: st.SearchStrategy[Any], predicate: Callable[[Any], bool]) -> Any:
    return find(strategy, predicate, settings=_QUICK)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_every_activation_is_drawn(name: str) -> None:
    assert name in _seen(architectures(), lambda a: name in a.activations).activations


@pytest.mark.parametrize("depth", range(1, 6))
def test_every_depth_is_drawn(depth: int) -> None:
    assert _seen(architectures(), lambda a: a.depth == depth).depth == depth


@pytest.mark.parametrize(
    "wanted",
    [
        lambda p: p.architecture.bias,
        lambda p: p.architecture.widths[-1] > 1,
        lambda p: p.architecture.parametrisation == "ntk",
        lambda p: p.architecture.output_activation != "identity",
        lambda p: p.loss == "mean",
        lambda p: p.inputs.kind == "digits" and p.X.shape[1] == 64,
        lambda p: p.inputs.kind == "clustered",
        lambda p: p.inputs.kind == "near-duplicate",
        lambda p: p.targets.kind == "one-hot",
        lambda p: max(p.architecture.widths[1:]) > 100,
    ],
)
def test_every_feature_is_drawn(wanted: Callable[[TrainingProblem], bool]) -> None:
    assert wanted(_seen(problems(), wanted))


def test_widest_network_is_drawn() -> None:
    assert _seen(strategies.wide_problems(), lambda p: p.architecture.widths[1] == 2**16)


def test_shrinks_to_the_smallest_network() -> None:
    found = find(architectures(), lambda a: a.depth >= 3 and "gelu" in a.activations, settings=_FIND)
    assert found == Architecture(widths=(1, 1, 1, 1), activations=found.activations)
    assert sorted(found.activations) == ["gelu", "identity"]


def test_shrinks_to_the_smallest_problem() -> None:
    found = find(near_problems(), lambda p: p.inputs.n >= 2, settings=_FIND)
    assert found.architecture == Architecture(widths=(1, 1))
    assert found.inputs == Inputs(n=2)
    assert found.targets == Targets()


def test_repr_rebuilds_the_draw() -> None:
    drawn = _seen(
        problems(), lambda p: p.architecture.depth == 3 and p.architecture.full_precision and p.step is not None
    )
    from fractions import Fraction

    again = eval(repr(drawn), {**_NAMES, "Fraction": Fraction})
    assert again == drawn
    assert np.array_equal(again.X, drawn.X)
    assert np.array_equal(again.y, drawn.y)
    for a, b in zip(again.architecture.layers(), drawn.architecture.layers(), strict=True):
        assert np.array_equal(a.weight, b.weight)


def test_antisymmetric_network_vanishes() -> None:
    arch = Architecture(
        widths=(3, 8, 1), activations=("tanh",), parametrisation="ntk", antisymmetric=True, full_precision=True
    )
    first, last = arch.layers()
    assert np.array_equal(first.weight[:4], first.weight[4:])
    assert np.array_equal(last.weight[:, :4], -last.weight[:, 4:])
