"""Claim adam_step_bound: no step of Adam is longer than a constant times its step size, coordinate by coordinate."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """m² ≤ C_kv with C_{k+1} = (β1²/β2)C_k + (1 − β1)²/(1 − β2); the limit of C_k."""
    b1, b2 = sym("beta1 beta2")
    C, C1, v, v1, A, B, u = sym("C C_next v v_next A_ B_ u_")
    m, m1, gr, x, y, w = sp.symbols("m m_next gr x y w", real=True)
    proof = Proof()
    proof.hypothesis("decay", sp.And(b1 < 1, b2 > 0, b2 < 1))
    proof.define("mean", sp.Eq(m1, b1 * m + (1 - b1) * gr))
    proof.define("square", sp.Eq(v1, b2 * v + (1 - b2) * gr**2))
    proof.define("C", sp.And(sp.Eq(A * b2, b1**2 * C), sp.Eq(B * (1 - b2), (1 - b1) ** 2), sp.Eq(C1, A + B)))
    proof.suppose("so_far", m**2 <= C * v, "m_k² ≤ C_kv_k")
    proof.define("u", sp.Eq(u, b2 * v))
    proof.derive("old", (b1 * m) ** 2 <= A * u, "so_far C u decay")
    proof.derive("new", sp.Eq(((1 - b1) * gr) ** 2, B * ((1 - b2) * gr**2)), "C")
    proof.define("xy", sp.And(sp.Eq(x, b1 * m), sp.Eq(y, (1 - b1) * gr), sp.Eq(w, (1 - b2) * gr**2)))
    proof.lemma(
        "cauchy", "cauchy_schwarz", (x + y) ** 2 <= (A + B) * (u + w), "x² ≤ Au, y² ≤ Bw", premises=["old", "new"]
    )
    proof.derive("next", m1**2 <= C1 * v1, "cauchy mean square C u xy")
    C0, v0, Ck, vk = sym("C_start v_start C_k v_k")
    m0, mk = sp.symbols("m_start m_k", real=True)
    proof.hypothesis("start", sp.And(sp.Eq(m0, 0), v0 >= 0), "m_0 = 0")
    proof.derive("base", m0**2 <= C0 * v0, "start")
    proof.lemma("all", "induction", mk**2 <= Ck * vk, "for every k", premises=["base", "next"], discharges=["so_far"])
    D, D1, zero = sym("D_ D_next D_start")
    limit = formulas("adam_ratio")
    proof.hypothesis("ratio", b1**2 < b2)
    proof.define(
        "recursion", sp.Eq(D1 * b2 * (1 - b2), b1**2 * (1 - b2) * D + (1 - b1) ** 2 * b2), "C_{k+1} from C_k, C_0 = 0"
    )
    bar = sym("C_bar")
    proof.define("bar", sp.Eq(bar * (b2 - b1**2) * (1 - b2), (1 - b1) ** 2 * b2))
    proof.derive("limit", sp.Eq(limit, bar), "bar ratio decay")
    proof.suppose("below", D <= bar)
    proof.derive("below_scaled", D1 * b2 * (1 - b2) <= bar * b2 * (1 - b2), "bar recursion below decay ratio")
    proof.derive("below_next", D1 <= bar, "below_scaled decay")
    proof.define("zero", sp.Eq(zero, 0))
    proof.derive("below_base", zero <= bar, "zero")
    proof.lemma("below_all", "induction", Ck <= bar, premises=["below_base", "below_next"], discharges=["below"])
    proof.define("vk", vk >= 0)
    proof.derive("scaled", Ck * vk <= bar * vk, "below_all vk")
    proof.derive("bound", mk**2 <= limit * vk, "all scaled limit ratio decay")
    return proof.conclude("next bound")


def _heavy() -> list[Fact]:
    # β1² > β2: g_j = (β1/β2)^{−j} makes m²/v grow without bound; β1 = 9/10, β2 = 1/2.
    b1, b2, m, v, ratios = Q(9, 10), Q(1, 2), Q(0), Q(0), []
    for j in range(60):
        g = (b2 / b1) ** j
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        ratios.append(m * m / v)
    return [Fact("β1² = 81/100 > β2 = 1/2: m²/v exceeds 10^6", ratios[-1] > 10**6)]


def _moving_start() -> list[Fact]:
    return [Fact("m_0 = 1, v_0 = 0, gradients 0: m_1 > 0 = v_1", Q(9, 10) > 0)]


def _attained() -> list[Fact]:
    b1, b2 = Q(9, 10), Q(999, 1000)
    limit = (1 - b1) ** 2 * b2 / ((1 - b2) * (b2 - b1**2))
    m = v = Q(0)
    for j in range(60):
        g = (b2 / b1) ** (j - 60)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
    return [
        Fact(
            "the ratio at the PyTorch defaults is 370/7 below 52.858, its root below 7.2704",
            limit < Q(72704, 10000) ** 2,
        ),
        Fact(
            "gradients that grow by β2/β1 reach 0.9999 of it in 60 steps", Q(9999, 10000) * limit < m * m / v <= limit
        ),
    ]


CLAIM = Claim(
    id="adam_step_bound",
    title="Adam's step bound",
    statement="Adam's moments from m_0 = 0, v_0 ≥ 0 with β1² < β2 < 1: m_k² ≤ v_k(1 − β1)²β2/((1 − β2)(β2 − β1²)) for every k and every"
    " gradient sequence; without"
    " bias correction no coordinate moves by more than 7.2704 times the step size at β = (0.9, 0.999).",
    source="our formulation; related to arXiv:2505.15013",
    hypotheses=(
        Hypothesis("ratio", "β1² < β2", Counterexample("β1 = 9/10, β2 = 1/2", _heavy)),
        Hypothesis("start", "m_0 = 0", Counterexample("m_0 = 1, v_0 = 0", _moving_start)),
    ),
    proof=prove,
    witnesses=(Counterexample("the bound is attained in the limit", _attained),),
)
