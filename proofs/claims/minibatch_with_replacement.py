"""Claim minibatch_with_replacement: independent draws, b samples with replacement: rate in expectation and probability of leaving the ball.

Notation of minibatch_epoch; ε = ηsn/b, so that the step is a gradient step in expectation; a² = ‖e_b(θ)‖² has mean (b/n)‖e‖². V is the
distance to the exact fits in B(c, R), θ* the nearest one, R' the radius of a smaller ball; while θ_k ∈ B(c, R'), V_k ≤ 2R'.
(a) On {τ > k}, τ the exit time from B(c, R'): E[V_{k+1}² | θ_k] ≤ V² − αεX² + 2εq_bVX, X = (E a²)^½ ≥ σ√(b/n)V, which decreases in X beyond
    q_bV/α; hence the factor 1 − εσ̂(ασ̂ − 2q_b), σ̂ = σ√(b/n). No smoothness constant, no η ≤ μ/(ββ̄).
(b) For a fixed exact fit every draw obeys D₊² ≤ (1 + εq_b²/α)D²: for T steps no draw at all can leave, as long as the growth stays below G and
    P_0 + (1 + G)D_0 ≤ R'. Whoever leaves later travels the remaining room, and the expected path from T on is at most
    εK_b√(b/n)K·Σ_{k ≥ T} E V_k 1 ≤ 2εK_b√(b/n)K·V̄·rate^{T/2}/(1 − rate). Markov.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def _rate(proof: Proof, formulas: Formulas) -> None:
    x, eps, b, n, sigma, q = sym("batch_fraction step_scale b n sigma batch_defect")
    V, X, cross, after, share, hat, e = sym("V X cross after share sigma_hat e")
    proof.define("share", sp.Eq(share**2, b / n), "√(b/n)")
    proof.derive("share_is", sp.Eq(sp.sqrt(b / n), share), "share")
    proof.define("hat", sp.Eq(hat, sigma * share))
    proof.lemma("draw", "independent_mean", sp.Eq(X, share * e), "X² = E a² = (b/n)‖e‖²")
    proof.hypothesis("near_fit", e >= sigma * V, "zero_loss_nearby: there is room for it while θ_k ∈ B(c, R')")
    proof.derive("far", X >= hat * V, "draw near_fit hat")
    proof.lemma("jensen", "jensen", cross <= q * V * X, "E[a q_bV] ≤ q_bV(E a²)^½; cross = E[a q_b V]")
    proof.lemma(
        "step",
        "claim:minibatch_epoch",
        after <= V**2 - (2 - x) * eps * X**2 + 2 * eps * cross,
        "its line one_step in conditional expectation, V_{k+1} ≤ ‖θ_{k+1} − θ*‖; after = E[V_{k+1}² | θ_k]",
    )
    proof.hypothesis("contracts", (2 - x) * hat >= 2 * q, "ασ̂ ≥ 2q_b")
    proof.define("below_two", x < 2)
    proof.derive("cross_scaled", eps * cross <= eps * q * V * X, "jensen")
    proof.derive("bound", after <= V**2 - eps * ((2 - x) * X**2 - 2 * q * V * X), "step cross_scaled")
    proof.derive("slope", (X - hat * V) * ((2 - x) * (X + hat * V) - 2 * q * V) >= 0, "far contracts below_two")
    proof.derive("expanded", (2 - x) * X**2 - 2 * q * V * X >= hat * ((2 - x) * hat - 2 * q) * V**2, "slope")
    proof.derive(
        "scaled", eps * ((2 - x) * X**2 - 2 * q * V * X) >= eps * (hat * ((2 - x) * hat - 2 * q) * V**2), "expanded"
    )
    proof.derive("one_step", after <= V**2 - eps * (hat * ((2 - x) * hat - 2 * q) * V**2), "bound scaled")
    rate = formulas("replacement_rate")
    proof.derive("rate_is", sp.Eq(rate, 1 - eps * hat * ((2 - x) * hat - 2 * q)), "share_is hat")
    proof.derive("rate", after <= rate * V**2, "one_step rate_is")


def prove(formulas: Formulas) -> Proof:
    """(a) by the tower property, (b) by Markov's inequality for the path after the first T steps."""
    proof = Proof()
    _rate(proof, formulas)
    eps, K_b, K, V_bar, rate, decay, room = sym(
        "step_scale batch_jacobian jacobian_norm fit_distance contraction decay room"
    )
    share = sym("share")
    root, mean, first, path, probability = sym("root mean first path probability")
    proof.define(
        "contraction",
        sp.And(rate < 1, sp.Eq(root**2, rate)),
        "root = √rate; E[V_k² 1_{τ>k}] ≤ rate^k V̄², by the tower property",
    )
    proof.lemma("root_mean", "jensen", mean <= decay * V_bar, "mean = E[V_T 1_{τ>T}], decay = rate^{T/2}")
    proof.lemma(
        "first", "jensen", first <= eps * K_b * share * K * mean, "first = E‖step‖1 at T ≤ εK_bE a, E a ≤ √(b/n)K·V"
    )
    proof.lemma("series", "geometric", path * (1 - root) <= first, "path = EΣ_{k ≥ T}‖step‖1", premises=["first"])
    proof.derive("root_below", root < 1, "contraction")
    proof.derive("slow", 2 * (1 - root) >= 1 - rate, "contraction")
    proof.derive("path", path * (1 - rate) <= 2 * first, "series slow root_below")
    proof.derive("start", eps * K_b * share * K * mean <= eps * K_b * share * K * decay * V_bar, "root_mean")
    proof.derive("path_bound", path * (1 - rate) <= 2 * eps * K_b * share * K * decay * V_bar, "path first start")
    # Until T no draw leaves.
    D, D0, G, P0, R1, distance = sym("D D_start G P_start R_inner distance")
    grown = sym("grown")
    proof.lemma(
        "every_draw",
        "claim:minibatch_epoch",
        D**2 <= grown * D0**2,
        "its line step_growth T times: grown = (1 + εq_b²/α)^T",
    )
    proof.hypothesis("time", grown <= G**2, "T steps")
    proof.derive("grows", D**2 <= (G * D0) ** 2, "every_draw time")
    proof.derive("close", D <= G * D0, "grows")
    proof.lemma(
        "triangle", "cauchy_schwarz", distance <= P0 + D0 + D, "‖θ_k − c‖ ≤ ‖θ_k − θ*‖ + ‖θ* − θ_0‖ + ‖θ_0 − c‖, k ≤ T"
    )
    proof.hypothesis("fits", P0 + (1 + G) * D0 + room <= R1, "room is left")
    proof.derive("no_exit", distance + room <= R1, "close triangle fits", "for k ≤ T, whatever is drawn")
    proof.lemma(
        "markov",
        "markov",
        probability * room <= path,
        "leaving takes a path of more than the room after T",
        premises=["no_exit"],
    )
    proof.derive("left_scaled", probability * room * (1 - rate) <= path * (1 - rate), "markov contraction")
    proof.derive(
        "probability",
        probability * (room * (1 - rate)) <= 2 * eps * K_b * share * K * decay * V_bar,
        "left_scaled path_bound",
    )
    quotient = sym("quotient")
    proof.define("quotient", sp.Eq(quotient * (room * (1 - rate)), 2 * eps * K_b * share * K * decay * V_bar))
    proof.derive("quotient_is", sp.Eq(formulas("replacement_exit"), quotient), "quotient contraction share_is")
    proof.define("room_positive", room > 0)
    proof.derive("exit_quotient", probability <= quotient, "probability quotient contraction room_positive")
    proof.derive(
        "exit", probability <= formulas("replacement_exit"), "exit_quotient quotient_is contraction room_positive"
    )
    return proof.conclude("rate no_exit exit")


