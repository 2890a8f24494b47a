"""Lemmas cited from the literature: statement, reference, and a numerical test of the statement.

The test (:mod:`proofs.lemma_instances`) proves nothing. What rests on a lemma is reported as PROVED WITH CITED LEMMAS.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proofs.lemma_instances import INSTANCES

__all__ = ["LEMMAS", "Lemma"]


@dataclass(frozen=True)
class Lemma:
    """A theorem of the literature that proofs rest on.

    Attributes:
        id: canonical.
        statement: in full.
        reference: a textbook or paper.
    """

    id: str
    statement: str
    reference: str

    def test(self, draw: random.Random) -> bool:
        """Draw one random instance and say whether the statement holds for it."""
        return INSTANCES[self.id](draw)


_LEMMAS = [
    Lemma("cauchy_schwarz", "⟨u, v⟩² ≤ ‖u‖²‖v‖² in every inner-product space.", "Rudin, Functional Analysis, §12.2"),
    Lemma("rayleigh", "λ_min‖w‖² ≤ wᵀSw ≤ λ_max‖w‖² for symmetric S.", "Horn–Johnson, Matrix Analysis, Thm 4.2.2"),
    Lemma("operator_norm", "‖Ax‖ ≤ ‖A‖‖x‖ and ‖Aᵀ‖ = ‖A‖.", "Horn–Johnson, Matrix Analysis, §5.6"),
    Lemma(
        "symmetric_norm",
        "‖S‖ = max |wᵀSw| over ‖w‖ = 1 for symmetric S, attained.",
        "Horn–Johnson, Matrix Analysis, Thm 4.2.2",
    ),
    Lemma(
        "spectral_theorem",
        "a ≤ A ≤ b symmetric: (A − a)(A − b) ⪯ 0, so ‖Ae‖² ≤ (a + b)eᵀAe − ab‖e‖².",
        "Horn–Johnson, Matrix Analysis, Thm 4.1.5 (diagonalise: (λ − a)(λ − b) ≤ 0 for each eigenvalue)",
    ),
    Lemma(
        "mean_value",
        "F(x) − F(y) = J̄(x − y), J̄ the mean of DF over the segment; ‖J̄ − DF(y)‖ ≤ ½L‖x − y‖ when"
        " ‖D²F‖ ≤ L there, ‖J̄ − DF(y)‖ ≤ sup‖DF − DF(y)‖ always, and ‖DF(x) − DF(y)‖ ≤ L‖x − y‖.",
        "Dieudonné, Foundations of Modern Analysis, (8.5.4), (8.14.3)",
    ),
    Lemma("taylor", "φ(T) ≤ φ(0) + Tφ'(0) + ½T²·sup φ'' over [0, T].", "Rudin, Principles, Thm 5.15"),
    Lemma(
        "chain_rule",
        "(d/dt)² of (s/2)‖F(θ + tv) − y‖² is s(‖Jv‖² + ⟨e, D²F[v, v]⟩).",
        "Dieudonné, Foundations of Modern Analysis, (8.2.1)",
    ),
    Lemma(
        "first_exit",
        "A continuous curve that starts in a closed set, lies in it for small times and is strictly"
        " inside whenever it has been in it so far, never leaves it: at a first exit time the point is still in the"
        " set, and strict inequalities there persist.",
        "Rudin, Principles, Thm 4.8 (least upper bound, continuity)",
    ),
    Lemma("induction", "A property of 0 that passes from k to k + 1 holds for every k.", "Peano"),
    Lemma(
        "monotone_integral",
        "(b − a)f(b) ≤ ∫_a^b f ≤ (b − a)f(a) for non-increasing f.",
        "Rudin, Principles, Thms 6.9, 6.12",
    ),
    Lemma(
        "completeness",
        "Steps with Σ‖θ_{j+1} − θ_j‖ < ∞ converge; the limit is at most Σ_{j≥k} away from θ_k.",
        "Rudin, Principles, Thms 3.11, 3.22",
    ),
    Lemma("logarithm", "log is increasing, log(x^k·y) = k·log x + log y, log x ≤ x − 1.", "Rudin, Principles, §8.5"),
    Lemma("jensen", "(E X)² ≤ E X².", "Williams, Probability with Martingales, §6.7"),
    Lemma("markov", "P(X ≥ a) ≤ E X/a for X ≥ 0, a > 0.", "Williams, Probability with Martingales, §6.4"),
    Lemma(
        "tower",
        "E[E[X | F]] = E X, and what is known at time k factors out of E[· | F_k].",
        "Williams, Probability with Martingales, §9.7",
    ),
    Lemma(
        "independent_mean",
        "E‖mean of b independent copies of g‖² = E‖g‖²/b + (1 − 1/b)‖E g‖².",
        "Williams, Probability with Martingales, §7.2",
    ),
    Lemma("geometric", "Σ_j q^j = 1/(1 − q) for 0 ≤ q < 1.", "Rudin, Principles, Thm 3.26"),
    Lemma("finite_sum", "Inequalities add: a_i ≤ b_i for all i gives Σa_i ≤ Σb_i.", "Rudin, Principles, §1"),
    Lemma(
        "schur_product",
        "P ⪯ Q and S ⪰ 0 give P∘S ⪯ Q∘S; and ‖diag(δ)X‖² = ‖δδᵀ ∘ XXᵀ‖.",
        "Horn–Johnson, Topics in Matrix Analysis, Thm 5.2.1",
    ),
    Lemma("dimension", "dim(U ∩ ker J) ≥ dim U − rank J.", "Axler, Linear Algebra Done Right, 3.22"),
    Lemma(
        "analytic_zero_set",
        "The zero set of a real-analytic function on a connected open set is everything or a"
        " set of Lebesgue measure zero.",
        "Mityagin, arXiv:1512.07276",
    ),
    Lemma(
        "piecewise_chain_rule",
        "For a network of affine maps and ReLUs, F along a segment is continuous and piecewise"
        " polynomial with finitely many pieces, and its derivative is J·θ' except at finitely many times, J with any"
        " choice of relu'(0); hence F(θ1) − F(θ0) = J̄(θ1 − θ0), J̄ the mean of that J.",
        "Bolte–Pauwels, arXiv:1909.10300 (path-differentiability); elementary here: remarks of containment_residual_relu",
    ),
    Lemma(
        "convex_support",
        "A convex piecewise linear function lies above the line through each of its pieces.",
        "Rockafellar, Convex Analysis, Thm 25.1",
    ),
    Lemma(
        "continuity",
        "J continuous at θ0: for every ε > 0 there is r > 0 with ‖J(θ) − J(θ0)‖ ≤ ε on B(θ0, r).",
        "Rudin, Principles, Def. 4.5",
    ),
    Lemma("composition", "D(f∘g)(x) = Df(g(x))·Dg(x).", "Dieudonné, Foundations of Modern Analysis, (8.2.1)"),
    Lemma(
        "hoeffding",
        "log E exp(X − E X) ≤ (b − a)²/8 for a ≤ X ≤ b.",
        "Hoeffding, J. Amer. Statist. Assoc. 58 (1963), (4.16)",
    ),
    Lemma(
        "weyl",
        "|λ_j(S + E) − λ_j(S)| ≤ ‖E‖ for symmetric S, E; ‖P − Q‖ ≤ max(‖P‖, ‖Q‖) for P, Q ⪰ 0.",
        "Horn–Johnson, Matrix Analysis, Cor. 4.3.15",
    ),
    Lemma(
        "courant_fischer",
        "wᵀSw ≥ λ_m‖w‖² for w in the span of the eigenvectors of the m largest eigenvalues.",
        "Horn–Johnson, Matrix Analysis, Thm 4.2.6",
    ),
    Lemma(
        "lagrange",
        "At a point z of {F = y} nearest to θ where J(z) has full row rank, θ − z ⊥ ker J(z), so θ − z = J(z)ᵀw for some w.",
        "Nocedal–Wright, Numerical Optimization, Thm 12.1",
    ),
    Lemma(
        "monotone_limit",
        "P(∪A_T) = lim P(A_T) for increasing events A_T: a bound on every P(A_T) is one on P(∪A_T).",
        "Williams, Probability with Martingales, §1.10",
    ),
    Lemma(
        "mixed_product",
        "⟨u ⊗ a, v ⊗ b⟩ = ⟨u, v⟩⟨a, b⟩; in particular ‖u ⊗ a‖ = ‖u‖‖a‖.",
        "Horn–Johnson, Topics in Matrix Analysis, Lemma 4.2.10",
    ),
    Lemma(
        "frobenius",
        "‖A‖ ≤ ‖A‖_F ≤ √(rank A)‖A‖; ‖AB‖_F ≤ ‖A‖‖B‖_F and ‖A‖_F‖B‖; ‖A·diag(d)‖_F ≤ ‖d‖·(largest column norm of A);"
        " ‖AᵀDA‖_F² = dᵀ(AAᵀ∘AAᵀ)d and ‖CᵀDA‖_F² = dᵀ(CCᵀ∘AAᵀ)d for D = diag(d).",
        "Horn–Johnson, Matrix Analysis, §5.6 and Topics in Matrix Analysis, §5.1",
    ),
    Lemma(
        "triangular_ones",
        "The strictly lower triangular m × m matrix of ones, m ≥ 2, has the norm 1/(2 sin(π/(4m − 2))) ≤ 16m/25.",
        "Gregory–Karney, A Collection of Matrices, Ex. 4.9 (T + 1 and its inverse); sin x ≥ x − x³/6. The norm: proofs/coq/Triangle.v",
    ),
    Lemma(
        "compactness",
        "A sequence in a closed ball of ℝ^p has a limit point in it; continuous functions of the sequence that tend to 0"
        " vanish there, and a closed nonempty set has a nearest point.",
        "Rudin, Principles, Thms 2.41, 3.6, 4.16",
    ),
]

LEMMAS: Mapping[str, Lemma] = MappingProxyType({lemma.id: lemma for lemma in _LEMMAS})
