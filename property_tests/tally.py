"""Counters: how many draws reached PROVED, per property, scope and class, and the smallest relative slack per fact.

A property that holds vacuously proves nothing, so every run also asserts that a stated share of its draws was PROVED.
Hypothesis replays draws while it shrinks; those are counted too, which only matters for runs that fail anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import currently_in_test_context, target

__all__ = ["TALLY", "Tally"]


@dataclass
class Tally:
    """What a session saw; everything is plain JSON so that parallel workers and soak runs can merge theirs.

    Attributes:
        draws: (property, scope, class, verdict) -> count.
        slack: (property, fact) -> smallest relative slack. where: the draw that attained it (its repr).
        twins: known-false twin -> the draw that refuted it.
    """

    draws: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    checks: Counter[tuple[str, str]] = field(default_factory=Counter)
    slack: dict[tuple[str, str], float] = field(default_factory=dict)
    where: dict[tuple[str, str], str] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)

    def drew(self, prop: str, scope: str, kind: str, verdict: str) -> None:
        """Count one draw."""
        self.draws[prop, scope, kind, verdict] += 1

    def checked(self, prop: str, facts: Mapping[str, float], draw: Any, *, steer: bool = True) -> None:
        """Record the facts that held on one draw with their slacks, and steer Hypothesis, where it draws, towards smaller ones."""
        steer = steer and currently_in_test_context()
        for fact, value in facts.items():
            self.checks[prop, fact] += 1
            if value < self.slack.get((prop, fact), float("inf")):
                self.slack[prop, fact] = value
                self.where[prop, fact] = repr(draw)
            # Where a bound is attained up to rounding there is nothing left to steer towards.
            if steer and value > 1e-9:
                target(-value, label=fact)

    def share(self, prop: str, scope: str | None = None, kind: str | None = None) -> tuple[int, int]:
        """Return (number PROVED, number of draws) of a property, optionally of one scope or class."""
        chosen = [
            (verdict, count)
            for (p, s, k, verdict), count in self.draws.items()
            if p == prop and scope in (None, s) and kind in (None, k)
        ]
        return sum(c for v, c in chosen if v == "PROVED"), sum(c for _, c in chosen)

    def require(
        self, prop: str, floor: float, *, scope: str | None = None, kind: str | None = None, least: int = 1
    ) -> None:
        """Fail unless at least `least` draws and the share `floor` of all draws were PROVED."""
        proved, total = self.share(prop, scope, kind)
        where = f"{prop} (scope={scope or 'all'}, class={kind or 'all'})"
        if proved < least or proved < floor * total:
            raise AssertionError(
                f"{where}: {proved} of {total} draws PROVED; expected at least {least} and {floor:.0%}: the property was hardly tested"
            )

    def clear(self) -> None:
        """Forget everything."""
        for counted in (self.draws, self.checks, self.slack, self.where, self.twins):
            counted.clear()

    def merge(self, other: Tally) -> None:
        """Add another session's counts."""
        self.draws.update(other.draws)
        self.checks.update(other.checks)
        for key, value in other.slack.items():
            if value < self.slack.get(key, float("inf")):
                self.slack[key], self.where[key] = value, other.where[key]
        self.twins |= other.twins

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able copy."""
        return {
            "draws": [[*key, count] for key, count in sorted(self.draws.items())],
            "checks": [[*key, count] for key, count in sorted(self.checks.items())],
            "slack": [[*key, value, self.where[key]] for key, value in sorted(self.slack.items())],
            "twins": dict(self.twins),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Tally:
        """Inverse of :meth:`to_json`."""
        tally = Tally(twins=dict(data["twins"]))
        for *key, count in data["draws"]:
            tally.draws[tuple(key)] = count
        for *key, count in data["checks"]:
            tally.checks[tuple(key)] = count
        for p, fact, value, where in data["slack"]:
            tally.slack[p, fact], tally.where[p, fact] = value, where
        return tally

    def lines(self) -> list[str]:
        """Return the table printed at the end of a session."""
        rows = [f"{'property':<32}{'scope':<8}{'class':<14}{'draws':>7}{'PROVED':>8}{'share':>7}"]
        for prop, scope, kind in sorted({key[:3] for key in self.draws}):
            proved, total = self.share(prop, scope, kind)
            rows.append(f"{prop:<32}{scope:<8}{kind:<14}{total:>7}{proved:>8}{proved / total:>7.0%}")
        rows.append(f"{'property':<32}{'fact':<24}{'checks':>8}  smallest relative slack")
        for (prop, fact), count in sorted(self.checks.items()):
            rows.append(f"{prop:<32}{fact:<24}{count:>8}  {self.slack[prop, fact]:.3g}")
        rows += [f"twin refuted: {name:<34} by {draw}" for name, draw in sorted(self.twins.items())]
        return rows


TALLY = Tally()
"""The tally of this process."""
