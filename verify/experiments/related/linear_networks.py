"""Two-layer linear networks (related to arXiv:2505.11664): gradient descent on real digits converges from its initialisation, globally.

ℓ(F) = (1/2N)‖FX − Y‖², F = AB. Claim linear_global_convergence needs the imbalance D = AᵀA − BBᵀ at the start, the constants of ℓ and an
allowance ε for the drift of D: no ball, no threshold for the width, and the minimum ℓ* may be positive. Beside it the step that linear_descent_local
justifies at each iterate. Both descents run in Arb, in real arithmetic, from the same exact start, until the gap ℓ − ℓ* has fallen by a given factor.

How d₊ is enclosed: for any W (h, m) of full rank, λ_m(D) ≥ λ_min(WᵀDW)/λ_max(WᵀW) where the former is positive (Courant–Fischer); W is a guess at the
leading eigenvectors. ℓ* and the minimiser F*: ℓ is μ_ℓ-strongly convex, so at any guess F̂ ℓ(F̂) − ‖∇ℓ(F̂)‖²/(2μ_ℓ) ≤ ℓ* ≤ ℓ(F̂) and ‖F̂ − F*‖ ≤ ‖∇ℓ(F̂)‖/μ_ℓ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify.arrays import (
    Ball,
    exp,
    gram,
    largest_eigenvalue,
    log,
    matmul,
    smallest_eigenvalue,
    spectral_norm,
    sqrt_of_nonnegative,
    stack,
)
from verify.certificates import Step
from verify.decimals import enclosure
from verify.experiments.related.demonstration import Demonstration, count, factor, most
from verify.networks.arb_forms import exact_matrix, precision, to_ball
from verify.regions.neighbourhood.ingredients import lower, upper

__all__ = ["GlobalRate", "Quadratic", "digits", "global_rate", "initial_factors", "run"]

Matrix = Float[np.ndarray, "_ _"]


def digits(*, whitened: bool = True) -> tuple[Matrix, Matrix]:
    """Return scikit-learn's 1,797 handwritten digits pooled to 4×4: X (16, 1797) centred, scaled or whitened, and Y (10, 1797), one-hot minus 1/10."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pooled = bunch.images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    centred = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0).max()
    if whitened:
        centred = np.linalg.svd(centred, full_matrices=False)[0] * np.sqrt(len(centred))
    return np.ascontiguousarray(centred.T), np.eye(10)[bunch.target].T - 0.1


