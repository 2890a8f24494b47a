"""Claim v3_not_necessary: positivity of the NTK is sufficient for PL and linear convergence, not necessary."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """F = (θ, −θ), y = 0: N = 2 > p = 1, λ_min(Θ) = 0 everywhere, and Φ = sθ² is PL with μ = 2s."""
    s = sym("s")
    theta = sp.Symbol("theta", real=True)
    J = sp.Matrix([1, -1])
    loss = s / 2 * ((theta) ** 2 + (-theta) ** 2)
    gradient = sp.diff(loss, theta)
    proof = Proof()
    proof.identity("lambda_is_zero", (J * J.T).det(), sp.Integer(0), "Θ = JJᵀ is singular")
    proof.identity(
        "pl", gradient**2 / 2, formulas("mu", lambda_R=sp.Integer(2)) * loss, "PL with μ = 2s, although λ_min = 0"
    )
    return proof.conclude("lambda_is_zero pl")


def _steps() -> list[Fact]:
    theta = [Q(1)]
    for _ in range(5):
        theta.append(theta[-1] - Q(1, 4) * 2 * theta[-1])
    return [Fact("GD with η = 1/4, s = 1 halves θ at every step", all(t == Q(1, 2) ** j for j, t in enumerate(theta)))]


CLAIM = Claim(
    id="v3_not_necessary",
    title="v3: sufficient, not necessary",
    statement="There is a network map with λ_min(Θ) = 0 everywhere whose squared loss is PL on the whole space and on which GD converges"
    " linearly to zero loss.",
    source="as in the abstract of v3 (neither necessary nor unique)",
    witnesses=(Counterexample("F = (θ, −θ), y = 0", _steps),),
    proof=prove,
)
