"""Claim descent_step: one step of gradient descent inside the region."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO, SEGMENT_OUTSIDE, TWICE_THE_BOUND


def prove(formulas: Formulas) -> Proof:
    """Taylor along the segment, then PL."""
    eta, beta, mu, Phi, after, g, floor = sym("eta beta mu Phi Phi_after gradient_norm floor")
    c = formulas("descent_fraction")
    proof = Proof()
    proof.hypothesis("step", eta < formulas("step_bound"))
    proof.lemma(
        "taylor", "taylor", after <= Phi - eta * g**2 + eta**2 * beta * g**2 / 2, "‖∇²Φ‖ ≤ β on the whole segment"
    )
    proof.hypothesis("pl", g**2 / 2 >= mu * (Phi - floor), "PL with L* = floor")
    proof.derive("fraction", c > 0, "step")
    proof.derive("descent", after <= Phi - eta * c * g**2, "taylor")
    rate = formulas("rate_classical", c=c)
    proof.derive("rate", after - floor <= rate * (Phi - floor), "descent fraction pl")
    simple = sp.Implies(
        sp.And(eta <= formulas("step_default"), Phi >= floor), after - floor <= formulas("rate_simple") * (Phi - floor)
    )
    proof.derive("half", sp.Implies(eta <= formulas("step_default"), c >= sp.Rational(1, 2)), "step")
    proof.derive("simple", simple, "rate half")
    # 2/β is the largest bound of its kind and 1/β minimises the right-hand side: c > 0 exactly below it, ηc maximal at 1/β.
    proof.derive("sharp_bound", sp.Implies(c > 0, eta < formulas("step_bound")), "step")
    other = sp.Symbol("other_step", positive=True)
    best = formulas("step_default")
    gain = formulas("descent_fraction", eta=best) * best
    proof.derive("best", other * formulas("descent_fraction", eta=other) <= gain, "step")
    return proof.conclude("fraction descent rate simple sharp_bound best")


CLAIM = Claim(
    id="descent_step",
    title="one step of gradient descent",
    statement="Let 0 < η < 2/β, c = 1 − ηβ/2, ‖∇²Φ‖ ≤ β on the whole segment from θ to θ − η∇Φ and ½‖∇Φ‖² ≥ μ(Φ − L*) at θ. Then"
    " Φ(θ − η∇Φ) ≤ Φ − ηc‖∇Φ‖² and Φ(θ − η∇Φ) − L* ≤ (1 − 2ημc)(Φ − L*), which for η ≤ 1/β is at most (1 − ημ)(Φ − L*).",
    source="our formulation; Polyak 1963",
    hypotheses=(
        Hypothesis("step", "η < 2/β", TWICE_THE_BOUND),
        Hypothesis("segment", "β is valid on the whole segment, not only at its ends", SEGMENT_OUTSIDE),
        Hypothesis("pl", "PL at θ", LAMBDA_ZERO),
    ),
    proof=prove,
    remarks="On a concrete network the certified β is loose: a step above 2/β is refused, it need not diverge.",
)
