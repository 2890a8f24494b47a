"""What inputs near the stored ones change of a linearisation, as numbers that it carries; :mod:`verify.networks.inputs` derives them."""

from __future__ import annotations

from dataclasses import dataclass

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt_of_nonnegative
from verify.networks.layers.norms import upper_end

__all__ = ["Spread"]


@dataclass(frozen=True)
class Spread:
    """What inputs within `radius` change, all upper bounds; the lists have one entry per layer.

    Attributes:
        radius: ε, an exact double > 0, in the units of the inputs.
        data: α_l of ‖Δa_{l,i}‖, the same for all samples. blocks, columns: (n,) β_{l,i} and γ_{l,i}.
        jacobian, residual: D_J and D_e, exact.
    """

    radius: float
    data: tuple[Ball, ...]
    blocks: tuple[Ball, ...]
    columns: tuple[Ball, ...]
    jacobian: Ball
    residual: Ball

    def rows(self, index: int, n: int) -> Ball:
        """Bound ‖ΔA_l‖ (spectral norm) over n samples by √n·α_l, α_l what inputs within ε move one row of layer `index` by."""
        return upper_end(sqrt_of_nonnegative(Ball(float(n))) * self.data[index])

    def step(self, eta_s: Ball, jacobian_norm: Ball, residual: Ball) -> Ball:
        """Bound ‖T'(θ) − T(θ)‖, T one step of gradient descent on the stored data, T' on other data within ε.

        Args:
            eta_s: encloses ηs. jacobian_norm, residual: bound ‖J‖ and ‖e‖ at θ, at the stored inputs.
        """
        values = {
            "eta": eta_s,
            "s": Ball(1.0),
            "jacobian_norm": jacobian_norm,
            "residual_change": self.residual,
            "Delta_J": self.jacobian,
            "e": residual,
        }
        return upper_end(evaluate("inputs_step", values))
