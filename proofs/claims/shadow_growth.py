"""Claim shadow_growth: how far one step of gradient descent carries two nearby points apart."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import KINK


def _growth(proof: Proof) -> None:
    """I − η∇²Φ is symmetric, ∇²Φ = s(JᵀJ + E), E = Σ e_ia∇²F_ia; its quadratic form at a unit vector u."""
    eta, s = sym("eta s")
    Ju, J, low, high, norm, apart, delta, after = sym("Ju jacobian_norm nu_minus nu_plus norm apart radius after")
    rounding, gap, error = sym("rounding gap error")
    E = sp.Symbol("E", real=True)
    growth = sp.Max(1 + eta * s * low, eta * s * (J**2 + high) - 1)
    proof.lemma("hessian", "chain_rule", sp.Eq(norm, sp.Abs(1 - eta * s * (Ju**2 + E))), "at the u of symmetric_norm")
    proof.lemma("jacobian", "operator_norm", Ju <= J, "J ≥ ‖J(θ̂)‖ + ‖ΔJ‖ on the ball")
    proof.hypothesis("below", E >= -low, "ν⁻ ≥ λ_max(−E) on the whole ball")
    proof.hypothesis("above", E <= high, "ν⁺ ≥ λ_max(E) on the whole ball")
    proof.derive("square", Ju**2 <= J**2, "jacobian")
    proof.derive("from_below", eta * s * (Ju**2 + E) >= -eta * s * low, "below")
    proof.derive("from_above", eta * s * (Ju**2 + E) <= eta * s * (J**2 + high), "square above")
    proof.derive("norm", norm <= growth, "hessian from_below from_above")
    proof.hypothesis("close", apart <= delta, "apart = ‖θ − θ̂‖; the segment lies in the ball")
    proof.lemma("step", "mean_value", after <= norm * apart, "after = ‖T(θ) − T(θ̂)‖, DT = I − η∇²Φ, at its largest")
    proof.derive("at_least", growth >= 1, "hessian")
    proof.derive("growth", after <= growth * delta, "norm close step at_least")
    proof.lemma("triangle", "cauchy_schwarz", gap <= after + error, "gap = ‖T(θ) − θ̂'‖, error = ‖T(θ̂) − θ̂'‖")
    proof.hypothesis("rounding", error <= rounding)
    proof.derive("next", gap <= growth * delta + rounding, "growth triangle rounding")


def _reach(proof: Proof) -> None:
    """What changes on the ball, one layer and one sample; every layer is given the whole δ."""
    delta, scale, t, S1, S2, s1, s2 = sym("radius s_l t_l sup_first sup_second sigma_first sigma_second")
    a0, v0, moved, dh, dh_next, dz, da, dz_top = sym("a_centre v_centre moved_below dh dh_next dz da dz_top")
    proof.define("whole", t <= delta, "‖[U_l q_l]‖_F ≤ ‖θ − θ̂‖ ≤ δ")
    proof.hypothesis("smooth", sp.And(s1 <= S1, s2 <= S2), "sup|σ'|, sup|σ''| finite")
    proof.lemma("dz", "operator_norm", dz <= a0 * t + (v0 + scale * t) * moved, "Δz = [U q]a⁰ + V(θ)Δh, V = sW")
    proof.lemma("dh", "mean_value", dh_next <= s1 * dz, "entry by entry")
    proof.define("dz_top", sp.Eq(dz_top, a0 * delta + (v0 + scale * delta) * dh))
    proof.suppose("dh_so_far", moved <= dh, "dh: the bound of layer l − 1; 0 ≤ 0 at the inputs")
    proof.derive("inherited_step", (v0 + scale * t) * moved <= (v0 + scale * delta) * dh, "whole dh_so_far")
    proof.derive("dz_step", dz <= dz_top, "whole dz dz_top inherited_step")
    proof.derive("dh_step", dh_next <= S1 * dz_top, "dh dz_step smooth")
    proof.lemma(
        "forward", "induction", sp.And(moved <= dh, dz <= dz_top), premises=["dh_step"], discharges=["dh_so_far"]
    )
    proof.lemma("da", "operator_norm", da <= scale * moved, "a = (s h, 1)")
    proof.derive("da_ball", da <= scale * dh, "da forward")
    change, dg, db, g0, b0, change_below, db_top = sym("change_g dg db g_frobenius b_frobenius change_below db_top")
    proof.define("db_top", sp.Eq(db_top, S1 * dg + S2 * dz_top * g0))
    proof.lemma("db", "frobenius", db <= s1 * change + s2 * dz * g0, "ΔB = σ'(θ)∘ΔG + Δσ'∘G⁰")
    proof.lemma(
        "dg",
        "operator_norm",
        change_below <= scale * t * (b0 + db) + v0 * db,
        "ΔG_{l−1} = B(θ)sU + ΔB V⁰, ‖B⁰‖ ≤ ‖B⁰‖_F",
    )
    proof.suppose("dg_so_far", change <= dg, "dg: the bound of ‖ΔG_l‖; 0 ≤ 0 at the output")
    proof.derive("db_slope", s1 * change <= S1 * dg, "smooth dg_so_far")
    proof.derive("db_bend", s2 * dz * g0 <= S2 * dz_top * g0, "smooth forward")
    proof.derive("db_step", db <= db_top, "db db_top db_slope db_bend")
    proof.derive("dg_step", change_below <= scale * delta * (b0 + db_top) + v0 * db_top, "dg whole db_step")
    proof.lemma(
        "backward", "induction", sp.And(change <= dg, db <= db_top), premises=["dg_step"], discharges=["dg_so_far"]
    )
    # One block of ΔJ: B ⊗ a − B⁰ ⊗ a⁰ = ΔB ⊗ a(θ) + B⁰ ⊗ Δa, in the Frobenius norm; k outputs, root_k = √k ≥ 1.
    root_k, a, db_frobenius, block = sym("root_k a_norm db_frobenius block")
    proof.define("outputs", root_k >= 1)
    proof.lemma("rank", "frobenius", db_frobenius <= root_k * db, "rank ΔB ≤ k")
    proof.lemma("a", "operator_norm", a <= a0 + da)
    proof.lemma("block", "mixed_product", block <= db_frobenius * a + b0 * da, "‖u ⊗ v‖_F = ‖u‖‖v‖, triangle")
    proof.derive("block_first", db_frobenius * a <= root_k * db_top * (a0 + scale * dh), "rank a da_ball backward")
    proof.derive("block_second", b0 * da <= root_k * b0 * scale * dh, "da_ball outputs")
    proof.derive(
        "block_ball", block <= root_k * (db_top * (a0 + scale * dh) + b0 * scale * dh), "block block_first block_second"
    )
    total, squares = sym("jacobian_change_square squares")
    proof.lemma(
        "jacobian_change",
        "finite_sum",
        total <= root_k**2 * squares,
        "‖ΔJ‖² ≤ ‖ΔJ‖_F² = Σ_l Σ_i block²",
        premises=["block_ball"],
    )


def _curvature(proof: Proof) -> None:
    """±uᵀEu = Σ_l ±2⟨U_l, s_lC_lᵀḢ_{l−1}⟩ ± Σ_l Σ S_l∘Ż_l², Ż_l = D_l + I_l, Ḣ = σ'∘Ż; t = p_l, t_below = p_{l−1}."""
    t, t_below, scale, slope = sym("p_l p_below s_l slope_top")
    # Layer l's own part: Σ_r u_rᵀ(Aᵀdiag([S]_r)A)u_r with Frobenius norms, or with the largest entry and ‖A‖.
    direct, one, two, unit, norm_Au, A, S_sign = sym("direct own_frobenius own_norm u_square Au a_norm S_sign")
    proof.define("units", sp.Eq(unit, t**2), "Σ_r‖u_r‖² = t²")
    proof.lemma("own_first", "frobenius", direct <= one * unit, "one = max_r([S]_rᵀ(K∘K)[S]_r)^½")
    proof.lemma("own_second", "finite_sum", direct <= S_sign * norm_Au**2, "S_sign = max(±S)_+, norm_Au² = Σ_r‖Au_r‖²")
    proof.lemma("own_norm", "operator_norm", norm_Au**2 <= A**2 * unit)
    proof.define("two", sp.Eq(two, A**2 * S_sign))
    proof.derive("own", direct <= sp.Min(one, two) * t**2, "units own_first own_second own_norm two")
    # Coupling to layer l − 1: its own part column by column, what it inherits by norms. inherited ≥ ‖I_{l−1}‖_F.
    cross, C, coupling, through, rest, inherited = sym("cross C_norm coupling through rest inherited")
    proof.lemma(
        "cross", "cauchy_schwarz", cross <= 2 * scale * t * (through + rest), "|2⟨U, sCᵀ(σ'∘(D + I))⟩|, ‖U‖_F ≤ t"
    )
    proof.lemma(
        "through", "frobenius", scale * through <= coupling * t_below, "coupling = s max_r([σ']_rᵀ(CCᵀ∘K)[σ']_r)^½"
    )
    proof.lemma("rest", "frobenius", rest <= C * (slope * inherited), "‖Cᵀ(σ'∘I)‖_F ≤ ‖C‖_F·max|σ'|·‖I‖_F")
    proof.derive(
        "coupling", cross <= 2 * coupling * t * t_below + 2 * scale * C * slope * t * inherited, "cross through rest"
    )
    # The mixed and the inherited part of S∘Ż².
    mixed, quadratic, S, DI, D, inner = sym("mixed quadratic S_top DI D_norm I_norm")
    proof.lemma("mixed", "finite_sum", mixed <= 2 * S * DI, "2|Σ S D I|, S = max|S|, DI = Σ|D||I|")
    proof.lemma("samples", "cauchy_schwarz", DI <= D * inner)
    proof.lemma("own_D", "frobenius", D <= A * t, "‖D_l‖_F = ‖A_l[U_l q_l]ᵀ‖_F")
    proof.lemma("quadratic", "finite_sum", quadratic <= S * inner**2)
    proof.derive("products", DI <= A * t * inner, "samples own_D")
    proof.derive("mixed_bound", mixed <= 2 * S * A * t * inner, "mixed products")
    term = sp.Min(one, two) * t**2 + 2 * coupling * t * t_below + 2 * scale * C * slope * t * inherited
    proof.derive(
        "layer",
        direct + cross + mixed + quadratic <= term + 2 * S * A * t * inner + S * inner**2,
        "own coupling mixed_bound quadratic",
    )
    form, pp, nu, E_form = sym("form pp nu E_form")
    proof.lemma("sum", "finite_sum", E_form <= form, "E_form = ±uᵀEu, form = pᵀMp, M ≥ 0", premises=["layer"])
    proof.lemma("largest", "rayleigh", form <= nu * pp, "ν = λ_max of the symmetric part of M")
    proof.define("unit", sp.Eq(pp, 1), "Σ_l p_l² = ‖u‖² = 1")
    proof.derive("nu", E_form <= nu, "sum largest unit")
    # One hidden layer, identity output: ±E is block-diagonal, [[P_r, Q_r], [Q_rᵀ, 0]] per neuron, ‖(u, v)‖ = 1.
    u, v, P, root, neuron = sym("u_r v_r p_r root neuron")
    q = sym("q_r")
    proof.lemma("neuron", "operator_norm", neuron <= P * u**2 + 2 * q * u * v, "λ_max(±P_r) ≤ p_r, ‖Q_r‖ ≤ q_r")
    proof.define("root", sp.Eq(root**2, P**2 + 4 * q**2), "root = (p_r² + 4q_r²)^½")
    top = (P + root) / 2
    proof.derive("top", sp.And(top >= P, top * (top - P) >= q**2), "root")
    proof.derive("two_by_two", P * u**2 + 2 * q * u * v <= top * (u**2 + v**2), "top")
    proof.derive("neuron_block", neuron <= top * (u**2 + v**2), "neuron two_by_two")


