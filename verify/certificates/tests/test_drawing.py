"""A certificate as a figure and in a notebook."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import verify
from verify import datasets, nn
from verify.certificates import Certificate
from verify.certificates.drawing import paint
from verify.certificates.plots import Plot, Series, absorbed_residual, plots_of_certificate
from verify.colours import INK
from verify.errors import InputError

EXAMPLES = Path(verify.__file__).parent / "checker" / "examples"


@pytest.fixture(scope="module")
def run() -> verify.Certificate:
    return verify.certify(nn.fully_connected([5, 16, 1], seed=0, ntk=True), *datasets.sphere(4, 5, 3.0), scope="run")


def test_a_certificate_draws_what_it_proves_as_a_pdf(run: verify.Certificate) -> None:
    figure = run.figure()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "Loss and proved envelope"
    assert "NTK on the ball" in titles
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf")
    assert buffer.getvalue().startswith(b"%PDF")


def test_what_holds_nothing_to_draw_says_so() -> None:
    layer = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    point = verify.certify(torch.nn.Sequential(layer), [[2.0]], [8.0], scope="point")
    with pytest.raises(InputError, match="scope='point'"):
        point.figure()


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_verdict_has_contrast_on_light_and_dark_pages_and_no_other_text_has_a_colour(
    run: verify.Certificate,
) -> None:
    for ink in INK.values():
        assert 1.05 / (luminance(ink) + 0.05) >= 5.0
    html = run._repr_html_()
    assert f"background:{INK['PROVED']};color:#fff" in html
    assert len(re.findall(r"[^-]color:", html)) == 1


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("exact-sphere-n20", "classical"),
        ("run-digits-n50", "residual"),
        ("ball-at-initialisation-n10", "residual"),
        ("basin-digits-n50", "displacement"),
        ("basin-relu-digits-n50", "displacement"),
    ],
)
def test_the_residual_s_figure_is_of_the_form_that_certifies_and_passes_its_line_at_the_certified_radius(
    name: str, form: str
) -> None:
    certificate = Certificate.load(EXAMPLES / f"{name}.zip")
    plot = absorbed_residual(certificate, "x")
    assert plot is not None
    assert f"({form} form" in plot.caption
    [series], [(_, need)], [(_, radius)] = plot.series, plot.levels, plot.marks
    # The earliest radius at which it holds: at half of it the curve is still below the line.
    assert series.y[-1] > need
    assert series.x[-1] == radius
    start = series.x[0]
    # Balls that kinks limit end at the first row.
    assert len(series.x) == 2 or np.interp((start + radius) / 2, series.x, series.y) < need
    known = certificate.numbers
    assert start == (known["basin_radius"] if form == "displacement" else known.get("handover_offset", 0.0))


def test_what_descent_beside_the_centre_has_to_pay_begins_where_it_starts() -> None:
    layer = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.constant_(layer.weight, 1.0)
    certificate = verify.certify(layer, [[1.0]], [0.0], lr=0.5, centre=[torch.tensor([[0.25]]).double()], radius=2.0)
    plot = absorbed_residual(certificate, "x")
    assert plot is not None
    assert plot.series[0].x[0] == certificate.witness["offset"] == pytest.approx(0.75)
    assert plot.series[0].y[-1] == pytest.approx(1.25)


def test_no_envelope_is_drawn_of_another_descent_s_loss() -> None:
    """Its rate is one of squared distances, or of a bound that starts above the loss."""
    problem = nn.fully_connected([5, 16, 1], seed=0, ntk=True), *datasets.sphere(4, 5, 3.0)
    heavy = verify.certify(*problem, scope="run", descent=verify.SGD(momentum=0.5), steps=2000)
    assert heavy.proved
    first = plots_of_certificate(heavy, "x")[0]
    assert (first.title, first.caption) == ("Loss", "")
    assert not [series for series in first.series if "envelope" in series.label]


def test_nothing_is_drawn_of_what_a_ball_absorbs_where_nothing_is_proved_or_another_form_is() -> None:
    certificate = Certificate.load(EXAMPLES / "run-digits-n50.zip")
    assert absorbed_residual(replace(certificate, verdict="INCONCLUSIVE"), "x") is None
    witness = {**certificate.witness, "handover": {**certificate.witness["handover"], "certified_by": "descent"}}
    assert absorbed_residual(replace(certificate, witness=witness), "x") is None


@pytest.mark.parametrize("vertical", [False, True])
def test_a_logarithmic_axis_over_few_decades_has_labels_that_can_be_read(vertical: bool) -> None:
    values, others = [2.3e-5, 4.8e-5, 4.1e-4], [1.0, 2.0, 3.0]
    x, y = (others, values) if vertical else (values, others)
    figure = Figure()
    axes = figure.subplots()
    paint(Plot("p", "t", "x", "y", [Series("s", x, y, quantity="loss")], log_x=not vertical, log_y=vertical), axes)
    figure.draw_without_rendering()
    axis = axes.yaxis if vertical else axes.xaxis
    low, high = sorted(axis.get_view_interval())
    labels = [
        t.label1.get_text()
        for ticks in (axis.get_major_ticks(), axis.get_minor_ticks())
        for t in ticks
        if low <= t.get_loc() <= high
    ]
    assert [text for text in labels if text] == ["2e-05", "5e-05", "0.0001", "0.0002"]
