"""Claim residual_covers_classical: refuted; 5b does not certify wherever 5a does."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _long_step() -> list[Fact]:
    # F = θ, y = 0, θ0 = 1, s = 1, R = 4: β = 1, η = 3/2: c = 1/4, path 4 ≤ R. But ηsK² = 3/2 > 1.
    eta, beta = Q(3, 2), Q(1)
    c = 1 - eta * beta / 2
    theta = [Q(1)]
    for _ in range(5):
        theta.append(theta[-1] - eta * theta[-1])
    # The same bounds with η ≤ 1/β and a loose L_H: J = 2, σ = 1 constant, L_H = 5, R = 1, Δ_J counted as 5.
    return [
        Fact("0 < η < 2/β and c = 1/4", eta < 2 / beta and c == Q(1, 4)),
        Fact("5a: ‖e0‖/(c√λ) = 4 ≤ R = 4", 1 / (c * 1) <= 4),
        Fact("5b: ηs(‖J0‖ + Δ_J)² = 3/2 > 1", eta * 1 > 1),
        Fact("and GD does converge: θ_k = (−1/2)^k", all(t == Q(-1, 2) ** k for k, t in enumerate(theta))),
    ]


def _loose_curvature() -> list[Fact]:
    # Bounds as an engine might hold them: ‖J0‖ = 2, Δ_J = 1/2 (direct), σ(ρ) = 1 on the ball, L_H = 1000, R = 1, s = 1.
    eta, J, sigma, L_H, R = Q(1, 10**5), Q(5, 2), Q(1), Q(1000), Q(1)
    e0 = Q(99, 100)
    beta = J * J + e0 * L_H
    c = 1 - eta * beta / 2
    delta = min(eta * L_H * J * e0 / 2, 2 * Q(1, 2))
    return [
        Fact("η < 1/β", eta < 1 / beta),
        Fact("5a: ‖e0‖ ≤ c√λR", e0 <= c * sigma * R),
        Fact("5b: (σ − δ)R < ‖e0‖", (sigma - delta) * R < e0),
    ]


def _both() -> list[Fact]:
    return _long_step() + _loose_curvature()


CLAIM = Claim(
    id="residual_covers_classical",
    title="5b certifies wherever 5a does",
    statement="Whenever the hypotheses of containment_classical hold with given bounds, those of containment_residual do too.",
    source="our formulation",
    refutation=Counterexample(
        "(i) F = θ with 1/β < η < 2/β: 5b requires ηsK² ≤ 1. (ii) η < 1/β, but L_H R much larger than ‖J0‖ + Δ_J.",
        _both,
    ),
    repaired_by=("residual_covers_classical_linked",),
)
