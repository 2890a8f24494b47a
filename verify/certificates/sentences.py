"""What a certificate claims, as one sentence that a reviewer can quote: composed from its validated fields, never read from its file.

Every decimal is rounded in the direction that keeps the statement true.
"""

from __future__ import annotations

from typing import Any

from verify.certificates.descent_wording import behaviour
from verify.decimals import at_least, at_most, below_one, bounds, exact
from verify.errors import UnsoundArithmeticError
from verify.networks.model import LOSS_WORDS

__all__ = ["sentence", "subject"]


def subject(certificate: Any) -> str:
    """Return the function minimised and what it is about: loss, architecture, sizes."""
    problem = certificate.problem
    return (
        f"{LOSS_WORDS[problem.loss]} of the {problem.network.describe()} network"
        f" ({problem.network.parameters:,} parameters, n = {problem.data.n} samples)"
    )


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
    # Of a run alone: an exact path hands over to a ball about its last iterate's doubles.
    basin = "basin" in certificate.witness["handover"]
    others = (
        f"; so does descent from every start within ρ = {at_least(bounds(c['basin_radius'])[0])} of c" if basin else ""
    )
    tail = (
        f"a ball of radius at most {at_most(bounds(c['radius'])[1])}{' about a stored point c' if basin else ''}, on which ½‖∇Φ‖² ≥ μΦ with"
        f" μ ≥ {at_least(bounds(c['mu'])[0])}, and every further step multiplies the loss by at most"
        f" {below_one(bounds(c['rate'])[1])}, so it converges to zero{others}."
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
            f"This file says that it proves something about {subject(certificate)}, but it lacks the constants that its statement needs, or a rate below 1:"
            " nothing is quoted from it."
        )
