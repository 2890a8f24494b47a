"""Claim lure_positive: a positive feedback loop is stable on a box if the linear loop with the upper gain is.

x⁺ = Ax + Bφ(Cx), φ(y) = Σ(y)y with Σ_1 ≤ Σ ≤ Σ_2 on the box, B, C ≥ 0 and A + BΣ_1C ≥ 0 entrywise. Then 0 ≤ A + BΣC ≤ A + BΣ_2C, so
|x⁺| ≤ (A + BΣ_2C)|x|: one linear system decides (a positive Aizerman statement), and no gain in the sector is worse.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Entrywise bounds of the closed loop's matrix, then claim lure_box's induction."""
    a, gain, s1, s2, sig = sp.symbols("a_ij gain sigma_1_ sigma_2_ sigma_", real=True)
    b, c = sym("b_i c_j")
    rho, total, after, t, q, row = sym("rho_ total after t_ q_i row")
    proof = Proof()
    proof.hypothesis("sector", sp.And(s1 <= sig, sig <= s2), "Σ_1 ≤ Σ(y) ≤ Σ_2 on the box")
    proof.hypothesis(
        "positive", a + b * s1 * c >= 0, "A + BΣ_1C ≥ 0 entrywise, B, C ≥ 0 (each entry, one nonlinearity at a time)"
    )
    proof.define("gain", sp.Eq(gain, a + b * sig * c), "entry of A + BΣC")
    proof.derive("between", sp.And(gain >= 0, gain <= a + b * s2 * c), "sector positive gain")
    proof.lemma("sum", "finite_sum", after <= total, "|x⁺_i| ≤ Σ_j(A + BΣ_2C)_ij|x_j|", premises=["between"])
    proof.lemma("inside", "finite_sum", total <= t * row, "|x| ≤ tq; row = Σ_j(A + BΣ_2C)_ijq_j")
    proof.hypothesis("upper", row <= rho * q, "(A + BΣ_2C)q ≤ ρq")
    proof.derive("scaled", t * row <= t * rho * q, "upper")
    proof.derive("one", after <= rho * t * q, "sum inside scaled", "for every i; ρ < 1: lure_box's induction")
    return proof.conclude("between one")


def _sign() -> list[Fact]:
    # A = −2, B = C = 1, sector [0, 3/2]: the upper gain gives |−2 + 3/2| = ½ < 1, the lower −2: unstable.
    return [
        Fact(
            "A = −2, sector [0, 3/2]: A + Σ_2 = −½ is stable, A + Σ_1 = −2 is not",
            abs(Q(-2) + Q(3, 2)) < 1 < abs(Q(-2)),
        )
    ]


def _outside() -> list[Fact]:
    return [
        Fact(
            "A = ½, φ = y: the loop's gain is 3/2; a sector bound Σ_2 = ¼ that does not hold would say 3/4",
            Q(1, 2) + 1 > 1 > Q(3, 4),
        )
    ]


CLAIM = Claim(
    id="lure_positive",
    title="positive feedback loops: the upper gain decides",
    statement="x⁺ = Ax + Bφ(Cx), B, C ≥ 0, φ(y) = Σ(y)y, diagonal Σ_1 ≤ Σ ≤ Σ_2 on {|x| ≤ q}, A + BΣ_1C ≥ 0 entrywise, (A + BΣ_2C)q ≤ ρq with ρ < 1:"
    " |x_k| ≤ ρ^kt_0q from every |x_0| ≤ t_0q, t_0 ≤ 1. The single linear loop with gain Σ_2 decides.",
    source="our formulation; related to arXiv:2505.22889 (sector bounds that preserve positivity)",
    hypotheses=(
        Hypothesis("positive", "A + BΣ_1C ≥ 0", Counterexample("A = −2, sector [0, 3/2]", _sign)),
        Hypothesis("sector", "the sector holds on the box", Counterexample("A = ½, φ = y", _outside)),
    ),
    proof=prove,
    remarks="Nothing is lost: at ρ = 1 an equilibrium can lie on the box's boundary (see the demonstration: sharp to 1 %).",
)
