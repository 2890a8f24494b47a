"""Claim sgd_distance: stochastic gradient descent contracts the distance to the zero-loss set, at any step below 2/β̄.

F(c) = y; V_k is the squared distance from θ_k to Z = {F = y}. While θ_k is in B(c, R/2) the nearest point z of Z is within R/2 of it, so in
B(c, R), where λ_min(Θ) ≥ σ² > 0: Z is a manifold near z and θ − z ⊥ ker J(z), so θ − z ∈ range J(z)ᵀ and ‖J(z)(θ − z)‖ ≥ σ‖θ − z‖.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Expand E‖θ⁺ − z‖² given the past; then take the nearest z."""
    s, eta, L, R, sigma, bar = sym("s eta L_H R sigma beta_bar")
    D, E, r, v, a, q = sym("D e_k r v a q")
    ex, er, mean, near = sp.symbols("ex er E_next E_near", real=True)
    f = formulas("sgd_distance_fraction")
    proof = Proof()
    proof.define("q", sp.Eq(q, 2 - eta * bar), "q ≥ 0: η ≤ 2/β̄")
    proof.hypothesis(
        "curvature", r <= L * D**2 / 2, "F(z) = F(θ) + J(θ)(z − θ) + r with D = ‖θ − z‖, L_H on B(c, R); F(z) = y"
    )
    proof.define("split", sp.Eq(ex, E**2 - er), "ex = ⟨e, J(θ − z)⟩, er = −⟨e, r⟩")
    proof.lemma("cauchy", "cauchy_schwarz", er <= E * r)
    proof.hypothesis(
        "moment",
        mean <= D**2 - 2 * eta * s * ex + eta**2 * s * bar * E**2,
        "E‖θ⁺ − z‖² given the past: E g = sJᵀe, E‖g‖² ≤ 2β̄Φ (claim sgd_second_moment)",
    )
    proof.derive("any_z", mean <= D**2 - eta * s * E * (q * E - L * D**2), "q curvature split cauchy moment")
    proof.define("nearest", sp.And(sp.Eq(D, v), v <= R / 2), "z nearest to θ; v = √V ≤ ‖θ − c‖ ≤ R/2")
    proof.hypothesis("sigma", sigma > 0)
    w, Jv, pairing = sym("w_norm Jv pairing")
    proof.hypothesis("onto", v >= sigma * w, "‖J(z)ᵀw‖ ≥ σ‖w‖, as z ∈ B(c, R)")
    proof.lemma(
        "normal",
        "lagrange",
        sp.Eq(pairing, v**2),
        "θ − z = J(z)ᵀw at the nearest z; pairing = ⟨J(z)(θ − z), w⟩, w = ‖w‖",
        premises=["nearest"],
    )
    proof.lemma("pair", "cauchy_schwarz", pairing <= Jv * w, "Jv = ‖J(z)(θ − z)‖")
    proof.derive("pair_scaled", sigma * v**2 <= Jv * v, "normal pair onto sigma")
    proof.derive("reach", Jv >= sigma * v, "pair_scaled")
    proof.lemma(
        "at_z",
        "mean_value",
        E >= Jv - L * v**2 / 2,
        "F(θ) = y + J(z)(θ − z) + r; the segment lies in B(c, R)",
        premises=["nearest"],
    )
    proof.derive("error_bound", E >= sigma * v - L * v**2 / 2, "reach at_z")
    proof.define("a", sp.Eq(4 * a * sigma, L * R))
    share, gain = sym("distance_fraction gain")
    proof.define("share", sp.Eq(share, f), "f")
    proof.derive("f", sp.Eq(share, (1 - a) * (q * (1 - a) - 2 * a)), "a q sigma share")
    proof.hypothesis("small", sp.And(share > 0, L * R < 4 * sigma), "f > 0 and L_HR < 4σ")
    proof.derive("below_one", a < 1, "a small sigma")
    proof.derive("half", L * v <= 2 * a * sigma, "a nearest")
    proof.derive("half_square", L * v**2 <= 2 * a * sigma * v, "half")
    proof.derive("low", E >= sigma * v * (1 - a), "error_bound half_square")
    proof.derive("inner", q * (1 - a) - 2 * a > 0, "f small below_one sigma")
    proof.derive("low_q", q * E >= q * sigma * v * (1 - a), "low")
    proof.derive("low_two", q * E - L * v**2 >= sigma * v * (q * (1 - a) - 2 * a), "low_q half_square")
    proof.derive(
        "product",
        E * (q * E - L * v**2) >= sigma**2 * v**2 * (1 - a) * (q * (1 - a) - 2 * a),
        "low low_two inner below_one",
    )
    proof.define("gain", sp.Eq(gain, E * (q * E - L * v**2)))
    proof.derive("enough", gain >= sigma**2 * v**2 * share, "product f gain")
    proof.derive("scaled", eta * s * gain >= eta * s * sigma**2 * v**2 * share, "enough")
    proof.lemma("distance", "rayleigh", near <= mean, "dist(θ⁺, Z) ≤ ‖θ⁺ − z‖")
    proof.derive("at_nearest", near <= v**2 - eta * s * gain, "distance any_z nearest gain")
    proof.derive("contracts", near <= formulas("sgd_distance_rate") * v**2, "at_nearest scaled")
    m, m1, power, V0 = sym("m m_next power V_start")
    rate = sym("rate_V")
    proof.lemma(
        "tower",
        "tower",
        m1 <= rate * m,
        "m = E[V_k 1_{τ>k}], rate of line contracts; 1_{τ>k+1} ≤ 1_{τ>k}",
        premises=["contracts"],
    )
    proof.suppose("so_far", m <= power * V0, "power = rate^k")
    proof.derive("next", m1 <= rate * power * V0, "tower so_far")
    proof.derive("base", V0 <= 1 * V0, "so_far")
    final, total = sym("m_k total")
    proof.lemma(
        "all", "induction", final <= total * V0, "for every k", premises=["base", "next"], discharges=["so_far"]
    )
    return proof.conclude("any_z contracts all")


