"""How the enclosure of Θ and its certified λ_min grow with n and width on real images, 784-width-1, tanh; processor time and memory of one process.

Keys of a row: ``name``, ``axis`` ('n' or 'width': the grid it belongs to), ``data``, ``n``, ``width``, ``kernel_seconds``, ``eigenvalue_seconds``
(processor time; nothing else that runs on the machine counts, but caches and clocks are shared), ``gibibytes`` (largest size of the process so
far), ``lambda_min`` (proved lower bound).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from verify import datasets
from verify.arrays import smallest_eigenvalue
from verify.experiments.files import run_resumably
from verify.experiments.runs import mlp
from verify.networks import kernel_of, linearise, read_data, read_network

__all__ = ["FULL", "QUICK", "Size", "measure", "measure_one"]


@dataclass(frozen=True)
class Size:
    """One point of a grid.

    Attributes:
        axis: what the grid varies. n: images. width: of the hidden layer. data: a function of :mod:`verify.datasets` with 784 inputs.
    """

    axis: Literal["n", "width"]
    n: int
    width: int
    data: Literal["mnist", "fashion_mnist"] = "mnist"

    @property
    def name(self) -> str:
        """File-safe and unique."""
        return f"growth-{self.axis}-{self.data}-n{self.n}-width{self.width}"


QUICK = (
    *(Size("n", n, 1024) for n in (125, 250, 500, 1000)),
    *(Size("width", 250, width) for width in (512, 1024, 2048, 4096)),
)
"""Some seconds."""

FULL = (
    *(Size("n", n, 1024, "fashion_mnist") for n in (1250, 2500, 5000, 10_000)),
    *(Size("width", 1000, width, "fashion_mnist") for width in (512, 1024, 2048, 4096)),
)
"""Some minutes, 6 GiB."""


def measure_one(size: Size, path: Path | None = None) -> dict[str, Any]:
    """Return one row: processor seconds of Θ and of its certified λ_min, and the bound; `path`, where a case keeps its certificate, is not used."""
    network = read_network(mlp((784, size.width, 1)))
    data = read_data(network, *getattr(datasets, size.data)(size.n, norm=84.0))
    begin = time.process_time()
    kernel = kernel_of(linearise(network, data.X))
    middle = time.process_time()
    smallest = smallest_eigenvalue(kernel)
    end = time.process_time()
    return {
        "name": size.name,
        "axis": size.axis,
        "data": size.data,
        "n": size.n,
        "width": size.width,
        "kernel_seconds": middle - begin,
        "eigenvalue_seconds": end - middle,
        "gibibytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "lambda_min": float(smallest.lower()),
    }


def measure(directory: Path, sizes: Sequence[Size] = QUICK) -> list[dict[str, Any]]:
    """Measure the sizes, resumably: ``directory/<name>.json`` is read where it exists, else made."""
    measure_one(sizes[0])  # what is loaded and compiled at first use is no cost of growth
    return run_resumably(directory, sizes, measure_one)
