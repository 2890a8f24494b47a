"""Claim convolution_norm: norms of a convolution: the overlap factor for a changed kernel or image, the symbol on a large enough torus.

(a) Every entry of the image h is read by at most ov output positions, so ‖Patch(h)‖_F² ≤ ov‖h‖² and
    ‖U∗h‖ = ‖U_mat Patch(h)‖_F ≤ √ov‖U_mat‖‖h‖ ≤ √ov‖U‖_F‖h‖.
(b) Stride 1: zero-padded convolution is restriction ∘ circular correlation ∘ embedding into a torus of N ≥ H + p positions in each direction,
p ≤ kernel − 1: output position j ∈ [−p, H + p − kernel] reads j, …, j + kernel − 1; modulo N the positions −p, …, −1 and H, …, H + p − 1 fall on
the zeros, and all others are read where they are. Restriction and embedding have norm 1; the circular correlation is diagonalised by the Fourier
transform (blocks Ŵ(ω) = Σ_δ W_δe^{iω·δ}, one per frequency of the torus), so its norm is max_ω‖Ŵ(ω)‖.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """(a) counting; (b) a product of norms 1, max‖Ŵ‖, 1."""
    reads, ov, entry, patch, image, kernel, frobenius, out = sym(
        "reads overlap entry patch image kernel_norm kernel_frobenius out"
    )
    proof = Proof()
    proof.hypothesis("overlap", reads <= ov, "every image entry is read by at most ov output positions")
    proof.derive("entry_term", reads * entry**2 <= ov * entry**2, "overlap")
    proof.lemma(
        "patches", "finite_sum", patch**2 <= ov * image**2, "‖Patch(h)‖_F² = Σ reads·entry²", premises=["entry_term"]
    )
    proof.lemma("product", "frobenius", sp.And(out <= kernel * patch, kernel <= frobenius), "U∗h = U_mat·Patch(h)")
    root = sym("root_overlap")
    proof.define("root", sp.Eq(root**2, ov))
    proof.derive("patch_norm", patch <= root * image, "patches root")
    proof.derive("scaled", kernel * patch <= kernel * (root * image), "patch_norm")
    proof.derive("norm", out <= root * kernel * image, "product scaled")
    proof.derive("frobenius_scaled", kernel * (root * image) <= frobenius * (root * image), "product")
    proof.derive("frobenius", out <= root * frobenius * image, "norm frobenius_scaled")
    # (b) in one direction; j an output position, i one it reads, k the reading modulo N.
    j, i, N, H, p, q = sp.symbols("j i N H p kernel", real=True)
    shift = sp.Symbol("wraps", real=True)
    proof.define("output", sp.And(j >= -p, j <= H + p - q, i >= j, i <= j + q - 1), "positions are integers")
    proof.define("padding", sp.And(p >= 0, p <= q - 1, H >= 1))
    proof.hypothesis("torus", N >= H + p)
    proof.define(
        "residue",
        sp.And(sp.Or(sp.Eq(shift, i), sp.Eq(shift, i + N)), shift >= 0, shift <= N - 1),
        "i modulo N, for −N ≤ i ≤ N − 1",
    )
    proof.derive(
        "zeros", sp.Implies(i < 0, shift >= H), "output padding torus residue", "before the image: behind it, on a zero"
    )
    proof.derive("in_place", sp.Implies(i >= 0, sp.Eq(shift, i)), "residue", "all else is read where it is")
    proof.derive("fits", i <= N - 1, "output torus", "the last position read is on the torus")
    circular, symbol, embed = sym("circular symbol_norm embed")
    conv = sym("conv")
    proof.lemma("fourier", "spectral_theorem", circular <= symbol * embed, "block diagonal in the Fourier basis")
    proof.define("embedding", sp.Eq(embed, image), "zeros added")
    proof.lemma(
        "restriction",
        "operator_norm",
        conv <= circular,
        "some outputs of the circular correlation, by zeros, in_place, fits",
        premises=["zeros", "in_place", "fits"],
    )
    proof.derive("symbol", conv <= symbol * image, "fourier embedding restriction")
    return proof.conclude("norm frobenius zeros in_place fits symbol")


def _no_overlap() -> list[Fact]:
    return [Fact("outputs 2, 2, 2: ‖out‖² = 12 > 8 = ‖U‖²‖h‖²", Q(2) ** 2 * 3 == 12 and 12 > 2 * 4)]


def _own_torus() -> list[Fact]:
    # Kernel (1, 0, −1), H = 2, p = 1: the matrix [[0, −1], [1, 0]] has norm 1; on a torus of 2 the symbol is 1 − e^{2iω} = 0 at ω = 0, π.
    M = sp.Matrix([[0, -1], [1, 0]])
    values = [abs(sp.exp(0) - sp.exp(2 * sp.I * w)) for w in (0, sp.pi)]
    return [
        Fact("the convolution has norm 1", M.T * M == sp.eye(2)),
        Fact("the symbol vanishes on the torus of the image's own size", all(sp.simplify(v) == 0 for v in values)),
        Fact("on the torus of H + p = 3 it does not: |1 − e^{4πi/3}|² = 3", 2 - 2 * sp.cos(4 * sp.pi / 3) == 3),
    ]


CLAIM = Claim(
    id="convolution_norm",
    title="norms of a convolution",
    statement="Convolution with kernel W (per group), zero padding p < kernel size. (a) With ov the largest number of output positions that read one"
    " image entry, ‖W∗h‖ ≤ √ov‖W_mat‖‖h‖ ≤ √ov‖W‖_F‖h‖. (b) Stride 1: ‖W∗h‖ ≤ max_ω‖Σ_δ W_δe^{iω·δ}‖·‖h‖ over the frequencies of a torus with"
    " N ≥ H + p positions in each direction.",
    source="our formulation; Sedghi–Gupta–Long, arXiv:1805.10408 for the circular case",
    hypotheses=(
        Hypothesis("overlap", "the factor √ov", Counterexample("kernel (1, 1) on (1, 1, 1, 1)", _no_overlap)),
        Hypothesis(
            "torus",
            "N ≥ H + p, not the image's own size",
            Counterexample("kernel (1, 0, −1), H = 2, p = 1", _own_torus),
        ),
    ),
    proof=prove,
    remarks="Stride s: split the image into its s² phases, a stride-1 convolution with s²C channels, exactly. Dilation d: the kernel's size is"
    " d(kernel − 1) + 1. The bias does not act on differences. Both bounds are for one image, hence for a batch in the Frobenius norm.",
)
