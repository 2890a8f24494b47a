"""Claim jacobian_from_ntk: a positive NTK does not make the Jacobian-regularised loss PL."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _one_weight() -> list[Fact]:
    # F = wx, x = y = 1: Φ = ½((w − 1)² + ρw²), minimal at w = 1/(1 + ρ), with value ρ/(2(1 + ρ)).
    facts = [Fact("Θ = x² = 1", Q(1) ** 2 == 1)]
    for rho in (Q(1), Q(1, 100)):
        w = 1 / (1 + rho)
        facts.append(Fact(f"ρ = {rho}: gradient 0 at w = {w}", (w - 1) + rho * w == 0))
        facts.append(
            Fact("the loss there is ρ/(2(1 + ρ)) > 0", ((w - 1) ** 2 + rho * w**2) / 2 == rho / (2 * (1 + rho)) > 0)
        )
    return facts


CLAIM = Claim(
    id="jacobian_from_ntk",
    title="a positive NTK suffices for Jacobian-regularised training",
    statement="If λ_min(Θ) > 0 on a ball, the Jacobian-regularised loss satisfies ½‖∇Φ‖² ≥ μΦ there for some μ > 0.",
    source="our formulation of a reading of arXiv:2312.03386",
    refutation=Counterexample("F = wx, x = y = 1: a stationary point with positive loss", _one_weight),
    repaired_by=("jacobian_regularised",),
)
