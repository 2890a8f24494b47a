"""Every device that there is: the CPU, and CUDA where it exists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: TensorBall untested there")
)
on_devices = pytest.mark.parametrize("where", ["cpu", CUDA])


def tensor_on(x: Any, where: str) -> torch.Tensor:
    return torch.tensor(np.asarray(x, dtype=np.float64), device=where)
