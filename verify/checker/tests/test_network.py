"""Forward pass, kernel, gradient and curvature of deeper networks against finite differences at 80 digits."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from flint import arb, ctx
from mpmath import mp as _mp

from verify.checker import problem as problems
from verify.checker.layers import Elementwise, Trained
from verify.checker.movement import curvature
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import Array, Limit, Malformed

mp: Any = _mp  # untyped
mpf = mp.mpf


def _document(widths: Sequence[int], name: str, *, bias: bool, n: int = 2, seed: int = 0) -> dict[str, Any]:
    rng = random.Random(seed)

    def draw(*shape: int) -> Array:
        size = 1
        for extent in shape:
            size *= extent
        return Array(shape, array("d", [rng.gauss(0.0, 1.0) for _ in range(size)]))

    layers = [
        {
            "weight": draw(b, a),
            "bias": draw(b) if bias and i % 2 == 0 else None,
            "inverse_square_scale": a if i else 1,
            "activation": {"name": name if i + 2 < len(widths) else "identity", "parameters": {}},
        }
        for i, (a, b) in enumerate(pairwise(widths))
    ]
    return {
        "network": {"layers": layers},
        "data": {"X": draw(n, widths[0]), "y": draw(n, widths[-1])},
        "loss": "mean",
        "loss_scale": Fraction(1, n),
        "lr": Fraction(1, 7),
    }


def _residual(document: dict[str, Any], theta: Sequence[Any]) -> list[Any]:
    """F − y by the definition, in mpmath."""
    rest, X, y = list(theta), document["data"]["X"], document["data"]["y"]
    rows = [[mpf(v) for v in X.data[i * X.shape[1] : (i + 1) * X.shape[1]]] for i in range(X.shape[0])]
    for layer in document["network"]["layers"]:
        m, d = layer["weight"].shape
        W = [[rest.pop(0) for _ in range(d)] for _ in range(m)]
        b = [rest.pop(0) for _ in range(m)] if layer["bias"] is not None else [mpf(0)] * m
        s = 1 / mp.sqrt(layer["inverse_square_scale"])
        rows = [[s * mp.fdot(w, h) + c for w, c in zip(W, b, strict=True)] for h in rows]
        if layer["activation"]["name"] == "silu":
            rows = [[z / (1 + mp.exp(-z)) for z in row] for row in rows]
    return [f - mpf(t) for f, t in zip([v for row in rows for v in row], y.data, strict=True)]


def _jacobian(document: dict[str, Any], theta: list[float]) -> list[list[Any]]:
    """Columns of J by central differences; error about 10^-38."""
    step, columns = mpf(10) ** -20, []
    for i in range(len(theta)):
        up, low = [mpf(t) for t in theta], [mpf(t) for t in theta]
        up[i] += step
        low[i] -= step
        pairs = zip(_residual(document, up), _residual(document, low), strict=True)
        columns.append([(a - b) / (2 * step) for a, b in pairs])
    return columns


def _near(found: arb, truth: Any) -> bool:
    return bool(abs(float(found.mid()) - float(truth)) <= 1e-13 * (1.0 + abs(float(truth))) and found.rad() < 1e-25)


@pytest.mark.parametrize(
    ("widths", "bias"), [((2, 3, 3, 2), True), ((2, 3, 2), False), ((3, 2), True), ((2, 3, 2, 2, 1), True)]
)
def test_point_quantities(widths: tuple[int, ...], bias: bool) -> None:
    document = _document(widths, "silu", bias=bias)
    problem = Problem(document)
    with mp.workdps(80), ctx.workprec(128):
        here, theta = Point(problem, problem.parameters()), problem.start
        e = _residual(document, [mpf(t) for t in theta])
        columns = _jacobian(document, theta)
        assert all(_near(a, b) for a, b in zip(here.residual.entries(), e, strict=True))
        assert _near(here.e, mp.norm(e))
        kernel, N = here.kernel(), len(e)
        for i in range(N):
            for j in range(N):
                assert _near(kernel[i, j], sum(c[i] * c[j] for c in columns))
        flat: list[Any] = []
        for layer, part in zip(problem.layers, here.gradient(), strict=True):
            if isinstance(layer, Trained):
                flat += [x for row in part.tolist() for x in row[: layer.taps]]
                flat += [row[-1] for row in part.tolist() if layer.bias is not None]
        gradient = [mp.fdot(e, c) for c in columns]
        assert all(_near(a, b) for a, b in zip(flat, gradient, strict=True))
        assert _near(here.gradient_square(), mp.fdot(gradient, gradient) / 4)


@pytest.mark.parametrize("widths", [(2, 3, 3, 2), (2, 4, 1)])
def test_curvature_bounds_second_differences(widths: tuple[int, ...]) -> None:
    """‖D²F[u, u]‖ ≤ L_H(r) along random directions at random points of the ball, and L_H does not decrease."""
    document, rng = _document(widths, "silu", bias=True, seed=3), random.Random(1)
    problem = Problem(document)
    with mp.workdps(60), ctx.workprec(128):
        here = Point(problem, problem.parameters())
        turning = curvature(here)
        bounds = [float(turning(arb(r)).upper()) for r in (0.0, 0.25, 1.0)]
        assert bounds == sorted(bounds)
        step, worst = mpf(10) ** -12, [0.0, 0.0, 0.0]
        for _ in range(12):
            for index, r in enumerate((0.0, 0.25, 1.0)):
                way = [rng.gauss(0.0, 1.0) for _ in problem.start]
                u = [v / mp.norm(way) for v in way]
                away = [rng.gauss(0.0, 1.0) for _ in problem.start]
                at = [mpf(t) + r * v / mp.norm(away) for t, v in zip(problem.start, away, strict=True)]
                three = [
                    _residual(document, [t + q * step * v for t, v in zip(at, u, strict=True)]) for q in (-1, 0, 1)
                ]
                second = mp.norm([(a - 2 * b + c) / step**2 for a, b, c in zip(*three, strict=True)])
                worst[index] = max(worst[index], float(second))
        assert all(0.0 < seen <= bound for seen, bound in zip(worst, bounds, strict=True))


def _changed(path: Sequence[Any], value: Any) -> dict[str, Any]:
    document = _document((2, 3, 1), "silu", bias=True)
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("network", "layers"), []),
        (("network", "layers", 0, "weight"), Array((6,), array("d", [1.0] * 6))),
        (("network", "layers", 0, "weight"), Array((0, 2), array("d"))),
        (("network", "layers", 1, "weight"), Array((1, 2), array("d", [1.0, 1.0]))),
        (("network", "layers", 0, "bias"), Array((1,), array("d", [1.0]))),
        (("network", "layers", 0, "bias"), [1.0, 2.0, 3.0]),
        (("network", "layers", 0, "inverse_square_scale"), 0),
        (("network", "layers", 0, "inverse_square_scale"), True),
        (("network", "layers", 0, "inverse_square_scale"), 2.0),
        (("network", "layers", 0, "activation", "name"), "hardswish"),
        (("network", "layers", 0, "activation", "parameters"), {"beta": 1.0}),
        (("network", "layers", 0, "activation"), {"name": "softplus", "parameters": {"beta": 0.0}}),
        (("network", "layers", 0, "activation"), {"name": "softplus", "parameters": {"beta": 1}}),
        (("data", "X"), Array((2, 3), array("d", [1.0] * 6))),
        (("data", "X"), Array((4,), array("d", [1.0] * 4))),
        (("data", "y"), Array((2,), array("d", [1.0] * 2))),
        (("data", "y"), Array((1, 2), array("d", [1.0] * 2))),
        (("loss",), "huber"),
        (("loss_scale",), Fraction(1, 3)),
        (("lr",), Fraction(0)),
        (("lr",), Fraction(-1, 2)),
        (("lr",), 0.5),
    ],
)
def test_what_is_no_problem_is_refused(path: Sequence[Any], value: Any) -> None:
    with pytest.raises(Malformed):
        Problem(_changed(path, value))
    with pytest.raises(Limit):
        Problem(_changed(("network", "layers"), [{}] * 65))
    assert Problem(_document((2, 3, 1), "silu", bias=True)).n == 2


def test_more_outputs_than_parameters_have_a_singular_kernel() -> None:
    with ctx.workprec(128):
        for n, singular in ((7, True), (6, False)):  # 6 parameters
            problem = Problem(_document((1, 3, 1), "silu", bias=False, n=n))
            smallest = Point(problem, problem.parameters()).smallest(0.0)
            assert bool(smallest == 0) == singular


@pytest.mark.parametrize(("n", "d"), [(0, 1), (1, 0)])
def test_no_samples_and_no_inputs_are_named(n: int, d: int) -> None:
    document = _document((2, 1), "identity", bias=False)
    document["data"] = {"X": Array((n, d), array("d", [1.0] * (n * d))), "y": Array((n, 1), array("d", [1.0] * n))}
    document["network"]["layers"][0]["weight"] = Array((1, d), array("d", [1.0] * d))
    with pytest.raises(Malformed, match="no samples, or no inputs"):
        Problem(document)


def test_size_limits() -> None:
    long = _document((1, 3, 1), "silu", bias=False, n=6)  # 6 parameters, but 6 × 3 activations
    before = problems.MAX_PARAMETERS
    try:
        problems.MAX_PARAMETERS = 18
        assert Problem(long).n == 6
        problems.MAX_PARAMETERS = 17
        with pytest.raises(Limit):
            Problem(long)
    finally:
        problems.MAX_PARAMETERS = before
    wide = 1 << 21
    with pytest.raises(Limit):
        Problem(_changed(("network", "layers", 0, "weight"), Array((3, 2), array("d", [1.0] * 6))) | _wide(wide))


def test_rows_are_counted_per_output(monkeypatch: pytest.MonkeyPatch) -> None:
    document = _document((2, 3), "identity", bias=False, n=4)
    monkeypatch.setattr(problems, "MAX_ROWS", 12)
    assert Problem(document).k == 3
    monkeypatch.setattr(problems, "MAX_ROWS", 11)
    with pytest.raises(Limit, match="rows n·k of the NTK: 12, and this checker takes on at most 11"):
        Problem(document)


@pytest.mark.parametrize("beta", [2.0**-10, 0.5, 1.0, 8.0])
def test_every_positive_beta_is_read(beta: float) -> None:
    document = _document((2, 3, 1), "softplus", bias=False)
    document["network"]["layers"][0]["activation"]["parameters"] = {"beta": beta}
    assert [layer.beta for layer in Problem(document).layers if isinstance(layer, Elementwise)] == [beta]


def _wide(m: int) -> dict[str, Any]:
    plain = {"name": "identity", "parameters": {}}
    layer = {"bias": None, "inverse_square_scale": 1, "activation": plain}
    layers = [
        {**layer, "weight": Array((m, 2), array("d", bytes(16 * m)))},
        {**layer, "weight": Array((1, m), array("d", bytes(8 * m)))},
    ]
    return {"network": {"layers": layers}}
