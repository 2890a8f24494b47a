"""What units beside kinks do to the Jacobian: each form of the bound against its formula, or an example that attains it, data and scales other than 1."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, ctx

from verify.checker.kinks import Unit, knapsack, pairs_norm
from verify.checker.layers import Trained
from verify.checker.movement import Movement
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import Array
from verify.checker.tests.graph_search import farthest
from verify.checker.tests.graphs import Builder, Document

SLACK = 1.0 + 1e-9  # of a search in float64


def _jump(document: Document, radius: float) -> tuple[float, float]:
    """Δ_J from above, and the farthest that a search moves J."""
    with ctx.workprec(128):
        problem = Problem(document)
        bounds = Movement(Point(problem, problem.parameters()))
        return float(bounds.jacobian(arb(radius)).upper()), farthest(document, problem.start, radius, 12, 1)


def _set(document: Document, layer: int, *values: float) -> None:
    stored = document["network"]["layers"][layer]["weight"]
    document["network"]["layers"][layer]["weight"] = Array(stored.shape, array("d", values))


@pytest.mark.parametrize("size", [10.0, 0.1])
@pytest.mark.parametrize("mixed", [False, True])
def test_a_jump_reaches_the_weights_times_the_data(size: float, mixed: bool) -> None:
    """F = relu(m·w·x) at w = −10⁻⁶, m = 1 fixed: J jumps by x, whether the jump meets w directly or through a layer that may mix units."""
    b = Builder((1,), 0)
    v = b.linear(-1, 1, bias=False)
    v = b.linear(v, 1, bias=False, frozen=("weight",)) if mixed else v
    b.linear(b.activation(v, "relu"), 1, bias=False, frozen=("weight",))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [size]))
    _set(document, 0, -1e-6)
    for at in (1, 3) if mixed else (2,):
        _set(document, at, 1.0)
    bound, found = _jump(document, 1e-4)
    assert 0.99 * size < found <= bound * SLACK
    assert bound <= 1.01 * size


@pytest.mark.parametrize("size", [10.0, 0.1])
def test_jumps_of_two_samples_add_as_squares_of_jump_times_data(size: float) -> None:
    """Two samples (s, 0) and (0, s) in one unit each, through a fixed mixing layer: neither form is below what a search finds, nor twice as large."""
    b = Builder((2,), 0)
    v = b.linear(b.linear(-1, 2, bias=False), 2, bias=False, frozen=("weight",))
    b.linear(b.activation(v, "relu"), 1, bias=False, frozen=("weight",))
    document = b.document(2)
    document["data"]["X"] = Array((2, 2), array("d", [size, 0.0, 0.0, size]))
    _set(document, 0, -1e-6, -1e-6, -1e-6, -1e-6)
    _set(document, 1, 1.0, 0.0, 0.0, 1.0)
    _set(document, 3, 1.0, 1.0)
    bound, found = _jump(document, 1e-4)
    assert 0.99 * 2.0**0.5 * size < found <= bound * SLACK
    assert bound <= 2.02 * size


def _layer(square: int, by: float, last: float) -> tuple[Trained, np.ndarray]:
    b = Builder((3,), 2)
    b.linear(-1, 2, square=square, scales=(by, last))
    b.linear(b.activation(0, "relu"), 1)
    problem = Problem(b.document(4))
    layer = problem.layers[0]
    assert isinstance(layer, Trained)
    return layer, np.array(problem.X.data.tolist()).reshape(4, 3)


@pytest.mark.parametrize(("square", "by", "last"), [(1, 1.0, 1.0), (4, 1.0, 1.0), (1, 3.0, 0.25), (9, 2.0, 5.0)])
def test_the_pairs_form_is_its_formula_at_any_scale(square: int, by: float, last: float) -> None:
    """√λ_max of P_ij = Σ_c g_ic g_jc(|⟨a_i, a_j⟩| + ‖a_i‖d_j + d_i‖a_j‖ + d_id_j), a = [s·x, c], d = s·reach, written out entry by entry."""
    with ctx.workprec(128):
        layer, X = _layer(square, by, last)
        s = by / square**0.5
        gains: list[dict[int, float]] = [{0: 0.5, 1: 2.0}, {0: 1.5}, {}, {1: 0.75}]
        reach = [0.3, 0.02, 1.0, 0.7]
        found = pairs_norm(
            layer,
            arb_mat(X.tolist()),
            [{at: arb(value) for at, value in row.items()} for row in gains],
            [arb(value) for value in reach],
        )
        P = np.zeros((4, 4))
        for i in range(4):
            for j in range(4):
                a, other = (np.append(s * X[at], last) for at in (i, j))
                here, there = s * reach[i], s * reach[j]
                lengths = np.linalg.norm(a), np.linalg.norm(other)
                pair = abs(float(a @ other)) + lengths[0] * there + here * lengths[1] + here * there
                P[i, j] = sum(gains[i].get(c, 0.0) * gains[j].get(c, 0.0) * pair for c in range(2))
        assert abs(float(found) - float(np.sqrt(np.linalg.norm(P, 2)))) < 1e-12 * float(found)


def test_the_pairs_form_at_each_position_of_a_map() -> None:
    """Two positions of one sample: P sums over both."""
    with ctx.workprec(128):
        b = Builder((1, 1, 2), 3)
        b.convolution(-1, 1, (1, 1), bias=False)
        b.linear(b.flatten(b.activation(0, "relu")), 1)
        problem = Problem(b.document(2))
        layer = problem.layers[0]
        assert isinstance(layer, Trained)
        X = np.array([[2.0, -3.0], [0.5, 4.0]])
        gains: list[dict[int, Any]] = [{0: arb(0.5), 1: arb(2.0)}, {1: arb(1.5)}]
        found = pairs_norm(layer, arb_mat(X.tolist()), gains, [arb(0.1), arb(0.2)])
        P = np.zeros((2, 2))
        for i, p in ((0, 0), (0, 1), (1, 1)):
            for j, q in ((0, 0), (0, 1), (1, 1)):
                a, other, d, there = abs(X[i, p]), abs(X[j, q]), 0.1 * (1 + i), 0.1 * (1 + j)
                P[i, j] += float(gains[i][p]) * float(gains[j][q]) * (a * other + a * there + d * other + d * there)
        assert abs(float(found) - float(np.sqrt(np.linalg.norm(P, 2)))) < 1e-12 * float(found)


def test_a_knapsack_beyond_doubles_is_bounded_all_the_same() -> None:
    """Squares of 1e200 and of 1e-200 are no doubles: an OverflowError there was called a malformed file."""
    for size in (arb("1e200"), arb("1e-200"), arb("1e400")):
        near = [Unit(float(w * size), (w * size) ** 2, g * size, i) for i, (w, g) in enumerate([(0.25, 3), (0.5, 2)])]
        assert knapsack(near, arb("0.4") * size) >= 2.99 * size  # the first unit alone may cross
        assert knapsack(near, arb("0.4") * size) <= 14 * size
        assert knapsack(near, size) >= arb(12.99).sqrt() * size  # both may
