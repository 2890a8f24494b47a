"""Claim lqcr_not_needed: no proof here assumes quasi-convexity, and there are LPLRs that are no LQCR."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """A zero-loss set that is not convex contradicts quasi-convexity; F = vw on a ball is an LPLR with such a set."""
    v, w, dist = sym("v w dist")
    middle, ends = sym("Phi_middle Phi_ends")
    proof = Proof()
    # The ball of radius (3/4)√2 about (5/4, 5/4): ‖(v, w)‖ ≥ (5/4)√2 − (3/4)√2 = √2/2, so λ = v² + w² ≥ 1/2.
    r = sp.Symbol("sqrt_two", positive=True)
    proof.define("r", sp.Eq(r**2, 2))
    proof.define(
        "ball",
        sp.And(
            sp.Eq(dist**2, (v - sp.Rational(5, 4)) ** 2 + (w - sp.Rational(5, 4)) ** 2), dist <= sp.Rational(3, 4) * r
        ),
    )
    proof.derive("lplr", v**2 + w**2 >= sp.Rational(1, 2), "r ball", "Θ = J² = v² + w² for F = vw")
    proof.derive("mu", formulas("mu", lambda_R=v**2 + w**2) >= sym("s") / 2, "lplr", "μ = s/2 on the ball")
    proof.define("zero_set", sp.Eq(ends, 0), "Φ(2, 1/2) = Φ(1/2, 2) = 0 with y = 1")
    proof.define("middle", middle > 0, "a midpoint of zero-loss points with positive loss")
    proof.derive("not_quasi_convex", sp.Not(middle <= sp.Max(ends, ends)), "zero_set middle")
    return proof.conclude("lplr mu not_quasi_convex")


def _bilinear() -> list[Fact]:
    F = [Q(2) * Q(1, 2), Q(1, 2) * Q(2), Q(5, 4) * Q(5, 4)]
    return [
        Fact("F = 1 = y at (2, 1/2) and (1/2, 2)", F[0] == 1 and F[1] == 1),
        Fact("Φ = 81/512 at their midpoint", (F[2] - 1) ** 2 / 2 == Q(81, 512)),
        Fact("both are in the ball: distance² 9/8", (Q(2) - Q(5, 4)) ** 2 + (Q(1, 2) - Q(5, 4)) ** 2 == Q(9, 8)),
    ]


def _tanh() -> list[Fact]:
    """F = a·tanh(w), x = 1, y = 1/2: Arb, the ball of radius 50473/100000 about the midpoint covered by boxes."""
    import flint

    with flint.ctx.workprec(120):
        arb = flint.arb
        a1, a2 = arb("0.5") / arb(1).tanh(), arb("0.5") / arb(2).tanh()
        am, wm = (a1 + a2) / 2, arb(3) / 2
        middle = am * wm.tanh()
        radius = arb("0.50473")
        inside = ((a1 - am) ** 2 + (arb(1) - wm) ** 2).sqrt()
        lowest = None
        m = 60
        for i in range(-m, m):
            for j in range(-m, m):
                # Boxes that meet the ball; λ = tanh²w + a²sech⁴w is smallest where |w| and |a| are.
                near = min(abs(i), abs(i + 1)) ** 2 + min(abs(j), abs(j + 1)) ** 2
                if near > m * m:
                    continue
                a = am + radius * (arb(2 * i + 1) / (2 * m) + arb(0, 1) / (2 * m))
                w = wm + radius * (arb(2 * j + 1) / (2 * m) + arb(0, 1) / (2 * m))
                t = w.tanh()
                value = (t * t + a * a * (1 - t * t) ** 2).lower()
                lowest = value if lowest is None or bool(value < lowest) else lowest
        return [
            Fact("F = 1/2 at both ends (a_j = ½/tanh j)", bool((a1 * arb(1).tanh() - arb("0.5")).contains(0))),
            Fact("F > 0.5318 at the midpoint, so Φ > 0 = Φ at the ends", bool(middle > arb("0.5318"))),
            Fact("both ends lie in the ball", bool(inside <= radius)),
            Fact("λ ≥ 0.5769 on the ball", lowest is not None and bool(lowest > arb("0.5769"))),
        ]


CLAIM = Claim(
    id="lqcr_not_needed",
    title="LQCR is not needed; it fails where LPLR holds",
    statement="pl_from_ntk, ntk_stability, containment_* and linear_rate do not assume quasi-convexity. The ball of radius (3/4)√2 about"
    " (5/4, 5/4) for F = vw, y = 1 is an LPLR with μ = s/2 and no LQCR (textbook); so is the ball of radius 0.50473 about the midpoint of"
    " two zero-loss points of F = a·tanh(w), y = 1/2. No convex region whose zero-loss set is not convex is an LQCR.",
    source="our formulation; the LQCR is a hypothesis of v1, v2, v3",
    witnesses=(
        Counterexample("F = vw, y = 1", _bilinear),
        Counterexample("F = a·tanh(w), y = 1/2", _tanh),
    ),
    proof=prove,
)
