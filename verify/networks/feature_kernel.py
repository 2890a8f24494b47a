"""λ_min of the NTK over a ball from the inputs of the last layer: any depth, no σ'', no output weights.

Claim id: feature_kernel. L ≥ 2 affine layers, identity output. Θ = Σ_l (B_lB_lᵀ)∘(A_lA_lᵀ ⊗ 11ᵀ), every term ⪰ 0 (each is the Gram matrix of a
layer's Jacobian columns), and the last one is A_LA_Lᵀ ⊗ I_k because B_L = I. So σ_min(J(θ)ᵀ) ≥ σ_min(A_L(θ)ᵀ) ≥ √λ_min(A_LA_Lᵀ) − ‖A_L(θ) − A_L‖, and
A_L changes by s_LΔH_{L−1} only, its constant column not at all.

With t_l = ‖[U_l q_l]‖_F, Σt_l² ≤ R²: ΔZ_l = A_l[U_l q_l]ᵀ + ΔH_{l−1}V_l(θ)ᵀ, ‖V_l(θ)‖ ≤ ‖V_l‖ + s_lR, ‖ΔH_l‖_F ≤ sup|σ_l'|·‖ΔZ_l‖_F entry by
entry. By induction ‖ΔH_l‖_F ≤ Σ_{j≤l} C_j t_j with C ← sup|σ_l'|·((‖V_l‖ + s_lR)C, ‖A_l‖), at most ‖C‖₂R by Cauchy–Schwarz.

Other inputs (claim inputs_nearby; a linearisation with a spread): √λ_min(A_LA_Lᵀ) − √n·α_L and ‖A_l‖ + √n·α_l for every data set whose inputs lie within ε.
"""

from __future__ import annotations

import functools
from typing import overload

import numpy as np
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify.arrays import Ball, gram, smallest_eigenvalue, spectral_norm, sqrt, where
from verify.networks.inputs import lost
from verify.networks.linearisation import Linearisation

__all__ = ["FeatureBound"]


class FeatureBound:
    """The function r ↦ lower bound of λ_min(Θ) on the ball of radius r about one linearisation's parameters (derivation in the module's docstring)."""

    @staticmethod
    def applies(state: Linearisation) -> bool:
        """Whether the network is a chain of two affine layers or more with an identity output."""
        chain = state.network.chain if state.network.is_chain else ()
        return len(chain) > 1 and chain[-1].activation.is_identity

    def __init__(self, state: Linearisation) -> None:
        """Prepare; norms are computed at the first call."""
        self._state = state

    @functools.cached_property
    def eigenvalue(self) -> float:
        """Lower bound of λ_min(A_LA_Lᵀ), a double; 0 where the claim does not apply or nothing is certain."""
        if not self.applies(self._state):
            return 0.0
        smallest, spread = float(smallest_eigenvalue(gram(self._state.A[-1])).lower()), self._state.spread
        return (
            max(smallest, 0.0) if spread is None else lost(smallest, spread.rows(self._state.depth - 1, self._state.n))
        )

    @functools.cached_property
    def _norms(self) -> list[tuple[Ball, Ball, Ball]]:
        """sup|σ_l'|, ‖A_l‖ and ‖V_l‖ (of the first layer 0: its inputs do not move) of the layers below the last."""
        state, found = self._state, []
        for index, layer in enumerate(state.network.chain[:-1]):
            slope = Ball(layer.activation.supremum(1))
            inherited = spectral_norm(state.V[index]) if index else Ball(0.0)
            data = spectral_norm(state.A[index]) if index else state.data_norm
            found.append((slope, data if state.spread is None else data + state.spread.rows(index, state.n), inherited))
        return found

    @overload
    def __call__(self, radius: float) -> float: ...

    @overload
    def __call__(self, radius: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]: ...

    def __call__(self, radius: float | Float[np.ndarray, " m"]) -> float | Float[np.ndarray, " m"]:
        """Return the bound at an exact double `radius` > 0, or at m of them, which cost little more than one; 0 where it says nothing."""
        radii = np.atleast_1d(np.asarray(radius, dtype=np.float64))
        bounds = self._bounds(radii) if self.eigenvalue > 0.0 else np.zeros(radii.shape)
        return bounds if np.ndim(radius) else float(bounds[0])

    def _bounds(self, radii: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        layers, reach = self._state.network.chain, Ball(radii)
        coefficients: list[Ball] = []
        for layer, (slope, data, inherited) in zip(layers, self._norms, strict=False):
            weight = inherited + layer.scale * reach
            coefficients = [slope * c for c in (*(weight * c for c in coefficients), data)]
        squares = sum((c * c for c in coefficients), Ball(np.zeros(radii.shape)))
        # What overflows says nothing.
        change = layers[-1].scale * sqrt(where(np.isfinite(squares.rad), squares, 0.0)) * reach
        upper = change.upper()
        known = np.isfinite(squares.rad) & np.isfinite(upper)
        values = {
            "lambda_features": Ball(self.eigenvalue),
            "feature_change": Ball(np.where(known, upper, 0.0)),
        }
        found = evaluate("lambda_region_features", values).lower()
        return np.where(known, np.maximum(found, 0.0), 0.0)
