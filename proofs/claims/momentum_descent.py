"""Claim momentum_descent: heavy ball and Nesterov's form, full batch, as torch.optim.SGD writes them, by a frozen linear part.

v₊ = βv + g, g = sJᵀe, v_0 = 0; heavy ball θ₊ = θ − ηv₊; nesterov=True θ₊ = θ − η(g + βv₊). Fix J_c, Θ_c = J_cJ_cᵀ with ‖J(θ) − J_c‖ ≤ Δ on
B(c, R), K ≥ ‖J‖ there, h = ηs, and w = −ηJ_cv. With ζ = −hJ_c(J − J_c)ᵀe and ξ = −η(J̄ − J_c)(v₊ or g + βv₊), J̄ the mean over the step:
    heavy ball:  w₊ = βw − hΘ_ce + ζ,  e₊ = e + w₊ + ξ;               T(x) = [[1 − x, β], [−x, β]]
    Nesterov:    w₊ = βw − hΘ_ce + ζ,  e₊ = e − hΘ_ce + ζ + βw₊ + ξ;  T(x) = [[1 − x − βx, β²], [−x, β]]
in each eigendirection of hΘ_c with eigenvalue x. The perturbation of (e, w) is (ζ + ξ, ζ), respectively ((1 + β)ζ + ξ, ζ), with
‖ζ‖ ≤ hKΔ‖e‖ and ‖ξ‖ ≤ Δℓ, ℓ the step's length; v₊ is a sum of past gradients, so ℓ_k ≤ hKXℓ̂ρ̃^k if ‖e_j‖ ≤ Xρ̃^j for j ≤ k.
The step's length depends on θ_0, …, θ_k only: θ_{k+1} and the segment lie in the ball before anything about J̄ is used.
Duhamel: ‖x_{k+1}‖ ≤ C_1ρ^{k+1}‖x_0‖ + Σ_{j≤k} C_1ρ^{k−j}ΓXρ̃^j ≤ ρ̃^{k+1}(C_1‖e_0‖ + C_1ΓX/(ρ̃ − ρ)) = Xρ̃^{k+1}.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import SMALL_REGION


def _length(proof: Proof, formulas: Formulas) -> None:
    """ℓ_k, the step's length, for both forms; power = ρ̃^k."""
    beta, rate, X, K, eta, s = sym("momentum momentum_rate amplitude jacobian_norm eta s")
    power, sums, heavy, nest, h = sym("power sums heavy nesterov h")
    proof.define("h", sp.Eq(h, eta * s))
    proof.hypothesis("slower", beta < rate, "β < ρ < ρ̃")
    proof.define("rate_range", sp.And(rate > 0, rate < 1))
    spread = sym("spread")
    proof.define("spread", sp.Eq(spread * (rate - beta), rate), "1/(1 − β/ρ̃)")
    proof.derive("spread_is", sp.Eq(formulas("momentum_length"), spread), "spread slower rate_range")
    proof.derive(
        "spread_nesterov", sp.Eq(formulas("momentum_length_nesterov"), 1 + beta * spread), "spread slower rate_range"
    )
    proof.lemma("series", "geometric", sums <= spread * power, "sums = Σ_{j≤k}β^{k−j}ρ̃^j, of ratio β/ρ̃")
    proof.lemma("velocity", "operator_norm", heavy <= h * K * X * sums, "‖ηv₊‖ ≤ ηsΣβ^{k−j}‖J_jᵀe_j‖, ‖e_j‖ ≤ Xρ̃^j")
    proof.lemma("ahead", "cauchy_schwarz", nest <= h * K * X * power + beta * heavy, "‖η(g + βv₊)‖")
    top = h * K * X
    proof.derive("heavy_series", top * sums <= top * spread * power, "series")
    proof.derive(
        "heavy", heavy <= top * formulas("momentum_length") * power, "velocity heavy_series spread_is slower rate_range"
    )
    proof.derive("heavy_beta", beta * heavy <= beta * (top * spread * power), "velocity heavy_series")
    proof.derive(
        "nesterov",
        nest <= top * formulas("momentum_length_nesterov") * power,
        "ahead heavy_beta spread_nesterov slower rate_range",
    )


