"""What a certificate shows in figures, as plain data: λ_min over the ball, the residual it can absorb, loss, NTK and drift along a run.

Proved points come from the certificate's table and checkpoints; the observed curve, where there is one, from the experiment that made it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from verify.decimals import at_least, at_most, bounds, plain

__all__ = [
    "Plot",
    "Quantity",
    "Series",
    "absorbed_residual",
    "envelope",
    "kernel_on_ball",
    "plots_of_certificate",
    "run_plots",
]

Quantity = Literal["loss", "ntk", "pl", "distance", "residual", "contraction"]
"""What a curve is about; it decides the colour, the same in every figure (:mod:`verify.certificates.drawing`)."""


@dataclass(frozen=True)
class Series:
    """One curve: x and y of equal length, what it is and about what, and whether it is proved or observed.

    `isolated`: proved at these points alone, nothing between them. `step`: each value holds back to the point before. `dashed`: tells two
    curves about one quantity apart.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: Literal["proved", "observed"] = "proved"
    quantity: Quantity = "loss"
    isolated: bool = False
    step: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """A figure before it is drawn.

    Attributes:
        name: unique in the report, letters, digits and hyphens; becomes part of the SVG's ids.
        title, x_label, y_label: texts. series: curves. log_x, log_y: logarithmic axes.
        levels: horizontal lines (label, value). marks: vertical lines (label, value).
        rows: names of the whole numbers 1, 2, … on the vertical axis, first at the top; empty: an ordinary axis.
        caption: below the figure.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False
    levels: Sequence[tuple[str, float]] = field(default=())
    marks: Sequence[tuple[str, float]] = field(default=())
    rows: Sequence[str] = ()
    caption: str = ""


def _table(certificate: Any) -> tuple[np.ndarray, np.ndarray] | None:
    witness: Mapping[str, Any] = certificate.witness.get("handover") or certificate.witness
    radii, lam = witness.get("radii"), witness.get("lambda")
    if radii is None or lam is None or len(radii) < 2:
        return None
    return np.asarray(radii, dtype=float), np.asarray(lam, dtype=float)


def _form(certificate: Any) -> str | None:
    found: str | None = (certificate.witness.get("handover") or certificate.witness).get("certified_by")
    return found


def _radius(certificate: Any) -> float | None:
    value = certificate.constants.get("radius")
    return None if value is None else float(bounds(value)[0])


def kernel_on_ball(certificate: Any, name: str) -> Plot | None:
    """λ_min of the NTK against the distance from the centre, as certified; None without a radius table."""
    table, radius = _table(certificate), _radius(certificate)
    if table is None:
        return None
    radii, lam = table
    c = certificate.constants
    marks = []
    if radius is not None:
        marks.append(
            (("certified R" if certificate.verdict == "PROVED" else "nearest R") + f" ≈ {plain(radius)}", radius)
        )
    if "basin_radius" in c:
        rho = bounds(c["basin_radius"])[0]
        marks.append((f"starts within ρ ≥ {at_least(rho)}", float(rho)))
    for key, label in (("stability_radius", "½λ₀ survives, sharp"), ("stability_radius_paper", "½λ₀ survives, paper")):
        if key in c and bounds(c[key])[0] > 0.0:
            marks.append((f"{label}, r ≥ {at_least(bounds(c[key])[0], 3)}", bounds(c[key])[0]))
    return Plot(
        name=f"kernel-{name}",
        title="NTK on the ball",
        x_label="r, distance from the centre",
        y_label="smallest NTK eigenvalue",
        series=[
            Series(
                "lower bound on the ball of radius r",
                [0.0, *radii],
                # About J_c (criterion residual_relu) λ_min at the centre is known by the first row alone.
                [lam[0] if _form(certificate) == "residual_relu" else bounds(c["lambda0"])[0], *lam],
                quantity="ntk",
                step=True,
            )
        ],
        marks=marks,
        caption="Every point of the ball of radius r has an NTK with a smallest eigenvalue at least this large.",
    )


def absorbed_residual(certificate: Any, name: str) -> Plot | None:
    """How much residual a ball of radius r ≤ R can absorb, beside how much it must, in the form that certifies; None where none of them does.

    Residual form: ∫_0^r(σ − δ) against ‖e₀‖. Displacement form, from starts within ρ: ∫_ρ^r(σ − δ_E) against E = 2(½L_Hρ² + ‖e(c)‖)/(2 − b). Classical form:
    c·√λ(r)·r against ‖e₀‖. Where descent starts within o of the centre, from o on.
    σ = √λ, or γ√λ for steps beyond 1/λ_max; δ, δ_E and c are those of R, which are the worst up to R; beyond it nothing is drawn.
    """
    table, radius, form = _table(certificate), _radius(certificate), _form(certificate)
    if certificate.verdict != "PROVED" or table is None or radius is None or certificate.problem.descent is not None:
        return None
    high = {key: float(bounds(value)[1]) for key, value in certificate.constants.items() if value is not None}
    radii, lam = (column[table[0] <= radius] for column in table)
    long = "path_share" in certificate.constants
    share, kept = (float(bounds(certificate.constants["path_share"])[0]), "γσ") if long else (1.0, "σ")
    sigma = share * np.sqrt(np.maximum(lam, 0.0))
    # Beside the centre descent starts at a distance o, and what lies within pays for nothing.
    start = float((certificate.witness.get("handover") or certificate.witness).get("offset") or 0.0)
    need, label, since = high["residual0"], "‖e₀‖", " from o on" if start else ""
    if form == "displacement":
        start = high["basin_radius"]
    radii, sigma = radii[radii > start], sigma[radii > start]
    widths = np.diff(radii, prepend=start)
    if form == "classical":
        fraction = float(bounds(certificate.constants["descent_fraction"])[0])
        supply, word = fraction * sigma * (radii - start), "c·√λ(r)·(r − o)" if start else "c·√λ(r)·r"
    elif form in ("residual", "residual_relu"):
        supply, word = np.cumsum(widths * np.maximum(sigma - high["step_drift"], 0.0)), f"∫({kept} − δ)dr{since}"
    elif form == "displacement":
        need, label, word = high["basin_threshold"], "E", f"∫({kept} − δ)dr from ρ on"
        norm = high["jacobian_norm0"] + high["Delta_J"]
        eta_s = high["lr"] * float(certificate.problem.scale)
        drift = min(0.5 * eta_s * high["L_H"] * norm * need, 2.0 * high["Delta_J"])
        supply = np.cumsum(widths * np.maximum(sigma - drift, 0.0))
    else:
        return None
    return Plot(
        name=f"residual-{name}",
        title="Residual the ball can absorb",
        x_label="r, distance from the centre",
        y_label="residual norm",
        series=[Series(word, [start, *radii], [0.0, *supply], quantity="residual")],
        levels=[(f"{label} ≤ {at_most(need)}", need)] if math.isfinite(need) else [],
        marks=[(f"certified R ≈ {plain(radius)}", radius)],
        caption=f"Where the curve has passed the dashed line, gradient descent stays in the ball ({form.replace('_', ', ')} form; plotted in floating point).",
    )


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
        handover: (T, upper bound of Φ at T, certified rate): where a ball or a basin takes over.
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
        series.append(Series("envelope after the hand-over", steps, values, dashed=True))
        marks = [(f"hand-over T = {step:,}", float(step))]
    if series:
        plots.append(
            Plot(
                f"loss-{name}",
                "Loss" if handover is None else "Loss and proved envelope",
                "step k",
                "Φ",
                series,
                log_y=True,
                marks=marks,
                caption=""
                if handover is None
                else "From the hand-over on, the loss of real-arithmetic gradient descent"
                + (" restarted there" if restarted else "")
                + " lies below the envelope.",
            )
        )
    series = []
    shown: tuple[tuple[str, str, Quantity], ...] = (
        ("lambda_min", "smallest NTK eigenvalue, lower bound", "ntk"),
        ("pl_ratio", "PL ratio ½‖∇Φ‖²/Φ, lower bound", "pl"),
    )
    for key, label, quantity in shown:
        x, y = _column(points, key, 0)
        if x:
            series.append(Series(label, x, y, quantity=quantity, isolated=isolated))
    if series:
        title = "NTK gap and PL ratio" if len(series) > 1 else "NTK gap"
        levels = [(f"λ on the certified ball ≥ {at_least(lambda_region)}", lambda_region)] if lambda_region else []
        plots.append(Plot(f"gap-{name}", title, "step k", "value", series, log_y=True, levels=levels, marks=marks))
    x, y = _column(points, "drift", 1)
    if any(v > 0.0 for v in y):
        # The ball's radius is measured from its centre, the drift from the start: on one axis they would be taken for each other.
        ball = f" The certified ball that takes over has radius R ≈ {plain(radius)}." if radius else ""
        plots.append(
            Plot(
                f"drift-{name}",
                "Distance from the start of the run",
                "step k",
                "‖θₖ − θ₀‖",
                [Series("distance from the start, upper bound", x, y, quantity="distance", isolated=isolated)],
                marks=marks,
                caption=f"How far the run had moved at each checkpoint.{ball}",
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
    # The rate of another descent is no factor of Φ from one point of the figure to the next.
    falls = certificate.verdict == "PROVED" and certificate.problem.descent is None
    if falls and c.get("handover_step") is not None and "rate" in c:
        step = int(bounds(c["handover_step"])[0])
        # The envelope starts at the loss of the hand-over's own point, which need not be the last.
        loss = next((float(point["loss"][1]) for point in points if point["step"] == step and point["loss"]), None)
        handover = None if loss is None else (step, loss, float(bounds(c["rate"])[1]))
    return run_plots(
        name,
        points=points,
        handover=handover,
        radius=float(bounds(c["radius"])[0]) if handover and "radius" in c else None,
        lambda_region=float(bounds(c["lambda_region"])[0]) if handover and "lambda_region" in c else None,
        restarted=certificate.scope == "run",
    )
