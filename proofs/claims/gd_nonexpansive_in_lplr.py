"""Claim gd_nonexpansive_in_lplr: gradient descent is not nonexpansive in a Locally PL Region, so operator theory does not apply as such."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _apart() -> list[Fact]:
    # B((1, 1), 3/4): ‖θ‖ is between √2 − 3/4 and √2 + 3/4 < 13/6, so |vw| ≤ ‖θ‖²/2 gives |vw − 1| ≤ (13/6)²/2 + 1.
    eta, radius, largest = Q(1, 9), Q(3, 4), Q(13, 6)

    def step(t: Q) -> Q:
        return t - eta * (t * t - 1) * t  # on the diagonal v = w = t

    a, b = Q(1, 2), Q(5, 8)
    return [
        Fact(
            "(½, ½) and (⅝, ⅝) lie in B((1, 1), ¾), whose centre has zero loss",
            2 * (1 - a) ** 2 <= radius**2 and Q(1) * 1 == 1,
        ),
        Fact("λ = v² + w² ≥ (√2 − ¾)² > 2/5 there", Q(2) > Q(7, 5) ** 2 and (Q(7, 5) - radius) ** 2 > Q(2, 5)),
        Fact(
            "β = 9 there: ‖J‖² + |vw − 1| ≤ 9, ‖∇²F‖ = 1", (largest - radius) ** 2 > 2 and largest**2 * Q(3, 2) + 1 <= 9
        ),
        Fact("their distance grows by a step η = 1/9 ≤ 1/β", step(b) - step(a) > b - a > 0),
    ]


CLAIM = Claim(
    id="gd_nonexpansive_in_lplr",
    title="gradient descent is nonexpansive in an LPLR",
    statement="In a Locally PL Region gradient descent with a step η ≤ 1/β is nonexpansive.",
    source="our formulation of a reading of arXiv:2310.13459, whose operators are nonexpansive or cohypomonotone",
    refutation=Counterexample("F = vw, y = 1 on B((1, 1), ¾), η = 1/9, (½, ½) and (⅝, ⅝)", _apart),
    repaired_by=("lookahead_lplr",),
)
