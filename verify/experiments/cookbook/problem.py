"""The small problem that the scripts share: eight points on a sphere, ±1 labels, one hidden layer of tanh."""

from __future__ import annotations

import numpy as np
import torch

from verify import datasets

__all__ = ["small_problem"]


def small_problem(width: int = 48) -> tuple[torch.nn.Sequential, np.ndarray, np.ndarray]:
    """Return (network in float64, X (8, 6), y (8,)); the same at every call."""
    torch.manual_seed(0)
    X, y = datasets.sphere(8, 6, 4.0, 0)
    network = torch.nn.Sequential(torch.nn.Linear(6, width), torch.nn.Tanh(), torch.nn.Linear(width, 1)).double()
    return network, X, y
