"""Claim zero_loss_unreachable: equal inputs with different targets keep the loss away from zero, everywhere."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """F(x_i) = F(x_j) gives e_i − e_j = y_j − y_i, and ‖u − v‖² ≤ 2‖u‖² + 2‖v‖²."""
    s = sym("s")
    Phi, first, second, rest, gap, lam, row = sym("Phi_any e_i e_j rest gap lambda_min row")
    inner, both = sp.Symbol("inner", real=True), sp.Symbol("both", real=True)
    proof = Proof()
    proof.define(
        "loss", sp.Eq(Phi, s * (first**2 + second**2 + rest) / 2), "rest = Σ over the other samples of ‖e‖² ≥ 0"
    )
    proof.hypothesis(
        "inputs", sp.Eq(gap**2, first**2 - 2 * inner + second**2), "x_i = x_j: gap = ‖y_i − y_j‖ = ‖e_i − e_j‖"
    )
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(inner) <= first * second, "inner = ⟨e_i, e_j⟩")
    proof.derive("parallelogram", gap**2 <= 2 * first**2 + 2 * second**2, "inputs cauchy")
    proof.derive("floor", Phi >= s * gap**2 / 4, "loss parallelogram")
    proof.hypothesis("targets", gap > 0, "y_i ≠ y_j")
    proof.derive("positive", Phi > 0, "floor targets")
    # The Jacobian's rows of (i, a) and (j, a) are equal: w = e_(i,a) − e_(j,a) has Jᵀw = 0.
    proof.lemma(
        "form",
        "rayleigh",
        2 * lam <= both,
        "λ_min‖w‖² ≤ wᵀΘw = both, ‖w‖² = 2; λ_min ≥ 0 as Θ = JJᵀ",
        premises=["inputs"],
    )
    proof.define("rows", sp.Eq(both, row - 2 * row + row), "Θ_(ia)(ia) = Θ_(ia)(ja) = Θ_(ja)(ja) = row")
    proof.derive("singular", sp.Eq(lam, 0), "form rows")
    return proof.conclude("floor positive singular")


def _inputs_differ() -> list[Fact]:
    theta = Q(1)
    residuals = [theta * x - y for x, y in ((Q(1), Q(1)), (Q(-1), Q(-1)))]
    return [
        Fact("‖y_1 − y_2‖² = 4", (Q(1) - Q(-1)) ** 2 == 4),
        Fact("at θ = 1 the loss is 0, below (1/4)·4", sum(e * e for e in residuals) / 2 == 0 < Q(4, 4)),
    ]


def _targets_equal() -> list[Fact]:
    residuals = [Q(3) * x - y for x, y in ((Q(1), Q(3)), (Q(1), Q(3)))]
    return [Fact("at θ = 3 the loss of the repeated sample is 0", sum(e * e for e in residuals) == 0)]


def _attained() -> list[Fact]:
    residuals = [Q(0) * x - y for x, y in ((Q(1), Q(1)), (Q(1), Q(-1)))]
    return [Fact("Φ(0) = 1 = (1/4)‖1 − (−1)‖²", sum(e * e for e in residuals) / 2 == 1 == Q(2) ** 2 / 4)]


CLAIM = Claim(
    id="zero_loss_unreachable",
    title="contradictory samples exclude zero loss",
    statement="If two samples have equal inputs x_i = x_j and different targets, then for every θ: Φ(θ) ≥ (s/4)‖y_i − y_j‖² > 0, and"
    " λ_min(Θ(θ)) = 0. Hence no region and no start from which gradient descent converges to zero loss.",
    source="our formulation: when `certify` answers REFUTED",
    hypotheses=(
        Hypothesis(
            "inputs", "x_i = x_j", Counterexample("F = θx at x = ±1, y = ±1: θ = 1 fits both samples", _inputs_differ)
        ),
        Hypothesis(
            "targets", "y_i ≠ y_j", Counterexample("F = θx at x = 1 twice, y = 3 twice: θ = 3 fits", _targets_equal)
        ),
    ),
    proof=prove,
    witnesses=(Counterexample("F = θx, x = 1 twice, y = ±1: the floor is attained at θ = 0", _attained),),
    remarks="Nothing about the network is used, only that F is a function of the sample's input (no dropout, no batch statistics).",
)