def _noise(proof: Proof, formulas: Formulas) -> None:
    """The perturbation of (e, w) is at most ΓXρ̃^k."""
    K, Delta, X, beta, length = sym("jacobian_norm Delta_J amplitude momentum step_length")
    power, e, zeta, xi, noise, noise_n, h = sym("power e_k zeta xi noise noise_nesterov h")
    two, root = sym("root_two root_nesterov")
    proof.hypothesis(
        "movement",
        sp.And(zeta <= h * K * Delta * e, xi <= Delta * (h * K * X * length * power)),
        "‖J − J_c‖ ≤ Δ on the ball; ℓ_k ≤ hKXℓ̂ρ̃^k",
    )
    proof.suppose("so_far", e <= X * power, "‖x_j‖ ≤ Xρ̃^j for j ≤ k")
    proof.derive("zeta", zeta <= h * K * Delta * X * power, "movement so_far")
    proof.define("two", sp.And(sp.Eq(two**2, 2), sp.Eq(root**2, 1 + (1 + beta) ** 2)))
    proof.lemma("noise", "cauchy_schwarz", noise <= two * zeta + xi, "‖(ζ + ξ, ζ)‖ ≤ √2‖ζ‖ + ‖ξ‖")
    proof.lemma("noise_nesterov", "cauchy_schwarz", noise_n <= root * zeta + xi, "‖((1 + β)ζ + ξ, ζ)‖")
    unit = h * K * Delta * X * power
    proof.derive("two_zeta", two * zeta <= two * unit, "zeta")
    proof.derive("root_zeta", root * zeta <= root * unit, "zeta")
    proof.derive("gamma", noise <= (two + length) * unit, "noise two_zeta movement")
    proof.derive("gamma_nesterov", noise_n <= (root + length) * unit, "noise_nesterov root_zeta movement")
    proof.derive("heavy_noise", noise <= formulas("momentum_perturbation", noise_factor=two) * X * power, "gamma h")
    proof.derive(
        "nesterov_noise",
        noise_n <= formulas("momentum_perturbation", noise_factor=root) * X * power,
        "gamma_nesterov h",
    )


def prove(formulas: Formulas) -> Proof:
    """Step length, perturbation, Duhamel, and the path."""
    proof = Proof()
    _length(proof, formulas)
    _noise(proof, formulas)
    C, Gamma, X, e0, rho, rate = sym("power_bound perturbation amplitude e0 frozen_rate momentum_rate")
    sums, later, frozen, state = sym("duhamel power_next frozen_power state")
    proof.define("gap", rate > rho, "ρ < ρ̃")
    proof.hypothesis(
        "powers", C >= 1, "C_1 ≥ ‖T(x)^k‖ρ^{−k} for every k ≥ 0, x ∈ spectrum of hΘ_c; k = 0 gives C_1 ≥ 1"
    )
    proof.hypothesis("small", C * Gamma < rate - rho, "the perturbation is absorbed")
    proof.define("amplitude", sp.Eq(X, formulas("momentum_amplitude")))
    proof.derive("amplitude_is", sp.Eq(X * (rate - rho - C * Gamma), C * e0 * (rate - rho)), "amplitude small gap")
    proof.define("later", frozen <= later, "ρ^{k+1} ≤ ρ̃^{k+1} = later")
    proof.lemma(
        "powers_sum",
        "geometric",
        sums * (rate - rho) <= later,
        "sums = Σ_{j≤k}ρ^{k−j}ρ̃^j = (ρ̃^{k+1} − ρ^{k+1})/(ρ̃ − ρ)",
    )
    proof.lemma(
        "duhamel",
        "finite_sum",
        state <= C * frozen * e0 + C * Gamma * X * sums,
        "x_{k+1} = T^{k+1}x_0 + Σ T^{k−j}p_j, Θ_c diagonalised",
        premises=["heavy_noise", "nesterov_noise", "powers"],
    )
    proof.derive("first", C * frozen * e0 <= C * later * e0, "later")
    proof.derive("second", C * Gamma * X * sums * (rate - rho) <= C * Gamma * X * later, "powers_sum")
    proof.derive(
        "sum", state * (rate - rho) <= C * later * e0 * (rate - rho) + C * Gamma * X * later, "duhamel first second gap"
    )
    proof.derive(
        "closed", sp.Eq(C * e0 * (rate - rho) * later + C * Gamma * X * later, X * (rate - rho) * later), "amplitude_is"
    )
    proof.derive("next_scaled", state * (rate - rho) <= X * (rate - rho) * later, "sum closed")
    proof.derive("next", state <= X * later, "next_scaled gap")
    start = sym("state_start")
    proof.define("start", sp.Eq(start, e0), "v_0 = 0: ‖x_0‖ = ‖e_0‖")
    proof.derive("large", e0 * (rate - rho) <= X * (rate - rho), "amplitude_is powers small gap")
    proof.derive("base", start <= X * 1, "start large gap")
    final, total = sym("e_final rate_to_the_k")
    proof.lemma("all", "induction", final <= X * total, "for every k", premises=["base", "next"], discharges=["so_far"])
    scale, Phi = sym("s Phi")
    proof.define("loss", sp.Eq(Phi, scale * final**2 / 2))
    proof.derive("loss_bound", Phi <= formulas("momentum_loss") * total**2, "loss all")
    # The path.
    R, K, eta, s, length, travelled = sym("R jacobian_norm eta s step_length travelled")
    proof.lemma(
        "geometric",
        "geometric",
        travelled * (1 - rate) <= eta * s * K * X * length,
        "Σ_k ℓ_k",
        premises=["heavy", "nesterov"],
    )
    proof.define("below_one", rate < 1)
    proof.hypothesis("fits", formulas("momentum_path") <= R)
    path = sym("path")
    proof.define("path", sp.Eq(path * (1 - rate), eta * s * K * X * length))
    proof.derive("path_is", sp.Eq(formulas("momentum_path"), path), "path below_one")
    proof.derive("shorter", travelled <= path, "geometric path below_one")
    proof.derive(
        "contained", sp.And(travelled <= formulas("momentum_path"), travelled <= R), "shorter path_is fits below_one"
    )
    return proof.conclude("heavy nesterov heavy_noise nesterov_noise next all loss_bound contained")


