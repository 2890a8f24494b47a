"""Claim layered_curvature: a bound of the second derivative of a layered network on a ball, from norms at the centre."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def _forward(proof: Proof, tag: str) -> None:
    """Δz_l = [U_l q_l]a_l⁰ + V_l(θ)Δh_{l−1}: the batch in ‖·‖_F with ‖A_l‖ (tag ""), one row with ‖a_l,i‖ (tag "_row")."""
    r, t, scale, S1, first, v, v_top = sym("radius t_l s_l sup_first sigma_first v_norm v_top")
    names = "a_centre a_norm a_top dz dh dh_below dh_below_top dz_top"
    a0, a, a_top, dz, dh, dh_below, dh_top, dz_top = sym(" ".join(name + tag for name in names.split()))
    proof.define(f"a_top{tag}", sp.Eq(a_top, a0 + scale * dh_top))
    proof.define(f"dz_top{tag}", sp.Eq(dz_top, a0 * r + v_top * dh_top))
    proof.lemma(f"a{tag}", "operator_norm", a <= a0 + scale * dh_below, "a_l = (s_lh_{l−1}, 1)")
    proof.lemma(f"dz{tag}", "frobenius", dz <= a0 * t + v * dh_below)
    proof.lemma(f"dh{tag}", "mean_value", dh <= first * dz, "entry by entry")
    proof.suppose(f"dh_so_far{tag}", dh_below <= dh_top, "inputs do not move: 0 ≤ 0 for l = 1")
    proof.derive(f"dz_step{tag}", dz <= dz_top, f"dz{tag} dz_top{tag} v_ball radius dh_so_far{tag}")
    proof.derive(f"dh_step{tag}", dh <= S1 * dz_top, f"dh{tag} dz_step{tag} slope")
    proof.lemma(
        f"moved_below{tag}", "induction", dh_below <= dh_top, premises=[f"dh_step{tag}"], discharges=[f"dh_so_far{tag}"]
    )
    proof.derive(f"a_ball{tag}", a <= a_top, f"a{tag} a_top{tag} moved_below{tag}")
    proof.derive(f"dz_ball{tag}", dz <= dz_top, f"dz{tag} dz_top{tag} v_ball radius moved_below{tag}")


def _inflation(proof: Proof) -> None:
    """Exact differences between a point of the ball and the centre, layer by layer."""
    r, t, scale = sym("radius t_l s_l")
    S1, S2, first, second, v0, v, v_top = sym("sup_first sup_second sigma_first sigma_second v_centre v_norm v_top")
    proof.hypothesis("radius", t <= r, "t = ‖[U_l q_l]‖_F ≤ ‖θ − θ0‖ ≤ r")
    proof.hypothesis("slope", first <= S1, "sup|σ_l'|")
    proof.hypothesis("bend", second <= S2, "sup|σ_l''|")
    proof.define("v_top", sp.Eq(v_top, v0 + scale * r))
    proof.lemma("v", "operator_norm", v <= v0 + scale * t, "V_l = s_lW_l")
    proof.derive("v_ball", v <= v_top, "v v_top radius")
    _forward(proof, "")
    _forward(proof, "_row")
    dz, dz_top = sym("dz_row dz_top_row")
    # Backward: ΔB_l = σ'(z_l)∘ΔG_l + Δσ'∘G_l⁰ and ΔG_{l−1} = B_l(θ)s_lU_l + ΔB_lV_l⁰, from G_L = I, which does not move.
    g0, b0, g, b, g_top, b_top = sym("g_centre b_centre g_norm b_norm g_top b_top")
    dg, db, dg_below, dg_top, db_top = sym("dg db dg_below dg_top db_top")
    proof.define("db_top", sp.Eq(db_top, S1 * dg_top + S2 * dz_top * g0))
    proof.define("b_top", sp.Eq(b_top, b0 + db_top))
    proof.define("g_top", sp.Eq(g_top, g0 + dg_top))
    proof.lemma(
        "db",
        "frobenius",
        db <= first * dg + second * dz * g0,
        "‖G diag(δ)‖ ≤ ‖δ‖·(largest column norm of G), |δ| ≤ sup|σ''||Δz|",
    )
    proof.lemma("b", "operator_norm", b <= b0 + db)
    proof.lemma("g", "operator_norm", g <= g0 + dg, "a column of ΔG_l is at most ‖ΔG_l‖")
    proof.lemma("dg", "operator_norm", dg_below <= scale * t * b + v0 * db)
    proof.suppose("dg_so_far", dg <= dg_top)
    proof.derive("slope_part", first * dg <= S1 * dg_top, "slope dg_so_far")
    proof.derive("bend_part", second * dz * g0 <= S2 * dz_top * g0, "bend dz_ball_row")
    proof.derive("db_step", db <= db_top, "db db_top slope_part bend_part")
    proof.derive("dg_step", dg_below <= scale * r * b_top + v0 * db_top, "dg b b_top radius db_step")
    proof.lemma(
        "moved_above", "induction", sp.And(dg <= dg_top, db <= db_top), premises=["dg_step"], discharges=["dg_so_far"]
    )
    proof.derive("b_ball", b <= b_top, "b b_top moved_above")
    proof.derive("g_ball", g <= g_top, "g g_top moved_above")


def _tangent(proof: Proof, tag: str) -> None:
    """At one θ of the ball, a direction u with p_l = ‖[U_l q_l]‖_F: ż_l = [U_l q_l]a_l + V_lḣ_{l−1}, ḣ_l = σ_l'∘ż_l."""
    t, S1, s1, v, v_top = sym("p_l sup_first sigma_first v_norm v_top")
    names = "a_norm a_top z_dot h_dot h_dot_below h_dot_below_top z_dot_top"
    a, a_top, z, h, below, below_top, z_top = sym(" ".join(name + tag for name in names.split()))
    proof.define(f"z_top{tag}", sp.Eq(z_top, a_top * t + v_top * below_top), "linear in p_1, …, p_l, coefficients ≥ 0")
    proof.lemma(f"z{tag}", "frobenius", z <= a * t + v * below, "‖Ż_l‖_F, or ‖ż_l,i‖")
    proof.lemma(f"h{tag}", "frobenius", h <= s1 * z, "‖Ḣ_l‖_F, or ‖ḣ_l,i‖")
    proof.suppose(f"h_so_far{tag}", below <= below_top, "0 ≤ 0 for l = 1")
    proof.derive(f"z_step{tag}", z <= z_top, f"z{tag} z_top{tag} a_ball{tag} v_ball h_so_far{tag}")
    proof.derive(f"h_step{tag}", h <= S1 * z_top, f"h{tag} z_step{tag} slope")
    proof.lemma(
        f"tangent{tag}",
        "induction",
        sp.And(below <= below_top, z <= z_top),
        premises=[f"h_step{tag}"],
        discharges=[f"h_so_far{tag}"],
    )


