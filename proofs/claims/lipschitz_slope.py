"""Claim lipschitz_slope: what is proved of networks with C² activations holds for those whose derivative is only Lipschitz (CELU, ELU(1), Softsign).

σ ∈ C¹ with |σ'| ≤ S_1 and σ' Lipschitz with constant S_2; σ'' may jump. Its average σ_ε(z) = (1/2ε)∫_{z−ε}^{z+ε} σ is C²,
    σ_ε' = (σ(z + ε) − σ(z − ε))/2ε,   σ_ε'' = (σ'(z + ε) − σ'(z − ε))/2ε,
so |σ_ε'| ≤ S_1 and |σ_ε''| ≤ S_2, while |σ_ε − σ| ≤ S_1ε and |σ_ε' − σ'| ≤ S_2ε for every z. With σ_ε in the place of σ, F_ε and J_ε tend to F and J
uniformly on bounded sets (continuous functions of the parameters, values and slopes), and so do the quantities at the centre that bounds are made of. A bound
‖J_ε(θ) − J_ε(θ')‖ ≤ L_ε‖θ − θ'‖, or of anything else that is continuous in F, J, S_1 and S_2, passes to the limit. Local suprema of |σ''| over closed
intervals become Lipschitz constants of σ' on neighbourhoods: at a jump the larger side counts.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """The average's derivatives, its distance from σ, and the limit."""
    eps, S1, S2, rise, turn, slope, bend = sym("eps S_1 S_2 rise turn slope bend")
    proof = Proof()
    proof.hypothesis("positive", eps > 0)
    proof.hypothesis("lipschitz", turn <= S2 * (2 * eps), "turn = |σ'(z + ε) − σ'(z − ε)|")
    proof.lemma("rise", "mean_value", rise <= S1 * (2 * eps), "rise = |σ(z + ε) − σ(z − ε)|, |σ'| ≤ S_1")
    proof.define("slope", sp.Eq(slope * (2 * eps), rise), "slope = |σ_ε'(z)|: the integral's ends")
    proof.define("bend", sp.Eq(bend * (2 * eps), turn), "bend = |σ_ε''(z)|, continuous since σ' is")
    proof.derive("first", slope <= S1, "positive rise slope")
    proof.derive("second", bend <= S2, "positive lipschitz bend")
    near, slope_gap, value_gap = sym("near slope_gap value_gap")
    proof.lemma(
        "between",
        "mean_value",
        sp.And(slope_gap <= S2 * near, value_gap <= S1 * near, near <= eps),
        "σ_ε'(z) = σ'(ξ) and σ_ε(z) = σ(ξ') with |ξ − z|, |ξ' − z| ≤ ε",
    )
    proof.derive("slope_limit", slope_gap <= S2 * eps, "between")
    proof.derive("value_limit", value_gap <= S1 * eps, "between")
    change, change_eps, bound, bound_eps, tolerance = sym("change change_eps bound bound_eps tolerance")
    proof.hypothesis("smooth", change_eps <= bound_eps, "what is proved for C² activations, of F_ε")
    proof.define("tolerance", sp.Eq(tolerance, sp.Max(0, change - bound) / 4), "any number > 0 is reached for some ε")
    proof.lemma(
        "limit",
        "continuity",
        sp.And(change <= change_eps + tolerance, bound_eps <= bound + tolerance),
        "J and the bound are continuous in values and slopes, uniformly on bounded sets",
        premises=["slope_limit", "value_limit"],
    )
    proof.derive("passes", change <= bound, "smooth tolerance limit")
    return proof.conclude("first second slope_limit value_limit passes")


def _relu() -> list[Fact]:
    # σ'' = 0 wherever it exists, and yet σ' jumps by 1.
    return [Fact("J(1/100) − J(−1/100) = 1 > 0 = sup|σ''|·‖Δθ‖, off the kink", Q(1) - 0 > 0 * Q(2, 100))]


def _softsign() -> list[Fact]:
    # σ' = (1 + |z|)^-2 about 0: (1 − σ'(t))/t → 2 from either side, the larger of the one-sided second derivatives.
    t = Q(1, 1000)
    quotient = (1 - 1 / (1 + t) ** 2) / t
    return [
        Fact("difference quotients of σ' come as near to S_2 = 2 as wanted", Q(199, 100) < quotient < 2),
        Fact("their mean across 0 is 0, which bounds nothing", (1 / (1 + t) ** 2 - 1 / (1 + t) ** 2) == 0),
    ]


CLAIM = Claim(
    id="lipschitz_slope",
    title="activations whose derivative is Lipschitz",
    statement="σ ∈ C¹, |σ'| ≤ S_1, σ' Lipschitz with constant S_2. Then (1/2ε)∫_{z−ε}^{z+ε} σ is C² with derivatives at most S_1 and S_2, and differs from σ by"
    " at most S_1ε, its derivative from σ' by at most S_2ε. Every bound of ‖J(θ) − J(θ')‖ or of a step of gradient descent that holds for C² activations and"
    " is continuous in F, J, S_1, S_2 therefore holds for σ.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "lipschitz",
            "a Lipschitz constant of σ', not a bound of σ'' where it exists",
            Counterexample("F = relu(θ)", _relu),
        ),
    ),
    witnesses=(Counterexample("Softsign: S_2 = 2 is attained at the jump of σ''", _softsign),),
    proof=prove,
    remarks="CELU(α): S_1 = 1, S_2 = 1/α; ELU(1) is CELU(1). Softsign: S_1 = 1, S_2 = 2. L_H, Δ_J, ω_r and the growth of a step stay as they are.",
)
