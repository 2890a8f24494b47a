"""Δ_J and L_H of graphs: never exceeded by a search, attained where they should be, and false as soon as a term is left out."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
import torch
from flint import arb, arb_mat, ctx

from verify.checker import kinks, movement, norms
from verify.checker.enclosures import norm
from verify.checker.kinks import Jump
from verify.checker.layers import Trained, Window
from verify.checker.movement import Movement, Turned
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import Array
from verify.checker.tests.graph_search import farthest
from verify.checker.tests.graphs import Builder, Document, chosen

SLACK = 1.0 + 1e-9  # of a search in float64


def _movement(document: Document, middle: Any = None) -> tuple[Movement, list[float]]:
    problem = Problem(document)
    return Movement(Point(problem, problem.parameters(), middle)), problem.start


@pytest.mark.parametrize("seed", range(20, 36))
def test_no_search_exceeds_the_bounds(seed: int) -> None:
    document = chosen(seed, maxima=30 <= seed < 34, divided=seed >= 34)
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        for radius in (1e-3, 0.1, 1.0):
            found = farthest(document, theta, radius, 6, seed)
            assert found <= float(bounds.jacobian(arb(radius)).upper()) * SLACK
            turning = bounds.curvature(arb(radius))
            assert not turning.is_finite() or found <= radius * float(turning.upper()) * SLACK


@pytest.mark.parametrize("seed", range(40, 46))
def test_no_search_exceeds_the_bounds_with_midpoint_slopes(seed: int) -> None:
    document = chosen(seed, "relu" if seed % 2 else "leaky_relu", n=3)
    with ctx.workprec(128):
        plain, theta = _movement(document)
        nearest = [
            (units[0].distance, v, (i, units[0].at))
            for v, rule in enumerate(plain.rules)
            if isinstance(rule, movement.Activation)
            for i, units in enumerate(rule.units)
        ]
        middle: dict[int, set[tuple[int, int]]] = {}
        for _, v, pair in sorted(nearest)[:2]:
            middle.setdefault(v, set()).add(pair)
        bounds, _ = _movement(document, middle)
        for radius in (1e-4, 0.1):
            bound = float(bounds.jacobian(arb(radius)).upper())
            assert farthest(document, theta, radius, 6, seed, middle) <= bound * SLACK
            assert not bounds.curvature(arb(radius)).is_finite()


def test_a_bilinear_function_attains_its_bound() -> None:
    """F = w2·w1·3 about (0, 0): ‖ΔJ‖ = 3r exactly."""
    b = Builder((1,), 0)
    b.linear(b.scale(b.linear(-1, 1, bias=False), 1.0), 1, bias=False)
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [3.0]))
    for v in (0, 2):
        document["network"]["layers"][v]["weight"] = Array((1, 1), array("d", [0.0]))
    with ctx.workprec(128):
        bounds, _ = _movement(document)
        for value in (bounds.jacobian(arb(0.5)), bounds.curvature(arb(0.5)) / 2):
            assert value.overlaps(arb(1.5))
            assert value < arb("1.5000000001")


def _images(value: float = 1.0) -> Document:
    """Two convolutions about 0 on a constant image: every entry inside is read by nine positions."""
    b = Builder((1, 6, 6), 1)
    v = b.convolution(-1, 1, (3, 3), padding=(1, 1), bias=False)
    v = b.scale(b.convolution(v, 1, (3, 3), padding=(1, 1), bias=False), 1.0)
    b.linear(b.flatten(v), 1, bias=False, frozen=("weight",))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1, 6, 6), array("d", [value] * 36))
    for v in (0, 1):
        document["network"]["layers"][v]["weight"] = Array((1, 1, 3, 3), array("d", [0.0] * 9))
    document["network"]["layers"][4]["weight"] = Array((1, 36), array("d", [1 / 6] * 36))
    return document


def _branches(joined: bool) -> Document:
    """tanh(h) three times over, or tanh(h + h + h), h = w about the place where |tanh''| is largest: ‖ΔJ‖ ≈ 3·sup|tanh''|·r, or 9 times."""
    b = Builder((1,), 3)
    stem = b.linear(-1, 1, bias=False)
    three = stem, b.scale(stem, 1.0), b.scale(stem, 1.0)
    if joined:
        b.activation(b.sum(*three), "tanh")
    else:
        b.sum(*(b.activation(v, "tanh") for v in three))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [1.0]))
    document["network"]["layers"][0]["weight"] = Array((1, 1), array("d", [0.6585 / (3.0 if joined else 1.0)]))
    return document


def test_without_the_overlap_factor_the_bound_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    document = _images()
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        found = farthest(document, theta, 0.5, 12, 0)
        assert 0.5 * float(bounds.jacobian(arb(0.5))) < found <= float(bounds.jacobian(arb(0.5)).upper()) * SLACK
        monkeypatch.setattr(movement, "overlap", lambda layer: arb(1))
        assert float(_movement(document)[0].jacobian(arb(0.5))) < 0.8 * found


def test_without_a_branch_the_bound_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten = {
        False: (Turned, "plus", lambda self, other: self),
        True: (movement.Linear, "forward", lambda self, r, x: x[0].times(self.factor)),
    }
    for joined, twin in forgotten.items():
        document = _branches(joined)
        with ctx.workprec(128):
            bounds, theta = _movement(document)
            found, bound = farthest(document, theta, 1e-3, 6, 0), float(bounds.jacobian(arb(1e-3)).upper())
            assert 0.99 * bound < found <= bound * SLACK
            with monkeypatch.context() as patch:
                patch.setattr(*twin)
                assert float(_movement(document)[0].jacobian(arb(1e-3))) < 0.4 * found


def _beside_a_kink(x: float = 1.0) -> Document:
    """F = relu(w1·x) + 4·relu(w2·x) at w = (1, 0.001): the second unit crosses within 0.01, and J jumps by 4x."""
    b = Builder((1,), 0)
    b.linear(b.activation(b.linear(-1, 2, bias=False), "relu"), 1, bias=False, frozen=("weight",))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [x]))
    document["network"]["layers"][0]["weight"] = Array((2, 1), array("d", [1.0, 0.001]))
    document["network"]["layers"][2]["weight"] = Array((1, 2), array("d", [1.0, 4.0]))
    return document


def test_a_unit_that_may_cross_counts_and_one_that_cannot_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    document = _beside_a_kink()
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        assert bounds.jacobian(arb(0.0009)).overlaps(arb(0))
        assert bounds.curvature(arb(0.0009)).overlaps(arb(0))
        assert not bounds.curvature(arb(0.0011)).is_finite()
        bound = float(bounds.jacobian(arb(0.01)).upper())
        found = farthest(document, theta, 0.01, 12, 1)
        assert 3.9 < found <= bound * SLACK < 4.1
        monkeypatch.setattr(movement, "candidates", lambda units, reach: kinks.candidates(units, reach)[1:])
        assert float(_movement(document)[0].jacobian(arb(0.01))) < 0.1 * found


def test_how_far_a_unit_moves_is_the_radius_times_its_data() -> None:
    document = _beside_a_kink(4.0)
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        for radius, jump in ((0.00099, 0.0), (0.00101, 16.0)):
            assert bounds.jacobian(arb(radius)).overlaps(arb(jump))
            assert bounds.curvature(arb(radius)).is_finite() == (jump == 0.0)
        assert 15.9 < farthest(document, theta, 0.0011, 12, 1) <= 16.0 * SLACK


def test_a_dead_unit_is_no_zero_for_all_parameters() -> None:
    """relu(−0.001·w) = 0, and with it what reads it without a bias: yet both wake up within 0.002."""
    b = Builder((1,), 0)
    v = b.activation(b.linear(-1, 1, bias=False), "relu")
    b.linear(b.activation(b.linear(v, 1, bias=False), "relu"), 1, bias=False, frozen=("weight",))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [1.0]))
    for v, value in ((0, -0.001), (2, 1.0), (4, 1.0)):
        document["network"]["layers"][v]["weight"] = Array((1, 1), array("d", [value]))
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        assert not bounds.curvature(arb(0.0005)).is_finite()
        assert farthest(document, theta, 0.002, 9, 1) <= float(bounds.jacobian(arb(0.002)).upper()) * SLACK


def test_the_curvature_of_a_product_is_attained_at_the_centre() -> None:
    """F = w3·w2·w1 at (1, 1, 1), with multiples in between: D²F is 1 off the diagonal, of norm 2."""
    b = Builder((1,), 0)
    b.linear(b.scale(b.linear(b.scale(b.linear(-1, 1, bias=False), 2.0), 1, bias=False), 0.5), 1, bias=False)
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [1.0]))
    for v in (0, 2, 4):
        document["network"]["layers"][v]["weight"] = Array((1, 1), array("d", [1.0]))
    with ctx.workprec(128):
        found = _movement(document)[0].curvature(arb(0))
        assert found.overlaps(arb(2))
        assert found < arb("2.000001")


def test_a_sum_moves_if_one_of_its_summands_does() -> None:
    b = Builder((2,), 0)
    b.linear(b.activation(b.sum(-1, b.linear(-1, 2)), "tanh"), 1)
    document = b.document(2)
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        bound = float(bounds.jacobian(arb(0.5)).upper())
        assert 0.1 * bound < farthest(document, theta, 0.5, 6, 1) <= bound * SLACK
        assert bounds.moves == [True] * 4


def test_columns_grow_on_the_ball() -> None:
    """F = w2·tanh(w1) at (0.6585, 1), r = 1: at (0.6585, 2) D²F = [[−2·0.7698, 2/3], [2/3, 0]], of norm above 1.78."""
    b = Builder((1,), 0)
    b.linear(b.scale(b.activation(b.linear(-1, 1, bias=False), "tanh"), 1.0), 1, bias=False)
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [1.0]))
    for v, value in ((0, 0.6585), (3, 1.0)):
        document["network"]["layers"][v]["weight"] = Array((1, 1), array("d", [value]))
    with ctx.workprec(128):
        assert arb("1.78") < _movement(document)[0].curvature(arb(1)) < arb("2.2")


def test_midpoint_slopes_halve_a_jump() -> None:
    document = _beside_a_kink()
    with ctx.workprec(128):
        plain, theta = _movement(document)
        middle = {1: {(0, 1)}}
        bounds, _ = _movement(document, middle)
        assert bounds.jacobian(arb(0.01)).overlaps(plain.jacobian(arb(0.01)) / 2)
        assert farthest(document, theta, 0.01, 9, 1, middle) <= 2.0 * SLACK
        # It counts at any radius: there is no slope that is the mean.
        assert bounds.jacobian(arb(0.0001)).overlaps(arb(2))


def test_crossings_of_different_samples_in_different_units_do_not_add() -> None:
    """Three samples along the axes, three units at 0.001: P is diagonal, and the jump is that of one."""
    b = Builder((3,), 0)
    b.linear(b.activation(b.linear(-1, 3, bias=False), "relu"), 1, bias=False, frozen=("weight",))
    document = b.document(3)
    eye = [float(i == j) for i in range(3) for j in range(3)]
    document["data"]["X"] = Array((3, 3), array("d", eye))
    document["network"]["layers"][0]["weight"] = Array((3, 3), array("d", [0.001 if v else -1.0 for v in eye]))
    document["network"]["layers"][2]["weight"] = Array((1, 3), array("d", [1.0] * 3))
    with ctx.workprec(128):
        bounds, theta = _movement(document)
        bound = float(bounds.jacobian(arb(0.01)).upper())
        assert farthest(document, theta, 0.01, 12, 1) <= bound * SLACK
        assert 0.99 < bound < 1.05  # √3 without the pairs


def test_units_that_are_zero_whatever_the_weights_are_stable() -> None:
    """A black part of an image, read without a bias: z = 0 for all parameters. With a bias, or where a pixel shines, not."""
    for shines, bias, stable in ((0.0, False, True), (0.0, True, False), (0.5, False, False)):
        b = Builder((1, 2, 4), 2)
        v = b.activation(b.convolution(-1, 2, (2, 2), stride=(2, 2), bias=bias), "relu")
        v = b.activation(b.convolution(v, 2, (1, 1), bias=False), "relu")
        b.linear(b.flatten(v), 1)
        document = b.document(1)
        document["data"]["X"] = Array((1, 1, 2, 4), array("d", [1.0, -2.0, 0.0, 0.0, 0.5, 1.5, shines, 0.0]))
        if bias:
            document["network"]["layers"][0]["bias"] = Array((2,), array("d", [0.0, 0.0]))
        else:
            document["network"]["layers"][0]["weight"].data[2] = document["network"]["layers"][0]["weight"].data[6] = (
                0.0
            )
        with ctx.workprec(128):
            bounds, _ = _movement(document)
            assert bounds.curvature(arb(2.0**-30)).is_finite() == stable, (shines, bias)


def _trained(out: int, share: int, window: Window, groups: int, seed: int) -> tuple[Trained, Any]:
    b = Builder((share * groups, *window.image), seed)
    v = b.convolution(
        -1, out, window.kernel, stride=window.stride, padding=window.padding, dilation=window.dilation, groups=groups
    )
    b.flatten(v)
    problem = Problem(b.document(1))
    layer = problem.layers[0]
    assert isinstance(layer, Trained)
    return layer, layer.scaled(problem.parameters()[0])


WINDOWS = [
    Window((5, 4), (3, 3), (1, 1), (1, 1), (1, 1)),
    Window((6, 6), (3, 2), (2, 1), (1, 0), (1, 1)),
    Window((7, 5), (2, 3), (3, 2), (0, 2), (2, 1)),
    Window((5, 5), (2, 2), (1, 1), (3, 0), (1, 1)),
    Window((3, 3), (3, 3), (1, 1), (1, 1), (1, 1)),
]


@pytest.mark.parametrize("window", WINDOWS)
def test_norms_of_a_convolution_bound_that_of_its_matrix(window: Window) -> None:
    """The matrix is written entry by entry; the symbol and the overlap's bound are no smaller, the symbol within a third."""
    with ctx.workprec(128):
        for groups, seed in ((1, 0), (2, 1)):
            layer, scaled = _trained(2, 2, window, groups, seed)
            for g, part in layer.groups():
                rows = scaled.tolist()[part]
                true = norms._written(layer, g, rows)
                symbol = norms._symbol(window, rows)
                wide = norm(arb_mat(rows)) * arb(norms._readers(layer, g)).sqrt()
                assert true <= symbol * (1 + arb(2) ** -60)
                assert true <= wide * (1 + arb(2) ** -60)
                assert symbol <= true * arb("1.34") or max(window.image) == 3
            everything = norms.weight_norm(layer, scaled)
            image = torch.randn(4, *(2 * groups, *window.image), dtype=torch.float64)
            kernel = torch.tensor(layer.weight.data.tolist(), dtype=torch.float64).reshape(2, -1, *window.kernel)
            out = torch.nn.functional.conv2d(
                image, kernel, None, window.stride, window.padding, window.dilation, groups
            )
            assert (out.flatten(1).norm(dim=1) <= float(everything.upper()) * image.flatten(1).norm(dim=1)).all()


