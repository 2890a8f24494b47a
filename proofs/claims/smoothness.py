"""Claim smoothness: a bound of the loss's Hessian on the sublevel part of the ball, and on a larger ball for SGD."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import CONSTANT_JACOBIAN_BOUND, OFF_SUBLEVEL


def prove(formulas: Formulas) -> Proof:
    """vᵀ∇²Φv = s(‖Jv‖² + ⟨e, D²F[v, v]⟩) for every unit v."""
    s, L_H, e0, R, step = sym("s L_H e0 R step")
    Jv, e, h, Phi, Phi0, form = sym("Jv e h Phi Phi0 form")
    eh = sp.Symbol("eh", real=True)
    proof = Proof()
    proof.lemma("hessian", "chain_rule", sp.Eq(form, sp.Abs(s * (Jv**2 + eh))), "form = |vᵀ∇²Φv|, h = ‖D²F[v, v]‖")
    proof.lemma("jacobian", "claim:ntk_stability", Jv <= formulas("jacobian_norm_region"))
    proof.hypothesis("curvature", h <= L_H, "on the ball")
    proof.lemma("cauchy", "cauchy_schwarz", sp.Abs(eh) <= e * h)
    proof.define("loss", sp.And(sp.Eq(Phi, s * e**2 / 2), sp.Eq(Phi0, formulas("loss0"))), "at θ and at the centre")
    proof.hypothesis("sublevel", Phi <= Phi0)
    proof.derive("residual", e <= e0, "loss sublevel")
    proof.derive("beta", form <= formulas("smoothness"), "hessian jacobian curvature cauchy residual")
    # SGD leaves the sublevel set: there ‖e‖ is bounded by the distance travelled instead.
    f, far, apart = sym("e_far form_far apart")
    fh = sp.Symbol("fh", real=True)
    proof.lemma("drift", "mean_value", f <= e0 + apart * formulas("jacobian_norm_region"), "on B(θ0, R + step)")
    proof.define("ball", apart <= R + step)
    proof.derive("residual_far", f <= formulas("sgd_residual"), "drift ball")
    proof.lemma("hessian_far", "chain_rule", sp.Eq(far, sp.Abs(s * (Jv**2 + fh))))
    proof.lemma("cauchy_far", "cauchy_schwarz", sp.Abs(fh) <= f * h)
    proof.derive("pull", sp.Abs(fh) <= formulas("sgd_residual") * L_H, "cauchy_far residual_far curvature")
    proof.derive("square", Jv**2 <= formulas("jacobian_norm_region") ** 2, "jacobian")
    proof.derive("sgd", far <= formulas("sgd_smoothness"), "hessian_far square pull")
    proof.identity("sgd_is", formulas("sgd_smoothness"), formulas("smoothness", e0=formulas("sgd_residual")))
    return proof.conclude("beta residual_far sgd sgd_is")


CLAIM = Claim(
    id="smoothness",
    title="smoothness on the sublevel ball",
    statement="On S = B(θ0, R) ∩ {Φ ≤ Φ(θ0)}: ‖∇²Φ‖ ≤ β = s((‖J0‖ + Δ_J)² + ‖e0‖L_H). On B(θ0, R + step), without the sublevel"
    " condition: the same with ‖e0‖ + (R + step)(‖J0‖ + Δ_J) for ‖e0‖.",
    source="our formulation",
    hypotheses=(
        Hypothesis("sublevel", "Φ ≤ Φ(θ0)", OFF_SUBLEVEL),
        Hypothesis("curvature", "L_H, Δ_J valid on the ball", CONSTANT_JACOBIAN_BOUND),
    ),
    proof=prove,
    remarks="S need be neither connected nor convex: the descent argument uses only segments inside it.",
)
