"""The README's picture, made by the package itself: ``python -m verify.experiments.picture`` writes loss_under_envelope.svg beside this file.

A 64-1024-1 tanh network learns 100 handwritten digits by full-batch gradient descent; from the hand-over on, real-arithmetic descent restarted
there stays below the proved envelope, and the float64 run is drawn beside it for as many steps again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from verify import datasets
from verify.certificates.plots import Plot, Series, envelope
from verify.decimals import bounds
from verify.errors import VerifyError
from verify.experiments.runs import mlp
from verify.networks import Problem, read_data, read_network
from verify.regions.descent.float64 import Descent
from verify.regions.scopes.options import RunOptions
from verify.regions.scopes.run import record_run
from verify.report.figures import draw

__all__ = ["PICTURE", "picture"]

PICTURE = Path(__file__).parent / "loss_under_envelope.svg"


def picture() -> str:
    """Return the SVG.

    Raises:
        VerifyError: the run is not PROVED.
    """
    network = read_network(mlp((64, 1024, 1)))
    data = read_data(network, *datasets.digits(100, norm=24.0))
    record = record_run(Problem(network, data), RunOptions(steps=20_000))
    certificate = record.certificate
    if certificate.verdict != "PROVED":
        raise VerifyError(f"the picture's run ended {certificate.verdict}: {certificate.reason}")
    constants = certificate.constants
    start, rate = int(constants["handover_step"]), float(bounds(constants["rate"])[1])
    point = next(p for p in certificate.witness["checkpoints"] if p["step"] == start)
    descent = Descent.of(certificate.problem)
    theta, after = np.asarray(point["parameters"]), []
    for _ in range(start):
        theta, residual = descent.step(theta)
        after.append(0.5 * residual**2)
    steps, values = envelope(float(point["loss"][1]), rate, start, 2 * start)
    plot = Plot(
        "readme",
        "100 handwritten digits, 64-1024-1 tanh",
        "step k",
        "loss Φ",
        [
            Series(
                "float64 run",
                [*record.history.steps(), *range(start, 2 * start)],
                [*record.history.values, *after],
                "observed",
            ),
            Series("envelope", steps, values),
        ],
        log_y=True,
        marks=[(f"hand-over T = {start}", float(start))],
    )
    drawn = draw(plot)
    assert drawn is not None  # two series with points
    return drawn


if __name__ == "__main__":
    PICTURE.write_text(picture() + "\n", encoding="utf-8")
    print(PICTURE)
