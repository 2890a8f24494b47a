"""Counterexamples that more than one claim uses; each decided in exact rational arithmetic.

Notation: F(θ) the outputs, y the targets, e = F − y, Φ = (s/2)‖e‖², J = DF, Θ = JJᵀ, λ = λ_min(Θ).
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Counterexample, Fact
from proofs.solvers import entails

__all__ = [
    "CONSTANT_JACOBIAN_BOUND",
    "CURVATURE_HIDDEN",
    "HALF_SCALE",
    "KINK",
    "LAMBDA_ZERO",
    "NOT_SQUARED",
    "NO_CONTAINMENT",
    "OFF_SUBLEVEL",
    "SEGMENT_OUTSIDE",
    "SMALL_REGION",
    "TWICE_THE_BOUND",
]


def _lambda_zero() -> list[Fact]:
    theta = Q(0)
    e, J = theta**2 - 1, 2 * theta
    return [
        Fact("λ(0) = J² = 0", J * J == 0),
        Fact("∇Φ(0) = Je = 0", J * e == 0),
        Fact("Φ(0) = 1/2 > 0 = Φ(1)", e * e / 2 == Q(1, 2) and (Q(1) ** 2 - 1) == 0),
    ]


LAMBDA_ZERO = Counterexample("F = θ², y = 1, s = 1 at θ = 0: λ = 0, gradient 0, loss 1/2; no μ > 0.", _lambda_zero)


def _half_scale() -> list[Fact]:
    # Samples x_1 = (1, 0), x_2 = (0, 1): F = (θ_1, θ_2), J = I, Θ = I; the half mean over them has s = 1/2.
    s, theta = Q(1, 2), (Q(3), Q(5))
    loss, gradient = s * sum(t * t for t in theta) / 2, [s * t for t in theta]
    return [
        Fact("Φ = ¼(θ_1² + θ_2²): the half mean over two samples", loss == Q(1, 4) * (theta[0] ** 2 + theta[1] ** 2)),
        Fact("Θ = I: λ = 1 > ½ = the ratio ½‖∇Φ‖²/Φ", sum(g * g for g in gradient) / 2 == loss / 2),
    ]


HALF_SCALE = Counterexample(
    "F(x) = θ·x at x = (1, 0), (0, 1), y = 0, s = 1/2 (the half mean over n = 2): λ = 1, but ½‖∇Φ‖² = ½Φ", _half_scale
)


def _not_squared() -> list[Fact]:
    # Φ = θ⁴/4, F = θ: λ = 1, ½Φ'² = θ⁶/2 and the ratio to Φ is 2θ², below any μ > 0 near 0.
    facts = [Fact("λ = 1 everywhere", True and sp.diff(sp.Symbol("t"), sp.Symbol("t")) == 1)]
    for mu in (Q(1), Q(1, 100), Q(1, 10**6)):
        theta = Q(1, 2) * min(mu, Q(1))
        facts.append(Fact(f"½Φ'² < {mu}·Φ at θ = {theta}", theta**6 / 2 < mu * theta**4 / 4))
    return facts


NOT_SQUARED = Counterexample("F = θ with the loss θ⁴/4: λ = 1 but ½Φ'²/Φ = 2θ² has infimum 0.", _not_squared)


def _twice() -> list[Fact]:
    beta, theta = Q(5), Q(7)

    def loss(t: Q) -> Q:
        return beta * t * t / 2

    def after(eta: Q) -> Q:
        return loss(theta - eta * beta * theta)

    return [
        Fact("∇²Φ = β", sp.diff(sp.Rational(5, 2) * sp.Symbol("t") ** 2, sp.Symbol("t"), 2) == 5),
        Fact("η = 2/β leaves the loss as it is", after(2 / beta) == loss(theta)),
        Fact("η = 4/β multiplies it by 9", after(4 / beta) == 9 * loss(theta)),
    ]


TWICE_THE_BOUND = Counterexample("F = √β·θ, y = 0, s = 1: at η = 2/β the loss stays, at 4/β it grows ninefold.", _twice)


def _small_region() -> list[Fact]:
    # F = θ, θ0 = 1, Φ0 = 1/2, μ = 1: √(2Φ0/μ) = 1. GD with η = 1 reaches 0, at distance 1 > R for every R < 1.
    theta0 = Q(1)
    minimiser = theta0 - 1 * theta0
    return [
        Fact("the only zero-loss point is at distance 1", abs(minimiser - theta0) == 1 and minimiser == 0),
        Fact("R = 999/1000 excludes it", abs(minimiser - theta0) > Q(999, 1000)),
        Fact("the path bound √(2Φ0/μ) is 1", 2 * (theta0**2 / 2) / 1 == 1),
    ]


SMALL_REGION = Counterexample("F = θ, y = 0, θ0 = 1, η = 1: GD leaves every ball of radius < 1.", _small_region)


def _segment_outside() -> list[Fact]:
    t = sp.Symbol("t")
    coefficients = sp.symbols("a0:6")
    F = sum(c * t**j for j, c in enumerate(coefficients))
    conditions = [
        F.subs(t, 0) - 1,
        sp.diff(F, t).subs(t, 0) + 1,
        sp.diff(F, t, 2).subs(t, 0),
        F.subs(t, 1) - 2,
        sp.diff(F, t).subs(t, 1),
        sp.diff(F, t, 2).subs(t, 1),
    ]
    F = F.subs(sp.solve(conditions, coefficients))
    loss = F**2 / 2
    gradient, curvature = sp.diff(loss, t), sp.diff(loss, t, 2)
    return [
        Fact("F is a quintic with rational coefficients", all(c.is_Rational for c in sp.Poly(F, t).all_coeffs())),
        Fact("Φ'' = 1 at θ0 = 0 and 0 at θ1 = 1", curvature.subs(t, 0) == 1 and curvature.subs(t, 1) == 0),
        Fact("θ1 = θ0 − 1·Φ'(θ0) with η = 1 = 1/β", 0 - gradient.subs(t, 0) == 1),
        Fact("yet the loss grows from 1/2 to 2", loss.subs(t, 0) == sp.Rational(1, 2) and loss.subs(t, 1) == 2),
        Fact("|Φ''| > 1 in between", abs(curvature.subs(t, sp.Rational(1, 2))) > 1),
    ]


SEGMENT_OUTSIDE = Counterexample(
    "A quintic F with |Φ''| ≤ β = 1 at both iterates but not between them: a step 1/β quadruples the loss.",
    _segment_outside,
)


def _no_containment() -> list[Fact]:
    # F = vw, x = 1, y = 1: J = (w, v), λ = v² + w². From (2, −2) the antidiagonal (u, −u) is never left; there e = −u² − 1.
    v, w, eta, u = sp.symbols("v w eta u", positive=True)
    gradient = [sp.diff((v * w - 1) ** 2 / 2, symbol) for symbol in (v, w)]
    bend = sp.hessian((v * w - 1) ** 2 / 2, (v, w))
    at = {v: u, w: -u}
    after = [(value - eta * slope).subs(at) for value, slope in zip((v, w), gradient, strict=True)]
    factor = 1 - eta * (1 + u**2)
    radius, start = Q(13, 5), {v: 2, w: -2}
    turned = sp.Matrix([1, -1])
    small = [eta <= sp.Rational(2, 13), u <= 2]
    return [
        Fact(
            "λ ≥ (2√2 − R)² ≥ 1/25 on B((2, −2), R), R = 13/5: 2√2 ≥ 14/5",
            Q(8) >= Q(14, 5) ** 2 and Q(14, 5) - radius == Q(1, 5),
        ),
        Fact("zero loss at (2, 1/2), inside at distance 5/2", Q(2) * Q(1, 2) == 1 and Q(5, 2) < radius),
        Fact("∇²Φ has the eigenvalue 13 at (2, −2): β ≥ 13 and 2/β ≤ 2/13", bend.subs(start) * turned == 13 * turned),
        Fact(
            "a step takes (u, −u) to (fu, −fu), f = 1 − η(1 + u²)",
            all(sp.expand(value - sign * factor * u) == 0 for value, sign in zip(after, (1, -1), strict=True)),
        ),
        Fact(
            "0 < f ≤ 1 − η for 0 < η ≤ 2/13, 0 < u ≤ 2 (z3): u falls to 0",
            entails(small, sp.And(factor > 0, factor <= 1 - eta)).proved,
        ),
        Fact(
            "(0, 0) is critical with loss ½, outside the ball",
            all(slope.subs({v: 0, w: 0}) == 0 for slope in gradient) and radius**2 < 8,
        ),
    ]


NO_CONTAINMENT = Counterexample(
    "F = vw, x = y = 1, θ0 = (2, −2), R = 13/5: PL with μ = 1/25 and zero loss at (2, ½) inside the ball, yet with every step 0 < η < 2/β"
    " gradient descent leaves the ball for the saddle point (0, 0) and converges to it, loss ½",
    _no_containment,
)


def _off_sublevel() -> list[Fact]:
    # F = θ²/2, y = 0, θ0 = 1, R = 1: ‖J0‖ = 1, Δ_J = 1, L_H = 1, e0 = 1/2, s = 1.
    beta = (Q(1) + 1) ** 2 + Q(1, 2) * 1
    theta = Q(2)
    t = sp.Symbol("t")
    curvature = sp.diff(t**4 / 8, t, 2)
    return [
        Fact("β = 9/2 from §3's formula", beta == Q(9, 2)),
        Fact("Φ''(2) = 6 > β, and Φ(2) > Φ(1)", curvature.subs(t, 2) == 6 and beta < 6 and theta**4 / 8 > Q(1, 8)),
    ]


OFF_SUBLEVEL = Counterexample(
    "F = θ²/2, y = 0, θ0 = 1, R = 1: at θ = 2, off the sublevel set, Φ'' = 6 > β = 9/2.", _off_sublevel
)


def _constant_jacobian() -> list[Fact]:
    # F = θ²/2 at θ0 = 1: J = θ, λ0 = 1; λ(0) = 0 at distance 1.
    return [
        Fact("λ0 = 1", Q(1) ** 2 == 1),
        Fact("with Δ_J = 0 or L_Θ = 0 assumed, λ ≥ 1 on B(1, 1) would follow; but λ(0) = 0", Q(0) ** 2 < 1),
        Fact("with the true Δ_J = R = 1 the bound is 0 = λ(0): sharp", max(Q(0), 1 - Q(1)) ** 2 == Q(0) ** 2),
    ]


CONSTANT_JACOBIAN_BOUND = Counterexample(
    "F = θ²/2, θ0 = 1, R = 1: J moves by 1 and λ falls from 1 to 0.", _constant_jacobian
)


def _curvature_hidden() -> list[Fact]:
    # F = θ²/2 again, L_Θ from the centre L_H(2‖J0‖ + Δ_J) = 3 with Δ_J = 1; Θ = θ² moves by 3 between 1 and 2.
    return [
        Fact("Θ(2) − Θ(1) = 3 = L_Θ·1: the constant is attained", Q(2) ** 2 - Q(1) ** 2 == 1 * (2 * 1 + 1)),
        Fact("without Δ_J the constant would be 2 < 3", 2 * Q(1) < Q(2) ** 2 - Q(1) ** 2),
        Fact(
            "pairwise: Θ(2) − Θ(3/2) = 7/4 > 3/2: the centre's constant 3 is not Lipschitz between all pairs",
            Q(2) ** 2 - Q(3, 2) ** 2 == Q(7, 4) and Q(7, 4) > 3 * Q(1, 2),
        ),
    ]


CURVATURE_HIDDEN = Counterexample("F = θ²/2 about θ0 = 1, R = 1: Θ = θ² moves by 3.", _curvature_hidden)


def _kink() -> list[Fact]:
    # F = relu(θ), y = 1, s = 1: gradient e = −1 just right of 0, and 0 just left of it.
    facts = []
    for beta in (Q(1), Q(1000), Q(10**12)):
        t = 1 / (4 * beta)
        right, left = (t - 1) * 1, Q(0)
        facts.append(Fact(f"β = {beta}: |∇Φ(t) − ∇Φ(−t)| > β·2t at t = {t}", abs(right - left) > beta * 2 * t))
    return facts


KINK = Counterexample("F = relu(θ), y = 1 at θ = 0: the gradient jumps by 1, so no β exists.", _kink)
