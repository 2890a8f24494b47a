"""What is printed about a certificate is what it proves."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import torch

import verify
from verify.arrays import Ball
from verify.certificates import Certificate, Step
from verify.certificates.display import as_html, as_text, typeset
from verify.certificates.sentences import sentence
from verify.certificates.wording import chain, facts
from verify.decimals import bounds
from verify.report.tables import summary_table


def test_every_printed_bound_is_on_the_safe_side(certificates: dict[str, Certificate]) -> None:
    certificate = certificates["linear"]
    checked = 0
    for fact in facts(certificate):
        low, high = bounds(certificate.constants[fact.name])
        number = fact.value.replace("−", "-")
        if number.startswith("≥"):
            assert Fraction(number[2:]) <= Fraction(low)
            checked += 1
        elif number.startswith("≤"):
            assert Fraction(number[2:]) >= Fraction(high)
            checked += 1
    assert checked >= 6


def test_the_sentence_quotes_rate_radius_and_mu(certificates: dict[str, Certificate]) -> None:
    text = sentence(certificates["linear"])
    assert "Real-arithmetic gradient descent with step η = 1/4" in text
    assert "radius at most 1.419" in text
    assert "μ ≥ 0.9999" in text
    assert "0.563^k" in text


def test_nothing_that_needs_containment_is_printed_without_it(certificates: dict[str, Certificate]) -> None:
    certificate = certificates["narrow"]
    assert certificate.verdict == "INCONCLUSIVE"
    assert "rate" in certificate.constants
    names = {fact.name for fact in facts(certificate)}
    assert not names & {"rate", "path_length", "residual_rate"}
    assert "gradient descent may leave it" in next(f.meaning for f in facts(certificate) if f.name == "radius")
    assert sentence(certificate).startswith("Nothing is proved")
    assert sentence(certificates["clash"]).startswith("Refuted")


def test_the_summary_says_which_descent_a_rate_belongs_to(certificates: dict[str, Certificate]) -> None:
    plain = certificates["linear"]
    descent = verify.SGD(momentum="1/2").on(plain.problem.data.n)
    heavy = dataclasses.replace(plain, problem=dataclasses.replace(plain.problem, descent=descent))
    rows = summary_table({"plain": plain, "heavy": heavy}).rows
    assert rows[0][4] == "ball"
    assert "momentum β = 0.5" in rows[1][4]


def test_beside_the_centre_the_residual_is_that_of_the_start_and_a_bound() -> None:
    layer = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.constant_(layer.weight, 1.0)
    certificate = verify.certify(layer, [[1.0]], [0.0], lr=0.5, centre=[torch.tensor([[0.25]]).double()], radius=2.0)
    fact = next(fact for fact in facts(certificate) if fact.name == "residual0")
    # ‖e(c)‖ is 1/4.
    assert fact.value.startswith("≤ 1")
    assert "not at the centre" in fact.meaning
    assert certificate.numbers["residual0"] >= 1.0


def test_chain_shows_the_facing_ends_and_flags_what_is_not_certain(certificates: dict[str, Certificate]) -> None:
    steps = (
        Step("overlap", "c", Ball(1.0, 0.5), "<", Ball(1.25, 0.5), "s"),
        Step("clear", "c", Ball(3.0, 0.5), ">=", Ball(1.0, 0.25), "s"),
    )
    rows = chain(dataclasses.replace(certificates["linear"], steps=steps))
    assert [(r.left, r.relation, r.right, r.margin, r.certain) for r in rows] == [
        ("1.5", "<", "0.75", "−0.75", False),
        ("2.5", "≥", "1.25", "1.25", True),
    ]


def test_terminal_and_notebook_show_the_verdict_and_escape_texts(certificates: dict[str, Certificate]) -> None:
    for certificate in certificates.values():
        plain_text = as_text(certificate, width=70)
        assert certificate.verdict in plain_text
        assert max(len(line) for line in plain_text.splitlines()) <= 70
        assert certificate.verdict in certificate._repr_html_()
    hostile = dataclasses.replace(certificates["narrow"], reason="<script>alert(1)</script>")
    assert "<script" not in as_html(hostile)


def test_typeset_leaves_names_alone() -> None:
    assert (
        typeset("λ_min of digits_n20, mu_paper, Φ_{k+1}") == "λ<sub>min</sub> of digits_n20, mu_paper, Φ<sub>k+1</sub>"
    )
