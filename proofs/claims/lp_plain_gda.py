"""Claim lp_plain_gda: simultaneous descent–ascent on the Lagrangian of local propagation spirals out."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def _spiral() -> list[Fact]:
    # F = v·w, identity activations, v = (1, 0), w_1 = 1 = y; d = h_2 − w_2 and its multiplier: d⁺ = d − 2ηλ, λ⁺ = λ + ηd.
    facts = []
    for eta in (Q(1, 2), Q(1, 100)):
        d, multiplier, energy = Q(1), Q(0), Q(1)
        for _ in range(5):
            d, multiplier = d - 2 * eta * multiplier, multiplier + eta * d
            energy *= 1 + 2 * eta**2
        facts.append(
            Fact(f"η = {eta}: d² + 2λ² grows by 1 + 2η² at every step", d**2 + 2 * multiplier**2 == energy > 1)
        )

    def jury(eta: Q, c: Q) -> bool:
        return eta < c and 4 - 4 * eta * c + 2 * eta**2 > 0

    facts.append(
        Fact("with the augmented term c = 1 the same steps are stable", jury(Q(1, 2), Q(1)) and jury(Q(1, 100), Q(1)))
    )
    return facts


CLAIM = Claim(
    id="lp_plain_gda",
    title="local propagation by plain descent–ascent converges locally",
    statement="Simultaneous gradient descent in outputs and weights and ascent in multipliers converges to a saddle of 𝓛 from nearby, for small steps.",
    source="our formulation of a reading of arXiv:2002.07720",
    refutation=Counterexample("F = v_1w_1 + v_2w_2 at v = (1, 0), w_1 = 1, y = 1", _spiral),
    repaired_by=("lp_no_spurious", "lp_violation"),
    remarks="The augmented term (c/2)‖constraint‖² makes this mode stable exactly for η < c and 4 − 4ηc + 2η² > 0.",
)