def prove(formulas: Formulas) -> Proof:
    """D²F[u, u] = Σ_l 2B_l(s_lU_lḣ_{l−1}) + Σ_l G_l(σ_l''∘ż_l²), by Cauchy–Schwarz over the samples."""
    proof = Proof()
    _inflation(proof)
    _tangent(proof, "")
    _tangent(proof, "_row")
    t, scale, S2, s2, g, b, g_top, b_top = sym("p_l s_l sup_second sigma_second g_norm b_norm g_top b_top")
    z, below, below_top, z_top = sym("z_dot h_dot_below h_dot_below_top z_dot_top")
    row, row_top = sym("z_dot_row z_dot_top_row")
    # Layer l's two terms of ⟨w, D²F[u, u]⟩, Σ_i‖w_i‖² = 1; wh = Σ_i‖w_i‖‖ḣ_{l−1,i}‖, wz = Σ_i‖w_i‖‖ż_l,i‖.
    cross, square, wh, wz, peak, peak_top = sym("cross square wh wz peak peak_top")
    proof.lemma("cross", "operator_norm", cross <= 2 * scale * b * t * wh, "b = max_i‖B_l,i‖")
    proof.lemma("cross_samples", "cauchy_schwarz", wh <= below, "Σ_i‖w_i‖² = 1")
    proof.derive("cross_ball", cross <= 2 * scale * b_top * t * below_top, "cross cross_samples b_ball tangent")
    proof.lemma(
        "square",
        "operator_norm",
        square <= s2 * peak * wz,
        "‖G_i y‖ ≤ g_i‖y‖_1 with y = ż_i², ‖y‖_1 = ‖ż_i‖²; peak = max_i g_i‖ż_i‖",
    )
    proof.lemma("square_samples", "cauchy_schwarz", wz <= z, "Σ_i‖w_i‖² = 1")
    proof.define(
        "peak",
        sp.And(sp.Eq(peak, g * row), g_top * row_top <= peak_top),
        "at the sample where g_i‖ż_i‖ is largest; peak_top: max_i of the tops",
    )
    proof.derive("peak_ball", peak <= peak_top, "peak tangent_row g_ball")
    proof.derive("bend_z", s2 * wz <= S2 * z_top, "bend square_samples tangent")
    proof.derive("square_ball", square <= S2 * peak_top * z_top, "square peak_ball bend_z")
    term = 2 * scale * b_top * t * below_top + S2 * peak_top * z_top
    proof.derive("layer", cross + square <= term, "cross_ball square_ball")
    total, form, L_H, pp, pair, first, second = sym("total form L_H pp pair norm_u norm_v")
    proof.lemma("sum", "finite_sum", total <= form, "total = |⟨w, D²F[u, u]⟩|, form = pᵀMp", premises=["layer"])
    proof.lemma("largest", "rayleigh", form <= L_H * pp, "L_H ≥ λ_max((M + Mᵀ)/2), pp = Σ_l p_l²")
    proof.hypothesis("unshared", sp.Eq(pp, 1), "Σ_l p_l² = ‖u‖² = 1: no parameter belongs to two layers")
    proof.derive("diagonal", total <= L_H, "sum largest unshared")
    proof.lemma(
        "pair",
        "symmetric_norm",
        pair <= total * first * second,
        "|⟨w, D²F[u, v]⟩| for all u, v; total at the unit direction where it is largest",
    )
    proof.derive("curvature", pair <= L_H * first * second, "diagonal pair")
    return proof.conclude("a_ball v_ball b_ball g_ball dg_step h_step layer curvature")


