"""Every constant of the theorem, written once: SymPy expressions with documented symbols, units and domain.

The proofs discharge these expressions, :func:`proofs.evaluation.evaluate` turns them into rigorous numbers, the Coq
development proves an export of them. Nothing else in the project writes one of these formulas a second time, except
the stand-alone checker.

Symbols and units: :mod:`proofs.symbols`. Every expression is homogeneous in the units, which a test checks.

>>> CONSTANTS["mu"].expression
lambda_R*s
>>> sorted(symbol.name for symbol in CONSTANTS["descent_fraction"].symbols)
['beta', 'eta']
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sympy as sp

# Formulas read every symbol by its own name; an undefined one fails at import, and in mypy.
# ruff: noqa: F405
from proofs.symbols import *  # noqa: F403

__all__ = ["CONSTANTS", "Constant"]


@dataclass(frozen=True)
class Constant:
    """A named constant of the theorem.

    Attributes:
        name: canonical id, the one that certificates use.
        expression: SymPy expression in symbols of SYMBOLS.
        unit: in s, y, theta, parseable by SymPy.
        domain: relations, beyond the signs of the symbols, under which the statement holds.
        statement: what the constant bounds, in one line.
        source: where the formula comes from; "our formulation" where the paper's abstract does not state it.
    """

    name: str
    expression: Any
    unit: str
    domain: tuple[Any, ...]
    statement: str
    source: str

    @property
    def symbols(self) -> frozenset[Any]:
        """The symbols that need a value."""
        return frozenset(self.expression.free_symbols)


# SymPy would compare the arguments by their assumptions: half of this module's import, and nothing is simplified by it (a test looks).
_max, _min = (functools.partial(f, evaluate=False) for f in (sp.Max, sp.Min))
_V3 = "as in the abstract of v3"
_OURS = "our formulation"
_POLYAK = "our formulation; Polyak 1963 made local"
_NTK, _JAC, _HESS = "y**2/theta**2", "y/theta", "s*y**2/theta**2"
_alpha = 2 - batch_fraction
_batch_sigma = sp.sqrt(step_scale) * sigma / (1 + triangle * batch_fraction)
_excess = _alpha * _batch_sigma - 2 * growth * batch_drift
_spread = 1 - momentum / momentum_rate
_sharp = sp.sqrt(lambda0) - Delta_J
_jacobian = jacobian_norm0 + Delta_J
_floor = eta * s * sigma**2


def _all(*constants: Constant) -> Mapping[str, Constant]:
    return MappingProxyType({constant.name: constant for constant in constants})


# fmt: off
CONSTANTS: Mapping[str, Constant] = _all(
    # The NTK on a ball.
    Constant("jacobian_norm_region", _jacobian, _JAC, (), "‖J(θ)‖ on B(θ0, R)", _OURS),
    Constant("L_theta", L_H * (2 * jacobian_norm0 + Delta_J), "y**2/theta**3", (),
             "‖Θ(θ) − Θ(θ0)‖ ≤ L_Θ‖θ − θ0‖ on the ball: the Lipschitz constant from the centre", _OURS),
    Constant("L_theta_pairwise", 2 * L_H * _jacobian, "y**2/theta**3", (),
             "‖Θ(θ) − Θ(θ')‖ ≤ L‖θ − θ'‖ for any two points of the ball", _OURS),
    Constant("lambda_region_paper", lambda0 - L_Theta * R, _NTK, (), "λ_min(Θ(θ)) on B(θ0, R), paper's form", _V3),
    Constant("sigma_sharp", _sharp, _JAC, (), "‖J(θ)ᵀw‖ for ‖w‖ = 1 on B(θ0, R)", _OURS),
    Constant("lambda_region_sharp", _max(0, _sharp) ** 2, _NTK, (), "λ_min(Θ(θ)) on B(θ0, R), sharp form", _OURS),
    Constant("lambda_region_direct", lambda0 - Delta_Theta, _NTK, (),
             "λ_min(Θ(θ)) on B(θ0, R) where ‖Θ − Θ0‖ is bounded directly", _OURS),
    Constant("stability_radius_paper", _min(R, (1 - kappa) * lambda0 / L_Theta), "theta", (kappa <= 1, L_Theta > 0),
             "λ ≥ κλ0 on the ball of this radius; L_Θ valid on B(θ0, R)", _V3 + " (κ = 0), with a fraction κ kept"),
    Constant("stability_radius_linear", _min(R, (1 - sp.sqrt(kappa)) * sp.sqrt(lambda0) / L_H), "theta",
             (kappa <= 1, L_H > 0), "λ ≥ κλ0 on the ball of this radius, from Δ_J = L_H ρ; L_H valid on B(θ0, R)", _OURS),
    # The PL constant.
    Constant("mu_paper", s * (lambda0 - L_Theta * R), _HESS, (lambda0 > L_Theta * R,),
             "½‖∇Φ‖² ≥ μΦ on B(θ0, R), paper's form", _V3 + " (s = 1)"),
    Constant("mu", s * lambda_R, _HESS, (), "½‖∇Φ‖² ≥ μΦ on B(θ0, R)", "as in the abstract of v2 (s = 1)"),
    Constant("pl_ratio", gradient_norm ** 2 / (2 * Phi), _HESS, (Phi > 0,), "½‖∇Φ‖²/Φ at a point", _OURS),
    # One step.
    Constant("loss0", s * e0 ** 2 / 2, "s*y**2", (), "Φ at the centre", _OURS),
    Constant("smoothness", s * (_jacobian ** 2 + e0 * L_H), _HESS, (),
             "‖∇²Φ‖ on B(θ0, R) ∩ {Φ ≤ Φ(θ0)}", _OURS),
    Constant("step_bound", 2 / beta, "theta**2/(s*y**2)", (), "a step η below it decreases the loss", _OURS),
    Constant("step_default", 1 / beta, "theta**2/(s*y**2)", (), "the step that minimises the quadratic bound", _OURS),
    Constant("descent_fraction", 1 - eta * beta / 2, "1", (eta * beta < 2,),
             "Φ(θ − η∇Φ) ≤ Φ(θ) − ηc‖∇Φ‖²", _POLYAK),
    Constant("rate_classical", 1 - 2 * eta * mu * c, "1", (eta * beta < 2,), "Φ_{k+1} ≤ rate·Φ_k", _POLYAK),
    Constant("rate_simple", 1 - eta * mu, "1", (eta * beta <= 1,), "Φ_{k+1} ≤ rate·Φ_k for η ≤ 1/β", _POLYAK),
    # Containment, classical form.
    Constant("path_classical", e0 / (c * sp.sqrt(lambda_R)), "theta", (lambda_R > 0, eta * beta < 2),
             "Σ‖θ_{k+1} − θ_k‖", _POLYAK),
    Constant("margin_classical", R - e0 / (c * sp.sqrt(lambda_R)), "theta", (lambda_R > 0, eta * beta < 2),
             "≥ 0: every iterate stays in B(θ0, R)", _POLYAK),
    Constant("distance_classical", sp.sqrt(2 * Phi / mu) / c, "theta", (eta * beta < 2,), "‖θ_k − θ*‖", _POLYAK),
    # Containment, residual form.
    Constant("residual_step", eta * s * _jacobian ** 2, "1", (), "≤ 1: ηsΘ ⪯ I on B(θ0, R)", _OURS),
    Constant("delta_residual", _min(eta * s * L_H * _jacobian * e0 / 2, 2 * Delta_J), _JAC, (),
             "‖J(θ_k) − J̄_k‖, J̄_k the mean of J along a step inside B(θ0, R)", _OURS),
    Constant("residual_panel", (sigma - delta) * width, "y", (), "one panel of the lower sum of ∫(σ(ρ) − δ)dρ", _OURS),
    Constant("residual_supply_linear", (sp.sqrt(lambda0) - delta) * R - L_H * R ** 2 / 2, "y", (),
             "∫_0^R (σ(ρ) − δ)dρ for σ(ρ) = √λ0 − L_H ρ", _OURS),
    Constant("residual_rate", 1 - eta * s * sigma * (sigma - delta), "1", (sigma > delta, eta * s * sigma ** 2 <= 1),
             "‖e_{k+1}‖ ≤ rate·‖e_k‖", _OURS),
    Constant("residual_rate_loss", (1 - eta * s * sigma * (sigma - delta)) ** 2, "1",
             (sigma > delta, eta * s * sigma ** 2 <= 1), "Φ_{k+1} ≤ rate·Φ_k", _OURS),
    Constant("residual_path", e / (sigma - delta), "theta", (sigma > delta,),
             "Σ_{j ≥ k}‖θ_{j+1} − θ_j‖ and ‖θ_k − θ*‖, from ‖e_k‖ ≤ e", _OURS),
    # The same for steps between 1/λ_max and 2/λ_max.
    Constant("long_share", sp.sqrt(step_fraction * (2 - sigma_fraction - step_fraction) / (1 - sigma_fraction * step_fraction)), "1",
             (sigma_fraction + step_fraction < 2,), "γ: ‖e‖ − ‖(I − ηsΘ)e‖ is at least γσ times the length of the step", _OURS),
    Constant("long_panel", (share * sigma - delta) * width, "y", (), "one panel of the lower sum of ∫(γσ(ρ) − δ)dρ", _OURS),
    Constant("long_rate", _min(1 - eta * s * sigma * (share * sigma - delta),
             1 - eta * s * sigma * (sigma - delta) + (step_fraction - _floor) / 2
             * _max(0, delta / sigma - (2 - _floor - step_fraction) / (1 - _floor))), "1",
             (share * sigma > delta, _floor + step_fraction < 2, _floor < 1), "‖e_{k+1}‖ ≤ rate·‖e_k‖", _OURS),
    # Containment by distance to a reference point.
    Constant("displacement_residual", 2 * (remainder + e_c) / (2 - step_fraction), "y", (step_fraction < 2,),
             "while ‖e_k‖ is at least this, the distance to the centre c does not grow; ϱ at distance d0", _OURS),
    Constant("displacement_path", d0 + 2 * (remainder + e_c) / ((2 - step_fraction) * (sigma - delta)), "theta",
             (sigma > delta, step_fraction <= 1), "‖θ_k − c‖ for every k", _OURS),
    Constant("remainder_curvature", L_H * D_square / 2, "y", (), "ϱ from the curvature", _OURS),
    Constant("remainder_neurons", sp.sqrt(omega) * D_square / 2, "y", (),
             "ϱ for one hidden layer, ω the largest ω_r at the centre c", _OURS),
    Constant("displacement_supply_linear", (sp.sqrt(lambda0) - delta) * (R - d0) - L_H * (R ** 2 - d0 ** 2) / 2, "y",
             (d0 <= R,), "∫_{d0}^R (σ(ρ) − δ)dρ for σ(ρ) = √λ0 − L_H ρ, λ0 at the centre c", _OURS),
    Constant("displacement_slope", (2 * remainder + 2 * e_c - (2 - step_fraction) * e) / (sigma * (sigma - delta)),
             "theta**2/y", (sigma > delta, step_fraction <= 1),
             "growth of the squared distance to c per unit of residual, where ‖e_k‖ ≥ e; ϱ at the panel's distance", _OURS),
    # One hidden layer: the budget shared between the neurons.
    Constant("neuron_omega", slope_norm ** 2 + bend_norm ** 2 / 2
             + bend_norm * sp.sqrt(slope_norm ** 2 + bend_norm ** 2 / 4), "y**2/theta**4", (),
             "ω_r over the squared scale of the output layer", _OURS),
    Constant("neuron_share", weight / (weight + omega), "1", (), "the share k_r of J_rJ_rᵀ that is kept", _OURS),
    Constant("lambda_region_neurons", intercept - weight * R ** 2, _NTK, (), "λ_min(Θ(θ)) on B(θ0, R)", _OURS),
    Constant("neuron_share_local", _min(weight / (weight + omega), weight * neuron_reach ** 2 / neuron_norm ** 2), "1", (),
             "the share k_r that is kept when ω_r holds up to T_r only", _OURS),
    Constant("neuron_share_upper", weight / (weight - omega), "1", (omega < weight,),
             "the multiple of J_rJ_rᵀ that bounds it from above, m'' > ω_r", _OURS),
    Constant("jacobian_square_neurons", intercept_upper + weight * R ** 2, _NTK, (), "‖J(θ)‖² on B(θ0, R)", _OURS),
    # Any depth: the last layer's inputs.
    Constant("lambda_region_features", _max(0, sp.sqrt(lambda_features) - feature_change) ** 2, _NTK, (),
             "λ_min(Θ(θ)) on B(θ0, R)", _OURS),
    # Networks on a graph.
    Constant("network_delta_J", R * form_norm + jump_norm, _JAC, (), "‖J(θ) − J(c)‖ on B(c, R)", _OURS),
    # A ball that encloses the run.
    Constant("enclosing_radius", _max(centre_distance + shadow, end_distance + end_radius), "theta", (),
             "‖θ_k − c‖ for every k", _OURS),
    # Two-layer linear networks.
    Constant("mu_two_layer_linear", s * (sigma_1 ** 2 + sigma_2 ** 2), _HESS, (),
             "½‖∇Φ‖² ≥ μΦ for F = W1 W2", "our formulation; compare arXiv:2505.11664"),
    Constant("linear_gram_lower", (imbalance_plus - imbalance_low
             + sp.sqrt((imbalance_plus + imbalance_low) ** 2 + 4 * product_sigma ** 2)) / 2, "theta**2", (),
             "λ_min(AAᵀ) for F = AB", "our formulation; compare arXiv:2505.11664"),
    Constant("linear_norm", (imbalance_high + sp.sqrt(imbalance_high ** 2 + 4 * product_norm ** 2)) / 2, "theta**2", (),
             "‖A‖² for F = AB, and ‖B‖² with δ₋ for δ₊", _OURS),
    Constant("linear_curvature", gradient_loss + K_loss * squared_norms * (1 + eta * gradient_loss / 2) ** 2, _HESS, (),
             "β_loc(η): ℓ(A⁺B⁺) ≤ ℓ(AB) − η(1 − ηβ_loc/2)‖∇Φ‖²", "our formulation; compare arXiv:2505.11664"),
    Constant("linear_rate_global", 1 - 2 * eta * kept * mu_loss * (imbalance_plus + imbalance_minus - 2 * imbalance_drift),
             "1", (imbalance_plus + imbalance_minus > 2 * imbalance_drift,), "ℓ_{k+1} − ℓ* ≤ rate·(ℓ_k − ℓ*) for every k",
             "our formulation; compare arXiv:2505.11664"),
    # Related systems.
    Constant("sgd_distance_fraction", (1 - L_H * R / (4 * sigma))
             * ((2 - eta * beta_bar) * (1 - L_H * R / (4 * sigma)) - L_H * R / (2 * sigma)), "1", (sigma > 0,),
             "f: E[V⁺] ≤ (1 − ηsσ²f)V, V the squared distance to the zero-loss set", _OURS),
    Constant("sgd_distance_rate", 1 - eta * s * sigma ** 2 * distance_fraction, "1", (),
             "E[V_k 1_{τ>k}] ≤ rate^k V_0, τ the exit time from B(c, R/2)", _OURS),
    Constant("sgd_distance_exit", 4 * d0 ** 2 / R ** 2 + 2 * L_H * jacobian_norm * d0 / (sigma ** 2 * distance_fraction), "1",
             (sigma > 0, distance_fraction > 0), "P(some iterate leaves B(c, R/2))", _OURS),
    Constant("stacked_curvature", (stacked_bend + sp.sqrt(stacked_bend ** 2 + 4 * stacked_slope ** 2)) / 2, "y/theta**2", (),
             "‖D²G‖ of the stacked map (F, √ρ ∂F/∂x), its maximum over the neurons", _OURS),
    Constant("lookahead_kept", 1 - (1 - outer_step) * L_H * e0 / (2 * (sigma - delta) ** 2), "1", (sigma > delta, outer_step <= 1),
             "χ: the share of the inner loop's gain that the chord keeps", _OURS),
    Constant("lookahead_rate", 1 - outer_step * outer_kept * (1 - inner_rate), "1", (outer_step <= 1, inner_rate < 1),
             "‖e‖ per outer step", _OURS),
    Constant("adam_ratio", (1 - beta1) ** 2 * beta2 / ((1 - beta2) * (beta2 - beta1 ** 2)), "1",
             (beta1 < 1, beta2 < 1, beta1 ** 2 < beta2), "m_k² ≤ ratio·v_k, coordinate by coordinate, moments without bias correction",
             _OURS),
    Constant("mirror_gap", (kl_start / (policy_step * updates) + policy_step * range_Q ** 2 / 8 + 2 * policy_error / policy_step)
             / (1 - discount), "1", (policy_step > 0, updates > 0, discount < 1), "mean of J* − J(π_k), k < K", _OURS),
    # A sharper known rate, for comparison only.
    Constant("rate_known", 1 - eta * mu * (4 - eta ** 2 * beta ** 2) / (2 + eta * mu), "1",
             (eta * beta >= 1, eta ** 2 * beta ** 2 <= 3),
             "Φ_{k+1} ≤ rate·Φ_k for functions β-smooth and μ-PL on the whole space",
             "Abbaszadehpeivasti, de Klerk, Zamani, arXiv:2204.00647, Theorem 3 with curvature at least −β"),
    # Gradient flow: the limit η → 0.
    Constant("path_flow", e0 / sp.sqrt(lambda_R), "theta", (lambda_R > 0,), "length of the gradient flow's path", _OURS),
    Constant("margin_flow", R ** 2 * 2 * mu - 4 * Phi0, "s*y**2", (),
             "> 0: Chatterjee's criterion 4Φ0 < R²·inf‖∇Φ‖²/Φ, with inf‖∇Φ‖²/Φ ≥ 2μ", "Chatterjee, arXiv:2203.16462"),
    # Steps to a given loss.
    Constant("iterations", sp.log(Phi0 / epsilon) / (-sp.log(rate)), "1", (rate > 0, rate < 1, Phi0 > 0),
             "k at least this gives rate^k·Φ0 ≤ ε", _OURS),
    Constant("iterations_simple", sp.log(Phi0 / epsilon) / (1 - rate), "1", (rate < 1, Phi0 >= epsilon),
             "k at least this gives rate^k·Φ0 ≤ ε", _OURS),
    # Hand-over of an exact run to a certificate centred at a stored point.
    Constant("e_bar", e + (jacobian_norm + Delta_J) * delta_T, "y", (),
             "‖e(θ_T)‖ for ‖θ_T − θ̂_T‖ ≤ δ_T, with ‖J(θ̂_T)‖, ‖e(θ̂_T)‖ and Δ_J(δ_T) at the centre θ̂_T", _OURS),
    # Every data set whose inputs lie nearby.
    Constant("inputs_step", eta * s * (jacobian_norm * residual_change + Delta_J * (e + residual_change)), "theta", (),
             "‖T'(θ) − T(θ)‖, T' the step for other inputs; Δ_J, residual_change what they change of J and e at θ", _OURS),
    # A ball of starts.
    Constant("start_growth", _max(1 + eta * s * e * L_H, eta * s * (jacobian_norm ** 2 + e * L_H) - 1), "1", (),
             "‖I − η∇²Φ‖ where ‖J‖ ≤ jacobian_norm, ‖e‖ ≤ e and ‖D²F‖ ≤ L_H", _OURS),
    # Stochastic gradient descent.
    Constant("beta_bar_sample", s * n * J_sample ** 2, _HESS, (), "E‖g‖² ≤ 2β̄Φ, one sample drawn uniformly", _OURS),
    Constant("beta_bar_batch", s * n * J_sample ** 2 / b + (1 - 1 / b) * s * jacobian_norm ** 2, _HESS, (b >= 1,),
             "E‖g‖² ≤ 2β̄Φ, b samples drawn with replacement; ‖J‖ over B(θ0, R)", _OURS),
    Constant("sgd_residual", e0 + (R + step) * _jacobian, "y", (),
             "‖e‖ on B(θ0, R + step), Δ_J there", _OURS),
    Constant("sgd_smoothness", s * (_jacobian ** 2 + (e0 + (R + step) * _jacobian) * L_H), _HESS, (),
             "λ_max(∇²Φ) on B(θ0, R + step), Δ_J and L_H there", _OURS),
    Constant("sgd_rate", 1 - 2 * eta * mu + eta ** 2 * beta * beta_bar, "1", (),
             "E[Φ_k 1_{τ>k}] ≤ rate^k·Φ0, τ the exit time from B(θ0, R)", _OURS),
    Constant("sgd_rate_simple", 1 - eta * mu, "1", (eta * beta * beta_bar <= mu,),
             "E[Φ_k 1_{τ>k}] ≤ rate^k·Φ0", _OURS),
    Constant("sgd_step", mu / (beta * beta_bar), "theta**2/(s*y**2)", (), "a step up to it gives sgd_rate_simple", _OURS),
    Constant("sgd_exit_probability", 2 * sp.sqrt(2 * beta_bar * Phi0) / (mu * R), "1", (eta * beta * beta_bar <= mu,),
             "P(some iterate leaves B(θ0, R))", _OURS),
    # Mini-batches in any order. The distance to the exact fits takes the place of the loss.
    Constant("batch_growth_square", _alpha / (_alpha - batch_drift ** 2), "1", (batch_fraction < 2, batch_drift ** 2 < _alpha),
             "≤ g²: (distance to an exact fit within an epoch/at its start)²", _OURS),
    Constant("batch_drift_curvature", sp.sqrt(step_sum) * L_H * growth * fit_distance / 2, "1", (),
             "Q for C² activations", _OURS),
    Constant("batch_sigma", _batch_sigma, "1", (), "s_1: (Σ_b ηs_b‖e_b‖²)^½ along an epoch is at least s_1V", _OURS),
    Constant("batch_excess", _excess, "1", (batch_fraction < 2,), "> 0: an epoch brings the iterate nearer to the exact fits", _OURS),
    Constant("epoch_rate_square", 1 - _batch_sigma * _excess, "1", (_excess > 0, _batch_sigma * _excess < 1),
             "V² after an epoch ≤ rate·V² before it", _OURS),
    Constant("batch_path", 2 * sp.sqrt(batch_fraction * batches) / _excess, "1", (_excess > 0,),
             "the length of an epoch's path over V before minus V after it", _OURS),
    Constant("batch_room", _max(2 * sp.sqrt(batch_fraction * batches) / _excess, jacobian_norm / sigma, 1 + growth) * fit_distance,
             "theta", (_excess > 0, sigma > 0), "all iterates of all epochs stay within this of the start", _OURS),
    Constant("fit_distance_start", d0 + e_c / sigma, "theta", (sigma > 0,),
             "V̄: distance of every start within d0 of c to an exact fit that lies within ‖e(c)‖/σ of c", _OURS),
    Constant("loss_at_distance", s * (jacobian_norm * fit_distance) ** 2 / 2, "s*y**2", (),
             "Φ at distance V of an exact fit, the segment in the ball", _OURS),
    # Mini-batches with replacement.
    Constant("replacement_rate", 1 - step_scale * sp.sqrt(b / n) * sigma * (_alpha * sp.sqrt(b / n) * sigma - 2 * batch_defect), "1",
             (b <= n, batch_fraction < 2), "E[V_{k+1}² 1] ≤ rate·E[V_k² 1] until the exit from the ball", _OURS),
    Constant("replacement_exit", 2 * step_scale * batch_jacobian * sp.sqrt(b / n) * jacobian_norm * fit_distance * decay
             / ((1 - contraction) * room), "1", (contraction < 1,), "P(some iterate leaves the ball)", _OURS),
    # Momentum, full batch.
    Constant("momentum_length", 1 / _spread, "1", (momentum < momentum_rate,), "ℓ̂ for the heavy ball", _OURS),
    Constant("momentum_length_nesterov", 1 + momentum / _spread, "1", (momentum < momentum_rate,), "ℓ̂ for Nesterov's form", _OURS),
    Constant("momentum_perturbation", eta * s * Delta_J * jacobian_norm * (noise_factor + step_length), "1", (),
             "Γ: the perturbation of (e, w) in step k is at most ΓXρ̃^k", _OURS),
    Constant("momentum_amplitude", power_bound * e0 / (1 - power_bound * perturbation / (momentum_rate - frozen_rate)), "y",
             (frozen_rate < momentum_rate, power_bound * perturbation < momentum_rate - frozen_rate), "X: ‖e_k‖ ≤ Xρ̃^k", _OURS),
    Constant("momentum_path", eta * s * jacobian_norm * amplitude * step_length / (1 - momentum_rate), "theta",
             (momentum_rate < 1,), "Σ‖θ_{k+1} − θ_k‖", _OURS),
    Constant("momentum_loss", s * amplitude ** 2 / 2, "s*y**2", (), "Φ_k ≤ momentum_loss·ρ̃^2k", _OURS),
    Constant("weight_decay_floor", weight_decay ** 2 * parameter_norm ** 2 / (2 * s * jacobian_norm ** 2), "s*y**2",
             (jacobian_norm > 0,), "Φ at every fixed point of gradient descent with weight decay", _OURS),
)
# fmt: on
