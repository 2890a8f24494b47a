"""Claim residual_covers_classical_linked: for η ≤ 1/β and L_H R ≤ ‖J0‖ + Δ_J, 5b certifies wherever 5a does."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.claims.residual_covers_classical import CLAIM as REFUTED


def prove(formulas: Formulas) -> Proof:
    """δR ≤ (1 − c)σR follows from L_H‖e0‖ ≤ σK, which follows from ‖e0‖ ≤ cσR and L_H R ≤ K."""
    s, eta, beta, L_H, R, e0, lam = sym("s eta beta L_H R e0 lambda_R")
    K, sigma, delta, d = sym("K sigma delta d")
    c = sp.Symbol("c", positive=True)
    proof = Proof()
    proof.define("K", sp.Eq(K, formulas("jacobian_norm_region")))
    proof.define("beta", sp.Eq(beta, formulas("smoothness")))
    proof.derive("beta_K", sp.Eq(beta, s * (K**2 + e0 * L_H)), "beta K")
    proof.hypothesis("step", eta <= formulas("step_default"))
    proof.define("c", sp.Eq(c, formulas("descent_fraction")))
    proof.define("sigma", sp.And(sp.Eq(sigma**2, lam), sigma > 0, e0 > 0), "σ = √λ(R)")
    proof.lemma("norm", "rayleigh", sigma <= K, "√λ_min ≤ ‖J‖ ≤ K")
    proof.hypothesis("classical", formulas("path_classical") <= R)
    proof.derive("root", sp.Eq(sp.sqrt(lam), sigma), "sigma")
    proof.derive("pays", e0 <= c * sigma * R, "classical root sigma")
    proof.hypothesis("linked", L_H * R <= K, "for instance Δ_J = L_H R, since √λ0 ≤ ‖J0‖")
    proof.define(
        "delta", sp.And(sp.Eq(d, eta * s * L_H * K * e0 / 2), delta <= d), "δ = delta_residual ≤ its first entry"
    )
    proof.derive("delta_is", formulas("delta_residual") <= d, "delta K")
    proof.derive("c_below", c <= 1, "c")
    proof.derive("weak", L_H * e0 <= sigma * K, "pays linked c_below sigma norm")
    proof.derive("step_scaled", eta * beta <= 1, "step")
    proof.derive("A", eta * s * K**2 <= 1, "beta_K step_scaled")
    proof.derive("condition_1", formulas("residual_step") <= 1, "A K")
    proof.derive("product", L_H * e0 * K <= sigma * K**2, "weak")
    proof.derive("d_times", 2 * d <= sigma * eta * s * (K**2 + e0 * L_H), "delta product")
    proof.derive("small", d <= sigma * (1 - c), "d_times c beta_K")
    proof.derive("condition_3", (sigma - delta) * R >= e0, "pays small delta", "and ∫_0^R (σ(ρ) − δ) ≥ (σ(R) − δ)R")
    proof.derive("condition_2", sigma > delta, "condition_3 sigma")
    return proof.conclude("condition_1 condition_2 condition_3 delta_is")


_NEEDED = REFUTED.refutation
if _NEEDED is None:  # the refuted claim always has one; this narrows the type
    raise TypeError("residual_covers_classical has no refutation")

CLAIM = Claim(
    id="residual_covers_classical_linked",
    title="5b certifies wherever 5a does, for η ≤ 1/β and linked bounds",
    statement="If η ≤ 1/β and L_H R ≤ ‖J0‖ + Δ_J (for instance Δ_J = L_H R with λ from the sharp form), then"
    " ‖e0‖/(c√λ(R)) ≤ R implies ηs(‖J0‖ + Δ_J)² ≤ 1, σ(R) > δ and (σ(R) − δ)R ≥ ‖e0‖.",
    source="our formulation",
    hypotheses=(
        Hypothesis("step", "η ≤ 1/β, not only 2/β", _NEEDED),
        Hypothesis("linked", "L_H R ≤ ‖J0‖ + Δ_J", _NEEDED),
    ),
    proof=prove,
)
