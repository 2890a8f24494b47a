"""Claim linear_pl_from_imbalance: the PL constant of a two-layer linear network from its imbalance and its product.

P = AAᵀ, Pv = αv with ‖v‖ = 1, α = λ_min(P), κ = d₊ + δ₋ > 0, τ = α + δ₋; c solves κ(P + δ₋)c + FFᵀc = v (the matrix is positive definite:
δ₋ > 0, or P ⪰ d₊ > 0). Let δ₋ > 0 first and u = By, y = Fᵀc, w = (AᵀA + δ₋)⁻¹u: BBᵀ = AᵀA − D ⪯ AᵀA + δ₋ gives ⟨u, w⟩ ≤ ‖y‖² and so
‖u‖² ≤ δ₋‖y‖² + ⟨Fy, (P + δ₋)⁻¹Fy⟩ (lines lifted to upper); δ₋ = 0 is a limit, every larger δ₋ being allowed. Claim linear_imbalance_weyl at x = v,
y = −τFᵀc turns that into τ²⟨v, c⟩ ≥ 1, and FFᵀ ⪰ p² into ⟨v, c⟩ ≤ 1/(κτ + p²). So τ² ≥ κτ + p², which is (α − d₊)(α + δ₋) ≥ p². If κ = 0,
D ⪰ 0 and P² = ADAᵀ + FFᵀ ⪰ p².
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The resolvent vector c, then the root of the quadratic, then PL."""
    d, low, p, alpha, kap = sym("imbalance_plus imbalance_low product_sigma alpha kap")
    cc, pc, ff, q, rr, image, mass, weight = sym("cc pc ff q rr image mass weight")
    vc, g = sp.symbols("vc g", real=True)
    tau = alpha + low
    proof = Proof()
    proof.define("kap", sp.And(sp.Eq(kap, d + low), kap > 0), "κ = d₊ + δ₋; κ = 0: line flat")
    proof.define("dot_c", sp.Eq(kap * (pc + low * cc) + ff, vc), "cc = ‖c‖², pc = cᵀPc, ff = ‖Fᵀc‖², vc = ⟨v, c⟩")
    proof.define("dot_v", sp.Eq(kap * tau * vc + g, 1), "g = ⟨Fᵀv, Fᵀc⟩, Pv = αv")
    proof.define(
        "image",
        sp.Eq(tau * image, 1 - 2 * kap * tau * vc + kap**2 * tau * (pc + low * cc)),
        "image = ⟨z, (P + δ₋)⁻¹z⟩, z = FFᵀc = v − κ(P + δ₋)c",
    )
    uw, aw, bw, ww = sym("uw aw bw ww")
    proof.define("lifted", sp.Eq(uw, aw + low * ww), "(AᵀA + δ₋)w = u = BFᵀc; uw = ⟨u, w⟩, aw = ‖Aw‖², ww = ‖w‖²")
    proof.define(
        "turned",
        sp.Eq(image, q - low * uw),
        "q = ‖u‖²; (P + δ₋)Aw = Au = z, so image = ⟨z, Aw⟩ = ⟨u, AᵀAw⟩ = ⟨u, u − δ₋w⟩",
    )
    proof.hypothesis("lowest", aw - bw >= -low * ww, "wᵀDw ≥ −δ₋‖w‖², bw = ‖Bᵀw‖²")
    proof.lemma("pairing", "cauchy_schwarz", uw**2 <= ff * bw, "⟨BFᵀc, w⟩ = ⟨Fᵀc, Bᵀw⟩")
    proof.derive("paid", uw**2 <= ff * uw, "pairing lowest lifted")
    proof.derive("share", uw <= ff, "paid")
    proof.derive("upper", q <= low * ff + image, "share turned")
    proof.define("rr", sp.Eq(rr, alpha - 2 * tau * g + tau**2 * q), "rr = ‖Aᵀv − τBFᵀc‖²; ⟨Aᵀv, BFᵀc⟩ = g")
    proof.lemma("weyl", "claim:linear_imbalance_weyl", rr >= d * (1 - tau**2 * ff), "x = v, y = −τFᵀc")
    proof.derive("through", tau * image <= 1 - kap * tau * vc - kap * tau * ff, "image dot_c")
    proof.derive("upper_tau", tau * q <= tau * low * ff + tau * image, "upper")
    proof.derive("below", tau * q <= g - d * tau * ff, "through upper_tau dot_v kap")
    proof.derive("squared", tau**2 * q <= tau * g - d * tau**2 * ff, "below")
    proof.derive("step", tau * g <= alpha - d, "rr weyl squared")
    proof.derive("long", tau**2 * vc >= 1, "step dot_v kap")
    proof.hypothesis("margin", ff >= p**2 * cc, "‖Fᵀc‖ ≥ p‖c‖, p = σ_m(F)")
    proof.define("weight", sp.Eq(weight, kap * tau + p**2), "M = κ(P + δ₋) + p², Mv = weight·v")
    proof.define("mass", sp.Eq(mass, kap * (pc + low * cc) + p**2 * cc), "cᵀMc")
    proof.lemma("cauchy", "cauchy_schwarz", (weight * vc) ** 2 <= mass * weight, "⟨c, Mv⟩² ≤ cᵀMc·vᵀMv")
    proof.derive("heavy", mass <= vc, "dot_c margin mass")
    proof.derive("heavier", mass * weight <= vc * weight, "heavy")
    proof.derive("short", weight * vc <= 1, "cauchy heavier")
    proof.derive("order", weight <= tau**2, "long short")
    proof.derive("quadratic", tau**2 >= kap * tau + p**2, "order weight")
    proof.derive("product", (alpha - d) * (alpha + low) >= p**2, "quadratic kap")
    proof.derive("tau_high", tau >= kap, "quadratic kap long", "τ² ≥ κτ, and τ > 0 by line long: α ≥ d₊")
    alpha_, d_, low_ = sym("alpha_any d_any low_any")
    proof.define(
        "any", sp.And((alpha_ - d_) * (alpha_ + low_) >= p**2, alpha_ >= d_), "lines product, tau_high; or line flat"
    )
    bound = formulas("linear_gram_lower", imbalance_plus=d_, imbalance_low=low_)
    proof.derive("root", alpha_ >= bound, "any")
    flat = sym("alpha_flat")
    proof.lemma("flat", "rayleigh", flat**2 >= p**2, "κ = 0: D ⪰ 0, P² = ADAᵀ + FFᵀ ⪰ p²")
    proof.derive("flat_root", flat >= formulas("linear_gram_lower", imbalance_plus=0, imbalance_low=0), "flat")
    # PL for Φ(A, B) = ℓ(AB).
    other, gl, mul, gap, gn, first, second = sym("beta_gram gradient_loss mu_loss gap gradient_norm first second")
    proof.lemma("first", "rayleigh", first >= other * gl**2, "‖GBᵀ‖_F² ≥ λ_min(BᵀB)‖G‖_F²")
    proof.lemma("second", "rayleigh", second >= alpha * gl**2, "‖AᵀG‖_F² ≥ λ_min(AAᵀ)‖G‖_F²")
    proof.define("gradient", sp.Eq(gn**2, first + second), "gn = ‖∇Φ‖")
    proof.hypothesis("pl_loss", gl**2 >= 2 * mul * gap, "ℓ is PL: ½‖∇ℓ‖² ≥ μ_ℓ(ℓ − ℓ*), gap = ℓ − ℓ*")
    proof.derive("both", gn**2 >= (alpha + other) * gl**2, "first second gradient")
    proof.derive("pl", gn**2 / 2 >= mul * (alpha + other) * gap, "both pl_loss")
    return proof.conclude("product root flat_root pl")


