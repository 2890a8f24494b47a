"""Claim sgd_distance_exit: the exit probability of SGD without the number of samples and without the step in it."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Partial sums of E‖e_k‖ by a geometric series, the stopped squared distance to c, Markov; then every number of steps."""
    s, eta, L, R, sigma, K, f, d0, bar = sym("s eta L_H R sigma jacobian_norm distance_fraction d0 beta_bar")
    rho, root, power, power1, m, mean_e, e, v = sym("rho root power power_next m_k mean_e e_k v_k")
    D, X, X1, S, q = sym("D2 X X_next S q")
    after = sp.Symbol("D2_next", real=True)
    proof = Proof()
    proof.define("positive", sp.And(sigma > 0, f > 0), "f of claim sgd_distance")
    proof.lemma("contracts", "claim:sgd_distance", sp.Eq(rho, formulas("sgd_distance_rate")), "E[V_k 1_{τ>k}] ≤ ρ^kV_0")
    proof.define("root", sp.Eq(root**2, rho), "ρ ≥ 0 is a factor of nonnegative numbers")
    proof.derive("below", root < 1, "contracts root positive")
    X0, S0 = sym("X_0 S_0")
    proof.hypothesis("start", X0 <= d0**2, "X_0 = ‖θ_0 − c‖²")
    # One step: of the series, and of the stopped distance.
    proof.lemma(
        "decays",
        "claim:sgd_distance",
        m <= power**2 * d0**2,
        "power = root^k; V_0 ≤ ‖θ_0 − c‖² ≤ d0², as c is a zero-loss point",
        premises=["contracts", "start"],
    )
    proof.hypothesis(
        "smooth", e <= K * v, "‖e_k‖ ≤ K√V_k: ‖J‖ ≤ K on B(c, R), which holds θ_k and its nearest zero-loss point"
    )
    proof.lemma(
        "jensen", "jensen", mean_e**2 <= K**2 * m, "mean_e = E‖e_k‖1_{τ>k} ≤ K·E√V_k 1_{τ>k}", premises=["smooth"]
    )
    proof.derive("term_square", mean_e**2 <= (K * power * d0) ** 2, "jensen decays")
    proof.derive("term", mean_e <= K * power * d0, "term_square")
    proof.define("inside", sp.And(4 * D <= R**2, sp.Eq(q, 2 - eta * bar)), "D = ‖θ_k − c‖² on {τ > k}; q ≥ 0: η ≤ 2/β̄")
    proof.lemma(
        "any_z",
        "claim:sgd_distance",
        after <= D - eta * s * e * (q * e - L * D),
        "line any_z at z = c: E‖θ_{k+1} − c‖² given the past",
    )
    proof.derive("path", after <= D + eta * s * L * (R**2 / 4) * e, "any_z inside")
    proof.lemma("tower", "tower", X1 <= X + eta * s * L * (R**2 / 4) * mean_e, "X = E‖θ_{τ∧k} − c‖²", premises=["path"])
    # Both at once, by induction over the steps.
    proof.suppose("sum_so_far", S * (1 - root) <= K * d0 * (1 - power), "S = Σ_{j<k} E‖e_j‖1_{τ>j}, power = root^k")
    proof.suppose("far_so_far", X <= d0**2 + eta * s * L * (R**2 / 4) * S)
    proof.define("power", sp.Eq(power1, power * root))
    proof.derive("term_scaled", mean_e * (1 - root) <= K * power * d0 * (1 - root), "term below")
    proof.derive("sum_next", (S + mean_e) * (1 - root) <= K * d0 * (1 - power1), "sum_so_far term_scaled power")
    proof.derive("far_next", X1 <= d0**2 + eta * s * L * (R**2 / 4) * (S + mean_e), "far_so_far tower")
    proof.define("nothing", sp.Eq(S0, 0))
    proof.derive("sum_base", S0 * (1 - root) <= K * d0 * (1 - 1), "nothing")
    proof.derive("far_base", X0 <= d0**2 + eta * s * L * (R**2 / 4) * S0, "start")
    total, last, mean, chance = sym("total power_T E_D2 chance")
    proof.lemma(
        "series",
        "induction",
        total * (1 - root) <= K * d0 * (1 - last),
        "T steps, power_T = root^T",
        premises=["sum_base", "sum_next"],
        discharges=["sum_so_far"],
    )
    proof.lemma(
        "stopped",
        "induction",
        mean <= d0**2 + eta * s * L * (R**2 / 4) * total,
        "E‖θ_{τ∧T} − c‖²",
        premises=["far_base", "far_next"],
        discharges=["far_so_far"],
    )
    proof.derive("series_total", total * (1 - root) <= K * d0, "series")
    proof.derive("slow", 2 * (1 - root) >= eta * s * sigma**2 * f, "contracts root below")
    proof.derive("total", total * eta * s * sigma**2 * f <= 2 * K * d0, "series_total slow below")
    proof.lemma("markov", "markov", chance * R**2 <= 4 * mean, "chance = P(τ ≤ T); θ_τ is outside B(c, R/2)")
    weight, ever = sym("weight_ ever")
    proof.define("weight", sp.And(sp.Eq(weight, sigma**2 * f), weight > 0))
    proof.derive(
        "scaled",
        chance * R**2 * weight <= 4 * d0**2 * weight + eta * s * L * R**2 * total * weight,
        "markov stopped weight",
    )
    proof.derive("paid", eta * s * L * R**2 * total * weight <= 2 * K * d0 * L * R**2, "total weight")
    proof.derive("sum", chance * R**2 * weight <= 4 * d0**2 * weight + 2 * K * d0 * L * R**2, "scaled paid")
    proof.lemma(
        "ever",
        "monotone_limit",
        ever * R**2 * weight <= 4 * d0**2 * weight + 2 * K * d0 * L * R**2,
        "ever = P(τ < ∞), the limit of P(τ ≤ T)",
        premises=["sum"],
    )
    proof.derive("exit", ever <= formulas("sgd_distance_exit"), "ever weight positive")
    return proof.conclude("exit")


def _outside() -> list[Fact]:
    return [
        Fact(
            "F = θ, c = 0, R = 2, θ_0 = 3/2: outside B(0, 1) at the start; the bound 4d0²/R² = 9/4",
            4 * Q(3, 2) ** 2 / 4 == Q(9, 4),
        )
    ]


CLAIM = Claim(
    id="sgd_distance_exit",
    title="exit probability of SGD from the distance",
    statement="Under sgd_distance, with ‖θ_0 − c‖ ≤ d0, ‖J‖ ≤ K on B(c, R): P(some iterate leaves B(c, R/2)) ≤ 4d0²/R² + 2L_HKd0/(σ²f).",
    source="our formulation; related to arXiv:2006.12297",
    hypotheses=(Hypothesis("start", "the start is d0 from c", Counterexample("F = θ, d0 = 3/2 > R/2", _outside)),),
    proof=prove,
    remarks="No n, no β̄ and no η in the bound. Not part of the claim, since no line of the proof says it: on the paths that never leave, θ_k should"
    " converge to an exact fit almost surely, because Σ√(E V_k) < ∞ bounds ΣE‖θ_{k+1} − θ_k‖. A centre c exists near a certified iterate:"
    " iterates_converge.",
)
