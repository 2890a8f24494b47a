"""Claim sgd_distance_exit: the exit probability of SGD without the number of samples and without the step in it."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Stopped squared distance to c, its growth summed by a geometric series, Markov."""
    s, eta, L, R, sigma, K, f, d0 = sym("s eta L_H R sigma jacobian_norm distance_fraction d0")
    rho, root, total, mean, chance = sym("rho root total E_D2 chance")
    proof = Proof()
    proof.define("positive", sp.And(sigma > 0, f > 0), "f of claim sgd_distance")
    proof.lemma("contracts", "claim:sgd_distance", sp.Eq(rho, formulas("sgd_distance_rate")), "E[V_k 1_{τ>k}] ≤ ρ^kd0²")
    proof.define("root", sp.Eq(root**2, rho), "ρ ≥ 0 is a factor of nonnegative numbers")
    proof.derive("below", root < 1, "contracts root positive")
    proof.hypothesis(
        "series",
        total * (1 - root) <= K * d0,
        "total = Σ_k E‖e_k‖1_{τ>k} ≤ Σ K√(E V_k 1_{τ>k}) (jensen, geometric); V_0 ≤ d0²",
    )
    proof.derive("slow", 2 * (1 - root) >= eta * s * sigma**2 * f, "contracts root below")
    proof.derive("total", total * eta * s * sigma**2 * f <= 2 * K * d0, "series slow below")
    proof.hypothesis("stopped", mean <= d0**2 + eta * s * L * (R**2 / 4) * total,
                     "E‖θ_{τ∧k} − c‖²: line any_z of sgd_distance at z = c, q ≥ 0, ‖θ − c‖ ≤ R/2 before τ")  # fmt: skip
    proof.lemma("markov", "markov", chance * R**2 <= 4 * mean, "θ_τ is outside B(c, R/2)")
    weight = sym("weight_")
    proof.define("weight", sp.And(sp.Eq(weight, sigma**2 * f), weight > 0))
    proof.derive(
        "scaled",
        chance * R**2 * weight <= 4 * d0**2 * weight + eta * s * L * R**2 * total * weight,
        "markov stopped weight",
    )
    proof.derive("paid", eta * s * L * R**2 * total * weight <= 2 * K * d0 * L * R**2, "total weight")
    proof.derive("sum", chance * R**2 * weight <= 4 * d0**2 * weight + 2 * K * d0 * L * R**2, "scaled paid")
    proof.derive("exit", chance <= formulas("sgd_distance_exit"), "sum weight positive")
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
    hypotheses=(Hypothesis("stopped", "the start is d0 from c", Counterexample("F = θ, d0 = 3/2 > R/2", _outside)),),
    proof=prove,
    remarks="No n, no β̄ and no η in the bound. The lines `series` and `stopped` are facts about expectations whose argument stands in their notes: a"
    " machine checks what follows from them. Not part of the claim, since no line of the proof says it: on the paths that never leave, θ_k should"
    " converge to an exact fit almost surely, because Σ√(E V_k) < ∞ bounds ΣE‖θ_{k+1} − θ_k‖. A centre c exists near a certified iterate:"
    " iterates_converge.",
)
