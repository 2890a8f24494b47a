"""Claim containment_residual_long: the residual form for steps between 1/λ_max and 2/λ_max.

One step. A = ηsΘ(θ_k) has its spectrum in [a, b], a = ηsσ², ηsK² ≤ b, and a + b < 2. Write m = eᵀAe, D = 2 − a − b. From (A − a)(A − b) ⪯ 0,
    q² := ‖(I − A)e‖² ≤ (1 − ab)‖e‖² − Dm.                                                              (1)
For ‖e‖ = 1 the point (√m, q) lies in the quarter of an ellipse q² + Dm ≤ 1 − ab, and its tangent q + g√m = 1 has
g² = D·ab/(1 − ab). With √(am) = σℓ, ℓ = ηs‖Jᵀe‖ the length of the step: q ≤ ‖e‖ − γσℓ for γ² = b(2 − a − b)/(1 − ab).
γ ≤ 1, with equality at b = 1, which is containment_residual; γ falls with a, so an upper bound of a may stand in its place.
The true residual adds at most δℓ: ‖e_k‖ − ‖e_{k+1}‖ ≥ (γσ − δ)ℓ.

Containment is that of containment_residual with γσ in place of σ, G(P) = ∫_P^R (γσ(ρ) − δ)dρ: γσ(P)ℓ ≤ ‖e_k‖ ≤ G(P) ≤ (γσ(P) − δ)(R − P)
gives P + ℓ ≤ R before anything is known about the step, and ‖e_{k+1}‖ ≤ G(P + ℓ).

Rate. ℓ ≥ ηsσ‖e‖ gives 1 − ηsσ(γσ − δ). Mostly γ is not needed in it: the root of (1) is concave in m, its tangent at m = a is
q ≤ (1 − a) − D(m − a)/(2(1 − a)), and δℓ ≤ δηsσ + δ(m − a)/(2σ). Their sum is 1 − ηsσ(σ − δ) at m = a, and grows from there only where δ/σ > D/(1 − a).
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """The residual pays γσ − δ per unit of length, and what is left of the integral bounds it."""
    proof = Proof()
    _one_step(proof, formulas)
    _containment(proof, formulas)
    _rate(proof, formulas)
    return proof.conclude("share_at_most_1 inside every_step pays rate_by_share rate contracts panel")


def _one_step(proof: Proof, formulas: Formulas) -> None:
    s, eta, b, top, g = sym("s eta step_fraction sigma_fraction share")
    E, q, m, a, image, h, Je, length, sig, K = sym("e_k q m a image h Je length sigma_P K")
    proof.define("h", sp.Eq(h, eta * s))
    proof.define("K", sp.Eq(K, formulas("jacobian_norm_region")), "‖J(θ)‖ ≤ K on the ball, claim ntk_stability")
    proof.hypothesis("step", formulas("residual_step") <= b, "ηs(‖J0‖ + Δ_J)² ≤ b")
    proof.derive("step_h", h * K**2 <= b, "h K step")
    proof.hypothesis("below_two", top + b < 2, "top is the bound of ηsσ(P)² below")
    proof.define("length", sp.Eq(length, h * Je), "the step's length, Je = ‖Jᵀe_k‖")
    proof.define("form", sp.Eq(m, h * Je**2), "m = e_kᵀAe_k")
    proof.define("a", sp.Eq(a, h * sig**2), "sig = σ(P)")
    proof.hypothesis("top", h * sig**2 <= top, "for every σ(P) that is used")
    proof.derive("a_top", a <= top, "a top")
    proof.lemma("norm", "operator_norm", Je <= K * E)
    proof.hypothesis("below", Je >= sig * E, "‖J(θ)ᵀw‖ ≥ σ(P) for ‖w‖ = 1 on B(c, P); claim ntk_stability gives one σ")
    proof.lemma(
        "spectral", "spectral_theorem", image <= (a + b) * m - a * b * E**2, "image = ‖Ae_k‖²", premises=["step_h"]
    )
    proof.define("linear", sp.Eq(q**2, E**2 - 2 * m + image), "q = ‖(I − A)e_k‖")
    proof.derive("ellipse", q**2 <= (1 - a * b) * E**2 - (2 - a - b) * m, "linear spectral", "(1)")
    proof.derive("am", sp.Eq(a * m, (sig * length) ** 2), "a form length")
    proof.derive("m_small", m <= b * E**2, "form norm step_h", "m ≤ ‖A‖‖e‖²")
    proof.derive("apart", top * b < 1, "below_two", "4ab ≤ (a + b)² < 4")
    proof.define("share", sp.Eq(g, formulas("long_share")))
    proof.derive("square", sp.Eq(g**2 * (1 - top * b), b * (2 - top - b)), "share apart below_two")
    proof.derive("share_at_most_1", g <= 1, "square apart", "(b − 1)² ≥ 0")
    proof.derive("share_square", g**2 <= 1, "share_at_most_1")
    proof.derive("spared", g**2 * (b * (top - a)) <= b * (top - a), "share_square a_top")
    proof.derive("falls", g**2 * (1 - a * b) <= b * (2 - a - b), "square spared", "γ falls with a")
    # abE² − 2gσℓE + g²m/b is (√(ab)E − g√(m/b))²: the tangent of the ellipse.
    t = sym("t")
    proof.define("paid", sp.Eq(t, g * sig * length))
    proof.derive("paid_square", sp.Eq(t**2, g**2 * a * m), "paid am")
    proof.derive("tangent", 2 * t * E * b <= a * b**2 * E**2 + g**2 * m, "paid_square")
    proof.derive("room_below", g**2 * m <= b * ((2 - a - b) * m + g**2 * a * m), "falls")
    spare = sp.Symbol("spare", real=True)
    proof.define("left_over", sp.Eq(spare, (E - t) ** 2 - (1 - a * b) * E**2 + (2 - a - b) * m))
    proof.derive("paid_b", sp.Eq(b * t**2, b * g**2 * a * m), "paid_square")
    proof.derive(
        "expanded", a * b**2 * E**2 - 2 * t * E * b + b * t**2 + b * (2 - a - b) * m >= 0, "tangent room_below paid_b"
    )
    proof.identity(
        "times_left_over",
        b * ((E - t) ** 2 - (1 - a * b) * E**2 + (2 - a - b) * m),
        a * b**2 * E**2 - 2 * t * E * b + b * t**2 + b * (2 - a - b) * m,
    )
    proof.derive(
        "left_over_b", sp.Eq(b * spare, b * ((E - t) ** 2 - (1 - a * b) * E**2 + (2 - a - b) * m)), "left_over"
    )
    proof.derive("times_b", b * spare >= 0, "expanded left_over_b")
    proof.derive("resting", sp.Implies(sp.Eq(b, 0), sp.And(sp.Eq(m, 0), sp.Eq(t, 0))), "m_small paid_square")
    proof.derive("resting_spare", sp.Implies(sp.Eq(b, 0), spare >= 0), "left_over resting")
    proof.derive("spare_enough", spare >= 0, "times_b resting_spare")
    proof.derive("square_enough", (1 - a * b) * E**2 - (2 - a - b) * m <= (E - t) ** 2, "spare_enough left_over")
    proof.derive("ab", a * b <= 1, "a_top apart")
    proof.derive("reach", t <= E, "paid_square share_at_most_1 m_small ab")
    proof.derive("q_square", q**2 <= (E - t) ** 2, "ellipse square_enough")
    proof.derive("pays_linear", q <= E - t, "q_square reach")


def _containment(proof: Proof, formulas: Formulas) -> None:
    L_H, Delta, e0, R, delta, g = sym("L_H Delta_J e0 R delta share")
    E, E1, q, gap, h, length, sig, K = sym("e_k e_next q defect h length sigma_P K")
    P, G, G1 = sym("P G G_next")
    proof.define("running", E > 0, "else GD rests")
    proof.hypothesis("room", g * sig > delta, "γσ(R) > δ, and σ(P) ≥ σ(R)")
    proof.suppose("so_far", sp.And(E <= G, P <= R, E <= e0), "‖e_k‖ ≤ G(P) = ∫_P^R (γσ − δ)")
    proof.lemma("left_end", "monotone_integral", G <= (g * sig - delta) * (R - P), "σ is non-increasing")
    proof.derive("inside", P + length <= R, "reach paid so_far left_end room")
    proof.lemma(
        "residual", "mean_value", E1 <= q + gap * length, "e_{k+1} = (I − A)e_k − (J̄ − J)(step)", premises=["inside"]
    )
    proof.lemma("curvature", "mean_value", gap <= L_H * length / 2, "gap = ‖J̄ − J(θ_k)‖", premises=["inside"])
    proof.lemma("movement", "mean_value", gap <= 2 * Delta, "both within Δ_J of J0", premises=["inside"])
    proof.derive("length_bound", length <= h * K * e0, "length norm so_far")
    proof.derive("drift", gap <= L_H * h * K * e0 / 2, "curvature length_bound")
    proof.derive("drift_bound", gap <= formulas("delta_residual"), "drift movement h K")
    proof.hypothesis("delta", delta >= formulas("delta_residual"))
    proof.derive("pays", E1 <= E - (g * sig - delta) * length, "pays_linear paid residual drift_bound delta running")
    proof.lemma(
        "spent", "monotone_integral", G - G1 <= (g * sig - delta) * length, "G1 = G(P + ℓ)", premises=["inside"]
    )
    proof.derive("next", sp.And(E1 <= G1, P + length <= R, E1 <= e0), "pays spent inside so_far room")
    E0, G0, P0 = sym("e_start G_start P_start")
    proof.hypothesis("containment", sp.And(E0 <= G0, P0 <= R), "‖e(θ_0)‖ ≤ ∫_{P_0}^R (γσ − δ), ‖θ_0 − c‖ ≤ P_0 ≤ R")
    proof.define("start", E0 <= e0)
    proof.derive("base", sp.And(E0 <= G0, P0 <= R, E0 <= e0), "containment start")
    path, final = sym("P_k E_k")
    proof.lemma(
        "every_step",
        "induction",
        sp.And(path <= R, final <= e0),
        "for every k",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    lower, panel, width = sp.Symbol("sigma_lower", nonnegative=True), sp.Symbol("panel", real=True), sym("width")
    sigR = sym("sigma")
    proof.lemma(
        "panel_integral", "monotone_integral", panel >= (g * lower - delta) * width, "right end point of the panel"
    )
    proof.define("panel_end", lower >= sigR, "σ at the right end point")
    proof.derive("panel", panel >= formulas("long_panel"), "panel_integral panel_end")


def _rate(proof: Proof, formulas: Formulas) -> None:
    b, g, delta, sigR = sym("step_fraction share delta sigma")
    E, E1, q, m, image, h, length, sig, gap, a = sym("e_k e_next q m image h length sigma_P defect a")
    proof.define("sigma", sp.And(sigR <= sig, g * sigR > delta), "σ = σ(R) ≤ σ(P)")
    proof.derive("long", length >= h * sigR * E, "length below sigma")
    proof.derive("gain", (g * sig - delta) * length >= (g * sigR - delta) * h * sigR * E, "long sigma room")
    by_share = 1 - h * sigR * (g * sigR - delta)
    proof.derive("rate_by_share", E1 <= by_share * E, "pays gain")
    # By the tangent at m = aE², a = ηsσ(R)².
    low, D, x, slope = sym("a_R D x slope")
    proof.define("low", sp.And(sp.Eq(low, h * sigR**2), sp.Eq(D, 2 - low - b)))
    proof.lemma(
        "spectral_R", "spectral_theorem", image <= (low + b) * m - low * b * E**2, "with σ(R)", premises=["step_h"]
    )
    proof.derive("ordered", sp.And(low <= a, low + b < 2), "low sigma a a_top below_two")
    proof.derive("low_small", sp.And(low <= b, low < 1), "low below norm step_h sigma running ordered")
    proof.derive("above", m >= low * E**2, "form low below sigma")
    proof.define("x", sp.Eq(x * E, m - low * E**2), "x = (m − aE²)/E")
    proof.derive("x_small", x <= (b - low) * E, "x m_small running")
    proof.derive("root", q**2 <= (1 - low) ** 2 * E**2 - D * x * E, "linear spectral_R x low")
    proof.derive(
        "half", D * (b - low) <= 2 * (1 - low) ** 2, "low ordered", "(p − r)(p + r) ≤ 2p², p = 1 − a, r = b − 1"
    )
    proof.derive("half_x", D * x <= 2 * (1 - low) ** 2 * E, "half x_small ordered low")
    proof.derive("tangent_R", 2 * (1 - low) * q <= 2 * (1 - low) ** 2 * E - D * x, "root half_x low_small")
    proof.derive("short_of", 2 * sigR * E * length <= m + low * E**2, "length form low", "2uv ≤ u² + v²")
    proof.derive("length_x", 2 * sigR * length <= 2 * low * E + x, "short_of x running")
    proof.derive("sigma_positive", sigR > 0, "sigma delta")
    proof.define("slope", sp.Eq(slope, sp.Max(0, delta / sigR - D / (1 - low))))
    proof.derive(
        "slopes",
        sp.And(slope >= 0, slope * sigR * (1 - low) >= delta * (1 - low) - D * sigR),
        "slope sigma_positive low_small",
    )
    proof.derive("gap_delta", gap <= delta, "drift_bound delta")
    proof.derive("sum", E1 <= q + delta * length, "residual gap_delta")
    q_side, l_side = sigR * (2 * (1 - low) ** 2 * E - D * x), (1 - low) * delta * (2 * low * E + x)
    proof.derive("by_q", sigR * (2 * (1 - low) * q) <= q_side, "tangent_R")
    proof.derive("by_length", (1 - low) * delta * (2 * sigR * length) <= l_side, "length_x low_small")
    proof.derive("scaled", 2 * sigR * (1 - low) * (q + delta * length) <= q_side + l_side, "by_q by_length")
    proof.derive(
        "bounded",
        (delta * (1 - low) - D * sigR) * x <= slope * sigR * (1 - low) * (b - low) * E,
        "slopes x_small low_small",
    )
    # One product at a time: as a single question cvc5 would search for minutes.
    by_tangent = 1 - h * sigR * (sigR - delta) + (b - low) / 2 * slope
    turned, twice, rest = sym("turned"), 2 * sigR * (1 - low), slope * sigR * (1 - low) * (b - low) * E
    factor = 1 - low + turned + (b - low) / 2 * slope
    proof.define("turned", sp.Eq(turned, h * sigR * delta))
    proof.derive("low_delta", sp.Eq(sigR * turned, delta * low), "low turned")
    proof.derive(
        "joined",
        twice * (q + delta * length) <= twice * (1 - low) * E + 2 * (1 - low) * delta * low * E + rest,
        "scaled bounded",
    )
    proof.derive(
        "joined_turned",
        twice * (q + delta * length) <= twice * (1 - low) * E + 2 * (1 - low) * E * sigR * turned + rest,
        "joined low_delta",
    )
    proof.derive("by_factor", twice * (q + delta * length) <= twice * factor * E, "joined_turned")
    proof.derive("cancelled", q + delta * length <= factor * E, "by_factor sigma_positive low_small")
    proof.derive("factor", sp.Eq(factor * E, by_tangent * E), "low turned")
    proof.derive("rate_by_tangent", E1 <= by_tangent * E, "sum cancelled factor")
    proof.derive(
        "rate", E1 <= formulas("long_rate") * E, "rate_by_share rate_by_tangent slope low h sigma_positive low_small"
    )
    proof.derive("share_below_1", by_share < 1, "sigma sigma_positive h")
    proof.derive("contracts", formulas("long_rate") < 1, "share_below_1 slope low h sigma_positive low_small")


def _bound_too_small() -> list[Fact]:
    # F = θ, y = 0, θ0 = 1, η = 3, with b = 3/2 < ηs‖J‖² = 3 and σ = 1/4: a = 3/16, γ² = 15/23; R = 6 pays for ‖e0‖ = 1.
    a, b, R = Q(3, 16), Q(3, 2), Q(6)
    share_square = b * (2 - a - b) / (1 - a * b)
    theta = [Q(-2) ** k for k in range(4)]
    return [
        Fact("γ² = 15/23, and γσR ≥ 1", share_square == Q(15, 23) and share_square * (R / 4) ** 2 >= 1),
        Fact("θ_3 = −8 is at distance 9 > R", theta[3] == -8 and abs(theta[3] - 1) > R),
    ]


def _floor_above() -> list[Fact]:
    # F = θ, η = 3/2: a = b = 3/2, the formula gives γ² = 6/5 although a + b = 3; from θ = 1 the step has length 3/2 and ends at −1/2.
    a = b = Q(3, 2)
    share_square = b * (2 - a - b) / (1 - a * b)
    return [
        Fact("γ² = 6/5", share_square == Q(6, 5)),
        Fact("the residual pays 1/2, less than γℓ", Q(1, 2) ** 2 < share_square * Q(3, 2) ** 2),
    ]


def _attained() -> list[Fact]:
    """F(θ) = (θ1/2, √(3/2)θ2), ηs = 1, e² = (9/20, 11/20): a = 1/4, b = 3/2, eᵀAe = 15/16, ‖(I − A)e‖ = 5/8."""
    first, second = Q(9, 20), Q(11, 20)
    m, q_square = first / 4 + second * Q(3, 2), first * Q(3, 4) ** 2 + second * Q(1, 2) ** 2
    return [
        Fact("‖e‖ = 1, eᵀAe = ℓ² = 15/16", first + second == 1 and m == Q(15, 16)),
        Fact("‖(I − A)e‖ = 5/8, so 3/8 is paid", q_square == Q(5, 8) ** 2),
        Fact("γ² = 3/5: γσℓ is 3/8 exactly", Q(3, 2) * Q(1, 4) / (1 - Q(3, 8)) * Q(1, 4) * m == Q(3, 8) ** 2),
        Fact("γ² = 3/4, what a = 0 would give, is too much", Q(3, 2) * Q(1, 2) * Q(1, 4) * m > Q(3, 8) ** 2),
        Fact("so is γ = 1", Q(1, 4) * m > Q(3, 8) ** 2),
    ]


def _supply() -> list[Fact]:
    # F = 1 + θ² about θ0 = 1 with y = 0, R = 1/2, η = 1/8: J = 2θ ∈ [1, 3], b = 9/8, a = 1/8; ∫ ≤ 3/2 < ‖e0‖ = 2, and GD leaves.
    theta = Q(1)
    for _ in range(2):
        theta -= Q(1, 8) * 2 * theta * (1 + theta**2)
    return [
        Fact("ηs‖J‖² ≤ 9/8, a + b < 2", Q(1, 8) * 9 + Q(1, 8) < 2),
        Fact("GD leaves B(1, 1/2) at its second step", theta < Q(1, 2)),
    ]


CLAIM = Claim(
    id="containment_residual_long",
    title="containment, residual form, steps up to 2/λ_max",
    statement="Notation of containment_residual, with ηsK² ≤ b in place of ηsK² ≤ 1, a ≥ ηsσ(ρ)² for every σ(ρ) used, a + b < 2 and"
    " γ² = b(2 − a − b)/(1 − ab) (γ ≤ 1; γ = 1 where b = 1). If γσ(R) > δ and ∫_{P_0}^R (γσ(ρ) − δ)dρ ≥ ‖e0‖, every iterate and segment stays in"
    " B(c, R), ‖e_k‖ − ‖e_{k+1}‖ ≥ (γσ − δ)‖θ_{k+1} − θ_k‖ and ‖e_{k+1}‖ ≤ r‖e_k‖ with r the smaller of 1 − ηsσ(γσ − δ) and"
    " 1 − ηsσ(σ − δ) + ½(b − a_R)max(0, δ/σ − (2 − a_R − b)/(1 − a_R)), σ = σ(R), a_R = ηsσ².",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "step",
            "b bounds ηs(‖J0‖ + Δ_J)²",
            Counterexample("F = θ, η = 3, b = 3/2: GD leaves B(1, 6)", _bound_too_small),
        ),
        Hypothesis("below_two", "a + b < 2", Counterexample("F = θ, η = 3/2, a = b = 3/2", _floor_above)),
        Hypothesis(
            "top",
            "a bounds ηsσ(ρ)² from above",
            Counterexample("a linear F with spectrum 1/4, 3/2 and a = 0", _attained),
        ),
        Hypothesis("containment", "∫(γσ − δ) ≥ ‖e0‖", Counterexample("F = 1 + θ² about 1, R = 1/2, η = 1/8", _supply)),
        Hypothesis("radius", "the ball is large enough", SMALL_REGION),
    ),
    witnesses=(Counterexample("a linear F with spectrum 1/4, 3/2: γ is attained, so no larger one holds", _attained),),
    proof=prove,
    remarks="The proof is in the module's docstring. ‖e_k‖ falls in every step although ηsλ_max exceeds 1. As b → 2 the supply is that of"
    " γ = √(b(2 − b)) for small a: 0.98 at b = 1.2, 0.87 at 1.5, 0.6 at 1.8; the classical form's c = 1 − ηβ/2 is 0.4, 0.25, 0.1 there.",
)
