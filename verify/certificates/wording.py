"""What a certificate says, as plain rows: one quotable sentence, its constants, its chain of inequalities.

The terminal, the notebook, the HTML report and the tables for papers all print these rows, so that none of them can
say more than another. Every decimal is rounded in the direction that keeps the statement true.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from verify.certificates.descent_wording import behaviour, rate_meaning
from verify.decimals import at_least, at_most, below_one, bounds, enclosure, exact, separated
from verify.errors import UnsoundArithmeticError
from verify.networks.model import LOSS_WORDS

__all__ = ["TRUST", "ChainRow", "Fact", "broken", "chain", "facts", "numbers", "observed_text", "sentence", "subject"]

Direction = Literal["lower", "upper", "enclosure", "exact", "factor", "count"]

TRUST = (
    "Every PROVED statement is about real arithmetic and the mathematical activations (tanh, not a library's float64"
    " tanh); the parameters and data are the stored doubles, exactly. It says nothing about rounding in an executed run."
)


# name → symbol, meaning, which end of the enclosure is the claim.
_CONSTANTS: Mapping[str, tuple[str, str, Direction]] = {
    "radius": ("R", "radius of the certified ball", "exact"),
    "lr": ("η", "step size", "exact"),
    "rate": ("rate", "factor by which Φ falls per step", "factor"),
    "mu": ("μ", "PL constant on the ball: ½‖∇Φ‖² ≥ μΦ", "lower"),
    "pl_ratio": ("½‖∇Φ‖²/Φ", "PL ratio at the point", "enclosure"),
    "lambda0": ("λ₀", "smallest eigenvalue of the NTK at the centre", "enclosure"),
    "lambda_region": ("λ(R)", "smallest eigenvalue of the NTK on the ball", "lower"),
    "lambda_max0": ("λ_max", "largest eigenvalue of the NTK at the centre", "enclosure"),
    "smoothness": ("β", "‖∇²Φ‖ on the ball's sublevel set", "upper"),
    "step_bound": ("2/β", "a smaller step that stays in the ball decreases the loss", "lower"),
    "path_length": ("path", "total distance gradient descent travels", "upper"),
    "residual0": ("‖e₀‖", "residual norm at the centre", "enclosure"),
    "loss0": ("Φ₀", "loss at the centre", "enclosure"),
    "jacobian_norm0": ("‖J₀‖", "norm of the Jacobian at the centre", "enclosure"),
    "Delta_J": ("Δ_J(R)", "sup ‖J(θ) − J(θ₀)‖ on the ball", "upper"),
    "L_H": ("L_H(R)", "sup ‖D²F‖ on the ball", "upper"),
    "L_theta": ("L_Θ", "Lipschitz constant of the NTK from the centre", "upper"),
    "mu_paper": ("μ, paper's form", "s(λ₀ − L_Θ R); negative means that this form certifies nothing", "lower"),
    "stability_radius_paper": ("r½, paper's form", "half of λ₀ survives within it: (1 − κ)λ₀/L_Θ, κ = ½", "lower"),
    "stability_radius": ("r½, sharp form", "half of λ₀ survives within it", "lower"),
    "path_share": ("γ", "share of σ that the residual pays per unit of length", "lower"),
    "step_drift": ("δ", "change of the Jacobian within one step", "upper"),
    "residual_rate": ("residual rate", "factor by which ‖e‖ falls per step", "factor"),
    "descent_fraction": ("c", "1 − ηβ/2", "lower"),
    "radius_largest_classical": ("R_max classical", "largest tabulated R at which the classical form holds", "lower"),
    "radius_largest_residual": ("R_max residual", "largest tabulated R at which the residual form holds", "lower"),
    "radius_largest_residual_relu": ("R_max across kinks", "largest tabulated R at which the residual form across kinks holds", "lower"),
    "gradient_norm_squared": ("‖∇Φ‖²", "squared gradient norm at the point", "enclosure"),
    "handover_step": ("T", "step at which the ball certificate takes over", "count"),
    "handover_radius": ("R_T", "radius at the hand-over", "upper"),
    "drift": ("drift", "distance of the last iterate from the first", "enclosure"),
    "initial_lambda_min": ("λ_min, start", "smallest eigenvalue of the NTK at the start of the run", "enclosure"),
    "initial_loss": ("Φ, start", "loss at the start of the run", "enclosure"),
    "mu_along_path": ("μ, whole path", "PL constant at every iterate and on the final ball", "lower"),
    "path_lambda_min": ("λ_min, path", "smallest eigenvalue of the NTK over the enclosed iterates", "lower"),
    "handover_offset": ("δ_T", "distance of the exact iterate from the final ball's centre", "upper"),
    "basin_radius": ("ρ", "gradient descent converges from every start within ρ of the centre c", "lower"),
    "zero_loss_distance": ("r₀", "an exact zero-loss point lies within it of c", "upper"),
    "distance": ("‖θ − c‖", "distance of the parameters given from c", "enclosure"),
    "distance_over_radius": ("‖θ − c‖/ρ", "at most 1: the parameters given lie in the basin", "enclosure"),
    "basin_residual": ("ē", "residual norm everywhere on B(c, ρ)", "upper"),
    "basin_threshold": ("E", "while ‖e‖ is larger, the distance to c does not grow", "upper"),
    "start_radius": ("r", "the statement is about every start within r of the stored parameters", "lower"),
    "data_radius": ("ε", "the statement is about every data set with each input within ε of the stored one, and the same targets", "lower"),
    "region_radius": ("R, region", "radius of the convex ball about c that holds the whole run", "upper"),
    "region_lambda": ("λ, region", "smallest eigenvalue of the NTK on that ball", "lower"),
    "region_mu": ("μ, region", "PL constant on that ball: ½‖∇Φ‖² ≥ μΦ", "lower"),
    "region_rate": ("rate, region", "factor by which Φ falls per step, from the first on", "factor"),
    "loss_bound": ("A", "Φ is at most A·rate^k", "upper"),
    "lr_largest": ("η, largest", "the largest step tried for which the criterion holds too, in a ball of its own", "exact"),
    "exit_probability": ("p", "probability of ever leaving the ball, over independent draws", "upper"),
    "outer_radius": ("R, outer", "radius of the ball on which the bounds hold", "exact"),
    "fit_distance": ("V̄", "distance of every start to an exact fit", "upper"),
    "batch_fraction": ("x", "ηs_b‖J_b‖² for every batch b on the ball", "upper"),
    "batch_jacobian": ("max‖J_b‖", "norm of every batch's Jacobian on the ball", "upper"),
    "sample_smoothness": ("max βᵢ", "‖∇²‖ of every single sample's loss on the ball", "upper"),
    "power_bound": ("C₁", "powers of the frozen momentum iteration are at most C₁ρ^k", "upper"),
    "loss_floor": ("inf Φ", "no parameters have a smaller loss", "lower"),
}  # fmt: skip


# What these mean where a ball takes over at a hand-over: nothing before it.
_FROM_HANDOVER = ("path_length", "rate", "residual_rate", "step_drift")
# Where kinks are crossed, J_c stands in the place of the Jacobian at the centre.
_CROSSED: Mapping[str, tuple[str, str]] = {
    "lambda0": ("λ_min(J_cJ_cᵀ)", "J_c: the Jacobian at the centre, but for mean slopes at chosen kinks"),
    "jacobian_norm0": ("‖J_c‖", "its norm"),
    "Delta_J": ("Δ_J(R)", "sup ‖J(θ) − J_c‖ on the ball"),
}


@dataclass(frozen=True)
class Fact:
    """One constant as printed: `symbol`, what it means, and its value with the relation that is proved."""

    name: str
    symbol: str
    meaning: str
    value: str


@dataclass(frozen=True)
class ChainRow:
    """One inequality of a certificate's chain, as printed.

    Attributes:
        name: what is shown. claim: canonical claim id. source: where it comes from.
        left, right: the ends of the two enclosures that face each other, rounded so that the inequality stays true.
        relation: '<', '≤', '>' or '≥'.
        margin: certified distance between them, rounded down; negative when the step is not certain.
        certain: whether the enclosures decide the inequality.
    """

    name: str
    claim: str
    left: str
    relation: str
    right: str
    margin: str
    certain: bool
    source: str


def subject(certificate: Any) -> str:
    """Return the function minimised and what it is about: loss, architecture, sizes."""
    problem = certificate.problem
    return (
        f"{LOSS_WORDS[problem.loss]} of the {problem.network.describe()} network"
        f" ({problem.network.parameters:,} parameters, n = {problem.data.n} samples)"
    )


def _constant_text(value: Any, direction: Direction) -> str:
    low, high = bounds(value)
    if direction == "exact":
        return exact(value)
    if direction == "count":
        return f"{int(low):,}" if low == high else enclosure(value)
    if direction == "lower":
        return f"≥ {at_least(low, 6)}"
    if direction == "upper":
        return f"≤ {at_most(high, 6)}"
    if direction == "factor":
        return f"≤ {below_one(high)}" if high < 1 else "no rate below 1"
    return enclosure(value)


# These hold only where containment does: printed beside a failed containment they would read as claims.
_NEEDS_CONTAINMENT = {"rate", "residual_rate", "path_length", "region_rate", "loss_bound", "exit_probability"}


def facts(certificate: Any) -> list[Fact]:
    """Return the certificate's constants in reading order; unknown names come last with their whole enclosure.

    Constants that need containment are left out unless the verdict is PROVED.
    """
    order = {name: position for position, name in enumerate(_CONSTANTS)}
    proved = certificate.verdict == "PROVED"
    rows = []
    for name in sorted(certificate.constants, key=lambda key: (order.get(key, len(order)), key)):
        value = certificate.constants[name]
        if value is None or (name in _NEEDS_CONTAINMENT and not proved):
            continue
        symbol, meaning, direction = _meaning(certificate, name)
        rows.append(Fact(name, symbol, meaning, _constant_text(value, direction)))
    return rows


def _meaning(certificate: Any, name: str) -> tuple[str, str, Direction]:
    """Symbol, meaning and claimed end of a constant in this certificate: scopes and criteria change what it is about."""
    symbol, meaning, direction = _CONSTANTS.get(name, (name, name.replace("_", " "), "enclosure"))
    scope, witness = certificate.scope, certificate.witness or {}
    if name == "rate" and certificate.problem.descent is not None:
        meaning = rate_meaning(certificate.problem.descent)
    if name == "mu" and scope == "point":
        meaning = "PL constant at the point: ½‖∇Φ‖² ≥ μΦ"
    if name == "radius" and certificate.verdict != "PROVED":
        meaning = "radius of the ball that came nearest; gradient descent may leave it"
    if name in _FROM_HANDOVER and scope in ("run", "exact", "region"):
        meaning = f"{meaning}, from the hand-over on"
    if name == "residual0" and scope in ("exact", "region"):
        return "‖e_T‖", "residual norm where the ball takes over", "upper"
    if name in _CROSSED and (witness.get("handover") or witness).get("certified_by") == "residual_relu":
        symbol, meaning = _CROSSED[name]
    return symbol, meaning, direction


def numbers(certificate: Any) -> dict[str, float]:
    """Return each constant as one double: the end at which it is a claim (μ from below, rates from above), the midpoint where both ends are.

    Doubles are rounded outward at a claimed end, so that ``numbers["mu"]`` is itself a valid lower bound.
    """
    found = {}
    for name, value in certificate.constants.items():
        if value is None:
            continue
        low, high = bounds(value)
        direction = _meaning(certificate, name)[2]
        if direction == "lower":
            found[name] = _double(low, -math.inf)
        elif direction in ("upper", "factor"):
            found[name] = _double(high, math.inf)
        else:
            found[name] = (
                float((Fraction(low) + Fraction(high)) / 2) if math.isfinite(low) and math.isfinite(high) else math.nan
            )
    return found


def _double(value: Any, towards: float) -> float:
    """The double nearest to an exact number, on the given side of it."""
    nearest = float(value)
    if not math.isfinite(nearest) or Fraction(nearest) == Fraction(value) or (nearest > value) == (towards > 0):
        return nearest
    return math.nextafter(nearest, towards)


def broken(certificate: Any) -> str:
    """Say which inequality of a certificate is not certain, with the numbers that face each other; else its reason."""
    for row in chain(certificate):
        if not row.certain:
            return f"{row.name}: {row.left} {row.relation} {row.right} is not certain ({row.source}; claim {row.claim})"
    return str(certificate.reason)


_RELATION = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}


def _margin(small: Any, big: Any) -> str:
    if not (math.isfinite(small) and math.isfinite(big)):
        return "not bounded"
    return at_least(Fraction(big) - Fraction(small), 4)


def chain(certificate: Any) -> list[ChainRow]:
    """Return the inequality chain with the ends of the enclosures that decide each step."""
    rows = []
    for step in certificate.steps:
        (left_low, left_high), (right_low, right_high) = bounds(step.left), bounds(step.right)
        if step.relation in ("<", "<="):
            small, big = left_high, right_low
            left, right = separated(small, big)
        else:
            small, big = right_high, left_low
            right, left = separated(small, big)
        rows.append(
            ChainRow(
                name=step.name,
                claim=step.claim,
                left=left,
                relation=_RELATION[step.relation],
                right=right,
                margin=_margin(small, big),
                certain=bool(step.certain),
                source=step.source,
            )
        )
    return rows


def _step_text(certificate: Any) -> str:
    lr = certificate.problem.lr
    return "" if lr is None else f" with step η = {exact(lr)}"


def _point_sentence(certificate: Any) -> str:
    c = certificate.constants
    return (
        f"At the stored parameters, the NTK belonging to {subject(certificate)} has a smallest eigenvalue of at least"
        f" {at_least(bounds(c['lambda0'])[0])}; hence ½‖∇Φ‖² ≥ μΦ there with μ ≥ {at_least(bounds(c['mu'])[0])}."
    )


def _data_text(certificate: Any) -> str:
    """For which data besides the stored ones."""
    if "data_radius" not in certificate.witness:
        return ""
    radius = at_least(bounds(certificate.constants["data_radius"])[0])
    return (
        f"every data set with each input within {radius} of the stored one, in the Euclidean norm, and the same targets"
    )


def _ball_sentence(certificate: Any) -> str:
    c = certificate.constants
    about = (
        "them"
        if "centre" not in certificate.witness
        else f"the stored point c, ‖θ − c‖ ≤ {at_most(bounds(c['distance'])[1])}"
    )
    data = _data_text(certificate)
    start = f"started at the stored parameters{data and f', for {data}'}"
    if certificate.witness.get("certified_by") in ("displacement", "residual_relu") and "basin" in certificate.witness:
        start = (
            f"started anywhere within ρ = {at_least(bounds(c['basin_radius'])[0])} of c, so at the stored parameters"
        )
    return (
        f"Real-arithmetic gradient descent{_step_text(certificate)} on {subject(certificate)}, {start},"
        f" never leaves a ball of radius at most {at_most(bounds(c['radius'])[1])} about {about};"
        f" on that ball ½‖∇Φ‖² ≥ μΦ with μ ≥ {at_least(bounds(c['mu'])[0])}, and the loss after k steps is at most"
        f" {below_one(bounds(c['rate'])[1])}^k of the initial one, for every k, so it converges to zero."
    )


def _handover_sentence(certificate: Any) -> str:
    c = certificate.constants
    step = c.get("handover_step")
    when = "last iterate" if step is None else f"iterate T = {int(bounds(step)[0]):,}"
    tail = (
        f"a ball of radius at most {at_most(bounds(c['radius'])[1])}, on which ½‖∇Φ‖² ≥ μΦ with"
        f" μ ≥ {at_least(bounds(c['mu'])[0])}, and every further step multiplies the loss by at most"
        f" {below_one(bounds(c['rate'])[1])}, so it converges to zero."
    )
    if certificate.scope == "run":
        return (
            f"Real-arithmetic gradient descent{_step_text(certificate)} on {subject(certificate)}, restarted at the stored {when}"
            f" (exact doubles), stays in {tail} Nothing is claimed of how the stored iterates arose, nor of gradient descent from the first of them."
        )
    return (
        f"Real-arithmetic gradient descent{_step_text(certificate)} on {subject(certificate)}, started at the stored"
        f" parameters: every iterate up to {when} is enclosed and has a positive definite NTK, and the loss falls at each"
        f" step; from there on it stays in {tail}"
    )


def _basin_sentence(certificate: Any) -> str:
    c = certificate.constants
    inside = bounds(c["distance_over_radius"])[1] <= 1
    where = (
        "the parameters given are such a start"
        if inside
        else f"the parameters given lie {at_most(bounds(c['distance_over_radius'])[1], 4)} times ρ away from c"
    )
    return (
        f"Every real-arithmetic gradient descent{_step_text(certificate)} on {subject(certificate)}, started within ρ ="
        f" {at_least(bounds(c['basin_radius'])[0])} of the stored point c, stays within {at_most(bounds(c['radius'])[1])} of c, where ½‖∇Φ‖² ≥ μΦ"
        f" with μ ≥ {at_least(bounds(c['mu'])[0])}, and every step multiplies the loss by at most {below_one(bounds(c['rate'])[1])}, so it"
        f" converges to zero; an exact zero-loss point lies within {at_most(bounds(c['zero_loss_distance'])[1])} of c; {where}."
    )


def _descent_sentence(certificate: Any) -> str:
    c, descent = certificate.constants, certificate.problem.descent
    what = f"Real-arithmetic {descent.describe()}{_step_text(certificate)} on {subject(certificate)}"
    how = behaviour(descent, c)
    if certificate.scope == "ball":
        return f"{what}, started at the stored parameters, {how}."
    if certificate.scope == "run":
        return (
            f"{what}, started at the stored iterate T = {int(bounds(c['handover_step'])[0]):,} (exact doubles), {how}. Nothing is claimed of how the"
            " stored iterates arose, nor of descent from the first of them."
        )
    inside = bounds(c["distance_over_radius"])[1] <= 1
    where = (
        "the parameters given are such a start"
        if inside
        else f"the parameters given lie {at_most(bounds(c['distance_over_radius'])[1], 4)} times ρ away from c"
    )
    return f"{what}, from every start within ρ = {at_least(bounds(c['basin_radius'])[0])} of the stored point c, {how}; {where}."


def _region_sentence(certificate: Any) -> str:
    c = certificate.constants
    if c.get("start_radius") is not None:
        starts = bounds(c["start_radius"])[0]
        start = (
            f"every start within {at_least(starts)} of the stored parameters"
            if starts > 0
            else "the stored parameters as start"
        )
        data = _data_text(certificate)
        return (
            f"A convex ball of radius at most {at_most(bounds(c['region_radius'])[1])} contains, for {start}{data and f' and {data}'}, every iterate of"
            f" real-arithmetic gradient descent{_step_text(certificate)} from it on {subject(certificate)}, every segment between iterates,"
            f" and their limit; on that ball ½‖∇Φ‖² ≥ μΦ with μ ≥ {at_least(bounds(c['region_mu'])[0])}, and every step multiplies the loss by at"
            f" most {below_one(bounds(c['region_rate'])[1])}, so it converges to zero. Nothing is claimed of other starts in the ball."
        )
    return (
        f"A convex ball of radius at most {at_most(bounds(c['region_radius'])[1])} contains the stored parameters, every iterate of real-arithmetic gradient"
        f" descent{_step_text(certificate)} from them on {subject(certificate)}, every segment between iterates, and their limit;"
        f" on that ball ½‖∇Φ‖² ≥ μΦ with μ ≥ {at_least(bounds(c['region_mu'])[0])}, and every step multiplies the loss by at most"
        f" {below_one(bounds(c['region_rate'])[1])}, so it converges to zero. Nothing is claimed of other starts in the ball."
    )


def _refuted_sentence(certificate: Any) -> str:
    """From the witness: two samples, compared here once more."""
    pair = certificate.witness.get("duplicate_pair") if certificate.witness else None
    data = certificate.problem.data
    empty = (
        f"This file says REFUTED for {subject(certificate)}, but holds no counterexample: nothing is quoted from it."
    )
    if not (isinstance(pair, list) and len(pair) == 2 and all(type(i) is int and 0 <= i < data.n for i in pair)):
        return empty
    i, j = pair
    if (data.X[i] != data.X[j]).any() or not (data.y[i] != data.y[j]).any():
        return empty
    return (
        f"Refuted for {subject(certificate)}: samples {i} and {j} have identical inputs and different targets, so Φ is bounded away"
        " from zero for every θ, and no region on which gradient descent converges to zero loss can exist."
    )


_SENTENCES = {
    "point": _point_sentence,
    "ball": _ball_sentence,
    "run": _handover_sentence,
    "exact": _handover_sentence,
    "basin": _basin_sentence,
    "region": _region_sentence,
}


def sentence(certificate: Any) -> str:
    """Return the certificate's claim as one sentence that a reviewer can quote; it claims what is proved, no more."""
    if certificate.verdict == "REFUTED":
        return _refuted_sentence(certificate)
    if certificate.verdict != "PROVED":
        return f"Nothing is proved for {subject(certificate)}. What was missing, in the engine's words: {certificate.reason}."
    try:
        rate = certificate.constants.get("region_rate" if certificate.scope == "region" else "rate")
        if certificate.scope != "point" and not bounds(rate)[1] < 1:
            raise ValueError("no rate below 1, so no convergence is claimed")
        if certificate.problem.descent is not None:
            return _descent_sentence(certificate)
        return _SENTENCES[certificate.scope](certificate)
    except UnsoundArithmeticError:
        raise
    except (KeyError, ValueError, TypeError):
        # Never the file's own words: what a certificate claims is composed from its validated fields, or not at all.
        return (
            f"This file says that it proves something about {subject(certificate)}, but it lacks the constants that its statement needs:"
            " nothing is quoted from it."
        )


def observed_text(certificate: Any) -> str:
    """Return what was observed and not proved, as ``name = value, …``; empty where there is nothing."""

    def show(value: Any) -> str:
        return f"{float(value):.4g}" if isinstance(value, int | float) else str(value)

    return ", ".join(f"{name.replace('_', ' ')} = {show(value)}" for name, value in certificate.observed.items())
