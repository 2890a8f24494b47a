"""Networks outside the theorem's hypotheses are refused before anything is computed, wherever the offending layer stands."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from hypothesis import given, settings, strategies as st

import verify
from property_tests.draws import Architecture, Inputs
from property_tests.strategies import architectures
from verify.errors import UnsupportedLayerError

_KINKED = (torch.nn.Hardswish, torch.nn.SELU, torch.nn.Hardsigmoid, torch.nn.PReLU, torch.nn.Softshrink)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    arch=architectures(depths=(2, 5), max_width=16),
    data=st.data(),
    kind=st.sampled_from(_KINKED),
    scope=st.sampled_from(["ball", "point", "run", "exact"]),
)
def test_kinks_beside_curves_and_slopes_that_train_are_refused(
    arch: Architecture,
    data: st.DataObject,
    kind: type[torch.nn.Module],
    scope: Literal["ball", "point", "run", "exact"],
) -> None:
    modules = list(arch.build())
    linear = [i for i, m in enumerate(modules) if isinstance(m, torch.nn.Linear | verify.nn.NTKLinear)]
    at = data.draw(st.sampled_from(linear)) + 1
    if at < len(modules) and at not in linear:
        modules[at] = kind()
    else:
        modules.insert(at, kind())
    X = Inputs(n=2).build(arch.widths[0])
    model = torch.nn.Sequential(*modules)
    y = torch.zeros(2, arch.widths[-1], dtype=torch.float64)
    with pytest.raises(UnsupportedLayerError):
        verify.certify(model, X, y, scope=scope)
