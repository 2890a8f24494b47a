"""Claim no_lqcr_wide: a network whose last hidden layer is wide enough has no LQCR of any radius around a generic parameter.

Definition (textbook). Φ is quasi-convex on a convex set U if Φ(x) ≤ max(Φ(x + u), Φ(x − u)) whenever x ± u ∈ U. An LQCR around θ is
a convex set with θ in its interior on which Φ is quasi-convex. Other notions have their own claims: slqc_*.

Setting. F_ic(θ) = Σ_r v_cr σ(w_r·a_i) + (terms free of w, v), i = 1..n, c = 1..k, N = nk, a_i the input of the last hidden layer (with a 1
appended for its bias), all other parameters fixed. F is twice differentiable near θ. For neuron r put q_cr = Σ_i e_ic σ'(w_r·a_i) a_i.

Theorem. If more than N neurons have q_cr ≠ 0 for some c, there is v with Jv = 0 and vᵀ∇²Φv < 0; then Φ(θ ± tv) < Φ(θ) for all small
t > 0, and θ has no LQCR of any radius.

Proof. M = Σ_ic e_ic∇²F_ic has no entries between different neurons, and within neuron r, in the direction (dv_c, dw),
    2dv_c⟨q_cr, dw⟩ + dwᵀ(Σ_i Σ_c e_ic v_cr σ''(w_r·a_i) a_ia_iᵀ)dw           (line `block`, an identity).
With dv_c = 1, dw = −tq_cr this is −2t‖q‖² + t²C < 0 for t > 0 small enough (line `negative`). So every qualifying neuron has a direction d_r
with d_rᵀMd_r < 0, and d_rᵀMd_r' = 0 for r ≠ r': M is negative definite on their span, which has dimension > N ≥ rank J. The span
meets ker J in some v ≠ 0. There ⟨∇Φ, v⟩ = s⟨e, Jv⟩ = 0 and vᵀ∇²Φv = s(‖Jv‖² + vᵀMv) = s·vᵀMv < 0. Taylor gives Φ(θ ± tv) < Φ(θ), so
θ, the midpoint, exceeds both ends. Fixing the other parameters loses nothing: a restriction of a quasi-convex function to
an affine subspace is quasi-convex.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.solvers import entails
from proofs.witness import find, random_network


def prove(formulas: Formulas) -> Proof:
    """A negative direction per neuron, more of them than equations, and Taylor."""
    proof = Proof()
    # One term e·v·σ(z) of Σ e_ic F_ic along (v + τ dv, z + τ p), p = a_i·dw; σ enters through its 2-jet at z.
    e, v, dv, p, tau, s0, s1, s2 = sp.symbols("e v dv p tau s0 s1 s2", real=True)
    term = e * (v + tau * dv) * (s0 + s1 * tau * p + s2 * (tau * p) ** 2 / 2)
    second = sp.diff(term, tau, 2).subs(tau, 0)
    proof.identity("block", second, 2 * dv * (e * s1 * p) + e * v * s2 * p**2, "sum over i: ⟨q, dw⟩ = Σ e σ' p")
    q2 = sp.Symbol("q_square", nonnegative=True)
    t = sp.Symbol("t", positive=True)
    C, form = sp.symbols("C form", real=True)
    proof.hypothesis("qualifies", q2 > 0, "q_cr ≠ 0, q2 = ‖q_cr‖²")
    proof.define("direction", sp.Eq(form, 2 * t * (-q2) + t**2 * C), "dv = 1, dw = −tq: ⟨q, dw⟩ = −tq2")
    proof.define("short", t * C <= q2, "t small enough")
    proof.derive("negative", form < 0, "direction short qualifies")
    # Two neurons stand for all: no cross terms, coefficients not all zero.
    form2, total = sp.symbols("form_2 total", real=True)
    x, y = sp.symbols("alpha_1 alpha_2", real=True)
    proof.define("second_neuron", form2 < 0)
    proof.lemma(
        "no_cross_terms", "finite_sum", sp.Eq(total, x**2 * form + y**2 * form2), "v = Σα_rd_r; F is a sum over neurons"
    )
    count, outputs, rank, common = sym("neurons N rank dim_common")
    proof.hypothesis("wide", count > outputs, "more than N qualifying neurons")
    proof.define("rank", rank <= outputs)
    proof.lemma("dimension", "dimension", common >= count - rank, "dim(span{d_r} ∩ ker J)")
    proof.derive("meets", common > 0, "wide rank dimension")
    proof.lemma(
        "nonzero", "dimension", sp.Or(sp.Ne(x, 0), sp.Ne(y, 0)), "some v ≠ 0 in the intersection", premises=["meets"]
    )
    proof.derive("curvature", total < 0, "negative second_neuron no_cross_terms nonzero")
    s, Jv = sym("s Jv")
    slope, bend, eJv = sp.symbols("slope bend eJv", real=True)
    proof.define("kernel", sp.And(sp.Eq(Jv, 0), sp.Eq(eJv, 0)), "Jv = 0, so ⟨e, Jv⟩ = 0")
    proof.lemma("chain", "chain_rule", sp.And(sp.Eq(slope, s * eJv), sp.Eq(bend, s * (Jv**2 + total))))
    proof.derive("flat", sp.Eq(slope, 0), "kernel chain")
    proof.derive("bent", bend < 0, "kernel chain curvature")
    Phi, plus, minus, sup = sp.symbols("Phi Phi_plus Phi_minus sup", real=True)
    T = sp.Symbol("T", positive=True)
    proof.lemma(
        "near", "continuity", sup <= bend / 2, "second derivative along v on [−T, T], T small", premises=["bent"]
    )
    proof.lemma("taylor_plus", "taylor", plus <= Phi + T * slope + T**2 * sup / 2)
    proof.lemma("taylor_minus", "taylor", minus <= Phi - T * slope + T**2 * sup / 2)
    proof.derive("both_lower", sp.And(plus < Phi, minus < Phi), "flat bent near taylor_plus taylor_minus")
    proof.derive("not_quasi_convex", sp.Not(Phi <= sp.Max(plus, minus)), "both_lower")
    return proof.conclude("not_quasi_convex")


def _narrow_has_one() -> list[Fact]:
    # N = 1, one linear neuron: F = vw, x = 1, y = 5, around (1, 1): an LQCR of radius 1/2 although q = e ≠ 0.
    a, b, c, d, level = sp.symbols("a b c d level", positive=True)
    midpoint = entails([a * b >= level, c * d >= level], (a + c) * (b + d) / 4 >= level)
    return [
        Fact("q = e = 1·1 − 5 ≠ 0: the single neuron qualifies, N = 1", Q(1) * 1 - 5 != 0),
        Fact("on B((1, 1), 1/2) both entries are positive and F ≤ 9/4 < 5, so Φ decreases with F", Q(3, 2) ** 2 < 5),
        Fact("{F ≥ level} is midpoint-convex there (z3), so Φ is quasi-convex on the ball", midpoint.proved),
    ]


def _linear_model() -> list[Fact]:
    # F(θ) = Aθ with N = 1 and many parameters: Φ is convex, every ball is an LQCR; q_r = 0 as there is no second layer.
    x, y = sp.symbols("x y", real=True)
    return [
        Fact(
            "(x + y − 1)² is convex: midpoint inequality by z3",
            entails([], ((x + y) / 2 - 1) ** 2 <= ((x - 1) ** 2 + (y - 1) ** 2) / 2).proved,
        )
    ]


def witnesses() -> list[Fact]:
    """Concrete networks: one and two hidden layers, one and two outputs, four activations."""
    cases = [
        ((4, 30, 1), "tanh", 5),
        ((3, 20, 24, 2), "tanh", 4),
        ((4, 30, 1), "sigmoid", 5),
        ((4, 30, 1), "softplus", 5),
        ((4, 40, 1), "relu", 5),
        ((8, 64, 1), "tanh", 20),
    ]
    return [
        fact for widths, activation, n in cases for fact in find(random_network(widths, activation, n, seed=0)).facts()
    ]


CLAIM = Claim(
    id="no_lqcr_wide",
    title="wide networks have no LQCR of any radius",
    statement="(Textbook quasi-convexity; an LQCR around θ is a convex set with θ in its interior.) If more than N = nk neurons of the last"
    " hidden layer have q_cr = Σ_i e_icσ'(w_r·a_i)a_i ≠ 0 for some output c, then arbitrarily close to θ there are pairs θ ± tv with"
    " Φ(θ ± tv) < Φ(θ): θ has no LQCR of any radius.",
    source="our formulation; settles a premise of v1, v2 and v3 under the textbook definition",
    hypotheses=(
        Hypothesis(
            "wide",
            "more than N qualifying neurons",
            Counterexample("F = vw, one neuron, N = 1, y = 5: B((1, 1), 1/2) is an LQCR", _narrow_has_one),
        ),
        Hypothesis("qualifies", "q_cr ≠ 0", Counterexample("a linear model: convex loss", _linear_model)),
    ),
    witnesses=(
        Counterexample(
            "six random networks (seed 0): both ends of an exact segment have certifiably lower loss", witnesses
        ),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring. A ReLU network is covered at every θ that is not on a kink.",
)
