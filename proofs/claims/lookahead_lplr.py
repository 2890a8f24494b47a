"""Claim lookahead_lplr: linear interpolation (Lookahead) in a Locally PL Region.

z⁺ = (1 − λ)z + λT^τz, T gradient descent. The inner loop pays σ − δ per unit of length (containment_residual). Along the chord F deviates from
linear by at most ½λ(1 − λ)L_H‖z′ − z‖², which the share 1 − χ of the gain pays for.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Induction on (σ − δ)χ‖z_k − c‖ ≤ ‖e_0‖ − ‖e_k‖."""
    sigma, delta, L, lam, E0, R = sym("sigma delta L_H outer_step e0 R")
    E, Ein, E1, length, m, P, P1, dev, g, chi = sym("E_k E_inner E_next length m P_k P_next deviation gap chi")
    proof = Proof()
    proof.hypothesis("room", sigma > delta)
    proof.hypothesis("outer", sp.And(lam > 0, lam <= 1))
    proof.define("gap", sp.And(sp.Eq(g, sigma - delta), g > 0))
    proof.define("chi", sp.Eq(chi * 2 * g**2, 2 * g**2 - (1 - lam) * L * E0))
    proof.derive("formula", sp.Eq(formulas("lookahead_kept"), chi), "chi gap room")
    proof.hypothesis("positive", chi > 0)
    proof.hypothesis("fits", E0 <= g * chi * R, "‖e_0‖/((σ − δ)χ) ≤ R")
    proof.derive("chi_one", chi <= 1, "chi gap outer")
    proof.suppose("so_far", sp.And(g * chi * P <= E0 - E, E <= E0), "P = ‖z_k − c‖")
    proof.derive("enough", E <= g * (R - P), "so_far fits chi_one positive gap")
    proof.lemma(
        "inner",
        "claim:containment_residual",
        sp.And(g * length <= E - Ein, Ein <= E),
        "τ inner steps from z_k stay in B(c, R); length of their path",
        premises=["enough", "room"],
    )
    proof.lemma("chord", "cauchy_schwarz", m <= length, "m = ‖T^τz − z‖")
    proof.lemma(
        "interpolation",
        "mean_value",
        2 * dev <= L * lam * (1 - lam) * m**2,
        "dev = ‖F((1 − λ)z + λz′) − (1 − λ)F(z) − λF(z′)‖; B(c, R) is convex",
        premises=["outer"],
    )
    proof.lemma("triangle", "cauchy_schwarz", E1 <= (1 - lam) * E + lam * Ein + dev)
    proof.derive("m_gain", g * m <= E - Ein, "inner chord gap")
    proof.derive("m_start", g * m <= E0, "m_gain so_far inner")
    proof.derive("m_square", g**2 * m**2 <= E0 * (E - Ein), "m_gain m_start gap")
    proof.derive(
        "deviation", 2 * g**2 * dev <= L * lam * (1 - lam) * E0 * (E - Ein), "interpolation m_square outer gap"
    )
    proof.derive("deviation_chi", dev <= lam * (1 - chi) * (E - Ein), "deviation chi gap")
    proof.derive("loss", E1 <= E - lam * chi * (E - Ein), "triangle deviation_chi")
    proof.lemma("moves", "cauchy_schwarz", P1 <= P + lam * m, "z⁺ − z = λ(z′ − z)")
    proof.derive("distance", g * chi * P1 <= g * chi * P + lam * chi * (E - Ein), "moves m_gain positive outer gap")
    proof.derive("falls", E1 <= E, "loss outer positive inner")
    proof.derive("next", sp.And(g * chi * P1 <= E0 - E1, E1 <= E0), "so_far distance loss falls")
    Ps, Es, Pk, Ek = sym("P_start E_start P_n E_n")
    proof.define("start", sp.And(sp.Eq(Ps, 0), Es <= E0))
    proof.derive("base", sp.And(g * chi * Ps <= E0 - Es, Es <= E0), "start")
    proof.lemma(
        "all",
        "induction",
        sp.And(g * chi * Pk <= E0 - Ek, Ek <= E0),
        "for every k",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    proof.derive("contained", Pk <= R, "all fits positive gap", "‖z_k − c‖ ≤ R")
    w = sym("inner_rate")
    proof.lemma("inner_rate", "claim:containment_residual", Ein <= w * E, "w = residual_rate^τ", premises=["enough"])
    proof.derive("rate", E1 <= formulas("lookahead_rate", outer_kept=chi) * E, "loss inner_rate outer positive")
    return proof.conclude("formula contained rate")


def _jump() -> list[Fact]:
    z, eta = Q(-11, 10), Q(50, 11)
    e = z * z - 1
    after = z - eta * 2 * z * e
    middle = (z + after) / 2
    return [
        Fact("one step of GD lands on 1, loss 0", after == 1),
        Fact("the midpoint −1/20 has the larger residual", abs(middle**2 - 1) > abs(e)),
    ]


JUMP = Counterexample("F = θ², y = 1, z = −11/10, η = 50/11, τ = 1, λ = ½", _jump)


def _beyond() -> list[Fact]:
    return [Fact("F = θ, λ = 3, τ = 1, η = 1: z⁺ = −2z", Q(1) + 3 * (0 - Q(1)) == -2)]


def _flat() -> list[Fact]:
    return [Fact("F = θ², y = 1, z = 0: GD rests, σ = 0", 2 * Q(0) * (Q(0) - 1) == 0)]


CLAIM = Claim(
    id="lookahead_lplr",
    title="Lookahead in an LPLR",
    statement="Hypotheses of containment_residual on B(c, R) with constant σ, z_0 = c, 0 < λ ≤ 1, χ = 1 − (1 − λ)L_H‖e_0‖/(2(σ − δ)²) > 0"
    " and ‖e_0‖ ≤ (σ − δ)χR:"
    " all outer and inner iterates of z⁺ = (1 − λ)z + λT^τz stay in B(c, R) and ‖e_{k+1}‖ ≤ (1 − λχ(1 − w))‖e_k‖, w = residual_rate^τ.",
    source="our formulation; related to linear interpolation, arXiv:2310.13459",
    hypotheses=(
        Hypothesis("positive", "χ > 0, and the whole inner loop inside the ball", JUMP),
        Hypothesis("outer", "λ ≤ 1", Counterexample("F = θ, λ = 3", _beyond)),
        Hypothesis("room", "σ > δ", Counterexample("F = θ² at 0", _flat)),
    ),
    proof=prove,
    remarks="λ = 1 is gradient descent. In an LPLR interpolation is slower than the same number of plain steps: it buys stability, not rate.",
)
