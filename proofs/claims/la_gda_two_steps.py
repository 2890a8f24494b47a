"""Claim la_gda_two_steps: interpolated descent–ascent with two inner steps, for weakly Minty problems.

In units γ = 1: g = γFz, h = γFz̄, z̄ = z − g, κ = ρ/γ, ℓ = γL, and z⁺ = (1 − λ)z + λT²z = z − λ(g + h).
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Expand ‖z⁺ − z*‖² and use the weak Minty inequality at z and at z̄."""
    lam, ell = sym("outer_step ell")
    kap = sp.Symbol("kap", real=True)
    G2, H2, D2, Z, Z1 = sym("G2 H2 D2 Z Z_next")
    gz, hz, hb, gh = sp.symbols("gz hz hb gh", real=True)
    proof = Proof()
    proof.hypothesis("minty", gz >= kap * G2, "⟨g, z − z*⟩ ≥ κ‖g‖²")
    proof.hypothesis("minty_inner", hb >= kap * H2, "⟨h, z̄ − z*⟩ ≥ κ‖h‖²")
    proof.hypothesis("lipschitz", D2 <= ell**2 * G2, "‖g − h‖ ≤ ℓ‖z − z̄‖ = ℓ‖g‖")
    proof.define("hz", sp.Eq(hz, hb + gh), "⟨h, z − z*⟩ = ⟨h, z̄ − z*⟩ + ⟨h, g⟩")
    proof.define("difference", sp.Eq(D2, G2 + H2 - 2 * gh))
    proof.define("after", sp.Eq(Z1, Z - 2 * lam * (gz + hz) + lam**2 * (G2 + H2 + 2 * gh)), "‖z⁺ − z*‖²")
    proof.hypothesis("outer", sp.And(lam > 0, lam <= 1))
    proof.hypothesis("range", 2 * kap + 1 - 2 * lam >= (1 - lam) * ell**2, "2ρ/γ + 1 − 2λ ≥ (1 − λ)γ²L²")
    proof.derive("cross_low", 2 * gh >= (1 - ell**2) * G2 + H2, "difference lipschitz")
    proof.derive("sum", gz + hz >= kap * (G2 + H2) + gh, "minty minty_inner hz")
    proof.derive("scaled", lam * (gz + hz) >= lam * (kap * (G2 + H2) + gh), "sum outer")
    proof.derive("drop", Z1 <= Z - lam * ((2 * kap - lam) * (G2 + H2) + (1 - lam) * 2 * gh), "scaled after")
    proof.derive("cross", lam * (1 - lam) * 2 * gh >= lam * (1 - lam) * ((1 - ell**2) * G2 + H2), "cross_low outer")
    first, second = 2 * kap + 1 - 2 * lam - (1 - lam) * ell**2, 2 * kap + 1 - 2 * lam
    proof.derive("two", Z1 <= Z - lam * (first * G2 + second * H2), "drop cross")
    proof.derive("signs", sp.And(first >= 0, second >= 0), "range outer")
    proof.derive("terms", sp.And(first * G2 >= 0, second * H2 >= 0), "signs")
    proof.derive("scaled_terms", lam * (first * G2 + second * H2) >= 0, "terms outer")
    proof.derive("quasi", Z1 <= Z, "two scaled_terms")
    # λ → 0 at γ²L² = 1/3: the range of ρ.
    rho = sp.Symbol("rho_L", real=True)
    root = sym("root_three")
    proof.define("root", sp.Eq(root**2, 3))
    proof.hypothesis("weak", 3 * root * rho > -1, "ρL > −1/(3√3)")
    proof.derive("reachable", 2 * rho * root + 1 > sp.Rational(1, 3), "root weak", "γ = 1/(√3L): κ = ρL√3, ℓ² = 1/3")
    return proof.conclude("two quasi reachable")


def _no_minty() -> list[Fact]:
    return [Fact("F(z) = −z: z⁺ − z* = (1 − λ)z + λ(1 + γ)²z grows", (1 - Q(1, 4)) + Q(1, 4) * 4 > 1)]


def _large_lambda() -> list[Fact]:
    # F(x, y) = (ax + y, −x + ay), a = −3/20, γ = 4/7: eigenvalue a + i; λ = ¼ gives a modulus above 1.
    re, im = 1 - Q(4, 7) * Q(-3, 20), -Q(4, 7)
    re2, im2 = re * re - im * im, 2 * re * im
    out = []
    for lam in (Q(1, 16), Q(1, 4)):
        out.append(((1 - lam) + lam * re2) ** 2 + (lam * im2) ** 2)
    return [Fact("λ = 1/16 converges, λ = ¼ diverges", out[0] < 1 < out[1])]


CLAIM = Claim(
    id="la_gda_two_steps",
    title="interpolated descent–ascent, two inner steps",
    statement="F L-Lipschitz with ⟨Fz, z − z*⟩ ≥ ρ‖Fz‖² for all z (ρ may be negative), T = I − γF, z⁺ = (1 − λ)z + λT²z, 0 < λ ≤ 1. If"
    " 2ρ/γ + 1 − 2λ ≥ (1 − λ)γ²L², ‖z⁺ − z*‖ ≤ ‖z − z*‖. Such γ, λ exist for every ρ > −1/(3√3L).",
    source="our formulation; related to arXiv:2310.13459",
    hypotheses=(
        Hypothesis("minty", "weak Minty inequality", Counterexample("F = −z, γ = 1, λ = ¼", _no_minty)),
        Hypothesis("range", "λ small enough", Counterexample("rotation with a = −3/20, γ = 4/7", _large_lambda)),
    ),
    proof=prove,
    remarks="No lemma is cited. Not decided here: the paper's own range of ρ (−1/(2L) for its method with an inner solver).",
)
