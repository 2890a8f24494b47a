"""Jacobian-regularised training (related to arXiv:2312.03386): the theory of Locally PL Regions, applied to the stacked map (F, √ρ ∂F/∂x).

Φ = ½(‖F − y‖² + ρΣ_i‖∂F/∂x(x_i)‖²) = ½‖e_G‖² for G = (F, √ρ ∂F/∂x) (claim jacobian_regularised), F = m^{−½}Σ_r v_rtanh(w_r·u), u = x/√d. J_G is
enclosed entry by entry, its curvature L_G on a ball by claim jacobian_curvature, σ(t) = √λ_min(J_GJ_Gᵀ) − L_Gt (claim ntk_stability), and then claim
containment_residual decides as for any map, its integral summed over panels. By iterates_converge gradient descent from there ends at a network that fits
every label and whose input gradient is exactly 0 at every sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify import datasets
from verify.arrays import (
    Ball,
    concatenate,
    gram,
    largest_eigenvalue,
    matmul,
    maximum,
    smallest_eigenvalue,
    spectral_norm,
    sqrt,
    sqrt_of_nonnegative,
    tanh,
)
from verify.certificates import Step
from verify.errors import InputError
from verify.experiments.related.demonstration import Demonstration, factor, least, most
from verify.regions.neighbourhood.ingredients import lower, upper

__all__ = ["Stacked", "demonstrate", "run"]

_PANELS = 32


@dataclass(frozen=True)
class Stacked:
    """G = (F, √ρ ∂F/∂x) of m^{−½}Σ_r v_rtanh(w_r·x/√d) on n samples; everything exact.

    Attributes:
        X: (n, d). y: (n,). penalty: ρ > 0.
    """

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    penalty: Fraction

    def __post_init__(self) -> None:
        """Refuse what is no penalty: without one input gradients are free (claim jacobian_regularised)."""
        if not self.penalty > 0:
            raise InputError(f"penalty={self.penalty}: expected ρ > 0")

    @property
    def _scales(self) -> tuple[float, float]:
        d = self.X.shape[1]
        return 1.0 / np.sqrt(d), np.sqrt(float(self.penalty) / d)

    def gradient(self, W: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return ∂Φ/∂W, ∂Φ/∂v and ‖e_G‖ in float64."""
        root = 1.0 / np.sqrt(len(v))
        a, c = self._scales
        U = self.X * a
        T = np.tanh(U @ W.T)
        S = 1.0 - T * T
        e, g = T @ v * root - self.y, (S * v) @ W * (c * root)
        Q = g @ W.T
        into = (S * e[:, None] - 2.0 * c * T * S * Q) * v
        return (
            root * (into.T @ U + c * (S * v).T @ g),
            root * (T.T @ e + c * (S * Q).sum(axis=0)),
            float(np.sqrt(e @ e + np.sum(g * g))),
        )

    def residual_and_jacobian(self, W: np.ndarray, v: np.ndarray) -> tuple[Ball, Ball]:
        """Enclose e_G (n(1 + d),) and J_G (n(1 + d), m(d + 1)) at exact parameters: F's rows, then those of √ρ ∂F/∂x sample by sample."""
        (n, d), m = self.X.shape, len(v)
        U, root = Ball(self.X) / sqrt(Ball(d)), Ball(1) / sqrt(Ball(m))
        c = root * sqrt(Ball(self.penalty) / d)
        T = tanh(matmul(U, W.T))
        S = 1 - T * T
        B = T * S * -2
        e = matmul(T, v[:, None])[:, 0] * root - self.y
        g = matmul(S * v, W) * c
        # Axes: sample, [component of x,] neuron, parameter of the neuron (w_r, then v_r).
        values = concatenate([(S * v)[:, :, None] * U[:, None, :], T[:, :, None]], axis=2) * root
        own = (S * v)[:, None, :, None] * np.eye(d)[None, :, None, :]
        turned = ((B * v)[:, None, :] * W.T[None])[:, :, :, None] * U[:, None, None, :]
        last = (S[:, None, :] * W.T[None])[:, :, :, None]
        slopes = concatenate([own + turned, last], axis=3) * c
        J = concatenate([values.reshape(n, m * (d + 1)), slopes.reshape(n * d, m * (d + 1))])
        return concatenate([e, g.reshape(n * d)]), J

    def curvature(self, W: np.ndarray, v: np.ndarray, radius: float) -> Ball:
        """Return an upper bound of L_G on the ball of that radius (claim jacobian_curvature)."""
        (n, d), m = self.X.shape, len(v)
        U = Ball(self.X) / sqrt(Ball(d))
        kernel = gram(U)
        norm, fourth = spectral_norm(U), sqrt_of_nonnegative(spectral_norm(kernel * kernel))
        s_1, s_2, s_3 = Ball(1), Ball(4) / (sqrt(Ball(3)) * 3), Ball(2)
        w, size = Ball(W).norm(axis=1) + radius, Ball(np.abs(v)) + radius
        slope_F, bend_F = s_1 * norm, size * s_2 * fourth
        slope_D, bend_D = s_2 * norm * w + s_1 * sqrt(Ball(n)), size * (s_3 * fourth * w + s_2 * norm * 2)
        weight = Ball(self.penalty) / d
        values = {
            "stacked_slope": sqrt_of_nonnegative((slope_F * slope_F + weight * slope_D * slope_D) / m),
            "stacked_bend": sqrt_of_nonnegative((bend_F * bend_F + weight * bend_D * bend_D) / m),
        }
        return Ball(float(evaluate("stacked_curvature", values).upper().max()))


