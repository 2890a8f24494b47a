"""Claim shared_weight_ntk: the NTK's part of a convolution, weights counted once: the gradient is a sum over positions before any product.

z_i = W·Patch_i with Patch_i = [a_{i,1} … a_{i,P}] (a 1 appended for the bias), B_{ia} = ∂F_{ia}/∂z_i of shape C × P. Row (i, a) of J_v is vec(B_{ia}Patch_iᵀ) =
Σ_p B_{ia,p} ⊗ a_{i,p}, and Θ = Σ_v J_vJ_vᵀ: its entry is Σ_{p,p'} ⟨B_{ia,p}, B_{jb,p'}⟩⟨a_{i,p}, a_{j,p'}⟩, a double sum; for P = 1 claim ntk_layer_sum.
"""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof


def prove(formulas: Formulas) -> Proof:
    """The chain rule for one shared weight, summed over positions; then the double sum by induction over the second position."""
    gradient, gradient_next, B, a, sums, sums_next = sp.symbols(
        "gradient gradient_next B_p a_p sums sums_next", real=True
    )
    proof = Proof()
    term = sp.Symbol("term", real=True)
    proof.lemma(
        "chain",
        "composition",
        sp.Eq(term, B * a),
        "position p's part of ∂F_ia/∂W_cq: z_{c,p} is affine in W_cq with slope a_{p,q}",
    )
    proof.hypothesis(
        "shared",
        sp.Eq(gradient_next, gradient + term),
        "the weight acts at every position: the derivative adds over them",
    )
    proof.define("sums_next", sp.Eq(sums_next, sums + B * a))
    proof.suppose("so_far", sp.Eq(gradient, sums))
    proof.derive("step", sp.Eq(gradient_next, sums_next), "chain shared sums_next so_far")
    whole, total = sp.symbols("whole total", real=True)
    proof.lemma(
        "row",
        "induction",
        sp.Eq(whole, total),
        "∂F_ia/∂W_cq = Σ_p B_{c,p}a_{p,q}",
        premises=["step"],
        discharges=["so_far"],
    )
    # The product with a second row, gradient g2 = Σ_p' B'_{p'}a'_{p'}: by distributivity, one position of each at a time.
    left, right, product, double, double_next, B2, a2, right_next = sp.symbols(
        "left right product double double_next Bb_p ab_p right_next", real=True
    )
    proof.define(
        "second",
        sp.And(sp.Eq(right_next, right + B2 * a2), sp.Eq(double_next, double + left * (B2 * a2))),
        "left = Σ_p B_pa_p fixed",
    )
    proof.suppose("double_so_far", sp.Eq(left * right, double))
    proof.derive("double_step", sp.Eq(left * right_next, double_next), "second double_so_far")
    inner, outer = sp.symbols("inner outer", real=True)
    proof.lemma(
        "double",
        "induction",
        sp.Eq(product, outer),
        "product of the two derivatives = Σ_{p,p'} B_pa_pB'_{p'}a'_{p'}",
        premises=["double_step"],
        discharges=["double_so_far"],
    )
    kernel = sp.Symbol("kernel", real=True)
    proof.lemma(
        "entry",
        "mixed_product",
        sp.Eq(kernel, inner),
        "Σ_{c,q} of outer = Σ_{p,p'}⟨B_p, B'_{p'}⟩⟨a_p, a'_{p'}⟩ = inner",
        premises=["row", "double"],
    )
    proof.derive("ntk", sp.Eq(kernel - inner, 0), "entry")
    return proof.conclude("step double_step ntk")


def _two_positions() -> list[Fact]:
    """F = Σ_p v_p·w·x_p, one weight, two positions: Θ's part is (v·x)², the diagonal sum is Σ v_p²x_p²."""
    v, x = (2, 3), (5, -1)
    w = sp.Symbol("w")
    gradient = sp.diff(sum(vp * w * xp for vp, xp in zip(v, x, strict=True)), w)
    double = sum(v[p] * v[q] * x[p] * x[q] for p in range(2) for q in range(2))
    return [Fact("the double sum is the squared derivative, 49", gradient**2 == 49 == double)]


def _per_position() -> list[Fact]:
    v, x = (2, 3), (5, -1)
    return [
        Fact(
            "one weight per position would give 4·25 + 9·1 = 109, not 49",
            sum(a * a * b * b for a, b in zip(v, x, strict=True)) == 109,
        )
    ]


def _flattened() -> list[Fact]:
    # The fully connected formula ⟨B, B⟩⟨a, a⟩ on the flattened maps: 13·26.
    return [Fact("⟨B, B⟩⟨a, a⟩ = 13·26 = 338, not 49", (4 + 9) * (25 + 1) == 338)]


CLAIM = Claim(
    id="shared_weight_ntk",
    title="the NTK of a convolution",
    statement="For a layer z_i = W·Patch_i with one weight matrix for all P positions, B_ia = ∂F_ia/∂z_i: its part of the NTK is Θ_(ia)(jb) ="
    " Σ_{p,p'} ⟨B_ia,p, B_jb,p'⟩⟨a_i,p, a_j,p'⟩, the Gram matrix of the rows vec(B_ia Patch_iᵀ); Θ is the sum over the layers (and groups).",
    source="our formulation; Arora et al., arXiv:1904.11955 for the infinite-width form",
    hypotheses=(
        Hypothesis(
            "shared",
            "the derivative adds over the positions before it is squared",
            Counterexample("two positions: a weight per position", _per_position),
        ),
        Hypothesis(
            "positions apart",
            "not the fully connected formula on flattened maps",
            Counterexample("two positions, flattened", _flattened),
        ),
    ),
    witnesses=(Counterexample("one weight at two positions, exactly", _two_positions),),
    proof=prove,
    remarks="Rows first costs N·P·C·q and N²·C·q, pairs of positions N²P²(C + q): the latter is cheaper only for P²(C + q) < C·q.",
)
