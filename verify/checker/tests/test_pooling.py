"""Max pooling in the checker: which entries never compete, what windows that choose anew do, and twins of either that make a bound false."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from flint import arb, arb_mat, ctx

from verify.checker import check, pooling
from verify.checker.layers import Layer, Sum
from verify.checker.movement import Movement
from verify.checker.network import Point
from verify.checker.pooling import Choice, Equal, Maximum, Windows
from verify.checker.problem import Problem
from verify.checker.reading import Array, Malformed
from verify.checker.tests.graph_drafts import draft
from verify.checker.tests.graphs import Builder, Document


def _document(b: Builder, weights: dict[int, tuple[list[float], list[float] | None]], data: list[float]) -> Document:
    """End with the sum of all entries; give layers the numbers stated, and one sample."""
    last = b.flatten(len(b.layers) - 1)
    size = b.shapes[last][0]
    head = b.linear(last, 1, bias=False, frozen=("weight",))
    document = b.document(1)
    layers = document["network"]["layers"]
    for v, (weight, bias) in {**weights, head: ([1.0] * size, None)}.items():
        layers[v]["weight"] = Array(layers[v]["weight"].shape, array("d", weight))
        if bias is not None:
            layers[v]["bias"] = Array((len(bias),), array("d", bias))
    document["data"]["X"] = Array((1, *b.shapes[-1]), array("d", data))
    return document


def _flat() -> Document:
    """w·x + 1/2 about w = 0 at x = 1 and 2: equal values, different functions."""
    b = Builder((1, 1, 2), 0)
    b.maxima(b.convolution(-1, 1, (1, 1)), (1, 2))
    return _document(b, {0: ([0.0], [0.5])}, [1.0, 2.0])


def _border() -> Document:
    """A bias that is 0 now, read twice inside and once beside padding: 0 everywhere, different functions."""
    b = Builder((1, 1, 2), 0)
    b.maxima(b.convolution(b.convolution(-1, 1, (1, 1)), 1, (1, 2), padding=(0, 1), bias=False), (1, 3))
    return _document(b, {0: ([1.0], [0.0]), 1: ([0.5, 0.5], None)}, [0.0, 0.0])


def _dead() -> Document:
    """relu(w·x) at w = −1/4 and x = 1, 2: 0 and 0 until w reaches 0."""
    b = Builder((1, 1, 2), 0)
    b.maxima(b.activation(b.convolution(-1, 1, (1, 1), bias=False), "relu"), (1, 2))
    return _document(b, {0: ([-0.25], None)}, [1.0, 2.0])


def _weights(values: list[float], kernel: tuple[int, int]) -> Document:
    """The map is its own weights: one-hot data."""
    b = Builder((3, 1, 3), 0)
    b.maxima(b.convolution(-1, 1, (1, 1), bias=False), kernel, stride=(1, 1))
    return _document(b, {0: (values, None)}, [float(i == j) for i in range(3) for j in range(3)])


def _movement(document: Document) -> Movement:
    problem = Problem(document)
    return Movement(Point(problem, problem.parameters()))


def _bound(document: Document, radius: float) -> float:
    with ctx.workprec(128):
        return float(_movement(document).jacobian(arb(radius)).upper())


def test_dead_windows_compete_only_where_a_unit_may_meet_its_kink() -> None:
    """Both units move together, by √5 times what w moves; the nearer is 1/4 off its kink."""
    with ctx.workprec(128):
        bounds = _movement(_dead())
        assert bounds.jacobian(arb(0.11)) == 0
        assert bounds.curvature(arb(0.11)).is_finite()
        assert not bounds.curvature(arb(0.12)).is_finite()
    # w = 0.01: the gradient is 2 instead of 0.
    assert 2.0 <= _bound(_dead(), 0.26) < 6.0


def test_a_constant_background_ties_for_ever_and_the_first_is_chosen() -> None:
    b = Builder((1, 4, 4), 0)
    b.maxima(b.convolution(-1, 1, (1, 1)), (2, 2))
    document = _document(b, {0: ([0.5], [0.0])}, [0.75] * 15 + [1.0])
    with ctx.workprec(128):
        problem = Problem(document)
        width, [row] = Point(problem, problem.parameters()).local[1]
    assert width == 16
    assert [choice.entries for choice in row] == [(0,), (2,), (8,), (15,)]
    assert [choice.gap is None for choice in row] == [True, True, True, False]
    assert row[3].gap == 0.125


@pytest.mark.parametrize("case", [_flat, _border])
def test_equal_values_that_are_different_functions_compete(case: Callable[[], Document]) -> None:
    with ctx.workprec(128):
        bounds = _movement(case())
        assert bounds.jacobian(arb(1e-6)) > 0.4
        assert not bounds.curvature(arb(1e-6)).is_finite()


def test_summands_of_one_number_are_not_one_function() -> None:
    """Numbers are those of one value: 1 + 2 and 2 + 1 of two values are two functions, and so are 0 + 1 and 1 + 0."""
    equal = Equal(
        [Layer("a", (-1,), (1, 1, 4), ""), Layer("b", (-1,), (1, 1, 4), ""), Sum("sum", (0, 1), (1, 1, 4), "")],
        {0: arb_mat(1, 4)},
        [],
    )
    equal.known = {0: [array("q", [1, 2, 0, 1])], 1: [array("q", [2, 1, 1, 0])]}
    [numbers] = equal.of(2)
    assert len(set(numbers)) == 4


def _by_value(self: Equal, v: int) -> list[array[int]]:
    return [array("q", [round(float(x) * 2**20) for x in row]) for row in self.value[v].tolist()]


def _without_bias(honest: Any) -> Any:
    return lambda layer, known: honest(replace(layer, bias=None), known)


def _last_alone(row: list[Any], known: array[int], at: tuple[int, ...]) -> Choice:
    top = max(at, key=lambda i: float(row[i]))
    return Choice((top,), row[top] - row[at[-1]])


# Document, radius, what J is seen to move by on that ball, and a twin of which that is false.
TWINS: dict[str, tuple[Document, float, float, Any, str, Any]] = {
    # From w = 0 to ±10⁻⁷ the gradient in w is 1 or 2: half the jump from the centre at least.
    "one value, one function": (_flat(), 1e-6, 0.5, Equal, "of", _by_value),
    # b = ±10⁻⁷: the largest entry reads b twice, or not more than once.
    "a bias of 0 is no parameter": (_border(), 1e-6, 0.2, pooling, "_affine", _without_bias(pooling._affine)),
    # (1, 9/10, 0) becomes (0.94, 0.96, 0).
    "a rival missed": (_weights([1.0, 0.9, 0.0], (1, 3)), 0.1, sqrt(2.0), pooling, "_choice", _last_alone),
    # Every window may choose anew: of (0, 1, 0) all three tie at (1, 1, 1)/3.
    "windows do not overlap": (
        _weights([0.0, 1.0, 0.0], (1, 2)),
        sqrt(2.0 / 3.0) * 1.0001,
        sqrt(6.0),
        Maximum,
        "overlap",
        1,
    ),
    "dead windows whatever the units do": (_dead(), 0.26, 1.414, Windows, "backward", None),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_makes_the_bound_false(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document, radius, observed, owner, attribute, twin = TWINS[name]
    honest = _reached(document, radius)
    assert observed <= honest
    if twin is None:
        backward = Windows.backward
        twin = lambda self, r, x, above: backward(self, r, [x[0]._replace(crossed=[False])], above)  # noqa: E731
    monkeypatch.setattr(owner, attribute, twin)
    assert _reached(document, radius) < observed


def _reached(document: Document, radius: float) -> float:
    """What choosing anew does to the sensitivity below the pool: where the map is its weights, or reads them once, that of ‖J‖ too."""
    with ctx.workprec(128):
        bounds = _movement(document)
        r = arb(radius)
        moved = bounds._forward(bounds.rules, r)
        v = next(v for v, rule in enumerate(bounds.rules) if isinstance(rule, Windows))
        turned = bounds._backward(bounds.rules, r, moved)
        [c] = turned[bounds.layers[v].inputs[0]].settled().jumps
        return float(c.upper()) if float(c.upper()) else float(bounds.jacobian(r).upper())


def _pooled(**changes: list[int]) -> Document:
    b = Builder((1, 4, 4), 3)
    pool = b.maxima(
        b.activation(b.convolution(-1, 2, (2, 2), padding=(1, 1)), "tanh"), (2, 2), stride=(2, 2), padding=(1, 1)
    )
    b.layers[pool].update(changes)
    b.linear(b.flatten(pool), 1)
    return b.document(2)


@pytest.mark.parametrize("change", [{"kernel": [3, 2]}, {"kernel": [2, 3]}, {"dilation": [1, 2], "padding": [1, 1]}])
def test_what_is_true_of_another_pool_is_rejected(change: dict[str, list[int]], tmp_path: Path) -> None:
    honest = _pooled()
    twin = _pooled(**change)
    assert check(draft(honest, twin).save(tmp_path / "c.zip")).verdict == "REJECTED"
    found = check(draft(honest).save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    assert "max_pool(h_2) [2×2 windows, stride 2×2, padding 1×1 never chosen] ∈ ℝ^(2×3×3)" in found.claims[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"kernel": [2, 2], "padding": [2, 2]},
        {"kernel": [7, 7]},
        {"stride": [0, 1]},
        {"dilation": [0, 1]},
        {"ceil_mode": True},
    ],
)
def test_what_is_no_pool_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Problem(_pooled(**fields))
