"""Claim policy_mirror_descent: sublinear convergence of policy mirror descent with errors in the logits."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """KL(π* ‖ π_k), averaged over the occupancy of π*, pays for the gaps."""
    eta, gamma, B, eps, K, start = sym("policy_step discount range_Q policy_error updates kl_start")
    kl, kl1, S, k = sym("KL KL_next S k_")
    gap, advantage, log_z = sp.symbols("gap advantage log_z", real=True)
    h, c = sym("h_ scale")
    proof = Proof()
    proof.define("h", sp.Eq(h, eta**2 * B**2 / 8 + 2 * eps))
    proof.define("scale", sp.Eq(c, eta * (1 - gamma)))
    proof.hypothesis(
        "range",
        log_z <= eta**2 * B**2 / 8 + eps,
        "log E_π exp(η(Q − E_πQ) + ξ): lemma hoeffding and |ξ| ≤ ε, range of Q at most B",
    )
    proof.lemma(
        "update",
        "hoeffding",
        kl1 <= kl - advantage + log_z + eps,
        "KL(π* ‖ π⁺) for π⁺ ∝ π·exp(ηQ + ξ); advantage = η⟨Q, π* − π⟩; finite as π_0 has full support",
        premises=["range"],
    )
    proof.lemma("difference", "claim:performance_difference", sp.Eq(advantage, c * gap), "gap = J* − J(π_k)")
    proof.derive("drop", c * gap <= kl - kl1 + h, "range update difference h")
    proof.suppose("so_far", c * S + kl <= start + k * h, "S = Σ_{j<k} gap_j")
    proof.derive("next", c * (S + gap) + kl1 <= start + (k + 1) * h, "so_far drop")
    zero, first = sym("S_zero KL_zero")
    proof.hypothesis("start", sp.And(sp.Eq(zero, 0), first <= start), "KL(π* ‖ π_0) ≤ kl_start < ∞")
    proof.derive("base", c * zero + first <= start + 0 * h, "start")
    total, last = sym("S_K KL_K")
    proof.lemma(
        "all", "induction", c * total + last <= start + K * h, "k = K", premises=["base", "next"], discharges=["so_far"]
    )
    proof.define("positive", sp.And(eta > 0, K > 0, gamma < 1))
    proof.derive("sum", c * total <= start + K * h, "all")
    proof.derive("sum_scaled", eta * (1 - gamma) * total <= start + K * (eta**2 * B**2 / 8 + 2 * eps), "sum scale h")
    proof.derive("mean", total / K <= formulas("mirror_gap"), "sum_scaled positive")
    return proof.conclude("drop mean")


def _support() -> list[Fact]:
    # Exponential weights are positive factors; here exp(ηQ) = (1, 8) at every update.
    policy = (Q(1), Q(0))
    for _ in range(9):
        weights = (policy[0], 8 * policy[1])
        policy = (weights[0] / sum(weights), weights[1] / sum(weights))
    return [Fact("after nine updates the policy is still (1, 0), its reward 0, the optimum 1", policy == (Q(1), Q(0)))]


NO_SUPPORT = Counterexample("one state, two actions, π_0 = (1, 0), rewards (0, 1)", _support)


def _range() -> list[Fact]:
    # One state, γ = 0, Q = (0, 1): with B = 0 and K = 1 the bound is KL_0/η; uniform start: log 2/η < ½ = gap for η > 2 log 2.
    x = Q(7, 10)
    return [
        Fact("log 2 < 7/10: the first four terms of exp(7/10) exceed 2", 1 + x + x**2 / 2 + x**3 / 6 > 2),
        Fact("K = 1, η = 2: KL_0/η < 0.35 < ½ = J* − J(π_0)", x / 2 < Q(1, 2)),
    ]


CLAIM = Claim(
    id="policy_mirror_descent",
    title="policy mirror descent with errors",
    statement="Finite discounted MDP, π_0 of full support, π_{k+1} ∝ π_k·exp(ηQ_k + ξ_k), |ξ_k| ≤ ε, range of Q_k(s, ·) ≤ B:"
    " (1/K)Σ_{k<K}(J* − J(π_k)) ≤ (KL_0/(ηK) + ηB²/8 + 2ε/η)/(1 − γ); with η = √(8KL_0/(KB²)), ε = 0: O(K^{−½}).",
    source="our formulation; related to neural PPO/TRPO, arXiv:1906.10306 (abstract: sublinear rate)",
    hypotheses=(
        Hypothesis("start", "π_0 of full support", NO_SUPPORT),
        Hypothesis("range", "the range of Q", Counterexample("Q = (0, 1), η = 2", _range)),
    ),
    proof=prove,
    remarks="Where the logits come from a network, ε is the bound that a certificate of each inner regression gives: ppo_inner_lplr. Not"
    " covered: sampling error,"
    " infinite width.",
)