_W = sp.symbols("w1 w2 w3", real=True)


def _three_linear_layers() -> list[Fact]:
    w1, w2, w3 = _W
    entry = sp.diff(w3 * w2 * w1, w2, w3)
    centre = {w: 0 for w in _W}
    hessian = sp.hessian(w3 * w2 * w1, _W)
    return [
        Fact("at the centre 0 every norm but the input's is 0 and D²F = 0", hessian.subs(centre) == sp.zeros(3, 3)),
        Fact("at (1, 0, 0), distance 1: ∂²F/∂w2∂w3 = 1 > 0", entry.subs({w1: 1, w2: 0, w3: 0}) == 1),
    ]


def _shared() -> list[Fact]:
    w = sp.Symbol("w")
    curvature = sp.diff(w**2, w, 2)
    # Two layers kept apart: M = [[0, 0], [2, 0]], λ_max of its symmetric part is 1.
    form = sp.Matrix([[0, 1], [1, 0]])
    return [Fact("F'' = 2, but the form of w2·w1 has λ_max 1", curvature == 2 and max(form.eigenvals()) == 1)]


def _slope_unbounded() -> list[Fact]:
    # F = v·σ(w), σ(z) = 2z, B(0, r): ∂²F/∂v∂w = 2; with sup|σ'| = 1 assumed the form has λ_max 1.
    v, w = sp.symbols("v w")
    return [Fact("∂²F/∂v∂w = 2 > 1", sp.diff(v * 2 * w, v, w) == 2)]