def initial_factors(m: int, width: int, n: int, seed: int) -> tuple[Matrix, Matrix]:
    """Return A (m, width) and B (width, n), entries N(0, 1/width)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, width)) / np.sqrt(width), rng.normal(size=(width, n)) / np.sqrt(width)


class Quadratic:
    """The loss ℓ(F) = (1/2N)‖FX − Y‖² on matrices F (m, n).

    Args:
        X: (n, N) doubles. Y: (m, N) doubles.

    Attributes:
        smoothness: upper bound of K = λ_max(XXᵀ/N). pl: lower bound of μ_ℓ = λ_min(XXᵀ/N), the PL constant and that of strong convexity.
        minimum: enclosure of ℓ*. minimiser_norm: upper bound of ‖F*‖.
    """

    def __init__(self, X: Matrix, Y: Matrix) -> None:
        """Enclose the constants."""
        self.X, self.Y = X, Y
        second = gram(X) / Ball(X.shape[1])
        self.smoothness, self.pl = Ball(upper(largest_eigenvalue(second))), Ball(lower(smallest_eigenvalue(second)))
        guess = np.linalg.lstsq(X.T, Y.T, rcond=None)[0].T
        value, gradient = self.value(Ball(guess)), self.gradient(Ball(guess)).norm()
        self.minimum = Ball.from_bounds((value - gradient * gradient / (self.pl * 2)).lower(), value.upper())
        self.minimiser_norm = Ball(upper(spectral_norm(guess) + gradient / self.pl))

    def _error(self, F: Ball) -> Ball:
        return matmul(F, Ball(self.X)) - self.Y

    def value(self, F: Ball) -> Ball:
        """ℓ(F)."""
        size = self._error(F).norm()
        return size * size / Ball(2 * self.X.shape[1])

    def gradient(self, F: Ball) -> Ball:
        """∇ℓ(F), (m, n)."""
        return matmul(self._error(F), Ball(self.X.T)) / Ball(self.X.shape[1])


@dataclass(frozen=True)
class GlobalRate:
    """The hypotheses of linear_global_convergence at one start, and its rate.

    Attributes:
        gap: upper bound of ℓ_0 − ℓ*. plus, minus: lower bounds of d₊, d₋. drift: the allowance ε. kept: lower bound of c.
        rate: ℓ_{k+1} − ℓ* ≤ rate·(ℓ_k − ℓ*) for every k, where every step of `steps` is certain.
    """

    gap: Ball
    plus: Ball
    minus: Ball
    drift: Ball
    kept: Ball
    rate: Ball
    steps: tuple[Step, ...]


def global_rate(loss: Quadratic, A: Matrix, B: Matrix, eta: Fraction) -> GlobalRate:
    """Check linear_global_convergence for gradient descent with step `eta` from the exact doubles A (m, h), B (h, n)."""
    step = Ball(eta)
    imbalance = gram(A.T) - gram(B)
    high, low = (Ball(max(0.0, upper(largest_eigenvalue(D)))) for D in (imbalance, -imbalance))
    plus, minus = _leading(A, B, A.shape[0]), _leading(B.T, A.T, B.shape[1])
    gap = Ball(max(0.0, upper(loss.value(matmul(A, B)) - loss.minimum)))
    # On {ℓ ≤ ℓ_0}: ‖F − F*‖² ≤ 2(ℓ_0 − ℓ*)/μ_ℓ, and ‖∇ℓ‖² ≤ 2K(ℓ_0 − ℓ*).
    product = loss.minimiser_norm + sqrt_of_nonnegative(gap * 2 / loss.pl)
    gradient = sqrt_of_nonnegative(loss.smoothness * gap * 2)

    def kept_at(drift: Ball) -> Ball:
        norms = [
            evaluate("linear_norm", {"imbalance_high": edge + drift, "product_norm": product}) for edge in (high, low)
        ]
        curvature = evaluate(
            "linear_curvature",
            {"eta": step, "gradient_loss": gradient, "K_loss": loss.smoothness, "squared_norms": norms[0] + norms[1]},
        )
        return Ball(lower(Ball(1) - step * curvature / 2))

    drift = _least_drift(kept_at, step * gap)
    kept = kept_at(drift)
    rate = evaluate(
        "linear_rate_global",
        {
            "eta": step,
            "kept": kept,
            "mu_loss": loss.pl,
            "imbalance_plus": plus,
            "imbalance_minus": minus,
            "imbalance_drift": drift,
        },
    )
    claim = "linear_global_convergence"
    return GlobalRate(
        gap,
        plus,
        minus,
        drift,
        kept,
        Ball(upper(rate)),
        (
            Step("ℓ is strongly convex", claim, loss.pl, ">", Ball(0), "μ_ℓ > 0"),
            Step("the constants leave a descent", claim, kept, ">", Ball(0), "c > 0"),
            Step("the loss pays for the drift", claim, step * gap, "<=", kept * drift, "η(ℓ_0 − ℓ*) ≤ cε"),
            Step("the imbalance outlasts the drift", claim, plus + minus, ">", drift * 2, "d₊ + d₋ > 2ε"),
        ),
    )


def _least_drift(kept_at: Callable[[Ball], Ball], paid: Ball) -> Ball:
    """Return nearly the least ε with paid ≤ c(ε)·ε, from below; the caller checks it. ε grows, and c falls, until it fits or c is lost."""
    drift = Ball(upper(paid))
    for _ in range(200):
        kept = kept_at(drift)
        if not lower(kept) > 0.0 or lower(kept * drift) >= upper(paid):
            break
        drift = Ball(upper(paid / kept) * (1.0 + 2.0**-40))
    return drift


def _leading(A: Matrix, B: Matrix, m: int) -> Ball:
    """Return a lower bound of max(0, λ_m(AᵀA − BBᵀ)); see the module's docstring."""
    if A.shape[1] < m:
        return Ball(0.0)
    W = np.linalg.eigh(A.T @ A - B @ B.T)[1][:, -m:]
    form = gram(matmul(W.T, A.T)) - gram(matmul(W.T, B))
    return Ball(max(0.0, lower(smallest_eigenvalue(form) / largest_eigenvalue(gram(W.T)))))


