"""The observed curve of a run: the loss at steps 0, 1, 2, … in bounded memory, and the rate at which it was seen to fall."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["History", "observed_rate", "steps_to_fall"]


class History:
    """Observed curve (step, Φ) of a run of any length in bounded memory.

    Every `stride`-th step is kept; when `limit` values are held, every second one is dropped and the stride doubles. The result
    depends on the steps alone, so a resumed run ends with the same curve.
    """

    limit = 4096

    def __init__(self, stride: int = 1, values: list[float] | None = None, first: int = 0) -> None:
        """Start empty at the step `first`, or from a saved stride and values."""
        self.stride, self.first = stride, first
        self.values = list(values or [])

    def add(self, step: int, value: float) -> None:
        """Record the value of one step; steps come in order first, first + 1, …"""
        if (step - self.first) % self.stride:
            return
        self.values.append(float(value))
        if len(self.values) >= self.limit:
            self.values = self.values[::2]
            self.stride *= 2

    def steps(self) -> list[int]:
        """Return the step of each kept value."""
        return [self.first + i * self.stride for i in range(len(self.values))]


def observed_rate(history: History) -> float | None:
    """Return the factor per step at which Φ was seen to fall over the last third of a run (approximate); None if unknown."""
    values = np.asarray(history.values)
    tail = values[-max(2, values.size // 3) :]
    tail = tail[np.isfinite(tail) & (tail > 0.0)]
    if tail.size < 2:
        return None
    return float((tail[-1] / tail[0]) ** (1.0 / ((tail.size - 1) * history.stride)))


def steps_to_fall(history: History, fall: float) -> int | None:
    """Estimate how many steps ‖e‖ = √(2Φ/s) takes to fall to the share `fall`; None if Φ did not fall.

    At the rate of the last tenth of the run or of its last half, whichever is faster: at the edge of stability Φ rises and falls on its way down, and
    the last tenth alone may say years.
    """
    found = []
    for reach in {max(1, len(history.values) // 10), len(history.values) // 2}:
        if not 0 < reach < len(history.values) or not 0.0 < fall < 1.0:
            continue
        before, last = history.values[-1 - reach], history.values[-1]
        if 0.0 < last < before < math.inf:
            found.append(math.ceil(2.0 * math.log(fall) / math.log(last / before) * reach * history.stride))
    return min(found, default=None)
