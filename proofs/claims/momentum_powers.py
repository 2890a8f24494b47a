"""Claim momentum_powers: a Lyapunov form at both ends of a cell of eigenvalues bounds all powers of the frozen iteration in the cell.

T(x) is affine in x (both forms of claim momentum_descent), so for a fixed u the image T(x)u with x = (1 − t)a + tb is (1 − t)v_a + tv_b, v_a = T(a)u,
v_b = T(b)u, and its P-norm square is at most (1 − t)‖v_a‖²_P + t‖v_b‖²_P: the difference is t(1 − t)‖v_a − v_b‖²_P ≥ 0. If both are at most ρ²‖u‖²_P, then
‖T(x)u‖_P ≤ ρ‖u‖_P for every u, ‖T(x)^ku‖_P ≤ ρ^k‖u‖_P by induction, and λ_min(P)‖·‖² ≤ ‖·‖²_P ≤ λ_max(P)‖·‖² gives ‖T(x)^k‖ ≤ √(λ_max/λ_min)·ρ^k.
For a symmetric 2 × 2 matrix P ≻ 0, λ_max ≤ κλ_min for a κ ≥ 1 follows from (trace P)²κ ≤ (1 + κ)² det P.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym


def prove(formulas: Formulas) -> Proof:
    """Convexity in x, induction over k, equivalence of norms, the condition number of a 2 × 2 form."""
    A, B, U, Y, gap, t, rho = sym("A B U Y gap t frozen_rate")
    C = sp.Symbol("C", real=True)
    proof = Proof()
    proof.hypothesis("ends", sp.And(rho**2 * U >= A, rho**2 * U >= B), "A = ‖T(a)u‖²_P, B = ‖T(b)u‖²_P, U = ‖u‖²_P")
    proof.define("between", t <= 1, "x = (1 − t)a + tb")
    proof.define(
        "expand",
        sp.Eq(Y, (1 - t) ** 2 * A + 2 * t * (1 - t) * C + t**2 * B),
        "C = ⟨T(a)u, T(b)u⟩_P, Y = ‖T(x)u‖²_P: T is affine",
    )
    proof.define("gap", sp.Eq(gap, A - 2 * C + B), "‖T(a)u − T(b)u‖²_P ≥ 0, P ≻ 0")
    proof.derive("slack", t * (1 - t) * gap >= 0, "between gap")
    proof.identity(
        "convex",
        (1 - t) * A + t * B - ((1 - t) ** 2 * A + 2 * t * (1 - t) * C + t**2 * B),
        t * (1 - t) * (A - 2 * C + B),
    )
    proof.derive("below", Y <= (1 - t) * A + t * B, "convex expand slack gap")
    proof.derive("first", (1 - t) * A <= (1 - t) * (rho**2 * U), "ends between")
    proof.derive("second", t * B <= t * (rho**2 * U), "ends between")
    proof.derive("contracts", Y <= rho**2 * U, "below first second")
    W, power, start, W1 = sym("W power start W_next")
    proof.suppose("so_far", W <= power * start, "W = ‖T^ku‖²_P, power = ρ^2k, start = ‖u‖²_P")
    proof.lemma(
        "again", "induction", W1 <= rho**2 * W, "the line contracts, with T^ku in place of u", premises=["contracts"]
    )
    proof.derive("grown", rho**2 * W <= rho**2 * (power * start), "so_far")
    proof.derive("next", W1 <= rho**2 * power * start, "again grown")
    last, total = sym("last total")
    proof.lemma(
        "all", "induction", last <= total * start, "‖T^ku‖²_P ≤ ρ^2k‖u‖²_P", premises=["next"], discharges=["so_far"]
    )
    low, high, norm, unit, bound = sym("low high norm unit power_bound")
    proof.hypothesis("form", low > 0, "P ≻ 0; low, high its eigenvalues")
    proof.lemma(
        "rayleigh", "rayleigh", sp.And(low * norm**2 <= last, start <= high * unit**2), "norm = ‖T^ku‖, unit = ‖u‖"
    )
    # The condition number.
    kappa, trace, det = sym("kappa trace det")
    proof.define(
        "matrix", sp.And(sp.Eq(trace, low + high), sp.Eq(det, low * high), low <= high), "trace and determinant of P"
    )
    proof.hypothesis("conditioned", sp.And(kappa >= 1, trace**2 * kappa <= (1 + kappa) ** 2 * det))
    proof.derive("factors", (high - kappa * low) * (kappa * high - low) <= 0, "conditioned matrix")
    proof.derive("ratio", high <= kappa * low, "factors conditioned matrix form")
    proof.define("bound", sp.Eq(bound**2, kappa), "C_1 = √κ")
    proof.derive("start_low", start <= kappa * low * unit**2, "rayleigh ratio")
    proof.derive("scaled", total * start <= total * (kappa * low * unit**2), "start_low")
    proof.derive("chain", low * norm**2 <= low * (kappa * total * unit**2), "rayleigh all scaled")
    proof.derive("power_bound", norm**2 <= bound**2 * total * unit**2, "chain form bound")
    return proof.conclude("contracts all ratio power_bound")


def _one_end() -> list[Fact]:
    # Heavy ball, β = 1/2, P = I-like form: T(x) contracts in P at a = 1 but not at b = 4, where the powers grow.
    beta = Q(1, 2)
    x = Q(4)
    trace, det = 1 + beta - x, beta
    return [Fact("at x = 4 > 2(1 + β) an eigenvalue is below −1", 1 + trace + det < 0)]


def _no_form() -> list[Fact]:
    # P = diag(1, 0) is no norm: T = [[1/2, 0], [1, 2]] contracts in it and its powers grow.
    return [
        Fact("TᵀPT = diag(1/4, 0) ⪯ P/4", Q(1, 2) ** 2 == Q(1, 4)),
        Fact("T has the eigenvalue 2", (Q(1, 2) - 2) * (2 - 2) == 0),
    ]


def _unconditioned() -> list[Fact]:
    # T = [[1/2, 8], [0, 1/2]] and P = diag(1, 400): TᵀPT ⪯ ρ²P for ρ² = 81/100, but ‖T‖ ≥ 8: C_1 = 1 is false.
    a, b, c = Q(81, 100) - Q(1, 4), -Q(4), Q(81, 100) * 400 - (64 + 100)
    return [
        Fact("ρ²P − TᵀPT ⪰ 0", a > 0 and c > 0 and a * c >= b * b),
        Fact("‖T(0, 1)ᵀ‖² = 64 + 1/4 > 81/100", 64 + Q(1, 4) > Q(81, 100)),
    ]


CLAIM = Claim(
    id="momentum_powers",
    title="powers of the frozen momentum iteration",
    statement="Let T(x) be affine in x, P ≻ 0 symmetric with T(a)ᵀPT(a) ⪯ ρ²P and T(b)ᵀPT(b) ⪯ ρ²P, a < b. Then ‖T(x)^k‖ ≤ √(λ_max(P)/λ_min(P))·ρ^k for"
    " every k ≥ 0 and x ∈ [a, b]. For 2 × 2: λ_max ≤ κλ_min if κ ≥ 1 and (trace P)²κ ≤ (1 + κ)² det P. Cells that cover [ηsλ_min, ηsλ_max] give C_1 of"
    " claim momentum_descent.",
    source="our formulation; Lyapunov",
    hypotheses=(
        Hypothesis("ends", "the form contracts at both ends", Counterexample("heavy ball beyond 2(1 + β)", _one_end)),
        Hypothesis(
            "form", "P is positive definite", Counterexample("a semidefinite form sees one direction only", _no_form)
        ),
        Hypothesis(
            "conditioned",
            "C_1 is the root of P's condition number",
            Counterexample("C_1 = 1 for a form of condition 400", _unconditioned),
        ),
    ),
    proof=prove,
    remarks="The forms are a certificate: a checker verifies two 2 × 2 matrix inequalities per cell. No eigenvalue of Θ but the extreme ones enters.",
)
