"""Claim start_ball: one step of gradient descent from every point of a ball at once.

Enclosing one trajectory needs the curvature Σe_i∇²F_i at its own residual. For a ball of starts two different residuals matter: that of a run, which
falls by a factor at each step however wide the ball is, and that on the segment between a run and the recorded trajectory, which is no run's. The
latter is bounded by the ends of the segment and the interpolation error Lδ²/8, so the growth of the ball's radius dies with the residual instead of
feeding on the radius itself.
"""

from __future__ import annotations

from fractions import Fraction as Q

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof, sym
from proofs.examples import KINK


def _ball(proof: Proof) -> None:
    """‖J‖ ≤ K and ‖Jᵀw‖ ≥ σ on B(θ̂, δ)."""
    apart, delta, L, J, J0, K = sym("apart radius L_H J_theta J_centre K")
    below, below0, sig = sym("Jw Jw_centre sigma")
    proof.hypothesis("close", apart <= delta, "apart = ‖θ − θ̂‖; the segment lies in the ball")
    proof.lemma("jacobian", "mean_value", J <= J0 + L * apart, "L bounds ‖D²F‖ on B(θ̂, δ)")
    proof.define("K", sp.Eq(K, J0 + L * delta))
    proof.derive("norm", J <= K, "close jacobian K")
    proof.lemma("below_centre", "mean_value", below >= below0 - L * apart, "‖J(θ)ᵀw‖ ≥ ‖J(θ̂)ᵀw‖ − ‖J(θ) − J(θ̂)‖")
    proof.define("sigma", sig <= below0 - L * delta, "below0 ≥ √λ_min(Θ(θ̂)) for ‖w‖ = 1")
    proof.derive("positive", below >= sig, "close below_centre sigma")


def _residual(proof: Proof, formulas: Formulas) -> None:
    """What ‖e‖ is at most, on the run and on the segment to θ̂; then the growth."""
    eta, s, L, delta, apart, K = sym("eta s L_H radius apart K")
    run, centre, E, S, at, factor, before, bound = sym("e_run e_centre E S e_segment factor e_before E_before")
    proof.lemma("by_distance", "mean_value", run <= centre + K * apart, premises=["norm"])
    proof.hypothesis("by_descent", sp.And(run <= factor * before, before <= bound), "line `falls` at the step before")
    proof.derive("chained", run <= factor * bound, "by_descent")
    proof.derive("near", run <= centre + K * delta, "by_distance close")
    proof.define("E", sp.Eq(E, sp.Min(centre + K * delta, factor * bound)))
    proof.derive("residual", run <= E, "near chained E")
    # F on a segment of length apart differs from the linear interpolation of its ends by at most t(1 − t)/2·L·apart².
    t, spread, ends = sym("t interpolation_error ends")
    proof.define("between", t <= 1)
    proof.lemma(
        "interpolation", "taylor", spread <= t * (1 - t) / 2 * L * apart**2, "⟨w, F⟩ along the segment, ‖w‖ = 1"
    )
    proof.lemma("ends", "cauchy_schwarz", at <= (1 - t) * centre + t * run + spread)
    proof.define("largest", sp.Eq(ends, sp.Max(E, centre)))
    proof.derive("eighth", t * (1 - t) / 2 <= sp.Rational(1, 8), "between")
    proof.derive("square", apart**2 <= delta**2, "close")
    proof.derive("error", spread <= L * delta**2 / 8, "interpolation eighth square between")
    proof.derive("mix", (1 - t) * centre + t * run <= ends, "between largest residual")
    proof.derive("by_ends", at <= ends + L * delta**2 / 8, "ends mix error")
    proof.lemma("by_radius", "mean_value", at <= centre + K * delta, premises=["norm", "close"])
    proof.define("S", sp.Eq(S, sp.Min(ends + L * delta**2 / 8, centre + K * delta)))
    proof.derive("segment", at <= S, "by_ends by_radius S")
    # ‖I − η∇²Φ‖ at a point of the segment, where its form is largest: ∇²Φ = s(JᵀJ + Σ e_i∇²F_i).
    Ju, largest, after, gap, error, rounding = sym("Ju norm after gap error rounding")
    bent = sp.Symbol("bent", real=True)
    proof.lemma("hessian", "chain_rule", sp.Eq(largest, sp.Abs(1 - eta * s * (Ju**2 + bent))), "bent = ⟨e, D²F[u, u]⟩")
    proof.lemma("form", "cauchy_schwarz", sp.Abs(bent) <= at * L, "‖D²F[u, u]‖ ≤ L")
    proof.lemma("image", "operator_norm", Ju <= K, "‖J‖ ≤ K on the ball", premises=["norm"])
    proof.derive("bent", sp.Abs(bent) <= S * L, "form segment")
    proof.derive("Ju_square", Ju**2 <= K**2, "image")
    proof.derive("from_below", eta * s * (Ju**2 + bent) >= -eta * s * (S * L), "bent")
    proof.derive("from_above", eta * s * (Ju**2 + bent) <= eta * s * (K**2 + S * L), "bent Ju_square")
    growth = formulas("start_growth", jacobian_norm=K, e=S)
    proof.derive("norm_step", largest <= growth, "hessian from_below from_above")
    proof.derive("at_least", growth >= 1, "S", "S, L, η, s ≥ 0")
    proof.lemma("step", "mean_value", after <= largest * apart, "after = ‖T(θ) − T(θ̂)‖, DT = I − η∇²Φ on the segment")
    proof.derive("growth", after <= growth * delta, "norm_step close step at_least")
    proof.lemma("triangle", "cauchy_schwarz", gap <= after + error, "gap = ‖T(θ) − θ̂'‖, error = ‖T(θ̂) − θ̂'‖")
    proof.hypothesis("rounding", error <= rounding)
    proof.derive("next", gap <= growth * delta + rounding, "growth triangle rounding")


