"""When full-batch descent with momentum provably stays in a ball and converges: claims momentum_powers and momentum_descent.

The frozen iteration in one eigendirection of ηsΘ_c is x_{k+1} = T(x)x_k on (e, w), T affine in the eigenvalue x:
    heavy ball T(x) = [[1 − x, β], [−x, β]],   Nesterov T(x) = [[1 − x − βx, β²], [−x, β]].
C_1 ≥ sup_k ‖T(x)^k‖ρ^−k for every x in [ηsλ_min, ηsλ_max] is certified by Lyapunov forms: cut the interval into cells [a, b], each with a symmetric
P ≻ 0 such that T(a)ᵀPT(a) ⪯ ρ²P and T(b)ᵀPT(b) ⪯ ρ²P. x ↦ uᵀT(x)ᵀPT(x)u is a convex quadratic, so the same holds for every x between,
‖T(x)^k u‖_P ≤ ρ^k‖u‖_P, and ‖T(x)^k‖ ≤ √(λ_max(P)/λ_min(P))·ρ^k. Nothing is sampled; the forms are guesses that exact rational arithmetic confirms.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.optimize

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.certificates import Step
from verify.networks.sgd import SGD
from verify.regions.neighbourhood.batches import Batches
from verify.regions.neighbourhood.criteria import region_steps, region_values
from verify.regions.neighbourhood.ingredients import Ingredients, RadiusTable, approx_float, lower, upper
from verify.regions.neighbourhood.stochastic import Contraction, offset_of, stated

__all__ = ["Powers", "holds_on", "momentum", "powers"]

_CELL, _NARROWEST, _MOST = 1.25, 1e-7, 400
# Shares of 1 − r, r the frozen iteration's spectral radius, that are given up for ρ and for ρ̃.
_FROZEN, _RATE = 0.7, 0.4

Form = tuple[float, float, float]


@dataclass(frozen=True)
class Powers:
    """Powers of the frozen iteration over an interval of eigenvalues, bounded by C_1ρ^k.

    Attributes:
        edges: a_0 < a_1 < … < a_m, exact doubles. forms: one P = [[p, q], [q, r]] a cell, as (p, q, r).
        rate: ρ. bound: C_1. Exact doubles.
    """

    edges: tuple[float, ...]
    forms: tuple[Form, ...]
    rate: float
    bound: float


def _matrix(x: Fraction, beta: Fraction, nesterov: bool) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
    return ((1 - x - beta * x, beta * beta) if nesterov else (1 - x, beta)), (-x, beta)


def _approx_matrix(x: float, beta: float, nesterov: bool) -> tuple[float, float, float, float]:
    return (1.0 - x - beta * x, beta * beta, -x, beta) if nesterov else (1.0 - x, beta, -x, beta)


def _contracts(x: Fraction, form: Form, rate: float, beta: Fraction, nesterov: bool) -> bool:
    """Whether ρ²P − T(x)ᵀPT(x) is positive semidefinite, decided exactly."""
    (a, b), (c, d) = _matrix(x, beta, nesterov)
    p, q, r = map(Fraction, form)
    square = Fraction(rate) ** 2
    # TᵀPT, entry by entry.
    first = a * a * p + 2 * a * c * q + c * c * r
    mixed = a * b * p + (a * d + b * c) * q + c * d * r
    last = b * b * p + 2 * b * d * q + d * d * r
    one, two, off = square * p - first, square * r - last, square * q - mixed
    return one >= 0 and two >= 0 and one * two >= off * off


def _conditioned(form: Form, bound: float) -> bool:
    """Whether P ≻ 0 and λ_max(P) ≤ C_1²λ_min(P), decided exactly: with κ = C_1² ≥ 1 that is (trace P)²κ ≤ (1 + κ)²det P."""
    p, q, r = map(Fraction, form)
    kappa, det = Fraction(bound) ** 2, p * r - q * q
    return p > 0 and det > 0 and kappa >= 1 and (p + r) ** 2 * kappa <= (1 + kappa) ** 2 * det


def holds_on(found: Powers, low: Fraction, high: Fraction, descent: SGD) -> bool:
    """Decide exactly whether ‖T(x)^k‖ ≤ C_1ρ^k for all k ≥ 0 and x in [low, high] follows from the forms."""
    beta, nesterov = descent.beta, descent.nesterov
    covers = Fraction(found.edges[0]) <= low and high <= Fraction(found.edges[-1])
    cells = list(zip(found.edges, found.edges[1:], found.forms, strict=False))
    whole = len(cells) == len(found.forms) == len(found.edges) - 1 and all(a < b for a, b, _ in cells)
    return (
        covers
        and whole
        and 0 < found.rate < 1
        and all(_conditioned(form, found.bound) for form in found.forms)
        and all(_contracts(Fraction(x), form, found.rate, beta, nesterov) for a, b, form in cells for x in (a, b))
    )


def approx_radius(x: float, beta: float, nesterov: bool) -> float:
    """About the spectral radius of T(x)."""
    trace, det = ((1.0 + beta) * (1.0 - x), beta * (1.0 - x)) if nesterov else (1.0 + beta - x, beta)
    gap = trace * trace - 4.0 * det
    return math.sqrt(abs(det)) if gap <= 0.0 else 0.5 * (abs(trace) + math.sqrt(gap))


def _approx_form(
    low: float, high: float, rate: float, beta: float, nesterov: bool, previous: Form | None
) -> Form | None:
    """Guess a P of small condition number that contracts at both ends of a cell, `previous` that of the cell before; None where none is found."""
    ends = [_approx_matrix(x, beta, nesterov) for x in (low, high)]
    inside = rate * (1.0 - 1e-13)

    def norm(T: tuple[float, ...], u: float, s: float) -> float:
        # ‖LᵀTL^−T‖ with P = LLᵀ, L = [[1, 0], [u, s]]: the 2 × 2 matrix written out, its norm from ‖·‖_F² and the determinant.
        a, b, c, d = T
        e, g = a + u * c, s * c
        f, h = (b + u * d - u * e) / s, d - u * c
        square = e * e + f * f + g * g + h * h
        return math.sqrt(0.5 * (square + math.sqrt(max(square * square - 4.0 * (a * d - b * c) ** 2, 0.0))))

    def cost(point: np.ndarray) -> float:
        u, v = float(point[0]), float(point[1])
        if not (abs(v) < 12.0 and abs(u) < 1e5):
            return 1e9
        s = math.exp(v)
        size = max(norm(T, u, s) for T in ends)
        # Outside the feasible set: far above every feasible value, and falling towards it.
        return math.log((1.0 + u * u + s * s) ** 2 / (s * s)) if size <= inside else 100.0 + 1e4 * (size - inside)

    best: tuple[float, np.ndarray] | None = None
    for start in _seeds([np.array(T).reshape(2, 2) for T in ends], rate, previous):
        found = scipy.optimize.minimize(
            cost, start, method="Nelder-Mead", options={"maxiter": 120, "xatol": 1e-5, "fatol": 1e-3}
        )
        if best is None or found.fun < best[0]:
            best = (float(found.fun), found.x)
        if best[0] < 100.0:
            break
    if best is None or best[0] >= 100.0:
        return None
    u, scale = float(best[1][0]), math.exp(float(best[1][1]))
    return (1.0, u, u * u + scale * scale)


def _seeds(ends: list[np.ndarray], rate: float, previous: Form | None) -> Iterator[np.ndarray]:
    """The form of the cell before; then solutions of P = I + TᵀPT/ρ² at the ends and between: feasible there, so feasible nearby."""
    if previous is not None:
        yield np.array([previous[1], 0.5 * math.log(max(previous[2] - previous[1] ** 2, 1e-300))])
    for share in (0.5, 0.0, 1.0):
        T = ((1.0 - share) * ends[0] + share * ends[1]) / rate
        system = np.eye(4) - np.kron(T.T, T.T)
        try:
            P = np.linalg.solve(system, np.eye(2).ravel()).reshape(2, 2)
            L = np.linalg.cholesky(P / P[0, 0])
        except np.linalg.LinAlgError:
            continue
        yield np.array([L[1, 0], math.log(max(L[1, 1], 1e-12))])


@functools.lru_cache(maxsize=256)
def powers(low: Fraction, high: Fraction, descent: SGD) -> Powers | None:
    """Bound the powers of the frozen iteration for every x in [low, high]; None where it does not contract, or no forms were found.

    Args:
        low, high: exact, 0 < low ≤ high. descent: with its momentum.
    """
    bottom, top = math.nextafter(approx_float(low), 0.0), math.nextafter(approx_float(high), math.inf)
    found = _approx_powers(bottom, top, descent) if 0.0 < bottom < top < math.inf else None
    return found if found is not None and holds_on(found, low, high, descent) else None


def _approx_powers(low: float, high: float, descent: SGD) -> Powers | None:
    beta, nesterov = float(descent.beta), descent.nesterov
    radius = max(*(approx_radius(x, beta, nesterov) for x in np.geomspace(low, high, 64)), beta)
    if not radius < 1.0:
        return None
    rate = 1.0 - _FROZEN * (1.0 - radius)
    edges, width = [low], _CELL - 1.0
    forms: list[Form] = []
    while edges[-1] < high and len(forms) < _MOST:
        a = edges[-1]
        b = min(a * (1.0 + width), a + 0.25, high)
        b = high if high <= b * (1.0 + 1e-9) else b
        form = _approx_form(a, b, rate, beta, nesterov, forms[-1] if forms else None)
        if form is None:
            width /= 2.0
            if width < _NARROWEST:
                return None
            continue
        edges.append(b)
        forms.append(form)
        width = min(2.0 * width, _CELL - 1.0)
    if edges[-1] < high:
        return None
    bound = max(map(_approx_condition, forms)) * (1.0 + 1e-9)
    return Powers(tuple(edges), tuple(forms), rate, bound)


def _approx_condition(form: Form) -> float:
    p, q, r = form
    values = np.linalg.eigvalsh(np.array([[p, q], [q, r]]))
    return math.sqrt(float(values[1] / values[0]))


def momentum(
    ingredients: Ingredients, table: RadiusTable, index: int, start: int | None, batches: Batches, lr: Fraction
) -> Contraction:
    """Evaluate claim momentum_descent on B(c, ρ_index) for every start within o of c, buffer 0.

    ‖e_0‖ ≤ e_c + (‖J(c)‖ + Δ_J(o))o there; J_c = J(c), Δ = Δ_J(R), K = ‖J(c)‖ + Δ_J(R); the path must fit into R − o.

    Args:
        ingredients, table, index, start, lr: as for :func:`verify.regions.neighbourhood.stochastic.any_order`. batches: the one batch.
    """
    descent = batches.descent
    values = region_values(ingredients, table, index)
    steps = region_steps(values)
    if not (table.lam[index] > 0.0 and np.isfinite(table.delta_j[index])):
        return Contraction(tuple(steps), lr, {})
    beta, d0 = Ball(descent.beta), offset_of(table, start)
    inner = Ball(0.0 if start is None else float(table.delta_j[start]))
    values |= {
        "eta": Ball(lr),
        "jacobian_norm": values["jacobian_norm0"] + values["Delta_J"],
        "momentum": beta,
        "e_c": values["e0"],
    }
    values["e0"] = ingredients.residual_near(d0, inner)
    exact = lr * ingredients.s
    low, high = exact * Fraction(lower(values["lambda0"])), exact * Fraction(upper(values["jacobian_norm0"])) ** 2
    found = powers(low, high, descent)
    if found is None:
        limit = 2 * (1 + descent.beta) / (1 + 2 * descent.beta if descent.nesterov else 1)
        steps.append(
            Step.listed(
                "step in the stable range",
                "momentum_descent",
                Ball(high),
                "<",
                Ball(limit),
            )
        )
        return Contraction(tuple(steps), lr, {})
    # ρ̃ between ρ and 1, in the proportion of the shares given up.
    rate = 1.0 - (1.0 - found.rate) * (_RATE / _FROZEN)
    values |= {"momentum_rate": Ball(rate), "frozen_rate": Ball(found.rate), "power_bound": Ball(found.bound)}
    one = Ball(1.0)
    noise = sqrt(one + (one + beta) ** 2) if descent.nesterov else sqrt(Ball(2.0))
    values["noise_factor"] = noise
    steps.append(Step.listed("buffer forgets faster", "momentum_descent", beta, "<", Ball(found.rate)))
    if not steps[-1].certain:
        return Contraction(tuple(steps), lr, {})
    values["step_length"] = evaluate("momentum_length_nesterov" if descent.nesterov else "momentum_length", values)
    values["perturbation"] = evaluate("momentum_perturbation", values)
    gain, gap = values["power_bound"] * values["perturbation"], Ball(rate) - Ball(found.rate)
    steps.append(Step.listed("perturbation is absorbed", "momentum_descent", gain, "<", gap))
    if not steps[-1].certain:
        return Contraction(tuple(steps), lr, {})
    values["amplitude"] = evaluate("momentum_amplitude", values)
    path = evaluate("momentum_path", values)
    reach = path + d0
    steps.append(Step.listed("path with momentum inside the ball", "momentum_descent", reach, "<=", values["R"]))
    constants = {
        **stated(values, batches),
        "radius": values["R"],
        "power_bound": values["power_bound"],
        "loss_bound": evaluate("momentum_loss", values),
        "rate": Ball(rate) * Ball(rate),
        "path_length": path,
    }
    witness = {
        "region": index,
        "start": start,
        "frozen_rate": found.rate,
        "momentum_rate": rate,
        "power_bound": found.bound,
        "edges": list(found.edges),
        "forms": [list(form) for form in found.forms],
    }
    ratio = float(values["R"].mid) / max(upper(reach), 5e-324)
    return Contraction(tuple(steps), lr, witness, constants, values["R"] - reach, ratio)
