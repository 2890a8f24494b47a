"""Verdict REFUTED: two samples that contradict each other (claim zero_loss_unreachable)."""

from __future__ import annotations

from array import array
from math import prod
from typing import Any

from flint import arb

from verify.checker.audit import Audit
from verify.checker.claims import Chain, Truth
from verify.checker.enclosures import real, zips
from verify.checker.problem import Problem
from verify.checker.reading import Array, expect, take
from verify.checker.tables import is_index
from verify.checker.wording import at_least

__all__ = ["refuted"]


def _sample(values: Array, i: int) -> array[float]:
    """All numbers of sample i, a row (d,) or a map (C, H, W)."""
    size = prod(values.shape[1:])
    data: array[float] = values.data
    return data[i * size : (i + 1) * size]


def refuted(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Two samples with equal inputs and different targets: Φ ≥ (s/4)‖y_i − y_j‖² everywhere, and λ_min = 0."""
    pair = take(witness, "duplicate_pair")[0]
    listed = isinstance(pair, list) and len(pair) == 2
    expect(listed and all(is_index(i, problem.n) for i in pair), "expected a pair of samples")
    (x, v), (y, w) = ([_sample(a, i) for i in pair] for a in (problem.X, problem.y))
    expect(x == v and y != w, "the two samples have different inputs or equal targets")
    low, high = next(sorted(values) for values in zips(y, w) if values[0] != values[1])
    floor = real(problem.s) * sum(((arb(a) - arb(b)) ** 2 for a, b in zips(y, w)), arb(0)) / 4
    audit.require("loss bounded away from zero", floor, ">", arb(0), "Φ ≥ (s/4)‖y_i − y_j‖²")
    text = (
        f"samples {pair[0]} and {pair[1]} contradict each other, having equal inputs and different targets: Φ(θ) ≥ {at_least(floor)} > 0 and"
        " λ_min(NTK) = 0 for every θ"
    )
    steps: Chain = {"equal inputs, different targets": (arb(high), ">", arb(low))}
    return Truth({"lambda0": arb(0), "loss_floor": floor}, {"loss floor": floor}, steps, text)
