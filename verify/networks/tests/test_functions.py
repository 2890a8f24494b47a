"""The registry of activations: one record each, and everybody who knows functions by name knows the same ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb

import verify
from verify.arrays import Ball
from verify.checker import kinds
from verify.networks.activations import Activation, activation_named
from verify.networks.functions import ACTIVATIONS

NAMES = sorted(ACTIVATIONS)


def _named(name: str) -> Activation:
    return activation_named(name, {parameter: 0.75 for parameter in ACTIVATIONS[name].parameters})


def test_schema_and_checker_know_the_same_functions() -> None:
    schema = json.loads((Path(verify.__file__).parent / "certificates" / "certificate.schema.json").read_text())
    found: list[set[str]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("enum"), list) and "tanh" in node["enum"]:
                found.append(set(node["enum"]))
            for value in node.values():
                walk(value)

    walk(schema)
    # The identity is a link of a chain (version 1) but no layer of a graph.
    assert sorted(map(len, found)) == [len(NAMES) - 1, len(NAMES)]
    assert all(names | {"identity"} == set(NAMES) for names in found)
    assert set(kinds._NAMES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_form_of_a_record_is_the_same_function(name: str) -> None:
    function = _named(name)
    given = dict(function.parameters)
    points = np.array([-7.5, -1.25, -0.3, 0.0, 0.7, 2.0, 9.0])
    value, slope = function(Ball(points)), function(Ball(points), 1)
    near, near_slope = function.record.in_float64(points.copy(), np.empty_like(points), given)
    tensor = torch.tensor(points, requires_grad=True)
    out = function.record.in_torch(tensor, given)
    (gradient,) = torch.autograd.grad(out.sum(), tensor)
    for i, point in enumerate(points):
        exact, exact_slope = function.record.in_arb(arb(float(point)), given)
        for ball, enclosed in ((value[i], exact), (slope[i], exact_slope)):
            assert arb(float(ball.mid), float(ball.rad)).overlaps(enclosed)
        assert abs(near[i] - float(exact.mid())) < 1e-14 * max(1.0, abs(near[i]))
        assert abs(float(out[i].detach()) - float(exact.mid())) < 1e-14 * max(1.0, abs(near[i]))
        if function.pieces is None or point not in function.pieces.kinks:
            assert abs(near_slope[i] - float(exact_slope.mid())) < 1e-14
            assert abs(float(gradient[i]) - float(exact_slope.mid())) < 1e-14
