"""Claim averaged_sgd: averages of SGD without any eigenvalue of the NTK, and the exit within T steps."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Young on each path, then expectations of the stopped process, then induction; the same for the exit."""
    s, eta, d0, R, L, e_c, bar = sym("s eta d0 R L_H e_c beta_bar")
    q, eps, T = sym("q slip T_steps")
    e, D, k = sym("e_k D2 k_")
    after = sp.Symbol("D2_next", real=True)
    proof = Proof()
    proof.define("slip", sp.Eq(eps, L * R**2 + 2 * e_c), "ϵ: twice the linearisation error at c, ‖F(c) − y‖ ≤ e_c")
    proof.define("q", sp.Eq(q, 2 - eta * bar))
    proof.hypothesis("step_size", q > 0, "η < 2/β̄")
    proof.lemma(
        "step",
        "claim:sgd_distance",
        after <= D - eta * s * e * (q * e - eps),
        "E‖θ⁺ − c‖² given the past on {τ > k}; line any_z with F(c) − y added: D ≤ R²",
    )
    proof.derive("young", 2 * q * e * (q * e - eps) >= q**2 * e**2 - eps**2, "step_size")
    proof.derive("path", 2 * q * after <= 2 * q * D - eta * s * (q**2 * e**2 - eps**2), "step young step_size")
    X, X1, m, S = sym("X X_next m_k S")
    proof.lemma(
        "tower",
        "tower",
        2 * q * X1 <= 2 * q * X - eta * s * (q**2 * m - eps**2),
        "X = E‖θ_{τ∧k} − c‖², m = E[‖e_k‖²1_{τ>k}]; P(τ > k) ≤ 1",
        premises=["path"],
    )
    proof.suppose("so_far", 2 * q * X + eta * s * q**2 * S <= 2 * q * d0**2 + k * eta * s * eps**2, "S = Σ_{j<k} m_j")
    proof.derive(
        "next", 2 * q * X1 + eta * s * q**2 * (S + m) <= 2 * q * d0**2 + (k + 1) * eta * s * eps**2, "so_far tower"
    )
    zero, X0 = sym("S_0 X_0")
    proof.hypothesis("start", sp.And(sp.Eq(zero, 0), X0 <= d0**2), "‖θ_0 − c‖ ≤ d0")
    proof.derive("base", 2 * q * X0 + eta * s * q**2 * zero <= 2 * q * d0**2 + 0 * eta * s * eps**2, "start step_size")
    Xf, Sf = sym("X_T S_T")
    proof.lemma(
        "all",
        "induction",
        2 * q * Xf + eta * s * q**2 * Sf <= 2 * q * d0**2 + T * eta * s * eps**2,
        "k = T",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    proof.define("T", T > 0)
    proof.derive("sum", eta * s * q**2 * Sf <= 2 * q * d0**2 + T * eta * s * eps**2, "all step_size")
    proof.derive("mean", Sf / T <= 2 * d0**2 / (eta * s * q * T) + eps**2 / q**2, "sum T step_size")
    # Exit within T steps.
    Y, Y1, Yf, chance = sym("Y Y_next Y_T chance")
    proof.derive("least", 4 * q * e * (q * e - eps) >= -(eps**2), "step_size")
    proof.derive("path_exit", 4 * q * after <= 4 * q * D + eta * s * eps**2, "step least step_size")
    proof.lemma(
        "tower_exit", "tower", 4 * q * Y1 <= 4 * q * Y + eta * s * eps**2, "Y = E‖θ_{τ∧k} − c‖²", premises=["path_exit"]
    )
    proof.suppose("far", 4 * q * Y <= 4 * q * d0**2 + k * eta * s * eps**2)
    proof.derive("far_next", 4 * q * Y1 <= 4 * q * d0**2 + (k + 1) * eta * s * eps**2, "far tower_exit")
    proof.derive("far_base", 4 * q * X0 <= 4 * q * d0**2 + 0 * eta * s * eps**2, "start step_size")
    proof.lemma(
        "far_all",
        "induction",
        4 * q * Yf <= 4 * q * d0**2 + T * eta * s * eps**2,
        "k = T",
        premises=["far_base", "far_next"],
        discharges=["far"],
    )
    proof.lemma("markov", "markov", chance * R**2 <= Yf, "θ_τ is outside B(c, R)")
    proof.derive("exit", 4 * q * chance * R**2 <= 4 * q * d0**2 + T * eta * s * eps**2, "far_all markov step_size")
    return proof.conclude("mean exit")


def _turns_over() -> list[Fact]:
    return [
        Fact(
            "F = θ, c = 0, η = 3 > 2/β̄ = 2: ‖e‖² grows fourfold each step, the mean exceeds any bound",
            (1 - Q(3)) ** 2 == 4,
        )
    ]


def _start() -> list[Fact]:
    # F = θ, η = 1/2, T = 1: the mean is θ_0²; with d0 = 0 the bound would be 0.
    return [Fact("F = θ, θ_0 = 1, T = 1: the mean is 1, with d0 = 0 the bound would be 0", Q(1) ** 2 > 0)]


CLAIM = Claim(
    id="averaged_sgd",
    title="averaged SGD without λ_min",
    statement="‖F(c) − y‖ ≤ e_c, ‖θ_0 − c‖ ≤ d0, L_H and E‖g‖² ≤ 2β̄Φ on B(c, R), τ the exit from it, ϵ = L_HR² + 2e_c, q = 2 − ηβ̄ > 0:"
    " (1/T)Σ_{k<T} E[‖e_k‖²1_{τ>k}] ≤ 2d0²/(ηsqT) + ϵ²/q² and P(τ ≤ T) ≤ (d0² + Tηsϵ²/(4q))/R². No eigenvalue of Θ enters.",
    source="our formulation of the mechanism of arXiv:2006.12297 (rates not through λ_min), for a finite sample and width",
    hypotheses=(
        Hypothesis("step_size", "η < 2/β̄", Counterexample("F = θ, η = 3", _turns_over)),
        Hypothesis("start", "‖θ_0 − c‖ ≤ d0", Counterexample("F = θ, T = 1", _start)),
    ),
    proof=prove,
    remarks="Where exact fits exist nearby the last iterate is better than the average (sgd_distance); averaging pays for fresh label noise. The abstract's"
    " central statement, the minimax rate of the population risk, is not decided here.",
)
