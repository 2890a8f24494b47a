"""Claim containment_displacement: containment from the distance to a reference point, not from the length of the path.

Let c be any reference point, best a computed near-solution: d0 ≥ ‖θ_0 − c‖, e_c ≥ ‖F(c) − y‖. Write x_k = θ_k − c, D_k = ‖x_k‖.

Head. Let ϱ(D) ≥ ‖F(c) − F(θ) − J(θ)(c − θ)‖ for ‖θ − c‖ ≤ D (½L_HD² is such a bound; for one hidden layer so is ½max_r√ω_r·D², claim
neuron_remainder). Since e_k = F(θ_k) − F(c) + (F(c) − y) = J_kx_k + r_k with ‖r_k‖ ≤ ϱ(D_k) + e_c, and ηs‖J_k‖² ≤ κ ≤ 1,
    D_{k+1}² = D_k² − 2h⟨e_k, J_kx_k⟩ + h²‖J_kᵀe_k‖² ≤ D_k² − h‖e_k‖((2 − κ)‖e_k‖ − 2‖r_k‖),     h = ηs.
So as long as ‖e_k‖ ≥ 2(ϱ(d0) + e_c)/(2 − κ) =: E the distance to c does not grow: θ_k stays in B(c, d0). Only the segment from θ_k to c
is used, which lies in the ball because the ball is convex; nothing is needed about the segment of the step.

Tail. At the first k with ‖e_k‖ < E (if there is none, all iterates are in B(c, d0)), claim containment_residual takes over with
P_0 = d0 and E for the residual: it needs ∫_{d0}^R (σ(ρ) − δ)dρ ≥ E, for which d0 + E/(σ(R) − δ) ≤ R is enough.

The residual at θ_0 does not occur in the containment condition: what counts is d0, about ‖J0⁺e0‖ (often far below
‖e0‖/√λ0), and it enters through ϱ(d0). With σ(ρ) = √λ_c − L_Hρ, κ = 1 and δ, e_c → 0 the condition is d0 ≤ (√2 − 1)√λ_c/L_H,
against ‖e0‖/√λ0 ≤ ½√λ0/L_H for containment_residual.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """The distance to c does not grow while ‖e_k‖ ≥ E; then the residual form takes over."""
    s, eta, L_H, R, d0, e_c, sigma, delta = sym("s eta L_H R d0 e_c sigma delta")
    kappa, remainder, D_square = sym("step_fraction remainder D_square")
    h, K, D, D1, E, r, g, curve, threshold = sym("h K D D_next e_k r gradient_e curve threshold")
    ex, er = sp.symbols("ex er", real=True)
    proof = Proof()
    proof.define("h", sp.Eq(h, eta * s))
    proof.define("K", sp.Eq(K, formulas("jacobian_norm_region")))
    proof.hypothesis("step", formulas("residual_step") <= kappa, "ηs‖J‖² ≤ κ on B(c, R)")
    proof.hypothesis("short", kappa <= 1)
    proof.derive("step_h", h * K**2 <= kappa, "h K step")
    proof.derive("full_step", formulas("residual_step") <= 1, "step short", "as containment_residual needs it")
    proof.lemma("norm", "operator_norm", g <= K * E, "g = ‖J_kᵀe_k‖")
    proof.hypothesis(
        "remainder", sp.Implies(D <= d0, curve <= remainder), "curve = ‖F(c) − F(θ_k) + J_kx_k‖, ϱ = ϱ(d0)"
    )
    proof.lemma("rest", "cauchy_schwarz", r <= curve + e_c, "r = ‖e_k − J_kx_k‖, triangle inequality")
    proof.define("split", sp.Eq(ex, E**2 - er), "ex = ⟨e_k, J_kx_k⟩, er = ⟨e_k, r_k⟩")
    proof.lemma("cauchy", "cauchy_schwarz", er <= E * r)
    proof.define("next", sp.Eq(D1**2, D**2 - 2 * h * ex + h**2 * g**2), "θ_{k+1} − c = x_k − hJ_kᵀe_k")
    proof.derive("g_square", h * g**2 <= kappa * E**2, "norm step_h")
    proof.derive("g_term", h**2 * g**2 <= h * kappa * E**2, "g_square")
    proof.derive("decrease", D1**2 <= D**2 - h * E * ((2 - kappa) * E - 2 * r), "split cauchy next g_term")
    proof.define("threshold", sp.Eq(threshold, formulas("displacement_residual")))
    proof.suppose("so_far", D <= d0, "inductive hypothesis of the head")
    proof.define("head", E >= threshold, "the head: ‖e_k‖ ≥ E")
    proof.derive("twice_r", 2 * r <= (2 - kappa) * threshold, "remainder rest threshold so_far short")
    proof.derive("falling", h * E * ((2 - kappa) * E - 2 * r) >= 0, "twice_r head short")
    proof.derive("not_growing", D1 <= D, "decrease falling")
    proof.derive("head_step", D1 <= d0, "not_growing so_far")
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
    # Tail: containment_residual with P_0 = d0 and residual at most E.
    proof.hypothesis("room", sp.And(sigma > delta, delta >= formulas("delta_residual", e0=threshold)), "σ(R) > δ")
    proof.hypothesis("contained", formulas("displacement_path") <= R)
    supply = sym("supply")
    proof.lemma("integral", "monotone_integral", supply >= (sigma - delta) * (R - d0), "supply = ∫_{d0}^R (σ(ρ) − δ)dρ")
    proof.derive("path", sp.Eq(formulas("displacement_path") - d0, threshold / (sigma - delta)), "room threshold short")
    proof.derive("reaches", threshold <= (sigma - delta) * (R - d0), "contained room path short")
    proof.derive(
        "tail", threshold <= supply, "reaches integral", "the hypothesis of containment_residual with P_0 = d0"
    )
    tail_e, length, distance = sym("tail_e length distance")
    proof.define("tail_start", tail_e <= threshold)
    proof.lemma(
        "tail_path",
        "claim:containment_residual",
        (sigma - delta) * length <= tail_e,
        "its line pays, summed",
        premises=["tail", "full_step"],
    )
    proof.lemma("triangle", "cauchy_schwarz", distance <= d0 + length, "‖θ_k − c‖")
    proof.derive("distance", distance <= formulas("displacement_path"), "tail_start tail_path triangle room path short")
    # One choice of ϱ: the curvature on the segment to c.
    bent, far = sym("bent far")
    proof.define("far", sp.And(far**2 <= D_square, L_H >= 0), "far = ‖θ − c‖ ≤ D")
    proof.lemma("curvature", "mean_value", bent <= L_H * far**2 / 2, "bent = ‖F(c) − F(θ) − J(θ)(c − θ)‖")
    proof.derive("curvature_remainder", bent <= formulas("remainder_curvature"), "curvature far")
    lambda0 = sym("lambda0")
    rho, start_rho, end = sp.symbols("rho start_rho R_end", positive=True)
    integral = sp.integrate(sp.sqrt(lambda0) - L_H * rho - delta, (rho, start_rho, end))
    proof.identity("closed_form", integral, formulas("displacement_supply_linear", R=end, d0=start_rho))
    return proof.conclude("decrease head_all tail distance curvature_remainder closed_form")


def _below_threshold() -> list[Fact]:
    # F = θ1² + θ2² − 1, y = 0: ϱ = d0², c = (1, 0) solves it. From (0, 1 − t), just inside the circle, ‖e‖ < ϱ(d0) ≤ E.
    t, eta = Q(1, 100), Q(1, 16)
    y = 1 - t
    e = y * y - 1
    after = y - eta * e * 2 * y
    d0_square = 1 + y**2
    return [
        Fact(
            "‖e‖ = 199/10000 is below the threshold, which is at least ϱ = d0²",
            abs(e) == Q(199, 10000) and abs(e) < d0_square,
        ),
        Fact("the step leads away from c", 1 + after**2 > d0_square),
    ]


def _long_step() -> list[Fact]:
    # F = θ, y = 0, c = 0: ϱ = e_c = 0, so the threshold is 0 for every κ; η‖J‖² = 9/4.
    after = Q(1) - Q(9, 4)
    return [Fact("|θ_1| = 5/4 > |θ_0| = 1", abs(after) == Q(5, 4) and abs(after) > 1)]


CLAIM = Claim(
    id="containment_displacement",
    title="containment from the displacement",
    statement="Let c be any point, ‖θ_0 − c‖ ≤ d0, ‖F(c) − y‖ ≤ e_c, K = ‖J(c)‖ + Δ_J, L_H, σ valid on B(c, R), ηsK² ≤ κ ≤ 1,"
    " ϱ ≥ ‖F(c) − F(θ) − J(θ)(c − θ)‖ for ‖θ − c‖ ≤ d0 (½L_Hd0² is such a bound), E = 2(ϱ + e_c)/(2 − κ),"
    " δ ≥ min(½ηsL_HKE, 2Δ_J), σ(R) > δ. If d0 + E/(σ(R) − δ) ≤ R, or only ∫_{d0}^R (σ(ρ) − δ)dρ ≥ E, every"
    " iterate lies in B(c, R). If also σ(R) > ½ηsL_HK‖e0‖ (or 2Δ_J), ‖e_k‖ decreases at containment_residual's rate throughout.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "threshold",
            "the head ends at E = 2(ϱ + e_c)/(2 − κ), no lower",
            Counterexample(
                "F = θ1² + θ2² − 1, c = (1, 0): just inside the circle at (0, 99/100) a step leads away from c",
                _below_threshold,
            ),
        ),
        Hypothesis("radius", "d0 + E/(σ − δ) ≤ R", SMALL_REGION),
        Hypothesis(
            "step",
            "κ bounds ηs‖J‖², not only a fraction of it",
            Counterexample("F = θ, c = 0, η = 9/4: with κ = 1 assumed the distance may not grow, and does", _long_step),
        ),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. c may be the end point of a floating-point run: an exact double vector. With κ = 1"
    " and ϱ = ½L_Hd0² the threshold is L_Hd0² + 2e_c; for short steps it is half of that.",
)
