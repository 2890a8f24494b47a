"""The symbols of the theorem's formulas, with sign, unit and meaning: one name each.

Units: s (the loss scale's own unit), y (outputs), theta (parameters); a loss is ``s*y**2``. All symbols stand for real
numbers; the sign assumed of each is in SYMBOLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sympy as sp


@dataclass(frozen=True)
class Quantity:
    """A symbol of the formulas.

    Attributes:
        symbol: the SymPy symbol; its assumptions state the sign.
        unit: in s, y, theta, as an expression SymPy can parse; "1" if dimensionless.
        meaning: what it stands for.
    """

    symbol: Any
    unit: str
    meaning: str


SYMBOLS: Mapping[str, Quantity]
_table: dict[str, Quantity] = {}
SYMBOLS = MappingProxyType(_table)


def _symbol(name: str, unit: str, meaning: str, **assumptions: bool) -> Any:
    symbol = sp.Symbol(name, **(assumptions or {"nonnegative": True}))
    _table[name] = Quantity(symbol, unit, meaning)
    return symbol


_positive = {"positive": True}
s = _symbol("s", "s", "loss scale: Φ = (s/2)‖e‖²", **_positive)
n = _symbol("n", "1", "number of samples", **_positive)
N = _symbol("N", "1", "number of scalar outputs, n·k", **_positive)
b = _symbol("b", "1", "mini-batch size, drawn with replacement", **_positive)
k = _symbol("k", "1", "number of steps")
eta = _symbol("eta", "theta**2/(s*y**2)", "step size of gradient descent", **_positive)
kappa = _symbol("kappa", "1", "fraction of λ0 to be kept, in (0, 1]", **_positive)
R = _symbol("R", "theta", "radius of the closed ball about θ0", **_positive)
width = _symbol("width", "theta", "width of one panel [ρ_{j-1}, ρ_j] of [0, R]")
step = _symbol("step", "theta", "upper bound of the length of one step of stochastic gradient descent")
lambda0 = _symbol("lambda0", "y**2/theta**2", "lower bound of λ_min of the NTK at θ0")
lambda_R = _symbol("lambda_R", "y**2/theta**2", "lower bound of λ_min of the NTK on B(θ0, R)")
Delta_Theta = _symbol("Delta_Theta", "y**2/theta**2", "upper bound of ‖Θ(θ) − Θ(θ0)‖ on B(θ0, R)")
sigma = _symbol("sigma", "y/theta", "lower bound of ‖J(θ)ᵀw‖, ‖w‖ = 1, on the ball in question")
delta = _symbol("delta", "y/theta", "upper bound of ‖J(θ_k) − J̄_k‖, J̄_k the mean of J along a step")
jacobian_norm0 = _symbol("jacobian_norm0", "y/theta", "upper bound of ‖J(θ0)‖")
jacobian_norm = _symbol("jacobian_norm", "y/theta", "upper bound of ‖J‖ at the point in question")
J_sample = _symbol("J_sample", "y/theta", "upper bound of ‖J_i(θ)‖, the k × p block of one sample, over B(θ0, R)")
Delta_J = _symbol("Delta_J", "y/theta", "upper bound of ‖J(θ) − J(θ0)‖ on the ball in question")
L_H = _symbol("L_H", "y/theta**2", "upper bound of ‖D²F[u, v]‖/(‖u‖‖v‖) on the ball", nonnegative=True)
L_Theta = _symbol("L_Theta", "y**2/theta**3", "‖Θ(θ) − Θ(θ0)‖ ≤ L_Θ‖θ − θ0‖ on the ball")
e0 = _symbol("e0", "y", "upper bound of the residual's norm ‖F(θ0) − y‖ at the centre")
residual_change = _symbol("residual_change", "y", "upper bound of ‖e' − e‖ between two data sets")
e = _symbol("e", "y", "residual norm at the iterate in question")
delta_T = _symbol("delta_T", "theta", "upper bound of the distance from the exact iterate to the certificate's centre")
beta = _symbol("beta", "s*y**2/theta**2", "upper bound of ‖∇²Φ‖ along the segments used", **_positive)
mu = _symbol("mu", "s*y**2/theta**2", "PL constant: ½‖∇Φ‖² ≥ μΦ", **_positive)
c = _symbol("c", "1", "descent fraction 1 − ηβ/2", **_positive)
rate = _symbol("rate", "1", "per-step factor of Φ, in [0, 1)")
Phi0 = _symbol("Phi0", "s*y**2", "loss at θ0")
Phi = _symbol("Phi", "s*y**2", "loss at the iterate in question")
epsilon = _symbol("epsilon", "s*y**2", "loss to be reached", **_positive)
gradient_norm = _symbol("gradient_norm", "s*y**2/theta", "‖∇Φ‖ at the point in question")
d0 = _symbol("d0", "theta", "upper bound of the distance from θ0 to the centre c of the ball")
e_c = _symbol("e_c", "y", "upper bound of the residual's norm ‖F(c) − y‖ at the centre c")
D_square = _symbol("D_square", "theta**2", "upper bound of the squared distance to the centre c on a panel")
weight = _symbol("weight", "y**2/theta**4", "m' of claim neuron_budget", **_positive)
omega = _symbol("omega", "y**2/theta**4", "ω_r: ‖J_r(θ) − J_r(θ0)‖² ≤ ω_r t² when neuron r moves by t")
intercept = _symbol("intercept", "y**2/theta**2", "λ_min(Ψ(m')) of claim neuron_budget", real=True)
slope_norm = _symbol("slope_norm", "y/theta**2", "p = sup|σ'|·‖A_1‖ of claim neuron_budget")
bend_norm = _symbol("bend_norm", "y/theta**2", "q_r = ‖v_r‖ sup|σ''| ‖A_1A_1ᵀ ∘ A_1A_1ᵀ‖^½ of claim neuron_budget")
remainder = _symbol("remainder", "y", "upper bound ϱ of ‖F(c) − F(θ) − J(θ)(c − θ)‖ at the distance in question")
step_fraction = _symbol("step_fraction", "1", "upper bound of ηs‖J‖² on the ball; at most 1, or below 2 where said")
sigma_fraction = _symbol("sigma_fraction", "1", "a ≥ ηsσ(ρ)² for every σ(ρ) that is used")
share = _symbol("share", "1", "γ ≤ 1: the residual pays γσ − δ per unit of length")
neuron_reach = _symbol("neuron_reach", "theta", "T_r: ω_r holds while neuron r moves by at most this", **_positive)
neuron_norm = _symbol("neuron_norm", "y/theta", "upper bound of ‖J_r(θ0)‖, J_r the columns of one neuron", **_positive)
intercept_upper = _symbol("intercept_upper", "y**2/theta**2", "λ_max(Σ_r m''/(m'' − ω_r)J_rJ_rᵀ + Θ_out) at the centre")
lambda_features = _symbol("lambda_features", "y**2/theta**2", "λ_min(A_LA_Lᵀ) of the last layer's inputs at the centre")
feature_change = _symbol("feature_change", "y/theta", "upper bound of ‖A_L(θ) − A_L‖ on the ball")
centre_distance = _symbol("centre_distance", "theta", "upper bound of ‖θ̂_k − c‖ over the enclosed iterates")
shadow = _symbol("shadow", "theta", "upper bound of ‖θ_k − θ̂_k‖ over the enclosed iterates")
end_distance = _symbol("end_distance", "theta", "upper bound of ‖θ̂_T − c‖, θ̂_T the centre of the last ball")
end_radius = _symbol("end_radius", "theta", "radius of the ball about θ̂_T that holds the rest of the run")
batch_fraction = _symbol(
    "batch_fraction", "1", "x ≥ ηs_b‖J_b‖² for every batch b that may occur, on the ball; below 2", **_positive
)
batch_drift = _symbol("batch_drift", "1", "Q: Q² ≥ Σ_b ηs_b‖J_b(θ) − J̄_b‖² over the batches of an epoch")
batches = _symbol("batches", "1", "m: number of batches in an epoch", **_positive)
step_scale = _symbol("step_scale", "theta**2/y**2", "the smallest ηs_b over the batches that may occur", **_positive)
step_sum = _symbol("step_sum", "theta**2/y**2", "upper bound of Σ_b ηs_b over the batches of an epoch")
triangle = _symbol("triangle", "1", "τ_m: norm of the strictly lower triangular m × m matrix of ones")
growth = _symbol("growth", "1", "g ≥ 1: the distance to an exact fit grows at most so within an epoch", **_positive)
fit_distance = _symbol("fit_distance", "theta", "V: upper bound of the distance to the exact fits in the ball")
batch_jacobian = _symbol(
    "batch_jacobian", "y/theta", "upper bound of ‖J_b‖ for every batch that may be drawn, on the ball"
)
batch_defect = _symbol(
    "batch_defect", "y/theta", "q_b ≥ ‖J_b(θ) − J̄_b‖, J̄_b the mean over the segment to the nearest exact fit"
)
room = _symbol(
    "room", "theta", "distance from where the iterates are known to be to the boundary of the ball", **_positive
)
contraction = _symbol("contraction", "1", "upper bound of the factor of E[V²1] per step, below 1")
decay = _symbol(
    "decay", "1", "upper bound of contraction^(T/2), T a number of steps in which no draw can leave the ball"
)
momentum = _symbol("momentum", "1", "momentum β of torch.optim.SGD, in [0, 1)")
frozen_rate = _symbol("frozen_rate", "1", "ρ: powers of the frozen iteration decay like C_1ρ^k; β < ρ < 1", **_positive)
momentum_rate = _symbol("momentum_rate", "1", "ρ̃ > ρ: ‖e_k‖ ≤ Xρ̃^k", **_positive)
power_bound = _symbol(
    "power_bound", "1", "C_1 ≥ ‖T(x)^k‖ρ^−k for all k and x in the spectrum of ηsΘ_c; at least 1", **_positive
)
perturbation = _symbol("perturbation", "1", "Γ: size of the perturbation of the frozen iteration")
noise_factor = _symbol(
    "noise_factor", "1", "√2 for the heavy ball, (1 + (1 + β)²)^½ for Nesterov's form, or an upper bound"
)
amplitude = _symbol("amplitude", "y", "X: ‖e_k‖ ≤ Xρ̃^k")
step_length = _symbol("step_length", "1", "ℓ̂: a step is at most ηsKXℓ̂ρ̃^k long")
weight_decay = _symbol("weight_decay", "s*y**2/theta**2", "weight_decay of torch.optim.SGD", **_positive)
parameter_norm = _symbol("parameter_norm", "theta", "‖θ‖ at the point in question")
form_norm = _symbol("form_norm", "y/theta**2", "‖M(R)‖ of claim network_jacobian_change")
jump_norm = _symbol(
    "jump_norm", "y/theta", "‖c'(R)‖ of claim network_jacobian_change: what kinks add; 0 for C² activations"
)
stacked_slope = _symbol("stacked_slope", "y/theta**2", "a_r of claim jacobian_curvature")
stacked_bend = _symbol("stacked_bend", "y/theta**2", "b_r of claim jacobian_curvature")
sigma_1 = _symbol("sigma_1", "y/theta", "σ_min of W1ᵀ as an operator on residuals (two-layer linear network)")
sigma_2 = _symbol("sigma_2", "y/theta", "σ_min of W2ᵀ as an operator on residuals (two-layer linear network)")
beta_bar = _symbol("beta_bar", "s*y**2/theta**2", "E‖g‖² ≤ 2β̄Φ for the stochastic gradient g", **_positive)
imbalance_plus = _symbol("imbalance_plus", "theta**2", "d₊ = max(0, λ_m(D)), D = AᵀA − BBᵀ of F = AB, A m × h, B h × n")
imbalance_minus = _symbol("imbalance_minus", "theta**2", "d₋ = max(0, λ_n(−D))")
imbalance_low = _symbol("imbalance_low", "theta**2", "δ₋ = max(0, −λ_min(D)), an upper bound of ‖B‖² − ‖Aᵀ·‖²")
imbalance_high = _symbol("imbalance_high", "theta**2", "δ₊ = max(0, λ_max(D)), or δ₋ for the other factor")
imbalance_drift = _symbol("imbalance_drift", "theta**2", "ε ≥ ‖D_k − D_0‖")
product_sigma = _symbol("product_sigma", "theta**2", "p = σ_m(F), F = AB")
product_norm = _symbol("product_norm", "theta**2", "f ≥ ‖F‖, F = AB")
squared_norms = _symbol("squared_norms", "theta**2", "L ≥ ‖A‖² + ‖B‖²")
K_loss = _symbol("K_loss", "s*y**2/theta**4", "smoothness constant of ℓ, Φ(A, B) = ℓ(AB)")
mu_loss = _symbol("mu_loss", "s*y**2/theta**4", "PL constant of ℓ: ½‖∇ℓ‖² ≥ μ_ℓ(ℓ − ℓ*)")
gradient_loss = _symbol("gradient_loss", "s*y**2/theta**2", "G ≥ ‖∇ℓ(F)‖; ‖∇ℓ(F)‖_F in the PL inequality")
kept = _symbol("kept", "1", "lower bound of 1 − ηβ_loc/2 along the whole run")
distance_fraction = _symbol("distance_fraction", "1", "f of claim sgd_distance")
outer_step = _symbol("outer_step", "1", "λ of z⁺ = (1 − λ)z + λT^τz, in (0, 1]")
outer_kept = _symbol("outer_kept", "1", "χ of claim lookahead_lplr")
inner_rate = _symbol("inner_rate", "1", "factor of ‖e‖ over τ inner steps")
beta1 = _symbol("beta1", "1", "Adam's decay of the mean gradient")
beta2 = _symbol("beta2", "1", "Adam's decay of the mean square")
kl_start = _symbol("kl_start", "1", "KL(π* ‖ π_0), averaged over the states π* visits")
policy_step = _symbol("policy_step", "1", "η of π⁺ ∝ π·exp(ηQ)")
policy_error = _symbol("policy_error", "1", "ε ≥ |error of the logits|")
range_Q = _symbol("range_Q", "1", "largest minus least action value in a state")
discount = _symbol("discount", "1", "γ < 1")
updates = _symbol("updates", "1", "number of policy updates")
