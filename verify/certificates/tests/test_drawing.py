"""A certificate as a figure and in a notebook."""

from __future__ import annotations

import io
import re

import pytest
import torch

import verify
from verify import datasets, nn
from verify.certificates.display import INK
from verify.errors import InputError


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