def test_on_a_torus_of_the_maps_own_size_the_symbol_is_too_small() -> None:
    """Kernel (1, 0, −1), height 2, padding 1: norm 1; on the torus of 2 the symbol vanishes, on that of 4 it is 2."""
    window = Window((2, 1), (3, 1), (1, 1), (1, 0), (1, 1))
    layer, _ = _trained(1, 1, window, 1, 0)
    with ctx.workprec(128):
        rows = [[arb(1), arb(0), arb(-1)]]
        assert norms._written(layer, 0, rows).overlaps(arb(1))
        assert norms._symbol(window, rows).overlaps(arb(2))
        own = window._replace(padding=(0, 0))
        assert norms._symbol(own, rows).overlaps(arb(0))


def test_a_jump_through_a_map_of_single_entries_keeps_its_units() -> None:
    b = Builder((2, 1, 2), 4)
    v = b.batch_norm(b.convolution(-1, 2, (1, 1)), affine=False)
    b.linear(b.flatten(v), 1)
    layer = Problem(b.document(1)).layers[1]
    with ctx.workprec(128):
        jump = Jump([{3: arb(2)}], [arb(2)]).through(layer)  # type: ignore[arg-type]
        factor = layer.factor()[3]  # type: ignore[attr-defined]
        assert list(jump.gains[0]) == [3]
        assert jump.gains[0][3].overlaps(2 * factor)
        assert jump.sizes[0].overlaps(2 * factor)


@pytest.mark.parametrize("shape", [(7, 2), (2, 5), (6, 1), (4, 9), (9, 4)])
def test_the_norms_of_data_bound_the_spectral_norm(shape: tuple[int, int]) -> None:
    torch.manual_seed(sum(shape))
    with ctx.workprec(128):
        matrix = arb_mat(torch.randn(*shape, dtype=torch.float64).tolist())
        true, mine, bound = norm(matrix), norms._spectral(matrix), norms._one_sample(matrix)
        assert mine.overlaps(true)
        assert mine.rad() < 1e-20
        assert bound >= true - 1e-20
        assert bound <= true * arb(min(shape)).root(8) + 1e-20
        # A batch norm's data, one value and a 1 a position: no more than the norm itself may stand there.
        assert min(shape) > 2 or abs(bound - true) < 1e-20