def _falls(proof: Proof, formulas: Formulas) -> None:
    """The factor of one step, as in claim containment_residual: A = ηsΘ(θ), a = ηsσ², m = eᵀAe."""
    eta, s, K, E, sig, L1 = sym("eta s K E sigma L_farther")
    run, after, q, m, a, image, h, Je, length, drift, d, top = sym(
        "e_run e_after q m a image h Je length drift d longest"
    )
    proof.define("h", sp.Eq(h, eta * s))
    proof.hypothesis("step_size", eta * s * K**2 <= 1)
    proof.derive("step_h", h * K**2 <= 1, "h step_size")
    proof.define("length", sp.Eq(length, h * Je), "Je = ‖Jᵀe‖ at θ")
    proof.define("a", sp.Eq(a, h * sig**2))
    proof.define("m", sp.Eq(m, h * Je**2))
    proof.lemma("je", "operator_norm", Je <= K * run, premises=["norm"])
    proof.lemma("je_below", "operator_norm", Je >= sig * run, "‖Jᵀe‖ ≥ σ‖e‖", premises=["positive"])
    proof.lemma("spectral", "spectral_theorem", image <= (1 + a) * m - a * run**2, "image = ‖Ae‖²", premises=["step_h"])
    proof.define("linear", sp.Eq(q**2, run**2 - 2 * m + image), "q = ‖(I − A)e‖")
    proof.derive("am", sp.Eq(a * m, (sig * length) ** 2), "a m length")
    proof.derive("m_small", m <= run**2, "m je step_h")
    proof.derive("a_small", sp.Implies(run > 0, a <= 1), "a je_below je step_h")
    proof.derive("q_square", q**2 <= (1 - a) * (run**2 - m), "linear spectral")
    proof.derive("reach", sp.Implies(run > 0, sig * length <= run), "am m_small a_small")
    proof.derive(
        "young", sp.Implies(run > 0, (1 - a) * (run**2 - m) <= (run - sig * length) ** 2), "am m_small a_small reach"
    )
    proof.derive("pays", sp.Implies(run > 0, q <= run - sig * length), "q_square young reach")
    # The whole step lies in B(θ̂, δ + ℓ).
    proof.define("longest", sp.Eq(top, h * K * E))
    proof.derive("je_top", Je <= K * E, "je residual")
    proof.derive("short", length <= top, "length longest je_top h")
    proof.lemma(
        "mean",
        "mean_value",
        drift <= L1 * length / 2,
        "drift = ‖J̄ − J(θ)‖, L' bounds ‖D²F‖ on B(θ̂, δ + ℓ)",
        premises=["short", "close"],
    )
    proof.define("d", sp.Eq(d, L1 * top / 2))
    proof.derive("drift", drift <= d, "mean short d")
    proof.lemma("true", "mean_value", after <= q + drift * length, "e(θ') = (I − A)e − (J̄ − J)(step)")
    proof.define("running", run > 0, "else gradient descent rests")
    proof.hypothesis("room", sig > d)
    proof.derive("paid", after <= run - (sig - d) * length, "pays true drift running")
    proof.derive("long", length >= h * sig * run, "length je_below")
    proof.derive("gain", (sig - d) * length >= (sig - d) * h * sig * run, "long room")
    proof.derive("falls", after <= formulas("residual_rate", sigma=sig, delta=d) * run, "paid gain h")


def prove(formulas: Formulas) -> Proof:
    """Bounds on the ball; the residual on a run and between runs; growth; the factor."""
    proof = Proof()
    _ball(proof)
    _residual(proof, formulas)
    _falls(proof, formulas)
    return proof.conclude("norm positive residual segment next falls")


def _curved_away_from_the_centre() -> list[Fact]:
    # F = θ²/2, y = 0 about θ̂ = 0 with δ = 4, η = 1: at θ̂ alone K = 0, e = 0 and g = 1; T(4) = 4 − 32.
    return [Fact("|T(4) − T(0)| = 28 > 4", abs(Q(4) - Q(4) ** 3 / 2) == 28)]


def _ends_alone() -> list[Fact]:
    # F = θ² between −1 and 1, y = 1: e = 0 at both ends and −1 between: |e| ≤ max(ends) fails, + Lδ²/8 = 2·2²/8 holds.
    return [
        Fact("e(−1) = e(1) = 0", Q(-1) ** 2 - 1 == 0 and Q(1) ** 2 - 1 == 0),
        Fact("|e(0)| = 1 = Lδ²/8 with L = 2, δ = 2", abs(Q(0) - 1) == Q(2) * 2**2 / 8),
    ]


