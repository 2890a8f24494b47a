"""Claim lp_backprop: stationary multipliers of layerwise constraints are the back-propagated gradients."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof


def prove(formulas: Formulas) -> Proof:
    """Induction from the last layer down, along an arbitrary direction h of a layer's output."""
    a, d, a1, d1, top, dtop, e = sp.symbols("a_l d_l a_below d_below a_top d_top e_dir", real=True)
    al, dl, gW, gP = sp.symbols("a_any d_any gW gP", real=True)
    proof = Proof()
    proof.suppose(
        "so_far",
        sp.Eq(a, d),
        "⟨a_l, k⟩ = ⟨d_l, k⟩ for every k; a_l = −λ_l, d_l = ∂Φ/∂x_l; k = B_lh, B_l = ∂x_l/∂x_{l−1}",
    )
    proof.hypothesis("stationary", sp.Eq(a1, a), "∂𝓛/∂x_{l−1} = 0: ⟨a_{l−1}, h⟩ = ⟨a_l, B_lh⟩")
    proof.lemma("chain", "composition", sp.Eq(d1, d), "⟨d_{l−1}, h⟩ = ⟨d_l, B_lh⟩, the constraints holding")
    proof.derive("next", sp.Eq(a1, d1), "so_far stationary chain")
    proof.hypothesis("stationary_top", sp.Eq(top, e), "∂𝓛/∂x_L = 0")
    proof.define("top", sp.Eq(dtop, e), "d_L = s(x_L − y)")
    proof.derive("base", sp.Eq(top, dtop), "stationary_top top")
    proof.lemma("all", "induction", sp.Eq(al, dl), "for every layer", premises=["base", "next"], discharges=["so_far"])
    proof.define("weights", sp.Eq(gW, al), "∂𝓛/∂W_l[U] = ⟨a_l, ∂(σ(W_lx_{l−1}))[U]⟩")
    proof.lemma("gradient", "composition", sp.Eq(gP, dl), "∂Φ/∂W_l[U]")
    proof.derive("same", sp.Eq(gW, gP), "all weights gradient")
    return proof.conclude("next same")


def _not_stationary() -> list[Fact]:
    return [
        Fact("x_1 = w, 𝓛 = ½(x_1 − 1)² + λ(x_1 − w) at w = x_1 = 0, λ = 0: −λ = 0, but ∂Φ/∂x_1 = −1", Q(0) != Q(0) - 1)
    ]


CLAIM = Claim(
    id="lp_backprop",
    title="local propagation: multipliers are backpropagation",
    statement="𝓛 = (s/2)‖x_L − y‖² + Σλ_l·(x_l − σ(W_lx_{l−1})). Where the constraints and ∂𝓛/∂x_l = 0 hold, −λ_l = ∂Φ/∂x_l for every layer"
    " and ∂𝓛/∂W_l = ∂Φ/∂W_l.",
    source="our formulation; related to arXiv:2002.07720 (abstract: a natural connection with Backpropagation)",
    hypotheses=(
        Hypothesis("stationary", "stationarity in the outputs", Counterexample("one layer, λ = 0", _not_stationary)),
    ),
    proof=prove,
)
