"""Claim slqc_coarse: at a coarse accuracy an LPLR is strictly-locally-quasi-convex towards its zero-loss points."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.claims.slqc_in_lplr import CLAIM as REFUTED
from proofs.examples import LAMBDA_ZERO


def prove(formulas: Formulas) -> Proof:
    """⟨∇Φ(x), x − z⟩ = s⟨e, J(x − z)⟩ ≥ s‖e‖(‖e‖ − ½L_H‖x − z‖²)."""
    s, L_H, R, lam = sym("s L_H R lambda_R")
    E, D, K, r, g, level, reach, Phi, epsilon, Je = sym("e D K r gradient_norm level reach Phi epsilon Je")
    eJx, er, inner, value = sp.symbols("eJx er inner value", real=True)
    proof = Proof()
    proof.define("loss", sp.Eq(Phi, s * E**2 / 2))
    proof.define(
        "level", sp.And(sp.Eq(epsilon, s * level**2 / 2), level > 0), "level = √(2ε/s): the residual norm at loss ε"
    )
    proof.define("above", Phi > epsilon, "the first alternative fails")
    proof.derive("large", E > level, "loss level above")
    proof.define("split", sp.Eq(eJx, E**2 - er), "e = J(x − z) + r as F(z) = y")
    proof.lemma("curvature", "mean_value", r <= L_H * D**2 / 2)
    proof.lemma("cauchy", "cauchy_schwarz", er <= E * r)
    proof.define("ball", D <= 2 * R, "x, z ∈ B(θ0, R)")
    proof.define("inner", sp.Eq(inner, s * eJx), "⟨∇Φ(x), x − z⟩")
    proof.define("gradient", sp.Eq(g, s * Je), "g = ‖∇Φ(x)‖, Je = ‖Jᵀe‖")
    proof.lemma("norm", "operator_norm", Je <= K * E)
    proof.lemma("moved", "cauchy_schwarz", value <= -inner + g * reach, "⟨∇Φ(x), y − x⟩ for ‖y − z‖ ≤ reach = ε/κ")
    proof.hypothesis("coarse", level >= 2 * L_H * R**2 + K * reach)
    proof.derive("far", r <= 2 * L_H * R**2, "curvature ball")
    proof.derive("toward", eJx >= E * (E - 2 * L_H * R**2), "split cauchy far")
    proof.derive("margin", E * (E - 2 * L_H * R**2 - K * reach) >= 0, "large coarse")
    proof.derive("nonpositive", value <= 0, "inner toward gradient norm moved margin")
    proof.hypothesis("lplr", lam > 0)
    proof.lemma("rayleigh", "rayleigh", Je**2 >= lam * E**2)
    proof.derive("moving", g > 0, "gradient rayleigh lplr large level")
    return proof.conclude("nonpositive moving")


_NEEDED = REFUTED.refutation
if _NEEDED is None:  # the refuted claim always has one; this narrows the type
    raise TypeError("slqc_in_lplr has no refutation")

CLAIM = Claim(
    id="slqc_coarse",
    title="an LPLR is SLQC at a coarse accuracy",
    statement="Let λ > 0, L_H, K ≥ ‖J‖ hold on B(θ0, R) and z be a zero-loss point in it. For every ε, κ with"
    " √(2ε/s) ≥ 2L_HR² + K·ε/κ, Φ is (ε, κ, z)-SLQC (Hazan, Levy, Shalev-Shwartz) at every x of the ball.",
    source="our formulation, definition of arXiv:1507.02030",
    hypotheses=(
        Hypothesis("coarse", "√(2ε/s) ≥ 2L_HR² + K·ε/κ", _NEEDED),
        Hypothesis("lplr", "λ > 0", LAMBDA_ZERO),
    ),
    proof=prove,
    remarks="So no_lqcr_wide does not refute the paper if its LQCR means this weaker notion at a coarse ε; it also shows that the weaker"
    " notion follows from the NTK and adds nothing.",
)
