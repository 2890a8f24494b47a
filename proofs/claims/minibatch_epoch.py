"""Claim minibatch_epoch: what one pass through the data does to the distance from an exact fit, whatever the order of the batches.

One step on a batch b with ε = ηs_b, a = ‖e_b(θ)‖, θ* an exact fit, D = ‖θ − θ*‖. The whole residual of the batch vanishes at θ*, so
e_b(θ) = J̄_b(θ − θ*), J̄_b the mean of J_b over the segment from θ* to θ, and ⟨J_bᵀe_b, θ − θ*⟩ ≥ a² − a·q_bD with q_b ≥ ‖J_b(θ) − J̄_b‖. Hence
    D₊² ≤ D² − ε(2 − ε‖J_b‖²)a² + 2εaq_bD ≤ (1 + εq_b²/α)D²,      α = 2 − x, x ≥ ε_b‖J_b‖² for every batch.        (1)
Nothing about the other samples is used: their residuals may grow. Nothing is needed of θ₊ or of the step's segment.
Over an epoch, with S² = Σ ε_ta_t², Q² ≥ Σ ε_tq_t² (q_t valid within gD_0 of θ*), g² ≥ α/(α − Q²):
 (i)   D_t ≤ gD_0, since Π(1 + u_t) ≤ 1/(1 − Σu_t);
 (ii)  D_m² ≤ D_0² − αS² + 2gQSD_0, by (1), (i) and Cauchy–Schwarz;
 (iii) √ε_min‖e(θ_0)‖ ≤ (1 + τ_mx)S when the batches cover all samples: e_{b_t}(θ_0) differs from e_{b_t}(θ_{t−1}) by at most ‖J_{b_t}‖ times the
       path so far, Σ_{s < t} ε_s‖J_{b_s}‖a_s: a strictly lower triangular matrix of ones, of norm τ_m (lemma triangular_ones; τ_1 = 0).
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def _one_step(proof: Proof, x: sp.Expr) -> None:
    """D₊² ≤ D² − αεa² + 2εaqD, in the variables u = √ε·a, p = √ε·q."""
    eps, a, q, D, D1, g, K, u, p = sym("eps a q D D_next g_b K_b u p")
    inner, cross = sp.symbols("inner cross", real=True)
    proof.define(
        "scaled",
        sp.And(sp.Eq(u**2, eps * a**2), sp.Eq(p**2, eps * q**2), sp.Eq(u * p, eps * a * q)),
        "u = √ε·a, p = √ε·q",
    )
    proof.lemma(
        "mean",
        "mean_value",
        sp.Eq(inner, a**2 + cross),
        "inner = ⟨J_bᵀe_b, θ − θ*⟩; e_b = J̄_b(θ − θ*): the segment is in the ball",
    )
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(cross) <= a * q * D, "cross = ⟨e_b, (J_b − J̄_b)(θ − θ*)⟩")
    proof.lemma("norm", "operator_norm", g <= K * a, "g = ‖J_bᵀe_b‖")
    proof.hypothesis("fraction", eps * K**2 <= x, "x ≥ ηs_b‖J_b‖² on the ball, for every batch")
    proof.define("next", sp.Eq(D1**2, D**2 - 2 * eps * inner + eps**2 * g**2), "D₊ = ‖θ − εJ_bᵀe_b − θ*‖")
    proof.derive("g_square", eps * g**2 <= x * a**2, "norm fraction")
    proof.derive("g_term", eps**2 * g**2 <= eps * x * a**2, "g_square")
    proof.derive("inner_term", -2 * eps * inner <= -2 * eps * a**2 + 2 * eps * a * q * D, "mean cauchy")
    proof.derive(
        "one_step_plain",
        D1**2 <= D**2 - 2 * eps * a**2 + eps * x * a**2 + 2 * eps * a * q * D,
        "next g_term inner_term",
    )
    proof.derive("scaled_x", sp.Eq(x * u**2, eps * x * a**2), "scaled")
    proof.derive("scaled_cross", sp.Eq(u * p * D, eps * a * q * D), "scaled")
    proof.derive(
        "one_step_sum",
        D1**2 <= D**2 - 2 * u**2 + x * u**2 + 2 * u * p * D,
        "one_step_plain scaled scaled_x scaled_cross",
    )
    proof.derive("one_step", D1**2 <= D**2 - (2 - x) * u**2 + 2 * u * p * D, "one_step_sum")
    proof.hypothesis("below_two", x < 2, "the step is below 2/‖J_b‖²")
    proof.derive("step_growth", (2 - x) * D1**2 <= (2 - x + p**2) * D**2, "one_step below_two")


def prove(formulas: Formulas) -> Proof:
    """Induction over the batches of an epoch, for the distance, for the sums, and for the residual at its start."""
    x, Qd, g = sym("batch_fraction batch_drift growth")
    alpha = 2 - x
    proof = Proof()
    _one_step(proof, x)
    D, D1, D0, u, p = sym("D D_next D_start u p")
    # (i) spent = Σ ε_sq_s² so far.
    spent = sym("spent")
    proof.define("charged", spent + p**2 <= Qd**2, "Σ ε_sq_s² over the whole epoch is at most Q²")
    proof.hypothesis("drift", Qd**2 < alpha)
    proof.suppose("grown", D**2 * (alpha - spent) <= alpha * D0**2, "D_t²(1 − Σu_s) ≤ D_0²; 0 spent at first")
    proof.derive("left", sp.And(alpha - spent - p**2 > 0, alpha - spent > 0), "charged drift")
    proof.derive("product", (alpha + p**2) * (alpha - spent - p**2) <= alpha * (alpha - spent), "left charged")
    proof.derive(
        "carried",
        (2 - x) * D1**2 * (alpha - spent - p**2) <= alpha * (D**2 * (alpha - spent)),
        "step_growth product left",
    )
    proof.derive("grown_next", D1**2 * (alpha - spent - p**2) <= alpha * D0**2, "carried grown below_two")
    proof.hypothesis("growth", g**2 >= formulas("batch_growth_square"), "g ≥ 1")
    proof.derive("growth_is", g**2 * (alpha - Qd**2) >= alpha, "growth drift below_two")
    proof.derive("close", D**2 * (alpha - Qd**2) <= g**2 * (alpha - Qd**2) * D0**2, "grown growth_is charged drift")
    proof.derive("close_square", D**2 <= g**2 * D0**2, "close drift")
    proof.derive("stays", D <= g * D0, "close_square")
    last = sym("D_t")
    proof.lemma(
        "all_close",
        "induction",
        last <= g * D0,
        "(i), for every t: so q_t, valid within gD_0 of θ*, may be used",
        premises=["grown_next", "stays"],
        discharges=["grown"],
    )
    # (ii) squares = Σ ε_sa_s², mixed = Σ ε_sa_sq_s so far.
    squares, mixed, S, A, B, end = sym("squares mixed S squares_all mixed_all D_end")
    proof.suppose("summed", D**2 <= D0**2 - alpha * squares + 2 * g * D0 * mixed)
    proof.lemma("close_now", "induction", D <= g * D0, "(i)", premises=["all_close"])
    proof.derive("mixed_term", 2 * u * p * D <= 2 * g * D0 * u * p, "close_now")
    proof.derive(
        "summed_next",
        D1**2 <= D0**2 - alpha * (squares + u**2) + 2 * g * D0 * (mixed + u * p),
        "one_step summed mixed_term",
    )
    proof.lemma(
        "all_summed",
        "induction",
        end**2 <= D0**2 - alpha * A + 2 * g * D0 * B,
        premises=["summed_next"],
        discharges=["summed"],
    )
    proof.lemma("products", "cauchy_schwarz", B <= Qd * S, "Σ ε_ta_tq_t ≤ QS")
    proof.define("S", sp.Eq(S**2, A))
    proof.derive("products_scaled", g * D0 * B <= g * D0 * Qd * S, "products")
    proof.derive("epoch", end**2 <= D0**2 - alpha * S**2 + 2 * g * Qd * S * D0, "all_summed products_scaled S")
    # (iii) one batch: first = √ε_t‖e_{b_t}(θ_0)‖, sums = Σ_{s<t} √ε_s a_s.
    first, sums, path, root, kt = sym("first sums path root k_t")
    proof.define("root", sp.Eq(root**2, x), "root = √x ≥ √ε_t‖J_{b_t}‖ = k_t")
    proof.define("kt", kt <= root)
    proof.lemma(
        "path", "operator_norm", path <= root * sums, "‖θ_{t−1} − θ_0‖ ≤ Σ_{s < t} ε_s‖J_{b_s}‖a_s, √ε_s‖J_{b_s}‖ ≤ √x"
    )
    proof.lemma("moved", "mean_value", first <= u + kt * path, "mean of J_{b_t} over [θ_0, θ_{t−1}], within gD_0 of θ*")
    proof.derive("row", first <= u + x * sums, "moved path kt root")
    tau, whole, e, scale = sym("triangle whole e step_scale")
    proof.lemma(
        "rows",
        "triangular_ones",
        whole <= S + x * tau * S,
        "whole² = Σ_t ε_t‖e_{b_t}(θ_0)‖²; a has nonnegative entries",
        premises=["row"],
    )
    proof.hypothesis("cover", scale * e**2 <= whole**2, "every sample is in some batch: Σ_t‖e_{b_t}(θ_0)‖² = ‖e(θ_0)‖²")
    sigma, s1, V, scale_root = sym("sigma s_1 V root_scale")
    proof.define("scale_root", sp.Eq(scale_root**2, scale))
    proof.derive("start", scale_root * e <= (1 + tau * x) * S, "rows cover scale_root")
    proof.lemma(
        "error_bound", "claim:zero_loss_nearby", sigma * V <= e, "V the distance of θ_0 to the exact fits in the ball"
    )
    proof.define("s_1", sp.Eq(s1, formulas("batch_sigma")))
    proof.derive("s_1_is", s1 * (1 + tau * x) <= scale_root * sigma, "s_1 scale_root")
    proof.derive("far", scale_root * sigma * V <= scale_root * e, "error_bound")
    proof.derive("far_scaled", s1 * V * (1 + tau * x) <= (1 + tau * x) * S, "s_1_is far start")
    proof.derive("moves", s1 * V <= S, "far_scaled")
    # Q from the curvature: q_t ≤ ½L_{b_t}·D_t, D_t ≤ gV.
    L_H, V_bar, defect, total, qsum, dist = sym("L_H fit_distance defect step_sum q_square dist")
    proof.lemma("defect", "mean_value", defect <= L_H * dist / 2, "q at distance dist: D²F of a batch is at most L_H")
    proof.define("dist", dist <= g * V_bar)
    proof.derive("defect_ball", defect <= L_H * g * V_bar / 2, "defect dist")
    proof.derive("defect_square", defect**2 <= (L_H * g * V_bar / 2) ** 2, "defect_ball")
    proof.lemma(
        "drift_sum", "finite_sum", qsum <= total * (L_H * g * V_bar / 2) ** 2, "Σ ε_tq_t²", premises=["defect_square"]
    )
    proof.define("total_root", total >= 0)
    proof.derive("drift_curvature", qsum <= formulas("batch_drift_curvature") ** 2, "drift_sum")
    return proof.conclude("one_step step_growth stays epoch start moves drift_curvature")


def _step_two() -> list[Fact]:
    # F = θ, y = 0, one sample, ε = 3: x = 3, D₊ = 2D.
    return [Fact("|1 − 3| = 2 > 1", abs(Q(1) - 3) == 2)]


def _uncovered() -> list[Fact]:
    # Two samples F = (θ1, θ2), y = 0; an epoch that drops the second sample never moves θ2.
    return [Fact("from (0, 1): S = 0 but ‖e‖ = 1", Q(0) == 0 and Q(1) == 1)]


def _drift_forgotten() -> list[Fact]:
    # F = θ − θ²/2, y = 0, θ* = 0, from θ = −4: J = 5, e = −12, ε = 1/25 (x = 1): θ₊ = −4 + 12/5; from 3/2: J = −1/2, e = 3/8.
    theta = Q(3, 2)
    after = theta - Q(1) * (1 - theta) * (theta - theta**2 / 2)
    return [
        Fact("x = ε J² = 1/4 ≤ 1 at θ = 3/2, ε = 1", (1 - theta) ** 2 == Q(1, 4)),
        Fact("|θ₊| = 27/16 > 3/2: the distance grows", after == Q(27, 16)),
    ]


def _growing_others() -> list[Fact]:
    # Samples x_1 = (1, 0), x_2 = (1, 1): a step with ε = 1 on the first takes the second's residual from 0 to −1, yet D falls.
    theta = (Q(1), Q(-1))
    after = (theta[0] - theta[0], theta[1])
    return [
        Fact("the second residual goes from 0 to −1", sum(theta) == 0 and sum(after) == -1),
        Fact("the distance to the fit 0 falls from √2 to 1", theta[0] ** 2 + theta[1] ** 2 == 2 and after[1] ** 2 == 1),
    ]


CLAIM = Claim(
    id="minibatch_epoch",
    title="one pass through the data, in any order",
    statement="On a ball that contains θ_0, an exact fit θ* and B(θ*, gD_0), D_0 = ‖θ_0 − θ*‖, let x ≥ ηs_b‖J_b‖² for every batch, x < 2, α = 2 − x,"
    " Q² ≥ Σ_b ηs_b‖J_b(θ) − J̄_b‖² for segments to θ* no longer than gD_0, Q² < α, g² ≥ α/(α − Q²). Then for every order of the batches:"
    " all iterates are within gD_0 of θ*, D_m² ≤ D_0² − αS² + 2gQSD_0 with S² = Σ ηs_b‖e_b‖² along the epoch, and, if the batches cover all"
    " samples, √ε_min‖e(θ_0)‖ ≤ (1 + τ_mx)S and S ≥ s_1V, s_1 = √ε_min σ/(1 + τ_mx). For C² activations Q = ½√(Σηs_b)L_HgV.",
    source="our formulation; Kaczmarz's method made nonlinear",
    hypotheses=(
        Hypothesis("step", "ηs_b‖J_b‖² ≤ x < 2", Counterexample("F = θ, ηs = 3: the distance doubles", _step_two)),
        Hypothesis(
            "cover",
            "the batches of an epoch cover all samples (drop_last leaves some out)",
            Counterexample("two samples, the second always dropped: nothing moves it", _uncovered),
        ),
        Hypothesis(
            "drift",
            "Q bounds the change of J_b to the fit",
            Counterexample("F = θ − θ²/2 at 3/2, Q = 0 assumed: away from 0", _drift_forgotten),
        ),
    ),
    witnesses=(Counterexample("a step on one sample may raise another's residual while D falls", _growing_others),),
    proof=prove,
    remarks="The proof is in the module's docstring. τ_1 = 0, τ_m ≤ 16m/25. The residual is not monotone within an epoch; the distance is."
    " In Coq q_b = ½L_HD, so Q is the one for C² activations, and τ_m (lemma triangular_ones) is proved.",
)
