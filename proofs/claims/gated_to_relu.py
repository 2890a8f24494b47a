"""Claim gated_to_relu: a trained gated network is, on its data, a ReLU network of twice the width."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """relu(zw + t·zu) − relu(t·zu) for the two signs of zu = u·x_i."""
    t = sym("t_scale")
    zu, zw, first, second = sp.symbols("zu zw first second", real=True)
    proof = Proof()
    proof.hypothesis(
        "margin",
        sp.And(sp.Or(zu > 0, zu < 0), t * sp.Abs(zu) > sp.Abs(zw)),
        "t|u·x_i| > |w·x_i| and u·x_i ≠ 0, every sample",
    )
    proof.define("first", sp.Eq(first, sp.Max(0, zw + t * zu)), "neuron with weights w + tu")
    proof.define("second", sp.Eq(second, sp.Max(0, t * zu)), "neuron with weights tu")
    proof.derive("on", sp.Implies(zu > 0, sp.Eq(first - second, zw)), "margin first second")
    proof.derive("off", sp.Implies(zu < 0, sp.Eq(first - second, 0)), "margin first second")
    return proof.conclude("on off")


def _small_t() -> list[Fact]:
    return [
        Fact(
            "u·x = −1, w·x = 2, t = 1: relu(1) − relu(−1) = 1, the gate gives 0",
            max(Q(0), Q(2) - 1) - max(Q(0), Q(-1)) == 1,
        )
    ]


CLAIM = Claim(
    id="gated_to_relu",
    title="gated networks: exact conversion to a ReLU network",
    statement="If t|u_r·x_i| > |w_r·x_i| and u_r·x_i ≠ 0 for every sample and neuron: 1[u_r·x_i > 0](w_r·x_i) = relu((w_r + tu_r)·x_i) − relu(tu_r·x_i):"
    " at any time of training an equal ReLU network on the data, with twice the neurons.",
    source="our formulation; arXiv:2101.04243's abstract speaks of an equivalent ReLU network of a reasonable size",
    hypotheses=(Hypothesis("margin", "t large enough", Counterexample("u·x = −1, w·x = 2, t = 1", _small_t)),),
    proof=prove,
    remarks="Off the data the two networks differ.",
)
