"""Claim lp_violation: how far local propagation with violated constraints is from the true forward pass."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The violations, propagated through the Lipschitz constants of the later layers."""
    slope, W, eps, x, x1, t, moved, t1 = sym("slope W_norm violation x_ x_next total moved total_next")
    proof = Proof()
    proof.suppose("so_far", x <= t, "x = ‖x_{l−1} − x̂_{l−1}‖, x̂ the true forward pass")
    proof.hypothesis("violation", x1 <= eps + moved, "‖x_l − σ(W_lx_{l−1})‖ ≤ ε_l, triangle inequality")
    proof.lemma("lipschitz", "mean_value", moved <= slope * W * x, "‖σ(Wx) − σ(Wx̂)‖ ≤ sup|σ′|‖W‖‖x − x̂‖")
    proof.define("total", sp.Eq(t1, eps + slope * W * t))
    proof.derive("carried", slope * W * x <= slope * W * t, "so_far")
    proof.derive("next", x1 <= t1, "carried violation lipschitz total")
    zero, t0, last, tL = sym("x_zero total_zero x_last total_last")
    proof.define("start", sp.Eq(zero, 0), "x_0 is the input")
    proof.derive("base", zero <= t0, "start")
    proof.lemma("all", "induction", last <= tL, "for every layer", premises=["base", "next"], discharges=["so_far"])
    return proof.conclude("next all")


def _grows() -> list[Fact]:
    return [Fact("x_1 = w_1x_0 + ½, x_2 = 3x_1: the output is off by 3/2, more than ε = ½", 3 * Q(1, 2) == Q(3, 2))]


CLAIM = Claim(
    id="lp_violation",
    title="local propagation: what violated constraints cost",
    statement="‖x_l − σ(W_lx_{l−1})‖ ≤ ε_l for every layer: ‖x_L − F(x_0)‖ ≤ Σ_lε_lΠ_{j>l}sup|σ′_j|‖W_j‖.",
    source="our formulation; related to arXiv:2002.07720 (abstract: bounded violations)",
    hypotheses=(Hypothesis("violation", "the later layers' gains", Counterexample("two linear layers", _grows)),),
    proof=prove,
)
