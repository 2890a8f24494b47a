"""Claim containment_displacement_staircase: the displacement criterion with the growth of the distance followed through the tail.

Notation of containment_displacement: D_k = ‖θ_k − c‖, E_k = ‖e_k‖, h = ηs. From its line `decrease`,
    D_{k+1}² ≤ D_k² + hE_k(2ϱ(D_k) + 2e_c − (2 − κ)E_k),                                           (1)
which looks only at θ_k and the segment to c; and by containment_residual, once the step is known to lie in the ball,
    E_{k+1} ≤ E_k − x_k,   x_k = hσ(σ − δ)E_k,   σ = σ(D_k).                                       (2)
So the distance can grow only below E^0 = 2(ϱ(d0) + e_c)/(2 − κ), and there the squared distance grows by at most slope·x while the residual falls
by x. A staircase is a list of levels E^0 > E^1 > … > E^m = 0 and bounds d0² = Q_0 ≤ Q_1 ≤ … ≤ Q_m ≤ R² whose slopes
S_j = (Q_{j+1} − Q_j)/(E^j − E^{j+1}) satisfy S_0 ≤ S_1 ≤ … and S_j ≥ displacement_slope at (Q_{j+1}, E^{j+1}, σ(√Q_{j+1})). Let Q(E) be the
piecewise linear function through the corners, constant d0² above E^0: non-increasing and convex.

Invariant: D_k² ≤ Q(E_k). Head, E_k ≥ E^0: D_{k+1} ≤ D_k ≤ d0 by (1), and Q ≥ d0² everywhere. Tail, E^{j+1} ≤ E_k ≤ E^j: D_k² ≤ Q_{j+1}, so (1)
gives D_{k+1}² ≤ Q(E_k) + S_jx_k ≤ Q(E_k − x_k) by convexity. As x_k ≤ E_k this is at most Q(0) = Q_m ≤ R²: the step is in the ball before
anything else is known about it, so (2) applies, and Q(E_k − x_k) ≤ Q(E_{k+1}) because Q does not increase.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.claims.containment_displacement import CLAIM as SIMPLE
from proofs.evaluation import evaluate
from proofs.examples import SMALL_REGION


def prove(formulas: Formulas) -> Proof:
    """One step in the panel [E^{j+1}, E^j]."""
    s, eta, R, d0, e_c, sigma, delta = sym("s eta R d0 e_c sigma delta")
    kappa, remainder = sym("step_fraction remainder")
    h, K, S, E, E1, x, level, threshold = sym("h K slope e_k e_next x level threshold")
    q, q1, top, now, later, then, last = sym("D2 D2_next D_square Q_now Q_later Q_next Q_last")
    proof = Proof()
    proof.define("h", sp.Eq(h, eta * s))
    proof.define("K", sp.Eq(K, formulas("jacobian_norm_region")))
    proof.hypothesis("step", formulas("residual_step") <= kappa)
    proof.hypothesis("short", kappa <= 1)
    proof.derive("step_h", h * K**2 <= 1, "h K step short")
    bend = sym("remainder_k")
    proof.lemma(
        "growth",
        "claim:containment_displacement",
        q1 <= q + h * E * (2 * bend + 2 * e_c - (2 - kappa) * E),
        "its line decrease; bend = ϱ(D_k)",
    )
    proof.hypothesis("remainder", sp.Implies(q <= top, bend <= remainder), "ϱ at the panel's distance √Q_{j+1}")
    proof.suppose("so_far", q <= now, "D_k² ≤ Q(E_k)")
    proof.hypothesis("room", sigma > delta, "σ = σ(√Q_{j+1}) ≤ σ(D_k)")
    proof.lemma("norm", "rayleigh", sigma <= K)
    # Tail.
    proof.define("panel", sp.And(E >= level, now <= top), "level = E^{j+1} ≤ E_k, so Q(E_k) ≤ Q_{j+1} = D_square")
    proof.hypothesis("slope", S >= formulas("displacement_slope", e=level), "S_j ≥ 0")
    proof.derive("cleared", S * sigma * (sigma - delta) >= 2 * remainder + 2 * e_c - (2 - kappa) * level, "slope room")
    proof.define("x", sp.Eq(x, h * sigma * (sigma - delta) * E))
    proof.derive("bend", bend <= remainder, "remainder panel so_far")
    proof.derive("level", (2 - kappa) * level <= (2 - kappa) * E, "panel short")
    proof.derive("numerator", 2 * bend + 2 * e_c - (2 - kappa) * E <= S * sigma * (sigma - delta), "cleared bend level")
    proof.derive("tail", q1 <= now + S * x, "growth numerator x so_far")
    proof.derive("contracts", h * sigma * (sigma - delta) <= 1, "step_h norm room")
    proof.derive("within", x <= E, "contracts x")
    proof.lemma(
        "convex",
        "convex_support",
        later >= now + S * x,
        "later = Q(E_k − x), slopes non-decreasing",
        premises=["within"],
    )
    proof.define("monotone", later <= last, "Q(E_k − x) ≤ Q(0) = Q_m, as E_k − x ≥ 0")
    proof.hypothesis("fits", last <= R**2, "Q_m ≤ R²")
    proof.derive(
        "inside", sp.And(q1 <= later, q1 <= R**2), "tail convex monotone fits", "so the segment lies in the ball"
    )
    first = sym("remainder_start")
    proof.define("initial", sp.Eq(threshold, formulas("displacement_residual", remainder=first)), "E^0, first = ϱ(d0)")
    proof.hypothesis("drift", delta >= formulas("delta_residual", e0=threshold), "for E_k ≤ E^0")
    proof.lemma(
        "falls", "claim:containment_residual", E1 <= E - x, "its line rate, at θ_k", premises=["inside", "drift"]
    )
    proof.define("not_increasing", sp.Implies(E1 <= E - x, later <= then), "then = Q(E_{k+1})")
    proof.derive("next", q1 <= then, "inside falls not_increasing")
    # Head.
    square, square1 = sym("head_D2 head_D2_next")
    e_head = sym("head_e")
    proof.define("head", sp.And(e_head >= threshold, square <= d0**2), "E_k ≥ E^0: Q = d0² there")
    proof.lemma(
        "head_step",
        "claim:containment_displacement",
        square1 <= square,
        "its line not_growing",
        premises=["head", "initial"],
    )
    proof.derive("head_next", square1 <= d0**2, "head_step head", "≤ Q(E_{k+1}), since Q ≥ d0² everywhere")
    start, final = sym("D2_start D2_k")
    proof.define("start", start <= d0**2)
    proof.lemma(
        "all", "induction", final <= R**2, "for every k", premises=["start", "next", "head_next"], discharges=["so_far"]
    )
    return proof.conclude("next head_next all")


def staircase() -> list[Fact]:
    """σ(ρ) = 1 − ρ, L_H = 1, e_c = 0, δ = 10⁻⁴, 24 panels: certified for d0 = 47/100, beyond √2 − 1."""
    d0, delta, panels = Q(47, 100), Q(1, 10**4), 24
    levels = [d0**2 * Q(panels - j, panels) for j in range(panels + 1)]
    roots = [d0]
    for j in range(panels):
        # The next corner: a float guess for √Q, rounded up; the inequalities below are checked exactly.
        guess, E = float(roots[-1]), float(levels[j + 1])
        for _ in range(200):
            slope = max(guess**2 - E, 0.0) / ((1 - guess) * (1 - guess - float(delta)))
            guess = math.sqrt(float(roots[-1]) ** 2 + float(levels[j] - levels[j + 1]) * slope)
        roots.append(Q(math.ceil(guess * 10**9) + 1, 10**9))
    slopes = [(roots[j + 1] ** 2 - roots[j] ** 2) / (levels[j] - levels[j + 1]) for j in range(panels)]
    need = [
        evaluate(
            "displacement_slope",
            {
                "e_c": Q(0),
                "e": levels[j + 1],
                "sigma": 1 - roots[j + 1],
                "delta": delta,
                "step_fraction": Q(1),
                "remainder": roots[j + 1] ** 2 / 2,
            },
        )
        for j in range(panels)
    ]
    return [
        Fact("d0 = 47/100 exceeds √2 − 1, the limit of the simple form", (d0 + 1) ** 2 > 2),
        Fact("every slope is large enough", all(a >= b for a, b in zip(slopes, need, strict=True))),
        Fact("slopes do not decrease", all(a <= b for a, b in itertools.pairwise(slopes))),
        Fact("the last corner has √Q_m < 1 − δ", roots[-1] < 1 - delta),
    ]


CLAIM = Claim(
    id="containment_displacement_staircase",
    title="containment from the displacement, staircase form",
    statement="c any point, ‖θ_0 − c‖ ≤ d0, ‖F(c) − y‖ ≤ e_c, K, L_H, σ(·) valid on B(c, R), ηsK² ≤ κ ≤ 1, ϱ(·) non-decreasing as in"
    " containment_displacement, E^0 = 2(ϱ(d0) + e_c)/(2 − κ),"
    " δ ≥ min(½ηsL_HKE^0, 2Δ_J). If there are levels E^0 > … > E^m = 0 and d0² = Q_0 ≤ … ≤ Q_m ≤ R² with"
    " (Q_{j+1} − Q_j)/(E^j − E^{j+1}) non-decreasing in j and at least (2ϱ(√Q_{j+1}) + 2e_c − (2 − κ)E^{j+1})/(σ(σ − δ)),"
    " σ = σ(√Q_{j+1}) > δ, every iterate stays in B(c, √Q_m).",
    source="our formulation",
    hypotheses=(
        Hypothesis("threshold", "the staircase starts at E^0, no lower", SIMPLE.hypotheses[0].necessity),
        Hypothesis("radius", "Q_m ≤ R²", SMALL_REGION),
    ),
    witnesses=(Counterexample("σ(ρ) = 1 − ρ, L_H = 1, κ = 1: an exact staircase for d0 = 47/100", staircase),),
    proof=prove,
    remarks="The proof is in the module's docstring. For σ(ρ) = √λ_c − L_Hρ, κ = 1, δ, e_c → 0 the largest d0 found by refining the"
    " staircase is 0.4995√λ_c/L_H (float, 4000 panels; 0.557 for κ = 1/10), against √2 − 1 for the simple form: the constant ½ of"
    " containment_residual, with d0 in place of ‖e0‖/√λ0.",
)
