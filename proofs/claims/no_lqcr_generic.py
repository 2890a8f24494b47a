"""Claim no_lqcr_generic: the hypotheses of no_lqcr_wide hold at almost every parameter of a wide network."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """q_cr is analytic and not identically zero: its derivative with respect to another neuron's output weight is not."""
    n, width, N, qualifying = sym("n width N qualifying")
    value, slope, derivative = sp.symbols("sigma_at_b sigma_prime_at_b derivative", real=True)
    proof = Proof()
    proof.hypothesis(
        "activation", sp.And(sp.Ne(value, 0), sp.Ne(slope, 0)), "σ(b') ≠ 0 and σ'(b) ≠ 0 for some b', b: σ not constant"
    )
    # d/dv_cr' of the bias entry of q_cr, at w_r = w_r' = 0 with biases b, b': Σ_i σ(b')σ'(b).
    proof.define("entry", sp.Eq(derivative, n * value * slope), "r' ≠ r")
    proof.derive("not_zero", sp.Ne(derivative, 0), "activation entry")
    zero = sp.Symbol("measure_of_zero_set", nonnegative=True)
    proof.lemma(
        "generic",
        "analytic_zero_set",
        sp.Eq(zero, 0),
        "per neuron; finitely many null sets are a null set",
        premises=["not_zero"],
    )
    proof.lemma(
        "all_qualify", "analytic_zero_set", sp.Implies(sp.Eq(zero, 0), sp.Eq(qualifying, width)), "for almost every θ"
    )
    proof.hypothesis("wide", sp.And(width >= N + 1, width >= 2))
    proof.derive("hypothesis", qualifying > N, "generic all_qualify wide", "the hypothesis of no_lqcr_wide")
    return proof.conclude("hypothesis")


def _constant() -> list[Fact]:
    return [Fact("σ = 1: σ' = 0, every q_cr is 0", sp.diff(sp.Integer(1), sp.Symbol("z")) == 0)]


def _one_zero_loss() -> list[Fact]:
    # The exceptional null set is not empty: at zero loss every e_ic, hence every q_cr, vanishes.
    return [Fact("e = 0 gives q = 0 whatever σ'", Q(0) * Q(7) == 0)]


CLAIM = Claim(
    id="no_lqcr_generic",
    title="almost every initialisation of a wide network has no LQCR",
    statement="Let σ be real-analytic and not constant, the last hidden layer have biases and width ≥ max(nk + 1, 2). For Lebesgue-almost"
    " every θ, hence with probability one under any initialisation with a density, every neuron has q_cr ≠ 0; by no_lqcr_wide there is no"
    " LQCR (textbook) of any radius around θ.",
    source="our formulation",
    hypotheses=(
        Hypothesis("activation", "σ is not constant", Counterexample("σ = 1", _constant)),
        Hypothesis("almost every", "a null set is excepted", Counterexample("parameters of zero loss", _one_zero_loss)),
        Hypothesis(
            "wide",
            "width > nk",
            Counterexample("claim no_lqcr_wide: F = vw, N = 1, y = 5 has an LQCR around (1, 1)", lambda: _narrow()),
        ),
    ),
    proof=prove,
    remarks="F is analytic in all parameters together. Without biases the same holds for σ with zσ(z)σ'(z) > 0, z ≠ 0 (tanh): take"
    " w_r = w_r' = w and pair with w: Σ_i σ(z_i)σ'(z_i)z_i > 0 as soon as some z_i = w·a_i ≠ 0. An initialisation that sets biases to"
    " exact zeros has no density on all parameters: use that version, or the witness of no_lqcr_wide at the concrete θ.",
)


def _narrow() -> list[Fact]:
    from proofs.claims.no_lqcr_wide import CLAIM as WIDE

    necessity = WIDE.hypotheses[0].necessity
    return necessity.facts() if isinstance(necessity, Counterexample) else []
