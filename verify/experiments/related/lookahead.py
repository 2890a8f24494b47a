"""Linear interpolation, Lookahead (related to arXiv:2310.13459): contained and linear in an LPLR, and stable where descent–ascent is not.

z⁺ = (1 − λ)z + λT^τz. On digits T is gradient descent from a trained network, about which a ball is certified (claim lookahead_lplr). In the game
F(x, y) = (αx + y, −x + αy) T is simultaneous descent–ascent with step γ: α = 0 is the bilinear game (claim lookahead_bilinear), α < 0 a game that is not
monotone (claim la_gda_two_steps, ρ = α/(1 + α²), L² = 1 + α²). T and S = (1 − λ) + λT² are normal matrices with eigenvalues 1 − γ(α ± i), so that
distances to the equilibrium are multiplied by exactly |T| and |S|: rational squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from proofs.evaluation import evaluate
from verify.arrays import Ball, sqrt
from verify.certificates import Step
from verify.experiments.related.demonstration import Demonstration, factor, least, most
from verify.experiments.related.regions import STEP, constants_on_ball, trained_on_digits
from verify.networks import DataSet, Network, Problem
from verify.regions.neighbourhood.ingredients import lower
from verify.regions.scopes.ball import ball_certificate
from verify.regions.scopes.options import BallOptions

__all__ = ["demonstrate", "game", "run"]


def run(
    n: int = 100,
    width: int = 1024,
    trained: int = 300,
    *,
    outer_step: Fraction = Fraction(1, 2),
    inner: int = 5,
    radius: float = 0.002,
    seed: int = 0,
    alpha: Fraction = Fraction(-3, 20),
    gamma: Fraction = Fraction(4, 7),
    game_step: Fraction = Fraction(1, 16),
) -> Demonstration:
    """Certify Lookahead on 64-width-1 after `trained` steps of descent on n digits, and on the two games; see :func:`demonstrate` and :func:`game`."""
    network, data = trained_on_digits(n, width, trained, seed=seed)
    found = demonstrate(network, data, outer_step=outer_step, inner=inner, radius=radius)
    bilinear, twisted = game(Fraction(0), gamma, game_step), game(alpha, gamma, game_step)
    return Demonstration(
        system=found.system,
        paper=found.paper,
        claims=(*found.claims, "lookahead_bilinear", "la_gda_two_steps"),
        steps=(*found.steps, *_named("bilinear", bilinear[0]), *_named("not monotone", twisted[0])),
        quantities={
            **found.quantities,
            **{f"bilinear_{name}": value for name, value in bilinear[1].items()},
            **{f"game_{name}": value for name, value in twisted[1].items()},
        },
        says=_says,
        limits="in an LPLR interpolation is slower than plain descent: it buys stability, not rate; the inner solver of the paper's method is not treated",
        certificates=found.certificates,
    )


def demonstrate(network: Network, data: DataSet, *, outer_step: Fraction, inner: int, radius: float) -> Demonstration:
    """Check claim lookahead_lplr (Φ = ½‖e‖²) from a network's parameters.

    Args:
        network: trained. data: its samples. outer_step: λ in (0, 1]. inner: τ steps of descent per outer step. radius: of the certified ball.
    """
    ball = ball_certificate(Problem(network, data, "sum", STEP), BallOptions(radius))
    claim, system, paper = "lookahead_lplr", f"Lookahead, {network.describe()}, n = {data.n}", "2310.13459"
    if not ball.proved:
        return Demonstration(system, paper, (claim,), (), {}, _says, certificates={"ball": ball})
    values = {**constants_on_ball(ball), "outer_step": Ball(outer_step)}
    identity = Step(
        "ηΘ below the identity", "containment_residual", evaluate("residual_step", values), "<=", Ball(1), "ηsK² ≤ 1"
    )
    gap = values["sigma"] - values["delta"]
    room = Step("the step drift leaves room", claim, values["sigma"], ">", values["delta"], "σ > δ")
    if not room.certain:
        return Demonstration(system, paper, (claim,), (identity, room), {}, _says, certificates={"ball": ball})
    kept = Ball(lower(evaluate("lookahead_kept", values)))
    plain = evaluate("residual_rate", values)
    values |= {"outer_kept": kept, "inner_rate": plain**inner}
    rate = evaluate("lookahead_rate", values)
    steps = (
        identity,
        room,
        Step("λ > 0", claim, Ball(outer_step), ">", Ball(0), "λ > 0"),
        Step("λ ≤ 1", claim, Ball(outer_step), "<=", Ball(1), "λ ≤ 1"),
        Step("the chord keeps a share of the gain", claim, kept, ">", Ball(0), "χ > 0"),
        Step("the path fits into the ball", claim, values["e0"], "<=", gap * kept * values["R"], "‖e_0‖ ≤ (σ − δ)χR"),
    )
    quantities = {
        "kept": kept,
        "rate": rate,
        "descent_rate": values["inner_rate"],
        "needed_radius": values["e0"] / (gap * kept) if lower(kept) > 0.0 else Ball(0.0, float("inf")),
        **{name: values[name] for name in ("R", "e0", "sigma", "delta", "L_H")},
    }
    return Demonstration(
        system, paper, (claim, "containment_residual"), steps, quantities, _says, certificates={"ball": ball}
    )


def game(alpha: Fraction, gamma: Fraction, outer_step: Fraction) -> tuple[tuple[Step, ...], dict[str, Ball]]:
    """Decide descent–ascent and Lookahead (τ = 2) on the game of the module's docstring, in rationals.

    Returns:
        the inequalities |T| > 1, |S| < 1 and, for α ≠ 0, the hypothesis of la_gda_two_steps; and |T|, |S| with ρL.
    """
    real, imaginary = 1 - gamma * alpha, -gamma
    plain = real**2 + imaginary**2
    inner_real, inner_imaginary = real**2 - imaginary**2, 2 * real * imaginary
    interpolated = ((1 - outer_step) + outer_step * inner_real) ** 2 + (outer_step * inner_imaginary) ** 2
    rho, lipschitz_square = alpha / (1 + alpha**2), 1 + alpha**2
    claim = "la_gda_two_steps" if alpha else "lookahead_bilinear"
    steps = (
        Step("descent–ascent moves away from the equilibrium", claim, Ball(plain), ">", Ball(1), "|T|² > 1"),
        Step("Lookahead approaches it", claim, Ball(interpolated), "<", Ball(1), "|S|² < 1"),
        Step(
            "the interpolation is small enough",
            claim,
            Ball(2 * rho / gamma + 1 - 2 * outer_step),
            ">=",
            Ball((1 - outer_step) * gamma**2 * lipschitz_square),
            "2ρ/γ + 1 − 2λ ≥ (1 − λ)γ²L²",
        )
        if alpha
        else Step(
            "the interpolation is small enough", claim, Ball(outer_step * (4 + gamma**2)), "<", Ball(2), "λ(4 + w²) < 2"
        ),
    )
    return steps, {
        "descent_ascent": sqrt(Ball(plain)),
        "lookahead": sqrt(Ball(interpolated)),
        "rho_L": Ball(rho) * sqrt(Ball(lipschitz_square)),
    }


def _named(where: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(Step(f"{where}: {s.name}", s.claim, s.left, s.relation, s.right, s.source) for s in steps)


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"Lookahead stays in a ball of radius {most(q, 'needed_radius', 3)} and ‖e‖ falls by {factor(q, 'rate', 5)} per outer step (plain"
        f" descent with the same work: {factor(q, 'descent_rate', 5)}); on the bilinear game descent–ascent multiplies the distance by"
        f" {least(q, 'bilinear_descent_ascent', 6)}, Lookahead by {factor(q, 'bilinear_lookahead', 6)}; where ρL ≥"
        f" {least(q, 'game_rho_L')} < 0 by {least(q, 'game_descent_ascent', 6)} and {factor(q, 'game_lookahead', 6)}"
    )