def _too_long() -> list[Fact]:
    # F = θ, y = 0, η = 3: ηsK² = 3; the formula says 1 − 3 < 0, but |θ'| = 2|θ|.
    return [Fact("|1 − 3| = 2 > 1 − 3", abs(1 - Q(3)) > 1 - Q(3))]


def _no_room() -> list[Fact]:
    # F = 1 + θ², y = 0 at θ = 1, η = 1/4: J = 2, ηJ² = 1, σ = 2; e = 2 becomes 1, where 1 − ησ² = 0.
    theta, eta = Q(1), Q(1, 4)
    J, e = 2 * theta, 1 + theta**2
    after = 1 + (theta - eta * J * e) ** 2
    return [
        Fact("ηJ² ≤ 1", eta * J * J <= 1),
        Fact("‖e‖ falls to half of itself, not to (1 − ησ²)‖e‖ = 0", after == e / 2 and after > (1 - eta * J * J) * e),
    ]


def _not_close() -> list[Fact]:
    # F = θ, y = 0, η = 1/2: T halves; g = 1. ‖θ − θ̂‖ = 4 with δ = 1 assumed.
    return [Fact("|T(4) − T(0)| = 2 > 1·1", Q(4) / 2 > 1)]


def _no_rounding() -> list[Fact]:
    # F = θ, y = 0, η = 1/2, θ = θ̂ = 1, δ = 0: T(1) = 1/2; a stored θ̂' = 3/4 is 1/4 away.
    return [Fact("|T(θ) − θ̂'| = 1/4 > g·0", abs(Q(1, 2) - Q(3, 4)) == Q(1, 4))]


def _by_descent() -> list[Fact]:
    # F = θ, y = 0, η = 1/2 from 1: |e| = 1/2 after a step; with a factor 1/4 assumed, E = 1/4 would be too small.
    return [Fact("|e| = 1/2 > 1/4", abs(Q(1) - Q(1, 2)) > Q(1, 4))]


CLAIM = Claim(
    id="start_ball",
    title="gradient descent from every start in a ball, one step",
    statement="T(θ) = θ − η∇Φ(θ), C² activations, ‖θ_k − θ̂_k‖ ≤ δ; L ≥ ‖D²F‖ on B(θ̂_k, δ), K = ‖J(θ̂_k)‖ + Lδ, σ = √λ_min(Θ(θ̂_k)) − Lδ;"
    " E = min(‖e(θ̂_k)‖ + Kδ, f_{k−1}E_{k−1}), S = min(max(E, ‖e(θ̂_k)‖) + Lδ²/8, ‖e(θ̂_k)‖ + Kδ). Then ‖e(θ_k)‖ ≤ E,"
    " ‖T(θ_k) − θ̂_{k+1}‖ ≤ gδ + ‖T(θ̂_k) − θ̂_{k+1}‖ with g = max(1 + ηsSL, ηs(K² + SL) − 1), and, if ηsK² ≤ 1 and σ > d = ½L'ηsKE with L' ≥ ‖D²F‖ on"
    " B(θ̂_k, δ + ηsKE): ‖e(T(θ_k))‖ ≤ f_k‖e(θ_k)‖, f_k = 1 − ηsσ(σ − d).",
    source="our formulation: scope `region` with a ball of starts",
    hypotheses=(
        Hypothesis("close", "‖θ − θ̂‖ ≤ δ", Counterexample("F = θ, θ at distance 4, δ = 1", _not_close)),
        Hypothesis(
            "ball",
            "L bounds ‖D²F‖ on the whole ball, not only at θ̂",
            Counterexample("F = θ²/2 about 0: curvature only away from θ̂", _curved_away_from_the_centre),
        ),
        Hypothesis(
            "segment",
            "Lδ²/8 is added between the ends",
            Counterexample("F = θ² from −1 to 1, y = 1: no residual at the ends, 1 between", _ends_alone),
        ),
        Hypothesis(
            "by_descent",
            "f_{k−1} bounds the step before",
            Counterexample("F = θ, η = 1/2: a factor 1/4 is too small", _by_descent),
        ),
        Hypothesis("rounding", "‖T(θ̂) − θ̂'‖ is added", Counterexample("F = θ: a rounded step", _no_rounding)),
        Hypothesis("step", "ηsK² ≤ 1", Counterexample("F = θ, η = 3: |e| doubles", _too_long)),
        Hypothesis(
            "room",
            "d, what the Jacobian changes within the step, is subtracted from σ",
            Counterexample("F = 1 + θ², η = 1/4 at 1: half the residual is left, not none", _no_room),
        ),
        Hypothesis("smooth", "C² activations", KINK),
    ),
    proof=prove,
    remarks="With f_k < 1 for all k the sum of the E_k is finite, so the growth of δ is bounded however many steps are followed. J is not needed beyond its"
    " norm and λ_min at the recorded points.",
)
