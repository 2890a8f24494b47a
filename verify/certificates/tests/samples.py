"""A certificate with a value of every kind, and a small network."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from verify.arrays import Ball
from verify.certificates import Certificate, Problem, Step
from verify.certificates.catalogue import inequality
from verify.networks import read_data, read_network
from verify.nn import NTKLinear


def sample(**changes: Any) -> Certificate:
    generator = torch.Generator().manual_seed(3)
    model = torch.nn.Sequential(
        NTKLinear(3, 5, bias=True, generator=generator),
        torch.nn.Softplus(beta=2.5),
        NTKLinear(5, 2, generator=generator),
    )
    network = read_network(model)
    X = np.random.default_rng(0).standard_normal((4, 3))
    y = np.random.default_rng(1).standard_normal((4, 2))
    name, claim = "NTK positive at the centre", "ntk_positive"
    step = Step(name, claim, Ball(0.1, 1e-300), ">", Ball(0.0), inequality(name, claim))
    values: dict[str, Any] = {
        "scope": "ball",
        "verdict": "INCONCLUSIVE",
        "reason": "μ is not known",
        "problem": Problem(network, read_data(network, X, y), "mean", Fraction(1, 3)),
        "constants": {"mu": Ball(0.1, 0.25), "lr": Fraction(1, 3), "n": 4, "x": 0.1, "none": None},
        "margins": {"a b": Ball(1.0)},
        "steps": (step,),
        "witness": {
            "certified_by": "classical",
            "table": np.array([5e-324, -0.0, 1e308]),
            "nested": [{"i": [1, 0.5]}],
        },
        "observed": {"rate": 0.99, "curve": [0.1, math.inf]},
    }
    return Certificate(**{**values, **changes})


def small_network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 8, dtype=torch.float64), torch.nn.Tanh(), torch.nn.Linear(8, 1, dtype=torch.float64)
    )
