"""Claim linear_imbalance_weyl: a lower bound of ‖Aᵀx + By‖² by the imbalance alone.

Let d₊ = λ_m(D) > 0, D = AᵀA − BBᵀ, A m × h. On the span V of D's m top eigenvectors ‖Aw‖² = wᵀDw + ‖Bᵀw‖² ≥ d₊‖w‖² + ‖Bᵀw‖², so A
is injective on V and, the dimensions being equal, maps V onto R^m: x = Aw. Pair Aᵀx + By with w.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Cauchy–Schwarz against w, then (X² − Yt)² ≥ (X² − Y²)(X² − t²)."""
    d, X, Y, r, w, t = sym("imbalance_plus X Y r w t")
    inner = sp.Symbol("inner", real=True)
    proof = Proof()
    proof.define("case", d > 0, "d₊ = 0: there is nothing to prove, 0 ≤ ‖Aᵀx + By‖²")
    proof.hypothesis("lift", X**2 >= d * w**2 + t**2, "X = ‖x‖, x = Aw, w = ‖w‖, t = ‖Bᵀw‖; lemma courant_fischer on V")
    proof.lemma(
        "onto", "courant_fischer", sp.And(X**2 >= d * w**2, X**2 >= t**2), "both parts", premises=["case", "lift"]
    )
    proof.lemma("pair", "cauchy_schwarz", X**2 + inner <= r * w, "r = ‖Aᵀx + By‖, ⟨Aᵀx + By, w⟩ = ‖x‖² + ⟨y, Bᵀw⟩")
    proof.lemma("cross", "cauchy_schwarz", sp.Abs(inner) <= Y * t, "Y = ‖y‖")
    proof.derive("low", X**2 - Y * t <= r * w, "pair cross")
    proof.identity("squares", (X**2 - Y * t) ** 2 - (X**2 - Y**2) * (X**2 - t**2), X**2 * (t - Y) ** 2)
    proof.derive("spread", (X**2 - Y * t) ** 2 >= (X**2 - Y**2) * (X**2 - t**2), "squares")
    proof.derive("short", t <= X, "onto")
    proof.derive("positive", sp.Implies(X > Y, X**2 - Y * t > 0), "short")
    proof.derive("square", sp.Implies(X > Y, (X**2 - Y * t) ** 2 <= r**2 * w**2), "low positive")
    proof.derive("mass", d * w**2 <= X**2 - t**2, "lift")
    proof.derive("scaled", sp.Implies(X > Y, (X**2 - Y**2) * (d * w**2) <= (X**2 - Y**2) * (X**2 - t**2)), "mass")
    proof.derive("core", sp.Implies(X > Y, (X**2 - Y**2) * d * w**2 <= r**2 * w**2), "spread square scaled")
    proof.derive("moving", sp.Implies(X > Y, w > 0), "low positive")
    proof.derive("weyl_if", sp.Implies(X > Y, r**2 >= d * (X**2 - Y**2)), "core moving")
    proof.derive("weyl", r**2 >= d * (X**2 - Y**2), "weyl_if case")
    return proof.conclude("weyl")


def _wrong_eigenvalue() -> list[Fact]:
    # A = I (2 × 2), B = (3, 0)ᵀ: D = diag(−8, 1). The largest eigenvalue is 1, the second −8: d₊ = 0.
    x, y = (Q(-1), Q(0)), Q(1, 3)
    moved = (x[0] + 3 * y, x[1])
    return [
        Fact("D = diag(−8, 1): λ_1 = 1, λ_2 = −8", 1 - 9 == -8),
        Fact("with λ_1 in place of λ_m the claim fails: Aᵀx + By = 0", moved == (Q(0), Q(0))),
        Fact("though ‖x‖² − ‖y‖² = 8/9 > 0", 1 - y**2 == Q(8, 9)),
    ]


CLAIM = Claim(
    id="linear_imbalance_weyl",
    title="linear networks: the imbalance bounds ‖Aᵀx + By‖ from below",
    statement="A m × h, B h × n, d₊ = max(0, λ_m(AᵀA − BBᵀ)) (m-th largest; 0 if h < m). Then ‖Aᵀx + By‖² ≥ d₊(‖x‖² − ‖y‖²) for all x, y.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "lift",
            "the m-th largest eigenvalue, not a larger one",
            Counterexample("A = I, B = (3, 0)ᵀ", _wrong_eigenvalue),
        ),
    ),
    proof=prove,
)