def _no_deficit() -> list[Fact]:
    # a = 1, b = 2, m = n = 1: D = −3, d₊ = 0, δ₋ = 3, p = 2, α = 1: (1 − 0)(1 + 3) = 4 = p².
    return [
        Fact("(α − d₊)(α + δ₋) = 4 = p²: equality", (1 - 0) * (1 + 3) == 2**2),
        Fact("without δ₋ it would claim 1 ≥ 4", not 1 * 1 >= 4),
    ]


def _smaller_sigma() -> list[Fact]:
    # A = diag(1, 2), B = diag(1, 2): D = 0, F = diag(1, 4), α = 1 = σ_2(F); σ_1 = 4 would claim 1 ≥ 16.
    return [Fact("α² = 1 = σ_min(F)², but not ≥ σ_max(F)² = 16", 1 == 1**2 and not 1 >= 4**2)]


def _flat_loss() -> list[Fact]:
    # ℓ(F) = F⁴/4: gradient F³; ½F⁶ ≥ μF⁴/4 fails near 0 for any μ > 0, and with it PL of Φ at a = 1, b small.
    return [
        Fact(f"μ = {mu}: ½F⁶ < μF⁴/4 at F = {F}", F**6 / 2 < mu * F**4 / 4)
        for mu, F in ((Q(1), Q(1, 2)), (Q(1, 100), Q(1, 20)))
    ]


CLAIM = Claim(
    id="linear_pl_from_imbalance",
    title="linear networks: PL constant from imbalance and product",
    statement="F = AB (A m × h, B h × n), D = AᵀA − BBᵀ, d₊ = max(0, λ_m(D)), δ₋ = max(0, −λ_min(D)), p = σ_m(F), α = λ_min(AAᵀ). For every A,"
    " B: (α − d₊)(α + δ₋) ≥ p², so α ≥ ½(d₊ − δ₋ + √((d₊ + δ₋)² + 4p²)) ≥ d₊; likewise β = λ_min(BᵀB) with D replaced by −D and σ_n(F)."
    " If ℓ is μ_ℓ-PL, Φ(A, B) = ℓ(AB) satisfies ½‖∇Φ‖² ≥ μ_ℓ(α + β)(Φ − ℓ*), whatever the minimum ℓ*.",
    source="our formulation; related to the local PL constants of arXiv:2505.11664 (abstract)",
    hypotheses=(
        Hypothesis("lowest", "δ₋ ≥ −λ_min(D)", Counterexample("a = 1, b = 2: equality with δ₋", _no_deficit)),
        Hypothesis("margin", "the m-th singular value of F", Counterexample("A = B = diag(1, 2)", _smaller_sigma)),
        Hypothesis("pl_loss", "ℓ satisfies PL", Counterexample("ℓ = F⁴/4", _flat_loss)),
    ),
    proof=prove,
    remarks="m = n = 1 gives the equality a² + b² = √((a² − b²)² + 4F²). Data: ℓ(F) = (s/2)‖FX − Y‖² has μ_ℓ = sλ_min(XXᵀ) and may have ℓ* > 0."
    " If h ≥ m + n, D has m positive and n negative eigenvalues for almost every A, B (Sylvester's law), so d₊ + d₋ > 0.",
)
