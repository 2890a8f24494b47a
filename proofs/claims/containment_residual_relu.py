"""Claim containment_residual_relu: the residual form covers ReLU networks, with δ = 2Δ_J over all activation patterns.

Fix any rule relu'(0) ∈ [0, 1] (torch: 0); J is the Jacobian computed with it, ∇Φ = sJᵀe, and GD uses it. Along a segment θ(t) every
pre-activation is a continuous piecewise polynomial in t with finitely many pieces (by induction over the layers: affine maps and products
with weights affine in t keep the class, and so does the positive part, because a polynomial has finitely many zeros or is zero).
So is F. On each piece where z(t) ≠ 0, (d/dt)relu(z) = relu'(z)·ż; where z ≡ 0 on a piece, ż = 0 and both sides are 0 whatever relu'(0) is.
Hence dF/dt = J(θ(t))θ' except at finitely many t, and F(θ_1) − F(θ_0) = J̄(θ_1 − θ_0) with J̄ the mean of J over the segment
(lemma piecewise_chain_rule). If ‖J(θ) − J(θ_0)‖ ≤ Δ_J for every θ in the ball, whatever its pattern, ‖J̄ − J(θ_k)‖ ≤ 2Δ_J.
From there on containment_residual's argument is unchanged: it never differentiates J.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.evaluation import evaluate
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """The lines of containment_residual with the mean-value lemma replaced by the piecewise chain rule."""
    s, eta, R, delta, Delta, e0 = sym("s eta R delta Delta_J e0")
    E, E1, q, length, gap, sig, sigR, P, G, G1, Je, h = sym("e_k e_next q length defect sigma_P sigma P G G_next Je h")
    proof = Proof()
    proof.define("h", sp.Eq(h, eta * s))
    proof.hypothesis("step", formulas("residual_step") <= 1, "for every pattern on the ball")
    proof.lemma(
        "pays_linear",
        "claim:containment_residual",
        q + sig * length <= E,
        "its line pays_linear: at θ_k alone",
        premises=["step"],
    )
    proof.hypothesis("room", sp.And(sigR > delta, sig >= sigR), "σ(P) ≥ σ(R) > δ")
    proof.hypothesis("delta", delta >= 2 * Delta)
    proof.suppose("so_far", sp.And(E <= G, P <= R, E <= e0))
    proof.lemma("left_end", "monotone_integral", G <= (sig - delta) * (R - P))
    proof.derive("reach", sig * length <= E, "pays_linear")
    proof.derive("inside", P + length <= R, "reach so_far left_end room")
    proof.lemma(
        "chain", "piecewise_chain_rule", E1 <= q + gap * length, "J̄ the mean of J over the step", premises=["inside"]
    )
    proof.lemma(
        "patterns", "operator_norm", gap <= 2 * Delta, "‖J̄ − J0‖ ≤ Δ_J and ‖J(θ_k) − J0‖ ≤ Δ_J", premises=["inside"]
    )
    proof.derive("pays", E1 <= E - (sig - delta) * length, "pays_linear chain patterns delta")
    proof.lemma("spent", "monotone_integral", G - G1 <= (sig - delta) * length, premises=["inside"])
    proof.derive("next", sp.And(E1 <= G1, P + length <= R, E1 <= e0), "pays spent inside so_far room")
    E0, G0, P0 = sym("e_start G_start P_start")
    proof.hypothesis("containment", sp.And(E0 <= G0, P0 <= R))
    proof.define("start", E0 <= e0)
    proof.derive("base", sp.And(E0 <= G0, P0 <= R, E0 <= e0), "containment start")
    path, final = sym("P_k E_k")
    proof.lemma(
        "every_step", "induction", sp.And(path <= R, final <= e0), premises=["base", "next"], discharges=["so_far"]
    )
    proof.define("length", sp.Eq(length, h * Je))
    proof.hypothesis("below", Je >= sigR * E, "‖J(θ)ᵀw‖ ≥ σ(R) on the ball")
    proof.derive("long", length >= h * sigR * E, "length below")
    proof.derive("gain", (sig - delta) * length >= (sigR - delta) * h * sigR * E, "long room")
    proof.derive("rate", E1 <= formulas("residual_rate") * E, "pays gain h")
    return proof.conclude("inside every_step rate")


def across_a_kink() -> list[Fact]:
    """F = relu(w1) + relu(w2)/100, x = 1, y = 1/2 at θ_0 = (1, 0), R = 3/4: certified although the ball has a kink."""
    s, eta, R, e0 = Q(1), Q(1, 2), Q(3, 4), Q(1, 2)
    Delta = Q(1, 100)
    values = {"s": s, "eta": eta, "jacobian_norm0": Q(1), "Delta_J": Delta}
    sigma, delta = 1 - Delta, 2 * Delta
    supply = evaluate("residual_panel", {"sigma": sigma, "delta": delta, "width": R})
    # The two steps from (1, 1/1000): the patterns of w2 differ along the run.
    w1, w2 = Q(1), Q(1, 1000)
    crossed = False
    for _ in range(4):
        e = w1 + max(w2, Q(0)) / 100 - Q(1, 2)
        new = w2 - eta * e * (Q(1, 100) if w2 > 0 else 0)
        crossed |= w2 > 0 >= new
        w1, w2 = w1 - eta * e, new
    return [
        Fact("w1 > 0 on the ball, w2 takes both signs: J is (1, 0) or (1, 1/100), Δ_J = 1/100", 1 - R > 0),
        Fact("ηsK² ≤ 1", evaluate("residual_step", values) <= 1),
        Fact("σ(R) = 99/100 > δ = 1/50", sigma > delta),
        Fact("(σ − δ)R ≥ ‖e0‖: certified", supply >= e0),
        Fact("on the kink {w2 = 0} the gradient jumps by e/100 ≠ 0 at θ_0: no β there", e0 / 100 != 0),
        Fact("GD from (1, 1/1000) does cross the kink", crossed),
    ]


def _pattern() -> list[Fact]:
    # F = relu(w), y = −1, at w = t: with Δ_J = 0 (the pattern assumed fixed) the certificate would promise zero loss at −1.
    w = Q(1, 10)
    for _ in range(20):
        w -= Q(1, 2) * (max(w, Q(0)) + 1) * (1 if w > 0 else 0)
    return [
        Fact(
            "GD from 1/10 with η = 1/2 stops left of the kink with loss 1/2",
            w < 0 and (max(w, Q(0)) + 1) ** 2 / 2 == Q(1, 2),
        )
    ]


CLAIM = Claim(
    id="containment_residual_relu",
    title="the residual form covers ReLU",
    statement="Let F be a network of affine maps and ReLUs, J its Jacobian with any rule relu'(0) ∈ [0, 1], ‖J(θ) − J(θ_0)‖ ≤ Δ_J for all θ in"
    " B(θ_0, R) (all patterns), K = ‖J0‖ + Δ_J, ηsK² ≤ 1, δ ≥ 2Δ_J, σ(R) > δ, ∫_0^R (σ(ρ) − δ)dρ ≥ ‖e0‖. Then GD (with that J) stays in"
    " B(θ_0, R) and ‖e_{k+1}‖ ≤ (1 − ηsσ(R)(σ(R) − δ))‖e_k‖.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "patterns",
            "Δ_J bounds J over all patterns on the ball",
            Counterexample("F = relu(w), y = −1 at w = 1/10: the neuron dies at loss 1/2", _pattern),
        ),
        Hypothesis("radius", "the ball is large enough", SMALL_REGION),
    ),
    witnesses=(
        Counterexample("F = relu(w1) + relu(w2)/100: certified on a ball with a kink and without a β", across_a_kink),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. Max pools and analytic activations may stand beside the ReLUs (window_choices)."
    " With σ = √λ0 − Δ_J it needs √λ0 > 3Δ_J(R). In Coq for any F that is continuous along"
    " the segments of the ball and there has the derivative J(θ + tv)v but for finitely many t, as two-layer ReLU networks have (Kinks.piecewise);"
    " where J moves by at most L‖θ' − θ‖ + κ between two points, Relu.defect_jumps takes δ = ½Lηs‖J‖‖e‖ + κ instead.",
)
