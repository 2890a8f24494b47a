"""Claim v1_lqcr_pl: under NTK stability the LQCRs of earlier work satisfy a local PL condition."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Needless, Proof, sym
from proofs.examples import LAMBDA_ZERO
from proofs.solvers import entails


def prove(formulas: Formulas) -> Proof:
    """NTK stability on the region gives PL on it; quasi-convexity is not used."""
    s, lam, Phi, ee, Je, g = sym("s lambda_R Phi ee Je gradient_norm")
    proof = Proof()
    proof.define("loss", sp.And(sp.Eq(Phi, s * ee / 2), sp.Eq(g**2, s**2 * Je)))
    proof.hypothesis("stable", lam > 0, "λ_min(Θ) ≥ λ on the LQCR")
    proof.lemma("rayleigh", "rayleigh", Je >= lam * ee, premises=["stable"])
    proof.derive("pl", g**2 / 2 >= formulas("mu") * Phi, "loss rayleigh")
    proof.derive("positive", formulas("mu") > 0, "stable")
    return proof.conclude("pl positive")


CLAIM = Claim(
    id="v1_lqcr_pl",
    title="v1: LQCRs satisfy PL under NTK stability",
    statement="An LQCR on which λ_min(Θ) ≥ λ > 0 (NTK stability) satisfies ½‖∇Φ‖² ≥ sλΦ.",
    source="as in the abstract of v1; the meaning of NTK stability is our formulation",
    hypotheses=(
        Hypothesis("stable", "λ_min(Θ) ≥ λ > 0 on the region", LAMBDA_ZERO),
        Hypothesis("lqcr", "the region is an LQCR", Needless("pl_from_ntk", "the conclusion holds on any region")),
    ),
    proof=prove,
    remarks="True, but for wide networks vacuous under the textbook definition: claims no_lqcr_wide, no_lqcr_generic. The region can be any ball.",
)


def quasi_convex_without_pl() -> list[Fact]:
    """Φ = ½(vw − 1)² on [0, 1]² ∋ (½, ½): quasi-convex, as the sublevel sets are {vw ≥ level}, and flat at (0, 0)."""
    a, b, c, d, level = sp.symbols("a b c d level", nonnegative=True)
    v, w = sp.symbols("v w", real=True)
    loss = (v * w - 1) ** 2 / 2
    origin = {v: 0, w: 0}
    midpoint = entails([a * b >= level, c * d >= level], (a + c) * (b + d) / 4 >= level)
    return [
        Fact(
            "vw ≤ 1 on [0, 1]², where Φ falls as vw grows; {vw ≥ level} is midpoint-convex there (z3)", midpoint.proved
        ),
        Fact("zero loss at (1, 1), in the region", loss.subs({v: 1, w: 1}) == 0),
        Fact(
            "∇Φ = 0 and Φ = ½ at (0, 0), in the region: no μ > 0",
            sp.diff(loss, v).subs(origin) == sp.diff(loss, w).subs(origin) == 0
            and loss.subs(origin) == sp.Rational(1, 2),
        ),
    ]


WITHOUT_PL = Counterexample(
    "F = vw, x = y = 1, on [0, 1]² around (½, ½): quasi-convex, critical at (0, 0)", quasi_convex_without_pl
)
