"""Claim gd_nonexpansive_in_lplr: gradient descent is not nonexpansive in a Locally PL Region, so operator theory does not apply as such."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _apart() -> list[Fact]:
    eta = Q(1, 4)

    def step(v: Q, w: Q) -> tuple[Q, Q]:
        e = v * w - 1
        return v - eta * e * w, w - eta * e * v

    a, b = step(Q(1, 2), Q(1, 2)), step(Q(5, 8), Q(5, 8))
    after = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
    return [
        Fact("λ = v² + w² ≥ ½ on the segment between the points", 2 * Q(1, 2) ** 2 == Q(1, 2)),
        Fact(
            "the squared distance grows from 1/32 to 67081/2097152",
            after == Q(67081, 2097152) > Q(1, 32) == 2 * Q(1, 8) ** 2,
        ),
    ]


CLAIM = Claim(
    id="gd_nonexpansive_in_lplr",
    title="gradient descent is nonexpansive in an LPLR",
    statement="In a Locally PL Region gradient descent with a step below 1/β is nonexpansive.",
    source="our formulation of a reading of arXiv:2310.13459, whose operators are nonexpansive or cohypomonotone",
    refutation=Counterexample("F = vw, y = 1, η = ¼, (½, ½) and (5/8, 5/8)", _apart),
    repaired_by=("lookahead_lplr",),
)
