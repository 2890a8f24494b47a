"""Every kind of layer against the definition: values, NTK and gradient of random graphs."""

from __future__ import annotations

from typing import Any

import pytest
from flint import arb, ctx

from verify.checker.layers import Trained
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.tests.graphs import chosen, jacobian, outputs


def _near(found: Any, truth: Any) -> bool:
    return bool(abs(found - truth) <= arb(2) ** -80 * (1 + abs(truth)) and found.rad() < 2.0**-70)


@pytest.mark.parametrize("seed", range(16))
def test_values_and_ntk_are_those_of_the_definition(seed: int) -> None:
    document = chosen(seed)
    problem = Problem(document)
    with ctx.workprec(400):
        F = outputs(document, [arb(t) for t in problem.start])
        columns = jacobian(document, problem.start)
    with ctx.workprec(128):
        here = Point(problem, problem.parameters())
        e = [f - y for f, y in zip(F, document["data"]["y"].data, strict=True)]
        assert all(_near(a, b) for a, b in zip(here.residual.entries(), e, strict=True))
        kernel, N = here.kernel(), len(e)
        for i in range(N):
            for j in range(N):
                assert _near(kernel[i, j], sum((c[i] * c[j] for c in columns), arb(0))), (seed, i, j)
        flat: list[Any] = []
        for layer, part in zip(problem.layers, here.gradient(), strict=True):
            if isinstance(layer, Trained):
                weight, bias = layer.moving
                flat += [x for row in part.tolist() for x in row[: layer.taps]] if weight else []
                flat += [row[-1] for row in part.tolist()] if bias else []
        assert all(
            _near(a, sum((x * y for x, y in zip(e, c, strict=True)), arb(0)))
            for a, c in zip(flat, columns, strict=True)
        )
