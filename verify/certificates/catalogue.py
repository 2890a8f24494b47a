"""The steps that a certificate may hold: their names, the claims they belong to, and the inequality each one is.

What a report prints about a step comes from here, never from the file: a certificate's own ``source`` texts are not read back, and a step that
is not listed here is refused.
"""

from __future__ import annotations

import re

from verify.errors import InputError

__all__ = ["inequality"]

_NEAR = "zero loss near the centre: "
_AT = re.compile(r"(NTK positive at|decrease from) step (0|[1-9][0-9]{0,18})")
_INEQUALITIES = {
    ("NTK positive", "pl_from_ntk"): "λ_min(Θ(θ)) by shifted Cholesky",
    ("NTK positive at the centre", "ntk_positive"): "λ_min(Θ) at the centre, by shifted Cholesky",
    (
        "J_c has full rank",
        "containment_residual_relu",
    ): "λ_min(J_cJ_cᵀ), J_c = J(c) but for mean slopes at chosen kinks",
    ("NTK stays positive on the ball", "ntk_stability"): "λ(R): sharp, neuron budget or features",
    ("step below 2/β", "descent_step"): "0 < η < 2/β",
    ("path inside the ball", "containment_classical"): "‖e0‖/(c√λ(R)) ≤ R",
    ("ηΘ below the identity", "containment_residual"): "ηs(‖J0‖ + Δ_J(R))² ≤ 1",
    ("σ(R) above the step's drift", "containment_residual"): "σ(R) > δ",
    ("residual pays for the path", "containment_residual"): "∫_0^R (σ(ρ) − δ)dρ > ‖e0‖",
    ("ηΘ below the identity", "containment_residual_relu"): "ηs(‖J_c‖ + Δ_J(R))² ≤ 1",
    ("σ(R) above the step's drift", "containment_residual_relu"): "σ(R) > δ = 2Δ_J(R)",
    ("residual pays for the path", "containment_residual_relu"): "∫_0^R (σ(ρ) − δ)dρ > ‖e0‖",
    ("ηΘ below twice the identity", "containment_residual_long"): "a + ηs(‖J0‖ + Δ_J(R))² < 2, a ≥ ηsσ(ρ)²",
    ("γσ(R) above the step's drift", "containment_residual_long"): "γσ(R) > δ",
    ("residual pays for the path", "containment_residual_long"): "∫_0^R (γσ(ρ) − δ)dρ > ‖e0‖",
    ("ηΘ below twice the identity", "containment_displacement_long"): "a + ηs(‖J(c)‖ + Δ_J(R))² < 2, a ≥ ηsσ(ρ)²",
    ("γσ(R) above the tail's drift", "containment_displacement_long"): "γσ(R) > δ_E",
    (
        "residual pays for the tail",
        "containment_displacement_long",
    ): "∫_ρ^R (γσ − δ_E)dt > (L_Hρ² + 2‖e(c)‖)/(2 − b), b ≥ ηs‖J‖²",
    (
        "γσ(R) above the step's drift",
        "containment_displacement_long",
    ): "γσ(R) > δ, from the largest residual on B(c, ρ)",
    ("zero loss near the centre", "containment_residual_long"): "∫_0^{r_0} (γσ − δ) > ‖e(c)‖",
    ("ηΘ below the identity", "containment_displacement"): "ηs(‖J(c)‖ + Δ_J(R))² ≤ 1",
    ("σ(R) above the tail's drift", "containment_displacement"): "σ(R) > δ_E",
    ("residual pays for the tail", "containment_displacement"): "∫_ρ^R (σ − δ_E)dt > L_Hρ² + 2‖e(c)‖",
    ("σ(R) above the step's drift", "containment_displacement"): "σ(R) > δ, from the largest residual on B(c, ρ)",
    ("residual pays for the tail", "containment_residual_relu"): "∫_ρ^R (σ(t) − δ)dt > ‖e(c)‖ + (‖J_c‖ + Δ_J(ρ))ρ",
    ("zero loss near the centre", "containment_residual"): "∫_0^{r_0} (σ − δ) > ‖e(c)‖",
    ("zero loss near the centre", "containment_residual_relu"): "∫_0^{r_0} (σ − δ) > ‖e(c)‖",
    ("parameters inside the basin", "containment_residual_relu"): "‖θ − c‖ ≤ ρ",
    ("parameters inside the basin", "containment_displacement"): "‖θ − c‖ ≤ ρ",
    ("NTK positive at every iterate", "pl_from_ntk"): "min_k λ_min(Θ) on B(θ̂_k, δ_k)",
    ("decrease at every step", "recorded_decrease"): "max_k Φ_{k+1}/((1 − ημ_k)Φ_k), upper end over lower end",
    ("NTK positive for every start", "pl_from_ntk"): "min_k λ_min(Θ) on B(θ̂_k, δ_k)",
    ("residual falls for every start", "start_ball"): "max_k 1 − ηsσ(σ − d) on B(θ̂_k, δ_k)",
    ("run inside the ball", "enclosing_ball"): "‖θ̂_k − c‖ + δ_k ≤ R and ‖θ̂_T − c‖ + R_T ≤ R",
    ("NTK positive on the ball about c", "neuron_budget"): "λ on B(c, R), by the neurons",
    ("NTK positive on the ball about c", "neuron_budget_local"): "λ on B(c, R), by the neurons, suprema near c",
    ("NTK positive on the ball about c", "feature_kernel"): "λ on B(c, R), by the features",
    ("step below 2/‖J_b‖²", "minibatch_any_order"): "ηs_b(‖J_b(c)‖ + Δ_J(R))² < 2 for every batch b",
    ("step below 2/‖J_b‖²", "minibatch_with_replacement"): "ηs_b(‖J_b(c)‖ + √b·Δ_J(R))² < 2 for every batch b",
    ("drift within an epoch", "minibatch_epoch"): "Q² < α = 2 − x",
    ("growth within an epoch", "minibatch_epoch"): "α/(α − Q²) ≤ g²",
    ("an epoch brings the iterate nearer", "minibatch_any_order"): "αs_1 − 2gQ > 0",
    ("epochs inside the ball", "minibatch_any_order"): "o + max(2√(xm)/(αs_1 − 2gQ), K/σ, 1 + g)V̄ < R",
    ("exact fits near the smaller ball", "zero_loss_nearby"): "R' + (‖e(c)‖ + KR')/σ < R",
    ("a draw brings the iterate nearer", "minibatch_with_replacement"): "ασ√(b/n) > 2q_b",
    ("room in the smaller ball", "minibatch_with_replacement"): "R' − o − 3V̄ > 0",
    ("no draw leaves at first", "minibatch_with_replacement"): "T·ηs_bq²/α ≤ ¾",
    ("iterates hardly ever leave the ball", "minibatch_with_replacement"): "P(exit) ≤ 10⁻⁶",
    ("step in the stable range", "momentum_descent"): "ηsλ_max in the stable range",
    ("buffer forgets faster", "momentum_descent"): "β < ρ",
    ("perturbation is absorbed", "momentum_descent"): "C_1Γ < ρ̃ − ρ",
    ("path with momentum inside the ball", "momentum_descent"): "o + ηsKXℓ̂/(1 − ρ̃) ≤ R",
    ("parameters inside the basin", "zero_loss_nearby"): "‖θ − c‖ ≤ ρ",
    ("NTK positive at", "pl_from_ntk"): "λ_min(Θ(θ̂_k)) by shifted Cholesky",
    ("decrease from", "recorded_decrease"): "Φ(θ̂_{k+1}) ≤ (1 − ημ_k)Φ(θ̂_k)",
    ("equal inputs, different targets", "zero_loss_unreachable"): "Φ ≥ (s/4)‖y_i − y_j‖² > 0 when x_i = x_j",
}


def inequality(name: str, claim: str) -> str:
    """Return the inequality that a step of this name and claim stands for.

    Raises:
        InputError: no such step belongs to a certificate.
    """
    numbered = _AT.fullmatch(name)
    known = numbered[1] if numbered else name.removeprefix(_NEAR)
    try:
        return _INEQUALITIES[known, claim]
    except KeyError:
        raise InputError(
            f"step {name[:80]!r} of claim {claim[:80]!r}: no such step belongs to a certificate; the file was altered or is newer"
        ) from None
