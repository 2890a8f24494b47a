"""Claim sharp_dominates_any_paper: refuted; a direct bound of the NTK's change can beat the sharp form."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _norm_function() -> list[Fact]:
    # F(θ) = ‖θ‖ on R², θ0 = (1, 0): J = θᵀ/‖θ‖, Θ = 1 everywhere, L_Θ = 0. The point (15, 8)/17 has norm 1.
    x, y = Q(15, 17), Q(8, 17)
    moved = (x - 1) ** 2 + y**2
    return [
        Fact("‖(15, 8)/17‖ = 1, so J there is (15, 8)/17", x * x + y * y == 1),
        Fact("it lies in B(θ0, 1/2)", moved <= Q(1, 4)),
        Fact("Θ = JJᵀ = 1 there as at θ0: L_Θ = 0 gives λ ≥ 1", x * x + y * y == 1),
        Fact("‖J − J0‖ ≥ 2/5, so the sharp form gives at most (3/5)² < 1", moved >= Q(4, 25) and Q(9, 25) < 1),
    ]


CLAIM = Claim(
    id="sharp_dominates_any_paper",
    title="the sharp form dominates the paper's for every valid L_Θ",
    statement="For every valid L_Θ, λ0 − L_Θ R ≤ max(0, √λ0 − sup‖J − J0‖)².",
    source="our formulation",
    refutation=Counterexample("F = ‖θ‖ on R², θ0 = (1, 0), R = 1/2: Θ is constant while J turns.", _norm_function),
    repaired_by=("sharp_dominates_paper",),
    remarks="Where ‖Θ − Θ0‖ is bounded directly, report the larger of the two.",
)
