"""Why a run of a network with kinks is not handed over: how many units may cross within reach, and by how much the Jacobian may jump. Approximate.

Plain gradient descent ends *on* kinks: units that the fit wants on both sides keep |z| far below ‖e‖, at any ‖e‖. Criterion residual_relu needs
3Δ_J < σ, σ = √λ_min(J_cJ_cᵀ), on a ball of at least ‖e‖/σ (drift 2Δ_J, and λ on the ball); a Δ_J that such units hold up does not fall with ‖e‖.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.networks.linearisation import Linearisation
from verify.networks.movement import Movement
from verify.regions.neighbourhood.crossing import approx_sigma, with_means

__all__ = ["Kinks", "kinks_in_reach"]


class Kinks(NamedTuple):
    """What may cross, in words, and whether it changes the Jacobian too much for a ball that is crossed."""

    text: str
    too_much: bool


def kinks_in_reach(state: Linearisation, residual: float) -> Kinks | None:
    """Say what may cross within the shortest conceivable path ‖e‖/σ, and what that does; None of a smooth network or where nothing may.

    Args:
        state: the linearisation at an iterate. residual: ‖e‖ there.
    """
    if state.network.is_smooth:
        return None
    root = approx_sigma(state)
    if not (root > 0.0 and 0.0 < residual < math.inf):
        return None
    radius = residual / root
    centre, chosen = with_means(state, Movement.approx(state), radius)
    movement = Movement.approx(centre)
    windows = movement.choosing(radius)
    if not chosen and not windows:
        return None
    sigma, jump = approx_sigma(centre), float(movement.jacobian(np.array([radius]))[0])
    pairs = sum(int(mask.sum()) for mask in chosen.values())
    anew = f", and {windows:,} pooling windows choose anew," if windows else ""
    text = (
        f"{pairs:,} pairs of a sample and a unit may cross their kink{anew} within ‖e‖/√λ_min = {radius:.3g}: with mean slopes there the Jacobian may"
        f" still jump by {jump:.3g}, and three jumps must stay below √λ_min = {sigma:.3g}"
    )
    if 3.0 * jump < sigma:
        return Kinks(text, False)
    return Kinks(f"{text}: a smaller residual helps only where units leave their kinks", True)