def _bend_elsewhere() -> list[Fact]:
    # F = σ(w), σ(z) = z³ about 0: σ''(0) = 0 but σ''(1) = 6. For a kink no bound exists at all (claim relu_smoothness).
    w = sp.Symbol("w")
    bend = sp.diff(w**3, w, 2)
    return [Fact("F''(0) = 0 and F''(1) = 6", bend.subs(w, 0) == 0 and bend.subs(w, 1) == 6)]


def _attained() -> list[Fact]:
    # F = w2·w1·x at x = 3: M = [[0, 0], [2·3, 0]]; λ_max of the symmetric part 3 is the norm of D²F everywhere.
    w1, w2, _ = _W
    hessian = sp.hessian(w2 * w1 * 3, (w1, w2))
    # F = z² (σ'' = 2, g = 1, ‖a‖ = 5) for z = 3w + 4b: M = (2·5·5); D²F = 2aaᵀ has norm 2‖a‖² = 50.
    w, b = sp.symbols("w b")
    bent = sp.hessian((3 * w + 4 * b) ** 2, (w, b))
    return [
        Fact("‖D²F‖ = 3 = L_H for F = w2·w1·3", max(abs(x) for x in hessian.eigenvals()) == 3),
        Fact("‖D²F‖ = 50 = sup|σ''|·g‖a‖·‖A‖ for F = (3w + 4b)²", max(bent.eigenvals()) == 2 * Q(5) * 5),
    ]


CLAIM = Claim(
    id="layered_curvature",
    title="second derivative of a layered network",
    statement="F fully connected with C² activations. On B(θ0, r): ‖D²F(θ)[u, v]‖ ≤ L_H(r)‖u‖‖v‖, L_H = λ_max((M + Mᵀ)/2), where"
    " pᵀMp = Σ_l 2s_l max‖B_l,i‖·p_l·‖Ḣ_{l−1}‖ + Σ_l sup|σ_l''|·max_i(g_l,i‖ż_l,i‖)·‖Ż_l‖ with the linear forms"
    " ‖Ż_l‖ = ‖A_l‖p_l + ‖V_l‖‖Ḣ_{l−1}‖ (rows alike), ‖Ḣ_l‖ = sup|σ_l'|‖Ż_l‖, every norm at the centre widened by"
    " ‖ΔZ_l‖ ≤ ‖A_l⁰‖r + (‖V_l⁰‖ + s_lr)‖ΔH_{l−1}‖, ‖ΔG_{l−1}‖ ≤ s_lr‖B_l‖ + ‖V_l⁰‖‖ΔB_l‖,"
    " ‖ΔB_l‖ ≤ sup|σ_l'|‖ΔG_l‖ + sup|σ_l''|‖Δz_l‖g_l⁰.",
    source="our formulation: the L_H of every ball certificate",
    hypotheses=(
        Hypothesis(
            "radius",
            "the norms are widened for every θ of the ball, not those of the centre",
            Counterexample("F = w3·w2·w1 about 0: D²F vanishes at the centre only", _three_linear_layers),
        ),
        Hypothesis(
            "slope", "sup|σ'| over the reals", Counterexample("F = v·2w: the slope 2 doubles D²F", _slope_unbounded)
        ),
        Hypothesis(
            "bend",
            "σ ∈ C², sup|σ''| over the reals",
            Counterexample("F = w³ about 0: the value at the centre bounds nothing", _bend_elsewhere),
        ),
        Hypothesis(
            "unshared", "no weight sharing", Counterexample("F = w²: F'' = 2, the form of w2·w1 has 1", _shared)
        ),
    ),
    proof=prove,
    witnesses=(Counterexample("both kinds of term are attained on small networks", _attained),),
    remarks="D²F[u, u]: differentiate z_l = V_lh_{l−1} + b_l twice, z̈_l = 2s_lU_lḣ_{l−1} + V_lḧ_{l−1}, ḧ_l = σ_l''∘ż_l² + σ_l'∘z̈_l, and carry"
    " each source to the output with B_l = ∂F/∂z_l, G_l = ∂F/∂h_l. Each layer is given the whole radius.",
)
