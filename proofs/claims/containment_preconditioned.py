"""Claim containment_preconditioned: containment and rate of preconditioned gradient descent.

θ⁺ = θ − sH_kJᵀe, H_k symmetric, h_min ⪯ H_k ⪯ h_max (the step is inside H_k, which may depend on the past). A = sJHJᵀ has
a = sh_minσ² ⪯ A ⪯ 1, and the length ℓ = ‖sHJᵀe‖ has ℓ² ≤ sh_max·eᵀAe. With ϱ = √(h_min/h_max) the proof of containment_residual goes
through with ϱσ for σ.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The residual pays ϱσ − δ per unit of length; the rest is containment_residual's induction."""
    s, sigma, delta, L, K = sym("s sigma delta L_H jacobian_norm")
    low, high, E, E1, a, m, image, q, length, ratio, gap, Je = sym(
        "h_min h_max E_k E_next a m image q length ratio gap Je"
    )
    room, e0 = sym("room e0")
    proof = Proof()
    proof.hypothesis("order", sp.And(low > 0, low <= high), "h_min ⪯ H_k ⪯ h_max")
    proof.hypothesis("step", s * high * K**2 <= 1, "‖J‖ ≤ K on the ball")
    proof.define("ratio", sp.Eq(ratio**2 * high, low), "ϱ = √(h_min/h_max)")
    proof.define("a", sp.Eq(a, s * low * sigma**2))
    proof.define("running", E > 0)
    proof.lemma("top", "rayleigh", m <= s * high * K**2 * E**2, "m = eᵀAe, A = sJHJᵀ", premises=["order"])
    proof.lemma("bottom", "rayleigh", m >= a * E**2, premises=["order"])
    proof.lemma("spectral", "spectral_theorem", image <= (1 + a) * m - a * E**2, "image = ‖Ae‖²", premises=["step"])
    proof.define("linear", sp.Eq(q**2, E**2 - 2 * m + image), "q = ‖(I − A)e‖")
    proof.lemma("length", "rayleigh", length**2 <= s * high * m, "H² ⪯ h_maxH", premises=["order"])
    proof.derive("m_small", m <= E**2, "top step")
    proof.derive("a_small", a <= 1, "bottom m_small running")
    proof.derive("square", q**2 <= (1 - a) * (E**2 - m), "linear spectral")
    proof.derive("am", (sigma * ratio * length) ** 2 <= a * m, "length a ratio")
    proof.derive("reach_square", (sigma * ratio * length) ** 2 <= E**2, "am m_small a_small running")
    proof.derive("reach", sigma * ratio * length <= E, "reach_square running")
    proof.derive("young", (1 - a) * (E**2 - m) <= (E - sigma * ratio * length) ** 2, "am m_small a_small running reach")
    proof.derive("pays_linear", q <= E - sigma * ratio * length, "square young reach")
    proof.suppose(
        "inside",
        sp.And(E <= (sigma * ratio - delta) * room, E <= e0),
        "‖e_k‖ ≤ (ϱσ − δ)·room, room = R less the path so far",
    )
    proof.hypothesis("positive", sigma * ratio > delta)
    proof.derive("stays", length <= room, "reach inside positive running")
    proof.lemma("residual", "mean_value", E1 <= q + gap * length, "e⁺ = (I − A)e − (J̄ − J)(step)", premises=["stays"])
    proof.lemma("curvature", "mean_value", gap <= L * length / 2, premises=["stays"])
    proof.lemma("pull", "operator_norm", length <= s * high * K * E)
    proof.hypothesis("delta", delta >= L * s * high * K * e0 / 2, "δ ≥ ½sh_maxL_HK‖e_0‖")
    proof.derive("short", length <= s * high * K * e0, "pull inside")
    proof.derive("bend", L * length <= L * s * high * K * e0, "short")
    proof.derive("drift", gap <= delta, "curvature bend delta")
    proof.derive("pays", E1 <= E - (sigma * ratio - delta) * length, "pays_linear residual drift")
    proof.derive("next", sp.And(E1 <= (sigma * ratio - delta) * (room - length), E1 <= e0), "pays inside positive")
    start, radius, room_k, E_k = sym("E_start R room_k E_later")
    proof.hypothesis("containment", start <= (sigma * ratio - delta) * radius, "‖e_0‖ ≤ (ϱσ − δ)R")
    proof.define("start", start <= e0)
    proof.derive("base", sp.And(start <= (sigma * ratio - delta) * radius, start <= e0), "containment start")
    proof.lemma(
        "all",
        "induction",
        sp.And(E_k <= (sigma * ratio - delta) * room_k, E_k <= e0),
        "for every k, room_k ≥ 0 by line stays",
        premises=["base", "next", "stays"],
        discharges=["inside"],
    )
    proof.lemma("below", "rayleigh", length >= s * low * Je, "‖HJᵀe‖ ≥ h_min‖Jᵀe‖", premises=["order"])
    proof.hypothesis("sigma", Je >= sigma * E, "‖J(θ)ᵀw‖ ≥ σ on the ball")
    proof.derive("long", length >= s * low * sigma * E, "below sigma order")
    proof.derive(
        "gain", (sigma * ratio - delta) * length >= (sigma * ratio - delta) * s * low * sigma * E, "long positive"
    )
    proof.derive("rate", E1 <= (1 - s * low * sigma * (sigma * ratio - delta)) * E, "pays gain")
    return proof.conclude("stays pays next all rate")