def prove(formulas: Formulas) -> Proof:
    """Mean value for T(θ) = θ − η∇Φ(θ) on the convex ball, then layer norms for the curvature weighted by the residual."""
    proof = Proof()
    _growth(proof)
    _reach(proof)
    _curvature(proof)
    return proof.conclude("norm growth next dz_step dh_step db_step dg_step block_ball layer nu neuron_block")


def _at_the_centre_only() -> list[Fact]:
    # F = θ²/2, y = 0: ∇Φ = θ³/2, ∇²Φ = 3θ²/2 = 0 at θ̂ = 0, so g = 1 from θ̂ alone; η = 1, δ = 4: T(4) = 4 − 32.
    return [Fact("|T(4) − T(0)| = 28 > 1·4", abs(Q(4) - Q(4) ** 3 / 2) == 28 and 28 > 4)]


def _no_negative_curvature() -> list[Fact]:
    # F = θ²/2, y = 1: ∇Φ = θ(θ²/2 − 1), E = e = θ²/2 − 1 < 0 near 0. η = 1: T(1/2) = 1/2 + 7/16.
    t = Q(1, 2)
    after = t - t * (t * t / 2 - 1)
    return [
        Fact("JᵀJ + E = 3t²/2 − 1 ∈ [−1, −5/8] on [0, 1/2]", 3 * t * t / 2 - 1 == Q(-5, 8)),
        Fact("|T(1/2) − T(0)| = 15/16 > 1/2, the bound with ν⁻ = 0", after == Q(15, 16) and after > t),
        Fact("with ν⁻ = 1 the bound 2·(1/2) holds", after <= 2 * t),
    ]


