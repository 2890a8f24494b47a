"""Figures along a run: loss beside its proved envelope, the NTK and the PL ratio, drift beside the certified radius.

The proved points come from a certificate's checkpoints; the observed curve, where there is one, from the experiment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from verify.decimals import at_least, bounds, plain
from verify.report.figures import Plot, Series

__all__ = ["envelope", "plots_of_certificate", "run_plots", "width_plot"]


def envelope(start: float, rate: float, first_step: int, last_step: int) -> tuple[list[float], list[float]]:
    """Return (steps, rate^(k − first_step)·start) up to `last_step`, as floats for drawing."""
    steps = np.unique(np.linspace(first_step, max(last_step, first_step + 1), 120).round())
    with np.errstate(under="ignore"):
        values = start * np.power(rate, steps - first_step)
    return steps.tolist(), values.tolist()


def _column(points: Sequence[Mapping[str, Any]], name: str, end: int) -> tuple[list[float], list[float]]:
    kept = [(p["step"], p[name][end]) for p in points if p.get(name) is not None]
    return [float(k) for k, _ in kept], [float(v) for _, v in kept]


def run_plots(
    name: str,
    *,
    points: Sequence[Mapping[str, Any]] = (),
    curve: tuple[Sequence[float], Sequence[float]] | None = None,
    handover: tuple[int, float, float] | None = None,
    radius: float | None = None,
    lambda_region: float | None = None,
    restarted: bool = True,
    isolated: bool | None = None,
) -> list[Plot]:
    """Return up to three figures of one run.

    Args:
        name: unique; letters, digits, hyphens.
        points: checkpoints with enclosures [lower, upper] of loss, lambda_min, pl_ratio, drift; proved.
        curve: observed (steps, losses) of the float64 run.
        handover: (T, upper bound of Φ at T, certified rate): where the ball certificate takes over.
        radius: certified R of that ball. lambda_region: certified lower bound of λ_min on it.
        restarted: whether the envelope is about descent restarted at the hand-over (scope `run`), or about the path itself.
        isolated: whether the points are single steps, with nothing proved between them; None: as in scope `run`.
    """
    plots = []
    # Facts at a run's checkpoints say nothing of the steps between them; an exact path is enclosed at every step.
    isolated = restarted if isolated is None else isolated
    x, y = _column(points, "loss", 1)
    series = []
    if curve is not None:
        series.append(Series("loss of the float64 run", list(curve[0]), list(curve[1]), "observed"))
    if x:
        where = "checkpoints" if isolated else "every step"
        series.append(Series(f"loss at {where}, upper bound", x, y, isolated=isolated))
    marks = []
    if handover is not None:
        step, loss, rate = handover
        reach = max([step + 1, *(float(s) for s in (curve[0] if curve is not None else x))])
        # As far again as the run went: the bound concerns every later step.
        steps, values = envelope(loss, rate, step, int(step + max(reach - step, 0.5 * reach, 20)))
        series.append(Series("envelope after the hand-over", steps, values))
        marks = [(f"hand-over T = {step:,}", float(step))]
    if series:
        plots.append(
            Plot(
                f"loss-{name}",
                "Loss and proved envelope",
                "step k",
                "Φ",
                series,
                log_y=True,
                marks=marks,
                caption=(
                    "From the hand-over on, the loss of real-arithmetic gradient descent"
                    + (" restarted there" if restarted else "")
                    + " lies below the envelope."
                ),
            )
        )
    series = []
    for key, label in (
        ("lambda_min", "smallest NTK eigenvalue, lower bound"),
        ("pl_ratio", "PL ratio ½‖∇Φ‖²/Φ, lower bound"),
    ):
        x, y = _column(points, key, 0)
        if x:
            series.append(Series(label, x, y, isolated=isolated))
    if series:
        levels = [(f"λ on the certified ball ≥ {at_least(lambda_region)}", lambda_region)] if lambda_region else []
        plots.append(
            Plot(
                f"gap-{name}", "NTK gap and PL ratio", "step k", "value", series, log_y=True, levels=levels, marks=marks
            )
        )
    x, y = _column(points, "drift", 1)
    if any(v > 0.0 for v in y):
        levels = [(f"certified radius R ≈ {plain(radius)}", radius)] if radius else []
        plots.append(
            Plot(
                f"drift-{name}",
                "Drift and certified radius",
                "step k",
                "distance from the start",
                [Series("drift from the start, upper bound", x, y, isolated=isolated)],
                levels=levels,
                marks=marks,
                caption="R is the radius of the ball about the hand-over point: how far descent can still go from there.",
            )
        )
    return plots


def _points(certificate: Any) -> list[Mapping[str, Any]]:
    """Proved bounds along the path: a run's checkpoints, or an exact path's iterates."""
    witness = certificate.witness
    if witness.get("checkpoints"):
        return list(witness["checkpoints"])
    keys = ("loss_lower", "loss_upper", "lambda_lower")
    if any(witness.get(key) is None for key in keys):
        return []
    low, high, lam = (np.asarray(witness[key], dtype=float) for key in keys)
    return [
        {"step": k, "loss": [low[k], high[k]], "lambda_min": [lam[k], np.inf]}
        for k in range(min(low.size, high.size, lam.size))
    ]


def plots_of_certificate(certificate: Any, name: str) -> list[Plot]:
    """Return the figures of a `run` or `exact` certificate, from what it proves itself."""
    points = _points(certificate)
    if not points:
        return []
    c = certificate.constants
    handover = None
    if certificate.verdict == "PROVED" and c.get("handover_step") is not None and "rate" in c:
        step = int(bounds(c["handover_step"])[0])
        # The envelope starts at the loss of the hand-over's own point, which need not be the last.
        loss = next((float(point["loss"][1]) for point in points if point["step"] == step), None)
        handover = None if loss is None else (step, loss, float(bounds(c["rate"])[1]))
    return run_plots(
        name,
        points=points,
        handover=handover,
        radius=float(bounds(c["radius"])[0]) if handover and "radius" in c else None,
        lambda_region=float(bounds(c["lambda_region"])[0]) if handover and "lambda_region" in c else None,
        restarted=certificate.scope == "run",
    )


def width_plot(rows: Sequence[Mapping[str, Any]], *, name: str = "width") -> Plot | None:
    """Certified radius against width, one marker per row {width, radius}; None with fewer than two widths.

    Rows may differ in more than their width, so nothing is joined. Where a row has ``drift``, it is drawn too.
    """
    known = [r for r in rows if r.get("width") and r.get("radius")]
    if len({r["width"] for r in known}) < 2:
        return None
    series = [
        Series(
            label,
            [float(r["width"]) for r in known if r.get(key)],
            [float(r[key]) for r in known if r.get(key)],
            isolated=True,
        )
        for key, label in (("radius", "radius R of the final ball"), ("drift", "distance from the start, upper bound"))
    ]
    return Plot(
        name,
        "Certified radius and width",
        "width",
        "distance",
        series,
        log_x=True,
        log_y=True,
        caption="One marker per experiment; they may differ in data and step as well.",
    )
