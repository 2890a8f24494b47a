"""Claim linear_descent_local: a descent lemma for two-layer linear networks with constants of the present weights only."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """F⁺ − F = −η(AAᵀG + GBᵀB) + η²(GBᵀ)(AᵀG), and smoothness of ℓ along the segment from F to F⁺ in the space of F."""
    eta, K, g, G, L = sym("eta K_loss gradient_norm gradient_loss squared_norms")
    x, y, an, bn, linear, move, product, root, back = sym("x y A_norm B_norm linear move product root back")
    after, inner, now, first = sp.symbols("after inner now first", real=True)
    beta = formulas("linear_curvature")
    proof = Proof()
    proof.define("root", sp.Eq(root**2, L), "root = √L")
    proof.define("gradient", sp.Eq(g**2, x**2 + y**2), "x = ‖GBᵀ‖_F, y = ‖AᵀG‖_F, g = ‖∇Φ‖")
    proof.hypothesis("weights", an**2 + bn**2 <= L, "an = ‖A‖, bn = ‖B‖")
    proof.lemma("pair", "cauchy_schwarz", (an * x + bn * y) ** 2 <= (an**2 + bn**2) * (x**2 + y**2))
    proof.lemma("pair_turned", "cauchy_schwarz", (an * y + bn * x) ** 2 <= (an**2 + bn**2) * (x**2 + y**2))
    proof.derive("mass", (an**2 + bn**2) * (x**2 + y**2) <= (root * g) ** 2, "weights root gradient")
    proof.derive("pair_root", an * x + bn * y <= root * g, "pair mass")
    proof.derive("turned_root", an * y + bn * x <= root * g, "pair_turned mass")
    proof.lemma(
        "product",
        "frobenius",
        sp.And(product <= G * bn * y, product <= G * an * x),
        "product = ‖(GBᵀ)(AᵀG)‖_F ≤ ‖GBᵀ‖‖AᵀG‖_F and ‖GBᵀ‖_F‖AᵀG‖; ‖GBᵀ‖ ≤ Gbn, ‖AᵀG‖ ≤ anG",
    )
    proof.derive("twice", 2 * product <= G * (an * x + bn * y), "product")
    proof.derive("half", 2 * product <= G * root * g, "twice pair_root")
    proof.lemma(
        "inner", "cauchy_schwarz", inner <= back * y, "inner = ⟨G, (GBᵀ)(AᵀG)⟩ = ⟨(GBᵀ)ᵀG, AᵀG⟩, back = ‖(GBᵀ)ᵀG‖_F"
    )
    proof.lemma("back", "frobenius", back <= G * x, "‖(GBᵀ)ᵀG‖_F ≤ ‖GBᵀ‖_F‖G‖")
    proof.derive("inner_product", inner <= G * x * y, "inner back")
    proof.derive("inner_half", 2 * inner <= G * g**2, "inner_product gradient")
    proof.lemma("linear", "frobenius", linear <= an * y + bn * x, "linear = ‖AAᵀG + GBᵀB‖_F ≤ ‖A‖‖AᵀG‖_F + ‖GBᵀ‖_F‖B‖")
    proof.hypothesis("both", move <= eta * linear + eta**2 * product, "move = ‖F⁺ − F‖_F; both factors step at once")
    proof.define("first", sp.Eq(first, -eta * g**2 + eta**2 * inner), "⟨G, F⁺ − F⟩")
    proof.hypothesis("smooth", after <= now + first + K * move**2 / 2, "ℓ is K-smooth between F and F⁺")
    proof.derive("short", move <= eta * g * root * (1 + eta * G / 2), "linear turned_root both half")
    proof.derive("short_square", move**2 <= eta**2 * g**2 * root**2 * (1 + eta * G / 2) ** 2, "short")
    proof.derive("short_L", move**2 <= eta**2 * g**2 * L * (1 + eta * G / 2) ** 2, "short_square root")
    proof.derive("descent", after <= now - eta * g**2 * (1 - eta * beta / 2), "inner_half first smooth short_L")
    return proof.conclude("descent")


def _start_only(L_factor: Q, K_factor: Q) -> list[Fact]:
    # F = ab, ℓ = F²/2, a = b = 1: G = 1, L = 2, g² = 2, K = 1.
    a = b = Q(1)
    found = []
    for eta in (Q(1), Q(3, 4)):
        G, L, K = a * b, 2 * L_factor, K_factor
        claimed = Q(1, 2) - eta * 2 * (1 - eta * (G + K * L * (1 + eta * G / 2) ** 2) / 2)
        after = ((a - eta * G * b) * (b - eta * a * G)) ** 2 / 2
        found.append(after > claimed)
    return [Fact("F = ab, y = 0, (1, 1): the bound with the smaller constant is violated", any(found))]


CLAIM = Claim(
    id="linear_descent_local",
    title="linear networks: descent lemma from the present weights",
    statement="ℓ K-smooth, Φ(A, B) = ℓ(AB), L ≥ ‖A‖² + ‖B‖², G ≥ ‖∇ℓ(AB)‖ (spectral norms). For every η ≥ 0 one step of gradient descent has"
    " Φ⁺ ≤ Φ − η(1 − ½ηβ_loc)‖∇Φ‖² with β_loc = G + KL(1 + ½ηG)²: no condition on the segment in (A, B), no region.",
    source="our formulation; related to the local descent lemma of arXiv:2505.11664 (abstract)",
    hypotheses=(
        Hypothesis("weights", "L ≥ ‖A‖² + ‖B‖²", Counterexample("L/8", lambda: _start_only(Q(1, 8), Q(1)))),
        Hypothesis("smooth", "ℓ is K-smooth", Counterexample("K/8", lambda: _start_only(Q(1), Q(1, 8)))),
    ),
    proof=prove,
    remarks="The fixed point of η = 1/β_loc(η) is a step that today's weights justify; the loss then falls by at least ½η‖∇Φ‖².",
)
