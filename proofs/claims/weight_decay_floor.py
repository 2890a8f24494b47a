"""Claim weight_decay_floor: with weight decay no exact fit is a fixed point; the loss it can reach is bounded from below."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """At a fixed point of θ₊ = θ − η(∇Φ + ωθ): ω‖θ‖ = ‖∇Φ‖ = s‖Jᵀe‖ ≤ sK‖e‖."""
    s, K, decay, norm, Phi = sym("s jacobian_norm weight_decay parameter_norm Phi")
    g, Je, e = sym("gradient_norm Je e")
    proof = Proof()
    proof.hypothesis("fixed", sp.Eq(g, decay * norm), "∇Φ(θ) = −ωθ")
    proof.define("gradient", sp.Eq(g, s * Je), "Je = ‖Jᵀe‖")
    proof.lemma("norm", "operator_norm", Je <= K * e)
    proof.define("loss", sp.Eq(Phi, s * e**2 / 2))
    proof.define("positive", K > 0)
    proof.derive("pull", decay * norm <= s * K * e, "fixed gradient norm")
    proof.derive("square", decay**2 * norm**2 <= (s * K * e) ** 2, "pull")
    proof.derive("scaled", decay**2 * norm**2 <= 2 * s * K**2 * Phi, "square loss")
    floor = sym("floor")
    proof.define("floor", sp.Eq(floor * (2 * s * K**2), decay**2 * norm**2))
    proof.derive("floor_is", sp.Eq(formulas("weight_decay_floor"), floor), "floor positive")
    proof.derive("floor_scaled", floor * (2 * s * K**2) <= Phi * (2 * s * K**2), "floor scaled")
    proof.derive("bound", Phi >= formulas("weight_decay_floor"), "floor_scaled floor_is positive")
    return proof.conclude("bound")


def _example() -> list[Fact]:
    # F = θ, y = 1, ω = 1/10: the fixed point is 10/11, loss (1/11)²/2, which equals ω²θ²/(2K²) with K = 1.
    theta, decay = Q(10, 11), Q(1, 10)
    return [
        Fact("∇Φ + ωθ = 0 at 10/11", theta - 1 + decay * theta == 0),
        Fact(
            "the loss there is 1/242 = ω²θ²/2: attained", (theta - 1) ** 2 / 2 == Q(1, 242) == decay**2 * theta**2 / 2
        ),
    ]


def _not_fixed() -> list[Fact]:
    # F = θ, y = 1 at θ = 1: loss 0 < ω²/2. The next step leaves it.
    return [
        Fact(
            "at θ = 1 the loss is 0, and a step with ω = 1/10 and η = 1 leads to 9/10",
            Q(1) - (0 + Q(1, 10)) == Q(9, 10),
        )
    ]


CLAIM = Claim(
    id="weight_decay_floor",
    title="weight decay ends above zero loss",
    statement="At every fixed point of gradient descent with weight decay ω > 0 (torch.optim.SGD(weight_decay=ω), with or without momentum), with K ≥ ‖J‖"
    " there: Φ ≥ ω²‖θ‖²/(2sK²). So a run that converges does not converge to an exact fit unless θ = 0.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "fixed",
            "θ is a fixed point",
            Counterexample("F = θ, y = 1: loss 0 is reached at a point that is not fixed", _not_fixed),
        ),
    ),
    witnesses=(Counterexample("F = θ, y = 1, ω = 1/10: attained", _example),),
    proof=prove,
    remarks="This is the reason for which certify refuses weight decay: what it proves is convergence to zero loss.",
)
