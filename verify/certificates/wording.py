"""What a certificate says, as plain rows: its constants, its chain of inequalities.

The terminal, the notebook, the HTML report and the tables for papers all print these rows, so that none of them can
say more than another. Every decimal is rounded in the direction that keeps the statement true.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from verify.certificates.constants import CONSTANTS, Claimed, NamedConstant, named
from verify.certificates.descent_wording import rate_meaning
from verify.decimals import at_least, at_most, below_one, bounds, enclosure, exact, separated

__all__ = ["TRUST", "ChainRow", "Fact", "broken", "chain", "facts", "numbers", "observed_text"]

TRUST = (
    "Every PROVED statement is about real arithmetic and the mathematical activations (tanh, not a library's float64"
    " tanh); the parameters and data are the stored doubles, exactly. It says nothing about rounding in an executed run."
)


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


def _constant_text(value: Any, claimed: Claimed) -> str:
    low, high = bounds(value)
    if claimed == "exact":
        return exact(value)
    if claimed == "count":
        return f"{int(low):,}" if low == high else enclosure(value)
    if claimed == "lower":
        return f"≥ {at_least(low, 6)}"
    if claimed == "upper":
        return f"≤ {at_most(high, 6)}"
    if claimed == "factor":
        return f"≤ {below_one(high)}" if high < 1 else "no rate below 1"
    return enclosure(value)


def facts(certificate: Any) -> list[Fact]:
    """Return the certificate's constants in reading order; unknown names come last with their whole enclosure.

    Constants that need containment are left out unless the verdict is PROVED.
    """
    order = {name: position for position, name in enumerate(CONSTANTS)}
    proved = certificate.verdict == "PROVED"
    rows = []
    for name in sorted(certificate.constants, key=lambda key: (order.get(key, len(order)), key)):
        value, constant = certificate.constants[name], _meant(certificate, name)
        if value is None or (constant.contained and not proved):
            continue
        rows.append(Fact(name, constant.symbol, constant.meaning, _constant_text(value, constant.claimed)))
    return rows


def _meant(certificate: Any, name: str) -> NamedConstant:
    """What a constant stands for in this certificate: scopes and criteria change what it is about."""
    constant = named(name)
    scope, witness = certificate.scope, certificate.witness or {}
    if name == "rate" and certificate.problem.descent is not None:
        constant = replace(constant, meaning=rate_meaning(certificate.problem.descent))
    if name == "mu" and scope == "point":
        constant = replace(constant, meaning="PL constant at the point: ½‖∇Φ‖² ≥ μΦ")
    if name == "radius" and certificate.verdict != "PROVED":
        constant = replace(constant, meaning="radius of the ball that came nearest; gradient descent may leave it")
    if name in _FROM_HANDOVER and scope in ("run", "exact", "region"):
        constant = replace(constant, meaning=f"{constant.meaning}, from the hand-over on")
    if name == "residual0" and scope in ("exact", "region"):
        return NamedConstant("‖e_T‖", "residual norm where the ball takes over", "upper")
    if name == "residual0" and "offset" in witness:
        return NamedConstant("‖e(θ)‖", "residual norm at the parameters given, not at the centre", "upper")
    if name in ("distance", "distance_over_radius") and scope == "run":
        constant = replace(
            constant,
            meaning=constant.meaning.replace("parameters given", "hand-over's point").replace("lie in", "lies in"),
        )
    if name in _CROSSED and (witness.get("handover") or witness).get("certified_by") == "residual_relu":
        symbol, meaning = _CROSSED[name]
        constant = replace(constant, symbol=symbol, meaning=meaning)
    return constant


def numbers(certificate: Any) -> dict[str, float]:
    """Return each constant as one double: the end at which it is a claim (μ from below, rates from above), the midpoint where both ends are.

    Doubles are rounded outward at a claimed end, so that ``numbers["mu"]`` is itself a valid lower bound.
    """
    found = {}
    for name, value in certificate.constants.items():
        if value is None:
            continue
        low, high = bounds(value)
        claimed = _meant(certificate, name).claimed
        if claimed == "lower":
            found[name] = _double(low, -math.inf)
        elif claimed in ("upper", "factor"):
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


def observed_text(certificate: Any) -> str:
    """Return what was observed and not proved, as ``name = value, …``; empty where there is nothing."""

    def show(value: Any) -> str:
        return f"{float(value):.4g}" if isinstance(value, int | float) else str(value)

    return ", ".join(f"{name.replace('_', ' ')} = {show(value)}" for name, value in certificate.observed.items())
