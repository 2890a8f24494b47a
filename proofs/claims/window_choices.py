"""Claim window_choices: how much of a max pool's choice can change on a ball.

One sample, windows w over the entries of h; S⁰_w is the unit vector of the entry chosen at the centre, top; C_w holds top and entries that are the same
function of θ on the ball; gap_w = h⁰_top − max_{o ∉ C_w} h⁰_o, taken as 0 where it is negative. Back-propagation at θ uses S(θ)_w, a point of the simplex over
the entries that attain the maximum; among those of C_w, which attain it together or not at all, it takes always the same, as any rule
does that looks at their order alone (torch: the first). An entry is read by at most ov windows; ‖Δh‖ ≤ ρ on the ball, g_w is window w's column of G.
    A window whose choice is not S⁰_w has o ∉ C_w with h_o ≥ h_top at θ: gap_w ≤ |Δh_top| + |Δh_o|, gap_w²/2 ≤ Σ_{j∈w}|Δh_j|². Summed over the set T of
these windows, every entry counts at most ov times: Σ_T gap_w²/(2ov) ≤ ρ². ‖S(θ)_w − S⁰_w‖² ≤ 2, and at each entry at most ov changes are added:
    ‖(S(θ) − S⁰)ᵀG‖² ≤ Σ_T 2ov‖g_w‖² ≤ τρ² + Σ_{gap_w² ≤ 2ovρ²} max(0, 2ov‖g_w‖² − τgap_w²/(2ov))   for every τ ≥ 0.
Along a segment values are continuous and piecewise analytic: max(a, b) is, because a − b is 0 on a piece or has finitely many zeros there. Where a ≡ b on a
piece, both have the same derivative along the segment, so every choice gives that of max(a, b): the chain rule of containment_residual_relu holds with pools.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """One window that chooses anew, the sum over them, and weak duality."""
    proof = Proof()
    gap, rho, tau, ov = sym("gap rho tau ov")
    top, other, top_at, other_at = (sp.Symbol(name, real=True) for name in ("top", "other", "top_at", "other_at"))
    one, two = sym("move_top move_other")
    proof.define("moves", sp.And(sp.Eq(one, sp.Abs(top_at - top)), sp.Eq(two, sp.Abs(other_at - other))))
    proof.hypothesis("rival", gap <= top - other, "gap is least over all entries outside C_w")
    proof.hypothesis("overtakes", top_at <= other_at, "the choice at θ is not that at the centre")
    proof.derive("near", gap <= one + two, "moves rival overtakes")
    proof.derive("near_square", gap**2 / 2 <= one**2 + two**2, "near")
    window, moves, windows, squares = sym("window all_moves windows squares")
    proof.lemma("window", "finite_sum", one**2 + two**2 <= window, "window = Σ_{j∈w}|Δh_j|², both are entries of it")
    proof.derive("own", gap**2 / 2 <= window, "near_square window")
    proof.lemma("sum", "finite_sum", squares / 2 <= windows, "squares = Σ_T gap_w²", premises=["own"])
    proof.hypothesis("overlap", windows <= ov * moves, "every entry is read by at most ov windows")
    proof.hypothesis("single", sp.And(window <= moves, ov >= 1), "one window is part of all entries")
    proof.hypothesis("ball", moves <= rho**2, "‖Δh‖ ≤ ρ on the ball, claim network_movement")
    proof.derive("room", ov * moves <= ov * rho**2, "ball")
    proof.derive("capacity", squares <= 2 * ov * rho**2, "sum overlap room")
    proof.derive("scaled", rho**2 <= ov * rho**2, "single")
    proof.derive("candidate", gap**2 <= 2 * ov * rho**2, "own single ball scaled")
    gain, item, weight = sym("gain item weight")
    proof.define("weight", sp.Eq(weight * (2 * ov), gap**2), "weight = gap_w²/(2ov)")
    proof.define("item", item >= sp.Max(0, gain - tau * weight), "gain = 2ov‖g_w‖²")
    proof.derive("dual_item", gain <= item + tau * weight, "item")
    chosen, items, all_items, weights = sym("chosen items all_items weights")
    proof.define("weights", sp.Eq(weights * (2 * ov), squares))
    proof.lemma("chosen", "finite_sum", chosen <= items + tau * weights, "chosen = Σ_T gain", premises=["dual_item"])
    proof.lemma("more", "finite_sum", items <= all_items, "T is among the candidates", premises=["candidate"])
    proof.derive("fits", weights <= rho**2, "weights capacity single")
    proof.derive("priced", tau * weights <= tau * rho**2, "fits")
    proof.derive("dual", chosen <= tau * rho**2 + all_items, "chosen more priced")
    first, second, inner, apart = sym("first second inner apart")
    proof.hypothesis(
        "simplex", sp.And(first <= 1, second <= 1, inner >= 0), "two points of a simplex: norms' squares and product"
    )
    proof.define("apart", sp.Eq(apart, first + second - 2 * inner))
    proof.derive("apart_bound", apart <= 2, "apart simplex")
    norm, spread, change = sym("norm spread change")
    proof.derive("window_change", apart * norm**2 <= 2 * norm**2, "apart_bound")
    proof.define("gain", sp.Eq(gain, 2 * ov * norm**2))
    proof.lemma(
        "spread",
        "finite_sum",
        ov * spread <= chosen,
        "spread = Σ_T‖S(θ)_w − S⁰_w‖²‖g_w‖²",
        premises=["window_change", "gain"],
    )
    proof.lemma(
        "entries",
        "cauchy_schwarz",
        change**2 <= ov * spread,
        "at each entry at most ov terms; windows outside T have none",
    )
    proof.derive("bound", change**2 <= tau * rho**2 + all_items, "entries spread dual")
    return proof.conclude("near capacity candidate dual apart_bound bound")


def _overlap() -> list[Fact]:
    # Windows {1, 2} and {2, 3} on h = (0, 1, 0), both choose entry 2 with gap 1; moved by (1, −2, 1)/3 all entries tie.
    moved = Q(1, 9) + Q(4, 9) + Q(1, 9)
    return [
        Fact("both may choose anew at ρ² = 2/3, though Σgap²/2 = 1", moved == Q(2, 3) and moved < 1),
        Fact("Σgap²/(2ov) = 1/2 ≤ ρ² with ov = 2", Q(1, 2) <= moved),
        Fact(
            "G = (1, 1): what is sent back goes from (0, 2, 0) to (1, 0, 1): 6 > 2Σg² = 4, below 2ovΣg² = 8",
            1 + 4 + 1 == 6,
        ),
    ]


def _tie() -> list[Fact]:
    # max(w1, w2) at (0, 0): equal values, not the same function.
    return [
        Fact("at (t, 0) the gradient is (1, 0), at (0, t) it is (0, 1), for every t > 0", Q(1) ** 2 + Q(1) ** 2 == 2)
    ]


def _missed() -> list[Fact]:
    # max(w1, w2, w3) at (1, 9/10, 0), w2 left out: the gap would be 1.
    moved = 2 * Q(1, 20) ** 2
    return [Fact("w1 and w2 meet at ρ² = 1/200, far below 1²/2", moved == Q(1, 200) and moved < Q(1, 2))]


def _attained() -> list[Fact]:
    # max(w1, w2) at (1, 0), moved by (−1/2, 1/2).
    return [
        Fact("they meet at ρ² = 1/2 = gap²/2", 2 * Q(1, 2) ** 2 == Q(1, 2)),
        Fact("‖(0, 1) − (1, 0)‖² = 2 = 2‖g‖², the dual at τ = 0", Q(1) + 1 == 2),
    ]


CLAIM = Claim(
    id="window_choices",
    title="choices of a max pool that can change on a ball",
    statement="One sample's max pool, every entry read by at most ov windows; gap_w ≥ 0 at most what the entry chosen at the centre exceeds all others of its"
    " window by that are not the same function of θ on the ball (0 where it does not). If ‖Δh‖ ≤ ρ on the ball, then however back-propagation chooses"
    " among entries that tie, but always alike among those that are the same function, and for every τ ≥ 0: ‖(S(θ) − S⁰)ᵀG‖² ≤ τρ² +"
    " Σ_{gap_w² ≤ 2ovρ²} max(0, 2ov‖g_w‖² − τgap_w²/(2ov)); a window with gap_w² > 2ovρ² chooses on the ball as at the centre.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "overlap",
            "windows that share entries count ov times",
            Counterexample("two windows that share the largest entry", _overlap),
        ),
        Hypothesis(
            "same function",
            "entries left out of the gap are equal on the whole ball, not only at the centre",
            Counterexample("max(w1, w2) at 0", _tie),
        ),
        Hypothesis(
            "every rival",
            "gap is the least over all others",
            Counterexample("max(w1, w2, w3) at (1, 9/10, 0)", _missed),
        ),
    ),
    witnesses=(Counterexample("attained by max(w1, w2) at (1, 0)", _attained),),
    proof=prove,
    remarks="Values move by at most √ov‖Δh‖, and ‖S‖ ≤ √ov (rows of sum 1, columns of sum at most ov). That entries are the same function is"
    " decided by what determines them: equal data, the same channel on equal patches, dead units (0), certain maxima (the entry chosen); the last two"
    " hold while no unit and no window below changes on the ball.",
)