@dataclass(frozen=True)
class Descent:
    """Real-arithmetic gradient descent until ℓ − ℓ* has fallen far enough.

    Attributes:
        steps: number of steps made: the first at which the target was reached, unless the budget or the precision ended before (see `reached`).
        reached: (ℓ − ℓ*)/(ℓ_0 − ℓ*) at the end.
        factors: (steps,) the factor of ℓ − ℓ* in each step.
        guaranteed: (steps,) what linear_descent_local and linear_pl_from_imbalance guarantee for it at each iterate; empty for a fixed step.
    """

    steps: int
    reached: Ball
    factors: Ball
    guaranteed: Ball


class EnclosedDescent:
    """Gradient descent on Φ(A, B) = ℓ(AB) from exact doubles; each iterate is enclosed in Arb with `bits` bits."""

    def __init__(self, loss: Quadratic, A: Matrix, B: Matrix, bits: int) -> None:
        """Enclose XXᵀ/N, YXᵀ/N and F* once."""
        self.loss, self.bits, self.A, self.B = loss, bits, A, B
        with precision(bits):
            X, samples = exact_matrix(loss.X), arb(loss.X.shape[1])
            self._second = X * X.transpose() / samples
            self._cross = exact_matrix(loss.Y) * X.transpose() / samples
            self._minimiser = self._second.solve(self._cross.transpose()).transpose()

    def _gap(self, F: Any) -> Any:
        # ℓ(F) − ℓ* = ½⟨E, EXXᵀ/N⟩ with E = F − F*.
        E = F - self._minimiser
        return sum((x * y for x, y in zip(E.entries(), (E * self._second).entries(), strict=True)), arb(0)) / 2

    def run(self, step: Fraction | None, to: Fraction, budget: int) -> Descent:
        """Descend with a fixed step, or, for None, with each iterate's own, until ℓ − ℓ* ≤ to·(ℓ_0 − ℓ*)."""
        factors: list[Any] = []
        guaranteed: list[Ball] = []
        with precision(self.bits):
            a, b = exact_matrix(self.A), exact_matrix(self.B)
            start = now = self._gap(a * b)
            target = start * to.numerator / to.denominator
            while now > target and len(factors) < budget:
                gradient = a * b * self._second - self._cross
                length = step
                if length is None:
                    length, promise = self._local(to_ball(a), to_ball(b), to_ball(gradient))
                    guaranteed.append(promise)
                move = gradient * (arb(length.numerator) / length.denominator)
                a, b = a - move * b.transpose(), b - a.transpose() * move
                before, now = now, self._gap(a * b)
                factors.append(now / before)
            end = to_ball(arb_mat([[now / start, *factors]]))[0]
        return Descent(len(factors), end[0], end[1:], stack(guaranteed) if guaranteed else Ball(np.zeros(0)))

    def _local(self, A: Ball, B: Ball, G: Ball) -> tuple[Fraction, Ball]:
        """Return a double near the fixed point of η = 1/β_loc(η) at this iterate, and the factor of ℓ − ℓ* that η guarantees."""
        grams = gram(A), gram(B.T)
        values = {
            "gradient_loss": spectral_norm(G),
            "K_loss": self.loss.smoothness,
            "squared_norms": largest_eigenvalue(grams[0]) + largest_eigenvalue(grams[1]),
        }
        size, scale = upper(values["gradient_loss"]), upper(self.loss.smoothness * values["squared_norms"])
        eta = 0.0
        for _ in range(60):
            eta = 1.0 / (size + scale * (1.0 + eta * size / 2) ** 2)
        step = Ball(eta)
        kept = Ball(1) - step * evaluate("linear_curvature", {**values, "eta": step}) / 2
        gains = {"imbalance_plus": smallest_eigenvalue(grams[0]), "imbalance_minus": smallest_eigenvalue(grams[1])}
        # linear_rate_global with α and β themselves in place of their bounds d₊ − ε, d₋ − ε.
        promise = evaluate(
            "linear_rate_global",
            {"eta": step, "kept": kept, "mu_loss": self.loss.pl, "imbalance_drift": Ball(0), **gains},
        )
        return Fraction(eta), Ball(upper(promise))


