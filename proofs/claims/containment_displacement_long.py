"""Claim containment_displacement_long: containment from the distance to a reference point, for steps between 1/λ_max and 2/λ_max.

Notation of containment_displacement, with ηs‖J‖² ≤ b < 2 on B(c, R). The head looks only at ‖J_kᵀe_k‖² ≤ K²‖e_k‖²:
    D_{k+1}² ≤ D_k² − h‖e_k‖((2 − b)‖e_k‖ − 2‖r_k‖),     h = ηs, ‖r_k‖ ≤ ϱ(D_k) + e_c,
so while ‖e_k‖ ≥ 2(ϱ(d0) + e_c)/(2 − b) =: E the distance to c does not grow. At the first k with ‖e_k‖ < E containment_residual_long takes over with
P_0 = d0 and E for the residual; it needs ∫_{d0}^R (γσ(ρ) − δ)dρ ≥ E.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.claims.containment_displacement import CLAIM as SHORT
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """The distance to c does not grow while ‖e_k‖ ≥ E; then the residual form for long steps takes over."""
    s, eta, R, d0, e_c, sigma, delta = sym("s eta R d0 e_c sigma delta")
    b, top, share, remainder = sym("step_fraction sigma_fraction share remainder")
    h, K, D, D1, E, r, g, curve, threshold = sym("h K D D_next e_k r gradient_e curve threshold")
    ex, er = sp.symbols("ex er", real=True)
    proof = Proof()
    proof.define("h", sp.Eq(h, eta * s))
    proof.define("K", sp.Eq(K, formulas("jacobian_norm_region")))
    proof.hypothesis("step", formulas("residual_step") <= b, "ηs‖J‖² ≤ b on B(c, R)")
    proof.hypothesis("below_two", top + b < 2, "top ≥ ηsσ(ρ)², as containment_residual_long needs it")
    proof.derive("step_h", h * K**2 <= b, "h K step")
    proof.lemma("norm", "operator_norm", g <= K * E, "g = ‖J_kᵀe_k‖")
    proof.hypothesis("remainder", sp.Implies(D <= d0, curve <= remainder), "curve = ‖F(c) − F(θ_k) + J_kx_k‖")
    proof.lemma("rest", "cauchy_schwarz", r <= curve + e_c, "r = ‖e_k − J_kx_k‖, triangle inequality")
    proof.define("split", sp.Eq(ex, E**2 - er), "ex = ⟨e_k, J_kx_k⟩, er = ⟨e_k, r_k⟩")
    proof.lemma("cauchy", "cauchy_schwarz", er <= E * r)
    proof.define("next", sp.Eq(D1**2, D**2 - 2 * h * ex + h**2 * g**2), "θ_{k+1} − c = x_k − hJ_kᵀe_k")
    proof.derive("g_square", h * g**2 <= b * E**2, "norm step_h")
    proof.derive("g_term", h**2 * g**2 <= h * b * E**2, "g_square")
    proof.derive("decrease", D1**2 <= D**2 - h * E * ((2 - b) * E - 2 * r), "split cauchy next g_term")
    proof.define("threshold", sp.Eq(threshold, formulas("displacement_residual")))
    proof.suppose("so_far", D <= d0, "inductive hypothesis of the head")
    proof.define("head", E >= threshold, "the head: ‖e_k‖ ≥ E")
    proof.derive("twice_r", 2 * r <= (2 - b) * threshold, "remainder rest threshold so_far below_two")
    proof.derive("falling", h * E * ((2 - b) * E - 2 * r) >= 0, "twice_r head below_two")
    proof.derive("head_step", D1 <= d0, "decrease falling so_far")
    start, last = sym("D_start D_k")
    proof.define("start", start <= d0, "‖θ_0 − c‖ ≤ d0")
    proof.lemma(
        "head_all",
        "induction",
        last <= d0,
        "for every k of the head, and the first of the tail",
        premises=["start", "head_step"],
        discharges=["so_far"],
    )
    supply, tail_e, length, distance = sym("supply tail_e length distance")
    proof.hypothesis(
        "room", sp.And(share * sigma > delta, delta >= formulas("delta_residual", e0=threshold)), "γσ(R) > δ"
    )
    proof.hypothesis("contained", threshold <= supply, "supply = ∫_{d0}^R (γσ(ρ) − δ)dρ")
    proof.define("tail_start", tail_e <= threshold)
    proof.derive("tail", tail_e <= supply, "contained tail_start", "containment_residual_long's hypothesis, P_0 = d0")
    proof.lemma(
        "tail_path",
        "claim:containment_residual_long",
        sp.And((share * sigma - delta) * length <= tail_e, d0 + length <= R),
        "its line pays, summed, and inside",
        premises=["tail", "step", "below_two"],
    )
    proof.lemma("triangle", "cauchy_schwarz", distance <= d0 + length, "‖θ_k − c‖")
    proof.derive("distance", distance <= R, "tail_path triangle")
    proof.derive("path", distance <= d0 + threshold / (share * sigma - delta), "tail_path tail_start triangle room")
    return proof.conclude("decrease head_all tail distance path")


def _too_long() -> list[Fact]:
    # F = θ, y = 0, c = 0: ϱ = e_c = 0, so the threshold is 0 for every b < 2; η‖J‖² = 9/4 is not below it.
    after = Q(1) - Q(9, 4)
    return [Fact("|θ_1| = 5/4 > |θ_0| = 1", abs(after) == Q(5, 4) and abs(after) > 1)]


CLAIM = Claim(
    id="containment_displacement_long",
    title="containment from the displacement, steps up to 2/λ_max",
    statement="Notation of containment_displacement, with ηsK² ≤ b < 2, and a, γ of containment_residual_long (a + b < 2). Let"
    " E = 2(ϱ + e_c)/(2 − b), δ ≥ min(½ηsL_HKE, 2Δ_J), γσ(R) > δ. If ∫_{d0}^R (γσ(ρ) − δ)dρ ≥ E, every iterate lies in B(c, R), within"
    " d0 + E/(γσ(R) − δ) of c. If also γσ(R) > ½ηsL_HK‖e0‖ (or 2Δ_J), ‖e_k‖ decreases at containment_residual_long's rate throughout.",
    source="our formulation",
    hypotheses=(
        Hypothesis("threshold", "the head ends at E, no lower", SHORT.hypotheses[0].necessity),
        Hypothesis("radius", "the integral reaches E within R", SMALL_REGION),
        Hypothesis(
            "step", "b bounds ηs‖J‖², and b < 2", Counterexample("F = θ, c = 0, η = 9/4: the distance grows", _too_long)
        ),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. The head pays with 2 − b, the tail with γ.",
)