def _certain_exit() -> list[Fact]:
    # F = θ, one sample, ε = 1/2, c = θ_0 = 1, R' = 3/4: whatever is drawn, θ_2 = 1/4 lies on the boundary and θ_3 outside.
    theta = Q(1) / 8
    return [Fact("θ_3 = 1/8 is outside B(1, 3/4)", abs(theta - 1) > Q(3, 4))]


def _opposed() -> list[Fact]:
    # F = θ − θ²/2, y = 0, θ* = 0, θ = 3/2, ε = 1 (x = 1/4): q_b = 1/2·... is not small against σ = 1/2, and the distance grows.
    theta = Q(3, 2)
    after = theta - (1 - theta) * (theta - theta**2 / 2)
    # J̄ = (F(θ) − F(0))/θ = 1/4, J = −1/2: q_b = 3/4; α = 7/4, ασ = 7/8 < 2q_b = 3/2.
    return [Fact("ασ̂ = 7/8 < 2q_b = 3/2 and the distance grows to 27/16", Q(7, 8) < Q(3, 2) and after == Q(27, 16))]


CLAIM = Claim(
    id="minibatch_with_replacement",
    title="mini-batches drawn with replacement",
    statement="Batches of b samples drawn independently with replacement, ε = ηsn/b, x ≥ εb·max_i‖J_i‖², x < 2, q_b ≥ ‖J_b(θ) − J̄_b‖ for segments up to"
    " 2R' in B(c, R), R' small enough that zero_loss_nearby holds on B(c, R'), σ̂ = σ√(b/n). If ασ̂ ≥ 2q_b, then until the exit from B(c, R'):"
    " E[V_{k+1}² | θ_k] ≤ (1 − εσ̂(ασ̂ − 2q_b))V_k². If (1 + εq_b²/α)^T ≤ G² and P_0 + (1 + G)D_0 + room ≤ R', no draw leaves before T, and"
    " P(exit ever) ≤ 2εK_b√(b/n)K·V̄·rate^{T/2}/((1 − rate)·room).",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "room", "the ball leaves room", Counterexample("F = θ, ε = 1/2, R' = 3/4: exit is certain", _certain_exit)
        ),
        Hypothesis("contracts", "ασ̂ ≥ 2q_b", Counterexample("F = θ − θ²/2 at 3/2: the step leads away", _opposed)),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. A sample may be drawn twice into a batch: ‖J_b‖² ≤ b·max_i‖J_i‖², ‖J_b − J_b(c)‖ ≤ √b·Δ_J and q_b ≤"
    " √b·½max_i L_iD, not the norms of the whole. R' ≤ R/(1 + 3K/σ) is small enough. T ≈ 2α·log G/(εq_b²), so the probability falls"
    " exponentially with (σ/q_b)².",
)