def run(
    width: int = 64,
    step: Fraction = Fraction(1, 16),
    *,
    seed: int = 0,
    whitened: bool = True,
    to: Fraction = Fraction(1, 10**10),
    budget: int = 400,
    bits: int = 512,
) -> Demonstration:
    """Certify 1,797 digits, 16-width-10, from N(0, 1/width) weights; race the fixed step against the local one down to `to` times the initial gap.

    Args:
        width: of the hidden layer. step: of the global certificate. seed: of the weights. whitened: inputs with XXᵀ = N·I up to rounding.
        to, budget, bits: of the two enclosed descents.
    """
    X, Y = digits(whitened=whitened)
    A, B = initial_factors(Y.shape[0], width, X.shape[0], seed)
    loss = Quadratic(X, Y)
    found = global_rate(loss, A, B, step)
    descent = EnclosedDescent(loss, A, B, bits)
    fixed, local = descent.run(step, to, budget), descent.run(None, to, budget)
    reached = "ℓ_k − ℓ* ≤ target·(ℓ_0 − ℓ*)"
    steps = (
        *found.steps,
        Step("the fixed step reaches the target", "linear_global_convergence", fixed.reached, "<=", Ball(to), reached),
        Step("the local step reaches the target", "linear_descent_local", local.reached, "<=", Ball(to), reached),
    )
    quantities = {
        "minimum": loss.minimum,
        "gap": found.gap,
        "imbalance_plus": found.plus,
        "imbalance_minus": found.minus,
        "drift": found.drift,
        "kept": found.kept,
        "rate": found.rate,
        "worst_factor": _largest(fixed.factors),
        "mean_factor": _geometric_mean(fixed.factors),
        "fixed_steps": Ball(fixed.steps),
        "local_steps": Ball(local.steps),
        "guaranteed_mean": _geometric_mean(local.guaranteed),
    }
    return Demonstration(
        system=f"two-layer linear network 16-{width}-10",
        paper="2505.11664",
        claims=(
            "linear_global_convergence",
            "linear_descent_local",
            "linear_imbalance",
            "linear_pl_from_imbalance",
            "linear_norm_from_imbalance",
        ),
        steps=steps,
        quantities=quantities,
        says=_says,
        limits="the step is certified from a known minimum ℓ*, found from the data; nothing is said of other losses than the quadratic here",
    )


def _largest(values: Ball) -> Ball:
    return Ball.from_bounds(values.lower().max(initial=0.0), values.upper().max(initial=0.0))


def _geometric_mean(values: Ball) -> Ball:
    known = values.size and values.lower().min() > 0.0 and np.isfinite(values.upper()).all()
    return exp(log(values).mean()) if known else Ball(0.0, np.inf)


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"1,797 digits, minimum ℓ* = {enclosure(q['minimum'])}: from its initialisation ℓ_k − ℓ* ≤ {factor(q, 'rate', 6)}^k·(ℓ_0 − ℓ*), globally"
        f" (worst step of the run enclosed {most(q, 'worst_factor')}, mean {most(q, 'mean_factor')}; the imbalance moves by at most"
        f" {most(q, 'drift')}); the step justified at each iterate needs {count(q, 'local_steps')} steps where the fixed one needs {count(q, 'fixed_steps')}"
    )
