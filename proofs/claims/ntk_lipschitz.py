"""Claim ntk_lipschitz: Lipschitz constants of the NTK from the curvature, from the centre and between any two points."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import CURVATURE_HIDDEN


def prove(formulas: Formulas) -> Proof:
    """wᵀ(Θ − Θ')w = ‖Jᵀw‖² − ‖J'ᵀw‖² with ‖(J − J')ᵀw‖ ≤ L_H·distance, for every unit w."""
    j0, Delta, L_H = sym("jacobian_norm0 Delta_J L_H")
    u, d, dist, change = sym("u d distance change")
    ud = sp.Symbol("ud", real=True)
    proof = Proof()
    proof.hypothesis("centre", u <= j0, "u = ‖J0ᵀw‖")
    proof.hypothesis("moved", d <= Delta, "d = ‖(J − J0)ᵀw‖")
    proof.lemma("curvature", "mean_value", d <= L_H * dist, "dist = ‖θ − θ0‖")
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(ud) <= u * d, "ud = ⟨J0ᵀw, (J − J0)ᵀw⟩")
    proof.lemma(
        "norm", "symmetric_norm", sp.Eq(change, sp.Abs(2 * ud + d**2)), "change = ‖Θ − Θ0‖, at its maximising w"
    )
    proof.derive("expanded", change <= d * (2 * j0 + Delta), "centre moved cauchy norm")
    proof.derive("from_centre", change <= formulas("L_theta") * dist, "expanded curvature")
    # Two points of the ball: a = ‖J(θ)ᵀw‖, b = ‖J(θ')ᵀw‖, gap = ‖(J(θ) − J(θ'))ᵀw‖ at the w that maximises |wᵀ(Θ − Θ')w|.
    a, b, gap, apart, pair = sym("a b gap apart pair_change")
    ab = sp.Symbol("ab", real=True)
    region = formulas("jacobian_norm_region")
    proof.lemma("first", "operator_norm", a <= region, "‖J(θ)‖ ≤ ‖J0‖ + Δ_J")
    proof.lemma("second", "operator_norm", b <= region)
    proof.define("difference", sp.Eq(gap**2, a**2 - 2 * ab + b**2), "ab = ⟨J(θ)ᵀw, J(θ')ᵀw⟩")
    proof.lemma("cauchy_pair", "cauchy_schwarz", ab <= a * b)
    proof.lemma("curvature_pair", "mean_value", gap <= L_H * apart, "apart = ‖θ − θ'‖; the ball is convex")
    proof.lemma("norm_pair", "symmetric_norm", sp.Eq(pair, sp.Abs(a**2 - b**2)), "‖Θ(θ) − Θ(θ')‖")
    proof.derive("reverse_triangle", sp.Abs(a - b) <= gap, "difference cauchy_pair")
    proof.derive("factored", pair <= gap * (a + b), "reverse_triangle norm_pair")
    proof.derive("pairwise", pair <= formulas("L_theta_pairwise") * apart, "factored first second curvature_pair")
    return proof.conclude("from_centre pairwise")


CLAIM = Claim(
    id="ntk_lipschitz",
    title="the NTK is Lipschitz on the ball",
    statement="On B(θ0, R): ‖Θ(θ) − Θ(θ0)‖ ≤ L_H(2‖J0‖ + Δ_J)‖θ − θ0‖, and ‖Θ(θ) − Θ(θ')‖ ≤ 2L_H(‖J0‖ + Δ_J)‖θ − θ'‖ for any two"
    " points, where L_H bounds ‖D²F‖ and Δ_J bounds ‖J − J0‖ on the ball.",
    source="our formulation: valid values of v3's constant L_Θ",
    hypotheses=(
        Hypothesis("curvature and movement", "L_H and Δ_J bound ‖D²F‖ and ‖J − J0‖ on the ball", CURVATURE_HIDDEN),
    ),
    proof=prove,
    remarks="The first constant is attained (F = θ²/2 about 1). The PL claims use only distances from the centre, so the smaller"
    " first constant serves for v3 as well.",
)
