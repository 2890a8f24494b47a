"""Claim km_residual: Krasnoselskii–Mann iterations of a quasi-nonexpansive operator."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The parallelogram law, summed."""
    lam, d0 = sym("outer_step d0")
    a, b, n1, r, S = sym("a b n1 r S")
    proof = Proof()
    proof.lemma(
        "parallelogram",
        "cauchy_schwarz",
        sp.Eq(n1**2, (1 - lam) * a**2 + lam * b**2 - lam * (1 - lam) * r**2),
        "n1 = ‖z⁺ − z*‖, a = ‖z − z*‖, b = ‖Tz − z*‖, r = ‖Tz − z‖: expand both sides",
    )
    proof.hypothesis("nonexpansive", b <= a, "‖Tz − z*‖ ≤ ‖z − z*‖, Tz* = z*")
    proof.derive("drop", n1**2 <= a**2 - lam * (1 - lam) * r**2, "parallelogram nonexpansive")
    proof.suppose("so_far", a**2 + lam * (1 - lam) * S <= d0**2)
    proof.derive("next", n1**2 + lam * (1 - lam) * (S + r**2) <= d0**2, "so_far drop")
    zero, start, final, total = sym("S_start a_start a_T S_T")
    proof.define("start", sp.And(sp.Eq(zero, 0), start <= d0))
    proof.derive("base", start**2 + lam * (1 - lam) * zero <= d0**2, "start")
    proof.lemma(
        "all",
        "induction",
        final**2 + lam * (1 - lam) * total <= d0**2,
        premises=["base", "next"],
        discharges=["so_far"],
    )
    proof.derive("sum", lam * (1 - lam) * total <= d0**2, "all")
    return proof.conclude("drop sum")


def _flip() -> list[Fact]:
    return [
        Fact(
            "T = −1, λ = 1: ‖Tz − z‖ = 2‖z‖ at every step, the sum diverges", abs(-Q(1) - 1) == 2 and 1 * (1 - 1) == 0
        ),
        Fact("T = 2: not nonexpansive, z⁺ = (1 + λ)z grows", 1 + Q(1, 2) > 1),
    ]


CLAIM = Claim(
    id="km_residual",
    title="Krasnoselskii–Mann iterations",
    statement="‖Tz − z*‖ ≤ ‖z − z*‖ for all z, z⁺ = (1 − λ)z + λTz, 0 ≤ λ ≤ 1: λ(1 − λ)Σ_{k<T}‖Tz_k − z_k‖² ≤ ‖z_0 − z*‖².",
    source="Krasnoselskii 1955, Mann 1953; the operator side of arXiv:2310.13459",
    hypotheses=(
        Hypothesis(
            "nonexpansive", "T quasi-nonexpansive, λ < 1 for content", Counterexample("T = −1, λ = 1; T = 2", _flip)
        ),
    ),
    proof=prove,
)
