"""Claim ntk_layer_sum: the NTK as a sum over layers of products of two Gram matrices."""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof


def prove(formulas: Formulas) -> Proof:
    """∂F_ia/∂[W_l, b_l]_rp = B_r·a_p; the sum over r, p of (B_ra_p)(B'_ra'_p) factors; layers add."""
    # First point (i, a), second (j, b), one entry (r, p) of layer l's [W_l, b_l].
    first, second, B, a, B2, a2 = sp.symbols("grad_first grad_second B_r a_p Bb_r ab_p", real=True)
    row, row_next, part, part_next = sp.symbols("row row_next part part_next", real=True)
    matrix, matrix_next, gram_b, gram_b_next, gram_a = sp.symbols(
        "matrix matrix_next gram_B gram_B_next gram_a", real=True
    )
    proof = Proof()
    proof.lemma(
        "chain_first",
        "composition",
        sp.Eq(first, B * a),
        "F_ia depends on the entry only through z_l,ir, affine in it with slope a_l,ip; B = ∂F_ia/∂z_l,ir",
    )
    proof.lemma("chain_second", "composition", sp.Eq(second, B2 * a2), "(j, b)")
    proof.derive("entry", sp.Eq(first * second, B * B2 * a * a2), "chain_first chain_second")
    # Over p, row r fixed: row = Σ_{p' < p}, part = Σ_{p' < p} a_p'a'_p'.
    proof.define("row_next", sp.Eq(row_next, row + first * second))
    proof.define("part_next", sp.Eq(part_next, part + a * a2))
    proof.suppose("row_so_far", sp.Eq(row, B * B2 * part), "0 = 0 for the empty sum")
    proof.derive("row_step", sp.Eq(row_next, B * B2 * part_next), "entry row_next part_next row_so_far")
    whole_row = sp.Symbol("whole_row", real=True)
    proof.lemma(
        "row",
        "induction",
        sp.Eq(whole_row, B * B2 * gram_a),
        "gram_a = ⟨a_l,i, a_l,j⟩",
        premises=["row_step"],
        discharges=["row_so_far"],
    )
    # Over r: matrix = Σ_{r' < r} of the rows, gram_B = Σ_{r' < r} B_r'B'_r'.
    proof.define("matrix_next", sp.Eq(matrix_next, matrix + whole_row))
    proof.define("gram_next", sp.Eq(gram_b_next, gram_b + B * B2))
    proof.suppose("matrix_so_far", sp.Eq(matrix, gram_b * gram_a))
    proof.derive("matrix_step", sp.Eq(matrix_next, gram_b_next * gram_a), "row matrix_next gram_next matrix_so_far")
    layer, inner_b = sp.symbols("layer inner_B", real=True)
    proof.lemma(
        "layer",
        "induction",
        sp.Eq(layer, inner_b * gram_a),
        "layer = ⟨∂F_ia/∂[W_l, b_l], ∂F_jb/∂[W_l, b_l]⟩",
        premises=["matrix_step"],
        discharges=["matrix_so_far"],
    )
    # Over layers: theta = ⟨∇F_ia, ∇F_jb⟩ over the parameters of the layers so far.
    theta, theta_next, terms, terms_next = sp.symbols("theta theta_next terms terms_next", real=True)
    proof.hypothesis("disjoint", sp.Eq(theta_next, theta + layer), "no parameter belongs to two layers")
    proof.define("terms_next", sp.Eq(terms_next, terms + inner_b * gram_a))
    proof.suppose("layers_so_far", sp.Eq(theta, terms))
    proof.derive("layers_step", sp.Eq(theta_next, terms_next), "layer disjoint terms_next layers_so_far")
    kernel, total = sp.symbols("kernel total", real=True)
    proof.lemma(
        "kernel",
        "induction",
        sp.Eq(kernel, total),
        "Θ = Σ_l ⟨B_l,ia, B_l,jb⟩⟨a_l,i, a_l,j⟩",
        premises=["layers_step"],
        discharges=["layers_so_far"],
    )
    return proof.conclude("entry row_step matrix_step layers_step kernel")


