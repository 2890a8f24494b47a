"""Claim containment_classical: gradient descent provably stays in the ball, from the PL constant and the smoothness.

The trap. The inequalities of one step need the whole segment from θ_k to θ_{k+1} inside S = B(θ0, R) ∩ {Φ ≤ Φ(θ0)}, which
is what is to be shown. Let Φ_k > 0 (else the gradient is 0 and GD rests) and θ(t) = θ_k − tη∇Φ(θ_k).
(a) The segment enters S: PL gives ∇Φ(θ_k) ≠ 0, so dΦ/dt = −η‖∇Φ‖² < 0 at t = 0 (θ0 itself lies on the boundary
    {Φ = Φ(θ0)}), and ‖θ_k − θ0‖ ≤ P_k < R strictly, line `start_inside`.
(b) While θ([0, τ]) ⊂ S, Taylor with the bound β of S gives, for the shorter step τη, lines `decrease` and `pays`:
    Φ(θ(τ)) < Φ_k ≤ Φ(θ0) and P_k + τη‖∇Φ‖ < R. Both constraints of S hold strictly at θ(τ), even when Φ(θ(τ)) = 0,
    because √a − √b = (a − b)/(√a + √b) > (a − b)/(2√a) strictly when b < a.
(c) A first exit time τ < 1 would be a last time in S (S is closed) at which both hold strictly: continuity continues the
    segment in S beyond τ, a contradiction (lemma first_exit). So τ = 1.
The iterates stay strictly inside, so F need be twice differentiable on the open ball only.
"""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Formulas, Hypothesis, Proof, sym
from proofs.examples import LAMBDA_ZERO, OFF_SUBLEVEL, SMALL_REGION, TWICE_THE_BOUND


def prove(formulas: Formulas) -> Proof:
    """√Φ pays for the path: m(√Φ_k − √Φ(θ(τ))) > c·τη‖∇Φ_k‖ with m = √(2/μ)."""
    eta, beta, lam, R, e0, Phi0 = sym("eta beta lambda_R R e0 Phi0")
    m, tau = sp.symbols("m tau", positive=True)
    c = sp.Symbol("fraction", real=True)
    a0, a, b, g, P, length = sym("a0 a b gradient_norm P length")
    mu = formulas("mu")
    proof = Proof()
    proof.hypothesis("step", eta < formulas("step_bound"))
    proof.define("fraction", sp.Eq(c, formulas("descent_fraction")))
    proof.derive("c_positive", c > 0, "step fraction")
    proof.hypothesis("region", lam > 0)
    proof.define("m", sp.Eq(m**2 * mu, 2), "m = √(2/μ)")
    proof.define("loss0", sp.And(sp.Eq(Phi0, formulas("loss0")), sp.Eq(a0**2, Phi0)), "a0 = √Φ_0")
    bound = formulas("path_classical", c=c)
    proof.hypothesis("path", bound <= R)
    proof.identity("margin", formulas("margin_classical"), R - formulas("path_classical"))
    root = sp.Symbol("root", positive=True)
    proof.define("root", sp.Eq(root**2, lam), "root = √λ")
    proof.derive("root_is", sp.Eq(sp.sqrt(lam), root), "root")
    proof.derive("scaled", sp.Eq(a0 * m * root, e0), "m loss0 root")
    proof.derive("path_is", sp.Eq(bound * c, a0 * m), "root_is root scaled region c_positive")
    proof.derive("budget", a0 * m <= c * R, "path path_is region c_positive")
    # The step from θ_k, a = √Φ_k > 0, P the path so far.
    proof.define("running", a > 0)
    proof.suppose("so_far", sp.And(c * P <= (a0 - a) * m, a <= a0), "the path so far has been paid for")
    proof.derive("start_inside", P < R, "so_far budget running c_positive")
    proof.hypothesis("pl", g**2 / 2 >= mu * a**2, "claim pl_from_ntk at θ_k ∈ S")
    proof.derive("moving", g > 0, "pl region running", "the segment enters the sublevel set")
    # Along the segment, b = √Φ(θ(τ)), under the supposition that it has been in S up to τ.
    proof.suppose("inside_until", tau <= 1, "θ([0, τ]) ⊂ S, τ the first exit time")
    proof.lemma(
        "taylor", "taylor", b**2 <= a**2 - tau * eta * g**2 + (tau * eta) ** 2 * beta * g**2 / 2, "β valid on S"
    )
    proof.define("length", sp.Eq(length, tau * eta * g))
    small = 1 - tau * eta * beta / 2
    proof.derive("still", small >= c, "fraction inside_until")
    proof.derive("factored", b**2 <= a**2 - length * g * small, "taylor length")
    proof.derive("forward", length > 0, "length moving")
    proof.derive("drop", b**2 <= a**2 - c * length * g, "factored still forward moving")
    proof.derive("decrease", b < a, "drop forward moving running c_positive")
    proof.derive("steep", g * m >= 2 * a, "pl m moving running")
    proof.derive("split", (a - b) * (a + b) >= c * length * g, "drop")
    proof.derive("wide", (a - b) * (a + b) < (a - b) * g * m, "decrease steep running")
    proof.derive("pays", m * (a - b) > c * length, "split wide moving")
    proof.derive(
        "strict",
        sp.And(c * (P + length) < (a0 - b) * m, P + length < R, b < a0),
        "pays so_far budget decrease c_positive",
    )
    proof.lemma(
        "never_leaves",
        "first_exit",
        sp.Eq(tau, 1),
        "so τ = 1: the whole segment lies in S",
        premises=["start_inside", "moving", "strict"],
        discharges=["inside_until"],
    )
    # Induction over the steps; P_0 = 0 and a = a0.
    start = sym("a_start")
    proof.define("start", start <= a0, "√Φ(θ_0) ≤ a0: e0 is an upper bound of the residual")
    proof.derive("base", sp.And(c * 0 <= (a0 - start) * m, start <= a0), "m start")
    path, final = sym("path_k a_k")
    proof.lemma(
        "every_step",
        "induction",
        sp.And(c * path <= (a0 - final) * m, final <= a0),
        "for every k",
        premises=["base", "strict", "never_leaves"],
        discharges=["so_far"],
    )
    proof.derive("bounded", path <= bound, "every_step path_is region c_positive")
    proof.derive("contained", path <= R, "bounded path region c_positive")
    return proof.conclude("bounded contained")


CLAIM = Claim(
    id="containment_classical",
    title="containment, classical form",
    statement="Let λ = λ(R) > 0, β = β(R) and L_H, Δ_J all belong to the same ball B(θ0, R), 0 < η < 2/β, c = 1 − ηβ/2. If"
    " ‖e0‖/(c√λ) ≤ R, every iterate and every segment between iterates stays in B(θ0, ‖e0‖/(c√λ)) ∩ {Φ ≤ Φ_0}, and"
    " Σ‖θ_{k+1} − θ_k‖ ≤ ‖e0‖/(c√λ).",
    source="our formulation of what v3 assumes (containment); Polyak's argument made local",
    hypotheses=(
        Hypothesis("path", "‖e0‖/(c√λ) ≤ R", SMALL_REGION),
        Hypothesis("step", "η < 2/β", TWICE_THE_BOUND),
        Hypothesis("region", "λ > 0 on the ball", LAMBDA_ZERO),
        Hypothesis("smoothness", "β bounds the Hessian on S", OFF_SUBLEVEL),
    ),
    proof=prove,
    remarks="The proof is in the module's docstring: the first-exit argument is needed, a check of iterates alone is not enough.",
)
