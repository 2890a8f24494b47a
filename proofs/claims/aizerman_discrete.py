"""Claim aizerman_discrete: in discrete time all linear gains of a sector may stabilise while a ReLU network in the sector does not."""

from __future__ import annotations

from fractions import Fraction as Q

from proofs.claim import Claim, Counterexample, Fact


def network(y: Q) -> Q:
    """A ReLU network of four neurons in the sector [0, 1]."""

    def relu(z: Q) -> Q:
        return max(Q(0), z)

    return 2 * relu(y - Q(5, 8)) - 2 * relu(-y - Q(5, 8)) - relu(y - Q(5, 4)) + relu(-y - Q(5, 4))


def _orbit() -> list[Fact]:
    x = (Q(-1), Q(-1, 2))
    orbit = [x]
    for _ in range(4):
        x = (-x[0] / 2 + network(x[0] - Q(3, 4) * x[1]), x[0])
        orbit.append(x)
    # Piecewise linear: 0 ≤ φ(y)y ≤ y² holds where it holds at the kinks and in the limit slopes (0, 2, 1), with φ − y of one sign there.
    kinks = [Q(0), Q(5, 8), Q(5, 4), Q(4)]
    sector = all(0 <= network(y) <= y and network(-y) == -network(y) for y in kinks)
    slope = network(Q(5)) - network(Q(4))

    def jury(k: Q) -> tuple[Q, Q, Q]:
        trace, determinant = k - Q(1, 2), Q(3, 4) * k
        return 1 - determinant, 1 + trace + determinant, 1 - trace + determinant

    return [
        Fact(
            "every gain κ in [0, 1] is Schur: the Jury conditions are affine in κ and positive at both ends",
            all(value > 0 for k in (Q(0), Q(1)) for value in jury(k)),
        ),
        Fact("φ is odd, in the sector [0, 1] at its kinks, of slope 1 beyond them", sector and slope == 1),
        Fact(
            "(−1, −½) → (½, −1) → (1, ½) → (−½, 1) → (−1, −½): period 4",
            orbit[4] == orbit[0] and orbit[2] == (Q(1), Q(1, 2)) and orbit[1] == (Q(1, 2), Q(-1)),
        ),
    ]


CLAIM = Claim(
    id="aizerman_discrete",
    title="discrete Aizerman: stable for every linear gain, so stable",
    statement="If x⁺ = Ax + Bκ(Cx) is globally asymptotically stable for every constant κ in [0, 1], so is x⁺ = Ax + Bφ(Cx) for every φ in the sector [0, 1].",
    source="our formulation; arXiv:2505.22889 treats the case with positivity",
    refutation=Counterexample(
        "A = [[−½, 0], [1, 0]], B = (1, 0), C = (1, −¾), φ a ReLU network of 4 neurons: period 4", _orbit
    ),
    repaired_by=("lure_positive",),
)
