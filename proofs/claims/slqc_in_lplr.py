"""Claim slqc_in_lplr: refuted; an LPLR need not be strictly-locally-quasi-convex towards a minimiser at every accuracy."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _bilinear() -> list[Fact]:
    # F = vw, y = 1, z = (2, 1/2); x = (1/2, 2 + 1/16): F = 33/32, e = 1/32 > 0; ∇Φ = e·(w, v).
    v, w = Q(1, 2), Q(2) + Q(1, 16)
    e = v * w - 1
    gradient = (e * w, e * v)
    towards = gradient[0] * (Q(2) - v) + gradient[1] * (Q(1, 2) - w)
    centre = (v - Q(5, 4)) ** 2 + (w - Q(5, 4)) ** 2
    return [
        Fact("z has zero loss", Q(2) * Q(1, 2) == 1),
        Fact(
            "x and z lie in B((5/4, 5/4), 9/8), where λ = v² + w² ≥ ((5/4)√2 − 9/8)² ≥ (16/25)²",
            centre <= Q(81, 64) and Q(9, 8) <= Q(81, 64) and Q(25, 8) > (Q(9, 8) + Q(16, 25)) ** 2,
        ),
        Fact("Φ(x) = e²/2 > ε for ε = e²/4", e**2 / 2 > e**2 / 4 > 0),
        Fact("⟨∇Φ(x), z − x⟩ > 0: z itself violates condition (2)", towards > 0),
    ]


CLAIM = Claim(
    id="slqc_in_lplr",
    title="an LPLR is SLQC towards its minimisers at every accuracy",
    statement="On an LPLR, for every zero-loss z in it and every ε > 0 there is κ such that Φ is (ε, κ, z)-SLQC at every point x: Φ(x) − Φ(z) ≤ ε,"
    " or ∇Φ(x) ≠ 0 and ⟨∇Φ(x), y − x⟩ ≤ 0 for all y ∈ B(z, ε/κ).",
    source="definition of Hazan, Levy, Shalev-Shwartz, arXiv:1507.02030, as we understand it; claim our formulation",
    refutation=Counterexample("F = vw, y = 1, z = (2, 1/2), x = (1/2, 33/16)", _bilinear),
    repaired_by=("slqc_coarse",),
)
