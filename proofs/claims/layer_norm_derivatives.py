"""Claim layer_norm_derivatives: the first two derivatives of LayerNorm and GroupNorm on a ball.

N(z) = √m·Pz/q, P = I − 11ᵀ/m, q = (‖Pz‖² + m·eps)^½, α = Pz/q, a = ‖α‖ < 1. On the range of P, with ‖u‖ = 1 and c = cos∠(u, α):
    DN[u] = (√m/q)(u − α⟨α, u⟩),       D²N[u, u] = (√m/q²)(−2u⟨α, u⟩ − α + 3α⟨α, u⟩²).
The first has norm at most √m/q. The second's component along α is −a(3(1 − a²)(1 − x) + x) and across it −2a√(x(1 − x)), x = 1 − c², in units of √m/q²;
their squares add up to a²((3(1 − a²)(1 − x) + x)² + 4x(1 − x)) ≤ 4/3 on [0, 1]².

‖P‖ ≤ 1 is all that is used of P: P = I gives RMSNorm. A lower bound of q on a ball: ‖Pz‖ ≥ ‖Pz⁰‖ − ‖Δz‖, hence q² ≥ max(0, ‖Pz⁰‖ − ‖Δz‖)² + m·eps.
"""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Both norms as polynomials in A = a² and x."""
    A, x, m, q0, slope2, bend2 = sym("A x m_root q slope_square bend_square")
    q = sym("norm_low")
    proof = Proof()
    proof.define("range", sp.And(A <= 1, x <= 1), "A = a² < 1, x = 1 − c²")
    proof.hypothesis("below", sp.And(q0 >= q, q > 0), "q ≥ q̲ > 0 on the whole ball")
    # ‖u − α⟨α, u⟩‖² = 1 − 2a²c² + a⁴c², c² = 1 − x.
    proof.lemma(
        "slope",
        "composition",
        sp.Eq(slope2 * q0**2, m**2 * (1 - (2 * A - A**2) * (1 - x))),
        "slope_square = ‖DN[u]‖²; m_root = √m",
    )
    proof.derive("share", sp.And((2 * A - A**2) * (1 - x) >= 0, (2 * A - A**2) * (1 - x) <= 1), "range")
    proof.derive("slope_scaled", slope2 * q0**2 <= m**2, "slope share")
    slope = sym("slope")
    proof.define("slope_root", sp.Eq(slope**2, slope2))
    proof.derive("slope_linear", slope * q0 <= m, "slope_scaled slope_root")
    proof.derive("slope_low", slope * q <= m, "slope_linear below")
    proof.derive("slope_bound", slope <= m / q, "slope_low below")
    form = A * ((3 * (1 - A) * (1 - x) + x) ** 2 + 4 * x * (1 - x))
    proof.derive("polynomial", 3 * form <= 4, "range")
    u, v = sp.symbols("along across", real=True)
    proof.identity(
        "along",
        (2 * (1 - x) + 1 - 3 * A * (1 - x)) - (3 * (1 - A) * (1 - x) + x),
        sp.Integer(0),
        "−2c² − 1 + 3a²c², x = 1 − c²",
    )
    proof.lemma("bend", "composition", sp.Eq(bend2 * q0**4, m**2 * (u**2 + v**2)), "bend_square = ‖D²N[u, u]‖²")
    proof.define(
        "components", sp.And(sp.Eq(u**2, A * (3 * (1 - A) * (1 - x) + x) ** 2), sp.Eq(v**2, A * 4 * x * (1 - x)))
    )
    proof.derive("sum", 3 * (u**2 + v**2) <= 4, "components polynomial")
    proof.derive("scaled", 3 * (m**2 * (u**2 + v**2)) <= 4 * m**2, "sum")
    proof.derive("bend_scaled", 3 * bend2 * q0**4 <= 4 * m**2, "bend scaled")
    bend, root = sym("bend root_three")
    proof.define("bend_root", sp.And(sp.Eq(bend**2, bend2), sp.Eq(root**2, 3)))
    proof.derive("bend_linear", root * bend * q0**2 <= 2 * m, "bend_scaled bend_root")
    proof.derive("square_low", q**2 <= q0**2, "below")
    proof.derive("bend_low", root * bend * q**2 <= 2 * m, "bend_linear square_low")
    _local(proof)
    return proof.conclude("slope_bound polynomial along bend_low local local_root")


def _local(proof: Proof) -> None:
    """q̲ from the spread at the centre: the smaller of two roots whose squares differ by spread² − gap² ≥ 0."""
    spread, centre, move, gap, floor, q0, q = sym("spread spread_centre move gap floor q_at local_low")
    proof.lemma("moved", "operator_norm", centre <= spread + move, "‖Pz⁰‖ ≤ ‖Pz‖ + ‖PΔz‖, ‖P‖ ≤ 1; move = ‖Δz‖")
    proof.define("gap", sp.Or(sp.Eq(gap, 0), sp.Eq(gap, centre - move)), "gap = max(0, ‖Pz⁰‖ − ‖Δz‖)")
    proof.derive("gap_low", gap <= spread, "moved gap")
    proof.define("roots", sp.And(sp.Eq(q0**2, spread**2 + floor), sp.Eq(q**2, gap**2 + floor)), "floor = m·eps")
    proof.derive("gap_square", gap**2 <= spread**2, "gap_low")
    proof.derive("local", q**2 <= q0**2, "gap_square roots")
    proof.derive("local_root", q <= q0, "local")


def _at_the_centre() -> list[Fact]:
    # m = 2, P z = (t, −t)/√2·…: N is a sign-like function of t = (z1 − z2)/√2, q = (t² + 2eps)^½: steep near t = 0 if eps is small.
    eps = sp.Rational(1, 200)
    t = sp.Symbol("t", real=True)
    slope = sp.diff(t / sp.sqrt(t**2 + 2 * eps), t)
    return [
        Fact(
            "the slope at t = 0 is 10, at t = 1 below 1/10",
            slope.subs(t, 0) == 10 and slope.subs(t, 1) < sp.Rational(1, 10),
        )
    ]


def _by_differentiation() -> list[Fact]:
    # z = (0, 2, 4), 3eps = 1: Pz = (−2, 0, 2), q = 3; along u = (1, −1, 0).
    t = sp.Symbol("t", real=True)
    u = sp.Matrix([1, -1, 0])
    z = sp.Matrix([0, 2, 4]) + t * u
    centred = z - sp.ones(3, 1) * sum(z) / 3
    value = sp.sqrt(3) * centred / sp.sqrt(centred.dot(centred) + 1)
    alpha, q = centred.subs(t, 0) / 3, sp.Integer(3)
    s = alpha.dot(u)
    first = sp.sqrt(3) / q * (u - alpha * s)
    second = sp.sqrt(3) / q**2 * (-2 * u * s - alpha * u.dot(u) + 3 * alpha * s**2)
    return [
        Fact("DN[u]", sp.simplify(value.diff(t).subs(t, 0) - first) == sp.zeros(3, 1)),
        Fact("D²N[u, u]", sp.simplify(value.diff(t, 2).subs(t, 0) - second) == sp.zeros(3, 1)),
    ]


def _attained() -> list[Fact]:
    A, x = sp.symbols("A x")
    form = A * ((3 * (1 - A) * (1 - x) + x) ** 2 + 4 * x * (1 - x))
    return [
        Fact("4/3 at A = 1, x = 2/3", form.subs({A: 1, x: sp.Rational(2, 3)}) == sp.Rational(4, 3)),
        Fact("4/3 at A = 1/3, x = 0", form.subs({A: sp.Rational(1, 3), x: 0}) == sp.Rational(4, 3)),
    ]


CLAIM = Claim(
    id="layer_norm_derivatives",
    title="LayerNorm's derivatives",
    statement="N(z) = √m·Pz/q, q = (‖Pz‖² + m·eps)^½ over a group of m entries. Where q ≥ q̲ > 0: ‖DN‖ ≤ √m/q̲ and ‖D²N[u, u]‖ ≤ (2/√3)(√m/q̲²)‖u‖²."
    " Within ‖Δz‖ of z⁰ this holds of q̲² = max(0, ‖Pz⁰‖ − ‖Δz‖)² + m·eps.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "below",
            "q̲ bounds q on the whole ball, not at its centre alone",
            Counterexample("m = 2, eps = 1/200: steep where Pz = 0", _at_the_centre),
        ),
    ),
    witnesses=(
        Counterexample("the constant 2/√3 is attained", _attained),
        Counterexample("both formulas at one point, by differentiation", _by_differentiation),
    ),
    proof=prove,
    remarks="N is not entrywise: in network_jacobian_change its bend multiplies the operator norm of G, not the largest column norm. Affine parameters"
    " are a layer of weights. Groups do not mix: over several, the largest of each bound, hence the least ‖Pz⁰‖ (they have one m). ‖D²N[u, v]‖ has the same"
    " bound as D²N is symmetric. RMSNorm is P = I.",
)
