"""Claim unstable_units: how much of a piecewise linear activation's slopes can change on a ball: a knapsack, bounded by its dual.

One sample, one piecewise linear activation with slopes in [s_−, s_+], |z⁰_r| the distance from the nearest kink (that of ReLU is at 0); reference slopes
d⁰_r ∈ [s_−, s_+] (the slope at z⁰, or the midpoint for chosen units), w_r = max|slope − d⁰_r|, g_r the column of G. On the ball ‖Δz‖ ≤ ρ. A unit whose
slope is not the one at z⁰ has met a kink c, (z_r − c)(z⁰_r − c) ≤ 0, so |Δz_r| ≥ |z⁰_r|: the set S of such units obeys Σ_S(z⁰_r)² ≤ ρ². Hence, for every
τ ≥ 0 (weak duality, no sorting),
    ‖G·diag(d − d⁰)‖² ≤ Σ_S w_r²‖g_r‖² ≤ τρ² + Σ_{|z⁰_r| ≤ ρ} max(0, w_r²‖g_r‖² − τ(z⁰_r)²).
A unit with a midpoint slope counts in full (z⁰_r is taken as 0).
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """One unit of S, the sums over S, and weak duality."""
    z, rho, gain, tau, item = sym("z rho gain tau item")
    moved = sp.Symbol("z_moved", real=True)
    at = sp.Symbol("z_at", real=True)
    proof = Proof()
    # z_at = z⁰_r − c, moved = z_r − c at θ, c the kink met, dz = |Δz_r|, z = |z⁰_r|, the distance from the nearest.
    dz = sym("dz")
    proof.define("dz", sp.Eq(dz, sp.Abs(moved - at)))
    proof.hypothesis(
        "flips", moved * at <= 0, "the unit's slope is not that at z⁰: a kink c lies between, or is touched"
    )
    proof.hypothesis("nearest", z <= sp.Abs(at), "no kink is nearer than the nearest")
    proof.derive("far", dz >= z, "dz flips nearest", "|Δz_r| ≥ |z⁰_r|")
    proof.derive("far_square", z**2 <= dz**2, "far")
    squares, moves = sym("squares moves")
    proof.lemma(
        "sum", "finite_sum", squares <= moves, "squares = Σ_S(z⁰_r)² ≤ Σ(Δz_r)² = moves", premises=["far_square"]
    )
    proof.hypothesis("ball", sp.And(moves <= rho**2, dz**2 <= moves), "‖Δz‖ ≤ ρ on the ball, claim network_movement")
    proof.derive("capacity", sp.And(squares <= rho**2, z**2 <= rho**2), "sum ball far_square")
    proof.derive("candidate", z <= rho, "capacity", "only units with |z⁰_r| ≤ ρ")
    # One item of the dual: gain = w_r²‖g_r‖².
    proof.define("item", item >= sp.Max(0, gain - tau * z**2))
    proof.derive("dual_item", gain <= item + tau * z**2, "item")
    chosen, items, all_items, change = sym("chosen items all_items change")
    proof.lemma(
        "chosen", "finite_sum", chosen <= items + tau * squares, "chosen = Σ_S w_r²‖g_r‖²", premises=["dual_item"]
    )
    proof.lemma(
        "more", "finite_sum", items <= all_items, "S is among the candidates, items ≥ 0", premises=["candidate"]
    )
    proof.derive("priced", tau * squares <= tau * rho**2, "capacity")
    proof.derive("dual", chosen <= tau * rho**2 + all_items, "chosen more priced")
    w, d = sym("w_r d_r")
    proof.hypothesis("range", d <= w, "w_r ≥ |slope − d⁰_r| for every slope in [s_−, s_+]")
    norm, own = sym("g_column own")
    proof.define("gain", sp.And(sp.Eq(own, d * norm), sp.Eq(gain, w**2 * norm**2)), "own = |d_r − d⁰_r|‖g_r‖")
    proof.derive("weight", d * norm <= w * norm, "range")
    proof.derive("gain_bound", own**2 <= gain, "gain weight")
    proof.lemma(
        "columns",
        "frobenius",
        change**2 <= chosen,
        "‖G·diag(d − d⁰)‖ ≤ ‖·‖_F, zero columns outside S",
        premises=["gain_bound"],
    )
    proof.derive("bound", change**2 <= tau * rho**2 + all_items, "columns dual")
    return proof.conclude("far capacity candidate dual gain_bound bound")


def perron(n: int = 3) -> list[Fact]:
    """Flips of different samples in different neurons do not add: P is diagonal, its Perron root the largest entry, not the sum."""
    P = sp.diag(*[sp.Integer(j + 1) for j in range(n)])
    return [Fact("λ_max = 3, the trace is 6", max(P.eigenvals()) == n and P.trace() == n * (n + 1) // 2)]


def _stable_only() -> list[Fact]:
    # z⁰ = (1/10, 1/10), ρ = 1/10·√2: both can flip. A bound for one flip, max‖g‖² = 1, is too small: Σ = 2.
    rho2 = Q(2, 100)
    return [
        Fact("both flips are feasible: Σ(z⁰)² = ρ²", 2 * Q(1, 10) ** 2 == rho2),
        Fact(
            "Σ_S‖g‖² = 2 > 1; the dual at τ = 100 gives 2: attained",
            100 * rho2 + 2 * max(Q(0), 1 - 100 * Q(1, 100)) == 2,
        ),
    ]


def _touching() -> list[Fact]:
    # z⁰ = 0 exactly: the unit is unstable however small ρ is, K(0+) = ‖g‖.
    tiny = Q(1, 10**12)
    return [Fact("between z = ±10⁻¹² the slope of relu jumps by 1: more than 10¹¹·|Δz|", 1 > 10**11 * (2 * tiny))]


def _midpoint_weight() -> list[Fact]:
    # d⁰ = 1/2: |slope − 1/2| = 1/2 on both sides, also without any flip.
    return [
        Fact(
            "w = 1/2 at z⁰ itself: a unit with a midpoint slope counts always",
            abs(Q(1) - Q(1, 2)) == Q(1, 2) == abs(Q(0) - Q(1, 2)),
        )
    ]


CLAIM = Claim(
    id="unstable_units",
    title="slopes that can change on a ball",
    statement="One sample's piecewise linear activation, slopes in [s_−, s_+], |z⁰_r| the distance from the nearest kink, reference slopes d⁰,"
    " w_r ≥ |slope − d⁰_r|. If ‖Δz‖ ≤ ρ on the ball, then for every rule at kinks and every τ ≥ 0:"
    " ‖G·diag(d(θ) − d⁰)‖² ≤ τρ² + Σ_{|z⁰_r| ≤ ρ} max(0, w_r²‖g_r‖² − τ(z⁰_r)²), where z⁰_r is replaced by 0 for units whose d⁰_r is not the slope at z⁰_r.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "all candidates",
            "every unit with |z⁰_r| ≤ ρ counts",
            Counterexample("two units at 1/10, ρ² = 1/50: both flip", _stable_only),
        ),
        Hypothesis("touching", "z⁰_r = 0 is a candidate for every ρ", Counterexample("z⁰ = 0", _touching)),
        Hypothesis("midpoint", "a midpoint slope counts without a flip", Counterexample("d⁰ = 1/2", _midpoint_weight)),
    ),
    witnesses=(Counterexample("flips in different neurons: Perron root 3 against the trace 6", perron),),
    proof=prove,
    remarks="Only the 2-norm of Δz is needed, no interval per unit. Several kinks are one item: the nearest, and the whole range of slopes. The same"
    " inequality with joint sums over the samples bounds the Frobenius norm over them. Where the"
    " jump reaches a layer's rows unchanged, its part of ‖ΔJ_v‖² is at most the Perron root of P_ij = Σ_c Σ_pp' ĝ_icp ĝ_jcp'(|⟨a_ip, a_jp'⟩| +"
    " ‖a_ip‖d_j + d_i‖a_jp'‖ + d_id_j), ĝ = w‖g‖ on candidates, d_i a bound of the patches' movement; it is at most max_i (Px)_i/x_i for positive x.",
)
