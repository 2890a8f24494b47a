"""λ_min of the NTK over a ball from the inputs of the last layer: any depth, no σ'', no output weights.

Claim id: feature_kernel. L ≥ 2 affine layers, identity output. Θ = Σ_l (B_lB_lᵀ)∘(A_lA_lᵀ ⊗ 11ᵀ), every term ⪰ 0 (each is the Gram matrix of a
layer's Jacobian columns), and the last one is A_LA_Lᵀ ⊗ I_k because B_L = I. So σ_min(J(θ)ᵀ) ≥ σ_min(A_L(θ)ᵀ) ≥ √λ_min(A_LA_Lᵀ) − ‖A_L(θ) − A_L‖, and
A_L changes by s_LΔH_{L−1} only, its constant column not at all.

With t_l = ‖[U_l q_l]‖_F, Σt_l² ≤ R²: ΔZ_l = A_l[U_l q_l]ᵀ + ΔH_{l−1}V_l(θ)ᵀ, ‖V_l(θ)‖ ≤ ‖V_l‖ + s_lR, ‖ΔH_l‖_F ≤ sup|σ_l'|·‖ΔZ_l‖_F entry by
entry. By induction ‖ΔH_l‖_F ≤ Σ_{j≤l} C_j t_j with C ← sup|σ_l'|·((‖V_l‖ + s_lR)C, ‖A_l‖), at most ‖C‖₂R by Cauchy–Schwarz.
"""

from __future__ import annotations

from proofs.evaluation import evaluate
from verify.arrays import Ball, gram, smallest_eigenvalue, spectral_norm, sqrt
from verify.networks.linearisation import Linearisation

__all__ = ["feature_bound"]


def feature_bound(state: Linearisation, radius: float) -> float:
    """Return a lower bound (a double ≥ 0) of λ_min(Θ) on the ball of `radius` about the linearisation's parameters; 0 where it says nothing.

    Args:
        state: enclosures at the centre. radius: exact double > 0.
    """
    if not state.network.is_chain:
        return 0.0
    layers, last = state.network.chain, state.depth - 1
    if last == 0 or not layers[last].activation.is_identity:
        return 0.0
    features = float(smallest_eigenvalue(gram(state.A[last])).lower())
    if not features > 0.0:
        return 0.0
    reach = Ball(radius)
    coefficients: list[Ball] = []
    for index in range(last):
        layer = layers[index]
        slope = Ball(1.0 if layer.activation.is_identity else layer.activation.supremum(1))
        if index:
            inherited = spectral_norm(state.V[index]) + layer.scale * reach
            coefficients = [inherited * c for c in coefficients]
        coefficients = [slope * c for c in (*coefficients, spectral_norm(state.A[index]))]
    squares = sum((c * c for c in coefficients), Ball(0.0))
    change = (layers[last].scale * sqrt(squares) * reach).upper()
    values = {"lambda_features": Ball(features), "feature_change": Ball(change)}
    return max(float(evaluate("lambda_region_features", values).lower()), 0.0)
