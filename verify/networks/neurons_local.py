"""The neuron budget with suprema of σ', σ'' near the centre, and a cut-off for neurons that go further.

Claim id: neuron_budget_local. As :mod:`verify.networks.neurons`, for a distance T > 0 with k_r = min(m'/(m' + ω_r), m'T²/ν_r²), ν_r ≥ ‖J_r‖ at the centre:
while neuron r moves by t_r ≤ T its pre-activations stay within ρ_iT of z_ri, ρ_i = ‖a_{1,i}‖, and with c_i ≥ sup|σ'|, b_i ≥ sup|σ''| on those intervals
    ω_r = s²(p² + q²/2 + q(p² + q²/4)^½),   p² ≥ λ_max(diag(c)G diag(c)),   q² ≥ ‖v_r‖²λ_max(diag(b)(G∘G)diag(b)),   G = A_1A_1ᵀ
bounds ‖J_r(θ) − J_r‖²/t_r². A neuron that moves further may lose all of k_rJ_rJ_rᵀ ⪯ k_rν_r²I ⪯ m'T²I ⪯ m't_r²I, which it has paid for.
ν_r² ≤ s²(‖σ(z_r)‖² + ‖v_r‖²λ_max(diag(σ'(z_r))G diag(σ'(z_r)))), the two blocks of J_r. Each neuron keeps the better of this share and the global one.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify.arrays import Ball, largest_eigenvalue, sqrt_of_nonnegative
from verify.errors import InputError
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget

__all__ = ["LocalBudget"]


def _norms(matrix: Ball, factors: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " m"]:
    """Upper bounds (m,) of λ_max(diag(f_r) M diag(f_r)), M (n, n) positive semidefinite, f_r ≥ 0 exact."""
    bounds = []
    for row in factors:
        f = Ball(row)
        bounds.append(float(largest_eigenvalue(f[:, None] * matrix * f[None, :]).upper()))
    return np.asarray(np.maximum(np.array(bounds), 0.0))


class LocalBudget(NeuronBudget):
    """Parabolas of claim neuron_budget_local for one linearisation and one T (derivation in the module's docstring)."""

    def __init__(self, state: Linearisation, reach: float) -> None:
        """Compute ω_r and ν_r for every neuron.

        Args:
            state: one hidden layer, identity output. reach: T, an exact double > 0.
        """
        super().__init__(state)
        if not 0.0 < reach < float("inf"):
            raise InputError(f"reach={reach!r}: expected a finite number > 0")
        if state.spread is not None:
            raise InputError("the local budget is for the stored inputs alone")
        self.reach = reach
        hidden, output = state.network.chain
        activation, z = hidden.activation, state.Z[0].T
        rows = state.A[0].norm(axis=1).upper()
        near = z + Ball(np.zeros(z.shape), np.broadcast_to((Ball(rows) * Ball(reach)).upper(), z.shape))
        slope = np.minimum(abs(activation(near, 1)).upper(), activation.supremum(1))
        bend = np.minimum(abs(activation(near, 2)).upper(), activation.supremum(2))
        v = Ball(output.weight).norm(axis=0)
        inputs = self._inputs
        p_square = Ball(_norms(inputs, slope))
        q = v * sqrt_of_nonnegative(Ball(_norms(inputs * inputs, bend)))
        scale_squared = Ball(1.0) / Ball(float(output.inverse_square_scale))
        omega = evaluate("neuron_omega", {"slope_norm": sqrt_of_nonnegative(p_square), "bend_norm": q})
        self.local_omega = (scale_squared * omega).upper()
        """Upper bounds (m,) of ω_r for t_r ≤ T."""
        here = np.minimum(abs(activation(z, 1)).upper(), activation.supremum(1))
        values = (activation(z, 0) ** 2).sum(axis=1)
        self.norm_square = (scale_squared * (values + v * v * Ball(_norms(inputs, here)))).upper()
        """Upper bounds (m,) of ν_r²."""

    def shares(self, weight: float | np.ndarray) -> np.ndarray:
        """Return lower bounds (m,) of the better of the two shares for m' = `weight`, doubles in [0, 1]."""
        known = np.isfinite(self.local_omega) & np.isfinite(self.norm_square) & (self.norm_square > 0.0)
        m = Ball(weight)
        local = (m / (m + Ball(np.where(known, self.local_omega, 0.0)))).lower()
        capped = (m * Ball(self.reach) ** 2 / Ball(np.where(known, self.norm_square, 1.0))).lower()
        kept = np.where(known, np.maximum(np.minimum(local, capped), 0.0), 0.0)
        return np.asarray(np.maximum(super().shares(weight), kept))
