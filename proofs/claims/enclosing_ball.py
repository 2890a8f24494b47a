"""Claim enclosing_ball: a convex Locally PL Region that holds gradient descent's whole run, its segments and its limit.

The two halves of a region certificate are proved apart: PL on the ball B(c, R), and that the iterates are in it. The latter needs no
drift bound: the first T iterates are enclosed one by one, θ_k ∈ B(θ̂_k, δ_k), and the rest stays in a ball B(θ̂_T, R_T) by a containment claim
started off its centre (handover). Segments lie in B(c, R) because a ball is convex. The centre c is any exact vector: the midpoint of
the path halves the radius that the initialisation as centre needs.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO, SEGMENT_OUTSIDE


def prove(formulas: Formulas) -> Proof:
    """PL from λ on the ball; the triangle inequality for head and tail; convexity; the factors multiplied."""
    R, lam, Phi, g, s = sym("R lambda_R Phi gradient_norm s")
    far, shadow, end, rest = sym("centre_distance shadow end_distance end_radius")
    apart, distance, tail, off = sym("apart distance tail off")
    proof = Proof()
    proof.hypothesis("region", lam > 0, "λ_min(Θ(θ)) ≥ λ for all θ ∈ B(c, R)")
    proof.lemma("pl", "claim:pl_from_ntk", g**2 / 2 >= s * lam * Phi, "at every θ ∈ B(c, R)", premises=["region"])
    proof.derive("mu", sp.And(g**2 / 2 >= formulas("mu") * Phi, formulas("mu") > 0), "pl region")
    # Head: k ≤ T.
    proof.hypothesis(
        "enclosed", apart <= shadow, "apart = ‖θ_k − θ̂_k‖ ≤ δ_k, claim shadow_growth or exact enclosures; k ≤ T"
    )
    proof.hypothesis(
        "radius", formulas("enclosing_radius") <= R, "‖θ̂_k − c‖ + δ_k ≤ R for k ≤ T and ‖θ̂_T − c‖ + R_T ≤ R"
    )
    proof.lemma("head_triangle", "cauchy_schwarz", distance <= apart + far, "distance = ‖θ_k − c‖")
    proof.derive("head", distance <= R, "enclosed radius head_triangle")
    # Tail: k ≥ T.
    proof.hypothesis(
        "contained", tail <= rest, "tail = ‖θ_k − θ̂_T‖ for k ≥ T: a ball certificate about θ̂_T with offset δ_T"
    )
    proof.lemma("tail_triangle", "cauchy_schwarz", off <= tail + end, "off = ‖θ_k − c‖, k ≥ T; the limit likewise")
    proof.derive("tail", off <= R, "contained radius tail_triangle")
    # Segments between two points of the ball.
    t, first, second, between = sym("t first second between")
    proof.define("weights", sp.And(t <= 1, first <= R, second <= R), "two consecutive iterates, lines head and tail")
    proof.lemma("convex", "cauchy_schwarz", between <= (1 - t) * first + t * second, "the norm is convex")
    proof.derive("segment", between <= R, "weights convex")
    # The loss, from the first step on.
    q, rate, now, after, power, Phi0 = sym("q_k rate Phi_k Phi_next power Phi0")
    proof.hypothesis(
        "falls", sp.And(after <= q * now, q <= rate, rate < 1), "Φ_{k+1} ≤ q_kΦ_k for every k; rate = the largest q"
    )
    proof.suppose("so_far", now <= power * Phi0, "power = rate^k")
    proof.derive("slower", q * now <= rate * now, "falls")
    proof.derive("next", after <= rate * power * Phi0, "falls slower so_far")
    final, total = sym("Phi_final rate_to_the_k")
    proof.derive("base", Phi0 <= 1 * Phi0, "so_far", "Φ_0 ≤ Φ_0")
    proof.lemma(
        "all",
        "induction",
        final <= total * Phi0,
        "for every k, so Φ_k → 0",
        premises=["base", "next"],
        discharges=["so_far"],
    )
    return proof.conclude("mu head tail segment next all")


def _not_enclosed() -> list[Fact]:
    # F = θ, y = 0, η = 1, θ_0 = 1, R = 3/4 about c = 3/4: the first step lands on 0 ∈ B; with c = 1 and R = 3/4 it does not.
    return [Fact("θ_0 = 1 ∈ B(1, 3/4), θ_1 = 0 is at distance 1", abs(Q(0) - 1) > Q(3, 4))]


def _tail_forgotten() -> list[Fact]:
    # F = θ, y = 0, η = 1/2, θ_0 = 1, T = 1: θ_0 = 1, θ_1 = 1/2 lie in B(3/4, 1/4); θ_2 = 1/4 does not.
    return [
        Fact("θ_0 and θ_1 are in B(3/4, 1/4)", abs(Q(1) - Q(3, 4)) <= Q(1, 4) and abs(Q(1, 2) - Q(3, 4)) <= Q(1, 4)),
        Fact("θ_2 = 1/4 is not", abs(Q(1, 4) - Q(3, 4)) > Q(1, 4)),
    ]


def _every_iterate() -> list[Fact]:
    # F = diag(1, 4)θ, y = 0, η = 1/9: GD from (3, 3) bends. First and last enclosed point do not bound the middle one.
    x, points = (Q(3), Q(3)), []
    for _ in range(3):
        points.append(x)
        x = (x[0] * (1 - Q(1, 9)), x[1] * (1 - Q(16, 9)))
    c, R2 = (Q(3), Q(3)), Q(4)

    def square(point: tuple[Q, Q]) -> Q:
        return (point[0] - c[0]) ** 2 + (point[1] - c[1]) ** 2

    return [
        Fact("θ_0 and θ_2 lie in B(c, 2)", square(points[0]) <= R2 and square(points[2]) <= R2),
        Fact("θ_1 does not", square(points[1]) > R2),
    ]


CLAIM = Claim(
    id="enclosing_ball",
    title="a convex region that encloses the run",
    statement="Let λ_min(Θ) ≥ λ > 0 on B(c, R); for every start in B(θ̂_0, δ_0) let ‖θ_k − θ̂_k‖ ≤ δ_k and ‖θ̂_k − c‖ + δ_k ≤ R for all k ≤ T; let a ball"
    " certificate about θ̂_T with offset δ_T keep θ_k in B(θ̂_T, R_T) for k ≥ T, with ‖θ̂_T − c‖ + R_T ≤ R; and let Φ_{k+1} ≤ q_kΦ_k with"
    " q_k ≤ q < 1 for every k. Then B(c, R) is a convex locally PL region with μ = sλ that holds every start in B(θ̂_0, δ_0), all iterates,"
    " all segments between consecutive iterates and their limit, Φ_k ≤ q^kΦ_0 and the limit has loss 0.",
    source="our formulation",
    hypotheses=(
        Hypothesis("region", "λ > 0 on B(c, R)", LAMBDA_ZERO),
        Hypothesis(
            "every iterate",
            "‖θ̂_k − c‖ + δ_k ≤ R for every k ≤ T, not only for the ends",
            Counterexample(
                "F = (θ1, 4θ2), η = 1/9 from (3, 3): θ_0 and θ_2 are in the ball, θ_1 is not", _every_iterate
            ),
        ),
        Hypothesis(
            "enclosed",
            "θ_k ∈ B(θ̂_k, δ_k)",
            Counterexample("F = θ, η = 1: the true θ_1 = 0 is far from a stored θ̂_1 = 1", _not_enclosed),
        ),
        Hypothesis(
            "tail",
            "‖θ̂_T − c‖ + R_T ≤ R, R_T the radius of the last ball and not 0",
            Counterexample("F = θ, η = 1/2, T = 1, R_T = 0 assumed: θ_2 leaves B(3/4, 1/4)", _tail_forgotten),
        ),
        Hypothesis(
            "decrease",
            "Φ_{k+1} ≤ q_kΦ_k before T is checked: containment does not give it",
            SEGMENT_OUTSIDE,
        ),
    ),
    proof=prove,
    remarks="Nothing is claimed for other starts in B(c, R), nor of β on it: the last ball brings its own. λ comes from neuron_budget,"
    " neuron_budget_local or feature_kernel about c, and its R is this R.",
)
