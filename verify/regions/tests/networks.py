"""Small networks with their data."""

from __future__ import annotations

from typing import Any

import torch

import verify
from verify import datasets


def small(width: int = 48, n: int = 8, d: int = 6, seed: int = 0) -> tuple[torch.nn.Sequential, Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(
        verify.nn.NTKLinear(d, width, generator=generator),
        torch.nn.Tanh(),
        verify.nn.NTKLinear(width, 1, generator=generator),
    )
    return model, *datasets.sphere(n, d, 4.0, seed)