def _turns_over() -> list[Fact]:
    return [Fact("F = θ, β̄ = 1, η = 2: θ → −θ, the distance to Z = {0} stays", Q(3) - 2 * Q(3) == -3)]


def _far() -> list[Fact]:
    theta = Q(0)
    return [
        Fact(
            "F = θ² − 1, c = 1, θ = 0 in B(1, 1): the gradient vanishes, the distance to Z stays 1",
            2 * theta * (theta**2 - 1) == 0,
        ),
        Fact("σ on B(1, 2) is 0, so L_HR < 4σ fails", not 2 * 2 < 4 * 0),
    ]


def _biased() -> list[Fact]:
    # F = (θ, 2θ), y = 0; the sample drawn is always the first: E g = 2θ where ∇Φ = 5θ.
    return [Fact("a sample that is always the same: E g = 2θ, not ∇Φ = 5θ", 2 * Q(1) != 5 * Q(1))]


CLAIM = Claim(
    id="sgd_distance",
    title="SGD contracts the distance to the zero-loss set",
    statement="F(c) = y; L_H and ‖J(θ)ᵀw‖ ≥ σ on B(c, R), E‖g‖² ≤ 2β̄Φ on B(c, R/2), τ the exit from B(c, R/2), V_k the squared distance to {F = y}."
    " For every zero-loss z ∈ B(c, R), on {τ > k}: E‖θ_{k+1} − z‖² ≤ ‖θ_k − z‖² − ηs‖e_k‖((2 − ηβ̄)‖e_k‖ − L_H‖θ_k − z‖²)."
    " With a = L_HR/(4σ) < 1 and f = (1 − a)((2 − ηβ̄)(1 − a) − 2a) > 0: E[V_k 1_{τ>k}] ≤ (1 − ηsσ²f)^kV_0. No μ in the step: as R → 0"
    " every η < 2/β̄ is allowed.",
    source="our formulation; related to averaged SGD in the NTK regime, arXiv:2006.12297",
    hypotheses=(
        Hypothesis("moment", "unbiased independent samples", Counterexample("always the same sample", _biased)),
        Hypothesis("step", "η < 2/β̄", Counterexample("F = θ, η = 2", _turns_over)),
        Hypothesis("small", "L_HR small against σ", Counterexample("F = θ² − 1 about 1", _far)),
    ),
    proof=prove,
    remarks="Not covered: generalisation, minimax rates, infinite width, sampling without replacement.",
)