def _no_positive_curvature() -> list[Fact]:
    # F = θ²/2, y = −10: E = e = θ²/2 + 10, ∇Φ = θ(θ²/2 + 10); η = 1, δ = 1/10: J² = 1/100 ≤ 2, so g = 1 with ν⁺ = 0.
    t = Q(1, 10)
    after = t - t * (t * t / 2 + 10)
    return [Fact("|T(1/10) − T(0)| > 1/10, the bound with ν⁺ = 0", abs(after) > t)]


def _not_close() -> list[Fact]:
    # F = θ, y = 0, η = 1/2: T halves; g = 1 by the formula. ‖θ − θ̂‖ = 4 with δ = 1 assumed.
    return [Fact("|T(4) − T(0)| = 2 > 1·1", Q(4) / 2 > 1)]


def _no_rounding() -> list[Fact]:
    # F = θ, y = 0, η = 1/2, θ = θ̂ = 1, δ = 0: T(1) = 1/2; a stored θ̂' = 3/4 is 1/4 away.
    return [Fact("|T(θ) − θ̂'| = 1/4 > g·0", abs(Q(1, 2) - Q(3, 4)) == Q(1, 4))]


def _attained() -> list[Fact]:
    # F = θ, η = 4: T = −3θ, g = max(1, 4 − 1) = 3. F = v·w (one neuron), E = e[[0, 1], [1, 0]]: p = 0, q = |e|.
    v, w, y = sp.symbols("v w y")
    loss = (v * w - y) ** 2 / 2
    hessian = sp.hessian(loss, (v, w)).subs({v: 0, w: 0})
    return [
        Fact("overshooting: |T(1)| = 3 = g", abs(Q(1) - 4 * Q(1)) == 3),
        Fact(
            "F = v·w at 0: ∇²Φ = −y[[0, 1], [1, 0]], λ_max(±E) = |y| = (0 + √(4y²))/2",
            hessian == sp.Matrix([[0, -y], [-y, 0]]),
        ),
        Fact(
            "Frobenius form: AᵀDA = Σ d_i a_i² for one column, squared dᵀ(K∘K)d",
            (Q(2) * 3**2 + Q(-1) * 5**2) ** 2
            == sum(d * e * (a * b) ** 2 for d, a in ((Q(2), 3), (Q(-1), 5)) for e, b in ((Q(2), 3), (Q(-1), 5))),
        ),
    ]


