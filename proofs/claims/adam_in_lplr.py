"""Claim adam_in_lplr: Adam with a constant step need not converge, however good the region."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact

B1, B2, ETA, EPS = Q(9, 10), Q(999, 1000), Q(1, 100), Q(1, 10**8)
AMPLITUDE = ETA * (1 - B1) / (2 * (1 + B1)) - EPS


def two_cycle(steps: int) -> list[Q]:
    """Adam (bias correction's limit 1) on F = θ, y = 0 from the cycle's state: θ after each step; √v = |θ| exactly."""
    theta, v, thetas = AMPLITUDE, AMPLITUDE**2, []
    m = -(1 - B1) / (1 + B1) * theta
    for _ in range(steps):
        m, v = B1 * m + (1 - B1) * theta, B2 * v + (1 - B2) * theta**2
        theta -= ETA * m / (AMPLITUDE + EPS)
        thetas.append(theta)
        if v != AMPLITUDE**2:
            return []
    return thetas


def _cycle() -> list[Fact]:
    thetas = two_cycle(10)
    return [
        Fact(
            "θ alternates between ±a, a > 0, and v = a² exactly",
            thetas == [-AMPLITUDE, AMPLITUDE] * 5 and AMPLITUDE > 0,
        ),
        Fact("λ = 1 everywhere: the whole line is a Locally PL Region", Q(1) ** 2 == 1),
    ]


CLAIM = Claim(
    id="adam_in_lplr",
    title="Adam at a constant step converges in an LPLR",
    statement="In a Locally PL Region Adam with constant step size and (β1, β2, ε̂) = (0.9, 0.999, 1e-8) converges from every state (θ, m, v).",
    source="our formulation of a reading of arXiv:2505.15013",
    refutation=Counterexample(
        "F = θ: a two-cycle of amplitude η(1 − β1)/(2(1 + β1)) − ε̂, η = 1/100, bias correction at its limit", _cycle
    ),
    repaired_by=("containment_preconditioned", "adam_step_bound"),
    remarks="The state (m, v) of the cycle is part of the counterexample; that Adam reaches it from m = v = 0 is not claimed.",
)
