"""What ``centre=`` reads: names decide, not an order; other networks are refused; what is forged about another point is rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import verify
from property_tests.centres import CentreDraw, centre_certificate, forgeries, is_accepted
from property_tests.draws import Architecture, Inputs, Targets, TrainingProblem
from verify.errors import InputError, ShapeError

PROBLEM = TrainingProblem(
    Architecture((3, 6, 2), ("tanh",), bias=True, seed=4, full_precision=True),
    Inputs(3, seed=5),
    Targets(size=2.0**-4, seed=6),
    "mse",
    reach=2.0,
)
DRAW = CentreDraw(PROBLEM, 0.5, 0.1)


def _about(centre: object) -> verify.Certificate:
    return verify.certify(PROBLEM.model, PROBLEM.X, PROBLEM.y, loss="mse", radius=PROBLEM.radius, centre=centre)


def test_a_centre_is_read_by_name_whatever_the_order() -> None:
    certificate = centre_certificate(DRAW)
    assert certificate.verdict == "PROVED", certificate.reason
    assert DRAW.centre is not None
    model = PROBLEM.architecture.build()
    torch.nn.utils.vector_to_parameters(torch.tensor(DRAW.centre), model.parameters())
    shuffled = dict(reversed(list(model.state_dict().items())))
    for centre in (model, shuffled):
        again = _about(centre)
        assert again.reason == certificate.reason
        assert np.array_equal(again.witness["centre"], DRAW.centre)
    other = _about(np.ascontiguousarray(np.asarray(DRAW.centre)[::-1]))
    assert other.verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    "change", [{"activations": ("gelu",)}, {"parametrisation": "ntk"}, {"widths": (3, 5, 2)}, {"bias": False}]
)
def test_a_centre_of_another_network_is_refused(change: dict[str, Any]) -> None:
    other = replace(PROBLEM.architecture, **change)
    with pytest.raises((InputError, ShapeError), match="centre"):
        _about(other.build())


@pytest.mark.parametrize("data", [0.0, 2.0**-14])
def test_what_is_forged_about_another_point_is_rejected(data: float) -> None:
    draw = CentreDraw(PROBLEM, 0.5, 0.1, data)
    certificate = centre_certificate(draw)
    assert certificate.verdict == "PROVED", certificate.reason
    assert is_accepted(certificate)
    names = [name for name, forged in forgeries(draw, certificate) if not is_accepted(forged)]
    assert names == ["swapped", "another order", "another network's centre", "another network's start"]
