"""Networks for the tests of sweeps: one that loses its worker, once or always; and data that are none."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import torch


def _network(inputs: int, outputs: int, width: int, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, width, dtype=torch.float64),
        torch.nn.Tanh(),
        torch.nn.Linear(width, outputs, dtype=torch.float64),
    )


def loses_its_worker_once(
    *, inputs: int, outputs: int, width: int, depth: int, activation: str, seed: int
) -> torch.nn.Module:
    """Kill the process that runs this, unless a file (its path passed as `activation`) says that this happened before."""
    marker = Path(activation)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return _network(inputs, outputs, width, seed)


def always_loses_its_worker(
    *, inputs: int, outputs: int, width: int, depth: int, activation: str, seed: int
) -> torch.nn.Module:
    """Kill the process that runs this."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def needs_too_much_memory(
    *, inputs: int, outputs: int, width: int, depth: int, activation: str, seed: int
) -> torch.nn.Module:
    """Run out of memory as Python reports it."""
    raise MemoryError


def no_data() -> tuple[int, int, int]:
    """Return something else than X and y."""
    return 1, 2, 3


def two_outputs() -> tuple[list[list[float]], list[list[float]]]:
    """Return one sample with two targets."""
    return [[1.0, 2.0]], [[1.0, 0.0]]
