"""Small certificates of every verdict, made once."""

from __future__ import annotations

import pytest
import torch

import verify
from verify.certificates import Certificate
from verify.nn import NTKLinear


def _tanh_net() -> torch.nn.Sequential:
    generator = torch.Generator().manual_seed(0)
    return torch.nn.Sequential(
        NTKLinear(3, 8, generator=generator), torch.nn.Tanh(), NTKLinear(8, 1, generator=generator)
    )


def _linear() -> torch.nn.Sequential:
    net = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64))
    torch.nn.init.zeros_(net[0].weight)  # type: ignore[arg-type]
    return net


@pytest.fixture(scope="session")
def certificates() -> dict[str, Certificate]:
    """PROVED ball and point, REFUTED and INCONCLUSIVE certificates, by name."""
    X = [[1.0, 0.0, 0.5], [0.0, 2.0, -1.0]]
    return {
        "linear": verify.certify(_linear(), [[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0], lr=0.25),
        "point": verify.certify(_tanh_net(), X, [1.0, -1.0], scope="point"),
        "clash": verify.certify(_linear(), [[1.0, 2.0], [1.0, 2.0]], [1.0, -1.0]),
        "narrow": verify.certify(_tanh_net(), X, [3.0, -3.0], lr="1/10", radius=0.5),
    }
