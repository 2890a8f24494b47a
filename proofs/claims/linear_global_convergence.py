"""Claim linear_global_convergence: gradient descent on a two-layer linear network converges from its initialisation; no ball, no width.

The invariant c‖D_k − D_0‖ + η(ℓ_k − ℓ*) ≤ η(ℓ_0 − ℓ*): the loss that is lost pays for the drift of the imbalance (claims
linear_imbalance and linear_descent_local added up). So D stays within ε of its start, its eigenvalues too, and PL holds on.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Induction on the invariant; then PL at the k-th iterate. All losses are counted from ℓ*."""
    eta, kept, eps, g, mul, gl = sym("eta kept imbalance_drift gradient_norm mu_loss gradient_loss")
    plus, minus = sym("imbalance_plus imbalance_minus")
    start, now, after, drift, drift_after, kept_now = sym("Phi_start Phi_now Phi_after drift drift_after kept_now")
    alpha, beta = sym("alpha beta_gram")
    K, G, L, G_now, L_now, low, high = sym("K_loss gradient_top squared_norms gradient_now norms_now low high")
    proof = Proof()
    worst = formulas("linear_curvature", gradient_loss=G)
    proof.hypothesis(
        "kept", sp.And(kept > 0, kept <= 1 - eta * worst / 2), "G and L hold whenever ‖D − D_0‖ ≤ ε and ℓ ≤ ℓ_0"
    )
    proof.hypothesis("allowance", eta * start <= kept * eps, "η(ℓ_0 − ℓ*) ≤ cε")
    proof.suppose("so_far", kept * drift + eta * now <= eta * start, "drift = ‖D_k − D_0‖")
    proof.derive("inside", drift <= eps, "so_far allowance kept")
    proof.derive("lower", now <= start, "so_far kept")
    proof.lemma(
        "norms",
        "claim:linear_norm_from_imbalance",
        L_now <= L,
        "‖A_k‖² + ‖B_k‖²: δ₊ + ε, δ₋ + ε by Weyl, f on {ℓ ≤ ℓ_0}",
        premises=["inside", "lower"],
    )
    proof.hypothesis("sublevel", sp.Implies(now <= start, G_now <= G), "G ≥ ‖∇ℓ‖ on {ℓ ≤ ℓ_0}, G_now = ‖∇ℓ(F_k)‖")
    proof.define("low", sp.Eq(low, (1 + eta * G_now / 2) ** 2))
    proof.define("high", sp.Eq(high, (1 + eta * G / 2) ** 2))
    proof.derive("gradient", sp.And(G_now <= G, low <= high), "sublevel lower low high")
    proof.derive("bend", L_now * low <= L * high, "gradient norms")
    proof.define("now", sp.Eq(kept_now, 1 - eta * (G_now + K * L_now * low) / 2), "1 − ½ηβ_loc at the k-th iterate")
    proof.derive("steeper", K * L_now * low <= K * L * high, "bend")
    proof.derive("constants", kept_now >= kept, "now steeper gradient kept high")
    proof.lemma("step", "claim:linear_descent_local", after <= now - eta * kept_now * g**2)
    proof.lemma("moved", "claim:linear_imbalance", drift_after <= drift + eta**2 * g**2)
    proof.derive("descent", after <= now - eta * kept * g**2, "constants step")
    proof.derive("next", kept * drift_after + eta * after <= eta * start, "so_far moved descent kept")
    origin, drift_k, Phi_k = sym("drift_origin drift_k Phi_k")
    proof.define("origin", sp.Eq(origin, 0))
    proof.derive("base", kept * origin + eta * start <= eta * start, "origin")
    proof.lemma(
        "every_step",
        "induction",
        kept * drift_k + eta * Phi_k <= eta * start,
        "for every k",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    proof.lemma(
        "weyl",
        "weyl",
        sp.And(alpha >= plus - drift, beta >= minus - drift),
        "claim linear_pl_from_imbalance: α ≥ d₊(D_k), and λ_m(D_k) ≥ λ_m(D_0) − ‖D_k − D_0‖; likewise β",
        premises=["inside"],
    )
    proof.lemma("pl_net", "claim:linear_pl_from_imbalance", g**2 >= (alpha + beta) * gl**2, "‖∇Φ‖² ≥ (α + β)‖∇ℓ‖²")
    proof.hypothesis("pl_loss", gl**2 >= 2 * mul * now, "½‖∇ℓ‖² ≥ μ_ℓ(ℓ − ℓ*)")
    proof.derive("sum", g**2 >= (plus + minus - 2 * eps) * gl**2, "weyl pl_net inside")
    proof.hypothesis("positive", plus + minus > 2 * eps, "d₊ + d₋ > 2ε")
    proof.derive("pl", g**2 >= 2 * mul * (plus + minus - 2 * eps) * now, "sum pl_loss positive")
    rate = formulas("linear_rate_global")
    proof.derive("rate", after <= rate * now, "pl descent kept")
    proof.derive("contracts", sp.Implies(mul > 0, rate < 1), "positive kept")
    return proof.conclude("every_step rate contracts")


def _constants_at_start() -> list[Fact]:
    a, b, eta, losses = Q(1, 10), Q(1, 5), Q(3, 2), []
    kept = 1 - eta / 2 * ((1 - a * b) + (a * a + b * b) * (1 + eta * (1 - a * b) / 2) ** 2)
    for _ in range(5):
        e = a * b - 1
        losses.append(e * e / 2)
        a, b = a - eta * e * b, b - eta * e * a
    return [
        Fact("c at the start is positive", kept > 0),
        Fact("yet the fourth step raises the loss", losses[4] > losses[3]),
    ]


CONSTANTS_AT_START = Counterexample(
    "F = ab, y = 1, (1/10, 1/5), η = 3/2: c > 0 at the start, the loss rises", _constants_at_start
)


def _saddle() -> list[Fact]:
    return [Fact("A = B = 0, Y = 1: d₊ = d₋ = 0, gradient 0, loss 1/2", Q(0) * (0 - 1) == 0 and Q(-1) ** 2 / 2 > 0)]


def _sign_change() -> list[Fact]:
    # a = 1/10, b = 0, y = −40, η = 1: G = 40; one step sends b to −4 and D from 1/100 to −1599/100.
    a, b, eta, y = Q(1, 10), Q(0), Q(1), Q(-40)
    G = a * b - y
    a1, b1 = a - eta * G * b, b - eta * a * G
    return [
        Fact(
            "D goes from 1/100 to −1599/100: d₊ is lost in one step",
            a1**2 - b1**2 == Q(-1599, 100) and a**2 == Q(1, 100),
        )
    ]


CLAIM = Claim(
    id="linear_global_convergence",
    title="linear networks: global linear convergence",
    statement="F = AB, ℓ K-smooth and μ_ℓ-PL with minimum ℓ* (which may be positive), bounded sublevel set {ℓ ≤ ℓ_0} (f, G_0 bound ‖F‖, ‖∇ℓ‖ there)."
    " With ε ≥ 0, L̄ from linear_norm_from_imbalance at δ₊ + ε, δ₋ + ε, c = 1 − ½ηβ_loc(G_0, L̄) > 0, η(ℓ_0 − ℓ*) ≤ cε and"
    " d₊ + d₋ > 2ε: ‖D_k − D_0‖ ≤ ε and ℓ_{k+1} − ℓ* ≤ (1 − 2ηcμ_ℓ(d₊ + d₋ − 2ε))(ℓ_k − ℓ*) for every k. No ball, no containment, no"
    " threshold for the width beyond d₊ + d₋ > 0.",
    source="our formulation; related to arXiv:2505.11664 (abstract: local PL and descent, linear rate)",
    hypotheses=(
        Hypothesis("kept", "c > 0 with constants that hold on the whole run", CONSTANTS_AT_START),
        Hypothesis("sublevel", "G bounds ‖∇ℓ‖ on the whole sublevel set", CONSTANTS_AT_START),
        Hypothesis("allowance", "η(ℓ_0 − ℓ*) ≤ cε", Counterexample("F = ab, y = −40, (1/10, 0), η = 1", _sign_change)),
        Hypothesis("positive", "d₊ + d₋ > 2ε", Counterexample("A = B = 0: a saddle", _saddle)),
    ),
    proof=prove,
    remarks="As η → 0, ε → 0: every start with d₊ + d₋ > 0 is covered, almost every one when h ≥ m + n. Not decided here: the paper's own constants"
    " and step rule, of which we know the abstract only.",
)