def _shared() -> list[Fact]:
    # F = w·(w·x) with one weight in both layers, at w = x = 1: F' = 2wx = 2.
    w = sp.Symbol("w")
    gradient = sp.diff(w * w, w).subs(w, 1)
    return [Fact("Θ = 4", gradient**2 == 4), Fact("the sum over two layers gives 1·1 + 1·1 = 2", Q(1) + Q(1) != 4)]


def _not_affine() -> list[Fact]:
    # z = θ²x (a reparametrised weight) at θ = x = 1: ∂z/∂θ = 2, not a = x = 1.
    t = sp.Symbol("t")
    return [Fact("Θ = 4, but ⟨B, B⟩⟨a, a⟩ = 1", sp.diff(t**2, t).subs(t, 1) ** 2 == 4 and Q(1) * Q(1) != 4)]


def _batch_statistics() -> list[Fact]:
    # F_1 = z_1 − (z_1 + z_2)/2 with z = θx, x = (1, 3): F_1 = −θ, Θ_11 = 1; B = ∂F_1/∂z_1 = 1/2, a = 1.
    t = sp.Symbol("t")
    gradient = sp.diff(t * 1 - (t * 1 + t * 3) / 2, t)
    return [Fact("Θ_11 = 1, but ⟨B, B⟩⟨a, a⟩ = 1/4", gradient**2 == 1 and Q(1, 2) ** 2 * 1 != 1)]


def _two_layers() -> list[Fact]:
    # F = V·(Wx + b)² (square activation) + c, two samples, two neurons, V = (1, −2): gradients by SymPy, Grams by hand.
    W, b, V = sp.Matrix(2, 2, sp.symbols("W0:4")), sp.Matrix(sp.symbols("b0:2")), sp.Matrix([sp.symbols("V0:2")])
    c = sp.Symbol("c0")
    names = [*W, *b, *V, c]
    point = dict(zip(names, (1, 2, -1, 3, 1, 0, 1, -2, 5), strict=True))
    rows, grams = [], []
    for x in (sp.Matrix([1, 2]), sp.Matrix([-1, 1])):
        z = W * x + b
        F = (V * z.applyfunc(lambda u: u**2))[0] + c
        rows.append(sp.Matrix([[sp.diff(F, p) for p in names]]).subs(point))
        hidden = z.applyfunc(lambda u: u**2)
        back = sp.Matrix([V[r] * 2 * z[r] for r in range(2)])
        grams.append(tuple(m.subs(point) for m in (back, x.col_join(sp.Matrix([1])), hidden.col_join(sp.Matrix([1])))))
    facts = []
    for i, j in ((0, 0), (0, 1), (1, 1)):
        (B, a1, a2), (B_, a1_, a2_) = grams[i], grams[j]
        facts.append(Fact(f"entry ({i}, {j})", rows[i].dot(rows[j]) == B.dot(B_) * a1.dot(a1_) + a2.dot(a2_)))
    return facts


CLAIM = Claim(
    id="ntk_layer_sum",
    title="the NTK as a sum over layers",
    statement="For a fully connected network z_l,i = [W_l, b_l]a_l,i, h_l,i = σ_l(z_l,i), a_l,i = (s_lh_{l−1,i}, 1), without weight sharing:"
    " Θ_(ia)(jb) = Σ_l ⟨B_l,ia, B_l,jb⟩⟨a_l,i, a_l,j⟩, with B_l,ia = ∂F_ia/∂z_l,i.",
    source="our formulation; Jacot–Gabriel–Hongler 2018 for the infinite-width form",
    hypotheses=(
        Hypothesis("disjoint", "no weight sharing", Counterexample("F = w·(w·x): Θ = 4, the layer sum is 2", _shared)),
        Hypothesis(
            "affine",
            "z_l is affine in [W_l, b_l] with slope a_l",
            Counterexample("F = θ²x: Θ = 4, the formula gives 1", _not_affine),
        ),
        Hypothesis(
            "samples apart",
            "F_i depends on sample i only",
            Counterexample(
                "a network that subtracts the batch mean: Θ_11 = 1, the formula gives 1/4", _batch_statistics
            ),
        ),
    ),
    proof=prove,
    witnesses=(
        Counterexample("a two-layer network, exactly: the NTK from symbolic gradients is the layer sum", _two_layers),
    ),
    remarks="A layer without bias has a_l,i = s_lh_{l−1,i}. The second and third hypotheses are what the cited chain rule is applied to.",
)
