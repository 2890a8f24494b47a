"""Claim lookahead_bilinear: on bilinear games descent–ascent diverges and its two-step interpolation converges."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """On the eigenvalue iw of γF: T = 1 − iw, S = (1 − λ) + λ(1 − iw)²."""
    w, lam = sym("w outer_step")
    re, im = sp.symbols("re im", real=True)
    proof = Proof()
    proof.hypothesis("moving", w > 0)
    proof.derive("gda", 1 + w**2 > 1, "moving", "|1 − iw|² = 1 + w²")
    proof.define("parts", sp.And(sp.Eq(re, 1 - lam * w**2), sp.Eq(im, -2 * lam * w)), "real and imaginary part of S")
    proof.derive("modulus", sp.Eq(re**2 + im**2, 1 - lam * w**2 * (2 - lam * (4 + w**2))), "parts")
    proof.hypothesis("range", sp.And(lam > 0, lam * (4 + w**2) < 2))
    proof.derive("converges", re**2 + im**2 < 1, "modulus range moving")
    return proof.conclude("gda modulus converges")


def _half() -> list[Fact]:
    lam, w = Q(1, 2), Q(1)
    return [Fact("w = 1, λ = ½: |S|² = 5/4 > 1", (1 - lam * w * w) ** 2 + (2 * lam * w) ** 2 == Q(5, 4))]


CLAIM = Claim(
    id="lookahead_bilinear",
    title="bilinear games: descent–ascent diverges, Lookahead converges",
    statement="Eigenvalue iw, w > 0, of γF for a bilinear game: descent–ascent multiplies by |1 − iw|² = 1 + w² > 1; with two inner steps"
    " and interpolation λ the"
    " factor is 1 − λw²(2 − λ(4 + w²)) < 1 exactly when 0 < λ < 2/(4 + w²).",
    source="our formulation; related to arXiv:2310.13459",
    hypotheses=(Hypothesis("range", "λ < 2/(4 + w²)", Counterexample("w = 1, λ = ½", _half)),),
    proof=prove,
)