def _indefinite() -> list[Fact]:
    return [Fact("F = θ, H = −1: θ⁺ = 2θ, the residual grows", Q(1) + 1 == 2)]


def _long_step() -> list[Fact]:
    return [Fact("F = θ, H = 3: θ⁺ = −2θ", Q(1) - 3 == -2)]


def _no_ratio() -> list[Fact]:
    # F = θ_1 + θ_2 (J = (1, 1)), H = diag(1/2, 1/200): path of length √(1/4 + 1/40000)/(101/200) times the residual, above 1/√2·1.
    square = (Q(1, 4) + Q(1, 40000)) / Q(101, 200) ** 2
    return [
        Fact("the path is √(10001/10201) > 1/√2 = ‖e_0‖/σ: without ϱ the radius would be too small", square > Q(1, 2))
    ]


CLAIM = Claim(
    id="containment_preconditioned",
    title="containment with preconditioners",
    statement="θ_{k+1} = θ_k − sH_kJᵀe_k, symmetric h_min ⪯ H_k ⪯ h_max, h_min > 0, sh_maxK² ≤ 1, ϱ = √(h_min/h_max), δ ≥ ½sh_maxL_HK‖e_0‖, ϱσ > δ on B(c, R),"
    " ‖e_0‖ ≤ (ϱσ − δ)R: all iterates stay in B(c, R), ‖e_k‖ − ‖e_{k+1}‖ ≥ (ϱσ − δ)‖θ_{k+1} − θ_k‖, ‖e_{k+1}‖ ≤ (1 − sh_minσ(ϱσ − δ))‖e_k‖.",
    source="our formulation; related to arXiv:2505.15013 (Adam; that submission is withdrawn)",
    hypotheses=(
        Hypothesis("order", "H_k positive definite", Counterexample("H = −1", _indefinite)),
        Hypothesis("step", "sh_maxK² ≤ 1", Counterexample("H = 3", _long_step)),
        Hypothesis("containment", "ϱσ, not σ", Counterexample("J = (1, 1), H = diag(1/2, 1/200)", _no_ratio)),
    ),
    proof=prove,
    remarks="RMSProp, and Adam with β1 = 0 and bias correction: √v̂ ≤ sK‖e_0‖, so H = η/(√v̂ + ε̂) has h_max = η/ε̂, h_min = η/(sK‖e_0‖ + ε̂): linear convergence"
    " for ηsK² ≤ ε̂, far below practical steps at the default ε̂. Momentum β1 > 0: not covered; adam_in_lplr says why no such claim holds at a constant step.",
)
