"""Claim linear_norm_from_imbalance: the norms of the factors from the imbalance and the product."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """wᵀDw = a² − ‖Fᵀv‖² for w = Aᵀv, v the top eigenvector of AAᵀ, ‖w‖² = a = ‖A‖²."""
    a, high, f = sym("a imbalance_high product_norm")
    form, image = sp.symbols("form image", real=True)
    proof = Proof()
    proof.define("top", sp.Eq(form, a**2 - image), "form = wᵀDw, image = ‖Bᵀw‖² = ‖Fᵀv‖²")
    proof.hypothesis("high", form <= high * a, "D ⪯ δ₊")
    proof.hypothesis("product", image <= f**2, "‖Fᵀv‖ ≤ f")
    proof.derive("quadratic", a**2 <= high * a + f**2, "top high product")
    proof.derive("root", a <= formulas("linear_norm"), "quadratic")
    return proof.conclude("root")


def _unbalanced() -> list[Fact]:
    return [Fact("a = 9, b = 0: F = 0 and D = 81 = ‖A‖²: with δ₊ = 0 the bound would be 0", Q(9) ** 2 > 0)]


def _large_product() -> list[Fact]:
    return [Fact("a = b = 3: D = 0, ‖A‖² = 9 = f; with f = 8 the bound would be 8", Q(3) ** 2 == 9 and not 9 <= 8)]


CLAIM = Claim(
    id="linear_norm_from_imbalance",
    title="linear networks: norms from imbalance and product",
    statement="F = AB, D = AᵀA − BBᵀ ⪯ δ₊, −D ⪯ δ₋, ‖F‖ ≤ f: ‖A‖² ≤ ½(δ₊ + √(δ₊² + 4f²)) and ‖B‖² ≤ ½(δ₋ + √(δ₋² + 4f²)).",
    source="our formulation; related to arXiv:2505.11664",
    hypotheses=(
        Hypothesis("high", "D ⪯ δ₊", Counterexample("a = 9, b = 0", _unbalanced)),
        Hypothesis("product", "‖F‖ ≤ f", Counterexample("a = b = 3", _large_product)),
    ),
    proof=prove,
)
