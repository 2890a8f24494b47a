"""What a demonstration returns: its inequalities, the numbers it states, and a verdict that is computed from the former."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from verify.arrays import Ball
from verify.certificates import Certificate, Step
from verify.decimals import at_least, at_most, below_one

__all__ = ["Demonstration", "count", "factor", "least", "most"]


@dataclass(frozen=True)
class Demonstration:
    """One of the related systems on a concrete instance.

    Attributes:
        system: in words. paper: arXiv number of the paper that the claims are related to.
        claims: ids of the claims in proofs/claims whose hypotheses `steps` check.
        steps: inequalities between enclosures; all of them hold or nothing is claimed.
        quantities: symbol → scalar enclosure; every number that `says` states is among them.
        says: writes the result in a sentence from the quantities; called only where everything is proved.
        limits: what the result does not say.
        certificates: name → certificate that it rests on; each must be PROVED.
        observed: floating-point observations, never proved.
    """

    system: str
    paper: str
    claims: tuple[str, ...]
    steps: tuple[Step, ...]
    quantities: Mapping[str, Ball]
    says: Callable[[Mapping[str, Ball]], str]
    limits: str = ""
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    observed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a step of a claim that is not among `claims`."""
        foreign = sorted({step.claim for step in self.steps} - set(self.claims))
        if foreign:
            raise ValueError(f"{self.system}: steps of {', '.join(foreign)}, which is not among its claims")

    @property
    def lacking(self) -> tuple[str, ...]:
        """What keeps it from being proved, in words; empty where nothing does."""
        if not self.steps and not self.certificates:
            return ("no inequality was checked",)
        return tuple(
            [str(step) for step in self.steps if not step.certain]
            + [f"{name}: {c.verdict}, {c.reason}" for name, c in self.certificates.items() if not c.proved]
        )

    @property
    def verdict(self) -> Literal["PROVED", "INCONCLUSIVE"]:
        """PROVED where every inequality is certain and every certificate proved."""
        return "INCONCLUSIVE" if self.lacking else "PROVED"

    @property
    def reason(self) -> str:
        """The result in a sentence, or what is lacking."""
        return "; ".join(self.lacking) or self.says(self.quantities)

    def row(self) -> dict[str, Any]:
        """Return the demonstration as plain JSON; every quantity as [lower, upper], null where an end is infinite."""
        return {
            "system": self.system,
            "paper": self.paper,
            "verdict": self.verdict,
            "reason": self.reason,
            "limits": self.limits,
            "claims": list(self.claims),
            "quantities": {
                name: [_json(value.lower()), _json(value.upper())] for name, value in self.quantities.items()
            },
            "steps": [{"name": s.name, "claim": s.claim, "source": s.source, "certain": s.certain} for s in self.steps],
            "certificates": {name: c.verdict for name, c in self.certificates.items()},
            "observed": dict(self.observed),
        }


def _json(end: Any) -> float | None:
    return float(end) if math.isfinite(float(end)) else None


def least(q: Mapping[str, Ball], name: str, digits: int = 4) -> str:
    """Return a quantity's lower end as a decimal rounded down."""
    return at_least(float(q[name].lower()), digits)


def most(q: Mapping[str, Ball], name: str, digits: int = 4) -> str:
    """Return a quantity's upper end as a decimal rounded up."""
    return at_most(float(q[name].upper()), digits)


def factor(q: Mapping[str, Ball], name: str, digits: int = 4) -> str:
    """Return a factor's upper end rounded up, with enough digits to read below 1."""
    return below_one(float(q[name].upper()), digits)


def count(q: Mapping[str, Ball], name: str) -> str:
    """Return an exact integer."""
    return f"{int(q[name].mid):,}"
