"""Decisions: each inequality between enclosures is certain, certainly false, or not decided at the present precision."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from flint import arb, ctx

from verify.checker.enclosures import real, tick
from verify.checker.reading import Claimed, expect

__all__ = ["Audit", "Row", "ends"]


class Row(NamedTuple):
    """One checked inequality, for display."""

    step: str
    left: str
    relation: str
    right: str
    margin: str
    source: str


class Audit:
    """Collects decisions: certain, certainly false (`failures`), or not decided at this precision (`doubts`)."""

    def __init__(self) -> None:
        """Start with no decision."""
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self.doubts: list[str] = []

    def require(self, name: str, left: Any, relation: str, right: Any, source: str) -> None:
        """Demand one inequality between enclosures."""
        self.every(name, [(left, right)], relation, source)

    def every(self, name: str, pairs: list[tuple[Any, Any]], relation: str, source: str) -> None:
        """Demand an inequality for each pair; the tightest is displayed."""
        worst: Any = None
        for left, right in pairs:
            tick()
            low, high = (left, right) if relation in ("<", "<=") else (right, left)
            holds, fails = (low < high, low >= high) if relation in ("<", ">") else (low <= high, low > high)
            gap = high - low
            text = f"{name}: {left.str(12)} {relation} {right.str(12)}"
            if fails:
                self.failures.append(f"{text} fails by {(-gap).str(6)} ({source})")
            elif not holds:
                self.doubts.append(f"{text} is not certain at {ctx.prec} bits ({source})")
            if worst is None or gap < worst[2]:
                worst = (left, right, gap)
        if worst is not None:
            left, right, gap = (value.str(8) for value in worst)
            self.rows.append(Row(name, left, relation, right, gap, source))

    def matches(self, name: str, claimed: Any, truth: Any) -> None:
        """Demand that a stored constant contains the recomputed value, or equals an exact one."""
        if callable(truth) and claimed is not None:
            truth(name, claimed)
        elif isinstance(claimed, Claimed):
            value, (low, high) = truth if isinstance(truth, arb) else real(truth), ends(claimed)
            self.every(name, [(low, value), (value, high)], "<=", "stored interval")
        elif claimed is not None:
            exact = isinstance(truth, int | Fraction) and type(claimed) in (int, Fraction)
            expect(exact and truth == claimed, f"{name}: {claimed!r} is not {truth!r}")


def ends(claimed: Any) -> tuple[Any, Any]:
    """Return the two ends of a stored interval."""
    expect(isinstance(claimed, Claimed), "expected a ball")
    return real(claimed.mid) - real(claimed.rad), real(claimed.mid) + real(claimed.rad)
