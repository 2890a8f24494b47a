"""Gated linear networks (related to arXiv:2101.04243): fixed activation patterns, a global rate, and the ReLU network that they are on their data.

F(x) = Σ_r v_r 1[u_r·x > 0](w_r·x), u and v fixed, W trained. Θ = (Σ_r v_r²g_rg_rᵀ) ∘ XXᵀ with the gates g_r, whose signs are certified (claim
gated_rate). Claim gated_to_relu turns the network with weights w_r into Σ_r v_r(relu(a_r·x) − relu(b_r·x)), b_r = tu_r, a_r = w_r + tu_r. Here a_r is
*rounded* to doubles and t is a power of two: the ReLU network of doubles is on the data exactly the gated network of the weights a_r − b_r, and the error
stated is its own, enclosed through its ReLUs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from flint import arb_mat
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify import datasets
from verify.arrays import Ball, gram, largest_eigenvalue, matmul, smallest_eigenvalue, sqrt_of_nonnegative
from verify.certificates import Step
from verify.experiments.related.demonstration import Demonstration, count, factor, least, most
from verify.networks.arb_forms import exact_matrix, precision, to_ball
from verify.regions.neighbourhood.ingredients import lower, upper

__all__ = ["demonstrate", "run"]


def run(gates: int = 4, n: int = 100, *, norm: float = 24.0, seed: int = 0) -> Demonstration:
    """Certify a gated network on n digits of the given norm; gates u_r ~ N(0, 1), v_r = ±1/√(64·gates) as doubles."""
    X, y = datasets.digits(n, norm=norm)
    U = np.random.default_rng(seed).normal(size=(gates, X.shape[1]))
    v = np.where(np.arange(gates) % 2, 1.0, -1.0) / np.sqrt(gates * X.shape[1])
    return demonstrate(X, y, U, v, seed=seed)


def demonstrate(
    X: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, " n"],
    U: Float[np.ndarray, "m d"],
    v: Float[np.ndarray, " m"],
    *,
    seed: int = 0,
) -> Demonstration:
    """Check gated_rate with η a double just below 1/λ_max (Φ = ½‖e‖²), and gated_to_relu at weights that fit the data.

    Args:
        X, y: samples. U, v: gates and output weights. seed: of the start from which the nearest fit (a least-squares guess) is taken.
    """
    reach = matmul(X, U.T)
    open_ = np.where(reach.mid > 0.0, 1.0, 0.0)
    theta = gram(X) * matmul(open_ * (Ball(v) * v), open_.T)
    smallest, largest = smallest_eigenvalue(theta), Ball(upper(largest_eigenvalue(theta)))
    eta = Ball((1.0 - 2.0**-50) / upper(largest))
    rate = evaluate(
        "residual_rate",
        {"eta": eta, "s": Ball(1), "sigma": sqrt_of_nonnegative(Ball(max(0.0, lower(smallest)))), "delta": Ball(0)},
    )
    W = _nearest_fit(X, y, open_ * v, np.random.default_rng(seed).normal(size=U.shape))
    t = _scale(matmul(X, W.T), reach)
    A, B = W + t * U, t * U
    first, second = matmul(X, A.T), matmul(X, B.T)
    spare = Ball(second.mignitude()) - Ball((first - second).magnitude())
    steps = (
        Step(
            "every gate's sign is certain",
            "gated_rate",
            Ball(reach.mignitude().min()),
            ">",
            Ball(0),
            "min |u_r·x_i| > 0",
        ),
        Step("the kernel is positive", "gated_rate", smallest, ">", Ball(0), "λ_min(Θ) > 0"),
        Step("the step is small enough", "gated_rate", eta * largest, "<=", Ball(1), "ηλ_max(Θ) ≤ 1"),
        Step(
            "no gate's sign is lost",
            "gated_to_relu",
            Ball(spare.lower().min()),
            ">",
            Ball(0),
            "t|u_r·x_i| > |(a_r − b_r)·x_i|",
        ),
    )
    return Demonstration(
        system=f"gated network, {len(U)} gates, n = {len(X)}, d = {X.shape[1]}",
        paper="2101.04243",
        claims=("gated_rate", "gated_to_relu"),
        steps=steps,
        quantities={
            "lambda_min": smallest,
            "lambda_max": largest,
            "step": eta,
            "rate": rate,
            "relu_error": _relu_residual(X, y, A, B, v).norm(),
            "relu_width": Ball(2 * len(U)),
            "gates": Ball(len(U)),
            "samples": Ball(len(X)),
            "scale": Ball(t),
        },
        says=_says,
        limits="off the data the two networks differ, and training the gated one is not ReLU training (claim gated_is_relu_training); the abstract's widths"
        " (quadratic in n) are sufficient ones for deep networks with every layer trained, so they are not refuted by a smaller one here",
    )


def _nearest_fit(X: np.ndarray, y: np.ndarray, weights: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return doubles near the exact fit that gradient descent from `start` converges to; `weights` (n, m) are v_r·g_ir."""
    design = (weights[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    move = np.linalg.lstsq(design, y - design @ start.ravel(), rcond=None)[0]
    return np.asarray(start + move.reshape(start.shape))


def _scale(image: Ball, reach: Ball) -> float:
    """Return a power of two t, a guess at the least with t|u·x| > |w·x|."""
    least = reach.mignitude()
    if not (least > 0.0).all():
        return 1.0
    return float(2.0 ** np.ceil(np.log2(1.01 * np.max(image.magnitude() / least))))


def _relu_residual(X: np.ndarray, y: np.ndarray, A: np.ndarray, B: np.ndarray, v: np.ndarray) -> Ball:
    """Enclose Σ_r v_r(relu(a_r·x_i) − relu(b_r·x_i)) − y_i, (n,): in Arb, since float64's radius would be a hundred times the error."""
    with precision(128):
        inputs = exact_matrix(X)
        weights = exact_matrix(v[:, None])
        parts = [inputs * exact_matrix(M).transpose() for M in (A, B)]
        first, second = (arb_mat(z.nrows(), z.ncols(), [x.max(0) for x in z.entries()]) for z in parts)
        return to_ball((first - second) * weights - exact_matrix(y[:, None]))[:, 0]


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"{count(q, 'gates')} gates on {count(q, 'samples')} samples: λ_min(Θ) ≥ {least(q, 'lambda_min')}, so from any weights ‖e‖ falls by"
        f" {factor(q, 'rate', 6)} per step; a ReLU network of width {count(q, 'relu_width')}, equal to a gated one on the data, fits it up to"
        f" ‖e‖ ≤ {most(q, 'relu_error', 3)}"
    )
