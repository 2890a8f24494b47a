"""How long scope `ball` of a small problem takes: 20 inputs on a sphere, torch's default layers, beside the target of 50 ms."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from verify import datasets
from verify.bench.timing import Row, values
from verify.regions import certify

__all__ = ["run"]

# Hidden widths, activation, and ‖F(θ) − y‖ of targets drawn near the outputs; None for the sphere's ±1 labels.
_CASES: tuple[tuple[tuple[int, ...], Callable[[], torch.nn.Module], float | None], ...] = (
    ((64,), torch.nn.Tanh, None),
    ((64,), torch.nn.ReLU, None),
    ((64, 64), torch.nn.Tanh, None),
    ((64,), torch.nn.Tanh, 1e-3),
    ((64, 64), torch.nn.Tanh, 1e-4),
    ((64,), torch.nn.ReLU, 1e-5),
)


def _network(hidden: tuple[int, ...], activation: Callable[[], torch.nn.Module]) -> torch.nn.Sequential:
    torch.manual_seed(0)
    widths = (10, *hidden)
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in zip(widths[:-1], hidden, strict=True):
        layers += [torch.nn.Linear(fan_in, fan_out), activation()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], 1)).double()


def _near(net: torch.nn.Module, X: np.ndarray, distance: float) -> np.ndarray:
    """Targets at a distance from the network's outputs."""
    with torch.no_grad():
        outputs: np.ndarray = net(torch.from_numpy(X)).numpy()
    step = np.random.default_rng(1).standard_normal(outputs.shape)
    return outputs + distance * step / np.linalg.norm(step)


def run(quick: bool = False) -> list[Row]:
    """Return value rows: the median time of one call, after two that import and build what is built once."""
    X, labels = datasets.sphere(20, 10, 4.0)
    rows = []
    for hidden, activation, distance in _CASES[:1] if quick else _CASES:
        net = _network(hidden, activation)
        y = labels if distance is None else _near(net, X, distance)
        for _ in range(2):
            verdict = certify(net, X, y).verdict
        seconds, processor = list[float](), list[float]()
        for _ in range(3 if quick else 13):
            start, used = time.perf_counter(), time.process_time()
            certify(net, X, y)
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - used)
        name = f"ball of 10-{'-'.join(map(str, hidden))}-1 {type(net[1]).__name__.lower()}"
        rows.append(
            values(
                name if distance is None else f"{name}, residual {distance:g}",
                f"{1e3 * statistics.median(seconds):.1f} ms, {verdict}",
                "50 ms",
                peer="target",
                proof=False,
                note=f"median of {len(seconds)} runs; processor time {1e3 * statistics.median(processor):.1f} ms, least {1e3 * min(processor):.1f}",
            )
        )
    return rows