def run(
    n: int = 10,
    d: int = 5,
    width: int = 512,
    steps: int = 2600,
    *,
    penalty: Fraction = Fraction(9),
    seed: int = 0,
    data_seed: int = 5,
) -> Demonstration:
    """Train d-width-1 by descent on Φ with n points of a sphere of norm 3√d and ±1 labels, N(0, 1) weights, and certify where it ends.

    Args:
        n, d, data_seed: the data. width, seed: the network. steps: of float64 descent with η = 0.8/λ_max(J_GJ_Gᵀ) at the start. penalty: ρ.
    """
    problem = Stacked(*datasets.sphere(n, d, 3.0 * np.sqrt(d), data_seed), penalty)
    rng = np.random.default_rng(seed)
    W, v = rng.normal(size=(width, d)), rng.normal(size=width)
    lr = Fraction(0.8 / upper(largest_eigenvalue(gram(problem.residual_and_jacobian(W, v)[1]))))
    for _ in range(steps):
        move_W, move_v, _ = problem.gradient(W, v)
        W, v = W - float(lr) * move_W, v - float(lr) * move_v
    return demonstrate(problem, W, v, lr)


def demonstrate(problem: Stacked, W: np.ndarray, v: np.ndarray, lr: Fraction) -> Demonstration:
    """Check claim containment_residual for the stacked map at exact parameters W (m, d), v (m,), at the first radius of a few that suffices."""
    e, J = problem.residual_and_jacobian(W, v)
    kernel = gram(J) if J.shape[0] <= J.shape[1] else Ball(np.zeros((1, 1)))
    centre = {
        "s": Ball(1),
        "eta": Ball(lr),
        "e0": Ball(upper(e.norm())),
        "lambda0": Ball(max(0.0, lower(smallest_eigenvalue(kernel)))),
        "jacobian_norm0": Ball(upper(spectral_norm(J))),
    }
    positive = Step(
        "the stacked kernel is positive at the centre",
        "jacobian_regularised",
        centre["lambda0"],
        ">",
        Ball(0),
        "λ_min(J_GJ_Gᵀ) > 0",
    )
    steps: tuple[Step, ...] = ()
    quantities: dict[str, Ball] = {}
    if positive.certain:
        reach = upper(centre["e0"] / sqrt(centre["lambda0"]))
        tried = [_at_radius(problem, W, v, centre, reach * 1.02**k) for k in range(1, 60, 2)]
        steps, quantities = next((found for found in tried if all(step.certain for step in found[0])), tried[0])
    d = problem.X.shape[1]
    return Demonstration(
        system=f"Jacobian-regularised {d}-{len(v)}-1 tanh, n = {len(problem.X)}, ρ = {problem.penalty}",
        paper="2312.03386",
        claims=(
            "jacobian_regularised",
            "jacobian_curvature",
            "ntk_stability",
            "containment_residual",
            "iterates_converge",
        ),
        steps=(positive, *steps),
        quantities=quantities,
        says=_says,
        limits="infinite width, the linear ODE of the Jacobian NTK, and the run before these parameters; the restart is from the exact doubles",
    )


def _at_radius(
    problem: Stacked, W: np.ndarray, v: np.ndarray, centre: Mapping[str, Ball], radius: float
) -> tuple[tuple[Step, ...], dict[str, Ball]]:
    """Evaluate the criterion on the ball of that radius."""
    bend = problem.curvature(W, v, radius)
    values = {**centre, "R": Ball(radius), "L_H": bend, "Delta_J": Ball(upper(bend * radius))}
    values["delta"] = Ball(upper(evaluate("delta_residual", values)))
    edges = np.linspace(0.0, radius, _PANELS + 1)
    squares = evaluate("lambda_region_sharp", {"lambda0": centre["lambda0"], "Delta_J": bend * edges[1:]})
    sigma = sqrt_of_nonnegative(maximum(squares, Ball(0)))
    supply = evaluate(
        "residual_panel", {"sigma": sigma, "delta": values["delta"], "width": Ball(edges[1:]) - edges[:-1]}
    ).sum()
    values["sigma"] = Ball(lower(sigma[-1]))
    values["lambda_R"] = values["sigma"] * values["sigma"]
    claim = "containment_residual"
    steps = (
        Step("the step is small enough", claim, evaluate("residual_step", values), "<=", Ball(1), "ηsK² ≤ 1"),
        Step("the step drift leaves room", claim, values["sigma"], ">", values["delta"], "σ(R) > δ"),
        Step("the residual pays for the path", claim, supply, ">=", centre["e0"], "∫_0^R (σ(t) − δ)dt ≥ ‖e_G‖"),
    )
    return steps, {
        "mu": evaluate("mu", values),
        "rate": evaluate("residual_rate", values),
        "R": values["R"],
        "supply": supply,
        **{name: values[name] for name in ("lambda0", "e0", "L_H", "jacobian_norm0", "delta", "eta")},
    }


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"from residual and input gradients of norm ‖e_G‖ ≤ {most(q, 'e0', 3)} gradient descent stays in a Locally PL Region of Φ with μ ≥"
        f" {least(q, 'mu')} and radius {most(q, 'R', 3)}, ‖e_G‖ falls by {factor(q, 'rate', 6)} per step, and it converges to a network that fits every label"
        " with input gradient exactly 0 at every sample"
    )
