"""The registry of certificates' constants: symbol, meaning, and which end of the enclosure is the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["CONSTANTS", "Claimed", "NamedConstant", "named"]

Claimed = Literal["lower", "upper", "enclosure", "exact", "factor", "count"]
"""Which end of an enclosure is the claim; a factor is an upper end below 1."""


@dataclass(frozen=True)
class NamedConstant:
    """What a certificate's constant stands for.

    Attributes:
        symbol: as printed. meaning: in words. claimed: which end of the enclosure is the claim.
        contained: whether it holds only where containment does; beside a failed containment it would read as a claim.
    """

    symbol: str
    meaning: str
    claimed: Claimed
    contained: bool = False


CONSTANTS: Mapping[str, NamedConstant] = MappingProxyType({
    "radius": NamedConstant("R", "radius of the certified ball", "exact"),
    "lr": NamedConstant("η", "step size", "exact"),
    "rate": NamedConstant("rate", "factor by which Φ falls per step", "factor", contained=True),
    "mu": NamedConstant("μ", "PL constant on the ball: ½‖∇Φ‖² ≥ μΦ", "lower"),
    "pl_ratio": NamedConstant("½‖∇Φ‖²/Φ", "PL ratio at the point", "enclosure"),
    "lambda0": NamedConstant("λ₀", "smallest eigenvalue of the NTK at the centre", "enclosure"),
    "lambda_region": NamedConstant("λ(R)", "smallest eigenvalue of the NTK on the ball", "lower"),
    "lambda_max0": NamedConstant("λ_max", "largest eigenvalue of the NTK at the centre", "enclosure"),
    "smoothness": NamedConstant("β", "‖∇²Φ‖ on the ball's sublevel set", "upper"),
    "step_bound": NamedConstant("2/β", "a smaller step that stays in the ball decreases the loss", "lower"),
    "path_length": NamedConstant("path", "total distance gradient descent travels", "upper", contained=True),
    "residual0": NamedConstant("‖e₀‖", "residual norm at the centre", "enclosure"),
    "loss0": NamedConstant("Φ₀", "loss at the centre", "enclosure"),
    "jacobian_norm0": NamedConstant("‖J₀‖", "norm of the Jacobian at the centre", "enclosure"),
    "Delta_J": NamedConstant("Δ_J(R)", "sup ‖J(θ) − J(θ₀)‖ on the ball", "upper"),
    "L_H": NamedConstant("L_H(R)", "sup ‖D²F‖ on the ball", "upper"),
    "L_theta": NamedConstant("L_Θ", "Lipschitz constant of the NTK from the centre", "upper"),
    "mu_paper": NamedConstant("μ, paper's form", "s(λ₀ − L_Θ R); negative means that this form certifies nothing", "lower"),
    "stability_radius_paper": NamedConstant("r½, paper's form", "half of λ₀ survives within it: (1 − κ)λ₀/L_Θ, κ = ½", "lower"),
    "stability_radius": NamedConstant("r½, sharp form", "half of λ₀ survives within it", "lower"),
    "path_share": NamedConstant("γ", "share of σ that the residual pays per unit of length", "lower"),
    "step_drift": NamedConstant("δ", "change of the Jacobian within one step", "upper"),
    "residual_rate": NamedConstant("residual rate", "factor by which ‖e‖ falls per step", "factor", contained=True),
    "descent_fraction": NamedConstant("c", "1 − ηβ/2", "lower"),
    "radius_largest_classical": NamedConstant("R_max classical", "largest tabulated R at which the classical form holds", "lower"),
    "radius_largest_residual": NamedConstant("R_max residual", "largest tabulated R at which the residual form holds", "lower"),
    "radius_largest_residual_relu": NamedConstant("R_max across kinks", "largest tabulated R at which the residual form across kinks holds", "lower"),
    "gradient_norm_squared": NamedConstant("‖∇Φ‖²", "squared gradient norm at the point", "enclosure"),
    "handover_step": NamedConstant("T", "step at which the ball certificate takes over", "count"),
    "handover_radius": NamedConstant("R_T", "radius at the hand-over", "upper"),
    "drift": NamedConstant("drift", "distance of the last iterate from the first", "enclosure"),
    "initial_lambda_min": NamedConstant("λ_min, start", "smallest eigenvalue of the NTK at the start of the run", "enclosure"),
    "initial_loss": NamedConstant("Φ, start", "loss at the start of the run", "enclosure"),
    "mu_along_path": NamedConstant("μ, whole path", "PL constant at every iterate and on the final ball", "lower"),
    "path_lambda_min": NamedConstant("λ_min, path", "smallest eigenvalue of the NTK over the enclosed iterates", "lower"),
    "handover_offset": NamedConstant("δ_T", "distance of the exact iterate from the final ball's centre", "upper"),
    "basin_radius": NamedConstant("ρ", "gradient descent converges from every start within ρ of the centre c", "lower"),
    "zero_loss_distance": NamedConstant("r₀", "an exact zero-loss point lies within it of c", "upper"),
    "distance": NamedConstant("‖θ − c‖", "distance of the parameters given from c", "enclosure"),
    "distance_over_radius": NamedConstant("‖θ − c‖/ρ", "the parameters given lie in the basin where this is at most 1", "enclosure"),
    "basin_residual": NamedConstant("ē", "residual norm everywhere on B(c, ρ)", "upper"),
    "basin_threshold": NamedConstant("E", "while ‖e‖ is larger, the distance to c does not grow", "upper"),
    "start_radius": NamedConstant("r", "the statement is about every start within r of the stored parameters", "lower"),
    "data_radius": NamedConstant("ε", "the statement is about every data set with each input within ε of the stored one, and the same targets", "lower"),
    "region_radius": NamedConstant("R, region", "radius of the convex ball about c that holds the whole run", "upper"),
    "region_lambda": NamedConstant("λ, region", "smallest eigenvalue of the NTK on that ball", "lower"),
    "region_mu": NamedConstant("μ, region", "PL constant on that ball: ½‖∇Φ‖² ≥ μΦ", "lower"),
    "region_rate": NamedConstant("rate, region", "factor by which Φ falls per step, from the first on", "factor", contained=True),
    "loss_bound": NamedConstant("A", "Φ is at most A·rate^k", "upper", contained=True),
    "lr_largest": NamedConstant("η, largest", "the largest step tried for which the criterion holds too, in a ball of its own", "exact"),
    "exit_probability": NamedConstant("p", "probability of ever leaving the ball, over independent draws", "upper", contained=True),
    "outer_radius": NamedConstant("R, outer", "radius of the ball on which the bounds hold", "exact"),
    "fit_distance": NamedConstant("V̄", "distance of every start to an exact fit", "upper"),
    "batch_fraction": NamedConstant("x", "ηs_b‖J_b‖² for every batch b on the ball", "upper"),
    "batch_jacobian": NamedConstant("max‖J_b‖", "norm of every batch's Jacobian on the ball", "upper"),
    "sample_smoothness": NamedConstant("max βᵢ", "‖∇²‖ of every single sample's loss on the ball", "upper"),
    "power_bound": NamedConstant("C₁", "powers of the frozen momentum iteration are at most C₁ρ^k", "upper"),
    "loss_floor": NamedConstant("inf Φ", "no parameters have a smaller loss", "lower"),
})  # fmt: skip
"""By public name, in reading order."""


def named(name: str) -> NamedConstant:
    """Return what a name stands for; one that is not in the registry speaks for itself, with its whole enclosure."""
    return CONSTANTS.get(name) or NamedConstant(name, name.replace("_", " "), "enclosure")
