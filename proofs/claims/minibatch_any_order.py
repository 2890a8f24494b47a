"""Claim minibatch_any_order: mini-batch descent converges for every order and every reshuffling of the data, with certainty.

Let V_k be the distance from the iterate θ^{(k)} after k epochs to the exact fits in B = B(c, R), θ* the nearest one. By minibatch_epoch with
D_0 = V_k, and S ≥ s_1V_k: since −αS² + 2gQSV decreases in S beyond gQV/α,
    V_{k+1}² ≤ D_m² ≤ (1 − s_1(αs_1 − 2gQ))V_k².
The path of an epoch is at most √(xm)·S, and S(αs_1 − 2gQ) ≤ 2(V_k − V_{k+1}): insert V_k ≤ S/s_1 into αS² − 2gQSV_k ≤ (V_k − V_{k+1})(V_k + V_{k+1}).
So V pays for the path: P_k + CV_k does not increase, C = 2√(xm)/(αs_1 − 2gQ), and P_k + max(C, K_f/σ, 1 + g)V_k ≤ P_0 + max(…)V_0 < R gives
the room that zero_loss_nearby (‖e‖ ≤ K_fV) and the inner iterates (within (1 + g)V_k) need in every epoch.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """One epoch under the invariant P_k + CV_k ≤ P_0 + CV_0, V_k ≤ V̄; then induction."""
    proof = Proof()
    _room(proof, formulas)
    _epoch(proof, formulas)
    _path(proof)
    _every_epoch(proof, formulas)
    s, Phi, K, V, e = sym("s Phi jacobian_norm V e")
    proof.define("loss", sp.Eq(Phi, s * e**2 / 2))
    proof.derive("square", e**2 <= (K * V) ** 2, "residual")
    proof.derive("loss_bound", Phi <= formulas("loss_at_distance", fit_distance=V), "loss square")
    return proof.conclude("inner error_room rate path_paid next start contained loss_bound")


def _room(proof: Proof, formulas: Formulas) -> None:
    """What the invariant leaves of the ball: room for the inner iterates and for zero_loss_nearby."""
    x, m, Qd, g, sigma = sym("batch_fraction batches batch_drift growth sigma")
    R, K, V_bar, P0 = sym("R jacobian_norm fit_distance P_start")
    s1, excess, C, V, P = sym("s_1 excess C V P")
    alpha = 2 - x
    proof.define("s_1", sp.Eq(s1, formulas("batch_sigma")))
    proof.define("excess", sp.Eq(excess, alpha * s1 - 2 * g * Qd))
    proof.derive("excess_is", sp.Eq(excess, formulas("batch_excess")), "s_1 excess")
    proof.hypothesis("descends", formulas("batch_excess") > 0, "αs_1 > 2gQ")
    proof.derive("below_two", x < 2, "descends", "a positive excess needs α > 0")
    proof.define("C", sp.Eq(C, formulas("batch_path")))
    root = sym("root_xm")
    proof.define("root", sp.Eq(root**2, x * m), "√(xm)")
    proof.derive("root_is", sp.Eq(sp.sqrt(x * m), root), "root")
    proof.derive("C_is", sp.Eq(C * excess, 2 * root), "C excess_is descends root_is")
    # The room in this epoch, from the invariant.
    proof.hypothesis("room", P0 + formulas("batch_room") < R)
    proof.hypothesis("sigma", sigma > 0)
    most = sym("most")
    proof.define("most", sp.Eq(most, sp.Max(C, K / sigma, 1 + g)))
    proof.derive("room_is", sp.Eq(formulas("batch_room"), most * V_bar), "most C descends sigma")
    proof.derive("at_least", sp.And(most >= C, most >= 1 + g, most * sigma >= K), "most sigma")
    proof.suppose("so_far", sp.And(P + C * V <= P0 + C * V_bar, V <= V_bar), "P = ‖θ^{(k)} − c‖ bounded by the path")
    proof.derive("spare", (most - C) * (V_bar - V) >= 0, "at_least so_far")
    proof.derive("inside", P + most * V <= P0 + most * V_bar, "spare so_far")
    proof.derive(
        "inner", P + (1 + g) * V < R, "inside room room_is at_least sigma descends below_two", "B(θ*, gV) ⊂ B(c, R)"
    )
    e = sym("e")
    proof.lemma("residual", "mean_value", e <= K * V, "e = ‖F(θ^{(k)}) − F(θ*)‖, K ≥ ‖J‖ on the segment")
    proof.derive("reach", e <= most * sigma * V, "residual at_least")
    proof.derive(
        "error_room",
        P * sigma + e < R * sigma,
        "reach inside room room_is sigma descends below_two",
        "what zero_loss_nearby asks",
    )


def _epoch(proof: Proof, formulas: Formulas) -> None:
    """The squared distance to the exact fits falls by the rate."""
    x, Qd, g = sym("batch_fraction batch_drift growth")
    s1, excess, V, V1, S = sym("s_1 excess V V_next S")
    alpha = 2 - x
    proof.lemma("moves", "claim:minibatch_epoch", s1 * V <= S, premises=["inner", "error_room"])
    proof.lemma(
        "epoch",
        "claim:minibatch_epoch",
        V1**2 <= V**2 - alpha * S**2 + 2 * g * Qd * S * V,
        "V_{k+1} ≤ D_m, as θ* is an exact fit",
        premises=["inner"],
    )
    proof.derive("excess_positive", excess > 0, "excess_is descends")
    proof.derive(
        "product", (S - s1 * V) * (alpha * (S + s1 * V) - 2 * g * Qd * V) >= 0, "moves excess_positive excess below_two"
    )
    proof.derive("expanded", alpha * S**2 - 2 * g * Qd * S * V >= s1 * (alpha * s1 - 2 * g * Qd) * V**2, "product")
    proof.derive("excess_term", sp.Eq(s1 * excess * V**2, s1 * (alpha * s1 - 2 * g * Qd) * V**2), "excess")
    proof.derive("decrease", V1**2 <= V**2 - s1 * excess * V**2, "epoch expanded excess_term")
    proof.derive("rate_is", sp.Eq(formulas("epoch_rate_square"), 1 - s1 * excess), "s_1 excess")
    proof.derive("rate", V1**2 <= formulas("epoch_rate_square") * V**2, "decrease rate_is")
    proof.derive("nearer", V1 <= V, "decrease excess_positive")


def _path(proof: Proof) -> None:
    """V pays for the path: S·excess ≤ 2(V − V_next), multiplied by s_1 and divided by S; so the invariant passes on."""
    x, Qd, g, P0, V_bar = sym("batch_fraction batch_drift growth P_start fit_distance")
    s1, excess, C, V, V1, S, P, P1, length, root = sym("s_1 excess C V V_next S P P_next length root_xm")
    alpha = 2 - x
    proof.derive("difference", alpha * S**2 - 2 * g * Qd * S * V <= (V - V1) * (V + V1), "epoch")
    proof.derive("less", (V - V1) * (V + V1) * s1 <= (V - V1) * 2 * S, "nearer moves")
    proof.derive("more", S**2 * excess <= s1 * (alpha * S**2 - 2 * g * Qd * S * V), "moves excess")
    proof.derive("pays_scaled", S * (S * excess) <= S * (2 * (V - V1)), "difference less more")
    proof.derive("pays", sp.Implies(S > 0, S * excess <= 2 * (V - V1)), "pays_scaled")
    proof.derive("pays_all", S * excess <= 2 * (V - V1), "pays nearer")
    proof.lemma("path", "cauchy_schwarz", length <= root * S, "Σ_t ε_t‖J_{b_t}‖a_t ≤ √x·Σ_t √ε_t a_t ≤ √(xm)S")
    proof.derive("path_scaled", length * excess <= root * (2 * (V - V1)), "path pays_all excess_positive")
    proof.derive("path_paid", length <= C * (V - V1), "path_scaled C_is excess_positive")
    proof.lemma("triangle", "cauchy_schwarz", P1 <= P + length)
    proof.derive("next", sp.And(P1 + C * V1 <= P0 + C * V_bar, V1 <= V_bar), "triangle path_paid so_far nearer")


def _every_epoch(proof: Proof, formulas: Formulas) -> None:
    """The distance at the start, from the residual there or from an exact fit near c; then every epoch."""
    sigma, R, V_bar, P0, C = sym("sigma R fit_distance P_start C")
    start_V, start_P, end_V, end_P = sym("V_0 P_0 V_k P_k")
    e_start, d0, e_c, near_c = sym("e_start d0 e_c V_c")
    proof.hypothesis(
        "fit_distance",
        sp.Or(V_bar * sigma >= e_start, V_bar >= formulas("fit_distance_start")),
        "V̄ ≥ ‖e(θ^{(0)})‖/σ, or V̄ ≥ d0 + ‖e(c)‖/σ, d0 ≥ ‖θ^{(0)} − c‖; room for either, as 1 + g ≥ 1",
    )
    proof.lemma("fit", "claim:zero_loss_nearby", sigma * start_V <= e_start, "near θ^{(0)}", premises=["room"])
    proof.lemma("fit_c", "claim:zero_loss_nearby", sigma * near_c <= e_c, "near c", premises=["room"])
    proof.lemma("fit_triangle", "cauchy_schwarz", start_V <= d0 + near_c)
    proof.define("near", sp.Eq(reach_c := sym("reach_c"), e_c / sigma))
    proof.derive("near_is", near_c <= reach_c, "fit_c near sigma")
    proof.derive("start", start_V <= V_bar, "fit_distance fit near near_is fit_triangle sigma")
    proof.define("start_P", start_P <= P0)
    proof.lemma(
        "all",
        "induction",
        sp.And(end_P + C * end_V <= P0 + C * V_bar, end_V <= V_bar),
        "for every k",
        premises=["start", "start_P", "next"],
        discharges=["so_far"],
    )
    proof.derive("contained", end_P < R, "all room room_is at_least C_is excess_positive sigma descends below_two")


def _drop_last() -> list[Fact]:
    # Two samples F = (θ1, θ2), batches of one, drop_last with an odd sample: an order that always drops the second one.
    theta = [Q(1), Q(1)]
    for _ in range(50):
        theta[0] -= theta[0] / 2
    return [Fact("after 50 epochs θ2 = 1 still: loss 1/2 for ever", theta[1] == 1 and theta[0] < Q(1, 10**9))]


def _large_step() -> list[Fact]:
    # F = θ, one sample, ε = 2: x = 2; θ flips its sign for ever.
    theta = Q(1)
    for _ in range(6):
        theta -= 2 * theta
    return [Fact("|θ| = 1 after 6 epochs: no contraction at x = 2", abs(theta) == 1)]


def _beyond_full_batch() -> list[Fact]:
    # n = 12 copies of the direction 1: x_i = 1, y = 0, ε = 1: ελ_max(Θ) = 12 > 2, full batch diverges; single samples fit at once.
    n, eps = 12, Q(1)
    return [
        Fact("full batch with the same step: θ → (1 − 12)θ", abs(1 - eps * n) == 11),
        Fact("single-sample batches: θ = 0 after one step, x = 1 < 2", 1 - eps == 0 and eps < 2),
    ]


def _kaczmarz() -> list[Fact]:
    # Orthogonal samples, ε = 1, m = 2: x = 1, α = 1, Q = 0, s_1 = σ/(1 + τ_2) = 1/2, rate² ≤ 1 − 1/4; true rate 0.
    from proofs.evaluation import evaluate

    values = {
        "batch_fraction": Q(1),
        "batch_drift": Q(0),
        "growth": Q(1),
        "sigma": Q(1),
        "step_scale": Q(1),
        "triangle": Q(1),
    }
    return [Fact("the certified factor of V² is 3/4", evaluate("epoch_rate_square", values) == Q(3, 4))]


CLAIM = Claim(
    id="minibatch_any_order",
    title="mini-batch descent in any order",
    statement="On B(c, R) let σ > 0, K ≥ ‖J‖, and x, Q, g, s_1 be as in minibatch_epoch for every batch that may occur, Q for distances up to gV̄,"
    " V̄ = ‖e(θ^{(0)})‖/σ or V̄ = ‖θ^{(0)} − c‖ + ‖e(c)‖/σ."
    " If αs_1 > 2gQ and ‖θ^{(0)} − c‖ + max(2√(xm)/(αs_1 − 2gQ), K/σ, 1 + g)V̄ < R, then for every sequence of orders and"
    " reshufflings that cover all samples in each epoch, chosen in any way, all iterates stay in B(c, R), the distance V_k to the exact fits"
    " in it obeys V_{k+1}² ≤ (1 − s_1(αs_1 − 2gQ))V_k², ‖e‖ ≤ KV_k, Φ ≤ (s/2)K²V_k², and the iterates converge to an exact fit.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "step",
            "ηs_b‖J_b‖² < 2 for every batch",
            Counterexample("F = θ, ηs = 2: θ flips its sign for ever", _large_step),
        ),
        Hypothesis(
            "cover",
            "every epoch covers all samples: no drop_last with a remainder",
            Counterexample("two samples, one always dropped", _drop_last),
        ),
        Hypothesis("radius", "the ball is large enough", SMALL_REGION),
    ),
    witnesses=(
        Counterexample(
            "a step with which full-batch descent diverges: twelve equal samples, one at a time", _beyond_full_batch
        ),
        Counterexample("orthogonal samples, m = 2: factor 3/4", _kaczmarz),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. The step is limited by one batch's ‖J_b‖, 2/‖J_b‖², neither by the condition number nor by"
    " the number of batches. drop_last with a fixed order is the same problem without the samples left out. With several step scales (torch's"
    " smaller last batch under a mean loss) x takes the largest ηs_b‖J_b‖², s_1 the smallest ηs_b. In Coq V̄ is larger than those two numbers, not"
    " equal to one: then no fit has to be nearest, and no compactness is used.",
)