def _matrices() -> list[Fact]:
    """One linear step of both forms, exactly: T(x), its determinant and trace."""
    x, beta, e, w = sp.symbols("x beta e w", real=True)
    w1 = beta * w - x * e
    heavy = sp.Matrix([e + w1, w1])
    nest = sp.Matrix([e - x * e + beta * w1, w1])
    T = heavy.jacobian([e, w])
    N = nest.jacobian([e, w])
    return [
        Fact(
            "heavy ball: det β, trace 1 + β − x",
            sp.expand(T.det() - beta) == 0 and sp.expand(T.trace() - (1 + beta - x)) == 0,
        ),
        Fact(
            "Nesterov: det β(1 − x), trace (1 + β)(1 − x)",
            sp.expand(N.det() - beta * (1 - x)) == 0 and sp.expand(N.trace() - (1 + beta) * (1 - x)) == 0,
        ),
        Fact(
            "heavy ball at x = 2(1 + β): −1 is an eigenvalue",
            sp.expand((T + sp.eye(2)).det().subs(x, 2 * (1 + beta))) == 0,
        ),
        Fact(
            "Nesterov at x = 2(1 + β)/(1 + 2β): −1 is an eigenvalue",
            sp.simplify((N + sp.eye(2)).det().subs(x, 2 * (1 + beta) / (1 + 2 * beta))) == 0,
        ),
    ]


def _too_large() -> list[Fact]:
    # F = θ, β = 1/2, h = 4 > 2(1 + β) = 3: |θ| grows.
    theta, v = Q(1), Q(0)
    for _ in range(12):
        v = v / 2 + theta
        theta -= 4 * v
    return [Fact("heavy ball, β = 1/2, x = 4: |θ_12| > 1000", abs(theta) > 1000)]


def _transient() -> list[Fact]:
    # F = diag(1, …)θ with β = 9/10, x = 1: T = [[0, β], [−1, β]]; ‖e‖ from (1, 0): 1, 0, −9/10, …; with w: ‖T‖ > 1, so C_1 = 1 is false.
    T = sp.Matrix([[0, sp.Rational(9, 10)], [-1, sp.Rational(9, 10)]])
    square = (T.T * T).eigenvals()
    return [Fact("‖T(1)‖² > 1 although the eigenvalues lie within √β < 1", max(square) > 1)]


CLAIM = Claim(
    id="momentum_descent",
    title="heavy ball and Nesterov's momentum, full batch",
    statement="0 ≤ β < ρ < ρ̃ < 1, v_0 = 0, K ≥ ‖J‖ and Δ ≥ ‖J(θ) − J_c‖ on B(θ_0, R) for a fixed J_c, C_1ρ^k ≥ ‖T(x)^k‖ for every k and x in the spectrum of"
    " ηsJ_cJ_cᵀ. With ℓ̂ = 1/(1 − β/ρ̃), Γ = ηsKΔ(√2 + ℓ̂) (heavy ball) or ℓ̂ = 1 + β/(1 − β/ρ̃), Γ = ηsKΔ(√(1 + (1 + β)²) + ℓ̂) (Nesterov),"
    " X = C_1‖e_0‖/(1 − C_1Γ/(ρ̃ − ρ)): if C_1Γ < ρ̃ − ρ and ηsKXℓ̂/(1 − ρ̃) ≤ R, all iterates and segments stay in B(θ_0, R), ‖e_k‖ ≤ Xρ̃^k and Φ_k ≤ (s/2)X²ρ̃^2k.",
    source="our formulation",
    hypotheses=(
        Hypothesis(
            "powers",
            "powers of T(x) decay for the whole spectrum: 0 < ηsλ < 2(1 + β), or 2(1 + β)/(1 + 2β)",
            Counterexample("F = θ, β = 1/2, ηs = 4", _too_large),
        ),
        Hypothesis(
            "transient",
            "C_1 bounds the powers, not only the eigenvalues",
            Counterexample("β = 9/10, x = 1: ‖T‖ > 1", _transient),
        ),
        Hypothesis("radius", "the path fits into the ball", SMALL_REGION),
    ),
    witnesses=(Counterexample("T(x) of both forms, exactly, with the ends of the stable range", _matrices),),
    proof=prove,
    remarks="The proof is in the module's docstring. A start with a buffer v_0 ≠ 0 adds ηJ_cv_0 to x_0 and ηβ^{k+1}‖v_0‖ to ℓ_k. Momentum with"
    " mini-batches is not covered.",
)
