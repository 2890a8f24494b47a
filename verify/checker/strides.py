"""Short and long steps: what the residual pays per unit of length where b = ηs‖J‖² is at most 1, or between 1 and 2.

The spectrum of A = ηsΘ lies in [a, b], a = ηsσ². With m = eᵀAe, ‖e‖ = 1, q = ‖(I − A)e‖: (A − a)(A − b) ⪯ 0 gives q² ≤ 1 − ab − (2 − a − b)m. The line
q + g√m = 1 touches that ellipse for g² = ab(2 − a − b)/(1 − ab), and √(am) is σ times the step's length: γσ is paid, γ² = g²/a. It falls with a, so
it is taken at the largest σ of the table. b = 1 gives γ = 1.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

from flint import arb

from verify.checker.enclosures import real, root

__all__ = ["Stride", "stride"]


class Stride(NamedTuple):
    """A step with b = ηs‖J‖² on a ball: γ of what σ pays per unit of length, the factor 2 − b of the head, the claims and names it belongs to."""

    long: bool
    fraction: Any
    floor: Any
    share: Any

    def sides(self) -> dict[str, tuple[Any, str, Any]]:
        """What is asked of the step itself."""
        if self.long:
            return {"ηΘ below twice the identity": (self.floor + self.fraction, "<", arb(2))}
        return {"ηΘ below the identity": (self.fraction, "<=", arb(1))}

    def rate(self, sigma: Any, delta: Any, a: Any) -> Any:
        """The factor of ‖e‖ per step, a = ηsσ²; for a long step by the tangent of the ellipse at m = a, or else by γ."""
        short = 1 - a * (sigma - delta) / sigma
        if not self.long:
            return short
        rest = (2 - a - self.fraction) / (1 - a)
        bend = (delta / sigma - rest).max(arb(0)) * (self.fraction - a) / 2
        return (short + bend).min(1 - a * (self.share * sigma - delta) / sigma)

    def constants(self) -> dict[str, Any]:
        """γ, where it is stated."""
        return {"path_share": self.share} if self.long else {}

    @property
    def symbol(self) -> str:
        """How the names of steps write what is kept of σ."""
        return "γσ" if self.long else "σ"


def stride(step: Fraction, square: Fraction, norm: Any, lowest: list[Any], *, short: bool) -> Stride:
    """Say how a step ηs = `step` goes on a ball.

    Whether it is long is decided exactly, from the rational `square` ≥ ‖J‖²; `norm` encloses its root. `lowest`: the bounds of λ_min on the ball and
    all smaller ones. `short`: that only short steps are known to stay.
    """
    b, a = real(step) * norm**2, real(step) * reduce(arb.max, lowest)
    if short or step * square <= 1:
        return Stride(False, b, a, arb(1))
    return Stride(True, b, a, root(b * (2 - a - b) / (1 - a * b)) if a + b < 2 else arb(0))