CLAIM = Claim(
    id="shadow_growth",
    title="one step of gradient descent from two nearby points",
    statement="T(θ) = θ − η∇Φ(θ), ‖θ − θ̂‖ ≤ δ, C² activations. With J ≥ ‖J‖, ν⁻ ≥ λ_max(−E), ν⁺ ≥ λ_max(E) on B(θ̂, δ), E = Σ e_ia∇²F_ia:"
    " ‖T(θ) − T(θ̂)‖ ≤ gδ, g = max(1 + ηsν⁻, ηs(J² + ν⁺) − 1), and ‖T(θ) − θ̂'‖ ≤ gδ + ‖T(θ̂) − θ̂'‖. Valid for a layered network:"
    " the changes of z, B, G, J on the ball and ν^∓ = λ_max of the form in (p_1, …, p_L) built from them (remarks), and for one hidden"
    " layer with identity output ν = max_r (p_r + (p_r² + 4q_r²)^½)/2.",
    source="our formulation: the error bound of scope `exact`",
    hypotheses=(
        Hypothesis(
            "below",
            "ν⁻ bounds λ_max(−E)",
            Counterexample("F = θ²/2, y = 1: negative curvature doubles distances", _no_negative_curvature),
        ),
        Hypothesis(
            "above",
            "ν⁺ bounds λ_max(E)",
            Counterexample("F = θ²/2, y = −10: a step that overshoots", _no_positive_curvature),
        ),
        Hypothesis(
            "ball",
            "J, ν^∓ hold on the whole ball, not only at θ̂",
            Counterexample("F = θ²/2 about 0: curvature only away from θ̂", _at_the_centre_only),
        ),
        Hypothesis("close", "‖θ − θ̂‖ ≤ δ", Counterexample("F = θ, θ at distance 4, δ = 1", _not_close)),
        Hypothesis("rounding", "‖T(θ̂) − θ̂'‖ is added", Counterexample("F = θ: a rounded step", _no_rounding)),
        Hypothesis("smooth", "C² activations with sup|σ'|, sup|σ''| finite", KINK),
    ),
    proof=prove,
    witnesses=(Counterexample("growth by overshooting and the one-neuron block are attained", _attained),),
    remarks="Per layer: ‖Δz‖ ≤ ‖a⁰‖δ + (‖V⁰‖ + sδ)‖Δh‖; ‖ΔB‖ ≤ sup|σ'|‖ΔG‖ + sup|σ''|‖Δz‖‖G⁰‖_F; ‖ΔG_{l−1}‖ ≤ sδ(‖B⁰‖_F + ‖ΔB‖) + ‖V⁰‖‖ΔB‖;"
    " ‖ΔJ‖² ≤ kΣ(‖ΔB‖(‖a⁰‖ + ‖Δa‖) + ‖B⁰‖_F‖Δa‖)². Form: min(one, two)p_l² + 2·coupling·p_lp_{l−1} + 2s‖C‖_F max|σ'|p_l‖I_{l−1}‖ +"
    " 2max|S|‖A‖p_l‖I_l‖ + max|S|‖I_l‖², ‖I_l‖ = ‖V_l‖‖Ḣ_{l−1}‖ linear in p.",
)
